//! An upper limit on how long a future is waited for.

use crate::sleep::{Sleep, sleep, sleep_until};
use pin_project_lite::pin_project;
use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

#[cfg(all(test, not(filch_loom)))]
mod tests;

pin_project! {
    /// Waits for a future, but no longer than until a deadline; made by [`timeout`] and [`timeout_at`].
    ///
    /// # Cancel safety
    /// That of the future inside; the deadline is given up with it.
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        #[pin]
        deadline: Sleep,
    }
}

/// The deadline came before the future was ready.
///
/// It turns into an [`io::Error`] of kind [`TimedOut`](io::ErrorKind::TimedOut).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Elapsed(());

/// Waits for `future`, but no longer than `duration`, counted from this call.
///
/// The future is always polled first: one that is ready wins, even against a duration of zero. When the time is up
/// it is not polled again; dropping the timeout drops it.
///
/// # Errors
/// The awaited result is [`Elapsed`] if the time is up first.
///
/// # Cancel safety
/// That of the future inside.
///
/// # Examples
/// ```
/// use filch_timer::timeout;
/// use std::future::{pending, ready};
/// use std::io;
/// use std::time::Duration;
///
/// # fn main() -> io::Result<()> {
/// futures_lite::future::block_on(async {
///     assert_eq!(timeout(Duration::ZERO, ready(7)).await?, 7);
///     let late: io::Error = timeout(Duration::from_millis(1), pending::<()>()).await.unwrap_err().into();
///     assert_eq!(late.kind(), io::ErrorKind::TimedOut);
///     Ok(())
/// })
/// # }
/// ```
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    Timeout { future: future.into_future(), deadline: sleep(duration) }
}

/// Waits for `future`, but no longer than until `deadline`; otherwise as [`timeout`].
///
/// # Errors
/// The awaited result is [`Elapsed`] if the deadline comes first.
///
/// # Cancel safety
/// That of the future inside.
///
/// # Examples
/// ```
/// use filch_timer::{now, sleep, timeout_at};
/// use std::time::Duration;
///
/// futures_lite::future::block_on(async {
///     // One deadline for several steps.
///     let deadline = now() + Duration::from_millis(50);
///     assert!(timeout_at(deadline, sleep(Duration::from_millis(1))).await.is_ok());
///     assert!(timeout_at(deadline, sleep(Duration::from_secs(3600))).await.is_err());
/// });
/// ```
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    Timeout { future: future.into_future(), deadline: sleep_until(deadline) }
}

impl<F> Timeout<F> {
    /// The future that is waited for.
    pub const fn get_ref(&self) -> &F {
        &self.future
    }

    /// The future that is waited for, pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut F> {
        self.project().future
    }

    /// The future that is waited for, without the limit.
    pub fn into_inner(self) -> F {
        self.future
    }

    /// When the time is up.
    pub fn deadline(&self) -> Instant {
        self.deadline.deadline()
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        // Whatever the time slice says: a future that uses up its slice in each poll must not hold off its
        // deadline.
        this.deadline.poll_due(cx).map(|()| Err(Elapsed(())))
    }
}

impl<F: fmt::Debug> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").field("future", &self.future).field("deadline", &self.deadline()).finish()
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deadline has come before the result")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(io::ErrorKind::TimedOut, elapsed)
    }
}
