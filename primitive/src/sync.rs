//! Shared ownership, locks and atomics, in one of four forms.
//!
//! | build | form | what it is for |
//! |---|---|---|
//! | as shipped | the standard library's atomics and `Arc`, `parking_lot`'s locks | use |
//! | `--cfg filch_loom` | loom's | every interleaving of a small model, weak orderings included |
//! | `--cfg filch_shuttle` | shuttle's | random schedules of whole executors, one memory order for all |
//! | `--cfg filch_tsan` | the shipped ones, telling `ThreadSanitizer` what it cannot see by itself | races in real runs |
//!
//! Locks do not poison in any form, and have `parking_lot`'s surface. A model knows no time: a wait with a
//! deadline ends there by notice alone.

mod counter;
#[cfg(any(filch_loom, filch_shuttle))]
mod modelled;
#[cfg(any(filch_loom, filch_shuttle))]
mod once;
#[cfg(not(any(filch_loom, filch_shuttle)))]
mod real;
#[cfg(filch_tsan)]
mod tsan;

pub use counter::StaticCounter;

#[cfg(any(filch_loom, filch_shuttle))]
pub use modelled::{Arc, Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic};
#[cfg(not(any(filch_loom, filch_shuttle)))]
pub use real::{Arc, Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic};

#[cfg(any(filch_loom, filch_shuttle))]
pub use once::OnceLock;
#[cfg(not(any(filch_loom, filch_shuttle)))]
pub use std::sync::OnceLock;

/// The real lock in every form, for statics: a model's exist only within one run of it, and these are the process's.
/// [`OnceLock`] is a real one, too.
pub use parking_lot::Mutex as StaticMutex;
