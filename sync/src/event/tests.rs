//! Covered among others: what `CPython`'s `test_locks` pins for `Event`; R-80 (no user code under the lock).

use super::{Event, EventStatistics, EventWait};
use crate::testing::{Count, Hand, PanicOnWake, within_a_minute};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::Waker;

assert_impl_all!(Event: Send, Sync, Unpin, Default);
assert_impl_all!(EventWait<'static>: Send, Sync);
assert_not_impl_any!(EventWait<'static>: Unpin);
assert_impl_all!(EventStatistics: Send, Sync, Unpin);

#[test]
fn setting_releases_all_and_stays_set() {
    let event = Event::new();
    let mut waiters: Vec<_> = (0..100).map(|_| Hand::new(event.wait())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    event.set();
    assert!(waiters.iter().all(|waiter| waiter.wakes() == 1));
    waiters.iter_mut().for_each(Hand::ready);
    assert!(event.is_set());
    Hand::new(event.wait()).ready();
    event.wait_blocking();
    event.set();
    event.clear();
    assert!(!event.is_set());
    Hand::new(event.wait()).pends();
    assert_eq!(format!("{event:?}"), "Event { set: false, .. }");
}

#[test]
fn released_means_released_even_when_cleared_before_the_poll() {
    let event = Event::default();
    let mut before = Hand::new(event.wait());
    before.pends();
    event.set();
    event.clear();
    let mut after = Hand::new(event.wait());
    after.pends();
    before.ready();
    after.pends();
    assert_eq!((before.wakes(), after.wakes()), (1, 0));
    event.set();
    after.ready();
}

/// A waker that, between two batches of the setter, clears the event and begins to wait anew.
struct Interferes {
    event: Arc<Event>,
    ran: AtomicUsize,
    late: std::sync::Mutex<Option<Hand<super::EventWait<'static>>>>,
}

impl std::task::Wake for Interferes {
    fn wake(self: Arc<Self>) {
        self.ran.fetch_add(1, Ordering::Relaxed);
        self.event.clear();
        if let Some(late) = self.late.lock().unwrap().as_mut() {
            late.pends();
        }
    }
}

#[test]
fn who_joins_after_a_clear_between_two_batches_is_left_alone() {
    static EVENT: LazyLock<Arc<Event>> = LazyLock::new(Arc::default);
    let event = &*EVENT;
    let mut early: Vec<_> = (0..100).map(|_| Hand::new(event.wait())).collect();
    let interferes = Arc::new(Interferes {
        event: event.clone(),
        ran: AtomicUsize::new(0),
        late: std::sync::Mutex::new(Some(Hand::new(event.wait()))),
    });
    assert!(early[0].poll_with(&Waker::from(interferes.clone())).is_pending());
    early[1..].iter_mut().for_each(Hand::pends);
    event.set();
    assert_eq!(interferes.ran.load(Ordering::Relaxed), 1);
    let mut late = interferes.late.lock().unwrap().take().unwrap();
    late.pends();
    assert_eq!(late.wakes(), 0);
    early.iter_mut().for_each(Hand::ready);
    event.set();
    assert_eq!(late.wakes(), 1);
    late.ready();
}

#[test]
fn leaving_leaves_no_trace() {
    let event = Event::new();
    let mut gone = Hand::new(event.wait());
    let mut stays = Hand::new(event.wait());
    gone.pends();
    stays.pends();
    drop(gone);
    event.set();
    assert_eq!(stays.wakes(), 1);
    drop(stays);
    event.clear();
    let mut again = Hand::new(event.wait());
    again.pends();
    drop(again);
    event.set();
    assert!(event.is_set());
}

#[test]
fn hostile_and_replaced_wakers() {
    let event = Event::new();
    let (a, waker_a) = Count::new();
    let (b, waker_b) = Count::new();
    let mut hostile = Hand::new(event.wait());
    let mut waiter = Hand::new(event.wait());
    assert!(hostile.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    assert!(waiter.poll_with(&waker_a).is_pending());
    assert!(waiter.poll_with(&waker_b).is_pending());
    event.set();
    assert_eq!((a.take(), b.take()), (0, 1));
    waiter.ready();
    hostile.ready();
}

#[test]
fn two_threads_pass_a_ball_by_events() {
    within_a_minute(|| {
        let events = Arc::new([Event::new(), Event::new()]);
        let turns = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..2)
            .map(|me| {
                let (events, turns) = (events.clone(), turns.clone());
                std::thread::spawn(move || {
                    for _ in 0..10_000 {
                        events[me].wait_blocking();
                        events[me].clear();
                        turns.fetch_add(1, Ordering::Relaxed);
                        events[1 - me].set();
                    }
                })
            })
            .collect();
        events[0].set();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(turns.load(Ordering::Relaxed), 20_000);
    });
}

#[test]
fn an_owned_wait_keeps_the_event() {
    let event = Arc::new(Event::new());
    let mut waits = Hand::new(event.clone().wait_owned());
    waits.pends();
    let seen = event.statistics();
    assert_eq!((seen.set, seen.waiters, seen.waiters_peak), (false, 1, 1));
    event.set();
    drop(event);
    assert_eq!(waits.wakes(), 1);
    waits.ready();
}

#[test]
fn statistics_are_what_there_is() {
    let event = Event::new();
    let mut waiters: Vec<_> = (0..3).map(|_| Hand::new(event.wait())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    waiters.pop();
    assert_eq!(event.statistics().waiters, 2);
    event.set();
    let seen = event.statistics();
    assert_eq!((seen.set, seen.waiters, seen.waiters_peak), (true, 0, 3));
}

#[test]
fn a_storm_of_waiters_that_come_and_go_leaves_nobody_behind() {
    within_a_minute(|| {
        let event = Arc::new(Event::new());
        let through = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..8)
            .map(|seed| {
                let (event, through) = (event.clone(), through.clone());
                std::thread::spawn(move || {
                    let mut random = crate::testing::Random::new(seed + 1);
                    for _ in 0..500 {
                        let mut gives_up = Hand::new(event.wait());
                        let _ = gives_up.poll();
                        if random.below(2) == 0 {
                            std::thread::yield_now();
                        }
                        drop(gives_up);
                        event.wait_blocking();
                        through.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        while !threads.iter().all(std::thread::JoinHandle::is_finished) {
            event.set();
            event.clear();
            std::thread::yield_now();
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(through.load(Ordering::Relaxed), 4_000);
        assert_eq!(event.statistics().waiters, 0);
    });
}
