//! Clocks: the machine's, or a virtual one for tests.
//!
//! Both are the same type, so nothing that reads a clock can tell them apart, and no test needs other code
//! than the program runs.
//!
//! # A virtual clock
//! It stands still, and moves when it is [advanced](Clock::advance) by hand; or it [runs](Clock::resume) beside the machine's,
//! until it is [paused](Clock::pause); or, while it stands still, whoever drives its timers moves it to the next deadline
//! whenever nothing else can happen ([`Clock::advance_when_idle`]).
//!
//! | `ahead` | `now` | the clock shows |
//! |---|---|---|
//! | `STILL` | a time | that time |
//! | a number | — | the machine's time plus that number, which is a signed one |
//! | `CHANGING` | — | readers wait for a few instructions |
//!
//! Moves, pauses and resumptions take turns at a lock. Readers take none: they read `ahead`, then `now` or the machine's clock,
//! then `ahead` again. A pause shows `CHANGING` before it reads the machine's clock for the time at which to stand still: whoever
//! computed a time from the old `ahead` and sees it unchanged read the machine's clock before, so no reader sees time go
//! back.
//!
//! [`Clock::advance`], step by step:
//! 1. it moves the time, saturating at the end of the time line;
//! 2. it collects the timers that read this clock, and lets go of the list's lock;
//! 3. it turns each of them on the calling thread, in the order they were made, and calls their `notify`.
//!
//! So when `advance` has returned, everything that became due was woken. A registration that races with it is
//! not lost: step 3 takes the wheel's lock and moves the wheel's own time even when nothing is due. The
//! registration comes before that, and is turned; or after, and finds its deadline past.

use crate::deadline::NEVER;
use crate::line::{Nanos, Resolution};
use filch_primitive::sync::Mutex;
use filch_primitive::sync::atomic::{AtomicU64, Ordering};
use filch_primitive::{hint, time};
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
/// # Complexity
/// Telling the time: constant. Moving a virtual clock, and whatever else changes how it goes: linear in the number of
/// its [timers](crate::Timer), beside what is due on them.
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

/// A time of its own, and who wants to hear of it.
struct Manual {
    now: AtomicU64,
    ahead: AtomicU64,
    book: Mutex<Book>,
}

/// What changes under the clock's lock only.
#[derive(Default)]
struct Book {
    watchers: Vec<Weak<dyn Watch>>,
    /// Whether the clock moves by itself when nothing else can happen.
    auto: bool,
    /// Times up to which it is to move by itself in any case.
    targets: Vec<Nanos>,
}

/// In `ahead`: the clock stands still.
const STILL: u64 = u64::MAX;

/// In `ahead`: look again.
const CHANGING: u64 = u64::MAX - 1;

/// What has to be at rest before a virtual clock moves by itself.
///
/// ```
/// use filch_timer::{Clock, Idle, Timer, enter, sleep};
/// use futures_lite::future::{block_on, poll_once};
/// use std::{pin::pin, time::Duration};
/// let clock = Clock::auto();
/// let _context = enter(&Timer::new(clock.clone()), true);
/// let mut nap = pin!(sleep(Duration::from_secs(1)));
/// block_on(poll_once(nap.as_mut()));
/// // Nobody has asked for a certain time: a peer that is about to send is waited for.
/// assert_eq!(clock.awaits(), Some(Idle::Everything));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Tasks and blocking jobs. Somebody waits for the clock to come to a certain time
    /// ([`move_until`](Clock::move_until)), and knows what is waited for besides.
    Tasks,
    /// Tasks and blocking jobs, and nobody waits for a descriptor: the world outside knows no virtual time, and what it
    /// is about to do is not to come late.
    Everything,
}

/// While it lives, a virtual clock moves by itself up to a certain time; made by [`Clock::move_until`].
///
/// ```
/// use filch_timer::{Clock, Idle, Timer, enter, sleep};
/// use futures_lite::future::{block_on, poll_once};
/// use std::{pin::pin, time::Duration};
/// let clock = Clock::manual();
/// let _context = enter(&Timer::new(clock.clone()), true);
/// let mut nap = pin!(sleep(Duration::from_secs(1)));
/// block_on(poll_once(nap.as_mut()));
/// let moving = clock.move_until(clock.now() + Duration::from_secs(1));
/// assert_eq!(clock.awaits(), Some(Idle::Tasks));
/// drop(moving);
/// assert_eq!(clock.awaits(), None, "it stands still again");
/// ```
#[derive(Debug)]
#[must_use = "the clock moves by itself as long as this value lives"]
pub struct MoveGuard {
    clock: Arc<Manual>,
    target: Nanos,
}

/// Hears that a virtual clock was moved.
pub(crate) trait Watch: Send + Sync {
    /// Called after the move, on the moving thread, under no lock.
    fn clock_advanced(&self);

    /// The earliest time at which something may be due.
    fn first_deadline(&self) -> Option<Nanos>;
}

impl Clock {
    /// The machine's monotonic clock, which is that of [`Instant`].
    ///
    /// On Linux and macOS it stands still while the machine is suspended: a sleep of an hour ends after an
    /// hour that the machine was awake. What is to happen at a certain time of day has to look at the time of
    /// day when it wakes.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::Clock;
    /// assert!(!Clock::real().is_manual());
    /// ```
    #[must_use]
    pub const fn real() -> Self {
        Self(Kind::Real)
    }

    /// A virtual clock that starts at the present.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::Clock;
    /// use std::time::Duration;
    /// let clock = Clock::manual();
    /// let start = clock.now();
    /// clock.advance(Duration::from_secs(3600));
    /// assert_eq!(clock.now() - start, Duration::from_secs(3600));
    /// ```
    #[must_use]
    pub fn manual() -> Self {
        Self::manual_at(time::now())
    }

    /// A virtual clock that starts at `start`.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::Clock;
    /// let start = std::time::Instant::now();
    /// assert_eq!(Clock::manual_at(start).now(), start);
    /// ```
    #[must_use]
    pub fn manual_at(start: Instant) -> Self {
        let now = AtomicU64::new(Nanos::from(start).raw());
        let ahead = AtomicU64::new(STILL);
        Self(Kind::Manual(Arc::new(Manual { now, ahead, book: Mutex::new(Book::default()) })))
    }

    /// A virtual clock that starts at the present, and moves to the next deadline whenever nothing else can happen. A sleep that
    /// never ends is none.
    ///
    /// What drives the timers has to know when that is: an executor that says [`advance_when_idle`](Self::advance_when_idle),
    /// as filch's runtime does. Two of them should not share such a clock, for neither knows of the other's tasks: each moves the time,
    /// for both, when it is at rest itself, and tasks of the other one find that time has passed while they ran.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Idle, Timer, enter, sleep};
    /// use futures_lite::future::{block_on, poll_once};
    /// use std::pin::pin;
    /// use std::time::Duration;
    ///
    /// let clock = Clock::auto();
    /// let timer = Timer::new(clock.clone());
    /// let _context = enter(&timer, true);
    /// let mut day = pin!(sleep(Duration::from_secs(86_400)));
    /// assert_eq!(block_on(poll_once(day.as_mut())), None);
    /// // The executor's part, with nothing left to run:
    /// while clock.advance_when_idle(Idle::Everything) {}
    /// assert_eq!(block_on(poll_once(day.as_mut())), Some(()));
    /// ```
    #[must_use]
    pub fn auto() -> Self {
        let clock = Self::manual();
        clock.set_auto_advance(true);
        clock
    }

    /// Whether this clock is virtual.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::Clock;
    /// assert!(Clock::manual().is_manual());
    /// assert!(!Clock::real().is_manual());
    /// ```
    #[must_use]
    pub const fn is_manual(&self) -> bool {
        matches!(self.0, Kind::Manual(_))
    }

    /// The time this clock shows.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::Clock;
    /// let before = std::time::Instant::now();
    /// assert!(Clock::real().now() >= before);
    /// ```
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

    /// Moves a virtual clock forward at once, and fires every timer on it that is due then, before it returns.
    ///
    /// The wakers run on the calling thread. A clock moved beyond the reach of instants stops there. Timers that what is
    /// woken sets only then do not fire in between: the clock shows its new time already.
    ///
    /// # Panics
    /// When the clock is the real one: nobody moves that.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Timer, enter, sleep};
    /// use futures_lite::future::{block_on, poll_once};
    /// use std::pin::pin;
    /// use std::time::Duration;
    /// let clock = Clock::manual();
    /// let timer = Timer::new(clock.clone());
    /// let _context = enter(&timer, true);
    /// let mut hour = pin!(sleep(Duration::from_secs(3600)));
    /// assert_eq!(block_on(poll_once(hour.as_mut())), None);
    /// clock.advance(Duration::from_secs(3600));
    /// assert_eq!(block_on(poll_once(hour.as_mut())), Some(()));
    /// ```
    #[track_caller]
    pub fn advance(&self, duration: Duration) {
        match &self.0 {
            Kind::Real => panic!("only a virtual clock can be advanced; make one with `Clock::manual`"),
            Kind::Manual(manual) => manual.advance(duration),
        }
    }

    /// Stops a virtual clock where it is. One that stands still stays as it is.
    ///
    /// # Panics
    /// When the clock is the real one.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::Clock;
    /// let clock = Clock::manual();
    /// clock.resume();
    /// assert!(!clock.is_paused());
    /// clock.pause();
    /// assert_eq!(clock.now(), clock.now());
    /// ```
    #[track_caller]
    pub fn pause(&self) {
        match &self.0 {
            Kind::Real => panic!("only a virtual clock can be paused; make one with `Clock::manual`"),
            Kind::Manual(manual) => manual.pause(),
        }
    }

    /// Lets a virtual clock run, from the time it shows, as fast as the machine's. Its timers then fire by themselves.
    ///
    /// # Panics
    /// When the clock is the real one.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::Clock;
    /// let clock = Clock::manual();
    /// let start = clock.now();
    /// clock.resume();
    /// while clock.now() == start {}
    /// assert!(clock.now() > start);
    /// ```
    #[track_caller]
    pub fn resume(&self) {
        match &self.0 {
            Kind::Real => panic!("only a virtual clock can be resumed; make one with `Clock::manual`"),
            Kind::Manual(manual) => manual.resume(),
        }
    }

    /// Whether this clock stands still until it is moved.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::Clock;
    /// assert!(Clock::manual().is_paused());
    /// assert!(!Clock::real().is_paused());
    /// ```
    #[must_use]
    #[inline]
    pub fn is_paused(&self) -> bool {
        match &self.0 {
            Kind::Real => false,
            Kind::Manual(manual) => manual.is_still(),
        }
    }

    /// Whether a virtual clock that stands still moves to the next deadline whenever nothing else can happen, as one made by
    /// [`auto`](Self::auto) does.
    ///
    /// # Panics
    /// When the clock is the real one.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Idle, Timer, enter, sleep};
    /// use futures_lite::future::{block_on, poll_once};
    /// use std::pin::pin;
    /// use std::time::Duration;
    /// let clock = Clock::manual();
    /// let timer = Timer::new(clock.clone());
    /// let _context = enter(&timer, true);
    /// let mut hour = pin!(sleep(Duration::from_secs(3600)));
    /// assert_eq!(block_on(poll_once(hour.as_mut())), None);
    /// assert!(!clock.advance_when_idle(Idle::Everything));
    /// clock.set_auto_advance(true);
    /// assert!(clock.advance_when_idle(Idle::Everything));
    /// ```
    #[track_caller]
    pub fn set_auto_advance(&self, auto: bool) {
        match &self.0 {
            Kind::Real => panic!("only a virtual clock can move by itself; make one with `Clock::auto`"),
            Kind::Manual(manual) => {
                manual.book.lock().auto = auto;
                // Whoever drives it may be asleep, and not know that it is to look.
                manual.tell();
            }
        }
    }

    /// Lets a virtual clock move by itself, from deadline to deadline, until it shows `target` or the guard is dropped. Whoever
    /// calls this sleeps until then.
    ///
    /// # Panics
    /// When the clock is the real one.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Idle, Timer, enter, sleep_until};
    /// use futures_lite::future::{block_on, poll_once};
    /// use std::pin::pin;
    /// use std::time::Duration;
    /// let clock = Clock::manual();
    /// let timer = Timer::new(clock.clone());
    /// let _context = enter(&timer, true);
    /// let target = clock.now() + Duration::from_secs(60);
    /// let mut until_then = pin!(sleep_until(target));
    /// assert_eq!(block_on(poll_once(until_then.as_mut())), None);
    /// let _moving = clock.move_until(target);
    /// // The executor's part, with nothing left to run:
    /// while clock.advance_when_idle(Idle::Everything) {}
    /// assert_eq!(clock.now(), target);
    /// ```
    #[track_caller]
    pub fn move_until(&self, target: Instant) -> MoveGuard {
        match &self.0 {
            Kind::Real => panic!("only a virtual clock can be advanced; make one with `Clock::manual`"),
            Kind::Manual(manual) => {
                let target = Nanos::from(target);
                manual.book.lock().targets.push(target);
                manual.tell();
                MoveGuard { clock: manual.clone(), target }
            }
        }
    }

    /// For executors: what has to be at rest for this clock to move by itself now. `None` when it would not move.
    ///
    /// # Complexity
    /// One load for a clock that does not stand still; else linear in the number of its timers.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Idle, Timer, enter, sleep};
    /// use futures_lite::future::{block_on, poll_once};
    /// use std::pin::pin;
    /// use std::time::Duration;
    /// let clock = Clock::auto();
    /// let timer = Timer::new(clock.clone());
    /// let _context = enter(&timer, true);
    /// assert!(clock.awaits().is_none(), "there is no deadline to move to");
    /// let mut hour = pin!(sleep(Duration::from_secs(3600)));
    /// assert_eq!(block_on(poll_once(hour.as_mut())), None);
    /// assert!(matches!(clock.awaits(), Some(Idle::Everything)));
    /// ```
    #[must_use]
    pub fn awaits(&self) -> Option<Idle> {
        let Kind::Manual(manual) = &self.0 else { return None };
        manual.next_move().map(|(_, idle)| idle)
    }

    /// For executors: says that nothing can run, and how far that goes. A virtual clock that stands still and is to move by itself
    /// then shows the next deadline, and the timers due are fired, on the calling thread. Answers whether the clock moved.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Idle};
    /// assert!(!Clock::manual().advance_when_idle(Idle::Everything), "it is to move by hand only");
    /// assert!(!Clock::real().advance_when_idle(Idle::Everything));
    /// ```
    pub fn advance_when_idle(&self, idle: Idle) -> bool {
        let Kind::Manual(manual) = &self.0 else { return false };
        match manual.next_move() {
            Some((next, needed)) if needed == idle || idle == Idle::Everything => manual.move_to(next),
            _ => false,
        }
    }

    /// From now on, tells `watcher` when this clock is moved. A real clock never is.
    pub(crate) fn watch(&self, watcher: Weak<dyn Watch>) {
        if let Kind::Manual(manual) = &self.0 {
            let watchers = &mut manual.book.lock().watchers;
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
        loop {
            // Ordering: Acquire, paired with the Release stores in `pause` and `resume`: with `STILL` comes the time.
            match self.ahead.load(Ordering::Acquire) {
                // Ordering: Acquire, paired with the Release exchange in `advance`: who sees a time sees what was
                // done before the clock was moved there, as with any flag a test waits for.
                STILL => return Nanos::from_raw(self.now.load(Ordering::Acquire)),
                CHANGING => hint::spin_loop(),
                ahead => {
                    let now = machine_plus(ahead);
                    // Ordering: Acquire, so that the machine's clock was read before; see the module docs.
                    if self.ahead.load(Ordering::Acquire) == ahead {
                        return now;
                    }
                }
            }
        }
    }

    fn is_still(&self) -> bool {
        // Ordering: Relaxed. Whoever acts on it either holds the lock or is told of changes.
        self.ahead.load(Ordering::Relaxed) == STILL
    }

    fn advance(&self, duration: Duration) {
        {
            let _taking_turns = self.book.lock();
            // Ordering: Relaxed, only changed under the lock.
            match self.ahead.load(Ordering::Relaxed) {
                STILL => {
                    let now = Nanos::from_raw(self.now.load(Ordering::Relaxed));
                    // Ordering: Release, paired with the Acquire load in `now`; writers are in order by the lock.
                    self.now.store(now.saturating_add(duration).raw(), Ordering::Release);
                }
                // Not from a time that was read: until it is stored, others would read later ones.
                ahead => {
                    let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
                    self.run_ahead(ahead.cast_signed().saturating_add(nanos));
                }
            }
        }
        self.tell();
    }

    /// Under the lock: from now on the clock runs, so much ahead of the machine's.
    fn run_ahead(&self, nanos: i64) {
        // Two numbers have a meaning of their own; up to two nanoseconds more are as good.
        let ahead = if nanos.cast_unsigned() >= CHANGING { 0 } else { nanos.cast_unsigned() };
        // Ordering: Release, paired with the Acquire loads in `now`.
        self.ahead.store(ahead, Ordering::Release);
    }

    fn pause(&self) {
        {
            let _taking_turns = self.book.lock();
            // Ordering: Relaxed, only changed under the lock.
            let ahead = self.ahead.load(Ordering::Relaxed);
            if ahead == STILL {
                return;
            }
            // Ordering: AcqRel: what follows stays behind it, see the module docs.
            self.ahead.swap(CHANGING, Ordering::AcqRel);
            let now = machine_plus(ahead);
            self.now.store(now.raw(), Ordering::Release);
            // Ordering: Release, paired with the Acquire load in `now`.
            self.ahead.store(STILL, Ordering::Release);
        }
        self.tell();
    }

    fn resume(&self) {
        {
            let _taking_turns = self.book.lock();
            if self.is_still() {
                // The machine's time lies near the line's middle, so the difference fits.
                let machine = Nanos::from(time::now()).raw();
                self.run_ahead(self.now().raw().wrapping_sub(machine).cast_signed());
            }
        }
        self.tell();
    }

    /// Where the clock would move by itself, and what has to be at rest for that.
    fn next_move(&self) -> Option<(Nanos, Idle)> {
        if !self.is_still() {
            return None;
        }
        let (watchers, auto, target) = {
            let book = self.book.lock();
            if !book.auto && book.targets.is_empty() {
                return None;
            }
            let watchers: Vec<_> = book.watchers.iter().filter_map(Weak::upgrade).collect();
            (watchers, book.auto, book.targets.iter().max().copied())
        };
        let next = watchers.iter().filter_map(|watcher| watcher.first_deadline()).min()?;
        match target {
            Some(target) if next <= target => Some((next, Idle::Tasks)),
            // What waits until the line's end waits for ever, and for something else.
            _ => (auto && next != NEVER).then_some((next, Idle::Everything)),
        }
    }

    /// Moves a clock that stands still forward to `next`. It never goes back. Whether it moved, or something may be due.
    fn move_to(&self, next: Nanos) -> bool {
        {
            let _taking_turns = self.book.lock();
            if !self.is_still() {
                return false;
            }
            // Ordering: Release, as in `advance`; writers are in order by the lock.
            self.now.fetch_max(next.raw(), Ordering::Release);
        }
        self.tell();
        true
    }

    /// Turns the timers, and tells those who drive them.
    fn tell(&self) {
        let watchers: Vec<_> = self.book.lock().watchers.iter().filter_map(Weak::upgrade).collect();
        for watcher in watchers {
            watcher.clock_advanced();
        }
    }
}

/// The machine's time plus a signed number, or an end of the line.
fn machine_plus(ahead: u64) -> Nanos {
    Nanos::from_raw(Nanos::from(time::now()).raw().saturating_add_signed(ahead.cast_signed()))
}

impl Drop for MoveGuard {
    fn drop(&mut self) {
        let targets = &mut self.clock.book.lock().targets;
        if let Some(at) = targets.iter().position(|target| *target == self.target) {
            targets.swap_remove(at);
        }
    }
}

impl fmt::Debug for Manual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manual").field("now", &self.now()).finish_non_exhaustive()
    }
}
