use super::{MAX_PERMITS, Semaphore, TryAcquireError};
use crate::testing::{Count, Hand, PanicOnWake, Random, within_a_minute};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};

#[test]
fn permits_go_out_in_order_and_nobody_gets_past() {
    let semaphore = Semaphore::new(1);
    let permit = semaphore.try_acquire().unwrap();
    let mut waiters: Vec<_> = (0..3).map(|_| Hand::new(semaphore.acquire())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    drop(permit);
    assert_eq!(waiters.iter().map(Hand::wakes).collect::<Vec<_>>(), [1, 0, 0]);
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits, "it is assigned");
    waiters[1].pends();
    drop(waiters[0].ready().unwrap());
    assert_eq!(waiters.iter().map(Hand::wakes).collect::<Vec<_>>(), [0, 1, 0]);
    drop(waiters[1].ready().unwrap());
    drop(waiters[2].ready().unwrap());
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
    assert_eq!((large.wakes(), small.wakes()), (1, 0));
    let permit = large.ready().unwrap();
    assert_eq!(permit.count(), 3);
    drop(permit);
    assert_eq!(small.wakes(), 1);
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
    let semaphore = Semaphore::new(0);
    let mut waiters: Vec<_> = (0..100).map(|_| Hand::new(semaphore.acquire())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    semaphore.add_permits(90);
    assert_eq!(waiters.iter().map(Hand::wakes).sum::<usize>(), 90);
    assert!(waiters[..90].iter_mut().all(|waiter| waiter.ready().is_ok()));
    assert_eq!(waiters[90..].iter().map(Hand::wakes).sum::<usize>(), 10, "dropped permits went on");
}

#[test]
fn a_granted_waiter_that_is_dropped_passes_its_permits_on() {
    let semaphore = Semaphore::new(0);
    let mut first = Hand::new(semaphore.acquire_many(2));
    let mut second = Hand::new(semaphore.acquire_many(2));
    first.pends();
    second.pends();
    semaphore.add_permits(2);
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    drop(first);
    assert_eq!(second.wakes(), 1);
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
