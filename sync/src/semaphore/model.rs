//! Requests of several sizes against releases, cancels and the end. What is counted in every model: the permits.

use super::{Acquire, Semaphore};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::thread;
use loom::future::block_on;
use std::pin::Pin;
use std::task::{Poll, Waker};

/// Asks for `count` permits, which are not there: the future, in the queue.
fn queued<'a>(semaphore: &'a Semaphore, count: usize, waker: &Waker) -> Pin<Box<Acquire<'a>>> {
    let mut waits = Box::pin(semaphore.acquire_many(count));
    assert!(poll_once(&mut waits, waker).is_pending(), "there are too few");
    waits
}

#[test]
fn loom_a_release_that_races_with_a_cancel_loses_no_permit() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let adds = semaphore.clone();
        let thread = thread::spawn(move || adds.add_permits(1));
        let mut gone = Box::pin(semaphore.acquire());
        let _ = poll_once(&mut gone, Waker::noop()).map(|permit| permit.map(drop));
        drop(gone);
        thread.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
        assert!(semaphore.try_acquire().is_ok());
    });
}

#[test]
fn loom_a_waiter_meets_a_release() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let adds = semaphore.clone();
        let thread = thread::spawn(move || adds.add_permits(1));
        block_on(semaphore.acquire()).expect("open").forget();
        thread.join().unwrap();
        assert_eq!(semaphore.available_permits(), 0);
    });
}

#[test]
fn loom_three_share_one_permit() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let semaphore = semaphore.clone();
                thread::spawn(move || drop(block_on(semaphore.acquire()).expect("open")))
            })
            .collect();
        drop(block_on(semaphore.acquire()).expect("open"));
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn loom_a_large_request_gets_what_two_release_and_is_not_overtaken() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (large_bell, large_waker) = Bell::new();
        let (small_bell, small_waker) = Bell::new();
        let mut large = queued(&semaphore, 2, &large_waker);
        let mut small = queued(&semaphore, 1, &small_waker);
        let others: Vec<_> = (0..2)
            .map(|_| {
                let semaphore = semaphore.clone();
                thread::spawn(move || semaphore.add_permits(1))
            })
            .collect();
        assert!(semaphore.try_acquire().is_err(), "nobody gets past those who wait");
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!((large_bell.rings(), small_bell.rings()), (1, 0));
        let Poll::Ready(Ok(permits)) = poll_once(&mut large, &large_waker) else {
            panic!("there were enough")
        };
        drop(permits);
        assert_eq!(small_bell.rings(), 1);
        assert!(poll_once(&mut small, &small_waker).is_ready());
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
fn loom_a_large_head_that_goes_uncovers_a_small_request() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (bell, waker) = Bell::new();
        let large = queued(&semaphore, 2, Waker::noop());
        let mut small = queued(&semaphore, 1, &waker);
        let adds = semaphore.clone();
        let thread = thread::spawn(move || adds.add_permits(1));
        drop(large);
        thread.join().unwrap();
        assert_eq!(bell.rings(), 1, "its permit is there, and it sleeps");
        assert!(matches!(poll_once(&mut small, &waker), Poll::Ready(Ok(_))));
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn loom_a_granted_permit_passes_on_when_its_future_goes() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let first = queued(&semaphore, 1, Waker::noop());
        let waits = semaphore.clone();
        let waiting = thread::spawn(move || block_on(waits.acquire()).expect("open").forget());
        let adds = semaphore.clone();
        let adding = thread::spawn(move || adds.add_permits(1));
        drop(first);
        adding.join().unwrap();
        waiting.join().unwrap();
        assert_eq!(semaphore.available_permits(), 0);
    });
}

#[test]
fn loom_a_release_a_cancel_and_a_close_conserve_the_permits() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (bell, waker) = Bell::new();
        let first = queued(&semaphore, 1, Waker::noop());
        let mut second = queued(&semaphore, 1, &waker);
        let (adds, closes) = (semaphore.clone(), semaphore.clone());
        let adding = thread::spawn(move || adds.add_permits(1));
        let closing = thread::spawn(move || closes.close());
        drop(first);
        adding.join().unwrap();
        closing.join().unwrap();
        assert_eq!(bell.rings(), 1, "told once, by the one or the other");
        let Poll::Ready(answer) = poll_once(&mut second, &waker) else { panic!("told, and waits on") };
        assert_eq!(semaphore.available_permits() + usize::from(answer.is_ok()), 1);
        drop(answer);
        assert_eq!(semaphore.available_permits(), 1);
        assert!(semaphore.is_closed() && semaphore.try_acquire().is_err());
    });
}

#[test]
fn loom_who_comes_while_it_closes_is_refused_or_told() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let closes = semaphore.clone();
        let thread = thread::spawn(move || closes.close());
        assert!(block_on(semaphore.acquire()).is_err());
        thread.join().unwrap();
    });
}

#[test]
fn loom_adding_beside_acquiring_counts_each_permit_once() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let adds = semaphore.clone();
        let adding = thread::spawn(move || adds.add_permits(2));
        let takes = semaphore.clone();
        let taking = thread::spawn(move || match takes.try_acquire() {
            Ok(permit) => {
                permit.forget();
                1
            }
            Err(_) => 0,
        });
        block_on(semaphore.acquire_many(2)).expect("open").forget();
        adding.join().unwrap();
        let taken = taking.join().unwrap();
        assert_eq!(semaphore.available_permits() + taken, 1);
    });
}

#[test]
fn loom_canary_a_cancelled_grant_that_is_kept() {
    assert_noticed(
        "semaphore.cancel.keeps",
        "semaphore::model::loom_a_granted_permit_passes_on_when_its_future_goes",
    );
}

#[test]
fn loom_canary_a_cancelled_head_that_uncovers_nobody() {
    assert_noticed(
        "semaphore.cancel.covers",
        "semaphore::model::loom_a_large_head_that_goes_uncovers_a_small_request",
    );
}

#[test]
fn loom_canary_one_that_joins_without_saying_so() {
    assert_noticed("semaphore.join.silent", "semaphore::model::loom_a_waiter_meets_a_release");
}
