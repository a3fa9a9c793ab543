//! How long things took: a histogram that many threads may fill.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Steps within a doubling: a quantile is at most an eighth too high.
const STEPS: u32 = 8;
const BUCKETS: usize = (u64::BITS * STEPS) as usize;

/// Counts by size. All counters are statistics that nothing else depends on, so none of them orders anything.
#[derive(Debug)]
pub(super) struct Histogram {
    buckets: Box<[AtomicU64]>,
    max: AtomicU64,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), max: AtomicU64::new(0) }
    }

    pub(super) fn record(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanos)].fetch_add(1, Relaxed);
        self.max.fetch_max(nanos, Relaxed);
    }

    pub(super) fn max(&self) -> Duration {
        Duration::from_nanos(self.max.load(Relaxed))
    }

    /// The time within which all but one in `n` were, rounded up.
    pub(super) fn all_but_one_in(&self, n: u64) -> Duration {
        let counts: Vec<_> = self.buckets.iter().map(|count| count.load(Relaxed)).collect();
        let mut beyond = counts.iter().sum::<u64>() / n;
        for (bucket, &count) in counts.iter().enumerate().rev() {
            if count > beyond {
                return Duration::from_nanos(upper_bound(bucket)).min(self.max());
            }
            beyond -= count;
        }
        Duration::ZERO
    }
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, p99, p9999] = [2, 100, 10_000].map(|n| self.all_but_one_in(n));
        write!(f, "p50 {median:?}, p99 {p99:?}, p99.99 {p9999:?}, at most {:?}", self.max())
    }
}

fn bucket(nanos: u64) -> usize {
    let nanos = nanos.max(u64::from(STEPS));
    let doubling = nanos.ilog2();
    let step = (nanos >> (doubling - STEPS.ilog2())) as u32 - STEPS;
    (doubling * STEPS + step) as usize
}

fn upper_bound(bucket: usize) -> u64 {
    let (doubling, step) = (bucket as u32 / STEPS, bucket as u32 % STEPS);
    let shift = doubling.saturating_sub(STEPS.ilog2());
    (u64::from(STEPS + step + 1) << shift).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::{Histogram, bucket, upper_bound};
    use std::time::Duration;

    #[test]
    fn every_size_has_its_bucket() {
        for nanos in (0..100).chain([1000, 123_456, u64::MAX / 2]) {
            let bound = upper_bound(bucket(nanos));
            assert!(bound >= nanos && bound <= nanos + nanos / 8 + 8, "{nanos}: {bound}");
        }
    }

    #[test]
    fn the_slowest_in_a_hundred_are_told_from_the_rest() {
        let histogram = Histogram::new();
        (0..990).for_each(|_| histogram.record(Duration::from_micros(10)));
        (0..10).for_each(|_| histogram.record(Duration::from_millis(10)));
        assert!((10..12).contains(&histogram.all_but_one_in(100).as_micros()));
        assert_eq!(histogram.all_but_one_in(1000), Duration::from_millis(10));
        assert_eq!(histogram.max(), Duration::from_millis(10));
    }
}
