//! Setting against looking, waiting and going away.

use super::{SetOnce, SetOnceWait};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::thread;
use loom::future::block_on;
use std::pin::Pin;
use std::task::Waker;

/// Waits for `once`, which is not set: the future, in the queue.
fn queued<'a>(once: &'a SetOnce<usize>, waker: &Waker) -> Pin<Box<SetOnceWait<'a, usize>>> {
    let mut waits = Box::pin(once.wait());
    assert!(poll_once(&mut waits, waker).is_pending(), "it is not set");
    waits
}

#[test]
fn loom_who_looks_sees_all_of_the_value_or_nothing() {
    loom::model(|| {
        let once = Arc::new(SetOnce::new());
        let looks = once.clone();
        // The other one looks: the checker takes a load that comes first for one that cannot come later.
        let thread = thread::spawn(move || assert!(looks.get().is_none_or(|value| *value == 7)));
        once.set(7).expect("alone");
        thread.join().unwrap();
        assert_eq!(once.get(), Some(&7));
    });
}

#[test]
fn loom_a_waiter_meets_the_value() {
    loom::model(|| {
        let once = Arc::new(SetOnce::new());
        let sets = once.clone();
        let thread = thread::spawn(move || sets.set(7).expect("alone"));
        assert_eq!(block_on(once.wait()), &7);
        thread.join().unwrap();
    });
}

#[test]
fn loom_of_two_that_set_one_is_refused_and_finds_the_others_value() {
    loom::model(|| {
        let once = Arc::new(SetOnce::new());
        let sets = once.clone();
        let thread = thread::spawn(move || sets.set(1).is_ok());
        let mine = once.set(2).is_ok();
        let seen = *once.get().expect("set, by this one or by the other");
        assert_eq!(seen, if mine { 2 } else { 1 });
        assert_eq!(thread.join().unwrap(), !mine);
    });
}

#[test]
fn loom_one_that_goes_takes_nobodys_wake_up_along() {
    loom::model(|| {
        let once = Arc::new(SetOnce::new());
        let gone = queued(&once, Waker::noop());
        let (bell, waker) = Bell::new();
        let mut stays = queued(&once, &waker);
        let sets = once.clone();
        let thread = thread::spawn(move || sets.set(7).expect("alone"));
        drop(gone);
        thread.join().unwrap();
        assert_eq!(bell.rings(), 1);
        assert!(poll_once(&mut stays, &waker).is_ready());
    });
}

#[test]
fn loom_canary_a_value_that_is_not_published() {
    assert_noticed("set_once.set.order", "set_once::model::loom_who_looks_sees_all_of_the_value_or_nothing");
}

#[test]
fn loom_canary_a_waiter_that_does_not_look_again() {
    assert_noticed("set_once.wait.blind", "set_once::model::loom_a_waiter_meets_the_value");
}
