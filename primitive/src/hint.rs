//! Hints to the processor, or to the model checker's scheduler.

#[cfg(not(filch_loom))]
pub use std::hint::spin_loop;

#[cfg(filch_loom)]
pub use loom::hint::spin_loop;
