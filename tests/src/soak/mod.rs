//! Endurance: everything at once, for as long as one likes, with faults, and with books that must be exact.
//!
//! `cargo run --release --example soak -- --minutes 60` runs it; `main` is that program, here so that a test
//! can run it too, and can plant the very faults that it must find.
//!
//! # How it goes
//! The time is cut into stretches. In each, every ingredient works on a thread of its own until it is told to
//! stop, then brings its work to an end and checks its own sums. Between stretches all is quiet, and then
//!
//! 1. every task spawned has completed, was cancelled or panicked, once, and every output and message is gone
//!    (`ledger`);
//! 2. threads, descriptors and child processes are as many as after the first stretch, which warms up;
//! 3. memory, allocated and resident, is where it was, within a bound, and over the second half of the run it
//!    does not climb (`gauge`).
//!
//! An ingredient that makes no progress for half a minute hangs: what every thread does is told, and the
//! program ends.
//!
//! # Reading order
//! - `options`: what can be asked for.
//! - `conductor`: the run from the first stretch to the table at the end.
//! - `stage`: what an ingredient has at hand: the runtime, dice, books, and the word that it is time to stop.
//! - `ledger`: the books on tasks and values.
//! - `faults`: which failures are ours to bear, because we caused them.
//! - `gauge`, `allocator`, `latency`: what is measured.
//! - `ingredient`: what is mixed, one file each.

mod allocator;
mod conductor;
mod faults;
mod gauge;
mod ingredient;
mod latency;
mod ledger;
mod options;
mod stage;

pub use options::{BREAKS, Options};

use std::process::ExitCode;

/// The program: runs as these arguments ask (without the program's name), and tells on the standard output
/// how it went.
pub fn main(arguments: impl IntoIterator<Item = String>) -> ExitCode {
    let options = match Options::parse(arguments) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::help());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("soak: {error}\n\n{}", options::help());
            return ExitCode::from(2);
        }
    };
    match conductor::run(&options) {
        Ok(()) => {
            println!("all sums agree");
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("BROKEN, after seed {}:\n{broken}", options.seed);
            ExitCode::FAILURE
        }
    }
}
