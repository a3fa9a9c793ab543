//! What a runtime has counted.

use std::ops::Add;

/// What one worker has done since its runtime started.
///
/// The numbers are read one by one while the worker goes on: each is exact at some moment, not all at the same.
///
/// ```
/// let runtime = filch::Runtime::builder().worker_threads(1).build()?;
/// runtime.block_on(runtime.spawn(async {})).unwrap();
/// let metrics = runtime.metrics();
/// let polls = metrics.workers[0].polls + metrics.guests.polls;
/// assert_eq!(metrics.total().polls, polls);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerMetrics {
    /// Polls of tasks begun.
    pub polls: u64,
    /// Tasks taken from others.
    pub steals: u64,
    /// Times the worker went to sleep.
    pub parks: u64,
    /// Tasks queued and ready now.
    pub queue_depth: usize,
}

impl Add for WorkerMetrics {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            polls: self.polls.wrapping_add(other.polls),
            steals: self.steals.wrapping_add(other.steals),
            parks: self.parks.wrapping_add(other.parks),
            queue_depth: self.queue_depth.saturating_add(other.queue_depth),
        }
    }
}

/// A snapshot of what a runtime has counted, by worker.
///
/// ```
/// let runtime = filch::Runtime::builder().worker_threads(2).build()?;
/// runtime.block_on(runtime.spawn(async {})).unwrap();
/// let metrics = runtime.metrics();
/// assert_eq!(metrics.workers.len(), 2);
/// assert!(metrics.total().polls > 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuntimeMetrics {
    /// Each worker's counts.
    pub workers: Vec<WorkerMetrics>,
    /// What threads inside `block_on`, and spare workers, have done while they helped, added up.
    pub guests: WorkerMetrics,
    /// Workers whose inbox holds tasks sent by other threads that they have not looked at yet.
    pub inboxes_waiting: usize,
}

impl RuntimeMetrics {
    /// The sum over all workers and guests.
    ///
    /// ```
    /// let runtime = filch::Runtime::new()?;
    /// runtime.block_on(runtime.spawn(async {})).unwrap();
    /// assert!(runtime.metrics().total().polls >= 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn total(&self) -> WorkerMetrics {
        self.workers.iter().copied().fold(self.guests, Add::add)
    }
}
