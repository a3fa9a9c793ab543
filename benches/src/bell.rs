//! A bell between a task and a plain thread: nothing but a flag and a wake-up, and the same under every
//! runtime.
//!
//! Towards the task it is the task's waker, towards the thread [`std::thread::park`]. Why no ring is lost:
//! each listener announces itself before it looks at the flag, each ringer sets the flag before it looks for
//! a listener. The task's waker sits behind a mutex that both pass; the thread's token is kept by `unpark`
//! until the next `park`.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread::{self, Thread};

/// Rung by anybody, heard by one task.
#[derive(Debug, Default)]
pub struct TaskBell {
    rung: AtomicBool,
    listener: Mutex<Option<Waker>>,
}

impl TaskBell {
    /// Rings. Rings that nobody has heard yet are one.
    pub fn ring(&self) {
        // Ordering: Release, paired with the Acquire swap in `heard`.
        self.rung.store(true, Ordering::Release);
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(listener) = listener {
            listener.wake();
        }
    }

    /// Waits for a ring and uses it up.
    pub async fn heard(&self) {
        // Ordering: Acquire, paired with the Release store in `ring`.
        let take = || self.rung.swap(false, Ordering::Acquire);
        poll_fn(|context| {
            if take() {
                return Poll::Ready(());
            }
            let waker = context.waker().clone();
            let replaced = self.listener.lock().unwrap_or_else(PoisonError::into_inner).replace(waker);
            drop(replaced);
            if take() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Rung by anybody, heard by the thread that made it.
#[derive(Debug)]
pub struct ThreadBell {
    rung: AtomicBool,
    listener: Thread,
}

impl ThreadBell {
    /// A bell for the calling thread.
    pub fn here() -> Self {
        Self { rung: AtomicBool::new(false), listener: thread::current() }
    }

    /// Rings. Rings that nobody has heard yet are one.
    pub fn ring(&self) {
        // Ordering: Release, paired with the Acquire swap in `hear`.
        self.rung.store(true, Ordering::Release);
        self.listener.unpark();
    }

    /// Blocks until there is a ring and uses it up.
    ///
    /// # Panics
    /// On any thread but the one that made the bell: it would sleep for ever.
    pub fn hear(&self) {
        assert_eq!(thread::current().id(), self.listener.id(), "the bell belongs to another thread");
        // Ordering: Acquire, paired with the Release store in `ring`.
        while !self.rung.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}
