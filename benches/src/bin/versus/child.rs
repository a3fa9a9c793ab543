//! A child process: one workload on one runtime. It prints one line.

use crate::sample::Sample;
use crate::statistics::median;
use filch_benches::catalogue::{self, Measure};
use filch_benches::process::allow_descriptors;
use filch_benches::usage::Usage;
use filch_benches::{AnyPeer, AnyWorkload, PeerName};
use std::error::Error;
use std::io::{Write, stdout};
use std::process::{self, Command};
use std::time::{Duration, Instant};

/// Runs of a workload go on for so long, and are at least [`RUNS_MIN`]; but for one that stands alone.
const SPAN: Duration = Duration::from_millis(300);
const RUNS_MIN: usize = 3;

/// Starts a child and waits for its sample.
pub(crate) fn start(name: &str, peer: PeerName, workers: usize) -> Result<Sample, Box<dyn Error>> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--measure", name, peer.as_str(), "--workers", &workers.to_string()])
        .output()?;
    let heard = serde_json::from_slice(&output.stdout).ok().and_then(|value| Sample::from_json(&value));
    match heard {
        Some(sample) if output.status.success() => Ok(sample),
        _ => Err(format!("{name} on {peer}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr))
            .into()),
    }
}

/// What the child does. Ends the process.
pub(crate) fn measure(name: &str, peer: PeerName, workers: usize) -> Result<(), Box<dyn Error>> {
    let entry = catalogue::find(name).ok_or_else(|| format!("no workload is called {name:?}"))?;
    let sample = match &entry.measure {
        Measure::Time(workload) => {
            allow_descriptors(workload.descriptors().saturating_add(100))?;
            time(workload.as_ref(), &entry.crew.start(peer, workers))?
        }
        Measure::Bytes(tasks) => {
            let bytes = tasks.resident_growth_on(&entry.crew.start(peer, workers))?;
            Sample { figure: bytes as f64 / tasks.tasks as f64, cpu: None, sleeps: None, tail: None }
        }
        Measure::Retained(burst) => {
            let bytes = burst.growth_on(&entry.crew.start(peer, workers))?;
            Sample { figure: bytes as f64 / burst.tasks as f64, cpu: None, sleeps: None, tail: None }
        }
        Measure::WakeUps(quiet) => {
            allow_descriptors(quiet.descriptors())?;
            let used = quiet.run_on(&entry.crew.start(peer, workers))?;
            Sample {
                figure: used.sleeps as f64,
                cpu: Some(used.cpu.as_nanos() as f64),
                sleeps: None,
                tail: None,
            }
        }
    };
    writeln!(stdout(), "{}", sample.to_json())?;
    // What a million tasks leave behind needs no tidying when the process ends anyway.
    process::exit(0)
}

/// The median of some runs, after one that warms up; or the one run of a workload that stands alone.
fn time(workload: &dyn AnyWorkload, peer: &AnyPeer) -> Result<Sample, Box<dyn Error>> {
    let alone = workload.stands_alone();
    if !alone {
        workload.run_on(peer);
    }
    let (begin, before) = (Instant::now(), Usage::now()?);
    let mut outcomes = Vec::new();
    loop {
        outcomes.push(workload.run_on(peer));
        if alone || outcomes.len() >= RUNS_MIN && begin.elapsed() >= SPAN {
            break;
        }
    }
    let used = Usage::now()?.since(before);
    let operations: u64 = outcomes.iter().map(|outcome| outcome.operations).sum();
    let tails: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.tail).collect();
    let nanos = |pick: fn(&filch_benches::Tail) -> Duration| {
        let times: Vec<f64> = tails.iter().map(|tail| pick(tail).as_nanos() as f64).collect();
        (!times.is_empty()).then(|| median(&times))
    };
    Ok(Sample {
        figure: median(&outcomes.iter().map(|outcome| outcome.nanos_per_operation()).collect::<Vec<_>>()),
        cpu: Some(used.cpu.as_nanos() as f64 / operations as f64),
        sleeps: Some(used.sleeps as f64 / operations as f64),
        tail: nanos(|tail| tail.p50).zip(nanos(|tail| tail.p99)),
    })
}
