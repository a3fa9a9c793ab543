//! What a pool tells about itself.

use crate::counters::Snapshot;

/// How busy a [`Pool`](crate::Pool) is, at one moment: the four numbers belong together.
///
/// ```
/// let pool = filch_blocking::Pool::new()?;
/// futures_lite::future::block_on(pool.spawn(|| ()))?;
/// let now = pool.stats();
/// assert_eq!(now.threads, now.idle + now.running);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Threads that serve.
    pub threads: usize,
    /// Threads with nothing to do.
    pub idle: usize,
    /// Jobs that wait because every thread is taken.
    pub queued: usize,
    /// Jobs that run, or have a thread and are on their way to it.
    pub running: usize,
}

impl PoolStats {
    pub(crate) fn new(now: Snapshot) -> Self {
        let [claims, threads] =
            [now.claims(), now.threads()].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let running = claims.min(threads);
        Self { threads, idle: threads - running, queued: claims - running, running }
    }
}

/// How a [`Pool::shutdown`](crate::Pool::shutdown) went.
///
/// ```
/// use std::{sync::mpsc, time::Instant};
/// let (go, goes) = mpsc::channel::<()>();
/// let pool = filch_blocking::Pool::builder().thread_name("disk").build()?;
/// pool.spawn(move || goes.recv()).detach();
/// let report = pool.shutdown(Instant::now());
/// assert_eq!(report.abandoned.len() + report.cancelled, 1);
/// # drop(go);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PoolReport {
    /// Names of the threads whose job (or hook) had not ended by the deadline. They go on, and end when it does.
    pub abandoned: Vec<String>,
    /// Jobs dropped unrun since the pool was closed.
    pub cancelled: usize,
}

impl PoolReport {
    /// Whether every thread ended in time.
    ///
    /// ```
    /// let pool = filch_blocking::Pool::new()?;
    /// assert!(pool.shutdown(std::time::Instant::now()).is_clean(), "there was no thread");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_clean(&self) -> bool {
        self.abandoned.is_empty()
    }
}
