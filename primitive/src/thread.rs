//! Threads: the operating system's, or a model checker's.

#[cfg(not(any(filch_loom, filch_shuttle)))]
pub use std::thread::{
    Builder, JoinHandle, LocalKey, Thread, ThreadId, current, park, park_timeout, sleep, spawn, yield_now,
};

#[cfg(filch_loom)]
pub use loom::thread::{Builder, JoinHandle, LocalKey, Thread, ThreadId, current, park, spawn, yield_now};

#[cfg(filch_shuttle)]
pub use shuttle::thread::{
    Builder, JoinHandle, LocalKey, Thread, ThreadId, current, park, park_timeout, sleep, spawn, yield_now,
};
