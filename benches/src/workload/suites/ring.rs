//! async-executor's `channels`.

use std::time::Instant;

use super::super::{Outcome, Workload, product};
use crate::peer::Peer;

/// A ring of tasks with channels between them that have room for one: a message goes all the way round before the
/// next. The channels are `async-channel`'s, as in the suite. An operation is a message passed on by a task.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    /// How many tasks; 300 in the suite.
    pub tasks: usize,
    /// How many messages; 300 in the suite.
    pub rounds: usize,
}

impl Workload for Ring {
    fn operations(&self) -> u64 {
        product(self.tasks, self.rounds)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { tasks, rounds } = *self;
        peer.block_on_worker(async move {
            let mut handles = Vec::with_capacity(tasks);
            let start = Instant::now();
            let (first, mut last) = async_channel::bounded::<u64>(1);
            for _ in 0..tasks {
                let (next, end) = async_channel::bounded(1);
                let before = std::mem::replace(&mut last, end);
                handles.push(P::spawn(async move {
                    let mut passed = 0_u64;
                    for _ in 0..rounds {
                        let message = before.recv().await.expect("the one before is there");
                        next.send(message + 1).await.expect("the next one is there");
                        passed += 1;
                    }
                    passed
                }));
            }
            for _ in 0..rounds {
                first.send(0).await.expect("the first one is there");
                assert_eq!(last.recv().await, Ok(tasks as u64), "who passed the message on");
            }
            let mut done = 0;
            for handle in handles {
                done += handle.await;
            }
            Outcome::since(start, done)
        })
    }
}
