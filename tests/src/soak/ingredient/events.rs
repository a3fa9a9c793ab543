//! Events that are set while some wait and some give up, and one-shot channels whose ends go at random.

use super::Ingredient;
use crate::soak::ledger::End;
use crate::soak::stage::{Stage, at_random, nap};
use crate::{Dice, give_up_after};
use filch::sync::{Event, oneshot};
use filch::yield_now;
use std::future::pending;
use std::sync::Arc;

pub(super) const INGREDIENT: Ingredient =
    Ingredient { name: "events", what: "events with waiters that give up, one-shots whose ends go", run };

const AT_ONCE: usize = 4;

fn run(stage: &Stage) {
    if stage.is_planted("hang") {
        stage.runtime().block_on(pending::<()>());
    }
    let tasks: Vec<_> = (0..AT_ONCE).map(|_| stage.spawn_outside(work(stage.clone()))).collect();
    for task in tasks {
        let end = stage.runtime().block_on(task);
        stage.check(end.is_done(), || format!("a task with events ended as {end:?}"));
    }
}

async fn work(stage: Stage) {
    let mut dice = stage.dice();
    while stage.goes_on() {
        match dice.below(2) {
            0 => event(&stage, &mut dice).await,
            _ => one_shot(&stage, &mut dice).await,
        }
        stage.count();
        if dice.one_in(10) {
            nap(&mut dice, 1000).await;
        }
    }
}

/// Everybody who has not given up goes on when an event is set, and nobody before the first time.
async fn event(stage: &Stage, dice: &mut Dice) {
    let event = Arc::new(Event::new());
    let waiters: Vec<_> = (0..1 + dice.below(6))
        .map(|_| {
            let (event, mut own) = (event.clone(), dice.fork());
            stage.spawn(async move {
                let waited = at_random(&mut own, event.wait()).await;
                waited.is_none() || event.is_set()
            })
        })
        .collect();
    match dice.below(3) {
        0 => {}
        1 => yield_now().await,
        _ => nap(dice, 300).await,
    }
    event.set();
    for waiter in waiters {
        let end = waiter.await;
        stage.check(matches!(end, End::Done(true)), || {
            format!("a task at an event that is set ended as {end:?}")
        });
    }
    event.clear();
    stage.check(!event.is_set(), || "an event that was cleared is set".to_owned());
}

/// A value reaches the other end, comes back, or is dropped; in any case both ends learn of it.
async fn one_shot(stage: &Stage, dice: &mut Dice) {
    let (tell, told) = oneshot::channel();
    let (value, mut ours, mut theirs) = (stage.value(), dice.fork(), dice.fork());
    let sender = stage.spawn(async move {
        let mut tell = tell;
        nap(&mut ours, 200).await;
        match ours.below(4) {
            0 => drop(tell),
            1 => {
                // Not until it is: the other end may wait for the value.
                let _gone = give_up_after(ours.below(4), tell.closed()).await;
                return tell.send(value).is_ok();
            }
            _ => return tell.send(value).is_ok(),
        }
        false
    });
    let receiver = stage.spawn(async move {
        let mut told = told;
        match theirs.below(5) {
            0 => return None,
            1 => told.close(),
            2 => {
                if let Some(result) = at_random(&mut theirs, &mut told).await {
                    return Some(result.is_ok());
                }
            }
            _ => {}
        }
        Some(told.await.is_ok())
    });
    let (sent, received) = (sender.await, receiver.await);
    let agree = match (&sent, &received) {
        // What was sent to an end that is gone by now was dropped with it.
        (End::Done(_), End::Done(None)) => true,
        (End::Done(sent), End::Done(Some(received))) => sent == received,
        _ => false,
    };
    stage.check(agree, || format!("one end of a one-shot says {sent:?}, the other {received:?}"));
}
