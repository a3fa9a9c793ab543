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
//! hand. Pop: under the lock, read; a block that fell off is freed after unlocking.
//!
//! # Why it is right
//! All is done under the lock, and nothing but moving a value and a few words: allocation, freeing and the values' own code stay
//! outside. Closed and length lie under the same lock, so a push is entirely before the close or is refused.

#![allow(unsafe_code, reason = "a list of blocks with a pointer to its end")]

use super::shared::{Pop, Push};
use filch_primitive::ByteLock;
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
    closed: bool,
}

// SAFETY: the blocks are owned by the list like boxes, and their values go with them.
unsafe impl<T: Send> Send for Inner<T> {}

impl<T> BlockQueue<T> {
    /// A queue of at most `limit` values.
    pub(super) fn new(limit: usize) -> Self {
        let inner = Inner { ends: None, first: 0, end: 0, spare: None, len: 0, closed: false };
        Self { inner: ByteLock::new(inner), limit }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn push(&self, value: T) -> Result<(), Push<T>> {
        let mut fresh = None;
        loop {
            let mut inner = self.inner.lock();
            if inner.closed {
                drop(inner);
                return Err(Push::Closed(value));
            }
            if inner.len >= self.limit {
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

    pub(super) fn pop(&self) -> Result<T, Pop> {
        let mut inner = self.inner.lock();
        if inner.len == 0 {
            return Err(if inner.closed { Pop::Closed } else { Pop::Empty });
        }
        let (value, empty_block) = inner.read();
        drop(inner);
        drop(empty_block);
        Ok(value)
    }

    /// Refuses all that is not pushed yet. True for the first call.
    pub(super) fn close(&self) -> bool {
        !std::mem::replace(&mut self.inner.lock().closed, true)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.inner.lock().closed
    }

    pub(super) fn len(&self) -> usize {
        self.inner.lock().len
    }

    /// Blocks held, the spare one included.
    #[cfg(all(test, not(filch_loom)))]
    pub(super) fn blocks(&self) -> usize {
        let inner = self.inner.lock();
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
    /// Whether the tail has a free slot, if need be in the spare or the fresh block.
    fn make_room(&mut self, fresh: &mut Option<Box<Block<T>>>) -> bool {
        if self.ends.is_some() && self.end < BLOCK {
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
