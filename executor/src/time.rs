//! Sleeps, intervals, timeouts, the deadline in force, values and streams in time.

mod alarm;
mod call;
mod clock;

pub use alarm::{sleep_until_boot, sleep_until_wall};
pub use call::{CallHandle, call_at, call_later, call_soon};
pub use clock::{advance, pause, resume};
pub use filch_timer::{
    Boot, BootInstant, ChunksTimeout, Clock, Debounce, DelayKey, DelayQueue, Elapsed, Expired, Interval,
    MissedTickBehavior, Monotonic, MoveOn, RescheduleError, Sleep, StreamTimeExt, StreamTimeout, Throttle,
    TimeSource, Timeout, TimeoutHandle, TimeoutWith, UnknownKey, Wall, deadline, interval, interval_at,
    move_on_after, move_on_at, now, remaining, sleep, sleep_until, timeout, timeout_at, timeout_with,
};
