//! Faults planted on purpose, to find out whether any test would notice.
//!
//! A protocol's tests are worth what they catch. At each step that a proof leans on stands the question whether
//! a fault is planted there: a fence too weak, a second look left out, a notice that goes nowhere. The build for
//! use answers no at compile time, and nothing of it is left. Under `--cfg filch_mutants`, and wherever a model
//! checker stands in for the real thing, the environment variable `FILCH_MUTANT` names the one fault that is
//! there; a test that still passes with it has not looked.
//!
//! Names say where and what: `idle.mark.fence`, `inbox.push.order`. One name may stand in several places, when
//! only all of them together make the fault.

use crate::sync::atomic::Ordering;

/// Whether the fault called `name` is there.
#[cfg(not(any(filch_mutants, filch_loom, filch_shuttle)))]
#[inline(always)]
pub fn planted(_name: &str) -> bool {
    false
}

/// Whether the fault called `name` is there.
#[cfg(any(filch_mutants, filch_loom, filch_shuttle))]
#[inline(always)]
pub fn planted(name: &str) -> bool {
    chosen().is_some_and(|chosen| chosen == name)
}

/// `normal`, or `weak` if the fault called `name` is there.
#[inline(always)]
pub fn ordering(name: &str, normal: Ordering, weak: Ordering) -> Ordering {
    if planted(name) { weak } else { normal }
}

/// The fault of this process. Read once: a fault that comes and goes would prove nothing.
#[cfg(any(filch_mutants, filch_loom, filch_shuttle))]
fn chosen() -> Option<&'static str> {
    // The real lock: a model checker's would be one more thing to explore.
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    CHOSEN.get_or_init(|| std::env::var("FILCH_MUTANT").ok()).as_deref()
}

/// Runs `test` of this test binary once more, in a process of its own, with the fault called `name`, and demands
/// that it fails there. In a process of its own because a model that finds threads waiting for ever aborts.
///
/// `test` is the name the test harness knows it by: the path without the crate.
///
/// # Panics
/// When the test passes with the fault, or does not exist.
#[cfg(any(filch_mutants, filch_loom, filch_shuttle))]
#[track_caller]
pub fn assert_noticed(name: &str, test: &str) {
    let binary = std::env::current_exe().expect("a test knows its binary");
    let child = std::process::Command::new(binary)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env("FILCH_MUTANT", name)
        // A deep search is for faults that nobody planted. A model that is still at it after its time has found nothing,
        // and passes.
        .env("LOOM_MAX_PREEMPTIONS", "2")
        .env("LOOM_MAX_DURATION", "60")
        // Random schedules: by its own number of them a suite overlooks some faults in one run of some thousands. The
        // first that fails is the last.
        .env("FILCH_SHUTTLE_ROUNDS", "10000")
        .output()
        .expect("a test can start a process");
    let printed = String::from_utf8_lossy(&child.stdout);
    assert!(printed.contains("running 1 test\n"), "there is no test called {test}");
    assert!(!child.status.success(), "{test} passes with the fault {name}");
}
