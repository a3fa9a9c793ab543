//! What both ends share: one of three queues, the lines of waiters, and how many ends there are.

use super::TryReserveError;
use super::blocks::BlockQueue;
use super::lanes::Lanes;
use super::line::Line;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::{discard, mutant};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Why a value was not taken in.
pub(super) enum Push<T> {
    Full(T),
    Closed(T),
}

/// Why there was no value.
pub(super) enum Pop {
    Empty,
    Closed,
}

/// Above this many bytes the slots of a bounded channel are not allocated at once.
const ARRAY_BYTES_MAX: usize = 1 << 16;

/// What lies between the ends.
pub(super) enum Flavour<T> {
    /// Boxed for its size: head and tail have cache lines of their own.
    Array(Box<Lanes<T>>),
    Blocks(BlockQueue<T>),
    Hand,
}

/// The middle of a channel.
pub(super) struct Shared<T> {
    pub(super) flavour: Flavour<T>,
    pub(super) send_line: Line,
    pub(super) recv_line: Line,
    /// Who waits for the channel to close.
    pub(super) close_line: Line,
    pub(super) senders: AtomicUsize,
    pub(super) receivers: AtomicUsize,
    pub(super) weak_senders: AtomicUsize,
    pub(super) weak_receivers: AtomicUsize,
}

impl<T> Shared<T> {
    fn new(flavour: Flavour<T>) -> Self {
        Self {
            flavour,
            send_line: Line::new(),
            recv_line: Line::new(),
            close_line: Line::new(),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
            weak_senders: AtomicUsize::new(0),
            weak_receivers: AtomicUsize::new(0),
        }
    }

    pub(super) fn bounded(capacity: usize) -> Self {
        let slot_bytes = size_of::<T>().saturating_add(size_of::<usize>());
        Self::new(match capacity {
            0 => Flavour::Hand,
            _ if capacity.saturating_mul(slot_bytes) <= ARRAY_BYTES_MAX => {
                Flavour::Array(Box::new(Lanes::new(capacity)))
            }
            _ => Flavour::Blocks(BlockQueue::new(capacity)),
        })
    }

    pub(super) fn unbounded() -> Self {
        Self::new(Flavour::Blocks(BlockQueue::new(usize::MAX)))
    }

    pub(super) fn rendezvous() -> Self {
        Self::new(Flavour::Hand)
    }

    /// Takes `value` in, and tells a receiver.
    #[inline(always)]
    pub(super) fn push(&self, value: T) -> Result<(), Push<T>> {
        match &self.flavour {
            Flavour::Array(queue) => queue.push(value)?,
            Flavour::Blocks(queue) => queue.push(value)?,
            Flavour::Hand if self.send_line.is_hand_closed() => return Err(Push::Closed(value)),
            Flavour::Hand => return Err(Push::Full(value)),
        }
        self.recv_line.tell_one();
        Ok(())
    }

    /// Gives a value out, and tells a sender.
    #[inline(always)]
    pub(super) fn pop(&self) -> Result<T, Pop> {
        let value = match &self.flavour {
            Flavour::Array(queue) => queue.pop()?,
            Flavour::Blocks(queue) => queue.pop()?,
            Flavour::Hand => return self.pop_hand(),
        };
        if self.capacity().is_some() {
            self.send_line.tell_one();
        }
        Ok(value)
    }

    #[allow(unsafe_code, reason = "says which type lies in the senders' hands")]
    fn pop_hand(&self) -> Result<T, Pop> {
        // SAFETY: of this channel's senders, all of which send `T`, those of this flavour join their line by `poll_hand`.
        unsafe { self.send_line.take_from_hand() }
    }

    /// Gives up to `limit` values out, which is not 0, and tells as many senders.
    pub(super) fn pop_many(&self, into: &mut Vec<T>, limit: usize) -> Result<usize, Pop> {
        let count = match &self.flavour {
            Flavour::Array(queue) => queue.pop_many(into, limit)?,
            Flavour::Blocks(queue) => queue.pop_many(into, limit)?,
            Flavour::Hand => return self.pop_hands(into, limit),
        };
        if self.capacity().is_some() {
            self.send_line.tell_many(count);
        }
        Ok(count)
    }

    /// Takes from those that hold something out now; each is done when its value was taken.
    fn pop_hands(&self, into: &mut Vec<T>, limit: usize) -> Result<usize, Pop> {
        let goal = self.send_line.figures().0.clamp(1, limit);
        into.reserve(goal);
        for count in 0..goal {
            match self.pop_hand() {
                Ok(value) => into.push(value),
                Err(nothing) if count == 0 => return Err(nothing),
                Err(_) => return Ok(count),
            }
        }
        Ok(goal)
    }

    /// Reserves `count` places, all or none.
    pub(super) fn reserve(&self, count: usize) -> Result<(), TryReserveError> {
        if self.capacity().is_some_and(|capacity| count > capacity) {
            return Err(TryReserveError::NeverRoom);
        }
        let reserved = match &self.flavour {
            Flavour::Array(queue) => queue.reserve(count),
            Flavour::Blocks(queue) => queue.reserve(count, || 0),
            // Asked for none: there is always room for that, while it is open.
            Flavour::Hand if self.send_line.is_hand_closed() => Err(Push::Closed(())),
            Flavour::Hand => Ok(()),
        };
        reserved.map_err(|refused| match refused {
            // Unbounded, it has as many as can be counted: nobody waits for that.
            Push::Full(()) if self.capacity().is_none() => TryReserveError::NeverRoom,
            Push::Full(()) => TryReserveError::Full,
            Push::Closed(()) => TryReserveError::Closed,
        })
    }

    /// The queue that counts reserved places.
    fn reserving(&self) -> Option<&BlockQueue<T>> {
        match &self.flavour {
            Flavour::Array(queue) => Some(queue.side()),
            Flavour::Blocks(queue) => Some(queue),
            Flavour::Hand => None,
        }
    }

    /// Takes `value` in, in a reserved place, and tells a receiver.
    pub(super) fn push_reserved(&self, value: T) -> Result<(), T> {
        let Some(queue) = self.reserving() else { unreachable!("a rendezvous gives no permits") };
        if queue.push_reserved(value)? {
            // Closed: those that waited for this place may now be at the end.
            self.recv_line.tell_all();
        } else {
            self.recv_line.tell_one();
        }
        Ok(())
    }

    /// Gives `count` reserved places back.
    pub(super) fn release(&self, count: usize) {
        let Some(queue) = self.reserving().filter(|_| count > 0) else { return };
        if mutant::planted("channel.release.silent") {
            queue.release(count);
        } else if queue.release(count) {
            // Closed: it may have ended with these.
            self.recv_line.tell_all();
        } else if self.capacity().is_some() {
            self.send_line.tell_many(count);
        }
    }

    /// Places reserved at this moment.
    pub(super) fn reserved(&self) -> usize {
        self.reserving().map_or(0, BlockQueue::reserved)
    }

    /// Takes `value` in, in any case; what was pushed out comes back.
    pub(super) fn force(&self, value: T) -> Result<Option<T>, T> {
        let pushed_out = match &self.flavour {
            Flavour::Array(queue) => queue.force(value)?,
            Flavour::Blocks(queue) => queue.force(value, || 0, || None)?,
            Flavour::Hand if self.send_line.is_hand_closed() => return Err(value),
            Flavour::Hand => Some(value),
        };
        if pushed_out.is_none() {
            // One more than before. Where one went for one that came, whoever waits was told of the other.
            self.recv_line.tell_one();
        }
        Ok(pushed_out)
    }

    /// Closes, and tells everybody.
    pub(super) fn close(&self) {
        let first = match &self.flavour {
            Flavour::Array(queue) => queue.close(),
            Flavour::Blocks(queue) => queue.close(),
            Flavour::Hand => self.send_line.close_hand(),
        };
        if first {
            self.recv_line.tell_all();
            self.send_line.tell_all();
            if !mutant::planted("channel.close.silent") {
                self.close_line.tell_all();
            }
        }
    }

    /// Closes for the last receiver, and drops what is left.
    pub(super) fn abandon(&self) {
        self.close();
        if let Some(queue) = self.reserving() {
            queue.abandon();
        }
        self.discard();
    }

    /// Whether nothing will ever be received.
    pub(super) fn has_ended(&self) -> bool {
        match &self.flavour {
            Flavour::Array(queue) => queue.has_ended(),
            Flavour::Blocks(queue) => queue.has_ended(),
            Flavour::Hand => self.send_line.is_hand_closed(),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        match &self.flavour {
            Flavour::Array(queue) => queue.is_closed(),
            Flavour::Blocks(queue) => queue.is_closed(),
            Flavour::Hand => self.send_line.is_hand_closed(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.flavour {
            Flavour::Array(queue) => queue.len(),
            Flavour::Blocks(queue) => queue.len(),
            Flavour::Hand => 0,
        }
    }

    /// Whether one more receiver would find something at this moment.
    #[cold]
    pub(super) fn has_value(&self) -> bool {
        match self.flavour {
            Flavour::Hand => self.send_line.is_busy(),
            _ => self.len() > 0,
        }
    }

    /// Whether one more sender would find a place at this moment.
    #[cold]
    pub(super) fn has_room(&self) -> bool {
        self.capacity().is_some_and(|capacity| self.len() + self.reserved() < capacity)
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        match &self.flavour {
            Flavour::Array(queue) => Some(queue.capacity()),
            Flavour::Blocks(queue) if queue.limit() == usize::MAX => None,
            Flavour::Blocks(queue) => Some(queue.limit()),
            Flavour::Hand => Some(0),
        }
    }

    /// Drops what is left, every value even if the drop of some panics; the first such panic goes on at the end.
    fn discard(&self) {
        let mut panicked = None;
        // Asked first, so that the stack need not have room for a value where there is none.
        while self.len() > 0 {
            match catch_unwind(AssertUnwindSafe(|| drop(self.take_out()))) {
                Ok(()) => {}
                Err(payload) if panicked.is_none() => panicked = Some(payload),
                Err(payload) => discard(payload),
            }
        }
        if let Some(payload) = panicked {
            if std::thread::panicking() {
                discard(payload);
            } else {
                resume_unwind(payload);
            }
        }
    }
}

impl<T> Shared<T> {
    /// The first value, without telling anybody.
    fn take_out(&self) -> Option<T> {
        match &self.flavour {
            Flavour::Array(queue) => queue.pop().ok(),
            Flavour::Blocks(queue) => queue.pop().ok(),
            Flavour::Hand => None,
        }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // The last receiver has done so already; this is for the queues, whose own drop forgets values.
        self.discard();
    }
}

/// One more end.
pub(super) fn count_up(ends: &AtomicUsize) {
    // Ordering: Relaxed, whoever clones an end holds one, so the count is not about to reach zero.
    let before = ends.fetch_add(1, Ordering::Relaxed);
    if before > usize::MAX / 2 {
        // Only leaking ends in a loop gets here, and going on would close a channel that is in use.
        std::process::abort();
    }
}

/// One end less; true for the last.
pub(super) fn count_down(ends: &AtomicUsize) -> bool {
    // Ordering: AcqRel: the last one closes after all that the others did.
    ends.fetch_sub(1, Ordering::AcqRel) == 1
}

/// One more end, if there is one.
pub(super) fn count_up_from_one(ends: &AtomicUsize) -> bool {
    // Ordering: Relaxed, the exchange decides.
    let mut now = ends.load(Ordering::Relaxed);
    while now != 0 || mutant::planted("channel.upgrade.blind") {
        if now > usize::MAX / 2 {
            // As in `count_up`.
            std::process::abort();
        }
        // Ordering: Relaxed, as in `count_up`: the ends before this one have not gone, and so have closed nothing.
        match ends.compare_exchange_weak(now, now + 1, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(changed) => now = changed,
        }
    }
    false
}

/// A figure to look at.
pub(super) fn count_of(ends: &AtomicUsize) -> usize {
    // Ordering: Relaxed, nothing is concluded from it.
    ends.load(Ordering::Relaxed)
}
