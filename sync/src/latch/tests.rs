//! Covers what the standard latches of C++ and Java promise, and R-80 (no user code under a lock), R-90 (auto traits).

use super::{ArriveError, Latch, LatchStatistics, LatchWait};
use crate::testing::{Hand, PanicOnWake, within_a_minute};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

assert_impl_all!(Latch: Send, Sync, Unpin);
assert_impl_all!(LatchWait<'static>: Send, Sync);
assert_not_impl_any!(LatchWait<'static>: Unpin);
assert_impl_all!(ArriveError: Send, Sync, Unpin, std::error::Error);
assert_impl_all!(LatchStatistics: Send, Sync, Unpin);

#[test]
fn it_opens_for_all_at_zero_and_stays_open() {
    let latch = Latch::new(3);
    let mut waiters: Vec<_> = (0..100).map(|_| Hand::new(latch.wait())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    latch.count_down();
    latch.arrive(1).unwrap();
    assert_eq!(latch.count(), 1);
    assert!(!latch.try_wait());
    assert!(waiters.iter().all(|waiter| waiter.wakes() == 0));
    latch.count_down();
    assert!(waiters.iter().all(|waiter| waiter.wakes() == 1));
    waiters.iter_mut().for_each(Hand::ready);
    Hand::new(latch.wait()).ready();
    latch.wait_blocking();
    latch.count_down();
    assert!(latch.try_wait());
    assert_eq!(latch.statistics(), LatchStatistics { count: 0, waiters: 0, waiters_peak: 100 });
}

#[test]
fn more_than_it_waits_for_is_an_error_and_changes_nothing() {
    let latch = Latch::new(2);
    let mut waits = Hand::new(latch.wait());
    waits.pends();
    let refused = latch.arrive(3).unwrap_err();
    assert_eq!((refused.count(), refused.to_string()), (2, "the latch waits for 2 only".to_owned()));
    assert_eq!((latch.count(), waits.wakes()), (2, 0));
    assert_eq!(latch.arrive(usize::MAX).unwrap_err().count(), 2);
    assert_eq!(latch.arrive(0), Ok(()));
    waits.pends();
    assert_eq!(latch.arrive(2), Ok(()));
    waits.ready();
    assert_eq!(latch.arrive(0), Ok(()));
    assert_eq!(latch.arrive(1).unwrap_err().count(), 0);
}

#[test]
fn for_nobody_it_is_open() {
    Hand::new(Latch::new(0).wait()).ready();
    assert_eq!(format!("{:?}", Latch::new(4)), "Latch { count: 4, .. }");
}

#[test]
fn who_leaves_and_hostile_wakers_harm_nobody() {
    let latch = Latch::new(1);
    let mut gone = Hand::new(latch.wait());
    let mut hostile = Hand::new(latch.wait());
    let mut stays = Hand::new(latch.wait());
    gone.pends();
    assert!(hostile.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    stays.pends();
    drop(gone);
    assert_eq!(latch.statistics().waiters, 2);
    latch.count_down();
    assert_eq!(stays.wakes(), 1);
    stays.ready();
    hostile.ready();
}

#[test]
fn who_passes_sees_what_was_done_before() {
    within_a_minute(|| {
        for _ in 0..200 {
            let shared = Arc::new((Latch::new(3), AtomicUsize::new(0)));
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    let shared = shared.clone();
                    std::thread::spawn(move || {
                        shared.1.fetch_add(1, Ordering::Relaxed);
                        shared.0.count_down();
                    })
                })
                .collect();
            shared.0.wait_blocking();
            assert_eq!(shared.1.load(Ordering::Relaxed), 3);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        }
    });
}
