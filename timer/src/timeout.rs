//! An upper limit on how long a future is waited for.
//!
//! In a poll the deadline is put in force, see [`crate::deadline()`]; the future is polled, and has the last word if
//! it is ready; the deadline in force before is so again; and the own deadline is looked at, whatever the time slice
//! says: a future that uses up its slice in each poll must not hold it off. Only one whose time is up when it is first
//! polled gives way, once, when the slice is over: a loop around such limits would never do so otherwise.

mod handle;
mod move_on;
#[cfg(all(test, not(filch_loom)))]
mod tests;

pub use handle::{TimeoutHandle, TimeoutWith, timeout_with};
pub use move_on::{MoveOn, move_on_after, move_on_at};

use crate::context;
use crate::deadline::{self, NEVER, Scope};
use crate::line::Nanos;
use crate::registration::Progress;
use crate::sleep::{Sleep, sleep, sleep_until};
use filch_primitive::slice;
use pin_project_lite::pin_project;
use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

pin_project! {
    /// Waits for a future, but no longer than until a deadline; made by [`timeout`] and [`timeout_at`].
    ///
    /// While it polls the future its deadline is the one [in force](crate::deadline()), unless a scope around
    /// it has an earlier one. When both have come by the same poll, the scope with the earlier deadline is
    /// the one that elapses; of equal ones the inner.
    ///
    /// # Cancel safety
    /// That of the future inside; the deadline is given up with it.
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Timer, enter, timeout};
    /// use futures_lite::future::{block_on, poll_once};
    /// use std::{future::pending, pin::pin, time::Duration};
    /// let clock = Clock::manual();
    /// let _context = enter(&Timer::new(clock.clone()), true);
    /// let mut limited = pin!(timeout(Duration::from_secs(1), pending::<()>()));
    /// assert!(block_on(poll_once(limited.as_mut())).is_none());
    /// clock.advance(Duration::from_secs(1));
    /// assert!(block_on(limited).is_err());
    /// ```
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        #[pin]
        limit: Limit,
    }
}

pin_project! {
    /// The deadline of a scope, and what became of it.
    struct Limit {
        #[pin]
        sleep: Sleep,
        phase: Phase,
    }
}

/// What became of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It was not polled yet.
    New,
    /// Neither has come.
    Active,
    /// The deadline has come, and a scope outside with an earlier one was left to say so, once.
    Yielded,
    /// The deadline came first.
    Expired,
    /// The future came first.
    Finished,
}

/// The deadline came before the future was ready.
///
/// It turns into an [`io::Error`] of kind [`TimedOut`](io::ErrorKind::TimedOut).
///
/// # Examples
/// ```
/// use filch_timer::timeout;
/// use std::{future::pending, io, time::Duration};
/// let elapsed = futures_lite::future::block_on(timeout(Duration::ZERO, pending::<()>())).unwrap_err();
/// assert_eq!(io::Error::from(elapsed).kind(), io::ErrorKind::TimedOut);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Elapsed(());

/// The scope had ended before it was rescheduled.
///
/// ```
/// use filch_timer::{RescheduleError, timeout_with};
/// use std::future::ready;
/// use std::time::Duration;
/// let mut kept = None;
/// let done = timeout_with(Duration::from_secs(1), |limit| {
///     kept = Some(limit);
///     ready(())
/// });
/// futures_lite::future::block_on(done)?;
/// let late = kept.unwrap().reschedule_after(Duration::from_secs(9));
/// assert_eq!(late, Err(RescheduleError::Finished));
/// # Ok::<(), filch_timer::Elapsed>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RescheduleError {
    /// The deadline came first: the future is given up and not polled again.
    Expired,
    /// The future came first, or both were dropped.
    Finished,
}

/// Waits for `future`, but no longer than `duration`, counted from this call.
///
/// The future is always polled first: one that is ready wins, even against a duration of zero. When the time
/// is up it is not polled again; dropping the timeout drops it.
///
/// # Errors
/// The awaited result is [`Elapsed`] if the time is up first.
///
/// # Cancel safety
/// That of the future inside.
///
/// # Complexity
/// A look at the clock, and a [`Sleep`] beside the future, registered when a poll has not made the future ready. No
/// allocation. Each poll takes constant time beside the future's.
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
    Timeout { future: future.into_future(), limit: Limit::new(sleep(duration)) }
}

/// Waits for `future`, but no longer than until `deadline`; otherwise as [`timeout`].
///
/// # Errors
/// The awaited result is [`Elapsed`] if the deadline comes first.
///
/// # Cancel safety
/// That of the future inside.
///
/// # Complexity
/// As for [`timeout`], without the look at the clock.
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
    Timeout { future: future.into_future(), limit: Limit::new(sleep_until(deadline)) }
}

impl<F> Timeout<F> {
    /// The future that is waited for.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::timeout;
    /// use std::time::Duration;
    /// let limited = timeout(Duration::from_secs(1), std::future::ready(7));
    /// assert_eq!(limited.get_ref().clone().into_inner(), 7);
    /// ```
    pub const fn get_ref(&self) -> &F {
        &self.future
    }

    /// The future that is waited for, pinned.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{sleep, timeout};
    /// use std::pin::pin;
    /// use std::time::Duration;
    /// let mut limited = pin!(timeout(Duration::from_secs(1), sleep(Duration::from_secs(60))));
    /// // What it is for is to end at once.
    /// limited.as_mut().get_pin_mut().reset(filch_timer::now());
    /// assert!(futures_lite::future::block_on(limited).is_ok());
    /// ```
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut F> {
        self.project().future
    }

    /// The future that is waited for, without the limit.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::timeout;
    /// use std::time::Duration;
    /// let limited = timeout(Duration::from_secs(1), std::future::ready(7));
    /// assert_eq!(limited.into_inner().into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> F {
        self.future
    }

    /// When the time is up; without a deadline, the end of the time line.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{now, timeout_at};
    /// let deadline = now();
    /// assert_eq!(timeout_at(deadline, std::future::ready(())).deadline(), deadline);
    /// ```
    pub fn deadline(&self) -> Instant {
        self.limit.sleep.deadline()
    }

    /// When the time is up; `None` without a deadline.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{now, timeout, timeout_at};
    /// use std::future::ready;
    /// use std::time::Duration;
    ///
    /// let deadline = now() + Duration::from_secs(1);
    /// assert_eq!(timeout_at(deadline, ready(())).when(), Some(deadline));
    /// assert_eq!(timeout(Duration::MAX, ready(())).when(), None);
    /// ```
    pub fn when(&self) -> Option<Instant> {
        let deadline = self.limit.sleep.nanos();
        (deadline != NEVER).then(|| deadline.to_instant())
    }

    /// Whether it ended because its time was up.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::timeout;
    /// use std::future::pending;
    /// use std::pin::pin;
    /// use std::time::Duration;
    ///
    /// let mut limited = pin!(timeout(Duration::from_millis(1), pending::<()>()));
    /// assert!(!limited.is_expired());
    /// assert!(futures_lite::future::block_on(limited.as_mut()).is_err());
    /// assert!(limited.is_expired());
    /// ```
    pub fn is_expired(&self) -> bool {
        self.limit.phase == Phase::Expired
    }

    /// Ends at `at` instead, or without a deadline for `None`. A task that waits for it stays registered.
    ///
    /// # Errors
    /// [`RescheduleError`] once it has ended: what was given up does not come back.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{now, sleep, timeout};
    /// use std::pin::pin;
    /// use std::time::Duration;
    ///
    /// futures_lite::future::block_on(async {
    ///     let work = sleep(Duration::from_millis(2));
    ///     let mut limited = pin!(timeout(Duration::ZERO, work));
    ///     limited.as_mut().reschedule(now() + Duration::from_secs(60))?;
    ///     assert!(limited.await.is_ok());
    /// #     Ok::<_, filch_timer::RescheduleError>(())
    /// })
    /// # .unwrap();
    /// ```
    pub fn reschedule(self: Pin<&mut Self>, at: impl Into<Option<Instant>>) -> Result<(), RescheduleError> {
        self.project().limit.reschedule(at.into().map_or(NEVER, Nanos::from))
    }

    /// Ends `duration` from now instead; otherwise as [`reschedule`](Self::reschedule).
    ///
    /// # Errors
    /// [`RescheduleError`] once it has ended.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::timeout;
    /// use std::future::pending;
    /// use std::pin::pin;
    /// use std::time::Duration;
    ///
    /// futures_lite::future::block_on(async {
    ///     let mut limited = pin!(timeout(Duration::from_secs(3600), pending::<()>()));
    ///     limited.as_mut().reschedule_after(Duration::from_millis(1))?;
    ///     assert!(limited.await.is_err());
    /// #     Ok::<_, filch_timer::RescheduleError>(())
    /// })
    /// # .unwrap();
    /// ```
    pub fn reschedule_after(self: Pin<&mut Self>, duration: Duration) -> Result<(), RescheduleError> {
        self.project().limit.reschedule(context::nanos().saturating_add(duration))
    }

    /// Allows it to end up to `slack` after its deadline, so that it is woken together with others: see
    /// [`Sleep::with_slack`].
    ///
    /// # Examples
    /// ```
    /// use filch_timer::timeout;
    /// use std::time::Duration;
    ///
    /// // A thousand connections that are closed when idle for a minute, or a little more.
    /// let minute = Duration::from_secs(60);
    /// let read = async { 5 };
    /// let limited = timeout(minute, read).with_slack(Duration::from_secs(1));
    /// assert_eq!(futures_lite::future::block_on(limited), Ok(5));
    /// ```
    pub fn with_slack(self, slack: Duration) -> Self {
        let Limit { sleep, phase } = self.limit;
        Self { future: self.future, limit: Limit { sleep: sleep.with_slack(slack), phase } }
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let awaited = this.limit.begin();
        let scope = Scope::enter(this.limit.sleep.nanos());
        let polled = this.future.poll(cx);
        let outer = scope.leave();
        if let Poll::Ready(output) = polled {
            *this.limit.project().phase = Phase::Finished;
            return Poll::Ready(Ok(output));
        }
        ready!(this.limit.poll_expired(awaited, outer, cx));
        Poll::Ready(Err(Elapsed(())))
    }
}

impl Limit {
    #[inline]
    fn new(sleep: Sleep) -> Self {
        Self { sleep, phase: Phase::New }
    }

    fn reschedule(self: Pin<&mut Self>, deadline: Nanos) -> Result<(), RescheduleError> {
        self.phase.check()?;
        self.reset_to(deadline);
        Ok(())
    }

    /// Goes on, with another deadline.
    fn reset_to(self: Pin<&mut Self>, deadline: Nanos) {
        let this = self.project();
        if *this.phase == Phase::Yielded {
            *this.phase = Phase::Active;
        }
        this.sleep.reset_to(deadline);
    }

    /// Before the future is polled: if the deadline has come, what is within is to know. Answers whether its wheel has yet to come
    /// to it.
    #[inline]
    fn begin(&self) -> bool {
        let progress = self.sleep.progress();
        if progress == Progress::Fired {
            deadline::came(self.sleep.nanos());
        }
        progress == Progress::Awaited
    }

    /// Ready when this scope, whose future is not ready, ends by its deadline; `outer` is in force around it. Its wheel had yet to come
    /// to it, when the future was polled, if `awaited`.
    fn poll_expired(self: Pin<&mut Self>, awaited: bool, outer: Nanos, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let first = *this.phase == Phase::New;
        if first {
            *this.phase = Phase::Active;
        }
        // Registered even without a deadline, so that one that it is rescheduled to wakes the task.
        ready!(this.sleep.as_mut().poll_due(cx));
        let own = this.sleep.nanos();
        if own == NEVER {
            return Poll::Pending;
        }
        if awaited && !deadline::has_come(own) {
            // It fired just now. What is within, with a deadline no later, may not know that it has come.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if *this.phase == Phase::Active && deadline::yields(own, outer) {
            *this.phase = Phase::Yielded;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if first {
            // Once: when it is polled again, it is the first no more.
            ready!(slice::proceed(cx));
        }
        *this.phase = Phase::Expired;
        Poll::Ready(())
    }
}

impl Elapsed {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl Phase {
    /// Whether there is anything left to reschedule.
    const fn check(self) -> Result<(), RescheduleError> {
        match self {
            Self::New | Self::Active | Self::Yielded => Ok(()),
            Self::Expired => Err(RescheduleError::Expired),
            Self::Finished => Err(RescheduleError::Finished),
        }
    }
}

/// The deadline, and what became of it.
fn debug_limit(f: &mut fmt::DebugStruct<'_, '_>, phase: Phase, when: Option<Instant>) {
    let state = match phase {
        Phase::New | Phase::Active | Phase::Yielded => "active",
        Phase::Expired => "expired",
        Phase::Finished => "finished",
    };
    f.field("state", &format_args!("{state}"));
    if phase.check().is_ok() {
        f.field("when", &when);
    }
}

impl<F: fmt::Debug> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Timeout");
        shown.field("future", &self.future);
        debug_limit(&mut shown, self.limit.phase, self.when());
        shown.finish()
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

impl fmt::Display for RescheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the timeout has expired already",
            Self::Finished => "what the timeout was for has finished already",
        })
    }
}

impl Error for RescheduleError {}
