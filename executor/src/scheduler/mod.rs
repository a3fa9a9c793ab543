//! The scheduler: which thread polls which task, and when a thread sleeps.
//!
//! It knows no descriptor and no clock but the monotonic one it paces itself by: it parks through the trait
//! [`Park`].
//!
//! # Where a task can be
//! | place | who puts it there | who takes it |
//! |---|---|---|
//! | hot slot of a slot | the thread in the slot, waking or spawning | that thread, next; a thief, last of all |
//! | queue of a slot | the thread in the slot | that thread, in order; thieves, half at a time |
//! | yielded queue of a slot | the thread in the slot | that thread, when all else is done; thieves |
//! | inbox of a worker's slot | any thread outside | the worker, all at once; any searcher |
//! | injector | a guest that leaves; the sentinel, for a stuck thread | anybody |
//! | a thread's local set | that thread; others through its inbox | that thread alone |
//!
//! A *slot* is a place in the scheduler ([`slot`]); the thread that sits in it ([`seat`]) is a worker, a guest
//! inside `block_on`, or a spare. Nothing a slot holds is out of reach of others, so a thread stuck in a poll
//! keeps nothing but that one task.
//!
//! # Reading order
//! [`idle`] (how sleeping and waking cannot miss each other), [`seat`] (what a thread does), [`worker`] and
//! [`guest`] (its two loops), [`shared`] (what lies between threads), [`sentinel`] (who notices the stuck),
//! [`stand_in`] (what is done when every place is stuck), [`standing`] (what counts a thread), [`policy`] (every number).

mod context;
mod core;
mod deque;
mod guest;
mod hot_slot;
mod idle;
mod inbox;
mod local;
mod park;
#[cfg(test)]
mod park_testing;
mod plain;
mod policy;
mod seat;
mod sends;
mod sentinel;
mod shared;
mod sharing;
mod shutdown;
mod slot;
mod stand_in;
mod standing;
mod threads;
mod worker;

#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, filch_shuttle))]
mod shuttle_suites;
#[cfg(all(test, not(filch_loom)))]
mod tests;

pub(crate) use context::with as with_context;
pub(crate) use local::spawn as spawn_local;
pub(crate) use park::{Entered, Park};
pub use policy::Policies;
pub(crate) use seat::blocking;
pub(crate) use shared::Shared;
pub(crate) use threads::{Hook, Hooks, WrapHook};
