//! A hundred thousand tasks at once, and then quiet.

use super::Ingredient;
use crate::Dice;
use crate::soak::stage::{Stage, micros, nap};
use filch::time::sleep;
use filch::yield_now;

pub(super) const INGREDIENT: Ingredient =
    Ingredient { name: "bursts", what: "a hundred thousand tasks at once, then quiet", run };

const TASKS: usize = 100_000;

/// So many tasks further on, a burst says that it gets on: a large one takes seconds where others want the processors, too.
const STRIDE: usize = 1000;

fn run(stage: &Stage) {
    if stage.is_planted("memory") {
        // Written to, so that it is really there.
        std::mem::forget(std::hint::black_box(vec![1_u8; 128 << 20]));
    }
    let mut dice = stage.dice();
    while stage.goes_on() {
        let tasks = if dice.one_in(4) { TASKS } else { dice.below(TASKS / 5) };
        match dice.below(3) {
            0 => futures_lite::future::block_on(burst(stage, &mut dice, tasks)),
            1 => stage.runtime().block_on(burst(stage, &mut dice, tasks)),
            _ => {
                let (own, mut theirs) = (stage.clone(), dice.fork());
                let inside = stage.spawn_outside(async move { burst(&own, &mut theirs, tasks).await });
                let end = futures_lite::future::block_on(inside);
                stage.check(end.is_done(), || format!("a task that spawns many ended as {end:?}"));
            }
        }
        stage.count();
        // The quiet is what this is about: workers go to sleep, and pages go back.
        let quiet = micros(&mut dice, 400_000);
        futures_lite::future::block_on(sleep(quiet));
    }
}

async fn burst(stage: &Stage, dice: &mut Dice, tasks: usize) {
    let kind = dice.below(4);
    let mut all = Vec::with_capacity(tasks);
    for n in 0..tasks {
        if n % STRIDE == 0 {
            stage.count();
        }
        let mut own = dice.fork();
        all.push(match kind {
            0 => stage.spawn_outside(async {}),
            1 => stage.spawn(yield_now()),
            2 => stage.spawn_outside(async move { nap(&mut own, 50_000).await }),
            _ => stage.spawn(async move { (0..own.below(3)).for_each(|_| std::hint::spin_loop()) }),
        });
    }
    let aborts = dice.one_in(3);
    for (n, task) in all.into_iter().enumerate() {
        if n % STRIDE == 0 {
            stage.count();
        }
        match n % 4 {
            0 => task.detach(),
            1 if aborts => {
                task.abort();
                let _end = task.await;
            }
            _ => {
                let end = task.await;
                stage.check(end.is_done(), || format!("a task of many ended as {end:?}"));
            }
        }
    }
}
