//! What does a task cost from spawn to end?
//!
//! - `inside`: a worker spawns 50,000 and forgets them. The local queue, and sharing it.
//! - `outside`: a plain thread does. The shared entrance, and the wake-ups behind it.
//! - `join_one`: a worker spawns one, awaits it, and again. The latency of a hand-over.
//! - `join_many`: a worker spawns 1,000, then awaits them. The handle on top.
//! - `join_many_main`: the same from the thread that called `block_on`, where programs have their `main`.
//! - `chain`: each of 10,000 spawns the next. Spawn and run without a backlog.
//! - `fork_join`: the 18th Fibonacci number, each call a task. Recursion that waits for its children.

use criterion::{Criterion, criterion_group, criterion_main};
use filch_benches::peer::Place;
use filch_benches::workload::spawn::{Chain, ForkJoin, Inside, JoinMany, JoinOne, Outside};

mod support;
use support::compare;

fn spawn(criterion: &mut Criterion) {
    let question = "spawn";
    compare(criterion, question, "inside", &Inside { tasks: 50_000, place: Place::Worker });
    compare(criterion, question, "outside", &Outside { tasks: 50_000 });
    compare(criterion, question, "join_one", &JoinOne { turns: 5_000, place: Place::Worker });
    compare(criterion, question, "join_many", &JoinMany { tasks: 1_000, rounds: 10, place: Place::Worker });
    compare(
        criterion,
        question,
        "join_many_main",
        &JoinMany { tasks: 1_000, rounds: 10, place: Place::Caller },
    );
    compare(criterion, question, "chain", &Chain { depth: 10_000 });
    compare(criterion, question, "fork_join", &ForkJoin { number: 18 });
}

criterion_group! { name = benches; config = support::criterion(); targets = spawn }
criterion_main!(benches);
