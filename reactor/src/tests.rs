//! The scenarios, and the tools they share. Each runs on every selector there is.

mod async_io;
mod direction;
mod orphan;
mod readiness;
mod selector;
mod turn;

use crate::reactor::Reactor;
use crate::selector::{Occurrences, Selector};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long anything may take before a test calls it hung.
const WATCHDOG: Duration = Duration::from_secs(20);

/// A reactor of each kind.
fn reactors() -> Vec<(&'static str, Reactor)> {
    vec![
        ("best", Reactor::new().unwrap()),
        ("portable", Reactor::portable().unwrap()),
        #[cfg(target_os = "linux")]
        ("old kernel", {
            let selector = Selector::new().unwrap();
            match &selector {
                Selector::Epoll(epoll) => epoll.assume_old_kernel(),
                Selector::Portable(_) => {}
            }
            Reactor::from_selector(selector, None)
        }),
    ]
}

/// A thread that drives a reactor until it is dropped.
struct Driver {
    reactor: Reactor,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Driver {
    fn start(reactor: &Reactor) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (reactor, stop) = (reactor.clone(), stop.clone());
            move || {
                while !stop.load(Ordering::Acquire) {
                    wait(&reactor, None);
                }
            }
        });
        Self { reactor: reactor.clone(), stop, thread: Some(thread) }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.reactor.notify();
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

/// Counts its wake-ups.
#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        (count.clone(), Waker::from(count))
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// Waits for something another thread does.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < WATCHDOG, "never happened: {what}");
        std::thread::yield_now();
    }
}

/// One turn's wait, and the wakes that follow from it.
fn wait(reactor: &Reactor, timeout: Option<Duration>) -> usize {
    let turn = reactor.try_turn().expect("nobody else waits");
    turn.wait(timeout, usize::MAX).unwrap().wake()
}

/// Takes turns until a wait has nothing more to say.
fn settle(reactor: &Reactor) -> usize {
    let mut events = 0;
    loop {
        match wait(reactor, Some(Duration::ZERO)) {
            0 => return events,
            more => events += more,
        }
    }
}

/// One wait of the selector alone, repeated when a signal interrupts it.
fn raw_wait(selector: &Selector, timeout: Duration, max_events: usize) -> Occurrences {
    let mut room = selector.room();
    while let Err(error) = selector.wait(&mut room, Some(timeout), max_events) {
        assert_eq!(error.kind(), std::io::ErrorKind::Interrupted);
    }
    room
}

fn pair() -> (UnixStream, UnixStream) {
    UnixStream::pair().unwrap()
}
