//! Covers what async-lock's and tokio's suites pin for `OnceCell`, and R-80 (no user code under a lock), R-90 (auto traits).

use super::{OnceCell, OnceCellError, OnceCellStatistics};
use crate::testing::{Hand, PanicOnWake, Random, kept, sent, within_a_minute};
use futures_lite::future::{block_on, pending, poll_once, ready, yield_now};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::task::Waker;

assert_impl_all!(OnceCell<u8>: Send, Sync, Unpin);
assert_impl_all!(OnceCell<Cell<u8>>: Send, Unpin);
assert_not_impl_any!(OnceCell<Cell<u8>>: Sync);
assert_impl_all!(OnceCell<Rc<u8>>: Unpin);
assert_not_impl_any!(OnceCell<Rc<u8>>: Send, Sync);
assert_impl_all!(OnceCellError<u8>: Send, Sync, Unpin, std::error::Error);
assert_impl_all!(OnceCellStatistics: Send, Sync, Unpin);

#[test]
fn asking_can_be_sent_where_the_value_can() {
    kept(OnceCell::<Cell<u8>>::new().get_or_init(|| ready(Cell::new(1))));
    kept(OnceCell::<Rc<u8>>::new().get_or_try_init(|| ready(Err::<_, ()>(()))));
    let held = Rc::new(1);
    kept(OnceCell::new().get_or_init(async || *held));
    let cell = OnceCell::new();
    let mut asks = Hand::new(sent(cell.get_or_init(|| ready(1))));
    assert_eq!(asks.ready(), &1);
    let mut tries = Hand::new(sent(cell.get_or_try_init(|| ready(Err("unused")))));
    assert_eq!(tries.ready(), Ok(&1));
}

#[test]
fn the_first_makes_it_and_the_others_get_it() {
    let cell = OnceCell::new();
    let made = AtomicUsize::new(0);
    let mut asks: Vec<_> = (0..100)
        .map(|me| {
            let made = &made;
            Hand::new(cell.get_or_init(async move || {
                yield_now().await;
                made.fetch_add(1, Ordering::Relaxed);
                me
            }))
        })
        .collect();
    asks.iter_mut().for_each(Hand::pends);
    let now = cell.statistics();
    assert!(now.initializing && !now.initialized);
    assert_eq!((now.waiters, now.waiters_peak, now.watchers), (99, 99, 0));
    assert_eq!((cell.get(), cell.set(7)), (None, Err(OnceCellError::Initializing(7))));
    assert_eq!(asks[0].ready(), &0);
    assert!(asks[1..].iter().all(|ask| ask.wakes() == 1), "told once each");
    assert!(asks[1..].iter_mut().all(|ask| *ask.ready() == 0));
    assert_eq!(made.load(Ordering::Relaxed), 1);
    assert_eq!(cell.set(7), Err(OnceCellError::Initialized(7)));
    let now = cell.statistics();
    assert!(now.initialized && !now.initializing && now.waiters == 0 && now.waiters_peak == 99);
}

#[test]
fn a_failure_lets_the_next_try() {
    let cell = OnceCell::new();
    let mut fails = Hand::new(cell.get_or_try_init(async || {
        yield_now().await;
        Err("no")
    }));
    fails.pends();
    let mut second = Hand::new(cell.get_or_try_init(async || Ok::<_, &str>(2)));
    let mut third = Hand::new(cell.get_or_try_init(async || Ok::<_, &str>(3)));
    let mut watches = Hand::new(cell.wait());
    second.pends();
    third.pends();
    watches.pends();
    assert_eq!(fails.ready(), Err("no"));
    assert_eq!(
        (second.wakes(), third.wakes(), watches.wakes()),
        (1, 1, 0),
        "a watcher is told of a value only"
    );
    assert!(!cell.is_initialized());
    assert_eq!(second.ready(), Ok(&2));
    assert_eq!((third.ready(), watches.ready()), (Ok(&2), &2));
}

#[test]
fn a_dropped_initialiser_lets_the_next_try() {
    let cell = OnceCell::new();
    let mut gone = Hand::new(cell.get_or_init(pending));
    gone.pends();
    let mut next = Hand::new(cell.get_or_init(async || 2));
    next.pends();
    drop(gone);
    assert_eq!(next.wakes(), 1);
    assert_eq!(next.ready(), &2);
}

#[test]
fn a_panic_lets_the_next_try() {
    let cell = OnceCell::new();
    let mut bad = Hand::new(cell.get_or_init(async || {
        yield_now().await;
        panic!("an initialiser that panics on purpose")
    }));
    bad.pends();
    let mut next = Hand::new(cell.get_or_init(async || 2));
    next.pends();
    assert!(catch_unwind(AssertUnwindSafe(|| bad.poll())).is_err());
    assert_eq!(next.wakes(), 1);
    assert_eq!(next.ready(), &2);
    let blocking = OnceCell::new();
    let panics = || blocking.get_or_init_blocking(|| panic!("an initialiser that panics on purpose"));
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert_eq!(blocking.get_or_init_blocking(|| 3), &3);
}

#[test]
fn one_that_was_told_and_is_not_polled_stops_nobody() {
    // Futurelock: the first to be told is neither polled nor dropped.
    let cell = OnceCell::new();
    let mut gone = Hand::new(cell.get_or_init(pending));
    gone.pends();
    let mut frozen = Hand::new(cell.get_or_init(async || 1));
    let mut lives = Hand::new(cell.get_or_init(async || 2));
    frozen.pends();
    lives.pends();
    drop(gone);
    assert_eq!(frozen.wakes(), 1);
    assert_eq!(lives.wakes(), 1);
    assert_eq!(lives.ready(), &2);
    assert_eq!(frozen.ready(), &2);
}

#[test]
fn one_that_was_told_and_dropped_takes_nothing_along() {
    let cell = OnceCell::new();
    let mut gone = Hand::new(cell.get_or_init(pending));
    gone.pends();
    let mut told = Hand::new(cell.get_or_init(async || 1));
    told.pends();
    drop(gone);
    assert_eq!(told.wakes(), 1);
    drop(told);
    assert_eq!(Hand::new(cell.get_or_init(async || 2)).ready(), &2);
}

#[test]
fn many_failures_beyond_a_batch_reach_everybody() {
    let cell = OnceCell::new();
    let mut asks: Vec<_> = (0..100)
        .map(|me| {
            Hand::new(cell.get_or_try_init(async move || {
                yield_now().await;
                if me < 99 { Err(me) } else { Ok(me) }
            }))
        })
        .collect();
    asks.iter_mut().for_each(Hand::pends);
    for me in 0..99 {
        assert_eq!(asks[me].ready(), Err(me));
        assert!(asks[me + 1..].iter().all(|ask| ask.wakes() == 1), "after {me}");
        asks[me + 1..].iter_mut().for_each(Hand::pends);
        assert_eq!(asks[me + 1].wakes(), 1, "the initialiser's own");
    }
    assert_eq!(asks[99].ready(), Ok(&99));
}

#[test]
fn one_polled_again_while_it_waits_keeps_its_place_and_cuts_nobody_off() {
    // The first in the list is polled without having been told, in a later round than it joined in.
    let cell = OnceCell::new();
    let mut asks: Vec<_> = (0..40)
        .map(|_| {
            Hand::new(cell.get_or_try_init(async || {
                yield_now().await;
                Err::<u8, _>(())
            }))
        })
        .collect();
    asks.iter_mut().for_each(Hand::pends);
    assert_eq!(asks[0].ready(), Err(()));
    asks[39].pends();
    assert!(asks[1..].iter().all(|ask| ask.wakes() >= 1));
    asks[1..39].iter_mut().for_each(Hand::pends);
    asks[20].pends();
    assert_eq!(asks[39].ready(), Err(()));
    assert!(asks[1..39].iter().all(|ask| ask.wakes() == 1), "all, also behind one that was polled in vain");
}

#[test]
fn a_hostile_waker_costs_nobody_else_theirs() {
    let cell = OnceCell::new();
    let mut gone = Hand::new(cell.get_or_init(pending));
    gone.pends();
    let mut hostile = Hand::new(cell.get_or_init(async || 1));
    let mut next = Hand::new(cell.get_or_init(async || 2));
    assert!(hostile.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    next.pends();
    drop(gone);
    assert_eq!(next.wakes(), 1);
    assert_eq!(next.ready(), &2);
}

#[test]
fn a_leaked_initialiser_does_not_outlast_the_borrow() {
    // Where a leak checker sees that it is meant.
    static LEAKED: AtomicUsize = AtomicUsize::new(0);
    let mut cell = OnceCell::new();
    let mut leaked = Box::pin(cell.get_or_init(pending::<u8>));
    assert!(leaked.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop())).is_pending());
    LEAKED.store(std::ptr::from_ref(&*leaked).expose_provenance(), Ordering::Relaxed);
    std::mem::forget(leaked);
    assert!(cell.statistics().initializing);
    assert_eq!(cell.take(), None);
    assert_eq!(cell.get_or_init_blocking(|| 2), &2);
}

#[test]
fn it_is_what_a_cell_is() {
    let mut cell = OnceCell::from(1);
    *cell.get_mut().unwrap() += 1;
    assert_eq!(cell.clone(), cell);
    assert_eq!(format!("{cell:?}"), "OnceCell { value: Some(2), .. }");
    assert_eq!((cell.take(), cell.clone().into_inner()), (Some(2), None));
    assert_ne!(cell, OnceCell::from(1));
    assert_eq!(cell.get_mut(), None);
    let refused = OnceCell::from(1).set(2).unwrap_err();
    assert_eq!(format!("{refused:?}: {refused}"), "Initialized(..): the cell has a value already");
    assert_eq!(refused.into_inner(), 2);
}

#[test]
fn threads_and_tasks_share_one_value() {
    within_a_minute(|| {
        for _ in 0..100 {
            let cell = Arc::new(OnceCell::new());
            let made = Arc::new(AtomicUsize::new(0));
            let start = Arc::new(Barrier::new(4));
            let threads: Vec<_> = (0..4)
                .map(|me| {
                    let (cell, made, start) = (cell.clone(), made.clone(), start.clone());
                    std::thread::spawn(move || {
                        start.wait();
                        let make = || {
                            made.fetch_add(1, Ordering::Relaxed);
                            me
                        };
                        match me {
                            0 => *cell.wait_blocking(),
                            1 => *cell.get_or_init_blocking(make),
                            _ => *block_on(cell.get_or_init(async || {
                                yield_now().await;
                                make()
                            })),
                        }
                    })
                })
                .collect();
            let seen: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            assert!(seen.iter().all(|value| *value == seen[0]));
            assert_eq!(made.load(Ordering::Relaxed), 1);
        }
    });
}

#[test]
fn a_cancel_storm_ends_in_one_value() {
    within_a_minute(|| {
        const THREADS: usize = 8;
        for seed in 0..20 {
            let shared = Arc::new((OnceCell::new(), AtomicUsize::new(0), Barrier::new(THREADS)));
            let threads: Vec<_> = (0..THREADS)
                .map(|me| {
                    let shared = shared.clone();
                    std::thread::spawn(move || {
                        let (cell, made, start) = &*shared;
                        let mut random = Random::new((seed * THREADS + me) as u64);
                        start.wait();
                        loop {
                            let fails = random.below(8) != 0;
                            let asks = cell.get_or_try_init(async || {
                                yield_now().await;
                                if fails {
                                    return Err(());
                                }
                                made.fetch_add(1, Ordering::Relaxed);
                                Ok(me)
                            });
                            let asked = match random.below(3) {
                                0 => block_on(poll_once(asks)).unwrap_or(Err(())),
                                _ => block_on(asks),
                            };
                            if let Ok(value) = asked {
                                break *value;
                            }
                        }
                    })
                })
                .collect();
            let seen: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            assert!(seen.iter().all(|value| *value == seen[0]));
            assert_eq!(shared.1.load(Ordering::Relaxed), 1);
        }
    });
}
