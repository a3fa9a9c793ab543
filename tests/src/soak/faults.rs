//! Which failures are ours to bear, because we caused them.

use filch::net::AddressError;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The windows of time in which descriptors cannot be had.
#[derive(Debug, Default)]
pub(super) struct Faults {
    begun: AtomicU64,
    ended: AtomicU64,
    /// Held while a window is open, and by whoever must not meet one.
    window: Mutex<()>,
}

/// When an operation began, as far as windows are concerned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(u64);

impl Faults {
    /// To be taken before an operation that opens descriptors.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.ended.load(SeqCst))
    }

    /// Whether `error` may be the doing of a window that was open at some moment since `mark`.
    pub(super) fn excuse(&self, mark: Mark, error: &io::Error) -> bool {
        let os = AddressError::of(error).map_or(error, AddressError::os_error);
        os.raw_os_error() == Some(Errno::MFILE.raw_os_error()) && self.begun.load(SeqCst) > mark.0
    }

    /// Keeps windows shut until the answer is dropped.
    pub(super) fn keep_shut(&self) -> MutexGuard<'_, ()> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a window: descriptors of the number `limit` and above cannot be had until the answer is dropped.
    pub(super) fn open(&self, limit: u64) -> io::Result<Window<'_>> {
        let held = self.keep_shut();
        let before = getrlimit(Resource::Nofile);
        self.begun.fetch_add(1, SeqCst);
        let window = Window { faults: self, before, _held: held };
        setrlimit(Resource::Nofile, Rlimit { current: Some(limit), ..before_of(&window) })?;
        Ok(window)
    }
}

fn before_of(window: &Window<'_>) -> Rlimit {
    Rlimit { current: window.before.current, maximum: window.before.maximum }
}

/// An open window.
#[derive(Debug)]
#[must_use]
pub(super) struct Window<'a> {
    faults: &'a Faults,
    before: Rlimit,
    _held: MutexGuard<'a, ()>,
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        setrlimit(Resource::Nofile, before_of(self)).expect("a limit can be set back to what it was");
        self.faults.ended.fetch_add(1, SeqCst);
    }
}
