//! What does a message between two tasks cost?
//!
//! - `to_and_fro_*`: one message goes to and fro over channels with room for one. Each message wakes a task
//!   that sleeps, and only one of the two can run: pure latency.
//! - `fan_in_*`: four producers, one consumer, room for 100. Throughput.
//!
//! `own` is the runtime's channel, `neutral` the same code under all of them; for smol they are the same
//! thing.

use criterion::{Criterion, criterion_group, criterion_main};
use filch_benches::workload::Flavour;
use filch_benches::workload::channel::{FanIn, ToAndFro};

mod support;
use support::compare;

fn channel(criterion: &mut Criterion) {
    let question = "channel";
    let turns = 10_000;
    compare(criterion, question, "to_and_fro_own", &ToAndFro { turns, channels: Flavour::Own });
    compare(criterion, question, "to_and_fro_neutral", &ToAndFro { turns, channels: Flavour::Neutral });
    let own = FanIn { producers: 4, messages: 10_000, capacity: 100, channels: Flavour::Own };
    compare(criterion, question, "fan_in_own", &own);
    compare(criterion, question, "fan_in_neutral", &FanIn { channels: Flavour::Neutral, ..own });
}

criterion_group! { name = benches; config = support::criterion(); targets = channel }
criterion_main!(benches);
