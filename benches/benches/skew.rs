//! How soon does coarse work spread that arises on one worker?
//!
//! - `fan_out`: one task spawns 4,000 that compute for 10 µs each. With two workers on two cores the ideal is
//!   5 µs per task; what is above is work that waited beside an idle worker, or its own scheduling.
//! - `coarse`: 100 that compute for 1 ms each.

use criterion::{Criterion, criterion_group, criterion_main};

mod support;

fn skew(criterion: &mut Criterion) {
    support::compare(criterion, "skew");
}

criterion_group! { name = benches; config = support::criterion(); targets = skew }
criterion_main!(benches);
