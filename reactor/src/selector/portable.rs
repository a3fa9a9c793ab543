//! Any Unix with an edge-triggered poller, through the `polling` crate.
//!
//! Closing is not reported here, so a short transfer never counts as proof that nothing is left: an operation goes on until it
//! is told that it would block.

#![allow(unsafe_code, reason = "registering asks its caller to deregister in time")]

use super::{EVENTS_MAX, Occurrence};
use crate::registry::Key;
use polling::{Event, Events, PollMode, Poller};
use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// A `polling` poller.
#[derive(Debug)]
pub(crate) struct Portable(Poller);

/// Room for one wait's events.
pub(crate) fn room() -> Events {
    Events::with_capacity(const { NonZeroUsize::new(EVENTS_MAX).unwrap() })
}

impl Portable {
    /// # Errors
    /// `Unsupported` where the system's poller knows no edges; else what the system says.
    pub(crate) fn new() -> io::Result<Self> {
        let poller = Poller::new()?;
        if !poller.supports_edge() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this system's poller is not edge-triggered",
            ));
        }
        Ok(Self(poller))
    }

    #[expect(clippy::cast_possible_truncation, reason = "keys are made to fit the system's")]
    pub(crate) fn add(&self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        let interest = Event::all(key.to_u64() as usize);
        // SAFETY: the descriptor is open now, and its source deregisters it before it is closed (`Source::detach`).
        unsafe { self.0.add_with_mode(fd.as_raw_fd(), interest, PollMode::Edge) }
    }

    pub(crate) fn delete(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.0.delete(fd)
    }

    pub(crate) fn notify(&self) {
        // `polling` merges notifications itself. Its failures (a poller whose pipe is full) mean that one is pending.
        let _ = self.0.notify();
    }

    pub(crate) fn wait(
        &self,
        events: &mut Events,
        timeout: Option<Duration>,
        into: &mut Vec<Occurrence>,
    ) -> io::Result<()> {
        events.clear();
        self.0.wait(events, timeout)?;
        into.extend(events.iter().map(|event| Occurrence {
            key: Key::from_u64(event.key as u64),
            readable: event.readable,
            writable: event.writable,
            read_closed: false,
            write_closed: false,
        }));
        Ok(())
    }
}
