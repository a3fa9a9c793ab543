//! BENCHMARKS.md: how it was measured, the tables, and where a peer wins. Plots beside it, under docs.
//!
//! What people wrote by hand stays: everything behind the line that says so is kept.

use crate::contest::Comparison;
use crate::options::Options;
use crate::{plot, table};
use filch_benches::{Crew, PeerName};
use std::error::Error;
use std::fs;
use std::io;
use std::process::Command;

const FILE: &str = "BENCHMARKS.md";
const FOLDER: &str = "docs";

/// What stands behind this line is kept from one report to the next.
const BY_HAND: &str = "<!-- Written by hand from here on: `versus --report` keeps it. -->";

/// Writes the report and its plots into the current folder.
pub(crate) fn write(results: &[Comparison], options: &Options) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(FOLDER)?;
    let mut plots = Vec::new();
    for (question, rows) in questions(results) {
        let path = format!("{FOLDER}/{question}.svg");
        fs::write(
            &path,
            plot::bars(&format!("{question}: the best peer's figure is the dashed line"), &rows),
        )?;
        plots.push(path);
    }
    let before = match fs::read_to_string(FILE) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    let by_hand = before.split_once(BY_HAND).map_or("\n", |(_, rest)| rest);
    fs::write(FILE, text(results, options, &plots) + BY_HAND + by_hand)?;
    Ok(())
}

fn text(results: &[Comparison], options: &Options, plots: &[String]) -> String {
    let mut text = format!(
        "# Benchmarks\n\n\
         filch beside tokio (multi-threaded, all features) and smol (`async-executor`'s static executor with `async-io`, one run\n\
         loop per worker), on the very same workload bodies (`benches/src/workload`), which check their own counts.\n\n\
         ## How these were made\n\n\
         ```sh\ncargo run --release -p filch-benches --bin versus -- --report{}\n```\n\n\
         - Machine: {}.\n\
         - {} workers for each runtime, the system's allocator, thin link-time optimisation, one codegen unit.\n\
         - {} rounds; in each, filch, tokio and smol one after another, each in a fresh process. A process runs the workload once to\n  \
         warm up, then for 0.3 s and at least three times, and reports its median.\n\
         - Figures are medians of the rounds with the lowest and the highest, in nanoseconds per operation where nothing else is\n  \
         said. The ratio is filch's figure divided by the best peer's, the median of the rounds' ratios: below 1 filch is ahead.\n\
         - `cpu` is processor time per operation of the whole process in nanoseconds, `sleeps` how often one of its threads went to\n  \
         sleep, per operation.\n\
         - Names ending in `_main` run the body inside `block_on`, as most programs run their `main`; the others in a spawned task.\n\
         {}\n",
        if options.workers == 2 { String::new() } else { format!(" --workers {}", options.workers) },
        machine(),
        options.workers,
        options.rounds,
        on_caller(results),
    );
    text += "## Where a peer wins\n\n";
    let behind: Vec<_> =
        results.iter().filter(|result| result.ratio().is_some_and(|ratio| ratio > 1.0)).collect();
    for result in &behind {
        text += &format!(
            "- `{}` ({}): {} is ahead, {}.\n",
            result.entry.name,
            result.entry.what,
            result.best_peer(),
            table::ratio(result)
        );
    }
    if behind.is_empty() {
        text += "Nowhere in this run.\n";
    }
    text += "\n## The figures\n\n";
    text += &table::markdown(results);
    for result in results {
        if let Some(tails) = table::tails(result) {
            text += &format!("\n`{}` by rounds, {}: {tails}.\n", result.entry.name, names());
        }
    }
    text += "\n";
    for path in plots {
        text += &format!("![{path}]({path})\n");
    }
    text + "\n"
}

/// A line about the workloads that have no workers; nothing where there are none of those.
fn on_caller(results: &[Comparison]) -> String {
    let names: Vec<String> = results
        .iter()
        .filter(|result| result.entry.crew == Crew::Caller)
        .map(|result| format!("`{}`", result.entry.name))
        .collect();
    if names.is_empty() {
        return String::new();
    }
    format!(
        "- On the thread that calls `block_on` instead of workers, to which filch, having no other way, adds one worker: {}.\n",
        names.join(", ")
    )
}

fn names() -> String {
    PeerName::ALL.iter().map(|peer| peer.as_str()).collect::<Vec<_>>().join(" / ")
}

/// The results by question, in their order.
fn questions(results: &[Comparison]) -> Vec<(&str, Vec<&Comparison>)> {
    let mut questions: Vec<(&str, Vec<&Comparison>)> = Vec::new();
    for result in results {
        let question = result.entry.name.split('/').next().unwrap_or_default();
        match questions.last_mut() {
            Some((last, rows)) if *last == question => rows.push(result),
            _ => questions.push((question, vec![result])),
        }
    }
    questions
}

/// What the machine is, as far as it tells.
fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let compiler = Command::new("rustc").arg("--version").output();
    let compiler = compiler.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{count} processors ({}), Linux {}, {}",
        processor.as_deref().unwrap_or("unknown"),
        kernel.trim(),
        compiler.as_deref().unwrap_or("unknown compiler")
    )
}
