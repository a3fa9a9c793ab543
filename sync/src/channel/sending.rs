//! A value on its way: the future that sends, and what it shares with the sink.

#![allow(unsafe_code, reason = "says when the slot of a sending future is its own")]

use super::SendError;
use super::hand::Slot;
use super::line::{Line, LineWaiter};
use super::shared::{Flavour, Push, Shared};
use filch_primitive::slice;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A value, and its sender's place in the line.
    pub(super) struct Sending<'a, T> {
        is_done: bool,
        // Before the slot: leaving the line comes before the value goes.
        #[pin]
        waiter: LineWaiter<'a>,
        #[pin]
        slot: Slot<T>,
    }
}

impl<'a, T> Sending<'a, T> {
    /// `line` is the senders' line of the channel.
    #[inline]
    pub(super) fn new(line: &'a Line, value: T) -> Self {
        Self { is_done: false, waiter: LineWaiter::new(line), slot: Slot::new(value) }
    }

    /// As [`new`](Self::new), for one that may be left alone while it waits.
    pub(super) fn standing(line: &'a Line, value: T) -> Self {
        Self { waiter: LineWaiter::standing(line), ..Self::new(line, value) }
    }

    /// Whether the value was sent or has come back.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Sends, or waits.
    ///
    /// # Safety
    /// `shared` is the channel whose senders' line this was made with.
    #[inline]
    pub(super) unsafe fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        shared: &Shared<T>,
    ) -> Poll<Result<(), SendError<T>>> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let mut slot = this.slot;
        assert!(!*this.is_done, "a future that sends is not polled after it is done");
        let sent = if matches!(shared.flavour, Flavour::Hand) {
            // SAFETY: slot and waiter lie in this value, which is pinned.
            let taken = ready!(unsafe { this.waiter.poll_hand(cx, slot.as_mut(), &shared.recv_line) });
            // SAFETY: done means that the waiter is not linked.
            let left = unsafe { slot.take() };
            // Taken or still there: never both.
            if taken { Ok(()) } else { left.map_or(Ok(()), |value| Err(SendError(value))) }
        } else {
            let mut waiter = this.waiter;
            let told = waiter.as_mut().take_telling();
            // SAFETY: in this flavour, which by the caller's promise is that of the line, waiters join without naming the slot: it
            // is never reachable through them.
            match unsafe { slot.as_mut().push_into(shared) } {
                Some(sent) => {
                    waiter.finish(told, || shared.has_room());
                    sent
                }
                None => {
                    let mut attempt = || {
                        // SAFETY: as above.
                        unsafe { slot.as_mut().push_into(shared) }
                    };
                    ready!(waiter.poll_in_line(cx, told, &mut attempt, &|| shared.has_room()))
                }
            }
        };
        *this.is_done = true;
        Poll::Ready(sent)
    }
}

impl<T> Slot<T> {
    /// One try: sent, or closed. Where the channel is full the value stays here.
    ///
    /// # Safety
    /// The slot is not reachable through a linked waiter.
    #[inline(always)]
    unsafe fn push_into(mut self: Pin<&mut Self>, shared: &Shared<T>) -> Option<Result<(), SendError<T>>> {
        // SAFETY: by the caller's promise.
        let value = unsafe { self.as_mut().take() }?;
        match shared.push(value) {
            Ok(()) => Some(Ok(())),
            Err(Push::Closed(value)) => Some(Err(SendError(value))),
            Err(Push::Full(value)) => {
                // SAFETY: as above.
                unsafe { self.put(value) };
                None
            }
        }
    }
}

pin_project! {
    /// Sends one value; made by [`Sender::send`](super::Sender::send).
    ///
    /// ```
    /// use filch_sync::channel;
    /// use futures_lite::future::{block_on, poll_once};
    /// let (sender, receiver) = channel::bounded(1);
    /// sender.try_send(1).unwrap();
    /// let mut sends = std::pin::pin!(sender.send(2));
    /// assert!(block_on(poll_once(sends.as_mut())).is_none());
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert!(block_on(sends).is_ok());
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct SendFuture<'a, T> {
        shared: &'a Shared<T>,
        #[pin]
        sending: Sending<'a, T>,
    }
}

impl<'a, T> SendFuture<'a, T> {
    #[inline]
    pub(super) fn new(shared: &'a Shared<T>, value: T) -> Self {
        Self { shared, sending: Sending::new(&shared.send_line, value) }
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // SAFETY: made with that channel's line.
        unsafe { this.sending.poll(cx, this.shared) }
    }
}

impl<T> fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFuture").finish_non_exhaustive()
    }
}
