//! What does a task cost from spawn to end?
//!
//! - `inside`: a worker spawns 50,000 and forgets them. The local queue, and sharing it.
//! - `outside`: a plain thread does. The shared entrance, and the wake-ups behind it.
//! - `join_one`: a worker spawns one, awaits it, and again. The latency of a hand-over.
//! - `join_many`: a worker spawns 1,000, then awaits them. The handle on top.
//! - `chain`: each of 10,000 spawns the next. Spawn and run without a backlog.
//! - `fork_join`: the 22nd Fibonacci number, each call a task. Recursion that waits for its children.
//! - `*_main`: the same from the thread that called `block_on`, where programs have their `main`.

use criterion::{Criterion, criterion_group, criterion_main};

mod support;

fn spawn(criterion: &mut Criterion) {
    support::compare(criterion, "spawn");
}

criterion_group! { name = benches; config = support::criterion(); targets = spawn }
criterion_main!(benches);
