//! Guards that keep the lock alive, and how they are come by.

use super::RwLock;
use super::guard::gives_out_the_value;
use super::raw::RawTake;
use super::turns::Kind;
use crate::blocking;
use std::fmt;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::ptr;
// Std's in a model too: only that one can be a `self` type, and what a model watches lies inside.
use std::sync::Arc;

impl<T: ?Sized> RwLock<T> {
    /// As [`read`](Self::read), with a guard that keeps the lock alive: for tasks that outlive the borrow.
    ///
    /// # Panics
    /// As with [`read`](Self::read).
    /// # Cancel safety
    /// As with [`read`](Self::read).
    /// # Examples
    /// ```
    /// use filch_sync::RwLock;
    /// use std::sync::Arc;
    /// # futures_lite::future::block_on(async {
    /// let guard = Arc::new(RwLock::new(1)).read_owned().await;
    /// assert_eq!(*guard, 1);
    /// # });
    /// ```
    pub async fn read_owned(self: Arc<Self>) -> OwnedRwLockReadGuard<T> {
        RawTake::new(&self.raw, Kind::Read).await;
        OwnedRwLockReadGuard { lock: self }
    }

    /// As [`try_read`](Self::try_read), with a guard that keeps the lock alive.
    ///
    /// # Panics
    /// As with [`read`](Self::read).
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// assert!(Arc::new(filch_sync::RwLock::new(1)).try_read_owned().is_some());
    /// ```
    pub fn try_read_owned(self: Arc<Self>) -> Option<OwnedRwLockReadGuard<T>> {
        self.raw.try_take(Kind::Read).then(|| OwnedRwLockReadGuard { lock: self })
    }

    /// As [`read_blocking`](Self::read_blocking), with a guard that keeps the lock alive.
    ///
    /// # Panics
    /// As with [`read`](Self::read).
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// assert_eq!(*Arc::new(filch_sync::RwLock::new(1)).read_owned_blocking(), 1);
    /// ```
    pub fn read_owned_blocking(self: Arc<Self>) -> OwnedRwLockReadGuard<T> {
        blocking::block_on(self.read_owned())
    }

    /// As [`upgradable_read`](Self::upgradable_read), with a guard that keeps the lock alive.
    ///
    /// # Cancel safety
    /// As with [`read`](Self::read).
    /// # Examples
    /// ```
    /// use filch_sync::{OwnedRwLockUpgradableReadGuard, RwLock};
    /// use std::sync::Arc;
    /// # futures_lite::future::block_on(async {
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = lock.clone().upgradable_read_owned().await;
    /// *OwnedRwLockUpgradableReadGuard::upgrade(guard).await += 1;
    /// assert_eq!(*lock.read().await, 2);
    /// # });
    /// ```
    pub async fn upgradable_read_owned(self: Arc<Self>) -> OwnedRwLockUpgradableReadGuard<T> {
        RawTake::new(&self.raw, Kind::Upgradable).await;
        OwnedRwLockUpgradableReadGuard { lock: self }
    }

    /// As [`try_upgradable_read`](Self::try_upgradable_read), with a guard that keeps the lock alive.
    ///
    /// ```
    /// use std::sync::Arc;
    /// assert!(Arc::new(filch_sync::RwLock::new(1)).try_upgradable_read_owned().is_some());
    /// ```
    pub fn try_upgradable_read_owned(self: Arc<Self>) -> Option<OwnedRwLockUpgradableReadGuard<T>> {
        self.raw.try_take(Kind::Upgradable).then(|| OwnedRwLockUpgradableReadGuard { lock: self })
    }

    /// As [`upgradable_read_blocking`](Self::upgradable_read_blocking), with a guard that keeps the lock alive.
    ///
    /// ```
    /// use std::sync::Arc;
    /// assert_eq!(*Arc::new(filch_sync::RwLock::new(1)).upgradable_read_owned_blocking(), 1);
    /// ```
    pub fn upgradable_read_owned_blocking(self: Arc<Self>) -> OwnedRwLockUpgradableReadGuard<T> {
        blocking::block_on(self.upgradable_read_owned())
    }

    /// As [`write`](Self::write), with a guard that keeps the lock alive.
    ///
    /// # Cancel safety
    /// As with [`write`](Self::write).
    /// # Examples
    /// ```
    /// use filch_sync::RwLock;
    /// use std::sync::Arc;
    /// # futures_lite::future::block_on(async {
    /// let lock = Arc::new(RwLock::new(1));
    /// *lock.clone().write_owned().await += 1;
    /// assert_eq!(*lock.read().await, 2);
    /// # });
    /// ```
    // Not an `async fn`: only a plain one knows its caller.
    #[track_caller]
    pub fn write_owned(self: Arc<Self>) -> impl Future<Output = OwnedRwLockWriteGuard<T>> {
        let location = Location::caller();
        async move {
            RawTake::new(&self.raw, Kind::Write).await;
            OwnedRwLockWriteGuard::signed(self, location)
        }
    }

    /// As [`try_write`](Self::try_write), with a guard that keeps the lock alive.
    ///
    /// ```
    /// use std::sync::Arc;
    /// assert!(Arc::new(filch_sync::RwLock::new(1)).try_write_owned().is_some());
    /// ```
    #[track_caller]
    pub fn try_write_owned(self: Arc<Self>) -> Option<OwnedRwLockWriteGuard<T>> {
        let location = Location::caller();
        self.raw.try_take(Kind::Write).then(|| OwnedRwLockWriteGuard::signed(self, location))
    }

    /// As [`write_blocking`](Self::write_blocking), with a guard that keeps the lock alive.
    ///
    /// ```
    /// use std::sync::Arc;
    /// assert_eq!(*Arc::new(filch_sync::RwLock::new(1)).write_owned_blocking(), 1);
    /// ```
    #[track_caller]
    pub fn write_owned_blocking(self: Arc<Self>) -> OwnedRwLockWriteGuard<T> {
        blocking::block_on(self.write_owned())
    }
}

gives_out_the_value! {
    [T: ?Sized] OwnedRwLockReadGuard<T>;
    [T: ?Sized] OwnedRwLockUpgradableReadGuard<T>;
    [T: ?Sized] OwnedRwLockWriteGuard<T>;
}

/// As [`RwLockReadGuard`](super::RwLockReadGuard), keeping the lock alive.
///
/// ```
/// use filch_sync::RwLock;
/// use std::{sync::Arc, thread};
/// let lock = Arc::new(RwLock::new(vec![1, 2]));
/// let guard = lock.clone().read_owned_blocking();
/// let sum = thread::spawn(move || guard.iter().sum::<i32>());
/// assert_eq!(sum.join().unwrap(), 3);
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct OwnedRwLockReadGuard<T: ?Sized> {
    lock: Arc<RwLock<T>>,
}

impl<T: ?Sized> OwnedRwLockReadGuard<T> {
    /// The lock this guard came from.
    ///
    /// ```
    /// use filch_sync::{OwnedRwLockReadGuard, RwLock};
    /// use std::sync::Arc;
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = lock.clone().read_owned_blocking();
    /// assert!(Arc::ptr_eq(OwnedRwLockReadGuard::lock(&guard), &lock));
    /// ```
    pub fn lock(guard: &Self) -> &Arc<RwLock<T>> {
        &guard.lock
    }
}

impl<T: ?Sized> Drop for OwnedRwLockReadGuard<T> {
    fn drop(&mut self) {
        self.lock.raw.unlock_read();
    }
}

/// As [`RwLockUpgradableReadGuard`](super::RwLockUpgradableReadGuard), keeping the lock alive.
///
/// # Complexity
/// As for [`RwLock`]: one locked instruction to upgrade when nobody else reads.
/// # Examples
/// ```
/// use filch_sync::{OwnedRwLockUpgradableReadGuard, RwLock};
/// use std::{sync::Arc, thread};
/// let lock = Arc::new(RwLock::new(1));
/// let guard = lock.clone().upgradable_read_owned_blocking();
/// let doubles = thread::spawn(move || {
///     let seen = *guard;
///     *OwnedRwLockUpgradableReadGuard::try_upgrade(guard).expect("no reader is there") = 2 * seen;
/// });
/// doubles.join().unwrap();
/// assert_eq!(*lock.read_blocking(), 2);
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct OwnedRwLockUpgradableReadGuard<T: ?Sized> {
    lock: Arc<RwLock<T>>,
}

impl<T: ?Sized> OwnedRwLockUpgradableReadGuard<T> {
    /// The lock this guard came from.
    ///
    /// ```
    /// use filch_sync::{OwnedRwLockUpgradableReadGuard, RwLock};
    /// use std::sync::Arc;
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = lock.clone().upgradable_read_owned_blocking();
    /// assert!(Arc::ptr_eq(OwnedRwLockUpgradableReadGuard::lock(&guard), &lock));
    /// ```
    pub fn lock(guard: &Self) -> &Arc<RwLock<T>> {
        &guard.lock
    }

    /// Becomes the writer, as [`RwLockUpgradableReadGuard::upgrade`](super::RwLockUpgradableReadGuard::upgrade) does.
    ///
    /// # Cancel safety
    /// The future has the guard: dropping it releases the lock.
    /// # Examples
    /// ```
    /// use filch_sync::{OwnedRwLockUpgradableReadGuard, RwLock};
    /// use std::sync::Arc;
    /// # futures_lite::future::block_on(async {
    /// let count = Arc::new(RwLock::new(1));
    /// let reading = count.clone().upgradable_read_owned().await;
    /// if *reading == 1 {
    ///     *OwnedRwLockUpgradableReadGuard::upgrade(reading).await = 2;
    /// }
    /// assert_eq!(*count.read().await, 2);
    /// # });
    /// ```
    // Not an `async fn`: only a plain one knows its caller.
    #[track_caller]
    pub fn upgrade(guard: Self) -> impl Future<Output = OwnedRwLockWriteGuard<T>> {
        let location = Location::caller();
        async move {
            RawTake::new(&guard.lock.raw, Kind::Upgrade).await;
            OwnedRwLockWriteGuard::signed(guard.into_lock(), location)
        }
    }

    /// Becomes the writer if nobody else reads.
    ///
    /// # Errors
    /// The guard itself, when somebody does.
    /// # Examples
    /// ```
    /// use filch_sync::{OwnedRwLockUpgradableReadGuard, RwLock};
    /// use std::sync::Arc;
    /// let guard = Arc::new(RwLock::new(1)).upgradable_read_owned_blocking();
    /// assert!(OwnedRwLockUpgradableReadGuard::try_upgrade(guard).is_ok());
    /// ```
    #[track_caller]
    pub fn try_upgrade(guard: Self) -> Result<OwnedRwLockWriteGuard<T>, Self> {
        if guard.lock.raw.try_take(Kind::Upgrade) {
            Ok(OwnedRwLockWriteGuard::signed(guard.into_lock(), Location::caller()))
        } else {
            Err(guard)
        }
    }

    /// Becomes a reader like others.
    ///
    /// ```
    /// use filch_sync::{OwnedRwLockUpgradableReadGuard, RwLock};
    /// use std::sync::Arc;
    /// let guard = Arc::new(RwLock::new(1)).upgradable_read_owned_blocking();
    /// assert_eq!(*OwnedRwLockUpgradableReadGuard::downgrade(guard), 1);
    /// ```
    pub fn downgrade(guard: Self) -> OwnedRwLockReadGuard<T> {
        let lock = guard.into_lock();
        lock.raw.downgrade_upgradable();
        OwnedRwLockReadGuard { lock }
    }

    /// The lock, still held.
    fn into_lock(self) -> Arc<RwLock<T>> {
        let guard = ManuallyDrop::new(self);
        // SAFETY: the guard is not dropped, so the reference is taken out of it once.
        unsafe { ptr::read(&raw const guard.lock) }
    }
}

impl<T: ?Sized> Drop for OwnedRwLockUpgradableReadGuard<T> {
    fn drop(&mut self) {
        self.lock.raw.unlock_upgradable();
    }
}

/// As [`RwLockWriteGuard`](super::RwLockWriteGuard), keeping the lock alive.
///
/// ```
/// use filch_sync::RwLock;
/// use std::{sync::Arc, thread};
/// let lock = Arc::new(RwLock::new(vec![1]));
/// let mut guard = lock.clone().write_owned_blocking();
/// thread::spawn(move || guard.push(2)).join().unwrap();
/// assert_eq!(*lock.read_blocking(), [1, 2]);
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    lock: Arc<RwLock<T>>,
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    /// The guard of whoever just took the raw lock.
    fn signed(lock: Arc<RwLock<T>>, location: &'static Location<'static>) -> Self {
        lock.raw.sign(location);
        Self { lock }
    }

    /// The lock this guard came from.
    ///
    /// ```
    /// use filch_sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    /// let lock = Arc::new(RwLock::new(1));
    /// let guard = lock.clone().write_owned_blocking();
    /// assert!(Arc::ptr_eq(OwnedRwLockWriteGuard::lock(&guard), &lock));
    /// ```
    pub fn lock(guard: &Self) -> &Arc<RwLock<T>> {
        &guard.lock
    }

    /// Becomes a reader. Nobody writes in between.
    ///
    /// ```
    /// use filch_sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    /// let guard = Arc::new(RwLock::new(1)).write_owned_blocking();
    /// assert_eq!(*OwnedRwLockWriteGuard::downgrade(guard), 1);
    /// ```
    pub fn downgrade(guard: Self) -> OwnedRwLockReadGuard<T> {
        let lock = guard.into_lock();
        lock.raw.downgrade_to_read();
        OwnedRwLockReadGuard { lock }
    }

    /// Becomes the reader that may become the writer again. Nobody writes in between.
    ///
    /// ```
    /// use filch_sync::{OwnedRwLockWriteGuard, RwLock};
    /// use std::sync::Arc;
    /// let guard = Arc::new(RwLock::new(1)).write_owned_blocking();
    /// assert_eq!(*OwnedRwLockWriteGuard::downgrade_to_upgradable(guard), 1);
    /// ```
    pub fn downgrade_to_upgradable(guard: Self) -> OwnedRwLockUpgradableReadGuard<T> {
        let lock = guard.into_lock();
        lock.raw.downgrade_to_upgradable();
        OwnedRwLockUpgradableReadGuard { lock }
    }

    /// The lock, still held.
    pub(super) fn into_lock(self) -> Arc<RwLock<T>> {
        let guard = ManuallyDrop::new(self);
        // SAFETY: the guard is not dropped, so the reference is taken out of it once.
        unsafe { ptr::read(&raw const guard.lock) }
    }
}

impl<T: ?Sized> DerefMut for OwnedRwLockWriteGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held for the guard alone, which is borrowed mutably: this is the only reference.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: ?Sized> Drop for OwnedRwLockWriteGuard<T> {
    fn drop(&mut self) {
        self.lock.raw.unlock_write();
    }
}
