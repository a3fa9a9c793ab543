//! A look at a channel.

use super::shared::{Shared, count_of};
use std::fmt;

/// A look at a channel at one moment, or, while others use it, at several close to each other.
///
/// The greatest length is not among the figures: to know it, each send would have to compare, and a bounded channel to read its
/// head, which a send otherwise leaves to the receivers. What tells of a queue that is too short are the senders that waited.
///
/// ```
/// use filch_sync::channel;
/// let (sender, receiver) = channel::bounded(4);
/// sender.try_send(1).unwrap();
/// let seen = receiver.statistics();
/// assert_eq!((seen.len, seen.capacity, seen.reserved), (1, Some(4), 0));
/// assert_eq!((seen.senders, seen.waiting_senders), (1, 0));
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelStatistics {
    /// Values in the channel.
    pub len: usize,
    /// How many it holds at most; nothing when it is unbounded.
    pub capacity: Option<usize>,
    /// Places reserved by permits.
    pub reserved: usize,
    /// Whether it is closed.
    pub is_closed: bool,
    /// Senders.
    pub senders: usize,
    /// Receivers.
    pub receivers: usize,
    /// Weak senders.
    pub weak_senders: usize,
    /// Weak receivers.
    pub weak_receivers: usize,
    /// How many wait to send or to reserve.
    pub waiting_senders: usize,
    /// How many waited to send or to reserve at most.
    pub waiting_senders_peak: usize,
    /// How many wait to receive; a stream that waited once counts until it has received.
    pub waiting_receivers: usize,
    /// How many waited to receive at most.
    pub waiting_receivers_peak: usize,
}

impl<T> Shared<T> {
    pub(super) fn statistics(&self) -> ChannelStatistics {
        let (waiting_senders, waiting_senders_peak) = self.send_line.figures();
        let (waiting_receivers, waiting_receivers_peak) = self.recv_line.figures();
        ChannelStatistics {
            len: self.len(),
            capacity: self.capacity(),
            reserved: self.reserved(),
            is_closed: self.is_closed(),
            senders: count_of(&self.senders),
            receivers: count_of(&self.receivers),
            weak_senders: count_of(&self.weak_senders),
            weak_receivers: count_of(&self.weak_receivers),
            waiting_senders,
            waiting_senders_peak,
            waiting_receivers,
            waiting_receivers_peak,
        }
    }

    /// What `Debug` shows of any end.
    pub(super) fn show(&self, f: &mut fmt::DebugStruct<'_, '_>) -> fmt::Result {
        f.field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("closed", &self.is_closed())
            .field("senders", &count_of(&self.senders))
            .field("receivers", &count_of(&self.receivers))
            .finish_non_exhaustive()
    }
}
