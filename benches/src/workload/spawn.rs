//! Spawning: tasks that do next to nothing, so that what remains is the making, queueing, running and
//! joining.

use std::time::Instant;

use super::{Outcome, Workload, product};
use crate::latch::Latch;
use crate::peer::{Peer, Place};

/// One task spawns many and gives up their handles; each counts a latch down. An operation is one task.
///
/// Isolates the way from a worker's own spawn to its own queue, and what it costs to share such a queue with
/// the other workers.
#[derive(Clone, Copy, Debug)]
pub struct Inside {
    /// How many tasks are spawned.
    pub tasks: usize,
    /// Where the spawning happens.
    pub place: Place,
}

impl Workload for Inside {
    fn operations(&self) -> u64 {
        self.tasks as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let tasks = self.tasks;
        peer.run(self.place, async move {
            let latch = Latch::leaked(tasks);
            let start = Instant::now();
            for _ in 0..tasks {
                P::detach(async move { latch.count_down() });
            }
            latch.wait().await;
            Outcome::since(start, tasks as u64)
        })
    }
}

/// A thread that the runtime does not know spawns many tasks and gives up their handles. An operation is one
/// task.
///
/// Isolates the shared entrance: its lock, and how often it wakes somebody.
#[derive(Clone, Copy, Debug)]
pub struct Outside {
    /// How many tasks are spawned.
    pub tasks: usize,
}

impl Workload for Outside {
    fn operations(&self) -> u64 {
        self.tasks as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let latch = Latch::leaked(self.tasks);
        let start = Instant::now();
        for _ in 0..self.tasks {
            peer.detach_from_outside(async move { latch.count_down() });
        }
        latch.wait_blocking();
        Outcome::since(start, self.tasks as u64)
    }
}

/// Spawn one task, await its handle, and again. An operation is one such turn.
///
/// Isolates the latency of a hand-over: whether the new task runs next on the same worker, or another is
/// woken for it who was not needed.
#[derive(Clone, Copy, Debug)]
pub struct JoinOne {
    /// How many turns.
    pub turns: usize,
    /// Where the spawning happens.
    pub place: Place,
}

impl Workload for JoinOne {
    fn operations(&self) -> u64 {
        self.turns as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let turns = self.turns;
        peer.run(self.place, async move {
            let start = Instant::now();
            let mut sum = 0;
            for turn in 0..turns {
                sum += P::spawn(async move { turn as u64 }).await;
            }
            let outcome = Outcome::since(start, turns as u64);
            assert_eq!(sum, sum_below(turns), "the sum of what the tasks gave back");
            outcome
        })
    }
}

/// Spawn many tasks, then await all the handles; in rounds. An operation is one task.
///
/// Isolates a task's full life, its output and its handle included.
#[derive(Clone, Copy, Debug)]
pub struct JoinMany {
    /// How many tasks are alive at a time.
    pub tasks: usize,
    /// How many times over.
    pub rounds: usize,
    /// Where the spawning happens.
    pub place: Place,
}

impl Workload for JoinMany {
    fn operations(&self) -> u64 {
        product(self.tasks, self.rounds)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { tasks, rounds, place } = *self;
        peer.run(place, async move {
            let mut handles = Vec::with_capacity(tasks);
            let mut sum = 0;
            let start = Instant::now();
            for _ in 0..rounds {
                handles.extend((0..tasks).map(|number| P::spawn(async move { number as u64 })));
                for handle in handles.drain(..) {
                    sum += handle.await;
                }
            }
            let outcome = Outcome::since(start, product(tasks, rounds));
            assert_eq!(sum, sum_below(tasks) * rounds as u64, "the sum of what the tasks gave back");
            outcome
        })
    }
}

/// Each task spawns the next one and ends. An operation is one task.
///
/// Isolates spawn and run with a queue that never holds more than one.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    /// How many tasks follow each other.
    pub depth: usize,
}

impl Workload for Chain {
    fn operations(&self) -> u64 {
        self.depth as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let depth = self.depth;
        peer.block_on_worker(async move {
            let latch = Latch::leaked(depth);
            let start = Instant::now();
            link::<P>(depth, latch);
            latch.wait().await;
            Outcome::since(start, depth as u64)
        })
    }
}

fn link<P: Peer>(left: usize, latch: &'static Latch) {
    if left > 0 {
        P::detach(async move {
            latch.count_down();
            link::<P>(left - 1, latch);
        });
    }
}

/// The Fibonacci numbers by recursion, each call a task that spawns two and adds what they give. An operation
/// is one task.
///
/// Isolates structured recursion: many short tasks that wait for each other, and a shape that wants depth
/// first on a worker and breadth first between them.
#[derive(Clone, Copy, Debug)]
pub struct ForkJoin {
    /// Which Fibonacci number.
    pub number: u32,
}

impl Workload for ForkJoin {
    /// Calls made for the number `n` are `2 fib(n + 1) - 1`.
    fn operations(&self) -> u64 {
        2 * fibonacci(self.number + 1) - 1
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let number = self.number;
        let operations = self.operations();
        peer.block_on_worker(async move {
            let start = Instant::now();
            let result = fork::<P>(number).await;
            let outcome = Outcome::since(start, operations);
            assert_eq!(result, fibonacci(number), "the Fibonacci number");
            outcome
        })
    }
}

fn fork<P: Peer>(number: u32) -> P::Join<u64> {
    P::spawn(async move {
        if number < 2 {
            return u64::from(number);
        }
        let left = fork::<P>(number - 1);
        let right = fork::<P>(number - 2);
        left.await + right.await
    })
}

fn fibonacci(number: u32) -> u64 {
    (0..number).fold((0, 1), |(now, next), _| (next, now + next)).0
}

fn sum_below(count: usize) -> u64 {
    (0..count as u64).sum()
}
