//! Blocked: a task that keeps its worker from working, and those that it has woken before.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::bell::TaskBell;
use crate::latch::Latch;
use crate::peer::Peer;
use crate::workload::{Outcome, Tail, Workload, product};

/// A task wakes others and then blocks its thread, over and over. An operation is one of those that were woken, and
/// its time is how long it then waited until it ran.
///
/// Isolates whether what lies with a stuck worker finds another: what was queued there, and the one that was to run
/// next, which many runtimes keep where no other worker looks.
#[derive(Clone, Copy, Debug)]
pub struct Blocked {
    /// How many tasks are woken in a round.
    pub victims: usize,
    /// How long the thread is blocked.
    pub span: Duration,
    /// How many rounds there are.
    pub rounds: usize,
}

impl Workload for Blocked {
    fn operations(&self) -> u64 {
        product(self.victims, self.rounds)
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let times: Vec<Duration> = (0..self.rounds).flat_map(|_| self.round(peer)).collect();
        let operations = times.len() as u64;
        Outcome { operations, elapsed: times.iter().sum(), tail: Some(Tail::of(times)) }
    }
}

/// Somebody who waits to be woken.
#[derive(Debug, Default)]
struct Victim {
    bell: TaskBell,
    /// When it was woken.
    woken: Mutex<Option<Instant>>,
}

impl Victim {
    fn wake(&self) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.bell.ring();
    }

    /// How long it took from the wake-up until it ran.
    async fn wait(&self) -> Duration {
        self.bell.heard().await;
        let woken = *self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        woken.expect("who is woken, was woken at some time").elapsed()
    }
}

impl Blocked {
    fn round<P: Peer>(&self, peer: &P) -> Vec<Duration> {
        let victims: Arc<[Victim]> = (0..self.victims).map(|_| Victim::default()).collect();
        let listening = Latch::leaked(self.victims);
        let spawn = |index: usize| {
            let victims = Arc::clone(&victims);
            peer.spawn_from_outside(async move {
                listening.count_down();
                victims[index].wait().await
            })
        };
        let handles: Vec<_> = (0..self.victims).map(spawn).collect();
        listening.wait_blocking();
        let span = self.span;
        peer.block_on_worker(async move {
            victims.iter().for_each(Victim::wake);
            // The wrong done to the runtime.
            thread::sleep(span);
        });
        handles.into_iter().map(futures_lite::future::block_on).collect()
    }
}
