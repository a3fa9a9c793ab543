//! What the models of all crates share.
//!
//! Models run under loom. Theirs is every interleaving of a few threads with at most `LOOM_MAX_PREEMPTIONS` forced
//! switches, and every value a weak load may see. A model therefore is small: two or three threads, one or two
//! operations each, of the real code.

use crate::sync::atomic::{AtomicUsize, Ordering};
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
