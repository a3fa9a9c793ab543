//! The real ones. Locks are `parking_lot`'s: they do not poison, and they stand only on cold paths.

pub use parking_lot::{Condvar, Mutex, MutexGuard};
pub use std::sync::Arc;
pub use std::sync::atomic;
