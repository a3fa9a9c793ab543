//! Groups: families of tasks of very different sizes, all of them ready.

use std::time::{Duration, Instant};

use crate::peer::Peer;
use crate::workload::{Outcome, Tail, Workload, product};

/// Groups of tasks, each twice as large as the one before, whose tasks yield over and over. An operation is one
/// yield; of the tail, half of the groups are done by the first figure, and all of them by the second.
///
/// The largest group is there first. Where turns are given in order, all the groups end close to one another; where a
/// group has to wait until another has ended, or a worker keeps what it has, they end far apart or late.
#[derive(Clone, Copy, Debug)]
pub struct Uneven {
    /// How many groups there are: the first has one task.
    pub groups: u32,
    /// How many times each task yields.
    pub yields: usize,
}

impl Uneven {
    fn tasks(self) -> usize {
        (1 << self.groups) - 1
    }
}

impl Workload for Uneven {
    fn operations(&self) -> u64 {
        product(self.tasks(), self.yields)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { groups, yields } = *self;
        peer.block_on_worker(async move {
            let start = Instant::now();
            let spawn = |group: u32| P::spawn(lead::<P>(1 << group, yields, start));
            let leaders: Vec<_> = (0..groups).rev().map(spawn).collect();
            let mut done = 0;
            let mut ends = Vec::with_capacity(leaders.len());
            for leader in leaders {
                let (count, end) = leader.await;
                done += count;
                ends.push(end);
            }
            let outcome = Outcome::since(start, done);
            ends.sort_unstable();
            let tail = Tail { p50: ends[(ends.len() - 1) / 2], p99: ends[ends.len() - 1] };
            Outcome { tail: Some(tail), ..outcome }
        })
    }
}

/// One group: how often its tasks yielded, and how long after `start` the last of them ended.
async fn lead<P: Peer>(tasks: usize, yields: usize, start: Instant) -> (u64, Duration) {
    let member = |_| {
        P::spawn(async move {
            let mut done = 0_u64;
            for _ in 0..yields {
                P::yield_now().await;
                done += 1;
            }
            (done, start.elapsed())
        })
    };
    let members: Vec<_> = (0..tasks).map(member).collect();
    let (mut done, mut end) = (0, Duration::ZERO);
    for member in members {
        let (count, ended) = member.await;
        done += count;
        end = end.max(ended);
    }
    (done, end)
}
