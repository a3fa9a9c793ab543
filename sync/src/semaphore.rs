//! A number of permits: [`Semaphore`].
//!
//! # States
//! One word: the free permits in the upper bits, and three flags. Every change is an exchange of the whole word that masks
//! each field, so that no field can borrow from its neighbour.
//!
//! | flag | meaning | changes |
//! |---|---|---|
//! | `QUEUED` | somebody waits: permits go through the queue | under the wait queue's lock |
//! | `KEPT` | permits may be kept for waiters that were told | under the wait queue's lock |
//! | `CLOSED` | no permit will be given any more | set once |
//!
//! Beside it, under the queue's lock, [`Turns`]: the permits that are kept for waiters which were told and have not come yet.
//!
//! # Protocol
//! Acquire: 1. while neither `QUEUED` nor `CLOSED` is set and there are enough permits, exchange the word for one with fewer. Else,
//! under the queue's lock, 2. the same once more, except that failing sets `QUEUED` in an exchange; 3. join.
//!
//! Release: 1. exchange the word for one with more permits. 2. If that word has `QUEUED`: under the queue's lock, while
//! the head's request can be met, move its permits from the word to what is kept, and notify the head; when the list is empty,
//! clear `QUEUED`. 3. Wake outside the lock.
//!
//! Come, once notified: 1. take what is kept, and what is missing from the word, whoever waits. 2. If there is too little, put what
//! was kept into the word, set `QUEUED`, and join in front of all others.
//!
//! Cancel: a waiter that leaves before it was notified may uncover one whose request can be met: do as in release, step 2.
//! One that was notified puts what is kept for it into the word first.
//!
//! Take back: a waiter that is polled and has to wait on (see [`turns`]), or a `try_acquire` that finds too few permits and `KEPT`, puts
//! what was kept in vain into the word, and does as in release, step 2.
//!
//! # Why it is right
//! *No lost wake-up*: `QUEUED` and the permits are one word. If the exchange that sets `QUEUED` comes first, the release
//! sees it and serves the queue; if the release comes first, that exchange fails and the permits are seen.
//!
//! *No starvation*: while somebody waits nobody gets past, and only the head is looked at: a large request waits until
//! there is enough for it, and the small ones wait behind.
//!
//! *Conserved*: permits are in the word, kept, or with a permit object, and each move between these is one exchange or under
//! the lock.
//!
//! *Futurelock*: permits that were offered to a future nobody polls lie there in vain after one to two milliseconds, and then those who
//! wait are [asked](crate::watched), one after another, until one takes them back. The future,
//! polled again, is the first to be served. A future that was polled to its end has a permit object, which is its owner's to drop.
//!
//! *Order*: requests are met in the order in which they came, but for those that came too late for what was kept: several of these stand
//! at the front in the reverse order of their polls.
//!
//! # Rejected
//! Grant on poll, as in [`Lock`](crate::Lock), with the permits in the word: whoever is fastest would take what a large request at
//! the head still gathers. Permits that belong to a waiter once it was told: a future nobody polls keeps them until it is dropped.

mod acquire;
mod error;
#[cfg(all(test, filch_loom))]
mod model;
mod permit;
#[cfg(all(test, not(any(filch_loom, filch_shuttle))))]
mod property;
#[cfg(all(test, not(any(filch_loom, filch_shuttle))))]
mod tests;
pub(crate) mod turns;
mod word;

pub use acquire::Acquire;
pub use error::{Closed, TooManyPermits, TryAcquireError};
pub use permit::{OwnedSemaphorePermit, SemaphorePermit};

use crate::blocking;
use crate::watched::Watched;
use filch_primitive::WakeBatch;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::wait_list::WaitQueue;
use std::fmt;
// Std's in a model too: only that one can be a `self` type, and what a model watches lies inside.
use std::sync::Arc;
use turns::Turns;
use word::{CLOSED, ONE, QUEUED, REFUSED, permits_of, with_permits};

/// The most permits a [`Semaphore`] counts. Adding to that many changes nothing.
///
/// ```
/// use filch_sync::{MAX_PERMITS, Semaphore};
/// // As many as anybody asks for.
/// let semaphore = Semaphore::new(MAX_PERMITS);
/// semaphore.add_permits(1);
/// assert_eq!(semaphore.available_permits(), MAX_PERMITS);
/// ```
pub const MAX_PERMITS: usize = usize::MAX / ONE;

/// Hands out a number of permits, in the order they were asked for.
///
/// A large request at the head is not overtaken by small ones behind it. Permits are returned when dropped. A waiting
/// future that is woken has its permits kept for it, for some milliseconds: not polled by then, it is overtaken, and
/// the first in the queue when it is polled. Dropped, it passes them on.
///
/// A [`bounded`](Self::bounded) one never has more permits than it began with.
///
/// # Complexity
/// One locked instruction to acquire and one to release when nobody waits, whatever the number; else one lock, and constant
/// time for each waiter served. Closing is linear in the number of those who wait.
///
/// # Examples
/// At most two of these run at a time:
/// ```
/// use filch_sync::Semaphore;
/// # async fn fetch(_page: u32) {}
/// # futures_lite::future::block_on(async {
/// let slots = Semaphore::new(2);
/// for page in 0..10 {
///     let _slot = slots.acquire().await?;
///     fetch(page).await;
/// }
/// assert_eq!(slots.available_permits(), 2);
/// # Ok::<(), filch_sync::Closed>(())
/// # }).unwrap();
/// ```
pub struct Semaphore {
    word: AtomicUsize,
    /// The most permits there may be.
    max: usize,
    queue: Watched<Turns>,
}

impl Semaphore {
    /// A semaphore with `permits`, at most [`MAX_PERMITS`], to which any number can be added.
    ///
    /// # Examples
    /// ```
    /// static CONNECTIONS: filch_sync::Semaphore = filch_sync::Semaphore::new(100);
    /// assert_eq!(CONNECTIONS.available_permits(), 100);
    /// ```
    #[cfg(not(filch_loom))]
    pub const fn new(permits: usize) -> Self {
        Self::with_max(if permits < MAX_PERMITS { permits } else { MAX_PERMITS }, MAX_PERMITS)
    }

    /// A semaphore with `permits`, at most [`MAX_PERMITS`], to which any number can be added.
    #[cfg(filch_loom)]
    pub fn new(permits: usize) -> Self {
        Self::with_max(permits.min(MAX_PERMITS), MAX_PERMITS)
    }

    /// A semaphore with `permits` that never has more than that, as asyncio's `BoundedSemaphore`: adding more than were acquired
    /// is an error.
    ///
    /// # Examples
    /// ```
    /// use filch_sync::Semaphore;
    /// let seats = Semaphore::bounded(2);
    /// seats.try_acquire()?.forget();
    /// assert!(seats.try_add_permits(1).is_ok());
    /// assert!(seats.try_add_permits(1).is_err());
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    #[cfg(not(filch_loom))]
    pub const fn bounded(permits: usize) -> Self {
        let max = if permits < MAX_PERMITS { permits } else { MAX_PERMITS };
        Self::with_max(max, max)
    }

    /// A semaphore with `permits` that never has more than that.
    #[cfg(filch_loom)]
    pub fn bounded(permits: usize) -> Self {
        let max = permits.min(MAX_PERMITS);
        Self::with_max(max, max)
    }

    #[cfg(not(filch_loom))]
    const fn with_max(permits: usize, max: usize) -> Self {
        Self { word: AtomicUsize::new(with_permits(0, permits)), max, queue: Watched::new() }
    }

    #[cfg(filch_loom)]
    fn with_max(permits: usize, max: usize) -> Self {
        Self { word: AtomicUsize::new(with_permits(0, permits)), max, queue: Watched::made(Turns::new()) }
    }

    /// Waits for a permit.
    ///
    /// # Errors
    /// [`Closed`] once [`close`](Self::close) was called; no permit is taken.
    /// # Cancel safety
    /// Dropping the future gives up the place in the queue; a permit that is kept for it moves to the next waiter.
    /// # Complexity
    /// A free permit: one exchange. Otherwise one lock, constant time in the number of waiters.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let semaphore = filch_sync::Semaphore::new(1);
    /// let permit = semaphore.acquire().await?;
    /// assert!(semaphore.try_acquire().is_err());
    /// drop(permit);
    /// assert!(semaphore.try_acquire().is_ok());
    /// # Ok::<(), filch_sync::Closed>(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn acquire(&self) -> Acquire<'_> {
        self.acquire_many(1)
    }

    /// Waits for `count` permits at once. More than there will ever be are waited for until the semaphore is closed.
    ///
    /// # Errors
    /// [`Closed`] once [`close`](Self::close) was called; no permit is taken.
    /// # Cancel safety
    /// As with [`acquire`](Self::acquire): all or nothing.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let megabytes = filch_sync::Semaphore::new(512);
    /// let _room = megabytes.acquire_many(200).await?;
    /// assert_eq!(megabytes.available_permits(), 312);
    /// # Ok::<(), filch_sync::Closed>(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn acquire_many(&self, count: usize) -> Acquire<'_> {
        Acquire::new(self, count)
    }

    /// Takes a permit if one is free and nobody waits.
    ///
    /// # Errors
    /// [`TryAcquireError::NoPermits`] or [`TryAcquireError::Closed`].
    ///
    /// # Examples
    /// ```
    /// use filch_sync::{Semaphore, TryAcquireError};
    /// let semaphore = Semaphore::new(1);
    /// let permit = semaphore.try_acquire()?;
    /// assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    /// # Ok::<(), TryAcquireError>(())
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `count` permits if they are free and nobody waits.
    ///
    /// # Errors
    /// [`TryAcquireError::NoPermits`] or [`TryAcquireError::Closed`].
    ///
    /// # Examples
    /// ```
    /// let semaphore = filch_sync::Semaphore::new(3);
    /// assert_eq!(semaphore.try_acquire_many(3)?.num_permits(), 3);
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    #[inline]
    pub fn try_acquire_many(&self, count: usize) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_take_or_recall(count).map(|()| SemaphorePermit::new(self, count))
    }

    /// As [`acquire`](Self::acquire), with a permit that keeps the semaphore alive.
    ///
    /// # Errors
    /// [`Closed`] once [`close`](Self::close) was called.
    /// # Cancel safety
    /// As with [`acquire`](Self::acquire).
    ///
    /// # Examples
    /// ```
    /// use filch_sync::Semaphore;
    /// use std::sync::Arc;
    /// # futures_lite::future::block_on(async {
    /// let slots = Arc::new(Semaphore::new(1));
    /// let slot = slots.clone().acquire_owned().await?;
    /// let task = async move { drop(slot) };
    /// task.await;
    /// assert_eq!(slots.available_permits(), 1);
    /// # Ok::<(), filch_sync::Closed>(())
    /// # }).unwrap();
    /// ```
    pub async fn acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, Closed> {
        self.acquire_many_owned(1).await
    }

    /// As [`acquire_many`](Self::acquire_many), with a permit that keeps the semaphore alive.
    ///
    /// # Errors
    /// [`Closed`] once [`close`](Self::close) was called.
    /// # Cancel safety
    /// As with [`acquire_many`](Self::acquire_many).
    ///
    /// # Examples
    /// ```
    /// use filch_sync::Semaphore;
    /// use std::sync::Arc;
    /// # futures_lite::future::block_on(async {
    /// let budget = Arc::new(Semaphore::new(100));
    /// let part = budget.clone().acquire_many_owned(30).await?;
    /// std::thread::spawn(move || drop(part)).join().unwrap();
    /// assert_eq!(budget.available_permits(), 100);
    /// # Ok::<(), filch_sync::Closed>(())
    /// # }).unwrap();
    /// ```
    pub async fn acquire_many_owned(self: Arc<Self>, count: usize) -> Result<OwnedSemaphorePermit, Closed> {
        self.acquire_many(count).await?.forget();
        Ok(OwnedSemaphorePermit::new(self, count))
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that keeps the semaphore alive.
    ///
    /// # Errors
    /// [`TryAcquireError::NoPermits`] or [`TryAcquireError::Closed`].
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// let slots = Arc::new(filch_sync::Semaphore::new(1));
    /// let slot = slots.clone().try_acquire_owned()?;
    /// assert!(Arc::ptr_eq(slot.semaphore(), &slots));
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Self::try_acquire_many), with a permit that keeps the semaphore alive.
    ///
    /// # Errors
    /// [`TryAcquireError::NoPermits`] or [`TryAcquireError::Closed`].
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// let slots = Arc::new(filch_sync::Semaphore::new(3));
    /// let two = slots.clone().try_acquire_many_owned(2)?;
    /// assert_eq!((two.num_permits(), slots.available_permits()), (2, 1));
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        count: usize,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_take_or_recall(count)?;
        Ok(OwnedSemaphorePermit::new(self, count))
    }

    /// Waits for a permit on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// [`Closed`] once [`close`](Self::close) was called.
    ///
    /// # Examples
    /// ```
    /// let semaphore = filch_sync::Semaphore::new(1);
    /// assert_eq!(semaphore.acquire_blocking()?.num_permits(), 1);
    /// # Ok::<(), filch_sync::Closed>(())
    /// ```
    pub fn acquire_blocking(&self) -> Result<SemaphorePermit<'_>, Closed> {
        self.acquire_many_blocking(1)
    }

    /// Waits for `count` permits at once on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// [`Closed`] once [`close`](Self::close) was called.
    ///
    /// # Examples
    /// ```
    /// let semaphore = filch_sync::Semaphore::new(2);
    /// assert_eq!(semaphore.acquire_many_blocking(2)?.num_permits(), 2);
    /// # Ok::<(), filch_sync::Closed>(())
    /// ```
    pub fn acquire_many_blocking(&self, count: usize) -> Result<SemaphorePermit<'_>, Closed> {
        blocking::block_on(self.acquire_many(count))
    }

    /// Adds permits, up to [`MAX_PERMITS`] free ones; what goes beyond is dropped.
    ///
    /// # Panics
    /// If the semaphore is [bounded](Self::bounded) and would have more permits than it began with.
    ///
    /// # Examples
    /// ```
    /// use filch_sync::{MAX_PERMITS, Semaphore};
    /// let semaphore = Semaphore::new(1);
    /// semaphore.add_permits(2);
    /// assert_eq!(semaphore.available_permits(), 3);
    /// semaphore.add_permits(usize::MAX);
    /// assert_eq!(semaphore.available_permits(), MAX_PERMITS);
    /// ```
    pub fn add_permits(&self, count: usize) {
        if self.max == MAX_PERMITS {
            return self.release(count);
        }
        let added = self.try_add_permits(count);
        assert!(added.is_ok(), "more permits are released to a bounded semaphore than were acquired");
    }

    /// Adds permits if there are not too many then.
    ///
    /// # Errors
    /// [`TooManyPermits`], and none is added, if there would be more than a [bounded](Self::bounded) semaphore began with, or
    /// any other may have, [`MAX_PERMITS`].
    /// # Complexity
    /// One lock.
    ///
    /// # Examples
    /// ```
    /// let semaphore = filch_sync::Semaphore::bounded(3);
    /// semaphore.try_acquire_many(2)?.forget();
    /// assert!(semaphore.try_add_permits(3).is_err());
    /// assert!(semaphore.try_add_permits(2).is_ok());
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    pub fn try_add_permits(&self, count: usize) -> Result<(), TooManyPermits> {
        // Under the lock what is kept does not change; a permit taken or returned meanwhile fails the exchange.
        let locked = self.queue().lock();
        // Ordering: Relaxed, the exchange below decides.
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let permits = permits_of(word).checked_add(count).ok_or(TooManyPermits(()))?;
            if permits.saturating_add(locked.kept()) > self.max {
                return Err(TooManyPermits(()));
            }
            let next = with_permits(word, permits);
            // Ordering: Release, as in `free`.
            match self.word.compare_exchange_weak(word, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => break,
                Err(changed) => word = changed,
            }
        }
        drop(locked);
        if word & QUEUED != 0 {
            self.serve();
        }
        Ok(())
    }

    /// Takes up to `count` free permits out of circulation, without waiting; the answer is how many. What is out, or kept for a
    /// waiter, is left alone.
    ///
    /// # Examples
    /// ```
    /// let semaphore = filch_sync::Semaphore::new(3);
    /// assert_eq!(semaphore.forget_permits(2), 2);
    /// assert_eq!(semaphore.forget_permits(2), 1);
    /// assert_eq!(semaphore.available_permits(), 0);
    /// ```
    pub fn forget_permits(&self, count: usize) -> usize {
        // Ordering: Relaxed, the exchange below decides.
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let permits = permits_of(word);
            let forgotten = permits.min(count);
            let next = with_permits(word, permits - forgotten);
            // Ordering: Relaxed, nobody gets what is forgotten; an exchange keeps the release sequence of the others.
            match self.word.compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return forgotten,
                Err(changed) => word = changed,
            }
        }
    }

    /// A look at one moment: what is there, what is out, who waits.
    ///
    /// # Examples
    /// ```
    /// let semaphore = filch_sync::Semaphore::bounded(3);
    /// let _permit = semaphore.try_acquire()?;
    /// let seen = semaphore.statistics();
    /// assert_eq!((seen.available, seen.borrowed, seen.waiters), (2, Some(1), 0));
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    pub fn statistics(&self) -> SemaphoreStatistics {
        // One moment: what is kept changes under the lock.
        let locked = self.queue.get().map(WaitQueue::lock);
        let (waiters, waiters_peak) = locked.as_ref().map_or((0, 0), |locked| (locked.len(), locked.peak()));
        let (available, kept) = (self.available_permits(), locked.as_ref().map_or(0, |locked| locked.kept()));
        let total = (self.max < MAX_PERMITS).then_some(self.max);
        SemaphoreStatistics {
            available,
            kept,
            total,
            borrowed: total.map(|total| total.saturating_sub(available.saturating_add(kept))),
            closed: self.is_closed(),
            waiters,
            waiters_peak,
        }
    }

    /// The permits that are free at this moment; some of them may be about to go to a waiter. Those that are kept for a waiter that was
    /// woken are not among them.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(filch_sync::Semaphore::new(3).available_permits(), 3);
    /// ```
    pub fn available_permits(&self) -> usize {
        // Ordering: Relaxed, a figure to look at.
        permits_of(self.word.load(Ordering::Relaxed))
    }

    /// Closes: those who wait, and all who come, get [`Closed`]. Permits handed out stay good, also those kept for a future
    /// that was not polled since.
    ///
    /// # Examples
    /// ```
    /// let semaphore = filch_sync::Semaphore::new(1);
    /// let permit = semaphore.try_acquire()?;
    /// semaphore.close();
    /// assert!(semaphore.try_acquire().is_err());
    /// drop(permit);
    /// assert_eq!(semaphore.available_permits(), 1);
    /// # Ok::<(), filch_sync::TryAcquireError>(())
    /// ```
    pub fn close(&self) {
        // Under the queue's lock, so that whoever joins later sees it.
        let mut locked = self.queue().lock();
        // Ordering: AcqRel, paired with the Acquire loads of `is_closed` and `try_take`: who is refused sees what was done
        // before closing.
        self.word.fetch_or(CLOSED, Ordering::AcqRel);
        let mut batch = WakeBatch::new();
        while !locked.is_empty() {
            if !batch.has_room() {
                drop(locked);
                batch.wake_all();
                locked = self.queue().lock();
                continue;
            }
            if let Some(waker) = locked.notify_front(REFUSED) {
                batch.push(waker);
            }
        }
        self.settle(&locked);
        drop(locked);
        batch.wake_all();
    }

    /// Whether [`close`](Self::close) was called.
    ///
    /// # Examples
    /// ```
    /// let semaphore = filch_sync::Semaphore::new(1);
    /// assert!(!semaphore.is_closed());
    /// semaphore.close();
    /// assert!(semaphore.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        // Ordering: Acquire, paired with the exchange in `close`.
        self.word.load(Ordering::Acquire) & CLOSED != 0
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// What [`Semaphore::statistics`] saw.
///
/// ```
/// use filch_sync::Semaphore;
/// let semaphore = Semaphore::bounded(3);
/// let _permit = semaphore.try_acquire()?;
/// let seen = semaphore.statistics();
/// assert_eq!((seen.available, seen.total, seen.borrowed), (2, Some(3), Some(1)));
/// # Ok::<(), filch_sync::TryAcquireError>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SemaphoreStatistics {
    /// Free permits.
    pub available: usize,
    /// Permits kept for waiters that were woken and have not been polled since.
    pub kept: usize,
    /// The permits a [bounded](Semaphore::bounded) semaphore began with; none where any number can be added.
    pub total: Option<usize>,
    /// How many of those are out.
    pub borrowed: Option<usize>,
    /// Whether it was closed.
    pub closed: bool,
    /// How many wait.
    pub waiters: usize,
    /// How many waited at most.
    pub waiters_peak: usize,
}
