//! Thread pools for work that blocks.
//!
//! A task that reads a file, asks the system's resolver or compresses a megabyte would hold its worker for as long
//! as that takes. It hands such work to a [`Pool`] instead and awaits the [`Unblock`] it gets back. Pools work
//! under any executor, and none at all: [`unblock()`] takes the pool [entered](enter) on the current thread, else a
//! process-wide one that starts by itself.
//!
//! ```
//! use filch_blocking::unblock;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # futures_lite::future::block_on(async {
//! let text = unblock(|| std::fs::read_to_string("Cargo.toml")).await??;
//! assert!(text.contains("[package]"));
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! Threads start when a job finds nobody idle, up to [`Builder::max_threads`], and leave after
//! [`Builder::keep_alive`] without work: a pool that is not used has no thread and takes no time.
//!
//! In reading order:
//! - `counters`: the one word that says how many jobs and threads there are, and the proof that no job is stranded.
//! - `pool`: [`Pool`], that is submitting, closing and shutting down; `builder`, `stats` beside it.
//! - `worker`: what a pool thread does; `registry`: which threads there are, for [`Pool::shutdown`].
//! - `job`, `unblock`: [`Job`], the right to run some work once, and [`Unblock`], the future of what it returns.
//! - `context`: [`enter`] and [`unblock()`]; `error`: what can go wrong.
//!
//! `channel`: what jobs travel through. `Arc` is the standard library's throughout, because a model's cannot hold trait
//! objects.

mod builder;
mod channel;
mod contain;
mod context;
mod counters;
mod error;
mod job;
mod pool;
mod registry;
mod stats;
mod unblock;
mod worker;

pub use builder::{Builder, DEFAULT_KEEP_ALIVE, DEFAULT_MAX_THREADS};
pub use context::{EnterGuard, enter, unblock};
pub use error::{SubmitError, UnblockError};
pub use job::Job;
pub use pool::Pool;
pub use stats::{PoolReport, PoolStats};
pub use unblock::Unblock;
