//! Values that are never dropped, on purpose.

use std::any::Any;
use std::sync::{Mutex, PoisonError};

static KEPT: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new());

/// Forgets a value: it is never dropped. Unlike after [`std::mem::forget`], what hangs on it can be reached, so that a leak
/// checker reports what nobody meant to leak, and nothing else.
pub fn keep(value: impl Send + 'static) {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(value));
}

/// A value for as long as the process lives. As [`Box::leak`], and found by a leak checker as [kept](keep) values are.
pub fn kept<T: Send + Sync + 'static>(value: T) -> &'static T {
    let value: &'static T = Box::leak(Box::new(value));
    keep(value);
    value
}
