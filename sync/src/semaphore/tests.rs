//! Covered among others: what `CPython`'s `test_locks` pins for `Semaphore` and `BoundedSemaphore`, and tokio's `sync_semaphore`,
//! `sync_semaphore_owned` and `batch_semaphore` suites; R-80 (no user code under the lock), R-83 (forgetting keeps `CLOSED`), R-84 (a
//! cancelled waiter that was woken passes the wake-up on).

use super::{
    Acquire, Closed, MAX_PERMITS, OwnedSemaphorePermit, Semaphore, SemaphorePermit, SemaphoreStatistics,
    TooManyPermits, TryAcquireError,
};
use crate::testing::{Count, Hand, PanicOnWake, Random, within_a_minute};
use crate::watchman::held;
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Wake, Waker};
use std::thread::{self, ThreadId};

mod abandoned;

assert_impl_all!(Semaphore: Send, Sync, Unpin);
assert_impl_all!(SemaphorePermit<'static>: Send, Sync, Unpin);
assert_impl_all!(OwnedSemaphorePermit: Send, Sync, Unpin);
assert_impl_all!(Acquire<'static>: Send, Sync);
assert_not_impl_any!(Acquire<'static>: Unpin);
assert_impl_all!(SemaphoreStatistics: Send, Sync, Unpin);
assert_impl_all!(Closed: std::error::Error, Send, Sync);
assert_impl_all!(TryAcquireError: std::error::Error, Send, Sync);
assert_impl_all!(TooManyPermits: std::error::Error, Send, Sync);

/// A semaphore whose epochs the test ends.
fn by_hand(permits: usize) -> Semaphore {
    let semaphore = Semaphore::new(permits);
    semaphore.turn_by_hand();
    semaphore
}

/// What is kept for those who were told now is taken back.
fn run_out(semaphore: &Semaphore) {
    semaphore.turn_by_hand();
    semaphore.turn_by_hand();
}

#[test]
fn permits_go_out_in_order_and_nobody_gets_past() {
    let _clock = held::hold();
    let semaphore = by_hand(1);
    let permit = semaphore.try_acquire().unwrap();
    let mut waiters: Vec<_> = (0..3).map(|_| Hand::new(semaphore.acquire())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    drop(permit);
    for _ in 0..3 {
        assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits, "it is kept");
        assert!(waiters[1..].iter().all(|waiter| waiter.wakes() == 0), "beyond the first nobody");
        waiters[1..].iter_mut().for_each(Hand::pends);
        let mut first = waiters.remove(0);
        assert!(first.wakes() > 0);
        drop(first.ready().unwrap());
    }
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn a_large_request_is_not_starved_by_small_ones() {
    let semaphore = Semaphore::new(3);
    let held = semaphore.try_acquire_many(2).unwrap();
    let mut large = Hand::new(semaphore.acquire_many(3));
    let mut small = Hand::new(semaphore.acquire());
    large.pends();
    small.pends();
    assert_eq!(semaphore.available_permits(), 1);
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    drop(held);
    assert_eq!(large.wakes(), 1);
    small.pends();
    let permit = large.ready().unwrap();
    assert_eq!(permit.count(), 3);
    drop(permit);
    assert!(small.wakes() > 0);
    drop(small.ready().unwrap());
    assert_eq!(semaphore.available_permits(), 3);
}

#[test]
fn a_large_head_that_leaves_lets_the_small_ones_go() {
    let semaphore = Semaphore::new(1);
    let mut large = Hand::new(semaphore.acquire_many(5));
    let mut small = Hand::new(semaphore.acquire());
    large.pends();
    small.pends();
    drop(large);
    assert_eq!(small.wakes(), 1);
    drop(small.ready().unwrap());
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn one_release_serves_as_many_as_it_can_even_beyond_a_batch() {
    let _clock = held::hold();
    let semaphore = by_hand(0);
    let mut waiters: Vec<_> = (0..100).map(|_| Hand::new(semaphore.acquire())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    semaphore.add_permits(90);
    assert!(waiters[..90].iter().all(|waiter| waiter.wakes() == 1));
    assert!(waiters[90..].iter().map(Hand::wakes).sum::<usize>() <= 1, "one is to watch");
    waiters[90..].iter_mut().for_each(Hand::pends);
    assert!(waiters[..90].iter_mut().all(|waiter| waiter.ready().is_ok()));
    assert!(waiters[90..].iter().all(|waiter| waiter.wakes() > 0), "dropped permits went on");
    assert!(waiters[90..].iter_mut().all(|waiter| waiter.ready().is_ok()));
    assert_eq!(semaphore.available_permits(), 90);
}

#[test]
fn a_granted_waiter_that_is_dropped_passes_its_permits_on() {
    let _clock = held::hold();
    let semaphore = Semaphore::new(0);
    let mut first = Hand::new(semaphore.acquire_many(2));
    let mut second = Hand::new(semaphore.acquire_many(2));
    first.pends();
    second.pends();
    semaphore.add_permits(2);
    assert_eq!(first.wakes(), 1);
    second.pends();
    drop(first);
    assert!(second.wakes() > 0);
    assert_eq!(semaphore.statistics().kept, 2);
    drop(second);
    assert_eq!(semaphore.available_permits(), 2);
}

#[test]
fn closing_refuses_who_waits_and_who_comes_and_keeps_what_was_given() {
    let semaphore = Semaphore::new(0);
    let mut granted = Hand::new(semaphore.acquire());
    let mut waiters: Vec<_> = (0..70).map(|_| Hand::new(semaphore.acquire())).collect();
    granted.pends();
    waiters.iter_mut().for_each(Hand::pends);
    semaphore.add_permits(1);
    semaphore.close();
    semaphore.close();
    assert!(semaphore.is_closed());
    assert!(waiters.iter_mut().all(|waiter| waiter.wakes() == 1 && waiter.ready().is_err()));
    assert_eq!(granted.ready().unwrap().count(), 1);
    assert_eq!(semaphore.available_permits(), 1);
    assert!(Hand::new(semaphore.acquire_many(0)).ready().is_err());
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Closed);
    semaphore.add_permits(1);
    assert!(semaphore.is_closed(), "no field touches its neighbour");
    assert_eq!(semaphore.available_permits(), 2);
}

#[test]
fn counts_saturate_at_the_maximum() {
    let semaphore = Semaphore::new(usize::MAX);
    assert_eq!(semaphore.available_permits(), MAX_PERMITS);
    let all = semaphore.try_acquire_many(MAX_PERMITS).unwrap();
    assert_eq!(semaphore.available_permits(), 0);
    semaphore.add_permits(usize::MAX);
    drop(all);
    assert_eq!(semaphore.available_permits(), MAX_PERMITS);
    assert!(!semaphore.is_closed());
    assert_eq!(semaphore.try_acquire_many(usize::MAX).unwrap_err(), TryAcquireError::NoPermits);
    let mut never = Hand::new(semaphore.acquire_many(usize::MAX));
    never.pends();
    semaphore.close();
    assert!(never.ready().is_err());
}

#[test]
fn none_are_free_to_take_and_forgotten_ones_stay_away() {
    let semaphore = Arc::new(Semaphore::new(0));
    drop(semaphore.try_acquire_many(0).unwrap());
    drop(Hand::new(semaphore.acquire_many(0)).ready().unwrap());
    semaphore.add_permits(4);
    let mut permit = semaphore.clone().try_acquire_many_owned(4).unwrap();
    let half = permit.split(2).unwrap();
    assert!(permit.split(3).is_none());
    assert_eq!((permit.count(), half.count()), (2, 2));
    permit.forget();
    drop(half);
    assert_eq!(semaphore.available_permits(), 2);
    let mut owned = Hand::new(semaphore.clone().acquire_owned());
    drop(owned.ready().unwrap());
    assert_eq!(semaphore.available_permits(), 2);
    drop(semaphore.acquire_blocking().unwrap());
    assert!(format!("{semaphore:?}").contains("available_permits: 2"));
}

#[test]
fn only_the_last_waker_is_woken_and_a_panicking_one_is_contained() {
    let semaphore = Semaphore::new(0);
    let (a, waker_a) = Count::new();
    let (b, waker_b) = Count::new();
    let mut hostile = Hand::new(semaphore.acquire());
    let mut waiter = Hand::new(semaphore.acquire());
    assert!(hostile.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    assert!(waiter.poll_with(&waker_a).is_pending());
    assert!(waiter.poll_with(&waker_b).is_pending());
    semaphore.add_permits(2);
    assert_eq!((a.take(), b.take()), (0, 1));
    drop((hostile, waiter));
    assert_eq!(semaphore.available_permits(), 2);
}

#[test]
fn permits_are_conserved_while_waiters_come_and_go_at_random() {
    within_a_minute(|| {
        const PERMITS: usize = 5;
        let semaphore = Arc::new(Semaphore::new(PERMITS));
        let out = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..4)
            .map(|seed| {
                let (semaphore, out) = (semaphore.clone(), out.clone());
                std::thread::spawn(move || {
                    let mut random = Random::new(seed + 11);
                    for _ in 0..5_000 {
                        let count = 1 + random.below(PERMITS);
                        let mut attempt = Hand::new(semaphore.acquire_many(count));
                        // Some wait to the end, some give up after a few polls.
                        let mut patience = if random.below(3) == 0 { usize::MAX } else { random.below(3) };
                        while patience > 0 {
                            if let Poll::Ready(permit) = attempt.poll() {
                                assert!(out.fetch_add(count, Ordering::Relaxed) + count <= PERMITS);
                                std::thread::yield_now();
                                out.fetch_sub(count, Ordering::Relaxed);
                                drop(permit);
                                break;
                            }
                            patience -= 1;
                            std::thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(semaphore.available_permits(), PERMITS);
        assert!(semaphore.try_acquire_many(PERMITS).is_ok());
    });
}

#[test]
fn a_bounded_one_takes_back_what_was_acquired_and_no_more() {
    let semaphore = Arc::new(Semaphore::bounded(2));
    assert_eq!(
        semaphore.try_add_permits(1).unwrap_err().to_string(),
        "more permits are released than were acquired"
    );
    let mut permit = semaphore.clone().try_acquire_many_owned(2).unwrap();
    permit.split(1).unwrap().forget();
    assert!(semaphore.try_add_permits(3).is_err());
    assert_eq!(semaphore.available_permits(), 0, "all or nothing");
    semaphore.add_permits(1);
    let panicked = catch_unwind(AssertUnwindSafe(|| semaphore.add_permits(2)));
    assert!(panicked.is_err());
    let seen = semaphore.statistics();
    assert_eq!((seen.available, seen.total, seen.borrowed), (1, Some(2), Some(1)));
    // Released by number, and then once more by its drop: the drop never fails.
    semaphore.add_permits(1);
    drop(permit);
    assert_eq!(semaphore.available_permits(), 2);
    assert!(semaphore.try_add_permits(usize::MAX).is_err());
    assert!(Semaphore::new(MAX_PERMITS).try_add_permits(1).is_err(), "the others have a maximum as well");
    assert_eq!(Semaphore::bounded(usize::MAX).available_permits(), MAX_PERMITS);
}

#[test]
fn what_is_kept_for_a_waiter_counts_against_the_bound() {
    let _clock = held::hold();
    let semaphore = Semaphore::bounded(1);
    semaphore.turn_by_hand();
    semaphore.try_acquire().unwrap().forget();
    let mut waiter = Hand::new(semaphore.acquire());
    waiter.pends();
    semaphore.add_permits(1);
    assert_eq!(semaphore.statistics().kept, 1);
    assert!(semaphore.try_add_permits(1).is_err());
    drop(waiter.ready().unwrap());
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn forgetting_takes_what_is_free_and_nothing_else() {
    let _clock = held::hold();
    let semaphore = by_hand(3);
    let _out = semaphore.try_acquire().unwrap();
    let mut large = Hand::new(semaphore.acquire_many(3));
    large.pends();
    assert_eq!(semaphore.forget_permits(0), 0);
    assert_eq!(semaphore.forget_permits(1), 1);
    assert_eq!(semaphore.forget_permits(usize::MAX), 1);
    assert_eq!(semaphore.forget_permits(1), 0);
    semaphore.add_permits(2);
    large.pends();
    semaphore.add_permits(1);
    assert_eq!(large.wakes(), 1);
    assert_eq!(semaphore.forget_permits(3), 0, "kept for the one that was told");
    assert!(large.ready().is_ok());
}

#[test]
fn forgetting_on_a_closed_one_leaves_it_closed() {
    let semaphore = Semaphore::new(5);
    semaphore.close();
    assert_eq!(semaphore.forget_permits(2), 2);
    assert!(semaphore.is_closed());
    assert_eq!(semaphore.forget_permits(9), 3);
    assert!(semaphore.is_closed() && semaphore.try_acquire().is_err());
    assert!(semaphore.acquire_many_blocking(1).is_err());
}

#[test]
fn permits_merge_with_their_kind_and_with_no_others() {
    let (semaphore, other) = (Semaphore::new(5), Semaphore::new(5));
    let mut permit = semaphore.try_acquire_many(2).unwrap();
    permit.merge(semaphore.try_acquire().unwrap());
    assert_eq!((permit.num_permits(), semaphore.available_permits()), (3, 2));
    let foreign = other.try_acquire().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| permit.merge(foreign))).is_err());
    assert_eq!(other.available_permits(), 5, "it went back where it came from");
    permit.merge(semaphore.try_acquire_many(0).unwrap());
    drop(permit);
    assert_eq!(semaphore.available_permits(), 5);
}

#[test]
fn statistics_are_what_there_is() {
    let _clock = held::hold();
    let semaphore = by_hand(2);
    let permits = semaphore.try_acquire_many(2).unwrap();
    let mut waiters: Vec<_> = (0..3).map(|_| Hand::new(semaphore.acquire())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    drop(permits);
    let seen = semaphore.statistics();
    assert_eq!((seen.available, seen.kept, seen.waiters, seen.waiters_peak), (0, 2, 1, 3));
    assert_eq!((seen.total, seen.borrowed, seen.closed), (None, None, false));
    drop(waiters);
    semaphore.close();
    let seen = semaphore.statistics();
    assert_eq!((seen.available, seen.kept, seen.waiters, seen.waiters_peak), (2, 0, 0, 3));
    assert!(seen.closed);
}

/// Counts the wake-ups that come from the thread it was made on, and not from the watchman's.
struct Here(ThreadId, AtomicUsize);

impl Wake for Here {
    fn wake(self: Arc<Self>) {
        self.1.fetch_add(usize::from(thread::current().id() == self.0), Ordering::Relaxed);
    }
}

#[test]
fn nobody_is_woken_to_watch_while_others_come() {
    let _clock = held::hold();
    let semaphore = by_hand(1);
    let mut holder = semaphore.try_acquire().unwrap();
    let count = Arc::new(Here(thread::current().id(), AtomicUsize::new(0)));
    let waker = Waker::from(count.clone());
    let mut line = VecDeque::new();
    for turn in 0..13 {
        let mut last = Hand::new(semaphore.acquire());
        assert!(last.poll_with(&waker).is_pending());
        line.push_back(last);
        if turn >= 3 {
            drop(holder);
            let Poll::Ready(Ok(permit)) = line.pop_front().unwrap().poll_with(&waker) else {
                panic!("it is the first in line");
            };
            holder = permit;
        }
    }
    assert_eq!(count.1.load(Ordering::Relaxed), 10, "one for each that was served");
}

#[test]
fn more_than_can_be_counted_may_be_kept() {
    let _clock = held::hold();
    let semaphore = by_hand(0);
    let mut waiters: Vec<_> = (0..10).map(|_| Hand::new(semaphore.acquire_many(MAX_PERMITS))).collect();
    waiters.iter_mut().for_each(Hand::pends);
    (0..10).for_each(|_| semaphore.add_permits(MAX_PERMITS));
    assert_eq!(semaphore.statistics().kept, usize::MAX);
    waiters.iter_mut().take(8).for_each(|waiter| waiter.ready().unwrap().forget());
    semaphore.add_permits(MAX_PERMITS);
    waiters[8].ready().unwrap().forget();
    assert!(semaphore.statistics().kept < 8 && semaphore.available_permits() < 8);
}
