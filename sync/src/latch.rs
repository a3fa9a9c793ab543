//! A count that goes down to zero, once: [`Latch`].
//!
//! # Protocol
//! Count down: 1. exchange the count for a smaller one. 2. Where that is zero: under the queue's lock, tell all who wait, a
//! batch at a time, waking outside the lock.
//!
//! Wait: 1. load the count; zero is the end. Else, under the queue's lock, 2. the same once more; 3. join.
//!
//! # Why it is right
//! *No lost wake-up*: whoever makes it zero takes the queue's lock after that. A waiter that held the lock before is in the list
//! and told; one that gets it later sees the zero, which the lock has carried to it.
//!
//! *The telling ends*: the count never rises again, so nobody joins any more.

#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(filch_loom)))]
mod tests;

use crate::blocking;
use crate::tell::tell_while;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::wait_list::{Phase, Step, Tag, WaitQueue, Waiter};
use filch_primitive::{mutant, slice};
use pin_project_lite::pin_project;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

const OPEN: u32 = 0;

/// A count that goes down to zero and stays there, and a gate that opens with it.
///
/// For work that is counted while it lives, see [`WaitGroup`](crate::WaitGroup).
///
/// # Complexity
/// One exchange to count down, and for the one that opens it time linear in the number of those who wait. One load to wait at
/// an open latch, or to look; else one lock.
/// # Examples
/// ```
/// use filch_sync::Latch;
/// static STARTED: Latch = Latch::new(2);
///
/// let threads = [(); 2].map(|()| std::thread::spawn(|| STARTED.count_down()));
/// STARTED.wait_blocking();
/// assert_eq!(STARTED.count(), 0);
/// # threads.map(|thread| thread.join().unwrap());
/// ```
pub struct Latch {
    count: AtomicUsize,
    queue: WaitQueue<()>,
}

impl Latch {
    /// A latch that opens after so many have arrived. One for nobody is open.
    ///
    /// ```
    /// use filch_sync::Latch;
    /// assert!(!Latch::new(1).try_wait());
    /// assert!(Latch::new(0).try_wait());
    /// ```
    #[cfg(not(filch_loom))]
    pub const fn new(count: usize) -> Self {
        Self { count: AtomicUsize::new(count), queue: WaitQueue::new(()) }
    }

    /// A latch that opens after so many have arrived. One for nobody is open.
    #[cfg(filch_loom)]
    pub fn new(count: usize) -> Self {
        Self { count: AtomicUsize::new(count), queue: WaitQueue::new(()) }
    }

    /// One has arrived. On an open latch this changes nothing.
    ///
    /// # Complexity
    /// One exchange; linear in the number of those who wait for the one that opens it.
    /// # Examples
    /// ```
    /// let latch = filch_sync::Latch::new(1);
    /// latch.count_down();
    /// latch.count_down();
    /// assert!(latch.try_wait());
    /// ```
    pub fn count_down(&self) {
        // Refused only where it is open.
        let _ = self.arrive(1);
    }

    /// So many have arrived.
    ///
    /// # Errors
    /// [`ArriveError`] where that is more than the latch waits for; nothing is changed.
    /// # Complexity
    /// As with [`count_down`](Self::count_down).
    /// # Examples
    /// ```
    /// let latch = filch_sync::Latch::new(3);
    /// latch.arrive(2)?;
    /// assert!(latch.arrive(2).is_err());
    /// assert_eq!(latch.count(), 1);
    /// # Ok::<(), filch_sync::ArriveError>(())
    /// ```
    pub fn arrive(&self, arrivals: usize) -> Result<(), ArriveError> {
        // Ordering: Release, paired with the Acquire of `count`: who passes sees what all who arrived did before. What they
        // did reaches it through each other's exchanges.
        let release = mutant::ordering("latch.arrive.order", Ordering::Release, Ordering::Relaxed);
        let before = self
            .count
            .fetch_update(release, Ordering::Relaxed, |count| count.checked_sub(arrivals))
            .map_err(|count| ArriveError { count })?;
        if before == arrivals && before > 0 {
            tell_while(&self.queue, self.queue.lock(), OPEN, |_| true);
        }
        Ok(())
    }

    /// How many are still to arrive.
    ///
    /// ```
    /// assert_eq!(filch_sync::Latch::new(3).count(), 3);
    /// ```
    #[inline]
    pub fn count(&self) -> usize {
        // Ordering: Acquire, paired with the Release of `arrive`.
        self.count.load(Ordering::Acquire)
    }

    /// Whether the latch is open.
    ///
    /// ```
    /// assert!(filch_sync::Latch::new(0).try_wait());
    /// assert!(!filch_sync::Latch::new(1).try_wait());
    /// ```
    #[inline]
    pub fn try_wait(&self) -> bool {
        self.count() == 0
    }

    /// Waits until the latch is open.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    /// # Complexity
    /// One load when it is open.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let latch = filch_sync::Latch::new(1);
    /// futures_lite::future::zip(latch.wait(), async { latch.count_down() }).await;
    /// assert!(latch.try_wait());
    /// # });
    /// ```
    #[inline]
    pub fn wait(&self) -> LatchWait<'_> {
        LatchWait { latch: self, waiter: Waiter::new(&self.queue) }
    }

    /// Waits on a plain thread. In a task this would hold up the thread that polls it: there, `wait().await`.
    ///
    /// ```
    /// filch_sync::Latch::new(0).wait_blocking();
    /// ```
    pub fn wait_blocking(&self) {
        if !self.try_wait() {
            blocking::block_on(self.wait());
        }
    }

    /// How it stands: a look at one moment.
    ///
    /// ```
    /// assert_eq!(filch_sync::Latch::new(3).statistics().count, 3);
    /// ```
    pub fn statistics(&self) -> LatchStatistics {
        let locked = self.queue.lock();
        LatchStatistics { count: self.count(), waiters: locked.len(), waiters_peak: locked.peak() }
    }
}

impl fmt::Debug for Latch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Latch").field("count", &self.count()).finish_non_exhaustive()
    }
}

/// How a [`Latch`] stood at one moment; see [`Latch::statistics`].
///
/// ```
/// let latch = filch_sync::Latch::new(3);
/// latch.arrive(2)?;
/// let seen = latch.statistics();
/// assert_eq!((seen.count, seen.waiters), (1, 0));
/// # Ok::<(), filch_sync::ArriveError>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatchStatistics {
    /// How many were still to arrive.
    pub count: usize,
    /// How many waited.
    pub waiters: usize,
    /// How many waited at most.
    pub waiters_peak: usize,
}

pin_project! {
    /// Waits for a [`Latch`]; made by [`Latch::wait`].
    ///
    /// ```
    /// use filch_sync::Latch;
    /// use futures_lite::future::{block_on, poll_once};
    /// let latch = Latch::new(1);
    /// let mut waits = std::pin::pin!(latch.wait());
    /// assert!(block_on(poll_once(waits.as_mut())).is_none());
    /// latch.arrive(1)?;
    /// assert!(block_on(poll_once(waits)).is_some());
    /// # Ok::<(), filch_sync::ArriveError>(())
    /// ```
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct LatchWait<'a> {
        latch: &'a Latch,
        #[pin]
        waiter: Waiter<'a, ()>,
    }
}

impl Future for LatchWait<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let latch = *this.latch;
        if latch.try_wait() {
            // A waiter that is still in the list leaves it when it is dropped: nobody counts on it.
            return Poll::Ready(());
        }
        this.waiter.poll_wait(cx, |mut waiter, locked| {
            if !latch.try_wait() || mutant::planted("latch.wait.blind") {
                return Step::Wait { front: false, tag: Tag::NONE };
            }
            if waiter.as_mut().look(locked).0 != Phase::Idle {
                waiter.leave_locked(locked);
            }
            Step::Done(())
        })
    }
}

/// More arrived at a [`Latch`] than it waits for.
///
/// ```
/// let latch = filch_sync::Latch::new(1);
/// let error = latch.arrive(2).unwrap_err();
/// assert_eq!(error.to_string(), "the latch waits for 1 only");
/// assert_eq!(latch.count(), 1, "none of them has arrived");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArriveError {
    count: usize,
}

impl ArriveError {
    /// How many it waits for.
    ///
    /// ```
    /// assert_eq!(filch_sync::Latch::new(1).arrive(2).unwrap_err().count(), 1);
    /// ```
    pub fn count(&self) -> usize {
        self.count
    }
}

impl fmt::Display for ArriveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the latch waits for {} only", self.count)
    }
}

impl Error for ArriveError {}
