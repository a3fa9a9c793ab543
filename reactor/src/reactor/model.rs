//! The whole reactor on a modelled kernel: turns, notifications, registrations and the end.

use super::Reactor;
use crate::async_io::Async;
use crate::context::enter;
use crate::selector::Selector;
use crate::selector::modelled::Kernel;
use filch_primitive::model::Bell;
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::thread;
use std::io::{Stdin, stdin};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Stands for a socket: it has a number, which the modelled kernel knows it by. Nobody reads from the real one.
#[derive(Clone, Copy)]
struct Socket(&'static Stdin);

impl Socket {
    fn new() -> Self {
        static STDIN: OnceLock<Stdin> = OnceLock::new();
        Self(STDIN.get_or_init(stdin))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn reactor(kernel: &Kernel) -> Reactor {
    Reactor::from_selector(Selector::Modelled(kernel.selector()), None)
}

fn register(reactor: &Reactor) -> Async<Socket> {
    let _entered = enter(reactor, true);
    Async::new_nonblocking(Socket::new()).expect("a model has room")
}

/// Reads one byte, or waits for it.
fn poll_read(io: &Async<Socket>, kernel: &Kernel, waker: &Waker) -> Poll<usize> {
    let read = io.poll_read_with(&mut Context::from_waker(waker), |io| kernel.read(io, 1));
    read.map(|read| read.expect("a model has no errors"))
}

/// Waits once in the reactor, if its turn is to be had.
fn turn(reactor: &Reactor, timeout: Option<Duration>) -> Option<usize> {
    let turn = reactor.try_turn()?;
    Some(turn.wait(timeout, usize::MAX).expect("a model has no errors").wake())
}

#[test]
fn loom_a_byte_that_comes_while_one_waits_wakes_the_reader() {
    loom::model(|| {
        let kernel = Kernel::new();
        let reactor = reactor(&kernel);
        let io = register(&reactor);
        // What registering reports.
        assert_eq!(turn(&reactor, None), Some(1));
        let (bell, waker) = Bell::new();
        let driver = reactor.clone();
        let driving = thread::spawn(move || turn(&driver, None));
        let remote = kernel.clone();
        let sending = thread::spawn(move || remote.arrive(Socket::new()));
        let read = poll_read(&io, &kernel, &waker);
        sending.join().unwrap();
        assert_eq!(driving.join().unwrap(), Some(1));
        if read.is_pending() {
            assert_eq!(bell.rings(), 1, "the byte is there, and its reader sleeps");
            assert_eq!(poll_read(&io, &kernel, &waker), Poll::Ready(1));
        }
    });
}

#[test]
fn loom_each_notification_ends_a_wait_that_began_before_it_or_the_next() {
    loom::model(|| {
        let reactor = reactor(&Kernel::new());
        let work = Arc::new(AtomicUsize::new(0));
        let (driver, seen) = (reactor.clone(), work.clone());
        let thread = thread::spawn(move || {
            // Ordering: Relaxed here and below: that the notification publishes it is the question.
            while seen.load(Ordering::Relaxed) < 2 {
                turn(&driver, None);
            }
        });
        for more in 1..=2 {
            work.store(more, Ordering::Relaxed);
            reactor.notify();
        }
        thread.join().unwrap();
    });
}

#[test]
fn loom_two_that_want_the_turn_lose_no_event() {
    loom::model(|| {
        let kernel = Kernel::new();
        let reactor = reactor(&kernel);
        let io = register(&reactor);
        let (bell, waker) = Bell::new();
        assert!(poll_read(&io, &kernel, &waker).is_pending());
        kernel.arrive(Socket::new());
        let other = reactor.clone();
        let thread = thread::spawn(move || turn(&other, Some(Duration::ZERO)));
        let here = turn(&reactor, Some(Duration::ZERO));
        let there = thread.join().unwrap();
        assert!(here.is_some() || there.is_some(), "one of them had the turn");
        assert_eq!(here.unwrap_or(0) + there.unwrap_or(0), 2, "registering, and the byte: once each");
        assert_eq!(bell.rings(), 1);
        assert_eq!(poll_read(&io, &kernel, &waker), Poll::Ready(1));
    });
}

/// A waker that takes the turn.
struct Takes {
    reactor: std::sync::Arc<std::sync::Mutex<Option<Reactor>>>,
    bell: Waker,
}

impl Wake for Takes {
    fn wake(self: std::sync::Arc<Self>) {
        let reactor = self.reactor.lock().unwrap().take().expect("it is woken once");
        assert!(turn(&reactor, Some(Duration::ZERO)).is_some(), "woken before the turn was given back");
        self.bell.wake_by_ref();
    }
}

#[test]
fn loom_wakers_run_when_the_turn_is_given_back() {
    loom::model(|| {
        let kernel = Kernel::new();
        let reactor = reactor(&kernel);
        let io = register(&reactor);
        let (bell, waker) = Bell::new();
        let kept = std::sync::Arc::new(std::sync::Mutex::new(Some(reactor.clone())));
        let takes = Waker::from(std::sync::Arc::new(Takes { reactor: kept, bell: waker }));
        assert!(poll_read(&io, &kernel, &takes).is_pending());
        let sending = thread::spawn(move || kernel.arrive(Socket::new()));
        turn(&reactor, None);
        sending.join().unwrap();
        turn(&reactor, Some(Duration::ZERO));
        assert_eq!(bell.rings(), 1);
    });
}

#[test]
fn loom_a_stale_event_wakes_nobody() {
    loom::model(|| {
        let kernel = Kernel::new();
        let reactor = reactor(&kernel);
        let gone = register(&reactor);
        kernel.arrive(Socket::new());
        assert_eq!(kernel.read(Socket::new(), 1).ok(), Some(1));
        let driver = reactor.clone();
        // Collects that there was something to read, and looks the key up a moment later.
        let thread = thread::spawn(move || turn(&driver, Some(Duration::ZERO)));
        drop(gone);
        // The same number, the same place in the books, and an event of its own that says nothing about reading.
        let next = register(&reactor);
        let (bell, waker) = Bell::new();
        assert!(poll_read(&next, &kernel, &waker).is_pending());
        thread.join().unwrap();
        assert_eq!(bell.rings(), 0, "nothing came for this one");
        kernel.arrive(Socket::new());
        turn(&reactor, Some(Duration::ZERO));
        assert_eq!(bell.rings(), 1);
    });
}

#[test]
fn loom_what_can_be_written_says_nothing_about_reading() {
    loom::model(|| {
        let kernel = Kernel::new();
        let reactor = reactor(&kernel);
        let io = register(&reactor);
        turn(&reactor, Some(Duration::ZERO));
        let (bell, waker) = Bell::new();
        let (driver, remote) = (reactor.clone(), kernel.clone());
        let thread = thread::spawn(move || {
            remote.make_room(Socket::new());
            turn(&driver, None)
        });
        // Refused between any two steps of the other direction's event: cleared all the same, at the first attempt.
        let mut attempts = 0;
        let read = io.poll_read_with(&mut Context::from_waker(&waker), |io| {
            attempts += 1;
            kernel.read(io, 1)
        });
        assert_eq!(thread.join().unwrap(), Some(1));
        assert!(read.is_pending());
        assert_eq!((attempts, bell.rings()), (1, 0));
    });
}

#[test]
fn loom_a_reader_whose_reactor_ends_reads_through_the_next() {
    loom::model(|| {
        let kernel = Kernel::new();
        let (first, second) = (reactor(&kernel), reactor(&kernel));
        let io = register(&first);
        let (bell, waker) = Bell::new();
        let ending = thread::spawn(move || first.orphan());
        let _entered = enter(&second, true);
        assert!(poll_read(&io, &kernel, &waker).is_pending());
        ending.join().unwrap();
        if bell.rings() > 0 {
            assert!(poll_read(&io, &kernel, &waker).is_pending());
        }
        assert_eq!(second.sources(), 1, "its reactor ended, and it sleeps");
        kernel.arrive(Socket::new());
        let before = bell.rings();
        turn(&second, Some(Duration::ZERO));
        assert_eq!(bell.rings(), before + 1);
        assert_eq!(poll_read(&io, &kernel, &waker), Poll::Ready(1));
    });
}

#[test]
fn loom_a_byte_that_comes_while_the_reactor_ends_is_read_through_the_next() {
    loom::model(|| {
        let kernel = Kernel::new();
        let (first, second) = (reactor(&kernel), reactor(&kernel));
        let io = register(&first);
        let (bell, waker) = Bell::new();
        let remote = kernel.clone();
        let sending = thread::spawn(move || remote.arrive(Socket::new()));
        let ending = thread::spawn(move || first.orphan());
        let _entered = enter(&second, true);
        let mut read = poll_read(&io, &kernel, &waker);
        sending.join().unwrap();
        ending.join().unwrap();
        while read.is_pending() {
            let before = bell.rings();
            turn(&second, Some(Duration::ZERO));
            assert!(before > 0 || bell.rings() > 0, "nobody drives its reactor, and it sleeps");
            read = poll_read(&io, &kernel, &waker);
        }
        assert_eq!(read, Poll::Ready(1));
    });
}

#[test]
fn loom_canary_a_key_that_reaches_the_next_of_its_place() {
    assert_noticed("reactor.key.stale", "reactor::model::loom_a_stale_event_wakes_nobody");
}

#[test]
fn loom_canary_an_end_that_tells_before_it_is_one() {
    assert_noticed(
        "reactor.orphan.late",
        "reactor::model::loom_a_reader_whose_reactor_ends_reads_through_the_next",
    );
}

#[test]
fn loom_canary_a_notice_that_is_never_lowered() {
    assert_noticed(
        "reactor.notice.stays",
        "reactor::model::loom_each_notification_ends_a_wait_that_began_before_it_or_the_next",
    );
}

#[test]
fn loom_canary_a_notice_that_publishes_nothing() {
    assert_noticed(
        "reactor.notice.order",
        "reactor::model::loom_each_notification_ends_a_wait_that_began_before_it_or_the_next",
    );
}
