//! What is written once, under a model checker. A real one, like the standard library's, and another: where it must not
//! stand under that name, whoever names it has gone round the facade.

#![allow(unsafe_code, reason = "a cell that is written once is read without a lock")]

use parking_lot::Once;
use std::cell::UnsafeCell;

/// A value that is written once and read without a lock.
#[derive(Debug)]
pub struct OnceLock<T> {
    once: Once,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: a shared reference leads to the value by shared reference, and once, from whichever thread, to writing it: so
// a shared one asks both of `T`, as the standard library's does.
unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// An empty one.
    pub const fn new() -> Self {
        Self { once: Once::new(), value: UnsafeCell::new(None) }
    }

    /// The value, if it is there.
    pub fn get(&self) -> Option<&T> {
        if !self.once.state().done() {
            return None;
        }
        // SAFETY: written before `once` was done, which `state` acquires, and never again.
        unsafe { &*self.value.get() }.as_ref()
    }

    /// Writes the value.
    ///
    /// # Errors
    /// `value` itself, if there is one already.
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.fill(|| value.take().expect("filled once"));
        value.map_or(Ok(()), Err)
    }

    /// The value. Whoever is first makes it, and the others wait for that.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        self.fill(make);
        self.get().expect("just filled")
    }

    fn fill(&self, make: impl FnOnce() -> T) {
        // Forced: as with the standard library's, a panic of `make` leaves it empty, not broken.
        self.once.call_once_force(|_| {
            let value = make();
            // SAFETY: one thread at a time is in here, and none reads before `once` is done.
            unsafe { *self.value.get() = Some(value) };
        });
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}
