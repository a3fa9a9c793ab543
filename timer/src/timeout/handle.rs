//! A timeout that is rescheduled from within, or from elsewhere.
//!
//! # States
//! What both sides share is plain state under a byte lock, the [`Desk`]: the deadline asked for, what became
//! of the scope, and the waker of a task that waits.
//!
//! # Protocol
//! The future: 1. it takes its waker off the desk, if there is one; 2. takes over the deadline and polls what
//! it is for, within the scope; 3. leaves its waker, and in the same section reads the deadline again; 4.
//! looks whether the time is up; if so,
//! 5. it says so on the desk, unless the deadline was moved meanwhile: then again from 3.
//!
//! A handle: 1. writes the deadline, and takes the waker if there is one; 2. wakes it, outside the lock.
//!
//! # Why it is right
//! A deadline written before 3 is seen there. One written later finds the waker, and the task comes to 2. So
//! rescheduling from within costs no wake-up, and from elsewhere one. One that was accepted is never
//! overruled by the deadline before it: 5 and the handle's first step are sections of one lock.

use super::{Elapsed, Limit, Phase, RescheduleError, debug_limit};
use crate::context;
use crate::deadline::{NEVER, Scope};
use crate::line::Nanos;
use crate::sleep::Sleep;
use filch_primitive::{ByteLock, mutant};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(filch_loom)))]
mod tests;

/// Waits for what `body` makes, but no longer than `duration`, counted from this call; `None` is no deadline.
/// What is inside gets a [`TimeoutHandle`], with which it reschedules the timeout it runs in.
///
/// Otherwise as [`timeout`](crate::timeout()).
///
/// # Errors
/// The awaited result is [`Elapsed`] if the time is up first.
///
/// # Cancel safety
/// That of the future inside.
///
/// # Complexity
/// One allocation more than [`timeout`](crate::timeout()), and two short locks in each poll.
///
/// # Examples
/// ```
/// use filch_timer::{sleep, timeout_with};
/// use std::time::Duration;
///
/// let milli = Duration::from_millis(1);
/// let downloaded = timeout_with(milli * 50, async |limit| {
///     for _part in 0..3 {
///         sleep(milli).await;
///         // There is progress, so there is more time.
///         limit.reschedule_after(milli * 50).unwrap();
///     }
///     "all parts"
/// });
/// assert_eq!(futures_lite::future::block_on(downloaded), Ok("all parts"));
/// ```
pub fn timeout_with<F: IntoFuture>(
    duration: impl Into<Option<Duration>>,
    body: impl FnOnce(TimeoutHandle) -> F,
) -> TimeoutWith<F::IntoFuture> {
    let deadline = duration.into().map_or(NEVER, |duration| context::nanos().saturating_add(duration));
    let desk = Arc::new(ByteLock::new(Desk { deadline, phase: Phase::Active, waiting: None }));
    let handle = TimeoutHandle { desk: desk.clone() };
    TimeoutWith {
        future: body(handle).into_future(),
        limit: Limit::new(Sleep::at(deadline)),
        end: End { desk },
    }
}

/// What the future and its handles share.
struct Desk {
    deadline: Nanos,
    phase: Phase,
    /// Whom a new deadline concerns: the task, while it waits.
    waiting: Option<Waker>,
}

pin_project! {
    /// Waits for a future, but no longer than until a deadline that a [`TimeoutHandle`] can move; made by
    /// [`timeout_with`].
    ///
    /// # Cancel safety
    /// That of the future inside; the deadline is given up with it.
    /// # Examples
    /// ```
    /// use filch_timer::timeout_with;
    /// use std::future::pending;
    /// use std::time::Duration;
    /// let never = timeout_with(Duration::from_secs(3600), |limit| async move {
    ///     // What came to light leaves no hope.
    ///     limit.reschedule_after(Duration::ZERO).unwrap();
    ///     pending::<()>().await;
    /// });
    /// assert!(futures_lite::future::block_on(never).is_err());
    /// ```
    #[must_use = "futures do nothing unless polled or awaited"]
    pub struct TimeoutWith<F> {
        #[pin]
        future: F,
        #[pin]
        limit: Limit,
        end: End,
    }
}

/// The future's end of the desk: when it is dropped, nothing is left to reschedule.
struct End {
    desk: Arc<ByteLock<Desk>>,
}

/// Moves the deadline of the [`timeout_with`] it was handed out by, from within or from anywhere else.
///
/// Clones are the same handle.
///
/// ```
/// use filch_timer::timeout_with;
/// use std::future::ready;
/// use std::time::Duration;
/// let mut outside = None;
/// let work = timeout_with(None, |limit| {
///     outside = Some(limit.clone());
///     ready("done")
/// });
/// outside.unwrap().reschedule_after(Duration::from_secs(1)).unwrap();
/// assert_eq!(futures_lite::future::block_on(work), Ok("done"));
/// ```
#[derive(Clone)]
pub struct TimeoutHandle {
    desk: Arc<ByteLock<Desk>>,
}

impl<F: Future> Future for TimeoutWith<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let (deadline, mut waker) = this.end.take();
        this.limit.as_mut().follow(deadline);
        let mut awaited = this.limit.begin();
        let scope = Scope::enter(deadline);
        let polled = this.future.poll(cx);
        let outer = scope.leave();
        if let Poll::Ready(output) = polled {
            this.end.close(Phase::Finished);
            return Poll::Ready(Ok(output));
        }
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            waker = Some(cx.waker().clone());
        }
        loop {
            let deadline = this.end.wait(&mut waker);
            awaited &= !this.limit.as_mut().follow(deadline);
            if this.limit.as_mut().poll_expired(awaited, outer, cx).is_pending() {
                return Poll::Pending;
            }
            if this.end.expire(deadline) {
                return Poll::Ready(Err(Elapsed(())));
            }
        }
    }
}

impl Limit {
    /// Takes over a deadline from the desk. Answers whether it is another one.
    fn follow(self: Pin<&mut Self>, deadline: Nanos) -> bool {
        let other = self.sleep.nanos() != deadline;
        if other {
            self.reset_to(deadline);
        }
        other
    }
}

impl End {
    /// The deadline; from here on nobody waits. The waker that was there is the caller's.
    fn take(&self) -> (Nanos, Option<Waker>) {
        let mut desk = self.desk.lock();
        (desk.deadline, desk.waiting.take())
    }

    /// The deadline; from here on `waker`, if there is one, waits.
    fn wait(&self, waker: &mut Option<Waker>) -> Nanos {
        let mut desk = self.desk.lock();
        if waker.is_some() {
            // What was there is dropped by the caller, outside the lock.
            std::mem::swap(&mut desk.waiting, waker);
        }
        desk.deadline
    }

    /// Ends because `deadline` has come, and says so; `false` if that is not the deadline any more.
    fn expire(&self, deadline: Nanos) -> bool {
        let mut desk = self.desk.lock();
        if desk.deadline != deadline && !mutant::planted("timeout.expire.blind") {
            return false;
        }
        desk.phase = Phase::Expired;
        let waker = desk.waiting.take();
        drop(desk);
        drop(waker);
        true
    }

    /// Ends so, unless it has ended otherwise before.
    fn close(&self, phase: Phase) {
        let mut desk = self.desk.lock();
        if desk.phase.check().is_ok() {
            desk.phase = phase;
        }
        let waker = desk.waiting.take();
        drop(desk);
        drop(waker);
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.close(Phase::Finished);
    }
}

impl<F> TimeoutWith<F> {
    /// A handle of it.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::timeout_with;
    /// use std::time::Duration;
    ///
    /// let limited = timeout_with(None, async |_limit| 1);
    /// assert_eq!(limited.handle().when(), None);
    /// ```
    pub fn handle(&self) -> TimeoutHandle {
        TimeoutHandle { desk: self.end.desk.clone() }
    }
}

impl TimeoutHandle {
    /// Ends the timeout at `at` instead, or lets it be without a deadline for `None`. A task that waits is
    /// woken to take note.
    ///
    /// # Errors
    /// [`RescheduleError`] once it has ended.
    ///
    /// # Complexity
    /// A short lock; from within the future nothing else, from elsewhere a wake-up.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{RescheduleError, now, timeout_with};
    /// use std::future::pending;
    ///
    /// let mut kept = None;
    /// let limited = timeout_with(None, async |limit| {
    ///     limit.reschedule(now()).unwrap();
    ///     kept = Some(limit);
    ///     pending::<()>().await;
    /// });
    /// assert!(futures_lite::future::block_on(limited).is_err());
    /// assert_eq!(kept.unwrap().reschedule(None), Err(RescheduleError::Expired));
    /// ```
    pub fn reschedule(&self, at: impl Into<Option<Instant>>) -> Result<(), RescheduleError> {
        self.reschedule_to(at.into().map_or(NEVER, Nanos::from))
    }

    /// Ends the timeout `duration` from now instead; otherwise as [`reschedule`](Self::reschedule).
    ///
    /// # Errors
    /// [`RescheduleError`] once it has ended.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::timeout_with;
    /// use std::future::pending;
    /// use std::time::Duration;
    ///
    /// let limited = timeout_with(Duration::from_secs(3600), async |limit| {
    ///     limit.reschedule_after(Duration::from_millis(1)).unwrap();
    ///     pending::<()>().await;
    /// });
    /// assert!(futures_lite::future::block_on(limited).is_err());
    /// ```
    pub fn reschedule_after(&self, duration: Duration) -> Result<(), RescheduleError> {
        self.reschedule_to(context::nanos().saturating_add(duration))
    }

    fn reschedule_to(&self, deadline: Nanos) -> Result<(), RescheduleError> {
        let mut desk = self.desk.lock();
        desk.phase.check()?;
        desk.deadline = deadline;
        let waker = desk.waiting.take();
        drop(desk);
        if let Some(waker) = waker
            && !mutant::planted("timeout.reschedule.silent")
        {
            waker.wake();
        }
        Ok(())
    }

    /// When the time is up; `None` without a deadline.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{now, timeout_with};
    ///
    /// let deadline = now();
    /// let limited = timeout_with(None, async |limit| {
    ///     limit.reschedule(deadline).unwrap();
    ///     limit.when()
    /// });
    /// assert_eq!(futures_lite::future::block_on(limited), Ok(Some(deadline)));
    /// ```
    #[must_use]
    pub fn when(&self) -> Option<Instant> {
        let deadline = self.desk.lock().deadline;
        (deadline != NEVER).then(|| deadline.to_instant())
    }

    /// Whether the timeout ended because its time was up.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::timeout_with;
    /// use std::time::Duration;
    ///
    /// let limited = timeout_with(Duration::from_secs(1), async |limit| limit.is_expired());
    /// assert_eq!(futures_lite::future::block_on(limited), Ok(false));
    /// ```
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.desk.lock().phase == Phase::Expired
    }

    fn debug(&self, f: &mut fmt::DebugStruct<'_, '_>) {
        let phase = self.desk.lock().phase;
        debug_limit(f, phase, self.when());
    }
}

impl<F: fmt::Debug> fmt::Debug for TimeoutWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TimeoutWith");
        shown.field("future", &self.future);
        self.handle().debug(&mut shown);
        shown.finish()
    }
}

impl fmt::Debug for TimeoutHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TimeoutHandle");
        self.debug(&mut shown);
        shown.finish()
    }
}
