//! What the models of all crates share: a waker that counts, and the canary's cage.
//!
//! Models run under loom. Theirs is every interleaving of a few threads with at most `LOOM_MAX_PREEMPTIONS` forced
//! switches, and every value a weak load may see. A model therefore is small: two or three threads, one or two
//! operations each, of the real code.

use crate::sync::atomic::{AtomicUsize, Ordering};
use std::process::Command;
// A waker is made of std's `Arc` and of no other.
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Counts its wake-ups, visibly to the checker: who sees one sees what was done before it.
#[derive(Debug)]
pub struct Bell(AtomicUsize);

impl Bell {
    /// A bell that has not rung, and the waker that rings it.
    pub fn new() -> (Arc<Self>, Waker) {
        let bell = Arc::new(Self(AtomicUsize::new(0)));
        (bell.clone(), Waker::from(bell))
    }

    /// How often it has rung.
    pub fn rings(&self) -> usize {
        // Ordering: Acquire, paired with the Release in `wake`.
        self.0.load(Ordering::Acquire)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // Ordering: AcqRel, for the same reason as in any waker: who polls next sees what the waking side did.
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// Polls a future once.
pub fn poll_once<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Runs the model `test` of this very binary with `fault` planted, and demands that it fails.
///
/// In a process of its own: the checker aborts where it finds a deadlock.
///
/// # Panics
/// When there is no such model, or it lives with the fault.
#[track_caller]
pub fn canary(fault: &str, test: &str) {
    let binary = std::env::current_exe().expect("a test knows its binary");
    let output = Command::new(binary)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env("FILCH_MUTANT", fault)
        // Enough for every planted fault; a deeper search is for those that nobody planted.
        .env("LOOM_MAX_PREEMPTIONS", "2")
        // A model that is still at it after this many seconds has found nothing: it ends well, and that fails here.
        .env("LOOM_MAX_DURATION", "60")
        .output()
        .expect("a process can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("running 1 test"), "there is no model `{test}`");
    assert!(!output.status.success(), "the model `{test}` lives with `{fault}`");
}
