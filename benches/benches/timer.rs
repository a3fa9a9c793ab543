//! What does a timer cost?
//!
//! - `create_and_drop`: four tasks make 50,000 timers each, poll each once and drop it. Registering and
//!   cancelling.
//! - `timeout_ready`: four tasks make 50,000 timeouts each around a future that is ready. What the timer
//!   costs that nobody needed.
//! - `fire`: 100,000 tasks sleep once, between 1 and 100 ms. Counted is the time beyond the 100 ms.

use criterion::{Criterion, criterion_group, criterion_main};

mod support;

fn timer(criterion: &mut Criterion) {
    support::compare(criterion, "timer");
}

criterion_group! { name = benches; config = support::criterion(); targets = timer }
criterion_main!(benches);
