//! What does a message over a socket cost, both ends in the runtime?
//!
//! - `1x64B`: one connection. Latency: who waits for readiness, and how many threads a message visits.
//! - `64x64B`: enough for each wait to bring several events.
//! - `1000x64B`: more than a wait brings; readiness in bulk, and the memory it touches.
//! - `16x64KiB`: messages longer than a read or a write takes; what is left of the runtime beside the
//!   copying.

use criterion::{Criterion, criterion_group, criterion_main};

mod support;

fn echo(criterion: &mut Criterion) {
    support::compare(criterion, "echo");
}

criterion_group! { name = benches; config = support::criterion(); targets = echo }
criterion_main!(benches);
