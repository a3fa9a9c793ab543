//! A queue as a [`Stream`] of its items, and as a [`Sink`] for them.

use super::turn::{Side, Turn};
use super::{Given, Order, PutError, RawQueue, TryGetError};
use filch_primitive::slice;
use futures_core::stream::{FusedStream, Stream};
use futures_sink::Sink;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

impl<T, O: Order<T>> RawQueue<T, O> {
    /// The items as a stream, which ends when the queue is shut down and empty. An item that it yields is one that was
    /// [got](Self::get): its work is done when [`task_done`](Self::task_done) says so.
    ///
    /// Its place in the line is allocated when it first has to wait, and kept while nobody asks it: an item wakes every getter that
    /// waits as a stream, up to the first that waits in [`get`](Self::get).
    ///
    /// # Cancel safety
    /// An item leaves the queue only when the stream yields it.
    ///
    /// # Examples
    /// ```
    /// use futures_lite::StreamExt;
    /// # futures_lite::future::block_on(async {
    /// let queue = filch_sync::queue::Queue::unbounded();
    /// queue.try_put(1).unwrap();
    /// queue.try_put(2).unwrap();
    /// queue.shutdown(false);
    /// assert_eq!(queue.stream().collect::<Vec<_>>().await, [1, 2]);
    /// # });
    /// ```
    pub fn stream(&self) -> QueueStream<'_, T, O> {
        QueueStream { queue: self, turn: None }
    }

    /// A sink that puts what it is given, and holds one item itself while there is no room. Closing it puts that item, and does not
    /// shut the queue down.
    ///
    /// # Cancel safety
    /// An item that the sink still holds when it is dropped was not put.
    ///
    /// # Examples
    /// ```
    /// use futures_sink::Sink;
    /// use std::pin::Pin;
    /// use std::task::{Context, Waker};
    /// let queue = filch_sync::queue::Queue::bounded(1);
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let mut sink = queue.sink();
    /// for item in 1..=2 {
    ///     assert!(Pin::new(&mut sink).poll_ready(&mut cx).is_ready());
    ///     Pin::new(&mut sink).start_send(item)?;
    /// }
    /// // There is room for one in the queue; the other one waits.
    /// assert!(Pin::new(&mut sink).poll_flush(&mut cx).is_pending());
    /// assert_eq!(queue.try_get(), Ok(1));
    /// assert!(Pin::new(&mut sink).poll_flush(&mut cx).is_ready());
    /// assert_eq!(queue.try_get(), Ok(2));
    /// # Ok::<(), filch_sync::queue::PutError<i32>>(())
    /// ```
    pub fn sink(&self) -> QueueSink<'_, T, O> {
        QueueSink { queue: self, turn: None, item: None }
    }
}

/// The items of a queue; made by [`RawQueue::stream`].
///
/// ```
/// use futures_lite::StreamExt;
/// let queue = filch_sync::Queue::unbounded();
/// (1..=3).for_each(|n| queue.try_put(n).unwrap());
/// queue.shutdown(false);
/// let sum = futures_lite::future::block_on(queue.stream().fold(0, |sum, n| sum + n));
/// assert_eq!(sum, 6);
/// ```
#[must_use = "a stream does nothing until it is asked"]
pub struct QueueStream<'a, T, O: Order<T>> {
    queue: &'a RawQueue<T, O>,
    turn: Option<Pin<Box<Turn<'a, T, O>>>>,
}

impl<T, O: Order<T>> Stream for QueueStream<'_, T, O> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        ready!(slice::proceed(cx));
        let this = self.get_mut();
        let turn = match &mut this.turn {
            Some(turn) => turn,
            none => match this.queue.try_get() {
                Ok(item) => return Poll::Ready(Some(item)),
                Err(TryGetError::ShutDown) => return Poll::Ready(None),
                Err(TryGetError::Empty) => none.insert(Box::pin(Turn::new(this.queue, Side::Get, true))),
            },
        };
        turn.as_mut().poll_get(cx).map(Result::ok)
    }
}

impl<T, O: Order<T>> FusedStream for QueueStream<'_, T, O> {
    fn is_terminated(&self) -> bool {
        let state = self.queue.state();
        state.is_shut_down && O::len(&state.items) == 0
    }
}

impl<T, O: Order<T>> fmt::Debug for QueueStream<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueStream").field("queue", self.queue).finish_non_exhaustive()
    }
}

/// Puts items; made by [`RawQueue::sink`].
///
/// # Panics
/// When something is sent before the sink is ready.
/// # Errors
/// [`PutError`] with the item that the sink held, when the queue was shut down before there was room.
/// # Examples
/// ```
/// use futures_lite::future::{block_on, poll_fn};
/// use futures_sink::Sink;
/// use std::pin::pin;
/// let queue = filch_sync::Queue::bounded(1);
/// let mut sink = pin!(queue.sink());
/// block_on(poll_fn(|cx| sink.as_mut().poll_ready(cx)))?;
/// sink.as_mut().start_send(1)?;
/// block_on(poll_fn(|cx| sink.as_mut().poll_flush(cx)))?;
/// assert_eq!(queue.try_get(), Ok(1));
/// # Ok::<(), filch_sync::queue::PutError<i32>>(())
/// ```
#[must_use = "a sink does nothing until it is asked"]
pub struct QueueSink<'a, T, O: Order<T>> {
    queue: &'a RawQueue<T, O>,
    // Before the item: leaving the line comes before the item goes.
    turn: Option<Pin<Box<Turn<'a, T, O>>>>,
    item: Option<T>,
}

// Nothing in it is pinned but what is boxed.
impl<T, O: Order<T>> Unpin for QueueSink<'_, T, O> {}

impl<T, O: Order<T>> Sink<T> for QueueSink<'_, T, O> {
    type Error = PutError<T>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PutError<T>>> {
        self.poll_flush(cx)
    }

    /// # Panics
    /// When it was not found ready before.
    fn start_send(self: Pin<&mut Self>, item: T) -> Result<(), PutError<T>> {
        let this = self.get_mut();
        assert!(this.item.is_none(), "a sink takes an item when it has said that it is ready");
        this.item = Some(item);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PutError<T>>> {
        let this = self.get_mut();
        if this.item.is_none() {
            return Poll::Ready(Ok(()));
        }
        ready!(slice::proceed(cx));
        let turn = match &mut this.turn {
            Some(turn) => turn,
            none => {
                if let Given::Put = this.queue.give(&mut this.item) {
                    return Poll::Ready(Ok(()));
                }
                none.insert(Box::pin(Turn::new(this.queue, Side::Put, true)))
            }
        };
        turn.as_mut().poll_put(cx, &mut this.item)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PutError<T>>> {
        self.poll_flush(cx)
    }
}

impl<T, O: Order<T>> fmt::Debug for QueueSink<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueSink").field("queue", self.queue).finish_non_exhaustive()
    }
}
