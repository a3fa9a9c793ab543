//! Clocks of Linux that the standard library does not know.
//!
//! By the C library, which finds the kernel's page for it under every tool. (`rustix` looks for that page by itself, and what it finds
//! under valgrind is not there: the program crashes.)

#![allow(unsafe_code, reason = "asks the C library for the time")]

use std::time::Duration;

/// Which clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelClock {
    /// The time since the machine was started, the time it was suspended included.
    Boot,
}

impl KernelClock {
    /// What the clock shows: the time since it began.
    #[must_use]
    pub fn now(self) -> Duration {
        let clock = match self {
            Self::Boot => libc::CLOCK_BOOTTIME,
        };
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the pointer is to such a value, borrowed mutably for the call.
        let asked = unsafe { libc::clock_gettime(clock, &raw mut time) };
        debug_assert_eq!(asked, 0, "a clock that every kernel has");
        // Never negative: it counts from the machine's start.
        Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::KernelClock;
    use std::time::{Duration, Instant};

    #[test]
    fn it_goes_on_with_the_machines() {
        let (before, begin) = (KernelClock::Boot.now(), Instant::now());
        while begin.elapsed() < Duration::from_millis(5) {}
        let passed = KernelClock::Boot.now() - before;
        assert!(passed >= Duration::from_millis(5), "it went on by {passed:?}");
    }
}
