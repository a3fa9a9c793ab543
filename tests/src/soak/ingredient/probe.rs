//! How long a task that comes from outside waits for its first poll, while all the rest goes on.

use super::Ingredient;
use crate::soak::ledger::End;
use crate::soak::stage::{Stage, nap};
use std::time::Instant;

pub(super) const INGREDIENT: Ingredient =
    Ingredient { name: "probe", what: "how long a task from outside waits for its first poll", run };

fn run(stage: &Stage) {
    let mut dice = stage.dice();
    while stage.goes_on() {
        let begin = Instant::now();
        let task = stage.spawn_outside(async { Instant::now() });
        match futures_lite::future::block_on(task) {
            End::Done(polled) => stage.world().latency.record(polled.saturating_duration_since(begin)),
            end => stage.check(false, || format!("the probe ended as {end:?}")),
        }
        stage.count();
        futures_lite::future::block_on(nap(&mut dice, 5000));
    }
}
