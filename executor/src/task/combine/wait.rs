//! Tasks that go on, and some that are done: [`wait()`].

use super::brood::{AsJoinHandle, Brood};
use crate::task::state::Outcome;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What [`wait()`] waits for.
///
/// ```
/// use filch::task::{Wait, wait};
/// # filch::block_on(async {
/// let tasks = [filch::spawn(async { 1 }), filch::spawn(std::future::pending())];
/// let (done, pending) = wait(tasks, Wait::FirstCompleted).await;
/// assert_eq!((done.len(), pending.len()), (1, 1));
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wait {
    /// One is over, whichever way.
    FirstCompleted,
    /// One has panicked or was aborted; else all are over. An `Err` that a task returns is a value like any other.
    FirstFailed,
    /// All are over.
    All,
}

/// Waits for tasks, until what `until` says has happened, and gives their handles back: those of tasks that are over, and those
/// of tasks that are not, each in the order given.
///
/// No task is stopped, and no result is taken: that is for the caller, from handles that do not wait any more. As asyncio's `wait`. It
/// takes handles, or mutable references to some: with those, [`timeout`](crate::time::timeout) around it costs no handle. Without
/// any handles it is ready at once.
///
/// To go through many tasks one after another, [`as_completed()`](super::as_completed()) is the cheaper way: this one looks at all
/// handles each time.
///
/// # Panics
/// When the future is polled again after it was ready.
/// # Cancel safety
/// Dropping the future stops no task. Handles given by value go with it, which detaches their tasks.
/// # Complexity
/// Linear in the number of handles to begin and to end, with one small allocation for each that is not over; constant
/// time for each end in between.
/// # Examples
/// ```
/// use filch::task::{self, Wait};
///
/// # filch::block_on(async {
/// let tasks = [filch::spawn(std::future::pending()), filch::spawn(async { 42 })];
/// let (mut done, running) = task::wait(tasks, Wait::FirstCompleted).await;
/// assert_eq!((done.len(), running.len()), (1, 1));
/// assert_eq!(done.remove(0).await.unwrap(), 42);
/// # running.into_iter().for_each(|task| task.abort());
///
/// // With a limit, and the handles kept:
/// let mut tasks = [filch::spawn(std::future::pending::<()>())];
/// let all = task::wait(&mut tasks, Wait::All);
/// assert!(filch::time::timeout(std::time::Duration::ZERO, all).await.is_err());
/// tasks[0].abort();
/// # });
/// ```
pub fn wait<I>(handles: I, until: Wait) -> WaitFuture<I::Item>
where
    I: IntoIterator<Item: AsJoinHandle>,
{
    let mut brood = Brood::new();
    for handle in handles {
        brood.insert(handle);
    }
    let over = (0..brood.len()).map(|_| None).collect();
    WaitFuture { brood, over: Some(over), until }
}

/// The future of [`wait()`].
///
/// ```
/// use filch::task::{Wait, wait};
/// let mut tasks = [filch::spawn(async { 1 }), filch::spawn(async { 2 })];
/// let (over, running) = filch::block_on(wait(&mut tasks, Wait::All));
/// assert_eq!((over.len(), running.len()), (2, 0));
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct WaitFuture<H> {
    brood: Brood<H>,
    /// By place, those that the brood has given out, until all are given back.
    over: Option<Vec<Option<H>>>,
    until: Wait,
}

// Nothing in it is pinned.
impl<H> Unpin for WaitFuture<H> {}

impl<H: AsJoinHandle> Future for WaitFuture<H> {
    type Output = (Vec<H>, Vec<H>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let over = this.over.as_mut().expect("a wait was polled again after it was ready");
        while let Some((at, handle)) = ready!(this.brood.poll_next(cx)) {
            let failed = handle.as_join_handle().outcome().is_some_and(|outcome| outcome != Outcome::Value);
            over[at] = Some(handle);
            match this.until {
                Wait::FirstCompleted => break,
                Wait::FirstFailed if failed => break,
                Wait::FirstFailed | Wait::All => {}
            }
        }
        for (at, handle) in this.brood.drain() {
            over[at] = Some(handle);
        }
        // Some may have ended meanwhile.
        let all = this.over.take().into_iter().flatten().flatten();
        Poll::Ready(all.partition(|handle| handle.as_join_handle().is_finished()))
    }
}

impl<H> fmt::Debug for WaitFuture<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitFuture")
            .field("until", &self.until)
            .field("handles", &self.over.as_ref().map_or(0, Vec::len))
            .finish()
    }
}
