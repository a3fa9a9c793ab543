//! Sleeps polled, reset and dropped by hand.

use crate::line::{Nanos, Resolution};
use crate::testing::{Count, MILLI, Random, block_on, manual, poll, poll_once, watched};
use crate::{Clock, Interval, Sleep, Timeout, Timer, enter, now, sleep, sleep_until};
use filch_primitive::slice;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

#[test]
fn it_is_ready_from_its_deadline_on_and_stays_so() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let mut sleep = pin!(sleep(MILLI));
    assert_eq!(sleep.deadline(), clock.now() + MILLI);
    assert!(poll(sleep.as_mut(), &count).is_pending() && !sleep.is_elapsed());
    clock.advance(MILLI);
    assert!(sleep.is_elapsed());
    assert!(poll(sleep.as_mut(), &count).is_ready());
    assert!(poll(sleep.as_mut(), &count).is_ready());
    assert_eq!((count.get(), timer.len()), (1, 0));
}

#[test]
fn the_past_and_the_present_are_ready_without_a_wheel() {
    let (clock, timer, _context) = manual();
    let long_ago = clock.now().checked_sub(Duration::from_secs(3600)).unwrap_or_else(|| clock.now());
    for deadline in [clock.now(), long_ago] {
        assert!(poll_once(pin!(sleep_until(deadline))).is_ready());
    }
    assert!(poll_once(pin!(sleep(Duration::ZERO))).is_ready());
    assert_eq!(timer.len(), 0);
}

#[test]
fn a_sleep_that_is_over_before_its_first_poll_is_ready_or_due() {
    let (clock, timer, _context) = manual();
    let mut late = pin!(sleep(MILLI));
    clock.advance(MILLI);
    assert!(poll_once(late.as_mut()).is_ready(), "a virtual clock brings its wheels along");
    assert!(timer.is_empty());

    let timer = Timer::new(Clock::real());
    let _context = enter(&timer, true);
    let count = Count::new();
    let mut late = pin!(sleep(Resolution::COARSE.tick()));
    while !late.is_elapsed() {
        std::hint::spin_loop();
    }
    assert!(poll(late.as_mut(), &count).is_pending(), "the clock is not read again");
    while !timer.is_due(Instant::now()) {
        std::hint::spin_loop();
    }
    assert_eq!((timer.turn(Instant::now()), count.get()), (1, 1));
    assert!(poll(late.as_mut(), &count).is_ready());
}

#[test]
fn the_far_future_never_comes_and_overflows_nothing() {
    watched(|| {
        let mut sleeps: Vec<_> =
            [Duration::MAX, Duration::from_millis(u64::MAX), Duration::from_nanos(u64::MAX)]
                .map(|duration| Box::pin(sleep(duration)))
                .into();
        sleeps.push(Box::pin(sleep_until(Instant::now() + Duration::from_secs(u64::MAX / 4))));
        let count = Count::new();
        assert!(sleeps.iter_mut().all(|sleep| poll(sleep.as_mut(), &count).is_pending()));
        // The driver copes with so long a wait, and with the next.
        block_on(sleep(MILLI));
        assert!(sleeps.iter_mut().all(|sleep| poll(sleep.as_mut(), &count).is_pending()));
        sleeps.iter().for_each(|sleep| assert!(sleep.deadline() > Instant::now()));
        assert_eq!(count.get(), 0);
    });
}

#[test]
fn a_later_deadline_takes_no_lock_and_holds() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let mut sleep = pin!(sleep(MILLI));
    assert!(poll(sleep.as_mut(), &count).is_pending());
    let later = clock.now() + 10 * MILLI;
    sleep.as_mut().reset(later);
    assert_eq!(timer.next_deadline(), Some(clock.now() + MILLI), "the wheel does not know yet");
    clock.advance(5 * MILLI);
    assert_eq!((count.get(), timer.len(), timer.next_deadline()), (0, 1, Some(later)));
    assert!(!sleep.is_elapsed());
    clock.advance(5 * MILLI);
    assert_eq!((count.get(), timer.len()), (1, 0));
    assert!(poll(sleep.as_mut(), &count).is_ready());
}

#[test]
fn a_later_deadline_after_firing_is_believed_over_the_firing() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let mut sleep = pin!(sleep(MILLI));
    assert!(poll(sleep.as_mut(), &count).is_pending());
    clock.advance(MILLI);
    sleep.as_mut().reset(clock.now() + MILLI);
    assert!(!sleep.is_elapsed());
    assert!(poll(sleep.as_mut(), &count).is_pending());
    clock.advance(MILLI);
    assert_eq!((count.get(), timer.len()), (2, 0));
    assert!(poll(sleep.as_mut(), &count).is_ready());
}

#[test]
fn an_earlier_deadline_wakes_without_another_poll() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let mut sleep = pin!(sleep(Duration::from_secs(3600)));
    assert!(poll(sleep.as_mut(), &count).is_pending());
    sleep.as_mut().reset(clock.now() + MILLI);
    assert_eq!(timer.next_deadline(), Some(clock.now() + MILLI));
    clock.advance(MILLI);
    assert_eq!(count.get(), 1);
    assert!(poll(sleep.as_mut(), &count).is_ready());
}

#[test]
fn a_past_deadline_wakes_at_once() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    clock.advance(MILLI);
    let mut sleep = pin!(sleep(MILLI));
    assert!(poll(sleep.as_mut(), &count).is_pending());
    sleep.as_mut().reset(clock.now());
    assert_eq!((count.get(), timer.len()), (1, 0));
    assert!(poll(sleep.as_mut(), &count).is_ready());
}

#[test]
fn later_then_earlier_then_later_again_fires_once_at_the_last() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let start = clock.now();
    let mut sleep = pin!(sleep(2 * MILLI));
    assert!(poll(sleep.as_mut(), &count).is_pending());
    for milli in [9, 5, 7, 1, 6] {
        sleep.as_mut().reset(start + milli * MILLI);
        assert!(poll(sleep.as_mut(), &count).is_pending());
    }
    clock.advance(5 * MILLI);
    assert_eq!(count.get(), 0);
    clock.advance(MILLI);
    assert_eq!((count.get(), timer.len()), (1, 0));
    assert!(poll(sleep.as_mut(), &count).is_ready());
}

#[test]
fn an_unpolled_sleep_may_be_reset_and_moved() {
    let (clock, timer, _context) = manual();
    let mut moved = Box::pin(sleep(MILLI));
    moved.as_mut().reset(clock.now() + 2 * MILLI);
    assert!(poll_once(moved.as_mut()).is_pending());
    let mut same = moved;
    clock.advance(2 * MILLI);
    assert!(poll_once(same.as_mut()).is_ready());
    drop(sleep(MILLI));
    assert!(timer.is_empty());
}

#[test]
fn only_the_last_waker_is_woken_and_none_is_kept() {
    let (clock, _timer, _context) = manual();
    let (first, second) = (Count::new(), Count::new());
    let mut sleep = pin!(sleep(MILLI));
    assert!(poll(sleep.as_mut(), &first).is_pending());
    assert!(poll(sleep.as_mut(), &second).is_pending());
    assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second)), (1, 2));
    assert!(poll(sleep.as_mut(), &second).is_pending());
    assert_eq!(Arc::strong_count(&second), 2, "the same waker is not cloned again");
    clock.advance(MILLI);
    assert_eq!((first.get(), second.get()), (0, 1));
    assert_eq!(Arc::strong_count(&second), 1);
}

#[test]
fn the_same_waker_polls_again_while_the_wheel_is_locked() {
    // A poll that took the lock would hang here; the watchdog tells.
    watched(|| {
        let (clock, timer, _context) = manual();
        let count = Count::new();
        let waker = Waker::from(count.clone());
        let mut cx = std::task::Context::from_waker(&waker);
        let mut sleep = Box::pin(sleep(MILLI));
        assert!(sleep.as_mut().poll(&mut cx).is_pending());
        timer.while_locked(|| {
            assert!(sleep.as_mut().poll(&mut cx).is_pending());
            sleep.as_mut().reset(clock.now() + 2 * MILLI);
        });
        clock.advance(2 * MILLI);
        // Fired: dropping takes no lock either.
        timer.while_locked(|| drop(sleep));
    });
}

#[test]
fn a_waker_that_uses_the_timer_when_dropped_does_not_deadlock() {
    struct Drops(Timer);
    impl Wake for Drops {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Drops {
        fn drop(&mut self) {
            assert!(self.0.len() < 10);
        }
    }
    watched(|| {
        let (clock, timer, _context) = manual();
        let waker = || Waker::from(Arc::new(Drops(timer.clone())));
        let mut sleep = Box::pin(sleep(MILLI));
        for _ in 0..3 {
            let _ = sleep.as_mut().poll(&mut std::task::Context::from_waker(&waker()));
        }
        clock.advance(MILLI);
        sleep.as_mut().reset(clock.now() + MILLI);
        let _ = sleep.as_mut().poll(&mut std::task::Context::from_waker(&waker()));
        drop(sleep);
        let mut past = pin!(sleep_until(clock.now()));
        assert!(past.as_mut().poll(&mut std::task::Context::from_waker(&waker())).is_ready());
    });
}

#[test]
fn a_task_that_only_ever_sleeps_for_no_time_gives_way() {
    watched(|| {
        let _slice = slice::open();
        while poll_once(pin!(sleep(Duration::ZERO))).is_ready() {}
    });
}

#[test]
fn sizes_and_traits_are_what_the_docs_say() {
    trait Unless<A> {
        fn some() {}
    }
    impl<T: ?Sized> Unless<()> for T {}
    struct IsUnpin;
    impl<T: ?Sized + Unpin> Unless<IsUnpin> for T {}
    // Ambiguous, and so no program, if it were `Unpin`.
    <Sleep as Unless<_>>::some();
    <Timeout<std::future::Ready<()>> as Unless<_>>::some();

    fn shared<T: Send + Sync>() {}
    fn movable<T: Unpin>() {}
    shared::<Sleep>();
    shared::<Interval>();
    shared::<Timeout<std::future::Ready<()>>>();
    shared::<Timer>();
    shared::<crate::Clock>();
    shared::<crate::Elapsed>();
    movable::<Interval>();
    assert_eq!(size_of::<Sleep>(), 56, "links 16, waker 16, deadline 8, home 8, place, state and flag 8");
}

#[test]
fn now_is_the_clocks() {
    let (clock, _timer, _context) = manual();
    assert_eq!(now(), clock.now());
    assert_eq!(Nanos::from(now()), clock.nanos());
}

#[test]
fn slack_is_never_early_nor_later_than_it_says() {
    let (clock, timer, _context) = manual();
    for slack in [0, 1, 2, 1_000, 999_999, 1_000_000, 3_600_000_000_000].map(Duration::from_nanos) {
        for duration in
            [0, 1, 63, 64, 65, 4_095, 4_096, 1_000_003, 3_600_000_000_001].map(Duration::from_nanos)
        {
            let start = clock.now();
            let count = Count::new();
            let mut late = pin!(sleep(duration).with_slack(slack));
            assert_eq!(late.deadline(), start + duration);
            assert!(late.slack() <= slack && slack <= 2 * late.slack() + Duration::from_nanos(1));
            if poll(late.as_mut(), &count).is_pending() {
                let wakes = timer.next_deadline().unwrap();
                assert!(start + duration <= wakes && wakes <= start + duration + slack);
                assert!(!late.is_elapsed());
                clock.advance(wakes - start);
                assert_eq!(count.get(), 1);
                assert!(late.is_elapsed() && poll(late.as_mut(), &count).is_ready());
            } else {
                assert_eq!(duration, Duration::ZERO, "only a deadline that has come needs no wheel");
            }
            assert_eq!(late.deadline(), start + duration);
        }
    }
}

#[test]
fn sleeps_with_slack_meet() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let mut turns = Vec::new();
    for slack in [Duration::ZERO, 8 * MILLI, 64 * MILLI] {
        let mut random = Random::new(7);
        let mut sleeps: Vec<_> = (0..1_000)
            .map(|_| Box::pin(sleep(Duration::from_micros(random.below(1_000_000))).with_slack(slack)))
            .collect();
        let woken = count.get();
        let waiting = sleeps
            .iter_mut()
            .filter_map(|sleep| poll(sleep.as_mut(), &count).is_pending().then_some(()))
            .count();
        let mut turned = 0;
        while let Some(next) = timer.next_deadline() {
            clock.advance(next - clock.now());
            turned += 1;
        }
        assert_eq!(count.get(), woken + waiting);
        turns.push(turned);
    }
    // A second has 239 beats of 2^22 ns, the power of two below 8 ms, and 30 of 2^25.
    assert!(turns[0] > 900 && turns[1] <= 240 && turns[2] <= 31, "{turns:?}");
}

#[test]
fn slack_is_set_anew_while_it_waits() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let deadline = clock.now() + MILLI;
    let mut sleep = pin!(sleep_until(deadline));
    assert!(poll(sleep.as_mut(), &count).is_pending());
    sleep.as_mut().set_slack(Duration::from_secs(1));
    assert_eq!(sleep.deadline(), deadline);
    clock.advance(MILLI);
    assert!(poll(sleep.as_mut(), &count).is_pending(), "a second of slack reaches further");
    // Without slack it wakes at its deadline, which has come.
    sleep.as_mut().set_slack(Duration::ZERO);
    assert!(poll(sleep.as_mut(), &count).is_ready());
    assert_eq!((sleep.deadline(), timer.len()), (deadline, 0));
    // One that is ready stays so; the slack counts from the next reset on.
    sleep.as_mut().set_slack(Duration::from_secs(1));
    assert!(poll(sleep.as_mut(), &count).is_ready());
    sleep.as_mut().reset(deadline);
    assert_eq!((sleep.deadline(), sleep.slack()), (deadline, Duration::from_nanos(1 << 29)));
    let ahead = clock.now() + MILLI;
    sleep.as_mut().reset(ahead);
    assert!(poll(sleep.as_mut(), &count).is_pending());
    clock.advance(Duration::from_secs(1) + MILLI);
    assert!(poll(sleep.as_mut(), &count).is_ready());
}

#[test]
fn slack_beyond_the_end_of_time_overflows_nothing() {
    let (clock, _timer, _context) = manual();
    let mut longest = pin!(sleep(Duration::MAX).with_slack(Duration::MAX));
    let mut soon = pin!(sleep(MILLI).with_slack(Duration::MAX));
    assert!(poll_once(longest.as_mut()).is_pending() && poll_once(soon.as_mut()).is_pending());
    assert_eq!(soon.deadline(), clock.now() + MILLI);
    clock.advance(Duration::MAX);
    assert!(poll_once(longest.as_mut()).is_ready() && poll_once(soon.as_mut()).is_ready());
}
