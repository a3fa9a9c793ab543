//! The entry's protocol under the model checker: registering, cancelling and resetting against firing and the end.
//!
//! Models run all their threads on one, so they share one context, entered first.

use crate::line::Nanos;
use crate::registration::Registration;
use crate::{Clock, Timer, enter};
use filch_primitive::sync::Arc;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use std::pin::pin;
use std::task::{Context, RawWaker, RawWakerVTable, Waker};
use std::time::Duration;

const NAP: Duration = Duration::from_millis(1);

/// A waker that counts its wake-ups. Not `Wake`: the model checker's `Arc` is not the one that asks for.
fn counting(count: &Arc<AtomicUsize>) -> Waker {
    fn wake(data: *const ()) {
        let count: *const Arc<AtomicUsize> = data.cast();
        // SAFETY: the pointer is the reference below, which outlives every waker made of it.
        let count = unsafe { &*count };
        // Ordering: Release, paired with the Acquire loads in the models.
        count.fetch_add(1, Ordering::Release);
    }
    const TABLE: RawWakerVTable = RawWakerVTable::new(|data| RawWaker::new(data, &TABLE), wake, wake, |_| {});
    let data = std::ptr::from_ref(count).cast();
    // SAFETY: the functions may be called from any thread, as the count is atomic; each model keeps `count` until
    // its threads are joined and its timer is gone.
    unsafe { Waker::from_raw(RawWaker::new(data, &TABLE)) }
}

/// Explores `body`, which gets a timer, its clock and a count of wake-ups.
fn check(body: impl Fn(&Timer, &Clock, &Arc<AtomicUsize>) + Send + Sync + 'static) {
    loom::model(move || {
        // Always the same time: the model checker replays, and the wheel's ways depend on the time.
        let clock = Clock::manual_at(Nanos::from_raw(1 << 62).to_instant());
        let timer = Timer::new(clock.clone());
        let context = enter(&timer, true);
        let woken = Arc::new(AtomicUsize::new(0));
        body(&timer, &clock, &woken);
        drop(context);
        assert_eq!(timer.len(), 0);
    });
}

fn nap(clock: &Clock) -> Registration {
    Registration::new(clock.nanos().saturating_add(NAP))
}

#[test]
fn loom_a_registration_racing_with_the_clock_is_ready_or_woken() {
    check(|_, clock, woken| {
        let mut nap = pin!(nap(clock));
        let moved = clock.clone();
        let thread = loom::thread::spawn(move || moved.advance(2 * NAP));
        let waker = counting(woken);
        let polled = nap.as_mut().poll(&mut Context::from_waker(&waker));
        thread.join().unwrap();
        assert!(polled.is_ready() || woken.load(Ordering::Acquire) == 1);
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    });
}

#[test]
fn loom_cancelling_races_with_firing() {
    check(|_, clock, woken| {
        let waker = counting(woken);
        let mut nap = Box::pin(nap(clock));
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let moved = clock.clone();
        let thread = loom::thread::spawn(move || moved.advance(2 * NAP));
        drop(nap);
        thread.join().unwrap();
        assert!(woken.load(Ordering::Acquire) <= 1);
    });
}

#[test]
fn loom_another_waker_races_with_firing() {
    check(|_, clock, woken| {
        let first = counting(woken);
        let mut nap = pin!(nap(clock));
        assert!(nap.as_mut().poll(&mut Context::from_waker(&first)).is_pending());
        let moved = clock.clone();
        let thread = loom::thread::spawn(move || moved.advance(2 * NAP));
        let other = Arc::new(AtomicUsize::new(0));
        let second = counting(&other);
        let polled = nap.as_mut().poll(&mut Context::from_waker(&second));
        thread.join().unwrap();
        // Pending: then the second waker is the one that was woken, alone.
        assert!(polled.is_ready() || other.load(Ordering::Acquire) == 1);
        assert_eq!(other.load(Ordering::Acquire) + woken.load(Ordering::Acquire), 1);
    });
}

#[test]
fn loom_a_later_deadline_races_with_the_old_one() {
    check(|_, clock, woken| {
        let waker = counting(woken);
        let mut nap = pin!(nap(clock));
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let later = clock.nanos().saturating_add(5 * NAP);
        let moved = clock.clone();
        let thread = loom::thread::spawn(move || moved.advance(2 * NAP));
        nap.as_mut().reset(later);
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "never early");
        thread.join().unwrap();
        // Fired for the old deadline, it was woken, and is polled once more.
        if woken.load(Ordering::Acquire) == 1 {
            assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "never early");
        }
        let before = woken.load(Ordering::Acquire);
        clock.advance(4 * NAP);
        assert_eq!(woken.load(Ordering::Acquire), before + 1);
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    });
}

#[test]
fn loom_an_earlier_deadline_races_with_firing() {
    check(|_, clock, woken| {
        let waker = counting(woken);
        let mut nap = pin!(nap(clock));
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let earlier = clock.nanos();
        let moved = clock.clone();
        let thread = loom::thread::spawn(move || moved.advance(2 * NAP));
        nap.as_mut().reset(earlier);
        thread.join().unwrap();
        assert_eq!(woken.load(Ordering::Acquire), 1);
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    });
}

#[test]
fn loom_two_threads_turn_one_wheel() {
    check(|timer, clock, woken| {
        let waker = counting(woken);
        let (mut first, mut second) = (pin!(nap(clock)), pin!(nap(clock)));
        assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert!(second.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let due = clock.now() + 2 * NAP;
        let other = timer.clone();
        let thread = loom::thread::spawn(move || other.turn(due));
        let here = timer.turn(due);
        assert_eq!(here + thread.join().unwrap(), 2);
        assert_eq!(woken.load(Ordering::Acquire), 2);
    });
}

#[test]
fn loom_the_end_races_with_cancelling() {
    check(|timer, clock, woken| {
        let waker = counting(woken);
        let mut nap = Box::pin(nap(clock));
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let ended = timer.clone();
        let thread = loom::thread::spawn(move || ended.orphan());
        drop(nap);
        thread.join().unwrap();
        assert!(woken.load(Ordering::Acquire) <= 1);
    });
}

#[test]
#[should_panic(expected = "on purpose")]
fn loom_canary_a_model_that_must_fail() {
    check(|_, clock, woken| {
        let mut nap = Box::pin(nap(clock));
        let waker = counting(woken);
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let moved = clock.clone();
        let thread = loom::thread::spawn(move || moved.advance(2 * NAP));
        drop(nap);
        thread.join().unwrap();
        assert_eq!(woken.load(Ordering::Acquire), 0, "on purpose: some order fires before the cancelling");
    });
}
