//! All values, or the first failure: [`try_gather()`].

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
/// # Panics
/// When the future is polled again after it was ready. Where the caller has no runtime around it and none can be
/// started, as [`spawn`](crate::spawn).
/// # Errors
/// [`TryGatherError`], for the task that failed first. What the others return after that is dropped, and a panic of theirs is reported
/// on the error stream.
/// # Cancel safety
/// Dropping the future aborts the tasks, without waiting for them; values that were there are dropped, panics are reported.
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
    TryGather { brood, values: Some(values), failure: None }
}

/// Why [`try_gather()`] has no values.
///
/// ```
/// use filch::task::{TryGatherError, try_gather};
/// let parsed = filch::block_on(try_gather(["7", "x"].map(|text| async { text.parse::<u8>() })));
/// match parsed.unwrap_err() {
///     TryGatherError::Failed(error) => assert_eq!(error.to_string(), "invalid digit found in string"),
///     TryGatherError::Join(lost) => panic!("{lost}"),
/// }
/// ```
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

/// The future of [`try_gather()`].
///
/// ```
/// use filch::task::{TryGather, TryGatherError, try_gather};
/// let halves: TryGather<u32, String> = try_gather([8, 4].map(|n| async move { Ok(n / 2) }));
/// assert_eq!(filch::block_on(halves)?, [4, 2]);
/// # Ok::<(), TryGatherError<String>>(())
/// ```
#[must_use = "dropping it aborts the tasks: await it"]
pub struct TryGather<T, E> {
    pub(super) brood: Brood<Child<Result<T, E>>>,
    /// By place, until they are given out.
    values: Option<Vec<Option<T>>>,
    failure: Option<Failure<T, E>>,
}

enum Failure<T, E> {
    Error(E),
    /// What happened stays with the task until it is given out.
    Lost(Child<Result<T, E>>),
}

impl<T, E> From<Failure<T, E>> for TryGatherError<E> {
    fn from(failure: Failure<T, E>) -> Self {
        match failure {
            Failure::Error(error) => Self::Failed(error),
            Failure::Lost(child) => match child.result() {
                Err(error) => Self::Join(error),
                Ok(_) => unreachable!("a task that returned a value is not lost"),
            },
        }
    }
}

// Nothing in it is pinned.
impl<T, E> Unpin for TryGather<T, E> {}

impl<T, E> Future for TryGather<T, E> {
    type Output = Result<Vec<T>, TryGatherError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let values = this.values.as_mut().expect("a gather was polled again after it was ready");
        while let Some((at, child)) = ready!(this.brood.poll_next(cx)) {
            if this.failure.is_some() {
                // Dropped unseen, so that a panic is reported.
                continue;
            }
            this.failure = match child.value() {
                Ok(Ok(value)) => {
                    values[at] = Some(value);
                    continue;
                }
                Ok(Err(error)) => Some(Failure::Error(error)),
                Err(child) => Some(Failure::Lost(child)),
            };
            this.brood.abort_all();
        }
        let values = this.values.take().into_iter().flatten();
        Poll::Ready(match this.failure.take() {
            Some(failure) => Err(failure.into()),
            None => Ok(values.flatten().collect()),
        })
    }
}

impl<T, E> fmt::Debug for TryGather<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryGather")
            .field("running", &self.brood.len())
            .field("of", &self.values.as_ref().map_or(0, Vec::len))
            .field("failed", &self.failure.is_some())
            .finish()
    }
}
