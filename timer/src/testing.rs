//! What the tests share.

use crate::{Clock, EnterGuard, Timer, enter};
use proptest::prelude::*;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// Ends a test that hangs. No promise of ours is about this number.
const WATCHDOG: Duration = Duration::from_secs(120);

pub(crate) const MILLI: Duration = Duration::from_millis(1);

/// Runs `body` on a thread of its own, and fails if it does not come back.
#[track_caller]
pub(crate) fn watched(body: impl FnOnce() + Send + 'static) {
    let (done, ended) = channel();
    let thread = thread::spawn(move || {
        body();
        // Nobody listens only if the watchdog has barked already.
        let _ = done.send(());
    });
    let answer = ended.recv_timeout(WATCHDOG);
    assert_ne!(answer, Err(std::sync::mpsc::RecvTimeoutError::Timeout), "the test hangs");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Counts its wake-ups.
#[derive(Default)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls with a waker that counts.
pub(crate) fn poll<F: Future>(future: Pin<&mut F>, count: &Arc<Count>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(count.clone())))
}

/// Polls with a waker that does nothing.
pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// An executor for one future, that knows nothing of timers.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

/// A virtual clock and a timer on it, entered.
pub(crate) fn manual() -> (Clock, Timer, EnterGuard) {
    let clock = Clock::manual();
    let timer = Timer::new(clock.clone());
    let context = enter(&timer, true);
    (clock, timer, context)
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Fewer rounds under an interpreter that takes a thousand times as long.
pub(crate) const fn rounds(many: usize) -> usize {
    if cfg!(miri) { many.div_ceil(200) } else { many }
}

/// Durations about the borders of a wheel's levels, and others.
pub(crate) fn span() -> impl Strategy<Value = Duration> {
    let border = (0..11_u32, -1..=1_i64, 1..64_u64).prop_map(|(level, off, times)| {
        64_u64.pow(level.min(10)).saturating_mul(times).saturating_add_signed(off)
    });
    prop_oneof![
        6 => border.prop_map(Duration::from_nanos),
        3 => (0..2_000_u64).prop_map(Duration::from_nanos),
        1 => Just(Duration::from_millis(1 << 36)),
        1 => Just(Duration::MAX),
    ]
}
