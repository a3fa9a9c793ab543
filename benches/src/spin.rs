//! Work that takes a known time: a loop of arithmetic, calibrated once per process.
//!
//! A loop that watches the clock would be simpler, but it counts the time in which the system runs somebody
//! else as work done; a runtime with more busy threads than the machine has cores would look faster for it. A
//! fixed number of rounds is the same work for all.

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// An amount of work.
#[derive(Clone, Copy, Debug)]
pub struct Spin {
    rounds: u64,
}

impl Spin {
    /// Work that keeps an undisturbed core of this machine busy for as long. The first call calibrates, which
    /// takes some ten milliseconds.
    pub fn lasting(duration: Duration) -> Self {
        Self { rounds: (duration.as_secs_f64() * rounds_per_second()) as u64 }
    }

    /// Does the work. The result depends on every round, so that none can be left out.
    pub fn work(self) -> u64 {
        // A congruential generator: each round waits for the one before.
        let mut state = black_box(1_u64);
        for _ in 0..self.rounds {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        }
        black_box(state)
    }
}

/// The best of many short measurements: whatever disturbs a measurement makes it longer, never shorter.
fn rounds_per_second() -> f64 {
    const ROUNDS: u64 = 100_000;
    const MEASUREMENTS: usize = 50;
    static RATE: OnceLock<f64> = OnceLock::new();
    *RATE.get_or_init(|| {
        let measure = |_| {
            let start = Instant::now();
            Spin { rounds: ROUNDS }.work();
            start.elapsed().as_secs_f64()
        };
        let best = (0..MEASUREMENTS).map(measure).fold(f64::INFINITY, f64::min);
        ROUNDS as f64 / best
    })
}
