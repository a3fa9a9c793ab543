//! The blocking pool: work handed to a thread that may wait, and its result handed back.

use std::time::Instant;

use super::{Outcome, Workload};
use crate::peer::Peer;

/// Tasks that call a closure which does nothing on the blocking pool, some at a time, and await each batch.
/// An operation is one call.
///
/// Isolates the hand-over to the pool and the wake-up back.
#[derive(Clone, Copy, Debug)]
pub struct Calls {
    /// How many tasks call.
    pub tasks: usize,
    /// How many batches each of them makes.
    pub batches: usize,
    /// How many calls are in a batch.
    pub calls: usize,
}

impl Workload for Calls {
    fn operations(&self) -> u64 {
        [self.tasks, self.batches, self.calls].iter().map(|count| *count as u64).product()
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { tasks, batches, calls } = *self;
        peer.block_on_worker(async move {
            let mut handles = Vec::with_capacity(tasks);
            let start = Instant::now();
            handles.extend((0..tasks).map(|_| P::spawn(call::<P>(batches, calls))));
            let mut done = 0;
            for handle in handles {
                done += handle.await;
            }
            Outcome::since(start, done)
        })
    }
}

async fn call<P: Peer>(batches: usize, calls: usize) -> u64 {
    let mut batch = Vec::with_capacity(calls);
    let mut done = 0;
    for _ in 0..batches {
        batch.extend((0..calls).map(|_| P::spawn_blocking(|| 1_u64)));
        for handle in batch.drain(..) {
            done += handle.await;
        }
    }
    done
}
