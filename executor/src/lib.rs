#![doc = include_str!("../README.md")]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
pub mod io;
#[cfg(feature = "net")]
pub mod net;
pub mod stream;
#[cfg(feature = "sync")]
pub mod sync;
pub mod task;
pub mod time;

mod driver;
#[cfg(feature = "macros")]
mod macros;
mod metrics;
#[cfg(all(test, filch_loom))]
mod model;
mod runtime;
mod scheduler;

#[cfg(feature = "macros")]
pub use filch_macros::{main, test};
pub use metrics::{RuntimeMetrics, WorkerMetrics};
pub use runtime::{
    Builder, DROP_LIMIT, Handle, Report, Runtime, StuckTask, block_on, spawn, spawn_blocking, spawn_local,
};
pub use scheduler::Policies;
pub use task::{AbortHandle, JoinError, JoinHandle, yield_now};
