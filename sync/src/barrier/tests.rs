//! Covers what `test_barrier` of `CPython` pins, by behaviour, what async-lock's and tokio's suites pin for `Barrier`, and R-80 (no
//! user code under a lock), R-84 (cancelled waiters), R-90 (auto traits).

use super::{Barrier, BarrierStatistics, BarrierWait, BarrierWaitResult, BrokenBarrier};
use crate::testing::{Hand, PanicOnWake, Random, within_a_minute};
use futures_lite::future::{block_on, or, yield_now};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Wake, Waker};

assert_impl_all!(Barrier: Send, Sync, Unpin);
assert_impl_all!(BarrierWait<'static>: Send, Sync);
assert_not_impl_any!(BarrierWait<'static>: Unpin);
assert_impl_all!(BarrierWaitResult: Send, Sync, Unpin);
assert_impl_all!(BrokenBarrier: Send, Sync, Unpin, std::error::Error);
assert_impl_all!(BarrierStatistics: Send, Sync, Unpin);

fn arrive(barrier: &Barrier) -> Hand<BarrierWait<'_>> {
    let mut waits = Hand::new(barrier.wait());
    waits.pends();
    waits
}

fn passes(waits: &mut Hand<BarrierWait<'_>>) -> usize {
    waits.ready().expect("not broken").index()
}

#[test]
fn it_trips_when_all_are_there_with_one_leader_and_every_index() {
    for parties in [2, 5, 40, 100] {
        let barrier = Barrier::new(parties);
        for round in 1..=3 {
            let mut waiters: Vec<_> = (1..parties).map(|_| arrive(&barrier)).collect();
            assert_eq!(barrier.waiting(), parties - 1);
            assert!(waiters.iter().all(|waiter| waiter.wakes() == 0));
            let last = Hand::new(barrier.wait()).ready().unwrap();
            assert_eq!((last.index(), last.is_leader()), (parties - 1, true));
            assert!(waiters.iter().all(|waiter| waiter.wakes() == 1), "told once each");
            for (place, waiter) in waiters.iter_mut().enumerate() {
                let result = waiter.ready().unwrap();
                assert_eq!((result.index(), result.is_leader()), (place, false));
            }
            let now = barrier.statistics();
            assert_eq!((now.parties, now.waiters, now.waiters_peak), (parties, 0, parties - 1));
            assert_eq!((now.trips, now.broken), (round, false));
        }
    }
}

#[test]
fn one_alone_never_waits_and_nobody_counts_as_one() {
    for parties in [0, 1] {
        let barrier = Barrier::new(parties);
        assert_eq!(barrier.parties(), 1);
        for _ in 0..3 {
            assert!(Hand::new(barrier.wait()).ready().unwrap().is_leader());
        }
        assert!(barrier.wait_blocking().unwrap().is_leader());
    }
}

#[test]
fn too_many_parties_are_refused() {
    assert_eq!(Barrier::new(Barrier::MAX_PARTIES).parties(), Barrier::MAX_PARTIES);
    #[cfg(target_pointer_width = "64")]
    assert!(std::panic::catch_unwind(|| Barrier::new(Barrier::MAX_PARTIES + 1)).is_err());
}

#[test]
fn a_fast_one_that_comes_round_waits_for_the_slow_ones() {
    let barrier = Barrier::new(2);
    let mut slow = arrive(&barrier);
    Hand::new(barrier.wait()).ready().unwrap();
    // The slow one is released and has not been polled: the fast one does not meet it again.
    let mut fast = arrive(&barrier);
    assert_eq!(barrier.waiting(), 1);
    assert_eq!(passes(&mut slow), 0);
    fast.pends();
    assert!(Hand::new(barrier.wait()).ready().unwrap().is_leader());
    assert_eq!(passes(&mut fast), 0);
}

#[test]
fn one_that_gives_up_counts_no_longer_and_breaks_nothing() {
    let barrier = Barrier::new(3);
    let gone = arrive(&barrier);
    let mut stays = arrive(&barrier);
    drop(gone);
    assert_eq!((barrier.waiting(), barrier.is_broken()), (1, false));
    let mut other = arrive(&barrier);
    assert_eq!(Hand::new(barrier.wait()).ready().unwrap().index(), 2);
    assert_eq!((passes(&mut stays), passes(&mut other)), (0, 1), "no gap and no double");
}

#[test]
fn one_that_gives_up_after_the_trip_takes_nothing_back() {
    let barrier = Barrier::new(3);
    let gone = arrive(&barrier);
    let mut stays = arrive(&barrier);
    Hand::new(barrier.wait()).ready().unwrap();
    drop(gone);
    assert_eq!(barrier.waiting(), 0);
    assert_eq!(passes(&mut stays), 1);
}

#[test]
fn a_reset_breaks_those_who_wait_and_nobody_else() {
    let barrier = Barrier::new(3);
    let mut waiters: Vec<_> = (0..2).map(|_| arrive(&barrier)).collect();
    barrier.reset();
    assert!(!barrier.is_broken());
    assert_eq!(barrier.waiting(), 0);
    let mut after = arrive(&barrier);
    for waiter in &mut waiters {
        assert_eq!(waiter.wakes(), 1);
        assert_eq!(waiter.ready(), Err(BrokenBarrier(())));
    }
    after.pends();
    assert_eq!((barrier.waiting(), after.wakes()), (1, 0));
    barrier.reset();
    barrier.reset();
    assert!(after.ready().is_err());
}

#[test]
fn a_reset_after_the_trip_breaks_nobody() {
    let barrier = Barrier::new(2);
    let mut released = arrive(&barrier);
    Hand::new(barrier.wait()).ready().unwrap();
    barrier.reset();
    barrier.abort();
    assert_eq!(passes(&mut released), 0);
}

#[test]
fn an_aborted_one_refuses_all_until_it_is_reset() {
    let barrier = Barrier::new(2);
    let mut waits = arrive(&barrier);
    barrier.abort();
    assert!(barrier.is_broken());
    assert_eq!(waits.wakes(), 1);
    let error = waits.ready().unwrap_err();
    assert_eq!(error.to_string(), "the barrier is broken");
    assert!(Hand::new(barrier.wait()).ready().is_err());
    assert!(barrier.wait_blocking().is_err());
    assert_eq!(format!("{barrier:?}"), "Barrier { parties: 2, waiting: 0, broken: true, .. }");
    barrier.abort();
    assert!(barrier.is_broken());
    barrier.reset();
    let mut waits = arrive(&barrier);
    assert!(Hand::new(barrier.wait()).ready().unwrap().is_leader());
    assert_eq!(passes(&mut waits), 0);
}

#[test]
fn an_abort_reaches_more_than_a_batch() {
    let barrier = Barrier::new(1000);
    let mut waiters: Vec<_> = (0..200).map(|_| arrive(&barrier)).collect();
    barrier.abort();
    assert!(waiters.iter().all(|waiter| waiter.wakes() == 1));
    assert!(waiters.iter_mut().all(|waiter| waiter.ready().is_err()));
}

#[test]
fn one_that_was_not_polled_has_not_arrived() {
    let barrier = Barrier::new(2);
    let mut early = Hand::new(barrier.wait());
    assert_eq!(barrier.waiting(), 0);
    let mut second = arrive(&barrier);
    assert!(early.ready().unwrap().is_leader());
    assert_eq!(passes(&mut second), 0);
}

#[test]
fn polling_again_is_not_arriving_again() {
    let barrier = Barrier::new(3);
    let mut waits = arrive(&barrier);
    (0..5).for_each(|_| waits.pends());
    assert_eq!(barrier.waiting(), 1);
}

#[test]
fn a_hostile_waker_costs_nobody_theirs() {
    let barrier = Barrier::new(40);
    let mut hostile = Hand::new(barrier.wait());
    assert!(hostile.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    let mut others: Vec<_> = (0..38).map(|_| arrive(&barrier)).collect();
    Hand::new(barrier.wait()).ready().unwrap();
    assert!(others.iter().all(|waiter| waiter.wakes() == 1));
    assert!(others.iter_mut().all(|waiter| waiter.ready().is_ok()));
    assert!(hostile.ready().is_ok());
}

static ROUND: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(50));

/// A waker that comes to the barrier once more while others of its round are still being told.
struct ComesRound(Mutex<Hand<BarrierWait<'static>>>);

impl Wake for ComesRound {
    fn wake(self: Arc<Self>) {
        self.0.lock().unwrap().pends();
    }
}

#[test]
fn who_comes_round_while_others_are_told_is_of_the_next_round() {
    let comes = Arc::new(ComesRound(Mutex::new(Hand::new(ROUND.wait()))));
    let mut first = Hand::new(ROUND.wait());
    assert!(first.poll_with(&Waker::from(comes.clone())).is_pending());
    let mut others: Vec<_> = (0..48).map(|_| arrive(&ROUND)).collect();
    Hand::new(ROUND.wait()).ready().unwrap();
    assert_eq!(passes(&mut first), 0);
    assert!(others.iter_mut().map(passes).eq(1..49));
    assert_eq!(ROUND.waiting(), 1);
    comes.0.lock().unwrap().pends();
}

#[test]
fn threads_go_through_many_rounds_in_step() {
    within_a_minute(|| {
        const PARTIES: usize = 4;
        const ROUNDS: usize = 2_000;
        let shared = Arc::new((Barrier::new(PARTIES), AtomicUsize::new(0), AtomicUsize::new(0)));
        let threads: Vec<_> = (0..PARTIES)
            .map(|_| {
                let shared = shared.clone();
                std::thread::spawn(move || {
                    let (barrier, arrived, led) = &*shared;
                    for round in 1..=ROUNDS {
                        arrived.fetch_add(1, Ordering::Relaxed);
                        let result = barrier.wait_blocking().unwrap();
                        led.fetch_add(usize::from(result.is_leader()), Ordering::Relaxed);
                        let seen = arrived.load(Ordering::Relaxed);
                        assert!(
                            (PARTIES * round..PARTIES * (round + 1)).contains(&seen),
                            "{seen} in {round}"
                        );
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(shared.2.load(Ordering::Relaxed), ROUNDS);
        assert_eq!(shared.0.statistics().trips, ROUNDS as u64);
    });
}

#[test]
fn a_cancel_storm_leaves_one_leader_a_trip() {
    within_a_minute(|| {
        const THREADS: usize = 8;
        const TRIPS: usize = 2_000;
        let shared = Arc::new((Barrier::new(3), AtomicUsize::new(0)));
        let threads: Vec<_> = (0..THREADS)
            .map(|me| {
                let shared = shared.clone();
                std::thread::spawn(move || {
                    let (barrier, led) = &*shared;
                    let mut random = Random::new(me as u64);
                    loop {
                        let result = if random.below(3) == 0 {
                            // Gives up, told or not, unless it is the last to come.
                            let waits = async { Some(barrier.wait().await) };
                            let gives_up = async {
                                std::thread::yield_now();
                                yield_now().await;
                                None
                            };
                            match block_on(or(gives_up, waits)) {
                                Some(result) => result,
                                None => continue,
                            }
                        } else {
                            barrier.wait_blocking()
                        };
                        match result {
                            Err(BrokenBarrier(())) => return,
                            Ok(result) if result.is_leader() => {
                                assert_eq!(result.index(), 2);
                                if led.fetch_add(1, Ordering::Relaxed) + 1 >= TRIPS {
                                    // Whoever is left waiting would have nobody to wait for.
                                    barrier.abort();
                                }
                            }
                            Ok(result) => assert!(result.index() < 2),
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let now = shared.0.statistics();
        assert_eq!((now.waiters, now.broken), (0, true));
        assert_eq!(now.trips, shared.1.load(Ordering::Relaxed) as u64, "each trip has one leader");
    });
}
