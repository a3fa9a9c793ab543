//! Waiting until all is done: [`Join`].

use super::{Order, RawQueue};
use crate::watched::{Told, WatchedWaiter, waiter_in};
use filch_primitive::wait_list::{Phase, Step, Tag, Waiter};
use filch_primitive::{mutant, slice};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Waits until all items are done; made by [`RawQueue::join`].
    ///
    /// ```
    /// use filch_sync::Queue;
    /// use futures_lite::future::{block_on, poll_once};
    /// let queue = Queue::unbounded();
    /// queue.try_put("job").unwrap();
    /// let mut join = std::pin::pin!(queue.join());
    /// queue.try_get().unwrap();
    /// assert!(block_on(poll_once(join.as_mut())).is_none(), "it was taken, and is not done");
    /// queue.task_done()?;
    /// assert!(block_on(poll_once(join)).is_some());
    /// # Ok::<(), filch_sync::queue::TooManyDone>(())
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct Join<'a, T, O>
    where
        O: Order<T>,
    {
        queue: &'a RawQueue<T, O>,
        #[pin]
        waiter: Option<WatchedWaiter<'a, Told>>,
    }

    impl<'a, T, O> PinnedDrop for Join<'a, T, O>
    where
        O: Order<T>,
    {
        fn drop(this: Pin<&mut Self>) {
            this.leave();
        }
    }
}

impl<'a, T, O: Order<T>> Join<'a, T, O> {
    pub(super) fn new(queue: &'a RawQueue<T, O>) -> Self {
        Self { queue, waiter: None }
    }

    fn leave(self: Pin<&mut Self>) {
        let line = &self.queue.joiners;
        let Some(mut waiter) = self.project().waiter.as_pin_mut() else { return };
        if waiter.as_mut().is_joined() {
            let mut locked = line.queue().lock();
            waiter.leave_locked(&mut locked);
            line.settle(&locked);
        }
    }
}

impl<T, O: Order<T>> Future for Join<'_, T, O> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(slice::proceed(cx));
        let queue = self.queue;
        let (generation, is_done) = {
            let state = queue.state();
            (state.generation, state.unfinished == 0)
        };
        let mut this = self.as_mut().project();
        let is_new = !this.waiter.as_mut().as_pin_mut().is_some_and(Waiter::is_joined);
        if is_new && is_done {
            return Poll::Ready(());
        }
        let mut since = generation;
        let waiter = waiter_in(this.waiter, queue.joiners.queue());
        let released = waiter.poll_wait(cx, |waiter, locked| {
            let (phase, tag) = waiter.look(locked);
            match phase {
                Phase::Notified(_) => Step::Done(()),
                Phase::Waiting | Phase::Woken => {
                    since = tag.number;
                    Step::Wait { front: false, tag }
                }
                Phase::Idle => {
                    queue.joiners.mark(locked);
                    Step::Wait { front: false, tag: Tag { number: since, ..Tag::NONE } }
                }
            }
        });
        // A generation may have begun before this one was seen to wait.
        if released.is_pending() && (queue.state().generation == since || mutant::planted("queue.join.blind"))
        {
            return Poll::Pending;
        }
        self.leave();
        Poll::Ready(())
    }
}

impl<T, O: Order<T>> fmt::Debug for Join<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").finish_non_exhaustive()
    }
}
