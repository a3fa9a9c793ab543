//! The end that receives.

#![allow(unsafe_code, reason = "a waiter that lives beside the channel it waits for")]

use super::line::{Line, LineWaiter};
use super::shared::{Pop, Shared, count_down, count_of, count_up};
use super::{RecvError, TryRecvError};
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
pub struct Receiver<T> {
    /// Declared, and in `drop` taken, before `shared`, into which it points.
    streaming: Option<Pin<Box<LineWaiter<'static>>>>,
    shared: Arc<Shared<T>>,
}

impl<T> Receiver<T> {
    pub(super) fn first(shared: Arc<Shared<T>>) -> Self {
        Self { streaming: None, shared }
    }

    /// Receives a value, waiting while there is none.
    ///
    /// # Errors
    /// [`RecvError`] when the channel is closed and empty.
    /// # Cancel safety
    /// A value leaves the channel only when this returns it: dropping the future loses nothing.
    pub fn recv(&self) -> RecvFuture<'_, T> {
        RecvFuture { shared: &self.shared, waiter: LineWaiter::new(&self.shared.recv_line) }
    }

    /// Receives a value if there is one.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] or [`TryRecvError::Closed`].
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
    pub fn recv_blocking(&self) -> Result<T, RecvError> {
        match self.shared.pop() {
            Ok(value) => Ok(value),
            Err(Pop::Closed) => Err(RecvError(())),
            Err(Pop::Empty) => blocking::block_on(self.recv()),
        }
    }

    /// Closes the channel for all: nothing more can be sent, what was sent can still be received.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Whether the channel is closed. There may be values in it still.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Values in the channel at this moment.
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether there is no value in the channel at this moment.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values the channel holds at most; nothing for an unbounded one.
    pub fn capacity(&self) -> Option<usize> {
        self.shared.capacity()
    }

    /// How many senders there are.
    pub fn sender_count(&self) -> usize {
        count_of(&self.shared.senders)
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        count_of(&self.shared.receivers)
    }

    /// Whether both receive from the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Shared<T> {
    /// One try: a value, or that none will come.
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
        waiter.as_mut().poll_until(cx, || shared.try_next()).map(Result::ok)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, None)
    }
}

impl<T> FusedStream for Receiver<T> {
    fn is_terminated(&self) -> bool {
        self.is_closed() && self.is_empty()
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        count_up(&self.shared.receivers);
        Self::first(self.shared.clone())
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.streaming = None;
        if count_down(&self.shared.receivers) {
            self.shared.close();
            self.shared.discard();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("capacity", &self.capacity())
            .field("senders", &self.sender_count())
            .field("receivers", &self.receiver_count())
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// Receives one value; made by [`Receiver::recv`].
    #[must_use = "a future does nothing until it is awaited"]
    pub struct RecvFuture<'a, T> {
        shared: &'a Shared<T>,
        #[pin]
        waiter: LineWaiter<'a>,
    }
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let shared = *this.shared;
        this.waiter.poll_until(cx, || shared.try_next())
    }
}

impl<T> fmt::Debug for RecvFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvFuture").finish_non_exhaustive()
    }
}
