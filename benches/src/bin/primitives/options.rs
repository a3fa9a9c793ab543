//! What the command line asks for.

use lexopt::prelude::*;
use std::error::Error;

pub(crate) const HELP: &str = "\
filch's primitives beside other libraries', in tasks of one filch runtime.

usage: primitives [--only NAME]... [--workers N] [--rounds N] [--report]

  --only NAME    only cases whose name contains NAME; may be given more than once
  --workers N    workers of the runtime (2)
  --rounds N     how often each contender runs each case (15)
  --report       writes the table into BENCHMARKS.md in the current folder
";

#[derive(Debug)]
pub(crate) struct Options {
    only: Vec<String>,
    pub(crate) workers: usize,
    pub(crate) rounds: usize,
    pub(crate) report: bool,
}

impl Options {
    /// `None`: help is asked for.
    pub(crate) fn from_arguments() -> Result<Option<Self>, Box<dyn Error>> {
        let mut options = Self { only: Vec::new(), workers: 2, rounds: 15, report: false };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("only") => options.only.push(arguments.value()?.string()?),
                Long("workers") => options.workers = positive(arguments.value()?.parse()?, "--workers")?,
                Long("rounds") => options.rounds = positive(arguments.value()?.parse()?, "--rounds")?,
                Long("report") => options.report = true,
                Long("help") | Short('h') => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        if options.report && !options.only.is_empty() {
            return Err("a report is of all cases".into());
        }
        Ok(Some(options))
    }

    pub(crate) fn includes(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| name.contains(only))
    }
}

fn positive(number: usize, option: &str) -> Result<usize, Box<dyn Error>> {
    if number == 0 { Err(format!("{option} wants at least 1").into()) } else { Ok(number) }
}
