//! Saturated: more work than workers, and two tasks that want to talk beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::peer::{Channels, Peer, Receiver, Sender};
use crate::spin::Spin;
use crate::workload::{Outcome, Tail, Workload, product};

/// Tasks that compute and yield without end, some for each worker, and a pair that sends a message to and fro. An
/// operation is one computation, of all tasks together; the tail is that of the pair's messages, there and back.
///
/// Isolates what the two kinds leave each other. With `n` workers on `n` cores an operation ideally takes the work
/// divided by `n`; what the pair takes beyond its turns is above that. A fair message waits for a queue, twice.
#[derive(Clone, Copy, Debug)]
pub struct Saturated {
    /// How many tasks compute, for each worker.
    pub tasks_per_worker: usize,
    /// How long each computes before it yields.
    pub work: Duration,
    /// How many computations there are before the end, of all tasks together.
    pub computations: usize,
}

/// Messages to and fro without a computation in between that nothing but starvation explains: more than fit into
/// any time for which the system takes a processor away.
const STARVED: u64 = 1_000_000;

impl Workload for Saturated {
    fn operations(&self) -> u64 {
        self.computations as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let tasks = peer.workers() * self.tasks_per_worker;
        let budget = Arc::new(Budget { all: product(self.computations, 1), taken: AtomicU64::new(0) });
        let spin = Spin::lasting(self.work);
        peer.block_on_worker(async move {
            let start = Instant::now();
            let spawn = |_| P::spawn(compute::<P>(Arc::clone(&budget), spin));
            let computing: Vec<_> = (0..tasks).map(spawn).collect();
            let pair = P::spawn(talk::<P>(Arc::clone(&budget)));
            let mut done = 0;
            for task in computing {
                done += task.await;
            }
            let outcome = Outcome::since(start, done);
            Outcome { tail: Some(Tail::of(pair.await)), ..outcome }
        })
    }
}

/// How much is to be computed, by whoever gets to it.
#[derive(Debug)]
struct Budget {
    all: u64,
    taken: AtomicU64,
}

impl Budget {
    /// Whether there is one more.
    fn take(&self) -> bool {
        // Ordering: Relaxed, here and below: a count that carries nothing.
        self.taken.fetch_add(1, Ordering::Relaxed) < self.all
    }

    /// How many have been taken; none where that were all.
    fn taken(&self) -> Option<u64> {
        Some(self.taken.load(Ordering::Relaxed)).filter(|taken| *taken < self.all)
    }
}

async fn compute<P: Peer>(budget: Arc<Budget>, spin: Spin) -> u64 {
    let mut done = 0;
    while budget.take() {
        spin.work();
        done += 1;
        P::yield_now().await;
    }
    done
}

/// The pair: how long each message took there and back, the last one of them beyond the end.
async fn talk<P: Peer>(budget: Arc<Budget>) -> Vec<Duration> {
    let (there, mut heard) = <P as Channels>::bounded::<u64>(1);
    let (back, mut answers) = <P as Channels>::bounded::<u64>(1);
    let partner = P::spawn(async move {
        while let Some(number) = heard.receive().await {
            back.send(number + 1).await;
        }
    });
    let mut times = Vec::new();
    let mut sent = 0;
    let mut seen = (0, 0);
    loop {
        let begin = Instant::now();
        there.send(sent).await;
        sent += 1;
        assert_eq!(answers.receive().await, Some(sent), "the answer to another message");
        times.push(begin.elapsed());
        match budget.taken() {
            None => break,
            Some(taken) if taken == seen.0 => {
                assert!(sent - seen.1 < STARVED, "tasks that only talk keep those that compute from running");
            }
            Some(taken) => seen = (taken, sent),
        }
    }
    drop(there);
    partner.await;
    times
}
