//! The workloads: each a value that holds its parameters, run on any runtime by one body.
//!
//! A workload knows beforehand how many operations it will do, counts what was really done, and compares.

use std::time::{Duration, Instant};

use crate::lineup::AnyPeer;
use crate::peer::Peer;

pub mod blocking;
pub mod channel;
pub mod echo;
pub mod lock;
pub mod memory;
pub mod ping_pong;
pub mod quiet;
pub mod robust;
pub mod semaphore;
pub mod skew;
pub mod spawn;
pub mod suites;
pub mod timer;
pub mod wake;
pub mod yield_now;

/// What a run did, and how long the part of it took that the workload is about.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// How many operations were done, counted.
    pub operations: u64,
    /// How long they took together. Preparation and checks are not part of it.
    pub elapsed: Duration,
    /// How long single operations took, where the workload watches them one by one.
    pub tail: Option<Tail>,
}

/// How long single operations took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Half of them took at most so long.
    pub p50: Duration,
    /// All but one in a hundred took at most so long.
    pub p99: Duration,
}

impl Tail {
    /// Of so many times, in any order.
    ///
    /// # Panics
    /// If there are none.
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let rank = |percent: usize| times[(times.len() - 1) * percent / 100];
        Self { p50: rank(50), p99: rank(99) }
    }
}

impl Outcome {
    /// The outcome of operations that began at `start` and have just ended.
    pub fn since(start: Instant, operations: u64) -> Self {
        Self { operations, elapsed: start.elapsed(), tail: None }
    }

    /// What one operation took, in nanoseconds.
    pub fn nanos_per_operation(&self) -> f64 {
        self.elapsed.as_secs_f64() * 1e9 / self.operations as f64
    }
}

/// Something to do on a runtime.
pub trait Workload {
    /// How many operations a run does.
    fn operations(&self) -> u64;

    /// How many descriptors a process needs for it, beyond a hundred.
    fn descriptors(&self) -> u64 {
        0
    }

    /// Whether one run is a statistic by itself: long, of many operations that it watches one by one, and begun on a
    /// runtime that is asleep. It needs no other before it to warm up, nor more of them.
    fn stands_alone(&self) -> bool {
        false
    }

    /// Does it once.
    ///
    /// # Panics
    /// If the result is not exactly what it must be.
    fn run<P: Peer>(&self, peer: &P) -> Outcome;
}

/// A [`Workload`] without its type, for tables of many.
pub trait AnyWorkload {
    /// See [`Workload::operations`].
    fn operations(&self) -> u64;

    /// See [`Workload::descriptors`].
    fn descriptors(&self) -> u64;

    /// See [`Workload::stands_alone`].
    fn stands_alone(&self) -> bool;

    /// Does it once on a runtime of any type.
    ///
    /// # Panics
    /// If the result is not exactly what it must be, the number of operations included.
    fn run_on(&self, peer: &AnyPeer) -> Outcome;
}

impl<W: Workload> AnyWorkload for W {
    fn operations(&self) -> u64 {
        Workload::operations(self)
    }

    fn descriptors(&self) -> u64 {
        Workload::descriptors(self)
    }

    fn stands_alone(&self) -> bool {
        Workload::stands_alone(self)
    }

    fn run_on(&self, peer: &AnyPeer) -> Outcome {
        let outcome = match peer {
            AnyPeer::Filch(peer) => self.run(peer),
            AnyPeer::Tokio(peer) => self.run(peer),
            AnyPeer::Smol(peer) => self.run(peer),
        };
        assert_eq!(outcome.operations, self.operations(), "operations done, and operations asked for");
        outcome
    }
}

/// Whose channels a workload uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// The runtime's own.
    Own,
    /// The same for every runtime, see [`Neutral`](crate::peer::Neutral).
    Neutral,
}

/// The product of two counts, as a number of operations.
fn product(first: usize, second: usize) -> u64 {
    (first as u64).saturating_mul(second as u64)
}
