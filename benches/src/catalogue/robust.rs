//! Loads that do not suit a runtime: nothing is to be won elsewhere that is lost here.
//!
//! None has a target beyond not being behind. Criterion has no part in them: what they are about is single operations,
//! processor time and memory, none of which it sees. `skew/coarse` and `ping_pong/beside_work` belong here by their
//! nature.

use std::time::Duration;

use super::{Entry, Measure, time};
use crate::lineup::Crew;
use crate::workload::robust::blocked::Blocked;
use crate::workload::robust::burst::Burst;
use crate::workload::robust::groups::Uneven;
use crate::workload::robust::retained::Retained;
use crate::workload::robust::rhythm::Rhythm;
use crate::workload::robust::saturated::Saturated;

/// Every case, in the order of the table.
pub(super) fn all() -> Vec<Entry> {
    let micros = Duration::from_micros;
    let retained = Retained { tasks: 1_000_000, span: Duration::from_secs(1) };
    vec![
        time(
            "robust/burst_parked",
            "all asleep, then a plain thread spawns 64 × 100 µs; tail: a round",
            Burst { tasks: 64, work: micros(100), rounds: 40 },
        ),
        time(
            "robust/saturated",
            "50 µs of work by 4 tasks a worker; tail: a pair's message there and back",
            Saturated { tasks_per_worker: 4, work: micros(50), computations: 4_000 },
        ),
        time(
            "robust/uneven_groups",
            "a yield, by groups of 1 to 512 tasks; tail: median and last group's end",
            Uneven { groups: 10, yields: 50 },
        ),
        time(
            "robust/blocked_worker",
            "a task woken by one that then blocks its thread for 20 ms: the wait",
            Blocked { victims: 8, span: Duration::from_millis(20), rounds: 20 },
        ),
        time(
            "robust/rhythm",
            "a plain thread wakes a task every 200 µs: time until it runs (see cpu)",
            Rhythm { beats: 2_500, period: micros(200) },
        ),
        Entry {
            name: "robust/memory_after_burst",
            what: "resident bytes per task, a second after a million tasks have ended",
            measure: Measure::Retained(retained),
            crew: Crew::Workers,
            target: None,
        },
    ]
}
