//! The end that sends.

use super::ring::Refused;
use super::shared::Shared;
use super::{BroadcastStatistics, Receiver, SendError, SendSink, TrySendError};
use crate::blocking;
use crate::line::LineWaiter;
use filch_primitive::slice;
use filch_primitive::sync::Arc;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Sends to all receivers of a channel. Clones send into the same; the channel closes when the last one is
/// dropped.
///
/// # Complexity
/// One lock to send, and time linear in the number of receivers that wait, whatever the
/// number of those that are there; linear in the same number to drop the last sender. What holds the values is allocated for some dozens of
/// them at a time. All else takes constant time.
/// # Examples
/// ```
/// let (sender, mut receiver) = filch_sync::broadcast::lossy(8);
/// let another = sender.clone();
/// sender.try_send(1).unwrap();
/// another.try_send(2).unwrap();
/// assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Ok(2)));
/// ```
///
/// # Source
/// The lossy kind does what the `broadcast` of tokio does, the bounded one what async-broadcast does. Those
/// count in each slot who has not had its value; here each slot counts who stands in it, which makes going,
/// lagging and cloning one step.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    pub(super) fn first(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Sends `value` to all receivers there are; answers how many. Waits while a [`bounded`](super::bounded)
    /// channel is full. On a [`lossy`](super::lossy) one it never waits, and [`try_send`](Self::try_send) does
    /// the same.
    ///
    /// Waiting senders are told of room in the order they came; one that is awake already may get ahead of one
    /// that was just told, which then keeps its place. The values of one sender arrive in the order they were
    /// sent.
    ///
    /// # Panics
    /// When the future is polled again after it was done.
    /// # Errors
    /// [`SendError`] with the value when there is no receiver, or the last one goes while this waits.
    /// # Cancel safety
    /// If the future is dropped before it is done, the value was not sent, and is dropped with it.
    /// # Complexity
    /// Constant, and linear in the number of receivers that wait.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, mut receiver) = filch_sync::broadcast::bounded(1);
    /// sender.send("one").await?;
    /// let sending = std::thread::spawn(move || sender.send_blocking("two"));
    /// assert_eq!(receiver.recv().await, Ok("one"));
    /// assert_eq!(receiver.recv().await, Ok("two"));
    /// assert_eq!(sending.join().unwrap(), Ok(1));
    /// # Ok::<(), filch_sync::broadcast::SendError<&str>>(())
    /// # }).unwrap();
    /// ```
    pub fn send(&self, value: T) -> SendFuture<'_, T> {
        SendFuture {
            shared: &self.shared,
            value: Some(value),
            waiter: LineWaiter::counted(&self.shared.send_line),
        }
    }

    /// Sends `value` to all receivers there are, if that needs no waiting; answers how many. Never waits on a
    /// [`lossy`](super::lossy) channel.
    ///
    /// # Errors
    /// [`TrySendError::Full`] on a [`bounded`](super::bounded) channel, or [`TrySendError::Closed`]; with the
    /// value.
    /// # Complexity
    /// As of [`send`](Self::send).
    /// # Examples
    /// ```
    /// use filch_sync::broadcast::{TrySendError, lossy};
    /// let (sender, mut receiver) = lossy(1);
    /// assert_eq!(sender.try_send(1), Ok(1));
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// drop(receiver);
    /// assert_eq!(sender.try_send(2), Err(TrySendError::Closed(2)));
    /// ```
    pub fn try_send(&self, value: T) -> Result<usize, TrySendError<T>> {
        self.shared.push(value).map_err(|refused| match refused {
            Refused::Full(value) => TrySendError::Full(value),
            Refused::Closed(value) => TrySendError::Closed(value),
        })
    }

    /// Sends `value` from a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// [`SendError`] with the value when there is no receiver.
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = filch_sync::broadcast::bounded(1);
    /// sender.send_blocking(1)?;
    /// assert_eq!(receiver.recv_blocking(), Ok(1));
    /// # Ok::<(), filch_sync::broadcast::SendError<i32>>(())
    /// ```
    pub fn send_blocking(&self, value: T) -> Result<usize, SendError<T>> {
        match self.shared.push(value) {
            Ok(receivers) => Ok(receivers),
            Err(Refused::Closed(value)) => Err(SendError(value)),
            Err(Refused::Full(value)) => blocking::block_on(self.send(value)),
        }
    }

    /// One more receiver. It gets what is sent from now on.
    ///
    /// # Examples
    /// ```
    /// let (sender, first) = filch_sync::broadcast::lossy(4);
    /// drop(first);
    /// assert!(sender.try_send("to nobody").is_err());
    /// let mut second = sender.subscribe();
    /// assert_eq!(sender.try_send("hello"), Ok(1));
    /// assert_eq!(second.try_recv(), Ok("hello"));
    /// ```
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::subscribed(&self.shared)
    }

    /// Waits until there is no receiver. If there is none now, that is at once.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, receiver) = filch_sync::broadcast::lossy::<()>(1);
    /// let listening = std::thread::spawn(move || drop(receiver));
    /// sender.closed().await;
    /// assert_eq!(sender.receiver_count(), 0);
    /// # listening.join().unwrap();
    /// # });
    /// ```
    pub fn closed(&self) -> ClosedFuture<'_, T> {
        ClosedFuture { shared: &self.shared, waiter: LineWaiter::new(&self.shared.closed_line) }
    }

    /// As [`closed`](Self::closed), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::broadcast::lossy::<u8>(1);
    /// let listening = std::thread::spawn(move || drop(receiver));
    /// sender.closed_blocking();
    /// assert!(sender.is_closed());
    /// # listening.join().unwrap();
    /// ```
    pub fn closed_blocking(&self) {
        if !self.is_closed() {
            blocking::block_on(self.closed());
        }
    }

    /// Whether there is no receiver at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::broadcast::lossy::<u8>(1);
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Values that some receiver has not had yet.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut fast) = filch_sync::broadcast::bounded(2);
    /// let slow = fast.clone();
    /// sender.try_send(1).unwrap();
    /// assert_eq!(fast.try_recv(), Ok(1));
    /// assert_eq!((sender.len(), fast.len(), slow.len()), (1, 0, 1));
    /// drop(slow);
    /// assert!(sender.is_empty());
    /// ```
    pub fn len(&self) -> usize {
        self.shared.ring.lock().len()
    }

    /// Whether all receivers have had everything.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = filch_sync::broadcast::lossy(2);
    /// sender.try_send(1).unwrap();
    /// assert!(!sender.is_empty());
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert!(sender.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values the channel keeps for a receiver that is behind.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = filch_sync::broadcast::lossy::<u8>(3);
    /// assert_eq!(sender.capacity(), 3);
    /// ```
    pub fn capacity(&self) -> usize {
        self.shared.capacity
    }

    /// How many senders there are.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::broadcast::lossy::<u8>(1);
    /// let other = sender.clone();
    /// assert_eq!((sender.sender_count(), sender.receiver_count()), (2, 1));
    /// assert!(sender.same_channel(&other));
    /// # drop(receiver);
    /// ```
    pub fn sender_count(&self) -> usize {
        self.shared.ring.lock().senders
    }

    /// How many receivers there are.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::broadcast::lossy::<u8>(2);
    /// let other = receiver.clone();
    /// assert_eq!(sender.receiver_count(), 2);
    /// # drop((receiver, other));
    /// ```
    pub fn receiver_count(&self) -> usize {
        self.shared.ring.lock().receivers
    }

    /// Whether both send into the same channel.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = filch_sync::broadcast::lossy::<u8>(2);
    /// assert!(sender.same_channel(&sender.clone()));
    /// assert!(!sender.same_channel(&filch_sync::broadcast::lossy(2).0));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// A sender that does not keep the channel open.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = filch_sync::broadcast::lossy(2);
    /// let weak = sender.downgrade();
    /// weak.upgrade().map(|sender| sender.try_send(1));
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// drop(sender);
    /// assert!(receiver.is_closed());
    /// ```
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { shared: self.shared.clone() }
    }

    /// This sender as a [`Sink`](futures_sink::Sink).
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = filch_sync::broadcast::bounded::<u8>(2);
    /// let sink = sender.into_sink();
    /// assert_eq!(sink.sender().map(|sender| sender.len()), Some(0));
    /// ```
    pub fn into_sink(self) -> SendSink<T> {
        let shared = self.shared.clone();
        SendSink::new(self, shared)
    }

    /// What the channel looks like at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = filch_sync::broadcast::lossy(2);
    /// (0..5).for_each(|n| drop(sender.try_send(n)));
    /// let statistics = sender.statistics();
    /// assert_eq!((statistics.sent, statistics.len), (5, 2));
    /// ```
    pub fn statistics(&self) -> BroadcastStatistics {
        self.shared.statistics()
    }
}

#[cfg(all(test, not(filch_loom)))]
impl<T> Sender<T> {
    /// For how many values there is memory.
    pub(super) fn slots(&self) -> u64 {
        self.shared.ring.lock().slots()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        let shared = self.shared.clone();
        shared.ring.lock().senders += 1;
        Self { shared }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.retire();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("Sender", f)
    }
}

/// A sender that does not keep the channel open; made by [`Sender::downgrade`].
///
/// # Examples
/// ```
/// let (sender, _receiver) = filch_sync::broadcast::lossy::<i32>(1);
/// let weak = sender.downgrade();
/// assert!(weak.upgrade().is_some());
/// drop(sender);
/// assert!(weak.upgrade().is_none(), "a channel that closed stays closed");
/// ```
pub struct WeakSender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> WeakSender<T> {
    /// A sender, if there is one still.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = filch_sync::broadcast::lossy(2);
    /// let weak = sender.downgrade();
    /// weak.upgrade().map(|sender| sender.try_send(1));
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let shared = self.shared.clone();
        let mut ring = shared.ring.lock();
        if ring.senders == 0 {
            return None;
        }
        ring.senders += 1;
        drop(ring);
        Some(Sender { shared })
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("WeakSender", f)
    }
}

pin_project! {
    /// Sends one value; made by [`Sender::send`].
    ///
    /// ```
    /// use filch_sync::broadcast;
    /// use futures_lite::future::{block_on, poll_once};
    /// let (sender, mut slow) = broadcast::bounded(1);
    /// sender.try_send(1).unwrap();
    /// let mut sends = std::pin::pin!(sender.send(2));
    /// assert!(block_on(poll_once(sends.as_mut())).is_none());
    /// assert_eq!(slow.try_recv(), Ok(1));
    /// assert!(block_on(sends) == Ok(1), "one receiver is to get it");
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct SendFuture<'a, T> {
        shared: &'a Shared<T>,
        value: Option<T>,
        #[pin]
        waiter: LineWaiter<'a>,
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<usize, SendError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let (shared, place) = (*this.shared, this.value);
        assert!(place.is_some(), "a future that sends is not polled after it is done");
        let sent = ready!(this.waiter.poll_until(cx, || shared.push_held(place)));
        Poll::Ready(match (sent, place.take()) {
            (Some(pushed), _) => Ok(shared.publish(pushed)),
            (None, Some(value)) => Err(SendError(value)),
            (None, None) => unreachable!("sent or still there"),
        })
    }
}

impl<T> fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFuture").finish_non_exhaustive()
    }
}

pin_project! {
    /// Waits until nobody receives; made by [`Sender::closed`].
    ///
    /// ```
    /// use filch_sync::broadcast;
    /// use futures_lite::future::{block_on, poll_once};
    /// let (sender, receiver) = broadcast::lossy::<u8>(1);
    /// let mut closed = std::pin::pin!(sender.closed());
    /// assert!(block_on(poll_once(closed.as_mut())).is_none());
    /// drop(receiver);
    /// assert!(block_on(poll_once(closed)).is_some());
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct ClosedFuture<'a, T> {
        shared: &'a Shared<T>,
        #[pin]
        waiter: LineWaiter<'a>,
    }
}

impl<T> Future for ClosedFuture<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let shared = *this.shared;
        this.waiter.poll_until(cx, || if shared.ring.lock().receivers == 0 { Ok(()) } else { Err(0) })
    }
}

impl<T> fmt::Debug for ClosedFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClosedFuture").finish_non_exhaustive()
    }
}
