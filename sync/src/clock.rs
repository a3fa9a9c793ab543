//! The time in microseconds, for questions of fairness, read on slow paths only.

/// Microseconds since some moment before anybody asked. Never less than [`START_US`], so that zero is always long ago.
///
/// Tests of one thread may hold it: see `watchman/held.rs`.
#[cfg(not(any(filch_loom, filch_shuttle)))]
pub(crate) fn micros() -> u64 {
    use filch_primitive::sync::OnceLock;
    use std::time::Instant;

    #[cfg(test)]
    if let Some(now) = crate::watchman::held::micros() {
        return now;
    }
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
