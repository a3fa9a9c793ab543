//! Covers what Go's and crossbeam's suites pin for `WaitGroup`, and R-80 (no user code under a lock), R-82 (who joins after the
//! moment that releases is left alone), R-90 (auto traits).

use super::{WaitGroup, WaitGroupStatistics, WaitGroupWait, WaitGroupWorker};
use crate::testing::{Hand, PanicOnWake, within_a_minute};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Wake, Waker};

assert_impl_all!(WaitGroup: Send, Sync, Unpin);
assert_impl_all!(WaitGroupWorker: Send, Sync, Unpin, Clone);
assert_impl_all!(WaitGroupWait<'static>: Send, Sync);
assert_not_impl_any!(WaitGroupWait<'static>: Unpin);
assert_impl_all!(WaitGroupStatistics: Send, Sync, Unpin);

#[test]
fn the_last_worker_releases_all_who_wait() {
    let group = WaitGroup::new();
    let first = group.worker();
    let second = first.clone();
    assert_eq!((group.count(), group.try_wait()), (2, false));
    let mut waiters: Vec<_> = (0..100).map(|_| Hand::new(group.wait())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    drop(first);
    assert!(waiters.iter().all(|waiter| waiter.wakes() == 0));
    drop(second);
    assert!(waiters.iter().all(|waiter| waiter.wakes() == 1));
    waiters.iter_mut().for_each(Hand::ready);
    assert_eq!(group.statistics(), WaitGroupStatistics { workers: 0, waiters: 0, waiters_peak: 100 });
    Hand::new(group.wait()).ready();
    group.wait_blocking();
}

#[test]
fn it_is_used_again_and_who_waited_for_the_former_workers_is_released() {
    let group = WaitGroup::default();
    for _ in 0..3 {
        let worker = group.worker();
        let mut before = Hand::new(group.wait());
        before.pends();
        drop(worker);
        let next = group.worker();
        let mut after = Hand::new(group.wait());
        after.pends();
        before.ready();
        assert_eq!(after.wakes(), 0);
        drop(next);
        after.ready();
    }
}

/// A waker that, between two batches of the last worker, begins anew and waits.
struct BeginsAnew {
    group: &'static WaitGroup,
    worker: Mutex<Option<WaitGroupWorker>>,
    late: Mutex<Hand<WaitGroupWait<'static>>>,
    early: Mutex<Option<Hand<WaitGroupWait<'static>>>>,
}

impl Wake for BeginsAnew {
    fn wake(self: Arc<Self>) {
        *self.worker.lock().unwrap() = Some(self.group.worker());
        self.late.lock().unwrap().pends();
        // One of a later batch, polled before its turn to be told: it is released all the same.
        self.early.lock().unwrap().take().expect("woken once").ready();
    }
}

#[test]
fn who_joins_between_two_batches_is_left_alone() {
    static GROUP: LazyLock<WaitGroup> = LazyLock::new(WaitGroup::new);
    let group = &*GROUP;
    let worker = group.worker();
    let mut early: Vec<_> = (0..100).map(|_| Hand::new(group.wait())).collect();
    let mut last = Hand::new(group.wait());
    let anew = Arc::new(BeginsAnew {
        group,
        worker: Mutex::default(),
        late: Mutex::new(Hand::new(group.wait())),
        early: Mutex::default(),
    });
    // Of the first batch, and of the last.
    assert!(early[0].poll_with(&Waker::from(anew.clone())).is_pending());
    early.iter_mut().skip(1).for_each(Hand::pends);
    last.pends();
    *anew.early.lock().unwrap() = Some(last);
    drop(worker);
    early.iter_mut().for_each(Hand::ready);
    assert_eq!(anew.late.lock().unwrap().wakes(), 0);
    drop(anew.worker.lock().unwrap().take());
    anew.late.lock().unwrap().ready();
}

#[test]
fn who_leaves_and_hostile_wakers_harm_nobody() {
    let group = WaitGroup::new();
    let worker = group.worker();
    let mut gone = Hand::new(group.wait());
    let mut hostile = Hand::new(group.wait());
    let mut stays = Hand::new(group.wait());
    gone.pends();
    assert!(hostile.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    stays.pends();
    drop(gone);
    assert_eq!(group.statistics().waiters, 2);
    drop(worker);
    assert_eq!(stays.wakes(), 1);
    stays.ready();
    hostile.ready();
}

#[test]
fn a_worker_outlives_its_group_and_ends_by_unwinding_too() {
    let group = WaitGroup::new();
    let worker = group.worker();
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _worker = worker;
        panic!("work that panics on purpose");
    }));
    assert!(panics.is_err());
    assert_eq!(group.count(), 0);
    let orphan = group.worker();
    assert_eq!(
        format!("{group:?} {orphan:?}"),
        "WaitGroup { workers: 1, .. } WaitGroupWorker { workers: 1, .. }"
    );
    drop(group);
    drop(orphan.clone());
    drop(orphan);
}

#[test]
fn all_work_is_done_when_the_wait_is_over() {
    within_a_minute(|| {
        let group = WaitGroup::new();
        for round in 1..=200 {
            let done = Arc::new(AtomicUsize::new(0));
            let first = group.worker();
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    let (worker, done) = (first.clone(), done.clone());
                    std::thread::spawn(move || {
                        let more = worker.clone();
                        done.fetch_add(1, Ordering::Relaxed);
                        drop(worker);
                        done.fetch_add(1, Ordering::Relaxed);
                        drop(more);
                    })
                })
                .collect();
            drop(first);
            group.wait_blocking();
            assert_eq!(done.load(Ordering::Relaxed), 6, "round {round}");
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        }
    });
}
