//! Other runtimes beside the one of the run: made, used, and ended in every way, with tasks in every state.

use super::Ingredient;
use crate::Dice;
use crate::soak::stage::{Stage, micros, nap};
use crate::wait_until;
use filch::net::UnixStream;
use filch::{Builder, Runtime, spawn_blocking, yield_now};
use std::future::pending;
use std::thread;
use std::time::Duration;

/// What a runtime may take to end: long, for the machine may have much else to do.
const LIMIT: Duration = Duration::from_secs(60);

pub(super) const INGREDIENT: Ingredient = Ingredient {
    name: "runtimes",
    what: "made and ended beside it, in every way, with tasks in every state",
    run,
};

fn run(stage: &Stage) {
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut dice = stage.dice();
                while stage.goes_on() {
                    one(stage, &mut dice);
                    stage.count();
                    futures_lite::future::block_on(nap(&mut dice, 20_000));
                }
            });
        }
    });
}

fn one(stage: &Stage, dice: &mut Dice) {
    let mark = stage.faults().mark();
    let Some(runtime) = stage.unless_excused(mark, settings(dice).build()) else { return };
    let mut tasks = Vec::new();
    for n in 0..dice.below(30) {
        let task = task(stage.clone(), dice.fork());
        if n % 2 == 0 {
            tasks.push(stage.spawn_on(runtime.handle(), task));
        } else {
            stage.spawn_on(runtime.handle(), task).detach();
        }
    }
    if dice.one_in(2) {
        runtime.block_on(async { yield_now().await });
    }
    if dice.one_in(3) {
        futures_lite::future::block_on(nap(dice, 3000));
    }
    let handle = runtime.handle().clone();
    end(stage, dice, runtime);
    // Whatever they had come to: they are over, and what comes too late is over at once.
    tasks.push(stage.spawn_on(&handle, pending()));
    for task in tasks {
        let _end = futures_lite::future::block_on(task);
    }
}

fn settings(dice: &mut Dice) -> Builder {
    Runtime::builder()
        .worker_threads(1 + dice.below(3))
        .thread_name("soak-beside")
        .block_on_helps(dice.one_in(2))
        .max_blocking_threads(1 + dice.below(4))
        .blocking_keep_alive(micros(dice, 5000))
}

/// Ends a runtime in one of the ways there are.
fn end(stage: &Stage, dice: &mut Dice, runtime: Runtime) {
    match dice.below(5) {
        0 => drop(runtime),
        1 => {
            // In a task of its own, which goes on to its end.
            let handle = runtime.handle().clone();
            let _end = futures_lite::future::block_on(stage.spawn_on(&handle, async move { drop(runtime) }));
            wait_until("a runtime dropped by its own task has ended", || handle.has_ended());
        }
        2 => {
            let end = futures_lite::future::block_on(stage.spawn_outside(async move { drop(runtime) }));
            stage.check(end.is_done(), || format!("a task that drops a runtime ended as {end:?}"));
        }
        _ => {
            let report = runtime.shutdown(LIMIT);
            stage.check(report.is_clean(), || format!("a runtime has not ended well: {report}"));
        }
    }
}

async fn task(stage: Stage, mut dice: Dice) {
    let _value = stage.value();
    match dice.below(7) {
        0 => pending().await,
        1 => filch::time::sleep(Duration::from_secs(3600)).await,
        2 => nap(&mut dice, 3000).await,
        3 => {
            let span = micros(&mut dice, 3000);
            let _aborted_at_the_end = spawn_blocking(move || thread::sleep(span)).await;
        }
        4 => {
            let mark = stage.faults().mark();
            if let Some((near, _far)) = stage.unless_excused(mark, UnixStream::pair()) {
                let _never = near.readable().await;
            }
        }
        5 => {
            // Some work. Giving the processor away here, even a few times, takes many seconds when others want it.
            let child = Box::pin(async { (0..5000).for_each(|_| std::hint::spin_loop()) });
            let _end = stage.spawn(child).await;
        }
        _ => loop {
            yield_now().await;
        },
    }
}
