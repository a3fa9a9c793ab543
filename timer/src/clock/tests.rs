//! A clock moved by hand.

use crate::testing::{Count, MILLI, manual, poll, poll_once, rounds};
use crate::{Clock, Idle, Timer, enter, now, sleep, sleep_until};
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

#[test]
fn a_clock_that_runs_goes_with_the_machines_and_stops_where_it_is_paused() {
    let start = Instant::now() + Duration::from_secs(1_000_000);
    let clock = Clock::manual_at(start);
    assert!(clock.is_paused());
    clock.resume();
    assert!(!clock.is_paused() && clock.awaits().is_none());
    let begun = Instant::now();
    while begun.elapsed() < MILLI {}
    assert!(clock.now() >= start + MILLI);
    clock.advance(Duration::from_secs(60));
    let later = clock.now();
    assert!(later >= start + MILLI + Duration::from_secs(60));
    clock.pause();
    let stopped = clock.now();
    assert!(stopped >= later && clock.now() == stopped);
    clock.pause();
    assert_eq!(clock.now(), stopped);
}

#[test]
fn a_clock_that_runs_stops_at_the_ends_of_the_time_line() {
    let clock = Clock::manual();
    clock.advance(Duration::MAX);
    let end = clock.now();
    clock.resume();
    assert_eq!(clock.now(), end);
    clock.advance(Duration::MAX);
    clock.pause();
    assert_eq!(clock.now(), end);
}

#[test]
fn nobody_sees_a_clock_go_back_while_it_is_paused_and_resumed() {
    let clock = Clock::manual();
    let watched = clock.clone();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = stop.clone();
    let reader = thread::spawn(move || {
        let mut before = watched.now();
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            let now = watched.now();
            assert!(now >= before, "{now:?} came after {before:?}");
            before = now;
        }
    });
    for _ in 0..rounds(20_000) {
        clock.resume();
        clock.advance(Duration::from_nanos(3));
        clock.pause();
        clock.advance(Duration::from_nanos(2));
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    reader.join().unwrap();
}

#[test]
fn it_does_not_move_by_itself_to_where_nothing_comes_any_more() {
    let clock = Clock::auto();
    let _context = enter(&Timer::new(clock.clone()), true);
    let start = clock.now();
    let mut forever = pin!(sleep(Duration::MAX));
    let mut hour = pin!(sleep(3_600 * 1_000 * MILLI));
    assert!(poll_once(forever.as_mut()).is_pending() && poll_once(hour.as_mut()).is_pending());
    assert!(clock.advance_when_idle(Idle::Everything));
    assert!(poll_once(hour).is_ready());
    assert!(!clock.advance_when_idle(Idle::Everything));
    assert_eq!((clock.awaits(), clock.now() - start), (None, 3_600 * 1_000 * MILLI));
    // Unless somebody asks for just that.
    let _moving = clock.move_until(forever.deadline());
    assert!(clock.advance_when_idle(Idle::Everything));
    assert_eq!(clock.now(), forever.deadline());
}

#[test]
fn it_moves_by_itself_from_deadline_to_deadline_when_told_that_nothing_can_run() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let start = clock.now();
    let mut sleeps: Vec<_> = (1..=3).map(|n| Box::pin(sleep(n * MILLI))).collect();
    assert!(sleeps.iter_mut().all(|sleep| poll(sleep.as_mut(), &count).is_pending()));
    assert_eq!(clock.awaits(), None);
    assert!(!clock.advance_when_idle(Idle::Everything));

    clock.set_auto_advance(true);
    assert_eq!(clock.awaits(), Some(Idle::Everything));
    assert!(!clock.advance_when_idle(Idle::Tasks), "somebody waits for a descriptor");
    assert!(clock.advance_when_idle(Idle::Everything));
    assert_eq!((clock.now(), count.get()), (start + MILLI, 1));

    clock.set_auto_advance(false);
    let until = clock.move_until(start + 2 * MILLI);
    assert_eq!(clock.awaits(), Some(Idle::Tasks));
    assert!(clock.advance_when_idle(Idle::Tasks));
    assert_eq!((clock.now(), count.get()), (start + 2 * MILLI, 2));
    assert!(!clock.advance_when_idle(Idle::Everything), "it is where it was to be");
    drop(until);
    clock.set_auto_advance(true);
    assert!(clock.advance_when_idle(Idle::Everything));
    assert_eq!((count.get(), timer.len(), clock.awaits()), (3, 0, None));
}
