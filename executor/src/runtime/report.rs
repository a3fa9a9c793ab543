//! What a shutdown tells.

use crate::task::TaskInfo;
use filch_blocking::PoolReport;
use std::fmt;
use std::panic::Location;
use std::time::Duration;

/// How a runtime ended. See [`Runtime::shutdown`](crate::Runtime::shutdown).
///
/// ```
/// use std::time::Duration;
/// let runtime = filch::Runtime::new()?;
/// let endless = runtime.spawn(std::future::pending::<()>());
/// let report = runtime.shutdown(Duration::from_secs(5));
/// assert_eq!((report.aborted, report.stuck.len()), (1, 0));
/// # drop(endless);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Report {
    /// Tasks that were not complete and were dropped at their await.
    pub aborted: usize,
    /// Tasks that did not return from their poll, or blocking closures that did not end, within the limit.
    pub stuck: Vec<StuckTask>,
    /// Threads of the blocking pool that were still busy at the limit.
    pub blocking_threads: usize,
    /// How long it took.
    pub elapsed: Duration,
}

/// A task that went on after its runtime ended.
///
/// ```
/// use std::{sync::mpsc, time::Duration};
/// let runtime = filch::Runtime::builder().worker_threads(1).build()?;
/// let ((begins, begun), (go, goes)) = (mpsc::channel(), mpsc::channel::<()>());
/// filch::task::Builder::new().name("blocks").spawn_on(runtime.handle(), async move {
///     begins.send(()).unwrap();
///     let _ = goes.recv();
/// });
/// begun.recv().unwrap();
/// let report = runtime.shutdown(Duration::from_millis(1));
/// assert_eq!(report.stuck[0].name.as_deref(), Some("blocks"));
/// assert!(report.stuck[0].spawned_at.line() > 0);
/// # drop(go);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StuckTask {
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// Where it was spawned.
    pub spawned_at: &'static Location<'static>,
}

impl Report {
    pub(super) fn new(before: usize, left: Vec<TaskInfo>, pool: &PoolReport, elapsed: Duration) -> Self {
        let stuck: Vec<_> = left
            .into_iter()
            .map(|task| StuckTask { name: task.meta.name.map(Into::into), spawned_at: task.meta.location })
            .collect();
        Self {
            aborted: before.saturating_sub(stuck.len()),
            stuck,
            blocking_threads: pool.abandoned.len(),
            elapsed,
        }
    }

    /// Whether everything ended within the limit.
    ///
    /// ```
    /// use std::time::Duration;
    /// let runtime = filch::Runtime::new()?;
    /// assert!(runtime.shutdown(Duration::from_secs(5)).is_clean());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn is_clean(&self) -> bool {
        self.stuck.is_empty() && self.blocking_threads == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tasks aborted in {:?}", self.aborted, self.elapsed)?;
        if self.blocking_threads > 0 {
            write!(f, ", {} blocking threads still busy", self.blocking_threads)?;
        }
        for task in &self.stuck {
            write!(f, ", {task} did not stop")?;
        }
        Ok(())
    }
}

impl fmt::Display for StuckTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "task '{name}' spawned at {}", self.spawned_at),
            None => write!(f, "a task spawned at {}", self.spawned_at),
        }
    }
}
