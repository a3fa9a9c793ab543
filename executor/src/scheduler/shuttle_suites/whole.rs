//! The whole executor at work: every task that is woken runs, and all end before anybody ends the scheduler.

use super::script::{Stage, check, dispose};
use super::{end, meta, scheduler};
use crate::scheduler::Shared;
use filch_primitive::explore::{Times, assert_repeatable, block_on, dice, explore};
use filch_primitive::thread::{self, JoinHandle};
use std::sync::Arc;

/// Ten tasks or so and their children on three or four workers: woken from other threads and by one another, yielding,
/// panicking, aborted from outside and inside, joined, detached, their handles dropped.
#[test]
fn shuttle_every_task_ends_once_and_nothing_woken_is_lost() {
    explore(Times { rounds: 1_000, timeouts: 0 }, work);
}

/// What a schedule does it does again: nothing else decides, no clock, no address, no run before.
#[test]
fn shuttle_a_schedule_repeats_its_run() {
    assert_repeatable(Times { rounds: 200, timeouts: 0 }, work);
}

fn work() {
    let shared = scheduler(3 + dice(2), dice(4) > 0);
    let stage = Stage::new(&shared);
    let handles: Vec<_> = (0..6).filter_map(|_| stage.spawn(1)).collect();
    let ringer = stage.belfry.ringer();
    let threads = [guest(&shared, &stage), guest(&shared, &stage), aborter(&stage)];
    shared.block_on(async {
        for handle in handles {
            dispose(handle).await;
        }
    });
    ringer.join().expect("a ringer does not panic");
    for thread in threads {
        thread.join().expect("the thread did not panic");
    }
    wait_for_all(&shared);
    end(&shared);
    stage.books.close();
}

/// Work that others must take: tasks that keep their threads until the tasks they have spawned are complete. Here the
/// sentinel ticks as often as it likes: to find others for what a stuck thread holds is its business.
#[test]
fn shuttle_a_blocking_task_has_its_queue_taken() {
    explore(Times { rounds: 1_000, timeouts: usize::MAX }, || {
        let shared = scheduler(2, true);
        let stage = Stage::new(&shared);
        let blockers: Vec<_> = (0..1 + dice(3))
            .map(|_| {
                let (inside, stage) = (shared.clone(), stage.clone());
                let block = async move {
                    let children: Vec<_> = (0..1 + dice(3)).filter_map(|_| stage.spawn(0)).collect();
                    for child in children {
                        check(inside.block_on(child));
                    }
                };
                shared.spawn(block, meta())
            })
            .collect();
        let ringer = stage.belfry.ringer();
        for blocker in blockers {
            shared.block_on(blocker).expect("a blocker is neither aborted nor does it panic");
        }
        ringer.join().expect("a ringer does not panic");
        wait_for_all(&shared);
        end(&shared);
        stage.books.close();
    });
}

/// One task at a time from outside, each waited for: every send finds workers on their way to sleep.
#[test]
fn shuttle_a_send_never_falls_between_looking_and_sleeping() {
    explore(Times { rounds: 4_000, timeouts: 0 }, || {
        // The fewer there are, the less is a lost one found by chance.
        let shared = scheduler(1 + dice(3), true);
        let senders: Vec<_> = (0..1 + dice(2))
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || {
                    for n in 0..4 {
                        let handle = shared.spawn(async move { n }, meta());
                        assert_eq!(block_on(handle).ok(), Some(n));
                    }
                })
            })
            .collect();
        for sender in senders {
            sender.join().expect("a sender does not panic");
        }
        end(&shared);
    });
}

/// A plain thread that helps while it waits for tasks of its own.
fn guest(shared: &Arc<Shared>, stage: &Stage) -> JoinHandle<()> {
    let (shared, stage) = (shared.clone(), stage.clone());
    thread::spawn(move || {
        shared.block_on(async {
            for _ in 0..dice(3) {
                if let Some(handle) = stage.spawn(1) {
                    dispose(handle).await;
                }
                stage.belfry.hang().wait().await;
            }
        });
    })
}

/// A plain thread that aborts whom it finds.
fn aborter(stage: &Stage) -> JoinHandle<()> {
    let stage = stage.clone();
    thread::spawn(move || {
        for _ in 0..dice(4) {
            stage.abort_one();
            thread::yield_now();
        }
    })
}

/// Waits until even those are complete whose handles nobody holds. Every bell has rung, so they need no help.
fn wait_for_all(shared: &Shared) {
    while shared.count_unfinished(&[]) > 0 {
        thread::yield_now();
    }
}
