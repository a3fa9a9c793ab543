//! Limits on futures that are ready, late, greedy or limited themselves.

use crate::testing::{Count, MILLI, block_on, manual, poll, poll_once, watched};
use crate::{Elapsed, Timeout, sleep, timeout, timeout_at};
use filch_primitive::slice;
use std::error::Error;
use std::future::{Future, pending, poll_fn, ready};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready as try_ready};
use std::time::Duration;

#[test]
fn a_ready_future_wins_even_when_the_time_is_up() {
    let (clock, timer, _context) = manual();
    assert_eq!(poll_once(pin!(timeout(Duration::ZERO, ready(1)))), Poll::Ready(Ok(1)));
    let mut late = pin!(timeout(MILLI, sleep(2 * MILLI)));
    assert!(poll_once(late.as_mut()).is_pending());
    clock.advance(2 * MILLI);
    assert_eq!(poll_once(late.as_mut()), Poll::Ready(Ok(())));
    let past = clock.now() - MILLI;
    assert_eq!(poll_once(pin!(timeout_at(past, ready(2)))), Poll::Ready(Ok(2)));
    assert!(timer.is_empty());
}

#[test]
fn a_pending_one_is_given_up_when_the_time_is_up() {
    let (clock, timer, _context) = manual();
    assert!(poll_once(pin!(timeout(Duration::ZERO, pending::<()>()))).is_ready());
    let count = Count::new();
    let mut limited = pin!(timeout(MILLI, pending::<()>()));
    assert_eq!(limited.deadline(), clock.now() + MILLI);
    assert!(poll(limited.as_mut(), &count).is_pending());
    clock.advance(MILLI);
    assert_eq!(count.get(), 1);
    assert!(matches!(poll(limited.as_mut(), &count), Poll::Ready(Err(_))));
    assert!(timer.is_empty());
}

#[test]
fn of_nested_ones_with_one_deadline_the_inner_elapses() {
    let (clock, _timer, _context) = manual();
    let deadline = clock.now() + MILLI;
    let mut nested = pin!(timeout_at(deadline, timeout_at(deadline, pending::<()>())));
    assert!(poll_once(nested.as_mut()).is_pending());
    clock.advance(MILLI);
    assert!(matches!(poll_once(nested.as_mut()), Poll::Ready(Ok(Err(_)))));
}

#[test]
fn a_future_that_uses_up_its_slice_does_not_hold_the_deadline_off() {
    watched(|| {
        let (clock, _timer, _context) = manual();
        let mut slice = slice::open();
        // Works until it is told to give way, in each poll.
        let greedy = poll_fn(|cx| {
            loop {
                try_ready!(slice::proceed(cx));
            }
            #[expect(unreachable_code, reason = "names the output")]
            Poll::Ready(())
        });
        let mut limited = pin!(timeout(MILLI, greedy));
        assert!(poll_once(limited.as_mut()).is_pending());
        slice.restart();
        clock.advance(MILLI);
        assert!(matches!(poll_once(limited.as_mut()), Poll::Ready(Err(_))));
    });
}

#[test]
fn the_future_inside_can_be_had() {
    let (_clock, _timer, _context) = manual();
    let limited = timeout(MILLI, ready(5));
    let _: &std::future::Ready<i32> = limited.get_ref();
    assert_eq!(poll_once(pin!(limited.into_inner())), Poll::Ready(5));
    let mut limited = pin!(timeout(MILLI, ready(6)));
    assert_eq!(poll_once(limited.as_mut().get_pin_mut()), Poll::Ready(6));
}

#[test]
fn giving_it_up_drops_the_future_and_the_deadline() {
    let (_clock, timer, _context) = manual();
    let alive = Arc::new(());
    let held = alive.clone();
    let mut limited = Box::pin(timeout(MILLI, async move {
        let _held = held;
        pending::<()>().await;
    }));
    assert!(poll_once(limited.as_mut()).is_pending());
    assert_eq!((Arc::strong_count(&alive), timer.len()), (2, 1));
    drop(limited);
    assert_eq!((Arc::strong_count(&alive), timer.len()), (1, 0));
}

#[test]
fn very_large_limits_are_no_limits() {
    let (clock, _timer, _context) = manual();
    let mut limited = pin!(timeout(Duration::MAX, pending::<()>()));
    assert!(poll_once(limited.as_mut()).is_pending());
    clock.advance(Duration::from_secs(60 * 60 * 24 * 365 * 200));
    assert!(poll_once(limited.as_mut()).is_pending());
}

#[test]
fn the_error_says_what_it_is() {
    watched(|| {
        let elapsed: Elapsed = block_on(timeout(MILLI, pending::<()>())).unwrap_err();
        assert_eq!(elapsed.to_string(), "the deadline has come before the result");
        let error: io::Error = elapsed.into();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.source().is_none());
        assert!(error.get_ref().is_some_and(|inner| inner.is::<Elapsed>()));
        assert!(format!("{elapsed:?}").contains("Elapsed"));
    });
}

#[test]
fn it_is_as_sendable_as_what_is_inside() {
    fn sendable<T: Send>(_: &T) {}
    fn outcome<F: Future>(_: &Timeout<F>) {}
    let limited = timeout(MILLI, async { 1 });
    sendable(&limited);
    outcome(&limited);
}
