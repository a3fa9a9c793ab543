//! Wakers that are kept for long after their tasks are over, and woken then, and dropped anywhere.

use super::Ingredient;
use crate::Dice;
use crate::soak::stage::{Stage, nap};
use filch::yield_now;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

pub(super) const INGREDIENT: Ingredient =
    Ingredient { name: "wakers", what: "kept after their tasks are over; woken and dropped anywhere", run };

const KEPT_MAX: usize = 500;

#[derive(Clone, Default)]
struct Stash(Arc<Mutex<Vec<Waker>>>);

impl Stash {
    fn keep(&self, waker: Waker) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(waker);
    }

    /// Takes one out at random, if there are enough.
    fn take(&self, dice: &mut Dice, least: usize) -> Option<Waker> {
        let mut wakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if wakers.len() <= least {
            return None;
        }
        let n = dice.below(wakers.len());
        Some(wakers.swap_remove(n))
    }
}

fn run(stage: &Stage) {
    let stash = Stash::default();
    let mut dice = stage.dice();
    while stage.goes_on() {
        let tasks: Vec<_> = (0..dice.below(20))
            .map(|_| stage.spawn_outside(leave_wakers(stash.clone(), dice.fork())))
            .collect();
        for task in tasks {
            if dice.one_in(4) {
                task.abort();
                task.detach();
            } else {
                let end = futures_lite::future::block_on(task);
                stage.check(end.is_done(), || format!("a task whose wakers are kept ended as {end:?}"));
            }
        }
        while let Some(waker) = stash.take(&mut dice, KEPT_MAX) {
            stir(&mut dice, waker);
        }
        for _ in 0..dice.below(40) {
            if let Some(waker) = stash.take(&mut dice, 0) {
                stir(&mut dice, waker);
            }
        }
        stage.count();
        futures_lite::future::block_on(nap(&mut dice, 2000));
    }
}

fn stir(dice: &mut Dice, waker: Waker) {
    match dice.below(4) {
        0 => waker.wake(),
        1 => waker.wake_by_ref(),
        2 => drop(waker.clone()),
        _ => {}
    }
}

/// Waits for a few wakes, which may come from anybody, and leaves wakers at every step.
async fn leave_wakers(stash: Stash, mut dice: Dice) {
    for _ in 0..dice.below(5) {
        poll_fn(|cx| {
            (0..dice.below(3)).for_each(|_| stash.keep(cx.waker().clone()));
            if dice.one_in(2) {
                // From here on by anybody's wake, this one's too.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        if let Some(waker) = stash.take(&mut dice, 0) {
            stir(&mut dice, waker);
        }
        yield_now().await;
    }
}
