//! Every value to every receiver.
//!
//! Two kinds, told apart by what happens when the slowest receiver is a whole [capacity](Sender::capacity)
//! behind:
//! - [`lossy`]: the oldest value is overwritten. Who missed it is told how many there were, exactly and once, and goes on
//!   with the oldest that is still there. No receiver can hold up a sender.
//! - [`bounded`]: senders wait for the slowest receiver. Nobody misses anything.
//!
//! Receivers come by [`Sender::subscribe`], which begins with the next value, and by `clone`, which continues
//! where the original stands. A value nobody is there to receive is not sent: it comes back in the error, and
//! the channel is open again with the next subscriber. It closes for good when the last sender is dropped; what
//! was sent before is still received.
//!
//! # States
//! A row of slots (`ring.rs`), each with a word of its own (`slot.rs`), and a byte lock around what is common to them. A position is the number of a
//! value since the beginning, 64 bits wide; the ring holds those from its head up to its tail. Each receiver has the position of the value
//! it wants next, and stands *in the slot* of that value, which may be the one still to come; each slot counts who stands in it.
//!
//! | move | what changes | lock |
//! |---|---|---|
//! | send | a value in the slot of the tail, where all stand who have had everything | yes |
//! | receive | one step from a slot to the next; a first slot that nobody stands in any more is taken out | the last in the first slot, and at the end of a block |
//! | overwrite | the first slot goes, and who stood in it stands in the next, its position still the old one: so far it lags | yes |
//! | a receiver goes | out of its slot; first slots that nobody stands in are taken out | yes |
//!
//! So each move takes constant time, whatever the number of receivers, and a slot is given back by the one that
//! leaves it last. That one moves the value out, if it is one that must be dropped; the others clone it.
//!
//! # Protocol
//! Send, receive, go: 1. the move above. 2. Holding no lock, look whether anybody waits
//! in the line (`line.rs`) concerned, and tell. 3. Values are cloned and dropped after that.
//!
//! Wait: as `line.rs` says, with the move as its attempt. Whoever finds nothing, or no room, has found so under the lock.
//!
//! A send tells those that wait and have had all values before this one: each of them once. Receiving the last
//! of a first slot tells one sender per slot, and all sinks. A send that leaves room tells one more. A sender that was
//! told and goes without sending passes it on.
//!
//! # Why it is right
//! *Nothing is lost or doubled*: what a receiver gets next depends on its position alone, which changes in its own step off the slot; or it is
//! overwritten, and which of the two comes first is decided in one word. The first slot has somebody standing in it, or one that has just left it and
//! is about to take it out, so a ring without receivers is empty.
//!
//! *Gaps are exact*: the head counts what was overwritten; a position below it is as many values behind as it
//! missed.
//!
//! *No user code under a lock*: a value is cloned where it lies, beside other clones of it, so that ends cross threads only with
//! `T: Send + Sync`. Nobody waits for that: a value that is overwritten meanwhile stays for those that read it, and the last of them drops it.
//! What moves under the lock is bytes.
//!
//! *Futurelock*: telling a sender reserves nothing. One that is never polled again leaves its place to whoever is polled, a
//! newcomer too, and the next send of anybody tells the next of it: so any number of them stop nobody who sends and is told, and
//! where nobody receives or sends, one of those that sleep is asked (`watched.rs`) after some milliseconds. The price: a sender may
//! be woken that finds no room, and goes back to the front.
//!
//! # Rejected
//! A count of the receivers that still want a slot's value, in each slot: a receiver that goes would have to
//! walk all slots in front of it. Cloning under the slot's lock, which asks only `Send`: user code that may
//! come back to the channel would find itself locked out. An `Arc` for each value, moved under one lock for all: an allocation for each send, and whoever
//! receives stands in the way of whoever sends (twice the time for both where they meet). Some values at a time into each receiver's hands: what the channel holds,
//! when a value is dropped and how far senders may run ahead would no longer be exact. An end
//! that keeps the channel open without receiving: [`Sender::subscribe`] and [`WeakSender`] make up for it.
//!
//! # Examples
//! ```
//! use filch_sync::broadcast;
//! # futures_lite::future::block_on(async {
//! let (sender, mut first) = broadcast::bounded(8);
//! let mut second = sender.subscribe();
//! sender.send("news").await?;
//! assert_eq!(first.recv().await, Ok("news"));
//! assert_eq!(second.recv().await, Ok("news"));
//! # Ok::<(), broadcast::SendError<&str>>(())
//! # }).unwrap();
//! ```

mod error;
#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(filch_loom)))]
mod property;
mod receiver;
mod ring;
mod sender;
mod shared;
mod sink;
mod slot;
mod statistics;
#[cfg(all(test, not(filch_loom)))]
mod tests;

pub use error::{Lagged, RecvError, SendError, TryRecvError, TrySendError};
pub use receiver::{Receiver, RecvFuture};
pub use sender::{ClosedFuture, SendFuture, Sender, WeakSender};
pub use sink::SendSink;
pub use statistics::BroadcastStatistics;

use filch_primitive::sync::Arc;
use ring::WhenFull;
use shared::Shared;

/// A channel that keeps the last `capacity` values for those that are behind, and overwrites older ones.
///
/// # Panics
/// When `capacity` is 0.
/// # Examples
/// ```
/// use filch_sync::broadcast::{self, TryRecvError};
/// let (sender, mut receiver) = broadcast::lossy(2);
/// for tick in 0..5 {
///     sender.try_send(tick)?;
/// }
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(3)));
/// assert_eq!(receiver.try_recv(), Ok(3));
/// # Ok::<(), broadcast::TrySendError<i32>>(())
/// ```
pub fn lossy<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    ends(capacity, WhenFull::Overwrite)
}

/// A channel whose senders wait while the slowest receiver is `capacity` values behind.
///
/// # Panics
/// When `capacity` is 0.
/// # Examples
/// ```
/// use filch_sync::broadcast::{self, TrySendError};
/// let (sender, mut receiver) = broadcast::bounded(1);
/// assert_eq!(sender.try_send('a'), Ok(1));
/// assert_eq!(sender.try_send('b'), Err(TrySendError::Full('b')));
/// assert_eq!(receiver.try_recv(), Ok('a'));
/// assert_eq!(sender.try_send('b'), Ok(1));
/// ```
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    ends(capacity, WhenFull::Wait)
}

fn ends<T>(capacity: usize, when_full: WhenFull) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a broadcast channel holds at least one value");
    let (shared, stand) = Shared::new(capacity, when_full);
    let shared = Arc::new(shared);
    (Sender::first(shared.clone()), Receiver::first(shared, stand))
}
