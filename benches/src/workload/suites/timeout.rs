//! tokio's `time_timeout`.

use std::future::ready;
use std::hint::black_box;
use std::time::Duration;

use super::super::{Outcome, Workload, product};
use super::iterate;
use crate::peer::{Peer, Place};

/// Far enough away never to come.
const LATER: Duration = Duration::from_secs(1);

/// What the tasks do with a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Put it around what is ready (`*_timeout`).
    Around,
    /// Create it and drop it unpolled (`*_sleep`).
    Dropped,
}

/// Tasks that each make timers, one after another, none of which fires. An operation is one timer.
#[derive(Clone, Copy, Debug)]
pub struct NeverFires {
    /// What they do with it.
    pub timer: Timer,
    /// How many tasks; 8 in the suite, 1 on one thread.
    pub tasks: usize,
    /// How many timers each makes.
    pub timers: usize,
    /// Where the tasks are spawned.
    pub place: Place,
}

impl Workload for NeverFires {
    fn operations(&self) -> u64 {
        product(self.tasks, self.timers)
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { timer, tasks, timers, place } = *self;
        iterate(peer, place, 1, move || async move {
            let handles: Vec<_> = (0..tasks).map(|_| P::spawn(make::<P>(timer, timers))).collect();
            let mut done = 0;
            for handle in handles {
                done += handle.await;
            }
            done
        })
    }
}

async fn make<P: Peer>(timer: Timer, timers: usize) -> u64 {
    let mut done = 0;
    for _ in 0..timers {
        done += match timer {
            Timer::Around => black_box(P::timeout(LATER, ready(1)).await).expect("it was ready"),
            Timer::Dropped => {
                drop(black_box(P::sleep(LATER)));
                1
            }
        };
    }
    done
}
