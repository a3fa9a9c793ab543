//! A sender as a [`Sink`].
//!
//! What is sent goes into the channel at once if there is room. If not, the sink holds it and stands in the senders' line with it;
//! ready, flushed and closed are what they say when it is in. The place for that is allocated when it is first needed, and kept.
//! Its owner may leave it alone there for as long as it likes: who tells it of room tells the next in the line as well.

#![allow(unsafe_code, reason = "a waiter that lives beside the channel it waits for")]

use super::line::Line;
use super::sending::Sending;
use super::{SendError, Sender, TrySendError};
use filch_primitive::slice;
use futures_sink::Sink;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Sends into a channel, one value after the other; made by [`Sender::into_sink`].
///
/// It holds one value beyond the channel's capacity, until there is room. Dropping it drops a value it holds; flush first. Closing
/// it flushes, and drops the sender; the channel closes if that was the last.
///
/// # Panics
/// When something is sent before the sink is ready.
/// # Errors
/// [`SendError`] with the value that was not sent: by the sending of it, or, where the sink held it, by what came next.
///
/// # Examples
/// ```
/// use filch_sync::channel;
/// # futures_lite::future::block_on(async {
/// use futures_sink::Sink;
/// use std::{future::poll_fn, pin::pin};
/// let (sender, receiver) = channel::bounded(1);
/// let mut sink = pin!(sender.into_sink());
/// poll_fn(|cx| sink.as_mut().poll_ready(cx)).await?;
/// sink.as_mut().start_send("hello")?;
/// poll_fn(|cx| sink.as_mut().poll_close(cx)).await?;
/// assert_eq!(receiver.recv().await, Ok("hello"));
/// assert!(receiver.is_closed());
/// # Ok::<(), channel::SendError<&str>>(())
/// # }).unwrap();
/// ```
pub struct SendSink<T> {
    /// Declared, and in `close` taken, before `sender`, into whose channel it points.
    sending: Option<Pin<Box<Sending<'static, T>>>>,
    /// Nothing once the sink was closed.
    sender: Option<Sender<T>>,
}

impl<T> SendSink<T> {
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self { sending: None, sender: Some(sender) }
    }

    /// The sender, unless the sink was closed.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::bounded::<u8>(3);
    /// let sink = sender.into_sink();
    /// assert_eq!(sink.sender().and_then(|sender| sender.capacity()), Some(3));
    /// # drop(receiver);
    /// ```
    pub fn sender(&self) -> Option<&Sender<T>> {
        self.sender.as_ref()
    }

    fn is_holding(&self) -> bool {
        self.sending.as_ref().is_some_and(|sending| !sending.is_done())
    }

    fn hold(&mut self, value: T) {
        let Some(sender) = &self.sender else { unreachable!("a sink without a sender takes nothing") };
        let line: *const Line = &raw const sender.shared.send_line;
        // SAFETY: the line lies in an `Arc`'s allocation: it does not move, and lives as long as `self.sender`, which is dropped
        // after what holds this reference, see the fields and `close`.
        let line: &'static Line = unsafe { &*line };
        let sending = Sending::standing(line, value);
        match &mut self.sending {
            Some(place) => place.as_mut().set(sending),
            none => *none = Some(Box::pin(sending)),
        }
    }

    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        match (&mut self.sending, &self.sender) {
            (Some(sending), Some(sender)) if !sending.is_done() => {
                // SAFETY: made with the line of this sender's channel.
                unsafe { sending.as_mut().poll(cx, &sender.shared) }
            }
            _ => slice::proceed(cx).map(Ok),
        }
    }

    fn close(&mut self) {
        self.sending = None;
        self.sender = None;
    }
}

impl<T> Sink<T> for SendSink<T> {
    type Error = SendError<T>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.get_mut().poll_held(cx)
    }

    fn start_send(self: Pin<&mut Self>, value: T) -> Result<(), SendError<T>> {
        let this = self.get_mut();
        assert!(!this.is_holding(), "a sink is ready before something is sent into it");
        let Some(sender) = &this.sender else { return Err(SendError(value)) };
        match sender.try_send(value) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(value)) => Err(SendError(value)),
            Err(TrySendError::Full(value)) => {
                this.hold(value);
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
        this.close();
        Poll::Ready(flushed)
    }
}

// Nothing in it is pinned but what is boxed.
impl<T> Unpin for SendSink<T> {}

impl<T> fmt::Debug for SendSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendSink").field("sender", &self.sender).field("holding", &self.is_holding()).finish()
    }
}
