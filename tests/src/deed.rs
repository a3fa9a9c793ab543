//! Wakers that do something when they are woken.

use std::sync::Arc;
use std::task::{Wake, Waker};

struct Deed<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Deed<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        (self.0)();
    }
}

/// A waker that calls `deed` each time it is woken, on the thread that wakes.
pub fn on_wake(deed: impl Fn() + Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(Deed(deed)))
}
