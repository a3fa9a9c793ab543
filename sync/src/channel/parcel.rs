//! A value on its way, moved from place to place without passing through the stack.
//!
//! A large value that goes by way of arguments and results is copied once per call, in unoptimised builds several times per
//! frame, and a few hundred KiB of it overflow a thread's stack. So between the two ends' surfaces a value is moved from one place
//! straight into the next, and what is handed down are references to places.

#![allow(unsafe_code, reason = "moves a value by its address")]

use std::mem::MaybeUninit;

/// A place with a value in it, or without.
pub(super) struct Parcel<T> {
    value: MaybeUninit<T>,
    is_full: bool,
}

impl<T> Parcel<T> {
    #[inline]
    pub(super) fn full(value: T) -> Self {
        Self { value: MaybeUninit::new(value), is_full: true }
    }

    #[inline]
    pub(super) fn empty() -> Self {
        Self { value: MaybeUninit::uninit(), is_full: false }
    }

    /// Moves the value into `to`.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub(super) fn unload(&mut self, to: &mut MaybeUninit<T>) {
        assert!(self.is_full, "a parcel is unloaded once");
        self.is_full = false;
        // SAFETY: two places, each borrowed mutably and so not the same; what is copied need not be a value.
        unsafe { (&raw const self.value).copy_to_nonoverlapping(to, 1) };
    }

    /// Moves the value in `from` here, into an empty parcel.
    ///
    /// # Safety
    /// `from` holds a value, and is not read as one again.
    #[inline]
    pub(super) unsafe fn load(&mut self, from: &mut MaybeUninit<T>) {
        debug_assert!(!self.is_full, "a parcel holds one value");
        // SAFETY: as in `unload`.
        unsafe { (&raw const *from).copy_to_nonoverlapping(&mut self.value, 1) };
        self.is_full = true;
    }

    /// Moves the value into another parcel, an empty one. False when there is none.
    #[inline]
    pub(super) fn hand_over(&mut self, to: &mut Self) -> bool {
        if !std::mem::replace(&mut self.is_full, false) {
            return false;
        }
        // SAFETY: it was full, and is empty from now on.
        unsafe { to.load(&mut self.value) };
        true
    }

    /// Takes the value out.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub(super) fn take(&mut self) -> T {
        assert!(self.is_full, "a parcel that somebody counts on is full");
        self.is_full = false;
        // SAFETY: it was full, and is empty from now on.
        unsafe { self.value.as_ptr().read() }
    }

    /// Drops the value, if there is one, where it is.
    #[inline]
    pub(super) fn clear(&mut self) {
        if std::mem::replace(&mut self.is_full, false) {
            // SAFETY: it was full, and counts as empty even if the drop of the value panics.
            unsafe { self.value.assume_init_drop() };
        }
    }
}

impl<T> Drop for Parcel<T> {
    #[inline]
    fn drop(&mut self) {
        self.clear();
    }
}
