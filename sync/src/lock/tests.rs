use super::raw::OVERDUE_US;
use super::{Lock, LockGuard, MappedLockGuard, OwnedLockGuard, OwnedMappedLockGuard};
use crate::clock;
use crate::testing::{Count, Hand, PanicOnWake, Random, within_a_minute};
use crate::watchman::held::{self, OVERDUE_US as LATE_US};
use futures_lite::future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Poll, Waker};

/// Lets `us` pass on the lock's clock.
fn pass(us: u64) {
    let start = clock::micros();
    while clock::micros() - start <= us {
        std::thread::yield_now();
    }
}

#[test]
fn waiters_are_woken_in_order_one_at_a_time() {
    let _clock = held::hold();
    let lock = Lock::new(());
    let mut guard = lock.try_lock().unwrap();
    let mut waiters: Vec<_> = (0..4).map(|_| Hand::new(lock.lock())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    while !waiters.is_empty() {
        drop(guard);
        assert_eq!(waiters[0].wakes(), 1);
        guard = waiters.remove(0).ready();
        assert!(waiters.iter().all(|waiter| waiter.wakes() == 0), "beyond the head nobody");
    }
    drop(guard);
    assert!(lock.try_lock().is_some());
}

#[test]
fn one_waiter_is_woken_once() {
    let lock = Lock::new(());
    let guard = lock.try_lock().unwrap();
    let mut waiter = Hand::new(lock.lock());
    waiter.pends();
    drop(guard);
    assert_eq!(waiter.wakes(), 1);
    drop(waiter.ready());
    assert_eq!(waiter.wakes(), 0);
}

#[test]
fn a_newcomer_barges_once_and_then_the_turn_is_kept() {
    let lock = Lock::new(());
    let guard = lock.try_lock().unwrap();
    let mut waiter = Hand::new(lock.lock());
    waiter.pends();
    drop(guard);
    if let Some(barger) = lock.try_lock() {
        waiter.pends();
        drop(barger);
    }
    // Kept now, whether because it lost or (on a slow machine) because it has waited for long.
    let start = clock::micros();
    let refused = lock.try_lock().is_none();
    assert!(refused || clock::micros() - start > LATE_US || waiter.wakes() > 0);
    drop(waiter.ready());
    assert!(lock.try_lock().is_some());
}

#[test]
fn one_that_waited_long_has_the_turn_kept() {
    let clock = held::hold();
    let lock = Lock::new(());
    let guard = lock.try_lock().unwrap();
    let mut waiter = Hand::new(lock.lock());
    waiter.pends();
    clock.pass(OVERDUE_US + 1);
    drop(guard);
    assert!(lock.try_lock().is_none(), "it was kept");
    drop(waiter.ready());
}

/// Polls whenever woken, until the lock is there.
fn take_when_woken<'a>(waiter: &mut Hand<super::LockFuture<'a, ()>>) -> LockGuard<'a, ()> {
    loop {
        while waiter.wakes() == 0 {
            std::thread::yield_now();
        }
        if let Poll::Ready(guard) = waiter.poll() {
            return guard;
        }
    }
}

#[test]
fn futurelock_a_newcomer_gets_past_an_abandoned_turn() {
    within_a_minute(|| {
        let lock = Lock::new(());
        let guard = lock.try_lock().unwrap();
        let mut abandoned = Hand::new(lock.lock());
        abandoned.pends();
        pass(OVERDUE_US);
        drop(guard);
        assert_eq!(abandoned.wakes(), 1);
        // In the same task: the abandoned future still exists, and is not polled.
        let mut newcomer = Hand::new(lock.lock());
        let guard = match newcomer.poll() {
            Poll::Ready(guard) => guard,
            Poll::Pending => take_when_woken(&mut newcomer),
        };
        drop(guard);
        assert!(lock.try_lock().is_some());
        drop(abandoned.ready());
    });
}

#[test]
fn futurelock_one_that_is_asked_gets_past_an_abandoned_turn_and_the_others_follow() {
    for overdue in [false, true] {
        within_a_minute(move || {
            let lock = Lock::new(());
            let guard = lock.try_lock().unwrap();
            let mut abandoned = Hand::new(lock.lock());
            let mut others: Vec<_> = (0..3).map(|_| Hand::new(lock.lock())).collect();
            abandoned.pends();
            others.iter_mut().for_each(Hand::pends);
            if overdue {
                pass(OVERDUE_US);
            }
            drop(guard);
            assert_eq!(abandoned.wakes(), 1);
            // Nobody new comes, and nobody is polled without being woken.
            while !others.is_empty() {
                let got = others.iter_mut().position(|waiter| waiter.wakes() > 0 && waiter.poll().is_ready());
                if let Some(done) = got {
                    drop(others.remove(done));
                }
                std::thread::yield_now();
            }
            drop(abandoned.ready());
            assert!(lock.try_lock().is_some());
        });
    }
}

#[test]
fn futurelock_two_that_are_abandoned_together_do_not_stop_the_last() {
    within_a_minute(|| {
        let lock = Lock::new(());
        let guard = lock.try_lock().unwrap();
        let (mut head, mut second) = (Hand::new(lock.lock()), Hand::new(lock.lock()));
        head.pends();
        second.pends();
        let mut last = Hand::new(lock.lock());
        last.pends();
        pass(LATE_US);
        drop(guard);
        drop(take_when_woken(&mut last));
        assert_eq!(head.wakes(), 1);
    });
}

#[test]
fn futurelock_one_that_became_the_head_and_is_abandoned_then() {
    within_a_minute(|| {
        let lock = Lock::new(());
        let guard = lock.try_lock().unwrap();
        let mut first = Hand::new(lock.lock());
        let mut abandoned = Hand::new(lock.lock());
        let mut other = Hand::new(lock.lock());
        first.pends();
        abandoned.pends();
        other.pends();
        drop(guard);
        drop(first.ready());
        drop(take_when_woken(&mut other));
        drop(abandoned.ready());
    });
}

#[test]
fn a_lock_that_is_held_for_long_wakes_nobody() {
    let lock = Lock::new(());
    let guard = lock.try_lock().unwrap();
    let mut waiters: Vec<_> = (0..3).map(|_| Hand::new(lock.lock())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    pass(20 * LATE_US);
    assert!(waiters.iter().all(|waiter| waiter.wakes() == 0));
    drop(guard);
}

#[test]
fn a_waiter_takes_its_wakers_along() {
    let lock = Lock::new(());
    let guard = lock.try_lock().unwrap();
    let mut head = Hand::new(lock.lock());
    let mut second = Hand::new(lock.lock());
    head.pends();
    second.pends();
    let count = second.count.clone();
    assert_eq!(Arc::strong_count(&count), 4, "this one, two in the hand, and one in the list");
    drop(second);
    assert_eq!(Arc::strong_count(&count), 1);
    drop(guard);
    drop(head.ready());
}

#[test]
fn cancelled_before_its_turn_it_is_skipped() {
    for gone in 0..3 {
        let lock = Lock::new(());
        let guard = lock.try_lock().unwrap();
        let mut waiters: Vec<_> = (0..3).map(|_| Hand::new(lock.lock())).collect();
        waiters.iter_mut().for_each(Hand::pends);
        drop(waiters.remove(gone));
        drop(guard);
        assert_eq!(waiters[0].wakes(), 1);
        waiters.iter_mut().for_each(|waiter| drop(waiter.ready()));
        assert!(lock.try_lock().is_some());
    }
}

#[test]
fn cancelled_after_its_turn_came_it_passes_it_on() {
    for overdue in [false, true] {
        let lock = Lock::new(());
        let guard = lock.try_lock().unwrap();
        let mut waiters: Vec<_> = (0..4).map(|_| Hand::new(lock.lock())).collect();
        waiters.iter_mut().for_each(Hand::pends);
        if overdue {
            pass(OVERDUE_US);
        }
        drop(guard);
        assert_eq!(waiters[0].wakes(), 1);
        drop(waiters.remove(0));
        assert!(waiters[0].wakes() >= 1);
        drop(waiters.remove(0));
        assert!(waiters[0].wakes() >= 1);
        drop(waiters.remove(0).ready());
        drop(waiters.remove(0).ready());
        assert!(lock.try_lock().is_some());
    }
}

#[test]
fn only_the_last_waker_is_woken() {
    let lock = Lock::new(());
    let guard = lock.try_lock().unwrap();
    let (a, waker_a) = Count::new();
    let (b, waker_b) = Count::new();
    let mut waiter = Hand::new(lock.lock());
    assert!(waiter.poll_with(&waker_a).is_pending());
    assert!(waiter.poll_with(&waker_b).is_pending());
    assert!(waiter.poll_with(Waker::noop()).is_pending());
    assert!(waiter.poll_with(&waker_b).is_pending());
    drop(guard);
    assert_eq!((a.take(), b.take()), (0, 1));
}

#[test]
fn a_waker_that_panics_harms_nobody() {
    let lock = Lock::new(());
    let guard = lock.try_lock().unwrap();
    let mut hostile = Hand::new(lock.lock());
    let mut other = Hand::new(lock.lock());
    assert!(hostile.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    other.pends();
    drop(guard);
    drop(hostile);
    assert!(other.wakes() >= 1);
    drop(other.ready());
}

#[test]
fn a_panic_releases_without_poison() {
    let lock = Lock::new(1);
    let mut waiter = Hand::new(lock.lock());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = lock.try_lock().unwrap();
        waiter.pends();
        *guard = 2;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert_eq!(waiter.wakes(), 1);
    assert_eq!(*waiter.ready(), 2);
}

#[test]
fn leaked_guards_and_waiters_leave_the_lock_held_and_memory_sound() {
    static LOCK: Lock<u32> = Lock::new(5);
    let lock = &LOCK;
    let mut leaked = Box::pin(lock.lock());
    std::mem::forget(lock.try_lock());
    let mut cx = std::task::Context::from_waker(Waker::noop());
    assert!(std::future::Future::poll(leaked.as_mut(), &mut cx).is_pending());
    std::mem::forget(leaked);
    assert!(lock.try_lock().is_none());
    let mut waiter = Hand::new(lock.lock());
    waiter.pends();
}

#[test]
fn owned_guards_keep_the_lock_and_give_it_back() {
    let lock = Arc::new(Lock::new(1));
    let mut guard = lock.clone().try_lock_owned().unwrap();
    *guard += 1;
    assert!(lock.clone().try_lock_owned().is_none());
    let mut waiter = Hand::new(lock.clone().lock_owned());
    waiter.pends();
    assert_eq!(Arc::strong_count(&lock), 3);
    drop(OwnedLockGuard::unlock(guard));
    assert_eq!(Arc::strong_count(&lock), 2);
    assert_eq!(*waiter.ready(), 2);
    drop(waiter);
    assert_eq!(Arc::into_inner(lock).unwrap().into_inner(), 2);
}

#[test]
fn debug_never_waits_and_never_keeps() {
    let mut lock = Lock::new(7);
    assert_eq!(format!("{lock:?}"), "Lock { value: 7 }");
    let guard = lock.try_lock().unwrap();
    assert_eq!(format!("{lock:?} {guard:?} {guard}"), "Lock { value: <locked> } 7 7");
    assert!(format!("{:?}", lock.lock()).starts_with("LockFuture"));
    drop(guard);
    *lock.get_mut() = 8;
    assert_eq!(lock.into_inner(), 8);
}

/// The line where the lock was taken, if it is held.
fn holder_line<T>(lock: &Lock<T>) -> Option<u32> {
    let holder = lock.statistics().holder?;
    assert_eq!(holder.location().file(), file!());
    assert_eq!(holder.to_string(), holder.location().to_string());
    Some(holder.location().line())
}

#[test]
fn statistics_name_the_holder_and_count_those_who_wait() {
    let lock = Arc::new(Lock::new(()));
    assert_eq!((holder_line(&lock), lock.statistics().waiters_peak), (None, 0));
    let line = line!() + 1;
    let guard = lock.try_lock().unwrap();
    assert_eq!(holder_line(&lock), Some(line));
    let line = line!() + 1;
    let mut waiter = Hand::new(lock.lock());
    let mut gone = Hand::new(lock.lock());
    waiter.pends();
    gone.pends();
    drop(gone);
    assert_eq!((lock.statistics().waiters, lock.statistics().waiters_peak), (1, 2));
    drop(guard);
    assert_eq!(holder_line(&lock), None);
    let guard = waiter.ready();
    assert_eq!(holder_line(&lock), Some(line), "where the future was made");
    drop(guard);
    type Take = fn(Arc<Lock<()>>) -> OwnedLockGuard<()>;
    let takes: [(u32, Take); 3] = [
        (line!(), |lock| lock.try_lock_owned().unwrap()),
        (line!(), |lock| future::block_on(lock.lock_owned())),
        (line!(), |lock| lock.lock_owned_blocking()),
    ];
    for (line, take) in takes {
        let guard = take(lock.clone());
        assert_eq!(holder_line(&lock), Some(line));
        drop(OwnedLockGuard::unlock(guard));
        assert_eq!(holder_line(&lock), None);
    }
    let line = line!() + 1;
    let guard = lock.lock_blocking();
    assert_eq!(holder_line(&lock), Some(line));
    let guard = LockGuard::map(guard, |nothing| nothing);
    assert_eq!(holder_line(&lock), Some(line), "it is held as before");
    drop(guard);
    assert_eq!((holder_line(&lock), lock.statistics().waiters), (None, 0));
}

#[test]
fn mapped_guards_hold_the_whole_and_release_it_once() {
    let lock = Arc::new(Lock::new((1, vec![1, 2, 3])));
    let mut waiter = Hand::new(lock.lock());
    let list = LockGuard::map(lock.try_lock().unwrap(), |pair| pair.1.as_mut_slice());
    waiter.pends();
    let list = MappedLockGuard::try_map(list, |list| list.get_mut(7)).unwrap_err();
    let mut last = MappedLockGuard::map(list, |list| &mut list[2]);
    *last += 1;
    assert_eq!(format!("{last} {last:?}"), "4 4");
    assert_eq!(waiter.wakes(), 0);
    drop(last);
    assert_eq!(waiter.wakes(), 1);
    drop(waiter.ready());
    drop(waiter);

    let pair = lock.clone().try_lock_owned().unwrap();
    let pair = OwnedLockGuard::try_map(pair, |_| None::<&mut u8>).unwrap_err();
    let list = OwnedLockGuard::map(pair, |pair| &mut pair.1);
    assert_eq!(Arc::strong_count(&lock), 2);
    let mut first = OwnedMappedLockGuard::map(list, |list| &mut list[0]);
    *first += 1;
    assert_eq!(Arc::strong_count(&lock), 2);
    assert!(lock.try_lock().is_none());
    drop(first);
    assert_eq!(Arc::into_inner(lock).unwrap().into_inner(), (1, vec![2, 2, 4]));
}

#[test]
fn a_projection_that_panics_releases() {
    let lock = Lock::new(1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        drop(LockGuard::map::<u8>(lock.try_lock().unwrap(), |_| panic!("on purpose")));
    }));
    assert!(panicked.is_err());
    assert!(lock.try_lock().is_some());
}

#[test]
fn eight_threads_count_exactly_and_never_overlap() {
    within_a_minute(|| {
        const ROUNDS: usize = 5_000;
        let lock = Arc::new(Lock::new((0_usize, false)));
        let threads: Vec<_> = (0..8)
            .map(|seed| {
                let lock = lock.clone();
                std::thread::spawn(move || {
                    let mut random = Random::new(seed);
                    future::block_on(async {
                        for _ in 0..ROUNDS {
                            let mut guard = lock.lock().await;
                            assert!(!std::mem::replace(&mut guard.1, true), "two at once");
                            if random.below(64) == 0 {
                                future::yield_now().await;
                            }
                            guard.0 += 1;
                            guard.1 = false;
                        }
                    });
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(lock.try_lock().unwrap().0, 8 * ROUNDS);
    });
}

#[test]
fn cancelling_at_random_loses_no_turn() {
    within_a_minute(|| {
        let lock = Arc::new(Lock::new(0_usize));
        let threads: Vec<_> = (0..4)
            .map(|seed| {
                let lock = lock.clone();
                std::thread::spawn(move || {
                    let mut random = Random::new(seed + 1);
                    let mut done = 0;
                    for _ in 0..5_000 {
                        if random.below(2) == 0 {
                            // Polled a few times, then dropped wherever it stands.
                            let mut attempt = Hand::new(lock.lock());
                            for _ in 0..random.below(4) {
                                if let Poll::Ready(mut guard) = attempt.poll() {
                                    *guard += 1;
                                    done += 1;
                                    break;
                                }
                            }
                        } else {
                            *lock.lock_blocking() += 1;
                            done += 1;
                        }
                    }
                    done
                })
            })
            .collect();
        let done: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(*lock.try_lock().unwrap(), done);
    });
}

mod auto_traits {
    use crate::{Holder, Lock, LockFuture, LockGuard, LockStatistics};
    use crate::{MappedLockGuard, OwnedLockGuard, OwnedMappedLockGuard};
    use static_assertions::{assert_impl_all, assert_not_impl_any};
    use std::cell::Cell;
    use std::rc::Rc;
    use std::sync::MutexGuard;

    /// `Send`, not `Sync`.
    type Movable = Cell<u8>;
    /// Neither.
    type Local = Rc<u8>;
    /// `Sync`, not `Send`.
    type Lent = MutexGuard<'static, u8>;

    assert_impl_all!(Holder: Send, Sync, Unpin);
    assert_impl_all!(LockStatistics: Send, Sync, Unpin);
    assert_impl_all!(Lock<Movable>: Send, Sync, Unpin);
    assert_not_impl_any!(Lock<Lent>: Send, Sync);
    assert_not_impl_any!(LockFuture<'static, u8>: Unpin);
    assert_not_impl_any!(LockFuture<'static, Local>: Send, Sync);

    assert_impl_all!(LockGuard<'static, u8>: Send, Sync, Unpin);
    assert_impl_all!(OwnedLockGuard<u8>: Send, Sync, Unpin);

    assert_impl_all!(MappedLockGuard<'static, Movable>: Send, Unpin);
    assert_not_impl_any!(MappedLockGuard<'static, Movable>: Sync);
    assert_impl_all!(MappedLockGuard<'static, Lent>: Sync);
    assert_not_impl_any!(MappedLockGuard<'static, Lent>: Send);
    assert_not_impl_any!(MappedLockGuard<'static, Local>: Send, Sync);

    assert_impl_all!(OwnedMappedLockGuard<u8, Movable>: Send, Unpin);
    assert_not_impl_any!(OwnedMappedLockGuard<u8, Movable>: Sync);
    assert_impl_all!(OwnedMappedLockGuard<u8, Lent>: Sync);
    assert_not_impl_any!(OwnedMappedLockGuard<u8, Lent>: Send);
    assert_not_impl_any!(OwnedMappedLockGuard<u8, Local>: Send, Sync);
    // It may be the last to have the lock, and with it the value.
    assert_not_impl_any!(OwnedMappedLockGuard<Local, u8>: Send, Sync);
    assert_not_impl_any!(OwnedMappedLockGuard<Lent, u8>: Send, Sync);
}

/// What is locked may be of no known size.
#[test]
fn a_trait_object_and_a_slice_can_be_locked_in_every_way() {
    let shared: Arc<Lock<dyn Fn(u32) -> u32 + Send>> = Arc::new(Lock::new(|number| number + 1));
    assert_eq!(shared.try_lock().unwrap()(1), 2);
    assert_eq!(future::block_on(async { shared.lock().await(2) }), 3);
    let owned = shared.clone().lock_owned_blocking();
    assert!(shared.try_lock().is_none());
    assert_eq!(owned(3), 4);
    drop(owned);
    let slice: Box<Lock<[u32]>> = Box::new(Lock::new([1, 2, 3]));
    let mut last = LockGuard::map(slice.try_lock().unwrap(), |slice| &mut slice[2]);
    *last += 1;
    drop(last);
    assert_eq!(format!("{slice:?}"), "Lock { value: [1, 2, 4] }");
}
