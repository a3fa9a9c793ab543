//! Clocks that show their time, and arithmetic that stops at its ends.

use super::as_far;
use crate::testing::manual;
use crate::{Boot, BootInstant, Monotonic, TimeSource, Wall};
use static_assertions::assert_impl_all;
use std::time::{Duration, Instant, SystemTime};

assert_impl_all!(BootInstant: Send, Sync, Unpin, Copy, Ord);
assert_impl_all!(Monotonic: TimeSource, Unpin);
assert_impl_all!(Boot: TimeSource, Unpin);
assert_impl_all!(Wall: TimeSource, Unpin);

const YEARS: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 100);

/// What holds of every clock, at `point`.
fn keeps_within_its_ends<C: TimeSource>(point: C::Point) {
    for by in [Duration::ZERO, Duration::from_nanos(1_000), Duration::from_secs(7)] {
        let there = C::later(point, by);
        assert_eq!((C::between(point, there), C::between(there, point)), (by, Duration::ZERO));
        assert_eq!(C::earlier(there, by), point);
    }
    let last = C::later(point, Duration::MAX);
    assert!(last > C::later(point, YEARS), "it goes as far as can be said, not just a little");
    assert_eq!(C::later(last, Duration::from_nanos(100)), last);
    assert_eq!(C::later(last, Duration::MAX), last);
    let first = C::earlier(point, Duration::MAX);
    assert!(first <= point);
    assert_eq!(C::earlier(first, Duration::from_nanos(100)), first);
    assert!(C::until(last) > YEARS && C::until(first).is_zero());
}

#[test]
fn arithmetic_stops_at_the_ends_and_is_exact_within() {
    keeps_within_its_ends::<Monotonic>(Instant::now());
    keeps_within_its_ends::<Wall>(SystemTime::UNIX_EPOCH);
    keeps_within_its_ends::<Wall>(SystemTime::now());
    keeps_within_its_ends::<Boot>(BootInstant::from_boot(Duration::from_secs(1)));
    assert_eq!(Boot::earlier(BootInstant::BOOT, Duration::from_secs(1)), BootInstant::BOOT);
}

#[test]
fn as_far_as_can_be_said_is_exactly_there() {
    // A type whose last point is known.
    for last in [0, 1, 999_999_999, 1_000_000_000, 1_500_000_001, u64::MAX].map(Duration::from_nanos) {
        let step = |point: Duration, by| point.checked_add(by).filter(|&there| there <= last);
        assert_eq!(as_far(Duration::ZERO, Duration::MAX, step), last);
    }
}

#[test]
fn the_monotonic_clock_is_this_threads() {
    let before = Instant::now();
    assert!(Monotonic::now() >= before);
    let (clock, _timer, _context) = manual();
    let start = Monotonic::now();
    clock.advance(YEARS);
    assert_eq!(Monotonic::between(start, Monotonic::now()), YEARS);
    assert_eq!(Monotonic::until(start), Duration::ZERO);
}

#[test]
fn the_time_of_day_is_the_systems() {
    let (before, now, after) = (SystemTime::now(), Wall::now(), SystemTime::now());
    // Somebody may set it meanwhile; not by a day.
    let day = Duration::from_secs(60 * 60 * 24);
    assert!(Wall::between(now, before) < day && Wall::between(after, now) < day);
}

#[cfg(not(miri))]
#[test]
fn the_boot_clock_only_goes_forward() {
    let (first, second) = (Boot::now(), Boot::now());
    assert!(first <= second);
    assert!(Boot::until(Boot::later(second, YEARS)) <= YEARS);
}

#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn the_boot_clock_says_how_long_the_machine_is_up() {
    let before = Boot::now();
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    let after = Boot::now();
    let uptime: f64 = uptime.split_whitespace().next().unwrap().parse().unwrap();
    // Two digits after the point, cut off.
    let cut = 0.011;
    assert!(before.since_boot().as_secs_f64() - cut <= uptime, "{before:?} {uptime}");
    assert!(uptime <= after.since_boot().as_secs_f64(), "{uptime} {after:?}");
}
