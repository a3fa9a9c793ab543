//! The first result: [`race()`].

use super::brood::{Brood, Child};
use crate::task::error::JoinError;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Runs futures as tasks, and returns the result of the first that ends, when all others are gone.
///
/// The tasks begin at once, not when the future is polled. With the first end, be it a panic, the others are aborted and waited for: no
/// task is left behind. One that does not await ends only when it returns. What the others return is dropped, and a panic of theirs
/// is reported on the error stream.
///
/// To race futures that borrow, within one task, there is [`select!`](crate::select).
///
/// # Panics
/// When there is no future to run. When the future is polled again after it was ready. Where the caller has no runtime
/// around it and none can be started, as [`spawn`](crate::spawn).
/// # Errors
/// [`JoinError`] when the first that ended panicked, or was aborted because its runtime ended.
/// # Cancel safety
/// Dropping the future aborts the tasks, without waiting for them; a value that was there is dropped, a panic is reported.
/// # Complexity
/// A task and one small allocation for each future; constant time for each end.
/// # Examples
/// ```
/// use filch::time::sleep;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), filch::JoinError> {
/// let mirrors = [("slow", 3600), ("fast", 0)].map(|(name, seconds)| async move {
///     sleep(Duration::from_secs(seconds)).await;
///     name
/// });
/// assert_eq!(filch::block_on(filch::task::race(mirrors))?, "fast");
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn race<I, T>(futures: I) -> Race<T>
where
    I: IntoIterator<Item: IntoFuture<Output = T, IntoFuture: Send + 'static>>,
    T: Send + 'static,
{
    let brood = Brood::spawn(futures);
    assert!(!brood.is_empty(), "a race needs somebody who runs: there is no future");
    Race { brood, first: None }
}

/// The future of [`race()`].
///
/// ```
/// use filch::task::{Race, race};
/// let first: Race<&str> = race([async { "alone" }]);
/// assert_eq!(filch::block_on(first)?, "alone");
/// # Ok::<(), filch::JoinError>(())
/// ```
#[must_use = "dropping it aborts the tasks: await it"]
pub struct Race<T> {
    pub(super) brood: Brood<Child<T>>,
    /// Its result stays with the task until it is given out.
    first: Option<Child<T>>,
}

impl<T> Future for Race<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        while let Some((_, child)) = ready!(this.brood.poll_next(cx)) {
            // Those behind the first are dropped unseen, so that a panic is reported.
            if this.first.is_none() {
                this.first = Some(child);
                this.brood.abort_all();
            }
        }
        Poll::Ready(this.first.take().expect("a race was polled again after it was over").result())
    }
}

impl<T> fmt::Debug for Race<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Race")
            .field("running", &self.brood.len())
            .field("decided", &self.first.is_some())
            .finish()
    }
}
