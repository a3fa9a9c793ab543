//! Looks at a queue that change nothing.

use super::{Order, RawQueue};
use std::fmt;

impl<T, O: Order<T>> RawQueue<T, O> {
    /// Whether [`shutdown`](Self::shutdown) was called. There may be items still.
    ///
    /// # Examples
    /// ```
    /// let queue = filch_sync::queue::Queue::<u8>::bounded(3);
    /// assert!(!queue.is_shut_down());
    /// queue.shutdown(true);
    /// assert!(queue.is_shut_down());
    /// ```
    pub fn is_shut_down(&self) -> bool {
        self.state().is_shut_down
    }

    /// Items in the queue at this moment.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(filch_sync::queue::Queue::<u8>::bounded(3).len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        O::len(&self.state().items)
    }

    /// Whether there is no item at this moment.
    ///
    /// # Examples
    /// ```
    /// assert!(filch_sync::queue::Queue::<u8>::bounded(3).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room at this moment.
    ///
    /// # Examples
    /// ```
    /// assert!(!filch_sync::queue::Queue::<u8>::bounded(3).is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        self.capacity.is_some_and(|capacity| self.len() >= capacity)
    }

    /// How many items there may be; nothing for a queue without bound.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(filch_sync::queue::Queue::<u8>::bounded(3).capacity(), Some(3));
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        self.capacity
    }

    /// A look at the queue. Its figures are read one after the other, while others go on.
    ///
    /// # Examples
    /// ```
    /// let queue = filch_sync::queue::Queue::unbounded();
    /// queue.try_put(1).unwrap();
    /// queue.try_get().unwrap();
    /// let seen = queue.statistics();
    /// assert_eq!((seen.len, seen.len_peak, seen.unfinished), (0, 1, 1));
    /// ```
    pub fn statistics(&self) -> QueueStatistics {
        let (getters, getters_peak) = self.getters.waiting();
        let (putters, putters_peak) = self.putters.waiting();
        let (joiners, joiners_peak) = self.joiners.waiting();
        let state = self.state();
        QueueStatistics {
            len: O::len(&state.items),
            len_peak: state.len_peak,
            unfinished: state.unfinished,
            getters,
            getters_peak,
            putters,
            putters_peak,
            joiners,
            joiners_peak,
        }
    }
}

impl<T, O: Order<T>> fmt::Debug for RawQueue<T, O> {
    /// Never waits: what is locked at this moment is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct(O::NAME);
        shown.field("capacity", &self.capacity);
        if let Some(state) = self.state.try_lock() {
            let (len, unfinished, is_shut_down) =
                (O::len(&state.items), state.unfinished, state.is_shut_down);
            drop(state);
            shown.field("len", &len).field("unfinished", &unfinished).field("shut_down", &is_shut_down);
        }
        for (name, line) in [("getters", &self.getters), ("putters", &self.putters)] {
            if let Some(len) = line.try_len() {
                shown.field(name, &len);
            }
        }
        shown.finish_non_exhaustive()
    }
}

/// A look at a queue at one moment; made by [`RawQueue::statistics`].
///
/// ```
/// let queue = filch_sync::Queue::bounded(4);
/// queue.try_put(1).unwrap();
/// queue.try_get().unwrap();
/// let seen = queue.statistics();
/// assert_eq!((seen.len, seen.len_peak, seen.unfinished), (0, 1, 1));
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueStatistics {
    /// Items in the queue.
    pub len: usize,
    /// The most there were at once.
    pub len_peak: usize,
    /// Items that were put and are not done.
    pub unfinished: u64,
    /// Who waits for an item.
    pub getters: usize,
    /// The most that did at once.
    pub getters_peak: usize,
    /// Who waits for room.
    pub putters: usize,
    /// The most that did at once.
    pub putters_peak: usize,
    /// Who waits for all to be done.
    pub joiners: usize,
    /// The most that did at once.
    pub joiners_peak: usize,
}
