//! The end that sends.

use super::line::LineWaiter;
use super::sending::SendFuture;
use super::shared::{Push, Shared, count_down, count_of, count_up};
use super::{ChannelStatistics, SendError, SendSink, TrySendError, WeakSender};
use crate::blocking;
use filch_primitive::slice;
use filch_primitive::sync::Arc;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Sends into a channel. Clones send into the same; the channel closes when the last one is dropped.
///
/// # Complexity
/// Constant time, but to close the channel linear in the number of those who wait. A bounded channel whose slots fit into 64
/// KiB sends with one exchange and no lock, as long as nothing is [reserved](Self::reserve) or [forced in](Self::force_send).
/// Others take one lock, and where they grow allocate a block for every 32 values. To wait, or to wake one that does, is a
/// lock more; of receivers that wait as streams a value wakes [several](super::Receiver). [`len`](Self::len) looks again
/// while others send.
/// # Examples
/// ```
/// let (sender, receiver) = filch_sync::channel::unbounded();
/// let another = sender.clone();
/// sender.try_send(1).unwrap();
/// another.try_send(2).unwrap();
/// drop((sender, another));
/// assert_eq!(receiver.iter().collect::<Vec<_>>(), [1, 2]);
/// ```
pub struct Sender<T> {
    pub(super) shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// A sender that is counted already.
    pub(super) fn counted(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Sends `value`, waiting while the channel is full.
    ///
    /// # Panics
    /// When the future is polled again after it was done.
    /// # Errors
    /// [`SendError`] with the value when the channel is closed, before or while this waits.
    /// # Cancel safety
    /// If the future is dropped before it is done, the value was not sent, and is dropped with it. On a rendezvous a
    /// receiver may have taken the value already, and the future only not have been told yet: then it was sent.
    /// # Examples
    /// ```
    /// # use filch_sync::channel::{SendError, bounded};
    /// # futures_lite::future::block_on(async {
    /// let (sender, receiver) = bounded(1);
    /// sender.send("hello").await?;
    /// receiver.close();
    /// assert_eq!(sender.send("late").await, Err(SendError("late")));
    /// assert_eq!(receiver.recv().await, Ok("hello"));
    /// # Ok::<(), SendError<&str>>(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn send(&self, value: T) -> SendFuture<'_, T> {
        SendFuture::new(&self.shared, value)
    }

    /// Sends `value` if that needs no waiting. Never so for a [`rendezvous`](super::rendezvous).
    ///
    /// # Errors
    /// [`TrySendError::Full`] or [`TrySendError::Closed`], with the value.
    /// # Complexity
    /// One exchange for a small bounded channel, one lock for others; one lock more to wake a receiver.
    /// # Examples
    /// ```
    /// # use filch_sync::channel::{TrySendError, bounded};
    /// let (sender, receiver) = bounded(1);
    /// assert_eq!(sender.try_send(1), Ok(()));
    /// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    /// # drop(receiver);
    /// ```
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.shared.push(value).map_err(|refused| match refused {
            Push::Full(value) => TrySendError::Full(value),
            Push::Closed(value) => TrySendError::Closed(value),
        })
    }

    /// Sends `value` from a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// [`SendError`] with the value when the channel is closed.
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::channel::bounded(1);
    /// let sending = std::thread::spawn(move || (0..3).try_for_each(|number| sender.send_blocking(number)));
    /// assert_eq!(receiver.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
    /// assert!(sending.join().unwrap().is_ok());
    /// ```
    pub fn send_blocking(&self, value: T) -> Result<(), SendError<T>> {
        match self.shared.push(value) {
            Ok(()) => Ok(()),
            Err(Push::Closed(value)) => Err(SendError(value)),
            Err(Push::Full(value)) => blocking::block_on(self.send(value)),
        }
    }

    /// Puts `value` in, also where the channel is full: then the oldest value goes, and comes back here. For the latest of
    /// something, where old ones are worth little.
    ///
    /// A channel that has no value to push out, a [`rendezvous`](super::rendezvous) or one whose places are all
    /// [reserved](Self::reserve), gives back this one.
    ///
    /// # Errors
    /// [`SendError`] with the value when the channel is closed.
    /// # Complexity
    /// One lock. A small bounded channel goes over from an array without a lock to a queue with one, see [`reserve`](Self::reserve).
    /// # Examples
    /// ```
    /// # use filch_sync::channel::{SendError, bounded};
    /// let (sender, receiver) = bounded(2);
    /// assert_eq!(sender.force_send(1)?, None);
    /// assert_eq!(sender.force_send(2)?, None);
    /// assert_eq!(sender.force_send(3)?, Some(1));
    /// assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [2, 3]);
    /// # Ok::<(), SendError<i32>>(())
    /// ```
    pub fn force_send(&self, value: T) -> Result<Option<T>, SendError<T>> {
        self.shared.force(value).map_err(SendError)
    }

    /// Waits until the channel is closed, by hand or because the last receiver is gone: to stop work that nobody waits for.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, receiver) = filch_sync::channel::bounded::<u8>(1);
    /// let listener = std::thread::spawn(move || drop(receiver));
    /// sender.closed().await;
    /// assert!(sender.is_closed());
    /// # listener.join().unwrap();
    /// # });
    /// ```
    pub fn closed(&self) -> Closed<'_, T> {
        Closed { shared: &self.shared, waiter: LineWaiter::new(&self.shared.close_line) }
    }

    /// As [`closed`](Self::closed), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::unbounded::<u8>();
    /// let listener = std::thread::spawn(move || receiver.close());
    /// sender.closed_blocking();
    /// assert!(sender.try_send(1).is_err());
    /// # listener.join().unwrap();
    /// ```
    pub fn closed_blocking(&self) {
        if !self.is_closed() {
            blocking::block_on(self.closed());
        }
    }

    /// Closes the channel for all: nothing more can be sent, what was sent can still be received.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::unbounded();
    /// sender.try_send(1).unwrap();
    /// sender.close();
    /// assert!(sender.try_send(2).is_err());
    /// assert_eq!(receiver.iter().collect::<Vec<_>>(), [1]);
    /// ```
    pub fn close(&self) {
        self.shared.close();
    }

    /// Whether the channel is closed.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::bounded::<u8>(1);
    /// assert!(!sender.is_closed());
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Values in the channel at this moment.
    ///
    /// ```
    /// let (sender, _receiver) = filch_sync::channel::unbounded();
    /// sender.try_send('a').unwrap();
    /// assert_eq!(sender.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether there is no value in the channel at this moment.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::unbounded();
    /// sender.try_send('a').unwrap();
    /// assert!(!sender.is_empty());
    /// receiver.try_recv().unwrap();
    /// assert!(sender.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values the channel holds at most; nothing for an unbounded one.
    ///
    /// ```
    /// use filch_sync::channel::{bounded, rendezvous, unbounded};
    /// assert_eq!(bounded::<u8>(4).0.capacity(), Some(4));
    /// assert_eq!(rendezvous::<u8>().0.capacity(), Some(0));
    /// assert_eq!(unbounded::<u8>().0.capacity(), None);
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        self.shared.capacity()
    }

    /// How many senders there are.
    ///
    /// ```
    /// let (sender, _receiver) = filch_sync::channel::unbounded::<u8>();
    /// let _another = sender.clone();
    /// assert_eq!(sender.sender_count(), 2);
    /// ```
    pub fn sender_count(&self) -> usize {
        count_of(&self.shared.senders)
    }

    /// How many receivers there are.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::unbounded::<u8>();
    /// drop(receiver);
    /// assert_eq!(sender.receiver_count(), 0);
    /// ```
    pub fn receiver_count(&self) -> usize {
        count_of(&self.shared.receivers)
    }

    /// Whether both send into the same channel.
    ///
    /// ```
    /// use filch_sync::channel::unbounded;
    /// let (sender, _receiver) = unbounded::<u8>();
    /// assert!(sender.same_channel(&sender.clone()));
    /// assert!(!sender.same_channel(&unbounded().0));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// A look at the channel.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::bounded(4);
    /// sender.try_send('a').unwrap();
    /// let statistics = sender.statistics();
    /// assert_eq!((statistics.len, statistics.senders), (1, 1));
    /// # drop(receiver);
    /// ```
    pub fn statistics(&self) -> ChannelStatistics {
        self.shared.statistics()
    }

    /// An end that sends nothing and keeps nothing open, from which a sender can be made while there is one.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::unbounded();
    /// let weak = sender.downgrade();
    /// weak.upgrade().expect("there is a sender").try_send(1).unwrap();
    /// drop(sender);
    /// assert!(weak.upgrade().is_none());
    /// assert_eq!(receiver.recv_blocking(), Ok(1));
    /// assert!(receiver.recv_blocking().is_err(), "a weak end keeps nothing open");
    /// ```
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender::new(self.shared.clone())
    }

    /// How many [`WeakSender`]s there are.
    ///
    /// ```
    /// let (sender, _receiver) = filch_sync::channel::unbounded::<u8>();
    /// let _weak = sender.downgrade();
    /// assert_eq!((sender.sender_count(), sender.weak_sender_count()), (1, 1));
    /// ```
    pub fn weak_sender_count(&self) -> usize {
        count_of(&self.shared.weak_senders)
    }

    /// This sender as a [`Sink`](futures_sink::Sink); see [`SendSink`] for an example.
    ///
    /// ```
    /// use futures_lite::future;
    /// use futures_sink::Sink;
    /// use std::pin::Pin;
    /// # future::block_on(async {
    /// let (sender, receiver) = filch_sync::channel::bounded(1);
    /// let mut sink = sender.into_sink();
    /// future::poll_fn(|cx| Pin::new(&mut sink).poll_ready(cx)).await?;
    /// Pin::new(&mut sink).start_send("hello")?;
    /// future::poll_fn(|cx| Pin::new(&mut sink).poll_flush(cx)).await?;
    /// assert_eq!(receiver.try_recv(), Ok("hello"));
    /// # Ok::<(), filch_sync::channel::SendError<&str>>(())
    /// # }).unwrap();
    /// ```
    pub fn into_sink(self) -> SendSink<T> {
        SendSink::new(self)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        count_up(&self.shared.senders);
        Self { shared: self.shared.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if count_down(&self.shared.senders) {
            self.shared.close();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.show(&mut f.debug_struct("Sender"))
    }
}

pin_project! {
    /// Waits until the channel is closed; made by [`Sender::closed`].
    ///
    /// ```
    /// use filch_sync::channel;
    /// use futures_lite::future::{block_on, poll_once};
    /// let (sender, receiver) = channel::bounded::<u8>(1);
    /// let mut closed = std::pin::pin!(sender.closed());
    /// assert!(block_on(poll_once(closed.as_mut())).is_none());
    /// drop(receiver);
    /// assert!(block_on(poll_once(closed)).is_some());
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct Closed<'a, T> {
        shared: &'a Shared<T>,
        #[pin]
        waiter: LineWaiter<'a>,
    }
}

impl<T> Future for Closed<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let shared = *this.shared;
        this.waiter.poll_until(cx, || shared.is_closed().then_some(()), || false)
    }
}

impl<T> fmt::Debug for Closed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}
