//! How soon does coarse work spread that arises on one worker?
//!
//! - `fan_out`: one task spawns 4,000 that compute for 10 µs each. With two workers on two cores the ideal is
//!   5 µs per task; what is above is work that waited beside an idle worker, or its own scheduling.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use filch_benches::workload::skew::FanOut;

mod support;
use support::compare;

fn skew(criterion: &mut Criterion) {
    compare(criterion, "skew", "fan_out", &FanOut { tasks: 4_000, work: Duration::from_micros(10) });
}

criterion_group! { name = benches; config = support::criterion(); targets = skew }
criterion_main!(benches);
