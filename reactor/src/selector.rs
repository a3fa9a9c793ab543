//! The operating system's side: registering, waiting, being interrupted.
//!
//! On Linux [`epoll`] does it with one system call per wait. Everywhere else, and on a Linux without `eventfd`,
//! [`portable`] does it through the `polling` crate. Both are edge-triggered, both directions, registered once.
//!
//! Why not `polling` on Linux too: each of its waits is five system calls where one is needed, and it cannot ask for
//! the flag that tells a peer's end of file (`EPOLLRDHUP`), without which a short read would have to be followed by one
//! that says "would block".

use crate::registry::Key;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

#[cfg(target_os = "linux")]
pub(crate) mod epoll;
#[cfg(filch_loom)]
pub(crate) mod modelled;
#[cfg(any(target_os = "linux", filch_loom))]
mod notice;
pub(crate) mod portable;

#[cfg(any(target_os = "linux", filch_loom))]
pub(crate) use notice::Notice;

/// Events taken by one wait at most.
pub(crate) const EVENTS_MAX: usize = 256;

/// What happened to one descriptor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occurrence {
    pub(crate) key: Key,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// A short read proves nothing from now on: the peer's end, an error, or urgent data.
    pub(crate) read_closed: bool,
    /// A short write proves nothing from now on.
    pub(crate) write_closed: bool,
}

/// One way of waiting for descriptors.
#[derive(Debug)]
pub(crate) enum Selector {
    #[cfg(target_os = "linux")]
    Epoll(epoll::Epoll),
    Portable(portable::Portable),
    #[cfg(filch_loom)]
    Modelled(modelled::Modelled),
}

/// Room for what one wait reports.
#[derive(Debug)]
pub(crate) struct Occurrences {
    list: Vec<Occurrence>,
    raw: Raw,
}

#[derive(Debug)]
enum Raw {
    #[cfg(target_os = "linux")]
    Epoll(epoll::Room),
    Portable(polling::Events),
    #[cfg(filch_loom)]
    Modelled,
}

impl Selector {
    /// The best one this system has.
    pub(crate) fn new() -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        match epoll::Epoll::new() {
            Ok(epoll) => return Ok(Self::Epoll(epoll)),
            // No eventfd here (some sandboxes): the portable one makes do with a pipe.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(error) => return Err(error),
        }
        Self::portable()
    }

    /// The portable one, on any system.
    pub(crate) fn portable() -> io::Result<Self> {
        portable::Portable::new().map(Self::Portable)
    }

    /// Room for this selector's waits.
    pub(crate) fn room(&self) -> Occurrences {
        let raw = match self {
            #[cfg(target_os = "linux")]
            Self::Epoll(_) => Raw::Epoll(epoll::Room::new()),
            Self::Portable(_) => Raw::Portable(portable::room()),
            #[cfg(filch_loom)]
            Self::Modelled(_) => Raw::Modelled,
        };
        Occurrences { list: Vec::with_capacity(EVENTS_MAX), raw }
    }

    /// Whether closing is reported, so that a short transfer is proof that nothing is left.
    pub(crate) fn reports_closing(&self) -> bool {
        match self {
            #[cfg(target_os = "linux")]
            Self::Epoll(_) => true,
            Self::Portable(_) => false,
            #[cfg(filch_loom)]
            Self::Modelled(_) => true,
        }
    }

    /// Registers both directions, edge-triggered. What is ready already is reported like a change.
    pub(crate) fn add(&self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Epoll(epoll) => epoll.add(fd, key),
            Self::Portable(portable) => portable.add(fd, key),
            #[cfg(filch_loom)]
            Self::Modelled(modelled) => {
                modelled.add(fd, key);
                Ok(())
            }
        }
    }

    /// Deregisters.
    pub(crate) fn delete(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Epoll(epoll) => epoll.delete(fd),
            Self::Portable(portable) => portable.delete(fd),
            #[cfg(filch_loom)]
            Self::Modelled(modelled) => modelled.delete(fd),
        }
    }

    /// Makes the current or the next wait return.
    pub(crate) fn notify(&self) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Epoll(epoll) => epoll.notify(),
            Self::Portable(portable) => portable.notify(),
            #[cfg(filch_loom)]
            Self::Modelled(modelled) => modelled.notify(),
        }
    }

    /// Waits once. An interrupted call is an error of kind `Interrupted` or the answer of an uninterrupted one.
    pub(crate) fn wait(
        &self,
        into: &mut Occurrences,
        timeout: Option<Duration>,
        #[cfg_attr(
            not(target_os = "linux"),
            expect(unused_variables, reason = "the portable one takes what there is")
        )]
        max_events: usize,
    ) -> io::Result<()> {
        into.list.clear();
        match (self, &mut into.raw) {
            #[cfg(target_os = "linux")]
            (Self::Epoll(epoll), Raw::Epoll(room)) => {
                epoll.wait(room, timeout, max_events.clamp(1, EVENTS_MAX), &mut into.list)
            }
            (Self::Portable(portable), Raw::Portable(events)) => {
                portable.wait(events, timeout, &mut into.list)
            }
            #[cfg(filch_loom)]
            (Self::Modelled(modelled), Raw::Modelled) => {
                modelled.wait(timeout, &mut into.list);
                Ok(())
            }
            #[cfg(target_os = "linux")]
            _ => unreachable!("the room came from another selector"),
        }
    }
}

impl Occurrences {
    pub(crate) fn as_slice(&self) -> &[Occurrence] {
        &self.list
    }
}
