//! Locks, semaphores, events and channels for async code, under any executor.
//!
//! Nothing here needs a runtime: a primitive wakes whoever waits for it, wherever that runs, and the `*_blocking`
//! twins serve plain threads. Waiting allocates nothing: a waiter lives inside the future that waits, in one
//! [wait list](filch_primitive::wait_list) that all primitives share.
//!
//! In reading order:
//! - [`Lock`]: one at a time; two locked instructions when nobody competes.
//! - [`Semaphore`]: a number of permits, handed out in the order they were asked for.
//! - [`Event`]: a flag to wait for.
//!
//! Common promises: dropping a future that waits loses nothing (each function's *cancel safety* says what that means);
//! a panic of somebody's waker or destructor harms nobody else; `Debug` never waits.

mod blocking;
mod clock;
mod event;
mod lock;
mod semaphore;

pub use event::{Event, EventWait};
pub use lock::{Lock, LockFuture, LockGuard, OwnedLockGuard};
pub use semaphore::{
    Acquire, Closed, MAX_PERMITS, OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError,
};

#[cfg(all(test, not(filch_loom)))]
mod testing;
