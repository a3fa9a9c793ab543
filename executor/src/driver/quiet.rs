//! Whether nothing can happen any more but that time passes: when a virtual clock may move, and who finds that out.
//!
//! # What has to be at rest
//! Every thread that tends a slot sleeps, or waits plainly in it; the one that looks, which is about to, has no notice; no thread
//! without a slot is awake, but the one that looks; no task is queued; no job is in the blocking pool, but such as wait in a
//! `block_on`; and, unless somebody waits for the clock itself, nobody waits for a descriptor.
//! A thread is counted once, whatever it does: see [`standing`](crate::scheduler).
//!
//! # Looking
//! The thread that looks is about to park, or stands in for others, with nothing to do itself. 1. Read the number of changes.
//! 2. Look at all of the above: threads without a slot, jobs and descriptors; slots and queues; the former once more.
//! 3. Read the number again: only if it is the same did step 2 see one moment.
//!
//! Whoever wakes a thread: 1. change its state (a notice, a count). 2. Add one to the number of changes. 3. Only then may it fall
//! asleep itself, leave its slot, or end its job.
//!
//! # Who looks
//! Who parks looks once. What keeps the clock then may end without waking anybody: a thread that waits plainly falls asleep, a
//! job ends that nobody waits for. So while the clock **is awaited**, which means that it would move if all were at rest, the watcher
//! ([`roles`](super::roles)) looks each [`LOOK`].
//!
//! The watcher that parks: 1. take the role up. 2. `fence(SeqCst)`. 3. Read whether the clock is awaited: then sleep for
//! [`LOOK`], else until it is nudged.
//!
//! Whoever makes the clock awaited, by a deadline before all others of a timer, in whatever slot, its own among them; by pausing it,
//! or telling it to move by itself: 1. publish. 2. `fence(SeqCst)`. 3. Nudge the watcher, or where there is none, a sleeper.
//!
//! Where the watcher wakes and gets stuck, or all slots are stuck: as for all that it minds, the sentinel finds that nobody
//! minds the deadlines, and wakes another or brings a spare. A spare that finds no slot looks as it stands in.
//!
//! # Why it is right
//! *Nothing was missed.* Say all were seen at rest, one after another, and yet some thread B can run. It was asleep when it was looked
//! at, so somebody, A, woke it later. A was awake then, and was seen asleep later still, or gone, which is after A's third step: with
//! that exchange the looker sees A's second, and the numbers differ.
//!
//! A thread that the kernel wakes, with events, is not counted as a change; but it ends its sleep before it takes away the wakers that
//! wait for them ([`Parker::end`](super::parker::Parker::end)). The looker asks for such wakers first, and so either sees them,
//! or the thread awake. It asks again when it has seen all threads asleep, as it does for jobs: the wakers and jobs that a
//! thread leaves behind it are seen by whoever sees it asleep. A job of the pool counts until whoever waits for it was woken.
//!
//! *Somebody looks.* Of the two fences one comes first: see [`roles`](super::roles) for a watcher, and for none. Deadlines that
//! come nearer because others are gone make no clock awaited that was not.
//!
//! Threads that this runtime knows nothing of may wake a task at any time. They see the clock move as they would see the machine's.
//! That goes for those of another runtime with the same clock: each moves it when it is at rest itself.
//!
//! # Rejected
//! Counting threads that are awake instead of looking at each: every sleep and every wake-up of every runtime would write one more
//! line that all share. Telling somebody to look whenever something came to rest: the last of several that come to rest at once
//! may be the pool's, the kernel's or nobody's. That all who park while the clock is awaited look each [`LOOK`]: with many
//! workers hardly ever all but one of them would be asleep. That a thread nudges the watcher as it parks, rather than as it sets
//! a deadline: it may wait plainly in its slot instead, and never park.

use super::roles::Roles;
use super::{Driver, Idle};
use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

#[cfg(all(test, filch_loom))]
mod model;

/// How soon the watcher looks again whether all is at rest, while a virtual clock waits for that.
pub(super) const LOOK: Duration = Duration::from_micros(100);

/// Which thread looks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Looker {
    /// The one in this slot, which is about to park.
    InSlot(usize),
    /// One that is counted as awake without a slot.
    Plain,
}

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
            if !mutant::planted("quiet.plainly.silent") {
                self.changed();
            }
        } else {
            // Ordering: Release, paired with the Acquire load in `holds`: whoever sees the thread asleep sees whom it woke.
            let order = mutant::ordering("quiet.plainly.order", Ordering::Release, Ordering::Relaxed);
            self.plain.fetch_sub(1, order);
        }
    }

    /// Wakes some thread by `unpark`.
    pub(super) fn wake(&self, unpark: impl FnOnce()) {
        if mutant::planted("quiet.wake.early") {
            self.changed();
            return unpark();
        }
        unpark();
        if !mutant::planted("quiet.wake.silent") {
            self.changed();
        }
    }

    /// A job of the pool counts as one that is under way again, by `resume`, in place of what counts its thread now.
    pub(super) fn resume_job(&self, resume: impl FnOnce()) {
        resume();
        if !mutant::planted("quiet.resume.silent") {
            self.changed();
        }
    }

    /// Something can run that was not counted where it is counted now.
    fn changed(&self) {
        // Ordering: Release, paired with the Acquire loads in `holds`: the thread's new state comes with it.
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Whether one moment was seen in which all was at rest: the threads, what `elsewhere` asks for, and the queues.
    pub(super) fn holds(
        &self,
        looker: Looker,
        roles: &Roles,
        elsewhere: impl Fn() -> bool,
        nothing_queued: impl FnOnce() -> bool,
    ) -> bool {
        let (slot, own) = match looker {
            Looker::InSlot(slot) => (Some(slot), 0),
            Looker::Plain => (None, 1),
        };
        // Ordering: Acquire on all three; see the module's protocol for what each has to see.
        let before = self.changes.load(Ordering::Acquire);
        let beside_slots = || self.plain.load(Ordering::Acquire) == own && elsewhere();
        (beside_slots() || mutant::planted("quiet.holds.first_look"))
            && roles.all_rest_but(slot)
            && nothing_queued()
            && (mutant::planted("quiet.holds.last_look") || beside_slots())
            && (mutant::planted("quiet.holds.second_read") || self.changes.load(Ordering::Acquire) == before)
    }
}

/// Virtual time, for the driver of a clock that may be moved by itself.
impl Driver {
    /// If the clock waits for nothing to be left but time: whether that is so, and the clock was moved. Called by the thread that
    /// looks.
    pub(super) fn pass_time(&self, looker: Looker, nothing_queued: &dyn Fn() -> bool) -> bool {
        let Some(needed) = self.clock.awaits() else { return false };
        let elsewhere = || (needed == Idle::Tasks || !self.reactor.is_awaited()) && self.pool.is_at_rest();
        self.quiet.holds(looker, &self.roles, elsewhere, nothing_queued)
            && self.clock.advance_when_idle(needed)
    }
}
