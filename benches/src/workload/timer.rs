//! Timers: most are dropped before they fire, as a timeout's is; some fire.

use std::future::ready;
use std::time::{Duration, Instant};

use futures_lite::future::poll_once;

use super::{Outcome, Workload, product};
use crate::peer::Peer;

/// How many timers a task handles before it gives way once. Runtimes that count what a task does between two
/// yields refuse the rest of a longer row: their timers would say `Pending` without having registered.
const TIMERS_PER_YIELD: usize = 32;

/// Tasks that make a timer, poll it once and drop it, over and over. An operation is one timer.
///
/// Isolates registering and cancelling, from several workers at once.
#[derive(Clone, Copy, Debug)]
pub struct CreateAndDrop {
    /// How many tasks do so.
    pub tasks: usize,
    /// How many timers each of them makes.
    pub timers: usize,
}

impl Workload for CreateAndDrop {
    fn operations(&self) -> u64 {
        product(self.tasks, self.timers)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { tasks, timers } = *self;
        peer.block_on_worker(async move {
            let mut handles = Vec::with_capacity(tasks);
            let start = Instant::now();
            handles.extend((0..tasks).map(|_| P::spawn(create_and_drop::<P>(timers))));
            let mut done = 0;
            for handle in handles {
                done += handle.await;
            }
            Outcome::since(start, done)
        })
    }
}

async fn create_and_drop<P: Peer>(timers: usize) -> u64 {
    let mut done = 0;
    for number in 0..timers {
        let deadline = Duration::from_millis(60_000 + number as u64 % 1_000);
        assert!(poll_once(P::sleep(deadline)).await.is_none(), "a timer of a minute has fired");
        done += 1;
        if number % TIMERS_PER_YIELD == TIMERS_PER_YIELD - 1 {
            P::yield_now().await;
        }
    }
    done
}

/// Tasks with a timeout around something that is ready. An operation is one timeout.
///
/// Isolates what a timeout costs that was not needed, the commonest kind.
#[derive(Clone, Copy, Debug)]
pub struct TimeoutReady {
    /// How many tasks do so.
    pub tasks: usize,
    /// How many timeouts each of them makes.
    pub timeouts: usize,
}

impl Workload for TimeoutReady {
    fn operations(&self) -> u64 {
        product(self.tasks, self.timeouts)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { tasks, timeouts } = *self;
        peer.block_on_worker(async move {
            let mut handles = Vec::with_capacity(tasks);
            let start = Instant::now();
            handles.extend((0..tasks).map(|_| {
                P::spawn(async move {
                    let mut done = 0;
                    for _ in 0..timeouts {
                        done += P::timeout(Duration::from_secs(1), ready(1_u64)).await.expect("it was ready");
                    }
                    done
                })
            }));
            let mut done = 0;
            for handle in handles {
                done += handle.await;
            }
            Outcome::since(start, done)
        })
    }
}

/// Many tasks that sleep once, their times spread evenly between two bounds. An operation is one sleep.
///
/// What is reported is the time *beyond* the longest sleep, from the first spawn to the last wake-up: what it
/// took to register and fire them all, as far as it did not fit beside the waiting.
#[derive(Clone, Copy, Debug)]
pub struct Fire {
    /// How many tasks sleep.
    pub tasks: usize,
    /// The shortest sleep.
    pub shortest: Duration,
    /// The longest sleep.
    pub longest: Duration,
}

impl Workload for Fire {
    fn operations(&self) -> u64 {
        self.tasks as u64
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { tasks, shortest, longest } = *self;
        peer.block_on_worker(async move {
            let mut handles = Vec::with_capacity(tasks);
            let start = Instant::now();
            handles.extend(
                (0..tasks).map(|number| P::spawn(nap::<P>(spread(number, tasks, shortest, longest)))),
            );
            let mut done = 0;
            for handle in handles {
                done += handle.await;
            }
            let outcome = Outcome::since(start, done);
            Outcome { elapsed: outcome.elapsed.saturating_sub(longest), ..outcome }
        })
    }
}

async fn nap<P: Peer>(duration: Duration) -> u64 {
    let start = Instant::now();
    P::sleep(duration).await;
    assert!(start.elapsed() >= duration, "a timer has fired early");
    1
}

/// A duration for the task of that number: all durations are taken evenly, neighbours get distant ones, and
/// the last task gets the longest.
fn spread(number: usize, count: usize, shortest: Duration, longest: Duration) -> Duration {
    // A prime larger than any count here is coprime to it, so the steps visit every place once.
    const STEP: u128 = 1_000_003;
    let place = ((number as u128 + 1) * STEP % count as u128) as f64;
    let last = count.saturating_sub(1).max(1) as f64;
    // The last task would land on place zero; turned around, that is the longest.
    longest - (longest - shortest).mul_f64(place / last)
}
