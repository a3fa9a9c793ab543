//! Limits on futures that are ready, late, greedy or limited themselves; what `CPython`'s `test_timeouts` and
//! tokio's `time_timeout` pin for `timeout` and `timeout_at`.

use crate::testing::{Count, MILLI, block_on, manual, poll, poll_once, watched};
use crate::{
    Elapsed, MoveOn, RescheduleError, Timeout, move_on_after, move_on_at, sleep, timeout, timeout_at,
    timeout_with,
};
use filch_primitive::slice;
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::Cell;
use std::error::Error;
use std::future::{Future, Pending, Ready, pending, poll_fn, ready};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready as try_ready};
use std::time::Duration;

assert_impl_all!(Timeout<Ready<u8>>: Send, Sync);
assert_impl_all!(MoveOn<Ready<u8>>: Send, Sync);
assert_impl_all!(Timeout<Ready<Cell<u8>>>: Send);
assert_not_impl_any!(Timeout<Ready<Cell<u8>>>: Sync);
assert_not_impl_any!(MoveOn<Ready<Cell<u8>>>: Sync);
assert_not_impl_any!(Timeout<Ready<Rc<u8>>>: Send, Sync);
assert_not_impl_any!(MoveOn<Ready<Rc<u8>>>: Send, Sync);
assert_not_impl_any!(Timeout<Pending<u8>>: Unpin);
assert_not_impl_any!(MoveOn<Pending<u8>>: Unpin);

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
fn a_row_of_limits_that_are_over_at_once_gives_way() {
    watched(|| {
        let (_clock, _timer, _context) = manual();
        let mut slice = slice::open();
        let mut limited = pin!(timeout(Duration::ZERO, pending::<()>()));
        while poll_once(limited.as_mut()).is_ready() {
            limited.set(timeout(Duration::ZERO, pending()));
        }
        // Once, even when what is inside uses up the next slice as well.
        slice.restart();
        while slice::proceed(&mut Context::from_waker(Waker::noop())).is_ready() {}
        assert!(matches!(poll_once(limited), Poll::Ready(Err(_))));
        slice.restart();
        while poll_once(pin!(timeout_with(Duration::ZERO, |_| pending::<()>()))).is_ready() {}
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

#[test]
fn moving_on_is_no_error() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    assert_eq!(poll_once(pin!(move_on_after(Duration::ZERO, ready(1)))), Poll::Ready(Some(1)));
    assert_eq!(poll_once(pin!(move_on_at(clock.now(), pending::<()>()))), Poll::Ready(None));
    let mut patient = pin!(move_on_after(MILLI, pending::<()>()));
    assert!(poll(patient.as_mut(), &count).is_pending());
    clock.advance(MILLI);
    assert_eq!(count.get(), 1);
    assert_eq!(poll(patient.as_mut(), &count), Poll::Ready(None));
    assert!(patient.timeout().is_expired());
    assert_eq!(poll_once(pin!(move_on_after(MILLI, ready(2)).into_inner())), Poll::Ready(2));
    assert!(timer.is_empty());
}

#[test]
fn it_is_put_off_brought_forward_and_lifted() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let start = clock.now();
    let mut limited = pin!(timeout(MILLI, pending::<()>()));
    assert!(poll(limited.as_mut(), &count).is_pending());
    limited.as_mut().reschedule(start + 10 * MILLI).unwrap();
    assert_eq!(limited.when(), Some(start + 10 * MILLI));
    clock.advance(5 * MILLI);
    assert_eq!((count.get(), poll(limited.as_mut(), &count).is_pending()), (0, true));
    limited.as_mut().reschedule(None).unwrap();
    assert_eq!(limited.when(), None);
    clock.advance(Duration::from_secs(60 * 60 * 24 * 365));
    assert_eq!((count.get(), poll(limited.as_mut(), &count).is_pending()), (0, true));
    // Brought forward it wakes without another poll.
    limited.as_mut().reschedule_after(MILLI).unwrap();
    clock.advance(MILLI);
    assert_eq!(count.get(), 1);
    assert!(!limited.is_expired());
    assert!(matches!(poll(limited.as_mut(), &count), Poll::Ready(Err(_))));
    assert!(limited.is_expired() && timer.is_empty());
}

#[test]
fn a_limit_that_was_none_wakes_at_the_one_it_is_given() {
    let (clock, _timer, _context) = manual();
    let count = Count::new();
    let mut limited = pin!(timeout(Duration::MAX, pending::<()>()));
    assert!(poll(limited.as_mut(), &count).is_pending());
    limited.as_mut().reschedule_after(MILLI).unwrap();
    clock.advance(MILLI);
    assert_eq!(count.get(), 1);
    assert!(matches!(poll(limited.as_mut(), &count), Poll::Ready(Err(_))));
}

#[test]
fn what_has_ended_is_not_rescheduled() {
    let (clock, _timer, _context) = manual();
    let mut expired = pin!(timeout(Duration::ZERO, pending::<()>()));
    assert!(poll_once(expired.as_mut()).is_ready());
    assert_eq!(expired.as_mut().reschedule(clock.now() + MILLI), Err(RescheduleError::Expired));
    assert!(format!("{expired:?}").ends_with("state: expired }"), "{expired:?}");
    let mut finished = pin!(timeout(Duration::ZERO, ready(())));
    assert!(format!("{finished:?}").contains("state: active, when: Some("), "{finished:?}");
    assert!(poll_once(finished.as_mut()).is_ready());
    assert_eq!(finished.as_mut().reschedule_after(MILLI), Err(RescheduleError::Finished));
    assert!(!finished.is_expired());
    assert!(format!("{finished:?}").ends_with("state: finished }"), "{finished:?}");
}

#[test]
fn an_error_of_the_future_is_its_own() {
    let (_clock, _timer, _context) = manual();
    let mut limited = pin!(timeout(Duration::ZERO, ready(Err::<(), _>("of the future"))));
    assert_eq!(poll_once(limited.as_mut()), Poll::Ready(Ok(Err("of the future"))));
    assert!(!limited.is_expired());
}

#[test]
fn when_the_inner_one_has_ended_the_outer_one_still_limits_what_follows() {
    let (clock, _timer, _context) = manual();
    let mut outer = pin!(timeout(10 * MILLI, async {
        let inner = timeout(MILLI, pending::<()>()).await;
        // Beside a cleanup of its own.
        assert!(inner.is_err() && timeout(MILLI, pending::<()>()).await.is_err());
        sleep(Duration::from_secs(1)).await;
    }));
    assert!(poll_once(outer.as_mut()).is_pending());
    for _ in 0..2 {
        clock.advance(MILLI);
        assert!(poll_once(outer.as_mut()).is_pending());
    }
    // The loop was busy: the inner sleep is not due, the outer deadline is.
    clock.advance(20 * MILLI);
    assert!(matches!(poll_once(outer.as_mut()), Poll::Ready(Err(_))));
}

#[test]
fn slack_makes_it_late_by_choice() {
    let (clock, timer, _context) = manual();
    let start = clock.now();
    let mut limits: Vec<_> =
        (1..=50).map(|n| Box::pin(timeout(n * MILLI, pending::<()>()).with_slack(50 * MILLI))).collect();
    assert!(limits.iter_mut().all(|limited| poll_once(limited.as_mut()).is_pending()));
    let mut wakes = 0;
    while let Some(next) = timer.next_deadline() {
        clock.advance(next - clock.now());
        wakes += 1;
        for (limited, n) in limits.iter_mut().zip(1..) {
            if !limited.is_expired() && poll_once(limited.as_mut()).is_ready() {
                let late = clock.now() - (start + n * MILLI);
                assert!(late <= 50 * MILLI);
            }
        }
    }
    assert!(limits.iter().all(|limited| limited.is_expired()));
    assert!(wakes <= 3, "{wakes} wake-ups for fifty limits");
}
