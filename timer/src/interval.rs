//! Ticks at a steady pace.

use crate::context;
use crate::line::later;
use crate::sleep::{Sleep, sleep_until};
use futures_core::Stream;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

#[cfg(all(test, not(filch_loom)))]
mod tests;

/// Lateness that counts as being on time: a thread's wait for its processor is no missed tick. A guess; only
/// [`MissedTickBehavior::Delay`] can tell, and with any value a pace kept that way never runs early.
const ON_TIME: Duration = Duration::from_millis(5);

/// What an [`Interval`] does about ticks that came due while nobody waited for them.
///
/// For a period of 10 and a caller who comes for the third tick at 47 instead of at 20:
///
/// | behaviour | ticks delivered at | of which the schedule says |
/// |-----------|--------------------|----------------------------|
/// | `Skip`    | 0, 10, 47, 50, 60  | 0, 10, 20, 50, 60          |
/// | `Burst`   | 0, 10, 47, 47, 47, 50, 60 | 0, 10, 20, 30, 40, 50, 60 |
/// | `Delay`   | 0, 10, 47, 57, 67  | 0, 10, 20, 57, 67          |
///
/// # Examples
/// ```
/// use filch_timer::{Clock, MissedTickBehavior, Timer, enter, interval};
/// use futures_lite::future::block_on;
/// use std::time::Duration;
///
/// let clock = Clock::manual();
/// let timer = Timer::new(clock.clone());
/// let _context = enter(&timer, true);
/// let second = Duration::from_secs(1);
/// let ticks_at_once = |behavior| {
///     let mut beat = interval(second);
///     beat.set_missed_tick_behavior(behavior);
///     block_on(beat.tick());
///     clock.advance(3 * second);
///     block_on(beat.tick());
///     clock.now() >= beat.next_tick()
/// };
/// assert!(ticks_at_once(MissedTickBehavior::Burst));
/// assert!(!ticks_at_once(MissedTickBehavior::Skip));
/// assert!(!ticks_at_once(MissedTickBehavior::Delay));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MissedTickBehavior {
    /// Missed ticks are left out; the next one comes when the schedule says.
    #[default]
    Skip,
    /// Missed ticks are delivered one after the other without waiting, until the schedule is caught up with.
    Burst,
    /// The schedule begins anew: the next tick comes a period after the late one was delivered.
    Delay,
}

/// Ticks at a steady pace; made by [`interval`] and [`interval_at`].
///
/// The pace is the schedule's: how long the work between two ticks takes does not add up. It is a [`Stream`]
/// that never ends as well.
///
/// It allocates once, when it is made, and may be moved freely.
///
/// # Complexity
/// A tick takes constant time, with ticks that were missed too: those left out are not counted through. It is a
/// [`Sleep`] that is registered again for each.
/// # Examples
/// ```
/// use filch_timer::{Clock, Timer, enter, interval, now};
/// use futures_lite::future::block_on;
/// use std::time::Duration;
/// let clock = Clock::manual();
/// let _context = enter(&Timer::new(clock.clone()), true);
/// let second = Duration::from_secs(1);
/// let (start, mut ticks) = (now(), interval(second));
/// assert_eq!(block_on(ticks.tick()), start);
/// clock.advance(second * 5 / 4);
/// assert_eq!(block_on(ticks.tick()), start + second, "when it was due, not when it was asked");
/// ```
#[derive(Debug)]
#[must_use = "an interval does nothing unless its ticks are awaited"]
pub struct Interval {
    sleep: Pin<Box<Sleep>>,
    /// The next tick by the schedule.
    due: Instant,
    period: Duration,
    missed: MissedTickBehavior,
}

/// Ticks now and then every `period`.
///
/// # Panics
/// When `period` is zero.
///
/// # Examples
/// ```
/// use filch_timer::interval;
/// use std::time::Duration;
///
/// futures_lite::future::block_on(async {
///     let period = Duration::from_millis(1);
///     let mut beat = interval(period);
///     let start = beat.tick().await;
///     for n in 1..4 {
///         assert!(beat.tick().await >= start + n * period);
///     }
/// });
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    interval_at(context::now(), period)
}

/// Ticks at `start` and then every `period`. A start in the past counts as ticks missed, and the first one is
/// delivered at once.
///
/// # Panics
/// When `period` is zero.
///
/// # Examples
/// ```
/// use filch_timer::{interval_at, now};
/// use std::time::Duration;
///
/// futures_lite::future::block_on(async {
///     let start = now() + Duration::from_millis(2);
///     let mut beat = interval_at(start, Duration::from_millis(1));
///     assert_eq!(beat.tick().await, start);
///     assert!(now() >= start);
/// });
/// ```
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "an interval needs a period longer than zero: it would tick without end");
    Interval {
        sleep: Box::pin(sleep_until(start)),
        due: start,
        period,
        missed: MissedTickBehavior::default(),
    }
}

impl Interval {
    /// Waits for the next tick, and says when the schedule had it.
    ///
    /// # Cancel safety
    /// Dropping the future loses no tick: the next call waits for the same one.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::interval;
    /// use std::time::Duration;
    /// futures_lite::future::block_on(async {
    ///     let mut beat = interval(Duration::from_millis(1));
    ///     let first = beat.tick().await;
    ///     assert!(beat.tick().await - first >= Duration::from_millis(1));
    /// });
    /// ```
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// As [`tick`](Self::tick), for hand-written futures.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{interval_at, now};
    /// use std::task::{Context, Waker};
    /// use std::time::Duration;
    /// let hour = Duration::from_secs(3600);
    /// let mut beat = interval_at(now() + hour, hour);
    /// assert!(beat.poll_tick(&mut Context::from_waker(Waker::noop())).is_pending());
    /// ```
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(self.sleep.as_mut().poll(cx));
        let tick = self.due;
        self.due = self.after(tick, context::now());
        self.sleep.as_mut().reset(self.due);
        Poll::Ready(tick)
    }

    /// Begins anew: the next tick comes a period from now.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{interval, now};
    /// use std::time::Duration;
    /// let mut beat = interval(Duration::from_secs(3600));
    /// let asked = now();
    /// beat.reset();
    /// assert!(beat.next_tick() >= asked + Duration::from_secs(3600));
    /// ```
    pub fn reset(&mut self) {
        self.reset_at(later(context::now(), self.period));
    }

    /// Begins anew: the next tick comes at once, the one after it a period later.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{interval_at, now};
    /// use std::time::Duration;
    ///
    /// futures_lite::future::block_on(async {
    ///     let hour = Duration::from_secs(3600);
    ///     let mut beat = interval_at(now() + hour, hour);
    ///     let asked = now();
    ///     beat.reset_immediately();
    ///     assert!(beat.tick().await - asked < hour);
    /// });
    /// ```
    pub fn reset_immediately(&mut self) {
        self.reset_at(context::now());
    }

    /// Begins anew: the next tick comes after `duration`, the one after it a period later.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{interval, now};
    /// use std::time::Duration;
    ///
    /// futures_lite::future::block_on(async {
    ///     let mut beat = interval(Duration::from_secs(3600));
    ///     let begin = now();
    ///     beat.reset_after(Duration::from_millis(1));
    ///     assert!(beat.tick().await >= begin + Duration::from_millis(1));
    /// });
    /// ```
    pub fn reset_after(&mut self, duration: Duration) {
        self.reset_at(later(context::now(), duration));
    }

    /// Begins anew: the next tick comes at `start`. A start in the past counts as ticks missed.
    ///
    /// A task that waits for a tick stays registered, and is woken at the new time without polling again.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{interval, now};
    /// use std::time::Duration;
    /// let mut beat = interval(Duration::from_secs(60));
    /// let start = now() + Duration::from_secs(5);
    /// beat.reset_at(start);
    /// assert_eq!(beat.next_tick(), start);
    /// ```
    pub fn reset_at(&mut self, start: Instant) {
        self.due = start;
        self.sleep.as_mut().reset(start);
    }

    /// Allows each tick to come up to `slack` late, so that it is woken together with others: see
    /// [`Sleep::with_slack`]. The schedule stays as it is, and no tick is early.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::interval;
    /// use std::time::Duration;
    ///
    /// let mut cleaning = interval(Duration::from_secs(60));
    /// cleaning.set_slack(Duration::from_secs(5));
    /// assert!(cleaning.slack() > Duration::from_secs(4));
    /// ```
    pub fn set_slack(&mut self, slack: Duration) {
        self.sleep.as_mut().set_slack(slack);
    }

    /// How late a tick may come by choice: the power of two nanoseconds below what was asked for.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::interval;
    /// use std::time::Duration;
    /// let mut beat = interval(Duration::from_secs(1));
    /// beat.set_slack(Duration::from_nanos(1000));
    /// assert_eq!(beat.slack(), Duration::from_nanos(512));
    /// ```
    #[must_use]
    pub fn slack(&self) -> Duration {
        self.sleep.slack()
    }

    /// When the schedule has the next tick.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{interval_at, now};
    /// use std::time::Duration;
    ///
    /// let start = now() + Duration::from_secs(1);
    /// assert_eq!(interval_at(start, Duration::from_secs(60)).next_tick(), start);
    /// ```
    #[must_use]
    pub const fn next_tick(&self) -> Instant {
        self.due
    }

    /// The time between two ticks.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::interval;
    /// use std::time::Duration;
    /// assert_eq!(interval(Duration::from_secs(1)).period(), Duration::from_secs(1));
    /// ```
    #[must_use]
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// What is done about missed ticks.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{MissedTickBehavior, interval};
    /// use std::time::Duration;
    /// let mut beat = interval(Duration::from_secs(1));
    /// beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    /// assert_eq!(beat.missed_tick_behavior(), MissedTickBehavior::Delay);
    /// ```
    #[must_use]
    pub const fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed
    }

    /// Sets what is done about missed ticks, from the next one on.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{MissedTickBehavior, interval};
    /// use std::time::Duration;
    ///
    /// let mut beat = interval(Duration::from_secs(1));
    /// beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    /// assert_eq!(beat.missed_tick_behavior(), MissedTickBehavior::Delay);
    /// ```
    pub const fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed = behavior;
    }

    /// The tick after `tick`, which was delivered at `now`.
    fn after(&self, tick: Instant, now: Instant) -> Instant {
        let scheduled = later(tick, self.period);
        match self.missed {
            MissedTickBehavior::Burst => scheduled,
            MissedTickBehavior::Skip if scheduled > now => scheduled,
            MissedTickBehavior::Skip => {
                // Less than a period, so less than a duration may be.
                let into = now.saturating_duration_since(tick).as_nanos() % self.period.as_nanos();
                later(now, self.period.saturating_sub(Duration::from_nanos_u128(into)))
            }
            MissedTickBehavior::Delay => {
                let late = now.saturating_duration_since(tick);
                if late < self.period && late <= ON_TIME.saturating_add(self.slack()) {
                    scheduled
                } else {
                    later(now, self.period)
                }
            }
        }
    }
}

impl Stream for Interval {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}
