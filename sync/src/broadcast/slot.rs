//! One place for a value: who stands in it, who is reading, and whose the value is. Where slots lie and who moves between them is
//! told in [`ring`](super::ring).
//!
//! # States
//! | word | value | who may touch it | leaves by |
//! |---|---|---|---|
//! | neither `FULL` nor `GONE` | none yet | the sender that holds the ring's lock | [`put`](Slot::put) |
//! | `FULL` | there | who is counted as reading may look | [`vacate`](Slot::vacate), [`sweep`](Slot::sweep), [`finish`](Slot::finish), under the ring's lock |
//! | `GONE`, read by some | there | those may look | [`exit`](Slot::exit) of the last |
//! | `GONE`, read by none | its owner's | the owner, once | [`reset`](Slot::reset), when the block is nobody else's |
//!
//! `FIRST` is set in the ring's first slot, full or not. All of it is one word, so that each move is one exchange or addition.
//!
//! # Protocol
//! Who receives: 1. [arrives](Slot::arrive) at the next slot. 2. [Steps off](Slot::step_off) this one, unless it is gone, and in the same
//! exchange begins to read. 3. Clones. 4. [Exits](Slot::exit).
//!
//! Who takes a value out of the ring: sets `GONE`; so nobody begins to read any more. The value is its own if nobody was reading, else it
//! belongs to the last of those that were, which finds `GONE` when it exits.
//!
//! # Why it is right
//! *One owner*: `GONE` is set once, and nobody begins to read after it. So either the count of readers was zero in that
//! exchange, or exactly one exit after it brings it to zero.
//!
//! *Nobody reads what is gone*: to begin to read is an exchange that fails where `GONE` is set, and an owner has acquired all exits.
//!
//! *Where nothing is dropped, nobody is counted as reading*: such a value is never moved out, so it stays as it was put in until the slot is
//! reset, which nobody does to a block that a receiver has. The last one clones it like the others.
//!
//! *No first slot is left behind*: standing and `FIRST` are in one word. Either who steps off last finds `FIRST`, and sees to it, or who sets
//! `FIRST` finds that nobody stands there, and goes on.

#![allow(unsafe_code, reason = "a value that is read beside the lock, and moved out by whoever comes last")]

use filch_primitive::cell::UnsafeCell;
use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicU64, Ordering};
use std::mem::{MaybeUninit, needs_drop};

const FULL: u64 = 1;
const GONE: u64 = 1 << 1;
const FIRST: u64 = 1 << 2;
/// One that stands here. Each receiver may count twice for a moment, see [`ring`](super::ring).
const STANDING: u64 = 1 << 3;
/// One that reads.
const READING: u64 = 1 << 35;

/// So many receivers can be counted.
pub(super) const RECEIVERS_MAX: usize = 1 << 28;

#[derive(Clone, Copy)]
struct Word(u64);

impl Word {
    fn is_full(self) -> bool {
        self.0 & FULL != 0
    }

    fn is_gone(self) -> bool {
        self.0 & GONE != 0
    }

    fn is_first(self) -> bool {
        self.0 & FIRST != 0
    }

    fn standing(self) -> u64 {
        (self.0 % READING) / STANDING
    }

    fn readers(self) -> u64 {
        self.0 / READING
    }

    /// Whether nobody stands in the first slot.
    fn is_vacant(self) -> bool {
        self.is_first() && self.standing() == 0
    }
}

/// What one that stands in a slot finds there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// No value yet.
    Awaited,
    /// A value for it and others.
    Shared,
    /// A value for it alone, in the first slot.
    Alone,
    /// The value was overwritten.
    Gone,
}

/// What became of a value that was taken out of the ring.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// It is the caller's, to [take](Slot::take) once.
    Caller,
    /// Others read it, and the last of them drops it; or there is nothing to drop.
    Reader,
}

pub(super) struct Slot<T> {
    word: AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: references to a value are handed to several threads at once, which asks `T: Sync`, and it is moved out and dropped by any
// of them, which asks `T: Send`. The word keeps writing apart from reading, see the module docs.
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

impl<T> Slot<T> {
    /// Whether values are dropped, and so must be kept from those that read.
    const IS_DROPPED: bool = needs_drop::<T>();
    /// One that reads, if that is counted.
    const READS: u64 = if Self::IS_DROPPED { READING } else { 0 };

    pub(super) fn new() -> Self {
        Self { word: AtomicU64::new(0), value: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    /// As new. What was in it is gone.
    pub(super) fn reset(&mut self) {
        // Ordering: Relaxed, nobody else has the slot; the ring's lock hands it on.
        self.word.store(0, Ordering::Relaxed);
    }

    /// A look without consequences, for one that stands here.
    #[inline]
    pub(super) fn look(&self) -> Look {
        // Ordering: Relaxed, the exchange of the step decides.
        let word = Word(self.word.load(Ordering::Relaxed));
        match () {
            () if word.is_gone() => Look::Gone,
            () if !word.is_full() => Look::Awaited,
            () if word.is_first() && word.standing() == 1 => Look::Alone,
            () => Look::Shared,
        }
    }

    /// How many stand here, for one that holds the ring's lock.
    pub(super) fn standing(&self) -> u64 {
        // Ordering: Acquire, paired with the Release of `step_off`: what those that left did at the next slot must be seen there.
        Word(self.word.load(Ordering::Acquire)).standing()
    }

    /// One more stands here. Whether it does: not where the value was overwritten, from which those that stood here were moved on before.
    #[inline]
    pub(super) fn arrive(&self) -> bool {
        // Ordering: Relaxed, ordered before the step off the slot behind by that step's Release; or done under the ring's lock.
        let before = self.word.fetch_add(STANDING, Ordering::Relaxed);
        !Word(before).is_gone() || mutant::planted("broadcast.arrive.blind")
    }

    /// One less stands here, under the ring's lock, without having read. Whether nobody stands in the first slot now.
    pub(super) fn leave(&self) -> bool {
        // Ordering: Relaxed, done under the ring's lock.
        let before = self.word.fetch_sub(STANDING, Ordering::Relaxed);
        Word(before - STANDING).is_vacant()
    }

    /// This is the first slot now, and those that stood in the one before stand here.
    #[inline]
    pub(super) fn become_first(&self, joined: u64) {
        // Ordering: Relaxed. Done under the ring's lock; and whoever steps off here orders itself with this word alone.
        self.word.fetch_add(FIRST + joined * STANDING, Ordering::Relaxed);
    }

    /// Puts a value in, for those that stand here and will.
    ///
    /// # Safety
    /// 1. The caller holds the ring's lock.
    /// 2. Nothing was put in since the slot was made or reset.
    #[inline]
    pub(super) unsafe fn put(&self, value: T) {
        self.value.with_mut(|place| {
            // SAFETY: by 2 nobody reads or owns what is here, for that takes `FULL`; by 1 nobody else writes.
            let place = unsafe { &mut *place };
            place.write(value);
        });
        // Ordering: Release, paired with the Acquire of `step_off`, `finish`, `sweep` and `vacate`: they see the value.
        let order = mutant::ordering("broadcast.put.order", Ordering::Release, Ordering::Relaxed);
        self.word.fetch_add(FULL, order);
    }

    /// One that stands in this full slot stands here no longer, and reads. Whether nobody stands in the first slot now; nothing
    /// when the value was overwritten, and so it stands elsewhere.
    ///
    /// # Safety
    /// 1. The caller is counted as standing here, or was when the value was overwritten.
    /// 2. It has found the slot full.
    #[inline]
    pub(super) unsafe fn step_off(&self) -> Option<bool> {
        // Ordering: Relaxed, the exchange decides.
        let mut now = self.word.load(Ordering::Relaxed);
        loop {
            if Word(now).is_gone() && !mutant::planted("broadcast.step.blind") {
                return None;
            }
            let next = now + Self::READS - STANDING;
            // Ordering: Acquire, paired with `put`: the value is seen. Release, paired with the Acquire of `standing`: who finds
            // that nobody stands here sees that the caller has arrived at the next slot.
            match self.word.compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(Word(next).is_vacant()),
                Err(other) => now = other,
            }
        }
    }

    /// The one that stands in this first slot reads, and takes the value out of the ring. [`Owner::Reader`]: beside others, and it
    /// [exits](Self::exit) as they do.
    ///
    /// # Safety
    /// 1. The caller holds the ring's lock, is counted as standing here, and nobody else is.
    /// 2. The slot is full and first.
    pub(super) unsafe fn finish(&self) -> Owner {
        // Ordering: Acquire, paired with `put` and with `exit`: those that have read are done.
        let change = (GONE + Self::READS).wrapping_sub(STANDING);
        Self::owner(Word(self.word.fetch_add(change, Ordering::Acquire)))
    }

    /// Takes the value of a first slot that nobody stands in out of the ring.
    ///
    /// # Safety
    /// 1. The caller holds the ring's lock.
    /// 2. The slot is full and first, and nobody stands here.
    pub(super) unsafe fn vacate(&self) -> Owner {
        // Ordering: Acquire, as in `finish`.
        Self::owner(Word(self.word.fetch_add(GONE, Ordering::Acquire)))
    }

    /// Takes the value of a full slot out of the ring, and answers how many stood here: they stand nowhere until the caller puts them
    /// into the next.
    ///
    /// # Safety
    /// 1. The caller holds the ring's lock.
    /// 2. The slot is full and first.
    pub(super) unsafe fn sweep(&self) -> (Owner, u64) {
        // Ordering: Relaxed, the exchange decides.
        let mut now = self.word.load(Ordering::Relaxed);
        loop {
            let standing = Word(now).standing();
            let next = (now | GONE) - standing * STANDING;
            // Ordering: Acquire, as in `finish`.
            match self.word.compare_exchange_weak(now, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return (Self::owner(Word(now)), standing),
                Err(other) => now = other,
            }
        }
    }

    /// The value.
    ///
    /// # Safety
    /// 1. The caller stepped off here or finished, and has not exited, for as long as it uses the reference; and it has the slot's block.
    #[inline]
    pub(super) unsafe fn read(&self) -> &T {
        self.value.with(|place| {
            // SAFETY: by 1 it is counted as reading and nobody owns the value, or values have no owner; and the slot is not reset. So
            // nobody writes.
            let place = unsafe { &*place };
            // SAFETY: who reads has acquired what `put` wrote.
            unsafe { place.assume_init_ref() }
        })
    }

    /// One that was reading is done. Whether the value is the caller's now, to [take](Self::take) once.
    ///
    /// # Safety
    /// 1. The caller stepped off here or finished, has not exited, and does not use the value any more.
    #[inline]
    pub(super) unsafe fn exit(&self) -> bool {
        if !Self::IS_DROPPED {
            return false;
        }
        // Ordering: Release, paired with the Acquire of whoever becomes the owner: this one's reading is over. Acquire for being that
        // one itself.
        let order = mutant::ordering("broadcast.exit.order", Ordering::AcqRel, Ordering::Relaxed);
        let before = Word(self.word.fetch_sub(READING, order));
        before.is_gone() && before.readers() == 1
    }

    /// Moves the value out.
    ///
    /// # Safety
    /// 1. It is the caller's, and was not taken.
    #[inline]
    pub(super) unsafe fn take(&self) -> T {
        self.value.with_mut(|place| {
            // SAFETY: by 1 nobody reads or writes here any more, and the slot is not reset while the caller has its block.
            let place = unsafe { &*place };
            // SAFETY: something was put in, and by 1 it was not moved out.
            unsafe { place.assume_init_read() }
        })
    }

    /// Whose the value is, by what there was when `GONE` was set.
    #[inline]
    fn owner(before: Word) -> Owner {
        debug_assert!(before.is_full() && !before.is_gone(), "a value is taken out of the ring once");
        if Self::IS_DROPPED && before.readers() == 0 { Owner::Caller } else { Owner::Reader }
    }
}
