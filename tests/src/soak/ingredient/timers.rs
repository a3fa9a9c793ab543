//! Sleeps, intervals and timeouts, of all lengths; moved, reset, given up. Never early.

use super::Ingredient;
use crate::soak::stage::{Stage, micros};
use crate::{Dice, give_up_after};
use filch::time::{MissedTickBehavior, interval, sleep, sleep_until, timeout};
use filch::yield_now;
use std::future::pending;
use std::pin::pin;
use std::thread;
use std::time::{Duration, Instant};

pub(super) const INGREDIENT: Ingredient = Ingredient {
    name: "timers",
    what: "sleeps, intervals, timeouts; moved, reset, given up; never early",
    run,
};

const AT_ONCE: usize = 100;

fn run(stage: &Stage) {
    thread::scope(|scope| {
        // By the runtime's timers, helped by a guest, and by the one for threads that have no runtime.
        scope.spawn(|| stage.runtime().block_on(work(stage.clone())));
        scope.spawn(|| {
            let mut dice = stage.dice();
            while stage.goes_on() {
                futures_lite::future::block_on(one(stage, &mut dice));
            }
        });
    });
}

async fn work(stage: Stage) {
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let own = stage.clone();
            stage.spawn(async move {
                let mut dice = own.dice();
                while own.goes_on() {
                    one(&own, &mut dice).await;
                }
            })
        })
        .collect();
    for task in tasks {
        let end = task.await;
        stage.check(end.is_done(), || format!("a task with timers ended as {end:?}"));
    }
}

async fn one(stage: &Stage, dice: &mut Dice) {
    let span = match dice.below(20) {
        0 => Duration::ZERO,
        1 => Duration::from_millis(dice.below(400) as u64),
        _ => micros(dice, 20_000),
    };
    let begin = Instant::now();
    let deadline = begin + span;
    match dice.below(10) {
        0..=2 => {
            sleep(span).await;
            fired(stage, deadline);
        }
        3 => {
            sleep_until(deadline).await;
            fired(stage, deadline);
        }
        4 => {
            let late = timeout(span, pending::<()>()).await;
            stage.check(late.is_err(), || "what is never ready was ready".to_owned());
            fired(stage, deadline);
        }
        5 => {
            // In time, most often: an hour.
            let in_time = timeout(Duration::from_secs(3600), sleep(span)).await;
            stage.check(in_time.is_ok(), || "an hour passed in a moment".to_owned());
            fired(stage, deadline);
        }
        6 => {
            let polls = 1 + dice.below(4);
            let _dropped = give_up_after(polls, sleep(span)).await;
        }
        7 => reset(stage, dice, span).await,
        8 => ticks(stage, dice).await,
        _ => {
            // Registered by one task, awaited by another.
            let mut moved = Box::pin(sleep_until(deadline));
            let _registered = give_up_after(1, moved.as_mut()).await;
            let end = stage.spawn(moved).await;
            stage.check(end.is_done(), || format!("a task that sleeps ended as {end:?}"));
            fired(stage, deadline);
        }
    }
    stage.count();
    yield_now().await;
}

/// A sleep that is moved while it is registered, to later or to sooner.
async fn reset(stage: &Stage, dice: &mut Dice, span: Duration) {
    let mut sleep = pin!(sleep(span));
    let _registered = give_up_after(1, sleep.as_mut()).await;
    let mut deadline = Instant::now() + span;
    for _ in 0..=dice.below(3) {
        deadline = Instant::now() + micros(dice, 10_000);
        sleep.as_mut().reset(deadline);
        let _registered = give_up_after(dice.below(2), sleep.as_mut()).await;
    }
    if !sleep.is_elapsed() {
        sleep.await;
    }
    fired(stage, deadline);
}

async fn ticks(stage: &Stage, dice: &mut Dice) {
    let period = Duration::from_micros(200 + dice.below(3000) as u64);
    let mut interval = interval(period);
    if dice.one_in(2) {
        interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    }
    let mut before = None;
    for _ in 0..dice.below(8) {
        let Some(tick) = give_up_after([1, usize::MAX][usize::from(dice.one_in(2))], interval.tick()).await
        else {
            sleep(micros(dice, 500)).await;
            continue;
        };
        stage.check(before.is_none_or(|before| before < tick), || "ticks go backwards".to_owned());
        before = Some(tick);
        fired(stage, tick);
    }
}

fn fired(stage: &Stage, deadline: Instant) {
    let now = Instant::now();
    // The fault to be found: a clock that is ahead of the timers'.
    let deadline = if stage.is_planted("early") { deadline + Duration::from_millis(50) } else { deadline };
    stage.check(now >= deadline, || format!("a timer was {:?} early", deadline - now));
    stage.world().lateness.record(now.saturating_duration_since(deadline));
}
