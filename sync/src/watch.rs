//! The latest value, for all who look.
//!
//! Sending replaces the value; receivers look at it whenever they like, and can wait for one they have not
//! seen. Who is slow misses values in between, never the last.
//!
//! # States
//! - The value, behind a lock that many may read under.
//! - Its version: how often the value was changed, and in the lowest bit whether all senders are gone. Counted up while the value
//!   is locked.
//! - What each receiver has seen: a version.
//!
//! # Protocol
//! Send: 1. lock the value, replace it, count the version up, unlock. 2. `fence(SeqCst)`. 3. Look at the line
//! of those that wait (`line.rs`), and tell all that have not seen this version.
//!
//! Wait: 1. compare the version with what was seen. 2. Mark the line occupied. 3. `fence(SeqCst)`. 4. Compare
//! again, and join.
//!
//! Look: under the value's lock, the value and its version.
//!
//! # Why it is right
//! *No lost wake-up*: one of the two fences comes first. If it is the sender's, the comparison at 4. sees the
//! new version; if it is the waiter's, the sender sees that somebody waits.
//!
//! *Each version once*: versions change under the value's lock, so that what is looked at and what is marked as
//! seen belong together. A wake-up without a version that was not seen does not end a wait.
//!
//! *User code*: the closures of [`Sender::send_modify`] and [`Sender::send_if_modified`] run under the value's
//! lock by nature, and so do the one of [`Receiver::wait_for`] and the clones of a stream. One that panics
//! frees the lock, and the version is not counted up. A value that was replaced is dropped after the lock.
//!
//! # Rejected
//! The version under the wait list's lock: [`Receiver::has_changed`] and [`Receiver::borrow`] would meet every
//! waiter there.
//!
//! # Examples
//! ```
//! use filch_sync::watch;
//! # futures_lite::future::block_on(async {
//! let (sender, mut limit) = watch::channel(10);
//! let worker = std::thread::spawn(move || {
//!     let reached = limit.wait_for_blocking(|limit| *limit > 10).map(|limit| *limit);
//!     reached
//! });
//! sender.send(20)?;
//! assert_eq!(worker.join().unwrap(), Ok(20));
//! # Ok::<(), watch::SendError<i32>>(())
//! # }).unwrap();
//! ```

mod error;
#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(filch_loom)))]
mod property;
mod receiver;
mod sender;
mod shared;
#[cfg(all(test, not(filch_loom)))]
mod tests;

pub use error::{RecvError, SendError};
pub use receiver::{ChangedFuture, Receiver};
pub use sender::{ClosedFuture, Sender};
pub use shared::{Ref, WatchStatistics};

use filch_primitive::sync::Arc;
use shared::Shared;

/// A value to watch. The receiver has seen `init` already.
///
/// # Examples
/// ```
/// let (sender, mut receiver) = filch_sync::watch::channel("starting");
/// assert_eq!(*receiver.borrow(), "starting");
/// assert!(!receiver.has_changed());
/// sender.send("running")?;
/// assert!(receiver.has_changed());
/// assert_eq!(*receiver.borrow_and_update(), "running");
/// # Ok::<(), filch_sync::watch::SendError<&str>>(())
/// ```
pub fn channel<T>(init: T) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared::new(init));
    (Sender::first(shared.clone()), Receiver::first(shared))
}
