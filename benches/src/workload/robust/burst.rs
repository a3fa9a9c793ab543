//! Burst: much work at once for a runtime that is asleep.

use std::thread;
use std::time::{Duration, Instant};

use crate::latch::Latch;
use crate::peer::Peer;
use crate::spin::Spin;
use crate::usage::Usage;
use crate::workload::{Outcome, Tail, Workload, product};

/// Over and over: everything sleeps, then a plain thread spawns tasks that compute, all at once. An operation is one
/// task; the tail is that of whole rounds, from the first spawn to the end of the last task.
///
/// Isolates how soon *all* workers are up: with `n` on `n` cores the ideal is the work divided by `n`. One that is
/// woken too late, or not at all, shows in full.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    /// How many tasks there are in a round.
    pub tasks: usize,
    /// How long each of them computes.
    pub work: Duration,
    /// How many rounds there are.
    pub rounds: usize,
}

impl Workload for Burst {
    fn operations(&self) -> u64 {
        product(self.tasks, self.rounds)
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { tasks, work, rounds } = *self;
        let spin = Spin::lasting(work);
        let round = || {
            fall_silent();
            let latch = Latch::leaked(tasks);
            let start = Instant::now();
            for _ in 0..tasks {
                peer.detach_from_outside(async move {
                    spin.work();
                    latch.count_down();
                });
            }
            latch.wait_blocking();
            start.elapsed()
        };
        let times: Vec<Duration> = (0..rounds).map(|_| round()).collect();
        let operations = product(tasks, times.len());
        Outcome { operations, elapsed: times.iter().sum(), tail: Some(Tail::of(times)) }
    }
}

/// Waits until every other thread of the process sleeps, and has nothing to get up for by itself.
///
/// A thread that gets up and goes to sleep again is counted by the system. So the span is what is tested: longer than
/// the pause between two looks of any thread that still looks around after work.
fn fall_silent() {
    const SPAN: Duration = Duration::from_millis(10);
    let sleeps = || Usage::now().expect("the system tells how often a thread slept").sleeps;
    let mut before = sleeps();
    loop {
        thread::sleep(SPAN);
        let after = sleeps();
        // This thread's own sleep is one.
        if after <= before + 1 {
            return;
        }
        before = after;
    }
}
