//! The operating system's threads.

use std::time::Duration;

pub use std::thread::{
    Builder, JoinHandle, LocalKey, Thread, ThreadId, current, park, park_timeout, sleep, spawn, yield_now,
};

/// Waits a little before the caller looks again, as it does until it has found what it looks for. May end early, by an
/// `unpark` too.
#[inline]
pub fn pause(duration: Duration) {
    park_timeout(duration);
}

/// A number by which threads differ, for spreading them over things: any is right.
#[inline]
#[must_use]
pub fn spread() -> usize {
    std::thread_local!(static HERE: u8 = const { 0 });
    // The address of a thread-local tells threads apart.
    HERE.with(|here| std::ptr::from_ref(here).addr()) >> 7
}
