//! A kernel for models: descriptors that are a number of bytes, and edge-triggered selectors on them.
//!
//! Each operation is one step, as a system call is. A descriptor is told apart by its number, and is always writable.

use super::{Notice, Occurrence};
use crate::registry::Key;
use filch_primitive::sync::{Arc, Condvar, Mutex};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

/// What all selectors of a model look at. Clones are the same kernel.
#[derive(Clone)]
pub(crate) struct Kernel(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What can be read, by descriptor.
    bytes: Vec<(RawFd, usize)>,
    selectors: Vec<Registered>,
}

#[derive(Default)]
struct Registered {
    keys: Vec<(RawFd, Key)>,
    /// Reported by the next wait.
    edges: Vec<Occurrence>,
    rung: bool,
}

impl State {
    fn bytes(&mut self, fd: RawFd) -> &mut usize {
        let at = self.bytes.iter().position(|(known, _)| *known == fd).unwrap_or_else(|| {
            self.bytes.push((fd, 0));
            self.bytes.len() - 1
        });
        &mut self.bytes[at].1
    }
}

fn edge(key: Key, readable: bool, writable: bool) -> Occurrence {
    Occurrence { key, readable, writable, read_closed: false, write_closed: false }
}

impl Kernel {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared { state: Mutex::new(State::default()), changed: Condvar::new() }))
    }

    pub(crate) fn selector(&self) -> Modelled {
        let mut state = self.0.state.lock();
        state.selectors.push(Registered::default());
        Modelled { kernel: self.clone(), number: state.selectors.len() - 1, notice: Notice::new() }
    }

    fn change(&self, fd: RawFd, more: usize, readable: bool, writable: bool) {
        let mut state = self.0.state.lock();
        *state.bytes(fd) += more;
        for selector in &mut state.selectors {
            if let Some((_, key)) = selector.keys.iter().find(|(known, _)| *known == fd) {
                selector.edges.push(edge(*key, readable, writable));
            }
        }
        self.0.changed.notify_all();
    }

    /// A byte arrives.
    pub(crate) fn arrive(&self, fd: impl AsFd) {
        self.change(fd.as_fd().as_raw_fd(), 1, true, false);
    }

    /// There is room to write once more.
    pub(crate) fn make_room(&self, fd: impl AsFd) {
        self.change(fd.as_fd().as_raw_fd(), 0, false, true);
    }

    /// Takes up to `room` bytes.
    pub(crate) fn read(&self, fd: impl AsFd, room: usize) -> io::Result<usize> {
        let mut state = self.0.state.lock();
        let bytes = state.bytes(fd.as_fd().as_raw_fd());
        let taken = room.min(*bytes);
        *bytes -= taken;
        if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }
}

/// One selector of a [`Kernel`].
pub(crate) struct Modelled {
    kernel: Kernel,
    number: usize,
    notice: Notice,
}

impl Modelled {
    pub(crate) fn add(&self, fd: BorrowedFd<'_>, key: Key) {
        let mut state = self.kernel.0.state.lock();
        let fd = fd.as_raw_fd();
        let readable = *state.bytes(fd) > 0;
        let registered = &mut state.selectors[self.number];
        registered.keys.push((fd, key));
        registered.edges.push(edge(key, readable, true));
        self.kernel.0.changed.notify_all();
    }

    pub(crate) fn delete(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let mut state = self.kernel.0.state.lock();
        let registered = &mut state.selectors[self.number];
        let at = registered.keys.iter().position(|(known, _)| *known == fd.as_raw_fd());
        let (_, key) = registered.keys.swap_remove(at.ok_or(io::ErrorKind::NotFound)?);
        registered.edges.retain(|edge| edge.key != key);
        Ok(())
    }

    pub(crate) fn notify(&self) {
        if self.notice.raise() {
            self.kernel.0.state.lock().selectors[self.number].rung = true;
            self.kernel.0.changed.notify_all();
        }
    }

    pub(crate) fn wait(&self, timeout: Option<Duration>, into: &mut Vec<Occurrence>) {
        let mut state = self.kernel.0.state.lock();
        let rung = loop {
            let registered = &mut state.selectors[self.number];
            into.append(&mut registered.edges);
            let rung = std::mem::take(&mut registered.rung);
            if rung || !into.is_empty() || timeout.is_some_and(|timeout| timeout.is_zero()) {
                break rung;
            }
            self.kernel.0.changed.wait(&mut state);
        };
        drop(state);
        if rung {
            self.notice.lower();
        }
    }
}

impl fmt::Debug for Modelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Modelled").field("number", &self.number).finish_non_exhaustive()
    }
}
