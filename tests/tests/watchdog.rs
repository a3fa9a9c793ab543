//! What hangs is told of and ended, whether it sleeps or spins; what waits for a processor is not.

use filch_tests::{Watchdog, child, process, processor};
use std::thread;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_millis(300);

/// The child's half of each test, with so short a watch over it.
fn hang_as_told() {
    let Some(role) = child::role() else { return };
    let _watchdog = Watchdog::new(LIMIT);
    loop {
        if role == "sleep" {
            thread::park();
        }
    }
}

#[test]
fn what_hangs_is_told_of_and_ended() {
    hang_as_told();
    let _watchdog = Watchdog::usual();
    for how in ["sleep", "spin"] {
        let output = child::run("what_hangs_is_told_of_and_ended", how);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{how}: {told}");
        assert!(told.contains("watchdog: 'what_hangs_is_told_of_and_ended' has not ended"), "{how}: {told}");
    }
}

#[test]
fn what_is_kept_from_its_processor_is_waited_for() {
    const TEST: &str = "what_is_kept_from_its_processor_is_waited_for";
    if child::role().is_none() {
        child::run_well(TEST, "crowd");
        return;
    }
    let _watchdog = Watchdog::new(LIMIT);
    processor::pin_to_one();
    // Ten share one processor until they have had twice the limit of it, all together.
    let begin = Instant::now();
    let work = || while process::processor_time() < 2 * LIMIT {};
    let all: Vec<_> = (0..10).map(|_| thread::spawn(work)).collect();
    all.into_iter().for_each(|one| one.join().expect("no panic"));
    assert!(begin.elapsed() > LIMIT, "it was over in time, so nothing was tested");
}
