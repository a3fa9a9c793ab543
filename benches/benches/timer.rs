//! What does a timer cost?
//!
//! - `create_and_drop`: four tasks make 50,000 timers each, poll each once and drop it. Registering and
//!   cancelling.
//! - `timeout_ready`: four tasks make 50,000 timeouts each around a future that is ready. What the timer
//!   costs that nobody needed.
//! - `fire`: 10,000 tasks sleep once, between 1 and 100 ms. Counted is the time beyond the 100 ms.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use filch_benches::workload::timer::{CreateAndDrop, Fire, TimeoutReady};

mod support;
use support::compare;

fn timer(criterion: &mut Criterion) {
    let question = "timer";
    compare(criterion, question, "create_and_drop", &CreateAndDrop { tasks: 4, timers: 50_000 });
    compare(criterion, question, "timeout_ready", &TimeoutReady { tasks: 4, timeouts: 50_000 });
    let fire =
        Fire { tasks: 10_000, shortest: Duration::from_millis(1), longest: Duration::from_millis(100) };
    compare(criterion, question, "fire", &fire);
}

criterion_group! { name = benches; config = support::criterion(); targets = timer }
criterion_main!(benches);
