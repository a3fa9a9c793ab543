//! A list behind a lock, with the surface of `crossbeam-channel` that the pool uses.
//!
//! The real channel's own steps are its authors' business, and hidden from a checker; what is modelled is the pool around
//! it. A send publishes to the receive that gets the value, as there.
//!
//! No time passes in a model. A wait with a time-out gives everybody else a chance, and is over if there is nothing then;
//! one of [`Duration::MAX`], or up to a deadline, ends by a value alone.

use filch_primitive::sync::{Condvar, Mutex};
use filch_primitive::thread;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Debug)]
struct Shared<T> {
    values: Mutex<VecDeque<T>>,
    arrived: Condvar,
    room: usize,
}

#[derive(Debug)]
pub(crate) struct Sender<T>(Arc<Shared<T>>);

#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Shared<T>>);

/// There is none, nor was there in time.
#[derive(Debug)]
pub(crate) struct Nothing;

/// A channel that holds any number of values.
pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    bounded(usize::MAX)
}

/// A channel that holds up to `room` values.
pub(crate) fn bounded<T>(room: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared { values: Mutex::new(VecDeque::new()), arrived: Condvar::new(), room });
    (Sender(shared.clone()), Receiver(shared))
}

impl<T> Sender<T> {
    /// Only for channels with room without end.
    pub(crate) fn send(&self, value: T) -> Result<(), T> {
        self.try_send(value)
    }

    pub(crate) fn try_send(&self, value: T) -> Result<(), T> {
        let mut values = self.0.values.lock();
        if values.len() == self.0.room {
            return Err(value);
        }
        values.push_back(value);
        self.0.arrived.notify_one();
        Ok(())
    }

    pub(crate) fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Receiver<T> {
    pub(crate) fn try_recv(&self) -> Result<T, Nothing> {
        self.0.values.lock().pop_front().ok_or(Nothing)
    }

    pub(crate) fn recv_timeout(&self, patience: Duration) -> Result<T, Nothing> {
        if patience == Duration::MAX {
            return Ok(self.recv());
        }
        self.try_recv().or_else(|Nothing| {
            thread::yield_now();
            self.try_recv()
        })
    }

    pub(crate) fn recv_deadline(&self, _deadline: Instant) -> Result<T, Nothing> {
        Ok(self.recv())
    }

    fn recv(&self) -> T {
        let mut values = self.0.values.lock();
        loop {
            if let Some(value) = values.pop_front() {
                return value;
            }
            self.0.arrived.wait(&mut values);
        }
    }
}
