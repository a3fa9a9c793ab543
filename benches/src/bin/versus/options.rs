//! What the command line asks for.

use filch_benches::{PeerName, catalogue};
use lexopt::prelude::*;
use std::error::Error;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
filch, tokio and smol on the same workloads, each in processes of its own, taking turns.

usage: versus [--only NAME]... [--workers N] [--rounds N] [--json FILE] [--report]
       versus --from FILE... [--only NAME]... [--json FILE] [--report]

  --only NAME    only workloads whose name contains NAME; may be given more than once
  --workers N    workers of each runtime (2)
  --rounds N     how often each runs each workload (5, which is also the least)
  --json FILE    writes every sample
  --from FILE    takes what --json wrote before instead of measuring; may be given more than once, and of a
                 workload that is in several files the last one's figures count
  --report       writes BENCHMARKS.md and docs/*.svg into the current folder
  --list         the names, and what each is

FILCH_BENCH_WITHOUT=NAME,NAME... switches policies of filch's scheduler off, to find out which of them a figure is due
to: the names are the fields of filch::Policies, and block_on_helps. A report is of all of them on.
";

/// The fewest rounds whose median says something.
const ROUNDS_MIN: usize = 5;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    List,
    /// What a child process does: one workload on one runtime.
    Measure {
        name: String,
        peer: PeerName,
        workers: usize,
    },
    Compare(Options),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) only: Vec<String>,
    pub(crate) workers: usize,
    pub(crate) rounds: usize,
    pub(crate) json: Option<PathBuf>,
    pub(crate) from: Vec<PathBuf>,
    pub(crate) report: bool,
}

impl Default for Options {
    fn default() -> Self {
        let (only, from) = (Vec::new(), Vec::new());
        Self { only, workers: 2, rounds: ROUNDS_MIN, json: None, from, report: false }
    }
}

impl Options {
    pub(crate) fn includes(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }
}

impl Command {
    pub(crate) fn from_arguments() -> Result<Self, Box<dyn Error>> {
        Self::parse(lexopt::Parser::from_env())
    }

    fn parse(mut parser: lexopt::Parser) -> Result<Self, Box<dyn Error>> {
        let mut options = Options::default();
        let mut measured = None;
        let mut how = None;
        while let Some(argument) = parser.next()? {
            match argument {
                Long("only") => options.only.push(parser.value()?.string()?),
                Long("workers") => {
                    options.workers = parser.value()?.parse()?;
                    how = Some("--workers");
                }
                Long("rounds") => {
                    options.rounds = parser.value()?.parse()?;
                    how = Some("--rounds");
                }
                Long("from") => options.from.push(parser.value()?.into()),
                Long("json") => options.json = Some(parser.value()?.into()),
                Long("report") => options.report = true,
                Long("list") => return Ok(Self::List),
                Short('h') | Long("help") => return Ok(Self::Help),
                Long("measure") => {
                    let name = parser.value()?.string()?;
                    measured = Some((name, parser.value()?.parse()?));
                }
                other => return Err(other.unexpected().into()),
            }
        }
        if options.workers == 0 {
            return Err("a runtime needs at least one worker".into());
        }
        if let Some((name, peer)) = measured {
            return Ok(Self::Measure { name, peer, workers: options.workers });
        }
        if let (Some(option), false) = (how, options.from.is_empty()) {
            return Err(format!("{option} says how to measure, and with --from nothing is measured").into());
        }
        if options.rounds < ROUNDS_MIN {
            return Err(format!("fewer than {ROUNDS_MIN} rounds say nothing").into());
        }
        if !catalogue::all().iter().any(|entry| options.includes(entry.name)) {
            return Err(format!(
                "no workload's name contains {}; --list shows them",
                options.only.join(" or ")
            )
            .into());
        }
        Ok(Self::Compare(options))
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, Options};
    use filch_benches::PeerName;
    use std::path::PathBuf;

    fn parse(line: &str) -> Result<Command, String> {
        let words = std::iter::once("versus").chain(line.split_whitespace());
        Command::parse(lexopt::Parser::from_iter(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_compare_everything() {
        assert_eq!(parse(""), Ok(Command::Compare(Options::default())));
        let Options { only, workers, rounds, json, from, report } = Options::default();
        assert_eq!((workers, rounds, report), (2, 5, false));
        assert!(only.is_empty() && from.is_empty() && json.is_none());
    }

    #[test]
    fn options_are_taken() {
        let Ok(Command::Compare(options)) = parse("--only spawn --only=echo --workers 4 --rounds 7 --json x")
        else {
            panic!("it asks for a comparison");
        };
        assert!(
            options.includes("spawn/inside")
                && options.includes("echo/1x64B")
                && !options.includes("yield/many")
        );
        assert_eq!((options.workers, options.rounds), (4, 7));
        let Ok(Command::Compare(options)) = parse("--from a.json --from=b.json --report") else {
            panic!("it asks for a comparison");
        };
        assert_eq!(options.from, [PathBuf::from("a.json"), PathBuf::from("b.json")]);
        assert!(options.report);
        assert_eq!(
            parse("--measure spawn/inside smol --workers 1"),
            Ok(Command::Measure { name: "spawn/inside".into(), peer: PeerName::Smol, workers: 1 })
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (line, named) in [
            ("--workers 0", "at least one worker"),
            ("--workers many", "many"),
            ("--rounds 1", "fewer than 5"),
            ("--only nothing-like-it", "nothing-like-it"),
            ("--ony spawn", "--ony"),
            ("--from x.json --workers 2", "--workers"),
            ("--rounds 7 --from x.json", "--rounds"),
            ("--measure spawn/inside go", "go"),
        ] {
            assert!(parse(line).is_err_and(|error| error.contains(named)), "{line}");
        }
    }
}
