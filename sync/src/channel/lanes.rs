//! The bounded channel: an array without a lock, and beside it a locked queue for what an array cannot do.
//!
//! A place in an array of slots is the place of one position: who reserves it blocks all that come behind, and who pushes out the
//! oldest competes with those that receive it. Under a lock both are a count and two moves. So the channel begins in the array,
//! and with the first [`reserve`](Lanes::reserve) or [`force`](Lanes::force) it goes over to the side queue, for good.
//!
//! # States
//! | array's closing bit | side queue closed | the channel |
//! |---|---|---|
//! | clear | no | is open, in the array |
//! | set | no | is open, gone over: the array is read to its end, nothing is written to it |
//! | clear | yes | is about to be closed by one who has the bit still to set |
//! | set | yes | is closed |
//!
//! # Protocol
//! Go over: set the bit. Close: 1. close the side queue; 2. set the bit. Push: into the array; refused there, into the side
//! queue, which refuses when it is closed. Pop: from the array; at its end, from the side queue.
//!
//! # Why it is right
//! *In order*: each push into the side queue comes after the bit, and so after all pushes into the array; and it is read by those
//! only that found the array at its end.
//!
//! *Never above the capacity*: the side queue's room is the capacity less what lies in the array. It is used only after the bit
//! was set, when that can but shrink: what is read under the side queue's lock is never too little.
//!
//! *No wake-up is lost*: the second try of one that waits (see [`line`](super::line)) may find the bit clear, and never come to the
//! side queue and its lock. It does not miss what was done there: who does anything there has set the bit, or read it set, by a
//! `SeqCst` operation, and looks for those that wait after that. If it sees nobody, the bit was set before the waiter's fence, and
//! the second try sees it. The array reads the bit without that order; [`Lanes::aside`] makes up for it.
//!
//! # Rejected
//! A count of reserved places beside head and tail: "full" would be asked of three words at once, which only a wider exchange
//! could answer, on every send of those who never reserve anything. As it is they pay nothing: that the bit is clear they must
//! know anyhow. Moving the array's values over: a receiver that meets the move would see them out of order.

use super::array::ArrayQueue;
use super::blocks::BlockQueue;
use super::shared::{Pop, Push};
use filch_primitive::mutant;

/// The queue of a bounded channel.
pub(super) struct Lanes<T> {
    array: ArrayQueue<T>,
    side: BlockQueue<T>,
}

impl<T> Lanes<T> {
    /// # Panics
    /// As [`ArrayQueue::new`].
    pub(super) fn new(capacity: usize) -> Self {
        Self { array: ArrayQueue::new(capacity), side: BlockQueue::new(capacity) }
    }

    pub(super) fn capacity(&self) -> usize {
        self.array.capacity()
    }

    #[inline(always)]
    pub(super) fn push(&self, value: T) -> Result<(), Push<T>> {
        self.array.push_or(value, |value| self.push_aside(value))
    }

    #[cold]
    fn push_aside(&self, value: T) -> Result<(), Push<T>> {
        self.aside().push_beside(value, || self.beside())
    }

    /// Values still in the array, after the bit was set.
    fn beside(&self) -> usize {
        if mutant::planted("channel.lanes.room") { 0 } else { self.array.len() }
    }

    #[inline(always)]
    pub(super) fn pop(&self) -> Result<T, Pop> {
        self.array.pop_or(|| self.pop_aside())
    }

    #[cold]
    fn pop_aside(&self) -> Result<T, Pop> {
        self.aside().pop()
    }

    /// The side queue, for one that the array sent there.
    fn aside(&self) -> &BlockQueue<T> {
        // A `SeqCst` load, for the order of the bit before the look at who waits: see the module docs.
        let is_set = self.array.is_closed();
        debug_assert!(is_set, "once set it stays");
        &self.side
    }

    /// Takes what is there, up to `limit`, which is not 0.
    pub(super) fn pop_many(&self, into: &mut Vec<T>, limit: usize) -> Result<usize, Pop> {
        let goal = self.len().clamp(1, limit);
        // No allocation, and so no failure of one, once something was taken.
        into.reserve(goal);
        for count in 0..goal {
            match self.array.pop() {
                Ok(value) => into.push(value),
                Err(Pop::Closed) => {
                    return match self.aside().pop_many(into, goal - count) {
                        Ok(more) => Ok(count + more),
                        Err(_) if count > 0 => Ok(count),
                        Err(nothing) => Err(nothing),
                    };
                }
                Err(Pop::Empty) if count > 0 => return Ok(count),
                Err(nothing) => return Err(nothing),
            }
        }
        Ok(goal)
    }

    /// Reserves `count` places, all or none.
    ///
    /// # Errors
    /// Full, or closed.
    pub(super) fn reserve(&self, count: usize) -> Result<(), Push<()>> {
        self.go_over();
        self.side.reserve(count, || self.beside())
    }

    /// The queue that holds reserved places.
    pub(super) fn side(&self) -> &BlockQueue<T> {
        &self.side
    }

    /// Puts a value in, if need be in the place of the oldest, which comes back.
    ///
    /// # Errors
    /// The value, when the channel is closed.
    pub(super) fn force(&self, value: T) -> Result<Option<T>, T> {
        self.go_over();
        self.side.force(value, || self.beside(), || self.array.pop().ok())
    }

    fn go_over(&self) {
        if !self.array.is_closed() {
            self.array.close();
        }
    }

    /// Refuses all that is not pushed yet. True for the first call.
    pub(super) fn close(&self) -> bool {
        let first = self.side.close();
        // By whoever comes: when any call returns, the channel is closed.
        self.go_over();
        first
    }

    pub(super) fn is_closed(&self) -> bool {
        self.array.is_closed() && self.side.is_closed()
    }

    /// Whether nothing will ever come out.
    pub(super) fn has_ended(&self) -> bool {
        self.array.is_closed() && self.array.len() == 0 && self.side.has_ended()
    }

    pub(super) fn len(&self) -> usize {
        let here = self.array.len();
        if self.array.is_closed() { here + self.side.len() } else { here }
    }
}
