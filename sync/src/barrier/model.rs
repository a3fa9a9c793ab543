//! Arriving against arriving, giving up, and breaking.

use super::{Barrier, BarrierWait};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::thread;
use loom::future::block_on;
use std::pin::Pin;
use std::task::{Poll, Waker};

/// Waits for the others: the future, in the queue.
fn queued<'a>(barrier: &'a Barrier, waker: &Waker) -> Pin<Box<BarrierWait<'a>>> {
    let mut waits = Box::pin(barrier.wait());
    assert!(poll_once(&mut waits, waker).is_pending(), "others are missing");
    waits
}

#[test]
fn loom_all_pass_and_each_has_its_index() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(3));
        let (bell, waker) = Bell::new();
        let mut first = queued(&barrier, &waker);
        let arrives = barrier.clone();
        let thread = thread::spawn(move || block_on(arrives.wait()).expect("whole").index());
        let mine = block_on(barrier.wait()).expect("whole").index();
        let other = thread.join().unwrap();
        assert_eq!(bell.rings(), 1);
        let Poll::Ready(Ok(result)) = poll_once(&mut first, &waker) else { panic!("it tripped") };
        assert_eq!((result.index(), mine + other), (0, 3));
        assert_ne!(mine, other);
    });
}

#[test]
fn loom_two_rounds_do_not_mix() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let rounds = |barrier: &Barrier| {
            [(); 2].map(|()| usize::from(block_on(barrier.wait()).expect("whole").is_leader()))
        };
        let other = barrier.clone();
        let thread = thread::spawn(move || rounds(&other));
        let mine = rounds(&barrier);
        let other = thread.join().unwrap();
        assert_eq!([mine[0] + other[0], mine[1] + other[1]], [1, 1], "one leader a round");
        assert_eq!((barrier.waiting(), barrier.statistics().trips), (0, 2));
    });
}

#[test]
fn loom_the_last_arrives_while_another_gives_up() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let gone = queued(&barrier, Waker::noop());
        let arrives = barrier.clone();
        let (bell, waker) = Bell::new();
        let rings = waker.clone();
        let thread = thread::spawn(move || {
            let mut waits = Box::pin(arrives.wait());
            match poll_once(&mut waits, &rings) {
                Poll::Ready(result) => assert!(result.expect("whole").is_leader()),
                // The other was gone: whoever comes next meets this one.
                Poll::Pending => {
                    assert!(block_on(arrives.wait()).expect("whole").is_leader());
                    assert!(poll_once(&mut waits, &rings).is_ready());
                }
            }
        });
        drop(gone);
        thread.join().unwrap();
        assert!(bell.rings() <= 1);
        assert_eq!((barrier.waiting(), barrier.statistics().trips), (0, 1));
    });
}

#[test]
fn loom_a_trip_meets_an_abort() {
    loom::model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let (bell, waker) = Bell::new();
        let mut first = queued(&barrier, &waker);
        let aborts = barrier.clone();
        let thread = thread::spawn(move || aborts.abort());
        let passed = block_on(barrier.wait()).is_ok();
        thread.join().unwrap();
        assert_eq!(bell.rings(), 1);
        let Poll::Ready(first) = poll_once(&mut first, &waker) else { panic!("told") };
        assert_eq!(first.is_ok(), passed, "all of a round or none");
        assert!(barrier.is_broken());
    });
}

#[test]
fn loom_canary_a_trip_that_forgets_some() {
    assert_noticed("barrier.gather.one", "barrier::model::loom_all_pass_and_each_has_its_index");
}
