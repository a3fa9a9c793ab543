//! A [`Park`] without timers and descriptors: a flag and a condition variable per slot, of the facade's.

use super::super::{Entered, Park};
use crate::task::Runnable;
use filch_primitive::sync::{Condvar, Mutex};
use std::io;
use std::time::{Duration, Instant};

pub(super) struct Plain {
    slots: Box<[(Mutex<bool>, Condvar)]>,
}

impl Plain {
    pub(super) fn new(slots: usize) -> Self {
        Self { slots: (0..slots).map(|_| Default::default()).collect() }
    }
}

struct Nothing;

impl Entered for Nothing {}

impl Park for Plain {
    fn take_events(&self) -> usize {
        0
    }

    fn enter(&self, _: usize) -> Box<dyn Entered> {
        Box::new(Nothing)
    }

    fn enter_outside(&self) -> Box<dyn Entered> {
        Box::new(Nothing)
    }

    fn left(&self, _: usize) {}

    fn counts(&self) -> bool {
        false
    }

    fn plainly(&self, _: bool) {}

    fn let_time_pass(&self, _: &dyn Fn() -> bool) -> bool {
        false
    }

    fn job_counts(&self, _: bool) {}

    fn lend(&self, _: usize, _: bool) {}

    fn park(&self, slot: usize, _never_over: Option<Duration>, _: &dyn Fn() -> bool) -> bool {
        let (notified, changed) = &self.slots[slot];
        let mut notified = notified.lock();
        if !*notified {
            changed.wait(&mut notified);
        }
        std::mem::take(&mut *notified)
    }

    fn await_unpark(&self, slot: usize) {
        while !self.park(slot, None, &|| false) {}
    }

    fn unpark(&self, slot: usize) {
        let (notified, changed) = &self.slots[slot];
        *notified.lock() = true;
        changed.notify_one();
    }

    fn offload(&self, task: Runnable) -> Result<(), (Runnable, io::Error)> {
        Err((task, io::Error::other("there is no pool here")))
    }

    fn look_in(&self, _: usize, _: Instant) {}

    fn look_in_for_others(&self, _: Instant) -> usize {
        0
    }

    fn stand_in(&self, _: Instant) {}

    fn is_overdue(&self, _: Instant) -> bool {
        false
    }

    fn is_unattended(&self) -> bool {
        false
    }

    fn is_poller(&self, _: usize) -> bool {
        false
    }

    fn shutdown(&self) {}
}
