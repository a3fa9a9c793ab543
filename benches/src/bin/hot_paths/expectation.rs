//! The table of expected counts: a line per path, its name, a tab, its instructions per operation.

use std::collections::BTreeMap;
use std::fmt;

/// How far a count may be from what is expected of it: so many instructions, or this part of it, whichever is more.
/// The same program counts the same; another compiler orders and inlines a little differently.
const TOLERANCE: f64 = 5.0;
const TOLERANCE_PART: f64 = 0.05;

const HEADER: &str = "\
# Instructions per operation on the hot paths, as ci/hot-paths counts them; ci/hot-paths --update writes this file.
# A change that makes one of them larger says why, and what is won for it.
";

/// The expectations.
#[derive(Debug, PartialEq)]
pub(crate) struct Table(BTreeMap<String, f64>);

/// How a count compares with what was expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    AsExpected(f64),
    Improved(f64),
    Worse(f64),
    Unexpected,
}

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    /// A line that is none of a table's.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let line = |line: &str| {
            let (name, count) = line.split_once('\t')?;
            let count: f64 = count.trim().parse().ok()?;
            (count.is_finite() && count >= 0.0).then(|| (name.to_owned(), count))
        };
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let entries =
            lines.map(|text| line(text).ok_or_else(|| format!("odd line of expectations: {text:?}")));
        Ok(Self(entries.collect::<Result<_, _>>()?))
    }

    pub(crate) fn new(counts: impl Iterator<Item = (String, f64)>) -> Self {
        Self(counts.collect())
    }

    /// These expectations, and for what they do not name those of `older`.
    pub(crate) fn over(mut self, older: Self) -> Self {
        older.0.into_iter().for_each(|(name, count)| {
            self.0.entry(name).or_insert(count);
        });
        self
    }

    pub(crate) fn judge(&self, name: &str, found: f64) -> Verdict {
        let Some(&expected) = self.0.get(name) else { return Verdict::Unexpected };
        let tolerance = TOLERANCE.max(expected * TOLERANCE_PART);
        if found > expected + tolerance {
            Verdict::Worse(expected)
        } else if found < expected - tolerance {
            Verdict::Improved(expected)
        } else {
            Verdict::AsExpected(expected)
        }
    }

    /// The names of which nothing is known to `is_known`.
    pub(crate) fn unknown(&self, is_known: impl Fn(&str) -> bool) -> Vec<&str> {
        self.0.keys().map(String::as_str).filter(|name| !is_known(name)).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEADER)?;
        self.0.iter().try_for_each(|(name, count)| writeln!(f, "{name}\t{count:.1}"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Table, Verdict};

    fn table() -> Table {
        Table::parse("# a comment\nlock\t20.5\n\nspawn\t200\n").expect("it is a table")
    }

    #[test]
    fn a_count_is_judged_by_the_larger_tolerance() {
        let table = table();
        assert_eq!(table.judge("lock", 25.4), Verdict::AsExpected(20.5));
        assert_eq!(table.judge("lock", 25.6), Verdict::Worse(20.5));
        assert_eq!(table.judge("lock", 15.4), Verdict::Improved(20.5));
        assert_eq!(table.judge("spawn", 209.9), Verdict::AsExpected(200.0));
        assert_eq!(table.judge("spawn", 210.1), Verdict::Worse(200.0));
        assert_eq!(table.judge("spawn", 189.9), Verdict::Improved(200.0));
        assert_eq!(table.judge("yield", 1.0), Verdict::Unexpected);
    }

    #[test]
    fn a_table_is_read_as_it_was_written() {
        assert_eq!(Table::parse(&table().to_string()), Ok(table()));
    }

    #[test]
    fn an_update_of_some_keeps_the_others() {
        let some = Table::new([("lock".to_owned(), 18.0)].into_iter());
        assert_eq!(some.over(table()), Table::parse("lock\t18\nspawn\t200").expect("it is a table"));
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for text in ["lock 20", "lock\tmany", "lock\t-1", "lock\tNaN"] {
            assert!(Table::parse(text).is_err_and(|error| error.contains("lock")), "{text}");
        }
    }

    #[test]
    fn an_expectation_of_nothing_is_found() {
        assert_eq!(table().unknown(|name| name == "lock"), ["spawn"]);
    }
}
