//! A countdown that one waiter waits for: how a workload learns that all its tasks are done.
//!
//! It has to cost little and the same under every runtime. A count is one locked instruction; only the last
//! one touches the waker. Latches are leaked, a line of the cache each run, so that tasks hold a plain
//! reference and pay no second locked instruction for a shared owner.
//!
//! Why no count is lost: the waiter stores its waker and then looks at the count; the last count lowers it
//! and then looks for a waker. Both go through the mutex, so whichever is second there sees what the first
//! did before.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

/// A countdown to zero.
#[derive(Debug)]
#[repr(align(128))]
pub struct Latch {
    left: AtomicUsize,
    waiter: Mutex<Option<Waker>>,
}

impl Latch {
    /// A latch that waits for as many counts.
    pub fn leaked(count: usize) -> &'static Self {
        Box::leak(Box::new(Self { left: AtomicUsize::new(count), waiter: Mutex::new(None) }))
    }

    /// Counts one down.
    ///
    /// # Panics
    /// If the latch is at zero already: something was done twice.
    pub fn count_down(&self) {
        // Ordering: AcqRel. Release, paired with the Acquire load in `is_done`: who sees zero sees what was
        // done before each count. Acquire, so that the last count carries the earlier ones along.
        let before = self.left.fetch_sub(1, Ordering::AcqRel);
        assert_ne!(before, 0, "more counts than the latch was made for");
        if before == 1 {
            let waiter = self.waiter.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(waiter) = waiter {
                waiter.wake();
            }
        }
    }

    /// Whether every count has been made.
    pub fn is_done(&self) -> bool {
        // Ordering: Acquire, paired with the Release in `count_down`.
        self.left.load(Ordering::Acquire) == 0
    }

    /// Waits until every count has been made. For one waiter; of two, the later one replaces the other.
    pub async fn wait(&self) {
        poll_fn(|context| {
            if self.is_done() {
                return Poll::Ready(());
            }
            let waker = context.waker().clone();
            let replaced = self.waiter.lock().unwrap_or_else(PoisonError::into_inner).replace(waker);
            drop(replaced);
            if self.is_done() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// [`wait`](Self::wait), on a thread that may block.
    pub fn wait_blocking(&self) {
        futures_lite::future::block_on(self.wait());
    }
}
