//! Tasks: futures that run by themselves.
//!
//! A task is spawned and then goes its own way. Its [`JoinHandle`] is awaited for what it returned or for how it failed
//! ([`JoinError`]); an [`AbortHandle`] stops it from elsewhere. Every task has an [`Id`], the place where it was spawned,
//! and possibly a name; errors and reports mention them.
//!
//! # How a task ends
//!
//! Once, in one of three ways: it returns; it panics, and the handle gets the panic; or its future is dropped at the await
//! where it stands, because it was aborted, because its runtime ended, or because nothing is left that could ever wake it. In
//! all cases the future is gone before the handle resolves. A future whose destructor panics counts as a task that panicked,
//! even if it had returned: what it returned is dropped.
//!
//! A panic nobody is left to hear of is reported on the error stream, with the task's name and spawn site.
//!
//! # Several at once
//!
//! | function | what comes out | when one fails | when it is dropped |
//! |---|---|---|---|
//! | [`gather`] | all results, in the order given | its result says so | all are aborted |
//! | [`try_gather`] | all values, or the first failure | the others are aborted and waited for | all are aborted |
//! | [`race`] | the first result | that is a result | all are aborted |
//! | [`as_completed`] | a stream of results, in the order of their ends | its result says so | all are aborted |
//! | [`map_concurrent`] | a stream of results, so many tasks at once | its result says so | all are aborted |
//! | [`wait()`] | the handles, those that are done and those that are not | by choice that is the end | nothing |
//!
//! They run futures as tasks of their own, so each goes on whatever the others do and however rarely the caller looks. To poll a few
//! futures within one task, which may borrow from it, there are [`join!`](crate::join) and [`select!`](crate::select).

mod abort;
mod cell;
mod combine;
mod contain;
mod current;
mod error;
mod header;
mod heap;
mod id;
mod join;
mod meta;
mod report;
mod runnable;
mod state;
mod waker;
mod yield_now;

#[cfg(all(test, not(filch_loom)))]
mod tests;

#[cfg(all(test, filch_loom))]
mod model;

// The facade's: the cell itself knows no runtime.
pub use crate::runtime::TaskBuilder as Builder;
pub use abort::AbortHandle;
pub use combine::{
    AsCompleted, AsJoinHandle, Gather, MapConcurrent, MapInOrder, Race, TryGather, TryGatherError, Wait,
    WaitFuture, as_completed, gather, map_concurrent, map_concurrent_stream, race, try_gather, wait,
};
pub use current::{current, current_name};
pub use error::JoinError;
pub use id::Id;
pub use join::JoinHandle;
pub use yield_now::{YieldNow, yield_now};

#[allow(
    unused_imports,
    reason = "the scheduler's side of the cell, complete whether or not all of it is in use"
)]
pub(crate) use self::{
    current::running,
    header::Header,
    heap::{Heap, Owned, Schedule},
    meta::{Meta, Phase, TaskInfo},
    runnable::{Ran, Runnable},
};
pub(crate) use combine::WokenQueue;
