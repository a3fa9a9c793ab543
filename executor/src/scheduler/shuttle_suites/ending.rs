//! The end, at whatever moment it comes.

use super::bell::Bell;
use super::books::Books;
use super::script::{Stage, check};
use super::{meta, scheduler};
use crate::scheduler::{Shared, blocking};
use crate::task::JoinHandle;
use filch_primitive::explore::{Times, block_on, dice, explore};
use filch_primitive::thread;
use std::sync::Arc;

/// Spawners, ringers and a guest, and in the midst of it the end: called on a plain thread or in a task.
#[test]
fn shuttle_the_end_leaves_nothing_whenever_it_comes() {
    explore(Times { rounds: 1_000, timeouts: 0 }, || {
        let shared = scheduler(3, dice(4) > 0);
        let stage = Stage::new(&shared);
        let spawners = [(); 2].map(|()| {
            let stage = stage.clone();
            thread::spawn(move || (0..4).filter_map(|_| stage.spawn(1)).collect::<Vec<_>>())
        });
        let guest = {
            let (shared, stage) = (shared.clone(), stage.clone());
            thread::spawn(move || {
                let own = stage.spawn(1).expect("the scheduler is here");
                shared.block_on(async {
                    stage.belfry.hang().wait().await;
                    check(own.await);
                });
            })
        };
        let ringer = stage.belfry.ringer();
        wait_a_while();
        if dice(3) == 0 {
            end_inside(&shared);
        } else {
            assert_eq!(shared.end(None), 0, "threads were left");
        }
        for handle in
            spawners.into_iter().flat_map(|spawner| spawner.join().expect("a spawner does not panic"))
        {
            // On the ended scheduler: what it waits for has been decided.
            check(shared.block_on(handle));
        }
        guest.join().expect("the guest does not panic");
        ringer.join().expect("a ringer does not panic");
        assert_eq!(shared.count_unfinished(&[]), 0, "tasks were left");
        stage.books.close();
    });
}

/// Little else but spawns and the end: whichever comes first, each task runs or is aborted, and its handle says so.
#[test]
fn shuttle_a_spawn_that_races_the_end_resolves() {
    explore(Times { rounds: 2_000, timeouts: 0 }, || {
        let shared = scheduler(1 + dice(2), true);
        let stage = Stage::new(&shared);
        let spawners = [(); 2].map(|()| {
            let (shared, stage) = (shared.clone(), stage.clone());
            thread::spawn(move || {
                let life = stage.books.open();
                let handle = shared.spawn(async move { life.output() }, meta());
                check(shared.block_on(handle));
            })
        });
        assert_eq!(shared.end(None), 0, "threads were left");
        for spawner in spawners {
            spawner.join().expect("a spawner does not panic");
        }
        assert_eq!(shared.count_unfinished(&[]), 0, "tasks were left");
        stage.books.close();
    });
}

/// The scheduler's last handle is gone before tasks' wakers and handles are.
#[test]
fn shuttle_wakers_and_handles_outlive_the_scheduler() {
    explore(Times { rounds: 1_000, timeouts: 0 }, || {
        let shared = scheduler(2, true);
        let stage = Stage::new(&shared);
        let handles: Vec<_> = (0..4).filter_map(|_| stage.spawn(0)).collect();
        let ringer = stage.belfry.ringer();
        let aborting = stage.clone();
        let aborter = thread::spawn(move || (0..3).for_each(|_| aborting.abort_one()));
        wait_a_while();
        assert_eq!(shared.end(None), 0, "threads were left");
        drop(shared);
        let mut kept = Vec::new();
        for handle in handles {
            match dice(3) {
                0 => handle.detach(),
                1 => handle.abort(),
                _ => kept.push(handle),
            }
        }
        ringer.join().expect("a ringer does not panic");
        aborter.join().expect("the aborter does not panic");
        // Not before: a thread that is just about to wake a task holds it meanwhile.
        assert!(kept.iter().all(JoinHandle::is_finished), "a task has neither run nor was it dropped");
        drop(kept);
        stage.books.close();
    });
}

/// One task, one wake, and the scheduler gone meanwhile: whoever holds the task then sees to its end.
#[test]
fn shuttle_a_wake_outlasts_the_scheduler() {
    explore(Times { rounds: 2_000, timeouts: 0 }, || {
        let shared = scheduler(1, true);
        let (books, bell) = (Books::default(), Arc::new(Bell::default()));
        let (life, waits) = (books.open(), bell.clone());
        let task = async move {
            waits.wait().await;
            life.output()
        };
        let handle = shared.spawn(task, meta());
        let ringer = thread::spawn(move || bell.ring());
        assert_eq!(shared.end(None), 0, "threads were left");
        drop(shared);
        if let Ok(output) = block_on(handle) {
            output.check();
        }
        ringer.join().expect("a ringer does not panic");
        books.close();
    });
}

/// Not at all, or for a random number of turns.
fn wait_a_while() {
    if dice(2) == 0 {
        (0..dice(40)).for_each(|_| thread::yield_now());
    }
}

/// Ends the scheduler in one of its own tasks, if that gets to run before it is aborted; else here.
fn end_inside(shared: &Arc<Shared>) {
    let inside = shared.clone();
    let ending = shared.spawn(
        async move {
            let left = blocking(|| inside.end(None));
            assert_eq!(left, 0, "threads were left");
        },
        meta(),
    );
    shared.block_on(ending).expect("the task it is called in goes on");
    assert_eq!(shared.end(None), 0, "the last thread ends after its poll");
}
