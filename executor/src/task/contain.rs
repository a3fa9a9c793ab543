//! Panics of user code, kept where they belong.
//!
//! Futures, outputs, wakers and panic payloads come from outside, and any call into them may unwind, destructors
//! included. Whoever calls them while holding a task's run right goes through here, so that every path goes on to its end.

#![allow(unsafe_code, reason = "a payload takes its box out by hand, and argues why it may be shared")]

use filch_primitive::discard;
use std::any::Any;
use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a panic threw. Dropping one is safe even when the thrown value's own destructor panics: see
/// [`discard`].
pub(super) struct Payload(ManuallyDrop<Box<dyn Any + Send>>);

impl Payload {
    /// The thrown value.
    pub(super) fn into_inner(self) -> Box<dyn Any + Send> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped and not used again, so the box is taken once.
        unsafe { ManuallyDrop::take(&mut this.0) }
    }

    /// The message of an ordinary `panic!`.
    pub(super) fn message(&self) -> Option<&str> {
        let thrown: &(dyn Any + Send) = &**self.0;
        match thrown.downcast_ref::<&'static str>() {
            Some(message) => Some(message),
            None => thrown.downcast_ref::<String>().map(String::as_str),
        }
    }
}

// SAFETY: the only thing a shared payload gives away is `message`, which looks at `&'static str` and `String`, both
// `Sync`; the type's identity is not read from the value.
unsafe impl Sync for Payload {}

impl Drop for Payload {
    fn drop(&mut self) {
        let thrown = &mut self.0;
        // SAFETY: a payload is dropped once, and `into_inner` prevents this drop.
        discard(unsafe { ManuallyDrop::take(thrown) });
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message().unwrap_or("a value that is not a string"))
    }
}

/// Runs user code. State it leaves broken is its own: it is dropped next, and never polled again.
#[inline]
pub(super) fn contain<R>(user_code: impl FnOnce() -> R) -> Result<R, Payload> {
    catch_unwind(AssertUnwindSafe(user_code)).map_err(|thrown| Payload(ManuallyDrop::new(thrown)))
}

/// Drops a value of unknown make.
#[inline]
pub(super) fn drop_contained<T>(value: T) {
    // The panic hook has shown the panic; nobody waits for this one.
    drop(contain(|| drop(value)));
}
