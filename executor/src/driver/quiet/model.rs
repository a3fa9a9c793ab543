//! Models of rest, run by the model checker: as long as something can run, nobody sees all at rest; and when nothing can, somebody
//! looks.
//!
//! [`Quiet`], [`Roles`] and the parkers are the driver's own; numbers stand in for jobs and for wakers that wait for descriptors.

use super::{Looker, Quiet};
use crate::driver::parker::{Place, Tended};
use crate::driver::roles::{Roles, Sources};
use crate::model::check;
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;
use std::sync::Arc;
use std::time::Duration;

/// The slot of the one that looks.
const LOOKER: usize = 0;

/// The slot of one that is asleep.
const B: usize = 1;

/// The slot of one that is awake.
const A: usize = 2;

/// A runtime, as the one that looks sees it.
struct Scene {
    quiet: Quiet,
    roles: Roles,
    jobs: AtomicUsize,
    /// Wakers that wait for descriptors.
    wakers: AtomicUsize,
}

impl Scene {
    fn new() -> Arc<Self> {
        let (jobs, wakers) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { quiet: Quiet::new(), roles: Roles::new(3), jobs, wakers })
    }

    fn look(&self, looker: Looker) -> bool {
        let elsewhere = || self.wakers.load(Ordering::Acquire) == 0 && self.jobs.load(Ordering::Acquire) == 0;
        self.quiet.holds(looker, &self.roles, elsewhere, || true)
    }

    fn tend(&self, slot: usize) -> Tended {
        self.roles.parker(slot).tend()
    }

    fn fall_asleep(&self, slot: usize) {
        assert!(self.roles.parker(slot).begin(Place::Bed), "nobody has given it notice");
    }

    fn wake(&self, slot: usize) {
        self.quiet.wake(|| self.roles.parker(slot).unpark(|| ()));
    }

    fn lend(&self, slot: usize, lent: bool) {
        self.roles.parker(slot).lend(lent);
    }

    fn begin_job(&self) {
        self.jobs.fetch_add(1, Ordering::Relaxed);
    }

    fn end_job(&self) {
        self.jobs.fetch_sub(1, Ordering::Release);
    }
}

/// With B asleep in its slot, `before` happens; then what is in `life` happens while somebody looks, who must not see all at rest.
fn somebody_can_run(looker: Looker, before: fn(&Scene), life: fn(&Scene, Option<Tended>), seated: bool) {
    check(move || {
        let scene = Scene::new();
        let _b = scene.tend(B);
        scene.fall_asleep(B);
        let seat = seated.then(|| scene.tend(A));
        if matches!(looker, Looker::Plain) {
            scene.quiet.plainly(true);
        }
        before(&scene);
        let looking = {
            let scene = scene.clone();
            thread::spawn(move || assert!(!scene.look(looker), "somebody can run"))
        };
        life(&scene, seat);
        looking.join().unwrap();
    });
}

fn nothing(_: &Scene) {}

/// The thread in slot A wakes B and falls asleep.
fn wake_and_sleep(scene: &Scene, seat: Option<Tended>) {
    scene.wake(B);
    scene.fall_asleep(A);
    // It goes on tending the slot.
    std::mem::forget(seat);
}

#[test]
fn loom_who_is_woken_by_one_who_falls_asleep_is_seen() {
    somebody_can_run(Looker::InSlot(LOOKER), nothing, wake_and_sleep, true);
}

#[test]
fn loom_one_who_stands_in_sees_them_too() {
    somebody_can_run(Looker::Plain, nothing, wake_and_sleep, true);
}

#[test]
fn loom_who_is_woken_by_one_who_leaves_is_seen() {
    let life = |scene: &Scene, seat| {
        scene.wake(B);
        drop(seat);
    };
    somebody_can_run(Looker::InSlot(LOOKER), nothing, life, true);
}

#[test]
fn loom_a_plain_sleeper_that_is_roused_is_seen() {
    let life = |scene: &Scene, seat| {
        scene.quiet.plainly(true);
        scene.fall_asleep(A);
        std::mem::forget(seat);
    };
    somebody_can_run(Looker::InSlot(LOOKER), nothing, life, true);
}

#[test]
fn loom_who_is_woken_by_a_plain_one_is_seen() {
    let life = |scene: &Scene, _| {
        scene.wake(B);
        scene.quiet.plainly(false);
    };
    somebody_can_run(Looker::InSlot(LOOKER), |scene| scene.quiet.plainly(true), life, false);
}

#[test]
fn loom_who_is_woken_by_a_job_is_seen() {
    let life = |scene: &Scene, _| {
        scene.wake(B);
        scene.end_job();
    };
    somebody_can_run(Looker::InSlot(LOOKER), Scene::begin_job, life, false);
}

#[test]
fn loom_a_job_of_one_who_falls_asleep_is_seen() {
    let life = |scene: &Scene, seat| {
        scene.begin_job();
        scene.fall_asleep(A);
        std::mem::forget(seat);
    };
    somebody_can_run(Looker::InSlot(LOOKER), nothing, life, true);
}

/// The kernel wakes the thread in slot A, which takes the waker that waited away and goes on.
#[test]
fn loom_who_has_events_is_seen() {
    let before = |scene: &Scene| {
        scene.wakers.fetch_add(1, Ordering::Relaxed);
        scene.fall_asleep(A);
    };
    let life = |scene: &Scene, seat| {
        scene.roles.parker(A).end();
        scene.wakers.fetch_sub(1, Ordering::Release);
        std::mem::forget(seat);
    };
    somebody_can_run(Looker::InSlot(LOOKER), before, life, true);
}

/// A job that blocks: its thread sits down as a guest, and gets up again. Twice, for whoever looks may see it get up before it sits
/// down.
#[test]
fn loom_a_job_that_takes_a_slot_is_seen() {
    let life = |scene: &Scene, _| {
        for _ in 0..2 {
            let seat = scene.tend(A);
            scene.end_job();
            scene.quiet.resume_job(|| scene.begin_job());
            drop(seat);
        }
    };
    somebody_can_run(Looker::InSlot(LOOKER), Scene::begin_job, life, false);
}

/// A job that blocks, and finds no slot.
#[test]
fn loom_a_job_that_waits_plainly_is_seen() {
    let life = |scene: &Scene, _| {
        scene.quiet.plainly(true);
        scene.end_job();
        scene.quiet.resume_job(|| scene.begin_job());
        scene.quiet.plainly(false);
    };
    somebody_can_run(Looker::InSlot(LOOKER), Scene::begin_job, life, false);
}

/// A task that blocks in its slot.
#[test]
fn loom_one_who_lends_its_slot_is_seen() {
    let life = |scene: &Scene, seat| {
        scene.quiet.plainly(true);
        scene.lend(A, true);
        scene.lend(A, false);
        scene.quiet.plainly(false);
        std::mem::forget(seat);
    };
    somebody_can_run(Looker::InSlot(LOOKER), nothing, life, true);
}

/// The same, asleep in its plain wait until a job rouses it.
#[test]
fn loom_one_who_takes_its_slot_back_is_seen() {
    let life = |scene: &Scene, seat| {
        scene.quiet.plainly(true);
        scene.end_job();
        scene.lend(A, false);
        scene.quiet.plainly(false);
        std::mem::forget(seat);
    };
    let before = |scene: &Scene| {
        scene.lend(A, true);
        scene.begin_job();
    };
    somebody_can_run(Looker::InSlot(LOOKER), before, life, true);
}

/// One who waited plainly sits down as a guest, and gets up again.
#[test]
fn loom_a_plain_one_that_takes_a_slot_is_seen() {
    let life = |scene: &Scene, _| {
        let seat = scene.tend(A);
        scene.quiet.plainly(false);
        scene.quiet.plainly(true);
        drop(seat);
    };
    somebody_can_run(Looker::InSlot(LOOKER), |scene| scene.quiet.plainly(true), life, false);
}

/// All fall asleep: it is seen, in the end.
#[test]
fn loom_rest_is_seen() {
    check(|| {
        let scene = Scene::new();
        let _tended = [scene.tend(B), scene.tend(A)];
        scene.fall_asleep(B);
        scene.quiet.plainly(true);
        scene.begin_job();
        let looking = {
            let scene = scene.clone();
            thread::spawn(move || scene.look(Looker::InSlot(LOOKER)))
        };
        scene.end_job();
        scene.quiet.plainly(false);
        scene.fall_asleep(A);
        let seen = looking.join().unwrap();
        assert!(seen || scene.look(Looker::InSlot(LOOKER)), "all are asleep");
    });
}

/// Two workers and a clock. A look of the watcher's is all that is asked for: while the clock is awaited, others follow.
struct Watch {
    roles: Roles,
    /// There is a deadline that the clock would move to.
    awaited: AtomicBool,
    /// The watcher knows.
    looked: AtomicBool,
}

impl Sources for Watch {
    type Turn<'a> = ();

    fn take_turn(&self) -> Option<()> {
        None
    }

    fn timeout(&self, _: usize, watching: bool, limit: Option<Duration>) -> Option<Duration> {
        if watching && self.awaited.load(Ordering::Relaxed) {
            self.looked.store(true, Ordering::Relaxed);
            return Some(Duration::ZERO);
        }
        limit
    }

    fn wait<'a>(&'a self, (): (), _: Option<Duration>) -> impl FnOnce() {
        || unreachable!("there are no descriptors")
    }

    fn notify(&self) {}
}

impl Watch {
    fn new() -> Arc<Self> {
        let (awaited, looked) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { roles: Roles::new(2), awaited, looked })
    }

    /// A deadline is set by the thread in `slot`.
    fn set_deadline(&self, slot: usize) {
        self.awaited.store(true, Ordering::Relaxed);
        self.roles.set_deadline(slot, true, self);
    }

    /// Sleeps again and again until somebody looks, and then ends the other one's sleep.
    fn sleep(&self, slot: usize) {
        while !self.looked.load(Ordering::Relaxed) {
            self.roles.park(slot, self, None);
        }
        self.roles.unpark(1 - slot, self);
    }
}

fn sleeper(watch: &Arc<Watch>) -> thread::JoinHandle<()> {
    let watch = watch.clone();
    thread::spawn(move || {
        let _tended = watch.roles.parker(0).tend();
        watch.sleep(0);
    })
}

/// One worker sleeps, maybe as the watcher, while the clock awaits nothing. The other sets a deadline in its own slot, and falls
/// asleep itself.
#[test]
fn loom_the_watcher_hears_of_a_deadline_beside_it() {
    check(|| {
        let watch = Watch::new();
        let sleeper = sleeper(&watch);
        let setter = {
            let watch = watch.clone();
            thread::spawn(move || {
                let _tended = watch.roles.parker(1).tend();
                watch.set_deadline(1);
                watch.sleep(1);
            })
        };
        sleeper.join().unwrap();
        setter.join().unwrap();
    });
}

/// The one that sets a deadline waits plainly in its slot, and never parks.
#[test]
fn loom_the_watcher_hears_of_a_deadline_in_a_slot_that_is_lent() {
    check(|| {
        let watch = Watch::new();
        let sleeper = sleeper(&watch);
        let _tended = watch.roles.parker(1).tend();
        watch.set_deadline(1);
        watch.roles.parker(1).lend(true);
        sleeper.join().unwrap();
    });
}

/// Models that must fail: were one of them to pass, the suite would have stopped looking.
#[test]
fn loom_canary_quiet() {
    let noticed = |fault, test| assert_noticed(fault, &format!("driver::quiet::model::loom_{test}"));
    noticed("quiet.wake.early", "who_is_woken_by_one_who_falls_asleep_is_seen");
    noticed("quiet.wake.silent", "who_is_woken_by_one_who_falls_asleep_is_seen");
    noticed("quiet.holds.second_read", "who_is_woken_by_one_who_falls_asleep_is_seen");
    noticed("quiet.holds.first_look", "who_has_events_is_seen");
    noticed("quiet.holds.last_look", "a_job_of_one_who_falls_asleep_is_seen");
    noticed("quiet.plainly.silent", "one_who_takes_its_slot_back_is_seen");
    noticed("quiet.plainly.order", "who_is_woken_by_a_plain_one_is_seen");
    noticed("quiet.resume.silent", "a_job_that_takes_a_slot_is_seen");
    noticed("parker.leave.order", "who_is_woken_by_one_who_leaves_is_seen");
    noticed("roles.set_deadline.still", "the_watcher_hears_of_a_deadline_beside_it");
    noticed("roles.set_deadline.still", "the_watcher_hears_of_a_deadline_in_a_slot_that_is_lent");
}
