//! Clocks of Linux that the standard library does not know.
//!
//! By the C library, which finds the kernel's page for it under every tool. (`rustix` looks for that page by itself, and what it finds
//! under valgrind is not there: the program crashes.)

#![allow(unsafe_code, reason = "asks the C library for the time")]

use std::mem::MaybeUninit;
use std::time::Duration;

/// Which clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelClock {
    /// The monotonic clock as it was at the last tick, up to 4 ms ago (10 with a hundred ticks a second): a few nanoseconds a look.
    MonotonicCoarse,
    /// The time since the machine was started, the time it was suspended included.
    Boot,
}

impl KernelClock {
    /// What the clock shows: the time since it began.
    #[must_use]
    pub fn now(self) -> Duration {
        let clock = match self {
            Self::MonotonicCoarse => libc::CLOCK_MONOTONIC_COARSE,
            Self::Boot => libc::CLOCK_BOOTTIME,
        };
        let mut time = MaybeUninit::<libc::timespec>::zeroed();
        // SAFETY: the pointer is to memory for such a value, which the call may write to.
        let asked = unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
        debug_assert_eq!(asked, 0, "a clock that every kernel has");
        // SAFETY: two integers, zero from the beginning.
        let time = unsafe { time.assume_init() };
        // Never negative: both count from the machine's start.
        Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::KernelClock;
    use std::time::{Duration, Instant};

    #[test]
    fn both_go_on_and_the_coarse_one_is_not_far_behind() {
        for clock in [KernelClock::MonotonicCoarse, KernelClock::Boot] {
            let (before, begin) = (clock.now(), Instant::now());
            while begin.elapsed() < Duration::from_millis(25) {}
            let passed = clock.now() - before;
            assert!(passed >= Duration::from_millis(10), "{clock:?} went on by {passed:?}");
        }
    }
}
