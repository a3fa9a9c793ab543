//! Clocks: the machine's, or one that a test moves by hand.
//!
//! Both are the same type, so nothing that reads a clock can tell them apart, and no test needs other code
//! than the program runs.
//!
//! [`Clock::advance`], step by step:
//! 1. it moves the time, saturating at the end of the time line;
//! 2. it collects the timers that read this clock, and lets go of the list's lock;
//! 3. it turns each of them on the calling thread, in the order they were made, and calls their `notify`.
//!
//! So when `advance` has returned, everything that became due was woken. A registration that races with it is
//! not lost: step 3 takes the wheel's lock and moves the wheel's own time even when nothing is due. The
//! registration comes before that, and is turned; or after, and finds its deadline past.

use crate::line::{Nanos, Resolution};
use filch_primitive::sync::Mutex;
use filch_primitive::sync::atomic::{AtomicU64, Ordering};
use filch_primitive::time;
use std::fmt;
// The model checker has no weak references; what models are about does not hang on this count.
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

#[cfg(all(test, not(filch_loom)))]
mod tests;

/// Tells the time: the machine's, or a virtual one that stands still until moved by hand.
///
/// Clones of a virtual clock are the same clock.
///
/// # Examples
/// ```
/// use filch_timer::{Clock, Timer, enter, sleep};
/// use futures_lite::future::{block_on, poll_once};
/// use std::pin::pin;
/// use std::time::Duration;
///
/// let clock = Clock::manual();
/// let timer = Timer::new(clock.clone());
/// let _context = enter(&timer, true);
///
/// let mut hour = pin!(sleep(Duration::from_secs(3600)));
/// assert_eq!(block_on(poll_once(hour.as_mut())), None);
/// clock.advance(Duration::from_secs(3600));
/// assert_eq!(block_on(poll_once(hour.as_mut())), Some(()));
/// ```
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Real,
    Manual(Arc<Manual>),
}

/// A time that is moved by hand, and who wants to hear of it.
struct Manual {
    now: AtomicU64,
    watchers: Mutex<Vec<Weak<dyn Watch>>>,
}

/// Hears that a virtual clock was moved.
pub(crate) trait Watch: Send + Sync {
    /// Called after the move, on the moving thread, under no lock.
    fn clock_advanced(&self);
}

impl Clock {
    /// The machine's monotonic clock, which is that of [`Instant`].
    ///
    /// On Linux and macOS it stands still while the machine is suspended: a sleep of an hour ends after an
    /// hour that the machine was awake. What is to happen at a certain time of day has to look at the time of
    /// day when it wakes.
    #[must_use]
    pub const fn real() -> Self {
        Self(Kind::Real)
    }

    /// A virtual clock that starts at the present.
    #[must_use]
    pub fn manual() -> Self {
        Self::manual_at(time::now())
    }

    /// A virtual clock that starts at `start`.
    #[must_use]
    pub fn manual_at(start: Instant) -> Self {
        let now = AtomicU64::new(Nanos::from(start).raw());
        Self(Kind::Manual(Arc::new(Manual { now, watchers: Mutex::new(Vec::new()) })))
    }

    /// Whether this clock is virtual.
    #[must_use]
    pub const fn is_manual(&self) -> bool {
        matches!(self.0, Kind::Manual(_))
    }

    /// The time this clock shows.
    #[must_use]
    pub fn now(&self) -> Instant {
        match &self.0 {
            Kind::Real => time::now(),
            Kind::Manual(manual) => manual.now().to_instant(),
        }
    }

    /// The time this clock shows, on the time line.
    #[inline]
    pub(crate) fn nanos(&self) -> Nanos {
        match &self.0 {
            Kind::Real => Nanos::from(time::now()),
            Kind::Manual(manual) => manual.now(),
        }
    }

    /// How finely deadlines on this clock are told apart.
    pub(crate) const fn resolution(&self) -> Resolution {
        match self.0 {
            Kind::Real => Resolution::COARSE,
            Kind::Manual(_) => Resolution::EXACT,
        }
    }

    /// Moves a virtual clock forward, and fires every timer on it that is due then, before it returns.
    ///
    /// The wakers run on the calling thread. A clock moved beyond the reach of instants stops there.
    ///
    /// # Panics
    /// When the clock is the real one: nobody moves that.
    #[track_caller]
    pub fn advance(&self, duration: Duration) {
        match &self.0 {
            Kind::Real => panic!("only a virtual clock can be advanced; make one with `Clock::manual`"),
            Kind::Manual(manual) => manual.advance(duration),
        }
    }

    /// From now on, tells `watcher` when this clock is moved. A real clock never is.
    pub(crate) fn watch(&self, watcher: Weak<dyn Watch>) {
        if let Kind::Manual(manual) = &self.0 {
            let mut watchers = manual.watchers.lock();
            watchers.retain(|known| known.strong_count() > 0);
            watchers.push(watcher);
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::real()
    }
}

impl Manual {
    fn now(&self) -> Nanos {
        // Ordering: Acquire, paired with the Release exchange in `advance`: who sees a time sees what was
        // done before the clock was moved there, as with any flag a test waits for.
        Nanos::from_raw(self.now.load(Ordering::Acquire))
    }

    fn advance(&self, duration: Duration) {
        let moved = |now| Some(Nanos::from_raw(now).saturating_add(duration).raw());
        // Ordering: Release, paired with the Acquire load in `now`; Acquire, so that moves form one order.
        // The exchange cannot fail for good: the closure never declines.
        let _ = self.now.fetch_update(Ordering::AcqRel, Ordering::Acquire, moved);
        let watchers: Vec<_> = self.watchers.lock().iter().filter_map(Weak::upgrade).collect();
        for watcher in watchers {
            watcher.clock_advanced();
        }
    }
}

impl fmt::Debug for Manual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manual").field("now", &self.now()).finish_non_exhaustive()
    }
}
