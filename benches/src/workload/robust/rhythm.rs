//! Rhythm: a program that is idle but for a wake-up now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::bell::TaskBell;
use crate::peer::Peer;
use crate::workload::{Outcome, Tail, Workload};

/// A plain thread wakes a task at regular times. An operation is one wake-up, and its time is how long it took until
/// the task ran.
///
/// Isolates what a wake-up costs that comes when everything sleeps. What to look at is the processor time: a worker
/// that stays awake for the next one is quick, and burns a core that has nothing to do.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// How many times the task is woken.
    pub beats: usize,
    /// How long from one wake-up to the next.
    pub period: Duration,
}

/// What the two sides tell each other. It belongs to the bell, which orders it: hence Relaxed throughout.
#[derive(Debug, Default)]
struct Beat {
    bell: TaskBell,
    /// When the bell was rung, in nanoseconds after the start.
    rung: AtomicU64,
    /// How often it was heard.
    heard: AtomicU64,
}

impl Workload for Rhythm {
    fn operations(&self) -> u64 {
        self.beats as u64
    }

    fn stands_alone(&self) -> bool {
        true
    }

    fn run<P: Peer>(&self, peer: &P) -> Outcome {
        let Self { beats, period } = *self;
        let beat = Arc::new(Beat::default());
        let start = Instant::now();
        let task = peer.spawn_from_outside(listen(Arc::clone(&beat), beats, start));
        for number in 0..beats {
            let time = period * (number as u32 + 1);
            thread::sleep(time.saturating_sub(start.elapsed()));
            // A ring that comes before the last one was heard would be one with it.
            while beat.heard.load(Ordering::Relaxed) < number as u64 {
                thread::sleep(period / 4);
            }
            beat.rung.store(nanos(start), Ordering::Relaxed);
            beat.bell.ring();
        }
        let times = futures_lite::future::block_on(task);
        let operations = times.len() as u64;
        Outcome { operations, elapsed: times.iter().sum(), tail: Some(Tail::of(times)) }
    }
}

/// How long each wake-up took.
async fn listen(beat: Arc<Beat>, beats: usize, start: Instant) -> Vec<Duration> {
    let mut times = Vec::with_capacity(beats);
    for _ in 0..beats {
        beat.bell.heard().await;
        let took = nanos(start).saturating_sub(beat.rung.load(Ordering::Relaxed));
        times.push(Duration::from_nanos(took));
        beat.heard.fetch_add(1, Ordering::Relaxed);
    }
    times
}

fn nanos(start: Instant) -> u64 {
    start.elapsed().as_nanos() as u64
}
