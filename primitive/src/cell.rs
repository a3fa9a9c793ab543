//! Cells whose accesses a model checker can watch.

/// A cell that hands out raw pointers for the length of a closure.
///
/// The shape is the model checker's: it learns when an access begins and ends, and reports two that overlap.
/// Without it both methods are a plain [`std::cell::UnsafeCell::get`].
#[derive(Debug)]
pub struct UnsafeCell<T: ?Sized>(imp::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    /// A cell holding `value`.
    #[cfg(not(filch_loom))]
    #[inline]
    pub const fn new(value: T) -> Self {
        Self(imp::UnsafeCell::new(value))
    }

    /// A cell holding `value`.
    #[cfg(filch_loom)]
    pub fn new(value: T) -> Self {
        Self(imp::UnsafeCell::new(value))
    }

    /// The value: having the cell itself proves that nobody else is looking.
    #[inline]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> UnsafeCell<T> {
    /// Runs `f` with a pointer to read through. Dereferencing it is the caller's claim that nobody writes
    /// meanwhile.
    #[inline]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        imp::with(&self.0, f)
    }

    /// Runs `f` with a pointer to write through. Dereferencing it is the caller's claim that nobody else reads
    /// or writes meanwhile.
    #[inline]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        imp::with_mut(&self.0, f)
    }
}

impl<T: Default> Default for UnsafeCell<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

#[cfg(not(filch_loom))]
mod imp {
    pub(super) use std::cell::UnsafeCell;

    #[inline]
    pub(super) fn with<T: ?Sized, R>(cell: &UnsafeCell<T>, f: impl FnOnce(*const T) -> R) -> R {
        f(cell.get())
    }

    #[inline]
    pub(super) fn with_mut<T: ?Sized, R>(cell: &UnsafeCell<T>, f: impl FnOnce(*mut T) -> R) -> R {
        f(cell.get())
    }
}

#[cfg(filch_loom)]
mod imp {
    pub(super) use loom::cell::UnsafeCell;

    pub(super) fn with<T: ?Sized, R>(cell: &UnsafeCell<T>, f: impl FnOnce(*const T) -> R) -> R {
        cell.with(f)
    }

    pub(super) fn with_mut<T: ?Sized, R>(cell: &UnsafeCell<T>, f: impl FnOnce(*mut T) -> R) -> R {
        cell.with_mut(f)
    }
}
