//! The table, on the terminal and in BENCHMARKS.md.

use super::{Measured, Options};
use std::error::Error;
use std::fmt::Write;
use std::fs;

const FILE: &str = "BENCHMARKS.md";
const BEGIN: &str = "<!-- primitives: written by `primitives --report` -->\n";
const END: &str = "<!-- primitives: end -->\n";

/// A line for the terminal.
pub(crate) fn line(measured: &Measured) -> String {
    let mut line = format!("{:<30}", measured.name);
    for (name, nanos) in &measured.figures {
        // Writing to a string does not fail.
        let _ = write!(line, "  {name} {}", figure(*nanos));
    }
    if let Some((best, ratio)) = measured.ratio() {
        let _ = write!(line, "  | {ratio:.2} of {best}");
    }
    line
}

/// Puts the table between its marks in BENCHMARKS.md, or, where there are none yet, at the end.
pub(crate) fn write(all: &[Measured], options: &Options) -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(FILE)?;
    let table = format!("{BEGIN}{}{END}", table(all, options));
    let text = match (text.find(BEGIN), text.find(END)) {
        (Some(begin), Some(end)) if begin < end => {
            format!("{}{table}{}", &text[..begin], &text[end + END.len()..])
        }
        (None, None) => format!("{}\n\n{table}", text.trim_end()),
        _ => return Err(format!("the marks of the table in {FILE} are not in order").into()),
    };
    fs::write(FILE, text)?;
    Ok(())
}

fn table(all: &[Measured], options: &Options) -> String {
    let mut table = format!(
        "## Primitives beside other libraries'\n\nEverybody runs the same body in tasks of one filch runtime with {} workers. Nanoseconds \
         an operation, the median of {} rounds that take turns; the ratio is filch's figure divided by that of the best other. \
         `cargo run --release -p filch-benches --bin primitives`\n\n| case | an operation | filch | others | ratio |\n|---|---|--:|---|--:|\n",
        options.workers, options.rounds
    );
    for measured in all {
        let ours = measured.figures.first().map_or_else(String::new, |(_, nanos)| figure(*nanos));
        let others: Vec<_> =
            measured.figures[1..].iter().map(|(name, nanos)| format!("{name} {}", figure(*nanos))).collect();
        let ratio = measured.ratio().map_or_else(String::new, |(_, ratio)| format!("{ratio:.2}"));
        let _ = writeln!(
            table,
            "| `{}` | {} | {ours} | {} | {ratio} |",
            measured.name,
            measured.what,
            others.join(", ")
        );
    }
    table
}

fn figure(nanos: f64) -> String {
    if nanos < 100.0 { format!("{nanos:.1}") } else { format!("{nanos:.0}") }
}
