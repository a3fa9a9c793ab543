//! What the operating system tells of the process while it is at rest, and whether that is where it was.

use super::allocator;
use super::faults::Faults;
use crate::process;
use std::fmt;
use std::fs;
use std::time::Duration;

const MIB: usize = 1 << 20;

/// Sanitizers keep what was freed for a while, to find who uses it still; then memory tells nothing.
const WATCHES_MEMORY: bool = !cfg!(any(filch_asan, filch_tsan));

/// How much more may be allocated at rest than after the first stretch. A runtime keeps the pages that its
/// bursts have had, up to eight mebibytes for each of its places, and gives them back as their owners rest: what
/// is there sways by ten mebibytes and more, and takes a while to come to all places.
const ALLOCATED_MORE_MAX: usize = 80 * MIB;
/// How much more may be allocated when the runtime of the run is gone than before it was made. The default
/// runtime has worked, too.
const ALLOCATED_LEFT_MAX: usize = 8 * MIB;
/// How much more may be resident. Pages with a single live byte stay.
const RESIDENT_MORE_MAX: usize = 128 * MIB;
/// How much what is allocated may climb over the second half of the run: three times what the swaying makes
/// of eight samples.
const ALLOCATED_CLIMB_MAX: f64 = 16.0 * MIB as f64;
/// How much what is resident may.
const RESIDENT_CLIMB_MAX: f64 = 32.0 * MIB as f64;
/// Fewer samples say nothing of a slope.
const SLOPE_SAMPLES_MIN: usize = 8;

/// One look at the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) resident: usize,
    /// Bytes allocated, where that can be told.
    pub(super) allocated: Option<usize>,
    pub(super) threads: usize,
    pub(super) descriptors: usize,
    /// Child processes, ended or not.
    pub(super) children: usize,
    /// How often the threads that are there went to sleep by themselves.
    pub(super) sleeps: u64,
}

impl Sample {
    pub(super) fn take(faults: &Faults) -> Self {
        let _reading_takes_descriptors = faults.keep_shut();
        let threads = process::threads();
        Self {
            resident: process::resident_bytes(),
            allocated: allocator::live_bytes(),
            threads: threads.len(),
            descriptors: process::descriptors(),
            children: children(),
            sleeps: threads.iter().map(|thread| thread.sleeps).sum(),
        }
    }

    /// A sample of a process at rest, whose allocator need keep nothing.
    pub(super) fn take_at_rest(faults: &Faults) -> Self {
        allocator::give_back();
        Self::take(faults)
    }

    /// What of `before` the process has not come back to, now that the runtime of the run is gone.
    pub(super) fn check_left_of(&self, before: &Self) -> Result<(), String> {
        let left = self.allocated.unwrap_or(0).saturating_sub(before.allocated.unwrap_or(0));
        // One thread watches over all locks there are, and came with the first that had two waiters.
        let left = if WATCHES_MEMORY { left } else { 0 };
        let come_back = self.descriptors <= before.descriptors && self.threads <= before.threads + 1;
        if come_back && left <= ALLOCATED_LEFT_MAX {
            return Ok(());
        }
        Err(format!("something is left when the runtime is gone: {self}, after {before} before"))
    }

    /// Whether neither threads nor descriptors nor children are more than in `other`.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        self.threads <= other.threads
            && self.descriptors <= other.descriptors
            && self.children <= other.children
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resident, allocated, threads, descriptors, children, .. } = self;
        let mib = |bytes: usize| bytes as f64 / MIB as f64;
        write!(f, "rss {:.1} MiB, ", mib(*resident))?;
        if let Some(allocated) = allocated {
            write!(f, "{:.2} MiB allocated, ", mib(*allocated))?;
        }
        write!(f, "{threads} threads, {descriptors} fds, {children} children")
    }
}

/// Processes whose parent is this one.
fn children() -> usize {
    let own = std::process::id().to_string();
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    // A sanitizer that reports, or looks whether it may, has one to ask for names.
    let is_ours = |stat: &String| !(cfg!(any(filch_asan, filch_tsan)) && stat.contains("(llvm-symbolizer)"));
    let parent_of = |stat: String| {
        // The fields after the name, which stands in parentheses and may hold anything: state, parent.
        stat.rsplit(')').next()?.split_whitespace().nth(1).map(str::to_owned)
    };
    let stats = entries.filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    stats.filter(is_ours).filter_map(parent_of).filter(|parent| *parent == own).count()
}

/// The samples at rest.
#[derive(Debug, Default)]
pub(super) struct Record {
    samples: Vec<(Duration, Sample)>,
}

impl Record {
    /// What counts are held against: the fewest threads and descriptors seen so far.
    pub(super) fn floor(&self) -> Option<Sample> {
        let mut samples = self.samples.iter().map(|(_, sample)| *sample);
        let first = samples.next()?;
        Some(samples.fold(first, |floor, sample| Sample {
            threads: floor.threads.min(sample.threads),
            descriptors: floor.descriptors.min(sample.descriptors),
            ..floor
        }))
    }

    pub(super) fn first(&self) -> Option<Sample> {
        self.samples.first().map(|(_, sample)| *sample)
    }

    pub(super) fn last(&self) -> Option<Sample> {
        self.samples.last().map(|(_, sample)| *sample)
    }

    /// Adds a sample that was taken so long after the start. Answers what is wrong with its memory.
    pub(super) fn add(&mut self, at: Duration, sample: Sample) -> Result<(), String> {
        self.samples.push((at, sample));
        let (_, first) = self.samples[0];
        let more = |now: usize, then: usize, most: usize| now.saturating_sub(then) > most;
        let has_grown = more(sample.resident, first.resident, RESIDENT_MORE_MAX)
            || more(sample.allocated.unwrap_or(0), first.allocated.unwrap_or(0), ALLOCATED_MORE_MAX);
        if WATCHES_MEMORY && has_grown {
            return Err(format!("memory has grown at rest: {sample}, after {first} at first"));
        }
        Ok(())
    }

    /// By how many bytes a figure has climbed over the second half, if that can be told.
    fn climb(&self, figure: impl Fn(&Sample) -> Option<usize>) -> Option<f64> {
        let second_half = self.samples[self.samples.len() / 2..].iter();
        let point = |(at, sample): &(Duration, Sample)| Some((at.as_secs_f64(), figure(sample)? as f64));
        let points = second_half.map(point).collect::<Option<Vec<_>>>()?;
        if points.len() < SLOPE_SAMPLES_MIN {
            return None;
        }
        Some(slope(&points)? * (points.last()?.0 - points.first()?.0))
    }

    /// By how many bytes what is resident, and what is allocated, has climbed over the second half.
    pub(super) fn climbs(&self) -> Option<(f64, f64)> {
        Some((
            self.climb(|sample| Some(sample.resident))?,
            self.climb(|sample| sample.allocated).unwrap_or(0.0),
        ))
    }

    /// Whether memory climbs.
    pub(super) fn check_climb(&self) -> Result<(), String> {
        match self.climbs() {
            Some((resident, allocated))
                if WATCHES_MEMORY && (resident > RESIDENT_CLIMB_MAX || allocated > ALLOCATED_CLIMB_MAX) =>
            {
                Err(format!(
                    "memory climbs over the second half of the run: {:.1} MiB resident, {:.2} MiB allocated",
                    resident / MIB as f64,
                    allocated / MIB as f64
                ))
            }
            _ => Ok(()),
        }
    }
}

/// The median of the slopes between all pairs of points, which a few outliers do not move (Theil 1950, Sen
/// 1968).
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let pairs = points.iter().enumerate().flat_map(|(n, a)| points[n + 1..].iter().map(move |b| (a, b)));
    let mut slopes: Vec<_> =
        pairs.map(|(a, b)| (b.1 - a.1) / (b.0 - a.0)).filter(|s| s.is_finite()).collect();
    slopes.sort_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied()
}

#[cfg(all(test, not(any(filch_asan, filch_tsan))))]
mod tests {
    use super::{ALLOCATED_MORE_MAX, MIB, RESIDENT_MORE_MAX, Record, Sample};
    use std::time::Duration;

    fn sample(resident: usize, allocated: usize) -> Sample {
        Sample { resident, allocated: Some(allocated), threads: 8, descriptors: 9, children: 0, sleeps: 0 }
    }

    fn record(of: impl Fn(usize) -> Sample) -> Record {
        Record { samples: (0..40).map(|n| (Duration::from_secs(30 * n as u64), of(n))).collect() }
    }

    #[test]
    fn a_climb_is_told_from_noise() {
        let noise = |n: usize| 100 * MIB + (n * 7919 % 20) * MIB;
        let resident = |of: &dyn Fn(usize) -> usize| record(|n| sample(of(n), 5 * MIB)).check_climb();
        assert_eq!(resident(&noise), Ok(()));
        assert_eq!(resident(&|n| noise(n) + if n == 35 { 80 * MIB } else { 0 }), Ok(()));
        resident(&|n| noise(n) + 3 * n * MIB).expect_err("it climbs");
        // What only grew at first has settled.
        assert_eq!(resident(&|n| noise(n) + 5 * n.min(20) * MIB), Ok(()));
        // A mebibyte in half a minute is lost in the noise of what is resident, over so short a time.
        record(|n| sample(noise(n), 5 * MIB + n * MIB)).check_climb().expect_err("it climbs");
    }

    #[test]
    fn a_jump_is_noticed_at_once() {
        let at = Duration::from_secs(9999);
        let mut record = record(|_| sample(100 * MIB, 5 * MIB));
        assert_eq!(record.add(at, sample(100 * MIB, 5 * MIB)), Ok(()));
        record.add(at, sample(100 * MIB + RESIDENT_MORE_MAX + 1, 5 * MIB)).expect_err("it has grown");
        record.add(at, sample(100 * MIB, 5 * MIB + ALLOCATED_MORE_MAX + 1)).expect_err("it has grown");
    }

    #[test]
    fn children_are_counted_until_they_are_waited_for() {
        // Other tests of this binary have none.
        let mut child = std::process::Command::new("true").spawn().unwrap();
        assert_eq!(super::children(), 1);
        child.wait().unwrap();
        assert_eq!(super::children(), 0);
    }
}
