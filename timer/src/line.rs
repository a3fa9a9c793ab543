//! The time line: every instant as a number, every number within reach of the wheel.
//!
//! An [`Instant`] is sixteen opaque bytes that can be added to until they overflow. Inside this crate time is
//! [`Nanos`]: nanoseconds on a line of 64 bits whose middle is a second before the process first asked. The line
//! reaches 292 years to either side; what lies beyond is kept at its ends, so no arithmetic on it overflows and no
//! value of it is special. All clocks and wheels of the process share the line: a deadline means the same on each
//! of them.
//!
//! The wheel counts in ticks of a [`Resolution`]: 65.5 µs for the machine's clock, a nanosecond for a virtual one.
//! A deadline is rounded up to a tick, the present is rounded down: so an entry whose tick has come is never
//! early. On a virtual clock both are exact, and advancing it by as much as a sleep is long ends the sleep.
//!
//! Rejected: a line per clock that begins at zero. Deadlines before its begin (an interval that started in the
//! past) would lose their place, and an entry that moves to another timer would have to be recomputed.

use filch_primitive::sync::OnceLock;
use filch_primitive::time;
use std::time::{Duration, Instant};

/// How long a tick is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resolution {
    /// A tick is two to this many nanoseconds.
    bits: u32,
}

impl Resolution {
    /// 2^16 ns, 65.5 µs: under the tenth of a millisecond we promise, and coarse enough that what is due at about
    /// the same time costs one wake-up.
    pub(crate) const COARSE: Self = Self { bits: 16 };

    /// A nanosecond: time that is moved by hand stands exactly where the hand left it.
    pub(crate) const EXACT: Self = Self { bits: 0 };

    /// How long a tick is.
    pub(crate) const fn tick(self) -> Duration {
        Duration::from_nanos(1 << self.bits)
    }

    /// The point at which a tick begins.
    pub(crate) const fn begin(self, tick: u64) -> Nanos {
        Nanos::from_raw(tick << self.bits)
    }

    /// The first tick that begins at `point` or later: when a deadline may fire.
    #[inline]
    pub(crate) const fn at_or_after(self, point: Nanos) -> u64 {
        // At most `MAX` plus a tick less one: no overflow.
        (point.0 + ((1 << self.bits) - 1)) >> self.bits
    }

    /// The last tick that begins at `point` or earlier: how far the present has come.
    #[inline]
    pub(crate) const fn at_or_before(self, point: Nanos) -> u64 {
        point.0 >> self.bits
    }
}

/// A pace of two to some number of nanoseconds, counted from the line's begin: every point of a slow one is a point
/// of all that are faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beat {
    bits: u8,
}

impl Beat {
    /// Every nanosecond.
    pub(crate) const ANY: Self = Self { bits: 0 };

    /// The slowest that comes at least once in `slack`.
    pub(crate) fn within(slack: Duration) -> Self {
        Self { bits: nanos_of(slack).checked_ilog2().unwrap_or(0) as u8 }
    }

    /// Two to this many nanoseconds.
    #[inline]
    pub(crate) const fn bits(self) -> u8 {
        self.bits
    }

    /// What [`bits`](Self::bits) said.
    #[inline]
    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self { bits: bits & 63 }
    }

    /// How long it is between two points; zero for [`ANY`](Self::ANY).
    pub(crate) const fn period(self) -> Duration {
        if self.bits == 0 { Duration::ZERO } else { Duration::from_nanos(self.mask() + 1) }
    }

    #[inline]
    const fn mask(self) -> u64 {
        (1 << self.bits) - 1
    }
}

/// The line's middle: numbers below it are before [`middle`].
const MIDDLE: u64 = 1 << 63;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// A point on the time line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nanos(u64);

impl Nanos {
    /// The line's begin.
    pub(crate) const MIN: Self = Self(0);

    /// The line's end. Rounding it up to a tick of any resolution does not overflow.
    pub(crate) const MAX: Self = Self(u64::MAX << Resolution::COARSE.bits);

    /// The point this many nanoseconds from the line's begin, or its end.
    pub(crate) const fn from_raw(nanos: u64) -> Self {
        if nanos > Self::MAX.0 { Self::MAX } else { Self(nanos) }
    }

    /// The point that [`raw`](Self::raw) came from. Any other number would be a point beyond the line's end.
    #[inline]
    pub(crate) const fn from_own_raw(nanos: u64) -> Self {
        debug_assert!(nanos <= Self::MAX.0);
        Self(nanos)
    }

    /// Nanoseconds from the line's begin.
    pub(crate) const fn raw(self) -> u64 {
        self.0
    }

    /// The point later by `duration`, or the line's end.
    pub(crate) fn saturating_add(self, duration: Duration) -> Self {
        Self::from_raw(self.0.saturating_add(nanos_of(duration)))
    }

    /// The first point from here on that `beat` comes to, or the line's end.
    #[inline]
    pub(crate) const fn at_beat(self, beat: Beat) -> Self {
        match self.0.checked_add(beat.mask()) {
            Some(end) => Self::from_raw(end & !beat.mask()),
            None => Self::MAX,
        }
    }

    /// How long from `earlier` to here; zero if that is not earlier.
    pub(crate) const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The instant at this point.
    pub(crate) fn to_instant(self) -> Instant {
        let middle = middle();
        let instant = if self.0 >= MIDDLE {
            middle.checked_add(Duration::from_nanos(self.0 - MIDDLE))
        } else {
            middle.checked_sub(Duration::from_nanos(MIDDLE - self.0))
        };
        // A platform whose instants reach less far than the line: its middle is as good an answer as any.
        instant.unwrap_or(middle)
    }
}

impl From<Instant> for Nanos {
    fn from(instant: Instant) -> Self {
        let middle = middle();
        match instant.checked_duration_since(middle) {
            Some(after) => Self::from_raw(MIDDLE.saturating_add(nanos_of(after))),
            None => Self(MIDDLE.saturating_sub(nanos_of(middle.saturating_duration_since(instant)))),
        }
    }
}

/// The instant `duration` after `instant`, or the end of the line.
pub(crate) fn later(instant: Instant, duration: Duration) -> Instant {
    instant.checked_add(duration).unwrap_or_else(|| Nanos::MAX.to_instant())
}

/// A second before the moment the process first asked for it. Whoever asks has read a clock just before, and a
/// wheel that begins on this side of the middle keeps all deadlines on the far side in one slot, until it has
/// crossed.
fn middle() -> Instant {
    static MIDDLE_INSTANT: OnceLock<Instant> = OnceLock::new();
    *MIDDLE_INSTANT.get_or_init(|| {
        let now = time::now();
        now.checked_sub(Duration::from_secs(1)).unwrap_or(now)
    })
}

/// A duration in nanoseconds, saturating.
fn nanos_of(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(NANOS_PER_SEC).saturating_add(u64::from(duration.subsec_nanos()))
}

#[cfg(all(test, not(filch_loom)))]
mod tests {
    use super::{Beat, Nanos, Resolution, later};
    use std::time::{Duration, Instant};

    #[test]
    fn instants_survive_the_way_there_and_back() {
        let now = Instant::now();
        for offset in [0, 1, 999_999_999, 1_000_000_000, 86_400_000_000_123, u64::MAX / 4] {
            let offset = Duration::from_nanos(offset);
            assert_eq!(Nanos::from(now + offset).to_instant(), now + offset);
            if let Some(before) = now.checked_sub(offset) {
                assert_eq!(Nanos::from(before).to_instant(), before);
            }
        }
    }

    #[test]
    fn what_lies_beyond_the_line_is_kept_at_its_ends() {
        let now = Instant::now();
        let far = now + Duration::from_secs(60 * 60 * 24 * 365 * 10_000);
        assert_eq!(Nanos::from(far), Nanos::MAX);
        assert_eq!(Nanos::from_raw(u64::MAX), Nanos::MAX);
        assert_eq!(Nanos::from(now).saturating_add(Duration::MAX), Nanos::MAX);
        assert_eq!(later(now, Duration::MAX), Nanos::MAX.to_instant());
        if let Some(past) = now.checked_sub(Duration::from_secs(60 * 60 * 24 * 365 * 10_000)) {
            assert_eq!(Nanos::from(past), Nanos::from_raw(0));
        }
    }

    #[test]
    fn a_beat_comes_within_the_slack_and_slow_ones_are_among_the_fast() {
        let points = (0..200).chain((0..64).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]));
        for begin in points.map(Nanos::from_raw).chain([Nanos::MAX]) {
            for slack in [0, 1, 2, 3, 7, 8, 9, 100, 65_536, u64::MAX / 3, u64::MAX].map(Duration::from_nanos)
            {
                let beat = Beat::within(slack);
                let chosen = begin.at_beat(beat);
                assert!(
                    begin <= chosen && chosen <= begin.saturating_add(slack),
                    "{begin:?} {slack:?} {chosen:?}"
                );
                assert!(beat.period() <= slack && slack < (beat.period() * 2).max(Duration::from_nanos(2)));
                assert_eq!(Beat::from_bits(beat.bits()), beat);
                for faster in (0..beat.bits()).map(Beat::from_bits) {
                    assert_eq!(chosen.at_beat(faster), chosen);
                }
            }
            assert_eq!(begin.at_beat(Beat::ANY), begin);
        }
    }

    #[test]
    fn deadlines_round_up_and_the_present_rounds_down() {
        let coarse = Resolution::COARSE;
        let tick = 77;
        let point = coarse.begin(tick);
        let after = Nanos::from_raw(point.raw() + 1);
        let before = Nanos::from_raw(point.raw() + 0xFFFF);
        assert_eq!((coarse.at_or_before(point), coarse.at_or_after(point)), (tick, tick));
        assert_eq!((coarse.at_or_before(after), coarse.at_or_after(after)), (tick, tick + 1));
        assert_eq!((coarse.at_or_before(before), coarse.at_or_after(before)), (tick, tick + 1));
        assert_eq!(coarse.at_or_after(Nanos::MAX), (1 << 48) - 1);
        assert_eq!(coarse.begin(coarse.at_or_after(Nanos::MAX)), Nanos::MAX);
        assert_eq!(Resolution::EXACT.at_or_after(after), after.raw());
        assert_eq!(Resolution::EXACT.at_or_before(Nanos::MAX), Nanos::MAX.raw());
    }
}
