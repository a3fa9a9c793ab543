//! Channels between tasks that live on.

use std::time::Instant;

use super::{Flavour, Outcome, Workload, product};
use crate::peer::{Channels, Neutral, Peer, Receiver, Sender};

/// One message to and fro between two tasks, over a channel with room for one in each direction. An operation
/// is one message to and one fro.
///
/// Isolates wake-up latency between two tasks of which only one can run at a time.
#[derive(Clone, Copy, Debug)]
pub struct ToAndFro {
    /// How many times to and fro.
    pub turns: usize,
    /// Whose channels carry the message.
    pub channels: Flavour,
}

impl Workload for ToAndFro {
    fn operations(&self) -> u64 {
        self.turns as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        match self.channels {
            Flavour::Own => peer.block_on_worker(to_and_fro::<P, P>(self.turns)),
            Flavour::Neutral => peer.block_on_worker(to_and_fro::<P, Neutral>(self.turns)),
        }
    }
}

async fn to_and_fro<P: Peer, C: Channels + 'static>(turns: usize) -> Outcome {
    let (to, mut asked) = C::bounded::<u64>(1);
    let (fro, mut answered) = C::bounded::<u64>(1);
    let start = Instant::now();
    let partner = P::spawn(async move {
        while let Some(message) = asked.receive().await {
            fro.send(message + 1).await;
        }
    });
    let mut done = 0;
    for turn in 0..turns as u64 {
        to.send(turn).await;
        assert_eq!(answered.receive().await, Some(turn + 1), "the answer to another message");
        done += 1;
    }
    drop(to);
    partner.await;
    Outcome::since(start, done)
}

/// Several producers, one consumer, one bounded channel. An operation is one message.
///
/// Isolates throughput with the channel now full, now empty.
#[derive(Clone, Copy, Debug)]
pub struct FanIn {
    /// How many tasks send.
    pub producers: usize,
    /// How many messages each of them sends.
    pub messages: usize,
    /// How many messages the channel holds.
    pub capacity: usize,
    /// Whose channel it is.
    pub channels: Flavour,
}

impl Workload for FanIn {
    fn operations(&self) -> u64 {
        product(self.producers, self.messages)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        match self.channels {
            Flavour::Own => peer.block_on_worker(fan_in::<P, P>(*self)),
            Flavour::Neutral => peer.block_on_worker(fan_in::<P, Neutral>(*self)),
        }
    }
}

async fn fan_in<P: Peer, C: Channels + 'static>(parameters: FanIn) -> Outcome {
    let FanIn { producers, messages, capacity, .. } = parameters;
    let (sender, mut receiver) = C::bounded::<u64>(capacity);
    let start = Instant::now();
    for _ in 0..producers {
        let sender = sender.clone();
        P::detach(async move {
            for message in 0..messages as u64 {
                sender.send(message).await;
            }
        });
    }
    drop(sender);
    let (mut done, mut sum) = (0, 0);
    while let Some(message) = receiver.receive().await {
        done += 1;
        sum += message;
    }
    let outcome = Outcome::since(start, done);
    let expected = (0..messages as u64).sum::<u64>() * producers as u64;
    assert_eq!(sum, expected, "the sum of all messages");
    outcome
}
