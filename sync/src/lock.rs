//! One at a time: [`Lock`].
//!
//! # States
//! One byte. `QUEUED` and `RESERVED` change under the wait queue's lock only, and so does `TURNS`, but that unlocking counts it
//! down; `LOCKED` is taken by an exchange from anywhere, and given back by one exchange while nobody is queued or turns are left.
//!
//! | bits | meaning | leaves by |
//! |---|---|---|
//! | — | free | `try_lock`: one exchange |
//! | `LOCKED` | held, nobody waits | `unlock`: one exchange |
//! | `LOCKED`, `QUEUED` | held, somebody waits | `unlock` through the queue |
//! | `LOCKED`, `QUEUED`, `TURNS` | the same, and the head is awake and has not looked yet | `unlock`: one exchange, one turn less |
//! | `QUEUED`, maybe `TURNS` | free, somebody waits | whoever comes first |
//! | `QUEUED`, `RESERVED` | free, kept for one waiter | that waiter; once it is overdue anybody |
//!
//! Beside it, under the queue's lock: for whom the lock is kept, and since when somebody was told that it is free and nobody who
//! waits has looked since. What is overdue is said by the [watched](crate::watched) queue's ticks.
//!
//! # Protocol
//! Lock: 1. exchange free for `LOCKED`; else, under the queue's lock, 2. take a free lock that is not kept for another,
//! 3. or set `QUEUED` and join, unless that very step shows that the lock was just freed: then back to 2.
//!
//! Unlock: 1. exchange `LOCKED` for free; where `QUEUED` refuses that, under the queue's lock, 2. see to it that the first waiter
//! is awake; 3. free the lock; if the head was woken once and lost,
//! or has waited for more than [`raw::OVERDUE_US`], keep it for the head; 4. have the watchman look after those behind the head. 5.
//! Outside the queue's lock, wake. An unlock that leaves the lock to whoever comes first gives out [`raw::TURNS_MAX`] turns: so many unlocks
//! need not look at the queue, whose head is on its way. Whoever joins, looks in vain, or leaves the queue ends the turns.
//!
//! Lookers-on: a lock that is held is looked at for a moment before joining, and before a woken head's look: most turns are
//! shorter than a task switch. How long depends on whether that has helped of late.
//!
//! Look: a waiter that is polled, because it was told or because it was [asked](crate::watched), takes the lock if it is free or was kept in
//! vain. If it is held, its unlock will see to the others, and nobody is awaited.
//!
//! # Why it is right
//! *Exclusion*: `LOCKED` is set only by an exchange that found it clear, and cleared only by its holder.
//!
//! *No lost wake-up*: joining sets `QUEUED` in the word that unlocking changes. If the joining comes first, the unlock
//! goes through the queue and finds the waiter; if the unlock comes first, the joining sees `LOCKED` clear and takes the
//! lock. A free lock with waiters therefore has one that is awake: unlocking leaves it so; one that is awake and goes away
//! wakes the next; one that is polled takes the lock, or sees it held, and then the holder's unlock is to come.
//!
//! *Turns*: they are given out under the queue's lock, with the head woken, and ended under it by whatever changes that. A head
//! that looks ends them before it sees the lock held, so the unlock to come goes through the queue. If it does not look, one that is
//! asked does.
//!
//! *No convoy*: a free lock goes to whoever runs, not to whoever must first be scheduled. *No starvation*: one that lost
//! once, or has waited for long, has the next turn kept for it.
//!
//! *Futurelock*: a turn is never more than kept. Say its future is not polled any more, while it still exists. A newcomer
//! that finds the lock free takes it at once. While the head has not looked the watchman visits, and once it is overdue those behind it
//! are asked, one after another, until one of them looks. All this costs one visit in a millisecond at most, and nothing while the lock is
//! held for long. A waiter that was woken and did not come in time
//! is struck from the list, so that the next unlock wakes another; polled again, it stands before all others. What was kept for it is
//! not kept any more.
//!
//! # Rejected
//! Strict hand-off in the order of arrival: each contended unlock becomes a task switch, and a future that is not
//! polled holds everybody up. Waking all: each unlock would cost as much as there are waiters. Waking two, so that the second
//! notices when the first does not come: locks held across an `await` became two to three times as slow, for each waiter was woken
//! twice.
#![allow(unsafe_code, reason = "a lock hands out `&mut` to what it guards")]

mod holder;
mod mapped;
#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(any(filch_loom, filch_shuttle))))]
mod property;
mod raw;
#[cfg(all(test, not(filch_loom)))]
mod tests;

pub use holder::Holder;
pub(crate) use holder::HolderCell;
pub use mapped::{MappedLockGuard, OwnedMappedLockGuard};

use crate::blocking;
use filch_primitive::cell::UnsafeCell;
use pin_project_lite::pin_project;
use raw::{RawAcquire, RawLock};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
// Std's in a model too: only that one can be a `self` type, and what a model watches lies inside.
use std::sync::Arc;
use std::task::{Context, Poll};

/// A lock to be held across `await`, around a value.
///
/// Waiters are woken in the order they came. A free lock goes to whoever asks first, a waiter that lost its turn to such
/// a newcomer has the next one kept for it. There is no poisoning: a panic releases the lock. For a section without
/// `await` in it, a [`std::sync::Mutex`] is cheaper. An `Arc<Lock<T>>` becomes an `Arc<Lock<dyn Trait>>` where that is
/// asked for.
///
/// # Complexity
/// Locking and unlocking are one locked instruction each when nobody competes. A contended unlock is one lock at most,
/// and constant time on average: one may strike several that were woken and did not come, each once.
///
/// # Examples
/// ```
/// use filch_sync::Lock;
/// # futures_lite::future::block_on(async {
/// static LOG: Lock<Vec<&str>> = Lock::new(Vec::new());
///
/// LOG.lock().await.push("started");
/// assert_eq!(LOG.lock().await.len(), 1);
/// # });
/// ```
pub struct Lock<T: ?Sized> {
    raw: RawLock,
    value: UnsafeCell<T>,
}

// SAFETY: a shared lock gives out the value to one thread at a time, by `&mut`, and moves it between threads that way:
// `T: Send` is what that takes.
unsafe impl<T: ?Sized + Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    /// A free lock around `value`.
    ///
    /// ```
    /// static TOTAL: filch_sync::Lock<u32> = filch_sync::Lock::new(0);
    /// *TOTAL.lock_blocking() += 1;
    /// assert_eq!(*TOTAL.lock_blocking(), 1);
    /// ```
    #[cfg(not(filch_loom))]
    pub const fn new(value: T) -> Self {
        Self { raw: RawLock::new(), value: UnsafeCell::new(value) }
    }

    /// A free lock around `value`.
    #[cfg(filch_loom)]
    pub fn new(value: T) -> Self {
        Self { raw: RawLock::new(), value: UnsafeCell::new(value) }
    }

    /// The value, without the lock.
    ///
    /// ```
    /// let lock = filch_sync::Lock::new(vec![1]);
    /// lock.lock_blocking().push(2);
    /// assert_eq!(lock.into_inner(), [1, 2]);
    /// ```
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Lock<T> {
    /// A visit, if the watchman has an entry.
    #[cfg(all(test, filch_loom))]
    pub(crate) fn visit_by_hand(&self) {
        self.raw.visit_by_hand();
    }

    /// Waits for the lock.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the place in the queue. A future that was woken passes the turn on.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let lock = filch_sync::Lock::new(1);
    /// *lock.lock().await += 1;
    /// assert_eq!(*lock.lock().await, 2);
    /// # });
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> LockFuture<'_, T> {
        self.lock_at(Location::caller())
    }

    #[inline]
    fn lock_at(&self, location: &'static Location<'static>) -> LockFuture<'_, T> {
        LockFuture { lock: self, location, acquire: RawAcquire::new(&self.raw) }
    }

    /// Takes the lock if it is free, and not kept for one who has waited for it.
    ///
    /// ```
    /// let lock = filch_sync::Lock::new('x');
    /// let guard = lock.try_lock().unwrap();
    /// assert!(lock.try_lock().is_none());
    /// drop(guard);
    /// assert!(lock.try_lock().is_some());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        self.try_lock_at(Location::caller())
    }

    #[inline]
    fn try_lock_at(&self, location: &'static Location<'static>) -> Option<LockGuard<'_, T>> {
        self.raw.try_lock().then(|| LockGuard::signed(self, location))
    }

    /// Waits for the lock with a guard that keeps the lock alive: for tasks that outlive the borrow.
    ///
    /// # Cancel safety
    /// As with [`lock`](Self::lock).
    ///
    /// # Examples
    /// ```
    /// use filch_sync::Lock;
    /// use std::sync::Arc;
    /// # futures_lite::future::block_on(async {
    /// let lock = Arc::new(Lock::new(1));
    /// let mut guard = lock.clone().lock_owned().await;
    /// *guard += 1;
    /// drop(guard);
    /// assert_eq!(*lock.lock().await, 2);
    /// # });
    /// ```
    // Not an `async fn`: only a plain one knows its caller.
    #[track_caller]
    pub fn lock_owned(self: Arc<Self>) -> impl Future<Output = OwnedLockGuard<T>> {
        let location = Location::caller();
        async move {
            RawAcquire::new(&self.raw).await;
            OwnedLockGuard::signed(self, location)
        }
    }

    /// Takes the lock as [`try_lock`](Self::try_lock) does, with a guard that keeps the lock alive.
    ///
    /// ```
    /// use filch_sync::Lock;
    /// use std::sync::Arc;
    /// let guard = Arc::new(Lock::new(1)).try_lock_owned();
    /// assert_eq!(*guard.unwrap(), 1);
    /// ```
    #[track_caller]
    pub fn try_lock_owned(self: Arc<Self>) -> Option<OwnedLockGuard<T>> {
        let location = Location::caller();
        self.raw.try_lock().then(|| OwnedLockGuard::signed(self, location))
    }

    /// Waits for the lock on a plain thread. In a task this would hold up the thread that polls it: there, `lock().await`.
    ///
    /// ```
    /// let lock = filch_sync::Lock::new(1);
    /// *lock.lock_blocking() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    #[track_caller]
    pub fn lock_blocking(&self) -> LockGuard<'_, T> {
        let location = Location::caller();
        self.try_lock_at(location).unwrap_or_else(|| blocking::block_on(self.lock_at(location)))
    }

    /// As [`lock_blocking`](Self::lock_blocking), with a guard that keeps the lock alive.
    ///
    /// ```
    /// use filch_sync::{Lock, OwnedLockGuard};
    /// use std::sync::Arc;
    /// let guard = Arc::new(Lock::new(1)).lock_owned_blocking();
    /// assert_eq!(*OwnedLockGuard::unlock(guard).lock_blocking(), 1);
    /// ```
    #[track_caller]
    pub fn lock_owned_blocking(self: Arc<Self>) -> OwnedLockGuard<T> {
        blocking::block_on(self.lock_owned())
    }

    /// A look at this moment: who holds the lock, how many wait for it. A waiter that was told to come and has not for a while
    /// is not counted.
    ///
    /// ```
    /// use filch_sync::Lock;
    /// let lock = Lock::new(1);
    /// let _guard = lock.try_lock();
    /// let seen = lock.statistics();
    /// assert_eq!((seen.holder.unwrap().location().file(), seen.waiters), (file!(), 0));
    /// ```
    pub fn statistics(&self) -> LockStatistics {
        self.raw.statistics()
    }

    /// The value: a lock borrowed mutably is locked by nobody.
    ///
    /// ```
    /// let mut lock = filch_sync::Lock::new(1);
    /// *lock.get_mut() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: `&mut self` shows that there is no guard; the reference lives as long as that borrow.
        self.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Lock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Lock");
        match self.try_lock() {
            Some(guard) => shown.field("value", &&*guard),
            None => shown.field("value", &format_args!("<locked>")),
        };
        shown.finish()
    }
}

/// What a [`Lock`] was seen to be at one moment; made by [`Lock::statistics`].
///
/// ```
/// let lock = filch_sync::Lock::new(1);
/// let _guard = lock.lock_blocking();
/// let seen = lock.statistics();
/// assert!(seen.holder.is_some());
/// assert_eq!((seen.waiters, seen.waiters_peak), (0, 0));
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockStatistics {
    /// Who holds it; nobody also for the moment between taking the lock and signing for it.
    pub holder: Option<Holder>,
    /// How many wait.
    pub waiters: usize,
    /// How many waited at most.
    pub waiters_peak: usize,
}

pin_project! {
    /// Waits for a [`Lock`]; made by [`Lock::lock`].
    ///
    /// ```
    /// use filch_sync::Lock;
    /// use futures_lite::future::{block_on, poll_once};
    /// let lock = Lock::new(1);
    /// let guard = lock.lock_blocking();
    /// let mut waits = std::pin::pin!(lock.lock());
    /// assert!(block_on(poll_once(waits.as_mut())).is_none());
    /// drop(guard);
    /// assert_eq!(*block_on(waits), 1);
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct LockFuture<'a, T: ?Sized> {
        lock: &'a Lock<T>,
        location: &'static Location<'static>,
        #[pin]
        acquire: RawAcquire<'a>,
    }
}

impl<'a, T: ?Sized> Future for LockFuture<'a, T> {
    type Output = LockGuard<'a, T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (lock, location) = (*this.lock, *this.location);
        this.acquire.poll(cx).map(|()| LockGuard::signed(lock, location))
    }
}

impl<T: ?Sized> fmt::Debug for LockFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockFuture").finish_non_exhaustive()
    }
}

/// The right to the value of a [`Lock`], until dropped. It may be dropped on another thread.
///
/// ```
/// let lock = filch_sync::Lock::new(1);
/// let mut guard = lock.lock_blocking();
/// *guard += 1;
/// assert!(lock.try_lock().is_none());
/// drop(guard);
/// assert_eq!(lock.into_inner(), 2);
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct LockGuard<'a, T: ?Sized> {
    lock: &'a Lock<T>,
    /// Shared, a guard gives out `&T`: it must not be `Sync` where `T` is not.
    _value: PhantomData<&'a mut T>,
}

impl<'a, T: ?Sized> LockGuard<'a, T> {
    /// The guard of whoever just took the raw lock.
    #[inline]
    fn signed(lock: &'a Lock<T>, location: &'static Location<'static>) -> Self {
        lock.raw.sign(location);
        Self { lock, _value: PhantomData }
    }

    /// The lock this guard came from.
    ///
    /// ```
    /// let lock = filch_sync::Lock::new(1);
    /// let guard = lock.lock_blocking();
    /// assert!(std::ptr::eq(filch_sync::LockGuard::lock(&guard), &lock));
    /// ```
    pub fn lock(guard: &Self) -> &'a Lock<T> {
        guard.lock
    }
}

impl<T: ?Sized> Deref for LockGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard exists only while the lock is held for it, so nobody else reaches the value; the reference
        // lives as long as the borrow of the guard.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized> DerefMut for LockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed mutably: this is the only reference.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: ?Sized> Drop for LockGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.unlock();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// As [`LockGuard`], keeping the lock alive.
///
/// ```
/// use filch_sync::Lock;
/// use std::sync::Arc;
/// let lock = Arc::new(Lock::new(1));
/// let mut guard = lock.clone().lock_owned_blocking();
/// std::thread::spawn(move || *guard += 1).join().unwrap();
/// assert_eq!(*lock.lock_blocking(), 2);
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct OwnedLockGuard<T: ?Sized> {
    lock: Arc<Lock<T>>,
    /// See [`LockGuard`].
    _value: PhantomData<T>,
}

impl<T: ?Sized> OwnedLockGuard<T> {
    /// The guard of whoever just took the raw lock.
    fn signed(lock: Arc<Lock<T>>, location: &'static Location<'static>) -> Self {
        lock.raw.sign(location);
        Self { lock, _value: PhantomData }
    }

    /// The lock this guard came from.
    ///
    /// ```
    /// use filch_sync::{Lock, OwnedLockGuard};
    /// use std::sync::Arc;
    /// let lock = Arc::new(Lock::new(1));
    /// let guard = lock.clone().lock_owned_blocking();
    /// assert!(Arc::ptr_eq(OwnedLockGuard::lock(&guard), &lock));
    /// ```
    pub fn lock(guard: &Self) -> &Arc<Lock<T>> {
        &guard.lock
    }

    /// Releases the lock and gives the reference to it back.
    ///
    /// ```
    /// use filch_sync::{Lock, OwnedLockGuard};
    /// use std::sync::Arc;
    /// let guard = Arc::new(Lock::new(1)).lock_owned_blocking();
    /// let lock = OwnedLockGuard::unlock(guard);
    /// assert!(lock.try_lock().is_some());
    /// ```
    pub fn unlock(guard: Self) -> Arc<Lock<T>> {
        let lock = Self::into_lock(guard);
        lock.raw.unlock();
        lock
    }

    /// The reference to the lock, which stays locked.
    fn into_lock(guard: Self) -> Arc<Lock<T>> {
        let guard = ManuallyDrop::new(guard);
        // SAFETY: the guard is not dropped, so the reference is taken out of it once.
        unsafe { std::ptr::read(&raw const guard.lock) }
    }
}

impl<T: ?Sized> Deref for OwnedLockGuard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: as for `LockGuard`.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized> DerefMut for OwnedLockGuard<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `LockGuard`.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: ?Sized> Drop for OwnedLockGuard<T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.unlock();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for OwnedLockGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for OwnedLockGuard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
