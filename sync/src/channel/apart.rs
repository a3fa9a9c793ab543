//! Keeping away from a place where another processor is at work.
//!
//! Two processors that send or receive at once cost each other more than the work itself: each message moves the lines of memory
//! that it touches from one to the other, about a hundred nanoseconds, where one alone needs thirty. Who loses a race for such a
//! line therefore stays away for as long as some dozens of messages take, and longer each time; meanwhile the other goes on
//! alone, from its own cache. So the losers' processor does nothing for a while, and the messages are through in half the time.
//!
//! # Rejected
//! Trying again at once, or after one pause: four tasks that sent to one on two workers took 100 ns a message, and 37 like this.

#[cfg(not(filch_loom))]
use filch_primitive::hint;
use filch_primitive::thread;

/// Pauses after the first race that was lost. With pauses of 40 ns that is what some thirty messages take; where pauses are
/// shorter, less. Measured: half as many cost a quarter more, twice as many win nothing.
#[cfg(not(filch_loom))]
const PAUSES: u32 = 32;

/// From this race on they are not doubled any more.
#[cfg(not(filch_loom))]
const DOUBLED_MAX: u32 = 2;

/// Races lost before the processor is given up: who is to finish may have lost it.
#[cfg(not(filch_loom))]
const RACES_MAX: u32 = 8;

/// One attempt that has lost so many races.
#[derive(Default)]
pub(super) struct Apart {
    #[cfg(not(filch_loom))]
    races: u32,
}

impl Apart {
    /// A race was lost: stays away.
    #[cfg(not(filch_loom))]
    #[cold]
    pub(super) fn stay(&mut self) {
        if self.races < RACES_MAX && !cfg!(filch_shuttle) {
            (0..PAUSES << self.races.min(DOUBLED_MAX)).for_each(|_| hint::spin_loop());
            self.races += 1;
        } else {
            thread::yield_now();
        }
    }

    /// A race was lost: others go on.
    #[cfg(filch_loom)]
    pub(super) fn stay(&mut self) {
        thread::yield_now();
    }
}
