//! The ground filch stands on.
//!
//! Every atomic, cell, lock and thread that filch's crates use comes from here and from nowhere else, so that
//! one switch (`--cfg filch_loom`, `--cfg filch_shuttle`, `--cfg filch_tsan`) turns all of them into a model
//! checker's, or into ones that a sanitizer understands: see [`sync`]. On that ground stand the few small things
//! that several crates share.
//!
//! In reading order:
//! - [`sync`], [`cell`], [`thread`], [`hint`], [`time`] and the macro [`thread_local`]: the facade, in its four forms.
//! - [`ByteLock`]: a one-byte lock for critical sections of a few instructions.
//! - [`WakeBatch`]: wakers collected under a lock and woken outside it.
//! - `KernelClock`: clocks of Linux that the standard library does not know.
//! - [`contained`], [`discard`]: where a panic of user code ends.
//! - [`mutant`]: faults planted on purpose, for the tests to find.
//! - [`wait_list`]: who waits for a primitive, in which order.
//! - [`mod@slice`]: the time slice of the poll that is under way, asked by futures that are always ready.
//!
//! This crate is not meant to be used on its own: its surface follows the needs of its siblings.

// For the hooks of `sync::tsan`, in a build that needs an unstable compiler anyway.
#![cfg_attr(filch_tsan, feature(sanitize, thread_local))]

pub mod cell;
#[cfg(filch_shuttle)]
pub mod explore;
pub mod hint;
#[cfg(filch_loom)]
pub mod model;
pub mod mutant;
pub mod slice;
pub mod sync;
pub mod thread;
pub mod time;
pub mod wait_list;

mod byte_lock;
mod contain;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod kernel_clock;
mod wake_batch;

pub use byte_lock::{ByteLock, ByteLockGuard};
pub use contain::{contained, discard};
#[cfg(any(target_os = "linux", target_os = "android"))]
pub use kernel_clock::KernelClock;
pub use wake_batch::{WAKE_BATCH_CAPACITY, WakeBatch, wake_contained};

#[cfg(any(filch_loom, filch_shuttle))]
pub use __modelled_thread_local as thread_local;
#[cfg(not(any(filch_loom, filch_shuttle)))]
pub use std::thread_local;
