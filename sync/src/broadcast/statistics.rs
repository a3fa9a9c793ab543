//! A look at a channel.

/// What a channel looked like at one moment; made by [`Sender::statistics`](super::Sender::statistics). The
/// moment of each line of waiters is a little earlier than that of the rest.
///
/// ```
/// use filch_sync::broadcast;
/// let (sender, receiver) = broadcast::lossy(4);
/// sender.try_send(1).unwrap();
/// let seen = sender.statistics();
/// assert_eq!((seen.len, seen.capacity, seen.sent), (1, 4, 1));
/// assert_eq!((seen.receivers, seen.receivers_waiting), (1, 0));
/// # drop(receiver);
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BroadcastStatistics {
    /// Values that some receiver has not had yet.
    pub len: usize,
    /// How many of them there can be.
    pub capacity: usize,
    /// Values sent since the beginning.
    pub sent: u64,
    /// Senders there are.
    pub senders: usize,
    /// Receivers there are.
    pub receivers: usize,
    /// Sends that wait for room.
    pub senders_waiting: usize,
    /// The most there have been of those.
    pub senders_waiting_peak: usize,
    /// Sinks that wait for room.
    pub sinks_waiting: usize,
    /// The most there have been of those.
    pub sinks_waiting_peak: usize,
    /// Receivers that wait for a value.
    pub receivers_waiting: usize,
    /// The most there have been of those.
    pub receivers_waiting_peak: usize,
}
