//! The lock against those who come, wait, go, and take it in passing.
//!
//! No time passes in a model: nobody is overdue, except one that was woken and lost, and a bell is never rung. Whoever
//! is woken comes.

use super::{Lock, LockFuture};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::thread;
use loom::future::block_on;
use std::pin::Pin;
// Std's: only that one can be a `self` type.
use std::sync::Arc;
use std::task::Waker;

/// Waits for `lock`, which is held: the future, in the queue.
fn queued<'a>(lock: &'a Lock<usize>, waker: &Waker) -> Pin<Box<LockFuture<'a, usize>>> {
    let mut waits = Box::pin(lock.lock());
    assert!(poll_once(&mut waits, waker).is_pending(), "the lock is held");
    waits
}

fn holders_never_overlap(tasks: usize) {
    loom::model(move || {
        let lock = Arc::new(Lock::new(0));
        let others: Vec<_> = (1..tasks)
            .map(|_| {
                let lock = lock.clone();
                thread::spawn(move || block_on(async { *lock.lock().await += 1 }))
            })
            .collect();
        block_on(async { *lock.lock().await += 1 });
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(*lock.try_lock().expect("released"), tasks);
    });
}

#[test]
fn loom_two_holders_never_overlap_and_none_is_forgotten() {
    holders_never_overlap(2);
}

#[test]
fn loom_three_holders_never_overlap_and_none_is_forgotten() {
    holders_never_overlap(3);
}

#[test]
fn loom_one_that_gives_up_passes_its_turn_on() {
    loom::model(|| {
        let lock = Arc::new(Lock::new(0));
        let guard = lock.try_lock().expect("new");
        let gone = queued(&lock, Waker::noop());
        let other = lock.clone();
        let thread = thread::spawn(move || drop(block_on(other.lock())));
        drop(guard);
        drop(gone);
        thread.join().unwrap();
        assert!(lock.try_lock().is_some());
    });
}

#[test]
fn loom_a_head_that_goes_while_the_lock_is_freed_passes_it_on() {
    loom::model(|| {
        let lock = Arc::new(Lock::new(0));
        let guard = lock.clone().try_lock_owned().expect("new");
        let (bell, waker) = Bell::new();
        let head = queued(&lock, Waker::noop());
        let mut second = queued(&lock, &waker);
        let thread = thread::spawn(move || drop(guard));
        drop(head);
        thread.join().unwrap();
        // Told as the new head by the one who freed it, or by the old head that was told and went.
        assert!(bell.rings() >= 1, "the lock is free, and who waits for it sleeps");
        assert!(poll_once(&mut second, &waker).is_ready());
    });
}

#[test]
fn loom_one_that_takes_it_in_passing_tells_the_head_when_done() {
    loom::model(|| {
        let lock = Arc::new(Lock::new(0));
        let guard = lock.clone().try_lock_owned().expect("new");
        let waits = lock.clone();
        let waiting = thread::spawn(move || block_on(async { *waits.lock().await += 1 }));
        let passes = lock.clone();
        let passing = thread::spawn(move || match passes.try_lock() {
            Some(mut held) => {
                *held += 1;
                1
            }
            None => 0,
        });
        drop(guard);
        waiting.join().unwrap();
        let passed = passing.join().unwrap();
        assert_eq!(*lock.try_lock().expect("released"), 1 + passed);
    });
}

#[test]
fn loom_a_head_that_goes_while_another_passes_leaves_the_next_to_be_told() {
    loom::model(|| {
        let lock = Arc::new(Lock::new(0));
        let guard = lock.try_lock().expect("new");
        let (bell, waker) = Bell::new();
        let head = queued(&lock, Waker::noop());
        let mut second = queued(&lock, &waker);
        drop(guard);
        let passes = lock.clone();
        // With the head on its way, this one need not look at the queue when it unlocks.
        let passing = thread::spawn(move || drop(passes.try_lock()));
        drop(head);
        passing.join().unwrap();
        assert!(bell.rings() >= 1, "the lock is free, and who waits for it sleeps");
        assert!(poll_once(&mut second, &waker).is_ready());
    });
}

/// A head that was woken and lost to one that passed: the lock is free now, and kept for it.
fn kept_for_the_head<'a>(lock: &'a Lock<usize>, waker: &Waker) -> Pin<Box<LockFuture<'a, usize>>> {
    let guard = lock.try_lock().expect("new");
    let mut head = queued(lock, waker);
    drop(guard);
    let passing = lock.try_lock().expect("free, and not kept yet");
    assert!(poll_once(&mut head, waker).is_pending(), "woken, and late");
    drop(passing);
    assert!(lock.try_lock().is_none(), "kept for the one that lost");
    head
}

#[test]
fn loom_a_lock_kept_for_one_that_goes_is_kept_no_longer() {
    loom::model(|| {
        let lock = Arc::new(Lock::new(0));
        let head = kept_for_the_head(&lock, Waker::noop());
        let other = lock.clone();
        let thread = thread::spawn(move || drop(block_on(other.lock())));
        drop(head);
        thread.join().unwrap();
        assert!(lock.try_lock().is_some());
    });
}

#[test]
fn loom_a_lock_kept_for_the_head_is_not_taken_by_others() {
    loom::model(|| {
        let lock = Arc::new(Lock::new(0));
        let (bell, waker) = Bell::new();
        let mut head = kept_for_the_head(&lock, &waker);
        let other = lock.clone();
        let thread = thread::spawn(move || other.try_lock().is_some());
        assert_eq!(bell.rings(), 2, "once for each unlock");
        let guard = poll_once(&mut head, &waker);
        assert!(guard.is_ready());
        assert!(!thread.join().unwrap(), "it was kept, and then held");
    });
}

#[test]
fn loom_two_that_wait_are_served_one_after_the_other() {
    loom::model(|| {
        let lock = Arc::new(Lock::new(0));
        let guard = lock.try_lock().expect("new");
        let first = queued(&lock, Waker::noop());
        let other = lock.clone();
        let thread = thread::spawn(move || block_on(async { *other.lock().await += 1 }));
        drop(guard);
        // Polled with another waker than it was told by.
        *block_on(first) += 1;
        thread.join().unwrap();
        assert_eq!(*lock.try_lock().expect("released"), 2);
    });
}

#[test]
fn loom_canary_a_cancelled_head_that_tells_nobody() {
    assert_noticed(
        "lock.give_up.silent",
        "lock::model::loom_a_head_that_goes_while_the_lock_is_freed_passes_it_on",
    );
}

#[test]
fn loom_canary_one_that_joins_and_does_not_look_again() {
    assert_noticed("lock.join.blind", "lock::model::loom_two_holders_never_overlap_and_none_is_forgotten");
}

#[test]
fn loom_canary_an_unlock_that_publishes_nothing() {
    assert_noticed("lock.unlock.order", "lock::model::loom_two_holders_never_overlap_and_none_is_forgotten");
}

#[test]
fn loom_canary_a_head_that_looks_in_vain_and_counts_as_on_its_way() {
    assert_noticed(
        "lock.step.turns",
        "lock::model::loom_one_that_takes_it_in_passing_tells_the_head_when_done",
    );
}

#[test]
fn loom_canary_a_head_that_has_gone_and_counts_as_on_its_way() {
    assert_noticed(
        "lock.give_up.turns",
        "lock::model::loom_a_head_that_goes_while_another_passes_leaves_the_next_to_be_told",
    );
}
