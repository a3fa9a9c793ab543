//! Numbers for people to read.

use filch::{RuntimeMetrics, WorkerMetrics};
use std::fmt;
use std::time::Duration;

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// How many that is in a second.
pub(crate) fn per_second(count: u64, time: Duration) -> String {
    let nanos = time.as_nanos().max(1);
    let rate = u128::from(count) * Duration::from_secs(1).as_nanos() / nanos;
    grouped(u64::try_from(rate).unwrap_or(u64::MAX))
}

/// What was seen at a stop.
pub(crate) fn result(
    f: &mut fmt::Formatter<'_>,
    count: u64,
    what: &str,
    time: Duration,
    finding: &str,
) -> fmt::Result {
    write!(f, "{:>9} {what:<28} {:>6.2} s   {finding}", grouped(count), time.as_secs_f64())
}

/// How the workers shared the work.
pub(crate) struct Workers(pub(crate) RuntimeMetrics);

impl fmt::Display for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<12} {:>12} {:>12} {:>12}", "thread", "polls", "steals", "parks")?;
        for (number, worker) in self.0.workers.iter().enumerate() {
            row(f, &format!("worker {number}"), worker)?;
        }
        row(f, "helpers", &self.0.guests)
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, done: &WorkerMetrics) -> fmt::Result {
    let [polls, steals, parks] = [done.polls, done.steals, done.parks].map(grouped);
    writeln!(f, "{name:<12} {polls:>12} {steals:>12} {parks:>12}")
}
