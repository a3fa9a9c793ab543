//! The end, at whatever moment it comes.

use super::script::{Stage, check};
use super::{meta, scheduler};
use crate::scheduler::{Shared, blocking};
use filch_primitive::explore::{Times, dice, explore};
use filch_primitive::thread;
use std::sync::Arc;

/// Spawners, ringers and a guest, and in the midst of it the end: called on a plain thread or in a task.
#[test]
fn shuttle_the_end_leaves_nothing_whenever_it_comes() {
    explore(Times { rounds: 250, timeouts: 0 }, || {
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
        for _ in 0..dice(40) {
            thread::yield_now();
        }
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

/// The scheduler's last handle is gone before tasks' wakers and handles are.
#[test]
fn shuttle_wakers_and_handles_outlive_the_scheduler() {
    explore(Times { rounds: 250, timeouts: 0 }, || {
        let shared = scheduler(2, true);
        let stage = Stage::new(&shared);
        let handles: Vec<_> = (0..4).filter_map(|_| stage.spawn(0)).collect();
        let ringer = stage.belfry.ringer();
        let aborting = stage.clone();
        let aborter = thread::spawn(move || (0..3).for_each(|_| aborting.abort_one()));
        for _ in 0..dice(20) {
            thread::yield_now();
        }
        assert_eq!(shared.end(None), 0, "threads were left");
        drop(shared);
        for handle in handles {
            match dice(3) {
                0 => handle.detach(),
                1 => handle.abort(),
                _ => assert!(handle.is_finished(), "its scheduler has ended, and nobody polls it"),
            }
        }
        ringer.join().expect("a ringer does not panic");
        aborter.join().expect("the aborter does not panic");
        stage.books.close();
    });
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
