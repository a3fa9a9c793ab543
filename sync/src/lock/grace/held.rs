//! A clock that a test holds, for the thread it runs on: time passes when the test says so, and bells ring then.

use super::GRACE_US;
use crate::clock::START_US;
use filch_primitive::{thread_local, wake_contained};
use std::cell::RefCell;
use std::task::Waker;

struct Held {
    now_us: u64,
    bells: Vec<(u64, Waker)>,
}

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// The clock of this thread is held until this is dropped.
pub(crate) struct Hold(());

/// Holds the clock of this thread.
pub(crate) fn hold() -> Hold {
    HELD.with_borrow_mut(|held| *held = Some(Held { now_us: START_US, bells: Vec::new() }));
    Hold(())
}

impl Hold {
    /// Lets time pass, and rings the bells that are due by then.
    pub(crate) fn pass(&self, us: u64) {
        let due = HELD.with_borrow_mut(|held| {
            let held = held.as_mut().expect("held by `self`");
            held.now_us += us;
            let now_us = held.now_us;
            held.bells.extract_if(.., |(due_us, _)| *due_us <= now_us).collect::<Vec<_>>()
        });
        due.into_iter().for_each(|(_, bell)| wake_contained(bell));
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Dropped outside the borrow: wakers are user code.
        let _dropped = HELD.take();
    }
}

/// The time of a clock that is held.
pub(super) fn micros() -> Option<u64> {
    HELD.with_borrow(|held| held.as_ref().map(|held| held.now_us))
}

/// Keeps `bell` until it is due, or gives it back where no clock is held.
pub(super) fn ring(bell: Waker) -> Option<Waker> {
    HELD.with_borrow_mut(|held| match held {
        Some(held) => {
            held.bells.push((held.now_us + GRACE_US, bell));
            None
        }
        None => Some(bell),
    })
}
