//! Wake-ups across the border: a plain thread and a task.

use std::sync::Arc;
use std::time::Instant;

use super::{Outcome, Workload};
use crate::bell::{TaskBell, ThreadBell};
use crate::peer::Peer;

/// A plain thread wakes a task, which wakes the thread in turn. An operation is once there and back.
///
/// Isolates the wake of a sleeping worker: two wake-ups of the operating system are the floor.
#[derive(Clone, Copy, Debug)]
pub struct ThereAndBack {
    /// How many times.
    pub times: usize,
}

impl Workload for ThereAndBack {
    fn operations(&self) -> u64 {
        self.times as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let times = self.times;
        let there = Arc::new(TaskBell::default());
        let back = Arc::new(ThreadBell::here());
        let task = peer.spawn_from_outside({
            let (there, back) = (Arc::clone(&there), Arc::clone(&back));
            async move {
                let mut done = 0;
                for _ in 0..times {
                    there.heard().await;
                    done += 1;
                    back.ring();
                }
                done
            }
        });
        let start = Instant::now();
        for _ in 0..times {
            there.ring();
            back.hear();
        }
        let elapsed = start.elapsed();
        Outcome { operations: futures_lite::future::block_on(task), elapsed, tail: None }
    }
}

/// A plain thread spawns a task, blocks until it has ended, and again. An operation is one such turn.
///
/// Isolates the same border with a task's life on top; lost wake-ups would show as a hang.
#[derive(Clone, Copy, Debug)]
pub struct SpawnAndJoin {
    /// How many turns.
    pub turns: usize,
}

impl Workload for SpawnAndJoin {
    fn operations(&self) -> u64 {
        self.turns as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let mut done = 0;
        let start = Instant::now();
        for _ in 0..self.turns {
            done += peer.block_on_worker(async { 1 });
        }
        Outcome::since(start, done)
    }
}
