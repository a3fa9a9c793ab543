//! A sender as a [`Sink`].
//!
//! A sink that waits may be left alone for as long as its owner likes, so it does not stand in the line of the
//! senders, where a telling that is not used is lost for the others: sinks have a line of their own, and all in
//! it are told of room.

use super::ring::Refused;
use super::shared::Shared;
use super::{SendError, Sender};
use crate::line::Seat;
use filch_primitive::slice;
use filch_primitive::sync::Arc;
use futures_sink::Sink;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Sends to all receivers of a channel, one value after the other; made by [`Sender::into_sink`].
///
/// It holds one value beyond the channel's capacity, until there is room. Dropping it drops a value it holds;
/// flush first. Closing it flushes, and drops the sender. The place in which it waits is allocated when it is
/// first needed, and kept.
///
/// # Panics
/// When something is sent before the sink is ready.
/// # Errors
/// [`SendError`] with the value that was not sent: by the sending of it, or, where the sink held it, by what
/// came next.
/// # Examples
/// ```
/// use filch_sync::broadcast;
/// # futures_lite::future::block_on(async {
/// use futures_sink::Sink;
/// use std::{future::poll_fn, pin::pin};
/// let (sender, mut receiver) = broadcast::bounded(1);
/// let mut sink = pin!(sender.into_sink());
/// poll_fn(|cx| sink.as_mut().poll_ready(cx)).await?;
/// sink.as_mut().start_send("hello")?;
/// poll_fn(|cx| sink.as_mut().poll_close(cx)).await?;
/// assert_eq!(receiver.recv().await, Ok("hello"));
/// assert!(receiver.is_closed());
/// # Ok::<(), broadcast::SendError<&str>>(())
/// # }).unwrap();
/// ```
pub struct SendSink<T> {
    seat: Seat<Shared<T>>,
    /// What found no room.
    held: Option<T>,
    /// Nothing once the sink was closed.
    sender: Option<Sender<T>>,
}

// A value is moved, never pinned.
impl<T> Unpin for SendSink<T> {}

impl<T> SendSink<T> {
    pub(super) fn new(sender: Sender<T>, shared: Arc<Shared<T>>) -> Self {
        Self { seat: Seat::new(shared), held: None, sender: Some(sender) }
    }

    /// The sender, unless the sink was closed.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::broadcast::bounded::<u8>(3);
    /// let sink = sender.into_sink();
    /// assert_eq!(sink.sender().map(|sender| sender.capacity()), Some(3));
    /// # drop(receiver);
    /// ```
    pub fn sender(&self) -> Option<&Sender<T>> {
        self.sender.as_ref()
    }

    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        ready!(slice::proceed(cx));
        if self.held.is_none() {
            return Poll::Ready(Ok(()));
        }
        let held = &mut self.held;
        let (shared, waiter) = self.seat.waiter(|shared| &shared.sink_line);
        let pushed = ready!(waiter.poll_until(cx, || shared.push_held(held)));
        Poll::Ready(match (pushed, held.take()) {
            (None, Some(value)) => Err(SendError(value)),
            (pushed, _) => {
                if let Some(pushed) = pushed {
                    shared.publish(pushed);
                }
                Ok(())
            }
        })
    }
}

impl<T> Sink<T> for SendSink<T> {
    type Error = SendError<T>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.get_mut().poll_held(cx)
    }

    fn start_send(self: Pin<&mut Self>, value: T) -> Result<(), SendError<T>> {
        let this = self.get_mut();
        assert!(this.held.is_none(), "a sink is ready before something is sent into it");
        if this.sender.is_none() {
            return Err(SendError(value));
        }
        match this.seat.shared().push(value) {
            Ok(_) => Ok(()),
            Err(Refused::Closed(value)) => Err(SendError(value)),
            Err(Refused::Full(value)) => {
                this.held = Some(value);
                Ok(())
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.get_mut().poll_held(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        let this = self.get_mut();
        let flushed = ready!(this.poll_held(cx));
        this.sender = None;
        Poll::Ready(flushed)
    }
}

impl<T> fmt::Debug for SendSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendSink")
            .field("holds", &self.held.is_some())
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}
