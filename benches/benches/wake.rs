//! What does it cost to cross from a plain thread into the runtime and back?
//!
//! - `there_and_back`: a thread wakes a task and the task wakes the thread. Two wake-ups of the operating
//!   system are the floor.
//! - `spawn_and_join`: a thread spawns a task and blocks until it has ended. A task's life on top.

use criterion::{Criterion, criterion_group, criterion_main};

mod support;

fn wake(criterion: &mut Criterion) {
    support::compare(criterion, "wake");
}

criterion_group! { name = benches; config = support::criterion(); targets = wake }
criterion_main!(benches);
