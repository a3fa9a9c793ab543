//! Waiting for a point in time.

use crate::context;
use crate::line::{Beat, Nanos, Resolution};
use crate::registration::{Progress, Registration};
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
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Timer, enter, sleep};
    /// use futures_lite::future::{block_on, poll_once};
    /// use std::time::Duration;
    /// let clock = Clock::manual();
    /// let _context = enter(&Timer::new(clock.clone()), true);
    /// let minute = Duration::from_secs(60);
    /// let mut nap = std::pin::pin!(sleep(minute));
    /// assert!(block_on(poll_once(nap.as_mut())).is_none());
    /// clock.advance(minute);
    /// assert!(block_on(poll_once(nap.as_mut())).is_some());
    /// ```
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
/// # Complexity
/// A look at the clock, and what [`Sleep`] costs once it is polled.
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
/// # Complexity
/// None but what [`Sleep`] costs once it is polled.
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

    /// Allows it to be ready up to `slack` after its deadline, so that what is due at about the same time costs one
    /// wake-up.
    ///
    /// The slack counts as the power of two nanoseconds below it, and the deadline is rounded up to a multiple of
    /// that: sleeps with slack meet at the same points, those with more of it at every so manieth, without looking
    /// for each other. It is never early.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Timer, enter, now, sleep};
    /// use futures_lite::future::{block_on, poll_once};
    /// use std::pin::pin;
    /// use std::time::Duration;
    ///
    /// let (second, milli) = (Duration::from_secs(1), Duration::from_millis(1));
    /// let clock = Clock::manual();
    /// let timer = Timer::new(clock.clone());
    /// let _context = enter(&timer, true);
    ///
    /// let mut naps: Vec<_> = (1..=100).map(|n| Box::pin(sleep(n * milli).with_slack(second))).collect();
    /// for nap in &mut naps {
    ///     assert_eq!(block_on(poll_once(nap)), None);
    /// }
    /// let mut wakes = 0;
    /// while let Some(next) = timer.next_deadline() {
    ///     clock.advance(next - now());
    ///     wakes += 1;
    /// }
    /// assert!(wakes <= 2, "for a hundred deadlines");
    /// ```
    pub fn with_slack(self, slack: Duration) -> Self {
        // By value, so no wheel knows it.
        self.registration.begin_with(Beat::within(slack));
        self
    }

    /// As [`with_slack`](Self::with_slack), for one that is polled already. One that was seen to be ready stays so:
    /// then the slack counts from the next [`reset`](Self::reset).
    ///
    /// # Examples
    /// ```
    /// use filch_timer::sleep;
    /// use std::pin::pin;
    /// use std::time::Duration;
    /// let mut nap = pin!(sleep(Duration::from_secs(60)));
    /// nap.as_mut().set_slack(Duration::from_secs(1));
    /// assert!(nap.slack() > Duration::from_millis(500));
    /// ```
    pub fn set_slack(self: Pin<&mut Self>, slack: Duration) {
        self.project().registration.set_beat(Beat::within(slack));
    }

    /// How much later than its deadline it may be ready: the power of two nanoseconds below what was asked for.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::sleep;
    /// use std::time::Duration;
    /// let nap = sleep(Duration::from_secs(60)).with_slack(Duration::from_nanos(1000));
    /// assert_eq!(nap.slack(), Duration::from_nanos(512));
    /// ```
    #[must_use]
    pub fn slack(&self) -> Duration {
        self.registration.beat().period()
    }

    /// The deadline asked for. A deadline more than 292 years from the start of the process is kept at that distance.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{now, sleep_until};
    /// let deadline = now();
    /// assert_eq!(sleep_until(deadline).deadline(), deadline);
    /// ```
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.nanos().to_instant()
    }

    /// As [`deadline`](Self::deadline), on the time line.
    #[inline]
    pub(crate) fn nanos(&self) -> Nanos {
        self.registration.deadline()
    }

    /// Whether it is ready, by the clock of the timer it is registered with, or else of this thread: its deadline
    /// has come, and what it takes of its slack.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::sleep;
    /// use std::time::Duration;
    /// assert!(sleep(Duration::ZERO).is_elapsed());
    /// assert!(!sleep(Duration::from_secs(60)).is_elapsed());
    /// ```
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
        self.reset_to(Nanos::from(deadline));
    }

    /// As [`reset`](Self::reset), on the time line.
    pub(crate) fn reset_to(self: Pin<&mut Self>, deadline: Nanos) {
        self.project().registration.reset(deadline);
    }

    /// How far it has come, without a look at the clock.
    #[inline]
    pub(crate) fn progress(&self) -> Progress {
        self.registration.progress()
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
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline())
            .field("slack", &self.slack())
            .finish_non_exhaustive()
    }
}
