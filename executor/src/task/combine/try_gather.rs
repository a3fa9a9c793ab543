//! All values, or the first failure: [`try_gather`].

use super::brood::{Brood, Child};
use crate::task::error::JoinError;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Runs futures as tasks, and waits for all of them unless one fails: their values come in the order in which the futures were
/// given.
///
/// The tasks begin at once, not when the future is polled. When one returns an error or panics, the others are aborted and waited
/// for, and then the failure is returned: no task is left behind.
///
/// # Errors
/// [`TryGatherError`], for the task that failed first. What the others return after that is dropped, and a panic of theirs is reported
/// on the error stream.
/// # Cancel safety
/// Dropping the future aborts the tasks, without waiting for them; values that were there are dropped.
/// # Complexity
/// A task and one small allocation for each future; constant time for each end.
/// # Examples
/// ```
/// use filch::task::{TryGatherError, try_gather};
///
/// let parsed = |texts: [&'static str; 2]| {
///     filch::block_on(try_gather(texts.map(|text| async move { text.parse::<u8>() })))
/// };
/// assert_eq!(parsed(["6", "7"]).unwrap(), [6, 7]);
/// assert!(matches!(parsed(["6", "x"]), Err(TryGatherError::Failed(_))));
/// ```
#[track_caller]
pub fn try_gather<I, T, E>(futures: I) -> TryGather<T, E>
where
    I: IntoIterator<Item: IntoFuture<Output = Result<T, E>, IntoFuture: Send + 'static>>,
    T: Send + 'static,
    E: Send + 'static,
{
    let brood = Brood::spawn(futures);
    let values = (0..brood.len()).map(|_| None).collect();
    TryGather { brood, values, failure: None }
}

/// Why [`try_gather`] has no values.
#[derive(Debug)]
pub enum TryGatherError<E> {
    /// A future returned an error.
    Failed(E),
    /// A task panicked, or was aborted because its runtime ended.
    Join(JoinError),
}

impl<E: fmt::Display> fmt::Display for TryGatherError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => error.fmt(f),
            Self::Join(error) => error.fmt(f),
        }
    }
}

impl<E: Error> Error for TryGatherError<E> {
    // What an error shows itself is not its source.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed(error) => error.source(),
            Self::Join(error) => error.source(),
        }
    }
}

/// The future of [`try_gather`].
#[must_use = "dropping it aborts the tasks: await it"]
pub struct TryGather<T, E> {
    brood: Brood<Child<Result<T, E>>>,
    /// By place.
    values: Vec<Option<T>>,
    failure: Option<TryGatherError<E>>,
}

// Nothing in it is pinned.
impl<T, E> Unpin for TryGather<T, E> {}

impl<T, E> Future for TryGather<T, E> {
    type Output = Result<Vec<T>, TryGatherError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        while let Some((at, child)) = ready!(this.brood.poll_next(cx)) {
            if this.failure.is_some() {
                // Dropped unseen, so that a panic is reported.
                continue;
            }
            let failure = match child.result() {
                Ok(Ok(value)) => {
                    this.values[at] = Some(value);
                    continue;
                }
                Ok(Err(error)) => TryGatherError::Failed(error),
                Err(error) => TryGatherError::Join(error),
            };
            this.failure = Some(failure);
            this.brood.abort_all();
        }
        let values = std::mem::take(&mut this.values);
        Poll::Ready(this.failure.take().map_or_else(|| Ok(values.into_iter().flatten().collect()), Err))
    }
}

impl<T, E> fmt::Debug for TryGather<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryGather")
            .field("running", &self.brood.len())
            .field("of", &self.values.len())
            .field("failed", &self.failure.is_some())
            .finish()
    }
}
