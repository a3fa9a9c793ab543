//! Threads: the operating system's, or the model checker's.

#[cfg(not(filch_loom))]
pub use std::thread::{
    Builder, JoinHandle, LocalKey, Thread, ThreadId, current, park, park_timeout, sleep, spawn, yield_now,
};

#[cfg(filch_loom)]
pub use loom::thread::{Builder, JoinHandle, LocalKey, Thread, ThreadId, current, park, spawn, yield_now};
