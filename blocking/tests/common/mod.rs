//! Tools for the tests of the pool.

#![allow(dead_code, reason = "each test file uses some of them")]

use filch_blocking::Pool;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A watchdog: no test counts on it passing.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The deadline of a wait that must not last.
pub(crate) fn soon() -> Instant {
    Instant::now() + SOON
}

/// Waits for something another thread is about to do.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = soon();
    while !is_so() {
        assert!(Instant::now() < deadline, "never came: {what}");
        std::thread::yield_now();
    }
}

/// A job under way: it has begun, and ends when told.
pub(crate) struct Held {
    release: std::sync::mpsc::Sender<()>,
}

impl Held {
    pub(crate) fn release(self) {
        drop(self.release);
    }
}

/// Occupies one thread of `pool`.
pub(crate) fn hold(pool: &Pool) -> Held {
    let (began, begun) = channel::<()>();
    let (release, released): (_, Receiver<()>) = channel();
    pool.spawn(move || {
        began.send(()).unwrap();
        let _ = released.recv();
    })
    .detach();
    begun.recv_timeout(SOON).expect("the job begins");
    Held { release }
}
