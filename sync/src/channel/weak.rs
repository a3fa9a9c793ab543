//! Ends that keep nothing open.
//!
//! A weak end holds the channel's memory, and is in none of the counts that close it. Upgrading counts one end more in an exchange
//! that refuses to begin at zero: so the last end that goes closes the channel once, and nobody comes back after it.

use super::shared::{Shared, count_down, count_of, count_up, count_up_from_one};
use super::{Receiver, Sender};
use filch_primitive::sync::Arc;
use std::fmt;

/// A [`Sender`] that does not keep the channel open; made by [`Sender::downgrade`].
///
/// ```
/// use filch_sync::channel;
/// let (sender, receiver) = channel::bounded::<u8>(1);
/// let weak = sender.downgrade();
/// drop(sender);
/// assert!(receiver.recv_blocking().is_err(), "it keeps nothing open");
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakSender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> WeakSender<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        count_up(&shared.weak_senders);
        Self { shared }
    }

    /// A sender, unless the last one is gone. The channel may be closed all the same.
    ///
    /// ```
    /// let (sender, _receiver) = filch_sync::channel::bounded::<u8>(1);
    /// let weak = sender.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(sender);
    /// assert!(weak.upgrade().is_none());
    /// ```
    pub fn upgrade(&self) -> Option<Sender<T>> {
        count_up_from_one(&self.shared.senders).then(|| Sender::counted(self.shared.clone()))
    }

    /// How many senders there are.
    ///
    /// ```
    /// let (sender, _receiver) = filch_sync::channel::unbounded::<u8>();
    /// let weak = sender.downgrade();
    /// assert_eq!(weak.sender_count(), 1);
    /// drop(sender);
    /// assert_eq!(weak.sender_count(), 0);
    /// ```
    pub fn sender_count(&self) -> usize {
        count_of(&self.shared.senders)
    }

    /// How many weak senders there are, this one included.
    ///
    /// ```
    /// let (sender, _receiver) = filch_sync::channel::unbounded::<u8>();
    /// let weak = sender.downgrade();
    /// let _another = weak.clone();
    /// assert_eq!(weak.weak_sender_count(), 2);
    /// ```
    pub fn weak_sender_count(&self) -> usize {
        count_of(&self.shared.weak_senders)
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self::new(self.shared.clone())
    }
}

impl<T> Drop for WeakSender<T> {
    fn drop(&mut self) {
        count_down(&self.shared.weak_senders);
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.show(&mut f.debug_struct("WeakSender"))
    }
}

/// A [`Receiver`] that does not keep the channel open; made by [`Receiver::downgrade`].
///
/// ```
/// use filch_sync::channel;
/// let (sender, receiver) = channel::bounded(1);
/// let weak = receiver.downgrade();
/// drop(receiver);
/// assert!(sender.try_send(1).is_err(), "it keeps nothing open");
/// assert!(weak.upgrade().is_none());
/// ```
pub struct WeakReceiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> WeakReceiver<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        count_up(&shared.weak_receivers);
        Self { shared }
    }

    /// A receiver, unless the last one is gone. The channel may be closed all the same.
    ///
    /// ```
    /// let (_sender, receiver) = filch_sync::channel::bounded::<u8>(1);
    /// let weak = receiver.downgrade();
    /// assert!(weak.upgrade().is_some());
    /// drop(receiver);
    /// assert!(weak.upgrade().is_none());
    /// ```
    pub fn upgrade(&self) -> Option<Receiver<T>> {
        count_up_from_one(&self.shared.receivers).then(|| Receiver::counted(self.shared.clone()))
    }

    /// How many receivers there are.
    ///
    /// ```
    /// let (_sender, receiver) = filch_sync::channel::unbounded::<u8>();
    /// let weak = receiver.downgrade();
    /// assert_eq!(weak.receiver_count(), 1);
    /// drop(receiver);
    /// assert_eq!(weak.receiver_count(), 0);
    /// ```
    pub fn receiver_count(&self) -> usize {
        count_of(&self.shared.receivers)
    }

    /// How many weak receivers there are, this one included.
    ///
    /// ```
    /// let (_sender, receiver) = filch_sync::channel::unbounded::<u8>();
    /// let weak = receiver.downgrade();
    /// let _another = weak.clone();
    /// assert_eq!(weak.weak_receiver_count(), 2);
    /// ```
    pub fn weak_receiver_count(&self) -> usize {
        count_of(&self.shared.weak_receivers)
    }
}

impl<T> Clone for WeakReceiver<T> {
    fn clone(&self) -> Self {
        Self::new(self.shared.clone())
    }
}

impl<T> Drop for WeakReceiver<T> {
    fn drop(&mut self) {
        count_down(&self.shared.weak_receivers);
    }
}

impl<T> fmt::Debug for WeakReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.show(&mut f.debug_struct("WeakReceiver"))
    }
}
