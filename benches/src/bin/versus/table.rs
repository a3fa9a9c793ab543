//! The results as a table: for a terminal, and for Markdown.

use crate::contest::Comparison;
use filch_benches::PeerName;
use filch_benches::catalogue::Target;

/// For a terminal.
pub(crate) fn text(results: &[Comparison]) -> String {
    let mut text = format!("{:<28}", "median (lowest–highest)");
    PeerName::ALL.iter().for_each(|peer| text += &format!("{peer:>26}"));
    text += &format!("{:>8}{:>9}  {}\n", "ratio", "target", "cpu ns/op · sleeps/op of each");
    for result in results {
        text += &format!("{:<28}", result.entry.name);
        for peer in PeerName::ALL {
            let (low, high) = result.spread(*peer);
            let cell = format!("{} ({}–{})", short(result.figure(*peer)), short(low), short(high));
            text += &format!("{cell:>26}");
        }
        let target = format!("{} {}", target(result), verdict(result));
        text += &format!("{:>8}{target:>9}  {}\n", ratio(result), uses(result));
        if let Some(tails) = tails(result) {
            text += &format!("{:<28}{tails}\n", "");
        }
    }
    text
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
        let cells: Vec<String> = PeerName::ALL
            .iter()
            .map(|peer| {
                let (low, high) = result.spread(*peer);
                format!("{} ({}–{})", short(result.figure(*peer)), short(low), short(high))
            })
            .collect();
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

fn target(result: &Comparison) -> String {
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
    use super::short;

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
}
