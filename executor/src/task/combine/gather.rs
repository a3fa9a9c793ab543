//! All results, in order: [`gather()`].

use super::brood::{Brood, Child};
use crate::task::error::JoinError;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Runs futures as tasks, and waits for all of them: their results come in the order in which the futures were given.
///
/// The tasks begin at once, not when the future is polled. One that panics leaves the others alone: its own result says so.
/// [`try_gather()`](super::try_gather()) stops at the first failure. As asyncio's `gather(return_exceptions=True)`.
///
/// # Panics
/// When the future is polled again after it was ready. Where the caller has no runtime around it and none can be
/// started, as [`spawn`](crate::spawn).
/// # Errors
/// Each result has its own: [`JoinError`] for a task that panicked, or was aborted because its runtime ended.
/// # Cancel safety
/// Dropping the future aborts the tasks, without waiting for them; values that were there are dropped, panics are reported.
/// # Complexity
/// A task and one small allocation for each future; constant time for each end.
/// # Examples
/// ```
/// # fn main() -> Result<(), filch::JoinError> {
/// let squares = filch::block_on(filch::task::gather((1..=3).map(|n| async move { n * n })));
/// assert_eq!(squares.into_iter().collect::<Result<Vec<_>, _>>()?, [1, 4, 9]);
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn gather<I, T>(futures: I) -> Gather<T>
where
    I: IntoIterator<Item: IntoFuture<Output = T, IntoFuture: Send + 'static>>,
    T: Send + 'static,
{
    let brood = Brood::spawn(futures);
    let results = (0..brood.len()).map(|_| None).collect();
    Gather { brood, results: Some(results) }
}

/// The future of [`gather()`].
///
/// ```
/// use filch::task::{Gather, gather};
/// // The tasks have begun, and are awaited later.
/// let squares: Gather<u32> = gather((1..=3).map(|n| async move { n * n }));
/// let sum: u32 = filch::block_on(squares).into_iter().flatten().sum();
/// assert_eq!(sum, 14);
/// ```
#[must_use = "dropping it aborts the tasks: await it"]
pub struct Gather<T> {
    pub(super) brood: Brood<Child<T>>,
    /// By place, until they are given out. A failure stays with its task until then.
    results: Option<Vec<Option<Outcome<T>>>>,
}

type Outcome<T> = Result<T, Child<T>>;

// Nothing in it is pinned.
impl<T> Unpin for Gather<T> {}

impl<T> Future for Gather<T> {
    type Output = Vec<Result<T, JoinError>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let results = this.results.as_mut().expect("a gather was polled again after it was ready");
        while let Some((at, child)) = ready!(this.brood.poll_next(cx)) {
            results[at] = Some(child.value());
        }
        let results = this.results.take().into_iter().flatten().flatten();
        Poll::Ready(results.map(|result| result.or_else(Child::result)).collect())
    }
}

impl<T> fmt::Debug for Gather<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather")
            .field("running", &self.brood.len())
            .field("of", &self.results.as_ref().map_or(0, Vec::len))
            .finish()
    }
}
