//! User code that must not take a pool thread down.

use filch_primitive::discard;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f`; a panic ends here. The panic hook has printed it by then.
pub(crate) fn contained<R>(f: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => Some(value),
        Err(payload) => {
            discard(payload);
            None
        }
    }
}
