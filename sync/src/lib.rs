//! Locks, semaphores, events and channels for async code, under any executor.
//!
//! Nothing here needs a runtime: a primitive wakes whoever waits for it, wherever that runs, and the `*_blocking`
//! twins serve plain threads. Waiting allocates nothing: a waiter lives inside the future that waits, in one
//! [wait list](filch_primitive::wait_list) that all primitives share.
//!
//! In reading order:
//! - [`Lock`]: one at a time; two locked instructions when nobody competes.
//! - [`Semaphore`]: a number of permits, handed out in the order they were asked for.
//! - [`Event`]: a flag to wait for.
//! - [`oneshot`]: one value, once.
//! - [`channel`]: many values between many senders and many receivers; bounded, unbounded or hand to hand.
//!
//! Common promises: dropping a future that waits loses nothing (each function's *cancel safety* says what that means);
//! a panic of somebody's waker or destructor harms nobody else; `Debug` never waits.
//!
//! ```
//! use filch_sync::{Lock, channel};
//! # futures_lite::future::block_on(async {
//! let total = Lock::new(0);
//! let (sender, receiver) = channel::bounded(8);
//! sender.send(2).await?;
//! sender.send(3).await?;
//! drop(sender);
//! while let Ok(number) = receiver.recv().await {
//!     *total.lock().await += number;
//! }
//! assert_eq!(total.into_inner(), 5);
//! # Ok::<(), channel::SendError<i32>>(())
//! # }).unwrap();
//! ```

pub mod broadcast;
pub mod channel;
pub mod oneshot;
pub mod queue;
pub mod watch;

mod barrier;
mod blocking;
mod capacity_limiter;
mod clock;
mod condition;
mod event;
mod latch;
mod lazy_lock;
mod lock;
mod notify;
mod once_cell;
mod rwlock;
mod semaphore;
mod set_once;
mod wait_group;
#[cfg_attr(filch_shuttle, path = "watchman/modelled.rs")]
#[cfg(not(filch_loom))]
mod watchman;

pub use barrier::*;
pub use capacity_limiter::*;
pub use condition::*;
pub use event::*;
pub use latch::*;
pub use lazy_lock::*;
pub use lock::*;
pub use notify::*;
pub use once_cell::*;
pub use rwlock::*;
pub use semaphore::*;
pub use set_once::*;
pub use wait_group::*;

#[cfg(all(test, not(filch_loom)))]
mod testing;
