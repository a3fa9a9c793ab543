//! Sleeping until a point of a clock that other sleeps do not go by: the time of day, or the time since boot.
//!
//! On Linux each such sleep is a timer of the kernel's (`timerfd`), waited for like any descriptor: it counts while the machine is
//! suspended, and one for the time of day is told when somebody sets that. Elsewhere there is no such thing to wait for: the
//! clock is looked at again every ten seconds, and suspension is noticed when the machine is awake.

use filch_timer::{Boot, BootInstant, TimeSource, Wall};
use std::io;
use std::time::{Duration, SystemTime};

#[cfg(all(test, target_os = "linux", not(filch_loom)))]
mod tests;

/// Waits until the machine has been up for so long, suspended or not.
///
/// No virtual clock moves it. On systems where [`Boot::COUNTS_SUSPENSION`] is false it goes by the monotonic clock.
///
/// # Errors
/// What the operating system says when it gives no descriptor.
/// # Cancel safety
/// Nothing is lost by dropping the future.
///
/// # Complexity
/// A look at the clock where the point is past. Else a timer and a descriptor of the system's for as long as it waits,
/// and a few system calls; on systems other than Linux a sleep, and a look at the clock every ten seconds.
/// # Examples
/// ```
/// use filch::time::{Boot, TimeSource, sleep_until_boot};
/// use std::time::Duration;
///
/// // A lease of ten minutes is over after ten minutes, even if the lid was closed for nine of them.
/// let lease = Boot::later(Boot::now(), Duration::from_millis(2));
/// filch::block_on(sleep_until_boot(lease))?;
/// assert!(Boot::now() >= lease);
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn sleep_until_boot(point: BootInstant) -> io::Result<()> {
    system::sleep_until(Boot, point).await
}

/// Waits until it is so late, by the time of day that people and other machines set.
///
/// When the time is set while this waits, what counts is the new time: set forward beyond the point, the wait is over; set back, it
/// becomes longer. No virtual clock moves it.
///
/// # Errors
/// What the operating system says when it gives no descriptor.
/// # Cancel safety
/// Nothing is lost by dropping the future.
///
/// # Complexity
/// As for [`sleep_until_boot`].
/// # Examples
/// ```
/// use filch::time::sleep_until_wall;
/// use std::time::{Duration, SystemTime};
///
/// let soon = SystemTime::now() + Duration::from_millis(2);
/// filch::block_on(sleep_until_wall(soon))?;
/// assert!(SystemTime::now() >= soon);
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn sleep_until_wall(point: SystemTime) -> io::Result<()> {
    system::sleep_until(Wall, point).await
}

#[cfg(target_os = "linux")]
mod system {
    use super::{Boot, BootInstant, Duration, SystemTime, TimeSource, Wall, io};
    use filch_reactor::Async;
    use rustix::fd::OwnedFd;
    use rustix::io::{Errno, read};
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    /// A clock that the kernel has timers for. Tests stand in with one that is set.
    pub(super) trait Kernel {
        type Point: Copy + Ord;
        const ID: TimerfdClockId;
        const SET: TimerfdTimerFlags;

        fn now(&self) -> Self::Point;

        /// How far the point is from the clock's own beginning.
        fn since_beginning(point: Self::Point) -> Duration;

        fn arm(&self, timer: &OwnedFd, at: &Itimerspec) -> io::Result<()> {
            timerfd_settime(timer, Self::SET, at)?;
            Ok(())
        }

        /// What the timer has to say, if anything. [`Errno::CANCELED`]: the clock was set.
        fn read(&self, timer: &OwnedFd) -> io::Result<()> {
            read(timer, &mut [0; 8])?;
            Ok(())
        }
    }

    impl Kernel for Boot {
        type Point = BootInstant;
        const ID: TimerfdClockId = TimerfdClockId::Boottime;
        const SET: TimerfdTimerFlags = TimerfdTimerFlags::ABSTIME;

        fn now(&self) -> BootInstant {
            <Self as TimeSource>::now()
        }

        fn since_beginning(point: BootInstant) -> Duration {
            point.since_boot()
        }
    }

    impl Kernel for Wall {
        type Point = SystemTime;
        const ID: TimerfdClockId = TimerfdClockId::Realtime;
        const SET: TimerfdTimerFlags = TimerfdTimerFlags::ABSTIME.union(TimerfdTimerFlags::CANCEL_ON_SET);

        fn now(&self) -> SystemTime {
            <Self as TimeSource>::now()
        }

        fn since_beginning(point: SystemTime) -> Duration {
            point.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
        }
    }

    pub(super) async fn sleep_until<C: Kernel>(clock: C, point: C::Point) -> io::Result<()> {
        if clock.now() >= point {
            return Ok(());
        }
        let timer = timerfd_create(C::ID, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        let timer = Async::new_nonblocking(timer)?;
        let at = since_beginning(C::since_beginning(point));
        // The type does not promise the order of its two fields, so both have the same value: the timer would fire again after as long
        // as it took to come here from the clock's beginning, and is gone by then.
        let at = Itimerspec { it_interval: at, it_value: at };
        loop {
            // Armed it is even if the time was set since the timer last said so.
            clock.arm(timer.get_ref(), &at).or_else(unless_set)?;
            // Set to a time that has passed meanwhile it fires at once, unless that time is zero, which means never.
            if clock.now() >= point {
                return Ok(());
            }
            match timer.read_with(|timer| clock.read(timer)).await {
                Ok(()) if clock.now() >= point => return Ok(()),
                Ok(()) => {}
                Err(error) => unless_set(error)?,
            }
        }
    }

    /// That the time was set is no failure.
    fn unless_set(error: io::Error) -> io::Result<()> {
        match Errno::from_io_error(&error) {
            Some(Errno::CANCELED) => Ok(()),
            _ => Err(error),
        }
    }

    fn since_beginning(duration: Duration) -> Timespec {
        // What is too far for the kernel it takes for the last point it knows.
        let tv_sec = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Timespec { tv_sec, tv_nsec: duration.subsec_nanos().into() }
    }
}

/// How long a change of the clock may go unnoticed where the system does not tell.
#[cfg(not(target_os = "linux"))]
const LOOK: Duration = Duration::from_secs(10);

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{LOOK, TimeSource, io};

    pub(super) async fn sleep_until<C: TimeSource>(_: C, point: C::Point) -> io::Result<()> {
        while C::now() < point {
            filch_timer::sleep(C::until(point).min(LOOK)).await;
        }
        Ok(())
    }
}
