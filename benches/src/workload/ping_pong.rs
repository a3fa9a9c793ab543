//! Ping-pong: pairs of tasks that wake each other once, by channels for one value.

use std::time::Instant;

use super::{Flavour, Outcome, Workload};
use crate::latch::Latch;
use crate::peer::{Neutral, OneshotReceiver, OneshotSender, Oneshots, Peer, Place};

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
