//! filch's primitives beside other libraries', all of them in tasks of one filch runtime.
//!
//! ```text
//! cargo run --release -p filch-benches --bin primitives                     # everything, 15 rounds
//! cargo run --release -p filch-benches --bin primitives -- --only channel   # names that contain it
//! cargo run --release -p filch-benches --bin primitives -- --report         # ... and into BENCHMARKS.md
//! ```
//!
//! The contenders of a case take turns, in an order that rotates, round after round, each time on a runtime of its own. The table
//! has the median of the rounds, and filch's divided by that of the best other.

mod options;
mod report;

use filch_benches::primitives::{self, Body, Case};
use options::Options;
use std::error::Error;
use std::process::ExitCode;

/// What came of a case.
struct Measured {
    name: &'static str,
    what: &'static str,
    /// Nanoseconds an operation, the median of the rounds, by library; filch first.
    figures: Vec<(&'static str, f64)>,
}

impl Measured {
    /// The best library but filch, and filch's figure divided by its own.
    fn ratio(&self) -> Option<(&'static str, f64)> {
        let (_, ours) = self.figures.first()?;
        let (name, best) = self.figures[1..].iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some((name, ours / best))
    }
}

fn main() -> ExitCode {
    let outcome = match Options::from_arguments() {
        Ok(Some(options)) => compare(&options),
        Ok(None) => {
            print!("{}", options::HELP);
            Ok(())
        }
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("primitives: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut measured = Vec::new();
    for case in primitives::all().into_iter().filter(|case| options.includes(case.name)) {
        let result = measure(&case, options)?;
        println!("{}", report::line(&result));
        measured.push(result);
    }
    if measured.is_empty() {
        return Err("no case has such a name".into());
    }
    if options.report {
        report::write(&measured, options)?;
    }
    Ok(())
}

fn measure(case: &Case, options: &Options) -> Result<Measured, Box<dyn Error>> {
    let count = case.contenders.len();
    let mut samples = vec![Vec::with_capacity(options.rounds); count];
    // The first round warms up, and does not count.
    for round in 0..=options.rounds {
        for turn in 0..count {
            let at = (round + turn) % count;
            let nanos = run(&case.contenders[at].1, options.workers)?;
            if round > 0 {
                samples[at].push(nanos);
            }
        }
    }
    let figures = case.contenders.iter().zip(&mut samples).map(|((name, _), times)| (*name, median(times)));
    Ok(Measured { name: case.name, what: case.what, figures: figures.collect() })
}

/// One round, in nanoseconds an operation.
fn run(body: &Body, workers: usize) -> Result<f64, Box<dyn Error>> {
    let runtime = filch::Runtime::builder().worker_threads(workers).build()?;
    // In a task: the thread that waits must not be one more to help.
    let outcome = futures_lite::future::block_on(runtime.spawn(body()))?;
    Ok(outcome.elapsed.as_secs_f64() * 1e9 / outcome.operations as f64)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    if times.len() % 2 == 1 { times[middle] } else { f64::midpoint(times[middle - 1], times[middle]) }
}
