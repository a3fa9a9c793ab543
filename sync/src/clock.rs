//! A coarse clock for questions of fairness, read on slow paths only.

/// Microseconds since some moment before anybody asked. Never less than [`START_US`], so that zero is always long ago.
#[cfg(not(filch_loom))]
pub(crate) fn micros() -> u64 {
    use filch_primitive::sync::OnceLock;
    use std::time::Instant;

    static BASE: OnceLock<Instant> = OnceLock::new();
    let since = BASE.get_or_init(Instant::now).elapsed().as_micros();
    START_US.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
}

/// In a model no time passes: the checker explores orders, not durations.
#[cfg(filch_loom)]
pub(crate) fn micros() -> u64 {
    START_US
}

/// What the clock shows at first.
pub(crate) const START_US: u64 = 1 << 32;
