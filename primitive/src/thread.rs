//! Threads: the operating system's, or a model checker's.

#[cfg(any(filch_loom, filch_shuttle))]
mod local;
#[cfg(any(filch_loom, filch_shuttle))]
mod modelled;
#[cfg(not(any(filch_loom, filch_shuttle)))]
mod real;

#[cfg(filch_shuttle)]
pub(crate) use modelled::{begin, end};
#[cfg(any(filch_loom, filch_shuttle))]
pub use {
    local::LocalKey,
    modelled::{
        Builder, JoinHandle, Thread, ThreadId, current, park, park_timeout, pause, sleep, spawn, spread,
        yield_now,
    },
};

#[cfg(not(any(filch_loom, filch_shuttle)))]
pub use real::{
    Builder, JoinHandle, LocalKey, Thread, ThreadId, current, park, park_timeout, pause, sleep, spawn,
    spread, yield_now,
};
