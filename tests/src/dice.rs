//! Random choices that can be repeated.

use std::time::{SystemTime, UNIX_EPOCH};

/// A source of random numbers. When its test fails it tells its seed; `FILCH_TEST_SEED` sets it.
#[derive(Debug)]
pub struct Dice {
    seed: u64,
    state: u64,
    tells: bool,
}

impl Dice {
    /// Dice of a new seed, or of the one asked for.
    pub fn new() -> Self {
        let asked = std::env::var("FILCH_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = asked.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            now.subsec_nanos().into()
        });
        Self { tells: true, ..Self::seeded(seed) }
    }

    /// Dice of this seed, which is told by whoever chose it.
    pub fn seeded(seed: u64) -> Self {
        Self { seed, state: scramble(seed), tells: false }
    }

    /// Dice for another thread or task, which follow from these.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self { seed: self.seed, state: scramble(self.next()), tells: false }
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        scramble(self.state)
    }
}

impl Default for Dice {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Dice {
    fn drop(&mut self) {
        if self.tells && std::thread::panicking() {
            eprintln!("to throw the same dice again: FILCH_TEST_SEED={}", self.seed);
        }
    }
}

/// The finalizer of splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
