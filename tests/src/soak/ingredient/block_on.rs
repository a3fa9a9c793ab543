//! Threads that wait by blocking: plain ones as guests, tasks, and one runtime inside the other.

use super::Ingredient;
use crate::soak::stage::{Stage, nap};
use filch::sync::oneshot;
use filch::{Runtime, block_on, yield_now};
use std::thread;

pub(super) const INGREDIENT: Ingredient =
    Ingredient { name: "block_on", what: "by plain threads, in tasks, nested, across two runtimes", run };

fn run(stage: &Stage) {
    let other = Runtime::builder().worker_threads(1).thread_name("soak-other").build();
    let mark = stage.faults().mark();
    let Some(other) = stage.unless_excused(mark, other) else { return };
    thread::scope(|scope| {
        for n in 0..3 {
            let other = &other;
            scope.spawn(move || {
                let mut dice = stage.dice();
                while stage.goes_on() {
                    match (dice.below(5) + n) % 5 {
                        0 => stage.runtime().block_on(fed_by_another(stage)),
                        1 => block_on(fed_by_another(stage)),
                        2 => stage.runtime().block_on(async { other.block_on(fed_by_another(stage)) }),
                        3 => nested(stage),
                        _ => across(stage, other),
                    }
                    stage.count();
                    if dice.one_in(4) {
                        futures_lite::future::block_on(nap(&mut dice, 2000));
                    }
                }
            });
        }
    });
    let report = other.shutdown(crate::PATIENCE);
    stage.check(report.is_clean(), || format!("the other runtime has not ended well: {report}"));
}

/// Waits for a task, which the runtime around it runs.
async fn fed_by_another(stage: &Stage) {
    let (tell, told) = oneshot::channel();
    let teller = stage.spawn(async move {
        yield_now().await;
        tell.send(7)
    });
    let told = told.await;
    stage.check(told == Ok(7), || format!("a task was told {told:?}"));
    let end = teller.await;
    stage.check(end.is_done(), || format!("a task that tells another ended as {end:?}"));
}

/// A task that blocks its worker in a `block_on` in a `block_on`.
fn nested(stage: &Stage) {
    let own = stage.clone();
    let task = stage.spawn_outside(async move {
        block_on(async {
            fed_by_another(&own).await;
            block_on(fed_by_another(&own));
        });
    });
    let end = stage.runtime().block_on(task);
    stage.check(end.is_done(), || format!("a task that blocks ended as {end:?}"));
}

/// Each runtime waits for the other.
fn across(stage: &Stage, other: &Runtime) {
    let (own, there) = (stage.clone(), other.handle().clone());
    let task = stage.spawn_outside(async move {
        fed_by_another(&own).await;
        let back = own.clone();
        let away = own.spawn_on(&there, async move { back.spawn_outside(yield_now()).await.is_done() });
        matches!(block_on(away), crate::soak::ledger::End::Done(true))
    });
    let end = other.block_on(task);
    stage.check(matches!(end, crate::soak::ledger::End::Done(true)), || {
        format!("a way there and back ended as {end:?}")
    });
}
