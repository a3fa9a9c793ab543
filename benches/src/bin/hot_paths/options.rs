//! What the command line asks for.

use crate::path;
use lexopt::prelude::*;
use std::error::Error;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Counts instructions on filch's hot paths, under valgrind's callgrind.

usage: hot_paths [--only NAME]... [--table FILE | --update FILE | --ledger | --where] [--repeat N]

With none of these four it prints the instructions per operation of each path.
  --table FILE   compares with the expectations in FILE; fails when a path takes more, or is not in it
  --update FILE  writes what it counts to FILE as expectations
  --ledger       prints also locked instructions and system calls per operation
  --where        prints also in which functions the instructions are, the 25 with most of each path, and the locked ones
  --only NAME    only paths whose name contains NAME; may be given more than once
  --repeat N     counts each path so many times, and prints how far apart the least and the most are
  --list         the names, and what each is
  --waste N      adds N useless instructions to each operation, which --table must notice

What it runs under valgrind is itself:
       hot_paths --measure NAME TIMES [--waste N]
goes along the path named NAME, in full, TIMES times, which is a multiple of 2000. `valgrind --tool=callgrind`, `perf stat` and
`strace -c -f` can be put before that; the difference between two TIMES is what their difference cost.

Build it with the release profile: cargo run --release -p filch-benches --bin hot_paths -- --ledger
";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    List,
    /// What the process under valgrind does.
    Measure {
        name: String,
        times: usize,
        waste: usize,
    },
    Count(Options),
}

/// What is done with the counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Print,
    Compare(PathBuf),
    Update(PathBuf),
    Ledger,
    Where,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) only: Vec<String>,
    pub(crate) purpose: Purpose,
    pub(crate) repeat: usize,
    pub(crate) waste: usize,
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
        let mut options = Options { only: Vec::new(), purpose: Purpose::Print, repeat: 1, waste: 0 };
        let mut purposes = 0;
        let mut measured = None;
        while let Some(argument) = parser.next()? {
            let purpose = match argument {
                Long("only") => {
                    options.only.push(parser.value()?.string()?);
                    continue;
                }
                Long("repeat") => {
                    options.repeat = parser.value()?.parse()?;
                    continue;
                }
                Long("waste") => {
                    options.waste = parser.value()?.parse()?;
                    continue;
                }
                Long("measure") => {
                    let name = parser.value()?.string()?;
                    measured = Some((name, parser.value()?.parse()?));
                    continue;
                }
                Long("list") => return Ok(Self::List),
                Short('h') | Long("help") => return Ok(Self::Help),
                Long("table") => Purpose::Compare(parser.value()?.into()),
                Long("update") => Purpose::Update(parser.value()?.into()),
                Long("ledger") => Purpose::Ledger,
                Long("where") => Purpose::Where,
                other => return Err(other.unexpected().into()),
            };
            options.purpose = purpose;
            purposes += 1;
        }
        if purposes > 1 {
            return Err("one of --table, --update, --ledger and --where at a time".into());
        }
        if let Some((name, times)) = measured {
            return measure(name, times, options.waste);
        }
        if options.repeat == 0 {
            return Err("nothing is counted in no run".into());
        }
        if !path::ALL.iter().any(|path| options.includes(path.name)) {
            let names = options.only.join(" or ");
            return Err(format!("no path's name contains {names}; --list shows them").into());
        }
        Ok(Self::Count(options))
    }
}

fn measure(name: String, times: usize, waste: usize) -> Result<Command, Box<dyn Error>> {
    if !times.is_multiple_of(path::BATCH) {
        return Err(format!("{times} is no multiple of {}", path::BATCH).into());
    }
    if !path::ALL.iter().any(|path| path.name == name) {
        return Err(format!("no path is called {name}; --list shows them").into());
    }
    Ok(Command::Measure { name, times, waste })
}

#[cfg(test)]
mod tests {
    use super::{Command, Options, Purpose};

    fn parse(line: &str) -> Result<Command, String> {
        let words = std::iter::once("hot_paths").chain(line.split_whitespace());
        Command::parse(lexopt::Parser::from_iter(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_print_every_path() {
        let all = Options { only: Vec::new(), purpose: Purpose::Print, repeat: 1, waste: 0 };
        assert_eq!(parse(""), Ok(Command::Count(all)));
    }

    #[test]
    fn options_are_taken() {
        let Ok(Command::Count(options)) = parse("--only lock --only=timer --table x --repeat 5 --waste 7")
        else {
            panic!("it asks for counts");
        };
        assert!(options.includes("lock/free") && options.includes("timer") && !options.includes("yield"));
        assert_eq!(options.purpose, Purpose::Compare("x".into()));
        assert_eq!((options.repeat, options.waste), (5, 7));
        assert_eq!(
            parse("--measure yield 4000"),
            Ok(Command::Measure { name: "yield".into(), times: 4000, waste: 0 })
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        for (line, named) in [
            ("--only nothing-like-it", "nothing-like-it"),
            ("--measure yield 4001", "4001"),
            ("--measure spawn 4000", "spawn"),
            ("--table x --ledger", "at a time"),
            ("--repeat 0", "no run"),
            ("--tabel x", "--tabel"),
        ] {
            assert!(parse(line).is_err_and(|error| error.contains(named)), "{line}");
        }
    }
}
