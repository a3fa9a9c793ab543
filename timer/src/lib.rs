//! Deadlines become wake-ups: sleeps, intervals, timeouts, delay queues and streams in time that run under any executor.
//!
//! ```
//! use filch_timer::{interval, sleep, timeout};
//! use std::time::Duration;
//!
//! futures_lite::future::block_on(async {
//!     sleep(Duration::from_millis(2)).await;
//!
//!     let mut beat = interval(Duration::from_millis(1));
//!     let first = beat.tick().await;
//!     assert!(beat.tick().await >= first + Duration::from_millis(1));
//!
//!     let never = std::future::pending::<()>();
//!     assert!(timeout(Duration::from_millis(2), never).await.is_err());
//! });
//! ```
//!
//! A timer fires at or after its deadline, never before, and at most one tick (65.5 µs) plus the wait for a thread
//! late. Deadlines may be as far away or as long past as [`Instant`](std::time::Instant) can say; nothing
//! overflows.
//!
//! # Who looks at the clock
//!
//! A [`Timer`] is a wheel of deadlines together with the [`Clock`] they are read on. Something has to drive it:
//! ask for its [`next_deadline`](Timer::next_deadline), wait that long, and [`turn`](Timer::turn) it. An executor
//! does so with a timer per worker, and says so to the thread with [`enter`]; sleeps polled on that thread
//! register there. A thread without such a context uses one timer for the whole process, driven by a thread of its
//! own that starts with the first sleep and never runs while nothing is due.
//!
//! # Reading order
//!
//! - `line`: every instant as a number of nanoseconds, and as a tick.
//! - `clock`: [`Clock`], real or moved by hand.
//! - `time_source`: [`Monotonic`], [`Boot`] and [`Wall`], the clocks there are, as types.
//! - `entry`: what a deadline looks like inside its future, and its states.
//! - `wheel`: where entries wait. It is handed the time and never reads it.
//! - `timer`: [`Timer`], the wheel behind its lock.
//! - `context`, `fallback`: which timer a thread uses, and the one for threads that have none.
//! - `registration`: the future's side of the entry's protocol.
//! - `sleep`, `interval`: [`Sleep`], [`Interval`].
//! - `deadline`: the [deadline](deadline()) in force here.
//! - `timeout`: [`Timeout`], [`MoveOn`], and [`timeout_with`], which can be rescheduled from within.
//! - `delay_queue`: [`DelayQueue`].
//! - `stream`: [`StreamTimeExt`].

mod clock;
mod context;
mod deadline;
mod delay_queue;
mod entry;
mod fallback;
mod interval;
mod line;
mod registration;
mod sleep;
mod stream;
#[cfg(all(test, not(filch_loom)))]
mod testing;
mod time_source;
mod timeout;
mod timer;
mod wheel;

pub use clock::{Clock, Idle, MoveGuard};
pub use context::{EnterGuard, clock, enter, now};
pub use deadline::{deadline, remaining, without_deadline};
pub use delay_queue::{DelayKey, DelayQueue, Expired, UnknownKey};
pub use interval::{Interval, MissedTickBehavior, interval, interval_at};
pub use sleep::{Sleep, sleep, sleep_until};
pub use stream::{ChunksTimeout, Debounce, StreamTimeExt, StreamTimeout, Throttle};
pub use time_source::{Boot, BootInstant, Monotonic, TimeSource, Wall};
pub use timeout::{
    Elapsed, MoveOn, RescheduleError, Timeout, TimeoutHandle, TimeoutWith, move_on_after, move_on_at,
    timeout, timeout_at, timeout_with,
};
pub use timer::Timer;
