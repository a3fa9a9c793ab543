//! A look at a pair.

use super::{Receiver, Sender};

/// A look at a pair at one moment; made by [`Sender::statistics`] and [`Receiver::statistics`].
///
/// ```
/// let (sender, receiver) = filch_sync::oneshot::channel();
/// assert!(!receiver.statistics().is_closed);
/// sender.send(1).unwrap();
/// let seen = receiver.statistics();
/// assert!(seen.is_closed && seen.has_value && !seen.receiver_waits);
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneshotStatistics {
    /// Whether a value was sent that was not taken yet.
    pub has_value: bool,
    /// Whether nothing is sent any more: something was, or one half is gone or has closed.
    pub is_closed: bool,
    /// Whether the sender waits for the receiver to go or to close.
    pub sender_waits: bool,
    /// Whether the receiver waits for the value.
    pub receiver_waits: bool,
}

impl<T> Sender<T> {
    /// A look at the pair.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::oneshot::channel::<u8>();
    /// assert!(!sender.statistics().receiver_waits);
    /// drop(receiver);
    /// assert!(sender.statistics().is_closed);
    /// ```
    pub fn statistics(&self) -> OneshotStatistics {
        self.cell.statistics()
    }
}

impl<T> Receiver<T> {
    /// A look at the pair.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::oneshot::channel();
    /// sender.send(1).unwrap();
    /// assert!(receiver.statistics().has_value && receiver.statistics().is_closed);
    /// ```
    pub fn statistics(&self) -> OneshotStatistics {
        // Once the answer was given there is nothing left to look at.
        let answered = OneshotStatistics {
            has_value: false,
            is_closed: true,
            sender_waits: false,
            receiver_waits: false,
        };
        self.cell.as_ref().map_or(answered, |cell| cell.statistics())
    }
}
