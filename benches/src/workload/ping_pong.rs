//! Ping-pong: pairs of tasks that wake each other once, by channels for one value.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Flavour, Outcome, Tail, Workload, product};
use crate::latch::Latch;
use crate::peer::{Neutral, OneshotReceiver, OneshotSender, Oneshots, Peer, Place};
use crate::spin::Spin;

/// Many tasks, each of which spawns a partner, sends it a ping and waits for its pong. An operation is one
/// pair, its two spawns and two channels included.
#[derive(Clone, Copy, Debug)]
pub struct Pairs {
    /// How many pairs there are at a time.
    pub pairs: usize,
    /// Whose channels carry the ball.
    pub channels: Flavour,
    /// Where the pairs are spawned from.
    pub place: Place,
}

impl Workload for Pairs {
    fn operations(&self) -> u64 {
        self.pairs as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        match self.channels {
            Flavour::Own => peer.run(self.place, play::<P, P>(self.pairs)),
            Flavour::Neutral => peer.run(self.place, play::<P, Neutral>(self.pairs)),
        }
    }
}

async fn play<P: Peer, C: Oneshots + 'static>(pairs: usize) -> Outcome {
    let latch = Latch::leaked(pairs);
    let start = Instant::now();
    for pair in 0..pairs as u64 {
        P::detach(async move {
            let (ping, pinged) = C::oneshot();
            let (pong, ponged) = C::oneshot();
            P::detach(async move {
                let ball: u64 = pinged.receive().await;
                pong.send(ball + 1);
            });
            ping.send(pair);
            assert_eq!(ponged.receive().await, pair + 1, "the ball came back to another pair");
            latch.count_down();
        });
    }
    latch.wait().await;
    Outcome::since(start, pairs as u64)
}

/// [`Pairs`] in rounds, over the runtime's own channels, beside one task that computes for long in every poll. An
/// operation is one pair.
///
/// Isolates what a runtime lets a task suffer whose neighbour does not give way: work that is stuck behind the
/// computing poll shows in the tail, which is that of whole rounds, per pair.
#[derive(Clone, Copy, Debug)]
pub struct Beside {
    /// How many pairs there are at a time.
    pub pairs: usize,
    /// How many times over.
    pub rounds: usize,
    /// How long the neighbour computes in a poll.
    pub work: Duration,
}

impl Workload for Beside {
    fn operations(&self) -> u64 {
        product(self.pairs, self.rounds)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { pairs, rounds, work } = *self;
        let spin = Spin::lasting(work);
        peer.block_on_worker(async move {
            let over = Arc::new(AtomicBool::new(false));
            let neighbour = P::spawn({
                let over = Arc::clone(&over);
                async move {
                    // Ordering: Relaxed, a flag that carries nothing.
                    while !over.load(Ordering::Relaxed) {
                        spin.work();
                        P::yield_now().await;
                    }
                }
            });
            let start = Instant::now();
            let mut times = Vec::with_capacity(rounds);
            for _ in 0..rounds {
                let round = P::spawn(play::<P, P>(pairs)).await;
                times.push(round.elapsed / pairs as u32);
            }
            let outcome = Outcome::since(start, product(pairs, rounds));
            over.store(true, Ordering::Relaxed);
            neighbour.await;
            Outcome { tail: Some(Tail::of(times)), ..outcome }
        })
    }
}
