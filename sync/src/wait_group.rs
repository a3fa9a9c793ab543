//! Work that is counted while it lives: [`WaitGroup`].
//!
//! # States
//! Plain, under the queue's lock: how many workers there are, and how often that number has come down to zero (the round).
//!
//! # Protocol
//! Add, clone: under the lock, count up. Drop: under the lock, count down; where that makes zero, begin a new round and tell
//! all of former rounds, a batch at a time, waking outside the lock.
//!
//! Wait, under the lock: 1. zero is the end. 2. Else join, with the present round.
//!
//! # Why it is right
//! *No lost wake-up*: counting and joining are under one lock.
//!
//! *Who waited is released, who did not is not*: a waiter is released by its round. One that waits while the number is zero
//! and rises again at once completes all the same; one that joins after it rose, while the last worker is still between two batches,
//! belongs to the new round.
//!
//! *No misuse*: a worker is a value, so it is counted down exactly once, never before it was counted up, and the number cannot
//! fall below zero. It cannot overflow: each worker holds a reference to the shared part, whose own count aborts long before.
//!
//! # Rejected
//! An atomic count with the lock only at zero: a group that is used anew between the exchange that made it zero and the
//! telling would release one that came after.

#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(filch_loom)))]
mod tests;

use crate::blocking;
use crate::tell::tell_while;
use filch_primitive::sync::Arc;
use filch_primitive::wait_list::{Phase, Step, Tag, WaitQueue, Waiter};
use filch_primitive::{mutant, slice};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

const RELEASED: u32 = 0;

/// Counts workers while they live, and waits for all of them to end, as Go's `WaitGroup`.
///
/// It may be used again and again. What is misuse there (counting down too often, forgetting to) does not compile here: a
/// [`WaitGroupWorker`] is counted until it is dropped.
///
/// # Complexity
/// One lock and constant time for each call and for each worker that begins or ends, but linear in the number of those who
/// wait for the last that ends.
/// # Examples
/// ```
/// use filch_sync::WaitGroup;
/// use std::sync::atomic::{AtomicU32, Ordering};
/// static DONE: AtomicU32 = AtomicU32::new(0);
///
/// let group = WaitGroup::new();
/// for _ in 0..3 {
///     let worker = group.worker();
///     std::thread::spawn(move || {
///         DONE.fetch_add(1, Ordering::Relaxed);
///         drop(worker);
///     });
/// }
/// group.wait_blocking();
/// assert_eq!(DONE.load(Ordering::Relaxed), 3);
/// ```
pub struct WaitGroup {
    shared: Arc<WaitQueue<Workers>>,
}

struct Workers {
    count: usize,
    round: u64,
}

impl WaitGroup {
    /// A group without workers.
    ///
    /// ```
    /// let group = filch_sync::WaitGroup::new();
    /// assert_eq!(group.statistics().workers, 0);
    /// ```
    pub fn new() -> Self {
        Self { shared: Arc::new(WaitQueue::new(Workers { count: 0, round: 0 })) }
    }

    /// One worker more, until it is dropped.
    ///
    /// ```
    /// let group = filch_sync::WaitGroup::new();
    /// let worker = group.worker();
    /// assert_eq!(group.count(), 1);
    /// drop(worker);
    /// assert_eq!(group.count(), 0);
    /// ```
    pub fn worker(&self) -> WaitGroupWorker {
        WaitGroupWorker::of(&self.shared)
    }

    /// How many workers there are.
    ///
    /// ```
    /// assert_eq!(filch_sync::WaitGroup::new().count(), 0);
    /// ```
    pub fn count(&self) -> usize {
        self.shared.lock().count
    }

    /// Whether there are none.
    ///
    /// ```
    /// assert!(filch_sync::WaitGroup::new().try_wait());
    /// ```
    pub fn try_wait(&self) -> bool {
        self.count() == 0
    }

    /// Waits until there are no workers. One that waited when the last ended is released, even if others have begun since.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let group = filch_sync::WaitGroup::new();
    /// let worker = group.worker();
    /// futures_lite::future::zip(group.wait(), async { drop(worker) }).await;
    /// assert_eq!(group.count(), 0);
    /// # });
    /// ```
    pub fn wait(&self) -> WaitGroupWait<'_> {
        WaitGroupWait { waiter: Waiter::new(&self.shared) }
    }

    /// Waits on a plain thread. In a task this would hold up the thread that polls it: there, `wait().await`.
    ///
    /// ```
    /// filch_sync::WaitGroup::new().wait_blocking();
    /// ```
    pub fn wait_blocking(&self) {
        blocking::block_on(self.wait());
    }

    /// How it stands: a look at one moment.
    ///
    /// ```
    /// let group = filch_sync::WaitGroup::new();
    /// let _worker = group.worker();
    /// assert_eq!(group.statistics().workers, 1);
    /// ```
    pub fn statistics(&self) -> WaitGroupStatistics {
        let locked = self.shared.lock();
        WaitGroupStatistics { workers: locked.count, waiters: locked.len(), waiters_peak: locked.peak() }
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup").field("workers", &self.count()).finish_non_exhaustive()
    }
}

/// How a [`WaitGroup`] stood at one moment; see [`WaitGroup::statistics`].
///
/// ```
/// let group = filch_sync::WaitGroup::new();
/// let _worker = group.worker();
/// let seen = group.statistics();
/// assert_eq!((seen.workers, seen.waiters), (1, 0));
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitGroupStatistics {
    /// How many workers there were.
    pub workers: usize,
    /// How many waited for them to end.
    pub waiters: usize,
    /// How many waited at most.
    pub waiters_peak: usize,
}

/// One that a [`WaitGroup`] counts until it is dropped; a clone is one more. Made by [`WaitGroup::worker`].
///
/// ```
/// let group = filch_sync::WaitGroup::new();
/// let workers = vec![group.worker(); 3];
/// assert_eq!(group.count(), 3);
/// # drop(workers);
/// ```
#[must_use = "a worker is counted until it is dropped"]
pub struct WaitGroupWorker {
    shared: Arc<WaitQueue<Workers>>,
}

impl WaitGroupWorker {
    fn of(shared: &Arc<WaitQueue<Workers>>) -> Self {
        // The reference first: it is what aborts when there are too many.
        let shared = shared.clone();
        shared.lock().count += 1;
        Self { shared }
    }
}

impl Clone for WaitGroupWorker {
    fn clone(&self) -> Self {
        Self::of(&self.shared)
    }
}

impl Drop for WaitGroupWorker {
    fn drop(&mut self) {
        let mut locked = self.shared.lock();
        locked.count -= 1;
        if locked.count == 0 {
            locked.round += 1;
            let round = locked.round;
            let all = mutant::planted("wait_group.release.all");
            tell_while(&self.shared, locked, RELEASED, |tag| tag.number < round || all);
        }
    }
}

impl fmt::Debug for WaitGroupWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroupWorker").field("workers", &self.shared.lock().count).finish_non_exhaustive()
    }
}

pin_project! {
    /// Waits for the workers of a [`WaitGroup`]; made by [`WaitGroup::wait`].
    ///
    /// ```
    /// use filch_sync::WaitGroup;
    /// use futures_lite::future::{block_on, poll_once};
    /// let group = WaitGroup::new();
    /// let worker = group.worker();
    /// let mut waits = std::pin::pin!(group.wait());
    /// assert!(block_on(poll_once(waits.as_mut())).is_none());
    /// drop(worker);
    /// // It waited for those there were: one that comes now is of no account.
    /// let _next = group.worker();
    /// assert!(block_on(poll_once(waits)).is_some());
    /// ```
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct WaitGroupWait<'a> {
        #[pin]
        waiter: Waiter<'a, Workers>,
    }
}

impl Future for WaitGroupWait<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(slice::proceed(cx));
        self.project().waiter.poll_wait(cx, |mut waiter, locked| {
            let (phase, tag) = waiter.as_mut().look(locked);
            match phase {
                Phase::Idle if locked.count == 0 => Step::Done(()),
                Phase::Idle => Step::Wait { front: false, tag: Tag { number: locked.round, ..Tag::NONE } },
                Phase::Waiting | Phase::Woken if tag.number == locked.round => {
                    Step::Wait { front: false, tag }
                }
                // Told; or released, and the last worker has just not come to it.
                _ => {
                    waiter.leave_locked(locked);
                    Step::Done(())
                }
            }
        })
    }
}
