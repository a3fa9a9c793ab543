//! filch, tokio and smol on the same workloads, in the same run, with the same bodies.
//!
//! # How to run
//!
//! ```text
//! cargo bench -p filch-benches                         # everything: some minutes to build, three to run
//! cargo bench -p filch-benches --bench spawn           # one question
//! cargo bench -p filch-benches --bench echo -- 64x64B  # one workload of it
//! cargo run --release -p filch-benches --bin summary   # what the last runs measured, as Markdown tables
//! ```
//!
//! Every runtime gets two workers; `FILCH_BENCH_WORKERS=4` gives them another number. The allocator is the
//! system's for all of them. The echo bench wants about 2,100 descriptors and raises the process's own limit
//! by itself, as far as the system lets it; where that is not far enough it says so and leaves the workload
//! out.
//!
//! # How to read
//!
//! Each file in `benches/` asks one question, and its header says what the workloads isolate; `suites` alone asks
//! what the peers ask themselves. A line such as
//! `spawn/inside/tokio` has the time of one run of the workload in `time:` and what it did per second in
//! `thrpt:`; the summary divides by the operations of a run and shows nanoseconds for each, a column per
//! runtime, with the ratio of filch to the better of the other two (below 1 is ahead). `memory` is not a
//! matter of time: it prints bytes per task.
//!
//! Only what a workload is about is timed: sockets are connected, tasks are brought into position and results
//! are checked outside the measured part (see [`Outcome`]). A run that miscounts panics instead of reporting
//! a time. Numbers of two runs compare only on a machine that does nothing else.
//!
//! # What is where
//!
//! - [`peer`]: what a workload may ask of a runtime, and the runtimes.
//! - [`workload`]: the workloads, one file per noun.
//! - [`catalogue`]: every workload by its name, with its parameters and its target.
//! - [`latch`], [`bell`], [`spin`], [`dice`]: what workloads use that belongs to no runtime.
//! - [`without`]: which of filch's policies are switched off.
//! - [`primitives`]: filch's primitives beside other libraries', under one executor.
//! - [`process`], [`usage`]: what the system says about this process.

pub mod bell;
pub mod catalogue;
pub mod dice;
pub mod latch;
pub mod peer;
pub mod primitives;
pub mod process;
pub mod spin;
pub mod usage;
pub mod without;
pub mod workload;

mod lineup;

pub use crate::lineup::{AnyPeer, Crew, PeerName, workers};
pub use crate::workload::{AnyWorkload, Outcome, Tail, Workload};
