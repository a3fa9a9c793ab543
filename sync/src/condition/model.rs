//! Notifying against beginning to wait, giving up, and getting the lock again.

use super::Condition;
use crate::Lock;
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::thread;
use loom::future::block_on;
use std::task::Waker;

#[test]
fn loom_no_notification_is_lost_between_unlocking_and_waiting() {
    loom::model(|| {
        let shared = Arc::new((Condition::new(), Lock::new(false)));
        let changes = shared.clone();
        let thread = thread::spawn(move || {
            *block_on(changes.1.lock()) = true;
            changes.0.notify_one();
        });
        block_on(async {
            let mut guard = shared.1.lock().await;
            if !*guard {
                guard = shared.0.wait(guard).await;
            }
            assert!(*guard, "the change came before the notification");
        });
        thread.join().unwrap();
    });
}

#[test]
fn loom_one_that_goes_while_it_is_told_tells_another() {
    loom::model(|| {
        let shared = Arc::new((Condition::new(), Lock::new(())));
        let (condition, lock) = &*shared;
        let mut gone = Box::pin(condition.wait(lock.try_lock().expect("free")));
        assert!(poll_once(&mut gone, Waker::noop()).is_pending());
        let (bell, waker) = Bell::new();
        let mut stays = Box::pin(condition.wait(lock.try_lock().expect("given back")));
        assert!(poll_once(&mut stays, &waker).is_pending());
        let notifies = shared.clone();
        let thread = thread::spawn(move || assert!(notifies.0.notify_one()));
        drop(gone);
        thread.join().unwrap();
        assert_eq!(bell.rings(), 1, "told, or told in the other's place");
        assert!(poll_once(&mut stays, &waker).is_ready());
    });
}

#[test]
fn loom_one_that_goes_while_it_gets_the_lock_again_tells_another() {
    loom::model(|| {
        let shared = Arc::new((Condition::new(), Lock::new(())));
        let (condition, lock) = &*shared;
        let mut told = Box::pin(condition.wait(lock.try_lock().expect("free")));
        assert!(poll_once(&mut told, Waker::noop()).is_pending());
        let (bell, waker) = Bell::new();
        let mut next = Box::pin(condition.wait(lock.try_lock().expect("given back")));
        assert!(poll_once(&mut next, &waker).is_pending());
        let held = lock.try_lock().expect("given back");
        condition.notify_one();
        assert!(poll_once(&mut told, Waker::noop()).is_pending(), "it waits for the lock");
        let locks = shared.clone();
        let thread = thread::spawn(move || drop(block_on(locks.1.lock())));
        drop(held);
        drop(told);
        assert_eq!(bell.rings(), 1);
        thread.join().unwrap();
        assert!(poll_once(&mut next, &waker).is_ready(), "the lock is free");
    });
}

#[test]
fn loom_canary_a_guard_given_back_too_early() {
    assert_noticed(
        "condition.join.late",
        "condition::model::loom_no_notification_is_lost_between_unlocking_and_waiting",
    );
}

#[test]
fn loom_canary_a_notification_that_is_kept() {
    assert_noticed(
        "condition.cancel.keeps",
        "condition::model::loom_one_that_goes_while_it_is_told_tells_another",
    );
}
