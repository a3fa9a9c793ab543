//! What an ingredient has at hand.

use super::faults::{Faults, Mark};
use super::latency::Histogram;
use super::ledger::{Entry, Ledger, Value, Watched};
use crate::{Dice, give_up_after, keep};
use filch::time::{sleep, timeout};
use filch::{Handle, JoinHandle, Runtime};
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// More would not help anybody to find the first.
const COMPLAINTS_MAX: usize = 20;

/// What broke, in words.
#[derive(Debug, Default)]
pub(super) struct Complaints(Mutex<Vec<String>>);

impl Complaints {
    pub(super) fn add(&self, complaint: String) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < COMPLAINTS_MAX {
            all.push(complaint);
        }
    }

    pub(super) fn so_far(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What an ingredient has done since the run began.
#[derive(Debug, Default)]
pub(super) struct Meter {
    pub(super) operations: AtomicU64,
    /// Operations that failed for a fault of ours, and were to.
    pub(super) excused: AtomicU64,
}

/// What all ingredients share for the whole run.
#[derive(Debug)]
pub(super) struct World {
    pub(super) runtime: Runtime,
    pub(super) faults: Faults,
    pub(super) complaints: Complaints,
    /// How late timers were.
    pub(super) lateness: Histogram,
    /// From the spawn of a task to its first poll.
    pub(super) latency: Histogram,
    pub(super) planted: Option<&'static str>,
}

/// One ingredient's view of the run, during one stretch. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Stage(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: &'static str,
    world: Arc<World>,
    stop: Arc<AtomicBool>,
    meter: Arc<Meter>,
    ledger: Arc<Ledger>,
    dice: Mutex<Dice>,
    /// Whether the one loud thing of this stretch was done.
    was_loud: AtomicBool,
}

impl Stage {
    pub(super) fn new(
        name: &'static str,
        world: Arc<World>,
        stop: Arc<AtomicBool>,
        meter: Arc<Meter>,
        ledger: Arc<Ledger>,
        dice: Dice,
    ) -> Self {
        let (dice, was_loud) = (Mutex::new(dice), AtomicBool::new(false));
        Self(Arc::new(Inner { name, world, stop, meter, ledger, dice, was_loud }))
    }

    /// Whether the stretch goes on.
    pub(super) fn goes_on(&self) -> bool {
        !self.0.stop.load(SeqCst)
    }

    pub(super) fn runtime(&self) -> &Runtime {
        &self.0.world.runtime
    }

    pub(super) fn faults(&self) -> &Faults {
        &self.0.world.faults
    }

    pub(super) fn world(&self) -> &World {
        &self.0.world
    }

    /// Dice of one's own.
    pub(super) fn dice(&self) -> Dice {
        self.0.dice.lock().unwrap_or_else(PoisonError::into_inner).fork()
    }

    /// Progress.
    pub(super) fn count(&self) {
        self.0.meter.operations.fetch_add(1, SeqCst);
    }

    /// Complains unless `holds`.
    pub(super) fn check(&self, holds: bool, complaint: impl FnOnce() -> String) {
        if !holds {
            self.0.world.complaints.add(format!("{}: {}", self.0.name, complaint()));
        }
    }

    /// What came of an operation on descriptors that is free to fail for a lack of them during a fault of
    /// ours, but for nothing else. To be called with the operation, synchronous or already awaited.
    pub(super) fn unless_excused<T>(&self, mark: Mark, result: io::Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                if self.faults().excuse(mark, &error) {
                    self.0.meter.excused.fetch_add(1, SeqCst);
                } else {
                    self.check(false, || format!("an operation failed: {error}"));
                }
                None
            }
        }
    }

    /// Whether the fault of this name was planted, and is to be had now.
    pub(super) fn is_planted(&self, name: &str) -> bool {
        self.0.world.planted == Some(name)
    }

    /// Whether this may do what the runtime reports on the error stream: once in a stretch.
    pub(super) fn may_be_loud(&self) -> bool {
        !self.0.was_loud.swap(true, SeqCst)
    }

    /// Writes down a task that there is not.
    pub(super) fn lose_task(&self) {
        keep(self.0.ledger.open());
    }

    /// A value in the books.
    pub(super) fn value(&self) -> Value {
        self.0.ledger.value()
    }

    /// Spawns a task on the runtime around the caller, and writes it down.
    pub(super) fn spawn<F>(&self, future: F) -> Watched<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.watch(|entry| filch::spawn(entry.follow(future)))
    }

    /// Spawns a task on the runtime of the run from wherever this is.
    pub(super) fn spawn_outside<F>(&self, future: F) -> Watched<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.watch(|entry| self.runtime().spawn(entry.follow(future)))
    }

    /// Spawns a task on another runtime, and writes it down.
    pub(super) fn spawn_on<F>(&self, runtime: &Handle, future: F) -> Watched<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.watch(|entry| runtime.spawn(entry.follow(future)))
    }

    /// Spawns a task of this thread, and writes it down.
    pub(super) fn spawn_local<F>(&self, future: F) -> Watched<F::Output>
    where
        F: Future + 'static,
    {
        self.watch(|entry| filch::spawn_local(entry.follow(future)))
    }

    /// Has the blocking pool of the runtime of the run call a closure, and writes it down.
    pub(super) fn spawn_blocking<T, F>(&self, f: F) -> Watched<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.watch(|entry| self.runtime().spawn_blocking(move || entry.call(f)))
    }

    fn watch<T>(&self, spawn: impl FnOnce(Entry) -> JoinHandle<(T, Value)>) -> Watched<T> {
        Watched::new(self, self.0.ledger.open(), spawn)
    }
}

/// Polls `future` once, and drops it at random: then, after a few more polls, after a while, or not at all.
pub(super) async fn at_random<F: Future>(dice: &mut Dice, future: F) -> Option<F::Output> {
    match dice.below(8) {
        polls @ 0..=2 => give_up_after(polls + 1, future).await,
        3 => timeout(micros(dice, 500), future).await.ok(),
        _ => Some(future.await),
    }
}

/// A span below so many microseconds.
pub(super) fn micros(dice: &mut Dice, end: usize) -> Duration {
    Duration::from_micros(dice.below(end) as u64)
}

/// Sleeps for a random while below so many microseconds.
pub(super) async fn nap(dice: &mut Dice, end: usize) {
    sleep(micros(dice, end)).await;
}
