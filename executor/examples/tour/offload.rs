//! Fourth stop: work that blocks or computes for long, kept off the workers.

use crate::progress::Progress;
use crate::table::{per_second, result};
use crate::{Result, exact};
use filch::spawn_blocking;
use std::fmt;
use std::time::{Duration, Instant};

const JOBS: u64 = 50;
const NUMBERS_PER_JOB: u64 = 20_000;
/// How many of the first million numbers are prime.
const PRIMES: u64 = 78_498;

/// What was seen here.
pub(crate) struct Offload {
    time: Duration,
}

pub(crate) async fn run() -> Result<Offload> {
    let progress = Progress::start("offload: jobs", JOBS);
    let start = Instant::now();
    let jobs: Vec<_> = (0..JOBS)
        .map(|job| {
            let done = progress.counter();
            spawn_blocking(move || {
                let numbers = job * NUMBERS_PER_JOB..(job + 1) * NUMBERS_PER_JOB;
                let primes = numbers.filter(|&number| is_prime(number)).count();
                done.step();
                primes as u64
            })
        })
        .collect();
    let mut primes = 0;
    for job in jobs {
        primes += job.await?;
    }
    let time = start.elapsed();
    progress.finish().await;

    exact("primes below a million", primes, PRIMES)?;
    Ok(Offload { time })
}

fn is_prime(number: u64) -> bool {
    number >= 2
        && (2..)
            .take_while(|divisor| divisor * divisor <= number)
            .all(|divisor| !number.is_multiple_of(divisor))
}

impl fmt::Display for Offload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = format!("{} jobs/s", per_second(JOBS, self.time));
        result(f, JOBS, "blocking jobs", self.time, &rate)
    }
}
