//! The queue of values: a list of blocks, which grows and shrinks.
//!
//! # States
//! Values lie from `first` in the head block to `end` in the tail block, in order. No block is there until the first push. When
//! the queue runs empty, its one block starts over from the beginning, so that a queue that stays short never allocates again.
//! A block that was read to its end is kept as the spare if there is none, else freed; the spare goes when the queue runs
//! empty: after a burst one block stays.
//!
//! # Protocol
//! The queue is used under the channel's lock, see [`shared`](super::shared), and does nothing but move a value and a few words:
//! a block is made before the lock is taken, and freed after it is given back. Push: 1. [`Queue::make_room`]; if it says no, unlock,
//! make a block, begin again with that block in hand. 2. [`Queue::push`]. Pop: [`Queue::pop`]; free what it answers after unlocking.
//!
//! # Blocks
//! A block is as many values as fit into [`BLOCK_BYTES`], at most [`BLOCK_MOST`] and at least one: so making a channel costs nothing,
//! a large value takes no more than its own memory, and small ones seldom make a sender allocate. Rejected: all slots at once for
//! channels with a bound. To write their stamps, or only to map their memory, costs more than most channels ever do.

#![allow(unsafe_code, reason = "a list of blocks with a pointer to its end")]

use super::parcel::Parcel;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// Values per block at most. Large enough that allocating is a small part of a push, small enough that what a quiet channel keeps
/// does not matter; a guess.
#[cfg(not(filch_loom))]
pub(super) const BLOCK_MOST: usize = 32;
#[cfg(filch_loom)]
pub(super) const BLOCK_MOST: usize = 2;

/// Values per block where [`BLOCK_MOST`] would be too much memory.
const BLOCK_SOME: usize = 8;

/// Bytes of values per block at most, unless one value alone has more.
const BLOCK_BYTES: usize = 4096;

/// Values and the way to the next. Of many lengths, as `S` is an array, and of one type, as it is a slice.
pub(super) struct Block<T, S: ?Sized = [MaybeUninit<T>]> {
    next: Option<NonNull<Block<T>>>,
    slots: S,
}

impl<T> Block<T> {
    pub(super) fn new() -> Box<Self> {
        match size_of::<T>() {
            size if size * BLOCK_MOST <= BLOCK_BYTES => Block::<T, [MaybeUninit<T>; BLOCK_MOST]>::in_place(),
            size if size * BLOCK_SOME <= BLOCK_BYTES => Block::<T, [MaybeUninit<T>; BLOCK_SOME]>::in_place(),
            _ => Block::<T, [MaybeUninit<T>; 1]>::in_place(),
        }
    }
}

impl<T, const LEN: usize> Block<T, [MaybeUninit<T>; LEN]> {
    /// Made in its place: on the way through the stack, a large value's block would not fit there.
    fn in_place() -> Box<Self> {
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

/// First and last block.
type Ends<T> = (NonNull<Block<T>>, NonNull<Block<T>>);

/// A queue of values in blocks.
pub(super) struct Queue<T> {
    /// Values lie from `first` in the head to `end` in the tail.
    ends: Option<Ends<T>>,
    first: usize,
    end: usize,
    spare: Option<Box<Block<T>>>,
    len: usize,
}

// SAFETY: the blocks are owned by the list like boxes, and their values go with them.
unsafe impl<T: Send> Send for Queue<T> {}

impl<T> Queue<T> {
    pub(super) const fn new() -> Self {
        Self { ends: None, first: 0, end: 0, spare: None, len: 0 }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether the tail has a free slot, if need be in the spare or the fresh block.
    #[inline]
    pub(super) fn make_room(&mut self, fresh: &mut Option<Box<Block<T>>>) -> bool {
        if let Some((_, tail)) = &self.ends {
            // SAFETY: the list owns its blocks, and `&mut self` is the only way to them.
            let tail = unsafe { tail.as_ref() };
            if self.end < tail.slots.len() {
                return true;
            }
        }
        self.append(fresh)
    }

    fn append(&mut self, fresh: &mut Option<Box<Block<T>>>) -> bool {
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

    /// Moves the value in `from` behind the last.
    ///
    /// # Panics
    /// When no room was made.
    #[inline]
    pub(super) fn push(&mut self, from: &mut Parcel<T>) {
        let Some((_, mut tail)) = self.ends else { unreachable!("room was made") };
        // SAFETY: the list owns its blocks, and `&mut self` is the only way to them.
        let tail = unsafe { tail.as_mut() };
        from.unload(&mut tail.slots[self.end]);
        self.end += 1;
        self.len += 1;
    }

    /// Moves the first value into `to`. The answer is a block to be freed.
    ///
    /// # Panics
    /// When there is no value.
    #[inline]
    pub(super) fn pop(&mut self, to: &mut Parcel<T>) -> Option<Box<Block<T>>> {
        let (Some((mut head, _)), 1..) = (self.ends, self.len) else { unreachable!("there is a value") };
        // SAFETY: the list owns its blocks, and `&mut self` is the only way to them.
        let block = unsafe { head.as_mut() };
        // SAFETY: `len > 0`: the slot at `first` was written and not yet read, and `first` moves on below.
        unsafe { to.load(&mut block.slots[self.first]) };
        self.first += 1;
        self.len -= 1;
        if self.len == 0 {
            (self.first, self.end) = (0, 0);
            // Quiet again: the spare of a burst goes.
            return self.spare.take();
        }
        if self.first < block.slots.len() { None } else { self.behead() }
    }

    /// Takes out the head, all of which was read; there are values behind it. The answer is a block to be freed.
    fn behead(&mut self) -> Option<Box<Block<T>>> {
        let (mut head, tail) = self.ends?;
        // SAFETY: the list owns its blocks, and `&mut self` is the only way to them.
        let Some(next) = (unsafe { head.as_mut() }).next.take() else { unreachable!("values are behind it") };
        self.ends = Some((next, tail));
        self.first = 0;
        // SAFETY: made from a box in `append`, and out of the list now: this is its only owner.
        let block = unsafe { Box::from_raw(head.as_ptr()) };
        if self.spare.is_some() {
            return Some(block);
        }
        self.spare = Some(block);
        None
    }

    /// Blocks held, the spare one included.
    #[cfg(all(test, not(filch_loom)))]
    pub(super) fn blocks(&self) -> usize {
        let mut count = usize::from(self.spare.is_some());
        let mut at = self.ends.map(|(head, _)| head);
        while let Some(block) = at {
            count += 1;
            // SAFETY: a block of the list, which is borrowed.
            at = unsafe { block.as_ref() }.next;
        }
        count
    }
}

impl<T> Drop for Queue<T> {
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
