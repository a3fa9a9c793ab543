//! Covered among others: what trio's and anyio's `CapacityLimiter` tests pin: one token each, a total that changes while tokens are out, order,
//! and who is in the statistics. R-80 (no user code under the lock), R-84 (a cancelled waiter that was told passes it on).

use super::{
    AcquireToken, AlreadyBorrowed, Borrower, CapacityLimiter, CapacityLimiterStatistics, CapacityToken,
    NotBorrowed, TryAcquireTokenError,
};
use crate::testing::{Count, Hand, PanicOnWake, Random, within_a_minute};
use crate::watchman::held;
use futures_lite::future::block_on;
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};

assert_impl_all!(CapacityLimiter: Send, Sync, Unpin);
assert_impl_all!(CapacityToken<'static>: Send, Sync, Unpin);
assert_impl_all!(AcquireToken<'static>: Send, Sync);
assert_not_impl_any!(AcquireToken<'static>: Unpin);
assert_impl_all!(Borrower: Send, Sync, Unpin, Copy);
assert_impl_all!(CapacityLimiterStatistics: Send, Sync, Unpin);
assert_impl_all!(AlreadyBorrowed: std::error::Error, Send, Sync);
assert_impl_all!(NotBorrowed: std::error::Error, Send, Sync);
assert_impl_all!(TryAcquireTokenError: std::error::Error, Send, Sync);

/// A limiter whose epochs the test ends.
fn by_hand(total: usize) -> CapacityLimiter {
    let limiter = CapacityLimiter::new(total);
    limiter.turn_by_hand();
    limiter
}

#[test]
fn one_token_to_each_and_to_no_more_than_there_are() {
    let limiter = CapacityLimiter::new(2);
    let (a, b) = (Borrower::from(1), Borrower::new());
    let token = limiter.try_acquire_on_behalf_of(a).unwrap();
    assert_eq!(limiter.try_acquire_on_behalf_of(a).unwrap_err(), TryAcquireTokenError::AlreadyBorrowed(a));
    assert_eq!(block_on(limiter.acquire_on_behalf_of(a)).unwrap_err().borrower(), a);
    let other = limiter.acquire_on_behalf_of_blocking(b).unwrap();
    assert_eq!(limiter.try_acquire().unwrap_err(), TryAcquireTokenError::NoTokens);
    let seen = limiter.statistics();
    assert_eq!((seen.total, seen.borrowed, seen.available), (2, 2, 0));
    assert_eq!(seen.borrowers.len(), 2);
    assert!(seen.borrowers.contains(&a) && seen.borrowers.contains(&b));
    drop((token, other));
    assert_eq!((limiter.borrowed_tokens(), limiter.available_tokens()), (0, 2));
    assert_eq!(limiter.release_on_behalf_of(&a).unwrap_err().borrower(), a);
    assert_eq!(format!("{limiter:?}"), "CapacityLimiter { total: 2, borrowers: [], waiters: 0, .. }");
}

#[test]
fn tokens_go_out_in_the_order_they_were_asked_for() {
    let _clock = held::hold();
    let limiter = by_hand(1);
    let token = limiter.try_acquire().unwrap();
    let mut waiters: Vec<_> =
        (0..3).map(|number| Hand::new(limiter.acquire_on_behalf_of(Borrower::from(number)))).collect();
    waiters.iter_mut().for_each(Hand::pends);
    drop(token);
    for number in 0..3 {
        assert_eq!(limiter.try_acquire().unwrap_err(), TryAcquireTokenError::NoTokens);
        waiters[1..].iter_mut().for_each(Hand::pends);
        let mut first = waiters.remove(0);
        assert!(first.wakes() > 0);
        assert_eq!(first.ready().unwrap().borrower(), Borrower::from(number));
    }
    let seen = limiter.statistics();
    assert_eq!((seen.available, seen.kept, seen.waiters, seen.waiters_peak), (1, 0, 0, 3));
}

#[test]
fn a_larger_total_lets_waiters_in_and_a_smaller_one_keeps_them_out() {
    let _clock = held::hold();
    let limiter = by_hand(0);
    let mut waiters: Vec<_> = (0..4).map(|_| Hand::new(limiter.acquire())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    limiter.set_total_tokens(3);
    assert_eq!(limiter.total_tokens(), 3);
    let mut tokens: Vec<_> = waiters.drain(..3).map(|mut waiter| waiter.ready().unwrap()).collect();
    waiters[0].pends();
    limiter.set_total_tokens(1);
    assert_eq!((limiter.borrowed_tokens(), limiter.available_tokens()), (3, 0));
    tokens.pop();
    tokens.pop();
    waiters[0].pends();
    tokens.pop();
    assert!(waiters[0].ready().is_ok());
    limiter.set_total_tokens(usize::MAX);
    assert_eq!(limiter.available_tokens(), usize::MAX);
}

#[test]
fn who_borrowed_while_it_waited_is_refused_when_its_turn_comes() {
    let _clock = held::hold();
    let limiter = by_hand(1);
    let borrower = Borrower::from(7);
    let token = limiter.try_acquire().unwrap();
    let mut twice: Vec<_> = (0..2).map(|_| Hand::new(limiter.acquire_on_behalf_of(borrower))).collect();
    let mut other = Hand::new(limiter.acquire());
    twice.iter_mut().for_each(Hand::pends);
    other.pends();
    drop(token);
    let token = twice[0].ready().unwrap();
    limiter.set_total_tokens(2);
    assert_eq!(twice[1].ready().unwrap_err().borrower(), borrower);
    assert!(other.ready().is_ok(), "the token went past the one that was refused");
    drop(token);
    assert_eq!(limiter.available_tokens(), 2);
}

#[test]
fn two_that_are_told_for_one_borrower_take_one_token_and_leave_one() {
    let _clock = held::hold();
    let limiter = by_hand(0);
    let mut twice: Vec<_> =
        (0..2).map(|_| Hand::new(limiter.acquire_on_behalf_of(Borrower::from(7)))).collect();
    let mut other = Hand::new(limiter.acquire());
    twice.iter_mut().for_each(Hand::pends);
    other.pends();
    limiter.set_total_tokens(2);
    let token = twice[0].ready().unwrap();
    other.pends();
    assert!(twice[1].ready().is_err());
    assert!(other.ready().is_ok());
    drop(token);
}

#[test]
fn a_token_of_a_loan_that_has_ended_releases_nothing() {
    let limiter = CapacityLimiter::new(1);
    let borrower = Borrower::from(7);
    let stale = limiter.try_acquire_on_behalf_of(borrower).unwrap();
    limiter.release_on_behalf_of(&borrower).unwrap();
    let token = limiter.try_acquire_on_behalf_of(borrower).unwrap();
    drop(stale);
    assert_eq!(limiter.statistics().borrowers, [borrower]);
    assert_eq!(token.keep(), borrower);
    assert_eq!(limiter.borrowed_tokens(), 1);
    limiter.release_on_behalf_of(&borrower).unwrap();
}

#[test]
fn a_number_given_is_nobody_who_was_made_up() {
    let limiter = CapacityLimiter::new(4_096);
    let tokens: Vec<_> = (0..1_000).map(|_| limiter.try_acquire().unwrap()).collect();
    assert!((0..1_000).all(|number| limiter.try_acquire_on_behalf_of(Borrower::from(number)).is_ok()));
    drop(tokens);
    assert_eq!(limiter.available_tokens(), 4_096);
}

#[test]
fn one_that_is_told_and_dropped_passes_its_token_on() {
    let _clock = held::hold();
    let limiter = by_hand(1);
    let token = limiter.try_acquire().unwrap();
    let (mut first, mut second) = (Hand::new(limiter.acquire()), Hand::new(limiter.acquire()));
    first.pends();
    second.pends();
    drop(token);
    assert_eq!(first.wakes(), 1);
    drop(first);
    assert!(second.wakes() > 0);
    assert!(second.ready().is_ok());
    assert_eq!(limiter.available_tokens(), 1);
}

#[test]
fn a_token_kept_in_vain_goes_to_the_next_and_who_comes_late_is_the_first() {
    let _clock = held::hold();
    let limiter = by_hand(1);
    let token = limiter.try_acquire().unwrap();
    let mut waiters: Vec<_> = (0..3).map(|_| Hand::new(limiter.acquire())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    drop(token);
    limiter.turn_by_hand();
    waiters[1].pends();
    limiter.turn_by_hand();
    let token = waiters[1].ready().unwrap();
    waiters[0].pends();
    drop(token);
    waiters[2].pends();
    assert!(waiters[0].ready().is_ok());
    assert!(waiters[2].ready().is_ok());
}

#[test]
fn one_that_is_told_and_never_polled_holds_nobody_up() {
    within_a_minute(|| {
        for _ in 0..10 {
            let limiter = Arc::new(CapacityLimiter::new(1));
            let token = limiter.try_acquire().unwrap();
            let mut abandoned = Hand::new(limiter.acquire());
            abandoned.pends();
            let waiting = {
                let limiter = limiter.clone();
                std::thread::spawn(move || drop(limiter.acquire_blocking().unwrap()))
            };
            while limiter.statistics().waiters < 2 {
                std::thread::yield_now();
            }
            drop(token);
            waiting.join().unwrap();
            // And one that never waits.
            let token = limiter.try_acquire().unwrap();
            let mut again = Hand::new(limiter.acquire());
            again.pends();
            drop(token);
            while limiter.try_acquire().is_err() {
                std::thread::yield_now();
            }
            assert!(abandoned.ready().is_ok());
        }
    });
}

#[test]
fn hostile_and_replaced_wakers() {
    let _clock = held::hold();
    let limiter = CapacityLimiter::new(0);
    let (a, waker_a) = Count::new();
    let (b, waker_b) = Count::new();
    let mut hostile = Hand::new(limiter.acquire());
    let mut waiter = Hand::new(limiter.acquire());
    assert!(hostile.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    assert!(waiter.poll_with(&waker_a).is_pending());
    assert!(waiter.poll_with(&waker_b).is_pending());
    limiter.set_total_tokens(2);
    assert_eq!((a.take(), b.take()), (0, 1));
    drop((hostile, waiter));
    assert_eq!(limiter.available_tokens(), 2);
}

#[test]
fn a_storm_of_borrowers_that_come_and_go_conserves_the_tokens() {
    within_a_minute(|| {
        const TOTAL: usize = 3;
        let limiter = Arc::new(CapacityLimiter::new(TOTAL));
        let out = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..8)
            .map(|seed| {
                let (limiter, out) = (limiter.clone(), out.clone());
                std::thread::spawn(move || {
                    let mut random = Random::new(seed + 17);
                    for round in 0..600 {
                        if round % 100 == seed {
                            limiter.set_total_tokens(1 + random.below(TOTAL));
                        }
                        // Some borrow under one name.
                        let borrower = if random.below(4) == 0 { Borrower::from(1) } else { Borrower::new() };
                        let mut attempt = Hand::new(limiter.acquire_on_behalf_of(borrower));
                        let mut patience = random.below(4);
                        while patience > 0 {
                            if let Poll::Ready(token) = attempt.poll() {
                                if token.is_ok() {
                                    assert!(out.fetch_add(1, Ordering::Relaxed) < TOTAL);
                                    std::thread::yield_now();
                                    out.fetch_sub(1, Ordering::Relaxed);
                                }
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
        limiter.set_total_tokens(TOTAL);
        let seen = limiter.statistics();
        assert_eq!((seen.available, seen.kept, seen.borrowed, seen.waiters), (TOTAL, 0, 0, 0));
    });
}
