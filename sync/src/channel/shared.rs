//! What both ends share: one of three queues, two lines of waiters, two counts.

use super::array::ArrayQueue;
use super::blocks::BlockQueue;
use super::line::Line;
use filch_primitive::discard;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
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
    Array(Box<ArrayQueue<T>>),
    Blocks(BlockQueue<T>),
    Hand,
}

/// The middle of a channel.
pub(super) struct Shared<T> {
    pub(super) flavour: Flavour<T>,
    pub(super) send_line: Line,
    pub(super) recv_line: Line,
    pub(super) senders: AtomicUsize,
    pub(super) receivers: AtomicUsize,
}

impl<T> Shared<T> {
    fn new(flavour: Flavour<T>) -> Self {
        Self {
            flavour,
            send_line: Line::new(),
            recv_line: Line::new(),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
        }
    }

    pub(super) fn bounded(capacity: usize) -> Self {
        let slot_bytes = size_of::<T>().saturating_add(size_of::<usize>());
        Self::new(match capacity {
            0 => Flavour::Hand,
            _ if capacity.saturating_mul(slot_bytes) <= ARRAY_BYTES_MAX => {
                Flavour::Array(Box::new(ArrayQueue::new(capacity)))
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

    pub(super) fn capacity(&self) -> Option<usize> {
        match &self.flavour {
            Flavour::Array(queue) => Some(queue.capacity()),
            Flavour::Blocks(queue) if queue.limit() == usize::MAX => None,
            Flavour::Blocks(queue) => Some(queue.limit()),
            Flavour::Hand => Some(0),
        }
    }

    /// Drops what is left, every value even if the drop of some panics; the first such panic goes on at the end.
    pub(super) fn discard(&self) {
        let mut panicked = None;
        loop {
            let value = match &self.flavour {
                Flavour::Array(queue) => queue.pop(),
                Flavour::Blocks(queue) => queue.pop(),
                Flavour::Hand => return,
            };
            let Ok(value) = value else { break };
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
                match panicked {
                    None => panicked = Some(payload),
                    Some(_) => discard(payload),
                }
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

/// A figure to look at.
pub(super) fn count_of(ends: &AtomicUsize) -> usize {
    // Ordering: Relaxed, nothing is concluded from it.
    ends.load(Ordering::Relaxed)
}
