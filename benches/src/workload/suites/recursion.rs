//! async-executor's `spawn_recursively`.

use std::time::Instant;

use super::super::{Outcome, Workload, product};
use crate::peer::Peer;

/// Tasks each of which spawns another and awaits it, down to a depth. An operation is one task.
#[derive(Clone, Copy, Debug)]
pub struct SpawnRecursively {
    /// How many begin; 300 in the suite.
    pub tasks: usize,
    /// How many are below each of those; 300 in the suite.
    pub depth: usize,
}

impl Workload for SpawnRecursively {
    fn operations(&self) -> u64 {
        product(self.tasks, self.depth + 1)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { tasks, depth } = *self;
        peer.block_on_worker(async move {
            let mut handles = Vec::with_capacity(tasks);
            let start = Instant::now();
            handles.extend((0..tasks).map(|_| descend::<P>(depth)));
            let mut done = 0;
            for handle in handles {
                done += handle.await;
            }
            Outcome::since(start, done)
        })
    }
}

/// A task that ends with the number of tasks from it downwards.
fn descend<P: Peer>(left: usize) -> P::Join<u64> {
    P::spawn(async move {
        match left {
            0 => 1,
            _ => 1 + descend::<P>(left - 1).await,
        }
    })
}
