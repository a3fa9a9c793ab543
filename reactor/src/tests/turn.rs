use super::{Count, Driver, WATCHDOG, pair, raw_wait, reactors, settle, until, wait};
use crate::reactor::Reactor;
use crate::source::Interest;
use crate::{Async, enter};
use std::io::Write;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Context;
use std::time::{Duration, Instant};

#[test]
fn one_thread_has_the_turn() {
    for (_, reactor) in reactors() {
        let turn = reactor.try_turn().unwrap();
        assert!(reactor.try_turn().is_none());
        drop(turn);
        assert!(reactor.try_turn().is_some());
    }
}

#[test]
fn a_notification_between_turns_is_kept_and_a_storm_is_one() {
    for (name, reactor) in reactors() {
        for _ in 0..100_000 {
            reactor.notify();
        }
        let start = Instant::now();
        assert_eq!(wait(&reactor, Some(WATCHDOG)), 0);
        assert!(start.elapsed() < WATCHDOG, "{name}: the notification was lost");
        // All of the storm is gone: the next wait waits.
        let start = Instant::now();
        assert_eq!(wait(&reactor, Some(Duration::from_millis(5))), 0);
        assert!(start.elapsed() >= Duration::from_millis(5), "{name}: a second wait was interrupted");
    }
}

#[test]
fn each_of_many_notifications_ends_a_wait() {
    for (_, reactor) in reactors() {
        let seen = Arc::new(AtomicUsize::new(0));
        let waiter = std::thread::spawn({
            let (reactor, seen) = (reactor.clone(), seen.clone());
            move || {
                while seen.load(Ordering::Acquire) < 2_000 {
                    wait(&reactor, None);
                    seen.fetch_add(1, Ordering::AcqRel);
                }
            }
        });
        while seen.load(Ordering::Acquire) < 2_000 {
            let before = seen.load(Ordering::Acquire);
            reactor.notify();
            until("the wait ended", || seen.load(Ordering::Acquire) > before);
        }
        waiter.join().unwrap();
    }
}

#[test]
fn a_key_that_went_stale_within_its_batch_reaches_nobody() {
    for (name, reactor) in reactors() {
        let _entered = enter(&reactor, true);
        let (here, mut there) = pair();
        let old = Async::new(here).unwrap();
        settle(&reactor);
        there.write_all(b"for the old one").unwrap();
        // The event is collected, and before it is dispatched its descriptor is gone and the number taken anew.
        let shared = reactor.shared();
        let room = raw_wait(shared.selector(), WATCHDOG, usize::MAX);
        assert_eq!(room.as_slice().len(), 1);
        let number = std::os::fd::AsRawFd::as_raw_fd(old.get_ref());
        drop(old);
        let (fresh, _keep) = std::iter::repeat_with(pair)
            .find(|(here, _)| std::os::fd::AsRawFd::as_raw_fd(here) == number)
            .expect("the lowest free number is the one just closed");
        let fresh = Async::new(fresh).unwrap();
        let before = fresh.source().direction(Interest::Read).readiness().load();
        let mut woken = Vec::new();
        assert_eq!(shared.dispatch(&room, &mut woken), 0, "{name}");
        assert!(woken.is_empty());
        assert_eq!(fresh.source().direction(Interest::Read).readiness().load(), before);
    }
}

#[test]
fn deregistering_beside_a_wait_is_silent_and_harms_no_neighbour() {
    for (name, reactor) in reactors() {
        let _entered = enter(&reactor, false);
        let driver = Driver::start(&reactor);
        let (neighbour, mut other) = pair();
        let neighbour = Async::new(neighbour).unwrap();
        for _ in 0..500 {
            let (here, mut there) = pair();
            let (count, waker) = Count::new();
            let io = Async::new(here).unwrap();
            assert!(io.poll_readable(&mut Context::from_waker(&waker)).is_pending());
            drop(waker);
            drop(io);
            let told = count.get();
            // The driver is inside its wait; these events have no source any more.
            assert!(there.write_all(b"x").is_err(), "the descriptor was closed");
            assert_eq!((Arc::strong_count(&count), count.get()), (1, told));
            other.write_all(b"x").unwrap();
            let mut byte = [0; 2];
            let read = futures_lite::future::block_on(
                neighbour.read_with(|mut io| std::io::Read::read(&mut io, &mut byte)),
            );
            assert_eq!(read.unwrap(), 1);
        }
        drop(neighbour);
        assert_eq!(reactor.sources(), 0, "{name}");
        drop(driver);
    }
}

#[test]
fn the_hook_is_called_by_the_first_source_of_a_stranger_only() {
    let calls = Arc::new(AtomicUsize::new(0));
    let reactor = Reactor::with_hook({
        let calls = calls.clone();
        move || {
            calls.fetch_add(1, Ordering::AcqRel);
        }
    })
    .unwrap();
    let (a, b) = pair();
    {
        let _owner = enter(&reactor, true);
        drop(Async::new(a.try_clone().unwrap()).unwrap());
        assert_eq!(calls.load(Ordering::Acquire), 0);
        let _stranger = enter(&reactor, false);
        let first = Async::new(a).unwrap();
        assert_eq!(calls.load(Ordering::Acquire), 1);
        let _second = Async::new(b).unwrap();
        assert_eq!(calls.load(Ordering::Acquire), 1);
        assert_eq!(reactor.sources(), 2);
        drop(first);
    }
    assert_eq!(reactor.sources(), 0);
}

#[test]
fn a_refused_registration_leaves_no_residue() {
    for (name, reactor) in reactors() {
        let _entered = enter(&reactor, true);
        // A regular file cannot be waited for on Linux; the same descriptor twice cannot anywhere.
        let (here, _there) = pair();
        let one = Async::new(&here).unwrap();
        let two = Async::new(&here);
        assert_eq!(two.unwrap_err().kind(), std::io::ErrorKind::AlreadyExists, "{name}");
        assert_eq!(reactor.sources(), 1);
        drop(one);
        assert_eq!(reactor.sources(), 0);
        #[cfg(target_os = "linux")]
        {
            let file = std::fs::File::open("/proc/self/exe").unwrap();
            assert_eq!(Async::new(file).unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
            assert_eq!(reactor.sources(), 0);
        }
        let again = Async::new(here).unwrap();
        assert_eq!(reactor.sources(), 1);
        drop(again);
    }
}

#[test]
fn contexts_nest() {
    let (outer, inner) = (Reactor::new().unwrap(), Reactor::new().unwrap());
    let (a, b) = pair();
    let _outer = enter(&outer, true);
    {
        let _inner = enter(&inner, true);
        let _io = Async::new(a.as_fd()).unwrap();
        assert_eq!((outer.sources(), inner.sources()), (0, 1));
    }
    let _io = Async::new(b.as_fd()).unwrap();
    assert_eq!((outer.sources(), inner.sources()), (1, 0));
}

#[test]
fn a_hangup_on_an_idle_source_does_not_spin() {
    for (name, reactor) in reactors() {
        let _entered = enter(&reactor, true);
        let (here, there) = pair();
        let _io = Async::new(here).unwrap();
        drop(there);
        settle(&reactor);
        let start = Instant::now();
        assert_eq!(wait(&reactor, Some(Duration::from_millis(20))), 0, "{name}");
        assert!(start.elapsed() >= Duration::from_millis(20), "{name}");
    }
}

#[test]
fn a_waker_that_panics_or_comes_back_harms_nobody() {
    struct Rude(Reactor);
    impl std::task::Wake for Rude {
        fn wake(self: Arc<Self>) {
            assert!(self.0.try_turn().is_some(), "the turn has been given back");
            // Registering takes the registry's lock: it is free.
            let _entered = enter(&self.0, true);
            drop(Async::new(pair().0).unwrap());
            panic!("a waker that panics on purpose");
        }
    }
    for (_, reactor) in reactors() {
        let _entered = enter(&reactor, true);
        let (here, mut there) = pair();
        let io = Async::new(here).unwrap();
        settle(&reactor);
        let (count, waker) = Count::new();
        let rude = Arc::new(Rude(reactor.clone())).into();
        assert!(io.poll_readable(&mut Context::from_waker(&rude)).is_pending());
        assert!(io.poll_readable(&mut Context::from_waker(&waker)).is_pending());
        there.write_all(b"x").unwrap();
        wait(&reactor, Some(WATCHDOG));
        assert_eq!(count.get(), 1);
    }
}
