//! The end that receives.

use super::ring::{Stand, Taken};
use super::shared::Shared;
use super::{BroadcastStatistics, Lagged, RecvError, TryRecvError};
use crate::blocking;
use crate::line::{LineWaiter, Seat};
use filch_primitive::slice;
use filch_primitive::sync::Arc;
use futures_core::stream::{FusedStream, Stream};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Receives every value sent since it came. Clones continue where the original stands; each gets every value.
///
/// As a [`Stream`] it yields values and [gaps](Lagged), and ends when the channel is closed and everything was
/// received. Polled that way it allocates its place in the line once, when it first has to wait;
/// [`recv`](Self::recv) allocates nothing.
///
/// # Panics
/// A channel counts 2²⁸ receivers at most, those that were forgotten included: to make one more panics.
/// # Complexity
/// To receive, to clone and to subscribe is constant in the number of receivers and of values; who receives may drop values that others
/// were done with a moment before. One lock for some dozens of values, and for each that this one is the last to want. To drop is
/// linear in the number of values that only this one had not had.
/// # Examples
/// ```
/// let (sender, mut receiver) = filch_sync::broadcast::lossy(8);
/// let mut another = receiver.clone();
/// sender.try_send("news").unwrap();
/// assert_eq!((receiver.try_recv(), another.try_recv()), (Ok("news"), Ok("news")));
/// ```
pub struct Receiver<T> {
    seat: Seat<Shared<T>>,
    stand: Stand<T>,
}

impl<T> Receiver<T> {
    /// The receiver that stands at `stand`.
    pub(super) fn first(shared: Arc<Shared<T>>, stand: Stand<T>) -> Self {
        Self { seat: Seat::new(shared), stand }
    }

    pub(super) fn subscribed(shared: &Arc<Shared<T>>) -> Self {
        let seat = Seat::new(shared.clone());
        Self { seat, stand: shared.subscribe() }
    }

    /// One more receiver, that gets what is sent from now on.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = filch_sync::broadcast::lossy(4);
    /// sender.try_send(1).unwrap();
    /// let mut late = receiver.resubscribe();
    /// sender.try_send(2).unwrap();
    /// assert_eq!((receiver.try_recv(), late.try_recv()), (Ok(1), Ok(2)));
    /// ```
    #[must_use = "a receiver that is dropped receives nothing"]
    pub fn resubscribe(&self) -> Self {
        Self::subscribed(self.seat.shared())
    }

    /// Values to be received now. Those that were missed are not among them.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::broadcast::lossy(2);
    /// (0..5).for_each(|n| drop(sender.try_send(n)));
    /// assert_eq!(receiver.len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.seat.shared().ring.lock().len_from(&self.stand)
    }

    /// Whether there is no value to be received now.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::broadcast::lossy(2);
    /// assert!(receiver.is_empty());
    /// sender.try_send(1).unwrap();
    /// assert!(!receiver.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values the channel keeps for a receiver that is behind.
    ///
    /// # Examples
    /// ```
    /// let (_sender, receiver) = filch_sync::broadcast::bounded::<u8>(3);
    /// assert_eq!(receiver.capacity(), 3);
    /// ```
    pub fn capacity(&self) -> usize {
        self.seat.shared().capacity
    }

    /// Whether all senders are gone. There may be values to be received still.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = filch_sync::broadcast::lossy(2);
    /// sender.try_send(1).unwrap();
    /// drop(sender);
    /// assert!(receiver.is_closed());
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    pub fn is_closed(&self) -> bool {
        self.sender_count() == 0
    }

    /// How many senders there are.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::broadcast::lossy::<u8>(2);
    /// let other = sender.clone();
    /// assert_eq!(receiver.sender_count(), 2);
    /// # drop((sender, other));
    /// ```
    pub fn sender_count(&self) -> usize {
        self.seat.shared().ring.lock().senders
    }

    /// How many receivers there are.
    ///
    /// # Examples
    /// ```
    /// let (_sender, receiver) = filch_sync::broadcast::lossy::<u8>(2);
    /// assert_eq!(receiver.clone().receiver_count(), 2);
    /// ```
    pub fn receiver_count(&self) -> usize {
        self.seat.shared().ring.lock().receivers
    }

    /// Whether both receive from the same channel.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::broadcast::lossy::<u8>(2);
    /// assert!(receiver.same_channel(&sender.subscribe()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.seat.shared(), other.seat.shared())
    }

    /// A look at the channel, as [`Sender::statistics`](super::Sender::statistics).
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::broadcast::lossy(2);
    /// sender.try_send(1).unwrap();
    /// assert_eq!(receiver.statistics().sent, 1);
    /// ```
    pub fn statistics(&self) -> BroadcastStatistics {
        self.seat.shared().statistics()
    }
}

#[cfg(test)]
impl<T> Receiver<T> {
    /// How many are counted as standing somewhere.
    pub(super) fn standing(&self) -> u64 {
        self.seat.shared().ring.lock().standing()
    }
}

impl<T: Clone> Receiver<T> {
    /// Receives the next value, waiting while there is none.
    ///
    /// A value whose clone panics counts as received.
    ///
    /// # Errors
    /// [`RecvError::Lagged`] with the number of values that were overwritten since the last, on a
    /// [`lossy`](super::lossy) channel: the next call goes on with the oldest that is still there.
    /// [`RecvError::Closed`] when all senders are gone and everything was received.
    /// # Cancel safety
    /// A value counts as received only when this returns it: dropping the future loses nothing.
    /// # Examples
    /// ```
    /// use filch_sync::broadcast::{self, RecvError};
    /// # futures_lite::future::block_on(async {
    /// let (sender, mut receiver) = broadcast::lossy(2);
    /// for tick in 0..3 {
    ///     sender.send(tick).await?;
    /// }
    /// drop(sender);
    /// assert_eq!(receiver.recv().await, Err(RecvError::Lagged(1)));
    /// assert_eq!(receiver.recv().await, Ok(1));
    /// assert_eq!(receiver.recv().await, Ok(2));
    /// assert_eq!(receiver.recv().await, Err(RecvError::Closed));
    /// # Ok::<(), broadcast::SendError<i32>>(())
    /// # }).unwrap();
    /// ```
    pub fn recv(&mut self) -> RecvFuture<'_, T> {
        let shared = self.seat.shared();
        RecvFuture { shared, stand: &mut self.stand, waiter: LineWaiter::new(&shared.recv_line) }
    }

    /// Receives the next value if there is one.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`]; or [`TryRecvError::Lagged`] and [`TryRecvError::Closed`], as
    /// [`recv`](Self::recv).
    /// # Examples
    /// ```
    /// use filch_sync::broadcast::{TryRecvError, bounded};
    /// let (sender, mut receiver) = bounded(1);
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.try_send(1).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// drop(sender);
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let shared = self.seat.shared();
        let taken = shared.take(&mut self.stand).unwrap_or(Taken::Empty);
        shared.hand_out(taken, &mut self.stand)
    }

    /// Receives on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = filch_sync::broadcast::lossy(4);
    /// let listening = std::thread::spawn(move || receiver.recv_blocking());
    /// sender.try_send("hello").unwrap();
    /// assert_eq!(listening.join().unwrap(), Ok("hello"));
    /// ```
    pub fn recv_blocking(&mut self) -> Result<T, RecvError> {
        match self.try_recv() {
            Err(TryRecvError::Empty) => blocking::block_on(self.recv()),
            received => ended(received),
        }
    }
}

/// What a wait ended with: a value, a gap, or the end.
fn ended<T>(handed: Result<T, TryRecvError>) -> Result<T, RecvError> {
    handed.map_err(|error| match error {
        TryRecvError::Lagged(missed) => RecvError::Lagged(missed),
        TryRecvError::Closed => RecvError::Closed,
        TryRecvError::Empty => unreachable!("a wait that found nothing goes on"),
    })
}

impl<T: Clone> Stream for Receiver<T> {
    type Item = Result<T, Lagged>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        ready!(slice::proceed(cx));
        let this = self.get_mut();
        let at_once = match this.seat.is_taken() {
            true => None,
            false => this.seat.shared().take(&mut this.stand).ok(),
        };
        let taken = match at_once {
            Some(taken) => taken,
            None => {
                let (shared, waiter) = this.seat.waiter(|shared| &shared.recv_line);
                ready!(waiter.poll_until(cx, || shared.take(&mut this.stand)))
            }
        };
        Poll::Ready(match ended(this.seat.shared().hand_out(taken, &mut this.stand)) {
            Ok(value) => Some(Ok(value)),
            Err(RecvError::Lagged(missed)) => Some(Err(Lagged(missed))),
            Err(RecvError::Closed) => None,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), None)
    }
}

impl<T: Clone> FusedStream for Receiver<T> {
    fn is_terminated(&self) -> bool {
        self.seat.shared().ring.lock().has_ended_for(&self.stand)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        let seat = Seat::new(self.seat.shared().clone());
        let stand = seat.shared().ring.lock().double(&self.stand);
        Self { seat, stand }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.seat.shared().leave(&self.stand);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seat.shared().debug("Receiver", f)
    }
}

pin_project! {
    /// Receives one value; made by [`Receiver::recv`].
    ///
    /// ```
    /// use filch_sync::broadcast;
    /// use futures_lite::future::{block_on, poll_once};
    /// let (sender, mut receiver) = broadcast::lossy(1);
    /// let mut waits = Box::pin(receiver.recv());
    /// assert!(block_on(poll_once(waits.as_mut())).is_none());
    /// sender.try_send(1).unwrap();
    /// // Dropped before it was polled again, it has taken nothing.
    /// drop(waits);
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct RecvFuture<'a, T> {
        shared: &'a Shared<T>,
        stand: &'a mut Stand<T>,
        #[pin]
        waiter: LineWaiter<'a>,
    }
}

impl<T: Clone> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let (shared, stand) = (*this.shared, &mut **this.stand);
        let taken = ready!(this.waiter.poll_until(cx, || shared.take(stand)));
        Poll::Ready(ended(shared.hand_out(taken, stand)))
    }
}

impl<T> fmt::Debug for RecvFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvFuture").finish_non_exhaustive()
    }
}
