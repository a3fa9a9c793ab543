//! The readiness of one direction of one descriptor: a single atomic word.
//!
//! Edge-triggered polling reports changes, once. Between two changes nobody but this word knows whether an operation is
//! worth a system call, so an event that is dropped here is a task that hangs. The word holds:
//!
//! | bits       | name       | meaning                                                                              |
//! |------------|------------|--------------------------------------------------------------------------------------|
//! | 0          | READY      | a system call may succeed; nobody has seen it refuse since the last event            |
//! | 1          | WAITERS    | the list of wakers beside the word may hold some; set and cleared under its lock     |
//! | 2          | CLOSED     | closing or urgent data was reported: a short transfer proves nothing from now on     |
//! | all others | generation | counts events, so that a refusal can be told to be older than an event               |
//!
//! A new word starts READY: the first operation is tried before anything is waited for.
//!
//! # Protocol
//!
//! An operation:
//! 1. loads the word. Not READY: it puts its waker into the list and sets WAITERS, both under the list's lock
//!    ([`Readiness::announce`]), and looks at the word that this exchange replaced. Still not READY: pending.
//! 2. READY: it keeps that snapshot and makes the system call.
//! 3. "Would block": it clears READY and CLOSED, but only while the generation is the snapshot's
//!    ([`Readiness::refused`]), and begins anew.
//! 4. A stream transferred less than it was asked to, but something: everything there was has been taken. It clears
//!    READY under the same condition and only when CLOSED is not set ([`Readiness::drained`]), and is done, without the
//!    system call that would only say "would block".
//! 5. Anything else (a full transfer, the end of file, an error, a datagram) leaves the word alone.
//!
//! An event ([`Readiness::event`]):
//! 1. bumps the generation and sets READY, and CLOSED where the descriptor is closing, in one exchange.
//! 2. WAITERS was set: takes all wakers out of the list and clears WAITERS, both under the list's lock.
//! 3. wakes them, later, outside all locks.
//!
//! # Why it is right
//!
//! - *No event is lost to a clear.* What a system call refused or drained was the state at some moment after its
//!   snapshot was loaded. A change before that moment is in what it saw. A change after it is reported by an event that
//!   bumps the generation after the snapshot: either before the clear, which then fails, or after it, and sets READY.
//! - *No waiter is lost.* `announce` and `event` are exchanges on one word, so one comes first. The event first: the
//!   announcer sees READY and does not wait. The announcer first: the event sees WAITERS, and the waker was in the list
//!   before WAITERS was set, under the lock the event takes.
//! - *No end of file is lost to a short read.* When the data and the end have both been reported by one event, no
//!   further event comes, and a short read that cleared READY would leave the next one waiting for ever. That event
//!   carries the closing flag, so CLOSED is set and a short read clears nothing. An end that arrives later is an
//!   event of its own. Urgent data is treated alike, for a read stops short at its mark with more behind it.
//! - *CLOSED does not spin.* It never stands for READY: "would block" clears both. If the descriptor were truly closed, a
//!   system call would not have said that it would block.
//! - *The generation is as wide as the word allows and each direction has its own.* A narrow one wraps while an
//!   operation is between its snapshot and its clear, and the clear then erases a fresh event; a shared one makes every
//!   event of one direction undo the clears of the other.
//!
//! # Rejected
//!
//! Clearing the word *before* the system call needs no generation, but costs every full read an exchange to set it
//! again, and two tasks on one direction then hide readiness from each other.

use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use std::fmt;

const READY: usize = 1;
const WAITERS: usize = 1 << 1;
const CLOSED: usize = 1 << 2;
const GENERATION_ONE: usize = 1 << 3;
const GENERATION_MASK: usize = !(GENERATION_ONE - 1);

/// The word of one direction.
pub(crate) struct Readiness(AtomicUsize);

/// The word as it was at one moment: what an operation keeps across its system call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot(usize);

impl Snapshot {
    /// Whether a system call is worth its price.
    #[inline]
    pub(crate) fn is_ready(self) -> bool {
        self.0 & READY != 0
    }

    /// Whether the list of wakers may hold some.
    #[inline]
    pub(crate) fn has_waiters(self) -> bool {
        self.0 & WAITERS != 0
    }

    /// Whether a short transfer may leave something behind.
    #[inline]
    pub(crate) fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    #[inline]
    fn generation(self) -> usize {
        self.0 & GENERATION_MASK
    }
}

impl Readiness {
    /// A word that says ready: the first operation is tried at once.
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(READY))
    }

    /// A ready word that has seen all but `left` of the events its generation can count.
    #[cfg(all(test, not(filch_loom)))]
    pub(crate) fn near_wrap(left: usize) -> Self {
        Self(AtomicUsize::new(GENERATION_MASK.wrapping_sub(left * GENERATION_ONE) | READY))
    }

    /// The word now.
    #[inline]
    pub(crate) fn load(&self) -> Snapshot {
        // Ordering: Acquire, paired with the Release half of the exchange in `event`: an operation that sees READY
        // also sees what was written before the event, above all that its reactor is gone.
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// Records an event; returns the word before it. The caller owes the waiters a wake when there were some.
    #[inline]
    pub(crate) fn event(&self, closed: bool) -> Snapshot {
        let set = if closed { READY | CLOSED } else { READY };
        // Ordering: Release on success for `load` and `announce`, see there; Acquire for the announcer's side of the
        // same: what it did before setting WAITERS is seen (its waker moreover travels under the list's lock).
        // Relaxed loads: only the exchange decides.
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            let next = now.wrapping_add(GENERATION_ONE) | set;
            match self.0.compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Snapshot(now),
                Err(other) => now = other,
            }
        }
    }

    /// Sets WAITERS; returns the word before. Called under the waiter list's lock with the waker already in the list.
    #[inline]
    pub(crate) fn announce(&self) -> Snapshot {
        // Ordering: Acquire for the Release of an `event` that came first, as in `load`; Release so that an `event`
        // that comes second sees what this side did before.
        Snapshot(self.0.fetch_or(WAITERS, Ordering::AcqRel))
    }

    /// Clears WAITERS. Called under the waiter list's lock with the list empty.
    #[inline]
    pub(crate) fn renounce(&self) {
        // Ordering: Relaxed. The bit only says that the list is worth locking, and it changes under that lock; the
        // exchange still takes its place in the word's one order, which is all the protocol needs.
        self.0.fetch_and(!WAITERS, Ordering::Relaxed);
    }

    /// A system call begun after `seen` said that it would block.
    #[inline]
    pub(crate) fn refused(&self, seen: Snapshot) {
        self.clear(seen, READY | CLOSED);
    }

    /// A system call begun after `seen` took all there was, or filled all the room there was.
    #[inline]
    pub(crate) fn drained(&self, seen: Snapshot) {
        if !seen.is_closed() {
            self.clear(seen, READY);
        }
    }

    #[inline]
    fn clear(&self, seen: Snapshot, bits: usize) {
        let mut now = Snapshot(self.0.load(Ordering::Relaxed));
        // An event since `seen` has another generation: it stays. Only WAITERS may change within one.
        let any = mutant::planted("reactor.clear.any");
        while (now.generation() == seen.generation() || any) && now.is_ready() {
            // Ordering: Relaxed. Nothing is published: the state that was refused lives in the kernel, and the exchange
            // fails when an event came between.
            match self.0.compare_exchange_weak(now.0, now.0 & !bits, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(other) => now = Snapshot(other),
            }
        }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness")
            .field("ready", &self.is_ready())
            .field("waiters", &self.has_waiters())
            .field("closed", &self.is_closed())
            .field("events", &(self.0 / GENERATION_ONE))
            .finish()
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load().fmt(f)
    }
}
