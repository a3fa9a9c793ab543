//! Covers what the standard library's suite pins for `LazyLock`, as far as it means anything here, and R-80 (no user code under a
//! lock), R-88 (a shared future whose poll panics leaves nobody asleep), R-90 (auto traits).

use super::{LazyForce, LazyFuture, LazyLock, LazyLockStatistics};
use crate::testing::{Hand, PanicOnWake, within_a_minute};
use crate::{Event, SetOnce};
use futures_lite::future::{Ready, block_on, poll_fn, ready, yield_now};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::{Poll, Waker};

type Local<T> = std::pin::Pin<Box<dyn Future<Output = T>>>;

assert_impl_all!(LazyLock<u8>: Send, Sync, Unpin);
assert_impl_all!(LazyLock<Cell<u8>>: Send, Unpin);
assert_not_impl_any!(LazyLock<Cell<u8>>: Sync);
assert_not_impl_any!(LazyLock<Rc<u8>>: Send, Sync);
// Its future may not leave its thread, so neither may it.
assert_not_impl_any!(LazyLock<u8, fn() -> Local<u8>>: Send, Sync);
assert_impl_all!(LazyForce<'static, u8, fn() -> LazyFuture<u8>>: Send, Sync);
assert_not_impl_any!(LazyForce<'static, u8, fn() -> LazyFuture<u8>>: Unpin);
assert_not_impl_any!(LazyForce<'static, Cell<u8>, fn() -> LazyFuture<Cell<u8>>>: Send, Sync, Unpin);
assert_not_impl_any!(LazyForce<'static, Rc<u8>, fn() -> Ready<Rc<u8>>>: Send, Sync, Unpin);
assert_impl_all!(LazyLockStatistics: Send, Sync, Unpin);

static NUMBER: LazyLock<u32> = LazyLock::new(|| Box::pin(async { 6 * 7 }));

#[test]
fn a_static_one_makes_its_value_once() {
    assert_eq!(Hand::new(NUMBER.force()).ready(), &42);
    assert_eq!(std::ptr::from_ref(NUMBER.force_blocking()), std::ptr::from_ref(NUMBER.get().unwrap()));
}

#[test]
fn it_begins_when_it_is_first_asked_and_all_share_the_outcome() {
    let (begun, event) = (AtomicUsize::new(0), Event::new());
    let lazy = LazyLock::new(async || {
        begun.fetch_add(1, Ordering::Relaxed);
        event.wait().await;
        begun.load(Ordering::Relaxed)
    });
    drop(lazy.force());
    assert_eq!((begun.load(Ordering::Relaxed), lazy.get()), (0, None));
    let mut waiters: Vec<_> = (0..100).map(|_| Hand::new(lazy.force())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    assert_eq!(begun.load(Ordering::Relaxed), 1);
    let now = lazy.statistics();
    assert!(now.initializing && !now.initialized && now.waiters == 100);
    event.set();
    assert!(waiters.iter().all(|waiter| waiter.wakes() == 1));
    assert_eq!(waiters[57].ready(), &1, "whichever is polled drives it");
    assert!(waiters.iter_mut().all(|waiter| *waiter.ready() == 1));
    drop(waiters);
    let now = lazy.statistics();
    assert!(now.initialized && !now.initializing && now.waiters == 0 && now.waiters_peak == 100);
    assert_eq!(format!("{lazy:?}"), "LazyLock { value: Some(1), poisoned: false, .. }");
    assert_eq!(lazy.into_inner(), Some(1));
}

#[test]
fn what_was_done_is_kept_when_the_one_who_drove_goes() {
    let (steps, events) = (AtomicUsize::new(0), [Event::new(), Event::new()]);
    let lazy = LazyLock::new(async || {
        for event in &events {
            event.wait().await;
            steps.fetch_add(1, Ordering::Relaxed);
        }
        "made"
    });
    let mut first = Hand::new(lazy.force());
    first.pends();
    events[0].set();
    first.pends();
    let mut second = Hand::new(lazy.force());
    second.pends();
    drop(first);
    events[1].set();
    assert_eq!(second.wakes(), 1);
    assert_eq!(second.ready(), &"made");
    assert_eq!(steps.load(Ordering::Relaxed), 2, "no step was done twice");
}

#[test]
fn it_rests_while_nobody_waits() {
    let event = Event::new();
    let lazy = LazyLock::new(async || event.wait().await);
    let mut first = Hand::new(lazy.force());
    first.pends();
    drop(first);
    event.set();
    assert!(lazy.get().is_none());
    Hand::new(lazy.force()).ready();
}

#[test]
fn one_that_was_told_and_is_not_polled_stops_nobody() {
    // Futurelock: the one who drove it is neither polled nor dropped.
    let event = Event::new();
    let lazy = LazyLock::new(async || event.wait().await);
    let mut frozen = Hand::new(lazy.force());
    let mut lives = Hand::new(lazy.force());
    frozen.pends();
    lives.pends();
    event.set();
    assert_eq!((frozen.wakes(), lives.wakes()), (1, 1));
    lives.ready();
    frozen.ready();
}

#[test]
fn it_is_polled_only_when_it_was_woken() {
    let (polls, waker) = (AtomicUsize::new(0), SetOnce::<Waker>::new());
    let lazy = LazyLock::new(|| {
        poll_fn(|cx| {
            let _ = waker.set(cx.waker().clone());
            if polls.fetch_add(1, Ordering::Relaxed) < 1 { Poll::Pending } else { Poll::Ready(()) }
        })
    });
    let mut waiters: Vec<_> = (0..3).map(|_| Hand::new(lazy.force())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    waiters.iter_mut().for_each(Hand::pends);
    assert_eq!(polls.load(Ordering::Relaxed), 1);
    waker.get().unwrap().wake_by_ref();
    waker.get().unwrap().wake_by_ref();
    assert!(waiters.iter().all(|waiter| waiter.wakes() == 1));
    waiters.iter_mut().for_each(|waiter| *waiter.ready());
    assert_eq!(polls.load(Ordering::Relaxed), 2);
}

#[test]
fn one_that_gives_way_is_polled_again_and_lets_others_drive() {
    let lazy = LazyLock::new(async || {
        for _ in 0..3 {
            yield_now().await;
        }
        5
    });
    let mut first = Hand::new(lazy.force());
    let mut second = Hand::new(lazy.force());
    first.pends();
    assert_eq!(first.wakes(), 1);
    second.pends();
    assert_eq!(second.wakes(), 1, "it went on, and was woken within that poll");
    drop(first);
    second.pends();
    assert_eq!(second.wakes(), 1);
    assert_eq!(second.ready(), &5);
}

#[test]
fn a_panic_poisons_and_leaves_nobody_asleep() {
    let event = Event::new();
    let lazy = LazyLock::new(async || -> u8 {
        event.wait().await;
        panic!("an initialiser that panics on purpose")
    });
    let mut drives = Hand::new(lazy.force());
    let mut waits = Hand::new(lazy.force());
    drives.pends();
    waits.pends();
    event.set();
    assert!(catch_unwind(AssertUnwindSafe(|| drives.poll())).is_err());
    assert_eq!(waits.wakes(), 1);
    assert!(lazy.is_poisoned());
    assert!(catch_unwind(AssertUnwindSafe(|| waits.poll())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| lazy.force_blocking())).is_err());
    assert_eq!((lazy.get(), lazy.statistics().initializing), (None, false));
    assert_eq!(format!("{lazy:?}"), "LazyLock { value: None, poisoned: true, .. }");
}

#[test]
fn one_that_joined_during_the_poll_that_panics_is_told() {
    static JOINS: SetOnce<LazyLock<u8>> = SetOnce::new();
    type Forces = Hand<LazyForce<'static, u8, fn() -> LazyFuture<u8>>>;
    static HAND: std::sync::Mutex<Option<Forces>> = std::sync::Mutex::new(None);
    let _ = JOINS.set(LazyLock::new(|| {
        Box::pin(async {
            let mut joins = Hand::new(JOINS.get().unwrap().force());
            joins.pends();
            *HAND.lock().unwrap() = Some(joins);
            panic!("an initialiser that panics on purpose")
        })
    }));
    assert!(catch_unwind(|| JOINS.get().unwrap().force_blocking()).is_err());
    assert_eq!(HAND.lock().unwrap().as_ref().unwrap().wakes(), 1);
}

#[test]
fn a_function_that_panics_before_there_is_a_future_poisons_too() {
    let lazy: LazyLock<u8, fn() -> Ready<u8>> = LazyLock::new(|| panic!("on purpose"));
    assert!(catch_unwind(AssertUnwindSafe(|| lazy.force_blocking())).is_err());
    assert!(lazy.is_poisoned());
}

/// A future that is ready at once, and panics when dropped.
struct PanicOnDrop;

impl Future for PanicOnDrop {
    type Output = u8;

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<u8> {
        Poll::Ready(3)
    }
}

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic!("a destructor that panics on purpose");
    }
}

#[test]
fn a_destructor_that_panics_does_not_cost_the_value() {
    let lazy = LazyLock::new(|| PanicOnDrop);
    assert_eq!(Hand::new(lazy.force()).ready(), &3);
    assert!(!lazy.is_poisoned());
}

#[test]
fn a_hostile_waker_costs_nobody_theirs_and_the_initialisers_waker_outlives_the_lock() {
    let event = Event::new();
    let kept = SetOnce::<Waker>::new();
    let lazy = LazyLock::new(async || {
        poll_fn(|cx| Poll::Ready(kept.set(cx.waker().clone()))).await.expect("polled once");
        event.wait().await;
    });
    let mut hostile = Hand::new(lazy.force());
    let mut other = Hand::new(lazy.force());
    assert!(hostile.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    other.pends();
    event.set();
    assert_eq!(other.wakes(), 1);
    other.ready();
    hostile.ready();
    drop((hostile, other));
    drop(lazy);
    kept.get().unwrap().wake_by_ref();
}

#[test]
fn a_lock_that_is_dropped_drops_what_it_holds() {
    let held = Arc::new(());
    let unused = LazyLock::new({
        let held = held.clone();
        || ready(held)
    });
    drop(unused);
    assert_eq!(Arc::strong_count(&held), 1);
    let begun = LazyLock::new({
        let held = held.clone();
        async move || {
            yield_now().await;
            held
        }
    });
    Hand::new(begun.force()).pends();
    drop(begun);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn threads_and_tasks_share_one_value() {
    within_a_minute(|| {
        for _ in 0..100 {
            let made = Arc::new(AtomicUsize::new(0));
            let lazy = Arc::new(LazyLock::new({
                let made = made.clone();
                async move || {
                    for _ in 0..5 {
                        yield_now().await;
                    }
                    made.fetch_add(1, Ordering::Relaxed)
                }
            }));
            let start = Arc::new(Barrier::new(4));
            let threads: Vec<_> = (0..4)
                .map(|me| {
                    let (lazy, start) = (lazy.clone(), start.clone());
                    std::thread::spawn(move || {
                        start.wait();
                        let _ = block_on(futures_lite::future::poll_once(lazy.force()));
                        if me % 2 == 0 { *lazy.force_blocking() } else { *block_on(lazy.force()) }
                    })
                })
                .collect();
            assert!(threads.into_iter().all(|thread| thread.join().unwrap() == 0));
            assert_eq!(made.load(Ordering::Relaxed), 1);
        }
    });
}
