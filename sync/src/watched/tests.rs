use crate::testing::{Hand, PanicOnWake, leak};
use crate::watchman::held::{self, INTERVAL_US, OVERDUE_US};
use crate::{CapacityLimiter, Lock, RwLock, Semaphore};
use std::future::Future;
use std::sync::Arc;
use std::task::Waker;

/// Those of `people` that live are polled when they are woken, and give back at once what they get, or after `pauses`. The dead
/// never are. All that live must get through.
fn the_living_get_through<F: Future>(
    people: Vec<(Hand<F>, bool)>,
    clock: &held::Hold,
    mut pauses: impl FnMut() -> u64,
    why: &str,
) {
    let (mut living, dead): (Vec<_>, Vec<_>) = people.into_iter().partition(|(_, lives)| *lives);
    let mut rounds = 0;
    while !living.is_empty() {
        let woken = living.iter_mut().position(|(hand, _)| hand.wakes() > 0);
        if let Some(at) = woken {
            let got = living[at].0.poll();
            if got.is_ready() {
                drop(living.remove(at));
                clock.pass(pauses());
            }
            drop(got);
        } else {
            clock.pass(INTERVAL_US);
            rounds += 1;
            assert!(rounds < 200, "{why}: {} sleep, and nobody has it", living.len());
        }
    }
    // The dead rise, and are served as well.
    let mut dead: Vec<_> = dead.into_iter().map(|(hand, _)| hand).collect();
    while !dead.is_empty() {
        let before = dead.len();
        dead.retain_mut(|hand| hand.poll().is_pending());
        clock.pass(OVERDUE_US);
        rounds += 1;
        assert!(dead.len() < before || rounds < 400, "{why}: one that came back is not served");
    }
    clock.pass(2 * OVERDUE_US);
    assert_eq!(clock.entries(), 0, "{why}: visited for nothing");
}

/// Every order of up to `most` that live or are dead, behind somebody that has `taken` it all, with the end of that before, at and after a
/// visit.
fn in_every_order<P, F: Future, G>(
    most: u32,
    make: impl Fn() -> P,
    take: impl Fn(&P) -> G,
    wait: impl Fn(&P) -> F,
) {
    for count in 1..=most {
        for lives in 0..1_u32 << count {
            for early in [0, INTERVAL_US / 2, INTERVAL_US, OVERDUE_US] {
                for pause in [0, INTERVAL_US / 2, OVERDUE_US] {
                    let clock = held::hold();
                    let primitive = make();
                    let taken = take(&primitive);
                    let mut people: Vec<_> =
                        (0..count).map(|at| (Hand::new(wait(&primitive)), lives >> at & 1 == 1)).collect();
                    people.iter_mut().for_each(|(hand, _)| hand.pends());
                    clock.pass(early);
                    drop(taken);
                    let why = format!("{lives:b} of {count} live, {early} us, pauses of {pause} us");
                    the_living_get_through(people, &clock, || pause, &why);
                }
            }
        }
    }
}

#[test]
fn of_a_lock_the_living_get_through_in_whatever_order_they_stand() {
    in_every_order(6, || leak(Lock::new(())), |lock| lock.try_lock().unwrap(), |lock| lock.lock());
}

#[test]
fn of_an_rwlock_the_living_get_through_in_whatever_order_they_stand() {
    let make = || leak(RwLock::new(()));
    in_every_order(6, make, |lock| lock.try_write().unwrap(), |lock| lock.write());
    // Those who read come in together.
    in_every_order(4, make, |lock| lock.try_write().unwrap(), |lock| lock.read());
}

#[test]
fn of_a_semaphore_the_living_get_through_in_whatever_order_they_stand() {
    for count in 1..=2 {
        in_every_order(
            6,
            || leak(Semaphore::new(2)),
            |semaphore| semaphore.try_acquire_many(2).unwrap(),
            |semaphore| semaphore.acquire_many(count),
        );
    }
}

#[test]
fn of_a_limiter_the_living_get_through_in_whatever_order_they_stand() {
    in_every_order(
        6,
        || leak(CapacityLimiter::new(1)),
        |limiter| limiter.try_acquire().unwrap(),
        |limiter| limiter.acquire(),
    );
}

#[test]
fn a_thousand_dead_are_passed_in_a_moment() {
    let clock = held::hold();
    let lock = Lock::new(());
    let guard = lock.try_lock().unwrap();
    let mut dead: Vec<_> = (0..1_000).map(|_| Hand::new(lock.lock())).collect();
    dead.iter_mut().for_each(Hand::pends);
    let mut living = Hand::new(lock.lock());
    living.pends();
    drop(guard);
    let mut visits = 0;
    while living.wakes() == 0 {
        clock.pass(INTERVAL_US);
        visits += 1;
    }
    drop(living.ready());
    assert!(visits < 50, "{visits} visits");
}

#[test]
fn where_nobody_is_late_or_nobody_else_waits_nothing_is_visited_or_asked() {
    let clock = held::hold();
    let lock = Lock::new(());
    let guard = lock.try_lock().unwrap();
    let mut alone = Hand::new(lock.lock());
    alone.pends();
    drop(guard);
    assert_eq!(clock.entries(), 0, "nobody else waits");
    drop(alone.ready());
    let guard = lock.try_lock().unwrap();
    let (mut first, mut second) = (Hand::new(lock.lock()), Hand::new(lock.lock()));
    first.pends();
    second.pends();
    drop(guard);
    assert_eq!(clock.entries(), 1);
    clock.pass(INTERVAL_US);
    let guard = first.ready();
    clock.pass(OVERDUE_US);
    assert_eq!((second.wakes(), clock.entries()), (0, 0), "it is held, and not kept in vain");
    drop(guard);
    drop(second.ready());
}

#[test]
fn what_is_visited_may_be_gone_or_stand_elsewhere() {
    let clock = held::hold();
    let semaphore = Box::new(Semaphore::new(0));
    for _ in 0..3 {
        let mut leaked = Hand::new(semaphore.acquire());
        leaked.pends();
        leak(leaked);
    }
    semaphore.add_permits(1);
    assert_eq!(clock.entries(), 1);
    let moved = *semaphore;
    clock.pass(OVERDUE_US);
    let mut late = Hand::new(moved.acquire());
    late.pends();
    clock.pass(OVERDUE_US);
    assert!(late.wakes() > 0 || clock.entries() == 1);
    drop(late);
    drop(moved);
    clock.pass(20 * OVERDUE_US);
    assert_eq!(clock.entries(), 0, "all that are left were asked");
}

#[test]
fn a_waker_that_panics_when_it_is_asked_costs_the_others_nothing() {
    let clock = held::hold();
    let lock = Lock::new(());
    let guard = lock.try_lock().unwrap();
    let (mut dead, mut hostile, mut living) =
        (Hand::new(lock.lock()), Hand::new(lock.lock()), Hand::new(lock.lock()));
    dead.pends();
    assert!(hostile.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    living.pends();
    drop(guard);
    let mut visits = 0;
    while living.wakes() == 0 {
        clock.pass(INTERVAL_US);
        visits += 1;
        assert!(visits < 10, "nobody is asked");
    }
    drop(living.ready());
}
