//! tokio's `sync_mpsc`: the runtime's own channels, created, used by one task, and fought for by some.
//!
//! Its cases that receive many values by one call are left out, since only tokio has such a call.

use std::hint::black_box;

use super::super::{Outcome, Workload, product};
use super::iterate;
use crate::peer::{Peer, Place, Receiver, Sender, UnboundedSender};

/// 512 bytes, the suite's `Medium`.
pub const MEDIUM: usize = 512;
/// 32 KiB, the suite's `Large`.
pub const LARGE: usize = 32 * 1024;

/// How many values a channel has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// For so many.
    Bounded(usize),
    /// For any number.
    Unbounded,
}

/// `create_medium/N`: a channel is made and dropped. An operation is one channel.
#[derive(Clone, Copy, Debug)]
pub struct Create<const BYTES: usize> {
    /// How many values it has room for.
    pub capacity: usize,
    /// How many are made.
    pub times: usize,
}

impl<const BYTES: usize> Workload for Create<BYTES> {
    fn operations(&self) -> u64 {
        self.times as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { capacity, times } = *self;
        iterate(peer, Place::Worker, times, move || async move {
            drop(black_box(P::bounded::<[u8; BYTES]>(capacity)));
            1
        })
    }
}

/// `send/medium_N` and `send/large_N`: a channel is made, one value goes through, and it is dropped. An operation is
/// all of that.
#[derive(Clone, Copy, Debug)]
pub struct SendOne<const BYTES: usize> {
    /// How many values it has room for; 1,000 in the suite.
    pub capacity: usize,
    /// How many times.
    pub times: usize,
}

impl<const BYTES: usize> Workload for SendOne<BYTES> {
    fn operations(&self) -> u64 {
        self.times as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { capacity, times } = *self;
        iterate(peer, Place::Worker, times, move || async move {
            let (sender, mut receiver) = P::bounded(capacity);
            sender.send([1_u8; BYTES]).await;
            let value: [u8; BYTES] = receiver.receive().await.expect("the sender is there");
            u64::from(value[BYTES - 1])
        })
    }
}

/// `contention/*`: some tasks send to one that receives. An operation is one message.
#[derive(Clone, Copy, Debug)]
pub struct Contention {
    /// How many values the channel has room for.
    pub room: Room,
    /// How many tasks send; 5 in the suite.
    pub senders: usize,
    /// How many messages each sends; 1,000 in the suite.
    pub messages: usize,
    /// Where they are received.
    pub place: Place,
}

impl Workload for Contention {
    fn operations(&self) -> u64 {
        product(self.senders, self.messages)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { room, senders, messages, place } = *self;
        match room {
            Room::Bounded(capacity) => iterate(peer, place, 1, move || async move {
                let (sender, receiver) = P::bounded(capacity);
                for _ in 0..senders {
                    let sender = sender.clone();
                    P::detach(async move {
                        for message in 0..messages {
                            sender.send(message).await;
                        }
                    });
                }
                receive(receiver, senders, messages).await
            }),
            Room::Unbounded => iterate(peer, place, 1, move || async move {
                let (sender, receiver) = P::unbounded();
                for _ in 0..senders {
                    let sender = sender.clone();
                    P::detach(async move { (0..messages).for_each(|message| sender.send(message)) });
                }
                receive(receiver, senders, messages).await
            }),
        }
    }
}

/// `uncontented/*`: one task sends, then receives it all. An operation is one message.
#[derive(Clone, Copy, Debug)]
pub struct Uncontended {
    /// How many values the channel has room for.
    pub room: Room,
    /// How many messages; 5,000 in the suite.
    pub messages: usize,
}

impl Workload for Uncontended {
    fn operations(&self) -> u64 {
        self.messages as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { room, messages } = *self;
        match room {
            Room::Bounded(capacity) => iterate(peer, Place::Worker, 1, move || async move {
                let (sender, receiver) = P::bounded(capacity);
                for message in 0..messages {
                    sender.send(message).await;
                }
                receive(receiver, 1, messages).await
            }),
            Room::Unbounded => iterate(peer, Place::Worker, 1, move || async move {
                let (sender, receiver) = P::unbounded();
                (0..messages).for_each(|message| sender.send(message));
                receive(receiver, 1, messages).await
            }),
        }
    }
}

/// Receives what so many have sent, each the numbers below `messages`, and returns how much that was.
async fn receive(mut receiver: impl Receiver<usize>, senders: usize, messages: usize) -> u64 {
    let (mut done, mut sum) = (0, 0);
    while done < product(senders, messages) {
        sum += receiver.receive().await.expect("a sender is there");
        done += 1;
    }
    assert_eq!(sum, senders * (0..messages).sum::<usize>(), "the sum of all messages");
    done
}
