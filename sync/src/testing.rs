//! What the tests of this crate share: counting wakers, hand-made polls, a watchdog, a small random source.

#![allow(unsafe_code, reason = "a waker whose clone panics is made by hand")]

use filch_primitive::sync::StaticMutex;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::time::Duration;

/// Counts its wake-ups.
#[derive(Default)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        (count.clone(), Waker::from(count))
    }

    /// Wake-ups since the last call.
    pub(crate) fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A future that may go to another thread.
pub(crate) fn sent<F: Future + Send>(future: F) -> F {
    future
}

/// What is not [`Send`] is this in one way only: for what is, the call does not compile, since it may mean either.
pub(crate) trait NotSend<Way> {}

impl<T> NotSend<()> for T {}
impl<T: Send> NotSend<u8> for T {}

/// A future that may not go to another thread.
pub(crate) fn kept<Way>(_: impl NotSend<Way>) {}

/// A waker that panics when woken.
pub(crate) struct PanicOnWake;

impl Wake for PanicOnWake {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics on purpose");
    }
}

/// A waker that panics when it is cloned.
pub(crate) fn panics_when_cloned() -> Waker {
    const TABLE: RawWakerVTable =
        RawWakerVTable::new(|_| panic!("a clone that panics on purpose"), |_| {}, |_| {}, |_| {});
    // SAFETY: the functions leave the data alone.
    unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &TABLE)) }
}

/// A future, its waker's count, and the means to poll it.
pub(crate) struct Hand<F> {
    future: Pin<Box<F>>,
    pub(crate) count: Arc<Count>,
    waker: Waker,
}

impl<F: Future> Hand<F> {
    pub(crate) fn new(future: F) -> Self {
        let (count, waker) = Count::new();
        Self { future: Box::pin(future), count, waker }
    }

    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        let waker = self.waker.clone();
        self.poll_with(&waker)
    }

    pub(crate) fn poll_with(&mut self, waker: &Waker) -> Poll<F::Output> {
        self.future.as_mut().poll(&mut Context::from_waker(waker))
    }

    /// Polls and expects to be told to wait.
    pub(crate) fn pends(&mut self) {
        assert!(self.poll().is_pending(), "it should have waited");
    }

    /// Polls and expects the end.
    pub(crate) fn ready(&mut self) -> F::Output {
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it should have been ready"),
        }
    }

    /// Wake-ups since the last call.
    pub(crate) fn wakes(&self) -> usize {
        self.count.take()
    }
}

/// Leaks `value`, but so that a leak checker finds it: a static leads to it.
pub(crate) fn leak<'a, T: 'a>(value: T) -> &'a T {
    static LEAKED: StaticMutex<Vec<usize>> = StaticMutex::new(Vec::new());
    let leaked = Box::leak(Box::new(value));
    LEAKED.lock().push(std::ptr::from_ref(leaked).expose_provenance());
    leaked
}

/// Runs `test` on a thread of its own and fails when it does not end.
pub(crate) fn within_a_minute(test: impl FnOnce() + Send + 'static) {
    let (done, ended) = channel();
    let thread = std::thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    match ended.recv_timeout(Duration::from_secs(60)) {
        Err(RecvTimeoutError::Timeout) => panic!("the test hangs"),
        Ok(()) | Err(RecvTimeoutError::Disconnected) => {
            if let Err(payload) = thread.join() {
                std::panic::resume_unwind(payload);
            }
        }
    }
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 33) % bound as u64).unwrap_or(0)
    }
}
