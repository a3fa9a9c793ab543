//! Plain state under the queue's lock: one model of each way a token takes past a waiter.

use super::{AcquireToken, CapacityLimiter};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::thread;
use loom::future::block_on;
use std::pin::Pin;
use std::task::Waker;

/// Asks for a token, and there is none: the future, in the queue.
fn queued<'a>(limiter: &'a CapacityLimiter, waker: &Waker) -> Pin<Box<AcquireToken<'a>>> {
    let mut waits = Box::pin(limiter.acquire());
    assert!(poll_once(&mut waits, waker).is_pending(), "there is none");
    waits
}

#[test]
fn loom_a_token_passes_on_when_its_future_goes() {
    loom::model(|| {
        let limiter = Arc::new(CapacityLimiter::new(0));
        let (bell, waker) = Bell::new();
        let gone = queued(&limiter, Waker::noop());
        let mut stays = queued(&limiter, &waker);
        let raises = limiter.clone();
        let thread = thread::spawn(move || raises.set_total_tokens(1));
        drop(gone);
        thread.join().unwrap();
        assert!(bell.rings() > 0, "a token is there, and it sleeps");
        assert!(poll_once(&mut stays, &waker).is_ready());
        assert_eq!(limiter.available_tokens(), 1);
    });
}

#[test]
fn loom_a_token_kept_in_vain_is_taken_back_beside_its_owner() {
    loom::model(|| {
        let limiter = Arc::new(CapacityLimiter::new(0));
        let mut late = queued(&limiter, Waker::noop());
        limiter.set_total_tokens(1);
        let waits = limiter.clone();
        let waiting = thread::spawn(move || drop(block_on(waits.acquire()).expect("a new borrower")));
        limiter.turn_by_hand();
        limiter.turn_by_hand();
        if let std::task::Poll::Ready(token) = poll_once(&mut late, Waker::noop()) {
            drop(token);
        }
        drop(late);
        waiting.join().unwrap();
        assert_eq!(limiter.available_tokens(), 1);
    });
}

#[test]
fn loom_canary_a_cancelled_grant_that_is_kept() {
    assert_noticed(
        "capacity_limiter.cancel.keeps",
        "capacity_limiter::model::loom_a_token_passes_on_when_its_future_goes",
    );
}
