//! Clocks as types: what a point in time is counted by.
//!
//! | clock | its points | while the machine is suspended | when somebody sets the time |
//! |---|---|---|---|
//! | [`Monotonic`] | [`Instant`] | stands still on Linux and macOS | goes on |
//! | [`Boot`] | [`BootInstant`] | goes on, where [`Boot::COUNTS_SUSPENSION`] | goes on |
//! | [`Wall`] | [`SystemTime`] | goes on | jumps |
//!
//! A clock is a type and its points have one of their own, so that a point of one is not taken for one of another.
//! Nor is there a conversion: how far two of them lie apart is true for the moment only. What can be said is how
//! long it is [until](TimeSource::until) a point, as things stand.
//!
//! Points and durations that reach too far stop at the last point that the type can say.

#[cfg(all(test, not(filch_loom)))]
mod tests;

use crate::context;
use std::fmt;
use std::time::{Duration, Instant, SystemTime};

/// A clock that points in time are counted by; [`Monotonic`], [`Boot`] or [`Wall`].
///
/// # Examples
/// ```
/// use filch_timer::{Boot, Monotonic, TimeSource, Wall};
/// use std::time::Duration;
///
/// fn in_an_hour<C: TimeSource>() -> C::Point {
///     C::later(C::now(), Duration::from_secs(3600))
/// }
///
/// assert!(Monotonic::until(in_an_hour::<Monotonic>()) > Duration::from_secs(3500));
/// assert!(Boot::until(in_an_hour::<Boot>()) > Duration::from_secs(3500));
/// assert!(in_an_hour::<Wall>() > std::time::SystemTime::now());
/// ```
pub trait TimeSource: sealed::Sealed + Copy + fmt::Debug + Send + Sync + 'static {
    /// A point in time, as this clock shows it.
    type Point: Copy + Ord + fmt::Debug + Send + Sync + 'static;

    /// The present.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Monotonic, TimeSource};
    /// let before = Monotonic::now();
    /// assert!(Monotonic::now() >= before);
    /// ```
    fn now() -> Self::Point;

    /// The point `by` so much later, or the last that can be said.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{TimeSource, Wall};
    /// use std::time::Duration;
    ///
    /// let never = Wall::later(Wall::now(), Duration::MAX);
    /// assert_eq!(Wall::later(never, Duration::MAX), never);
    /// ```
    fn later(point: Self::Point, by: Duration) -> Self::Point;

    /// The point `by` so much earlier, or the first that can be said.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Boot, BootInstant, TimeSource};
    /// use std::time::Duration;
    ///
    /// assert_eq!(Boot::earlier(Boot::now(), Duration::MAX), BootInstant::BOOT);
    /// ```
    fn earlier(point: Self::Point, by: Duration) -> Self::Point;

    /// How long it is from one point to another; zero when that is not later.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Monotonic, TimeSource};
    /// use std::time::Duration;
    ///
    /// let (from, by) = (Monotonic::now(), Duration::from_secs(7));
    /// assert_eq!(Monotonic::between(from, Monotonic::later(from, by)), by);
    /// assert_eq!(Monotonic::between(Monotonic::later(from, by), from), Duration::ZERO);
    /// ```
    fn between(from: Self::Point, to: Self::Point) -> Duration;

    /// How long it is from now to a point, as this clock stands; zero when the point has come.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Boot, TimeSource};
    /// use std::time::Duration;
    /// let lease = Boot::later(Boot::now(), Duration::from_secs(60));
    /// assert!(Boot::until(lease) > Duration::from_secs(50));
    /// assert_eq!(Boot::until(Boot::earlier(lease, Duration::from_secs(61))), Duration::ZERO);
    /// ```
    #[must_use]
    fn until(point: Self::Point) -> Duration {
        Self::between(Self::now(), point)
    }
}

mod sealed {
    pub trait Sealed {}
}

/// The clock that sleeps, intervals and timeouts go by: this thread's, virtual where the thread has entered a
/// [`Timer`](crate::Timer) with a virtual clock. It never jumps.
///
/// On Linux and macOS it stands still while the machine is suspended: an hour on it is an hour that the machine was
/// awake.
///
/// # Examples
/// ```
/// use filch_timer::{Monotonic, TimeSource, now};
/// assert!(Monotonic::now() <= now());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Monotonic;

/// The time since the machine was started, the time it was suspended included. It never jumps. No virtual clock
/// moves it.
///
/// # Examples
/// ```
/// use filch_timer::{Boot, BootInstant, TimeSource};
/// assert!(Boot::now() > BootInstant::BOOT);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Boot;

/// The time of day, which people and other machines set: it may jump, forward and back. No virtual clock moves it.
///
/// # Examples
/// ```
/// use filch_timer::{TimeSource, Wall};
/// use std::time::{Duration, SystemTime};
/// let next_year = Wall::later(Wall::now(), Duration::from_secs(365 * 86_400));
/// assert!(next_year > SystemTime::now());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wall;

/// A point in time as [`Boot`] counts it.
///
/// # Examples
/// ```
/// use filch_timer::{Boot, BootInstant, TimeSource};
/// use std::time::Duration;
///
/// let lease = Boot::later(Boot::now(), Duration::from_secs(60));
/// assert_eq!(BootInstant::from_boot(lease.since_boot()), lease);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootInstant(Duration);

impl Boot {
    /// Whether the time that the machine is suspended counts here. Where it does not, for want of such a clock, the time
    /// is the monotonic one and counts from the first look at it.
    ///
    /// ```
    /// use filch_timer::Boot;
    /// // A lease that others hold us to has to end even while this machine sleeps.
    /// let leases_are_safe = Boot::COUNTS_SUSPENSION;
    /// assert_eq!(leases_are_safe, cfg!(any(target_os = "linux", target_os = "android")));
    /// ```
    pub const COUNTS_SUSPENSION: bool = cfg!(any(target_os = "linux", target_os = "android"));
}

impl BootInstant {
    /// The machine's start.
    ///
    /// ```
    /// use filch_timer::{Boot, BootInstant, TimeSource};
    /// let uptime = Boot::between(BootInstant::BOOT, Boot::now());
    /// assert!(!uptime.is_zero());
    /// ```
    pub const BOOT: Self = Self(Duration::ZERO);

    /// The point so long after the machine's start.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::BootInstant;
    /// use std::time::Duration;
    /// assert!(BootInstant::from_boot(Duration::from_secs(1)) > BootInstant::BOOT);
    /// ```
    #[must_use]
    pub const fn from_boot(since_boot: Duration) -> Self {
        Self(since_boot)
    }

    /// How long after the machine's start.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::BootInstant;
    /// use std::time::Duration;
    /// assert_eq!(BootInstant::BOOT.since_boot(), Duration::ZERO);
    /// ```
    #[must_use]
    pub const fn since_boot(self) -> Duration {
        self.0
    }
}

impl sealed::Sealed for Monotonic {}
impl sealed::Sealed for Boot {}
impl sealed::Sealed for Wall {}

impl TimeSource for Monotonic {
    type Point = Instant;

    fn now() -> Instant {
        context::now()
    }

    fn later(point: Instant, by: Duration) -> Instant {
        as_far(point, by, |point, by| point.checked_add(by))
    }

    fn earlier(point: Instant, by: Duration) -> Instant {
        as_far(point, by, |point, by| point.checked_sub(by))
    }

    fn between(from: Instant, to: Instant) -> Duration {
        to.saturating_duration_since(from)
    }
}

impl TimeSource for Boot {
    type Point = BootInstant;

    fn now() -> BootInstant {
        BootInstant(boot::elapsed())
    }

    fn later(point: BootInstant, by: Duration) -> BootInstant {
        BootInstant(point.0.saturating_add(by))
    }

    fn earlier(point: BootInstant, by: Duration) -> BootInstant {
        BootInstant(point.0.saturating_sub(by))
    }

    fn between(from: BootInstant, to: BootInstant) -> Duration {
        to.0.saturating_sub(from.0)
    }
}

impl TimeSource for Wall {
    type Point = SystemTime;

    fn now() -> SystemTime {
        SystemTime::now()
    }

    fn later(point: SystemTime, by: Duration) -> SystemTime {
        as_far(point, by, |point, by| point.checked_add(by))
    }

    fn earlier(point: SystemTime, by: Duration) -> SystemTime {
        as_far(point, by, |point, by| point.checked_sub(by))
    }

    fn between(from: SystemTime, to: SystemTime) -> Duration {
        to.duration_since(from).unwrap_or(Duration::ZERO)
    }
}

/// Goes from `point` as far as `by`, or as far as `step` allows, which declines what the type cannot say. The
/// standard library has no name for the last point of its types; so the way there is tried in halves.
fn as_far<P: Copy>(point: P, by: Duration, step: impl Fn(P, Duration) -> Option<P>) -> P {
    if let Some(there) = step(point, by) {
        return there;
    }
    let seconds = (0..u64::BITS).rev().map(|bit| Duration::from_secs(1 << bit));
    let nanos = (0..30).rev().map(|bit| Duration::from_nanos(1 << bit));
    seconds.chain(nanos).fold(point, |point, half| step(point, half).unwrap_or(point))
}

/// The machine's own count.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(any(filch_loom, filch_shuttle))))]
mod boot {
    use filch_primitive::KernelClock;
    use std::time::Duration;

    pub(super) fn elapsed() -> Duration {
        KernelClock::Boot.now()
    }
}

/// The monotonic clock's, from the first look; in a model the model's.
#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(any(filch_loom, filch_shuttle)))))]
mod boot {
    use filch_primitive::sync::OnceLock;
    use filch_primitive::time;
    use std::time::{Duration, Instant};

    pub(super) fn elapsed() -> Duration {
        static FIRST: OnceLock<Instant> = OnceLock::new();
        let now = time::now();
        now.saturating_duration_since(*FIRST.get_or_init(|| now))
    }
}
