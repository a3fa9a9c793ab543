//! Covers what tokio's suite pins for `SetOnce`, and R-80 (no user code under a lock), R-90 (auto traits).

use super::{SetOnce, SetOnceError, SetOnceStatistics, SetOnceWait};
use crate::testing::{Count, Hand, PanicOnWake, within_a_minute};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Wake, Waker};

assert_impl_all!(SetOnce<u8>: Send, Sync, Unpin);
assert_impl_all!(SetOnce<Cell<u8>>: Send, Unpin);
assert_not_impl_any!(SetOnce<Cell<u8>>: Sync);
assert_impl_all!(SetOnce<Rc<u8>>: Unpin);
assert_not_impl_any!(SetOnce<Rc<u8>>: Send, Sync);
assert_impl_all!(SetOnceWait<'static, u8>: Send, Sync);
assert_not_impl_any!(SetOnceWait<'static, u8>: Unpin);
assert_not_impl_any!(SetOnceWait<'static, Cell<u8>>: Send, Sync, Unpin);
assert_not_impl_any!(SetOnceWait<'static, Rc<u8>>: Send, Sync, Unpin);
assert_impl_all!(SetOnceError<u8>: Send, Sync, Unpin, std::error::Error);
assert_impl_all!(SetOnceStatistics: Send, Sync, Unpin);

#[test]
fn it_is_set_once_and_all_who_wait_are_told() {
    let once = SetOnce::new();
    let mut waiters: Vec<_> = (0..100).map(|_| Hand::new(once.wait())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    assert_eq!(once.statistics(), SetOnceStatistics { is_set: false, waiters: 100, waiters_peak: 100 });
    assert_eq!(once.set("first"), Ok(()));
    assert_eq!(once.set("second"), Err(SetOnceError("second")));
    assert!(waiters.iter().all(|waiter| waiter.wakes() == 1));
    assert!(waiters.iter_mut().all(|waiter| *waiter.ready() == "first"));
    assert_eq!(Hand::new(once.wait()).ready(), &"first");
    assert_eq!((once.get(), once.wait_blocking()), (Some(&"first"), &"first"));
    drop(waiters);
    assert_eq!(once.statistics(), SetOnceStatistics { is_set: true, waiters: 0, waiters_peak: 100 });
    assert_eq!(once.into_inner(), Some("first"));
}

#[test]
fn leaving_leaves_no_trace() {
    let once = SetOnce::default();
    let mut gone = Hand::new(once.wait());
    let mut stays = Hand::new(once.wait());
    gone.pends();
    stays.pends();
    drop(gone);
    assert_eq!(once.statistics().waiters, 1);
    once.set(()).unwrap();
    assert_eq!(stays.wakes(), 1);
    drop(stays);
    assert_eq!(once.statistics().waiters, 0);
}

#[test]
fn what_is_taken_can_be_set_anew() {
    let mut once = SetOnce::from(1);
    *once.get_mut().unwrap() += 1;
    assert_eq!(once.take(), Some(2));
    assert_eq!((once.take(), once.get(), once.is_set()), (None, None, false));
    assert_eq!(once.get_mut(), None);
    let mut waits = Hand::new(once.wait());
    waits.pends();
    once.set(3).unwrap();
    assert_eq!(waits.ready(), &3);
}

#[test]
fn the_value_is_dropped_once() {
    let value = Arc::new(());
    let once = SetOnce::new();
    once.set(value.clone()).unwrap();
    let SetOnceError(refused) = once.set(value.clone()).unwrap_err();
    assert_eq!(Arc::strong_count(&value), 3);
    drop((once, refused));
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn it_shows_its_state() {
    let once = SetOnce::new();
    assert_eq!(format!("{once:?}"), "SetOnce { value: None, .. }");
    once.set(1).unwrap();
    assert_eq!(format!("{once:?}"), "SetOnce { value: Some(1), .. }");
    let refused = once.set(2).unwrap_err();
    assert_eq!(format!("{refused:?}: {refused}"), "SetOnceError(..): the value is set already");
}

#[test]
fn hostile_and_replaced_wakers() {
    let once = SetOnce::new();
    let (a, waker_a) = Count::new();
    let (b, waker_b) = Count::new();
    let mut hostile = Hand::new(once.wait());
    let mut waiter = Hand::new(once.wait());
    assert!(hostile.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    assert!(waiter.poll_with(&waker_a).is_pending());
    assert!(waiter.poll_with(&waker_b).is_pending());
    once.set(7).unwrap();
    assert_eq!((a.take(), b.take()), (0, 1));
    assert_eq!((*waiter.ready(), *hostile.ready()), (7, 7));
}

/// A waker that comes back to what it was kept in, when woken and when dropped.
struct Reenters(Arc<SetOnce<u8>>, AtomicUsize);

impl Reenters {
    fn look(&self) {
        assert!(self.0.set(9).is_err() || self.0.is_set());
        self.0.statistics();
    }
}

impl Wake for Reenters {
    fn wake(self: Arc<Self>) {
        self.look();
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Reenters {
    fn drop(&mut self) {
        self.look();
    }
}

#[test]
fn wakers_run_under_no_lock() {
    within_a_minute(|| {
        let once = Arc::new(SetOnce::new());
        let reenters = Arc::new(Reenters(once.clone(), AtomicUsize::new(0)));
        let mut waits = Hand::new(once.wait());
        assert!(waits.poll_with(&Waker::from(reenters.clone())).is_pending());
        once.set(1).unwrap();
        assert_eq!(reenters.1.load(Ordering::Relaxed), 1);
        assert_eq!(waits.ready(), &1);
    });
}

#[test]
fn of_many_that_set_one_succeeds_and_all_see_its_value() {
    within_a_minute(|| {
        for _ in 0..200 {
            let once = Arc::new(SetOnce::new());
            let start = Arc::new(Barrier::new(4));
            let threads: Vec<_> = (0..4)
                .map(|me| {
                    let (once, start) = (once.clone(), start.clone());
                    std::thread::spawn(move || {
                        start.wait();
                        let set = if me % 2 == 0 { once.set(me).is_ok() } else { false };
                        (set.then_some(me), *once.wait_blocking())
                    })
                })
                .collect();
            let ends: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            let winners: Vec<_> = ends.iter().filter_map(|(winner, _)| *winner).collect();
            assert_eq!(winners.len(), 1);
            assert!(ends.iter().all(|(_, seen)| *seen == winners[0]));
        }
    });
}
