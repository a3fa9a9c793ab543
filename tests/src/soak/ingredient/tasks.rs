//! Tasks spawned from inside, from outside and by guests; joined, aborted and let go at random moments.

use super::Ingredient;
use crate::soak::ledger::{End, Watched, panic_as_planned};
use crate::soak::stage::{Stage, at_random, nap};
use crate::{Dice, give_up_after};
use filch::{block_on, yield_now};
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

pub(super) const INGREDIENT: Ingredient =
    Ingredient { name: "tasks", what: "spawned from everywhere; joined, aborted, let go; some panic", run };

/// How a task is to end if nobody aborts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    Ends,
    Panics,
    /// Its future panics when it is dropped, however that comes.
    Explodes,
    /// It waits until it is aborted.
    Waits,
}

type Story = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Handles that somebody left for somebody else.
type Pool = Arc<Mutex<Vec<(Watched<()>, Plan)>>>;

const POOL_MAX: usize = 200;

fn run(stage: &Stage) {
    let pool = Pool::default();
    if stage.is_planted("task") {
        stage.lose_task();
    }
    if stage.is_planted("value") {
        std::mem::forget(stage.value());
    }
    if stage.is_planted("panic") {
        stage.spawn_outside(async { panic!("a panic that was planted, but not planned") }).detach();
    }
    thread::scope(|scope| {
        scope.spawn(|| {
            futures_lite::future::block_on(deal(stage.clone(), pool.clone(), Stage::spawn_outside));
        });
        scope.spawn(|| stage.runtime().block_on(deal(stage.clone(), pool.clone(), Stage::spawn)));
        let inside = stage.spawn_outside(deal(stage.clone(), pool.clone(), Stage::spawn));
        let end = futures_lite::future::block_on(inside);
        stage.check(end.is_done(), || format!("a task that spawns others ended as {end:?}"));
    });
    let left = std::mem::take(&mut *pool.lock().unwrap_or_else(PoisonError::into_inner));
    for (task, plan) in left {
        let aborted = plan == Plan::Waits;
        if aborted {
            task.abort();
        }
        let end = futures_lite::future::block_on(task);
        check(stage, plan, aborted, &end);
    }
}

/// Spawns with the given function, and does something at random with what it got.
async fn deal(stage: Stage, pool: Pool, spawn: fn(&Stage, Story) -> Watched<()>) {
    let mut dice = stage.dice();
    while stage.goes_on() {
        let batch: Vec<_> = (0..dice.below(30))
            .map(|_| {
                let plan = plan(&mut dice);
                (spawn(&stage, story(stage.clone(), dice.fork(), plan, 0)), plan)
            })
            .collect();
        for (task, plan) in batch {
            settle(&stage, &mut dice, &pool, task, plan).await;
        }
        stage.count();
        if dice.one_in(20) {
            nap(&mut dice, 3000).await;
        }
    }
}

async fn settle(stage: &Stage, dice: &mut Dice, pool: &Pool, task: Watched<()>, plan: Plan) {
    // A panic that no handle hears of is told of on the error stream, which an hour would fill.
    let loud = matches!(plan, Plan::Panics | Plan::Explodes) && !stage.may_be_loud();
    let mut aborted = plan == Plan::Waits;
    let end = match dice.below(8) {
        0 if !loud => {
            if aborted {
                task.abort();
            }
            return task.detach();
        }
        1 if !loud => {
            task.abort();
            return task.detach();
        }
        2 if !loud => {
            if aborted {
                task.abort();
            }
            match give_up_after(dice.below(4), task).await {
                Some(end) => end,
                None => return,
            }
        }
        3 => {
            let left = {
                let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
                pool.push((task, plan));
                let n = dice.below(pool.len());
                (pool.len() > POOL_MAX || dice.one_in(2)).then(|| pool.swap_remove(n))
            };
            let Some((task, plan)) = left else { return };
            let aborted = plan == Plan::Waits || dice.one_in(3);
            if aborted {
                task.abort();
            }
            let end = task.await;
            return check(stage, plan, aborted, &end);
        }
        4 => {
            let abort = task.abort_handle();
            aborted = true;
            let other = stage.spawn(async move { abort.abort() });
            let end = task.await;
            let other = other.await;
            stage.check(other.is_done(), || format!("a task that aborts another ended as {other:?}"));
            end
        }
        5 => {
            aborted = true;
            nap(dice, 200).await;
            task.abort();
            task.await
        }
        _ => {
            if aborted {
                task.abort();
            }
            task.await
        }
    };
    check(stage, plan, aborted, &end);
}

fn check(stage: &Stage, plan: Plan, aborted: bool, end: &End<()>) {
    let as_planned = match end {
        End::Done(()) => plan == Plan::Ends,
        End::Aborted => aborted,
        End::Panicked => matches!(plan, Plan::Panics | Plan::Explodes),
    };
    stage.check(as_planned, || format!("a task that {plan:?}, aborted {aborted}, ended as {end:?}"));
}

fn plan(dice: &mut Dice) -> Plan {
    match dice.below(40) {
        0 => Plan::Panics,
        1 => Plan::Explodes,
        2..=4 => Plan::Waits,
        _ => Plan::Ends,
    }
}

/// Panics when dropped, unless that would end the process.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic_as_planned();
        }
    }
}

/// A task's life: some steps, and the planned end.
fn story(stage: Stage, mut dice: Dice, plan: Plan, depth: usize) -> Story {
    let value = stage.value();
    let grenade = (plan == Plan::Explodes).then(|| Grenade);
    Box::pin(async move {
        let _held = (value, grenade);
        for _ in 0..dice.below(5) {
            match dice.below(12) {
                0..=2 => yield_now().await,
                3 | 4 => nap(&mut dice, 400).await,
                5 | 6 if depth < 3 => {
                    let child = stage.spawn(story(stage.clone(), dice.fork(), Plan::Ends, depth + 1));
                    let _end = at_random(&mut dice, child).await;
                }
                7 if depth < 3 => {
                    stage.spawn(story(stage.clone(), dice.fork(), Plan::Ends, depth + 1)).detach();
                }
                8 if dice.one_in(10) => block_on(yield_now()),
                9 => thread::yield_now(),
                10 => {
                    let waker = std::future::poll_fn(|cx| std::task::Poll::Ready(cx.waker().clone())).await;
                    // Wakes itself while it is polled, more than once.
                    (0..dice.below(3)).for_each(|_| waker.wake_by_ref());
                    yield_now().await;
                }
                _ => {}
            }
        }
        match plan {
            Plan::Ends | Plan::Explodes => {}
            Plan::Panics => panic_as_planned(),
            Plan::Waits => pending().await,
        }
        stage.count();
    })
}
