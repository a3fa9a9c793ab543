//! The note in a lock that says who holds it.

use super::Holder;
use filch_primitive::sync::atomic::{AtomicPtr, Ordering};
use std::panic::Location;
use std::ptr;

/// The note, null while nobody has signed; the [module docs](super) say what it is worth.
pub(crate) struct HolderCell(AtomicPtr<Location<'static>>);

impl HolderCell {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Signs. The caller holds the lock.
    #[inline]
    pub(crate) fn sign(&self, location: &'static Location<'static>) {
        // Ordering: Relaxed, here and below: a note to look at, which publishes nothing. What keeps old notes from a look is
        // the word of the lock: striking out comes before its release.
        self.0.store(ptr::from_ref(location).cast_mut(), Ordering::Relaxed);
    }

    /// Strikes the note out. The caller still holds the lock.
    #[inline]
    pub(crate) fn strike(&self) {
        // Ordering: Relaxed, see `sign`.
        self.0.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// Who has signed.
    pub(crate) fn read(&self) -> Option<Holder> {
        // Ordering: Relaxed, see `sign`.
        let location = self.0.load(Ordering::Relaxed);
        // SAFETY: what is not null was made from a reference that is good for ever, by `sign`.
        let location = unsafe { location.as_ref() }?;
        Some(Holder { location })
    }
}
