//! Bars: each workload's figures, the best peer's being one.

use crate::contest::Comparison;
use crate::table::short;
use filch_benches::PeerName;

const LABELS: f64 = 220.0;
const BAR: f64 = 12.0;
const GAP: f64 = 14.0;
/// The width of a bar that is as long as the best peer's.
const UNIT: f64 = 240.0;
/// Longer bars are cut, with their length in figures.
const LONGEST: f64 = 2.5;

/// An SVG picture.
pub(crate) fn bars(title: &str, results: &[&Comparison]) -> String {
    let rows = PeerName::ALL.len() as f64;
    let height = 50.0 + results.len() as f64 * (rows * BAR + GAP);
    let width = LABELS + LONGEST * UNIT + 130.0;
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"18\" font-size=\"14\">{}</text>\n",
        escaped(title)
    );
    let one = LABELS + UNIT;
    picture += &format!(
        "<line x1=\"{one}\" y1=\"28\" x2=\"{one}\" y2=\"{height}\" stroke=\"#999\" stroke-dasharray=\"3 3\"/>\n"
    );
    let mut top = 34.0;
    for result in results {
        picture += &group(result, top);
        top += rows * BAR + GAP;
    }
    picture + "</svg>\n"
}

fn group(result: &Comparison, top: f64) -> String {
    let best = result.figure(result.best_peer());
    let mut text = format!("<text x=\"8\" y=\"{}\">{}</text>\n", top + BAR * 2.0, escaped(result.entry.name));
    for (row, peer) in PeerName::ALL.iter().enumerate() {
        let figure = result.figure(*peer);
        let length = if best > 0.0 { (figure / best).min(LONGEST) * UNIT } else { 0.0 };
        let y = top + row as f64 * BAR;
        text += &format!(
            "<rect x=\"{LABELS}\" y=\"{y}\" width=\"{length:.1}\" height=\"{}\" fill=\"{}\"/>\n\
             <text x=\"{:.1}\" y=\"{}\">{peer} {} {}</text>\n",
            BAR - 2.0,
            colour(*peer),
            LABELS + length + 4.0,
            y + BAR - 3.0,
            short(figure),
            result.entry.measure.unit(),
        );
    }
    text
}

fn colour(peer: PeerName) -> &'static str {
    match peer {
        PeerName::Filch => "#1b6ca8",
        PeerName::Tokio => "#b9b9b9",
        PeerName::Smol => "#dcc9a3",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
