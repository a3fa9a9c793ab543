//! User code that must not take a pool thread down.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f`; a panic ends here. The panic hook has printed it by then.
pub(crate) fn contained<R>(f: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // The payload is a user's value: its destructor may panic as well, and then so may that payload's.
            // Leaking the second is the one way to be done.
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(second);
            }
            None
        }
    }
}
