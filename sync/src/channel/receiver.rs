//! The end that receives.

#![allow(unsafe_code, reason = "a waiter that lives beside the channel it waits for")]

use super::line::{Line, LineWaiter};
use super::shared::{Pop, Shared, count_down, count_of, count_up};
use super::{ChannelStatistics, Iter, RecvError, TryIter, TryRecvError, WeakReceiver};
use crate::blocking;
use filch_primitive::slice;
use filch_primitive::sync::Arc;
use futures_core::stream::{FusedStream, Stream};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Receives from a channel. Clones receive from the same, each value going to one of them; the channel closes when the last one is
/// dropped, and what was not received is dropped with it.
///
/// As a [`Stream`] it ends when the channel is closed and empty. Polled that way it allocates its place in the line once, when it
/// first has to wait; [`recv`](Self::recv) allocates nothing. It keeps that place until a value comes, also when nobody asks it any
/// more: so a value wakes every receiver that waits as a stream, up to the first that waits in `recv`.
///
/// # Complexity
/// Constant time, but to close the channel linear in the number of those who wait, and to drop the last receiver in that of
/// the values left. What costs a lock is told at [`Sender`](super::Sender): receiving does where sending does.
/// [`len`](Self::len) looks again while others send.
/// # Examples
/// ```
/// let (sender, receiver) = filch_sync::channel::unbounded();
/// let another = receiver.clone();
/// sender.try_send(1).unwrap();
/// sender.try_send(2).unwrap();
/// assert_eq!((receiver.try_recv(), another.try_recv()), (Ok(1), Ok(2)));
/// ```
pub struct Receiver<T> {
    /// Declared, and in `drop` taken, before `shared`, into which it points.
    streaming: Option<Pin<Box<LineWaiter<'static>>>>,
    pub(super) shared: Arc<Shared<T>>,
}

impl<T> Receiver<T> {
    /// A visit, if the watchman has an entry.
    #[cfg(all(test, filch_loom))]
    pub(crate) fn visit_by_hand(&self) {
        self.shared.recv_line.visit_by_hand();
    }

    /// A receiver that is counted already.
    pub(super) fn counted(shared: Arc<Shared<T>>) -> Self {
        Self { streaming: None, shared }
    }

    /// Receives a value, waiting while there is none.
    ///
    /// # Errors
    /// [`RecvError`] when the channel is closed and empty.
    /// # Cancel safety
    /// A value leaves the channel only when this returns it: dropping the future loses nothing.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, receiver) = filch_sync::channel::unbounded();
    /// std::thread::spawn(move || sender.try_send("hello"));
    /// assert_eq!(receiver.recv().await, Ok("hello"));
    /// assert!(receiver.recv().await.is_err(), "the last sender is gone");
    /// # });
    /// ```
    #[inline]
    pub fn recv(&self) -> RecvFuture<'_, T> {
        RecvFuture { shared: &self.shared, waiter: LineWaiter::new(&self.shared.recv_line) }
    }

    /// Receives a value if there is one.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] or [`TryRecvError::Closed`].
    /// # Examples
    /// ```
    /// # use filch_sync::channel::{TryRecvError, unbounded};
    /// let (sender, receiver) = unbounded::<u8>();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// drop(sender);
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.shared.pop().map_err(|none| match none {
            Pop::Empty => TryRecvError::Empty,
            Pop::Closed => TryRecvError::Closed,
        })
    }

    /// Receives on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// [`RecvError`] when the channel is closed and empty.
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::channel::bounded(1);
    /// let worker = std::thread::spawn(move || receiver.recv_blocking());
    /// sender.send_blocking(1).unwrap();
    /// assert_eq!(worker.join().unwrap(), Ok(1));
    /// ```
    pub fn recv_blocking(&self) -> Result<T, RecvError> {
        match self.shared.pop() {
            Ok(value) => Ok(value),
            Err(Pop::Closed) => Err(RecvError(())),
            Err(Pop::Empty) => blocking::block_on(self.recv()),
        }
    }

    /// Receives what is there, up to `limit` values, appending them to `into`; waits for the first. Answers how many there were:
    /// 0 only when the channel is closed and empty, or `limit` is 0.
    ///
    /// # Cancel safety
    /// Values leave the channel only when this answers how many: a future that is dropped before has taken none.
    /// # Complexity
    /// Linear in the number of values received, and cheaper for each than [`recv`](Self::recv): the senders are told once for
    /// all, and a channel with a lock takes it once in 32 values. A [`rendezvous`](super::rendezvous) takes one value after
    /// the other from its senders. Of the memory in `into`, no more is asked for than there are values.
    /// # Examples
    /// ```
    /// use filch_sync::channel;
    /// # futures_lite::future::block_on(async {
    /// let (sender, receiver) = channel::unbounded();
    /// (0..10).for_each(|number| sender.try_send(number).unwrap());
    /// drop(sender);
    /// let (mut batch, mut batches) = (Vec::new(), 0);
    /// while receiver.recv_many(&mut batch, 4).await > 0 {
    ///     batches += 1;
    /// }
    /// assert_eq!((batches, batch.len()), (3, 10));
    /// # });
    /// ```
    pub fn recv_many<'a>(&'a self, into: &'a mut Vec<T>, limit: usize) -> RecvManyFuture<'a, T> {
        RecvManyFuture { shared: &self.shared, into, limit, waiter: LineWaiter::new(&self.shared.recv_line) }
    }

    /// As [`recv_many`](Self::recv_many), if that needs no waiting. Never 0, except for a `limit` of 0.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] or [`TryRecvError::Closed`].
    /// # Examples
    /// ```
    /// # use filch_sync::channel::{TryRecvError, bounded};
    /// let (sender, receiver) = bounded(4);
    /// let mut batch = Vec::new();
    /// assert_eq!(receiver.try_recv_many(&mut batch, 9), Err(TryRecvError::Empty));
    /// sender.try_send(1).unwrap();
    /// sender.try_send(2).unwrap();
    /// assert_eq!(receiver.try_recv_many(&mut batch, 9), Ok(2));
    /// assert_eq!(batch, [1, 2]);
    /// ```
    pub fn try_recv_many(&self, into: &mut Vec<T>, limit: usize) -> Result<usize, TryRecvError> {
        if limit == 0 {
            return Ok(0);
        }
        self.shared.pop_many(into, limit).map_err(|none| match none {
            Pop::Empty => TryRecvError::Empty,
            Pop::Closed => TryRecvError::Closed,
        })
    }

    /// As [`recv_many`](Self::recv_many), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::unbounded();
    /// std::thread::spawn(move || (1..=5).for_each(|number| sender.send_blocking(number).unwrap()));
    /// let mut got = Vec::new();
    /// while receiver.recv_many_blocking(&mut got, 3) > 0 {}
    /// assert_eq!(got, [1, 2, 3, 4, 5]);
    /// ```
    pub fn recv_many_blocking(&self, into: &mut Vec<T>, limit: usize) -> usize {
        match self.try_recv_many(into, limit) {
            Ok(count) => count,
            Err(TryRecvError::Closed) => 0,
            Err(TryRecvError::Empty) => blocking::block_on(self.recv_many(into, limit)),
        }
    }

    /// The values that are there, up to a moment when there is none.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::unbounded();
    /// (1..4).for_each(|number| sender.try_send(number).unwrap());
    /// assert_eq!(receiver.try_iter().sum::<i32>(), 6);
    /// assert!(!receiver.is_closed());
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter::new(self)
    }

    /// All values, up to the end of the channel, each waited for on this thread. In a task this would hold up the thread that
    /// polls it.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::bounded(1);
    /// let sending = std::thread::spawn(move || (1..4).for_each(|number| sender.send_blocking(number).unwrap()));
    /// assert_eq!(receiver.iter().sum::<i32>(), 6);
    /// # sending.join().unwrap();
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter::new(self)
    }

    /// Closes the channel for all: nothing more can be sent, what was sent can still be received, and so can what is sent with a
    /// [`Permit`](super::Permit) from before.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::unbounded();
    /// sender.try_send(1).unwrap();
    /// receiver.close();
    /// assert!(sender.try_send(2).is_err());
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// ```
    pub fn close(&self) {
        self.shared.close();
    }

    /// Whether the channel is closed. There may be values in it still.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::unbounded();
    /// sender.try_send(1).unwrap();
    /// drop(sender);
    /// assert!(receiver.is_closed() && !receiver.is_empty());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Values in the channel at this moment.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::unbounded();
    /// sender.try_send('a').unwrap();
    /// assert_eq!(receiver.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether there is no value in the channel at this moment.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::unbounded();
    /// assert!(receiver.is_empty());
    /// sender.try_send('a').unwrap();
    /// assert!(!receiver.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values the channel holds at most; nothing for an unbounded one.
    ///
    /// ```
    /// use filch_sync::channel::{bounded, unbounded};
    /// assert_eq!(bounded::<u8>(4).1.capacity(), Some(4));
    /// assert_eq!(unbounded::<u8>().1.capacity(), None);
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        self.shared.capacity()
    }

    /// How many senders there are.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::unbounded::<u8>();
    /// drop(sender);
    /// assert_eq!(receiver.sender_count(), 0);
    /// ```
    pub fn sender_count(&self) -> usize {
        count_of(&self.shared.senders)
    }

    /// How many receivers there are.
    ///
    /// ```
    /// let (_sender, receiver) = filch_sync::channel::unbounded::<u8>();
    /// let _another = receiver.clone();
    /// assert_eq!(receiver.receiver_count(), 2);
    /// ```
    pub fn receiver_count(&self) -> usize {
        count_of(&self.shared.receivers)
    }

    /// Whether both receive from the same channel.
    ///
    /// ```
    /// use filch_sync::channel::unbounded;
    /// let (_sender, receiver) = unbounded::<u8>();
    /// assert!(receiver.same_channel(&receiver.clone()));
    /// assert!(!receiver.same_channel(&unbounded().1));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// A look at the channel, as [`Sender::statistics`](super::Sender::statistics).
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::bounded(4);
    /// sender.try_send('a').unwrap();
    /// assert_eq!(receiver.statistics(), sender.statistics());
    /// ```
    pub fn statistics(&self) -> ChannelStatistics {
        self.shared.statistics()
    }

    /// An end that receives nothing and keeps nothing open, from which a receiver can be made while there is one.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::unbounded();
    /// let weak = receiver.downgrade();
    /// sender.try_send(1).unwrap();
    /// assert_eq!(weak.upgrade().expect("there is a receiver").try_recv(), Ok(1));
    /// drop(receiver);
    /// assert!(sender.is_closed() && weak.upgrade().is_none());
    /// ```
    pub fn downgrade(&self) -> WeakReceiver<T> {
        WeakReceiver::new(self.shared.clone())
    }

    /// How many [`WeakReceiver`]s there are.
    ///
    /// ```
    /// let (_sender, receiver) = filch_sync::channel::unbounded::<u8>();
    /// let _weak = receiver.downgrade();
    /// assert_eq!((receiver.receiver_count(), receiver.weak_receiver_count()), (1, 1));
    /// ```
    pub fn weak_receiver_count(&self) -> usize {
        count_of(&self.shared.weak_receivers)
    }
}

impl<T> Shared<T> {
    /// One try: a value, or that none will come.
    #[inline(always)]
    fn try_next(&self) -> Option<Result<T, RecvError>> {
        match self.pop() {
            Ok(value) => Some(Ok(value)),
            Err(Pop::Closed) => Some(Err(RecvError(()))),
            Err(Pop::Empty) => None,
        }
    }
}

impl<T> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        ready!(slice::proceed(cx));
        let this = self.get_mut();
        let shared = &*this.shared;
        let waiter = match &mut this.streaming {
            Some(waiter) => waiter,
            none => {
                if let Some(next) = shared.try_next() {
                    return Poll::Ready(next.ok());
                }
                let line: *const Line = &raw const shared.recv_line;
                // SAFETY: the line lies in an `Arc`'s allocation: it does not move, and lives as long as `this.shared`, which is
                // never replaced. The waiter is dropped before that, see `drop`, and handed to nobody.
                let line: &'static Line = unsafe { &*line };
                none.insert(Box::pin(LineWaiter::standing(line)))
            }
        };
        waiter.as_mut().poll_until(cx, || shared.try_next(), || shared.has_value()).map(Result::ok)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, None)
    }
}

impl<T> FusedStream for Receiver<T> {
    fn is_terminated(&self) -> bool {
        self.shared.has_ended()
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        count_up(&self.shared.receivers);
        Self::counted(self.shared.clone())
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.streaming = None;
        if count_down(&self.shared.receivers) {
            self.shared.abandon();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.show(&mut f.debug_struct("Receiver"))
    }
}

pin_project! {
    /// Receives one value; made by [`Receiver::recv`].
    ///
    /// ```
    /// use filch_sync::channel;
    /// use futures_lite::future::{block_on, poll_once};
    /// let (sender, receiver) = channel::unbounded();
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
        #[pin]
        waiter: LineWaiter<'a>,
    }
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let (shared, mut waiter) = (*this.shared, this.waiter);
        let told = waiter.as_mut().take_telling();
        // Not by `poll_until`: this try stands here in full.
        if let Some(next) = shared.try_next() {
            waiter.finish(told, || shared.has_value());
            return Poll::Ready(next);
        }
        waiter.poll_in_line(cx, told, &mut || shared.try_next(), &|| shared.has_value())
    }
}

pin_project! {
    /// Receives several values; made by [`Receiver::recv_many`].
    ///
    /// ```
    /// use filch_sync::channel;
    /// let (sender, receiver) = channel::unbounded();
    /// (0..5).for_each(|n| sender.try_send(n).unwrap());
    /// let mut batch = Vec::new();
    /// let count = futures_lite::future::block_on(receiver.recv_many(&mut batch, 3));
    /// assert_eq!((count, batch), (3, vec![0, 1, 2]));
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct RecvManyFuture<'a, T> {
        shared: &'a Shared<T>,
        into: &'a mut Vec<T>,
        limit: usize,
        #[pin]
        waiter: LineWaiter<'a>,
    }
}

impl<T> Future for RecvManyFuture<'_, T> {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let (shared, into, limit) = (*this.shared, this.into, *this.limit);
        if limit == 0 {
            return Poll::Ready(0);
        }
        let attempt = || match shared.pop_many(into, limit) {
            Ok(count) => Some(count),
            Err(Pop::Closed) => Some(0),
            Err(Pop::Empty) => None,
        };
        this.waiter.poll_until(cx, attempt, || shared.has_value())
    }
}

impl<T> fmt::Debug for RecvManyFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvManyFuture").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for RecvFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvFuture").finish_non_exhaustive()
    }
}
