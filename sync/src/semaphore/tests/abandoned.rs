//! Futures that were told and are not polled: futurelock.

use super::{by_hand, run_out};
use crate::semaphore::{Semaphore, TryAcquireError};
use crate::testing::{Hand, Random, within_a_minute};
use crate::watchman::held;
use futures_lite::future::block_on;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

#[test]
fn permits_kept_in_vain_go_to_the_next_and_who_comes_late_is_the_first() {
    let _clock = held::hold();
    let semaphore = by_hand(0);
    let mut waiters: Vec<_> = (0..3).map(|_| Hand::new(semaphore.acquire())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    semaphore.add_permits(1);
    assert_eq!(waiters[0].wakes(), 1);
    semaphore.turn_by_hand();
    assert_eq!(semaphore.statistics().waiters, 2, "its time is not over with the epoch");
    waiters[1].pends();
    semaphore.turn_by_hand();
    assert!(waiters[1].wakes() > 0);
    let permit = waiters[1].ready().unwrap();
    waiters[0].pends();
    drop(permit);
    assert!(waiters[0].wakes() > 0);
    waiters[2].pends();
    drop(waiters[0].ready().unwrap());
    drop(waiters[2].ready().unwrap());
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn whoever_is_polled_first_of_those_that_were_told_gets_the_permit() {
    let _clock = held::hold();
    let semaphore = by_hand(0);
    let (mut late, mut told) = (Hand::new(semaphore.acquire()), Hand::new(semaphore.acquire()));
    late.pends();
    told.pends();
    semaphore.add_permits(1);
    run_out(&semaphore);
    assert_eq!(semaphore.statistics().kept, 1, "for the second");
    let permit = late.ready().unwrap();
    told.pends();
    drop(permit);
    drop(told.ready().unwrap());
    assert_eq!(semaphore.statistics().kept, 0);
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn a_large_one_that_comes_late_leaves_what_it_cannot_use_to_nobody_behind_it() {
    let _clock = held::hold();
    let semaphore = by_hand(0);
    let mut large = Hand::new(semaphore.acquire_many(3));
    let mut small = Hand::new(semaphore.acquire());
    large.pends();
    small.pends();
    semaphore.add_permits(3);
    run_out(&semaphore);
    let permit = small.ready().unwrap();
    assert_eq!(semaphore.available_permits(), 2);
    large.pends();
    let mut behind = Hand::new(semaphore.acquire());
    behind.pends();
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    drop(permit);
    drop(large.ready().unwrap());
    drop(behind.ready().unwrap());
    assert_eq!(semaphore.available_permits(), 3);
}

#[test]
fn one_that_is_late_and_dropped_takes_nothing_from_the_others() {
    let _clock = held::hold();
    let semaphore = by_hand(0);
    let (mut late, mut told) = (Hand::new(semaphore.acquire()), Hand::new(semaphore.acquire()));
    late.pends();
    told.pends();
    semaphore.add_permits(1);
    run_out(&semaphore);
    drop(late);
    assert_eq!(semaphore.statistics().kept, 1);
    drop(told.ready().unwrap());
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn one_that_is_late_for_a_closed_one_is_refused_and_one_in_time_is_not() {
    let _clock = held::hold();
    let semaphore = by_hand(0);
    let (mut late, mut told) = (Hand::new(semaphore.acquire_many(2)), Hand::new(semaphore.acquire()));
    late.pends();
    told.pends();
    semaphore.add_permits(2);
    run_out(&semaphore);
    semaphore.close();
    assert!(late.ready().is_err());
    assert_eq!(semaphore.available_permits(), 2, "what was kept for the other, too");
    assert!(told.ready().is_err());

    let semaphore = by_hand(0);
    let mut told = Hand::new(semaphore.acquire());
    told.pends();
    semaphore.add_permits(1);
    semaphore.close();
    assert!(told.ready().is_ok());
}

#[test]
fn one_that_is_told_and_never_polled_holds_nobody_up() {
    within_a_minute(|| {
        for _ in 0..20 {
            let semaphore = Arc::new(Semaphore::new(1));
            let permit = semaphore.try_acquire().unwrap();
            let mut abandoned = Hand::new(semaphore.acquire());
            abandoned.pends();
            let waiting = {
                let semaphore = semaphore.clone();
                std::thread::spawn(move || drop(semaphore.acquire_blocking().unwrap()))
            };
            while semaphore.statistics().waiters < 2 {
                std::thread::yield_now();
            }
            drop(permit);
            waiting.join().unwrap();
            drop(abandoned.ready().unwrap());
        }
    });
}

#[test]
fn a_newcomer_is_not_held_up_either_waiting_or_trying() {
    within_a_minute(|| {
        let semaphore = Semaphore::new(0);
        let mut abandoned = Hand::new(semaphore.acquire());
        abandoned.pends();
        semaphore.add_permits(1);
        drop(block_on(semaphore.acquire()).unwrap());

        let mut again = Hand::new(semaphore.acquire_many(2));
        again.pends();
        semaphore.add_permits(1);
        while semaphore.try_acquire_many(2).is_err() {
            std::thread::yield_now();
        }
        drop((again, abandoned));
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
fn where_the_one_that_is_asked_is_abandoned_as_well_another_is() {
    within_a_minute(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let mut abandoned: Vec<_> = (0..2).map(|_| Hand::new(semaphore.acquire())).collect();
        abandoned.iter_mut().for_each(Hand::pends);
        semaphore.add_permits(1);
        // The second is asked, and never polled.
        while abandoned[1].wakes() == 0 {
            std::thread::yield_now();
        }
        let waiting = {
            let semaphore = semaphore.clone();
            std::thread::spawn(move || drop(semaphore.acquire_many_blocking(2).unwrap()))
        };
        while !waiting.is_finished() {
            if semaphore.available_permits() + semaphore.statistics().kept < 2 {
                semaphore.add_permits(1);
            }
            std::thread::yield_now();
        }
        waiting.join().unwrap();
    });
}

#[test]
fn a_storm_of_eight_threads_that_abandon_and_drop_at_random_conserves_the_permits() {
    within_a_minute(|| {
        const PERMITS: usize = 6;
        let semaphore = Arc::new(Semaphore::bounded(PERMITS));
        let out = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..8)
            .map(|seed| {
                let (semaphore, out) = (semaphore.clone(), out.clone());
                std::thread::spawn(move || {
                    let mut random = Random::new(seed + 5);
                    let mut abandoned = Vec::new();
                    for _ in 0..1_000 {
                        let count = 1 + random.below(PERMITS);
                        let mut attempt = Hand::new(semaphore.acquire_many(count));
                        let mut patience = random.below(4);
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
                        // Some are kept for a while without being polled.
                        abandoned.push(attempt);
                        if abandoned.len() > 3 {
                            abandoned.swap_remove(random.below(4));
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let seen = semaphore.statistics();
        assert_eq!((seen.available, seen.kept, seen.borrowed, seen.waiters), (PERMITS, 0, Some(0), 0));
    });
}

#[test]
fn two_that_are_abandoned_together_do_not_stop_the_last() {
    within_a_minute(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (mut told, mut second) = (Hand::new(semaphore.acquire()), Hand::new(semaphore.acquire()));
        told.pends();
        second.pends();
        let waits = semaphore.clone();
        let last = std::thread::spawn(move || waits.acquire_blocking().unwrap().forget());
        while semaphore.statistics().waiters < 3 {
            std::thread::yield_now();
        }
        // The permit goes to one after the other, each of which has time to come for it.
        semaphore.add_permits(1);
        last.join().unwrap();
        assert_eq!(semaphore.available_permits(), 0);
    });
}
