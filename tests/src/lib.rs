//! What the tests of filch's promises have in common.
//!
//! The promises themselves are tested in `tests/`, one file each, each with a sentence on what would break it. Here is what they lean on:
//!
//! - [`Watchdog`]: a test that hangs fails loudly, with a look at every thread, instead of going on for ever.
//! - [`Tally`], [`Counted`]: exact books on what was made, run and dropped.
//! - [`on_wake`]: a waker that does something.
//! - [`Rogue`]: wakers that panic, or do something else they should not, with books on themselves.
//! - [`at_thread_exit`]: what a thread does when it is already dying.
//! - [`give_up_after`]: a future that is polled a few times and dropped then.
//! - [`keep()`], [`kept`]: values that are never dropped, and are no leak.
//! - [`wait_until`]: waits for a condition, not for a time.
//! - [`undisturbed()`]: what one worker does that has all tasks to itself.
//! - [`process`]: threads, descriptors, processor time and context switches of this process.
//! - [`signal`]: interrupts, one or a storm of them.
//! - [`processor`]: one processor for all, or what others leave of it.
//! - [`child`]: runs one test of the same binary in a process of its own, and hands back what it printed.
//! - [`must_not_compile`]: what the types forbid.
//! - [`fuzz`]: sequences of operations out of bytes, against models.
//! - [`soak`]: everything at once for as long as one likes, a program of its own.
//! - [`Dice`]: random choices from a seed that is printed when the test fails.

pub mod child;
pub mod fuzz;
pub mod must_not_compile;
pub mod process;
pub mod processor;
pub mod rogue;
pub mod signal;
pub mod soak;

mod counted;
mod deed;
mod dice;
mod give_up;
mod hindrance;
mod keep;
mod last_words;
mod undisturbed;
mod wait;
mod watchdog;

pub use counted::{Counted, Tally};
pub use deed::on_wake;
pub use dice::Dice;
pub use give_up::give_up_after;
pub use keep::{keep, kept};
pub use last_words::at_thread_exit;
pub use rogue::Rogue;
pub use undisturbed::undisturbed;
pub use wait::{PATIENCE, SLOWNESS, pending_until_dropped, wait_until};
pub use watchdog::Watchdog;

/// The program in the project's readme, which must compile and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
