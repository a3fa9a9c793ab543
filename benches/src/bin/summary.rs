//! What the last `cargo bench` measured, as Markdown tables.
//!
//! ```text
//! cargo run --release -p filch-benches --bin summary [-- FOLDER]
//! ```
//!
//! The folder is criterion's, `target/criterion` by default. Of each benchmark the median of the samples is
//! taken, divided by the number of operations in a run. Where filch was measured, the last column is its time
//! divided by that of the best of the others.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use filch_benches::PeerName;

fn main() -> ExitCode {
    match folder().and_then(|folder| summarise(&folder)) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("summary: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The folder that was named, or criterion's own beside the profile's folder that this program is in.
fn folder() -> io::Result<PathBuf> {
    if let Some(named) = env::args_os().nth(1) {
        return Ok(PathBuf::from(named));
    }
    let program = env::current_exe()?;
    let target = program.ancestors().nth(2).ok_or_else(|| io::Error::other("not in a target folder"))?;
    Ok(target.join("criterion"))
}

fn summarise(folder: &Path) -> io::Result<String> {
    let times = Table { caption: "ns per operation", rows: times(folder)? };
    let bytes = Table { caption: "bytes per idle task", rows: bytes(folder)? };
    if times.rows.is_empty() && bytes.rows.is_empty() {
        return Err(io::Error::other(format!("nothing was measured in {}", folder.display())));
    }
    let tables = [times, bytes].into_iter().filter(|table| !table.rows.is_empty());
    Ok(tables.map(|table| table.to_markdown()).collect::<Vec<_>>().join("\n"))
}

/// Workload, then runtime, then figure.
type Rows = BTreeMap<String, BTreeMap<String, f64>>;

/// Reads what criterion left: a folder for each question, in it one for each case, in it one for each
/// runtime.
fn times(folder: &Path) -> io::Result<Rows> {
    let mut rows = Rows::new();
    for question in folders(folder)? {
        for case in folders(&question)? {
            for peer in folders(&case)? {
                let latest = peer.join("new");
                let (Ok(estimates), Ok(benchmark)) = (
                    fs::read_to_string(latest.join("estimates.json")),
                    fs::read_to_string(latest.join("benchmark.json")),
                ) else {
                    continue;
                };
                let odd = || io::Error::other(format!("odd report in {}", latest.display()));
                let nanos =
                    number_after(&estimates, &["\"median\"", "\"point_estimate\""]).ok_or_else(odd)?;
                let operations =
                    number_after(&benchmark, &["\"throughput\"", "\"Elements\""]).ok_or_else(odd)?;
                let row = rows.entry(format!("{}/{}", name(&question), name(&case))).or_default();
                row.insert(name(&peer), nanos / operations);
            }
        }
    }
    Ok(rows)
}

/// Reads what the memory bench left: lines of case, runtime and bytes.
fn bytes(folder: &Path) -> io::Result<Rows> {
    let text = match fs::read_to_string(folder.join("memory.tsv")) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let mut rows = Rows::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let figure = fields.get(2).and_then(|field| field.parse().ok());
        let (&[case, peer, _], Some(figure)) = (fields.as_slice(), figure) else {
            return Err(io::Error::other(format!("odd line in memory.tsv: {line:?}")));
        };
        rows.entry(format!("memory/{case}")).or_default().insert(peer.to_owned(), figure);
    }
    Ok(rows)
}

/// Follows keys into a JSON text that a program wrote: each is looked for behind the one before, and the
/// number is read that follows the last. Enough for criterion's reports, whose keys come in a fixed order.
fn number_after(text: &str, keys: &[&str]) -> Option<f64> {
    let mut rest = text;
    for key in keys {
        rest = &rest[rest.find(key)? + key.len()..];
    }
    let number = rest.trim_start().strip_prefix(':')?.trim_start();
    let end = number.find(|letter: char| !matches!(letter, '0'..='9' | '.' | 'e' | 'E' | '-' | '+'));
    number[..end.unwrap_or(number.len())].parse().ok()
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A row for each workload, a column for each runtime.
struct Table {
    caption: &'static str,
    rows: Rows,
}

impl Table {
    fn to_markdown(&self) -> String {
        let peers: Vec<&str> = PeerName::ALL.iter().map(|peer| peer.as_str()).collect();
        let rule: String = peers.iter().map(|_| "---:|").collect();
        let mut text = format!("| {} | {} | ratio |\n|---|{rule}---:|\n", self.caption, peers.join(" | "));
        for (workload, figures) in &self.rows {
            let cells: Vec<String> = peers.iter().map(|peer| cell(figures.get(*peer).copied())).collect();
            text += &format!("| {workload} | {} | {} |\n", cells.join(" | "), ratio(figures));
        }
        text
    }
}

fn cell(figure: Option<f64>) -> String {
    match figure {
        Some(figure) if figure >= 100.0 => format!("{figure:.0}"),
        Some(figure) => format!("{figure:.1}"),
        None => "—".to_owned(),
    }
}

/// Ours divided by the best of the others.
fn ratio(figures: &BTreeMap<String, f64>) -> String {
    let ours = PeerName::Filch.as_str();
    let others = figures.iter().filter(|(peer, _)| *peer != ours).map(|(_, figure)| *figure);
    match (figures.get(ours), others.reduce(f64::min)) {
        (Some(ours), Some(best)) => format!("{:.2}", ours / best),
        _ => "—".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_behind_its_keys() {
        let text =
            r#"{"mean":{"point_estimate":1.5},"median":{"point_estimate":2.5e3,"standard_error":0.1}}"#;
        assert_eq!(number_after(text, &["\"median\"", "\"point_estimate\""]), Some(2_500.0));
        assert_eq!(number_after(text, &["\"mean\"", "\"point_estimate\""]), Some(1.5));
        assert_eq!(number_after(text, &["\"slope\"", "\"point_estimate\""]), None);
        assert_eq!(
            number_after(r#"{"throughput":{"Elements":7}}"#, &["\"throughput\"", "\"Elements\""]),
            Some(7.0)
        );
        assert_eq!(number_after(r#"{"throughput":null}"#, &["\"throughput\"", "\"Elements\""]), None);
    }

    #[test]
    fn the_ratio_is_to_the_best_of_the_others() {
        let figures = [("filch", 30.0), ("tokio", 60.0), ("smol", 120.0)];
        let figures = figures.map(|(peer, figure)| (peer.to_owned(), figure)).into();
        assert_eq!(ratio(&figures), "0.50");
    }

    #[test]
    fn reports_become_rows() -> io::Result<()> {
        let folder = env::temp_dir().join(format!("filch-summary-{}", std::process::id()));
        let latest = folder.join("spawn/inside/tokio/new");
        fs::create_dir_all(&latest)?;
        fs::write(latest.join("estimates.json"), r#"{"median":{"point_estimate":5000.0}}"#)?;
        fs::write(latest.join("benchmark.json"), r#"{"throughput":{"Elements":50}}"#)?;
        fs::write(folder.join("memory.tsv"), "pending\tsmol\t114.5\n")?;
        let text = summarise(&folder);
        fs::remove_dir_all(&folder)?;
        let text = text?;
        assert!(
            text.lines().any(|line| line.starts_with("| spawn/inside |") && line.contains("| 100 |")),
            "{text}"
        );
        assert!(
            text.lines().any(|line| line.starts_with("| memory/pending |") && line.contains("| 114 |")),
            "{text}"
        );
        Ok(())
    }
}
