//! Skew: all the work arises on one worker, and has to be shared.

use std::time::{Duration, Instant};

use super::{Outcome, Workload};
use crate::latch::Latch;
use crate::peer::Peer;
use crate::spin::Spin;

/// One task spawns many that compute for a while. An operation is one of those.
///
/// Isolates how soon coarse work spreads: with `n` workers on `n` cores the ideal is the work's time divided
/// by `n`.
#[derive(Clone, Copy, Debug)]
pub struct FanOut {
    /// How many tasks are spawned.
    pub tasks: usize,
    /// How long each of them keeps a core busy.
    pub work: Duration,
}

impl Workload for FanOut {
    fn operations(&self) -> u64 {
        self.tasks as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let tasks = self.tasks;
        let spin = Spin::lasting(self.work);
        peer.block_on_worker(async move {
            let latch = Latch::leaked(tasks);
            let start = Instant::now();
            for _ in 0..tasks {
                P::detach(async move {
                    spin.work();
                    latch.count_down();
                });
            }
            latch.wait().await;
            Outcome::since(start, tasks as u64)
        })
    }
}
