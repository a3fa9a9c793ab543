//! tokio's `sync_mpsc_oneshot`.

use std::time::Instant;

use super::super::{Outcome, Workload};
use crate::peer::{OneshotReceiver, OneshotSender, Peer, Place, Receiver, Sender};

/// `request_reply`: one task sends another the sender of a one-shot and awaits what comes back. An operation is one
/// request with its reply.
#[derive(Clone, Copy, Debug)]
pub struct RequestReply {
    /// How many requests; 1,000 in the suite.
    pub requests: usize,
    /// How many the channel has room for; 10 in the suite.
    pub capacity: usize,
    /// Where they are made.
    pub place: Place,
}

impl Workload for RequestReply {
    fn operations(&self) -> u64 {
        self.requests as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { requests, capacity, place } = *self;
        peer.run(place, async move {
            let (sender, mut receiver) = P::bounded::<P::OneshotSender<()>>(capacity);
            let server = P::spawn(async move {
                let mut served = 0;
                while let Some(reply) = receiver.receive().await {
                    reply.send(());
                    served += 1;
                }
                served
            });
            let start = Instant::now();
            for _ in 0..requests {
                let (reply, replied) = P::oneshot();
                sender.send(reply).await;
                replied.receive().await;
            }
            let outcome = Outcome::since(start, requests as u64);
            drop(sender);
            assert_eq!(server.await, requests, "requests served, and requests made");
            outcome
        })
    }
}
