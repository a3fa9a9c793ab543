//! The readiness protocol under the model checker: every interleaving of an operation and an event.
//!
//! Sizes are the smallest that can go wrong: one event, or two, against one operation, or two.

use crate::direction::Direction;
use crate::readiness::Readiness;
use filch_primitive::model::Bell;
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::thread;
use std::task::Waker;

/// A descriptor as the protocol sees it: what the kernel holds, and the direction beside it.
struct Io {
    /// Bytes that can be read. The kernel's, so it is read and written as a system call does: at once.
    bytes: AtomicUsize,
    direction: Direction,
}

impl Io {
    /// Ready by optimism, with nothing there.
    fn new() -> Arc<Self> {
        Arc::new(Self { bytes: AtomicUsize::new(0), direction: Direction::new(Readiness::new()) })
    }

    /// A byte arrives, and the reactor reports it.
    fn arrive(&self) {
        self.bytes.fetch_add(1, Ordering::AcqRel);
        let mut woken = Vec::new();
        self.direction.event(false, &mut woken);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Reads with room for `room` bytes until it gets some or waits. `None`: it waits, and its waker is in the list.
    fn poll_read(&self, room: usize, key: &mut Option<usize>, waker: &Waker) -> Option<usize> {
        loop {
            let seen = self.direction.readiness().load();
            if !seen.is_ready() {
                if self.direction.wait_keyed(key, waker.clone()).is_ready() {
                    continue;
                }
                return None;
            }
            let got = self
                .bytes
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |there| Some(there.saturating_sub(room)))
                .map_or(0, |there| there.min(room));
            match got {
                0 => self.direction.readiness().refused(seen),
                got => {
                    if got < room {
                        self.direction.readiness().drained(seen);
                    }
                    return Some(got);
                }
            }
        }
    }
}

/// Whoever waits while there is something to read, and was not woken, sleeps for ever.
fn assert_not_stuck(io: &Io, waits: bool, bell: &Bell) {
    if waits && bell.rings() == 0 {
        assert_eq!(io.bytes.load(Ordering::Acquire), 0, "a reader sleeps beside what it waits for");
    }
}

#[test]
fn loom_an_event_beside_an_operation_wakes_it_or_is_seen() {
    loom::model(|| {
        let io = Io::new();
        let kernel = {
            let io = io.clone();
            thread::spawn(move || io.arrive())
        };
        let (bell, waker) = Bell::new();
        let got = io.poll_read(1, &mut None, &waker);
        kernel.join().unwrap();
        assert_not_stuck(&io, got.is_none(), &bell);
    });
}

#[test]
fn loom_a_short_transfer_hides_no_later_event() {
    loom::model(|| {
        let io = Io::new();
        io.arrive();
        let kernel = {
            let io = io.clone();
            thread::spawn(move || io.arrive())
        };
        let (bell, waker) = Bell::new();
        // Room for more than there is: each transfer is short, and clears.
        let mut key = None;
        let mut waits = false;
        for _ in 0..2 {
            if io.poll_read(4, &mut key, &waker).is_none() {
                waits = true;
                break;
            }
        }
        kernel.join().unwrap();
        assert_not_stuck(&io, waits, &bell);
    });
}

#[test]
fn loom_two_operations_share_a_direction() {
    // One thread runs both operations, the second of them whole between the first one's system call and its clear.
    loom::model(|| {
        let io = Io::new();
        let kernel = {
            let io = io.clone();
            thread::spawn(move || io.arrive())
        };
        let (bell, waker) = Bell::new();
        let (other_bell, other_waker) = Bell::new();
        let seen = io.direction.readiness().load();
        let refused = io.bytes.load(Ordering::Acquire) == 0;
        let other_waits = io.poll_read(1, &mut None, &other_waker).is_none();
        if refused {
            io.direction.readiness().refused(seen);
        }
        let waits = io.poll_read(1, &mut None, &waker).is_none();
        kernel.join().unwrap();
        assert_not_stuck(&io, waits, &bell);
        assert_not_stuck(&io, other_waits, &other_bell);
    });
}

#[test]
fn loom_forgetting_beside_an_event_is_safe() {
    loom::model(|| {
        let io = Io::new();
        let kernel = {
            let io = io.clone();
            thread::spawn(move || io.arrive())
        };
        let (bell, waker) = Bell::new();
        let mut key = None;
        let waits = io.poll_read(1, &mut key, &waker).is_none();
        if let Some(key) = key {
            io.direction.forget(key);
        }
        kernel.join().unwrap();
        drop(waker);
        assert!(waits || bell.rings() == 0 || key.is_some());
        assert_eq!(std::sync::Arc::strong_count(&bell), 1, "no waker is left behind");
    });
}

#[test]
fn loom_two_tasks_that_wait_for_one_direction_are_both_woken() {
    loom::model(|| {
        let io = Io::new();
        let other = io.clone();
        let waiting = thread::spawn(move || {
            let (bell, waker) = Bell::new();
            (other.poll_read(1, &mut None, &waker).is_none(), bell)
        });
        let kernel = {
            let io = io.clone();
            thread::spawn(move || io.arrive())
        };
        let (bell, waker) = Bell::new();
        let waits = io.poll_read(1, &mut None, &waker).is_none();
        let (other_waits, other_bell) = waiting.join().unwrap();
        kernel.join().unwrap();
        assert_not_stuck(&io, waits, &bell);
        assert_not_stuck(&io, other_waits, &other_bell);
    });
}

#[test]
fn loom_a_closing_event_beside_a_short_transfer_leaves_the_end_to_be_read() {
    loom::model(|| {
        let direction = Arc::new(Direction::new(Readiness::new()));
        let other = direction.clone();
        let thread = thread::spawn(move || other.event(true, &mut Vec::new()));
        // All there was before the event was taken. Nothing else will report the end.
        let seen = direction.readiness().load();
        direction.readiness().drained(seen);
        thread.join().unwrap();
        assert!(direction.readiness().load().is_ready());
    });
}

#[test]
fn loom_canary_a_clear_that_ignores_the_generation() {
    assert_noticed("reactor.clear.any", "model::loom_an_event_beside_an_operation_wakes_it_or_is_seen");
}

#[test]
fn loom_canary_an_event_that_looks_for_waiters_too_early() {
    assert_noticed("reactor.event.early", "model::loom_an_event_beside_an_operation_wakes_it_or_is_seen");
}

/// The canary: a protocol that clears whatever it finds must be caught.
#[test]
#[should_panic(expected = "a reader sleeps beside what it waits for")]
fn loom_a_clear_that_ignores_the_generation_is_caught() {
    loom::model(|| {
        let io = Io::new();
        let kernel = {
            let io = io.clone();
            thread::spawn(move || io.arrive())
        };
        let (bell, waker) = Bell::new();
        let mut waits = false;
        if io.bytes.load(Ordering::Acquire) == 0 {
            // Wrong on purpose: the snapshot is loaded after the system call.
            let late = io.direction.readiness().load();
            io.direction.readiness().refused(late);
            waits = io.poll_read(1, &mut None, &waker).is_none();
        }
        kernel.join().unwrap();
        assert_not_stuck(&io, waits, &bell);
    });
}
