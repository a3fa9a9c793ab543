//! Task ids.
//!
//! An id is unique in the process for ever, and handing one out touches nothing that threads share: every heap takes
//! blocks of ids from one counter and counts within its block on its own. Rejected: one counter for all spawns (a line
//! that every core writes, 240 ns when it comes from the other core), and the task's address (reused at once).

use filch_primitive::sync::StaticCounter;
use std::fmt;
use std::num::NonZeroU64;

/// Ids in one block. With a block per thread that spawns, 2^52 blocks last longer than the process.
const BLOCK: u64 = 1 << 12;

static NEXT_BLOCK: StaticCounter = StaticCounter::new(1);

/// Which task: unique in this process, never given twice.
///
/// Ids say nothing about the order of spawns on different threads.
///
/// ```
/// # filch::block_on(async {
/// let task = filch::spawn(async { filch::task::current() });
/// let id = task.id();
/// assert_eq!(task.await?, Some(id));
/// # Ok::<(), filch::JoinError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(NonZeroU64);

impl Id {
    /// The id as a number, for logs and maps.
    ///
    /// ```
    /// let (one, other) = (filch::spawn(async {}), filch::spawn(async {}));
    /// assert_ne!(one.id().get(), other.id().get());
    /// ```
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The ids one heap may still hand out.
pub(super) struct Block {
    next: u64,
    end: u64,
}

impl Block {
    /// None yet.
    pub(super) const fn new() -> Self {
        Self { next: 0, end: 0 }
    }

    /// The next id.
    #[inline]
    pub(super) fn next(&mut self) -> Id {
        if self.next == self.end {
            self.refill();
        }
        let id = self.next;
        self.next += 1;
        // The first block begins at `BLOCK`, and no process lives to see the counter wrap.
        Id(NonZeroU64::new(id).unwrap_or(NonZeroU64::MIN))
    }

    #[cold]
    fn refill(&mut self) {
        self.next = NEXT_BLOCK.next() * BLOCK;
        self.end = self.next + BLOCK;
    }
}
