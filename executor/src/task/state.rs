//! The state word: a task's whole life in one number.
//!
//! # States
//!
//! Flags below, the number of references above:
//!
//! | flag | means |
//! |---|---|
//! | `OWNED` | somebody holds the right to poll: a queue or a poll under way. That right is a reference too |
//! | `NOTIFIED` | woken since it became owned: it must be polled once more after the poll under way |
//! | `COMPLETE` | the future is gone; what it left belongs to the join handle. Never cleared |
//! | `CANCELLED` | whoever comes by the run right next drops the future instead of polling it |
//! | `JOIN_INTEREST` | the join handle exists and wants what the future leaves |
//! | `JOIN_WAKER` | the joiner's waker lies in the cell and belongs to whoever completes the task |
//! | `PANICKED`, `ABORTED` | what a complete task left: a panic's payload, or nothing; neither flag: its output |
//!
//! The word zero ([`Snapshot::FREE`]) is a slot without a task. A word without references is a task whose memory is
//! being taken apart, or such a slot; either way nobody but the one who took the last reference may touch it.
//!
//! | phase | word | may touch the future or what it left | left by |
//! |---|---|---|---|
//! | Free | zero | the heap that owns the slot | [`State::publish`] |
//! | Idle | neither `OWNED` nor `COMPLETE` | nobody | [`State::wake`], [`State::wake_by_ref`], [`State::abort`], [`State::seize`], the last [`State::release`] |
//! | Owned | `OWNED` | the holder of the run right, alone | [`State::suspend`], [`State::complete`], [`State::bury`] |
//! | Complete | `COMPLETE` | the join handle, alone; with no handle left, nobody (it is gone already) | the last reference |
//! | Dying | no reference, not zero | whoever took the last reference | [`State::retire`] |
//!
//! | the joiner's waker in the cell | may read it | may write or drop it |
//! |---|---|---|
//! | no `JOIN_WAKER`, not complete | the join handle | the join handle |
//! | `JOIN_WAKER`, not complete | the join handle | nobody |
//! | `JOIN_WAKER`, complete | nobody but the completer | the completer, who takes it out once |
//!
//! # Protocol
//!
//! A poll, by the holder of the run right:
//! 1. [`State::begin`] reads the word; only a task that was notified or cancelled while it waited costs an exchange.
//! 2. It polls the future.
//! 3. Still pending: [`State::suspend`] gives up the right and its reference in one exchange, which fails when somebody
//!    notified or cancelled the task meanwhile; the right is kept then. A task that only yielded skips this step.
//! 4. Ready, panicked or cancelled: drops the future, leaves the output, and [`State::complete`] in one exchange.
//!
//! A waker, on any thread:
//! 1. Not owned: one exchange sets `OWNED`, and the waker's own reference becomes that of the run right
//!    ([`State::wake_by_ref`] adds one). The caller queues the task.
//! 2. Owned: one exchange sets `NOTIFIED`, even when it was set already.
//! 3. Complete: nothing but the reference is given up.
//!
//! # Why it is right
//!
//! - *One poll at a time.* `OWNED` is set by an exchange from a word without it, and cleared only by its holder.
//! - *No wake-up is lost.* Of a waker's exchange and [`State::suspend`]'s one comes first in the word's modification
//!   order. The waker's first: `suspend` sees `NOTIFIED` and the task is polled again. `suspend`'s first: the waker sees
//!   a task nobody owns and takes the run right. A wake before [`State::begin`] is served by the poll that follows it,
//!   and `begin` reads with Acquire what the waker released.
//! - *What the waker wrote is seen by the poll.* Every wake is a releasing exchange, unchanged words included, and
//!   every poll starts behind an Acquire read of that exchange or of a later one of the same release sequence.
//! - *Memory goes once, and last.* Every decrement releases, the reader of the last reference acquires. A complete
//!   task grows no references except from references (the registry's walk takes none from it), so that reading
//!   "complete, one reference" through one's own reference proves that it is the only one: no exchange is needed.
//! - *A task nobody can wake does not linger.* Giving up the last reference of an idle task turns that reference into
//!   the run right of a cancelled one, so that its future is dropped where tasks run and never inside a waker's drop.
//!
//! # Rejected
//!
//! - Telling queued from running (an exchange at the start of every poll): nobody needs to know. A wake that
//!   arrives while the task is queued sets `NOTIFIED`, which `begin` clears.
//! - `fetch_or` and `fetch_and` whose result is used: compiled to the same exchange loop, and less said.
//! - Skipping the exchange when the word would not change: the waker's writes would then be invisible to the poll.
//! - A decrement that finds out afterwards that it was the last of an idle task: the word would be without
//!   references for a moment, and a walk of the registry would miss a task that still has its future.

use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use std::fmt;

const OWNED: usize = 1;
const NOTIFIED: usize = 1 << 1;
const COMPLETE: usize = 1 << 2;
const CANCELLED: usize = 1 << 3;
const JOIN_INTEREST: usize = 1 << 4;
const JOIN_WAKER: usize = 1 << 5;
const PANICKED: usize = 1 << 6;
const ABORTED: usize = 1 << 7;
/// One reference.
const REFERENCE: usize = 1 << 8;
/// Half the range: so many increments would have to race past the check before the count could wrap.
const WORD_MAX: usize = usize::MAX >> 1;

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It ran to its end; the output lies in the cell.
    Value,
    /// It panicked; the payload lies in the cell.
    Panicked,
    /// Its future was dropped before its end; nothing lies in the cell.
    Aborted,
}

/// The word at one moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Snapshot(usize);

impl Snapshot {
    /// A slot without a task.
    const FREE: Self = Self(0);

    const fn has(self, flag: usize) -> bool {
        self.0 & flag != 0
    }

    const fn with(self, flags: usize) -> Self {
        Self(self.0 | flags)
    }

    const fn without(self, flags: usize) -> Self {
        Self(self.0 & !flags)
    }

    const fn references(self) -> usize {
        self.0 / REFERENCE
    }

    fn one_more_reference(self) -> Self {
        if self.0 > WORD_MAX {
            references_exhausted();
        }
        Self(self.0 + REFERENCE)
    }

    fn one_reference_less(self) -> Self {
        debug_assert!(self.references() > 0, "a reference nobody had was given up: {self:?}");
        Self(self.0 - REFERENCE)
    }

    /// Whether the future is gone.
    pub(super) const fn is_complete(self) -> bool {
        self.has(COMPLETE)
    }

    /// Whether somebody holds the run right.
    pub(super) const fn is_owned(self) -> bool {
        self.has(OWNED)
    }

    /// Whether the future is to be dropped rather than polled.
    pub(super) const fn is_cancelled(self) -> bool {
        self.has(CANCELLED)
    }

    /// Whether the joiner's waker lies in the cell.
    pub(super) const fn has_join_waker(self) -> bool {
        self.has(JOIN_WAKER)
    }

    #[cfg(test)]
    pub(super) fn is_free(self) -> bool {
        self == Self::FREE
    }

    /// What a complete task left.
    pub(super) const fn outcome(self) -> Outcome {
        if self.has(PANICKED) {
            Outcome::Panicked
        } else if self.has(ABORTED) {
            Outcome::Aborted
        } else {
            Outcome::Value
        }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self {
            &Self::FREE => "Free",
            _ if self.references() == 0 => "Dying",
            _ if self.is_complete() => "Complete",
            _ if self.is_owned() => "Owned",
            _ => "Idle",
        };
        let mut out = f.debug_struct(phase);
        let flags = [
            (NOTIFIED, "notified"),
            (CANCELLED, "cancelled"),
            (JOIN_INTEREST, "join_interest"),
            (JOIN_WAKER, "join_waker"),
            (PANICKED, "panicked"),
            (ABORTED, "aborted"),
        ];
        for (flag, name) in flags {
            if self.has(flag) {
                out.field(name, &true);
            }
        }
        out.field("references", &self.references()).finish()
    }
}

/// What the one who gave up a reference owes now.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Release {
    /// Nothing; the task is out of reach.
    Nothing,
    /// It was the last: take the slot apart.
    Free,
    /// It was the last one of a task nobody can wake any more: it has become the run right; have the future dropped.
    Schedule,
}

/// What a wake or an abort owes now.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// Nothing.
    Nothing,
    /// The run right came into being: queue the task.
    Schedule,
}

/// What the holder of the run right does first.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// Poll the future.
    Poll,
    /// Drop it.
    Cancel,
}

/// What follows a poll that was not ready.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suspend {
    /// The run right is gone, and with it the task from here.
    Idle,
    /// Woken meanwhile: the run right stays here, poll again later.
    Woken,
    /// Cancelled meanwhile, or out of everybody's reach: the run right stays here, drop the future.
    Cancel,
}

/// What completing owes now.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Complete {
    /// Nothing; the task is out of reach.
    Nothing,
    /// Nothing changed, for nobody wants what lies in the cell: drop it and complete again.
    Unwanted,
    /// Complete, and the run right's reference is still held: take the joiner's waker, give the reference up, wake.
    WakeJoiner,
    /// Complete, and nobody has a reference: take the slot apart.
    Free,
}

/// What the join handle's drop owes now.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// Nothing; the task is out of reach.
    Nothing,
    /// The task is complete: what lies in the cell is the handle's to drop, then its reference to give up.
    Complete(Outcome),
    /// The joiner's waker is the handle's again: drop it, then give up the reference.
    TakeWaker,
    /// The handle was the last that could reach the task: its reference became the run right, have the future dropped.
    Schedule,
}

/// What a walk that aborts everything found in a slot.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seize {
    /// No task, or one that is complete.
    Nothing,
    /// A task that somebody else will cancel: it carries the mark now.
    Marked,
    /// An idle task whose run right is the walk's now.
    Taken,
}

/// The state word.
pub(super) struct State(AtomicUsize);

impl State {
    /// The word of a slot without a task.
    pub(super) fn free() -> Self {
        Self(AtomicUsize::new(Snapshot::FREE.0))
    }

    /// Free to owned: a task with its run right and its join handle. The caller has the slot to itself.
    #[inline]
    pub(super) fn publish(&self) {
        // Ordering: Release, paired with the Acquire read in `transition`: a walk that finds the task sees its header.
        // A plain store is enough, as nobody exchanges a free word.
        self.0.store(OWNED | JOIN_INTEREST | (2 * REFERENCE), Ordering::Release);
    }

    /// Dying to free. The caller took the last reference and everything out of the slot.
    #[inline]
    pub(super) fn retire(&self) {
        // Ordering: Release, so that the walk which reads it, and then the next task's word, sees them in this order;
        // the slot itself goes to its next user through the heap. A plain store, as nobody exchanges a dying word.
        self.0.store(Snapshot::FREE.0, Ordering::Release);
    }

    /// The word now. Acquire: what led to the flags seen is seen too.
    #[inline]
    pub(super) fn load(&self) -> Snapshot {
        // Ordering: Acquire, paired with the releasing exchange in `transition` that set the flags seen: a complete
        // task's output is visible to its join handle.
        Snapshot(self.0.load(mutant::ordering("state.load.order", Ordering::Acquire, Ordering::Relaxed)))
    }

    /// Moves the word by `step`, which may be asked several times. No new word means that nothing is exchanged.
    #[inline]
    fn transition<R>(&self, mut step: impl FnMut(Snapshot) -> (Option<Snapshot>, R)) -> R {
        let mut now = self.load();
        loop {
            let (next, result) = step(now);
            let Some(next) = next else { return result };
            // Ordering: AcqRel. Release: what this thread did to the task and before waking it is seen by whoever reads
            // this word or a later one with Acquire, above all by the next poll. Acquire on both outcomes, paired with
            // the same exchange elsewhere: decisions are taken on words whose causes are visible.
            let order = mutant::ordering("state.transition.release", Ordering::AcqRel, Ordering::Acquire);
            let order = mutant::ordering("state.transition.acquire", order, Ordering::Release);
            match self.0.compare_exchange_weak(now.0, next.0, order, Ordering::Acquire) {
                Ok(_) => return result,
                Err(seen) => now = Snapshot(seen),
            }
        }
    }

    /// One more reference, from one that exists.
    #[inline]
    pub(super) fn retain(&self) {
        // Ordering: Relaxed, as for any reference count: the new reference reaches other threads by other means.
        let before = self.0.fetch_add(REFERENCE, Ordering::Relaxed);
        if before > WORD_MAX {
            references_exhausted();
        }
    }

    /// Gives up a reference that is not the run right's.
    #[inline]
    pub(super) fn release(&self) -> Release {
        self.transition(|now| {
            if now.references() > 1 {
                return (Some(now.one_reference_less()), Release::Nothing);
            }
            if now.is_complete() {
                return (None, Release::Free);
            }
            debug_assert!(!now.is_owned(), "the run right's reference was given up elsewhere: {now:?}");
            (Some(now.with(OWNED | CANCELLED)), Release::Schedule)
        })
    }

    /// Wakes and gives up the waker's reference.
    #[inline]
    pub(super) fn wake(&self) -> Release {
        self.transition(|now| {
            if now.is_complete() {
                if now.references() == 1 {
                    return (None, Release::Free);
                }
                (Some(now.one_reference_less()), Release::Nothing)
            } else if now.is_owned() {
                (Some(now.with(NOTIFIED).one_reference_less()), Release::Nothing)
            } else {
                (Some(now.with(OWNED)), Release::Schedule)
            }
        })
    }

    /// Wakes and keeps the waker's reference.
    #[inline]
    pub(super) fn wake_by_ref(&self) -> Wake {
        self.transition(|now| {
            if now.is_complete() {
                (None, Wake::Nothing)
            } else if now.is_owned() {
                // Exchanged even when unchanged: this waker's writes must reach the coming poll.
                let exchanged = !now.has(NOTIFIED) || !mutant::planted("state.wake.unchanged");
                (exchanged.then(|| now.with(NOTIFIED)), Wake::Nothing)
            } else {
                (Some(now.with(OWNED).one_more_reference()), Wake::Schedule)
            }
        })
    }

    /// Asks for the future to be dropped. Through a reference that is kept.
    pub(super) fn abort(&self) -> Wake {
        self.transition(|now| {
            if now.is_complete() || now.is_cancelled() {
                (None, Wake::Nothing)
            } else if now.is_owned() {
                (Some(now.with(CANCELLED)), Wake::Nothing)
            } else {
                (Some(now.with(OWNED | CANCELLED).one_more_reference()), Wake::Schedule)
            }
        })
    }

    /// Aborts whatever task lies in the slot, through no reference: an idle one is taken with its run right.
    pub(super) fn seize(&self) -> Seize {
        self.transition(|now| {
            if now.references() == 0 || now.is_complete() {
                (None, Seize::Nothing)
            } else if now.is_owned() {
                (Some(now.with(CANCELLED)), Seize::Marked)
            } else {
                (Some(now.with(OWNED | CANCELLED).one_more_reference()), Seize::Taken)
            }
        })
    }

    /// Takes a reference to whatever task lies in the slot, unless there is none or it is complete: a complete task's
    /// references may be counted by reading only, so none may appear from nowhere.
    pub(super) fn try_retain(&self) -> bool {
        self.transition(|now| {
            if now.references() == 0 || now.is_complete() {
                (None, false)
            } else {
                (Some(now.one_more_reference()), true)
            }
        })
    }

    /// The start of a poll, by the holder of the run right.
    #[inline]
    pub(super) fn begin(&self) -> Begin {
        let now = self.load();
        if now.is_cancelled() {
            return Begin::Cancel;
        }
        if now.has(NOTIFIED) {
            // Ordering: Acquire, paired with the waker's exchange: this poll serves every wake up to here. Release keeps
            // nothing back from a later reader of the word.
            self.0.fetch_and(!NOTIFIED, Ordering::AcqRel);
        }
        Begin::Poll
    }

    /// The end of a poll that was not ready: gives up the run right and its reference, or says why not.
    #[inline]
    pub(super) fn suspend(&self) -> Suspend {
        self.transition(|now| {
            // With no other reference there is no waker and no handle: nobody will ever ask for another poll.
            if now.is_cancelled() || (now.references() == 1 && !now.has(NOTIFIED)) {
                (None, Suspend::Cancel)
            } else if now.has(NOTIFIED) && !mutant::planted("state.suspend.woken") {
                (None, Suspend::Woken)
            } else {
                (Some(now.without(OWNED).one_reference_less()), Suspend::Idle)
            }
        })
    }

    /// The end of a task, by the holder of the run right, once the future is gone and `outcome` lies in the cell.
    /// `laid_out` says that the cell holds something that somebody has to drop.
    #[inline]
    pub(super) fn complete(&self, outcome: Outcome, laid_out: bool) -> Complete {
        let outcome = match outcome {
            Outcome::Value => 0,
            Outcome::Panicked => PANICKED,
            Outcome::Aborted => ABORTED,
        };
        self.transition(|now| {
            debug_assert!(now.is_owned() && !now.is_complete(), "completed without the run right: {now:?}");
            if laid_out && !now.has(JOIN_INTEREST) {
                return (None, Complete::Unwanted);
            }
            let done = now.without(OWNED | NOTIFIED).with(COMPLETE | outcome);
            if now.has(JOIN_WAKER) {
                (Some(done), Complete::WakeJoiner)
            } else if now.references() == 1 {
                (Some(done.one_reference_less()), Complete::Free)
            } else {
                (Some(done.one_reference_less()), Complete::Nothing)
            }
        })
    }

    /// Completes as aborted a task whose future can never be dropped: the run right's reference stays, so that its
    /// memory is never used again. Says whether the joiner's waker is to be taken and woken.
    pub(super) fn bury(&self) -> bool {
        self.transition(|now| {
            let done = now.without(OWNED | NOTIFIED).with(COMPLETE | ABORTED);
            (Some(done), now.has(JOIN_WAKER))
        })
    }

    /// Hands the waker that lies in the cell to the completer. `false`: the task is complete, the waker is still the handle's.
    pub(super) fn set_join_waker(&self) -> bool {
        self.transition(|now| {
            debug_assert!(
                now.has(JOIN_INTEREST) && !now.has(JOIN_WAKER),
                "no handle put this waker: {now:?}"
            );
            if now.is_complete() { (None, false) } else { (Some(now.with(JOIN_WAKER)), true) }
        })
    }

    /// Takes the waker that lies in the cell back from the completer. `false`: the task is complete, the waker is not ours.
    pub(super) fn clear_join_waker(&self) -> bool {
        self.transition(
            |now| {
                if now.is_complete() { (None, false) } else { (Some(now.without(JOIN_WAKER)), true) }
            },
        )
    }

    /// The join handle goes.
    #[inline]
    pub(super) fn leave(&self) -> Leave {
        self.transition(|now| {
            let left = now.without(JOIN_INTEREST | JOIN_WAKER);
            if now.is_complete() {
                (None, Leave::Complete(now.outcome()))
            } else if now.has(JOIN_WAKER) {
                (Some(left), Leave::TakeWaker)
            } else if now.references() == 1 {
                (Some(left.with(OWNED | CANCELLED)), Leave::Schedule)
            } else {
                (Some(left.one_reference_less()), Leave::Nothing)
            }
        })
    }

    /// Tells the model checker that nobody else may use the word any more.
    #[cfg(filch_loom)]
    pub(super) fn assert_alone(&mut self) {
        self.0.with_mut(|_| ());
    }

    /// For tests of the guard: as many references as can be without tripping it.
    #[cfg(all(test, not(filch_loom)))]
    pub(super) fn fill_references(&self) {
        self.0.store((WORD_MAX & !(REFERENCE - 1)) | OWNED, Ordering::Relaxed);
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load().fmt(f)
    }
}

/// A count that wrapped would free a task in use. So many references can only come from leaked ones.
#[cold]
fn references_exhausted() -> ! {
    std::process::abort()
}
