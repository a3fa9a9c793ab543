//! Many values, from many senders to many receivers; each value reaches one receiver.
//!
//! [`bounded`] makes senders wait while the queue is full, [`unbounded`] never does, [`rendezvous`] has no queue: a send is
//! complete when a receiver took the value. Both ends can be cloned. A channel closes when [`close`](Sender::close) is called, or
//! when the last sender or the last receiver is dropped. What was sent before that is still received.
//!
//! **Committed only when ready**: a value leaves a sending future only when it is in the queue (or, hand to hand, with the
//! receiver), and the queue only when the receiving future returns it. Dropping either before that loses nothing and delivers
//! nothing twice.
//!
//! Values of one sender arrive in the order they were sent. Waiting senders are woken in the order they came, and waiting
//! receivers too; one that is awake already may get ahead of one that was just woken, which then keeps its place.
//!
//! Nothing is kept for one that was woken and is not polled: whoever is polled, a newcomer too, takes the value or the place. Who
//! sleeps hears of it with the next value or place, and then of all that lies there; or when that future is dropped; or else is asked
//! after some milliseconds.
//!
//! Beside sending and receiving one by one: [`recv_many`](Receiver::recv_many) takes what is there at once,
//! [`reserve`](Sender::reserve) makes sure of room before there is a value, [`force_send`](Sender::force_send) pushes out the oldest,
//! [`closed`](Sender::closed) waits for the end, and [weak ends](Sender::downgrade) keep nothing open. A receiver is a stream and
//! iterates, a sender [becomes a sink](Sender::into_sink).
//!
//! # The parts
//! | file | what |
//! |---|---|
//! | `array.rs` | the bounded queue without a lock: one exchange and one store each way |
//! | `lanes.rs` | beside it a locked queue, for places that are reserved and values that are pushed out |
//! | `blocks.rs` | the queue that grows and shrinks, behind a byte lock |
//! | `apart.rs` | who loses a race keeps away, so that the other goes on alone |
//! | `line.rs` | a line of waiters: "publish, then look" against "join, then look again" |
//! | `hand.rs` | from hand to hand: the value lies in the sending future until it is taken |
//! | `shared.rs` | the three flavours behind one surface, closing, counting |
//! | `sender.rs`, `receiver.rs`, `weak.rs` | the ends, and those that keep nothing open |
//! | `sending.rs`, `permit.rs`, `sink.rs`, `iter.rs` | a value on its way, the right to send one, and other ways in and out |
//!
//! # Rejected
//! One lock around queue and waiters: simpler, and every send would meet every receive at that lock. A lock-free list of
//! blocks for [`unbounded`]: its reclamation has been a source of unsoundness for others, and two locked operations per message
//! are within a few nanoseconds of it. Handing values to waiting receivers directly: a receiving future that is dropped would
//! have to give the value back, out of order.
//!
//! # Examples
//! ```
//! use filch_sync::channel;
//! # futures_lite::future::block_on(async {
//! let (sender, receiver) = channel::bounded(4);
//! let workers: Vec<_> = (0..2)
//!     .map(|_| {
//!         let receiver = receiver.clone();
//!         std::thread::spawn(move || {
//!             let mut sum = 0;
//!             while let Ok(number) = receiver.recv_blocking() {
//!                 sum += number;
//!             }
//!             sum
//!         })
//!     })
//!     .collect();
//! for number in 1..=100 {
//!     sender.send(number).await?;
//! }
//! drop(sender);
//! assert_eq!(workers.into_iter().map(|worker| worker.join().unwrap()).sum::<u32>(), 5050);
//! # Ok::<(), channel::SendError<u32>>(())
//! # }).unwrap();
//! ```

mod apart;
mod array;
mod blocks;
mod error;
mod hand;
mod iter;
mod lanes;
mod line;
#[cfg(all(test, filch_loom))]
mod model;
mod permit;
#[cfg(all(test, not(filch_loom)))]
mod property;
mod receiver;
mod sender;
mod sending;
mod shared;
mod sink;
mod statistics;
#[cfg(all(test, not(filch_loom)))]
mod tests;
mod weak;

pub use error::{RecvError, ReserveError, SendError, TryRecvError, TryReserveError, TrySendError};
pub use iter::{IntoIter, Iter, TryIter};
pub use permit::{OwnedPermit, Permit, Permits, ReserveFuture, ReserveManyFuture};
pub use receiver::{Receiver, RecvFuture, RecvManyFuture};
pub use sender::{Closed, Sender};
pub use sending::SendFuture;
pub use sink::SendSink;
pub use statistics::ChannelStatistics;
pub use weak::{WeakReceiver, WeakSender};

use shared::Shared;

/// A channel that holds at most `capacity` values; with a capacity of 0, a [`rendezvous`].
///
/// Small queues are allocated at once, large ones as they fill, so that a huge capacity costs nothing by itself.
///
/// ```
/// use filch_sync::channel::{TrySendError, bounded};
/// let (sender, receiver) = bounded(1);
/// sender.try_send('a').unwrap();
/// assert_eq!(sender.try_send('b'), Err(TrySendError::Full('b')));
/// assert_eq!(receiver.try_recv(), Ok('a'));
/// ```
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    ends(Shared::bounded(capacity))
}

/// A channel that holds as many values as memory does. Senders never wait; what a burst took is given back as it is received.
///
/// ```
/// let (sender, receiver) = filch_sync::channel::unbounded();
/// (0..1000).for_each(|number| sender.try_send(number).unwrap());
/// assert_eq!(receiver.len(), 1000);
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    ends(Shared::unbounded())
}

/// A channel from hand to hand: a send is complete when a receiver took the value.
///
/// [`Sender::try_send`] never succeeds here: a receiver that waits may go away before it takes the value.
///
/// ```
/// let (sender, receiver) = filch_sync::channel::rendezvous();
/// let giving = std::thread::spawn(move || sender.send_blocking("hello"));
/// assert_eq!(receiver.recv_blocking(), Ok("hello"));
/// giving.join().unwrap().unwrap();
/// ```
pub fn rendezvous<T>() -> (Sender<T>, Receiver<T>) {
    ends(Shared::rendezvous())
}

fn ends<T>(shared: Shared<T>) -> (Sender<T>, Receiver<T>) {
    let shared = filch_primitive::sync::Arc::new(shared);
    (Sender::counted(shared.clone()), Receiver::counted(shared))
}
