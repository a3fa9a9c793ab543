//! What does it cost two tasks to wake each other once?
//!
//! - `own`: 1,000 pairs at a time, two channels for one value each, the runtime's own. Two spawns, two
//!   channels and two wake-ups make a pair.
//! - `neutral`: the same over channels that belong to no runtime. What is left of a difference is the
//!   scheduler's.
//! - `own_main`: the pairs are spawned from the thread that called `block_on`.
//! - `beside_work`: `own` in rounds, beside a task that computes for 2 ms in every poll.

use criterion::{Criterion, criterion_group, criterion_main};

mod support;

fn ping_pong(criterion: &mut Criterion) {
    support::compare(criterion, "ping_pong");
}

criterion_group! { name = benches; config = support::criterion(); targets = ping_pong }
criterion_main!(benches);
