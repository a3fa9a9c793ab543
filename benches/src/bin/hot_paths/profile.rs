//! What callgrind wrote.
//!
//! Asked for positions in full and names in full, its format is lines: `ob=` and `fn=` say in which object and
//! function the lines that follow are; a line of three numbers is an address, a source line, and how many instructions were
//! executed there. A line of `calls=` is followed by what the callee cost, which has lines of its own.

use std::collections::BTreeMap;
use std::rc::Rc;

/// Instructions executed in one run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    /// By object file and address in it.
    pub(crate) places: BTreeMap<(Rc<str>, u64), Place>,
    /// All of them.
    pub(crate) total: u64,
}

/// One instruction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) function: Rc<str>,
    /// How often it was executed.
    pub(crate) executed: u64,
}

impl Profile {
    /// Reads callgrind's output.
    ///
    /// # Errors
    /// A line that is not of the format, and sums that differ: then the reader is wrong about it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut profile = Self::default();
        let (mut object, mut function): (Rc<str>, Rc<str>) = ("".into(), "".into());
        let mut promised: Option<u64> = None;
        let mut callee_next = false;
        for line in text.lines() {
            if line.starts_with("0x") {
                let (address, executed) =
                    address_and_cost(line).ok_or_else(|| format!("odd line of callgrind's: {line:?}"))?;
                if !std::mem::take(&mut callee_next) {
                    profile.add((object.clone(), address), &function, executed);
                }
            } else if let Some(name) = line.strip_prefix("ob=") {
                object = name.into();
            } else if let Some(name) = line.strip_prefix("fn=") {
                function = name.into();
            } else if line.starts_with("calls=") {
                callee_next = true;
            } else if let Some(total) = line.strip_prefix("totals: ") {
                promised = total.trim().parse().ok();
            }
        }
        match promised {
            Some(total) if total == profile.total => Ok(profile),
            _ => Err(format!("callgrind says that it counted {promised:?}, its lines say {}", profile.total)),
        }
    }

    fn add(&mut self, place: (Rc<str>, u64), function: &Rc<str>, executed: u64) {
        self.total += executed;
        let new = || Place { function: function.clone(), executed: 0 };
        self.places.entry(place).or_insert_with(new).executed += executed;
    }
}

fn address_and_cost(line: &str) -> Option<(u64, u64)> {
    let mut fields = line.split(' ');
    let address = u64::from_str_radix(fields.next()?.strip_prefix("0x")?, 16).ok()?;
    let _source_line = fields.next()?;
    // A place may have no cost.
    let cost = fields.next().map_or(Some(0), |cost| cost.parse().ok())?;
    Some((address, cost))
}

#[cfg(test)]
mod tests {
    use super::Profile;

    const TEXT: &str = "\
version: 1
positions: instr line
events: Ir

ob=/bin/program
fl=a.rs
fn=outer
0x1000 3 10
0x1004 4 5
cob=/lib/libc.so
cfn=inner
calls=2 0x50 7
0x1008 4 40
fi=b.rs
0x100c 9 1

ob=/lib/libc.so
fl=???
fn=inner
0x50 7 40

totals: 56
";

    #[test]
    fn costs_are_where_they_arose() {
        let profile = Profile::parse(TEXT).expect("it is callgrind's format");
        assert_eq!(profile.total, 56);
        let places = profile
            .places
            .iter()
            .map(|((object, address), place)| (&**object, *address, &*place.function, place.executed));
        assert_eq!(
            places.collect::<Vec<_>>(),
            [
                ("/bin/program", 0x1000, "outer", 10),
                ("/bin/program", 0x1004, "outer", 5),
                ("/bin/program", 0x100c, "outer", 1),
                ("/lib/libc.so", 0x50, "inner", 40),
            ]
        );
    }

    #[test]
    fn sums_that_differ_are_told() {
        for text in [&TEXT.replace("totals: 56", "totals: 57"), &TEXT.replace("totals: 56\n", ""), ""] {
            assert!(Profile::parse(text).is_err_and(|error| error.contains("its lines say")), "{text}");
        }
        assert!(Profile::parse("0xzz 1 1").is_err_and(|error| error.contains("0xzz")));
    }
}
