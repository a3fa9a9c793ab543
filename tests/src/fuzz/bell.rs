//! Wakers that can be asked how often they were woken, and whether they are gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Wake, Waker};

/// What one future is polled with.
#[derive(Debug, Default, Clone)]
pub(super) struct Bell(Arc<Rings>);

#[derive(Debug, Default)]
struct Rings {
    count: AtomicUsize,
    /// The count when somebody looked last.
    seen: AtomicUsize,
}

impl Wake for Rings {
    fn wake(self: Arc<Self>) {
        self.count.fetch_add(1, SeqCst);
    }
}

impl Bell {
    pub(super) fn waker(&self) -> Waker {
        self.0.clone().into()
    }

    /// To be called before a poll: what rang until now has been heard.
    pub(super) fn silence(&self) {
        self.0.seen.store(self.0.count.load(SeqCst), SeqCst);
    }

    /// Whether it rang since [`silence`](Self::silence).
    pub(super) fn has_rung(&self) -> bool {
        self.rings() > 0
    }

    /// How often it rang since [`silence`](Self::silence).
    pub(super) fn rings(&self) -> usize {
        self.0.count.load(SeqCst) - self.0.seen.load(SeqCst)
    }

    /// Whether any waker of this bell is left.
    pub(super) fn is_held(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}
