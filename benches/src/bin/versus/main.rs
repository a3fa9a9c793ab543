//! filch beside its peers: every workload in processes of their own, taking turns.
//!
//! ```text
//! cargo run --release -p filch-benches --bin versus                    # everything, 5 rounds
//! cargo run --release -p filch-benches --bin versus -- --only spawn    # names that contain it
//! cargo run --release -p filch-benches --bin versus -- --report --from a.json --from b.json  # of earlier runs
//! cargo run --release -p filch-benches --bin versus -- --help
//! ```
//!
//! For each workload filch, tokio and smol run one after another, and again, for so many rounds, each time in a
//! fresh process: no peer's threads, pages or caches are left for the next, and what else the machine does meets
//! all of them alike. The table has the median of the rounds, how far they spread, and filch's figure divided
//! by that of the best peer, which is the median of the rounds' own ratios.

mod archive;
mod child;
mod contest;
mod machine;
mod options;
mod plot;
mod report;
mod sample;
mod statistics;
mod table;

use archive::Run;
use filch_benches::{catalogue, without};
use options::{Command, Options};
use std::error::Error;
use std::fs;
use std::io::{Write, stdout};
use std::process::ExitCode;
use table::Terminal;

fn main() -> ExitCode {
    let outcome = match Command::from_arguments() {
        Ok(Command::Help) => {
            print!("{}", options::HELP);
            Ok(())
        }
        Ok(Command::List) => {
            list();
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

fn list() {
    let entries = catalogue::all();
    let width = entries.iter().map(|entry| entry.name.len()).fold(0, usize::max);
    entries.iter().for_each(|entry| println!("{:<width$}  {}", entry.name, entry.what));
}

fn compare(options: &Options) -> Result<(), Box<dyn Error>> {
    let off = without::checked_names()?;
    if options.report && off.is_some() {
        return Err(format!("{} is set, and a report is of filch as it is", without::VARIABLE).into());
    }
    if let Some(names) = off.filter(|_| options.from.is_empty()) {
        writeln!(stdout(), "filch without {names}")?;
    }
    let run = if options.from.is_empty() { measure_all(options)? } else { read_all(options)? };
    if let Some(path) = &options.json {
        fs::write(path, serde_json::to_string_pretty(&run.to_json())? + "\n")?;
    }
    if options.report {
        report::write(&run, !options.from.is_empty())?;
    }
    Ok(())
}

fn measure_all(options: &Options) -> Result<Run, Box<dyn Error>> {
    let entries: Vec<_> = catalogue::all().into_iter().filter(|entry| options.includes(entry.name)).collect();
    let table = Terminal::of(entries.iter().map(|entry| entry.name));
    writeln!(stdout(), "{}", table.heading())?;
    let results = contest::run(entries, options, |result| writeln!(stdout(), "{}", table.row(result)))?;
    Ok(Run { workers: options.workers, machine: machine::describe(), results })
}

fn read_all(options: &Options) -> Result<Run, Box<dyn Error>> {
    let mut run = Run::read(&options.from)?;
    run.results.retain(|result| options.includes(result.entry.name));
    if run.results.is_empty() {
        return Err("the files have none of the workloads".into());
    }
    let table = Terminal::of(run.results.iter().map(|result| result.entry.name));
    writeln!(stdout(), "{}", table.heading())?;
    run.results.iter().try_for_each(|result| writeln!(stdout(), "{}", table.row(result)))?;
    Ok(run)
}
