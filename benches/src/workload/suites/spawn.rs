//! Suites that spawn tasks and await them, anew each time: tokio's `spawn`, `spawn_many_local` of its
//! `rt_current_thread`, async-executor's `spawn_one`.

use super::super::{Outcome, Workload, product};
use super::iterate;
use crate::peer::{Peer, Place};

/// Spawns tasks, awaits them all, and again. An operation is one task.
#[derive(Clone, Copy, Debug)]
pub struct SpawnAndAwait {
    /// How many tasks at a time.
    pub tasks: usize,
    /// How many times each yields before it ends.
    pub yields: usize,
    /// How many times over.
    pub times: usize,
    /// Where they are spawned.
    pub place: Place,
}

impl Workload for SpawnAndAwait {
    fn operations(&self) -> u64 {
        product(self.tasks, self.times)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { tasks, yields, times, place } = *self;
        iterate(peer, place, times, move || spawn_and_await::<P>(tasks, yields))
    }
}

async fn spawn_and_await<P: Peer>(tasks: usize, yields: usize) -> u64 {
    if tasks == 1 {
        return P::spawn(work::<P>(yields)).await;
    }
    let handles: Vec<_> = (0..tasks).map(|_| P::spawn(work::<P>(yields))).collect();
    let mut done = 0;
    for handle in handles {
        done += handle.await;
    }
    done
}

async fn work<P: Peer>(yields: usize) -> u64 {
    for _ in 0..yields {
        P::yield_now().await;
    }
    1
}
