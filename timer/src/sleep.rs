//! Waiting for a point in time.

use crate::context;
use crate::line::{Nanos, Resolution};
use crate::registration::Registration;
use filch_primitive::slice;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

#[cfg(all(test, not(filch_loom)))]
mod tests;

pin_project! {
    /// Waits until a deadline has come; made by [`sleep`] and [`sleep_until`].
    ///
    /// It costs nothing until it is polled, and then no allocation: its place in the wheel is part of it.
    /// That is why it must be pinned to be polled or [`reset`](Self::reset). Once ready it stays ready until it is
    /// reset.
    ///
    /// # Cancel safety
    /// Dropping it gives the deadline up; it may be dropped anywhere, its own wake-up included.
    ///
    /// # Complexity
    /// Registering, cancelling and firing take constant time and a lock that only the timer's threads share.
    /// Polling again with the same waker, resetting to a later time and dropping after it fired take no lock.
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct Sleep {
        #[pin]
        registration: Registration,
    }
}

/// Waits for `duration`, counted from this call on the current thread's clock.
///
/// A duration that ends beyond the reach of time never ends. A zero one is ready at once.
///
/// The clock is read here and, unless the duration is tiny, not again when it is polled first: one that is over by
/// then may be ready a moment later, when the timer is turned next.
///
/// # Cancel safety
/// Dropping the future gives the deadline up.
///
/// # Examples
/// ```
/// use filch_timer::{now, sleep};
/// use std::time::Duration;
///
/// futures_lite::future::block_on(async {
///     let start = now();
///     sleep(Duration::from_millis(3)).await;
///     assert!(now() - start >= Duration::from_millis(3), "never early");
/// });
/// ```
#[inline]
pub fn sleep(duration: Duration) -> Sleep {
    let deadline = context::nanos().saturating_add(duration);
    if duration < Resolution::COARSE.tick() {
        return Sleep::at(deadline);
    }
    Sleep { registration: Registration::new_ahead(deadline) }
}

/// Waits until `deadline`. One in the past is ready at once.
///
/// # Cancel safety
/// Dropping the future gives the deadline up.
///
/// # Examples
/// ```
/// use filch_timer::{now, sleep_until};
/// use std::time::Duration;
///
/// futures_lite::future::block_on(async {
///     let deadline = now() + Duration::from_millis(2);
///     sleep_until(deadline).await;
///     assert!(now() >= deadline);
///     sleep_until(deadline).await; // Past by now.
/// });
/// ```
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::at(Nanos::from(deadline))
}

impl Sleep {
    /// Waits until `deadline`.
    #[inline]
    pub(crate) fn at(deadline: Nanos) -> Self {
        Self { registration: Registration::new(deadline) }
    }

    /// When it is ready. A deadline more than 292 years from the start of the process is kept at that distance.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.registration.deadline().to_instant()
    }

    /// Whether the deadline has come, by the clock of the timer it is registered with, or else of this thread.
    #[must_use]
    pub fn is_elapsed(&self) -> bool {
        self.registration.is_elapsed()
    }

    /// Waits until `deadline` instead, whether or not it was ready before.
    ///
    /// A task that waits for it stays registered, and is woken at the new deadline without polling again. Moving
    /// to a later time may cause one wake-up at the old one.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{now, sleep};
    /// use std::pin::pin;
    /// use std::time::Duration;
    ///
    /// futures_lite::future::block_on(async {
    ///     let mut idle = pin!(sleep(Duration::from_secs(3600)));
    ///     let soon = now() + Duration::from_millis(1);
    ///     idle.as_mut().reset(soon);
    ///     idle.await;
    ///     assert!(now() >= soon);
    /// });
    /// ```
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        self.project().registration.reset(Nanos::from(deadline));
    }

    /// Ready once the deadline has come, whatever the time slice says.
    #[inline]
    pub(crate) fn poll_due(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().registration.poll(cx)
    }
}

impl Future for Sleep {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll_due(cx));
        // Ready it stays; so giving way here loses nothing.
        slice::proceed(cx)
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("deadline", &self.deadline()).finish_non_exhaustive()
    }
}
