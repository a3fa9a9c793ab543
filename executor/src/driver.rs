//! The scheduler's sleep, made of a reactor and timers: the one place where executor and siblings meet.
//!
//! Each slot has a [`Timer`] and a [`Parker`]; the reactor and one more timer, for threads outside, belong to
//! all.
//!
//! A thread that parks waits until the first deadline of its own timer. The **watcher**, one of those that sleep, also
//! waits for the deadlines of the outside timer and of slots where nobody sits, exactly, and of slots whose thread is awake,
//! [`BACKUP_SLACK`] late: their own threads come first, but may be stuck. The **poller** waits in the reactor.
//! A virtual clock moves by itself when nothing else can happen: [`quiet`] says when that is.
//! [`roles`] says who has these roles, and why nobody sleeps past what is to be minded; [`parker`] how one sleeps.

mod parker;
mod quiet;
mod roles;

#[cfg(all(test, filch_loom))]
mod model;

use self::parker::{Parker, Tended};
use self::quiet::{Looker, Quiet};
use self::roles::{Roles, Sources};
use crate::scheduler::{Entered, Park};
use crate::task::Runnable;
use filch_blocking::{Job, Pool};
use filch_primitive::sync::{Mutex, OnceLock};
use filch_primitive::{thread, time};
use filch_reactor::{Events, Reactor, Turn};
use filch_timer::{Clock, Idle, Timer};
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// How long after its deadline a timer of a slot whose thread is awake is taken over by the watcher.
const BACKUP_SLACK: Duration = Duration::from_millis(1);

/// Events a busy worker takes at once: more would keep what is queued waiting.
const EVENTS_WHILE_BUSY: usize = 64;

/// Events a worker with nothing else to do takes at once.
const EVENTS_WHILE_IDLE: usize = 256;

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
    roles: Roles,
    quiet: Quiet,
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
                    driver.roles.nudge(&*driver);
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
            roles: Roles::new(slots),
            quiet: Quiet::new(),
        });
        let _first = me.set(Arc::downgrade(&driver));
        Ok(driver)
    }

    /// A timer for `slot`. A deadline may become its earliest on a thread that does not tend the slot: a sleep is reset
    /// on the thread that polls it, wherever it was registered. On a clock that stands still no thread waits for its own deadlines,
    /// but the watcher for all ([`quiet`]).
    fn timer_of(&self, slot: usize) -> Timer {
        let me = self.me.clone();
        Timer::with_notify(self.clock.clone(), move || {
            if let Some(driver) = me.get().and_then(Weak::upgrade) {
                driver.roles.set_deadline(slot, driver.clock.is_paused(), &*driver);
            }
        })
    }

    /// The timers of other slots, and their parkers.
    fn others(&self, slot: usize) -> impl Iterator<Item = (&Timer, &Parker)> {
        let timers = self.timers.iter().enumerate().filter(move |(index, _)| *index != slot);
        timers.filter_map(|(index, timer)| Some((timer.get()?, self.roles.parker(index))))
    }

    /// Takes the events there are, without waiting, unless somebody waits for them already.
    fn poll_now(&self, max_events: usize) -> usize {
        let Some(turn) = self.take_turn() else { return 0 };
        // An error shows again, and is dealt with, when a thread waits.
        turn.wait(Some(Duration::ZERO), max_events).map_or(0, Events::wake)
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
}

impl Sources for Driver {
    type Turn<'a> = Turn<'a>;

    fn take_turn(&self) -> Option<Turn<'_>> {
        if self.reactor.sources() == 0 { None } else { self.reactor.try_turn() }
    }

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
        let look = (watching && self.clock.awaits().is_some()).then_some(quiet::LOOK);
        others.chain(own).chain(outside).chain(limit).chain(look).min()
    }

    fn wait<'a>(&'a self, turn: Turn<'a>, timeout: Option<Duration>) -> impl FnOnce() {
        let waited = turn.wait(timeout, EVENTS_WHILE_IDLE);
        || match waited {
            Ok(events) => {
                events.wake();
            }
            // What the kernel refuses now it may grant later; a worker must neither die of it nor spin.
            Err(_refused) => thread::pause(Duration::from_millis(1)),
        }
    }

    fn notify(&self) {
        self.reactor.notify();
    }
}

impl Park for Driver {
    fn enter(&self, slot: usize) -> Box<dyn Entered> {
        let timer = self.timers[slot].get_or_init(|| self.timer_of(slot));
        Box::new(Inside {
            _tended: self.roles.parker(slot).tend(),
            // What it sets on a virtual clock, the watcher has to hear of.
            _timer: filch_timer::enter(timer, !self.clock.is_manual()),
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
        let timer = self.timers[slot].get();
        self.roles.left(|| timer.is_some_and(|timer| timer.next_deadline().is_some()), self);
    }

    fn park(&self, slot: usize, limit: Option<Duration>, nothing_queued: &dyn Fn() -> bool) -> bool {
        if self.pass_time(Looker::InSlot(slot), nothing_queued) {
            return false;
        }
        let slept = self.roles.park(slot, self, limit);
        if slept.timed || self.clock.is_manual() {
            self.fire(slot, time::now());
        }
        slept.notified
    }

    fn await_unpark(&self, slot: usize) {
        self.roles.parker(slot).await_unpark();
    }

    fn unpark(&self, slot: usize) {
        let unpark = || self.roles.unpark(slot, self);
        if self.clock.is_manual() { self.quiet.wake(unpark) } else { unpark() }
    }

    fn counts(&self) -> bool {
        self.clock.is_manual()
    }

    fn plainly(&self, awake: bool) {
        self.quiet.plainly(awake);
    }

    fn lend(&self, slot: usize, lent: bool) {
        self.roles.parker(slot).lend(lent);
    }

    fn job_counts(&self, counts: bool) {
        if counts {
            self.quiet.resume_job(|| self.pool.resume_job());
        } else {
            self.pool.suspend_job();
        }
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
        self.poll_now(EVENTS_WHILE_BUSY);
    }

    fn take_events(&self) -> usize {
        self.poll_now(EVENTS_WHILE_IDLE)
    }

    fn look_in_for_others(&self, now: Instant) -> usize {
        let now = self.on_the_clock(now);
        let timers = self.timers.iter().filter_map(OnceLock::get).chain([&self.outside]);
        timers.filter_map(|timer| timer.try_turn(now)).sum()
    }

    fn stand_in(&self, now: Instant) {
        self.look_in_for_others(now);
        self.poll_now(EVENTS_WHILE_BUSY);
    }

    fn let_time_pass(&self, nothing_queued: &dyn Fn() -> bool) -> bool {
        self.pass_time(Looker::Plain, nothing_queued)
    }

    fn is_overdue(&self, now: Instant) -> bool {
        let now = self.on_the_clock(now);
        self.timers.iter().filter_map(OnceLock::get).chain([&self.outside]).any(|timer| timer.is_due(now))
    }

    fn is_unattended(&self) -> bool {
        let unpolled = self.reactor.sources() > 0 && !self.roles.is_polled();
        let unwatched = !self.roles.is_watched();
        let mut timers = self.timers.iter().filter_map(OnceLock::get).chain([&self.outside]);
        unpolled || unwatched && timers.any(|timer| timer.next_deadline().is_some())
    }

    fn is_poller(&self, slot: usize) -> bool {
        self.roles.parker(slot).is_polling()
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
