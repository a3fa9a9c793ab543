//! Closures that block, of all lengths; some panic, some are given up before they begin; and child processes.

use super::Ingredient;
use crate::Dice;
use crate::soak::ledger::{End, panic_as_planned};
use crate::soak::stage::{Stage, micros, nap};
use std::process::Command;
use std::thread;

pub(super) const INGREDIENT: Ingredient =
    Ingredient { name: "blocking", what: "closures of all lengths on the pool, and child processes", run };

fn run(stage: &Stage) {
    if stage.is_planted("thread") {
        thread::spawn(thread::park);
    }
    if stage.is_planted("zombie") {
        // Ends, and nobody asks how.
        drop(Command::new("true").spawn());
    }
    let inside = stage.spawn_outside(work(stage.clone()));
    futures_lite::future::block_on(work(stage.clone()));
    let end = futures_lite::future::block_on(inside);
    stage.check(end.is_done(), || format!("a task that waits for closures ended as {end:?}"));
}

async fn work(stage: Stage) {
    let mut dice = stage.dice();
    while stage.goes_on() {
        let closures: Vec<_> = (0..dice.below(24)).map(|n| closure(&stage, &mut dice, n)).collect();
        for (n, (closure, panics)) in closures.into_iter().enumerate() {
            let aborted = dice.one_in(6);
            if aborted {
                closure.abort();
            }
            if dice.one_in(6) && !panics {
                closure.detach();
                continue;
            }
            let as_planned = match closure.await {
                End::Done(number) => number == n && !panics,
                End::Panicked => panics,
                End::Aborted => aborted,
            };
            stage.check(as_planned, || "a closure ended as it was not to".to_owned());
        }
        if dice.one_in(10) {
            child(&stage).await;
        }
        stage.count();
        nap(&mut dice, 4000).await;
    }
}

fn closure(stage: &Stage, dice: &mut Dice, n: usize) -> (crate::soak::ledger::Watched<usize>, bool) {
    let panics = dice.one_in(12);
    // The span is what this is about: a thread that is not to be had for a while.
    let span = dice.one_in(3).then(|| micros(dice, 5000));
    let value = stage.value();
    let closure = stage.spawn_blocking(move || {
        let _value = value;
        if let Some(span) = span {
            thread::sleep(span);
        }
        if panics {
            panic_as_planned();
        }
        n
    });
    (closure, panics)
}

async fn child(stage: &Stage) {
    let mark = stage.faults().mark();
    // With the streams of this process: the C library calls a descriptor that it is to pass on bad when it is
    // beyond the limit.
    let status = || Command::new("true").status();
    let End::Done(status) = stage.spawn_blocking(status).await else {
        return stage.check(false, || "a closure that waits for a child did not complete".to_owned());
    };
    if let Some(status) = stage.unless_excused(mark, status) {
        stage.check(status.success(), || format!("a child ended with {status}"));
    }
}
