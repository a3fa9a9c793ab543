//! Waiting on a plain thread: the `*_blocking` functions.
//!
//! Polls the future in place and parks the thread in between. The flag makes a wake-up that comes between the poll and
//! the park count: [`park`](std::thread::park) may return early for other reasons, and another's `unpark` token may be
//! consumed by user code that parks inside the poll.

use filch_primitive::sync::atomic::{AtomicBool, Ordering};
use filch_primitive::thread::{self, Thread};
use std::future::Future;
use std::pin::pin;
// A waker is made of std's `Arc` and of no other.
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

struct Unparker {
    woken: AtomicBool,
    thread: Thread,
}

impl Wake for Unparker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Ordering: Release, paired with the Acquire swap below: the poll that follows sees what was done before.
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Runs `future` to its end on this thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let unparker = Arc::new(Unparker { woken: AtomicBool::new(false), thread: thread::current() });
    let waker = Waker::from(unparker.clone());
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        // Ordering: Acquire, paired with the Release store in `wake_by_ref`.
        while !unparker.woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}
