//! The ring: values, and who stands where. Nothing here waits, wakes or runs user code; the table of moves is
//! in the [channel's docs](super).

use filch_primitive::mutant;
use filch_primitive::sync::Arc;
use std::collections::VecDeque;

/// What a full ring does with one more value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenFull {
    Overwrite,
    Wait,
}

/// A ring with room for more slots than this gives memory back when it uses a quarter of it or less.
pub(super) const SLOTS_KEPT: usize = 256;

/// How many values leave the ring in one section when a receiver goes.
#[cfg(not(filch_loom))]
pub(super) const RELEASE_BATCH: usize = 32;
/// One, so that a model has the moment between two batches.
#[cfg(filch_loom)]
pub(super) const RELEASE_BATCH: usize = 1;

struct Slot<T> {
    value: Arc<T>,
    /// Receivers that want this value next; those that missed earlier ones among them.
    standing: usize,
}

/// The values that some receiver still wants, and the counts of both ends.
pub(super) struct Ring<T> {
    slots: VecDeque<Slot<T>>,
    /// The position of the first slot.
    head: u64,
    /// Receivers that want the value after the last.
    standing_behind: usize,
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
    pub(super) overwritten: Option<Arc<T>>,
    /// Whether there is room for one more, for which others may wait.
    pub(super) leaves_room: bool,
}

/// Why a value was not taken in.
pub(super) enum Refused<T> {
    Full(Arc<T>),
    Closed(Arc<T>),
}

/// What a receiver found.
pub(super) enum Taken<T> {
    /// A value that others still want.
    Shared(Arc<T>),
    /// A value that is out of the ring: this receiver was the last.
    Last(Arc<T>),
    Lagged(u64),
    Closed,
    Empty,
}

impl<T> Ring<T> {
    /// An empty ring, with one sender and one receiver.
    pub(super) fn new(capacity: usize, when_full: WhenFull) -> Self {
        Self {
            slots: VecDeque::new(),
            head: 0,
            standing_behind: 1,
            capacity,
            when_full,
            senders: 1,
            receivers: 1,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// For how many slots there is memory.
    #[cfg(all(test, not(filch_loom)))]
    pub(super) fn slots(&self) -> usize {
        self.slots.capacity()
    }

    /// The position of the first slot, or of the one to come.
    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// The position after the last slot.
    pub(super) fn tail(&self) -> u64 {
        self.head + self.slots.len() as u64
    }

    pub(super) fn push(&mut self, value: Arc<T>) -> Result<Pushed<T>, Refused<T>> {
        if self.receivers == 0 {
            return Err(Refused::Closed(value));
        }
        let mut overwritten = None;
        if self.slots.len() >= self.capacity {
            if self.when_full == WhenFull::Wait {
                return Err(Refused::Full(value));
            }
            overwritten = self.overwrite();
        }
        self.slots.push_back(Slot { value, standing: std::mem::take(&mut self.standing_behind) });
        let leaves_room = self.when_full == WhenFull::Wait && self.slots.len() < self.capacity;
        Ok(Pushed { receivers: self.receivers, tail: self.tail(), overwritten, leaves_room })
    }

    /// Takes the first slot out. Who stood in it stands in the next.
    fn overwrite(&mut self) -> Option<Arc<T>> {
        let first = self.slots.pop_front()?;
        self.head += 1;
        *self.standing_at(self.head) += first.standing;
        Some(first.value)
    }

    /// What the receiver at `position` gets, and its step.
    pub(super) fn take(&mut self, position: &mut u64) -> Taken<T> {
        if *position < self.head {
            let missed = self.head - *position;
            *position = self.head;
            return Taken::Lagged(missed);
        }
        let index = self.index(*position);
        let Some(slot) = self.slots.get_mut(index) else {
            return if self.senders == 0 { Taken::Closed } else { Taken::Empty };
        };
        slot.standing -= 1;
        let is_last = index == 0 && slot.standing == 0;
        let value = (!is_last).then(|| slot.value.clone());
        *position += 1;
        *self.standing_at(*position) += 1;
        match value.or_else(|| self.pop_first()) {
            Some(value) if is_last => Taken::Last(value),
            Some(value) => Taken::Shared(value),
            None => unreachable!("the first slot was looked at"),
        }
    }

    fn pop_first(&mut self) -> Option<Arc<T>> {
        let first = self.slots.pop_front()?;
        self.head += 1;
        let room = self.slots.capacity();
        if room > SLOTS_KEPT && self.slots.len() <= room / 4 {
            // Half is left: a ring about some length does not move its slots time and again.
            self.slots.shrink_to(room / 2);
        }
        Some(first.value)
    }

    /// One more receiver, for what comes next: its position.
    pub(super) fn subscribe(&mut self) -> u64 {
        self.receivers += 1;
        self.standing_behind += 1;
        self.tail()
    }

    /// One more receiver, where another stands.
    pub(super) fn double(&mut self, position: u64) {
        self.receivers += 1;
        *self.standing_at(position) += 1;
    }

    /// A receiver goes. What only it wanted is for [`release`](Self::release) to take out.
    pub(super) fn leave(&mut self, position: u64) {
        self.receivers -= 1;
        if !mutant::planted("broadcast.leave.stands") {
            *self.standing_at(position) -= 1;
        }
    }

    /// Moves values that nobody wants any more to `released`, as many as go in there. Answers how many it moved.
    pub(super) fn release(&mut self, released: &mut [Option<Arc<T>>]) -> usize {
        let mut count = 0;
        while count < released.len() && self.slots.front().is_some_and(|first| first.standing == 0) {
            released[count] = self.pop_first();
            count += 1;
        }
        count
    }

    /// Takes all values out: there is no receiver.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = Arc<T>> + use<T> {
        self.head = self.tail();
        self.standing_behind = 0;
        std::mem::take(&mut self.slots).into_iter().map(|slot| slot.value)
    }

    /// Values for the receiver at `position`, without those it missed.
    pub(super) fn len_from(&self, position: u64) -> usize {
        self.slots.len() - self.index(position.max(self.head))
    }

    /// The count that the receiver at `position` is in.
    fn standing_at(&mut self, position: u64) -> &mut usize {
        // Who lags stands in the first slot.
        let index = self.index(position.max(self.head));
        self.slots.get_mut(index).map_or(&mut self.standing_behind, |slot| &mut slot.standing)
    }

    fn index(&self, position: u64) -> usize {
        usize::try_from(position - self.head).expect("a position lies within the ring, or right behind it")
    }
}
