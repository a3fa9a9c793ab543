//! What does a semaphore cost?
//!
//! - `uncontended`: one task acquires and releases. The fast path.
//! - `contended`: 64 tasks want 4 permits, 500 times each, and yield while they hold one. The queue of
//!   waiters: nearly every acquisition waits and nearly every release wakes.

use criterion::{Criterion, criterion_group, criterion_main};

mod support;

fn semaphore(criterion: &mut Criterion) {
    support::compare(criterion, "semaphore");
}

criterion_group! { name = benches; config = support::criterion(); targets = semaphore }
criterion_main!(benches);
