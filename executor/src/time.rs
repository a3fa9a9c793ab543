//! Sleeps, intervals and timeouts.

pub use filch_timer::{
    Clock, Elapsed, Interval, MissedTickBehavior, Sleep, Timeout, interval, interval_at, now, sleep,
    sleep_until, timeout, timeout_at,
};
