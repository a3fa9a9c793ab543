//! Wakes against the one that waits for them.

use super::WokenQueue;
use crate::model::check;
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::thread;
use loom::future::block_on;
use std::future::poll_fn;
use std::task::Poll;

#[test]
fn loom_a_number_that_comes_while_one_begins_to_wait_is_heard_of() {
    check(|| {
        let queue = WokenQueue::new();
        let waker = queue.waker(1);
        let wakes = thread::spawn(move || waker.wake());
        assert_eq!(block_on(poll_fn(|cx| queue.poll_pop(cx))), 1);
        wakes.join().expect("no panic");
    });
}

#[test]
fn loom_two_numbers_come_each_once() {
    check(|| {
        let queue = WokenQueue::new();
        let (zero, one) = (queue.waker(0), queue.waker(1));
        let wakes = thread::spawn(move || {
            zero.wake_by_ref();
            zero.wake();
        });
        one.wake();
        let mut counts = [0; 2];
        while counts[0] == 0 || counts[1] == 0 {
            counts[block_on(poll_fn(|cx| queue.poll_pop(cx)))] += 1;
        }
        wakes.join().expect("no panic");
        // The second wake may come after the number was taken; then it is there once more, and no more than that.
        let (_bell, waker) = Bell::new();
        let mut pop = poll_fn(|cx| queue.poll_pop(cx));
        if let Poll::Ready(again) = poll_once(&mut pop, &waker) {
            assert_eq!((again, counts[0]), (0, 1));
            assert!(poll_once(&mut pop, &waker).is_pending());
        }
    });
}

#[test]
fn loom_who_has_gone_is_not_woken() {
    check(|| {
        let queue = WokenQueue::new();
        let (bell, waker) = Bell::new();
        let late = queue.waker(0);
        assert!(poll_once(&mut poll_fn(|cx| queue.poll_pop(cx)), &waker).is_pending());
        let wakes = thread::spawn(move || late.wake());
        queue.forget_parent();
        let rings = bell.rings();
        drop(waker);
        wakes.join().expect("no panic");
        assert!(bell.rings() <= 1 && rings <= 1);
        // Whichever came first took the waker, and nobody has it now.
        assert_eq!(std::sync::Arc::strong_count(&bell), 1);
    });
}

/// Who begins to wait looks once, before it is seen waiting.
#[test]
fn loom_canary_woken() {
    let model = "task::combine::model::loom_a_number_that_comes_while_one_begins_to_wait_is_heard_of";
    assert_noticed("woken.pop.blind", model);
}
