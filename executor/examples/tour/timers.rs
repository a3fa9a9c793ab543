//! Third stop: timers, and how late they are.

use crate::progress::Progress;
use crate::table::result;
use crate::{Result, exact};
use filch::spawn;
use filch::time::sleep_until;
use std::fmt;
use std::time::{Duration, Instant};

const TIMERS: u32 = 10_000;
/// The deadlines are spread over this time ...
const SPAN: Duration = Duration::from_secs(1);
/// ... which begins late enough for all tasks to have been spawned.
const RUN_UP: Duration = Duration::from_millis(100);

/// What was seen here.
pub(crate) struct Timers {
    /// How late each was, the punctual first.
    late: Vec<Duration>,
}

pub(crate) async fn run() -> Result<Timers> {
    let progress = Progress::start("timers: fired", TIMERS.into());
    let begin = Instant::now() + RUN_UP;
    let timers: Vec<_> = (0..TIMERS)
        .map(|number| {
            // In no order: 7,919 and 10,000 have no common divisor, so every place of the span comes up once.
            let place = number * 7_919 % TIMERS;
            let (deadline, done) = (begin + SPAN / TIMERS * place, progress.counter());
            spawn(async move {
                sleep_until(deadline).await;
                let late = Instant::now().checked_duration_since(deadline);
                done.step();
                late
            })
        })
        .collect();

    let (mut late, mut early) = (Vec::new(), 0);
    for timer in timers {
        match timer.await? {
            Some(by) => late.push(by),
            None => early += 1,
        }
    }
    progress.finish().await;

    exact("timers that fired early", early, 0)?;
    exact("timers that fired", late.len() as u64, u64::from(TIMERS))?;
    late.sort_unstable();
    Ok(Timers { late })
}

impl Timers {
    /// The lateness that so many in a hundred do not exceed.
    fn percentile(&self, percent: usize) -> Duration {
        self.late[(self.late.len() * percent).div_ceil(100).saturating_sub(1)]
    }
}

impl fmt::Display for Timers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99) = (self.percentile(50), self.percentile(99));
        let late = format!("late by {p50:.0?} (p50), {p99:.0?} (p99)");
        result(f, self.late.len() as u64, "timers, none early", SPAN, &late)
    }
}
