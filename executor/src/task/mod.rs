//! Tasks: a future on the heap, and who may do what to it when.
//!
//! A task is one slot of a worker's heap: a header of 56 bytes and the future, whose place the output takes when it is
//! done. An empty task costs 64 bytes. It knows no queue and no thread: it is given to whoever implements [`Schedule`], as a
//! [`Runnable`], whenever it is to be polled.
//!
//! | who | has | may |
//! |---|---|---|
//! | [`Runnable`] | the run right, a reference | poll the future once, or drop it |
//! | waker | a reference | make a runnable of an idle task |
//! | [`JoinHandle`] | a reference, the right to what the future leaves | await it, abort |
//! | [`AbortHandle`] | a reference | abort |
//! | [`Heap`] | all slots | abort or describe every task |
//!
//! In reading order:
//! - [`state`]: the state word, with the table of phases, the protocol and why it is right.
//! - [`header`], [`cell`]: what is common to all tasks, and what depends on the future's type.
//! - [`runnable`]: polling, and all ways in which a task ends.
//! - [`waker`], [`join`], [`abort`]: the other references.
//! - [`heap`]: where tasks lie.
//! - [`current`], [`yield_now`]: the task that is running on this thread, and how it gives way.
//! - [`contain`], [`report`], [`error`]: what becomes of panics.
//! - [`id`], [`meta`]: what a task is called.
//!
//! # A life, in locked instructions
//!
//! | step | | step | |
//! |---|---|---|---|
//! | spawn | 0 | yield | 0 |
//! | poll to pending | 1 | completion | 1 |
//! | wake by value or by reference | 1 | ... with a joiner waiting | 2 |
//! | waker clone, drop | 1 each | join handle's drop after completion | 0 |
//!
//! # Ends
//!
//! A task ends once, by the hand of whoever holds its run right: it returned, it panicked, or its future was dropped because
//! somebody aborted it, because its runnable was dropped, or because nobody could ever have woken it again. In all cases
//! the future is gone before the handle resolves. A future whose destructor panics counts as a task that panicked, even if
//! it had returned: what it returned is dropped.
//!
//! # Rejected
//!
//! - Aborting by dropping the future at once, on the aborting thread: it may be in the middle of a poll, and it need not be
//!   `Send`.
//! - A separate allocation for the output or the join state: a task is one allocation.
//! - Wrapping the user's future in one of ours: the compiler stores such a future twice more often than not.

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
    header::Header,
    heap::{Heap, Owned, Schedule},
    meta::{Meta, Phase, TaskInfo},
    runnable::{Ran, Runnable},
};
