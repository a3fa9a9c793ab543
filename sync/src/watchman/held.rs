//! A clock that a test holds, for the thread it runs on: time passes, and queues are visited, when the test says so.

use super::INTERVAL;
use crate::clock::START_US;
use crate::watched::Visited;
use filch_primitive::thread_local;
use std::cell::RefCell;
use std::sync::Arc;

/// [`INTERVAL`], in microseconds.
pub(crate) const INTERVAL_US: u64 = 1_000;
const _: () = assert!(INTERVAL.as_micros() == INTERVAL_US as u128);

/// What has been told to come is overdue after this time.
pub(crate) const OVERDUE_US: u64 = 2 * INTERVAL_US;

struct Held {
    now_us: u64,
    entries: Vec<Arc<dyn Visited>>,
    /// Whether there is a watchman.
    watched: bool,
}

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// The clock of this thread is held until this is dropped.
pub(crate) struct Hold(());

/// Holds the clock of this thread.
pub(crate) fn hold() -> Hold {
    HELD.with_borrow_mut(|held| *held = Some(Held { now_us: START_US, entries: Vec::new(), watched: true }));
    Hold(())
}

/// Holds the clock of this thread, as if no other could be started.
pub(crate) fn hold_alone() -> Hold {
    let hold = hold();
    HELD.with_borrow_mut(|held| held.as_mut().expect("just held").watched = false);
    hold
}

impl Hold {
    /// Lets time pass, with a visit after each whole interval.
    pub(crate) fn pass(&self, us: u64) {
        let passed = |us| {
            HELD.with_borrow_mut(|held| {
                let held = held.as_mut().expect("held by `self`");
                held.now_us += us;
                std::mem::take(&mut held.entries)
            })
        };
        for _ in 0..us / INTERVAL_US {
            let mut entries = passed(INTERVAL_US);
            // Outside the borrow: wakers are user code.
            entries.retain(|entry| entry.visit());
            HELD.with_borrow_mut(|held| held.as_mut().expect("held by `self`").entries.append(&mut entries));
        }
        HELD.with_borrow_mut(|held| held.as_mut().expect("held by `self`").now_us += us % INTERVAL_US);
    }

    /// How many queues are to be visited.
    pub(crate) fn entries(&self) -> usize {
        HELD.with_borrow(|held| held.as_ref().map_or(0, |held| held.entries.len()))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Dropped outside the borrow.
        let _dropped = HELD.take();
    }
}

/// The time of a clock that is held.
pub(crate) fn micros() -> Option<u64> {
    HELD.with_borrow(|held| held.as_ref().map(|held| held.now_us))
}

/// Keeps `entry` until the test lets time pass, or gives it back where no clock is held.
pub(super) fn keep(entry: Arc<dyn Visited>) -> Option<Arc<dyn Visited>> {
    let alone = HELD.with_borrow_mut(|held| match held {
        Some(held) if held.watched => {
            held.entries.push(entry);
            None
        }
        Some(_) => Some((entry, true)),
        None => Some((entry, false)),
    });
    match alone? {
        (entry, true) => {
            super::visit_at_once(&*entry);
            None
        }
        (entry, false) => Some(entry),
    }
}
