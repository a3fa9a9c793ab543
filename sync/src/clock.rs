//! The time in microseconds, for questions of fairness, read on slow paths only.

/// Microseconds since some moment before anybody asked. Never less than [`START_US`], so that zero is always long ago.
///
/// Exactly, although contended locks ask with each hand-over and the kernel's coarse clock would save a third of that: with a grace
/// of one to two of its ticks (4 ms each) for one of 1 ms, a lock whose head and watcher were both abandoned saw its last unlock
/// before either was found out, and whoever waited behind them waited for ever.
#[cfg(not(any(filch_loom, filch_shuttle)))]
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

/// What the clock shows at first.
pub(crate) const START_US: u64 = 1 << 32;
