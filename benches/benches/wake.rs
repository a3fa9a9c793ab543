//! What does it cost to cross from a plain thread into the runtime and back?
//!
//! - `there_and_back`: a thread wakes a task and the task wakes the thread. Two wake-ups of the operating
//!   system are the floor.
//! - `spawn_and_join`: a thread spawns a task and blocks until it has ended. A task's life on top.

use criterion::{Criterion, criterion_group, criterion_main};
use filch_benches::workload::wake::{SpawnAndJoin, ThereAndBack};

mod support;
use support::compare;

fn wake(criterion: &mut Criterion) {
    compare(criterion, "wake", "there_and_back", &ThereAndBack { times: 1_000 });
    compare(criterion, "wake", "spawn_and_join", &SpawnAndJoin { turns: 1_000 });
}

criterion_group! { name = benches; config = support::criterion(); targets = wake }
criterion_main!(benches);
