//! What does it cost to hand a call to the blocking pool?
//!
//! - `one_task`: one task hands over 16 calls that do nothing and awaits them, ten times. The hand-over and
//!   the way back.
//! - `four_tasks`: four tasks do. The pool's queue, contended.

use criterion::{Criterion, criterion_group, criterion_main};
use filch_benches::workload::blocking::Calls;

mod support;
use support::compare;

fn blocking(criterion: &mut Criterion) {
    compare(criterion, "blocking", "one_task", &Calls { tasks: 1, batches: 10, calls: 16 });
    compare(criterion, "blocking", "four_tasks", &Calls { tasks: 4, batches: 10, calls: 16 });
}

criterion_group! { name = benches; config = support::criterion(); targets = blocking }
criterion_main!(benches);
