//! Guards of a part: [`MappedLockGuard`] and [`OwnedMappedLockGuard`].
//!
//! A mapped guard keeps the lock and a pointer to the part, which it alone may follow: the guard it was made from is gone,
//! and the lock is released by it and nobody else.

use super::raw::RawLock;
use super::{Lock, LockGuard, OwnedLockGuard};
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::sync::Arc;

impl<'a, T: ?Sized> LockGuard<'a, T> {
    /// A guard of a part of the value.
    ///
    /// # Panics
    /// When `part` does; the lock is released.
    /// # Examples
    /// ```
    /// use filch_sync::{Lock, LockGuard};
    /// let lock = Lock::new((1, "one"));
    /// let mut name = LockGuard::map(lock.try_lock().unwrap(), |pair| &mut pair.1);
    /// *name = "uno";
    /// assert!(lock.try_lock().is_none(), "the whole is locked");
    /// drop(name);
    /// assert_eq!(lock.into_inner(), (1, "uno"));
    /// ```
    pub fn map<U: ?Sized>(mut guard: Self, part: impl FnOnce(&mut T) -> &mut U) -> MappedLockGuard<'a, U> {
        let part = NonNull::from(part(&mut guard));
        guard.into_mapped(part)
    }

    /// A guard of a part of the value, if there is one.
    ///
    /// # Panics
    /// When `part` does; the lock is released.
    /// # Errors
    /// The guard itself, when there is not.
    /// # Examples
    /// ```
    /// use filch_sync::{Lock, LockGuard};
    /// let lock = Lock::new(vec![1, 2]);
    /// let guard = lock.try_lock().unwrap();
    /// let guard = LockGuard::try_map(guard, |list| list.get_mut(5)).unwrap_err();
    /// let second = LockGuard::try_map(guard, |list| list.get_mut(1)).unwrap();
    /// assert_eq!(*second, 2);
    /// ```
    pub fn try_map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedLockGuard<'a, U>, Self> {
        match part(&mut guard).map(NonNull::from) {
            Some(part) => Ok(guard.into_mapped(part)),
            None => Err(guard),
        }
    }

    fn into_mapped<U: ?Sized>(self, part: NonNull<U>) -> MappedLockGuard<'a, U> {
        let guard = ManuallyDrop::new(self);
        MappedLockGuard { raw: &guard.lock.raw, part, _part: PhantomData }
    }
}

/// The right to a part of the value of a [`Lock`]; made by [`LockGuard::map`].
///
/// ```
/// use filch_sync::{Lock, LockGuard, MappedLockGuard};
/// struct Account {
///     owner: &'static str,
///     balance: u32,
/// }
/// /// Lends the balance, and nothing else.
/// fn balance(account: &Lock<Account>) -> MappedLockGuard<'_, u32> {
///     LockGuard::map(account.lock_blocking(), |account| &mut account.balance)
/// }
/// let account = Lock::new(Account { owner: "alice", balance: 1 });
/// *balance(&account) += 41;
/// assert_eq!(*balance(&account), 42);
/// # assert_eq!(account.into_inner().owner, "alice");
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct MappedLockGuard<'a, U: ?Sized> {
    raw: &'a RawLock,
    part: NonNull<U>,
    _part: PhantomData<&'a mut U>,
}

// SAFETY: the guard is a `&mut U` with a lock that any thread may release.
unsafe impl<U: ?Sized + Send> Send for MappedLockGuard<'_, U> {}
// SAFETY: shared, the guard gives out `&U` and nothing else.
unsafe impl<U: ?Sized + Sync> Sync for MappedLockGuard<'_, U> {}

impl<'a, U: ?Sized> MappedLockGuard<'a, U> {
    /// A guard of a part of the part.
    ///
    /// # Panics
    /// When `part` does; the lock is released.
    /// # Examples
    /// ```
    /// use filch_sync::{Lock, LockGuard, MappedLockGuard};
    /// let lock = Lock::new((0, [1, 2]));
    /// let array = LockGuard::map(lock.try_lock().unwrap(), |pair| &mut pair.1);
    /// assert_eq!(*MappedLockGuard::map(array, |array| &mut array[1]), 2);
    /// ```
    pub fn map<V: ?Sized>(mut guard: Self, part: impl FnOnce(&mut U) -> &mut V) -> MappedLockGuard<'a, V> {
        let part = NonNull::from(part(&mut guard));
        guard.into_mapped(part)
    }

    /// A guard of a part of the part, if there is one.
    ///
    /// # Panics
    /// When `part` does; the lock is released.
    /// # Errors
    /// The guard itself, when there is not.
    /// # Examples
    /// ```
    /// use filch_sync::{Lock, LockGuard, MappedLockGuard};
    /// let lock = Lock::new((0, [1, 2]));
    /// let array = LockGuard::map(lock.try_lock().unwrap(), |pair| &mut pair.1);
    /// assert!(MappedLockGuard::try_map(array, |array| array.get_mut(5)).is_err());
    /// ```
    pub fn try_map<V: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut U) -> Option<&mut V>,
    ) -> Result<MappedLockGuard<'a, V>, Self> {
        match part(&mut guard).map(NonNull::from) {
            Some(part) => Ok(guard.into_mapped(part)),
            None => Err(guard),
        }
    }

    fn into_mapped<V: ?Sized>(self, part: NonNull<V>) -> MappedLockGuard<'a, V> {
        let guard = ManuallyDrop::new(self);
        MappedLockGuard { raw: guard.raw, part, _part: PhantomData }
    }
}

impl<U: ?Sized> Deref for MappedLockGuard<'_, U> {
    type Target = U;

    fn deref(&self) -> &U {
        // SAFETY: the part lies in the value, which is there while the lock is borrowed and the guard's alone while it is held.
        unsafe { self.part.as_ref() }
    }
}

impl<U: ?Sized> DerefMut for MappedLockGuard<'_, U> {
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: as in `deref`, and the guard is borrowed mutably: this is the only reference.
        unsafe { self.part.as_mut() }
    }
}

impl<U: ?Sized> Drop for MappedLockGuard<'_, U> {
    fn drop(&mut self) {
        self.raw.unlock();
    }
}

impl<U: ?Sized + fmt::Debug> fmt::Debug for MappedLockGuard<'_, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<U: ?Sized + fmt::Display> fmt::Display for MappedLockGuard<'_, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized> OwnedLockGuard<T> {
    /// A guard of a part of the value, as [`LockGuard::map`] makes it.
    ///
    /// # Panics
    /// When `part` does; the lock is released.
    /// # Examples
    /// ```
    /// use filch_sync::{Lock, OwnedLockGuard};
    /// use std::sync::Arc;
    /// let guard = Arc::new(Lock::new((1, "one"))).lock_owned_blocking();
    /// let name = OwnedLockGuard::map(guard, |pair| &mut pair.1);
    /// assert_eq!(*name, "one");
    /// ```
    pub fn map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> OwnedMappedLockGuard<T, U> {
        let part = NonNull::from(part(&mut guard));
        OwnedMappedLockGuard { lock: Self::into_lock(guard), part, _part: PhantomData }
    }

    /// A guard of a part of the value, if there is one.
    ///
    /// # Panics
    /// When `part` does; the lock is released.
    /// # Errors
    /// The guard itself, when there is not.
    /// # Examples
    /// ```
    /// use filch_sync::{Lock, OwnedLockGuard};
    /// use std::sync::Arc;
    /// let guard = Arc::new(Lock::new(vec![1])).lock_owned_blocking();
    /// assert!(OwnedLockGuard::try_map(guard, |list| list.get_mut(5)).is_err());
    /// ```
    pub fn try_map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<OwnedMappedLockGuard<T, U>, Self> {
        match part(&mut guard).map(NonNull::from) {
            Some(part) => Ok(OwnedMappedLockGuard { lock: Self::into_lock(guard), part, _part: PhantomData }),
            None => Err(guard),
        }
    }
}

/// As [`MappedLockGuard`], keeping the lock alive; made by [`OwnedLockGuard::map`].
///
/// ```
/// use filch_sync::{Lock, OwnedLockGuard};
/// use std::{sync::Arc, thread};
/// let pair = Arc::new(Lock::new((1, "one")));
/// let number = OwnedLockGuard::map(pair.clone().lock_owned_blocking(), |pair| &mut pair.0);
/// let adds = thread::spawn(move || {
///     let mut number = number;
///     *number += 1;
/// });
/// adds.join().unwrap();
/// assert_eq!(pair.lock_blocking().0, 2);
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct OwnedMappedLockGuard<T: ?Sized, U: ?Sized> {
    lock: Arc<Lock<T>>,
    part: NonNull<U>,
    /// Neither may be replaced by a type with another lifetime: the part can be written.
    _part: PhantomData<*mut U>,
}

// SAFETY: the guard is a `&mut U`, and a reference to the lock, with which it may drop the value elsewhere.
unsafe impl<T: ?Sized + Send, U: ?Sized + Send> Send for OwnedMappedLockGuard<T, U> {}
// SAFETY: shared, the guard gives out `&U` and nothing else.
unsafe impl<T: ?Sized + Send, U: ?Sized + Sync> Sync for OwnedMappedLockGuard<T, U> {}

impl<T: ?Sized, U: ?Sized> OwnedMappedLockGuard<T, U> {
    /// A guard of a part of the part.
    ///
    /// # Panics
    /// When `part` does; the lock is released.
    /// # Examples
    /// ```
    /// use filch_sync::{Lock, OwnedLockGuard, OwnedMappedLockGuard};
    /// use std::sync::Arc;
    /// let guard = Arc::new(Lock::new((0, [1, 2]))).lock_owned_blocking();
    /// let array = OwnedLockGuard::map(guard, |pair| &mut pair.1);
    /// assert_eq!(*OwnedMappedLockGuard::map(array, |array| &mut array[1]), 2);
    /// ```
    pub fn map<V: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut U) -> &mut V,
    ) -> OwnedMappedLockGuard<T, V> {
        let part = NonNull::from(part(&mut guard));
        guard.into_mapped(part)
    }

    /// A guard of a part of the part, if there is one.
    ///
    /// # Panics
    /// When `part` does; the lock is released.
    /// # Errors
    /// The guard itself, when there is not.
    /// # Examples
    /// ```
    /// use filch_sync::{Lock, OwnedLockGuard, OwnedMappedLockGuard};
    /// use std::sync::Arc;
    /// let guard = Arc::new(Lock::new((0, [1, 2]))).lock_owned_blocking();
    /// let array = OwnedLockGuard::map(guard, |pair| &mut pair.1);
    /// assert!(OwnedMappedLockGuard::try_map(array, |array| array.get_mut(5)).is_err());
    /// ```
    pub fn try_map<V: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut U) -> Option<&mut V>,
    ) -> Result<OwnedMappedLockGuard<T, V>, Self> {
        match part(&mut guard).map(NonNull::from) {
            Some(part) => Ok(guard.into_mapped(part)),
            None => Err(guard),
        }
    }

    fn into_mapped<V: ?Sized>(self, part: NonNull<V>) -> OwnedMappedLockGuard<T, V> {
        let guard = ManuallyDrop::new(self);
        // SAFETY: the guard is not dropped, so the reference is taken out of it once.
        let lock = unsafe { ptr::read(&raw const guard.lock) };
        OwnedMappedLockGuard { lock, part, _part: PhantomData }
    }
}

impl<T: ?Sized, U: ?Sized> Deref for OwnedMappedLockGuard<T, U> {
    type Target = U;

    fn deref(&self) -> &U {
        // SAFETY: as for `MappedLockGuard`; the lock is kept by the guard.
        unsafe { self.part.as_ref() }
    }
}

impl<T: ?Sized, U: ?Sized> DerefMut for OwnedMappedLockGuard<T, U> {
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: as for `MappedLockGuard`; the lock is kept by the guard.
        unsafe { self.part.as_mut() }
    }
}

impl<T: ?Sized, U: ?Sized> Drop for OwnedMappedLockGuard<T, U> {
    fn drop(&mut self) {
        self.lock.raw.unlock();
    }
}

impl<T: ?Sized, U: ?Sized + fmt::Debug> fmt::Debug for OwnedMappedLockGuard<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized, U: ?Sized + fmt::Display> fmt::Display for OwnedMappedLockGuard<T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
