//! Instructions on filch's hot paths, counted under valgrind, where no other load of the machine shows.
//!
//! ```text
//! cargo run --release -p filch-benches --bin hot_paths -- --ledger           # what each path costs
//! cargo run --release -p filch-benches --bin hot_paths -- --where --only yield
//! cargo run --release -p filch-benches --bin hot_paths -- --help
//! ci/hot-paths                                                               # compares with ci/hot-paths.tsv
//! ```
//!
//! An operation's cost is the difference between a run of many and a run of few, so that start and end cancel
//! out. Counts repeat because nothing that differs from run to run is left to decide: one thread works at a time (see [`path`])
//! and the clock moves by being read (see [`clock`]). What a count does not show is what an instruction costs: cache misses,
//! locked instructions (hence the ledger) and what the kernel does.

mod clock;
mod count;
mod expectation;
mod locked;
mod options;
mod path;
mod profile;
mod valgrind;

use count::{Count, Counter};
use expectation::{Table, Verdict};
use options::{Command, Options, Purpose};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::{fs, io, process};

/// Functions shown of each path.
const FUNCTIONS_MAX: usize = 25;

fn main() -> ExitCode {
    let outcome = match Command::from_arguments() {
        Ok(Command::Help) => {
            print!("{}", options::HELP);
            Ok(true)
        }
        Ok(Command::List) => {
            path::ALL.iter().for_each(|path| println!("{:<20}{}", path.name, path.what));
            Ok(true)
        }
        Ok(Command::Measure { name, times, waste }) => measure(&name, times, waste),
        Ok(Command::Count(options)) => count(&options),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("hot_paths: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Goes along a path, and ends the process without taking the runtime down, which is not what is counted.
fn measure(name: &str, times: usize, waste: usize) -> Result<bool, Box<dyn Error>> {
    clock::freeze()?;
    let path = path::ALL.iter().find(|path| path.name == name).expect("the options have looked");
    let runtime = filch::Runtime::builder().worker_threads(1).on_thread_start(clock::enlist).build()?;
    path.run(&runtime, path::BATCH, times);
    (0..times).for_each(|_| path::waste(waste));
    process::exit(0);
}

/// Counts along every path that is asked for. False when one takes more than is expected.
fn count(options: &Options) -> Result<bool, Box<dyn Error>> {
    let mut counter = Counter::default();
    let mut counts = Vec::new();
    let table = match &options.purpose {
        Purpose::Compare(file) => Some(read(file)?),
        _ => None,
    };
    let mut good = true;
    heading(options);
    for path in path::ALL.iter().filter(|path| options.includes(path.name)) {
        let runs = (0..options.repeat)
            .map(|_| counter.count(path, options.waste, options.purpose == Purpose::Ledger));
        let mut runs: Vec<Count> = runs.collect::<Result<_, _>>()?;
        runs.sort_by(|a, b| a.instructions.total_cmp(&b.instructions));
        let spread = runs[runs.len() - 1].instructions - runs[0].instructions;
        let count = runs.swap_remove(0);
        good &= show(&count, (options.repeat > 1).then_some(spread), options, table.as_ref());
        counts.push((count.name.to_owned(), count.instructions));
    }
    if let Some(table) = table {
        for name in table.unknown(|name| path::ALL.iter().any(|path| path.name == name)) {
            println!("{name}: expected, but there is no such path");
            good = false;
        }
    }
    if let Purpose::Update(file) = &options.purpose {
        let new = Table::new(counts.into_iter());
        let new = if options.only.is_empty() { new } else { new.over(read(file)?) };
        fs::write(file, new.to_string()).map_err(|error| naming(file, &error))?;
    }
    Ok(good)
}

fn read(file: &Path) -> Result<Table, Box<dyn Error>> {
    let text = fs::read_to_string(file).map_err(|error| naming(file, &error))?;
    Ok(Table::parse(&text).map_err(|error| format!("{}: {error}", file.display()))?)
}

fn naming(file: &Path, error: &io::Error) -> String {
    format!("{}: {error}", file.display())
}

fn heading(options: &Options) {
    print!("{:<20}{:>14}", "path", "instructions");
    match options.purpose {
        Purpose::Ledger => print!("{:>10}{:>14}", "locked", "system calls"),
        Purpose::Compare(_) => print!("{:>12}", "expected"),
        _ => {}
    }
    println!("{}", if options.repeat > 1 { "    spread" } else { "" });
}

/// Prints a path's line or lines. False when it takes more than is expected.
fn show(count: &Count, spread: Option<f64>, options: &Options, table: Option<&Table>) -> bool {
    print!("{:<20}{:>14.1}", count.name, count.instructions);
    let verdict = table.map(|table| table.judge(count.name, count.instructions));
    match (&options.purpose, &verdict) {
        (Purpose::Ledger, _) => print!("{:>10.2}{:>14.3}", count.locked, count.calls),
        (_, Some(Verdict::AsExpected(expected) | Verdict::Worse(expected) | Verdict::Improved(expected))) => {
            print!("{expected:>12.1}");
        }
        (_, Some(Verdict::Unexpected)) => print!("{:>12}", "-"),
        _ => {}
    }
    spread.into_iter().for_each(|spread| print!("{spread:>10.2}"));
    println!();
    if options.purpose == Purpose::Where {
        for (name, instructions) in count.functions.iter().take(FUNCTIONS_MAX).filter(|one| one.1 >= 0.05) {
            println!("{instructions:>34.1}  {name}");
        }
    }
    match verdict {
        Some(Verdict::Worse(expected)) => {
            println!(
                "WORSE: {} takes {:.1} instructions, expected are {expected:.1}",
                count.name, count.instructions
            );
            false
        }
        Some(Verdict::Unexpected) => {
            println!("UNEXPECTED: {} is not in the table: ci/hot-paths --update", count.name);
            false
        }
        Some(Verdict::Improved(expected)) => {
            println!(
                "improved: {} takes {:.1} instructions, expected are {expected:.1}: ci/hot-paths --update",
                count.name, count.instructions
            );
            true
        }
        Some(Verdict::AsExpected(_)) | None => true,
    }
}
