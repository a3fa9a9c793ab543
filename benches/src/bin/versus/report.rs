//! BENCHMARKS.md: the targets, how it was measured, where a peer wins, and the tables. Plots beside it, under docs.
//!
//! What people wrote by hand stays: everything behind the line that says so is kept.

use crate::archive::Run;
use crate::contest::Comparison;
use crate::{plot, table};
use filch_benches::{Crew, PeerName};
use std::error::Error;
use std::fs;
use std::io;

const FILE: &str = "BENCHMARKS.md";
const FOLDER: &str = "docs";

/// What stands behind this line is kept from one report to the next.
const BY_HAND: &str = "<!-- Written by hand from here on: `versus --report` keeps it. -->";

/// Writes the report and its plots into the current folder. A run `in_parts` was put together from files.
pub(crate) fn write(run: &Run, in_parts: bool) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(FOLDER)?;
    let mut plots = Vec::new();
    for (question, rows) in questions(&run.results) {
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
    fs::write(FILE, whole(&text(run, in_parts, &plots), &before))?;
    Ok(())
}

/// The generated part, with what was written by hand in the file `before`.
fn whole(generated: &str, before: &str) -> String {
    let by_hand = before.split_once(BY_HAND).map_or("\n", |(_, rest)| rest);
    format!("{generated}{BY_HAND}{by_hand}")
}

fn text(run: &Run, in_parts: bool, plots: &[String]) -> String {
    let results = &run.results;
    let mut text = format!(
        "# Benchmarks\n\n\
         filch beside tokio (multi-threaded, all features) and smol (`async-executor`'s static executor with `async-io`, one run\n\
         loop per worker), on the very same workload bodies (`benches/src/workload`), which check their own counts.\n\n\
         {}\
         ## How these were made\n\n\
         ```sh\n{}```\n\n\
         - Machine: {}.\n\
         - {} workers for each runtime, the system's allocator, thin link-time optimisation, one codegen unit.\n\
         - {} rounds; in each, filch, tokio and smol one after another, each in a fresh process. A process runs the workload once to\n  \
         warm up, then for 0.3 s and at least three times, and reports its median; most of `robust` it runs once, without.\n\
         - Figures are medians of the rounds with the lowest and the highest, in nanoseconds per operation where nothing else is\n  \
         said. The ratio is filch's figure divided by the best peer's, the median of the rounds' ratios: below 1 filch is ahead.\n\
         - `cpu` is processor time per operation of the whole process in nanoseconds, `sleeps` how often one of its threads went to\n  \
         sleep, per operation.\n\
         - Names ending in `_main` run the body inside `block_on`, as most programs run their `main`; the others in a spawned task.\n\
         {}\n",
        targets(results),
        commands(run.workers, in_parts),
        if run.machine.is_empty() { "not told" } else { &run.machine },
        run.workers,
        range(run.rounds()),
        on_caller(results),
    );
    text += "## Where a peer wins\n\n";
    text += &behind(results);
    text += "\n## The figures\n\n";
    text += &table::markdown(results);
    let tails = table::markdown_tails(results);
    if !tails.is_empty() {
        text += "\n## Single operations\n\n\
            Half of the operations, or rounds of them, took at most p50 nanoseconds, and all but one in a hundred at most p99; medians of the\n\
            rounds.\n\n";
        text += &tails;
    }
    text += "\n";
    for path in plots {
        text += &format!("![{path}]({path})\n");
    }
    text + "\n"
}

/// How many targets are met, and which are not; nothing where none of the workloads has one.
fn targets(results: &[Comparison]) -> String {
    let judged: Vec<_> = results.iter().filter_map(|result| Some((result, result.meets_target()?))).collect();
    if judged.is_empty() {
        return String::new();
    }
    let missed: Vec<_> = judged.iter().filter(|(_, met)| !met).map(|(result, _)| *result).collect();
    let mut text = format!("## Targets\n\n{} of {} met.\n\n", judged.len() - missed.len(), judged.len());
    if missed.is_empty() {
        return text;
    }
    text += "| missed | filch | best peer | ratio | target |\n|---|---:|---:|---:|---:|\n";
    for result in missed {
        let best = result.best_peer();
        text += &format!(
            "| {} | {} | {} ({best}) | {} | {} |\n",
            result.entry.name,
            table::short(result.figure(PeerName::Filch)),
            table::short(result.figure(best)),
            table::ratio(result),
            table::target(result),
        );
    }
    text + "\n"
}

/// Where filch is behind, the furthest first.
fn behind(results: &[Comparison]) -> String {
    let mut behind: Vec<_> = results
        .iter()
        .filter_map(|result| Some((result, result.ratio()?)))
        .filter(|(_, ratio)| *ratio > 1.0)
        .collect();
    behind.sort_by(|one, other| other.1.total_cmp(&one.1));
    if behind.is_empty() {
        return "Nowhere in this run.\n".to_owned();
    }
    let line = |(result, _): &(&Comparison, f64)| {
        format!(
            "- `{}` ({}): {} is ahead, {}.\n",
            result.entry.name,
            result.entry.what,
            result.best_peer(),
            table::ratio(result)
        )
    };
    behind.iter().map(line).collect()
}

/// What to type.
fn commands(workers: usize, in_parts: bool) -> String {
    let versus = "cargo run --release -p filch-benches --bin versus --";
    let workers = if workers == 2 { String::new() } else { format!(" --workers {workers}") };
    if in_parts {
        format!(
            "{versus}{workers} --only NAME --json FILE  # for part after part\n\
             {versus} --report --from FILE --from FILE\n"
        )
    } else {
        format!("{versus} --report{workers}\n")
    }
}

fn range((least, most): (usize, usize)) -> String {
    if least == most { least.to_string() } else { format!("{least} to {most}") }
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

#[cfg(test)]
mod tests {
    use super::{BY_HAND, behind, targets, text, whole};
    use crate::archive::Run;
    use crate::contest::Comparison;
    use crate::contest::tests::{result_of, with_tails};

    fn results() -> Vec<Comparison> {
        vec![
            result_of("spawn/inside", [10.0; 3], [200.0; 3], [100.0; 3]),
            result_of("lock/uncontended", [110.0; 3], [100.0; 3], [300.0; 3]),
            result_of("yield/many", [300.0; 3], [100.0; 3], [300.0; 3]),
            result_of("echo/1x64B", [95.0; 3], [100.0; 3], [300.0; 3]),
            result_of("memory/pending", [97.5; 3], [400.0; 3], [120.0; 3]),
        ]
    }

    #[test]
    fn targets_are_counted_and_the_missed_ones_listed() {
        let text = targets(&results());
        assert!(text.contains("1 of 4 met."), "{text}");
        let rows: Vec<_> = text.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        assert_eq!(
            rows,
            [
                "| yield/many | 300 | 100 (tokio) | 3.00 | 0.40 |",
                "| echo/1x64B | 95.0 | 100 (tokio) | 0.95 | 0.80 |",
                "| memory/pending | 97.5 | 120 (smol) | 0.81 | ≤96.0 |",
            ]
        );
        assert_eq!(targets(&results()[1..2]), "", "it has no target");
        assert!(targets(&results()[..1]).ends_with("1 of 1 met.\n\n"));
    }

    #[test]
    fn where_a_peer_wins_begins_with_the_worst() {
        let text = behind(&results());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].contains("`yield/many`") && lines[0].ends_with("tokio is ahead, 3.00."), "{text}");
        assert!(lines[1].contains("`lock/uncontended`") && lines[1].ends_with("1.10."), "{text}");
        assert_eq!(behind(&results()[..1]), "Nowhere in this run.\n");
    }

    #[test]
    fn tails_have_a_table_and_the_parts_their_order() {
        let tailed = with_tails("robust/saturated", (1_500.0, 90_000.0));
        let run = Run {
            workers: 2,
            machine: "abacus".to_owned(),
            results: results().into_iter().chain([tailed]).collect(),
        };
        let text = text(&run, true, &["docs/spawn.svg".to_owned()]);
        let row = text.lines().rfind(|line| line.starts_with("| robust/saturated |")).unwrap();
        assert!(row.ends_with("| 1500 | 90000 | 1500 | 90000 | 1500 | 90000 |"), "{row}");
        let places = [
            "## Targets",
            "## How these were made",
            "--from FILE",
            "abacus",
            "## Where a peer wins",
            "## The figures",
            "## Single operations",
            "![docs/spawn.svg]",
        ]
        .map(|part| text.find(part).unwrap_or_else(|| panic!("{part} is missing:\n{text}")));
        assert!(places.is_sorted(), "{places:?}");
        assert!(!super::text(&run, false, &[]).contains("--from"));
    }

    #[test]
    fn what_was_written_by_hand_is_kept() {
        let before = format!("old figures\n{BY_HAND}\nwhy so\n");
        assert_eq!(whole("new figures\n", &before), format!("new figures\n{BY_HAND}\nwhy so\n"));
        assert_eq!(whole("figures\n", "a file without it"), format!("figures\n{BY_HAND}\n"));
    }
}
