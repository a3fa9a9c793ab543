//! What does it cost to hand a call to the blocking pool?
//!
//! - `one_task`: one task hands over 16 calls that do nothing and awaits them, twenty times. The hand-over and
//!   the way back.
//! - `four_tasks`: four tasks do. The pool's queue, contended.

use criterion::{Criterion, criterion_group, criterion_main};

mod support;

fn blocking(criterion: &mut Criterion) {
    support::compare(criterion, "blocking");
}

criterion_group! { name = benches; config = support::criterion(); targets = blocking }
criterion_main!(benches);
