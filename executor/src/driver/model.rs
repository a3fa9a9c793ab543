//! Models of the sleeps and roles, run by the model checker: nobody sleeps past what is to be minded.
//!
//! [`Roles`] and its parkers are the driver's own. What is to be minded stands in for timers and reactor: a deadline is either
//! far away or due, and no sleep ends by time. So whoever is not nudged sleeps for ever, which the checker reports.
//!
//! The checker loses an unpark that finds its thread waiting for anything but its token. So those who sleep here do nothing
//! else: the main thread, which joins them, does not.

use super::parker::Tended;
use super::roles::{Roles, Sources};
use crate::model::{check, check_beyond};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Mutex;
use filch_primitive::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use loom::thread::{self, Thread};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

filch_primitive::thread_local! {
    /// Where this thread sits.
    static SLOT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Two slots, and what is to be minded. All of it is set without order, on purpose: the fences are what is checked.
struct Watch {
    roles: Roles,
    /// A deadline in the first slot's timer is due.
    own: AtomicBool,
    /// One in the timer for those outside is.
    outside: AtomicBool,
    /// There is a source.
    source: AtomicBool,
    /// It has an event.
    event: AtomicBool,
    /// Somebody has the reactor's turn.
    turn: AtomicBool,
    /// The reactor's notice.
    notice: AtomicBool,
    /// The slot of the one who waited in the reactor last.
    waiter: AtomicUsize,
    threads: [Mutex<Option<Thread>>; 2],
    /// Somebody saw what was to be minded.
    met: AtomicBool,
}

/// The turn, and the slot of who has it.
struct Turn<'a>(&'a Watch, usize);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.turn.store(false, Ordering::Release);
    }
}

impl Sources for Watch {
    type Turn<'a> = Turn<'a>;

    fn take_turn(&self) -> Option<Turn<'_>> {
        if !self.source.load(Ordering::Relaxed) {
            return None;
        }
        let taken = self.turn.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok().then(|| Turn(self, SLOT.get()))
    }

    fn timeout(&self, slot: usize, watching: bool, limit: Option<Duration>) -> Option<Duration> {
        let minds_own = slot == 0 || watching && !self.roles.parker(0).is_tended();
        let due =
            minds_own && self.own.load(Ordering::Relaxed) || watching && self.outside.load(Ordering::Relaxed);
        if due {
            self.met.store(true, Ordering::Relaxed);
            return Some(Duration::ZERO);
        }
        limit
    }

    fn wait<'a>(&'a self, turn: Turn<'a>, timeout: Option<Duration>) -> impl FnOnce() {
        // Exchanges here and in `notify`, so that one of the two sees the other. The checker would let a mere store
        // come before an exchange that has not seen it.
        self.waiter.swap(turn.1, Ordering::AcqRel);
        let came = loop {
            if self.event.load(Ordering::Acquire) {
                break true;
            }
            if self.notice.swap(false, Ordering::AcqRel) || timeout == Some(Duration::ZERO) {
                break false;
            }
            thread::park();
        };
        drop(turn);
        move || {
            if came {
                self.met.store(true, Ordering::Relaxed);
            }
        }
    }

    fn notify(&self) {
        self.notice.swap(true, Ordering::AcqRel);
        let waiter = self.waiter.fetch_add(0, Ordering::AcqRel);
        let waiter = self.threads.get(waiter).and_then(|thread| thread.lock().clone());
        if let Some(waiter) = waiter {
            waiter.unpark();
        }
    }
}

impl Watch {
    fn new() -> Arc<Self> {
        let no = || AtomicBool::new(false);
        Arc::new(Self {
            roles: Roles::new(2),
            own: no(),
            outside: no(),
            source: no(),
            event: no(),
            turn: no(),
            notice: no(),
            waiter: AtomicUsize::new(usize::MAX),
            threads: [Mutex::new(None), Mutex::new(None)],
            met: no(),
        })
    }

    /// Sits down in `slot`.
    fn tend(&self, slot: usize) -> Tended {
        SLOT.set(slot);
        *self.threads[slot].lock() = Some(thread::current());
        self.roles.parker(slot).tend()
    }

    /// Sleeps in `slot` again and again until something was met, and then ends the other one's sleep.
    fn sleep(&self, slot: usize) {
        let _tended = self.tend(slot);
        while !self.met.load(Ordering::Relaxed) {
            self.roles.park(slot, self, None);
        }
        self.roles.unpark(1 - slot, self);
    }

    /// Leaves `slot`, as a seat does.
    fn leave(&self, slot: usize) {
        let has_deadline = || slot == 0 && self.own.load(Ordering::Relaxed);
        self.roles.left(has_deadline, self);
        fence(Ordering::SeqCst);
        let unwatched = !self.roles.is_watched() && self.outside.load(Ordering::Relaxed);
        let unpolled = !self.roles.is_polled() && self.source.load(Ordering::Relaxed);
        if unwatched || unpolled || self.met.load(Ordering::Relaxed) {
            self.roles.unpark(1 - slot, self);
        }
    }

    fn set_outside(&self) {
        self.outside.store(true, Ordering::Relaxed);
        self.roles.nudge(self);
    }

    fn set_own(&self) {
        self.own.store(true, Ordering::Relaxed);
        self.roles.nudge_slot(0, self);
    }

    fn register(&self) {
        self.event.store(true, Ordering::Release);
        self.source.store(true, Ordering::Relaxed);
        self.roles.nudge(self);
    }
}

fn sleeper(watch: &Arc<Watch>, slot: usize) -> thread::JoinHandle<()> {
    let watch = watch.clone();
    thread::spawn(move || watch.sleep(slot))
}

/// A notice ends the sleep it was meant for, in bed or in the reactor, or keeps it from beginning; what its sender did
/// before is seen, even where it was a nudge that ended the sleep.
fn notice(in_reactor: bool) {
    check(move || {
        let watch = Watch::new();
        watch.source.store(in_reactor, Ordering::Relaxed);
        let letter = Arc::new(AtomicBool::new(false));
        let sleeper = {
            let (watch, letter) = (watch.clone(), letter.clone());
            thread::spawn(move || {
                let _tended = watch.tend(0);
                while !watch.roles.park(0, &*watch, None).notified {}
                assert!(letter.load(Ordering::Relaxed), "the notice came before what it is about");
            })
        };
        let nudger = {
            let watch = watch.clone();
            thread::spawn(move || watch.roles.nudge(&*watch))
        };
        letter.store(true, Ordering::Relaxed);
        watch.roles.unpark(0, &*watch);
        sleeper.join().unwrap();
        nudger.join().unwrap();
    });
}

#[test]
fn loom_a_notice_ends_a_sleep_in_bed() {
    notice(false);
}

#[test]
fn loom_a_notice_ends_a_sleep_in_the_reactor() {
    notice(true);
}

/// One thread sleeps, and something comes to be minded.
fn one_sleeper(change: fn(&Watch)) {
    check(move || {
        let watch = Watch::new();
        let sleeper = sleeper(&watch, 0);
        change(&watch);
        sleeper.join().unwrap();
    });
}

#[test]
fn loom_a_deadline_outside_is_met() {
    one_sleeper(Watch::set_outside);
}

#[test]
fn loom_a_deadline_of_ones_own_set_elsewhere_is_met() {
    one_sleeper(Watch::set_own);
}

#[test]
fn loom_the_first_source_is_waited_for() {
    one_sleeper(Watch::register);
}

/// Two threads sleep, with a source to wait for that says nothing, and a deadline comes: whichever of them has the role
/// minds it.
#[test]
fn loom_a_deadline_outside_is_met_by_one_of_two() {
    check(|| {
        let watch = Watch::new();
        watch.source.store(true, Ordering::Relaxed);
        let sleepers = [sleeper(&watch, 0), sleeper(&watch, 1)];
        watch.set_outside();
        sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
    });
}

/// One thread sleeps for no time and leaves for good; the other goes to sleep, maybe while that one minds everything. What
/// comes meanwhile, or when that one is gone, is met.
fn watcher_leaves(preemptions: usize, change: fn(&Watch)) {
    check_beyond(preemptions, move || {
        let watch = Watch::new();
        let leaver = {
            let watch = watch.clone();
            thread::spawn(move || {
                let tended = watch.tend(0);
                watch.roles.park(0, &*watch, Some(Duration::ZERO));
                drop(tended);
                watch.leave(0);
            })
        };
        let sleeper = sleeper(&watch, 1);
        // On a thread of its own: the checker changes threads more often where one waits than where all go on.
        let changing = {
            let watch = watch.clone();
            thread::spawn(move || change(&watch))
        };
        leaver.join().unwrap();
        sleeper.join().unwrap();
        changing.join().unwrap();
    });
}

#[test]
fn loom_the_watcher_leaves_before_a_deadline_comes() {
    // That a sleeper looks for the watcher once more shows only when three threads are interrupted.
    watcher_leaves(3, Watch::set_outside);
}

#[test]
fn loom_the_watcher_leaves_before_a_source_comes() {
    watcher_leaves(0, Watch::register);
}

/// A thread leaves its slot while a deadline in its timer becomes due: it, or the other one, sees to that.
#[test]
fn loom_a_slot_is_left_while_its_deadline_changes() {
    check(|| {
        let watch = Watch::new();
        let leaver = {
            let watch = watch.clone();
            thread::spawn(move || {
                drop(watch.tend(0));
                watch.leave(0);
            })
        };
        let sleeper = sleeper(&watch, 1);
        watch.set_own();
        leaver.join().unwrap();
        sleeper.join().unwrap();
    });
}

/// Models that must fail: were one of them to pass, the suite would have stopped looking.
#[test]
fn loom_canary_driver() {
    assert_noticed("parker.end.order", "driver::model::loom_a_notice_ends_a_sleep_in_bed");
    assert_noticed("parker.nudge.early", "driver::model::loom_the_first_source_is_waited_for");
    assert_noticed("roles.park.fence", "driver::model::loom_a_deadline_outside_is_met");
    assert_noticed("roles.nudge.fence", "driver::model::loom_a_deadline_outside_is_met");
    assert_noticed("roles.nudge.sleeper", "driver::model::loom_the_watcher_leaves_before_a_deadline_comes");
    assert_noticed(
        "roles.park.second_look",
        "driver::model::loom_the_watcher_leaves_before_a_deadline_comes",
    );
    assert_noticed("roles.left.fence", "driver::model::loom_a_slot_is_left_while_its_deadline_changes");
}
