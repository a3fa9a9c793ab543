//! The mutex, with and without somebody else who wants it.

use std::sync::Arc;
use std::time::Instant;

use super::{Outcome, Workload, product};
use crate::peer::{Lock, Peer};

/// One task locks and unlocks. An operation is one such pair.
///
/// Isolates the fast path.
#[derive(Clone, Copy, Debug)]
pub struct Uncontended {
    /// How many times.
    pub times: usize,
}

impl Workload for Uncontended {
    fn operations(&self) -> u64 {
        self.times as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let times = self.times;
        peer.block_on_worker(async move {
            let lock = P::Lock::new(0_u64);
            let start = Instant::now();
            for _ in 0..times {
                *lock.lock().await += 1;
            }
            let counted = *lock.lock().await;
            Outcome::since(start, counted)
        })
    }
}

/// Many tasks on all workers lock and unlock one mutex. An operation is one such pair.
///
/// Isolates what is lost when two workers want it in the same moment: a hand-over through the scheduler, or
/// a short wait.
#[derive(Clone, Copy, Debug)]
pub struct Contended {
    /// How many tasks want it.
    pub tasks: usize,
    /// How many times each of them locks it.
    pub times: usize,
}

impl Workload for Contended {
    fn operations(&self) -> u64 {
        product(self.tasks, self.times)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { tasks, times } = *self;
        peer.block_on_worker(async move {
            let lock = Arc::new(P::Lock::new(0_u64));
            let mut handles = Vec::with_capacity(tasks);
            let start = Instant::now();
            handles.extend((0..tasks).map(|_| {
                let lock = Arc::clone(&lock);
                P::spawn(async move {
                    for _ in 0..times {
                        *lock.lock().await += 1;
                    }
                })
            }));
            for handle in handles {
                handle.await;
            }
            let counted = *lock.lock().await;
            Outcome::since(start, counted)
        })
    }
}
