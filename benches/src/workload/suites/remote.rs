//! tokio's `rt_multi_threaded` and `rt_current_thread`, as far as they spawn from a thread of no runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::{Outcome, Workload};
use crate::latch::Latch;
use crate::peer::Peer;

/// `spawn_many_remote_*`: a plain thread spawns tasks that do nothing, then awaits them all inside `block_on`. An
/// operation is one task.
#[derive(Clone, Copy, Debug)]
pub struct SpawnManyRemote {
    /// How many tasks; 10,000 in the suite, 1,000 on one thread.
    pub tasks: usize,
    /// What the runtime does beside it.
    pub load: Load,
}

/// What keeps a runtime busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Nothing (`idle`).
    Idle,
    /// As many tasks that stall and yield (`busy1`).
    Yielding(usize),
    /// As many tasks that stall, each of which spawns itself again and ends (`busy2`).
    Respawning(usize),
    /// One task that spawns itself again and ends, at once (`busy` on one thread).
    Spinning,
}

/// How long a busy task stalls: by giving the processor up, not by computing.
const STALL: Duration = Duration::from_micros(10);

impl Workload for SpawnManyRemote {
    fn operations(&self) -> u64 {
        self.tasks as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let busy = Busy::begin(self.load, peer);
        let mut handles = Vec::with_capacity(self.tasks);
        let start = Instant::now();
        handles.extend((0..self.tasks).map(|_| peer.spawn_from_outside(async {})));
        let done = peer.block_on(async {
            let mut done = 0;
            for handle in handles {
                handle.await;
                done += 1;
            }
            done
        });
        let outcome = Outcome::since(start, done);
        busy.end(peer);
        outcome
    }
}

/// The tasks that keep a runtime busy.
struct Busy {
    over: Arc<AtomicBool>,
    ended: &'static Latch,
}

impl Busy {
    /// Spawns them, and waits until each has begun.
    fn begin<P: Peer>(load: Load, peer: &P) -> Self {
        let tasks = match load {
            Load::Idle => 0,
            Load::Yielding(tasks) | Load::Respawning(tasks) => tasks,
            Load::Spinning => 1,
        };
        let (begun, ended) = (Latch::leaked(tasks), Latch::leaked(tasks));
        let over = Arc::new(AtomicBool::new(false));
        for _ in 0..tasks {
            let over = Arc::clone(&over);
            peer.detach_from_outside(async move {
                begun.count_down();
                match load {
                    Load::Idle => {}
                    Load::Yielding(_) => {
                        while !is_set(&over) {
                            P::yield_now().await;
                            stall(STALL);
                        }
                        ended.count_down();
                    }
                    Load::Respawning(_) => respawn::<P>(over, ended, STALL),
                    Load::Spinning => respawn::<P>(over, ended, Duration::ZERO),
                }
            });
        }
        // Inside `block_on`, since it may be the only place where tasks run at all.
        peer.block_on(begun.wait());
        Self { over, ended }
    }

    fn end<P: Peer>(self, peer: &P) {
        // Ordering: Relaxed here and below, a flag that carries nothing.
        self.over.store(true, Ordering::Relaxed);
        peer.block_on(self.ended.wait());
    }
}

fn respawn<P: Peer>(over: Arc<AtomicBool>, ended: &'static Latch, time: Duration) {
    P::detach(async move {
        if is_set(&over) {
            ended.count_down();
        } else {
            stall(time);
            respawn::<P>(over, ended, time);
        }
    });
}

fn is_set(flag: &AtomicBool) -> bool {
    flag.load(Ordering::Relaxed)
}

fn stall(time: Duration) {
    if time.is_zero() {
        return;
    }
    let start = Instant::now();
    while start.elapsed() < time {
        thread::yield_now();
    }
}
