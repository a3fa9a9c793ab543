//! Guards of a part: [`MappedRwLockReadGuard`] and [`MappedRwLockWriteGuard`].
//!
//! A mapped guard keeps the lock and a pointer to the part: the guard it was made from is gone, and the lock is released by it
//! and nobody else.

use super::raw::RawRwLock;
use super::{RwLockReadGuard, RwLockWriteGuard};
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// A guard of a part of the value.
    ///
    /// # Panics
    /// When `part` does; the lock is released.
    /// # Examples
    /// ```
    /// use filch_sync::{RwLock, RwLockReadGuard};
    /// let lock = RwLock::new((1, "one"));
    /// let name = RwLockReadGuard::map(lock.read_blocking(), |pair| &pair.1);
    /// assert_eq!(*name, "one");
    /// assert!(lock.try_write().is_none(), "it is still read");
    /// ```
    pub fn map<U: ?Sized>(guard: Self, part: impl FnOnce(&T) -> &U) -> MappedRwLockReadGuard<'a, U> {
        let part = NonNull::from(part(&guard));
        MappedRwLockReadGuard { raw: &guard.into_lock().raw, part, _part: PhantomData }
    }

    /// A guard of a part of the value, if there is one.
    ///
    /// # Panics
    /// When `part` does; the lock is released.
    /// # Errors
    /// The guard itself, when there is not.
    /// # Examples
    /// ```
    /// use filch_sync::{RwLock, RwLockReadGuard};
    /// let lock = RwLock::new(vec![1]);
    /// let guard = RwLockReadGuard::try_map(lock.read_blocking(), |list| list.get(5)).unwrap_err();
    /// assert_eq!(*RwLockReadGuard::try_map(guard, |list| list.get(0)).unwrap(), 1);
    /// ```
    pub fn try_map<U: ?Sized>(
        guard: Self,
        part: impl FnOnce(&T) -> Option<&U>,
    ) -> Result<MappedRwLockReadGuard<'a, U>, Self> {
        match part(&guard).map(NonNull::from) {
            Some(part) => Ok(MappedRwLockReadGuard { raw: &guard.into_lock().raw, part, _part: PhantomData }),
            None => Err(guard),
        }
    }
}

/// The right to read a part of the value of an [`RwLock`](super::RwLock); made by [`RwLockReadGuard::map`].
///
/// ```
/// use filch_sync::{RwLock, RwLockReadGuard};
/// let pair = RwLock::new((1, "one"));
/// let name = RwLockReadGuard::map(pair.read_blocking(), |pair| &pair.1);
/// assert_eq!(*name, "one");
/// assert!(pair.try_write().is_none(), "it keeps the lock");
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct MappedRwLockReadGuard<'a, U: ?Sized> {
    raw: &'a RawRwLock,
    part: NonNull<U>,
    _part: PhantomData<&'a U>,
}

// SAFETY: the guard is a `&U` with a lock that any thread may release.
unsafe impl<U: ?Sized + Sync> Send for MappedRwLockReadGuard<'_, U> {}
// SAFETY: as above; shared, it gives out `&U` and nothing else.
unsafe impl<U: ?Sized + Sync> Sync for MappedRwLockReadGuard<'_, U> {}

impl<'a, U: ?Sized> MappedRwLockReadGuard<'a, U> {
    /// A guard of a part of the part.
    ///
    /// # Panics
    /// When `part` does; the lock is released.
    /// # Examples
    /// ```
    /// use filch_sync::{MappedRwLockReadGuard, RwLock, RwLockReadGuard};
    /// let lock = RwLock::new((0, [1, 2]));
    /// let array = RwLockReadGuard::map(lock.read_blocking(), |pair| &pair.1);
    /// assert_eq!(*MappedRwLockReadGuard::map(array, |array| &array[1]), 2);
    /// ```
    pub fn map<V: ?Sized>(guard: Self, part: impl FnOnce(&U) -> &V) -> MappedRwLockReadGuard<'a, V> {
        let part = NonNull::from(part(&guard));
        let guard = ManuallyDrop::new(guard);
        MappedRwLockReadGuard { raw: guard.raw, part, _part: PhantomData }
    }
}

impl<U: ?Sized> Deref for MappedRwLockReadGuard<'_, U> {
    type Target = U;

    fn deref(&self) -> &U {
        // SAFETY: the part lies in the value, which is there while the lock is borrowed, and which nobody writes while it is read.
        unsafe { self.part.as_ref() }
    }
}

impl<U: ?Sized> Drop for MappedRwLockReadGuard<'_, U> {
    fn drop(&mut self) {
        self.raw.unlock_read();
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// A guard of a part of the value.
    ///
    /// # Panics
    /// When `part` does; the lock is released.
    /// # Examples
    /// ```
    /// use filch_sync::{RwLock, RwLockWriteGuard};
    /// let lock = RwLock::new((1, "one"));
    /// *RwLockWriteGuard::map(lock.write_blocking(), |pair| &mut pair.1) = "uno";
    /// assert_eq!(lock.into_inner(), (1, "uno"));
    /// ```
    pub fn map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> &mut U,
    ) -> MappedRwLockWriteGuard<'a, U> {
        let part = NonNull::from(part(&mut guard));
        MappedRwLockWriteGuard { raw: &guard.into_lock().raw, part, _part: PhantomData }
    }

    /// A guard of a part of the value, if there is one.
    ///
    /// # Panics
    /// When `part` does; the lock is released.
    /// # Errors
    /// The guard itself, when there is not.
    /// # Examples
    /// ```
    /// use filch_sync::{RwLock, RwLockWriteGuard};
    /// let lock = RwLock::new(vec![1]);
    /// let guard = RwLockWriteGuard::try_map(lock.write_blocking(), |list| list.get_mut(5)).unwrap_err();
    /// assert_eq!(*RwLockWriteGuard::try_map(guard, |list| list.get_mut(0)).unwrap(), 1);
    /// ```
    pub fn try_map<U: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<MappedRwLockWriteGuard<'a, U>, Self> {
        match part(&mut guard).map(NonNull::from) {
            Some(part) => {
                Ok(MappedRwLockWriteGuard { raw: &guard.into_lock().raw, part, _part: PhantomData })
            }
            None => Err(guard),
        }
    }
}

/// The right to write a part of the value of an [`RwLock`](super::RwLock); made by [`RwLockWriteGuard::map`].
///
/// ```
/// use filch_sync::{RwLock, RwLockWriteGuard};
/// let pair = RwLock::new((1, "one"));
/// *RwLockWriteGuard::map(pair.write_blocking(), |pair| &mut pair.0) += 1;
/// assert_eq!(*pair.read_blocking(), (2, "one"));
/// ```
#[must_use = "the lock is released when the guard is dropped"]
pub struct MappedRwLockWriteGuard<'a, U: ?Sized> {
    raw: &'a RawRwLock,
    part: NonNull<U>,
    _part: PhantomData<&'a mut U>,
}

// SAFETY: the guard is a `&mut U` with a lock that any thread may release.
unsafe impl<U: ?Sized + Send> Send for MappedRwLockWriteGuard<'_, U> {}
// SAFETY: shared, the guard gives out `&U` and nothing else.
unsafe impl<U: ?Sized + Sync> Sync for MappedRwLockWriteGuard<'_, U> {}

impl<'a, U: ?Sized> MappedRwLockWriteGuard<'a, U> {
    /// A guard of a part of the part.
    ///
    /// # Panics
    /// When `part` does; the lock is released.
    /// # Examples
    /// ```
    /// use filch_sync::{MappedRwLockWriteGuard, RwLock, RwLockWriteGuard};
    /// let lock = RwLock::new((0, [1, 2]));
    /// let array = RwLockWriteGuard::map(lock.write_blocking(), |pair| &mut pair.1);
    /// assert_eq!(*MappedRwLockWriteGuard::map(array, |array| &mut array[1]), 2);
    /// ```
    pub fn map<V: ?Sized>(
        mut guard: Self,
        part: impl FnOnce(&mut U) -> &mut V,
    ) -> MappedRwLockWriteGuard<'a, V> {
        let part = NonNull::from(part(&mut guard));
        let guard = ManuallyDrop::new(guard);
        MappedRwLockWriteGuard { raw: guard.raw, part, _part: PhantomData }
    }
}

impl<U: ?Sized> Deref for MappedRwLockWriteGuard<'_, U> {
    type Target = U;

    fn deref(&self) -> &U {
        // SAFETY: the part lies in the value, which is there while the lock is borrowed and the guard's alone while it is held.
        unsafe { self.part.as_ref() }
    }
}

impl<U: ?Sized> DerefMut for MappedRwLockWriteGuard<'_, U> {
    fn deref_mut(&mut self) -> &mut U {
        // SAFETY: as in `deref`, and the guard is borrowed mutably: this is the only reference.
        unsafe { self.part.as_mut() }
    }
}

impl<U: ?Sized> Drop for MappedRwLockWriteGuard<'_, U> {
    fn drop(&mut self) {
        self.raw.unlock_write();
    }
}

macro_rules! shows_the_part {
    ($($guard:ident)*) => {$(
        impl<U: ?Sized + fmt::Debug> fmt::Debug for $guard<'_, U> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<U: ?Sized + fmt::Display> fmt::Display for $guard<'_, U> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    )*};
}

shows_the_part! { MappedRwLockReadGuard MappedRwLockWriteGuard }
