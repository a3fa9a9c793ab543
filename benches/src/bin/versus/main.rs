//! filch beside its peers: every workload in processes of their own, taking turns.
//!
//! ```text
//! cargo run --release -p filch-benches --bin versus                    # everything, 5 rounds
//! cargo run --release -p filch-benches --bin versus -- --only spawn    # names that contain it
//! cargo run --release -p filch-benches --bin versus -- --help
//! ```
//!
//! For each workload filch, tokio and smol run one after another, and again, for so many rounds, each time in a
//! fresh process: no peer's threads, pages or caches are left for the next, and what else the machine does meets
//! all of them alike. The table has the median of the rounds, how far they spread, and filch's figure divided
//! by that of the best peer, which is the median of the rounds' own ratios.

mod child;
mod contest;
mod options;
mod plot;
mod report;
mod sample;
mod statistics;
mod table;

use options::{Command, Options};
use std::error::Error;
use std::fs;
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = match Command::from_arguments() {
        Ok(Command::Help) => {
            print!("{}", options::HELP);
            Ok(())
        }
        Ok(Command::List) => {
            filch_benches::catalogue::all()
                .iter()
                .for_each(|entry| println!("{:<28}{}", entry.name, entry.what));
            Ok(())
        }
        Ok(Command::Measure { name, peer, workers }) => child::measure(&name, peer, workers),
        Ok(Command::Compare(options)) => compare(&options),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("versus: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<(), Box<dyn Error>> {
    let results = contest::run(options)?;
    println!("{}", table::text(&results));
    if let Some(path) = &options.json {
        fs::write(path, serde_json::to_string_pretty(&contest::to_json(&results, options))? + "\n")?;
    }
    if options.report {
        report::write(&results, options)?;
    }
    Ok(())
}
