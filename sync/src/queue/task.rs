//! An item that says by itself when it is done: [`TaskGuard`].

use super::turn::{Side, Turn};
use super::{GetError, Order, RawQueue};
use filch_primitive::slice;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// An item that was got, until its work is done: dropping it calls [`task_done`](RawQueue::task_done). Made by
/// [`RawQueue::get_task`].
///
/// The item is dropped first, then it is done. Somebody may have called `task_done` for it by hand, against the rules; then
/// dropping it does nothing.
///
/// # Examples
/// ```
/// # futures_lite::future::block_on(async {
/// let queue = filch_sync::queue::Queue::unbounded();
/// queue.try_put(vec![1]).unwrap();
/// let mut task = queue.get_task().await?;
/// task.push(2);
/// assert_eq!(task.done(), [1, 2]);
/// # Ok::<(), filch_sync::queue::GetError>(())
/// # }).unwrap();
/// ```
#[must_use = "the item counts as done when the guard is dropped"]
pub struct TaskGuard<'a, T, O: Order<T>> {
    // In this order: the item goes before it is done.
    item: T,
    account: Account<'a, T, O>,
}

struct Account<'a, T, O: Order<T>>(&'a RawQueue<T, O>);

impl<'a, T, O: Order<T>> TaskGuard<'a, T, O> {
    pub(super) fn new(queue: &'a RawQueue<T, O>, item: T) -> Self {
        Self { item, account: Account(queue) }
    }

    /// Says that the work is done, and gives the item out.
    ///
    /// # Examples
    /// ```
    /// let queue = filch_sync::queue::Queue::unbounded();
    /// queue.try_put('x').unwrap();
    /// assert_eq!(queue.try_get_task()?.done(), 'x');
    /// # Ok::<(), filch_sync::queue::TryGetError>(())
    /// ```
    pub fn done(self) -> T {
        let Self { item, account } = self;
        drop(account);
        item
    }
}

impl<T, O: Order<T>> Deref for TaskGuard<'_, T, O> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

impl<T, O: Order<T>> DerefMut for TaskGuard<'_, T, O> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.item
    }
}

impl<T, O: Order<T>> Drop for Account<'_, T, O> {
    fn drop(&mut self) {
        // Too many only if somebody counted this one by hand: it is done then, as it should be.
        let _ = self.0.task_done();
    }
}

impl<T: fmt::Debug, O: Order<T>> fmt::Debug for TaskGuard<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskGuard").field(&self.item).finish()
    }
}

pin_project! {
    /// Gets one item in a guard; made by [`RawQueue::get_task`].
    ///
    /// ```
    /// use filch_sync::Queue;
    /// use futures_lite::future::{block_on, poll_once};
    /// let queue = Queue::unbounded();
    /// let mut waits = std::pin::pin!(queue.get_task());
    /// assert!(block_on(poll_once(waits.as_mut())).is_none());
    /// queue.try_put("job").unwrap();
    /// let task = block_on(waits)?;
    /// assert_eq!(*task, "job");
    /// drop(task); // Done.
    /// assert_eq!(queue.statistics().unfinished, 0);
    /// # Ok::<(), filch_sync::queue::GetError>(())
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct GetTask<'a, T, O>
    where
        O: Order<T>,
    {
        queue: &'a RawQueue<T, O>,
        #[pin]
        turn: Turn<'a, T, O>,
    }
}

impl<'a, T, O: Order<T>> GetTask<'a, T, O> {
    pub(super) fn new(queue: &'a RawQueue<T, O>) -> Self {
        Self { queue, turn: Turn::new(queue, Side::Get, false) }
    }
}

impl<'a, T, O: Order<T>> Future for GetTask<'a, T, O> {
    type Output = Result<TaskGuard<'a, T, O>, GetError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let queue = *this.queue;
        this.turn.poll_get(cx).map_ok(|item| TaskGuard::new(queue, item))
    }
}

impl<T, O: Order<T>> fmt::Debug for GetTask<'_, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetTask").finish_non_exhaustive()
    }
}
