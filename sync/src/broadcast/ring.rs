//! The ring: where values lie, and who stands where. Nothing here waits, wakes or runs user code; the table of moves is in the
//! [channel's docs](super).
//!
//! # States
//! Slots lie in blocks, and the ring has those from the block of its head to the block of its tail: the place of the value to come is always
//! there, for receivers to stand in (without receivers there may be no block). Each receiver has the block of its position, so it needs no
//! lock to reach the slot there. A block that the ring gives up goes with the last receiver that is still in it.
//!
//! A receiver is counted as standing in exactly one slot: that of its position, or the first when that is behind the
//! first.
//!
//! # Protocol
//! Receive, without the lock ([`Stand::step`]): 1. Look. Nothing there, overwritten, alone in the first slot, or the next slot in
//! another block: under the lock. 2. Arrive at the next slot. 3. Step off this one, and begin to read. 4. When that left the first slot to nobody:
//! under the lock, take out the first slots that nobody stands in. 5. Clone, and be done with reading.
//!
//! Overwritten between 1 and 3, it has been moved on by who did that. If it arrived before the next slot was overwritten too, it counts
//! twice: under the lock, once less. If it arrived after, nobody looks there any more.
//!
//! Everything else is done under the lock.
//!
//! # Why it is right
//! *No slot goes too early*: a receiver arrives before it steps off, so in between it counts twice, never not at all; and who finds that it has
//! left finds that it has arrived.
//!
//! *None stays too long*: by `slot.rs`, of the one that steps off last and the one that makes the slot the first, one sees to it. To see to it is to
//! take out slots from the first on while nobody stands there, whoever began. That somebody counts twice hinders nobody: its other count is
//! in the same slot or a later one, and it stands there.
//!
//! *Nobody comes to a first slot without the lock*: its neighbour is gone, so who arrived too late stands there already.

#![allow(unsafe_code, reason = "slots are told what the ring's lock promises")]

use super::slot::{Look, Owner, RECEIVERS_MAX, Slot};
use filch_primitive::sync::Arc;
use filch_primitive::{contained, mutant};
use std::collections::VecDeque;

/// What a full ring does with one more value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenFull {
    Overwrite,
    Wait,
}

/// Slots in a block, at most. A guess: large enough that going from one to the next is a small part of receiving.
#[cfg(not(filch_loom))]
pub(super) const BLOCK_MAX: u64 = 32;
#[cfg(filch_loom)]
pub(super) const BLOCK_MAX: u64 = 2;

/// A block is not larger than this, unless one slot is.
const BLOCK_BYTES: usize = 16 << 10;

/// Some neighbouring slots.
pub(super) struct Block<T> {
    slots: Box<[Slot<T>]>,
}

impl<T> Block<T> {
    fn new(len: u64) -> Arc<Self> {
        Arc::new(Self { slots: (0..len).map(|_| Slot::new()).collect() })
    }
}

/// How many slots the blocks of a ring have: a power of two.
fn block_len<T>(capacity: usize) -> u64 {
    let fits = (BLOCK_BYTES / size_of::<Slot<T>>()).max(1).ilog2();
    let wanted = (capacity as u64).saturating_add(1).min(BLOCK_MAX).next_power_of_two();
    wanted.min(1 << fits)
}

/// The values that some receiver still wants, and the counts of both ends.
pub(super) struct Ring<T> {
    /// From that of the head to that of the tail; nothing while there is no receiver.
    blocks: VecDeque<Arc<Block<T>>>,
    /// One that nobody else has, for the next that is needed.
    spare: Option<Arc<Block<T>>>,
    block_len: u64,
    /// The position of the first slot.
    head: u64,
    /// The position after the last value.
    tail: u64,
    capacity: usize,
    when_full: WhenFull,
    pub(super) senders: usize,
    pub(super) receivers: usize,
}

/// What came of a send.
pub(super) struct Pushed<T> {
    /// How many receivers the value is for.
    pub(super) receivers: usize,
    /// The position after it.
    pub(super) tail: u64,
    pub(super) overwritten: Option<T>,
    /// Whether there is room for one more, for which others may wait.
    pub(super) leaves_room: bool,
}

/// Why a value was not taken in.
pub(super) enum Refused<T> {
    Full(T),
    Closed(T),
}

/// What a receiver found.
pub(super) enum Taken<T> {
    /// A value that it reads now, beside others.
    Shared(Freed),
    /// A value that is out of the ring: this receiver was the last.
    Last(T),
    Lagged(u64),
    Closed,
    Empty,
}

/// What a step did to the first slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freed {
    Nothing,
    /// Nobody stands there: to be [released](Ring::release).
    Vacant,
    /// It was taken out.
    First,
}

/// How a step without the lock ended.
pub(super) enum Step<T> {
    Taken(Taken<T>),
    /// It is for the lock.
    Locked,
    /// The same, and the receiver counts twice.
    Twice,
}

impl<T> Ring<T> {
    /// An empty ring, with one sender, and one receiver that stands here.
    pub(super) fn new(capacity: usize, when_full: WhenFull) -> (Self, Stand<T>) {
        let block_len = block_len::<T>(capacity);
        let mut ring = Self {
            blocks: VecDeque::new(),
            spare: None,
            block_len,
            head: 0,
            tail: 0,
            capacity,
            when_full,
            senders: 1,
            receivers: 0,
        };
        match ring.subscribe(&mut Some(Block::new(block_len))) {
            Some(stand) => (ring, stand),
            None => unreachable!("there is a block"),
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::try_from(self.tail - self.head).expect("no more than fit into memory")
    }

    /// For how many slots there is memory.
    #[cfg(all(test, not(filch_loom)))]
    pub(super) fn slots(&self) -> u64 {
        (self.blocks.len() + usize::from(self.spare.is_some())) as u64 * self.block_len
    }

    /// How many are counted as standing somewhere; each once while nobody receives.
    #[cfg(test)]
    pub(super) fn standing(&self) -> u64 {
        (self.head..=self.tail).map(|position| self.slot_at(position).standing()).sum()
    }

    /// The position of the first slot, or of the one to come.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// The position after the last slot.
    pub(super) fn tail(&self) -> u64 {
        self.tail
    }

    /// What makes a block for this ring.
    pub(super) fn block_maker(&self) -> impl FnOnce() -> Arc<Block<T>> + use<T> {
        let len = self.block_len;
        move || Block::new(len)
    }

    /// Where in its block a position is.
    #[inline]
    fn index(&self, position: u64) -> usize {
        // No more than `BLOCK_MAX`.
        (position & (self.block_len - 1)) as usize
    }

    #[inline]
    fn block_at(&self, position: u64) -> &Arc<Block<T>> {
        let shift = self.block_len.trailing_zeros();
        let at = (position >> shift) - (self.head >> shift);
        usize::try_from(at)
            .ok()
            .and_then(|at| self.blocks.get(at))
            .expect("a position from the head to the tail")
    }

    #[inline]
    fn slot_at(&self, position: u64) -> &Slot<T> {
        &self.block_at(position).slots[self.index(position)]
    }

    /// The slot in which the receiver at `position` stands.
    fn stands_in(&self, position: u64) -> &Slot<T> {
        self.slot_at(position.max(self.head))
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    /// Whether the next push needs a block that is not there: to be [made](Self::block_maker) without the lock.
    #[inline]
    pub(super) fn lacks_block(&self) -> bool {
        // Those that receive the value will stand in the next slot.
        self.index(self.tail + 1) == 0 && self.spare.is_none() && self.receivers > 0 && !self.gains_block()
    }

    /// Whether the next push takes none, or makes one free.
    fn gains_block(&self) -> bool {
        let becomes_free = |first: &Arc<Block<T>>| Arc::strong_count(first) == 1;
        self.is_full()
            && (self.when_full == WhenFull::Wait
                || self.index(self.head + 1) == 0 && self.blocks.front().is_some_and(becomes_free))
    }

    /// Takes `value` in. A block is taken from `fresh`, if it is needed.
    #[inline]
    pub(super) fn push(
        &mut self,
        value: T,
        fresh: &mut Option<Arc<Block<T>>>,
    ) -> Result<Pushed<T>, Refused<T>> {
        if self.receivers == 0 {
            return Err(Refused::Closed(value));
        }
        let mut overwritten = None;
        if self.is_full() {
            if self.when_full == WhenFull::Wait {
                return Err(Refused::Full(value));
            }
            overwritten = self.overwrite();
        }
        if self.index(self.tail + 1) == 0 {
            let block = self.spare.take().or_else(|| fresh.take());
            self.blocks.push_back(block.unwrap_or_else(self.block_maker()));
        }
        // SAFETY: 1. `&mut self` is the lock. 2. Each position gets one value, and its block was new when it came.
        unsafe { self.slot_at(self.tail).put(value) };
        self.tail += 1;
        let leaves_room = self.when_full == WhenFull::Wait && !self.is_full();
        Ok(Pushed { receivers: self.receivers, tail: self.tail, overwritten, leaves_room })
    }

    /// Takes the first slot out. Who stood in it stands in the next. The value, unless somebody reads it still.
    fn overwrite(&mut self) -> Option<T> {
        let slot = self.slot_at(self.head);
        // SAFETY: 1. `&mut self` is the lock. 2. The ring is full, so its first slot is.
        let (owner, stood) = unsafe { slot.sweep() };
        // SAFETY: it is ours, and here it is taken.
        let value = (owner == Owner::Caller).then(|| unsafe { slot.take() });
        let block = self.advance(stood);
        self.keep(block);
        value
    }

    /// The slot after the first is the first, and `joined` more stand there. The block that the ring has left.
    fn advance(&mut self, joined: u64) -> Option<Arc<Block<T>>> {
        self.slot_at(self.head + 1).become_first(joined);
        self.head += 1;
        if self.index(self.head) == 0 { self.blocks.pop_front() } else { None }
    }

    /// Keeps a block for later, if it is nobody else's.
    fn keep(&mut self, block: Option<Arc<Block<T>>>) {
        if self.spare.is_none()
            && let Some(mut block) = block
            && let Some(alone) = Arc::get_mut(&mut block)
        {
            alone.slots.iter_mut().for_each(Slot::reset);
            self.spare = Some(block);
        }
    }

    /// What the receiver at `stand` gets, and its step. It may count `twice`.
    pub(super) fn take(&mut self, stand: &mut Stand<T>, twice: bool) -> Taken<T> {
        if twice && !mutant::planted("broadcast.take.twice") {
            // It arrived there, and stands in that slot or a later one by its other count.
            self.stands_in(stand.position + 1).leave();
        }
        if stand.position < self.head {
            let missed = self.head - stand.position;
            stand.position = self.head;
            stand.block = self.block_at(self.head).clone();
            return Taken::Lagged(missed);
        }
        if stand.position == self.tail {
            return if self.senders == 0 { Taken::Closed } else { Taken::Empty };
        }
        let slot = self.slot_at(stand.position);
        if slot.look() != Look::Alone {
            self.slot_at(stand.position + 1).arrive();
            // SAFETY: 1. This receiver stands here. 2. The position is before the tail.
            let Some(is_vacant) = (unsafe { slot.step_off() }) else {
                unreachable!("the ring has this slot still")
            };
            stand.go_on(self.block_at(stand.position + 1));
            return Taken::Shared(if is_vacant { Freed::Vacant } else { Freed::Nothing });
        }
        // SAFETY: 1. `&mut self` is the lock; this receiver stands here, alone by its look, and nobody comes to a first slot.
        // 2. It is first by that look, and the position is before the tail.
        let value = match unsafe { slot.finish() } {
            // SAFETY: it is ours, and here it is taken.
            Owner::Caller => Some(unsafe { slot.take() }),
            Owner::Reader => None,
        };
        let block = self.advance(1);
        stand.go_on(self.block_at(stand.position + 1));
        match value {
            Some(value) => {
                // So that the block may be nobody else's.
                stand.is_done();
                self.keep(block);
                Taken::Last(value)
            }
            None => Taken::Shared(Freed::First),
        }
    }

    /// One more receiver, for what comes next. Nothing if there is no block for it, and none in `fresh`.
    pub(super) fn subscribe(&mut self, fresh: &mut Option<Arc<Block<T>>>) -> Option<Stand<T>> {
        if self.blocks.is_empty() {
            self.blocks.push_back(fresh.take()?);
            self.slot_at(self.tail).become_first(0);
        }
        Some(self.stand_at(self.tail, self.block_at(self.tail).clone()))
    }

    /// One more receiver, where another stands.
    pub(super) fn double(&mut self, other: &Stand<T>) -> Stand<T> {
        self.stand_at(other.position, other.block.clone())
    }

    fn stand_at(&mut self, position: u64, block: Arc<Block<T>>) -> Stand<T> {
        assert!(self.receivers < RECEIVERS_MAX, "a channel counts no more receivers than {RECEIVERS_MAX}");
        self.receivers += 1;
        self.stands_in(position).arrive();
        Stand { position, block, behind: None, reads: false }
    }

    /// A receiver goes. What only it wanted is for [`release`](Self::release) to take out.
    pub(super) fn leave(&mut self, stand: &Stand<T>) {
        self.receivers -= 1;
        if !mutant::planted("broadcast.leave.stands") {
            self.stands_in(stand.position).leave();
        }
    }

    /// Takes out values that nobody wants any more, up to the end of a block.
    pub(super) fn release(&mut self) -> Released<T> {
        let first = self.index(self.head);
        let mut released = Released { block: None, first, owned: 0, places: 0, goes_on: false };
        while self.head < self.tail && self.slot_at(self.head).standing() == 0 {
            // SAFETY: 1. `&mut self` is the lock. 2. The slot is before the tail and the first, nobody stands there, and nobody comes to a
            // first slot.
            let owner = unsafe { self.slot_at(self.head).vacate() };
            released.owned |= u64::from(owner == Owner::Caller) << released.places;
            released.places += 1;
            if released.block.is_none() {
                released.block = self.blocks.front().cloned();
            }
            if self.advance(0).is_some() {
                released.goes_on = true;
                break;
            }
        }
        released
    }

    /// Takes all values out: there is no receiver.
    pub(super) fn clear(&mut self) -> Rest<T> {
        let first = self.index(self.head);
        let count = self.len();
        self.head = self.tail;
        self.spare = None;
        Rest { blocks: std::mem::take(&mut self.blocks), first, count }
    }

    /// Values for the receiver at `stand`, without those it missed.
    pub(super) fn len_from(&self, stand: &Stand<T>) -> usize {
        usize::try_from(self.tail - stand.position.max(self.head)).expect("no more than fit into memory")
    }

    /// Whether there is nothing for the receiver at `stand`, and never will be.
    pub(super) fn has_ended_for(&self, stand: &Stand<T>) -> bool {
        self.senders == 0 && stand.position == self.tail
    }
}

/// Where a receiver stands, and what it reads.
pub(super) struct Stand<T> {
    /// Of the value it gets next.
    position: u64,
    block: Arc<Block<T>>,
    /// The block of the position before, if that is another and the value there is being read.
    behind: Option<Arc<Block<T>>>,
    /// Whether the value at the position before is being read.
    reads: bool,
}

impl<T> Stand<T> {
    #[inline]
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// A step without the lock.
    #[inline]
    pub(super) fn step(&mut self) -> Step<T> {
        debug_assert!(!self.reads, "one value is read after the other");
        let index = self.index(self.position);
        let [slot, next, ..] = &self.block.slots[index..] else { return Step::Locked };
        if slot.look() != Look::Shared {
            return Step::Locked;
        }
        if !next.arrive() {
            return Step::Locked;
        }
        // SAFETY: 1. This receiver stands here, or stood here when the value was overwritten. 2. So it looked.
        let Some(is_vacant) = (unsafe { slot.step_off() }) else { return Step::Twice };
        self.position += 1;
        self.reads = true;
        Step::Taken(Taken::Shared(if is_vacant { Freed::Vacant } else { Freed::Nothing }))
    }

    /// At the next position, which is in `block`; the value at this one is being read.
    fn go_on(&mut self, block: &Arc<Block<T>>) {
        self.position += 1;
        self.reads = true;
        if self.index(self.position) == 0 {
            self.behind = Some(std::mem::replace(&mut self.block, block.clone()));
        }
    }

    /// What was being read has an owner, which does not read any more.
    fn is_done(&mut self) {
        self.reads = false;
        self.behind = None;
    }

    #[inline]
    fn index(&self, position: u64) -> usize {
        // A power of two.
        (position & (self.block.slots.len() as u64 - 1)) as usize
    }

    /// The value that the last step was from, until the answer is dropped.
    #[inline]
    pub(super) fn reading(&mut self) -> Reading<'_, T> {
        debug_assert!(self.reads, "a step came before");
        Reading(self)
    }

    /// The slot at the position before.
    #[inline]
    fn slot_behind(&self) -> &Slot<T> {
        let block = self.behind.as_ref().unwrap_or(&self.block);
        &block.slots[self.index(self.position - 1)]
    }

    #[inline]
    fn exit(&mut self) {
        if !self.reads {
            return;
        }
        self.reads = false;
        let slot = self.slot_behind();
        // SAFETY: it stepped off or finished there, and `reads` says that it has not exited; nobody has the value's reference.
        if unsafe { slot.exit() } {
            // SAFETY: it is ours, and here it is taken.
            let value = unsafe { slot.take() };
            // Others have dropped theirs long ago, so there is nobody to tell of a panic.
            contained(|| drop(value));
        }
        self.behind = None;
    }
}

impl<T> Drop for Stand<T> {
    fn drop(&mut self) {
        self.exit();
    }
}

/// A value that a receiver reads.
pub(super) struct Reading<'a, T>(&'a mut Stand<T>);

impl<T> Reading<'_, T> {
    #[inline]
    pub(super) fn value(&self) -> &T {
        // SAFETY: the receiver stepped off or finished there, has its block, and exits when `self` is dropped.
        unsafe { self.0.slot_behind().read() }
    }
}

impl<T> Drop for Reading<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.0.exit();
    }
}

/// Values that were taken out because nobody stood there, in one block.
#[must_use]
pub(super) struct Released<T> {
    block: Option<Arc<Block<T>>>,
    /// The index of the first.
    first: usize,
    /// A bit for each: whether it is to be dropped here.
    owned: u64,
    places: usize,
    goes_on: bool,
}

impl<T> Released<T> {
    /// How many slots were given back.
    pub(super) fn places(&self) -> usize {
        self.places
    }

    /// Whether the next block is to be looked at. Otherwise somebody stands in the first slot, who sees to it when the time comes, or it
    /// has no value.
    pub(super) fn goes_on(&self) -> bool {
        self.goes_on
    }
}

impl<T> Iterator for Released<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let block = self.block.as_ref().filter(|_| self.owned != 0)?;
        let at = self.owned.trailing_zeros();
        self.owned &= self.owned - 1;
        // SAFETY: it is ours, and its bit says that it was not taken.
        Some(unsafe { block.slots[self.first + at as usize].take() })
    }
}

/// All values that a ring had when its last receiver went.
#[must_use]
pub(super) struct Rest<T> {
    blocks: VecDeque<Arc<Block<T>>>,
    /// The index of the next, in the first block.
    first: usize,
    count: usize,
}

impl<T> Iterator for Rest<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.count == 0 {
            return None;
        }
        let block = self.blocks.front()?;
        // SAFETY: it was in the ring, and so nobody's; the block left the ring when there was no receiver, so that nobody can reach it.
        let value = unsafe { block.slots[self.first].take() };
        self.count -= 1;
        self.first += 1;
        if self.first == block.slots.len() {
            self.first = 0;
            self.blocks.pop_front();
        }
        Some(value)
    }
}
