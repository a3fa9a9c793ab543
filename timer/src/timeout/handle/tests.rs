//! Timeouts moved from within and from elsewhere; the behaviours that `CPython`'s `test_timeouts` pins for
//! `Timeout.reschedule`, `when`, `expired` and its `repr`.

use crate::testing::{Count, MILLI, block_on, manual, poll, poll_once, watched};
use crate::{Clock, RescheduleError, TimeoutHandle, TimeoutWith, Timer, enter, now, sleep, timeout_with};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::Cell;
use std::future::{Future, Pending, Ready, pending};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

assert_impl_all!(TimeoutHandle: Send, Sync, Unpin, Clone);
assert_impl_all!(TimeoutWith<Ready<u8>>: Send, Sync);
assert_impl_all!(TimeoutWith<Ready<Cell<u8>>>: Send);
assert_not_impl_any!(TimeoutWith<Ready<Cell<u8>>>: Sync);
assert_not_impl_any!(TimeoutWith<Pending<Rc<u8>>>: Unpin);
assert_not_impl_any!(TimeoutWith<Ready<Rc<u8>>>: Send, Sync, Unpin);

/// A timeout around what is never ready, and its handle.
fn endless(limit: impl Into<Option<Duration>>) -> (TimeoutWith<Pending<()>>, TimeoutHandle) {
    let limited = timeout_with(limit, |_| pending());
    let handle = limited.handle();
    (limited, handle)
}

#[test]
fn from_elsewhere_it_is_put_off_brought_forward_and_lifted() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let (limited, handle) = endless(10 * MILLI);
    let mut limited = pin!(limited);
    assert_eq!(handle.when(), Some(now() + 10 * MILLI));
    assert!(poll(limited.as_mut(), &count).is_pending());

    handle.reschedule(now() + 30 * MILLI).unwrap();
    assert_eq!((handle.when(), count.get()), (Some(now() + 30 * MILLI), 1));
    assert!(poll(limited.as_mut(), &count).is_pending());
    handle.reschedule(None).unwrap();
    assert_eq!((handle.when(), count.get()), (None, 2));
    assert!(poll(limited.as_mut(), &count).is_pending());
    clock.advance(Duration::from_secs(60 * 60 * 24 * 365 * 100));
    assert!(poll(limited.as_mut(), &count).is_pending());

    handle.reschedule_after(MILLI).unwrap();
    assert!(poll(limited.as_mut(), &count).is_pending());
    let before = count.get();
    clock.advance(MILLI);
    assert_eq!(count.get(), before + 1);
    assert!(!handle.is_expired());
    assert!(matches!(poll(limited.as_mut(), &count), Poll::Ready(Err(_))));
    assert!(handle.is_expired() && timer.is_empty());
}

#[test]
fn from_within_it_costs_no_wake_up_and_holds_in_that_very_poll() {
    let (clock, _timer, _context) = manual();
    let count = Count::new();
    let mut limited = pin!(timeout_with(MILLI, async |limit| {
        sleep(MILLI).await;
        // The deadline has come, too; but this poll comes before anybody looks.
        limit.reschedule_after(5 * MILLI).unwrap();
        sleep(5 * MILLI).await;
        limit.reschedule(now()).unwrap();
        pending::<()>().await;
    }));
    assert!(poll(limited.as_mut(), &count).is_pending());
    clock.advance(MILLI);
    let before = count.get();
    assert!(poll(limited.as_mut(), &count).is_pending());
    assert_eq!(count.get(), before);
    clock.advance(5 * MILLI);
    assert!(matches!(poll(limited.as_mut(), &count), Poll::Ready(Err(_))));
}

#[test]
fn what_has_ended_is_not_rescheduled() {
    let (_clock, _timer, _context) = manual();
    let (limited, expired) = endless(Duration::ZERO);
    assert!(matches!(poll_once(pin!(limited)), Poll::Ready(Err(_))));
    assert_eq!(expired.reschedule(now()), Err(RescheduleError::Expired));
    assert!(expired.is_expired());

    let limited = timeout_with(MILLI, async |limit| limit);
    let Poll::Ready(Ok(finished)) = poll_once(pin!(limited)) else { panic!("it is ready") };
    assert_eq!(finished.reschedule_after(MILLI), Err(RescheduleError::Finished));
    assert!(!finished.is_expired());

    let (limited, dropped) = endless(None);
    drop(limited);
    assert_eq!(dropped.reschedule(now()), Err(RescheduleError::Finished));
    assert!(!dropped.is_expired() && dropped.when().is_none());
    for error in [RescheduleError::Expired, RescheduleError::Finished] {
        assert!(error.to_string().starts_with(if error == RescheduleError::Expired {
            "the timeout"
        } else {
            "what"
        }));
    }
}

#[test]
fn it_shows_its_state() {
    let (_clock, _timer, _context) = manual();
    let (limited, handle) = endless(Duration::ZERO);
    let active = format!("{handle:?}");
    assert!(active.starts_with("TimeoutHandle { state: active, when: Some("), "{active}");
    let mut limited = pin!(limited);
    assert!(poll_once(limited.as_mut()).is_ready());
    assert_eq!(format!("{handle:?}"), "TimeoutHandle { state: expired }");
    assert!(format!("{limited:?}").contains("state: expired"));
    let (limited, handle) = endless(None);
    assert_eq!(format!("{handle:?}"), "TimeoutHandle { state: active, when: None }");
    drop(limited);
    assert_eq!(format!("{handle:?}"), "TimeoutHandle { state: finished }");
}

#[test]
fn no_waker_is_dropped_or_woken_under_the_lock() {
    /// Asks the handle when it is woken and when it is dropped.
    struct Asks(TimeoutHandle);
    impl Wake for Asks {
        fn wake(self: Arc<Self>) {
            let _ = self.0.when();
        }
    }
    impl Drop for Asks {
        fn drop(&mut self) {
            let _ = self.0.when();
        }
    }
    watched(|| {
        let (_clock, _timer, _context) = manual();
        let (limited, handle) = endless(MILLI);
        let mut limited = Box::pin(limited);
        for _ in 0..2 {
            let waker = Waker::from(Arc::new(Asks(handle.clone())));
            assert!(limited.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        handle.reschedule(None).unwrap();
        let waker = Waker::from(Arc::new(Asks(handle.clone())));
        assert!(limited.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        drop(limited);
    });
}

#[test]
fn a_panicking_waker_leaves_it_rescheduled() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker that panics on purpose");
        }
    }
    let (_clock, _timer, _context) = manual();
    let (limited, handle) = endless(MILLI);
    let mut limited = pin!(limited);
    let waker = Waker::from(Arc::new(Panics));
    assert!(limited.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| handle.reschedule(now())));
    assert!(caught.is_err());
    assert!(matches!(poll_once(limited), Poll::Ready(Err(_))));
}

#[test]
fn a_deadline_from_another_thread_reaches_a_task_that_waits() {
    watched(|| {
        let (send, receive) = channel();
        let task = thread::spawn(move || {
            block_on(timeout_with(None, async move |limit| {
                send.send(limit).unwrap();
                pending::<()>().await;
            }))
        });
        let handle: TimeoutHandle = receive.recv().unwrap();
        handle.reschedule_after(Duration::from_secs(3600)).unwrap();
        handle.reschedule_after(MILLI).unwrap();
        assert!(task.join().unwrap().is_err());
        assert_eq!(handle.reschedule(None), Err(RescheduleError::Expired));
    });
}

#[test]
fn one_that_was_accepted_is_not_overruled_by_the_deadline_before_it() {
    // A deadline that has come, and a handle elsewhere that lifts it: whoever is told `Ok` has lifted it.
    watched(|| {
        for _ in 0..crate::testing::rounds(2_000) {
            let clock = Clock::manual();
            let timer = Timer::new(clock.clone());
            let _context = enter(&timer, true);
            let (limited, handle) = endless(MILLI);
            let mut limited = pin!(limited);
            assert!(poll_once(limited.as_mut()).is_pending());
            clock.advance(MILLI);
            let lifted = thread::scope(|scope| {
                let lifting = scope.spawn(|| handle.reschedule(None).is_ok());
                let expired = poll_once(limited.as_mut()).is_ready();
                let lifted = lifting.join().unwrap();
                assert_ne!(lifted, expired);
                lifted
            });
            assert_eq!(lifted, !handle.is_expired());
        }
    });
}
