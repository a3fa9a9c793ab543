//! A wheel behind its lock, with the clock it is read on.
//!
//! # The driver's side
//!
//! 1. It looks at [`Timer::next_deadline`], a word that is published whenever the wheel changed.
//! 2. When that has come, it turns: takes the lock, moves due entries out of the wheel and their wakers into a
//!    batch, unlocks, wakes; and again, until nothing is due. No lock is held for more than a batch of firings or
//!    [`MOVES_PER_HOLD`] entries filed anew.
//! 3. Before it sleeps it looks again, and sleeps no longer than until then.
//!
//! # The registering side
//!
//! 1. Under the lock it files the entry and publishes the next deadline.
//! 2. If that became earlier, and the thread is not the one that drives this timer, then after the lock a fence
//!    and a call of `notify`, which has to end the driver's sleep.
//!
//! Why no deadline is overslept: the driver's own thread registers before it comes to its third step. Another
//! thread's call of `notify` comes after the publication, with a `SeqCst` fence between. A driver that publishes
//! "asleep", then has such a fence, then looks, either sees the deadline or is seen asleep by `notify`.
//!
//! # The end
//!
//! [`Timer::orphan`] marks the wheel under its lock and empties it. From then on nothing is filed here; whoever
//! was, or comes to register, goes to the process-wide timer.

#![allow(unsafe_code, reason = "hands entries that live in futures to the wheel")]

use crate::clock::{Clock, Watch};
use crate::entry::{Entry, State};
use crate::line::Nanos;
use crate::wheel::{Step, Wheel};
use filch_primitive::sync::atomic::{AtomicU64, Ordering, fence};
use filch_primitive::{ByteLock, ByteLockGuard, WakeBatch, mutant, wake_contained};
use std::fmt;
use std::ptr::NonNull;
// The virtual clock refers back to its timers weakly; the model checker has no weak references.
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

#[cfg(all(test, not(filch_loom)))]
mod tests;

#[cfg(all(test, filch_loom))]
mod model;

/// Entries filed anew before the lock is let go for a moment. A guess: at 5–20 ns each the lock is held for about
/// a microsecond.
const MOVES_PER_HOLD: u32 = 64;

/// Published while there are no entries. No tick has this number: the time line ends before it.
const NO_DEADLINE: u64 = u64::MAX;

/// Deadlines and the clock they are read on: what an executor drives.
///
/// Clones are the same timer. Sleeps that are polled on a thread which has [`enter`](crate::enter)ed a timer
/// register with it; it then lives at least as long as they.
///
/// # Complexity
/// A registration, its end and its firing take constant time and a short lock; an entry is moved ten times at most in
/// its life. Ending the timer is linear in the number of entries.
/// # Examples
/// ```
/// use filch_timer::{Clock, Timer, enter, sleep};
/// use futures_lite::future::{block_on, poll_once};
/// use std::pin::pin;
/// use std::time::Duration;
///
/// let timer = Timer::new(Clock::real());
/// let _context = enter(&timer, true);
/// let mut nap = pin!(sleep(Duration::from_millis(1)));
/// assert_eq!(block_on(poll_once(nap.as_mut())), None);
///
/// // What a driver does: wait until the next deadline, then turn.
/// while let Some(wait) = timer.time_to_next(timer.clock().now()) {
///     std::thread::sleep(wait);
///     timer.turn(timer.clock().now());
/// }
/// assert_eq!(block_on(poll_once(nap.as_mut())), Some(()));
/// ```
#[derive(Clone)]
pub struct Timer {
    shared: Arc<Shared>,
}

struct Shared {
    inner: ByteLock<Inner>,
    next: Published,
    clock: Clock,
    notify: Option<Box<dyn Fn() + Send + Sync>>,
}

struct Inner {
    wheel: Wheel,
    orphaned: bool,
}

/// The tick at which something may be due. On a line of its own: thieves read it while the owner uses the lock.
#[repr(align(64))]
struct Published(AtomicU64);

/// What came of a registration.
pub(crate) enum Link {
    /// It is in the wheel.
    Linked,
    /// The wheel has come to its deadline already.
    Past,
    /// The timer has ended. Here is the waker.
    Orphaned(Waker),
}

impl Timer {
    /// A timer on `clock` that calls nobody: whoever drives it looks at [`next_deadline`](Self::next_deadline).
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Timer};
    /// assert_eq!(Timer::new(Clock::real()).next_deadline(), None);
    /// ```
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self::build(clock, None)
    }

    /// A timer on `clock` that calls `notify` when its driver may sleep too long: when a registration from a
    /// thread that does not drive it became the earliest deadline, and when a virtual clock was advanced.
    ///
    /// `notify` runs outside all locks, on the registering or advancing thread, after the new deadline was
    /// published and a `SeqCst` fence. It must not panic, and should not keep the timer alive.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Timer, enter, sleep};
    /// use futures_lite::future::{block_on, poll_once};
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    ///
    /// let (ring, bell) = mpsc::channel();
    /// let timer = Timer::with_notify(Clock::real(), move || drop(ring.send(())));
    /// // A thread that does not drive it registers the earliest deadline.
    /// let _context = enter(&timer, false);
    /// let mut nap = std::pin::pin!(sleep(Duration::from_secs(60)));
    /// assert_eq!(block_on(poll_once(nap.as_mut())), None);
    /// assert_eq!(bell.try_recv(), Ok(()));
    /// ```
    #[must_use]
    pub fn with_notify(clock: Clock, notify: impl Fn() + Send + Sync + 'static) -> Self {
        Self::build(clock, Some(Box::new(notify)))
    }

    fn build(clock: Clock, notify: Option<Box<dyn Fn() + Send + Sync>>) -> Self {
        let wheel = Wheel::new(clock.resolution(), clock.nanos());
        let inner = ByteLock::new(Inner { wheel, orphaned: false });
        let next = Published(AtomicU64::new(NO_DEADLINE));
        let shared = Arc::new(Shared { inner, next, clock, notify });
        // Named, so that the weak reference to `Shared` becomes one to `dyn Watch`.
        let watcher: Weak<Shared> = Arc::downgrade(&shared);
        shared.clock.watch(watcher);
        Self { shared }
    }

    /// The clock deadlines are read on.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Timer};
    /// assert!(Timer::new(Clock::manual()).clock().is_manual());
    /// ```
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// When something may be due; `None` while nothing is registered.
    ///
    /// Nothing fires before that. It may be too early after a deadline was cancelled or moved; turning then
    /// corrects it.
    ///
    /// # Complexity
    /// One load.
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
    /// let mut nap = pin!(sleep(Duration::from_secs(60)));
    /// assert_eq!(block_on(poll_once(nap.as_mut())), None);
    /// assert_eq!(timer.next_deadline(), Some(nap.deadline()));
    /// ```
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let next = self.shared.next();
        (next != NO_DEADLINE).then(|| self.clock().resolution().begin(next).to_instant())
    }

    /// How long a driver may sleep at `now` before something may be due.
    ///
    /// `None`: until it is notified. Either nothing is registered, or the clock is a virtual one that stands still, whose
    /// deadlines come nearer by being advanced and not by waiting.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Timer, enter, now, sleep};
    /// use futures_lite::future::{block_on, poll_once};
    /// use std::time::Duration;
    ///
    /// let timer = Timer::new(Clock::real());
    /// let _context = enter(&timer, true);
    /// assert_eq!(timer.time_to_next(now()), None);
    /// let mut nap = std::pin::pin!(sleep(Duration::from_secs(60)));
    /// assert_eq!(block_on(poll_once(nap.as_mut())), None);
    /// assert!(timer.time_to_next(now()).unwrap() <= Duration::from_secs(61));
    /// ```
    #[must_use]
    pub fn time_to_next(&self, now: Instant) -> Option<Duration> {
        if self.clock().is_paused() {
            return None;
        }
        Some(self.next_deadline()?.saturating_duration_since(now))
    }

    /// Whether something may be due at `now`.
    ///
    /// # Complexity
    /// One load.
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
    /// let mut nap = pin!(sleep(Duration::from_secs(60)));
    /// assert_eq!(block_on(poll_once(nap.as_mut())), None);
    /// assert!(!timer.is_due(clock.now()));
    /// assert!(timer.is_due(nap.deadline()));
    /// ```
    #[must_use]
    #[inline]
    pub fn is_due(&self, now: Instant) -> bool {
        let next = self.shared.next();
        next != NO_DEADLINE && next <= self.shared.tick(Nanos::from(now))
    }

    /// Fires everything that is due at `now`, a time this timer's clock has shown, and returns how many fired.
    /// They are woken in the order of their deadlines.
    ///
    /// Any thread may turn any timer, several at once too; wakers run on the thread that turns, outside the lock,
    /// and one that panics harms no other.
    ///
    /// # Complexity
    /// Nothing due: one load. Otherwise constant per entry that fires, plus at most ten moves in its life.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Timer, enter, now, sleep};
    /// use futures_lite::future::{block_on, poll_once};
    /// use std::time::Duration;
    ///
    /// let timer = Timer::new(Clock::real());
    /// let _context = enter(&timer, true);
    /// let mut nap = std::pin::pin!(sleep(Duration::from_millis(1)));
    /// assert_eq!(block_on(poll_once(nap.as_mut())), None);
    /// while timer.turn(now()) == 0 {}
    /// assert_eq!(block_on(poll_once(nap.as_mut())), Some(()));
    /// ```
    pub fn turn(&self, now: Instant) -> usize {
        if !self.is_due(now) {
            return 0;
        }
        let held = self.shared.inner.lock();
        self.shared.turn(self.shared.tick(Nanos::from(now)), held)
    }

    /// As [`turn`](Self::turn), but gives up with `None` when somebody holds the lock, who may well be turning.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Timer};
    /// let timer = Timer::new(Clock::real());
    /// assert_eq!(timer.try_turn(timer.clock().now()), Some(0));
    /// ```
    pub fn try_turn(&self, now: Instant) -> Option<usize> {
        if !self.is_due(now) {
            return Some(0);
        }
        let held = self.shared.inner.try_lock()?;
        Some(self.shared.turn(self.shared.tick(Nanos::from(now)), held))
    }

    /// Registered deadlines.
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
    /// let mut nap = pin!(sleep(Duration::from_secs(60)));
    /// assert_eq!(timer.len(), 0);
    /// assert_eq!(block_on(poll_once(nap.as_mut())), None);
    /// assert_eq!(timer.len(), 1);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.inner.lock().wheel.len()
    }

    /// Whether nothing is registered.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Timer};
    /// assert!(Timer::new(Clock::real()).is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends this timer, because nobody will drive it any more.
    ///
    /// Whatever is registered is woken, and registers anew when it is polled next: with the timer of the thread
    /// it is polled on or, should that be this one or none, with the process-wide one. So does whatever comes
    /// later. No deadline is lost.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, Timer, enter, sleep};
    /// use futures_lite::future::{block_on, poll_once};
    /// use std::time::Duration;
    ///
    /// let timer = Timer::new(Clock::real());
    /// let mut nap = Box::pin(sleep(Duration::from_millis(1)));
    /// let context = enter(&timer, true);
    /// assert_eq!(block_on(poll_once(nap.as_mut())), None);
    /// timer.orphan();
    /// drop(context);
    /// block_on(nap); // on the process-wide timer
    /// assert!(timer.is_empty());
    /// ```
    pub fn orphan(&self) {
        let mut batch = WakeBatch::new();
        loop {
            let mut inner = self.shared.inner.lock();
            inner.orphaned = !mutant::planted("timer.orphan.open");
            while batch.has_room()
                && let Some(entry) = inner.wheel.pop()
            {
                // SAFETY: it came out of the wheel just now, so it is valid, linked and in no list; the lock is
                // held; and it is not touched again.
                batch.push(unsafe { Entry::orphan(entry) });
            }
            let done = inner.wheel.len() == 0;
            self.shared.publish(&inner.wheel);
            drop(inner);
            batch.wake_all();
            if done {
                return;
            }
        }
    }

    /// Runs `f` with the lock held: whatever takes it in there hangs.
    #[cfg(all(test, not(filch_loom)))]
    pub(crate) fn while_locked(&self, f: impl FnOnce()) {
        let _held = self.shared.inner.lock();
        f();
    }

    /// Whether both are the same timer.
    #[inline]
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Registers an entry. `owner`: this thread drives this timer.
    ///
    /// # Safety
    /// 1. The entry is not linked, and the caller is its future's thread.
    /// 2. It stays where it is and valid until it is no longer linked.
    pub(crate) unsafe fn link(&self, entry: &Entry, waker: Waker, now: Nanos, owner: bool) -> Link {
        let mut inner = self.shared.inner.lock();
        if inner.orphaned {
            drop(inner);
            return Link::Orphaned(waker);
        }
        // SAFETY: by 2 it is valid for as long as it is in the wheel; by 1 it is in none and its links are the
        // future's.
        let filed = unsafe { inner.wheel.insert(NonNull::from(entry), self.shared.tick(now)) };
        if filed.is_none() {
            drop(inner);
            // The waker goes here, outside the lock.
            return Link::Past;
        }
        // SAFETY: by 1 it was not linked, and this is the future's thread; the lock is held.
        unsafe { entry.linked(waker) };
        let earlier = self.shared.publish(&inner.wheel);
        drop(inner);
        if earlier && !owner && !mutant::planted("timer.notify.silent") {
            self.shared.notify();
        }
        Link::Linked
    }

    /// Takes an entry out, unless it has left by itself. Hands back its waker, to be dropped outside the lock.
    ///
    /// # Safety
    /// 1. The caller is the future's thread.
    /// 2. If the entry is linked, then with this timer.
    pub(crate) unsafe fn unlink(&self, entry: &Entry) -> Option<Waker> {
        let mut inner = self.shared.inner.lock();
        if entry.state() != State::Linked {
            return None;
        }
        // SAFETY: it is linked, by 2 with this wheel; nobody takes it out while the lock is held.
        unsafe { inner.wheel.remove(NonNull::from(entry)) };
        // SAFETY: it is linked, by 1 this is the future's thread, and the lock is held.
        let waker = unsafe { entry.unlinked() };
        self.shared.publish(&inner.wheel);
        Some(waker)
    }

    /// Moves a linked entry to an earlier deadline; it keeps its waker, which is woken at once if the wheel has
    /// come to that deadline. Answers whether the entry still was linked; if not, nothing was done.
    ///
    /// # Safety
    /// As for [`unlink`](Self::unlink), and for [`link`](Self::link) the second.
    pub(crate) unsafe fn refile(&self, entry: &Entry, deadline: Nanos, owner: bool) -> bool {
        let at = NonNull::from(entry);
        let mut inner = self.shared.inner.lock();
        if entry.state() != State::Linked {
            return false;
        }
        // SAFETY: it is linked, and with this wheel.
        unsafe { inner.wheel.remove(at) };
        entry.set_deadline(deadline);
        entry.set_moved(false);
        // SAFETY: it is valid for as long as it is in the wheel, and in none since the line above. No time is at
        // hand; tick zero leaves the wheel where it is.
        let filed = unsafe { inner.wheel.insert(at, 0) };
        let due = filed.is_none().then(|| {
            // SAFETY: linked by its state, in no list, the lock held; not touched again in this section.
            unsafe { Entry::fire(at) }
        });
        let earlier = self.shared.publish(&inner.wheel);
        drop(inner);
        if let Some(waker) = due {
            wake_contained(waker);
        } else if earlier && !owner {
            self.shared.notify();
        }
        true
    }

    /// Gives a linked entry another waker. Answers whether the entry still was linked, with the waker that is left
    /// over.
    ///
    /// # Safety
    /// As for [`unlink`](Self::unlink).
    pub(crate) unsafe fn replace_waker(&self, entry: &Entry, waker: Waker) -> (bool, Waker) {
        let inner = self.shared.inner.lock();
        if entry.state() != State::Linked {
            drop(inner);
            return (false, waker);
        }
        // SAFETY: it is linked, with this timer, whose lock is held; this is the future's thread.
        let before = unsafe { entry.replace_waker(waker) };
        drop(inner);
        (true, before)
    }
}

impl Shared {
    /// The tick that `now` has come to.
    #[inline]
    fn tick(&self, now: Nanos) -> u64 {
        self.clock.resolution().at_or_before(now)
    }

    #[inline]
    fn next(&self) -> u64 {
        // Ordering: Relaxed, a bound that the lock confirms. Whoever sleeps by it is covered by the fences in
        // `notify`.
        self.next.0.load(Ordering::Relaxed)
    }

    /// Under the lock: publishes the next deadline, and answers whether it became earlier.
    fn publish(&self, wheel: &Wheel) -> bool {
        let next = wheel.next().unwrap_or(NO_DEADLINE);
        let before = self.next();
        if next != before {
            // Ordering: Relaxed, as in `next`; the lock orders the stores.
            self.next.0.store(next, Ordering::Relaxed);
        }
        next < before
    }

    fn notify(&self) {
        if let Some(notify) = &self.notify {
            // Ordering: partner of the fence a driver has between saying that it sleeps and looking at the next
            // deadline.
            if !mutant::planted("timer.notify.fence") {
                fence(Ordering::SeqCst);
            }
            notify();
        }
    }

    /// Fires what is due at `tick`, beginning with the lock `held`, and answers how many that were.
    fn turn<'a>(&'a self, tick: u64, mut held: ByteLockGuard<'a, Inner>) -> usize {
        let mut fired = 0;
        let mut batch = WakeBatch::new();
        loop {
            let mut budget = MOVES_PER_HOLD;
            let done = loop {
                if !batch.has_room() {
                    break false;
                }
                match held.wheel.step(tick, &mut budget) {
                    Step::Due(entry) => {
                        // SAFETY: it came out of the wheel just now, so it is valid, linked and in no list; the
                        // lock is held; and it is not touched again.
                        batch.push(unsafe { Entry::fire(entry) });
                        fired += 1;
                    }
                    Step::Pause => break false,
                    Step::Idle => break true,
                }
            };
            self.publish(&held.wheel);
            drop(held);
            batch.wake_all();
            if done {
                return fired;
            }
            held = self.inner.lock();
        }
    }
}

impl Watch for Shared {
    fn clock_advanced(&self) {
        let held = self.inner.lock();
        if held.orphaned {
            return;
        }
        if mutant::planted("timer.advance.idle") && held.wheel.len() == 0 {
            return;
        }
        // Even when nothing is due: the wheel must come to the present, see the clock's docs.
        self.turn(self.tick(self.clock.nanos()), held);
        self.notify();
    }

    fn first_deadline(&self) -> Option<Nanos> {
        let next = self.next();
        (next != NO_DEADLINE).then(|| self.clock.resolution().begin(next))
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("clock", &self.shared.clock)
            .field("next_deadline", &self.next_deadline())
            .finish_non_exhaustive()
    }
}
