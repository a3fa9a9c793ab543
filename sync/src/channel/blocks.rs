//! The queue that grows and shrinks: a list of blocks behind a byte lock.
//!
//! # States
//! Values lie from `first` in the head block to `end` in the tail block, in order. No block is there until the first push. When
//! the queue runs empty, its one block starts over from the beginning, so that a queue that stays short never allocates again.
//! A block that was read to its end is kept as the spare if there is none, else freed; the spare goes when the queue runs
//! empty: after a burst one block stays.
//!
//! # Protocol
//! Push: under the lock, write; if the tail block is full and there is no spare, unlock, allocate, begin again with that block in
//! hand. Pop: under the lock, read; a block that fell off is freed after unlocking. Many at once: make room outside, then under
//! the lock read up to where a block falls off; unlock, free it, and go on.
//!
//! Reserve: under the lock, count places as reserved; they are as taken as those with a value in them. Using one writes a value
//! and counts it down, full or closed or not; giving one back counts it down.
//!
//! Force: under the lock, write, and where it was full, read the oldest.
//!
//! # Why it is right
//! All is done under the lock, and nothing but moving values, of one block at most, and a few words: allocation, freeing and the
//! values' own code stay outside. Closed, length and reserved places lie under the same lock, so a push is entirely before the
//! close or is refused, and values and reserved places together never go above the limit. The queue has ended when it is closed
//! and neither holds a value nor awaits one for a reserved place.

#![allow(unsafe_code, reason = "a list of blocks with a pointer to its end")]

#[cfg(not(filch_loom))]
use super::apart::Apart;
use super::shared::{Pop, Push};
use filch_primitive::{ByteLock, ByteLockGuard};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// Values per block. Large enough that allocating is a small part of a push, small enough that what a quiet channel keeps does
/// not matter; a guess.
#[cfg(not(filch_loom))]
pub(super) const BLOCK: usize = 32;
#[cfg(filch_loom)]
pub(super) const BLOCK: usize = 2;

struct Block<T> {
    slots: [MaybeUninit<T>; BLOCK],
    next: Option<NonNull<Self>>,
}

impl<T> Block<T> {
    /// Made in its place: on the way through the stack, a block of large values would not fit there.
    fn new() -> Box<Self> {
        let mut block = Box::<Self>::new_uninit();
        let at = block.as_mut_ptr();
        // SAFETY: `at` points to the allocation of a whole block; no reference is made to what is not written yet.
        let next = unsafe { &raw mut (*at).next };
        // SAFETY: a field of that block, aligned, and nobody else's.
        unsafe { next.write(None) };
        // SAFETY: `next` was written, and slots need not be.
        unsafe { block.assume_init() }
    }
}

/// A block that fell off; its slots are read.
#[cold]
fn free<T>(block: Box<Block<T>>) {
    drop(block);
}

/// A queue of blocks, with a limit.
pub(super) struct BlockQueue<T> {
    inner: ByteLock<Inner<T>>,
    limit: usize,
}

/// First and last block.
type Ends<T> = (NonNull<Block<T>>, NonNull<Block<T>>);

struct Inner<T> {
    /// Values lie from `first` in the head to `end` in the tail.
    ends: Option<Ends<T>>,
    first: usize,
    end: usize,
    spare: Option<Box<Block<T>>>,
    len: usize,
    /// Places that nobody but the owner of a permit fills.
    reserved: usize,
    closed: bool,
    /// Nobody will ever receive: values for reserved places come back.
    abandoned: bool,
}

// SAFETY: the blocks are owned by the list like boxes, and their values go with them.
unsafe impl<T: Send> Send for Inner<T> {}

impl<T> BlockQueue<T> {
    /// A queue of at most `limit` values.
    pub(super) fn new(limit: usize) -> Self {
        let inner = Inner {
            ends: None,
            first: 0,
            end: 0,
            spare: None,
            len: 0,
            reserved: 0,
            closed: false,
            abandoned: false,
        };
        Self { inner: ByteLock::new(inner), limit }
    }

    /// Takes the lock; who finds it held keeps away from it for a while.
    #[cfg(not(filch_loom))]
    #[inline]
    fn lock(&self) -> ByteLockGuard<'_, Inner<T>> {
        self.inner.try_lock().unwrap_or_else(|| self.lock_apart())
    }

    #[cfg(not(filch_loom))]
    #[cold]
    fn lock_apart(&self) -> ByteLockGuard<'_, Inner<T>> {
        let mut apart = Apart::default();
        loop {
            apart.stay();
            if let Some(inner) = self.inner.try_lock() {
                return inner;
            }
        }
    }

    /// The lock, as the model checker knows it.
    #[cfg(filch_loom)]
    fn lock(&self) -> ByteLockGuard<'_, Inner<T>> {
        self.inner.lock()
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    #[inline]
    pub(super) fn push(&self, value: T) -> Result<(), Push<T>> {
        let mut inner = self.lock();
        if !inner.closed && inner.taken() < self.limit && inner.has_slot() {
            inner.write(value);
            return Ok(());
        }
        drop(inner);
        self.push_slow(value)
    }

    /// Into a fresh block; or refused.
    #[cold]
    #[inline(never)]
    fn push_slow(&self, value: T) -> Result<(), Push<T>> {
        self.push_beside(value, || 0)
    }

    /// As [`push`](Self::push), where some of the limit is taken elsewhere.
    pub(super) fn push_beside(&self, value: T, beside: impl Fn() -> usize) -> Result<(), Push<T>> {
        let mut fresh = None;
        loop {
            let mut inner = self.lock();
            if inner.closed {
                drop(inner);
                return Err(Push::Closed(value));
            }
            if inner.taken() + beside() >= self.limit {
                drop(inner);
                return Err(Push::Full(value));
            }
            if inner.make_room(&mut fresh) {
                inner.write(value);
                // The lock goes before a block that was not needed is freed.
                drop(inner);
                return Ok(());
            }
            drop(inner);
            fresh = Some(Block::new());
        }
    }

    /// Fills a reserved place, and says whether the queue is closed.
    ///
    /// # Errors
    /// The value, when nobody will ever receive it. The place is given back in either case.
    pub(super) fn push_reserved(&self, value: T) -> Result<bool, T> {
        let mut fresh = None;
        loop {
            let mut inner = self.lock();
            if inner.abandoned {
                inner.reserved -= 1;
                drop(inner);
                return Err(value);
            }
            if inner.make_room(&mut fresh) {
                inner.write(value);
                inner.reserved -= 1;
                let closed = inner.closed;
                drop(inner);
                return Ok(closed);
            }
            drop(inner);
            fresh = Some(Block::new());
        }
    }

    /// Puts a value in, in any case: where there is no place, that of the oldest, which comes back. Older ones than all here are
    /// `oldest` and those after it, elsewhere, where they take `beside` of the limit.
    ///
    /// # Errors
    /// The value, when the queue is closed.
    pub(super) fn force(
        &self,
        value: T,
        beside: impl Fn() -> usize,
        oldest: impl FnOnce() -> Option<T>,
    ) -> Result<Option<T>, T> {
        let mut fresh = None;
        let mut inner = loop {
            let inner = self.lock();
            if inner.closed {
                drop(inner);
                return Err(value);
            }
            // Certain before anything is taken out.
            if fresh.is_some() || inner.has_room() {
                break inner;
            }
            drop(inner);
            fresh = Some(Block::new());
        };
        let mut pushed_out = None;
        let mut fallen = None;
        if inner.taken() + beside() >= self.limit {
            pushed_out = oldest();
        }
        // Nothing lies elsewhere any more when there was no oldest there.
        let is_full = pushed_out.is_none() && inner.taken() + beside() >= self.limit;
        if is_full && inner.len == 0 {
            drop(inner);
            return Ok(Some(value));
        }
        inner.make_room(&mut fresh);
        inner.write(value);
        if is_full {
            let (old, block) = inner.read();
            (pushed_out, fallen) = (Some(old), block);
        }
        drop(inner);
        drop((fallen, fresh));
        Ok(pushed_out)
    }

    /// Reserves `count` places, all or none, where some of the limit is taken elsewhere. Without a limit half of what can be
    /// counted is left for those that do not reserve: they are never refused.
    ///
    /// # Errors
    /// Full, or closed.
    pub(super) fn reserve(&self, count: usize, beside: impl Fn() -> usize) -> Result<(), Push<()>> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(Push::Closed(()));
        }
        let room = if self.limit == usize::MAX { usize::MAX / 2 } else { self.limit };
        match (inner.taken() + beside()).checked_add(count) {
            Some(taken) if taken <= room => {
                inner.reserved += count;
                Ok(())
            }
            _ => Err(Push::Full(())),
        }
    }

    /// Gives `count` reserved places back, and says whether the queue is closed.
    pub(super) fn release(&self, count: usize) -> bool {
        let mut inner = self.lock();
        inner.reserved -= count;
        inner.closed
    }

    #[inline]
    pub(super) fn pop(&self) -> Result<T, Pop> {
        let mut inner = self.lock();
        if inner.len == 0 {
            return Err(inner.nothing());
        }
        let (value, empty_block) = inner.read();
        drop(inner);
        if let Some(block) = empty_block {
            free(block);
        }
        Ok(value)
    }

    /// Takes what is there, up to `limit`, which is not 0; never more than one lock for each block.
    pub(super) fn pop_many(&self, into: &mut Vec<T>, limit: usize) -> Result<usize, Pop> {
        let goal = self.len().clamp(1, limit);
        into.reserve(goal);
        let mut count = 0;
        while count < goal {
            let mut inner = self.lock();
            if inner.len == 0 {
                let nothing = inner.nothing();
                drop(inner);
                return if count == 0 { Err(nothing) } else { Ok(count) };
            }
            let mut empty_block = None;
            while count < goal && inner.len > 0 && empty_block.is_none() {
                let (value, block) = inner.read();
                into.push(value);
                count += 1;
                empty_block = block;
            }
            drop(inner);
            drop(empty_block);
        }
        Ok(count)
    }

    /// Refuses all that is not pushed yet. True for the first call.
    pub(super) fn close(&self) -> bool {
        !std::mem::replace(&mut self.lock().closed, true)
    }

    /// From now on values for reserved places come back. The queue is closed already.
    pub(super) fn abandon(&self) {
        self.lock().abandoned = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Whether nothing will ever come out.
    pub(super) fn has_ended(&self) -> bool {
        let inner = self.lock();
        inner.len == 0 && matches!(inner.nothing(), Pop::Closed)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len
    }

    pub(super) fn reserved(&self) -> usize {
        self.lock().reserved
    }

    /// Blocks held, the spare one included.
    #[cfg(all(test, not(filch_loom)))]
    pub(super) fn blocks(&self) -> usize {
        let inner = self.lock();
        let mut count = usize::from(inner.spare.is_some());
        let mut at = inner.ends.map(|(head, _)| head);
        while let Some(block) = at {
            count += 1;
            // SAFETY: a block of the list, which is locked.
            at = unsafe { block.as_ref() }.next;
        }
        count
    }
}

impl<T> Inner<T> {
    /// How much of the limit is taken here; it fits, since all that adds to it asks first.
    fn taken(&self) -> usize {
        self.len + self.reserved
    }

    /// Why an empty queue has nothing.
    fn nothing(&self) -> Pop {
        if self.closed && self.reserved == 0 { Pop::Closed } else { Pop::Empty }
    }

    /// Whether the tail block has a free slot.
    fn has_slot(&self) -> bool {
        self.ends.is_some() && self.end < BLOCK
    }

    /// Whether [`make_room`](Self::make_room) needs no fresh block.
    fn has_room(&self) -> bool {
        self.has_slot() || self.spare.is_some()
    }

    /// Whether the tail has a free slot, if need be in the spare or the fresh block.
    fn make_room(&mut self, fresh: &mut Option<Box<Block<T>>>) -> bool {
        if self.has_slot() {
            return true;
        }
        let Some(block) = self.spare.take().or_else(|| fresh.take()) else { return false };
        let block = NonNull::from(Box::leak(block));
        match &mut self.ends {
            None => {
                self.ends = Some((block, block));
                self.first = 0;
            }
            Some((_, tail)) => {
                // SAFETY: the list owns its blocks, and `&mut self` is the only way to them.
                unsafe { tail.as_mut() }.next = Some(block);
                *tail = block;
            }
        }
        self.end = 0;
        true
    }

    /// Writes behind the last value; there is room.
    fn write(&mut self, value: T) {
        let Some((_, mut tail)) = self.ends else { unreachable!("room was made") };
        // SAFETY: the list owns its blocks, and `&mut self` is the only way to them.
        let tail = unsafe { tail.as_mut() };
        tail.slots[self.end].write(value);
        self.end += 1;
        self.len += 1;
    }

    /// Takes the first value, and a block to be freed; there is a value.
    fn read(&mut self) -> (T, Option<Box<Block<T>>>) {
        let Some((mut head, tail)) = self.ends else { unreachable!("there is a value") };
        // SAFETY: the list owns its blocks, and `&mut self` is the only way to them.
        let block = unsafe { head.as_mut() };
        // SAFETY: `len > 0`: the slot at `first` was written and not yet read, and `first` moves on below.
        let value = unsafe { block.slots[self.first].assume_init_read() };
        self.first += 1;
        self.len -= 1;
        if self.len == 0 {
            debug_assert!(head == tail, "the last value lies in the last block");
            (self.first, self.end) = (0, 0);
            // Quiet again: the spare of a burst goes.
            return (value, self.spare.take());
        }
        if self.first < BLOCK {
            return (value, None);
        }
        let Some(next) = block.next.take() else { unreachable!("there are values behind this block") };
        self.ends = Some((next, tail));
        self.first = 0;
        // SAFETY: made from a box in `make_room`, and out of the list now: this is its only owner.
        let block = unsafe { Box::from_raw(head.as_ptr()) };
        let freed = match self.spare {
            Some(_) => Some(block),
            None => {
                self.spare = Some(block);
                None
            }
        };
        (value, freed)
    }
}

impl<T> Drop for Inner<T> {
    fn drop(&mut self) {
        // The values are out: the channel takes them all before it goes. What a panic of a value's drop left is leaked.
        let mut at = self.ends.take().map(|(head, _)| head);
        while let Some(block) = at {
            // SAFETY: made from a box, owned by the list, reached once.
            let block = unsafe { Box::from_raw(block.as_ptr()) };
            at = block.next;
        }
    }
}
