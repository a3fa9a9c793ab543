//! A coarse clock for questions of fairness, read on slow paths only.

/// Microseconds since some moment before anybody asked. Never less than [`START_US`], so that zero is always long ago.
///
/// Contended locks ask with each hand-over, and a look at the exact clock took a third of that. So Linux is asked for the time of
/// its last tick, which is up to 4 ms old and costs a few nanoseconds: what is said to be over may be over by a tick more or less.
#[cfg(all(target_os = "linux", not(any(filch_loom, filch_shuttle))))]
pub(crate) fn micros() -> u64 {
    let since = filch_primitive::KernelClock::MonotonicCoarse.now().as_micros();
    START_US.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
}

/// The same elsewhere, exactly.
#[cfg(not(any(target_os = "linux", filch_loom, filch_shuttle)))]
pub(crate) fn micros() -> u64 {
    use filch_primitive::sync::OnceLock;
    use std::time::Instant;

    static BASE: OnceLock<Instant> = OnceLock::new();
    let since = BASE.get_or_init(Instant::now).elapsed().as_micros();
    START_US.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
}

/// In a model time is what its clock says. Loom's stands still: it explores orders, not durations.
#[cfg(any(filch_loom, filch_shuttle))]
pub(crate) fn micros() -> u64 {
    START_US.saturating_add(u64::try_from(filch_primitive::time::passed().as_micros()).unwrap_or(u64::MAX))
}

/// How much older than it says a time may be: a tick, where ticks are asked for. (Of a kernel with a hundred ticks a second what is
/// kept for somebody may be taken back too early, which costs an extra poll and is no fault.)
pub(crate) const BLUR_US: u64 =
    if cfg!(all(target_os = "linux", not(any(filch_loom, filch_shuttle)))) { 4_000 } else { 0 };

/// What the clock shows at first.
pub(crate) const START_US: u64 = 1 << 32;
