//! Counts as lines of text.

use crate::count::Count;
use crate::expectation::Verdict;
use crate::options::{Options, Purpose};

/// Functions shown of each path, and the least that one must take to be shown.
const FUNCTIONS_MAX: usize = 25;
const INSTRUCTIONS_MIN: f64 = 0.5;

/// What stands above the lines.
pub(crate) fn heading(options: &Options) {
    print!("{:<20}{:>14}", "path", "instructions");
    match options.purpose {
        Purpose::Ledger => print!("{:>10}{:>14}", "locked", "system calls"),
        Purpose::Where => print!("{:>10}", "locked"),
        Purpose::Compare(_) => print!("{:>12}", "expected"),
        Purpose::Print | Purpose::Update(_) => {}
    }
    println!("{}", if options.repeat > 1 { "    spread" } else { "" });
}

/// A path's line, and what is to be said of it.
pub(crate) fn line(count: &Count, spread: Option<f64>, options: &Options, verdict: Option<Verdict>) {
    let found = count.cost.instructions;
    print!("{:<20}{found:>14.1}", count.name);
    match options.purpose {
        Purpose::Ledger => print!("{:>10.2}{:>14.2}", rounded(count.cost.locked), rounded(count.calls)),
        Purpose::Where => print!("{:>10.2}", rounded(count.cost.locked)),
        Purpose::Compare(_) | Purpose::Print | Purpose::Update(_) => {}
    }
    match verdict {
        Some(Verdict::AsExpected(expected) | Verdict::Worse(expected) | Verdict::Improved(expected)) => {
            print!("{expected:>12.1}");
        }
        Some(Verdict::Unexpected) => print!("{:>12}", "-"),
        None => {}
    }
    spread.into_iter().for_each(|spread| print!("{spread:>10.2}"));
    println!();
    if options.purpose == Purpose::Where {
        functions(count);
    }
    let name = count.name;
    match verdict {
        Some(Verdict::Worse(expected)) => {
            println!("WORSE: {name} takes {found:.1} instructions, expected are {expected:.1}");
        }
        Some(Verdict::Unexpected) => {
            println!("UNEXPECTED: {name} is not in the table: ci/hot-paths --update");
        }
        Some(Verdict::Improved(expected)) => {
            println!(
                "improved: {name} takes {found:.1} instructions, expected are {expected:.1}: ci/hot-paths --update"
            );
        }
        Some(Verdict::AsExpected(_)) | None => {}
    }
}

fn functions(count: &Count) {
    let some = count.functions.iter().filter(|(_, cost)| cost.instructions >= INSTRUCTIONS_MIN);
    for (name, cost) in some.take(FUNCTIONS_MAX) {
        println!("{:>34.1}{:>10.2}  {name}", cost.instructions, rounded(cost.locked));
    }
}

/// A small difference of two runs may be negative; what rounds to nothing is nothing.
fn rounded(count: f64) -> f64 {
    if count.abs() < 0.005 { 0.0 } else { count }
}
