//! Everything at once, with faults, for as long as one likes; the books must be exact in the end.
//!
//! ```text
//! cargo run --release --example soak -- --minutes 60
//! ```
//!
//! `--help` tells the rest. What it does and how it checks itself is in [`filch_tests::soak`].

use std::process::ExitCode;

fn main() -> ExitCode {
    filch_tests::soak::main(std::env::args().skip(1))
}
