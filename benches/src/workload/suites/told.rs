//! tokio's `rt_multi_threaded`, as far as it spawns from inside: tasks that tell a blocked thread when they are done.
//!
//! The suite waits by `recv` on a channel of the standard library *inside* `block_on`, so the thread blocks in the
//! middle of a poll. Moved into a task, the body only spawns, and the thread that is told stays outside: a
//! worker that blocks would be one less.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;

use super::super::{Outcome, Workload, product};
use crate::peer::{OneshotReceiver, OneshotSender, Peer, Place};

/// How many words the channel holds in the suite.
const ROOM: usize = 1_000;

/// Runs a body that spawns tasks, and waits until as many of them have said that they are done.
fn told<P: Peer>(
    peer: &P,
    place: Place,
    (words, operations): (usize, u64),
    body: impl FnOnce(SyncSender<()>) + Send + 'static,
) -> Outcome {
    let (done, hear) = sync_channel(ROOM);
    let wait = move || (0..words).for_each(|_| hear.recv().expect("a task died with the word unsaid"));
    match place {
        Place::Caller => {
            let start = Instant::now();
            peer.block_on(async {
                body(done);
                wait();
            });
            Outcome::since(start, operations)
        }
        Place::Worker => {
            let begun = peer.spawn_from_outside(async move {
                let start = Instant::now();
                body(done);
                start
            });
            wait();
            let end = Instant::now();
            let start = futures_lite::future::block_on(begun);
            Outcome { operations, elapsed: end.saturating_duration_since(start), tail: None }
        }
    }
}

/// Counts down in a task; the last one says so.
fn count_down(left: &AtomicUsize, done: &SyncSender<()>) {
    // Ordering: Relaxed, as in the suite: the channel carries what must be seen.
    if left.fetch_sub(1, Ordering::Relaxed) == 1 {
        done.send(()).expect("somebody waits");
    }
}

/// Nobody has counted since the last one.
fn check(left: &AtomicUsize) {
    // Ordering: Relaxed, the word heard through the channel came after every count that there should be.
    assert_eq!(left.load(Ordering::Relaxed), 0, "something was done twice");
}

/// `spawn_many_local`: as many tasks count down, the last one says so. An operation is one task.
#[derive(Clone, Copy, Debug)]
pub struct SpawnManyLocal {
    /// How many tasks; 10,000 in the suite.
    pub tasks: usize,
    /// Where they are spawned.
    pub place: Place,
}

impl Workload for SpawnManyLocal {
    fn operations(&self) -> u64 {
        self.tasks as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let tasks = self.tasks;
        let left = Arc::new(AtomicUsize::new(tasks));
        let shared = Arc::clone(&left);
        let outcome = told(peer, self.place, (1, self.operations()), move |done| {
            for _ in 0..tasks {
                let (left, done) = (Arc::clone(&shared), done.clone());
                P::detach(async move { count_down(&left, &done) });
            }
        });
        check(&left);
        outcome
    }
}

/// `yield_many`: tasks that yield over and over, each of which says when it is done. An operation is one yield.
#[derive(Clone, Copy, Debug)]
pub struct YieldMany {
    /// How many tasks; 200 in the suite.
    pub tasks: usize,
    /// How many times each yields; 1,000 in the suite.
    pub yields: usize,
    /// Where they are spawned.
    pub place: Place,
}

impl Workload for YieldMany {
    fn operations(&self) -> u64 {
        product(self.tasks, self.yields)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { tasks, yields, place } = *self;
        told(peer, place, (tasks, self.operations()), move |done| {
            for _ in 0..tasks {
                let done = done.clone();
                P::detach(async move {
                    for _ in 0..yields {
                        P::yield_now().await;
                    }
                    done.send(()).expect("somebody waits");
                });
            }
        })
    }
}

/// `ping_pong`: a task spawns many, each of which spawns a partner and exchanges two one-shots with it. An operation
/// is one such pair.
#[derive(Clone, Copy, Debug)]
pub struct PingPong {
    /// How many pairs; 1,000 in the suite.
    pub pairs: usize,
    /// Where the first task is spawned.
    pub place: Place,
}

impl Workload for PingPong {
    fn operations(&self) -> u64 {
        self.pairs as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let pairs = self.pairs;
        let left = Arc::new(AtomicUsize::new(pairs));
        let shared = Arc::clone(&left);
        let outcome = told(peer, self.place, (1, self.operations()), move |done| {
            P::detach(async move {
                for _ in 0..pairs {
                    let (left, done) = (Arc::clone(&shared), done.clone());
                    P::detach(async move {
                        play::<P>().await;
                        count_down(&left, &done);
                    });
                }
            });
        });
        check(&left);
        outcome
    }
}

async fn play<P: Peer>() {
    let (ping, pinged) = P::oneshot();
    let (pong, ponged) = P::oneshot();
    P::detach(async move {
        let () = pinged.receive().await;
        pong.send(());
    });
    ping.send(());
    ponged.receive().await;
}

/// `chained_spawn`: each task spawns the next, the last one says so. An operation is one task.
#[derive(Clone, Copy, Debug)]
pub struct ChainedSpawn {
    /// How many tasks follow each other; 1,000 in the suite.
    pub depth: usize,
    /// Where the first one is spawned.
    pub place: Place,
}

impl Workload for ChainedSpawn {
    fn operations(&self) -> u64 {
        self.depth as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let depth = self.depth;
        told(peer, self.place, (1, self.operations()), move |done| link::<P>(done, depth))
    }
}

fn link<P: Peer>(done: SyncSender<()>, left: usize) {
    if left == 0 {
        done.send(()).expect("somebody waits");
    } else {
        P::detach(async move { link::<P>(done, left - 1) });
    }
}
