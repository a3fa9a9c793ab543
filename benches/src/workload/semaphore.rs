//! The semaphore, with and without enough permits.

use std::sync::Arc;
use std::time::Instant;

use super::{Outcome, Workload, product};
use crate::peer::{Peer, Semaphore};

/// One task acquires and releases. An operation is one such pair.
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
            let semaphore = P::Semaphore::new(4);
            let mut done = 0;
            let start = Instant::now();
            for _ in 0..times {
                let permit = semaphore.acquire().await;
                done += 1;
                drop(permit);
            }
            Outcome::since(start, done)
        })
    }
}

/// More tasks than permits, and each yields while it holds one. An operation is one acquisition.
///
/// Isolates the queue of waiters: nearly every acquisition waits, nearly every release wakes.
#[derive(Clone, Copy, Debug)]
pub struct Contended {
    /// How many permits there are.
    pub permits: usize,
    /// How many tasks want one.
    pub tasks: usize,
    /// How many times each of them acquires.
    pub times: usize,
}

impl Workload for Contended {
    fn operations(&self) -> u64 {
        product(self.tasks, self.times)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { permits, tasks, times } = *self;
        peer.block_on_worker(async move {
            let semaphore = Arc::new(P::Semaphore::new(permits));
            let mut handles = Vec::with_capacity(tasks);
            let start = Instant::now();
            handles.extend((0..tasks).map(|_| {
                let semaphore = Arc::clone(&semaphore);
                P::spawn(async move {
                    let mut done = 0_u64;
                    for _ in 0..times {
                        let permit = semaphore.acquire().await;
                        P::yield_now().await;
                        done += 1;
                        drop(permit);
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
