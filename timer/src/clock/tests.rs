//! A clock moved by hand.

use crate::testing::{Count, MILLI, manual, poll, rounds};
use crate::{Clock, Timer, enter, now, sleep, sleep_until};
use std::pin::pin;
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn it_stands_still_until_it_is_moved_and_clones_move_along() {
    let start = Instant::now();
    let clock = Clock::manual_at(start);
    let same = clock.clone();
    assert_eq!((clock.now(), clock.is_manual()), (start, true));
    same.advance(MILLI);
    assert_eq!(clock.now(), start + MILLI);
    clock.advance(Duration::ZERO);
    assert_eq!(same.now(), start + MILLI);
}

#[test]
fn it_stops_at_the_end_of_the_time_line() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let mut longest = pin!(sleep(Duration::MAX));
    assert!(poll(longest.as_mut(), &count).is_pending());
    clock.advance(Duration::from_secs(60 * 60 * 24 * 365 * 200));
    assert!(poll(longest.as_mut(), &count).is_pending());
    clock.advance(Duration::MAX);
    let end = clock.now();
    clock.advance(Duration::MAX);
    assert_eq!(clock.now(), end);
    assert!(poll(longest.as_mut(), &count).is_ready());
    assert_eq!((count.get(), timer.len()), (1, 0));
}

#[test]
#[should_panic(expected = "only a virtual clock can be advanced")]
fn the_machines_clock_is_not_moved() {
    Clock::real().advance(MILLI);
}

#[test]
fn advancing_by_as_much_as_a_sleep_is_long_ends_it_and_less_does_not() {
    let (clock, _timer, _context) = manual();
    for nanos in [1, 2, 63, 64, 65, 65_535, 65_536, 65_537, 1_000_000, 3_600_000_000_000, 1 << 50] {
        let count = Count::new();
        let duration = Duration::from_nanos(nanos);
        let mut sleep = pin!(sleep(duration));
        assert!(poll(sleep.as_mut(), &count).is_pending());
        clock.advance(duration - Duration::from_nanos(1));
        assert_eq!(count.get(), 0, "{duration:?}");
        assert!(poll(sleep.as_mut(), &count).is_pending(), "{duration:?}");
        clock.advance(Duration::from_nanos(1));
        assert_eq!(count.get(), 1, "{duration:?}");
        assert!(poll(sleep.as_mut(), &count).is_ready(), "{duration:?}");
    }
}

#[test]
fn it_is_driven_across_the_spans_where_other_wheels_wrapped() {
    // Millisecond wheels of other makes broke after 2^30 and 2^36 ms, with short timers pending.
    let (clock, timer, _context) = manual();
    let jumps = [(1_u64 << 30) - 1, 1, 1 << 30, (1 << 36) - 1, 1, 64_u64.pow(5), 64_u64.pow(5) - 1, 1];
    for jump in jumps {
        clock.advance(Duration::from_millis(jump));
        let count = Count::new();
        let start = now();
        let mut sleeps: Vec<_> =
            (1..=rounds(200) as u32).map(|n| Box::pin(sleep_until(start + n * MILLI))).collect();
        assert!(sleeps.iter_mut().all(|sleep| poll(sleep.as_mut(), &count).is_pending()));
        for n in 1..=sleeps.len() {
            clock.advance(MILLI);
            assert_eq!(count.get(), n);
        }
        assert!(timer.is_empty());
    }
}

#[test]
fn a_registration_racing_with_an_advance_is_never_left_behind() {
    // No driver, no second advance: ready at once or woken by this one.
    for _ in 0..rounds(3_000) {
        let clock = Clock::manual();
        let timer = Timer::new(clock.clone());
        let moved = clock.clone();
        let deadline = clock.now() + MILLI;
        let thread = thread::spawn(move || moved.advance(MILLI));
        let _context = enter(&timer, true);
        let count = Count::new();
        let mut sleep = pin!(sleep_until(deadline));
        let polled = poll(sleep.as_mut(), &count);
        thread.join().unwrap();
        assert!(polled.is_ready() || count.get() == 1);
    }
}
