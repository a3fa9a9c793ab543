//! Where entries wait: a hierarchical wheel, handed the time and never reading it.
//!
//! # Shape
//!
//! Eleven levels of 64 slots. A tick is a number of 64 bits, six for each level: level 0 tells single ticks apart,
//! a slot of level 1 spans 64 ticks, and so on. With the machine's clock that is 65.5 µs, 4.2 ms, 0.27 s, 17 s, 18
//! min, 20 h, 52 days, 9 years; its ticks have 48 bits and never reach the levels above, which are for the
//! nanoseconds of a virtual clock. Together the levels span the whole time line, so nothing is ever out of range
//! and no slot is ever used for two turns at once.
//!
//! An entry for tick `when` is filed by the highest bit in which `when` differs from `elapsed`, the tick the wheel
//! has come to: that bit's level, and there the slot that `when`'s six bits name.
//!
//! # Why it is right
//!
//! 1. *Filed ahead.* Above its level's bits an entry agrees with `elapsed`; in them it is greater, since
//!    `when > elapsed`. So in every level the occupied slots lie strictly after the one `elapsed` is in: nothing
//!    wraps.
//! 2. *The first slot of the first occupied level holds the earliest entry.* An entry of a lower level agrees with
//!    `elapsed` in the bits of every higher one, where the entries of the higher one are greater. Nothing
//!    early can hide in a coarse level.
//! 3. *Kept when time moves.* `elapsed` moves to `now` only past slots that begin after `now`, which leaves each
//!    filed entry's highest differing bit where it is; or to the begin of the first occupied slot, whose list
//!    is then taken out whole and filed anew, each entry at a lower level or, when its tick is the present one,
//!    fired.
//!
//! Entries therefore fire in the order of their ticks, and within a tick in the order they were filed, however far
//! the time jumps at once.
//!
//! # In pieces
//!
//! A slot may hold a million entries, and whoever turns the wheel holds a spin lock. So the list of the slot under
//! way stands in `pending`, and a turn may stop between any two entries ([`Step::Pause`]). `elapsed` stays until
//! `pending` is empty, so that the three sentences above hold in between as well. Several threads may turn at
//! once, each entry by entry.
//!
//! # The next deadline
//!
//! Each slot keeps the earliest tick filed in it. A driver that sleeps until then is woken when something fires,
//! and not at the slot borders in between: a lone sleep of a day costs one wake-up. After entries were taken out
//! the tick may be too early; the turn it causes corrects it.
//!
//! Rejected: a top level whose slots are reused past its span (short entries land in lists of the next turn when
//! the span ends); a heap (logarithmic, and cancelling must find the entry); a wheel without filing anew, which
//! is late by an eighth of the delay.

#![allow(unsafe_code, reason = "entries are links of intrusive lists")]

mod level;
mod list;

#[cfg(all(test, not(filch_loom)))]
mod property;
#[cfg(all(test, not(filch_loom)))]
mod tests;

use crate::entry::{Entry, Place};
use crate::line::{Nanos, Resolution};
use level::{Level, SLOT_BITS, SLOTS};
use list::List;
use std::ptr::NonNull;

const LEVELS: usize = u64::BITS.div_ceil(SLOT_BITS) as usize;

/// A hierarchical wheel of entries.
///
/// Invariant: the entries in its lists are valid, and their links and places belong to whoever has the wheel
/// mutably.
#[derive(Debug)]
pub(crate) struct Wheel {
    resolution: Resolution,
    /// The tick the wheel has come to: everything at or before it has fired, or is pending.
    elapsed: u64,
    len: usize,
    /// A bit for each level that holds entries.
    occupied: u32,
    /// What is left of the slot that `elapsed` came to.
    pending: List,
    /// Boxed, and made in its box: it is larger than the stack of a small thread can bear to hand on by value.
    levels: Box<[Level; LEVELS]>,
}

// SAFETY: the wheel is a set of pointers to entries, which may be reached from any thread; `&mut Wheel` is the
// right to their links, and that right may go to another thread.
unsafe impl Send for Wheel {}

/// What [`Wheel::step`] came to.
#[derive(Debug)]
pub(crate) enum Step {
    /// This entry's tick has come. It is in the wheel no more, and must be told so.
    Due(NonNull<Entry>),
    /// The budget is used up, not the work.
    Pause,
    /// Nothing else is due.
    Idle,
}

/// The first occupied slot.
struct First {
    level: usize,
    slot: usize,
    begin: u64,
}

impl Wheel {
    /// An empty wheel with ticks of `resolution` that has come to `now`.
    pub(crate) fn new(resolution: Resolution, now: Nanos) -> Self {
        let elapsed = resolution.at_or_before(now);
        let levels: Vec<_> = std::iter::repeat_with(Level::new).take(LEVELS).collect();
        let Ok(levels) = Box::try_from(levels) else { unreachable!("there are {LEVELS} levels") };
        Self { resolution, elapsed, len: 0, occupied: 0, pending: List::new(), levels }
    }

    /// Entries in the wheel.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The tick at which something may become due; `None` when there are no entries.
    pub(crate) fn next(&self) -> Option<u64> {
        if !self.pending.is_empty() {
            return Some(self.elapsed);
        }
        let first = self.first()?;
        Some(self.levels[first.level].slot(first.slot).earliest)
    }

    /// Puts an entry in, by its deadline; `now` is the present tick or an earlier one. Answers with the entry's
    /// tick, or with `None` when the wheel has come to it already: then the entry is not put in.
    ///
    /// # Safety
    /// 1. `entry` is valid, and stays so until it was taken out: by [`remove`](Self::remove), [`step`](Self::step)
    ///    or [`pop`](Self::pop).
    /// 2. It is in no wheel, and the caller has the right to its links.
    pub(crate) unsafe fn insert(&mut self, entry: NonNull<Entry>, now: u64) -> Option<u64> {
        // SAFETY: by 1 it is valid.
        let when = self.resolution.at_or_after(unsafe { entry.as_ref() }.due());
        self.catch_up(now);
        if when <= self.elapsed {
            return None;
        }
        // SAFETY: by 1 and 2; and it is ahead.
        unsafe { self.file(entry, when) };
        self.len += 1;
        Some(when)
    }

    /// Takes an entry out.
    ///
    /// # Safety
    /// `entry` is in this wheel.
    pub(crate) unsafe fn remove(&mut self, entry: NonNull<Entry>) {
        self.len -= 1;
        // SAFETY: it is in the wheel, so valid.
        let shared = unsafe { entry.as_ref() };
        // SAFETY: it is in the wheel, which we have mutably.
        let Place { level, slot } = unsafe { shared.place() };
        // A pending entry still names the slot it was taken from, whose own list is empty meanwhile: nothing can
        // be filed where `elapsed` stands. Which list it is matters only to the list's head.
        if self.pending.is_head(entry) {
            // SAFETY: the head of a list is in it.
            unsafe { self.pending.remove(entry) };
            return;
        }
        let (level, slot) = (usize::from(level), usize::from(slot));
        // SAFETY: it is in this slot's list; or pending and not the head, and then taking it out touches its two
        // neighbours in `pending`, whose links are ours as well, and leaves this list's head alone.
        unsafe { self.levels[level].list(slot).remove(entry) };
        self.settle(level, slot);
    }

    /// Does one step of turning the wheel to tick `now`. Each entry that is moved takes one from `budget`, which
    /// is not zero when called.
    pub(crate) fn step(&mut self, now: u64, budget: &mut u32) -> Step {
        loop {
            // SAFETY: entries in our lists are ours.
            while let Some(entry) = unsafe { self.pending.pop_front() } {
                // SAFETY: it was in a list, so it is valid.
                let when = self.resolution.at_or_after(unsafe { entry.as_ref() }.due());
                if when <= self.elapsed {
                    self.len -= 1;
                    return Step::Due(entry);
                }
                // SAFETY: valid, in no list since the line above, and ahead.
                unsafe { self.file(entry, when) };
                *budget -= 1;
                if *budget == 0 {
                    return Step::Pause;
                }
            }
            match self.first() {
                Some(First { level, slot, begin }) if begin <= now => {
                    debug_assert!(begin > self.elapsed, "an occupied slot lies ahead");
                    self.elapsed = begin;
                    self.pending = self.levels[level].list(slot).take();
                    self.settle(level, slot);
                }
                _ => {
                    self.elapsed = self.elapsed.max(now);
                    return Step::Idle;
                }
            }
        }
    }

    /// Takes some entry out, due or not.
    pub(crate) fn pop(&mut self) -> Option<NonNull<Entry>> {
        // SAFETY: entries in our lists are ours.
        let mut popped = unsafe { self.pending.pop_front() };
        if popped.is_none() {
            let First { level, slot, .. } = self.first()?;
            // SAFETY: as above.
            popped = unsafe { self.levels[level].list(slot).pop_front() };
            self.settle(level, slot);
        }
        self.len -= 1;
        popped
    }

    /// Moves to `now` if no slot begins before that: entries put in afterwards need less filing anew.
    fn catch_up(&mut self, now: u64) {
        if now > self.elapsed && self.pending.is_empty() && self.first().is_none_or(|first| first.begin > now)
        {
            self.elapsed = now;
        }
    }

    fn first(&self) -> Option<First> {
        if self.occupied == 0 {
            return None;
        }
        let level = self.occupied.trailing_zeros() as usize;
        let slot = self.levels[level].first()?;
        let shift = level as u32 * SLOT_BITS;
        // What `elapsed` has above this level, this slot, and zeros below.
        let above = (self.elapsed >> shift) & !(SLOTS as u64 - 1);
        Some(First { level, slot, begin: (above | slot as u64) << shift })
    }

    /// # Safety
    /// 1. `entry` is valid, and stays so until taken out.
    /// 2. It is in no list, and its links are ours.
    /// 3. `when` is after `elapsed`. (A wrong one would break the order, not memory.)
    unsafe fn file(&mut self, entry: NonNull<Entry>, when: u64) {
        debug_assert!(when > self.elapsed, "only what lies ahead is filed");
        let level = ((self.elapsed ^ when).ilog2() / SLOT_BITS) as usize;
        let slot = (when >> (level as u32 * SLOT_BITS)) as usize & (SLOTS - 1);
        // SAFETY: by 1 it is valid.
        let shared = unsafe { entry.as_ref() };
        // SAFETY: by 2 its place is ours as its links are.
        unsafe { shared.set_place(Place { level: level as u8, slot: slot as u8 }) };
        let list = &mut self.levels[level].slot_for(slot, when).list;
        // SAFETY: by 1 and 2; the list's entries are ours as the wheel is.
        unsafe { list.push_back(entry) };
        self.occupied |= 1 << level;
    }

    fn settle(&mut self, level: usize, slot: usize) {
        self.levels[level].settle(slot);
        if self.levels[level].is_empty() {
            self.occupied &= !(1 << level);
        }
    }
}
