//! Waiting for an item or for room; the protocol is in the [module docs](super).

use super::{GetError, Given, Order, PutError, RawQueue, TryGetError};
use crate::line::{Line, STANDING, TOLD};
use crate::watched::{Told, WatchedWaiter, waiter_in};
use filch_primitive::wait_list::{Phase, Tag};
use filch_primitive::{mutant, slice};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What is waited for.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Get,
    Put,
}

pin_project! {
    /// A place in the line of getters or of putters.
    pub(super) struct Turn<'a, T, O>
    where
        O: Order<T>,
    {
        queue: &'a RawQueue<T, O>,
        side: Side,
        stands: bool,
        #[pin]
        waiter: Option<WatchedWaiter<'a, Told>>,
    }

    impl<'a, T, O> PinnedDrop for Turn<'a, T, O>
    where
        O: Order<T>,
    {
        fn drop(this: Pin<&mut Self>) {
            this.leave(false);
        }
    }
}

impl<'a, T, O: Order<T>> Turn<'a, T, O> {
    /// `stands` is true for one that may be left alone without leaving the line.
    pub(super) fn new(queue: &'a RawQueue<T, O>, side: Side, stands: bool) -> Self {
        Self { queue, side, stands, waiter: None }
    }

    /// Waits until an item was got.
    pub(super) fn poll_get(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, GetError>> {
        self.poll_until(cx, |queue| match queue.try_get() {
            Ok(item) => Some(Ok(item)),
            Err(TryGetError::ShutDown) => Some(Err(GetError(()))),
            Err(TryGetError::Empty) => None,
        })
    }

    /// Waits until what is in `item` was put.
    pub(super) fn poll_put(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
    ) -> Poll<Result<(), PutError<T>>> {
        self.poll_until(cx, |queue| match queue.give(item) {
            Given::Put => Some(Ok(())),
            Given::ShutDown => item.take().map(|item| Err(PutError(item))),
            Given::Full => None,
        })
    }

    fn poll_until<R>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut(&RawQueue<T, O>) -> Option<R>,
    ) -> Poll<R> {
        let (queue, side) = (self.queue, self.side);
        // Told since it joined, it is out of the line, and nobody will tell it again.
        let waiter = self.as_mut().project().waiter.as_pin_mut();
        let told = waiter.is_some_and(|waiter| waiter.take_notified().is_some());
        if told {
            line(queue, side).came();
        }
        let mut attempt = |is_telling: bool| {
            let telling = is_telling.then(|| Telling { queue, side });
            let result = attempt(queue);
            // It came, whatever it found.
            std::mem::forget(telling);
            result
        };
        if let Some(result) = attempt(told) {
            self.leave(true);
            return Poll::Ready(result);
        }
        self.as_mut().wait(cx, told);
        // What others were told of was struck out.
        match attempt(true) {
            _ if mutant::planted("queue.wait.blind") => Poll::Pending,
            Some(result) => {
                self.leave(true);
                Poll::Ready(result)
            }
            None => Poll::Pending,
        }
    }

    /// Joins the line, at the front if it was told, or stays with the new waker.
    fn wait(self: Pin<&mut Self>, cx: &mut Context<'_>, told: bool) {
        let (line, stands) = (line(self.queue, self.side), self.stands);
        let tag = if stands { STANDING } else { Tag::NONE };
        let mut waiter = waiter_in(self.project().waiter, line.queue());
        let queue = waiter.queue();
        if waiter.as_mut().is_joined() {
            let mut locked = queue.lock();
            if waiter.as_mut().stay(&mut locked, cx.waker(), tag) {
                locked.look();
                return;
            }
        }
        // Nothing is struck out before this: it may panic, and there is no attempt then.
        let waker = cx.waker().clone();
        let mut locked = queue.lock();
        locked.look();
        line.mark(&locked);
        let phase = waiter.as_mut().look(&locked).0;
        let front = !stands && (told || phase == Phase::Notified(TOLD));
        waiter.join(&mut locked, waker, front, tag);
    }

    /// Leaves the line. A telling that came since the last attempt began is passed on; and so is one that the watchman made, unless
    /// it `has_looked`. Others may have been told since that look: of what they were told another is, if it lies there still.
    fn leave(self: Pin<&mut Self>, has_looked: bool) {
        let (queue, side) = (self.queue, self.side);
        let Some(mut waiter) = self.project().waiter.as_pin_mut() else { return };
        if !waiter.as_mut().is_joined() {
            return;
        }
        let line = line(queue, side);
        let mut locked = line.queue().lock();
        let phase = waiter.leave_locked(&mut locked);
        line.settle(&locked);
        let struck = has_looked && locked.look();
        drop(locked);
        let asked = phase == Phase::Woken && !has_looked;
        if (struck || asked || phase == Phase::Notified(TOLD)) && !mutant::planted("queue.leave.silent") {
            queue.pass_on(side);
        }
    }
}

/// What one was told of, while it attempts to use it: should that panic, it is passed on.
struct Telling<'a, T, O: Order<T>> {
    queue: &'a RawQueue<T, O>,
    side: Side,
}

impl<T, O: Order<T>> Drop for Telling<'_, T, O> {
    fn drop(&mut self) {
        self.queue.pass_on(self.side);
    }
}

fn line<T, O: Order<T>>(queue: &RawQueue<T, O>, side: Side) -> &Line {
    match side {
        Side::Get => &queue.getters,
        Side::Put => &queue.putters,
    }
}

pin_project! {
    /// Gets one item; made by [`RawQueue::get`].
    ///
    /// ```
    /// use filch_sync::Queue;
    /// use futures_lite::future::{block_on, poll_once};
    /// let queue = Queue::unbounded();
    /// let mut waits = Box::pin(queue.get());
    /// assert!(block_on(poll_once(waits.as_mut())).is_none());
    /// queue.try_put(1).unwrap();
    /// // Dropped before it was polled again, it has taken nothing.
    /// drop(waits);
    /// assert_eq!(queue.try_get(), Ok(1));
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct Get<'a, T, O>
    where
        O: Order<T>,
    {
        #[pin]
        turn: Turn<'a, T, O>,
    }
}

impl<'a, T, O: Order<T>> Get<'a, T, O> {
    pub(super) fn new(turn: Turn<'a, T, O>) -> Self {
        Self { turn }
    }
}

impl<T, O: Order<T>> Future for Get<'_, T, O> {
    type Output = Result<T, GetError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        self.project().turn.poll_get(cx)
    }
}

impl<T, O: Order<T>> fmt::Debug for Get<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get").finish_non_exhaustive()
    }
}

pin_project! {
    /// Puts one item; made by [`RawQueue::put`].
    ///
    /// ```
    /// use filch_sync::Queue;
    /// use futures_lite::future::{block_on, poll_once};
    /// let queue = Queue::bounded(1);
    /// queue.try_put(1).unwrap();
    /// let mut waits = std::pin::pin!(queue.put(2));
    /// assert!(block_on(poll_once(waits.as_mut())).is_none());
    /// queue.try_get().unwrap();
    /// assert!(block_on(waits).is_ok());
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct Put<'a, T, O>
    where
        O: Order<T>,
    {
        // Before the item: leaving the line comes before the item goes.
        #[pin]
        turn: Turn<'a, T, O>,
        item: Option<T>,
    }
}

impl<'a, T, O: Order<T>> Put<'a, T, O> {
    pub(super) fn new(turn: Turn<'a, T, O>, item: T) -> Self {
        Self { turn, item: Some(item) }
    }
}

impl<T, O: Order<T>> Future for Put<'_, T, O> {
    type Output = Result<(), PutError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        let this = self.project();
        assert!(this.item.is_some(), "a future that puts is not polled after it is done");
        this.turn.poll_put(cx, this.item)
    }
}

impl<T, O: Order<T>> fmt::Debug for Put<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Put").finish_non_exhaustive()
    }
}
