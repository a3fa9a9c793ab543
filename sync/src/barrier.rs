//! Tasks that wait for each other: [`Barrier`].
//!
//! # States
//! Plain, under the queue's lock: whether the barrier is broken, and the list of those who have arrived. Nobody is in the list
//! but those who wait for the next trip.
//!
//! # Protocol
//! Arrive, under the queue's lock: 1. broken is the end. 2. Where all others are in the list, take all of them out, leave
//! each its index, unlock, wake: the barrier has tripped. 3. Else join.
//!
//! Abort, reset: take all out of the list, leave each the word that it broke, unlock, wake.
//!
//! Cancel: leave the list.
//!
//! # Why it is right
//! *Nobody slips through twice, nobody is left behind*: a trip empties the list within one section under the lock. Who is
//! released and comes back finds an empty list, however late the others are polled: what was decided lies in each waiter.
//!
//! *One leader, and each index once*: the index is the place in the list at the trip, not at arrival, so those who went
//! away in between leave no gap and no double. The leader is the one that trips.
//!
//! That section takes out all that wait, which may be more wakers than fit on the stack. The one that trips then unlocks,
//! makes room for them, and looks again: nothing is allocated under the lock, nor at all for a few ([`Crowd`]).
//!
//! # Rejected
//! Releasing a batch at a time: between two batches others arrive, trip, abort, and each of those needs to know which part
//! of the list is already released and with what word. A state in which arrivals wait until all have left, as asyncio
//! has it: one future that is released and not polled would close the barrier to everybody.

mod crowd;
#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(filch_loom)))]
mod property;
#[cfg(all(test, not(filch_loom)))]
mod tests;

use crate::blocking;
use crowd::Crowd;
use filch_primitive::slice;
use filch_primitive::wait_list::{Phase, Step, Tag, WaitQueue, Waiter};
use pin_project_lite::pin_project;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The token of one whose barrier broke; any other is an index.
const BROKEN: u32 = u32::MAX;

/// A point that a number of tasks reach before any of them goes on, as asyncio's `Barrier`.
///
/// It trips when so many wait at once, and is ready for the next round at that moment. One that gives up waiting counts no
/// longer. A barrier that is [aborted](Self::abort) refuses all until it is [reset](Self::reset).
///
/// # Complexity
/// One lock and constant time, but linear in the number of those who wait for the arrival that trips the barrier and for
/// those who abort or reset it: all are taken out in one section. Where they are more than a few, room for their wakers is
/// allocated.
/// # Examples
/// ```
/// use filch_sync::Barrier;
/// static READY: Barrier = Barrier::new(2);
///
/// let other = std::thread::spawn(|| READY.wait_blocking());
/// let mine = READY.wait_blocking()?;
/// let other = other.join().unwrap()?;
/// assert!(mine.is_leader() ^ other.is_leader());
/// # Ok::<(), filch_sync::BrokenBarrier>(())
/// ```
pub struct Barrier {
    parties: usize,
    queue: WaitQueue<State>,
}

struct State {
    broken: bool,
    trips: u64,
}

impl Barrier {
    /// As many as any barrier is for.
    ///
    /// ```
    /// use filch_sync::Barrier;
    /// use std::panic::catch_unwind;
    /// assert!(catch_unwind(|| Barrier::new(Barrier::MAX_PARTIES)).is_ok());
    /// assert!(catch_unwind(|| Barrier::new(Barrier::MAX_PARTIES + 1)).is_err());
    /// ```
    pub const MAX_PARTIES: usize = BROKEN as usize;

    /// A barrier for so many. One for nobody is one for one: it never makes anybody wait.
    ///
    /// # Panics
    /// When it is for more than [`MAX_PARTIES`](Self::MAX_PARTIES).
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// static TURN: filch_sync::Barrier = filch_sync::Barrier::new(2);
    /// let other = std::thread::spawn(|| TURN.wait_blocking().unwrap().is_leader());
    /// let leads = TURN.wait().await?.is_leader();
    /// assert_ne!(leads, other.join().unwrap());
    /// # Ok::<(), filch_sync::BrokenBarrier>(())
    /// # }).unwrap();
    /// ```
    #[cfg(not(filch_loom))]
    pub const fn new(parties: usize) -> Self {
        let queue = WaitQueue::new(State { broken: false, trips: 0 });
        Self { parties: in_bounds(parties), queue }
    }

    /// A barrier for so many. One for nobody is one for one: it never makes anybody wait.
    ///
    /// # Panics
    /// When it is for more than [`MAX_PARTIES`](Self::MAX_PARTIES).
    #[cfg(filch_loom)]
    pub fn new(parties: usize) -> Self {
        let queue = WaitQueue::new(State { broken: false, trips: 0 });
        Self { parties: in_bounds(parties), queue }
    }

    /// Arrives when first polled, and waits for the others.
    ///
    /// # Errors
    /// [`BrokenBarrier`] where it is broken, or breaks or is reset meanwhile.
    /// # Cancel safety
    /// Dropping the future takes the arrival back, unless the barrier has tripped; it does not break it.
    /// # Complexity
    /// Constant time, but linear in the number of parties for the one that trips.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let barrier = filch_sync::Barrier::new(2);
    /// let (first, second) = futures_lite::future::try_zip(barrier.wait(), barrier.wait()).await?;
    /// assert_eq!((first.index(), second.index()), (0, 1));
    /// assert!(second.is_leader());
    /// # Ok::<(), filch_sync::BrokenBarrier>(())
    /// # }).unwrap();
    /// ```
    pub fn wait(&self) -> BarrierWait<'_> {
        BarrierWait { barrier: self, waiter: Waiter::new(&self.queue) }
    }

    /// Waits on a plain thread. In a task this would hold up the thread that polls it: there, `wait().await`.
    ///
    /// # Errors
    /// As with [`wait`](Self::wait).
    /// # Examples
    /// ```
    /// assert!(filch_sync::Barrier::new(1).wait_blocking()?.is_leader());
    /// # Ok::<(), filch_sync::BrokenBarrier>(())
    /// ```
    pub fn wait_blocking(&self) -> Result<BarrierWaitResult, BrokenBarrier> {
        blocking::block_on(self.wait())
    }

    /// Breaks the barrier: those who wait, and all who come, get [`BrokenBarrier`].
    ///
    /// ```
    /// let barrier = filch_sync::Barrier::new(1);
    /// barrier.abort();
    /// assert!(barrier.is_broken());
    /// assert!(barrier.wait_blocking().is_err());
    /// barrier.reset();
    /// assert!(barrier.wait_blocking().is_ok());
    /// ```
    pub fn abort(&self) {
        self.scatter(true);
    }

    /// Makes the barrier as good as new. Those who wait get [`BrokenBarrier`].
    ///
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let barrier = filch_sync::Barrier::new(2);
    /// let (waited, ()) = futures_lite::future::zip(barrier.wait(), async { barrier.reset() }).await;
    /// assert!(waited.is_err());
    /// assert!(!barrier.is_broken());
    /// # });
    /// ```
    pub fn reset(&self) {
        self.scatter(false);
    }

    fn scatter(&self, broken: bool) {
        let mut crowd = Crowd::new();
        let mut locked = self.queue.lock();
        while !crowd.has_room(locked.len()) {
            let len = locked.len();
            drop(locked);
            crowd.reserve(len);
            locked = self.queue.lock();
        }
        locked.broken = broken;
        crowd.gather(&mut locked, |_| BROKEN);
        drop(locked);
        crowd.wake_all();
    }

    /// Whether it is broken.
    ///
    /// ```
    /// assert!(!filch_sync::Barrier::new(2).is_broken());
    /// ```
    pub fn is_broken(&self) -> bool {
        self.queue.lock().broken
    }

    /// For how many it is.
    ///
    /// ```
    /// assert_eq!(filch_sync::Barrier::new(3).parties(), 3);
    /// ```
    pub fn parties(&self) -> usize {
        self.parties
    }

    /// How many wait at this moment.
    ///
    /// ```
    /// assert_eq!(filch_sync::Barrier::new(3).waiting(), 0);
    /// ```
    pub fn waiting(&self) -> usize {
        self.queue.lock().len()
    }

    /// How it stands: a look at one moment.
    ///
    /// ```
    /// let barrier = filch_sync::Barrier::new(1);
    /// barrier.wait_blocking()?;
    /// assert_eq!(barrier.statistics().trips, 1);
    /// # Ok::<(), filch_sync::BrokenBarrier>(())
    /// ```
    pub fn statistics(&self) -> BarrierStatistics {
        let locked = self.queue.lock();
        BarrierStatistics {
            parties: self.parties,
            waiters: locked.len(),
            waiters_peak: locked.peak(),
            trips: locked.trips,
            broken: locked.broken,
        }
    }
}

const fn in_bounds(parties: usize) -> usize {
    assert!(parties <= Barrier::MAX_PARTIES, "a barrier is for `MAX_PARTIES` at most");
    if parties == 0 { 1 } else { parties }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.statistics();
        f.debug_struct("Barrier")
            .field("parties", &now.parties)
            .field("waiting", &now.waiters)
            .field("broken", &now.broken)
            .finish_non_exhaustive()
    }
}

/// How a [`Barrier`] stood at one moment; see [`Barrier::statistics`].
///
/// ```
/// use filch_sync::Barrier;
/// let barrier = Barrier::new(1);
/// barrier.wait_blocking()?;
/// let seen = barrier.statistics();
/// assert_eq!((seen.parties, seen.trips, seen.waiters, seen.broken), (1, 1, 0, false));
/// # Ok::<(), filch_sync::BrokenBarrier>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarrierStatistics {
    /// For how many it is.
    pub parties: usize,
    /// How many waited.
    pub waiters: usize,
    /// How many waited at most.
    pub waiters_peak: usize,
    /// How often it has tripped.
    pub trips: u64,
    /// Whether it was broken.
    pub broken: bool,
}

pin_project! {
    /// Waits at a [`Barrier`]; made by [`Barrier::wait`].
    ///
    /// ```
    /// use filch_sync::Barrier;
    /// use futures_lite::future::{block_on, poll_once};
    /// let barrier = Barrier::new(2);
    /// let mut first = std::pin::pin!(barrier.wait());
    /// assert!(block_on(poll_once(first.as_mut())).is_none(), "alone it waits");
    /// assert!(barrier.wait_blocking()?.is_leader());
    /// assert!(!block_on(first)?.is_leader());
    /// # Ok::<(), filch_sync::BrokenBarrier>(())
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct BarrierWait<'a> {
        barrier: &'a Barrier,
        // Dropped, it leaves the list, and that is all there is to giving up.
        #[pin]
        waiter: Waiter<'a, State>,
    }
}

/// What an arrival came to.
enum Arrival {
    /// The last one: the barrier has tripped.
    Last,
    /// The last one, without room for so many wakers.
    Cramped,
    /// Told, with this token.
    Told(u32),
}

impl Future for BarrierWait<'_> {
    type Output = Result<BarrierWaitResult, BrokenBarrier>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        let mut this = self.project();
        let parties = this.barrier.parties;
        let mut crowd = Crowd::new();
        loop {
            let arrival = ready!(this.waiter.as_mut().poll_wait(cx, |mut waiter, locked| {
                match waiter.as_mut().look(locked).0 {
                    Phase::Notified(token) => {
                        waiter.leave_locked(locked);
                        Step::Done(Arrival::Told(token))
                    }
                    Phase::Waiting | Phase::Woken => Step::Wait { front: false, tag: Tag::NONE },
                    Phase::Idle if locked.broken => Step::Done(Arrival::Told(BROKEN)),
                    Phase::Idle if locked.len() + 1 < parties => Step::Wait { front: false, tag: Tag::NONE },
                    Phase::Idle if !crowd.has_room(locked.len()) => Step::Done(Arrival::Cramped),
                    Phase::Idle => {
                        locked.trips += 1;
                        crowd.gather(locked, |index| index);
                        Step::Done(Arrival::Last)
                    }
                }
            }));
            return Poll::Ready(match arrival {
                Arrival::Cramped => {
                    crowd.reserve(parties);
                    continue;
                }
                Arrival::Last => {
                    crowd.wake_all();
                    Ok(BarrierWaitResult { index: parties - 1, is_leader: true })
                }
                Arrival::Told(BROKEN) => Err(BrokenBarrier(())),
                Arrival::Told(index) => Ok(BarrierWaitResult { index: index as usize, is_leader: false }),
            });
        }
    }
}

impl fmt::Debug for BarrierWait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWait").field("barrier", self.barrier).finish_non_exhaustive()
    }
}

/// What one that waited at a [`Barrier`] is told when it trips.
///
/// ```
/// let result = filch_sync::Barrier::new(1).wait_blocking()?;
/// assert!(result.is_leader() && result.index() == 0);
/// # Ok::<(), filch_sync::BrokenBarrier>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult {
    index: usize,
    is_leader: bool,
}

impl BarrierWaitResult {
    /// The place among those who tripped the barrier together, from zero, in the order they came.
    ///
    /// ```
    /// assert_eq!(filch_sync::Barrier::new(1).wait_blocking()?.index(), 0);
    /// # Ok::<(), filch_sync::BrokenBarrier>(())
    /// ```
    pub fn index(&self) -> usize {
        self.index
    }

    /// Whether this is the one among them that came last.
    ///
    /// ```
    /// assert!(filch_sync::Barrier::new(1).wait_blocking()?.is_leader());
    /// # Ok::<(), filch_sync::BrokenBarrier>(())
    /// ```
    pub fn is_leader(&self) -> bool {
        self.is_leader
    }
}

/// The barrier is broken, or was reset under those who waited.
///
/// ```
/// let barrier = filch_sync::Barrier::new(2);
/// barrier.abort();
/// assert!(barrier.wait_blocking().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenBarrier(());

impl fmt::Display for BrokenBarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the barrier is broken")
    }
}

impl Error for BrokenBarrier {}
