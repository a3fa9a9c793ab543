//! The end that sends.

#![allow(unsafe_code, reason = "says when the slot of a sending future is its own")]

use super::hand::Slot;
use super::line::LineWaiter;
use super::shared::{Flavour, Push, Shared, count_down, count_of, count_up};
use super::{SendError, TrySendError};
use crate::blocking;
use filch_primitive::slice;
use filch_primitive::sync::Arc;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Sends into a channel. Clones send into the same; the channel closes when the last one is dropped.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    pub(super) fn first(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Sends `value`, waiting while the channel is full.
    ///
    /// # Errors
    /// [`SendError`] with the value when the channel is closed, before or while this waits.
    /// # Cancel safety
    /// If the future is dropped before it is done, the value was not sent, and is dropped with it. On a rendezvous a
    /// receiver may have taken the value already, and the future only not have been told yet: then it was sent.
    /// # Panics
    /// When the future is polled again after it was done.
    pub fn send(&self, value: T) -> SendFuture<'_, T> {
        SendFuture {
            shared: &self.shared,
            is_done: false,
            slot: Slot::new(value),
            waiter: LineWaiter::new(&self.shared.send_line),
        }
    }

    /// Sends `value` if that needs no waiting. Never so for a [`rendezvous`](super::rendezvous).
    ///
    /// # Errors
    /// [`TrySendError::Full`] or [`TrySendError::Closed`], with the value.
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
    pub fn send_blocking(&self, value: T) -> Result<(), SendError<T>> {
        match self.shared.push(value) {
            Ok(()) => Ok(()),
            Err(Push::Closed(value)) => Err(SendError(value)),
            Err(Push::Full(value)) => blocking::block_on(self.send(value)),
        }
    }

    /// Closes the channel for all: nothing more can be sent, what was sent can still be received.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Whether the channel is closed.
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

    /// Whether both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
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
        f.debug_struct("Sender")
            .field("capacity", &self.capacity())
            .field("senders", &self.sender_count())
            .field("receivers", &self.receiver_count())
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// Sends one value; made by [`Sender::send`].
    #[must_use = "a future does nothing until it is awaited"]
    pub struct SendFuture<'a, T> {
        shared: &'a Shared<T>,
        is_done: bool,
        // Before the slot: leaving the line comes before the value goes.
        #[pin]
        waiter: LineWaiter<'a>,
        #[pin]
        slot: Slot<T>,
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let (shared, mut slot) = (*this.shared, this.slot);
        assert!(!*this.is_done, "a future that sends is not polled after it is done");
        let sent = if matches!(shared.flavour, Flavour::Hand) {
            // SAFETY: slot and waiter lie in this future, which is pinned.
            let taken = ready!(unsafe { this.waiter.poll_hand(cx, slot.as_mut(), &shared.recv_line) });
            // SAFETY: done means that the waiter is not linked.
            let left = unsafe { slot.take() };
            // Taken or still there: never both.
            if taken { Ok(()) } else { left.map_or(Ok(()), |value| Err(SendError(value))) }
        } else {
            ready!(this.waiter.poll_until(cx, || {
                // SAFETY: in this flavour waiters join without naming the slot: it is never reachable through them.
                let value = unsafe { slot.as_mut().take() }?;
                match shared.push(value) {
                    Ok(()) => Some(Ok(())),
                    Err(Push::Closed(value)) => Some(Err(SendError(value))),
                    Err(Push::Full(value)) => {
                        // SAFETY: as above.
                        unsafe { slot.as_mut().put(value) };
                        None
                    }
                }
            }))
        };
        *this.is_done = true;
        Poll::Ready(sent)
    }
}

impl<T> fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFuture").finish_non_exhaustive()
    }
}
