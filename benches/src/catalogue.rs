//! Every workload that is compared, by name: what it is, with which parameters, and what filch is to reach.
//!
//! Criterion's benches and the `versus` tool both take their workloads from here, so that a name means the
//! same body with the same parameters in either.
//!
//! Loads that do not suit a runtime stand in `robust.rs`, behind the questions that are ours; behind them, in
//! `suites.rs`, the peers' own suites. Not carried yet: tokio's
//! `sync_rwlock`, `sync_notify`, `sync_watch` and `sync_broadcast`, since filch has none of the four.

use std::time::Duration;

use crate::lineup::Crew;
use crate::peer::Place;
use crate::workload::memory::{Idle, IdleTasks};
use crate::workload::quiet::Quiet;
use crate::workload::robust::retained::Retained;
use crate::workload::{
    AnyWorkload, Flavour, blocking, channel, echo, lock, ping_pong, semaphore, skew, spawn, timer, wake,
    yield_now,
};

mod robust;
mod suites;

/// One line of the comparison.
pub struct Entry {
    /// `question/case`.
    pub name: &'static str,
    /// What one operation is, and where it happens.
    pub what: &'static str,
    /// What is measured.
    pub measure: Measure,
    /// On whose threads.
    pub crew: Crew,
    /// What filch's figure is to be at most.
    pub target: Option<Target>,
}

/// What is measured of a workload.
pub enum Measure {
    /// Nanoseconds per operation.
    Time(Box<dyn AnyWorkload>),
    /// Resident bytes per task.
    Bytes(IdleTasks),
    /// Resident bytes per task that has ended.
    Retained(Retained),
    /// Wake-ups of a runtime that has nothing to do.
    WakeUps(Quiet),
}

impl Measure {
    /// The unit of the figure.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Time(_) => "ns",
            Self::Bytes(_) | Self::Retained(_) => "bytes",
            Self::WakeUps(_) => "wake-ups",
        }
    }
}

/// What filch's figure is to be at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// A fraction of the best peer's.
    OfBest(f64),
    /// A figure of its own.
    AtMost(f64),
}

impl Target {
    /// Whether `ours` reaches it beside `best`, the best peer's.
    pub fn is_met(self, ours: f64, best: f64) -> bool {
        match self {
            Self::OfBest(fraction) => ours <= fraction * best,
            Self::AtMost(figure) => ours <= figure,
        }
    }
}

/// The entry of that name.
pub fn find(name: &str) -> Option<Entry> {
    all().into_iter().find(|entry| entry.name == name)
}

/// The workloads of one question, such as `spawn`, that are measured in time: each with the name of its case, and
/// on whose threads it runs.
pub fn times_of(question: &str) -> impl Iterator<Item = (&'static str, Crew, Box<dyn AnyWorkload>)> + '_ {
    all().into_iter().filter_map(move |entry| {
        let case = entry.name.strip_prefix(question)?.strip_prefix('/')?;
        match entry.measure {
            Measure::Time(workload) => Some((case, entry.crew, workload)),
            _ => None,
        }
    })
}

/// Every line, in the order of the table.
pub fn all() -> Vec<Entry> {
    let ours = [spawning(), switching(), sharing(), timing(), locking(), io(), crossing(), resting()];
    ours.into_iter().flatten().chain(robust::all()).chain(suites::all()).collect()
}

fn spawning() -> Vec<Entry> {
    use spawn::{Chain, ForkJoin, Inside, JoinMany, JoinOne, Outside};
    let many = |place| JoinMany { tasks: 1_000, rounds: 20, place };
    vec![
        time(
            "spawn/inside",
            "a task spawns 50,000, detached",
            Inside { tasks: 50_000, place: Place::Worker },
        )
        .of_best(0.30),
        time("spawn/inside_main", "the same from `block_on`", Inside { tasks: 50_000, place: Place::Caller }),
        time("spawn/outside", "a plain thread spawns 50,000, detached", Outside { tasks: 50_000 })
            .of_best(0.40),
        time("spawn/join_many", "a task spawns 1,000, then awaits them", many(Place::Worker)).of_best(0.40),
        time("spawn/join_many_main", "the same from `block_on`", many(Place::Caller)),
        time(
            "spawn/join_one",
            "a task spawns one, awaits it, again",
            JoinOne { turns: 5_000, place: Place::Worker },
        )
        .of_best(0.15),
        time(
            "spawn/join_one_main",
            "the same from `block_on`",
            JoinOne { turns: 5_000, place: Place::Caller },
        ),
        time("spawn/chain", "each of 10,000 spawns the next", Chain { depth: 10_000 }).of_best(0.40),
        time("spawn/fork_join", "fib(22), each call a task", ForkJoin { number: 22 }).of_best(0.35),
    ]
}

fn switching() -> Vec<Entry> {
    use channel::{FanIn, ToAndFro};
    use ping_pong::{Beside, Pairs};
    let pairs = |channels, place| Pairs { pairs: 1_000, channels, place };
    let fan_in = |channels| FanIn { producers: 4, messages: 10_000, capacity: 100, channels };
    vec![
        time("yield/many", "200 tasks yield 1,000 times each", yield_now::Many { tasks: 200, yields: 1_000 })
            .of_best(0.40),
        time("ping_pong/own", "1,000 pairs, two one-shots each", pairs(Flavour::Own, Place::Worker))
            .of_best(0.35),
        time("ping_pong/own_main", "the same from `block_on`", pairs(Flavour::Own, Place::Caller)),
        time("ping_pong/neutral", "the same over `async-channel`", pairs(Flavour::Neutral, Place::Worker)),
        time(
            "ping_pong/beside_work",
            "the same beside a task that computes 2 ms per poll",
            Beside { pairs: 1_000, rounds: 100, work: Duration::from_millis(2) },
        )
        .of_best(0.40),
        time(
            "channel/to_and_fro_own",
            "a message to and fro between two tasks",
            ToAndFro { turns: 20_000, channels: Flavour::Own },
        )
        .of_best(0.20),
        time(
            "channel/to_and_fro_neutral",
            "the same over `async-channel`",
            ToAndFro { turns: 20_000, channels: Flavour::Neutral },
        )
        .of_best(0.20),
        time("channel/fan_in_own", "4 producers, one consumer, room for 100", fan_in(Flavour::Own)),
        time("channel/fan_in_neutral", "the same over `async-channel`", fan_in(Flavour::Neutral)),
    ]
}

fn sharing() -> Vec<Entry> {
    let burst = |tasks, micros| skew::FanOut { tasks, work: Duration::from_micros(micros) };
    vec![
        time("skew/fan_out", "one task spawns 4,000 times 10 µs of work", burst(4_000, 10)).of_best(1.0),
        time("skew/coarse", "one task spawns 100 times 1 ms of work", burst(100, 1_000)).of_best(1.0),
        time(
            "blocking/one_task",
            "one task, 16 blocking calls at a time",
            blocking::Calls { tasks: 1, batches: 20, calls: 16 },
        ),
        time("blocking/four_tasks", "four such tasks", blocking::Calls { tasks: 4, batches: 20, calls: 16 }),
    ]
}

fn timing() -> Vec<Entry> {
    let fire = timer::Fire {
        tasks: 100_000,
        shortest: Duration::from_millis(1),
        longest: Duration::from_millis(100),
    };
    vec![
        time(
            "timer/create_and_drop",
            "4 tasks make, poll once and drop 50,000 timers each",
            timer::CreateAndDrop { tasks: 4, timers: 50_000 },
        )
        .of_best(0.20),
        time("timer/fire", "100,000 tasks sleep 1–100 ms once: time beyond that", fire).of_best(0.50),
        time(
            "timer/timeout_ready",
            "a timeout around what is ready",
            timer::TimeoutReady { tasks: 4, timeouts: 50_000 },
        ),
    ]
}

fn locking() -> Vec<Entry> {
    vec![
        time("lock/uncontended", "one task locks and unlocks", lock::Uncontended { times: 200_000 }),
        time(
            "lock/contended",
            "64 tasks lock one 2,000 times each",
            lock::Contended { tasks: 64, times: 2_000 },
        )
        .of_best(0.15),
        time(
            "semaphore/uncontended",
            "one task acquires and releases",
            semaphore::Uncontended { times: 200_000 },
        ),
        time(
            "semaphore/contended",
            "4 permits, 64 tasks, a yield while held",
            semaphore::Contended { permits: 4, tasks: 64, times: 500 },
        )
        .of_best(0.40),
    ]
}

fn io() -> Vec<Entry> {
    let echo = |connections, messages, bytes| echo::Echo { connections, messages, bytes };
    vec![
        time("echo/1x64B", "TCP echo, one connection, 64 bytes", echo(1, 5_000, 64)).of_best(0.80),
        time("echo/64x64B", "64 connections, 64 bytes", echo(64, 200, 64)).of_best(0.85),
        time("echo/1000x64B", "1,000 connections, 64 bytes", echo(1_000, 20, 64)).of_best(0.85),
        time("echo/16x64KiB", "16 connections, 64 KiB", echo(16, 100, 64 * 1024)).of_best(0.97),
    ]
}

fn crossing() -> Vec<Entry> {
    vec![
        time(
            "wake/there_and_back",
            "a plain thread wakes a task, which wakes it in turn",
            wake::ThereAndBack { times: 5_000 },
        )
        .of_best(0.85),
        time(
            "wake/spawn_and_join",
            "a plain thread spawns a task and blocks until it ends",
            wake::SpawnAndJoin { turns: 5_000 },
        ),
    ]
}

fn resting() -> Vec<Entry> {
    let idle = |idle| Measure::Bytes(IdleTasks { tasks: 1_000_000, idle });
    vec![
        Entry {
            name: "memory/pending",
            what: "resident bytes per idle task, at a million",
            measure: idle(Idle::Pending),
            crew: Crew::Workers,
            target: Some(Target::AtMost(96.0)),
        },
        Entry {
            name: "memory/asleep",
            what: "the same, each with a timer",
            measure: idle(Idle::Asleep),
            crew: Crew::Workers,
            target: None,
        },
        Entry {
            name: "idle/quiet",
            what: "10,000 idle tasks, 1,000 idle sockets, 5 s: wake-ups",
            measure: Measure::WakeUps(Quiet { tasks: 10_000, sockets: 1_000, span: Duration::from_secs(5) }),
            crew: Crew::Workers,
            target: Some(Target::AtMost(0.0)),
        },
    ]
}

fn time(name: &'static str, what: &'static str, workload: impl AnyWorkload + 'static) -> Entry {
    Entry { name, what, measure: Measure::Time(Box::new(workload)), crew: Crew::Workers, target: None }
}

impl Entry {
    fn of_best(self, fraction: f64) -> Self {
        Self { target: Some(Target::OfBest(fraction)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::{Target, all, find, times_of};
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_found() {
        let names: BTreeSet<_> = all().iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), all().len());
        assert!(names.iter().all(|name| find(name).is_some_and(|entry| entry.name == *name)));
        assert!(find("spawn").is_none());
        assert!(names.iter().all(|name| name.len() <= 36), "a column is only so wide");
    }

    #[test]
    fn a_question_has_its_cases_and_no_others() {
        let cases: Vec<_> = times_of("wake").map(|(case, ..)| case).collect();
        assert_eq!(cases, ["there_and_back", "spawn_and_join"]);
    }

    #[test]
    fn a_target_is_met_at_its_bound() {
        assert!(Target::OfBest(0.5).is_met(50.0, 100.0));
        assert!(!Target::OfBest(0.5).is_met(50.1, 100.0));
        assert!(Target::AtMost(0.0).is_met(0.0, 3.0));
        assert!(!Target::AtMost(96.0).is_met(97.0, 3_000.0));
    }
}
