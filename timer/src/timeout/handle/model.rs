//! The desk under the model checker: deadlines from elsewhere beside a poll, and beside the end.

use super::{TimeoutHandle, TimeoutWith, timeout_with};
use crate::line::Nanos;
use crate::{Clock, Timer, enter};
use filch_primitive::model::Bell;
use filch_primitive::mutant::assert_noticed;
use filch_primitive::thread;
use std::future::{Future, Pending, pending};
use std::pin::Pin;
use std::task::Context;
use std::time::{Duration, Instant};

/// Explores `body` on a timer whose clock stands still; it gets a timeout around what is never ready.
fn check(body: impl Fn(Pin<Box<TimeoutWith<Pending<()>>>>, TimeoutHandle, Instant) + Send + Sync + 'static) {
    loom::model(move || {
        let clock = Clock::manual_at(Nanos::from_raw(1 << 62).to_instant());
        let timer = Timer::new(clock.clone());
        let context = enter(&timer, true);
        let limited = Box::pin(timeout_with(Duration::ZERO, |_| pending()));
        let handle = limited.handle();
        body(limited, handle, clock.now());
        drop(context);
        assert!(timer.is_empty());
    });
}

#[test]
fn loom_a_deadline_that_is_lifted_while_it_ends_is_lifted_or_refused() {
    check(|mut limited, handle, _| {
        let (_bell, waker) = Bell::new();
        let lifting = thread::spawn(move || handle.reschedule(None).is_ok());
        let expired = limited.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let lifted = lifting.join().unwrap();
        assert_ne!(lifted, expired, "who is told that it is lifted has lifted it");
    });
}

#[test]
fn loom_a_deadline_from_elsewhere_is_taken_over() {
    check(|mut limited, handle, now| {
        let (bell, waker) = Bell::new();
        handle.reschedule(None).unwrap();
        let other = handle.clone();
        let ending = thread::spawn(move || other.reschedule(now));
        let polled = limited.as_mut().poll(&mut Context::from_waker(&waker));
        assert_eq!(ending.join().unwrap(), Ok(()));
        // It was seen in this poll, or wakes for another.
        if polled.is_pending() {
            assert_eq!(bell.rings(), 1);
            assert!(limited.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
        }
        assert!(handle.is_expired());
    });
}

#[test]
fn loom_a_timeout_that_is_dropped_refuses_or_was_rescheduled_before() {
    check(|mut limited, handle, now| {
        let (bell, waker) = Bell::new();
        handle.reschedule(None).unwrap();
        assert!(limited.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let other = handle.clone();
        let moving = thread::spawn(move || other.reschedule(now).is_ok());
        drop(limited);
        let moved = moving.join().unwrap();
        assert_eq!(bell.rings(), usize::from(moved));
        assert!(!handle.is_expired() && handle.reschedule(None).is_err());
    });
}

#[test]
fn loom_canary_an_end_that_does_not_look_again() {
    assert_noticed(
        "timeout.expire.blind",
        "timeout::handle::model::loom_a_deadline_that_is_lifted_while_it_ends_is_lifted_or_refused",
    );
}

#[test]
fn loom_canary_a_deadline_that_wakes_nobody() {
    assert_noticed(
        "timeout.reschedule.silent",
        "timeout::handle::model::loom_a_deadline_from_elsewhere_is_taken_over",
    );
}
