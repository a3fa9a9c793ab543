//! Tasks that block their worker, one or all of them, while others must get on; and delays in the middle of
//! polls.

use super::Ingredient;
use crate::PATIENCE;
use crate::soak::stage::{Stage, micros, nap};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

pub(super) const INGREDIENT: Ingredient = Ingredient {
    name: "stuck",
    what: "tasks that block their worker, and wait for others to unblock it",
    run,
};

fn run(stage: &Stage) {
    let mut dice = stage.dice();
    while stage.goes_on() {
        let tasks: Vec<_> = (0..1 + dice.below(4))
            .map(|_| {
                let (own, span) = (stage.clone(), micros(&mut dice, 20_000));
                if dice.one_in(2) {
                    // A delay, and no more.
                    stage.spawn_outside(async move { thread::sleep(span) })
                } else {
                    stage.spawn_outside(async move { meet(&own) })
                }
            })
            .collect();
        for task in tasks {
            let end = futures_lite::future::block_on(task);
            stage.check(end.is_done(), || format!("a task that blocks ended as {end:?}"));
        }
        futures_lite::future::block_on(nap(&mut dice, 40_000));
    }
}

/// Blocks this worker until some other thread has run a task that was spawned here, and another from outside.
fn meet(stage: &Stage) {
    let (here, met) = mpsc::channel();
    let there = here.clone();
    stage.spawn(async move { here.send(()) }).detach();
    stage.spawn_outside(async move { there.send(()) }).detach();
    for _ in 0..2 {
        let met = met.recv_timeout(PATIENCE + Duration::from_secs(10));
        stage.check(met.is_ok(), || "nobody ran a task behind one that blocks".to_owned());
    }
}
