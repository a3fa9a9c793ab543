//! What does it cost two tasks to wake each other once?
//!
//! - `own`: 1,000 pairs at a time, two channels for one value each, the runtime's own. Two spawns, two
//!   channels and two wake-ups make a pair.
//! - `neutral`: the same over channels that belong to no runtime. What is left of a difference is the
//!   scheduler's.
//! - `own_main`: the pairs are spawned from the thread that called `block_on`.

use criterion::{Criterion, criterion_group, criterion_main};
use filch_benches::peer::Place;
use filch_benches::workload::Flavour;
use filch_benches::workload::ping_pong::Pairs;

mod support;
use support::compare;

fn ping_pong(criterion: &mut Criterion) {
    let own = Pairs { pairs: 1_000, channels: Flavour::Own, place: Place::Worker };
    compare(criterion, "ping_pong", "own", &own);
    compare(criterion, "ping_pong", "neutral", &Pairs { channels: Flavour::Neutral, ..own });
    compare(criterion, "ping_pong", "own_main", &Pairs { place: Place::Caller, ..own });
}

criterion_group! { name = benches; config = support::criterion(); targets = ping_pong }
criterion_main!(benches);
