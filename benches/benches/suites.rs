//! How does filch fare in what the peers measure themselves by?
//!
//! - `rt_multi`, `rt_current`, `spawn_suite`, `mpsc`, `oneshot`, `semaphore_suite`, `timeout`: tokio's suites
//!   `rt_multi_threaded`, `rt_current_thread`, `spawn`, `sync_mpsc`, `sync_mpsc_oneshot`, `sync_semaphore` and
//!   `time_timeout`.
//! - `async_executor`: async-executor's.
//! - `*_main`: the body inside `block_on`, where the suites have it; without the ending, in a spawned task.
//!
//! They are a list of what was once worth a question to others, so one file has them all.

use criterion::{Criterion, criterion_group, criterion_main};

mod support;

fn suites(criterion: &mut Criterion) {
    for question in [
        "rt_multi",
        "rt_current",
        "spawn_suite",
        "mpsc",
        "oneshot",
        "semaphore_suite",
        "timeout",
        "async_executor",
    ] {
        support::compare(criterion, question);
    }
}

criterion_group! { name = benches; config = support::criterion(); targets = suites }
criterion_main!(benches);
