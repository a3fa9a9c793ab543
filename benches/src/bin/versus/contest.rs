//! The rounds: every runtime in turn, and again.

use crate::child;
use crate::options::Options;
use crate::sample::Sample;
use crate::statistics::{median, spread};
use filch_benches::PeerName;
use filch_benches::catalogue::{self, Entry};
use std::error::Error;
use std::io::{self, IsTerminal, Write, stderr};

/// One workload's samples: a list for each runtime, a place in it for each round.
pub(crate) struct Comparison {
    pub(crate) entry: Entry,
    samples: Vec<Vec<Sample>>,
}

impl Comparison {
    /// Of samples as [`samples_of_all`] has them; none where it is not as many for each, and some.
    pub(crate) fn of(entry: Entry, samples: Vec<Vec<Sample>>) -> Option<Self> {
        let rounds = samples.first()?.len();
        let even = samples.iter().all(|one| one.len() == rounds) && rounds > 0;
        even.then_some(Self { entry, samples })
    }

    pub(crate) fn rounds(&self) -> usize {
        self.samples(PeerName::Filch).len()
    }

    pub(crate) fn samples(&self, peer: PeerName) -> &[Sample] {
        &self.samples[place(peer)]
    }

    fn figures(&self, peer: PeerName) -> Vec<f64> {
        self.samples(peer).iter().map(|sample| sample.figure).collect()
    }

    pub(crate) fn figure(&self, peer: PeerName) -> f64 {
        median(&self.figures(peer))
    }

    pub(crate) fn spread(&self, peer: PeerName) -> (f64, f64) {
        spread(&self.figures(peer))
    }

    /// The median of something that not every workload has.
    pub(crate) fn median_of(&self, peer: PeerName, pick: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
        let figures: Vec<f64> = self.samples(peer).iter().filter_map(pick).collect();
        (!figures.is_empty()).then(|| median(&figures))
    }

    /// The peer whose median is the lowest.
    pub(crate) fn best_peer(&self) -> PeerName {
        let peers = PeerName::ALL.iter().copied().filter(|peer| *peer != PeerName::Filch);
        peers.min_by(|one, other| self.figure(*one).total_cmp(&self.figure(*other))).expect("there are peers")
    }

    /// Ours divided by the best peer's: the median of the rounds' ratios, since what disturbs a round disturbs
    /// both. None where there is nothing to divide by.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let best = self.figures(self.best_peer());
        let ratios: Vec<f64> =
            self.figures(PeerName::Filch).iter().zip(&best).map(|(ours, best)| ours / best).collect();
        ratios.iter().all(|ratio| ratio.is_finite()).then(|| median(&ratios))
    }

    /// Whether the target is reached; none where none is set.
    pub(crate) fn meets_target(&self) -> Option<bool> {
        let target = self.entry.target?;
        Some(match (target, self.ratio()) {
            // By the ratio that the table shows.
            (catalogue::Target::OfBest(_), Some(ratio)) => target.is_met(ratio, 1.0),
            _ => target.is_met(self.figure(PeerName::Filch), self.figure(self.best_peer())),
        })
    }
}

/// Runs the workloads, hands each one's result to `known` as soon as there is one, and says on the terminal where
/// it is.
pub(crate) fn run(
    entries: Vec<Entry>,
    options: &Options,
    mut known: impl FnMut(&Comparison) -> io::Result<()>,
) -> Result<Vec<Comparison>, Box<dyn Error>> {
    let count = entries.len();
    let mut results = Vec::with_capacity(count);
    for (number, entry) in entries.into_iter().enumerate() {
        let mut samples = vec![Vec::with_capacity(options.rounds); PeerName::ALL.len()];
        for round in 0..options.rounds {
            for peer in PeerName::ALL {
                progress(&format!("{}/{count} {} round {} {peer}", number + 1, entry.name, round + 1));
                samples[place(*peer)].push(child::start(entry.name, *peer, options.workers)?);
            }
        }
        progress("");
        let result = Comparison { entry, samples };
        known(&result)?;
        results.push(result);
    }
    Ok(results)
}

/// A list of samples for each runtime, at its place; none where one of them has none to give.
pub(crate) fn samples_of_all(
    samples: impl FnMut(PeerName) -> Option<Vec<Sample>>,
) -> Option<Vec<Vec<Sample>>> {
    PeerName::ALL.iter().copied().map(samples).collect()
}

fn place(peer: PeerName) -> usize {
    PeerName::ALL.iter().position(|other| *other == peer).expect("every peer is in the list of all")
}

/// One line that is written over, for whoever watches.
fn progress(text: &str) {
    if stderr().is_terminal() {
        // Nobody is to be told that the terminal is gone.
        let _ = write!(stderr(), "\r\x1b[K{text}");
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Comparison;
    use crate::sample::Sample;
    use filch_benches::{PeerName, catalogue};

    pub(crate) fn result(filch: [f64; 3], tokio: [f64; 3], smol: [f64; 3]) -> Comparison {
        result_of("spawn/inside", filch, tokio, smol)
    }

    pub(crate) fn result_of(name: &str, filch: [f64; 3], tokio: [f64; 3], smol: [f64; 3]) -> Comparison {
        let samples = [filch, tokio, smol].map(|figures| {
            figures.map(|figure| Sample { figure, cpu: None, sleeps: None, tail: None }).to_vec()
        });
        Comparison::of(catalogue::find(name).unwrap(), samples.to_vec()).unwrap()
    }

    /// A result whose samples, of every runtime, all have the same tail.
    pub(crate) fn with_tails(name: &str, tail: (f64, f64)) -> Comparison {
        let sample = Sample { figure: 1.0, cpu: None, sleeps: None, tail: Some(tail) };
        let samples = vec![vec![sample; 3]; PeerName::ALL.len()];
        Comparison::of(catalogue::find(name).unwrap(), samples).unwrap()
    }

    #[test]
    fn the_ratio_is_the_median_of_the_rounds_to_the_best_peer() {
        // The second round was disturbed, for both.
        let result = result([30.0, 300.0, 31.0], [500.0; 3], [100.0, 1_000.0, 100.0]);
        assert_eq!(result.best_peer(), PeerName::Smol);
        assert_eq!(result.figure(PeerName::Filch), 31.0);
        assert_eq!(result.ratio(), Some(0.3));
        assert_eq!(result.meets_target(), Some(true));
    }

    #[test]
    fn a_miss_is_a_miss() {
        let result = result([40.0; 3], [500.0; 3], [100.0; 3]);
        assert_eq!(result.meets_target(), Some(false));
    }
}
