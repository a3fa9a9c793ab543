//! Many readers or one writer: [`RwLock`].
//!
//! # States
//! One word: the number of readers in the upper bits, and three flags.
//!
//! | flag | meaning | changes |
//! |---|---|---|
//! | `WRITER` | one writes | with the lock taken and given up |
//! | `UPGRADABLE` | one reads that may ask for more | the same |
//! | `QUEUED` | somebody waits, or was promised the lock | under the wait queue's lock |
//!
//! Beside it, under the queue's lock: what was *promised* to waiters that have left the line and not come yet, and the *epoch* of
//! these promises.
//!
//! # Protocol
//! Take: 1. while `QUEUED` is not set and what is held allows it, exchange the word for one with one more. Else, under the queue's
//! lock, 2. if nobody waits, and what is held *and promised* allows it, the same exchange; else set `QUEUED` in that exchange,
//! 3. and join the line: at its end, but an upgrade at its head.
//!
//! Give up, wholly or in part (a downgrade): 1. one addition to the word. 2. If the word had `QUEUED`, and unless other readers are left,
//! *serve*: under the queue's lock, as long as what the head of the line asks for goes with what is held and promised, promise it
//! that and take it out of the line. Outside the lock, wake all of those.
//!
//! Come: who was promised the lock takes it when it is polled: under the queue's lock the promise becomes a hold.
//!
//! Cancel: one that goes away gives back what it was promised, and *serves*: it may have stood before others.
//!
//! Late: a promise is [overdue](crate::watched) after one to two milliseconds. After that, whoever looks (one that waits and is polled, a newcomer,
//! one that gives up) takes all promises back by beginning a new epoch, and *serves*. One that comes with a promise of an
//! earlier epoch takes the lock if it can, else joins again, at the head of the line; but not before an upgrade.
//!
//! That somebody looks is the watchman's business: while anything is promised it visits, and asks those who wait once that is
//! overdue.
//!
//! # Why it is right
//! *Exclusion*: the word is exchanged only for one whose holders go together, and a promise is counted as a hold by all who might take
//! or promise anything against it. While there are promises `QUEUED` is set, so nobody passes them by.
//!
//! *No lost wake-up*: `QUEUED` is set by an exchange of the very word that was in the way. If that comes first, whoever gives
//! up sees it, and serves; if giving up comes first, the exchange fails and the word is looked at again.
//!
//! *Neither side starves*. The line is served in the order of arrival, and nobody passes it: not a reader while a writer waits, not a
//! writer while readers do. Those before a waiter are finitely many, and each leaves the line when what is held allows it, which
//! happens when the present holders have given up, for no others come in. A run of readers at the head comes in whole, with
//! the first upgradable one in it. Upgrades go before all, but only one can wait at a time, and who
//! asks for the right to upgrade stands in line like everybody.
//!
//! *Upgrades do not deadlock*: one at a time has the right to ask, so two readers never wait for each other to leave. It waits for readers
//! that are in already, and it is always the head of the line.
//!
//! *Futurelock*: a promise to a future that nobody polls holds the others up until it is overdue, and then one of them is asked, and
//! further ones until one looks. (What a future holds, or the right that an upgrade has, is not taken back: it is held, as by a
//! guard that nobody drops.)
//!
//! # Rejected
//! Grant for good, as in [`Semaphore`](crate::Semaphore): a lock is what futures that are polled no more are most often left with. Free for
//! whoever comes first, as in [`Lock`](crate::Lock): readers that come in passing keep writers out for ever. Readers first or writers
//! first: the other side starves. Counting readers by a blind addition: it is faster only where readers crowd,
//! and each that finds a writer would have to take its addition back and then serve those it kept out. Looking on for a moment before
//! joining, as [`Lock`](crate::Lock) does: with two processors it made every mix of readers and writers a tenth slower, for who looks keeps the
//! word from those who hold it.
#![allow(unsafe_code, reason = "a lock hands out references to what it guards")]

mod guard;
mod mapped;
#[cfg(all(test, filch_loom))]
mod model;
mod owned;
#[cfg(all(test, not(any(filch_loom, filch_shuttle))))]
mod property;
mod raw;
#[cfg(all(test, not(any(filch_loom, filch_shuttle))))]
mod tests;
mod turns;

pub use guard::{RwLockReadGuard, RwLockUpgradableReadGuard, RwLockUpgrade, RwLockWriteGuard};
pub use mapped::{MappedRwLockReadGuard, MappedRwLockWriteGuard};
pub use owned::{OwnedRwLockReadGuard, OwnedRwLockUpgradableReadGuard, OwnedRwLockWriteGuard};

use crate::{Holder, blocking};
use filch_primitive::cell::UnsafeCell;
use pin_project_lite::pin_project;
use raw::{RawRwLock, RawTake};
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};
use turns::Kind;

/// A lock to be held across `await` by many readers or one writer.
///
/// Served in the order of arrival: nobody who comes later gets past a waiting writer, and a run of waiting readers is let in
/// together. Besides, one reader at a time may hold the lock *upgradably*: others read beside it, and it can become the
/// writer without anybody writing in between. There is no poisoning. One that reads and asks to read again may wait for ever: a
/// writer may have joined the line in between.
///
/// # Complexity
/// One locked instruction to take it and one to give it up when nobody waits; else one lock, and constant time for each
/// waiter that is let in: all readers of a run at once.
///
/// # Examples
/// ```
/// use filch_sync::RwLock;
/// # futures_lite::future::block_on(async {
/// let settings = RwLock::new(vec![1]);
/// {
///     let (one, other) = (settings.read().await, settings.read().await);
///     assert_eq!(*one, *other);
/// }
/// settings.write().await.push(2);
/// assert_eq!(settings.read().await.len(), 2);
/// # });
/// ```
///
/// # Source
/// The order is that of Courtois, Heymans and Parnas' readers-writers problem in its fair form (Hoare, *Monitors*, 1974: readers
/// that wait go after the writer that leaves); the upgradable reader is that of boost's and `parking_lot`'s. A
/// promise that is taken back after a time is [`Lock`](crate::Lock)'s.
pub struct RwLock<T: ?Sized> {
    raw: RawRwLock,
    value: UnsafeCell<T>,
}

// SAFETY: a shared lock gives out `&T` on several threads at once, which takes `T: Sync`, and `&mut T`, by which the value moves
// between threads: `T: Send`.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

impl<T> RwLock<T> {
    /// A free lock around `value`.
    ///
    /// ```
    /// static LOCK: filch_sync::RwLock<u8> = filch_sync::RwLock::new(1);
    /// assert_eq!(*LOCK.try_read().unwrap(), 1);
    /// ```
    #[cfg(not(filch_loom))]
    pub const fn new(value: T) -> Self {
        Self { raw: RawRwLock::new(), value: UnsafeCell::new(value) }
    }

    /// A free lock around `value`.
    #[cfg(filch_loom)]
    pub fn new(value: T) -> Self {
        Self { raw: RawRwLock::new(), value: UnsafeCell::new(value) }
    }

    /// The value, without the lock.
    ///
    /// ```
    /// assert_eq!(filch_sync::RwLock::new(1).into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    /// A look at this moment: who holds the lock, how many wait for it.
    ///
    /// ```
    /// let lock = filch_sync::RwLock::new(1);
    /// let _guards = (lock.try_read(), lock.try_upgradable_read());
    /// let seen = lock.statistics();
    /// assert_eq!((seen.readers, seen.upgradable, seen.writer, seen.waiters), (1, true, None, 0));
    /// ```
    pub fn statistics(&self) -> RwLockStatistics {
        self.raw.statistics()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// A visit, if the watchman has an entry.
    #[cfg(all(test, filch_loom))]
    pub(crate) fn visit_by_hand(&self) {
        self.raw.visit_by_hand();
    }

    /// Waits to read, beside others that read.
    ///
    /// # Panics
    /// When more read than can be counted, which takes guards that are leaked: far more than memory has room for.
    /// # Cancel safety
    /// Dropping the future gives up the place in line. A turn it was given passes on.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let lock = filch_sync::RwLock::new(1);
    /// assert_eq!(*lock.read().await + *lock.read().await, 2);
    /// # });
    /// ```
    #[inline]
    pub fn read(&self) -> RwLockRead<'_, T> {
        RwLockRead { lock: self, take: RawTake::new(&self.raw, Kind::Read) }
    }

    /// Reads if nobody writes or waits.
    ///
    /// # Panics
    /// As with [`read`](Self::read).
    /// # Examples
    /// ```
    /// let lock = filch_sync::RwLock::new(1);
    /// let guard = lock.try_write();
    /// assert!(lock.try_read().is_none());
    /// drop(guard);
    /// assert!(lock.try_read().is_some());
    /// ```
    #[inline]
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        self.raw.try_take(Kind::Read).then(|| RwLockReadGuard::new(self))
    }

    /// Waits to read on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Panics
    /// As with [`read`](Self::read).
    /// # Examples
    /// ```
    /// assert_eq!(*filch_sync::RwLock::new(1).read_blocking(), 1);
    /// ```
    pub fn read_blocking(&self) -> RwLockReadGuard<'_, T> {
        self.try_read().unwrap_or_else(|| blocking::block_on(self.read()))
    }

    /// Waits to read with the right to become the writer. One at a time has that; others read beside it.
    ///
    /// # Cancel safety
    /// As with [`read`](Self::read).
    /// # Examples
    /// ```
    /// use filch_sync::{RwLock, RwLockUpgradableReadGuard};
    /// # futures_lite::future::block_on(async {
    /// let total = RwLock::new(0);
    /// let seen = total.upgradable_read().await;
    /// if *seen == 0 {
    ///     *RwLockUpgradableReadGuard::upgrade(seen).await = 1;
    /// }
    /// assert_eq!(*total.read().await, 1);
    /// # });
    /// ```
    #[inline]
    pub fn upgradable_read(&self) -> RwLockUpgradableRead<'_, T> {
        RwLockUpgradableRead { lock: self, take: RawTake::new(&self.raw, Kind::Upgradable) }
    }

    /// Reads with the right to become the writer, if nobody has that, writes or waits.
    ///
    /// ```
    /// let lock = filch_sync::RwLock::new(1);
    /// let upgradable = lock.try_upgradable_read().unwrap();
    /// assert!(lock.try_upgradable_read().is_none());
    /// assert!(lock.try_read().is_some());
    /// # drop(upgradable);
    /// ```
    #[inline]
    pub fn try_upgradable_read(&self) -> Option<RwLockUpgradableReadGuard<'_, T>> {
        self.raw.try_take(Kind::Upgradable).then(|| RwLockUpgradableReadGuard::new(self))
    }

    /// Waits as [`upgradable_read`](Self::upgradable_read) does, on a plain thread. In a task this would hold up the thread
    /// that polls it.
    ///
    /// ```
    /// let lock = filch_sync::RwLock::new(1);
    /// assert_eq!(*lock.upgradable_read_blocking(), 1);
    /// ```
    pub fn upgradable_read_blocking(&self) -> RwLockUpgradableReadGuard<'_, T> {
        self.try_upgradable_read().unwrap_or_else(|| blocking::block_on(self.upgradable_read()))
    }

    /// Waits to write, alone.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the place in line, and lets in whom it kept out. A turn it was given passes on.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let lock = filch_sync::RwLock::new(1);
    /// *lock.write().await += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// # });
    /// ```
    #[inline]
    #[track_caller]
    pub fn write(&self) -> RwLockWrite<'_, T> {
        self.write_at(Location::caller())
    }

    #[inline]
    fn write_at(&self, location: &'static Location<'static>) -> RwLockWrite<'_, T> {
        RwLockWrite { lock: self, location, take: RawTake::new(&self.raw, Kind::Write) }
    }

    /// Writes if nobody holds the lock or waits for it.
    ///
    /// ```
    /// let lock = filch_sync::RwLock::new(1);
    /// let guard = lock.try_read();
    /// assert!(lock.try_write().is_none());
    /// drop(guard);
    /// assert!(lock.try_write().is_some());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        self.try_write_at(Location::caller())
    }

    #[inline]
    fn try_write_at(&self, location: &'static Location<'static>) -> Option<RwLockWriteGuard<'_, T>> {
        self.raw.try_take(Kind::Write).then(|| RwLockWriteGuard::signed(self, location))
    }

    /// Waits to write on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// ```
    /// let lock = filch_sync::RwLock::new(1);
    /// *lock.write_blocking() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    #[track_caller]
    pub fn write_blocking(&self) -> RwLockWriteGuard<'_, T> {
        let location = Location::caller();
        self.try_write_at(location).unwrap_or_else(|| blocking::block_on(self.write_at(location)))
    }

    /// The value: a lock borrowed mutably is locked by nobody.
    ///
    /// ```
    /// let mut lock = filch_sync::RwLock::new(1);
    /// *lock.get_mut() += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: `&mut self` shows that there is no guard; the reference lives as long as that borrow.
        self.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RwLock");
        match self.try_read() {
            Some(guard) => shown.field("value", &&*guard),
            None => shown.field("value", &format_args!("<locked>")),
        };
        shown.finish()
    }
}

/// What an [`RwLock`] was seen to be at one moment; made by [`RwLock::statistics`].
///
/// ```
/// let lock = filch_sync::RwLock::new(1);
/// let (_one, _other) = (lock.read_blocking(), lock.read_blocking());
/// let seen = lock.statistics();
/// assert_eq!((seen.readers, seen.upgradable, seen.waiters), (2, false, 0));
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RwLockStatistics {
    /// How many read, the upgradable one not counted.
    pub readers: usize,
    /// Whether somebody reads with the right to become the writer.
    pub upgradable: bool,
    /// Who writes; nobody also for the moment between taking the lock and signing for it.
    pub writer: Option<Holder>,
    /// How many stand in line. Those who were let in and have not come yet do not.
    pub waiters: usize,
    /// How many stood in line at most.
    pub waiters_peak: usize,
}

pin_project! {
    /// Waits to read an [`RwLock`]; made by [`RwLock::read`].
    ///
    /// ```
    /// use filch_sync::RwLock;
    /// use futures_lite::future::{block_on, poll_once};
    /// let lock = RwLock::new(1);
    /// let writer = lock.write_blocking();
    /// let mut reads = std::pin::pin!(lock.read());
    /// assert!(block_on(poll_once(reads.as_mut())).is_none());
    /// drop(writer);
    /// assert_eq!(*block_on(reads), 1);
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct RwLockRead<'a, T: ?Sized> {
        lock: &'a RwLock<T>,
        #[pin]
        take: RawTake<'a>,
    }
}

impl<'a, T: ?Sized> Future for RwLockRead<'a, T> {
    type Output = RwLockReadGuard<'a, T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let lock = *this.lock;
        this.take.poll(cx).map(|()| RwLockReadGuard::new(lock))
    }
}

pin_project! {
    /// Waits to read an [`RwLock`] upgradably; made by [`RwLock::upgradable_read`].
    ///
    /// ```
    /// use filch_sync::RwLock;
    /// use futures_lite::future::{block_on, poll_once};
    /// let lock = RwLock::new(1);
    /// let first = lock.upgradable_read_blocking();
    /// let mut second = std::pin::pin!(lock.upgradable_read());
    /// assert!(block_on(poll_once(second.as_mut())).is_none(), "one at a time");
    /// drop(first);
    /// assert_eq!(*block_on(second), 1);
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct RwLockUpgradableRead<'a, T: ?Sized> {
        lock: &'a RwLock<T>,
        #[pin]
        take: RawTake<'a>,
    }
}

impl<'a, T: ?Sized> Future for RwLockUpgradableRead<'a, T> {
    type Output = RwLockUpgradableReadGuard<'a, T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let lock = *this.lock;
        this.take.poll(cx).map(|()| RwLockUpgradableReadGuard::new(lock))
    }
}

pin_project! {
    /// Waits to write an [`RwLock`]; made by [`RwLock::write`].
    ///
    /// ```
    /// use filch_sync::RwLock;
    /// use futures_lite::future::{block_on, poll_once};
    /// let lock = RwLock::new(1);
    /// let reader = lock.read_blocking();
    /// let mut writes = std::pin::pin!(lock.write());
    /// assert!(block_on(poll_once(writes.as_mut())).is_none());
    /// assert!(lock.try_read().is_none(), "a writer that waits lets no reader pass");
    /// drop(reader);
    /// *block_on(writes) += 1;
    /// assert_eq!(*lock.read_blocking(), 2);
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct RwLockWrite<'a, T: ?Sized> {
        lock: &'a RwLock<T>,
        location: &'static Location<'static>,
        #[pin]
        take: RawTake<'a>,
    }
}

impl<'a, T: ?Sized> Future for RwLockWrite<'a, T> {
    type Output = RwLockWriteGuard<'a, T>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (lock, location) = (*this.lock, *this.location);
        this.take.poll(cx).map(|()| RwLockWriteGuard::signed(lock, location))
    }
}

macro_rules! shows_its_name {
    ($($future:ident)*) => {$(
        impl<T: ?Sized> fmt::Debug for $future<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($future)).finish_non_exhaustive()
            }
        }
    )*};
}

shows_its_name! { RwLockRead RwLockUpgradableRead RwLockWrite RwLockUpgrade }
