//! Covers what `ConditionTests` of `CPython` pin, by behaviour, and R-80 (no user code under a lock), R-82 (who joins after a
//! notification is left alone), R-84 (asyncio's lost notifications: bpo-45997, gh-90155, gh-112202), R-90 (auto traits).

use super::{Condition, ConditionStatistics};
use crate::testing::{Hand, PanicOnWake, Random, kept, sent, within_a_minute};
use crate::{Lock, LockGuard};
use static_assertions::assert_impl_all;
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Wake, Waker};

assert_impl_all!(Condition: Send, Sync, Unpin);
assert_impl_all!(ConditionStatistics: Send, Sync, Unpin);

/// What a wait hands out.
type Guard<'a, T> = LockGuard<'a, T>;

/// Waits for `condition`, in the queue, the lock free again.
fn queued<'a, T>(
    condition: &'a Condition,
    lock: &'a Lock<T>,
) -> Hand<impl Future<Output = Guard<'a, T>> + use<'a, T>> {
    let mut waits = Hand::new(condition.wait(lock.try_lock().expect("free")));
    waits.pends();
    waits
}

#[test]
#[expect(clippy::arc_with_non_send_sync, reason = "that it cannot be sent is the question")]
fn waiting_can_be_sent_where_the_value_can() {
    let (condition, lock) = (Condition::new(), Arc::new(Lock::new(0)));
    drop(sent(condition.wait(lock.try_lock().unwrap())));
    drop(sent(condition.wait_for(lock.try_lock().unwrap(), |n| *n > 0)));
    drop(sent(condition.wait_owned(lock.clone().try_lock_owned().unwrap())));
    drop(sent(condition.wait_for_owned(lock.clone().try_lock_owned().unwrap(), |n| *n > 0)));
    assert!(lock.try_lock().is_some());
    let (of_rc, of_cell) = (Arc::new(Lock::new(Rc::new(0))), Lock::new(Cell::new(0)));
    kept(condition.wait(of_rc.try_lock().unwrap()));
    kept(condition.wait_for(of_rc.try_lock().unwrap(), |_| true));
    kept(condition.wait_owned(of_rc.clone().try_lock_owned().unwrap()));
    kept(condition.wait_for_owned(of_rc.clone().try_lock_owned().unwrap(), |_| true));
    drop(sent(condition.wait(of_cell.try_lock().unwrap())));
}

#[test]
fn waiting_gives_the_lock_back_and_gets_it_again() {
    let (condition, lock) = (Condition::new(), Lock::new(0));
    let mut waits = Hand::new(condition.wait(lock.try_lock().unwrap()));
    assert!(lock.try_lock().is_none(), "kept until the first poll");
    assert_eq!(condition.statistics().waiters, 0);
    waits.pends();
    assert_eq!(condition.statistics(), ConditionStatistics { waiters: 1, waiters_peak: 1 });
    assert_eq!(format!("{condition:?}"), "Condition { waiters: 1, .. }");
    *lock.try_lock().expect("given back") = 7;
    waits.pends();
    assert!(condition.notify_one());
    assert_eq!(waits.wakes(), 1);
    assert_eq!(*waits.ready(), 7);
    assert!(lock.try_lock().is_some(), "the guard was dropped");
}

#[test]
fn one_that_is_told_waits_for_the_lock() {
    let (condition, lock) = (Condition::new(), Lock::new(0));
    let mut waits = queued(&condition, &lock);
    let held = lock.try_lock().unwrap();
    assert!(condition.notify_one());
    waits.pends();
    assert_eq!(waits.wakes(), 1);
    drop(held);
    assert_eq!(waits.wakes(), 1);
    let guard = waits.ready();
    assert!(lock.try_lock().is_none());
    drop(guard);
}

#[test]
fn as_many_are_told_as_are_asked_for_in_the_order_they_came() {
    let (condition, lock) = (Condition::default(), Lock::new(()));
    let mut waiters: Vec<_> = (0..100).map(|_| queued(&condition, &lock)).collect();
    let told = |waiters: &[Hand<_>]| waiters.iter().map(Hand::wakes).collect::<Vec<_>>();
    assert_eq!(condition.notify_n(0), 0);
    assert!(condition.notify_one());
    assert_eq!(condition.notify_n(2), 2);
    assert!(told(&waiters).into_iter().eq((0..100).map(|place| usize::from(place < 3))));
    assert_eq!(condition.notify_n(64), 64, "two batches");
    assert!(told(&waiters).into_iter().eq((0..100).map(|place| usize::from((3..67).contains(&place)))));
    assert_eq!(condition.notify_all(), 33);
    assert!(told(&waiters).into_iter().eq((0..100).map(|place| usize::from(place >= 67))));
    assert_eq!((condition.notify_all(), condition.notify_n(9), condition.notify_one()), (0, 0, false));
    waiters.iter_mut().for_each(|waiter| drop(waiter.ready()));
    assert_eq!(condition.statistics(), ConditionStatistics { waiters: 0, waiters_peak: 100 });
}

#[test]
fn a_notification_that_comes_before_is_not_kept() {
    let (condition, lock) = (Condition::new(), Lock::new(()));
    assert!(!condition.notify_one());
    assert_eq!(condition.notify_all(), 0);
    queued(&condition, &lock).pends();
}

#[test]
fn waiting_for_something_looks_first_and_after_each_notification() {
    let (condition, lock) = (Condition::new(), Lock::new(0));
    let looks = AtomicUsize::new(0);
    let at_least = |wanted: i32| {
        let looks = &looks;
        move |n: &mut i32| {
            looks.fetch_add(1, Ordering::Relaxed);
            *n >= wanted
        }
    };
    drop(Hand::new(condition.wait_for(lock.try_lock().unwrap(), at_least(0))).ready());
    assert_eq!(looks.swap(0, Ordering::Relaxed), 1);
    let mut waits = Hand::new(condition.wait_for(lock.try_lock().unwrap(), at_least(2)));
    waits.pends();
    *lock.try_lock().unwrap() = 1;
    condition.notify_all();
    waits.pends();
    assert_eq!(condition.statistics().waiters, 1, "it waits again");
    *lock.try_lock().unwrap() = 2;
    waits.pends();
    condition.notify_all();
    assert_eq!(*waits.ready(), 2);
    assert_eq!(looks.load(Ordering::Relaxed), 3);
}

#[test]
fn a_predicate_that_panics_releases_the_lock() {
    let (condition, lock) = (Condition::new(), Lock::new(()));
    let mut waits = Hand::new(condition.wait_for(lock.try_lock().unwrap(), |()| panic!("on purpose")));
    assert!(catch_unwind(AssertUnwindSafe(|| waits.poll())).is_err());
    assert!(lock.try_lock().is_some());
}

#[test]
fn one_that_goes_before_it_is_told_leaves_no_trace() {
    let (condition, lock) = (Condition::new(), Lock::new(()));
    let gone = queued(&condition, &lock);
    let mut stays = queued(&condition, &lock);
    drop(gone);
    assert!(condition.notify_one());
    assert_eq!(stays.wakes(), 1);
    drop(stays.ready());
    drop(Hand::new(condition.wait(lock.try_lock().unwrap())));
    assert!(lock.try_lock().is_some(), "one that was never polled gives it back, too");
}

#[test]
fn one_that_was_told_and_goes_tells_another() {
    let (condition, lock) = (Condition::new(), Lock::new(()));
    let told = queued(&condition, &lock);
    let mut next = queued(&condition, &lock);
    condition.notify_one();
    assert_eq!((told.wakes(), next.wakes()), (1, 0));
    drop(told);
    assert_eq!(next.wakes(), 1);
    drop(next.ready());
}

#[test]
fn one_that_goes_while_it_gets_the_lock_again_tells_another() {
    let (condition, lock) = (Condition::new(), Lock::new(()));
    let mut told = queued(&condition, &lock);
    let mut next = queued(&condition, &lock);
    let held = lock.try_lock().unwrap();
    condition.notify_one();
    told.pends();
    drop(told);
    assert_eq!(next.wakes(), 1);
    drop(held);
    drop(next.ready());
    assert!(lock.try_lock().is_some());
}

#[test]
fn one_of_all_that_goes_tells_nobody_and_a_finished_one_neither() {
    let (condition, lock) = (Condition::new(), Lock::new(()));
    let told = queued(&condition, &lock);
    let mut done = queued(&condition, &lock);
    assert_eq!(condition.notify_all(), 2);
    let mut later = queued(&condition, &lock);
    drop(told);
    drop(done.ready());
    drop(done);
    assert_eq!(later.wakes(), 0);
    later.pends();
    let mut named = queued(&condition, &lock);
    assert_eq!(condition.notify_n(1), 1);
    drop(later.ready());
    drop(later);
    assert_eq!(named.wakes(), 0, "that one was used");
    named.pends();
}

#[test]
fn owned_guards_do_the_same() {
    let (condition, lock) = (Condition::new(), Arc::new(Lock::new(0)));
    let mut waits = Hand::new(condition.wait_owned(lock.clone().try_lock_owned().unwrap()));
    let mut next = {
        waits.pends();
        Hand::new(condition.wait_for_owned(lock.clone().try_lock_owned().unwrap(), |n| *n == 1))
    };
    next.pends();
    *lock.try_lock().unwrap() = 1;
    condition.notify_one();
    drop(waits);
    assert_eq!(next.wakes(), 1);
    let guard = next.ready();
    assert_eq!(*guard, 1);
    drop((guard, next));
    assert_eq!(Arc::strong_count(&lock), 1);
}

#[test]
fn plain_threads_wait_with_owned_guards_and_without() {
    within_a_minute(|| {
        let (turn, changed) = (Arc::new(Lock::new(0)), Arc::new(Condition::new()));
        let threads: Vec<_> = (1..=4)
            .map(|me| {
                let (turn, changed) = (turn.clone(), changed.clone());
                // The guard crosses to the thread: what waits there is not who took the lock.
                let guard = turn.clone().lock_owned_blocking();
                std::thread::spawn(move || {
                    let mut guard = match me {
                        1 => {
                            let guard = changed.wait_owned_blocking(guard);
                            assert_eq!(*guard, 1, "nobody else's turn has come");
                            guard
                        }
                        _ => changed.wait_for_owned_blocking(guard, |turn| *turn == me),
                    };
                    *guard += 1;
                    drop(guard);
                    changed.notify_all();
                })
            })
            .collect();
        // All of them wait: each took the lock while it was free, and gave it back when it had joined.
        let mut guard = turn.lock_blocking();
        assert_eq!(changed.statistics(), ConditionStatistics { waiters: 4, waiters_peak: 4 });
        *guard = 1;
        drop(guard);
        assert_eq!(changed.notify_all(), 4);
        let guard = changed.wait_for_blocking(turn.lock_blocking(), |turn| *turn == 5);
        drop(guard);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(Arc::strong_count(&turn), 1);
        assert_eq!(changed.statistics().waiters, 0);
    });
}

#[test]
fn a_predicate_that_panics_on_a_plain_thread_releases_the_lock() {
    let (condition, lock) = (Condition::new(), Arc::new(Lock::new(())));
    let guard = lock.clone().lock_owned_blocking();
    let waits = AssertUnwindSafe(|| condition.wait_for_owned_blocking(guard, |()| panic!("on purpose")));
    assert!(catch_unwind(waits).is_err());
    assert!(lock.try_lock().is_some());
    assert_eq!(Arc::strong_count(&lock), 1);
}

#[test]
fn a_frozen_one_stops_neither_the_lock_nor_the_others() {
    // Futurelock: told by name, then neither polled nor dropped.
    let (condition, lock) = (Condition::new(), Lock::new(()));
    let frozen = queued(&condition, &lock);
    let mut lives = queued(&condition, &lock);
    condition.notify_one();
    assert_eq!(frozen.wakes(), 1);
    drop(lock.try_lock().expect("it has not asked for it"));
    assert!(condition.notify_one());
    drop(lives.ready());
}

#[test]
fn a_hostile_waker_costs_nobody_theirs() {
    let (condition, lock) = (Condition::new(), Lock::new(()));
    let mut hostile = Hand::new(condition.wait(lock.try_lock().unwrap()));
    assert!(hostile.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    let mut other = queued(&condition, &lock);
    assert_eq!(condition.notify_all(), 2);
    assert_eq!(other.wakes(), 1);
    drop(other.ready());
    drop(hostile.ready());
}

/// A waker that waits anew while others are still being told.
struct WaitsAnew<F>(Mutex<Option<Hand<F>>>);

impl<F: Future + Send> Wake for WaitsAnew<F> {
    fn wake(self: Arc<Self>) {
        if let Some(hand) = self.0.lock().unwrap().as_mut() {
            hand.pends();
        }
    }
}

#[test]
fn who_joins_while_others_are_told_is_left_alone() {
    static CONDITION: Condition = Condition::new();
    static LOCKS: [Lock<()>; 2] = [Lock::new(()), Lock::new(())];
    let (condition, [lock, own]) = (&CONDITION, &LOCKS);
    let anew = Arc::new(WaitsAnew(Mutex::new(Some(Hand::new(condition.wait(own.try_lock().unwrap()))))));
    let mut first = Hand::new(condition.wait(lock.try_lock().unwrap()));
    assert!(first.poll_with(&Waker::from(anew.clone())).is_pending());
    let mut others: Vec<_> = (0..40).map(|_| queued(condition, lock)).collect();
    assert_eq!(condition.notify_n(1000), 41);
    let mut late = anew.0.lock().unwrap().take().unwrap();
    assert_eq!(late.wakes(), 0);
    late.pends();
    drop(first.ready());
    others.iter_mut().for_each(|waiter| drop(waiter.ready()));
    assert!(condition.notify_one());
    drop(late.ready());
}

/// Waits for `condition` and gives up, mostly when it was just told; if it comes to the end it hands on what it was told.
fn passes_by(condition: &Condition, lock: &Lock<Vec<usize>>, random: &mut Random) {
    let mut waits = Hand::new(async {
        drop(condition.wait(lock.lock().await).await);
        condition.notify_one();
    });
    let mut polled = waits.poll();
    for _ in 0..random.below(100) {
        if polled.is_ready() {
            return;
        }
        // Others run, and may tell it.
        std::thread::yield_now();
        if waits.wakes() > 0 {
            if random.below(3) == 0 {
                return;
            }
            polled = waits.poll();
        }
    }
}

#[test]
fn a_bounded_buffer_loses_no_notification_to_those_who_pass_by() {
    within_a_minute(|| {
        const EACH: usize = 3_000;
        const THREADS: usize = 8;
        const WORKERS: usize = 2 * THREADS;
        #[derive(Default)]
        struct Buffer {
            lock: Lock<Vec<usize>>,
            filled: Condition,
            emptied: Condition,
            received: AtomicUsize,
            over: AtomicBool,
        }
        let buffer = Arc::new(Buffer::default());
        let start = Arc::new(Barrier::new(WORKERS + THREADS));
        let produce = |buffer: &Buffer| {
            for number in 0..EACH {
                let room = |held: &mut Vec<_>| held.len() < 2;
                buffer.emptied.wait_for_blocking(buffer.lock.lock_blocking(), room).push(number);
                buffer.filled.notify_one();
            }
        };
        let consume = |buffer: &Buffer| {
            for _ in 0..EACH {
                let some = |held: &mut Vec<_>| !held.is_empty();
                let number = buffer.filled.wait_for_blocking(buffer.lock.lock_blocking(), some).remove(0);
                buffer.received.fetch_add(number, Ordering::Relaxed);
                buffer.emptied.notify_one();
            }
        };
        let pass_by = |buffer: &Buffer, random: &mut Random| {
            while !buffer.over.load(Ordering::Relaxed) {
                let condition = [&buffer.filled, &buffer.emptied][random.below(2)];
                passes_by(condition, &buffer.lock, random);
            }
        };
        let mut threads: Vec<_> = (0..WORKERS + THREADS)
            .map(|me| {
                let (buffer, start) = (buffer.clone(), start.clone());
                std::thread::spawn(move || {
                    start.wait();
                    match me {
                        0..THREADS => produce(&buffer),
                        THREADS..WORKERS => consume(&buffer),
                        _ => pass_by(&buffer, &mut Random::new(me as u64)),
                    }
                })
            })
            .collect();
        let passers = threads.split_off(WORKERS);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        buffer.over.store(true, Ordering::Relaxed);
        passers.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(buffer.received.load(Ordering::Relaxed), THREADS * EACH * (EACH - 1) / 2);
        assert!(buffer.lock.try_lock().unwrap().is_empty());
        assert_eq!((buffer.filled.statistics().waiters, buffer.emptied.statistics().waiters), (0, 0));
    });
}
