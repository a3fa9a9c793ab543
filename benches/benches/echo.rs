//! What does a message over a socket cost, both ends in the runtime?
//!
//! - `1x64B`: one connection. Latency: who waits for readiness, and how many threads a message visits.
//! - `64x64B`: enough for each wait to bring several events.
//! - `1000x64B`: more than a wait brings; readiness in bulk, and the memory it touches.
//! - `16x64KiB`: messages longer than a read or a write takes; what is left of the runtime beside the
//!   copying.

use criterion::{Criterion, criterion_group, criterion_main};
use filch_benches::process::allow_descriptors;
use filch_benches::workload::echo::Echo;

mod support;
use support::compare;

fn echo(criterion: &mut Criterion) {
    let cases = [
        ("1x64B", Echo { connections: 1, messages: 1_000, bytes: 64 }),
        ("64x64B", Echo { connections: 64, messages: 50, bytes: 64 }),
        ("1000x64B", Echo { connections: 1_000, messages: 10, bytes: 64 }),
        ("16x64KiB", Echo { connections: 16, messages: 50, bytes: 64 * 1024 }),
    ];
    for (case, echo) in cases {
        match allow_descriptors(echo.descriptors()) {
            Ok(()) => compare(criterion, "echo", case, &echo),
            Err(error) => eprintln!("echo/{case} is left out: {error}"),
        }
    }
}

criterion_group! { name = benches; config = support::criterion(); targets = echo }
criterion_main!(benches);
