//! What does one trip through the run queue cost?
//!
//! - `many`: 200 tasks yield 1,000 times each. Nothing sleeps and nothing is woken from outside, so what
//!   remains is taking a task from the queue, polling it and putting it back behind the others.

use criterion::{Criterion, criterion_group, criterion_main};

mod support;

fn yield_now(criterion: &mut Criterion) {
    support::compare(criterion, "yield");
}

criterion_group! { name = benches; config = support::criterion(); targets = yield_now }
criterion_main!(benches);
