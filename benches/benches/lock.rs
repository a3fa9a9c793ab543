//! What does a mutex cost?
//!
//! - `uncontended`: one task locks and unlocks. The fast path: two locked instructions are the floor.
//! - `contended`: 64 tasks on all workers, 2,000 times each. What happens when two workers meet there.

use criterion::{Criterion, criterion_group, criterion_main};
use filch_benches::workload::lock::{Contended, Uncontended};

mod support;
use support::compare;

fn lock(criterion: &mut Criterion) {
    compare(criterion, "lock", "uncontended", &Uncontended { times: 200_000 });
    compare(criterion, "lock", "contended", &Contended { tasks: 64, times: 2_000 });
}

criterion_group! { name = benches; config = support::criterion(); targets = lock }
criterion_main!(benches);
