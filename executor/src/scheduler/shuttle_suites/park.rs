//! A [`Park`] without timers and descriptors: a flag and a condition variable per slot, of the facade's.

use super::super::park_testing::{Nothing, sleeps_and_nothing_else};
use super::super::{Entered, Park};
use filch_primitive::sync::{Condvar, Mutex};
use std::time::Duration;

pub(super) struct Plain {
    slots: Box<[(Mutex<bool>, Condvar)]>,
}

impl Plain {
    pub(super) fn new(slots: usize) -> Self {
        Self { slots: (0..slots).map(|_| Default::default()).collect() }
    }
}

impl Park for Plain {
    sleeps_and_nothing_else!();

    fn take_events(&self) -> usize {
        0
    }

    fn enter(&self, _: usize) -> Box<dyn Entered> {
        Box::new(Nothing)
    }

    fn park(&self, slot: usize, _never_over: Option<Duration>, _: &dyn Fn() -> bool) -> bool {
        let (notified, changed) = &self.slots[slot];
        let mut notified = notified.lock();
        if !*notified {
            changed.wait(&mut notified);
        }
        std::mem::take(&mut *notified)
    }

    fn unpark(&self, slot: usize) {
        let (notified, changed) = &self.slots[slot];
        *notified.lock() = true;
        changed.notify_one();
    }
}
