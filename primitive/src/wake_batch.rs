//! Wakers collected under a lock and woken outside it.
//!
//! A waker is user code: it may panic, block for a moment, or come straight back to the structure it was kept
//! in. So nobody wakes under an internal lock. The section that decides whom to wake moves the wakers into a
//! [`WakeBatch`] on its stack, unlocks, and calls [`WakeBatch::wake_all`]; when the batch is full before the
//! work is done, it unlocks, wakes, locks again and goes on.

#[cfg(all(test, filch_loom))]
mod model;

use crate::contain::contained;
use crate::mutant;
use std::task::Waker;

/// Wakers one batch holds. Sixteen bytes each: large enough that a broadcast pays for its lock rarely, small
/// enough for any stack.
#[cfg(not(filch_loom))]
pub const WAKE_BATCH_CAPACITY: usize = 32;
/// Wakers one batch holds. One, so that a model with two waiters has the moment between two batches.
#[cfg(filch_loom)]
pub const WAKE_BATCH_CAPACITY: usize = 1;

/// A few wakers on the stack, to be woken once no lock is held.
///
/// Dropping a batch wakes what is left in it: a wake-up that was decided is never lost, not even to a panic.
#[derive(Debug)]
pub struct WakeBatch {
    wakers: [Option<Waker>; WAKE_BATCH_CAPACITY],
    len: usize,
}

impl WakeBatch {
    /// An empty batch.
    #[inline]
    pub const fn new() -> Self {
        Self { wakers: [const { None }; WAKE_BATCH_CAPACITY], len: 0 }
    }

    /// Whether one more waker fits.
    #[inline]
    pub const fn has_room(&self) -> bool {
        self.len < WAKE_BATCH_CAPACITY
    }

    /// Whether there is nothing to wake.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a waker.
    ///
    /// # Panics
    /// When the batch is full: the caller asks [`has_room`](Self::has_room) first.
    #[inline]
    pub fn push(&mut self, waker: Waker) {
        assert!(self.has_room(), "a full wake batch takes no more wakers");
        self.wakers[self.len] = Some(waker);
        self.len += 1;
    }

    /// Wakes all in the order they were added, and leaves the batch empty. A waker that panics is contained:
    /// the others are woken all the same.
    pub fn wake_all(&mut self) {
        let len = std::mem::take(&mut self.len);
        for waker in self.wakers[..len].iter_mut().filter_map(Option::take) {
            wake_contained(waker);
        }
    }
}

impl Default for WakeBatch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for WakeBatch {
    fn drop(&mut self) {
        if !mutant::planted("wake_batch.drop.silent") {
            self.wake_all();
        }
    }
}

/// Wakes, and contains a panic of the waker: it has been printed by the panic hook, and whoever wakes on behalf
/// of others must go on.
#[inline]
pub fn wake_contained(waker: Waker) {
    contained(|| waker.wake());
}

#[cfg(all(test, not(filch_loom)))]
mod tests {
    use super::{WAKE_BATCH_CAPACITY, WakeBatch};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    struct Panics;

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker that panics on purpose");
        }
    }

    #[test]
    fn wakes_each_once_even_beside_one_that_panics() {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let mut batch = WakeBatch::new();
        batch.push(Waker::from(count.clone()));
        batch.push(Waker::from(Arc::new(Panics)));
        batch.push(Waker::from(count.clone()));
        batch.wake_all();
        assert!(batch.is_empty());
        drop(batch);
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_dropped_batch_wakes() {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let mut batch = WakeBatch::new();
        while batch.has_room() {
            batch.push(Waker::from(count.clone()));
        }
        drop(batch);
        assert_eq!(count.0.load(Ordering::Relaxed), WAKE_BATCH_CAPACITY);
    }

    #[test]
    #[should_panic(expected = "takes no more")]
    fn a_full_batch_refuses() {
        let mut batch = WakeBatch::new();
        (0..=WAKE_BATCH_CAPACITY).for_each(|_| batch.push(Waker::noop().clone()));
    }
}
