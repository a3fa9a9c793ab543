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
mod show;
mod valgrind;

use count::{Count, Counter};
use expectation::{Table, Verdict};
use options::{Command, Options, Purpose};
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Barrier};
use std::{fs, io, panic, process};

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

/// Goes along a path and ends the process, when it goes well: with success.
fn measure(name: &str, times: usize, waste: usize) -> Result<bool, Box<dyn Error>> {
    clock::freeze()?;
    // In a task it would be contained, and the process wait for ever.
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        tell(info);
        process::exit(1);
    }));
    let path = path::ALL.iter().find(|path| path.name == name).expect("the options have looked");
    let gate = Arc::new(Barrier::new(2));
    let let_start = {
        let gate = gate.clone();
        move || {
            gate.wait();
        }
    };
    let start = move || {
        clock::enlist();
        gate.wait();
    };
    let runtime = filch::Runtime::builder().worker_threads(1).on_thread_start(start).build()?;
    path.go(&runtime, let_start, times, waste)
}

/// Counts along every path that is asked for. False when one takes more than is expected.
fn count(options: &Options) -> Result<bool, Box<dyn Error>> {
    let table = match &options.purpose {
        Purpose::Compare(file) => Some(read(file)?),
        _ => None,
    };
    let apart = matches!(options.purpose, Purpose::Ledger | Purpose::Where);
    let mut counter = Counter::default();
    let mut counts = Vec::new();
    let mut good = true;
    show::heading(options);
    for path in path::ALL.iter().filter(|path| options.includes(path.name)) {
        let runs = (0..options.repeat).map(|_| counter.count(path, options.waste, apart));
        let mut runs: Vec<Count> = runs.collect::<Result<_, _>>()?;
        runs.sort_by(|a, b| a.cost.instructions.total_cmp(&b.cost.instructions));
        let spread = runs[runs.len() - 1].cost.instructions - runs[0].cost.instructions;
        let count = runs.swap_remove(0);
        let verdict = table.as_ref().map(|table| table.judge(count.name, count.cost.instructions));
        show::line(&count, (options.repeat > 1).then_some(spread), options, verdict);
        good &= !matches!(verdict, Some(Verdict::Worse(_) | Verdict::Unexpected));
        counts.push((count.name.to_owned(), count.cost.instructions));
    }
    if let Some(table) = table {
        for name in table.unknown(|name| path::ALL.iter().any(|path| path.name == name)) {
            println!("UNKNOWN: {name} is in the table, but no path is called so");
            good = false;
        }
    }
    if let Purpose::Update(file) = &options.purpose {
        let new = Table::new(counts.into_iter());
        // A part of the paths leaves what is known of the others.
        let new = if options.only.is_empty() || !file.exists() { new } else { new.over(read(file)?) };
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
