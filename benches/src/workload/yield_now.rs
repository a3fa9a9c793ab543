//! Yielding: tasks that are always ready, so that what remains is one trip through the queue.

use std::time::Instant;

use super::{Outcome, Workload, product};
use crate::peer::Peer;

/// Many tasks that yield over and over. An operation is one yield.
#[derive(Clone, Copy, Debug)]
pub struct Many {
    /// How many tasks there are.
    pub tasks: usize,
    /// How many times each of them yields.
    pub yields: usize,
}

impl Workload for Many {
    fn operations(&self) -> u64 {
        product(self.tasks, self.yields)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { tasks, yields } = *self;
        peer.block_on_worker(async move {
            let mut handles = Vec::with_capacity(tasks);
            let start = Instant::now();
            handles.extend((0..tasks).map(|_| {
                P::spawn(async move {
                    let mut done = 0_u64;
                    for _ in 0..yields {
                        P::yield_now().await;
                        done += 1;
                    }
                    done
                })
            }));
            let mut done = 0;
            for handle in handles {
                done += handle.await;
            }
            Outcome::since(start, done)
        })
    }
}
