//! The clock by which filch paces itself: the machine's, or a model's.
//!
//! A model replays a schedule only if nothing else decides, so its clock may not be the machine's. Under loom time
//! stands still. Under shuttle it moves on by `STEP` at each look, so that what is done every so often is done.

/// The present.
#[cfg(not(any(filch_loom, filch_shuttle)))]
#[inline]
#[must_use]
pub fn now() -> std::time::Instant {
    std::time::Instant::now()
}

#[cfg(filch_shuttle)]
pub(crate) use modelled::begin;
#[cfg(any(filch_loom, filch_shuttle))]
pub use modelled::{STEP, now, passed};

#[cfg(any(filch_loom, filch_shuttle))]
mod modelled {
    use std::cell::Cell;
    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    /// What one look at the clock takes.
    pub const STEP: Duration = if cfg!(filch_loom) { Duration::ZERO } else { Duration::from_micros(10) };

    // The real ones: all threads of a model are one thread of the operating system, and one run at a time is on it.
    std::thread_local! {
        static LOOKS: Cell<u32> = const { Cell::new(0) };
    }

    /// The present.
    #[must_use]
    pub fn now() -> Instant {
        static START: OnceLock<Instant> = OnceLock::new();
        *START.get_or_init(Instant::now) + passed()
    }

    /// How long the run has lasted.
    #[must_use]
    pub fn passed() -> Duration {
        let looks = LOOKS.get();
        LOOKS.set(looks.saturating_add(1));
        STEP * looks
    }

    /// A run begins, at the same time as each.
    #[cfg(filch_shuttle)]
    pub(crate) fn begin() {
        LOOKS.set(0);
    }
}
