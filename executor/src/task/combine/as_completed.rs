//! Results in the order of their ends: [`as_completed()`].

use super::brood::{Brood, Child};
use crate::task::error::JoinError;
use futures_lite::Stream;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Runs futures as tasks, and gives out their results in the order in which they end.
///
/// The tasks begin at once, and go on while nobody asks for results. Which result is whose, the futures have to say themselves, in
/// what they return; an error names its task. As asyncio's `as_completed`; to limit how many run at once, see
/// [`map_concurrent()`](super::map_concurrent()).
///
/// # Panics
/// Where the caller has no runtime around it and none can be started, as [`spawn`](crate::spawn).
/// # Errors
/// An item is a [`JoinError`] for a task that panicked, or was aborted because its runtime ended.
/// # Complexity
/// A task and one small allocation for each future; constant time for each end.
/// # Examples
/// ```
/// # fn main() -> Result<(), filch::JoinError> {
/// # filch::block_on(async {
/// let mut results = filch::task::as_completed((1..=3).map(|n| async move { n * n }));
/// let mut sum = 0;
/// while let Some(square) = results.next().await {
///     sum += square?;
/// }
/// assert_eq!(sum, 14);
/// # Ok(())
/// # })
/// # }
/// ```
#[track_caller]
pub fn as_completed<I, T>(futures: I) -> AsCompleted<T>
where
    I: IntoIterator<Item: IntoFuture<Output = T, IntoFuture: Send + 'static>>,
    T: Send + 'static,
{
    AsCompleted { brood: Brood::spawn(futures) }
}

/// The results of [`as_completed()`], a [`Stream`].
///
/// Dropping it aborts the tasks whose results were not given out, without waiting for them.
///
/// # Complexity
/// Constant time for each result; dropping it is linear in the number of tasks that are left.
/// # Examples
/// ```
/// use std::future::{Pending, pending};
/// // Dropped, it stops what is still under way.
/// let tasks: [Pending<()>; 3] = std::array::from_fn(|_| pending());
/// let results = filch::task::as_completed(tasks);
/// assert_eq!(results.len(), 3);
/// drop(results);
/// ```
#[must_use = "dropping it aborts the tasks: ask it for results"]
pub struct AsCompleted<T> {
    pub(super) brood: Brood<Child<T>>,
}

impl<T> AsCompleted<T> {
    /// The next result; nothing when all were given out.
    ///
    /// # Errors
    /// [`JoinError`] for a task that panicked, or was aborted because its runtime ended.
    /// # Cancel safety
    /// Nothing is lost by dropping the future: a result stays until it is asked for.
    /// # Examples
    /// ```
    /// # filch::block_on(async {
    /// let mut results = filch::task::as_completed([async { 6 * 7 }]);
    /// assert_eq!(results.next().await.and_then(Result::ok), Some(42));
    /// assert!(results.next().await.is_none());
    /// # });
    /// ```
    pub async fn next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// How many results are still to be given out.
    ///
    /// # Examples
    /// ```
    /// let results = filch::task::as_completed([1, 2].map(std::future::ready));
    /// assert_eq!(results.len(), 2);
    /// # drop(results);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.brood.len()
    }

    /// Whether all results were given out.
    ///
    /// ```
    /// # filch::block_on(async {
    /// let mut ends = filch::task::as_completed([async { 1 }]);
    /// assert!(!ends.is_empty());
    /// ends.next().await;
    /// assert!(ends.is_empty());
    /// # });
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.brood.is_empty()
    }
}

impl<T> Stream for AsCompleted<T> {
    type Item = Result<T, JoinError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.brood.poll_next(cx).map(|next| next.map(|(_, child)| child.result()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.brood.len(), Some(self.brood.len()))
    }
}

impl<T> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("left", &self.brood.len()).finish()
    }
}
