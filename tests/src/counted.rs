//! Books on values: how many were made, how many are gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number that everybody may count up. Clones are the same number.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Books>);

#[derive(Debug, Default)]
struct Books {
    count: AtomicUsize,
    made: AtomicUsize,
    dropped: AtomicUsize,
}

impl Tally {
    /// Zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more. Returns how many there were before.
    pub fn count(&self) -> usize {
        self.0.count.fetch_add(1, Ordering::SeqCst)
    }

    /// How often [`count`](Self::count) was called.
    pub fn counted(&self) -> usize {
        self.0.count.load(Ordering::SeqCst)
    }

    /// A value that is written down here.
    pub fn value(&self) -> Counted {
        self.0.made.fetch_add(1, Ordering::SeqCst);
        Counted(self.clone())
    }

    /// How many values were made.
    pub fn made(&self) -> usize {
        self.0.made.load(Ordering::SeqCst)
    }

    /// How many values were dropped.
    pub fn dropped(&self) -> usize {
        self.0.dropped.load(Ordering::SeqCst)
    }

    /// How many values are there.
    pub fn alive(&self) -> usize {
        // Read in this order so that a value that comes and goes between the two is not missed the wrong way round.
        let dropped = self.dropped();
        self.made() - dropped
    }
}

/// A value whose end is written down.
#[derive(Debug)]
pub struct Counted(Tally);

impl Counted {
    /// Counts one up in its books.
    pub fn count(&self) -> usize {
        self.0.count()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.dropped.fetch_add(1, Ordering::SeqCst);
    }
}
