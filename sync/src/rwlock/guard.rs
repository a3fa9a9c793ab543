//! The guards: to read, to read upgradably, to write.

use super::RwLock;
use super::raw::RawTake;
use super::turns::Kind;
use crate::blocking;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What every guard of a whole value does: it gives out the value, and shows it.
macro_rules! gives_out_the_value {
    ($([$($generics:tt)*] $guard:ty;)*) => {$(
        impl<$($generics)*> Deref for $guard {
            type Target = T;

            #[inline]
            fn deref(&self) -> &T {
                // SAFETY: the lock is held for the guard, so nobody writes but through the guard itself, which is borrowed; the
                // reference lives as long as that borrow.
                self.lock.value.with(|value| unsafe { &*value })
            }
        }

        impl<$($generics)*> fmt::Debug for $guard
        where
            T: fmt::Debug,
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<$($generics)*> fmt::Display for $guard
        where
            T: fmt::Display,
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    )*};
}

pub(super) use gives_out_the_value;

gives_out_the_value! {
    ['a, T: ?Sized] RwLockReadGuard<'a, T>;
    ['a, T: ?Sized] RwLockUpgradableReadGuard<'a, T>;
    ['a, T: ?Sized] RwLockWriteGuard<'a, T>;
}

/// The right to read the value of an [`RwLock`], until dropped. It may be dropped on another thread.
///
/// ```
/// let lock = filch_sync::RwLock::new(1);
/// let (one, other) = (lock.try_read().unwrap(), lock.try_read().unwrap());
/// assert_eq!(*one + *other, 2);
/// assert!(lock.try_write().is_none());
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// The guard of whoever just took the raw lock.
    #[inline]
    pub(super) fn new(lock: &'a RwLock<T>) -> Self {
        Self { lock }
    }

    /// The lock this guard came from.
    ///
    /// ```
    /// use filch_sync::{RwLock, RwLockReadGuard};
    /// let lock = RwLock::new(1);
    /// let guard = lock.read_blocking();
    /// assert!(std::ptr::eq(RwLockReadGuard::lock(&guard), &lock));
    /// ```
    pub fn lock(guard: &Self) -> &'a RwLock<T> {
        guard.lock
    }

    /// The lock, still held.
    pub(super) fn into_lock(self) -> &'a RwLock<T> {
        let lock = self.lock;
        mem::forget(self);
        lock
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.unlock_read();
    }
}

/// The right to read the value of an [`RwLock`] and to become its writer, until dropped. One at a time has it.
///
/// # Complexity
/// As for [`RwLock`]: one locked instruction to upgrade when nobody else reads.
/// # Examples
/// ```
/// use filch_sync::{RwLock, RwLockUpgradableReadGuard};
/// let lock = RwLock::new(1);
/// let reading = lock.try_upgradable_read().unwrap();
/// assert!(lock.try_read().is_some() && lock.try_upgradable_read().is_none());
/// *RwLockUpgradableReadGuard::upgrade_blocking(reading) += 1;
/// assert_eq!(lock.into_inner(), 2);
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct RwLockUpgradableReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
}

impl<'a, T: ?Sized> RwLockUpgradableReadGuard<'a, T> {
    /// The guard of whoever just took the raw lock.
    #[inline]
    pub(super) fn new(lock: &'a RwLock<T>) -> Self {
        Self { lock }
    }

    /// The lock this guard came from.
    ///
    /// ```
    /// use filch_sync::{RwLock, RwLockUpgradableReadGuard};
    /// let lock = RwLock::new(1);
    /// let guard = lock.upgradable_read_blocking();
    /// assert!(std::ptr::eq(RwLockUpgradableReadGuard::lock(&guard), &lock));
    /// ```
    pub fn lock(guard: &Self) -> &'a RwLock<T> {
        guard.lock
    }

    /// Becomes the writer: waits until those who read have left. Nobody comes in meanwhile, and nobody writes in between.
    ///
    /// # Panics
    /// When the future is polled again after it was done.
    /// # Cancel safety
    /// The future has the guard. Dropping it releases the lock, as dropping the guard does: the value is as it was, and nobody
    /// loses a turn. To keep the guard, [`try_upgrade`](Self::try_upgrade).
    /// # Examples
    /// ```
    /// use filch_sync::{RwLock, RwLockUpgradableReadGuard};
    /// # futures_lite::future::block_on(async {
    /// let lock = RwLock::new(1);
    /// let guard = lock.upgradable_read().await;
    /// *RwLockUpgradableReadGuard::upgrade(guard).await += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// # });
    /// ```
    #[track_caller]
    pub fn upgrade(guard: Self) -> RwLockUpgrade<'a, T> {
        let take = RawTake::new(&guard.lock.raw, Kind::Upgrade);
        RwLockUpgrade { take, guard: Some(guard), location: Location::caller() }
    }

    /// Becomes the writer if nobody else reads.
    ///
    /// # Errors
    /// The guard itself, when somebody does.
    /// # Examples
    /// ```
    /// use filch_sync::{RwLock, RwLockUpgradableReadGuard};
    /// let lock = RwLock::new(1);
    /// let guard = lock.upgradable_read_blocking();
    /// let reader = lock.read_blocking();
    /// let guard = RwLockUpgradableReadGuard::try_upgrade(guard).unwrap_err();
    /// drop(reader);
    /// assert!(RwLockUpgradableReadGuard::try_upgrade(guard).is_ok());
    /// ```
    #[track_caller]
    pub fn try_upgrade(guard: Self) -> Result<RwLockWriteGuard<'a, T>, Self> {
        if guard.lock.raw.try_take(Kind::Upgrade) {
            Ok(RwLockWriteGuard::signed(guard.into_lock(), Location::caller()))
        } else {
            Err(guard)
        }
    }

    /// Becomes the writer, waiting on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// ```
    /// use filch_sync::{RwLock, RwLockUpgradableReadGuard};
    /// let lock = RwLock::new(1);
    /// *RwLockUpgradableReadGuard::upgrade_blocking(lock.upgradable_read_blocking()) += 1;
    /// assert_eq!(lock.into_inner(), 2);
    /// ```
    #[track_caller]
    pub fn upgrade_blocking(guard: Self) -> RwLockWriteGuard<'a, T> {
        blocking::block_on(Self::upgrade(guard))
    }

    /// Becomes a reader like others.
    ///
    /// ```
    /// use filch_sync::{RwLock, RwLockUpgradableReadGuard};
    /// let lock = RwLock::new(1);
    /// let reader = RwLockUpgradableReadGuard::downgrade(lock.upgradable_read_blocking());
    /// assert!(lock.try_upgradable_read().is_some());
    /// # drop(reader);
    /// ```
    pub fn downgrade(guard: Self) -> RwLockReadGuard<'a, T> {
        let lock = guard.into_lock();
        lock.raw.downgrade_upgradable();
        RwLockReadGuard { lock }
    }

    /// The lock, still held.
    fn into_lock(self) -> &'a RwLock<T> {
        let lock = self.lock;
        mem::forget(self);
        lock
    }
}

impl<T: ?Sized> Drop for RwLockUpgradableReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.unlock_upgradable();
    }
}

pin_project! {
    /// Waits for readers to leave, to become the writer; made by [`RwLockUpgradableReadGuard::upgrade`].
    ///
    /// ```
    /// use filch_sync::{RwLock, RwLockUpgradableReadGuard};
    /// use futures_lite::future::{block_on, poll_once};
    /// let lock = RwLock::new(1);
    /// let (reader, upgradable) = (lock.read_blocking(), lock.upgradable_read_blocking());
    /// let mut upgrade = std::pin::pin!(RwLockUpgradableReadGuard::upgrade(upgradable));
    /// assert!(block_on(poll_once(upgrade.as_mut())).is_none());
    /// drop(reader);
    /// *block_on(upgrade) += 1;
    /// assert_eq!(*lock.read_blocking(), 2);
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct RwLockUpgrade<'a, T: ?Sized> {
        // Dropped before the guard: it gives up its place first, and then the right to have one.
        #[pin]
        take: RawTake<'a>,
        guard: Option<RwLockUpgradableReadGuard<'a, T>>,
        location: &'static Location<'static>,
    }
}

impl<'a, T: ?Sized> Future for RwLockUpgrade<'a, T> {
    type Output = RwLockWriteGuard<'a, T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        assert!(this.guard.is_some(), "an upgrade was polled after its end");
        std::task::ready!(this.take.poll(cx));
        match this.guard.take() {
            Some(guard) => Poll::Ready(RwLockWriteGuard::signed(guard.into_lock(), this.location)),
            None => Poll::Pending,
        }
    }
}

/// The right to write the value of an [`RwLock`], until dropped. It may be dropped on another thread.
///
/// ```
/// let lock = filch_sync::RwLock::new(1);
/// let mut writing = lock.try_write().unwrap();
/// *writing += 1;
/// assert!(lock.try_read().is_none());
/// drop(writing);
/// assert_eq!(lock.into_inner(), 2);
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// The guard of whoever just took the raw lock.
    #[inline]
    pub(super) fn signed(lock: &'a RwLock<T>, location: &'static Location<'static>) -> Self {
        lock.raw.sign(location);
        Self { lock }
    }

    /// The lock this guard came from.
    ///
    /// ```
    /// use filch_sync::{RwLock, RwLockWriteGuard};
    /// let lock = RwLock::new(1);
    /// let guard = lock.write_blocking();
    /// assert!(std::ptr::eq(RwLockWriteGuard::lock(&guard), &lock));
    /// ```
    pub fn lock(guard: &Self) -> &'a RwLock<T> {
        guard.lock
    }

    /// Becomes a reader. Nobody writes in between.
    ///
    /// ```
    /// use filch_sync::{RwLock, RwLockWriteGuard};
    /// let lock = RwLock::new(1);
    /// let reader = RwLockWriteGuard::downgrade(lock.write_blocking());
    /// assert!(lock.try_read().is_some() && lock.try_write().is_none());
    /// # drop(reader);
    /// ```
    pub fn downgrade(guard: Self) -> RwLockReadGuard<'a, T> {
        let lock = guard.into_lock();
        lock.raw.downgrade_to_read();
        RwLockReadGuard { lock }
    }

    /// Becomes the reader that may become the writer again. Nobody writes in between.
    ///
    /// ```
    /// use filch_sync::{RwLock, RwLockWriteGuard};
    /// let lock = RwLock::new(1);
    /// let upgradable = RwLockWriteGuard::downgrade_to_upgradable(lock.write_blocking());
    /// assert!(lock.try_read().is_some() && lock.try_upgradable_read().is_none());
    /// # drop(upgradable);
    /// ```
    pub fn downgrade_to_upgradable(guard: Self) -> RwLockUpgradableReadGuard<'a, T> {
        let lock = guard.into_lock();
        lock.raw.downgrade_to_upgradable();
        RwLockUpgradableReadGuard { lock }
    }

    /// The lock, still held.
    pub(super) fn into_lock(self) -> &'a RwLock<T> {
        let lock = self.lock;
        mem::forget(self);
        lock
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held for the guard alone, which is borrowed mutably: this is the only reference.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.unlock_write();
    }
}
