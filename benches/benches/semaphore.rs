//! What does a semaphore cost?
//!
//! - `uncontended`: one task acquires and releases. The fast path.
//! - `contended`: 64 tasks want 4 permits, 500 times each, and yield while they hold one. The queue of
//!   waiters: nearly every acquisition waits and nearly every release wakes.

use criterion::{Criterion, criterion_group, criterion_main};
use filch_benches::workload::semaphore::{Contended, Uncontended};

mod support;
use support::compare;

fn semaphore(criterion: &mut Criterion) {
    compare(criterion, "semaphore", "uncontended", &Uncontended { times: 200_000 });
    compare(criterion, "semaphore", "contended", &Contended { permits: 4, tasks: 64, times: 500 });
}

criterion_group! { name = benches; config = support::criterion(); targets = semaphore }
criterion_main!(benches);
