//! Setting against waiting, clearing and going away.

use super::{Event, EventWait};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::thread;
use loom::future::block_on;
use std::pin::Pin;
use std::task::Waker;

/// Waits for `event`, which is clear: the future, in the queue.
fn queued<'a>(event: &'a Event, waker: &Waker) -> Pin<Box<EventWait<'a>>> {
    let mut waits = Box::pin(event.wait());
    assert!(poll_once(&mut waits, waker).is_pending(), "it is clear");
    waits
}

#[test]
fn loom_a_waiter_meets_a_set_that_is_cleared_at_once() {
    loom::model(|| {
        let event = Arc::new(Event::new());
        let sets = event.clone();
        let thread = thread::spawn(move || sets.set());
        block_on(event.wait());
        event.clear();
        thread.join().unwrap();
        assert!(!event.is_set());
    });
}

#[test]
fn loom_who_is_released_sees_what_was_done_before() {
    loom::model(|| {
        let event = Arc::new((Event::new(), AtomicUsize::new(0)));
        let sets = event.clone();
        let thread = thread::spawn(move || {
            // Ordering: Relaxed here and below: that the event publishes it is the question.
            sets.1.store(1, Ordering::Relaxed);
            sets.0.set();
        });
        block_on(event.0.wait());
        assert_eq!(event.1.load(Ordering::Relaxed), 1);
        thread.join().unwrap();
    });
}

#[test]
fn loom_a_set_releases_those_who_waited_and_no_others() {
    loom::model(|| {
        let event = Arc::new(Event::new());
        let (bell, waker) = Bell::new();
        let mut before: Vec<_> = (0..2).map(|_| queued(&event, &waker)).collect();
        let sets = event.clone();
        let thread = thread::spawn(move || sets.set());
        let mut late = None;
        let (late_bell, late_waker) = Bell::new();
        if event.is_set() {
            // The setter may still be between two batches.
            event.clear();
            late = Some(queued(&event, &late_waker));
        }
        thread.join().unwrap();
        assert_eq!(bell.rings(), 2);
        assert!(
            before.iter_mut().all(|waits| poll_once(waits, &waker).is_ready()),
            "cleared, and released all the same"
        );
        if let Some(late) = &mut late {
            assert_eq!(late_bell.rings(), 0, "it came after the clear");
            assert!(poll_once(late, &late_waker).is_pending());
            event.set();
            assert_eq!(late_bell.rings(), 1);
        }
    });
}

#[test]
fn loom_one_that_goes_while_it_is_set_takes_nobodys_release_along() {
    loom::model(|| {
        let event = Arc::new(Event::new());
        let gone = queued(&event, Waker::noop());
        let waits = event.clone();
        let waiting = thread::spawn(move || block_on(waits.wait()));
        let sets = event.clone();
        let setting = thread::spawn(move || sets.set());
        drop(gone);
        waiting.join().unwrap();
        setting.join().unwrap();
        assert!(event.is_set());
    });
}

#[test]
fn loom_one_that_comes_while_the_last_goes_is_released() {
    loom::model(|| {
        let event = Arc::new(Event::new());
        let gone = queued(&event, Waker::noop());
        let waits = event.clone();
        let thread = thread::spawn(move || block_on(waits.wait()));
        // Clears the flag that somebody waits, or leaves it to the one that just came.
        drop(gone);
        event.set();
        thread.join().unwrap();
    });
}

#[test]
fn loom_two_that_set_and_one_that_clears_leave_nobody_behind() {
    loom::model(|| {
        let event = Arc::new(Event::new());
        let (bell, waker) = Bell::new();
        let mut waits = queued(&event, &waker);
        let others: Vec<_> = (0..2)
            .map(|_| {
                let sets = event.clone();
                thread::spawn(move || sets.set())
            })
            .collect();
        event.clear();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(bell.rings(), 1);
        assert!(poll_once(&mut waits, &waker).is_ready());
    });
}

#[test]
fn loom_canary_a_set_that_releases_late_comers() {
    assert_noticed("event.release.all", "event::model::loom_a_set_releases_those_who_waited_and_no_others");
}

#[test]
fn loom_canary_a_set_that_publishes_nothing() {
    assert_noticed("event.set.order", "event::model::loom_who_is_released_sees_what_was_done_before");
}
