//! A limit whose end is no error.

use super::{Timeout, timeout, timeout_at};
use pin_project_lite::pin_project;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

pin_project! {
    /// Waits for a future, and goes on without it when a deadline has come; made by [`move_on_after`] and
    /// [`move_on_at`].
    ///
    /// # Cancel safety
    /// That of the future inside; the deadline is given up with it.
    /// # Examples
    /// ```
    /// use filch_timer::move_on_after;
    /// use std::future::pending;
    /// use std::time::Duration;
    /// let hint = move_on_after(Duration::ZERO, pending::<&str>());
    /// assert_eq!(futures_lite::future::block_on(hint), None);
    /// ```
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct MoveOn<F> {
        #[pin]
        timeout: Timeout<F>,
    }
}

/// Waits for `future`, and after `duration`, counted from this call, goes on without it: then the result is
/// `None`.
///
/// As trio's `move_on_after`. It is a [`timeout`](crate::timeout()) in everything else.
///
/// # Cancel safety
/// That of the future inside.
///
/// # Complexity
/// As for [`timeout`](crate::timeout()).
/// # Examples
/// ```
/// use filch_timer::move_on_after;
/// use std::future::{pending, ready};
/// use std::time::Duration;
///
/// futures_lite::future::block_on(async {
///     let patience = Duration::from_millis(1);
///     let hint = move_on_after(patience, pending::<&str>()).await;
///     assert_eq!(hint.unwrap_or("no hint"), "no hint");
///     assert_eq!(move_on_after(patience, ready(7)).await, Some(7));
/// });
/// ```
pub fn move_on_after<F: IntoFuture>(duration: Duration, future: F) -> MoveOn<F::IntoFuture> {
    MoveOn { timeout: timeout(duration, future) }
}

/// Waits for `future`, and at `deadline` goes on without it; otherwise as [`move_on_after`].
///
/// # Cancel safety
/// That of the future inside.
///
/// # Complexity
/// As for [`timeout_at`].
/// # Examples
/// ```
/// use filch_timer::{move_on_at, now};
/// use std::future::pending;
///
/// let deadline = now();
/// assert_eq!(futures_lite::future::block_on(move_on_at(deadline, pending::<()>())), None);
/// ```
pub fn move_on_at<F: IntoFuture>(deadline: Instant, future: F) -> MoveOn<F::IntoFuture> {
    MoveOn { timeout: timeout_at(deadline, future) }
}

impl<F> MoveOn<F> {
    /// The limit: its deadline, and what became of it.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{move_on_at, now};
    /// let deadline = now();
    /// assert_eq!(move_on_at(deadline, std::future::ready(())).timeout().when(), Some(deadline));
    /// ```
    pub const fn timeout(&self) -> &Timeout<F> {
        &self.timeout
    }

    /// The limit, to be rescheduled.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{move_on_after, sleep};
    /// use std::pin::pin;
    /// use std::time::Duration;
    ///
    /// let mut patient = pin!(move_on_after(Duration::ZERO, sleep(Duration::from_millis(2))));
    /// patient.as_mut().timeout_pin_mut().reschedule(None).unwrap();
    /// assert_eq!(futures_lite::future::block_on(patient), Some(()));
    /// ```
    pub fn timeout_pin_mut(self: Pin<&mut Self>) -> Pin<&mut Timeout<F>> {
        self.project().timeout
    }

    /// The future that is waited for, without the limit.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::move_on_after;
    /// use std::time::Duration;
    /// let limited = move_on_after(Duration::from_secs(1), std::future::ready(7));
    /// assert_eq!(limited.into_inner().into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> F {
        self.timeout.into_inner()
    }
}

impl<F: Future> Future for MoveOn<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(self.project().timeout.poll(cx));
        Poll::Ready(result.ok())
    }
}
