//! A registered descriptor: its two directions, and the reactor it is registered with.
//!
//! The source does not own the descriptor and does not even know its number: whoever owns it ([`Async`](crate::Async))
//! lends it for each registering and deregistering, so that a number is never used after its descriptor was closed.
//!
//! A source is *at home* with one reactor, or *homeless* once that reactor has ended:
//! 1. The ending reactor sets `homeless`, then records an event in both directions: every waiter wakes and finds
//!    the direction ready.
//! 2. Its system call says "would block", the direction is cleared, and before it waits again it sees `homeless` (set
//!    before the event that it saw) and registers with the reactor of the thread that polls it now, or the default one.
//! 3. Registering reports what is ready already like a change, so nothing that happened in between is lost.
//!
//! `homeless` is lowered before the new registration, so that a reactor ending meanwhile raises it again; when
//! registering fails it is raised and all waiters are woken, to find the error themselves.

use crate::context::{self, Current};
use crate::direction::Direction;
use crate::fallback;
use crate::reactor::Shared;
use crate::readiness::Readiness;
use crate::registry::Key;
use crate::selector::Occurrence;
use filch_primitive::sync::atomic::{AtomicBool, Ordering};
use filch_primitive::sync::{Arc, Mutex};
use filch_primitive::{mutant, wake_contained};
use std::io;
use std::os::fd::BorrowedFd;
use std::task::Waker;

/// What a descriptor can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Read,
    Write,
}

/// A registered descriptor.
#[derive(Debug)]
pub(crate) struct Source {
    read: Direction,
    write: Direction,
    /// The reactor of `home` has ended, or never was.
    homeless: AtomicBool,
    /// A short transfer means that nothing is left: the descriptor is a stream, and closing is reported.
    short_is_drained: AtomicBool,
    /// Locked while registering and deregistering only.
    home: Mutex<Option<Home>>,
}

#[derive(Debug)]
struct Home {
    reactor: Arc<Shared>,
    key: Key,
}

impl Source {
    fn with_readiness(read: Readiness, write: Readiness) -> Arc<Self> {
        Arc::new(Self {
            read: Direction::new(read),
            write: Direction::new(write),
            homeless: AtomicBool::new(true),
            short_is_drained: AtomicBool::new(false),
            home: Mutex::new(None),
        })
    }

    /// Registers a descriptor with the current thread's reactor, or the default one. `stream`: it moves bytes, not
    /// messages, and stops short only where nothing is left.
    pub(crate) fn attach(fd: BorrowedFd<'_>, stream: bool) -> io::Result<Arc<Self>> {
        let source = Self::with_readiness(Readiness::new(), Readiness::new());
        Self::find_home(&source, fd, stream)?;
        Ok(source)
    }

    /// A source without a descriptor, for tests.
    #[cfg(all(test, not(filch_loom)))]
    pub(crate) fn detached() -> Arc<Self> {
        Self::with_readiness(Readiness::new(), Readiness::near_wrap(2))
    }

    #[inline]
    pub(crate) fn direction(&self, interest: Interest) -> &Direction {
        match interest {
            Interest::Read => &self.read,
            Interest::Write => &self.write,
        }
    }

    /// Whether anybody waits for either direction.
    pub(crate) fn is_awaited(&self) -> bool {
        self.read.waiting() + self.write.waiting() > 0
    }

    /// Whether a short transfer is proof that nothing is left.
    #[inline]
    pub(crate) fn short_is_drained(&self) -> bool {
        // Ordering: Relaxed. It changes only when a source moves to a reactor of another kind, and then to a value that
        // is right for what that one reports: an operation under way that still sees the old value either clears
        // too little, which is harmless, or clears at a generation that the new registration's first event ends.
        self.short_is_drained.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn is_homeless(&self) -> bool {
        // Ordering: Acquire, paired with the Release store in `orphan`: who sees it sees the reactor closed. That
        // a waiter sees it at all after the ending event is `Readiness`'s doing.
        self.homeless.load(Ordering::Acquire)
    }

    /// Registers anew if the reactor has ended.
    #[cold]
    pub(crate) fn rehome(source: &Arc<Self>, fd: BorrowedFd<'_>, stream: bool) -> io::Result<()> {
        let found = Self::find_home(source, fd, stream);
        if found.is_err() {
            let mut woken = Vec::new();
            source.event_both(&mut woken);
            woken.into_iter().for_each(wake_contained);
        }
        found
    }

    fn find_home(source: &Arc<Self>, fd: BorrowedFd<'_>, stream: bool) -> io::Result<()> {
        let mut home = source.home.lock();
        if !source.is_homeless() {
            return Ok(());
        }
        if let Some(old) = home.take() {
            // It may be the only thing that keeps the ended reactor's descriptors; either way it must report no more.
            let _ = old.reactor.selector().delete(fd);
        }
        // Ordering: Relaxed here and below. The lock orders this store against other registrations, and the registry's
        // lock, taken next, orders it before the ending of the reactor that it is registered with.
        source.homeless.store(false, Ordering::Relaxed);
        let current = context::current();
        let found = match &current {
            Some(current) => Self::register(source, &current.reactor, fd, stream).transpose(),
            None => None,
        };
        let found = match found {
            Some(found) => found,
            // No reactor here, or one that has ended.
            None => fallback::reactor().and_then(|reactor| {
                Self::register(source, &reactor, fd, stream)?
                    .ok_or_else(|| io::Error::other("too many descriptors"))
            }),
        };
        match found {
            Ok((new, first)) => {
                let reactor = new.reactor.clone();
                *home = Some(new);
                drop(home);
                if first && current.is_none_or(|Current { owner, .. }| !owner) {
                    reactor.call_hook();
                }
                Ok(())
            }
            Err(error) => {
                source.homeless.store(true, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// `None` when the reactor has ended. With the home comes whether this is the reactor's first source.
    fn register(
        source: &Arc<Self>,
        reactor: &Arc<Shared>,
        fd: BorrowedFd<'_>,
        stream: bool,
    ) -> io::Result<Option<(Home, bool)>> {
        let drains = stream && reactor.selector().reports_closing();
        source.short_is_drained.store(drains, Ordering::Relaxed);
        let registered = reactor.add(source, fd)?;
        Ok(registered.map(|(key, first)| (Home { reactor: reactor.clone(), key }, first)))
    }

    /// Deregisters. Called before the descriptor is closed, whatever becomes of it.
    pub(crate) fn detach(&self, fd: BorrowedFd<'_>) {
        let home = self.home.lock().take();
        if let Some(Home { reactor, key }) = home {
            reactor.remove(key, fd);
        }
    }

    /// Its reactor has ended: whoever waits is told, and the wakers move into `woken`.
    pub(crate) fn orphan(&self, woken: &mut Vec<Waker>) {
        if mutant::planted("reactor.orphan.late") {
            self.event_both(woken);
            return self.homeless.store(true, Ordering::Release);
        }
        // Ordering: Release, paired with `is_homeless`.
        self.homeless.store(true, Ordering::Release);
        self.event_both(woken);
    }

    /// Its reactor saw something happen; the wakers concerned move into `woken`.
    pub(crate) fn occurred(&self, what: &Occurrence, woken: &mut Vec<Waker>) {
        if what.readable {
            self.read.event(what.read_closed, woken);
        }
        if what.writable {
            self.write.event(what.write_closed, woken);
        }
    }

    fn event_both(&self, woken: &mut Vec<Waker>) {
        self.read.event(false, woken);
        self.write.event(false, woken);
    }
}
