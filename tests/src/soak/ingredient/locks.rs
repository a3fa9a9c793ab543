//! Locks and semaphores, whose futures are dropped at random, and whose guards are held across awaits and
//! panics.

use super::Ingredient;
use crate::soak::ledger::panic_as_planned;
use crate::soak::stage::{Stage, at_random, nap};
use filch::sync::{Lock, Semaphore};
use filch::yield_now;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::thread;

pub(super) const INGREDIENT: Ingredient =
    Ingredient { name: "locks", what: "lock and semaphore; futures dropped, guards held across panics", run };

const TASKS: usize = 16;
const PERMITS: usize = 5;

struct Contended {
    lock: Arc<Lock<u64>>,
    /// How often somebody had the lock, and whether somebody has it.
    sections: AtomicU64,
    inside: AtomicBool,
    semaphore: Arc<Semaphore>,
    /// Permits that are out.
    out: AtomicUsize,
}

fn run(stage: &Stage) {
    let contended = Arc::new(Contended {
        lock: Arc::new(Lock::new(0)),
        sections: AtomicU64::new(0),
        inside: AtomicBool::new(false),
        semaphore: Arc::new(Semaphore::new(PERMITS)),
        out: AtomicUsize::new(0),
    });
    let tasks: Vec<_> =
        (0..TASKS).map(|_| stage.spawn_outside(work(stage.clone(), contended.clone()))).collect();
    // A plain thread, which waits by blocking.
    let mut dice = stage.dice();
    while stage.goes_on() {
        contended.section(stage, &mut contended.lock.lock_blocking());
        match contended.semaphore.acquire_blocking() {
            Ok(permit) => contended.hold(stage, permit.count(), || {}),
            Err(closed) => stage.check(false, || closed.to_string()),
        }
        futures_lite::future::block_on(nap(&mut dice, 1000));
    }
    for task in tasks {
        let end = futures_lite::future::block_on(task);
        stage.check(end.is_done(), || format!("a task with locks ended as {end:?}"));
    }
    let sections = contended.sections.load(SeqCst);
    match contended.lock.try_lock() {
        Some(count) => {
            stage.check(*count == sections, || format!("{} of {sections} changes are there", *count));
        }
        None => stage.check(false, || "a lock that nobody holds is taken".to_owned()),
    }
    if stage.is_planted("permit") {
        contended.semaphore.try_acquire().expect("a permit is free").forget();
    }
    let available = contended.semaphore.available_permits();
    stage.check(available == PERMITS, || format!("{available} of {PERMITS} permits are back"));
}

async fn work(stage: Stage, contended: Arc<Contended>) {
    let mut dice = stage.dice();
    let Contended { lock, semaphore, .. } = &*contended;
    while stage.goes_on() {
        match dice.below(10) {
            0..=2 => {
                if let Some(mut guard) = at_random(&mut dice, lock.lock()).await {
                    contended.section(&stage, &mut guard);
                    if dice.one_in(8) {
                        yield_now().await;
                    }
                }
            }
            3 => {
                if let Some(mut guard) = at_random(&mut dice, lock.clone().lock_owned()).await {
                    contended.section(&stage, &mut guard);
                }
            }
            4 => {
                let panics = contended.clone();
                let own = stage.clone();
                let task = stage.spawn(async move {
                    let mut guard = panics.lock.lock().await;
                    panics.section(&own, &mut guard);
                    panic_as_planned()
                });
                let end = task.await;
                stage.check(!end.is_done(), || format!("a task that panics ended as {end:?}"));
            }
            5..=7 => {
                let count = 1 + dice.below(PERMITS);
                match at_random(&mut dice, semaphore.acquire_many(count)).await {
                    Some(Ok(permit)) => {
                        contended.take(&stage, permit.count());
                        if dice.one_in(4) {
                            nap(&mut dice, 300).await;
                        }
                        contended.out.fetch_sub(permit.count(), SeqCst);
                        if dice.one_in(8) {
                            permit.forget();
                            semaphore.add_permits(count);
                        }
                    }
                    Some(Err(closed)) => stage.check(false, || closed.to_string()),
                    None => {}
                }
            }
            8 => {
                if let Ok(permit) = semaphore.clone().try_acquire_owned() {
                    contended.hold(&stage, permit.count(), thread::yield_now);
                }
            }
            _ => closing(&stage).await,
        }
        stage.count();
    }
}

impl Contended {
    fn section(&self, stage: &Stage, count: &mut u64) {
        stage.check(!self.inside.swap(true, SeqCst), || "two had one lock".to_owned());
        *count += 1;
        self.sections.fetch_add(1, SeqCst);
        self.inside.store(false, SeqCst);
    }

    fn take(&self, stage: &Stage, permits: usize) {
        let out = self.out.fetch_add(permits, SeqCst) + permits;
        stage.check(out <= PERMITS, || format!("{out} of {PERMITS} permits are out"));
    }

    fn hold(&self, stage: &Stage, permits: usize, meanwhile: impl FnOnce()) {
        self.take(stage, permits);
        meanwhile();
        self.out.fetch_sub(permits, SeqCst);
    }
}

/// A semaphore that is closed while some wait.
async fn closing(stage: &Stage) {
    let semaphore = Arc::new(Semaphore::new(1));
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let semaphore = semaphore.clone();
            stage.spawn(async move {
                if let Ok(permit) = semaphore.clone().acquire_owned().await {
                    yield_now().await;
                    drop(permit);
                }
            })
        })
        .collect();
    yield_now().await;
    semaphore.close();
    for waiter in waiters {
        let end = waiter.await;
        stage.check(end.is_done(), || format!("a task at a closed semaphore ended as {end:?}"));
    }
    stage.check(semaphore.available_permits() == 1, || "a closed semaphore lost its permit".to_owned());
}
