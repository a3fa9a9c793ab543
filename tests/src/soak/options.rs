//! What can be asked for on the command line.

use super::ingredient::{self, Ingredient};
use crate::SLOWNESS;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Faults that can be planted, to see that they are found: their names, and the ingredient that has each.
pub const BREAKS: &[(&str, &str)] = &[
    ("message", "channels"),
    ("permit", "locks"),
    ("bytes", "tcp"),
    ("early", "timers"),
    ("task", "tasks"),
    ("value", "tasks"),
    ("panic", "tasks"),
    ("hang", "events"),
    ("descriptor", "unix"),
    ("thread", "blocking"),
    ("zombie", "blocking"),
    #[cfg(not(any(filch_asan, filch_tsan)))]
    ("memory", "bursts"),
];

/// What the run is to be like.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long it runs.
    pub length: Duration,
    /// What the dice start from.
    pub seed: u64,
    /// How long an ingredient may make no progress.
    pub patience: Duration,
    pub(super) ingredients: Vec<&'static Ingredient>,
    pub(super) planted: Option<&'static str>,
}

pub(super) fn help() -> String {
    let mut text = "\
Mixes everything filch can do, with faults, and checks that nothing is lost, late or left behind.

    --minutes N     how long (default 1)
    --seconds N     the same in seconds
    --seed N        repeats the choices of an earlier run, though not its timing (default: from the clock)
    --only A,B      these ingredients alone
    --patience N    seconds without progress that count as a hang (default 30)
    --help          this text

Ends with 0 when all sums agree, with 1 when something broke, with 2 when it was not asked properly.

Ingredients:"
        .to_owned();
    for ingredient in ingredient::ALL {
        text += &format!("\n    {:<12} {}", ingredient.name, ingredient.what);
    }
    text
}

impl Options {
    /// Reads arguments; `None` when help is asked for.
    ///
    /// # Errors
    /// A sentence on what is wrong with them.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Option<Self>, String> {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut options = Self {
            length: Duration::from_secs(60),
            seed: clock.subsec_nanos().into(),
            patience: Duration::from_secs(30) * SLOWNESS,
            ingredients: ingredient::ALL.iter().collect(),
            planted: None,
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                "--minutes" => options.length = Duration::from_secs(number(&value()?)?.saturating_mul(60)),
                "--seconds" => options.length = Duration::from_secs(number(&value()?)?),
                "--seed" => options.seed = number(&value()?)?,
                "--patience" => options.patience = Duration::from_secs(number(&value()?)?),
                "--only" => {
                    let names = value()?;
                    options.ingredients = names.split(',').map(ingredient_of).collect::<Result<_, _>>()?;
                }
                "--break" => options.planted = Some(planted(&value()?)?),
                "--help" | "-h" => return Ok(None),
                other => return Err(format!("unknown argument {other}")),
            }
        }
        if options.length.is_zero() {
            return Err("it has to run for some time".to_owned());
        }
        Ok(Some(options))
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text} is not a number"))
}

fn ingredient_of(name: &str) -> Result<&'static Ingredient, String> {
    let found = ingredient::ALL.iter().find(|ingredient| ingredient.name == name);
    found.ok_or_else(|| format!("no ingredient is called {name}"))
}

fn planted(name: &str) -> Result<&'static str, String> {
    let found = BREAKS.iter().find(|(planted, _)| *planted == name);
    found.map(|(planted, _)| *planted).ok_or_else(|| {
        let all: Vec<_> = BREAKS.iter().map(|(name, _)| *name).collect();
        format!("nothing called {name} can be broken, only {}", all.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::Options;
    use std::time::Duration;

    fn parse(line: &str) -> Result<Option<Options>, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn what_is_asked_for_is_understood() {
        let options = parse("--minutes 3 --seed 7 --only tcp,udp --break bytes").unwrap().unwrap();
        assert_eq!((options.length, options.seed), (Duration::from_secs(180), 7));
        let names: Vec<_> = options.ingredients.iter().map(|ingredient| ingredient.name).collect();
        assert_eq!((names, options.planted), (vec!["tcp", "udp"], Some("bytes")));
        assert!(parse("--seconds 1 --help").unwrap().is_none());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in ["--minutes", "--minutes x", "--seconds 0", "--only nothing", "--break nothing", "--loud"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
