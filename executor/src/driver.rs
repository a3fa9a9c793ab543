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
//!
//! Something changes that a sleeper waits for: a deadline became the earliest on a thread that does not tend its timer, a slot was left with
//! deadlines in its timer, the first source was registered.
//! 1. Publish. 2. `fence(SeqCst)`. 3. Nudge the thread that tends the timer, else the watcher, if there is one.
//!
//! Parking: 1. become the watcher, if nobody is. 2. `fence(SeqCst)`. 3. Take the reactor's turn, if there are sources. 4. Read the deadlines.
//! 5. Sleep.
//!
//! One fence comes first: either the sleeper reads what was published, or it is seen and nudged. A nudge is no
//! notice: it makes the sleep return for no reason, and the thread parks anew. It sticks, so it may come before the
//! sleep: as the thread's token, which only this thread uses up, and as the reactor's notice, which only the holder of the turn does. Another
//! holder may use the latter up before step 3; then step 4 reads what it was about.
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
use crossbeam_utils::CachePadded;
use filch_blocking::{Job, Pool};
use filch_primitive::ByteLock;
use filch_primitive::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering, fence};
use filch_primitive::sync::{Mutex, OnceLock};
use filch_primitive::thread::{self, Thread};
use filch_primitive::time;
use filch_reactor::{Events, Reactor, Turn};
use filch_timer::{Clock, Timer};
use std::io;
use std::sync::{Arc, Weak};
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
    /// Set once, when it is made: for the hooks of what it is made of.
    me: Arc<OnceLock<Weak<Driver>>>,
    reactor: Reactor,
    pool: Pool,
    clock: Clock,
    /// A slot's timer, made when somebody first sits there.
    timers: Box<[OnceLock<Timer>]>,
    /// For threads that tend no slot.
    outside: Timer,
    parkers: Box<[CachePadded<Parker>]>,
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
            me: me.clone(),
            reactor: Reactor::with_hook(nudge.clone())?,
            pool,
            outside: Timer::with_notify(clock.clone(), nudge),
            clock,
            timers: (0..slots).map(|_| OnceLock::new()).collect(),
            parkers: (0..slots).map(|_| CachePadded::new(Parker::new())).collect(),
            watcher: AtomicUsize::new(NOBODY),
            polling: AtomicBool::new(false),
        });
        let _first = me.set(Arc::downgrade(&driver));
        Ok(driver)
    }

    /// A timer for `slot`. A deadline may become its earliest on a thread that does not tend the slot: a sleep is reset
    /// on the thread that polls it, wherever it was registered.
    fn timer_of(&self, slot: usize) -> Timer {
        let me = self.me.clone();
        Timer::with_notify(self.clock.clone(), move || {
            if let Some(driver) = me.get().and_then(Weak::upgrade) {
                driver.nudge_slot(slot);
            }
        })
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

    /// Makes the thread that tends `slot`, or else the watcher, look at deadlines anew.
    fn nudge_slot(&self, slot: usize) {
        // Ordering: SeqCst, as in `nudge`.
        fence(Ordering::SeqCst);
        if self.parkers[slot].is_tended() {
            self.parkers[slot].nudge(&self.reactor);
        } else {
            self.nudge();
        }
    }

    /// How long the thread in `slot` may sleep. `None`: until it is unparked.
    fn timeout(&self, slot: usize, watching: bool, limit: Option<Duration>) -> Option<Duration> {
        let now = self.clock.now();
        let own = self.timers[slot].get().and_then(|timer| timer.time_to_next(now));
        let outside = if watching { self.outside.time_to_next(now) } else { None };
        let others = self.others(slot).filter(|_| watching).filter_map(|(timer, parker)| {
            let slack = match parker.is_tended() {
                // Its thread wakes by itself.
                true if parker.is_asleep() => return None,
                true => BACKUP_SLACK,
                false => Duration::ZERO,
            };
            Some(timer.time_to_next(now)?.saturating_add(slack))
        });
        others.chain(own).chain(outside).chain(limit).min()
    }

    /// The timers of other slots, and their parkers.
    fn others(&self, slot: usize) -> impl Iterator<Item = (&Timer, &Parker)> {
        let timers =
            self.timers.iter().zip(&self.parkers).enumerate().filter(move |(index, _)| *index != slot);
        timers.filter_map(|(_, (timer, parker))| Some((timer.get()?, &**parker)))
    }

    /// The reactor's turn, if there is anything to wait for in it and nobody has it.
    fn take_turn(&self) -> Option<Turn<'_>> {
        if self.reactor.sources() == 0 { None } else { self.reactor.try_turn() }
    }

    /// Takes the events there are, without waiting, unless somebody waits for them already.
    fn poll_now(&self) {
        if let Some(turn) = self.take_turn() {
            // An error shows again, and is dealt with, when a thread waits.
            let _woken = turn.wait(Some(Duration::ZERO), EVENTS_WHILE_BUSY).map(Events::wake);
        }
    }

    /// Fires what is due and nobody else's business, or everybody's.
    fn fire(&self, slot: usize, now: Instant) -> usize {
        let now = self.on_the_clock(now);
        let own = self.timers[slot].get().map_or(0, |timer| timer.turn(now));
        let untended = self.others(slot).filter(|(_, parker)| !parker.is_tended()).map(|(timer, _)| timer);
        own + untended.chain([&self.outside]).filter_map(|timer| timer.try_turn(now)).sum::<usize>()
    }

    /// `now` on the clock the timers go by.
    fn on_the_clock(&self, now: Instant) -> Instant {
        if self.clock.is_manual() { self.clock.now() } else { now }
    }

    fn wait_for_events(&self, slot: usize, turn: Turn<'_>, timeout: Option<Duration>) -> bool {
        let parker = &self.parkers[slot];
        if !parker.begin(POLLING) {
            return true;
        }
        // Ordering: Relaxed, a hint for the sentinel and for who leaves.
        self.polling.store(true, Ordering::Relaxed);
        let waited = turn.wait(timeout, EVENTS_WHILE_IDLE);
        self.polling.store(false, Ordering::Relaxed);
        let notified = parker.end();
        match waited {
            Ok(events) => {
                events.wake();
            }
            // What the kernel refuses now it may grant later; a worker must neither die of it nor spin.
            Err(_refused) => thread::pause(Duration::from_millis(1)),
        }
        notified
    }
}

impl Park for Driver {
    fn enter(&self, slot: usize) -> Box<dyn Entered> {
        let timer = self.timers[slot].get_or_init(|| self.timer_of(slot));
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

    fn left(&self, slot: usize) {
        if self.timers[slot].get().is_some_and(|timer| timer.next_deadline().is_some()) {
            self.nudge();
        }
    }

    fn park(&self, slot: usize, limit: Option<Duration>) -> bool {
        // Ordering: Relaxed; the fence orders it, see the module's protocol.
        let watching =
            self.watcher.compare_exchange(NOBODY, slot, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        // Ordering: SeqCst, paired with the fences in `nudge` and `nudge_slot`, and with the timer's before it notifies.
        fence(Ordering::SeqCst);
        // The turn first: from here on nobody else takes a notice of the reactor's that was meant for this sleep.
        let turn = self.take_turn();
        let timeout = self.timeout(slot, watching, limit);
        let notified = match turn {
            Some(turn) => self.wait_for_events(slot, turn, timeout),
            None => self.parkers[slot].sleep(timeout),
        };
        if watching {
            // Ordering: Relaxed; a nudge that still sees this slot is for nothing.
            self.watcher.store(NOBODY, Ordering::Relaxed);
        }
        if timeout.is_some() || self.clock.is_manual() {
            self.fire(slot, time::now());
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
        let take = |seat: &Mutex<Option<Runnable>>| seat.lock().take();
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
        self.poll_now();
    }

    fn look_in_for_others(&self, now: Instant) -> usize {
        let now = self.on_the_clock(now);
        let timers = self.timers.iter().filter_map(OnceLock::get).chain([&self.outside]);
        timers.filter_map(|timer| timer.try_turn(now)).sum()
    }

    fn stand_in(&self, now: Instant) {
        self.look_in_for_others(now);
        self.poll_now();
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

    fn is_poller(&self, slot: usize) -> bool {
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
    tended: AtomicBool,
    thread: ByteLock<Option<Thread>>,
}

impl Parker {
    fn new() -> Self {
        Self(Arc::new(ParkerState {
            state: AtomicU8::new(EMPTY),
            tended: AtomicBool::new(false),
            thread: ByteLock::new(None),
        }))
    }

    fn tend(&self) -> Tended {
        let before = self.0.thread.lock().replace(thread::current());
        drop(before);
        // Ordering: Relaxed, see `is_tended`.
        self.0.tended.store(true, Ordering::Relaxed);
        Tended(self.0.clone())
    }

    fn is_tended(&self) -> bool {
        // Ordering: Relaxed. Where it decides who minds a deadline, whoever leaves nudges afterwards.
        self.0.tended.load(Ordering::Relaxed)
    }

    fn is_asleep(&self) -> bool {
        // Ordering: Relaxed. A thread that has just woken, and now gets stuck, is the sentinel's business.
        matches!(self.0.state.load(Ordering::Relaxed), ASLEEP | POLLING)
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
        // Ordering: Relaxed, see `is_tended`.
        self.0.tended.store(false, Ordering::Relaxed);
        let thread = self.0.thread.lock().take();
        drop(thread);
    }
}
