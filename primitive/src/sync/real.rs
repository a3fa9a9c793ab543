//! The real ones. Locks are `parking_lot`'s: they do not poison, and they stand only on cold paths.

pub use parking_lot::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use std::sync::Arc;
pub use std::sync::atomic;
