//! Threads: the operating system's, or a model checker's.

#[cfg(any(filch_loom, filch_shuttle))]
mod modelled;

#[cfg(not(any(filch_loom, filch_shuttle)))]
pub use std::thread::{
    Builder, JoinHandle, LocalKey, Thread, ThreadId, current, park, park_timeout, sleep, spawn, yield_now,
};

#[cfg(any(filch_loom, filch_shuttle))]
pub use modelled::{
    Builder, JoinHandle, LocalKey, Thread, ThreadId, current, park, park_timeout, sleep, spawn, yield_now,
};
