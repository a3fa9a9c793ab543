//! One level of the wheel: 64 slots and a bitmap that says which of them hold entries.

use super::list::List;

/// Slots of a level take this many bits of a tick.
pub(super) const SLOT_BITS: u32 = 6;

/// Slots of a level: as many as a word has bits.
pub(super) const SLOTS: usize = 1 << SLOT_BITS;

/// Entries whose ticks agree down to this level's bits.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) list: List,
    /// No entry here was filed for an earlier tick. Exact, but for entries taken out since.
    pub(super) earliest: u64,
}

/// 64 slots.
#[derive(Debug)]
pub(super) struct Level {
    occupied: u64,
    slots: [Slot; SLOTS],
}

impl Level {
    pub(super) const fn new() -> Self {
        Self { occupied: 0, slots: [const { Slot { list: List::new(), earliest: u64::MAX } }; SLOTS] }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    /// The first slot that holds entries.
    pub(super) const fn first(&self) -> Option<usize> {
        if self.occupied == 0 { None } else { Some(self.occupied.trailing_zeros() as usize) }
    }

    pub(super) const fn slot(&self, slot: usize) -> &Slot {
        &self.slots[slot]
    }

    /// The slot, to have an entry filed for `when` added to it.
    pub(super) fn slot_for(&mut self, slot: usize, when: u64) -> &mut Slot {
        let bit = 1 << slot;
        let found = &mut self.slots[slot];
        found.earliest = if self.occupied & bit == 0 { when } else { found.earliest.min(when) };
        self.occupied |= bit;
        found
    }

    /// The slot's list, to have an entry taken out; [`settle`](Self::settle) follows.
    pub(super) const fn list(&mut self, slot: usize) -> &mut List {
        &mut self.slots[slot].list
    }

    /// Takes a slot out of the bitmap if its list is empty.
    pub(super) const fn settle(&mut self, slot: usize) {
        if self.slots[slot].list.is_empty() {
            self.occupied &= !(1 << slot);
        }
    }
}
