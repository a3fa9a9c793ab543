//! A number of permits: [`Semaphore`].
//!
//! # States
//! One word: the free permits in the upper bits, and two flags. Every change is an exchange of the whole word that masks
//! each field, so that no field can borrow from its neighbour.
//!
//! | flag | meaning | changes |
//! |---|---|---|
//! | `QUEUED` | somebody waits: permits go through the queue | under the wait queue's lock |
//! | `CLOSED` | no permit will be given any more | set once |
//!
//! # Protocol
//! Acquire: 1. while neither flag is set and there are enough permits, exchange the word for one with fewer. Else, under
//! the queue's lock, 2. the same once more, except that failing sets `QUEUED` in an exchange; 3. join.
//!
//! Release: 1. exchange the word for one with more permits. 2. If that word has `QUEUED`: under the queue's lock, while
//! the head's request can be met, take its permits from the word and notify the head; when the list is empty, clear
//! `QUEUED`. 3. Wake outside the lock.
//!
//! Cancel: a waiter that leaves before it was notified may uncover one whose request can be met: do as in release, step 2.
//! One that was notified and never polled gives its permits back by releasing them.
//!
//! # Why it is right
//! *No lost wake-up*: `QUEUED` and the permits are one word. If the exchange that sets `QUEUED` comes first, the release
//! sees it and serves the queue; if the release comes first, that exchange fails and the permits are seen.
//!
//! *No starvation*: while somebody waits nobody gets past, and only the head is looked at: a large request waits until
//! there is enough for it, and the small ones wait behind.
//!
//! *Conserved*: permits are in the word, with a notified waiter, or with a permit object, and each move between these
//! is one exchange or under the lock.
//!
//! # Rejected
//! Grant on poll, as in [`Lock`](crate::Lock): requests of different sizes would have to be weighed against each other at
//! each poll. So permits that were granted to a future nobody polls stay with it until it is dropped, exactly as permits do
//! that a future nobody polls had acquired before.

#[cfg(all(test, filch_loom))]
mod model;
mod permit;
#[cfg(all(test, not(filch_loom)))]
mod tests;

pub use permit::{OwnedSemaphorePermit, SemaphorePermit};

use crate::blocking;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::wait_list::{Locked, Phase, Step, Tag, WaitQueue, Waiter};
use filch_primitive::{WakeBatch, mutant, slice};
use pin_project_lite::pin_project;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
// Std's in a model too: only that one can be a `self` type, and what a model watches lies inside.
use std::sync::Arc;
use std::task::{Context, Poll, ready};

const CLOSED: usize = 1;
const QUEUED: usize = 2;
const ONE: usize = 4;

/// The most permits a [`Semaphore`] counts. Adding to that many changes nothing.
pub const MAX_PERMITS: usize = usize::MAX / ONE;

const GRANTED: u32 = 0;
const REFUSED: u32 = 1;

const fn permits_of(word: usize) -> usize {
    word / ONE
}

const fn with_permits(word: usize, permits: usize) -> usize {
    (word & (CLOSED | QUEUED)) | (permits * ONE)
}

/// Hands out a number of permits, in the order they were asked for.
///
/// A large request at the head is not overtaken by small ones behind it. Permits are returned when dropped. Permits given to
/// a waiting future are its own from then on, even before it is polled again; dropped, it passes them on.
///
/// # Complexity
/// One locked instruction to acquire and one to release when nobody waits; constant time per waiter served.
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
    queue: WaitQueue<()>,
}

impl Semaphore {
    /// A semaphore with `permits`, at most [`MAX_PERMITS`].
    #[cfg(not(filch_loom))]
    pub const fn new(permits: usize) -> Self {
        let permits = if permits < MAX_PERMITS { permits } else { MAX_PERMITS };
        Self { word: AtomicUsize::new(with_permits(0, permits)), queue: WaitQueue::new(()) }
    }

    /// A semaphore with `permits`, at most [`MAX_PERMITS`].
    #[cfg(filch_loom)]
    pub fn new(permits: usize) -> Self {
        let permits = permits.min(MAX_PERMITS);
        Self { word: AtomicUsize::new(with_permits(0, permits)), queue: WaitQueue::new(()) }
    }

    /// Waits for a permit.
    ///
    /// # Errors
    /// [`Closed`] once [`close`](Self::close) was called; no permit is taken.
    /// # Cancel safety
    /// Dropping the future gives up the place in the queue; a permit already assigned moves to the next waiter.
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
    #[inline]
    pub fn acquire_many(&self, count: usize) -> Acquire<'_> {
        Acquire { semaphore: self, count, waiter: Waiter::new(&self.queue) }
    }

    /// Takes a permit if one is free and nobody waits.
    ///
    /// # Errors
    /// [`TryAcquireError::NoPermits`] or [`TryAcquireError::Closed`].
    #[inline]
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// Takes `count` permits if they are free and nobody waits.
    ///
    /// # Errors
    /// [`TryAcquireError::NoPermits`] or [`TryAcquireError::Closed`].
    #[inline]
    pub fn try_acquire_many(&self, count: usize) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_take(count).map(|()| SemaphorePermit::new(self, count))
    }

    /// As [`acquire`](Self::acquire), with a permit that keeps the semaphore alive.
    ///
    /// # Errors
    /// [`Closed`] once [`close`](Self::close) was called.
    /// # Cancel safety
    /// As with [`acquire`](Self::acquire).
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
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Self::try_acquire_many), with a permit that keeps the semaphore alive.
    ///
    /// # Errors
    /// [`TryAcquireError::NoPermits`] or [`TryAcquireError::Closed`].
    pub fn try_acquire_many_owned(
        self: Arc<Self>,
        count: usize,
    ) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_take(count)?;
        Ok(OwnedSemaphorePermit::new(self, count))
    }

    /// Waits for a permit on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// [`Closed`] once [`close`](Self::close) was called.
    pub fn acquire_blocking(&self) -> Result<SemaphorePermit<'_>, Closed> {
        blocking::block_on(self.acquire())
    }

    /// Adds permits, up to [`MAX_PERMITS`] free ones; what goes beyond is dropped.
    ///
    /// ```
    /// use filch_sync::{MAX_PERMITS, Semaphore};
    /// let semaphore = Semaphore::new(1);
    /// semaphore.add_permits(2);
    /// assert_eq!(semaphore.available_permits(), 3);
    /// semaphore.add_permits(usize::MAX);
    /// assert_eq!(semaphore.available_permits(), MAX_PERMITS);
    /// ```
    pub fn add_permits(&self, count: usize) {
        // Ordering: Relaxed, the exchange below decides.
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let permits = permits_of(word).saturating_add(count).min(MAX_PERMITS);
            let next = with_permits(word, permits);
            // Ordering: Release, paired with the Acquire of `try_take` and `grant_head`: who gets the permit sees what its last
            // holder did. It is exchanged even when unchanged, for the same reason.
            match self.word.compare_exchange_weak(word, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) if next & QUEUED != 0 => return self.serve(),
                Ok(_) => return,
                Err(changed) => word = changed,
            }
        }
    }

    /// The permits that are free at this moment; some of them may be about to go to a waiter.
    pub fn available_permits(&self) -> usize {
        // Ordering: Relaxed, a figure to look at.
        permits_of(self.word.load(Ordering::Relaxed))
    }

    /// Closes: those who wait, and all who come, get [`Closed`]. Permits handed out stay good, also those assigned to a future
    /// that was not polled since.
    ///
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
        let mut locked = self.queue.lock();
        // Ordering: AcqRel, paired with the Acquire loads of `is_closed` and `try_take`: who is refused sees what was done
        // before closing.
        self.word.fetch_or(CLOSED, Ordering::AcqRel);
        let mut batch = WakeBatch::new();
        while !locked.is_empty() {
            if !batch.has_room() {
                drop(locked);
                batch.wake_all();
                locked = self.queue.lock();
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
    pub fn is_closed(&self) -> bool {
        // Ordering: Acquire, paired with the exchange in `close`.
        self.word.load(Ordering::Acquire) & CLOSED != 0
    }

    fn try_take(&self, count: usize) -> Result<(), TryAcquireError> {
        // Ordering: Acquire for the sake of `CLOSED`, see `close`.
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            if word & CLOSED != 0 {
                return Err(TryAcquireError::Closed);
            }
            let permits = permits_of(word);
            if word & QUEUED != 0 || permits < count {
                return Err(TryAcquireError::NoPermits);
            }
            let next = with_permits(word, permits - count);
            // Ordering: Acquire, paired with the Release of `add_permits`.
            match self.word.compare_exchange_weak(word, next, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return Ok(()),
                Err(changed) => word = changed,
            }
        }
    }

    /// Under the queue's lock: takes permits, or sets `QUEUED`.
    fn take_or_queue(&self, count: usize) -> Result<(), TryAcquireError> {
        // Ordering: as in `try_take`.
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            if word & CLOSED != 0 {
                return Err(TryAcquireError::Closed);
            }
            let permits = permits_of(word);
            let enough = word & QUEUED == 0 && permits >= count;
            let queued = if mutant::planted("semaphore.join.silent") { word } else { word | QUEUED };
            let next = if enough { with_permits(word, permits - count) } else { queued };
            // Ordering: Acquire, as in `try_take`. Setting `QUEUED` needs the exchange even when it is set: it must come
            // before or after a release, see the proof in the module docs.
            match self.word.compare_exchange_weak(word, next, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) if enough => return Ok(()),
                Ok(_) => return Err(TryAcquireError::NoPermits),
                Err(changed) => word = changed,
            }
        }
    }

    /// Gives permits to the waiters at the head, as far as they go.
    #[cold]
    fn serve(&self) {
        let mut locked = self.queue.lock();
        let mut batch = WakeBatch::new();
        while let Some(head) = locked.front() {
            if !batch.has_room() {
                drop(locked);
                batch.wake_all();
                locked = self.queue.lock();
                continue;
            }
            if !self.grant_head(head) {
                break;
            }
            if let Some(waker) = locked.notify_front(GRANTED) {
                batch.push(waker);
            }
        }
        self.settle(&locked);
        drop(locked);
        batch.wake_all();
    }

    /// Under the queue's lock: takes what the head asks for out of the word.
    fn grant_head(&self, head: Tag) -> bool {
        let Ok(count) = usize::try_from(head.number) else { return false };
        // Ordering: Relaxed, the exchange decides.
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let Some(left) = permits_of(word).checked_sub(count) else { return false };
            // Ordering: AcqRel: Acquire to see what the permits' last holder did, Release to hand it on; the
            // queue's lock carries it to the waiter.
            match self.word.compare_exchange_weak(
                word,
                with_permits(word, left),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(changed) => word = changed,
            }
        }
    }

    /// Clears `QUEUED` when nobody is left.
    fn settle(&self, locked: &Locked<'_, ()>) {
        if locked.is_empty() {
            // Ordering: Relaxed, the list is guarded by the queue's lock; the exchange keeps the release sequence.
            self.word.fetch_and(!QUEUED, Ordering::Relaxed);
        }
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

pin_project! {
    /// Waits for permits; made by [`Semaphore::acquire`] and [`Semaphore::acquire_many`].
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct Acquire<'a> {
        semaphore: &'a Semaphore,
        count: usize,
        #[pin]
        waiter: Waiter<'a, ()>,
    }

    impl<'a> PinnedDrop for Acquire<'a> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if !this.waiter.as_mut().is_joined() {
                return;
            }
            let semaphore = *this.semaphore;
            let phase = this.waiter.leave_locked(&mut semaphore.queue.lock());
            match phase {
                Phase::Notified(GRANTED) if !mutant::planted("semaphore.cancel.keeps") => {
                    semaphore.add_permits(*this.count);
                }
                // It may have been the head, with too large a request for what is there.
                Phase::Waiting if !mutant::planted("semaphore.cancel.covers") => semaphore.serve(),
                _ => {}
            }
        }
    }
}

impl<'a> Future for Acquire<'a> {
    type Output = Result<SemaphorePermit<'a>, Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        let mut this = self.project();
        let (semaphore, count) = (*this.semaphore, *this.count);
        if !this.waiter.as_mut().is_joined() {
            match semaphore.try_take(count) {
                Ok(()) => return Poll::Ready(Ok(SemaphorePermit::new(semaphore, count))),
                Err(TryAcquireError::Closed) => return Poll::Ready(Err(Closed(()))),
                Err(TryAcquireError::NoPermits) => {}
            }
        }
        let granted = ready!(this.waiter.poll_wait(cx, |mut waiter, locked| {
            let tag = Tag { number: u64::try_from(count).unwrap_or(u64::MAX), ..Tag::NONE };
            match waiter.as_mut().look(locked).0 {
                Phase::Notified(token) => {
                    waiter.leave_locked(locked);
                    Step::Done(token == GRANTED)
                }
                Phase::Waiting | Phase::Woken => Step::Wait { front: false, tag },
                Phase::Idle => match semaphore.take_or_queue(count) {
                    Ok(()) => Step::Done(true),
                    Err(TryAcquireError::Closed) => Step::Done(false),
                    Err(TryAcquireError::NoPermits) => Step::Wait { front: false, tag },
                },
            }
        }));
        Poll::Ready(if granted { Ok(SemaphorePermit::new(semaphore, count)) } else { Err(Closed(())) })
    }
}

/// The semaphore was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed(());

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the semaphore is closed")
    }
}

impl Error for Closed {}

/// Why a permit was not to be had at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// Too few are free, or others wait already.
    NoPermits,
    /// The semaphore was closed.
    Closed,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPermits => "no permits are free",
            Self::Closed => "the semaphore is closed",
        })
    }
}

impl Error for TryAcquireError {}
