//! The last worker against waiting, beginning anew and going away.

use super::{WaitGroup, WaitGroupWait};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::thread;
use loom::future::block_on;
use std::pin::Pin;
use std::task::Waker;

/// Waits for `group`, which has workers: the future, in the queue.
fn queued<'a>(group: &'a WaitGroup, waker: &Waker) -> Pin<Box<WaitGroupWait<'a>>> {
    let mut waits = Box::pin(group.wait());
    assert!(poll_once(&mut waits, waker).is_pending(), "there are workers");
    waits
}

#[test]
fn loom_who_waited_sees_what_all_workers_did() {
    loom::model(|| {
        let group = WaitGroup::new();
        let done = Arc::new(AtomicUsize::new(0));
        let (worker, first) = (group.worker(), group.worker());
        let does = done.clone();
        let thread = thread::spawn(move || {
            // Ordering: Relaxed here and below: that the group publishes it is the question.
            does.fetch_add(1, Ordering::Relaxed);
            drop(worker);
        });
        drop(first);
        block_on(group.wait());
        assert_eq!(done.load(Ordering::Relaxed), 1);
        thread.join().unwrap();
    });
}

#[test]
fn loom_the_last_worker_releases_those_who_waited_and_no_others() {
    loom::model(|| {
        let group = Arc::new(WaitGroup::new());
        let worker = group.worker();
        let (bell, waker) = Bell::new();
        let mut before: Vec<_> = (0..2).map(|_| queued(&group, &waker)).collect();
        let thread = thread::spawn(move || drop(worker));
        let (late_bell, late_waker) = Bell::new();
        let mut late = None;
        if group.try_wait() {
            // The last worker may still be between two batches.
            let anew = group.worker();
            late = Some((queued(&group, &late_waker), anew));
        }
        thread.join().unwrap();
        assert_eq!(bell.rings(), 2);
        assert!(before.iter_mut().all(|waits| poll_once(waits, &waker).is_ready()));
        if let Some((mut waits, anew)) = late {
            assert_eq!(late_bell.rings(), 0, "it waits for another worker");
            assert!(poll_once(&mut waits, &late_waker).is_pending());
            drop(anew);
            assert_eq!(late_bell.rings(), 1);
        }
    });
}

#[test]
fn loom_one_that_goes_takes_nobodys_release_along() {
    loom::model(|| {
        let group = WaitGroup::new();
        let worker = group.worker();
        let gone = queued(&group, Waker::noop());
        let (bell, waker) = Bell::new();
        let mut stays = queued(&group, &waker);
        let thread = thread::spawn(move || drop(worker));
        drop(gone);
        thread.join().unwrap();
        assert_eq!(bell.rings(), 1);
        assert!(poll_once(&mut stays, &waker).is_ready());
    });
}

#[test]
fn loom_canary_a_last_worker_that_releases_late_comers() {
    assert_noticed(
        "wait_group.release.all",
        "wait_group::model::loom_the_last_worker_releases_those_who_waited_and_no_others",
    );
}
