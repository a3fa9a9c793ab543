//! async-executor's `web_server`: what a small server does all day, without the sockets.

use std::hint::black_box;
use std::time::Instant;

use async_channel::{Receiver, Sender};

use super::super::{Outcome, Workload};
use crate::dice::Dice;
use crate::peer::Peer;

/// The suite's.
const SEED: u64 = 0x1234_5678;

/// Answers to queries go back through a channel that came along; all channels are `async-channel`'s, as in the suite.
type Query = Sender<usize>;

/// One task accepts requests and spawns another for each; half of those find their answer in a cache, the others
/// ask a third task, the database, some hundred times. Now and then a task yields. An operation is one query.
#[derive(Clone, Copy, Debug)]
pub struct WebServer {
    /// How many requests; 300 in the suite.
    pub requests: usize,
    /// A request that is not in the cache makes fewer queries than this, and at least half as many; 300 in the suite.
    pub queries: usize,
}

impl WebServer {
    fn plans(self) -> impl Iterator<Item = Plan> + Send {
        let mut dice = Dice::seeded(SEED);
        (0..self.requests).map(move |number| Plan::of(number, self.queries, dice.fork()))
    }
}

impl Workload for WebServer {
    fn operations(&self) -> u64 {
        self.plans().map(|plan| plan.queries as u64).sum()
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let plans: Vec<_> = self.plans().collect();
        let room = (self.requests / 5).max(1);
        peer.block_on_worker(async move {
            let start = Instant::now();
            let (ask, asked) = async_channel::bounded(room);
            let database = P::spawn(answer_all::<P>(asked));
            let server = P::spawn(async move {
                for plan in plans {
                    yield_times::<P>(plan.yields_before).await;
                    P::detach(serve::<P>(plan, ask.clone()));
                    yield_times::<P>(plan.yields_after).await;
                }
            });
            server.await;
            let answered = database.await;
            Outcome::since(start, answered)
        })
    }
}

/// What becomes of a request, drawn beforehand, so that it is known how many queries there will be.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// How often the server yields before it accepts the request.
    yields_before: usize,
    /// How often it does before the next.
    yields_after: usize,
    /// None where the answer is in the cache.
    queries: usize,
    /// How often the request's own task yields before it is done.
    yields_at_end: usize,
}

impl Plan {
    fn of(number: usize, queries: usize, mut dice: Dice) -> Self {
        let yields_before = usize::from(dice.below(17) == 16);
        let yields_after = usize::from(number & 16 == 0);
        if dice.below(2) == 1 {
            return Self { yields_before, yields_after, queries: 0, yields_at_end: 1 };
        }
        let least = queries / 2;
        Self {
            yields_before,
            yields_after,
            queries: least + dice.below(queries - least),
            yields_at_end: 3 + dice.below(13),
        }
    }
}

/// The database: takes its time for each query.
async fn answer_all<P: Peer>(asked: Receiver<Query>) -> u64 {
    let mut dice = Dice::seeded(SEED);
    let mut answered = 0;
    while let Ok(query) = asked.recv().await {
        yield_times::<P>(dice.below(10)).await;
        query.send(dice.below(usize::MAX)).await.expect("who asked waits");
        answered += 1;
    }
    answered
}

async fn serve<P: Peer>(plan: Plan, ask: Sender<Query>) {
    for _ in 0..plan.queries {
        let (query, answer) = async_channel::bounded(1);
        ask.send(query).await.expect("the database is there");
        black_box(answer.recv().await.expect("the database answers"));
    }
    yield_times::<P>(plan.yields_at_end).await;
}

async fn yield_times<P: Peer>(times: usize) {
    for _ in 0..times {
        P::yield_now().await;
    }
}
