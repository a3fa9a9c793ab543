//! What does a message between two tasks cost?
//!
//! - `to_and_fro_*`: one message goes to and fro over channels with room for one. Each message wakes a task
//!   that sleeps, and only one of the two can run: pure latency.
//! - `fan_in_*`: four producers, one consumer, room for 100. Throughput.
//!
//! `own` is the runtime's channel, `neutral` the same code under all of them; for smol they are the same
//! thing.

use criterion::{Criterion, criterion_group, criterion_main};

mod support;

fn channel(criterion: &mut Criterion) {
    support::compare(criterion, "channel");
}

criterion_group! { name = benches; config = support::criterion(); targets = channel }
criterion_main!(benches);
