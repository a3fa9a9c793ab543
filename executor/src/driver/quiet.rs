//! Whether nothing can happen any more but that time passes: when a virtual clock may move.
//!
//! # What has to be at rest
//! Every thread that tends a slot sleeps, or waits plainly in it; the one that looks, which is about to, has no notice; no thread without a slot is awake; no task is queued; no
//! job is in the blocking pool; and, unless somebody waits for the clock itself, nobody waits for a descriptor.
//!
//! # Protocol
//! The thread that looks is about to park, with nothing to do itself. 1. Read the number of changes. 2. Look at all of the above.
//! 3. Read the number again: only if it is the same did step 2 see one moment.
//!
//! Whoever wakes a thread: 1. change its state (a notice, a count). 2. Add one to the number of changes. 3. Only then may it fall
//! asleep itself.
//!
//! # Why it is right
//! Say all were seen at rest, one after another, and yet some thread B can run. It was asleep when it was looked at, so somebody, A,
//! woke it later. A was awake then, and was seen asleep later still, which is after A's third step: with that exchange the looker
//! sees A's second, and the numbers differ.
//!
//! A thread that the kernel wakes, with events, ends its sleep before it takes away the wakers that wait for them
//! ([`Parker::end`](super::parker::Parker::end)); the looker asks for such wakers first. A job of the pool counts until whoever
//! waits for it was woken.
//!
//! Threads that this runtime knows nothing of may wake a task at any time. They see the clock move as they would see the machine's.
//!
//! # Rejected
//! Counting threads that are awake instead of looking at each: every sleep and every wake-up of every runtime would write one more
//! line that all share. Telling somebody to look whenever something came to rest: the last of several that come to rest at once
//! may be the pool's, the kernel's or nobody's. While something is awaited, the watcher looks each [`LOOK`] instead.

use super::{Driver, Idle};
use filch_primitive::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// How soon the watcher looks again whether all is at rest, while a virtual clock waits for that.
pub(super) const LOOK: Duration = Duration::from_micros(100);

/// What of it is counted.
pub(super) struct Quiet {
    /// Threads without a slot that are awake.
    plain: AtomicUsize,
    changes: AtomicU64,
}

impl Quiet {
    pub(super) fn new() -> Self {
        Self { plain: AtomicUsize::new(0), changes: AtomicU64::new(0) }
    }

    /// A thread without a slot is awake, or is not any more.
    pub(super) fn plainly(&self, awake: bool) {
        if awake {
            // Ordering: Relaxed; the change that follows carries it.
            self.plain.fetch_add(1, Ordering::Relaxed);
            self.changed();
        } else {
            // Ordering: Release, paired with the Acquire load in `holds`: whoever sees the thread asleep sees whom it woke.
            self.plain.fetch_sub(1, Ordering::Release);
        }
    }

    /// Some thread was woken.
    pub(super) fn changed(&self) {
        // Ordering: Release, paired with the Acquire loads in `holds`: the thread's new state comes with it.
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Whether `all_rest`, which looks at everything that is not counted here, saw one moment in which all was at rest.
    pub(super) fn holds(&self, all_rest: impl FnOnce() -> bool) -> bool {
        // Ordering: Acquire on all three; see the module's protocol for what each has to see.
        let before = self.changes.load(Ordering::Acquire);
        self.plain.load(Ordering::Acquire) == 0
            && all_rest()
            && self.plain.load(Ordering::Acquire) == 0
            && self.changes.load(Ordering::Acquire) == before
    }
}

/// Virtual time, for the driver of a clock that may be moved by itself.
impl Driver {
    /// If the clock waits for nothing to be left but time: whether that is so, and the clock was moved. Called by the thread in `slot`,
    /// which is about to park.
    pub(super) fn let_time_pass(&self, slot: usize, nothing_queued: &dyn Fn() -> bool) -> bool {
        let Some(needed) = self.clock.awaits() else { return false };
        let at_rest = || {
            (needed == Idle::Tasks || !self.reactor.is_awaited())
                && self.pool.is_at_rest()
                && self.roles.all_rest_but(slot)
                && nothing_queued()
        };
        self.quiet.holds(at_rest) && self.clock.advance_when_idle(needed)
    }
}
