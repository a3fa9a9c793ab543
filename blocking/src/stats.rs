//! What a pool tells about itself.

use crate::counters::Snapshot;

/// How busy a [`Pool`](crate::Pool) is, at one moment: the four numbers belong together.
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
    pub fn is_clean(&self) -> bool {
        self.abandoned.is_empty()
    }
}
