//! Hints to the processor, or to a model checker's scheduler.

#[cfg(not(any(filch_loom, filch_shuttle)))]
pub use std::hint::spin_loop;

#[cfg(filch_loom)]
pub use loom::hint::spin_loop;

#[cfg(filch_shuttle)]
pub use shuttle::hint::spin_loop;
