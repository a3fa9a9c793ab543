//! Iterating, on a plain thread.

use super::Receiver;
use std::fmt;
use std::iter::FusedIterator;

/// The values that are there; made by [`Receiver::try_iter`].
///
/// ```
/// let (sender, receiver) = filch_sync::channel::unbounded();
/// sender.try_send(1).unwrap();
/// sender.try_send(2).unwrap();
/// assert!(receiver.try_iter().eq([1, 2]), "and it does not wait for a third");
/// ```
pub struct TryIter<'a, T> {
    receiver: &'a Receiver<T>,
}

impl<'a, T> TryIter<'a, T> {
    pub(super) fn new(receiver: &'a Receiver<T>) -> Self {
        Self { receiver }
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

impl<T> fmt::Debug for TryIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TryIter").field(&self.receiver).finish()
    }
}

/// All values up to the end of the channel, waiting for each; made by [`Receiver::iter`].
///
/// ```
/// let (sender, receiver) = filch_sync::channel::bounded(1);
/// std::thread::spawn(move || (1..=3).for_each(|n| sender.send_blocking(n).unwrap()));
/// assert_eq!(receiver.iter().sum::<i32>(), 6);
/// ```
pub struct Iter<'a, T> {
    receiver: &'a Receiver<T>,
}

impl<'a, T> Iter<'a, T> {
    pub(super) fn new(receiver: &'a Receiver<T>) -> Self {
        Self { receiver }
    }
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv_blocking().ok()
    }
}

impl<T> FusedIterator for Iter<'_, T> {}

impl<T> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Iter").field(&self.receiver).finish()
    }
}

/// As [`Iter`], with a receiver of its own; made by iterating over a [`Receiver`].
///
/// ```
/// let (sender, receiver) = filch_sync::channel::bounded(1);
/// let adds = std::thread::spawn(move || receiver.into_iter().sum::<i32>());
/// (1..=3).for_each(|n| sender.send_blocking(n).unwrap());
/// drop(sender);
/// assert_eq!(adds.join().unwrap(), 6);
/// ```
pub struct IntoIter<T> {
    receiver: Receiver<T>,
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv_blocking().ok()
    }
}

impl<T> FusedIterator for IntoIter<T> {}

impl<T> fmt::Debug for IntoIter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IntoIter").field(&self.receiver).finish()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self }
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
