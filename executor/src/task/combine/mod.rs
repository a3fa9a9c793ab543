//! Several tasks at once: [`gather()`], [`try_gather()`], [`race()`], [`as_completed()`], [`map_concurrent()`], [`wait()`].
//!
//! # What it is for
//! To wait for many tasks at the price of one: whoever waits is woken when a task ends, and learns which one, without a look at
//! the others.
//!
//! # Protocol
//! A [`Brood`] holds the tasks' handles in numbered places, and a [`WokenQueue`] the numbers of those that ended.
//!
//! A task is taken in:
//! 1. It gets a place, and a waker that knows the number of that place.
//! 2. The handle is polled with this waker, without taking a result. Is the task over already, its number joins the queue at once.
//!
//! A task ends:
//! 3. Its waker puts the number into the queue, if it is not in there, and takes out the waker of who waits.
//! 4. The queue's lock is given back, then who waits is woken.
//!
//! Who waits:
//! 5. Takes a number out of the queue; the handle of that place is given out. Without a number it leaves its waker there, under
//!    the same lock.
//!
//! # Why it is right
//! *None is missed*: 2 is [`JoinHandle`]'s own promise (over now, or the waker is woken later), and 3 and 5 exclude each other.
//!
//! *Constant time for each end*: each number is in the queue at most once, and a handle is polled when it comes in; its end is a
//! look at its state. A number that is there without an end costs one more poll of that handle.
//!
//! *Nothing leaks*: a [`Child`] aborts its task when it is dropped, so whatever owns a brood of them ends them with itself, even when
//! an iterator or a closure of the user's panics halfway. Those that need the tasks gone before they are ready themselves abort and
//! then go on to wait: a handle gives its result when the future is dropped.
//!
//! *No panic is lost*: a handle that is dropped without a look at what it holds reports a panic. So a failure stays in its handle
//! until it is given out.
//!
//! # Rejected
//! Futures that send their number at their own end, by a guard: that is before the task is over, and its handle would have to be
//! waited for once more. Polling all handles at each wake: quadratic. Polling the futures themselves in the caller's task, as
//! `FuturesUnordered` does: while the caller is busy with one, none of the others goes on.

mod as_completed;
mod brood;
mod gather;
mod map_concurrent;
#[cfg(all(test, filch_loom))]
mod model;
mod race;
#[cfg(all(test, not(filch_loom)))]
mod tests;
mod try_gather;
mod wait;
mod woken;

pub use as_completed::{AsCompleted, as_completed};
pub use brood::AsJoinHandle;
pub use gather::{Gather, gather};
pub use map_concurrent::{MapConcurrent, MapInOrder, map_concurrent, map_concurrent_stream};
pub use race::{Race, race};
pub use try_gather::{TryGather, TryGatherError, try_gather};
pub use wait::{Wait, WaitFuture, wait};

pub(crate) use woken::WokenQueue;

#[allow(unused_imports, reason = "for the links of the documentation")]
use self::brood::{Brood, Child};
#[allow(unused_imports, reason = "for the links of the documentation")]
use super::join::JoinHandle;
