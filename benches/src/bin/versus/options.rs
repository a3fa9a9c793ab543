//! What the command line asks for.

use filch_benches::{PeerName, catalogue};
use lexopt::prelude::*;
use std::error::Error;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
filch, tokio and smol on the same workloads, each in processes of its own, taking turns.

usage: versus [--only NAME]... [--workers N] [--rounds N] [--json FILE] [--report]

  --only NAME    only workloads whose name contains NAME; may be given more than once
  --workers N    workers of each runtime (2)
  --rounds N     how often each runs each workload (5, which is also the least)
  --json FILE    writes every sample
  --report       writes BENCHMARKS.md and docs/*.svg into the current folder
  --list         the names, and what each is
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
    pub(crate) report: bool,
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
        let mut options =
            Options { only: Vec::new(), workers: 2, rounds: ROUNDS_MIN, json: None, report: false };
        let mut measured = None;
        while let Some(argument) = parser.next()? {
            match argument {
                Long("only") => options.only.push(parser.value()?.string()?),
                Long("workers") => options.workers = parser.value()?.parse()?,
                Long("rounds") => options.rounds = parser.value()?.parse()?,
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

    fn parse(line: &str) -> Result<Command, String> {
        let words = std::iter::once("versus").chain(line.split_whitespace());
        Command::parse(lexopt::Parser::from_iter(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_compare_everything() {
        let all = Options { only: Vec::new(), workers: 2, rounds: 5, json: None, report: false };
        assert_eq!(parse(""), Ok(Command::Compare(all)));
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
            ("--measure spawn/inside go", "go"),
        ] {
            assert!(parse(line).is_err_and(|error| error.contains(named)), "{line}");
        }
    }
}
