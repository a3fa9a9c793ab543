//! The results as a table: for a terminal, and for Markdown.

use crate::contest::Comparison;
use filch_benches::PeerName;
use filch_benches::catalogue::Target;

/// A table for a terminal, made line by line, since the lines become known one after another.
pub(crate) struct Terminal {
    /// The width of the first column.
    names: usize,
}

/// The narrowest first column, which is as wide as its heading.
const NAMES_MIN: usize = 28;
const FIGURES: usize = 25;
const RATIO: usize = 7;
const TARGET: usize = 10;

impl Terminal {
    /// A table whose first column has these names.
    pub(crate) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        Self { names: names.map(|name| name.chars().count()).fold(NAMES_MIN, usize::max) }
    }

    /// What stands above the columns.
    pub(crate) fn heading(&self) -> String {
        let peers: Vec<&str> = PeerName::ALL.iter().map(|peer| peer.as_str()).collect();
        self.line("median (lowest–highest)", &peers, "ratio", "target", "cpu ns/op · sleeps/op of each")
    }

    /// What there is to say about one workload: a line, or two.
    pub(crate) fn row(&self, result: &Comparison) -> String {
        let cells: Vec<String> = PeerName::ALL.iter().map(|peer| figures(result, *peer)).collect();
        let target = format!("{} {}", target(result), verdict(result));
        let line = self.line(result.entry.name, &cells, &ratio(result), target.trim_end(), &uses(result));
        match tails(result) {
            Some(tails) => format!("{line}\n{:<1$} {tails}", "", self.names),
            None => line,
        }
    }

    /// A space stands between any two columns, however full they are.
    fn line<C: AsRef<str>>(&self, name: &str, cells: &[C], ratio: &str, target: &str, rest: &str) -> String {
        let cells: String = cells.iter().map(|cell| format!(" {:>FIGURES$}", cell.as_ref())).collect();
        format!("{name:<0$}{cells} {ratio:>RATIO$} {target:>TARGET$}  {rest}", self.names)
    }
}

/// For Markdown: the figures and the ratio, and beside them what they cost.
pub(crate) fn markdown(results: &[Comparison]) -> String {
    let peers: Vec<&str> = PeerName::ALL.iter().map(|peer| peer.as_str()).collect();
    let mut text = format!(
        "| workload | what one operation is | {} | ratio | target | cpu: {} | sleeps: {} |\n",
        peers.join(" | "),
        peers.join(" / "),
        peers.join(" / ")
    );
    text += "|---|---|---:|---:|---:|---:|---|---|---|\n";
    for result in results {
        let cells: Vec<String> = PeerName::ALL.iter().map(|peer| figures(result, *peer)).collect();
        let target = match result.meets_target() {
            Some(true) => format!("{} met", target(result)),
            Some(false) => format!("{} **missed**", target(result)),
            None => "—".to_owned(),
        };
        let ahead = if result.ratio().is_some_and(|ratio| ratio > 1.0) { "**" } else { "" };
        text += &format!(
            "| {} | {} | {} | {ahead}{}{ahead} | {target} | {} | {} |\n",
            result.entry.name,
            result.entry.what,
            cells.join(" | "),
            ratio(result),
            each(result, |peer| result.median_of(peer, |sample| sample.cpu)),
            each(result, |peer| result.median_of(peer, |sample| sample.sleeps)),
        );
    }
    text
}

/// For Markdown: how long single operations took, of the workloads that watch them; nothing where there are none.
pub(crate) fn markdown_tails(results: &[Comparison]) -> String {
    let watched: Vec<_> = results.iter().filter(|result| tails(result).is_some()).collect();
    if watched.is_empty() {
        return String::new();
    }
    let heads: String = PeerName::ALL.iter().map(|peer| format!(" {peer} p50 | {peer} p99 |")).collect();
    let mut text = format!("| workload | what one operation is |{heads}\n|---|---|");
    text += &"---:|---:|".repeat(PeerName::ALL.len());
    text += "\n";
    for result in watched {
        let cell = |figure: Option<f64>| figure.map_or_else(|| "—".to_owned(), short);
        let cells = PeerName::ALL.iter().map(|peer| {
            let p50 = result.median_of(*peer, |sample| sample.tail.map(|tail| tail.0));
            let p99 = result.median_of(*peer, |sample| sample.tail.map(|tail| tail.1));
            format!(" {} | {} |", cell(p50), cell(p99))
        });
        let cells: String = cells.collect();
        text += &format!("| {} | {} |{cells}\n", result.entry.name, result.entry.what);
    }
    text
}

/// How long single operations took, where that was watched.
pub(crate) fn tails(result: &Comparison) -> Option<String> {
    result.median_of(PeerName::Filch, |sample| sample.tail.map(|tail| tail.0))?;
    let p50 = each(result, |peer| result.median_of(peer, |sample| sample.tail.map(|tail| tail.0)));
    let p99 = each(result, |peer| result.median_of(peer, |sample| sample.tail.map(|tail| tail.1)));
    Some(format!("p50 {p50}, p99 {p99}"))
}

/// Three or four digits, whatever the size.
pub(crate) fn short(figure: f64) -> String {
    match figure {
        _ if figure == 0.0 => "0".to_owned(),
        _ if figure >= 100.0 => format!("{figure:.0}"),
        _ if figure >= 10.0 => format!("{figure:.1}"),
        _ if figure >= 0.01 => format!("{figure:.2}"),
        _ => format!("{figure:.4}"),
    }
}

pub(crate) fn ratio(result: &Comparison) -> String {
    result.ratio().map_or_else(|| "—".to_owned(), |ratio| format!("{ratio:.2}"))
}

/// The median, the lowest and the highest.
fn figures(result: &Comparison, peer: PeerName) -> String {
    let (low, high) = result.spread(peer);
    format!("{} ({}–{})", short(result.figure(peer)), short(low), short(high))
}

pub(crate) fn target(result: &Comparison) -> String {
    match result.entry.target {
        Some(Target::OfBest(fraction)) => format!("{fraction:.2}"),
        Some(Target::AtMost(figure)) => format!("≤{}", short(figure)),
        None => String::new(),
    }
}

fn verdict(result: &Comparison) -> &'static str {
    match result.meets_target() {
        Some(true) => "met",
        Some(false) => "MISS",
        None => "",
    }
}

fn uses(result: &Comparison) -> String {
    let cpu = each(result, |peer| result.median_of(peer, |sample| sample.cpu));
    let sleeps = each(result, |peer| result.median_of(peer, |sample| sample.sleeps));
    format!("{cpu} · {sleeps}")
}

fn each(result: &Comparison, figure: impl Fn(PeerName) -> Option<f64>) -> String {
    debug_assert_eq!(PeerName::ALL.len(), 3, "{} has columns for three", result.entry.name);
    let cell = |peer: &PeerName| figure(*peer).map_or_else(|| "—".to_owned(), short);
    PeerName::ALL.iter().map(cell).collect::<Vec<_>>().join(" / ")
}

#[cfg(test)]
mod tests {
    use super::{Terminal, short};
    use crate::contest::tests::result;

    #[test]
    fn figures_keep_three_digits() {
        let figures = [
            (0.0, "0"),
            (0.001_23, "0.0012"),
            (0.125, "0.12"),
            (9.876, "9.88"),
            (98.76, "98.8"),
            (1234.5, "1234"),
        ];
        for (figure, expected) in figures {
            assert_eq!(short(figure), expected);
        }
    }

    /// Where a word of the line ends, counted in letters.
    fn end(line: &str, word: &str) -> usize {
        line[..line.find(word).expect("the word is there") + word.len()].chars().count()
    }

    #[test]
    fn columns_end_under_their_headings() {
        let table = Terminal::of(["spawn/inside"].into_iter());
        let (heading, row) = (table.heading(), table.row(&result([41.25; 3], [500.0; 3], [100.0; 3])));
        let pairs =
            [("filch", "41.2)"), ("tokio", "500)"), ("smol", "100)"), ("ratio", "0.41"), ("target", "MISS")];
        for (word, cell) in pairs {
            assert_eq!(end(&heading, word), end(&row, cell), "{cell} under {word}\n{heading}\n{row}");
        }
    }

    #[test]
    fn full_columns_keep_apart() {
        let table = Terminal { names: 3 };
        let cells = ["123456789012345678901234567890"; 3];
        let line = table.line("a long name", &cells, "1234567.89", "≤123456 MISS", "rest");
        assert_eq!(line.split_whitespace().count(), 3 + 3 + 1 + 2 + 1, "{line}");
    }
}
