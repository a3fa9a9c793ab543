//! Sleeps, intervals, timeouts, and the deadline in force.

pub use filch_timer::{
    Clock, DelayKey, DelayQueue, Elapsed, Expired, Interval, MissedTickBehavior, MoveOn, RescheduleError,
    Sleep, Timeout, TimeoutHandle, TimeoutWith, UnknownKey, deadline, interval, interval_at, move_on_after,
    move_on_at, now, remaining, sleep, sleep_until, timeout, timeout_at, timeout_with,
};
