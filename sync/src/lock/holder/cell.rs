//! The note in a lock that says who holds it.

use super::Holder;
use filch_primitive::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use filch_primitive::who;
use std::panic::Location;
use std::ptr;

/// The note; the [module docs](super) say what it is worth.
pub(crate) struct HolderCell {
    /// Null while nobody has signed.
    location: AtomicPtr<Location<'static>>,
    /// Zero for none; what it says counts only while there is a location.
    task: AtomicU64,
}

impl HolderCell {
    pub(crate) const fn new() -> Self {
        Self { location: AtomicPtr::new(ptr::null_mut()), task: AtomicU64::new(0) }
    }

    /// Signs for this thread. The caller holds the lock.
    #[inline]
    pub(crate) fn sign(&self, location: &'static Location<'static>) {
        // Ordering: Relaxed, here and below: a note to look at, which publishes nothing. What keeps old notes from a look is
        // the word of the lock: striking out comes before its release.
        self.task.store(who::task(), Ordering::Relaxed);
        self.location.store(ptr::from_ref(location).cast_mut(), Ordering::Relaxed);
    }

    /// Strikes the note out. The caller still holds the lock.
    #[inline]
    pub(crate) fn strike(&self) {
        // Ordering: Relaxed, see `sign`.
        self.location.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// Who has signed.
    pub(crate) fn read(&self) -> Option<Holder> {
        // Ordering: Relaxed, see `sign`.
        let location = self.location.load(Ordering::Relaxed);
        // SAFETY: what is not null was made from a reference that is good for ever, by `sign`.
        let location = unsafe { location.as_ref() }?;
        // Ordering: Relaxed, see `sign`.
        let task = self.task.load(Ordering::Relaxed);
        Some(Holder { location, task: (task != 0).then_some(task) })
    }
}
