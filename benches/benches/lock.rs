//! What does a mutex cost?
//!
//! - `uncontended`: one task locks and unlocks. The fast path: two locked instructions are the floor.
//! - `contended`: 64 tasks on all workers, 2,000 times each. What happens when two workers meet there.

use criterion::{Criterion, criterion_group, criterion_main};

mod support;

fn lock(criterion: &mut Criterion) {
    support::compare(criterion, "lock");
}

criterion_group! { name = benches; config = support::criterion(); targets = lock }
criterion_main!(benches);
