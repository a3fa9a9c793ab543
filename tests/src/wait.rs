//! Waiting for something to have happened.

use crate::counted::Counted;
use crate::hindrance::Hindrance;
use std::future::pending;
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before it counts as a hang. Long: the machine may have other things to do.
pub const PATIENCE: Duration = Duration::from_secs(20 * SLOWNESS as u64);

/// How many times as long as usual anything may take: sanitizers are slow, and the machines they run on are busy.
pub const SLOWNESS: u32 = if cfg!(any(filch_asan, filch_tsan)) { 10 } else { 1 };

/// Blocks until `condition` holds.
///
/// # Panics
/// When it does not hold after [`PATIENCE`], not counting what threads of this process waited for a processor.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    let (mut end, mut hindrance) = (begin + PATIENCE, Hindrance::since(begin));
    while !condition() {
        if Instant::now() >= end {
            let hindered = hindrance.look();
            assert!(hindered >= PATIENCE / 20, "still waiting after {:?}: {what}", begin.elapsed());
            end = Instant::now() + hindered;
        }
        thread::park_timeout(Duration::from_micros(200));
    }
}

/// A future that is never ready, and holds a value until it is dropped.
pub async fn pending_until_dropped(value: Counted) {
    let _held = value;
    pending::<()>().await;
}
