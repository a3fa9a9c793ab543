//! Numbers that differ.

use std::sync::atomic::{AtomicU64, Ordering};

/// Gives out numbers, each once, for a static: real in every form, for a model's atomics exist only within one run of it.
///
/// No protocol can hang on it, for it publishes nothing.
#[derive(Debug)]
pub struct StaticCounter(AtomicU64);

impl StaticCounter {
    /// A counter whose first number is `first`.
    pub const fn new(first: u64) -> Self {
        Self(AtomicU64::new(first))
    }

    /// The next number.
    #[inline]
    pub fn next(&self) -> u64 {
        // Ordering: Relaxed: the exchange alone makes numbers differ.
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
