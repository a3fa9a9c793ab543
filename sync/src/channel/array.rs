//! The bounded queue: an array of slots with stamps, no lock.
//!
//! # States
//! A position is a slot's index in the low bits, and the lap above them; between the two lies one bit, [`ArrayQueue::closed_bit`],
//! which only the tail ever carries. Each slot has a stamp:
//!
//! | stamp of slot `i` | meaning | leaves by |
//! |---|---|---|
//! | position `p` (index `i`) | empty, to be written by the push that gets `p` | that push: stamp `p + 1` |
//! | `p + 1` | holds the value pushed at `p` | the pop that gets `p`: stamp `p + lap` |
//!
//! # Protocol
//! Push: 1. read the tail; closed means refused. 2. If the slot's stamp is the tail: exchange the tail for the next position;
//! who wins writes the value and then the stamp. 3. If the stamp is one of the lap before, the queue is full if the head says so
//! as well. Anything else: another push is ahead, look again.
//!
//! Pop: the same with the head; the slot must hold a value; empty if the tail says so, closed if it says so as well.
//!
//! Close: sets the bit in the tail, so that every push comes entirely before or is refused.
//!
//! # Why it is right
//! A position is given out once, by the exchange. A slot is written only by the push whose position its stamp shows, and read
//! only by the pop whose position + 1 it shows, and stamps only grow: write and read of one slot alternate, each released by a
//! stamp and acquired through it. A pop that finds the head's slot claimed but not written waits for that push, a matter of a few
//! instructions, unless it lost its processor: then so is this one's given up.
//!
//! # Source
//! D. Vyukov's bounded MPMC queue, with the lap arithmetic for capacities that are no power of two, and the closing bit, as in
//! crossbeam's array channel.

#![allow(unsafe_code, reason = "slots are written and read under the stamps' protocol")]

use super::apart::Apart;
use super::line::announced;
use super::shared::{Pop, Push};
use filch_primitive::cell::UnsafeCell;
use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering, fence};
use std::mem::MaybeUninit;

/// Keeps head and tail out of each other's cache lines; two lines, since some processors fetch them in pairs.
#[repr(align(128))]
struct Padded<T>(T);

struct Slot<T> {
    stamp: AtomicUsize,
    value: UnsafeCell<MaybeUninit<T>>,
}

impl<T> Slot<T> {
    /// Makes an empty slot in its place: on the way through the stack, large values would not fit there.
    fn write(place: &mut MaybeUninit<Self>, index: usize) {
        let place = place.as_mut_ptr();
        // SAFETY: `place` points to a whole slot; no reference is made to what is not written yet.
        let stamp = unsafe { &raw mut (*place).stamp };
        // SAFETY: a field of that slot, aligned, and nobody else's.
        unsafe { stamp.write(AtomicUsize::new(index)) };
        // A cell of a value that need not be written need not be either, unless the model checker watches it.
        #[cfg(filch_loom)]
        {
            // SAFETY: as for the stamp.
            let value = unsafe { &raw mut (*place).value };
            // SAFETY: as for the stamp.
            unsafe { value.write(UnsafeCell::new(MaybeUninit::uninit())) };
        }
    }
}

/// A queue of a fixed number of slots.
pub(super) struct ArrayQueue<T> {
    head: Padded<AtomicUsize>,
    tail: Padded<AtomicUsize>,
    slots: Box<[Slot<T>]>,
    /// Above all indices, below the laps.
    closed_bit: usize,
    one_lap: usize,
}

// SAFETY: the queue moves values between threads, each to one of them: `T: Send` is what that takes.
unsafe impl<T: Send> Send for ArrayQueue<T> {}
// SAFETY: as above; nobody gets a shared reference to a value.
unsafe impl<T: Send> Sync for ArrayQueue<T> {}

impl<T> ArrayQueue<T> {
    /// # Panics
    /// When `capacity` is 0 or above a quarter of the address space.
    pub(super) fn new(capacity: usize) -> Self {
        assert!(capacity > 0 && capacity < usize::MAX / 4, "capacities beyond this do not come here");
        let closed_bit = (capacity + 1).next_power_of_two();
        let mut slots = Box::new_uninit_slice(capacity);
        for (index, slot) in slots.iter_mut().enumerate() {
            Slot::write(slot, index);
        }
        // SAFETY: each of them was written.
        let slots = unsafe { slots.assume_init() };
        Self {
            head: Padded(AtomicUsize::new(0)),
            tail: Padded(AtomicUsize::new(0)),
            slots,
            closed_bit,
            one_lap: closed_bit * 2,
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.slots.len()
    }

    fn slot(&self, position: usize) -> &Slot<T> {
        &self.slots[position & (self.closed_bit - 1)]
    }

    fn after(&self, position: usize) -> usize {
        if (position & (self.closed_bit - 1)) + 1 < self.slots.len() {
            position + 1
        } else {
            (position & !(self.one_lap - 1)).wrapping_add(self.one_lap)
        }
    }

    #[cfg(all(test, not(filch_loom)))]
    pub(super) fn push(&self, value: T) -> Result<(), Push<T>> {
        self.push_or(value, |value| Err(Push::Closed(value)))
    }

    /// Pushes; closed, does what `closed` says instead.
    #[inline(always)]
    pub(super) fn push_or(
        &self,
        value: T,
        closed: impl FnOnce(T) -> Result<(), Push<T>>,
    ) -> Result<(), Push<T>> {
        let mut apart = Apart::default();
        // Ordering: Relaxed, the stamp and the exchange decide.
        let mut tail = self.tail.0.load(Ordering::Relaxed);
        loop {
            if tail & self.closed_bit != 0 {
                return closed(value);
            }
            let slot = self.slot(tail);
            // Ordering: Acquire, paired with the Release store in `pop`: the value before was read entirely.
            let stamp = slot.stamp.load(Ordering::Acquire);
            if stamp == tail {
                // Ordering: SeqCst, in one order with `close`, with the fences below and with the looks at who waits, for
                // which it counts as the publication (see `line.rs`); the value itself is published by the stamp.
                match self.tail.0.compare_exchange(
                    tail,
                    self.after(tail),
                    Ordering::SeqCst,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => {
                        announced();
                        slot.value.with_mut(|place| {
                            // SAFETY: the exchange gave us this position, and the stamp says that the slot is empty: nobody
                            // else touches it until we change the stamp.
                            let place = unsafe { &mut *place };
                            place.write(value);
                        });
                        // Ordering: Release, paired with the Acquire load in `pop`.
                        let release =
                            mutant::ordering("channel.stamp.order", Ordering::Release, Ordering::Relaxed);
                        slot.stamp.store(tail + 1, release);
                        return Ok(());
                    }
                    Err(_) => {
                        apart.stay();
                        // Ordering: Relaxed, as above.
                        tail = self.tail.0.load(Ordering::Relaxed);
                    }
                }
            } else if stamp.wrapping_add(self.one_lap) == tail + 1 {
                // A value of the lap before: full, unless a pop is about to finish. The fence keeps the load of the head
                // from being older than that of the stamp.
                fence(Ordering::SeqCst);
                // Ordering: Relaxed, see the fence.
                if self.head.0.load(Ordering::Relaxed).wrapping_add(self.one_lap) == tail {
                    return Err(Push::Full(value));
                }
                apart.stay();
                // Ordering: Relaxed, as above.
                tail = self.tail.0.load(Ordering::Relaxed);
            } else {
                apart.stay();
                // Ordering: Relaxed, as above.
                tail = self.tail.0.load(Ordering::Relaxed);
            }
        }
    }

    pub(super) fn pop(&self) -> Result<T, Pop> {
        self.pop_or(|| Err(Pop::Closed))
    }

    /// Pops; closed and empty, does what `closed` says instead.
    #[inline(always)]
    pub(super) fn pop_or(&self, closed: impl FnOnce() -> Result<T, Pop>) -> Result<T, Pop> {
        let mut apart = Apart::default();
        // Ordering: Relaxed, the stamp and the exchange decide.
        let mut head = self.head.0.load(Ordering::Relaxed);
        loop {
            let slot = self.slot(head);
            // Ordering: Acquire, paired with the Release store in `push`: the value is seen.
            let stamp = slot.stamp.load(Ordering::Acquire);
            if stamp == head + 1 {
                // Ordering: SeqCst, in one order with the fences, and for those who wait for a place as in `push`.
                match self.head.0.compare_exchange(
                    head,
                    self.after(head),
                    Ordering::SeqCst,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => {
                        announced();
                        let value = slot.value.with_mut(|place| {
                            // SAFETY: the exchange gave us this position, and the stamp says that it was written: nobody
                            // else touches it until we change the stamp.
                            let place = unsafe { &mut *place };
                            // SAFETY: written, and read by the one pop that got this position.
                            unsafe { place.assume_init_read() }
                        });
                        // Ordering: Release, paired with the Acquire load in `push`.
                        slot.stamp.store(head.wrapping_add(self.one_lap), Ordering::Release);
                        return Ok(value);
                    }
                    Err(_) => {
                        apart.stay();
                        // Ordering: Relaxed, as above.
                        head = self.head.0.load(Ordering::Relaxed);
                    }
                }
            } else {
                if stamp == head {
                    // Not written: empty, unless a push is about to finish. The fence keeps the load of the tail from being
                    // older than that of the stamp.
                    fence(Ordering::SeqCst);
                    // Ordering: Relaxed, see the fence.
                    let tail = self.tail.0.load(Ordering::Relaxed);
                    if tail & !self.closed_bit == head {
                        return if tail & self.closed_bit != 0 { closed() } else { Err(Pop::Empty) };
                    }
                }
                apart.stay();
                // Ordering: Relaxed, as above.
                head = self.head.0.load(Ordering::Relaxed);
            }
        }
    }

    /// Refuses all that is not pushed yet. True for the first call.
    pub(super) fn close(&self) -> bool {
        // Ordering: SeqCst, in one order with the pushes.
        self.tail.0.fetch_or(self.closed_bit, Ordering::SeqCst) & self.closed_bit == 0
    }

    pub(super) fn is_closed(&self) -> bool {
        // Ordering: SeqCst, paired with `close`.
        self.tail.0.load(Ordering::SeqCst) & self.closed_bit != 0
    }

    pub(super) fn len(&self) -> usize {
        loop {
            // Ordering: SeqCst, so that a tail that is the same before and after was the tail when the head was read.
            let tail = self.tail.0.load(Ordering::SeqCst);
            let head = self.head.0.load(Ordering::SeqCst);
            if self.tail.0.load(Ordering::SeqCst) != tail {
                continue;
            }
            let at = |position: usize| position & (self.closed_bit - 1);
            let tail = tail & !self.closed_bit;
            return match at(tail).cmp(&at(head)) {
                std::cmp::Ordering::Greater => at(tail) - at(head),
                std::cmp::Ordering::Less => self.capacity() - at(head) + at(tail),
                std::cmp::Ordering::Equal if tail == head => 0,
                std::cmp::Ordering::Equal => self.capacity(),
            };
        }
    }

    /// Starts in a lap of which few are left before the positions wrap.
    #[cfg(all(test, not(filch_loom)))]
    pub(super) fn near_wrap(capacity: usize) -> Self {
        let queue = Self::new(capacity);
        let start = 0_usize.wrapping_sub(queue.one_lap * 3);
        queue.head.0.store(start, Ordering::Relaxed);
        queue.tail.0.store(start, Ordering::Relaxed);
        for slot in &queue.slots {
            let index = slot.stamp.load(Ordering::Relaxed);
            slot.stamp.store(start + index, Ordering::Relaxed);
        }
        queue
    }
}
