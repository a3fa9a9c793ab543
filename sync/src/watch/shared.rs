//! What both ends share: the value, its version, and two lines of those that wait.

use crate::line::Line;
use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use filch_primitive::sync::{RwLock, RwLockReadGuard};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// In the version: all senders are gone.
const CLOSED: u64 = 1;
/// One version more.
const STEP: u64 = 2;

/// The middle of a channel.
pub(super) struct Shared<T> {
    value: RwLock<T>,
    version: AtomicU64,
    /// Receivers that have seen the value; numbers are versions.
    pub(super) line: Line,
    /// Those that wait for the last receiver to go.
    pub(super) closed_line: Line,
    senders: AtomicUsize,
    receivers: AtomicUsize,
}

impl<T> Shared<T> {
    /// Around `init`, with one sender and one receiver that has seen it.
    pub(super) fn new(init: T) -> Self {
        Self {
            value: RwLock::new(init),
            version: AtomicU64::new(0),
            line: Line::fenced(),
            closed_line: Line::fenced(),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
        }
    }

    /// Lets `modify` at the value. If it says so, that is a new version, and receivers are told.
    pub(super) fn modify(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let mut value = self.value.write();
        if !modify(&mut value) {
            return false;
        }
        // Ordering: Release, paired with the Acquire of `version`: who sees it sees what the sender did before.
        let release = mutant::ordering("watch.version.order", Ordering::Release, Ordering::Relaxed);
        let version = self.version.fetch_add(STEP, release) + STEP;
        drop(value);
        self.line.tell_all(version);
        true
    }

    /// The value and its version, which a receiver that has seen `seen` may or may not know.
    pub(super) fn look(&self, seen: u64) -> (Ref<'_, T>, u64) {
        let value = self.value.read();
        let (version, _) = self.version();
        (Ref { value, has_changed: version != seen, _not_send: PhantomData }, version)
    }

    /// The value, which is never news to a sender.
    pub(super) fn look_as_sender(&self) -> Ref<'_, T> {
        Ref { value: self.value.read(), has_changed: false, _not_send: PhantomData }
    }

    /// The version, and whether it is the last.
    pub(super) fn version(&self) -> (u64, bool) {
        // Ordering: Acquire, paired with the Release of `modify` and `retire`.
        let word = self.version.load(Ordering::Acquire);
        (word & !CLOSED, word & CLOSED != 0)
    }

    /// Whether there is a version that was not seen, which now is; or none to come; or else the number to wait
    /// with.
    pub(super) fn change(&self, seen: &mut u64) -> Result<Change, u64> {
        match self.version() {
            (version, _) if version != *seen => {
                *seen = version;
                Ok(Change::New)
            }
            (_, true) => Ok(Change::Closed),
            (version, false) => Err(version),
        }
    }

    /// One more sender; its caller holds one.
    pub(super) fn add_sender(&self) {
        // Ordering: Relaxed, the count is not about to reach zero.
        self.senders.fetch_add(1, Ordering::Relaxed);
    }

    /// A sender goes.
    pub(super) fn retire(&self) {
        // Ordering: AcqRel: the last one closes after all that the others did.
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Ordering: Release, as in `modify`.
            self.version.fetch_or(CLOSED, Ordering::Release);
            self.line.tell_all(u64::MAX);
        }
    }

    /// One more receiver.
    pub(super) fn add_receiver(&self) {
        // Ordering: Relaxed, it publishes nothing.
        self.receivers.fetch_add(1, Ordering::Relaxed);
    }

    /// A receiver goes.
    pub(super) fn leave(&self) {
        // Ordering: Release, paired with the Acquire in `is_deserted`: who sees that nobody is left sees what
        // they did.
        if self.receivers.fetch_sub(1, Ordering::Release) == 1 {
            self.closed_line.tell_all(u64::MAX);
        }
    }

    /// Whether nobody receives.
    pub(super) fn is_deserted(&self) -> bool {
        // Ordering: Acquire, paired with the Release in `leave`.
        self.receivers.load(Ordering::Acquire) == 0
    }

    pub(super) fn sender_count(&self) -> usize {
        // Ordering: Relaxed, a figure to look at.
        self.senders.load(Ordering::Relaxed)
    }

    pub(super) fn receiver_count(&self) -> usize {
        // Ordering: Relaxed, a figure to look at.
        self.receivers.load(Ordering::Relaxed)
    }

    pub(super) fn statistics(&self) -> WatchStatistics {
        let (waiters, waiters_peak) = self.line.waiting();
        WatchStatistics {
            version: self.version().0 / STEP,
            senders: self.sender_count(),
            receivers: self.receiver_count(),
            waiters,
            waiters_peak,
        }
    }

    pub(super) fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, is_closed) = self.version();
        f.debug_struct(name)
            .field("version", &(version / STEP))
            .field("closed", &is_closed)
            .field("senders", &self.sender_count())
            .field("receivers", &self.receiver_count())
            .finish_non_exhaustive()
    }
}

/// A version that no receiver has seen last: the one before `version`.
pub(super) fn before(version: u64) -> u64 {
    version.wrapping_sub(STEP)
}

/// What a look at the version found.
pub(super) enum Change {
    New,
    Closed,
}

/// A look at the value. While it lives, nobody can send: keep it short, and never across an `.await`.
///
/// It stays on its thread:
/// ```compile_fail,E0277
/// let (sender, receiver) = filch_sync::watch::channel(1);
/// let value = receiver.borrow();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(value));
/// });
/// ```
#[must_use = "nobody can send while it lives"]
pub struct Ref<'a, T> {
    value: RwLockReadGuard<'a, T>,
    has_changed: bool,
    /// Neither to be sent, nor because of this less `Sync`, whatever the lock's guard allows.
    _not_send: PhantomData<std::sync::MutexGuard<'static, ()>>,
}

impl<T> Ref<'_, T> {
    /// Whether the receiver had not seen this value before. False for one that a sender made.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = filch_sync::watch::channel(1);
    /// sender.send_replace(2);
    /// assert!(receiver.borrow_and_update().has_changed());
    /// assert!(!receiver.borrow().has_changed());
    /// ```
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// What a channel looked like at one moment; made by [`Sender::statistics`](super::Sender::statistics).
///
/// ```
/// use filch_sync::watch;
/// let (sender, receiver) = watch::channel(1);
/// sender.send(2)?;
/// let seen = sender.statistics();
/// assert_eq!((seen.version, seen.senders, seen.receivers, seen.waiters), (1, 1, 1, 0));
/// # drop(receiver);
/// # Ok::<(), watch::SendError<i32>>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchStatistics {
    /// How often the value was changed.
    pub version: u64,
    /// Senders there are.
    pub senders: usize,
    /// Receivers there are.
    pub receivers: usize,
    /// Receivers that wait for a change.
    pub waiters: usize,
    /// The most there have been of those.
    pub waiters_peak: usize,
}
