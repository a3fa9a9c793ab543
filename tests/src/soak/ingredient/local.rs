//! Tasks that stay on their thread, by threads that stay with them, and by threads that do not.

use super::Ingredient;
use crate::soak::ledger::panic_as_planned;
use crate::soak::stage::{Stage, at_random, nap};
use filch::sync::oneshot;
use filch::yield_now;
use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::thread;

pub(super) const INGREDIENT: Ingredient = Ingredient {
    name: "local",
    what: "tasks that stay on their thread; aborted, woken from afar, left",
    run,
};

fn run(stage: &Stage) {
    while stage.goes_on() {
        thread::scope(|scope| {
            scope.spawn(|| rounds(stage));
            scope.spawn(|| rounds(stage));
        });
    }
}

/// Some rounds on this thread, which then ends, and with it what it left.
fn rounds(stage: &Stage) {
    let mut dice = stage.dice();
    for _ in 0..dice.below(200) {
        if !stage.goes_on() {
            break;
        }
        stage.runtime().block_on(round(stage));
        stage.count();
    }
}

async fn round(stage: &Stage) {
    let mut dice = stage.dice();
    let ran = Rc::new(Cell::new(0));
    let mut tasks = Vec::new();
    let (mut expected, mut uncertain) = (0, 0);
    for _ in 0..dice.below(8) {
        let (ran, value, mut own) = (ran.clone(), stage.value(), dice.fork());
        let (tell, told) = oneshot::channel();
        let task = stage.spawn_local(async move {
            let _value = value;
            yield_now().await;
            let told: Option<u64> = told.await.ok();
            nap(&mut own, 200).await;
            ran.set(ran.get() + 1);
            told
        });
        // Woken by a worker or by this thread, as it comes.
        let teller = stage.spawn(async move {
            yield_now().await;
            let _ = tell.send(7);
        });
        teller.detach();
        if dice.one_in(4) {
            task.abort();
            uncertain += 1;
        } else {
            expected += 1;
        }
        tasks.push(task);
    }
    if dice.one_in(4) {
        stage.spawn_local(pending::<()>()).detach();
    }
    if dice.one_in(4) {
        let end = stage.spawn_local(async { panic_as_planned() }).await;
        stage.check(!end.is_done(), || format!("a local task that panics ended as {end:?}"));
    }
    if dice.one_in(4) {
        // Left to a later round, or to the thread's end.
        let late = stage.spawn_local(async { yield_now().await });
        let _ = at_random(&mut dice, late).await;
    }
    for task in tasks {
        let end = task.await;
        stage.check(!matches!(end, crate::soak::ledger::End::Done(None)), || "a message was lost".to_owned());
    }
    let ran = ran.get();
    stage.check((expected..=expected + uncertain).contains(&ran), || {
        format!("of {expected} local tasks, and {uncertain} that were aborted, {ran} ran to their end")
    });
}
