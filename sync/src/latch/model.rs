//! Arriving against waiting and going away.

use super::{Latch, LatchWait};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::thread;
use loom::future::block_on;
use std::pin::Pin;
use std::task::Waker;

/// Waits for `latch`, which is closed: the future, in the queue.
fn queued<'a>(latch: &'a Latch, waker: &Waker) -> Pin<Box<LatchWait<'a>>> {
    let mut waits = Box::pin(latch.wait());
    assert!(poll_once(&mut waits, waker).is_pending(), "it is closed");
    waits
}

#[test]
fn loom_who_passes_sees_what_all_who_arrived_did() {
    loom::model(|| {
        let shared = Arc::new((Latch::new(2), AtomicUsize::new(0), AtomicUsize::new(0)));
        let arrives = shared.clone();
        let thread = thread::spawn(move || {
            // Ordering: Relaxed here and below: that the latch publishes it is the question.
            arrives.1.store(1, Ordering::Relaxed);
            arrives.0.count_down();
        });
        shared.2.store(1, Ordering::Relaxed);
        shared.0.count_down();
        block_on(shared.0.wait());
        assert_eq!((shared.1.load(Ordering::Relaxed), shared.2.load(Ordering::Relaxed)), (1, 1));
        thread.join().unwrap();
    });
}

#[test]
fn loom_one_that_goes_takes_nobodys_wake_up_along() {
    loom::model(|| {
        let latch = Arc::new(Latch::new(1));
        let gone = queued(&latch, Waker::noop());
        let (bell, waker) = Bell::new();
        let mut stays = queued(&latch, &waker);
        let arrives = latch.clone();
        let thread = thread::spawn(move || arrives.count_down());
        drop(gone);
        thread.join().unwrap();
        assert_eq!(bell.rings(), 1);
        assert!(poll_once(&mut stays, &waker).is_ready());
    });
}

#[test]
fn loom_canary_an_arrival_that_publishes_nothing() {
    assert_noticed("latch.arrive.order", "latch::model::loom_who_passes_sees_what_all_who_arrived_did");
}

#[test]
fn loom_canary_a_waiter_that_does_not_look_again() {
    assert_noticed("latch.wait.blind", "latch::model::loom_who_passes_sees_what_all_who_arrived_did");
}
