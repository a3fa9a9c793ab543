//! Paces kept on a virtual clock; what tokio's `time_interval` pins.

use crate::testing::{Count, MILLI, manual, poll};
use crate::{Interval, MissedTickBehavior, interval, interval_at, now};
use futures_core::Stream;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

static_assertions::assert_impl_all!(Interval: Send, Sync, Unpin);

const PERIOD: Duration = Duration::from_millis(10);

/// Polls for a tick; in periods of a millisecond since `start`.
fn tick(interval: &mut Interval, start: Instant, count: &Arc<Count>) -> Poll<u128> {
    let polled = poll(pin!(interval.tick()), count);
    polled.map(|tick| tick.saturating_duration_since(start).as_millis())
}

/// Comes for the third tick at 47 and then as soon as it can; what the schedule said, and when it was delivered.
fn late(behavior: MissedTickBehavior) -> Vec<(u128, u128)> {
    let (clock, _timer, _context) = manual();
    let count = Count::new();
    let start = now();
    let mut interval = interval(PERIOD);
    interval.set_missed_tick_behavior(behavior);
    let mut seen = Vec::new();
    for milli in 0..=70 {
        let away = (11..47).contains(&milli);
        while !away && let Poll::Ready(scheduled) = tick(&mut interval, start, &count) {
            seen.push((scheduled, milli));
        }
        clock.advance(MILLI);
    }
    seen
}

#[test]
fn skip_leaves_missed_ticks_out() {
    let seen = late(MissedTickBehavior::default());
    assert_eq!(seen, [(0, 0), (10, 10), (20, 47), (50, 50), (60, 60), (70, 70)]);
}

#[test]
fn burst_catches_up() {
    let seen = late(MissedTickBehavior::Burst);
    assert_eq!(seen, [(0, 0), (10, 10), (20, 47), (30, 47), (40, 47), (50, 50), (60, 60), (70, 70)]);
}

#[test]
fn delay_begins_anew() {
    let seen = late(MissedTickBehavior::Delay);
    assert_eq!(seen, [(0, 0), (10, 10), (20, 47), (57, 57), (67, 67)]);
}

#[test]
fn a_little_lateness_moves_no_schedule() {
    for behavior in [MissedTickBehavior::Skip, MissedTickBehavior::Burst, MissedTickBehavior::Delay] {
        let (clock, _timer, _context) = manual();
        let count = Count::new();
        let start = now();
        let mut interval = interval(PERIOD);
        interval.set_missed_tick_behavior(behavior);
        assert_eq!(tick(&mut interval, start, &count), Poll::Ready(0));
        for n in 1..50 {
            clock.advance(if n == 1 { PERIOD + 2 * MILLI } else { PERIOD });
            assert_eq!(tick(&mut interval, start, &count), Poll::Ready(n * 10), "{behavior:?}");
            assert!(tick(&mut interval, start, &count).is_pending());
        }
    }
}

#[test]
fn a_start_in_the_future_is_waited_for_and_one_in_the_past_was_missed() {
    let (clock, _timer, _context) = manual();
    let count = Count::new();
    clock.advance(100 * MILLI);
    let here = now();
    let mut later = interval_at(here + MILLI, PERIOD);
    assert!(tick(&mut later, here, &count).is_pending());
    clock.advance(MILLI);
    assert_eq!(count.get(), 1);
    assert_eq!(tick(&mut later, here, &count), Poll::Ready(1));

    let past = now() - 35 * MILLI;
    let mut burst = interval_at(past, PERIOD);
    burst.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for n in 0..4 {
        assert_eq!(tick(&mut burst, past, &count), Poll::Ready(n * 10));
    }
    assert!(tick(&mut burst, past, &count).is_pending());
    let mut skip = interval_at(past, PERIOD);
    assert_eq!(tick(&mut skip, past, &count), Poll::Ready(0));
    clock.advance(5 * MILLI);
    assert_eq!(tick(&mut skip, past, &count), Poll::Ready(40));
}

#[test]
fn a_dropped_tick_is_not_lost() {
    let (clock, _timer, _context) = manual();
    let count = Count::new();
    let start = now();
    let mut interval = interval(PERIOD);
    assert_eq!(tick(&mut interval, start, &count), Poll::Ready(0));
    // Each of these is dropped pending.
    assert!(tick(&mut interval, start, &count).is_pending());
    assert!(tick(&mut interval, start, &count).is_pending());
    clock.advance(PERIOD);
    assert_eq!(tick(&mut interval, start, &count), Poll::Ready(10));
}

#[test]
fn resetting_begins_anew() {
    let (clock, _timer, _context) = manual();
    let count = Count::new();
    let start = now();
    let mut interval = interval(PERIOD);
    assert_eq!(tick(&mut interval, start, &count), Poll::Ready(0));
    clock.advance(7 * MILLI);
    interval.reset();
    clock.advance(9 * MILLI);
    assert!(tick(&mut interval, start, &count).is_pending());
    clock.advance(MILLI);
    assert_eq!(tick(&mut interval, start, &count), Poll::Ready(17));
    interval.reset_at(start + 18 * MILLI);
    clock.advance(MILLI);
    assert_eq!(tick(&mut interval, start, &count), Poll::Ready(18));
}

#[test]
fn resetting_at_once_after_and_at_set_the_pace_from_there() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let start = now();
    let mut interval = interval(PERIOD);
    assert_eq!(tick(&mut interval, start, &count), Poll::Ready(0));
    clock.advance(3 * MILLI);
    interval.reset_immediately();
    assert_eq!(interval.next_tick(), now());
    assert_eq!(tick(&mut interval, start, &count), Poll::Ready(3));
    assert!(tick(&mut interval, start, &count).is_pending());
    // Who waits is woken at the new time without another poll, be it earlier or later.
    interval.reset_after(2 * MILLI);
    clock.advance(2 * MILLI);
    assert_eq!(count.get(), 1);
    assert_eq!(tick(&mut interval, start, &count), Poll::Ready(5));
    assert!(tick(&mut interval, start, &count).is_pending());
    interval.reset_after(2 * PERIOD);
    clock.advance(2 * PERIOD - MILLI);
    assert_eq!((count.get(), tick(&mut interval, start, &count)), (1, Poll::Pending));
    clock.advance(MILLI);
    assert_eq!(count.get(), 2);
    assert_eq!(tick(&mut interval, start, &count), Poll::Ready(25));
    assert_eq!(interval.next_tick(), start + 35 * MILLI);
    // A start in the past counts as missed: the tick comes at once, the pace is kept.
    interval.reset_at(start + 4 * MILLI);
    assert_eq!(tick(&mut interval, start, &count), Poll::Ready(4));
    assert_eq!(tick(&mut interval, start, &count), Poll::Pending);
    clock.advance(9 * MILLI);
    assert_eq!(tick(&mut interval, start, &count), Poll::Ready(34));
    interval.reset_after(Duration::MAX);
    assert!(tick(&mut interval, start, &count).is_pending());
    drop(interval);
    assert!(timer.is_empty());
}

#[test]
fn slack_brings_ticks_together_and_leaves_the_schedule_alone() {
    for behavior in [MissedTickBehavior::Skip, MissedTickBehavior::Burst, MissedTickBehavior::Delay] {
        let (clock, timer, _context) = manual();
        let count = Count::new();
        let start = now();
        let slack = 4 * MILLI;
        let mut beats: Vec<_> = (0..20).map(|n| interval_at(start + n * MILLI / 10, PERIOD)).collect();
        for beat in &mut beats {
            beat.set_missed_tick_behavior(behavior);
            beat.set_slack(slack);
            assert!(beat.slack() <= slack && slack < 2 * beat.slack());
        }
        let (mut ticks, mut wakes) = (vec![0_u32; beats.len()], 0);
        while clock.now() < start + 50 * PERIOD {
            for ((beat, n), ticks) in beats.iter_mut().zip(0..).zip(&mut ticks) {
                while let Poll::Ready(tick) = poll(pin!(beat.tick()), &count) {
                    assert_eq!(tick, start + n * MILLI / 10 + *ticks * PERIOD);
                    assert!(tick <= clock.now() && clock.now() <= tick + slack);
                    *ticks += 1;
                }
            }
            let next = timer.next_deadline().unwrap();
            clock.advance(next.saturating_duration_since(clock.now()));
            wakes += 1;
        }
        assert!(ticks.iter().all(|&ticks| (49..=51).contains(&ticks)), "{ticks:?}");
        assert!(wakes <= 110, "{wakes} wake-ups for a thousand ticks in fifty periods");
    }
}

#[test]
fn huge_periods_and_tiny_ones_overflow_nothing() {
    for behavior in [MissedTickBehavior::Skip, MissedTickBehavior::Burst, MissedTickBehavior::Delay] {
        let (clock, _timer, _context) = manual();
        let count = Count::new();
        let start = now();
        let mut huge = interval(Duration::MAX);
        huge.set_missed_tick_behavior(behavior);
        assert_eq!(tick(&mut huge, start, &count), Poll::Ready(0));
        assert!(tick(&mut huge, start, &count).is_pending());
        huge.reset();
        let mut tiny = interval(Duration::from_nanos(1));
        tiny.set_missed_tick_behavior(behavior);
        assert!(tick(&mut tiny, start, &count).is_ready());
        clock.advance(Duration::from_secs(60 * 60 * 24 * 365 * 100));
        assert!(tick(&mut huge, start, &count).is_pending());
        assert!(tick(&mut tiny, start, &count).is_ready());
        assert_eq!(tiny.period(), Duration::from_nanos(1));
    }
}

#[test]
fn it_is_a_stream_without_end() {
    let (clock, _timer, _context) = manual();
    let start = now();
    let mut interval = interval(PERIOD);
    let count = Count::new();
    for n in 0..3 {
        let mut next = pin!(std::future::poll_fn(|cx| Pin::new(&mut interval).poll_next(cx)));
        assert_eq!(poll(next.as_mut(), &count), Poll::Ready(Some(start + n * PERIOD)));
        clock.advance(PERIOD);
    }
    assert_eq!(interval.size_hint(), (usize::MAX, None));
}

#[test]
#[should_panic(expected = "an interval needs a period longer than zero")]
fn a_zero_period_panics_when_it_is_made() {
    let _ = interval(Duration::ZERO);
}
