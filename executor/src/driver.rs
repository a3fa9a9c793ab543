//! The scheduler's sleep, made of a reactor and timers: the one place where executor and siblings meet.
//!
//! Each slot has a [`Timer`] and a [`Parker`]; the reactor and one more timer, for threads outside, belong to
//! all.
//!
//! # Who waits for what
//! A thread that parks waits until the first deadline of its own timer. Two roles are given away on top of
//! that:
//! - the **watcher** (first to park) also waits for the deadlines of the outside timer and of slots where
//!   nobody sits, exactly, and of slots whose thread is awake, [`BACKUP_SLACK`] late: their own threads come
//!   first, but may be stuck;
//! - the **poller** (holds the reactor's turn, taken only while there are sources) waits in the reactor, the
//!   others in plain parks.
//!
//! A role is free again when its holder wakes. Nobody else is woken for that: the holder is awake, looks in by
//! time while it works, and takes the role up again when it parks. Should it get stuck instead, the sentinel
//! asks [`Park::is_unattended`] and wakes another.
//!
//! # Nudges
//! Registering from a thread outside (a deadline that became the earliest, the first source): 1. publish. 2.
//! `fence(SeqCst)`. 3. Nudge the watcher, if there is one. Parking: 1. become the watcher. 2. `fence(SeqCst)`.
//! 3. Read deadlines and sources. 4. Sleep. One fence comes first: either the watcher reads what was published,
//! or it is seen and nudged. A nudge is no notice: it makes the sleep return for no reason, and the thread
//! parks anew. It sticks, as both a thread's token and the reactor's notice do, so it may come before the
//! sleep.
//!
//! # Parker states
//! | state | meaning | unpark |
//! |---|---|---|
//! | Empty | the thread is awake | leaves Notified |
//! | Asleep | it is in a plain park, or about to be | leaves Notified, unparks the thread |
//! | Polling | it waits in the reactor, or is about to | leaves Notified, notifies the reactor |
//! | Notified | a notice lies there | nothing more |

use crate::scheduler::{Entered, Park};
use crate::task::Runnable;
use filch_blocking::{Job, Pool};
use filch_primitive::ByteLock;
use filch_primitive::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering, fence};
use filch_primitive::thread::{self, Thread};
use filch_reactor::{Reactor, Turn};
use filch_timer::{Clock, Timer};
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

/// How long after its deadline a timer of a slot whose thread is awake is taken over by the watcher.
const BACKUP_SLACK: Duration = Duration::from_millis(1);

/// Events a busy worker takes at once: more would keep what is queued waiting.
const EVENTS_WHILE_BUSY: usize = 64;

/// Events a worker with nothing else to do takes at once.
const EVENTS_WHILE_IDLE: usize = 256;

/// Nobody has the role.
const NOBODY: usize = usize::MAX;

/// Sleep and wake-up over one reactor and a timer per slot.
pub(crate) struct Driver {
    reactor: Reactor,
    pool: Pool,
    clock: Clock,
    /// A slot's timer, made when somebody first sits there.
    timers: Box<[OnceLock<Timer>]>,
    /// For threads that tend no slot.
    outside: Timer,
    parkers: Box<[Parker]>,
    watcher: AtomicUsize,
    polling: AtomicBool,
}

impl Driver {
    /// A driver for `slots` slots.
    ///
    /// # Errors
    /// What the operating system says when it gives no descriptors.
    pub(crate) fn new(slots: usize, clock: Clock, pool: Pool) -> io::Result<Arc<Self>> {
        // The hooks need the driver and the driver needs what carries the hooks.
        let me: Arc<OnceLock<Weak<Self>>> = Arc::new(OnceLock::new());
        let nudge = {
            let me = me.clone();
            move || {
                if let Some(driver) = me.get().and_then(Weak::upgrade) {
                    driver.nudge();
                }
            }
        };
        let driver = Arc::new(Self {
            reactor: Reactor::with_hook(nudge.clone())?,
            pool,
            outside: Timer::with_notify(clock.clone(), nudge),
            clock,
            timers: (0..slots).map(|_| OnceLock::new()).collect(),
            parkers: (0..slots).map(|_| Parker::new()).collect(),
            watcher: AtomicUsize::new(NOBODY),
            polling: AtomicBool::new(false),
        });
        let _first = me.set(Arc::downgrade(&driver));
        Ok(driver)
    }

    /// Makes the watcher look at deadlines and sources anew.
    fn nudge(&self) {
        // Ordering: SeqCst, paired with the fence in `park`, see the module's protocol.
        fence(Ordering::SeqCst);
        // Ordering: Relaxed, behind the fence.
        if let Some(parker) = self.parkers.get(self.watcher.load(Ordering::Relaxed)) {
            parker.nudge(&self.reactor);
        }
    }

    /// How long the thread in `slot` may sleep. `None`: until it is unparked.
    fn timeout(&self, slot: usize, watching: bool, limit: Option<Duration>) -> Option<Duration> {
        let now = self.clock.now();
        let own = self.timers[slot].get().and_then(|timer| timer.time_to_next(now));
        let outside = if watching { self.outside.time_to_next(now) } else { None };
        let others = self.others(slot).filter(|_| watching).filter_map(|(timer, tended)| {
            let slack = if tended { BACKUP_SLACK } else { Duration::ZERO };
            Some(timer.time_to_next(now)?.saturating_add(slack))
        });
        others.chain(own).chain(outside).chain(limit).min()
    }

    /// The timers of other slots, and whether somebody sits there.
    fn others(&self, slot: usize) -> impl Iterator<Item = (&Timer, bool)> {
        let timers =
            self.timers.iter().zip(&self.parkers).enumerate().filter(move |(index, _)| *index != slot);
        timers.filter_map(|(_, (timer, parker))| Some((timer.get()?, parker.is_tended())))
    }

    /// The reactor's turn, if there is anything to wait for in it and nobody has it.
    fn take_turn(&self) -> Option<Turn<'_>> {
        if self.reactor.sources() == 0 { None } else { self.reactor.try_turn() }
    }

    /// Fires what is due and nobody else's business, or everybody's.
    fn fire(&self, slot: usize, now: Instant) -> usize {
        let now = self.on_the_clock(now);
        let own = self.timers[slot].get().map_or(0, |timer| timer.turn(now));
        let untended = self.others(slot).filter(|(_, tended)| !tended).map(|(timer, _)| timer);
        own + untended.chain([&self.outside]).filter_map(|timer| timer.try_turn(now)).sum::<usize>()
    }

    /// `now` on the clock the timers go by.
    fn on_the_clock(&self, now: Instant) -> Instant {
        if self.clock.is_manual() { self.clock.now() } else { now }
    }

    fn wait_for_events(&self, slot: usize, mut turn: Turn<'_>, timeout: Option<Duration>) -> bool {
        let parker = &self.parkers[slot];
        if !parker.begin(POLLING) {
            return true;
        }
        // Ordering: Relaxed, a hint for the sentinel and for who leaves.
        self.polling.store(true, Ordering::Relaxed);
        let waited = turn.wait(timeout, EVENTS_WHILE_IDLE);
        self.polling.store(false, Ordering::Relaxed);
        drop(turn);
        if waited.is_err() {
            // What the kernel refuses now it may grant later; a worker must neither die of it nor spin.
            thread::park_timeout(Duration::from_millis(1));
        }
        parker.end()
    }
}

impl Park for Driver {
    fn enter(&self, slot: usize) -> Box<dyn Entered> {
        let timer = self.timers[slot].get_or_init(|| Timer::new(self.clock.clone()));
        Box::new(Inside {
            _tended: self.parkers[slot].tend(),
            _timer: filch_timer::enter(timer, true),
            _reactor: filch_reactor::enter(&self.reactor, true),
            _pool: filch_blocking::enter(&self.pool),
        })
    }

    fn enter_outside(&self) -> Box<dyn Entered> {
        Box::new(Outside {
            _timer: filch_timer::enter(&self.outside, false),
            _reactor: filch_reactor::enter(&self.reactor, false),
            _pool: filch_blocking::enter(&self.pool),
        })
    }

    fn park(&self, slot: usize, limit: Option<Duration>) -> bool {
        // Ordering: Relaxed; the fence orders it, see the module's protocol.
        let watching =
            self.watcher.compare_exchange(NOBODY, slot, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if watching {
            // Ordering: SeqCst, paired with the fence in `nudge` and with the timer's before it notifies.
            fence(Ordering::SeqCst);
        }
        let timeout = self.timeout(slot, watching, limit);
        let notified = match self.take_turn() {
            Some(turn) => self.wait_for_events(slot, turn, timeout),
            None => self.parkers[slot].sleep(timeout),
        };
        if watching {
            // Ordering: Relaxed; a nudge that still sees this slot is for nothing.
            self.watcher.store(NOBODY, Ordering::Relaxed);
        }
        if timeout.is_some() || self.clock.is_manual() {
            self.fire(slot, Instant::now());
        }
        notified
    }

    fn await_unpark(&self, slot: usize) {
        while !self.parkers[slot].sleep(None) {}
    }

    fn unpark(&self, slot: usize) {
        self.parkers[slot].unpark(&self.reactor);
    }

    fn offload(&self, task: Runnable) -> Result<(), (Runnable, io::Error)> {
        // The task rides in a slot of its own so that it can be had back from a job that was refused.
        let seat = Arc::new(Mutex::new(Some(task)));
        let take =
            |seat: &Mutex<Option<Runnable>>| seat.lock().unwrap_or_else(PoisonError::into_inner).take();
        let job = {
            let seat = seat.clone();
            Job::new(move || {
                if let Some(task) = take(&seat) {
                    // A closure is done after one poll; were it not, dropping what comes back ends it.
                    drop(task.run());
                }
            })
        };
        self.pool.submit(job).map_err(|refused| {
            let error = match refused.io_error() {
                Some(error) => io::Error::new(error.kind(), refused.to_string()),
                None => io::Error::other("the runtime has shut down"),
            };
            let task = take(&seat).expect("a refused job has not run");
            (task, error)
        })
    }

    fn look_in(&self, slot: usize, now: Instant) {
        self.fire(slot, now);
        if let Some(mut turn) = self.take_turn() {
            // An error shows again, and is dealt with, when the thread waits.
            let _events = turn.wait(Some(Duration::ZERO), EVENTS_WHILE_BUSY);
        }
    }

    fn look_in_for_others(&self, now: Instant) -> usize {
        let now = self.on_the_clock(now);
        let timers = self.timers.iter().filter_map(OnceLock::get).chain([&self.outside]);
        timers.filter_map(|timer| timer.try_turn(now)).sum()
    }

    fn stand_in(&self, now: Instant) {
        self.look_in_for_others(now);
        if let Some(mut turn) = self.take_turn() {
            // An error shows again, and is dealt with, when a thread waits.
            let _events = turn.wait(Some(Duration::ZERO), EVENTS_WHILE_BUSY);
        }
    }

    fn is_overdue(&self, now: Instant) -> bool {
        let now = self.on_the_clock(now);
        self.timers.iter().filter_map(OnceLock::get).chain([&self.outside]).any(|timer| timer.is_due(now))
    }

    fn is_unattended(&self) -> bool {
        // Ordering: Relaxed, hints: the sentinel asks again.
        let unpolled = self.reactor.sources() > 0 && !self.polling.load(Ordering::Relaxed);
        let unwatched = self.watcher.load(Ordering::Relaxed) == NOBODY;
        let mut timers = self.timers.iter().filter_map(OnceLock::get).chain([&self.outside]);
        unpolled || unwatched && timers.any(|timer| timer.next_deadline().is_some())
    }

    fn is_watcher(&self, slot: usize) -> bool {
        self.parkers[slot].is_polling()
    }

    fn shutdown(&self) {
        self.timers.iter().filter_map(OnceLock::get).chain([&self.outside]).for_each(Timer::orphan);
        self.reactor.orphan();
    }
}

/// Membership of a thread that tends a slot.
struct Inside {
    _tended: Tended,
    _timer: filch_timer::EnterGuard,
    _reactor: filch_reactor::EnterGuard,
    _pool: filch_blocking::EnterGuard,
}

impl Entered for Inside {}

/// Membership of a thread that tends none.
struct Outside {
    _timer: filch_timer::EnterGuard,
    _reactor: filch_reactor::EnterGuard,
    _pool: filch_blocking::EnterGuard,
}

impl Entered for Outside {}

const EMPTY: u8 = 0;
const ASLEEP: u8 = 1;
const POLLING: u8 = 2;
const NOTIFIED: u8 = 3;

/// One slot's sleep.
struct Parker(Arc<ParkerState>);

struct ParkerState {
    state: AtomicU8,
    thread: ByteLock<Option<Thread>>,
}

impl Parker {
    fn new() -> Self {
        Self(Arc::new(ParkerState { state: AtomicU8::new(EMPTY), thread: ByteLock::new(None) }))
    }

    fn tend(&self) -> Tended {
        let before = self.0.thread.lock().replace(thread::current());
        drop(before);
        Tended(self.0.clone())
    }

    fn is_tended(&self) -> bool {
        self.0.thread.lock().is_some()
    }

    fn is_polling(&self) -> bool {
        // Ordering: Relaxed, a hint.
        self.0.state.load(Ordering::Relaxed) == POLLING
    }

    /// Empty => `how`, or Notified => Empty: then there is nothing to wait for.
    fn begin(&self, how: u8) -> bool {
        // Ordering: Release and Acquire, each paired with the other in `unpark`'s exchange.
        let begun = self.0.state.compare_exchange(EMPTY, how, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !begun {
            // Ordering: Acquire, paired with the Release in `unpark`.
            self.0.state.swap(EMPTY, Ordering::Acquire);
        }
        begun
    }

    /// Whatever => Empty. True when a notice lay there.
    fn end(&self) -> bool {
        // Ordering: Acquire, paired with the Release in `unpark`: what the notifier did is seen.
        self.0.state.swap(EMPTY, Ordering::Acquire) == NOTIFIED
    }

    /// Sleeps in a plain park until unparked, nudged, or the time is up. True when unparked.
    fn sleep(&self, timeout: Option<Duration>) -> bool {
        if !self.begin(ASLEEP) {
            return true;
        }
        match timeout {
            Some(timeout) => thread::park_timeout(timeout),
            None => thread::park(),
        }
        self.end()
    }

    fn unpark(&self, reactor: &Reactor) {
        // Ordering: Release, paired with the Acquire in `end` and `begin`.
        match self.0.state.swap(NOTIFIED, Ordering::Release) {
            ASLEEP => self.unpark_thread(),
            POLLING => reactor.notify(),
            _ => {}
        }
    }

    /// Makes the current sleep, or the one that is about to begin, return for no reason.
    fn nudge(&self, reactor: &Reactor) {
        // Ordering: Relaxed, behind the caller's fence.
        match self.0.state.load(Ordering::Relaxed) {
            ASLEEP => self.unpark_thread(),
            POLLING => reactor.notify(),
            EMPTY => {
                self.unpark_thread();
                reactor.notify();
            }
            _ => {}
        }
    }

    fn unpark_thread(&self) {
        let thread = self.0.thread.lock().clone();
        if let Some(thread) = thread {
            thread.unpark();
        }
    }
}

/// Says that a thread tends the slot, while it lives.
struct Tended(Arc<ParkerState>);

impl Drop for Tended {
    fn drop(&mut self) {
        let thread = self.0.thread.lock().take();
        drop(thread);
    }
}
