//! What the locks know of time: how long a turn is kept for one that does not come, and who is told when that is over.
//!
//! Tests of one thread may hold the clock: see `held.rs`.

#[cfg(all(test, not(any(filch_loom, filch_shuttle))))]
pub(crate) mod held;

use std::task::Waker;

/// How long one that was woken has the time to come before others go ahead. A guess: far above the delay of a task
/// in a run queue that is not overloaded, far below what a person notices.
pub(crate) const GRACE_US: u64 = 1_000;

/// How long a watcher whose bell was rung may take to come back. The bell rings after about a grace.
pub(crate) const WATCHER_LOST_US: u64 = 4 * GRACE_US;

/// Looks that one makes at once, giving way in between, at a lock that is kept for another, before it asks to be woken later. The
/// other mostly comes in between, and an extra poll costs less than the watchman's thread.
pub(crate) const LOOKS_MAX: u64 = 3;

/// Microseconds, as [`clock::micros`](crate::clock::micros) counts them.
pub(crate) fn micros() -> u64 {
    #[cfg(all(test, not(any(filch_loom, filch_shuttle))))]
    if let Some(now) = held::micros() {
        return now;
    }
    crate::clock::micros()
}

/// Has `bell` woken after about a grace.
#[cfg(not(filch_loom))]
pub(crate) fn ring(bell: Waker) {
    #[cfg(all(test, not(filch_shuttle)))]
    let Some(bell) = held::ring(bell) else { return };
    crate::watchman::wake_later(bell);
}

/// In a model no time passes, and nobody is abandoned: whoever is woken comes.
#[cfg(filch_loom)]
pub(crate) fn ring(bell: Waker) {
    drop(bell);
}
