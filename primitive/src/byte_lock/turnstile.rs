//! Where a model waits for a held lock.
//!
//! The real lock spins, and spinning has endless interleavings; a checker has to be told that a thread waits. So in
//! a model the second look and all later ones are taken in a turn of their own, between which the thread sleeps. What is
//! looked at, and all that excludes and publishes, stays the real exchange and the real store.

use crate::sync::{Condvar, Mutex};
// Invisible to the checker: it adds no order that the real lock does not have, and no step to explore.
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug, Default)]
pub(super) struct Turnstile {
    sleepers: AtomicUsize,
    turn: Mutex<()>,
    freed: Condvar,
}

impl Turnstile {
    /// Looks until `look` has something, whenever the lock was freed.
    pub(super) fn wait_for<G>(&self, look: impl Fn() -> Option<G>) -> G {
        // Counted before the first look: an unlock before it is seen by the exchange, one after it sees the count.
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let mut turn = self.turn.lock();
        let guard = loop {
            if let Some(guard) = look() {
                break guard;
            }
            self.freed.wait(&mut turn);
        };
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        guard
    }

    /// The lock was freed.
    pub(super) fn tell(&self) {
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            let turn = self.turn.lock();
            self.freed.notify_one();
            drop(turn);
        }
    }
}
