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

mod abort;
mod cell;
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
