//! Who compares items at this moment, under the state's lock: [`Mark`].

use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use std::cell::Cell;

/// Takes the name away again, also when the comparison panicked.
pub(super) struct Mark<'a>(pub(super) &'a AtomicUsize);

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        // Ordering: Relaxed, see `RawQueue::is_comparing`.
        self.0.store(0, Ordering::Relaxed);
    }
}

/// A name for this thread that no other bears while it lives; never 0.
pub(super) fn this_thread() -> usize {
    filch_primitive::thread_local! {
        static HERE: Cell<u8> = const { Cell::new(0) };
    }
    HERE.with(|here| std::ptr::from_ref(here).addr())
}
