//! The whole executor under random schedules.
//!
//! Built with `--cfg filch_shuttle`, every atomic, lock, thread and thread-local of the executor is shuttle's, which
//! runs a scenario over and over and decides at each step which thread goes on. What each scenario does (who wakes, spawns,
//! aborts, yields, panics) is thrown by the schedule's own dice, so that a schedule is a whole run and replays it.
//!
//! ```text
//! RUSTFLAGS="--cfg filch_shuttle" CARGO_TARGET_DIR=target/shuttle cargo test --release -p filch --lib shuttle_
//! ```
//! `FILCH_SHUTTLE_ROUNDS=100000` looks deeper. A failing run prints its schedule; put into a file, it is run again by
//! `FILCH_SHUTTLE_REPLAY=<file>` and the test's name. What is and is not explored: [`filch_primitive::explore`].
//!
//! The books are exact ([`books`]): every future is dropped once, every output once, and whatever was woken has run. A task that
//! is lost is one that somebody waits for: the run comes to a stop, and shuttle says who waits. So that nothing hides it, the
//! sentinel, which in earnest looks again every millisecond, ticks only in the scenarios that need it.

mod bell;
mod books;
mod canaries;
mod ending;
mod local;
mod park;
mod primitives;
mod script;
mod whole;

use super::Shared;
use crate::task::Meta;
use std::panic::Location;
use std::sync::Arc;

/// A running scheduler on a [`park`] of the facade's.
fn scheduler(workers: usize, guests_help: bool) -> Arc<Shared> {
    let hooks =
        super::Hooks { name: "model".into(), stack_size: None, on_start: None, on_stop: None, wrap: None };
    let park = park::Plain::new(Shared::slots_for(workers));
    let shared = Shared::new(workers, guests_help, Default::default(), hooks, Arc::new(park));
    shared.start().expect("a model never runs out of threads");
    shared
}

/// Ends it, and demands that nothing is left.
fn end(shared: &Shared) {
    assert_eq!(shared.end(None), 0, "threads were left");
    assert_eq!(shared.count_unfinished(&[]), 0, "tasks were left");
}

#[track_caller]
fn meta() -> Meta {
    Meta { location: Location::caller(), name: None }
}

/// Panics without a word: it is part of the plan.
fn panic_as_planned() -> ! {
    std::panic::resume_unwind(Box::new("as planned"))
}
