// Behaviours that async-lock's rwlock suite, tokio's sync_rwlock and sync_rwlock_owned suites pin, and of CPython's LockTests what
// applies to any lock: who is cancelled before or after its turn, by whom it is followed.

use super::{OwnedRwLockUpgradableReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockReadGuard};
use super::{RwLockUpgradableReadGuard, RwLockWriteGuard, raw};
use crate::testing::{Count, Hand, PanicOnWake, Random, within_a_minute};
use crate::watchman::held::{self, OVERDUE_US};
use futures_lite::future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Wake, Waker};

#[test]
fn readers_share_and_a_writer_is_alone() {
    let lock = RwLock::new(1);
    let readers = [lock.try_read().unwrap(), lock.try_read().unwrap()];
    assert!(lock.try_write().is_none());
    drop(readers);
    let writer = lock.try_write().unwrap();
    assert!(lock.try_read().is_none() && lock.try_write().is_none() && lock.try_upgradable_read().is_none());
    drop(writer);
    assert_eq!(*lock.read_blocking() + *lock.upgradable_read_blocking(), 2);
    assert_eq!(*lock.write_blocking(), 1);
}

#[test]
fn one_reads_upgradably_and_others_beside_it() {
    let lock = RwLock::new(1);
    let upgradable = lock.try_upgradable_read().unwrap();
    let reader = lock.try_read().unwrap();
    assert!(lock.try_upgradable_read().is_none() && lock.try_write().is_none());
    let upgradable = RwLockUpgradableReadGuard::try_upgrade(upgradable).unwrap_err();
    drop(reader);
    let mut writer = RwLockUpgradableReadGuard::try_upgrade(upgradable).unwrap();
    *writer += 1;
    assert!(lock.try_read().is_none());
    drop(writer);
    assert_eq!(lock.into_inner(), 2);
}

#[test]
fn nobody_passes_a_writer_that_waits() {
    let _clock = held::hold();
    let lock = RwLock::new(());
    let reader = lock.try_read().unwrap();
    let mut writer = Hand::new(lock.write());
    writer.pends();
    assert!(lock.try_read().is_none(), "a reader would pass");
    let mut late = [Hand::new(lock.read()), Hand::new(lock.read())];
    late.iter_mut().for_each(Hand::pends);
    drop(reader);
    assert_eq!(writer.wakes(), 1);
    assert!(lock.try_read().is_none() && lock.try_write().is_none(), "the turn is the writer's");
    late.iter_mut().for_each(Hand::pends);
    drop(writer.ready());
    // One of them more than once: it watches.
    assert!(late.iter().all(|reader| reader.wakes() >= 1));
    let guards: Vec<_> = late.iter_mut().map(Hand::ready).collect();
    assert_eq!(lock.statistics().readers, 2);
    drop(guards);
    assert!(lock.try_write().is_some());
}

#[test]
fn a_writer_that_leaves_lets_the_whole_run_of_readers_in_and_no_more() {
    let lock = RwLock::new(());
    let writer = lock.try_write().unwrap();
    // More than a batch of wakers.
    let mut run: Vec<_> = (0..100).map(|_| Hand::new(lock.read())).collect();
    run.iter_mut().for_each(Hand::pends);
    let mut next = Hand::new(lock.write());
    next.pends();
    let mut behind = Hand::new(lock.read());
    behind.pends();
    drop(writer);
    assert!(run.iter().all(|reader| reader.wakes() == 1));
    let guards: Vec<_> = run.iter_mut().map(Hand::ready).collect();
    next.pends();
    behind.pends();
    drop(guards);
    let guard = next.ready();
    assert_eq!(lock.statistics().waiters, 1);
    drop(guard);
    drop(behind.ready());
    assert_eq!(lock.statistics().waiters_peak, 102);
}

#[test]
fn an_upgrade_goes_before_all_and_waits_for_readers_only() {
    let _clock = held::hold();
    let lock = RwLock::new(1);
    let upgradable = lock.try_upgradable_read().unwrap();
    let reader = lock.try_read().unwrap();
    let mut writer = Hand::new(lock.write());
    writer.pends();
    let mut upgrade = Hand::new(RwLockUpgradableReadGuard::upgrade(upgradable));
    upgrade.pends();
    let mut late = Hand::new(lock.read());
    late.pends();
    drop(reader);
    assert_eq!((upgrade.wakes(), writer.count.take()), (1, 0));
    *upgrade.ready() += 1;
    assert_eq!(*writer.ready(), 2);
    drop(late.ready());
}

#[test]
fn an_upgrade_that_is_dropped_releases_and_lets_the_others_in() {
    for granted in [false, true] {
        let lock = RwLock::new(1);
        let upgradable = lock.try_upgradable_read().unwrap();
        let reader = lock.try_read().unwrap();
        let mut upgrade = Hand::new(RwLockUpgradableReadGuard::upgrade(upgradable));
        upgrade.pends();
        let mut late = Hand::new(lock.read());
        let mut other = Hand::new(lock.upgradable_read());
        late.pends();
        other.pends();
        if granted {
            drop(reader);
            assert_eq!(upgrade.wakes(), 1);
        }
        drop(upgrade);
        assert_eq!((late.wakes(), other.wakes()), (1, 1));
        drop((late.ready(), other.ready()));
    }
    let lock = RwLock::new(1);
    drop(RwLockUpgradableReadGuard::upgrade(lock.try_upgradable_read().unwrap()));
    assert!(lock.try_write().is_some(), "one that was never polled releases, too");
}

#[test]
fn downgrading_lets_in_whom_that_lets_in() {
    let lock = RwLock::new(1);
    let mut run = [Hand::new(lock.read()), Hand::new(lock.read())];
    let writer = lock.try_write().unwrap();
    run.iter_mut().for_each(Hand::pends);
    let mut other = Hand::new(lock.upgradable_read());
    other.pends();
    let upgradable = RwLockWriteGuard::downgrade_to_upgradable(writer);
    assert!(run.iter().all(|reader| reader.wakes() == 1));
    other.pends();
    let guards: Vec<_> = run.iter_mut().map(Hand::ready).collect();
    let reader = RwLockUpgradableReadGuard::downgrade(upgradable);
    let other = RwLockUpgradableReadGuard::downgrade(other.ready());
    drop((guards, other));
    assert_eq!(lock.statistics().readers, 1);
    drop(reader);
    let reader = RwLockWriteGuard::downgrade(lock.try_write().unwrap());
    assert!(lock.try_read().is_some() && lock.try_write().is_none());
    drop(reader);
}

#[test]
fn cancelled_before_its_turn_a_writer_lets_in_whom_it_kept_out() {
    let lock = RwLock::new(());
    let reader = lock.try_read().unwrap();
    let mut writer = Hand::new(lock.write());
    writer.pends();
    let mut late = [Hand::new(lock.read()), Hand::new(lock.read())];
    late.iter_mut().for_each(Hand::pends);
    drop(writer);
    assert!(late.iter().all(|reader| reader.wakes() == 1));
    let guards: Vec<_> = late.iter_mut().map(Hand::ready).collect();
    drop((reader, guards));
    assert!(lock.try_write().is_some());
}

#[test]
fn cancelled_after_its_turn_came_it_passes_it_on() {
    let lock = RwLock::new(());
    let guard = lock.try_write().unwrap();
    let mut line: Vec<_> = (0..3).map(|_| Hand::new(lock.write())).collect();
    line.iter_mut().for_each(Hand::pends);
    let mut last = Hand::new(lock.read());
    last.pends();
    drop(guard);
    while !line.is_empty() {
        assert!(line[0].wakes() >= 1);
        drop(line.remove(0));
    }
    assert!(last.wakes() >= 1);
    drop(last.ready());
    assert!(lock.try_write().is_some());
}

#[test]
fn futurelock_a_newcomer_gets_past_an_abandoned_turn() {
    let clock = held::hold();
    let lock = RwLock::new(());
    let guard = lock.try_write().unwrap();
    let mut abandoned = Hand::new(lock.write());
    abandoned.pends();
    drop(guard);
    assert_eq!(abandoned.wakes(), 1);
    assert!(lock.try_read().is_none(), "kept for it");
    clock.pass(OVERDUE_US);
    drop(lock.try_read().unwrap());
    // It comes after all.
    drop(abandoned.ready());
    assert!(lock.try_write().is_some());
}

#[test]
fn futurelock_those_that_wait_get_past_an_abandoned_turn() {
    // The abandoned one writes, or reads; those behind came before it was let in.
    for reads in [false, true] {
        let clock = held::hold();
        let lock = RwLock::new(());
        let guard = lock.try_write().unwrap();
        let mut abandoned_writer = Hand::new(lock.write());
        let mut abandoned_reader = Hand::new(lock.read());
        if reads {
            abandoned_reader.pends();
        } else {
            abandoned_writer.pends();
        }
        let mut others: Vec<_> = (0..3).map(|_| Hand::new(lock.write())).collect();
        others.iter_mut().for_each(Hand::pends);
        drop(guard);
        let mut rounds = 0;
        while !others.is_empty() {
            others.retain_mut(|other| other.wakes() == 0 || other.poll().is_pending());
            clock.pass(OVERDUE_US);
            rounds += 1;
            assert!(rounds < 20, "nobody looks");
        }
        if reads {
            drop(abandoned_reader.ready());
        } else {
            drop(abandoned_writer.ready());
        }
        assert!(lock.try_write().is_some());
    }
}

#[test]
fn futurelock_two_that_are_abandoned_together_do_not_stop_the_last() {
    let clock = held::hold();
    let lock = RwLock::new(());
    let guard = lock.try_write().unwrap();
    let (mut head, mut second) = (Hand::new(lock.write()), Hand::new(lock.write()));
    head.pends();
    second.pends();
    let mut last = Hand::new(lock.read());
    last.pends();
    clock.pass(OVERDUE_US);
    drop(guard);
    let mut rounds = 0;
    while last.wakes() == 0 || last.poll().is_pending() {
        clock.pass(OVERDUE_US);
        rounds += 1;
        assert!(rounds < 20, "nobody looks");
    }
}

#[test]
fn futurelock_one_that_begins_to_wait_for_an_abandoned_turn_looks_itself() {
    let clock = held::hold();
    let lock = RwLock::new(());
    let guard = lock.try_read().unwrap();
    let mut abandoned = Hand::new(lock.write());
    abandoned.pends();
    drop(guard);
    let mut late = Hand::new(lock.read());
    let mut rounds = 0;
    while late.poll().is_pending() {
        while late.wakes() == 0 {
            clock.pass(OVERDUE_US / 2);
            rounds += 1;
            assert!(rounds < 20, "nobody rings");
        }
    }
    drop(abandoned.ready());
}

#[test]
fn futurelock_an_upgrade_that_is_abandoned_keeps_writers_out_only() {
    let clock = held::hold();
    let lock = RwLock::new(());
    let upgradable = lock.try_upgradable_read().unwrap();
    let reader = lock.try_read().unwrap();
    let mut upgrade = Hand::new(RwLockUpgradableReadGuard::upgrade(upgradable));
    upgrade.pends();
    drop(reader);
    clock.pass(OVERDUE_US);
    drop(lock.try_read().unwrap());
    assert!(lock.try_write().is_none());
    drop(upgrade.ready());
    assert!(lock.try_write().is_some());
}

#[test]
fn one_that_came_too_late_stands_where_it_stood_but_not_before_an_upgrade() {
    let clock = held::hold();
    let lock = RwLock::new(());
    let guard = lock.try_write().unwrap();
    let mut slow = Hand::new(lock.write());
    let mut second = Hand::new(lock.write());
    slow.pends();
    second.pends();
    drop(guard);
    clock.pass(OVERDUE_US);
    // The second was asked: it looks, and lets itself in.
    assert!(second.wakes() > 0);
    second.pends();
    let guard = second.ready();
    let mut third = Hand::new(lock.write());
    third.pends();
    slow.pends();
    drop(guard);
    assert!(slow.wakes() > 0, "before the third");
    drop(slow.ready());
    drop(third.ready());

    let guard = lock.try_write().unwrap();
    let mut slow = Hand::new(lock.write());
    slow.pends();
    drop(guard);
    clock.pass(OVERDUE_US);
    let upgradable = lock.try_upgradable_read().unwrap();
    let reader = lock.try_read().unwrap();
    let mut upgrade = Hand::new(RwLockUpgradableReadGuard::upgrade(upgradable));
    upgrade.pends();
    slow.pends();
    drop(reader);
    drop(upgrade.ready());
    drop(slow.ready());
}

#[test]
fn a_lock_that_is_held_for_long_wakes_nobody() {
    let clock = held::hold();
    let lock = RwLock::new(());
    let guard = lock.try_write().unwrap();
    let mut waiters: Vec<_> = (0..3).map(|_| Hand::new(lock.read())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    clock.pass(20 * OVERDUE_US);
    assert!(waiters.iter().all(|waiter| waiter.wakes() == 0));
    drop(guard);
}

#[test]
fn only_the_last_waker_is_woken_and_none_is_left_behind() {
    let lock = RwLock::new(());
    let guard = lock.try_write().unwrap();
    let (a, waker_a) = Count::new();
    let (b, waker_b) = Count::new();
    let mut head = Hand::new(lock.read());
    let mut waiter = Hand::new(lock.read());
    head.pends();
    for waker in [&waker_a, &waker_b, Waker::noop(), &waker_b] {
        assert!(waiter.poll_with(waker).is_pending());
    }
    drop(guard);
    assert_eq!((a.take(), b.take()), (0, 1));
    drop((head.ready(), waiter.ready()));
    assert_eq!((Arc::strong_count(&a), Arc::strong_count(&b)), (2, 2), "a waker was kept");
}

#[test]
fn a_waker_that_panics_harms_nobody() {
    let lock = RwLock::new(());
    let guard = lock.try_write().unwrap();
    let mut hostile = Hand::new(lock.read());
    let mut others = [Hand::new(lock.read()), Hand::new(lock.read())];
    assert!(hostile.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    others.iter_mut().for_each(Hand::pends);
    drop(guard);
    assert!(others.iter().all(|other| other.wakes() == 1));
    drop(hostile);
    others.iter_mut().for_each(|other| drop(other.ready()));
    assert!(lock.try_write().is_some());
}

/// A waker that, woken or dropped, comes back to the lock.
struct Reenters {
    lock: Arc<RwLock<()>>,
    looks: AtomicUsize,
}

impl Wake for Reenters {
    fn wake(self: Arc<Self>) {
        drop(self.lock.try_read());
        let _seen = self.lock.statistics();
        self.looks.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Reenters {
    fn drop(&mut self) {
        drop(self.lock.try_write());
        let _seen = self.lock.statistics();
    }
}

#[test]
fn wakers_may_come_back_to_the_lock() {
    within_a_minute(|| {
        let lock = Arc::new(RwLock::new(()));
        let guard = lock.try_write().unwrap();
        let mut waiters: Vec<_> = (0..3).map(|_| Hand::new(lock.read())).collect();
        let wakers: Vec<_> =
            (0..3).map(|_| Arc::new(Reenters { lock: lock.clone(), looks: AtomicUsize::new(0) })).collect();
        for (waiter, waker) in waiters.iter_mut().zip(&wakers) {
            assert!(waiter.poll_with(&Waker::from(waker.clone())).is_pending());
        }
        // Replaced: the last owner of the first waker is the line.
        let replaced = Waker::from(Arc::new(Reenters { lock: lock.clone(), looks: AtomicUsize::new(0) }));
        assert!(waiters[2].poll_with(&replaced).is_pending());
        drop(replaced);
        assert!(waiters[2].poll_with(&Waker::from(wakers[2].clone())).is_pending());
        drop(guard);
        assert!(wakers.iter().all(|waker| waker.looks.load(Ordering::Relaxed) == 1));
        waiters.iter_mut().for_each(|waiter| drop(waiter.ready()));
    });
}

#[test]
fn a_panic_releases_without_poison() {
    let lock = RwLock::new(1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = lock.try_write().unwrap();
        *guard = 2;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert_eq!(*lock.try_write().unwrap(), 2);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        drop(RwLockWriteGuard::map::<u8>(lock.try_write().unwrap(), |_| panic!("on purpose")));
    }));
    assert!(panicked.is_err());
    assert!(lock.try_write().is_some(), "the guard was dropped");
}

#[test]
fn more_readers_than_can_be_counted_are_refused_with_a_sentence() {
    let lock = RwLock::new(());
    lock.raw.crowd(raw::READERS_MAX - 1);
    std::mem::forget(lock.try_read().unwrap());
    let refused = catch_unwind(AssertUnwindSafe(|| drop(lock.try_read())));
    let message = refused.unwrap_err();
    assert_eq!(message.downcast_ref(), Some(&"an RwLock has more readers than it can count"));
    // In line, too.
    let mut writer = Hand::new(lock.write());
    writer.pends();
    drop(writer);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(Hand::new(lock.read()).poll()))).is_err());
    assert_eq!(lock.statistics().readers, raw::READERS_MAX);
    lock.raw.crowd(0);
    assert!(lock.try_write().is_some(), "nothing but the count has changed");
}

#[test]
fn leaked_guards_and_waiters_leave_memory_sound() {
    static LOCK: RwLock<u32> = RwLock::new(5);
    let lock = &LOCK;
    let mut leaked = Box::pin(lock.write());
    std::mem::forget(lock.try_read());
    let mut cx = std::task::Context::from_waker(Waker::noop());
    assert!(std::future::Future::poll(leaked.as_mut(), &mut cx).is_pending());
    std::mem::forget(leaked);
    assert!(lock.try_read().is_none());
    let mut waiter = Hand::new(lock.read());
    waiter.pends();
}

#[test]
fn owned_guards_keep_the_lock() {
    let lock = Arc::new(RwLock::new(1));
    let mut writer = lock.clone().try_write_owned().unwrap();
    *writer += 1;
    let mut reader = Hand::new(lock.clone().read_owned());
    let mut upgradable = Hand::new(lock.clone().upgradable_read_owned());
    reader.pends();
    upgradable.pends();
    let writer = OwnedRwLockWriteGuard::downgrade_to_upgradable(writer);
    let mut upgrade = Hand::new(OwnedRwLockUpgradableReadGuard::upgrade(writer));
    let guard = reader.ready();
    upgrade.pends();
    drop(guard);
    let reader = OwnedRwLockWriteGuard::downgrade(upgrade.ready());
    let upgradable = OwnedRwLockUpgradableReadGuard::downgrade(upgradable.ready());
    assert_eq!((*reader, *upgradable, lock.statistics().readers), (2, 2, 2));
    drop((reader, upgradable));
    let mut never = Hand::new(lock.clone().write_owned());
    let guard = lock.clone().try_read_owned().unwrap();
    never.pends();
    drop(never);
    drop(guard);
    assert!(lock.clone().try_upgradable_read_owned().is_some());
    assert_eq!(*lock.clone().write_owned_blocking(), 2);
}

#[test]
fn statistics_name_the_writer() {
    let lock = RwLock::new(1);
    let line = line!() + 1;
    let guard = lock.try_write().unwrap();
    let holder = lock.statistics().writer.unwrap();
    assert_eq!((holder.location().file(), holder.location().line()), (file!(), line));
    let reader = RwLockWriteGuard::downgrade(guard);
    assert_eq!(lock.statistics().writer, None);
    drop(reader);
    let line = line!() + 1;
    let mut waits = Hand::new(lock.write());
    let guard = waits.ready();
    assert_eq!(lock.statistics().writer.unwrap().location().line(), line);
    drop(guard);
    let upgradable = lock.try_upgradable_read().unwrap();
    let line = line!() + 1;
    let guard = RwLockUpgradableReadGuard::try_upgrade(upgradable).unwrap();
    assert_eq!(lock.statistics().writer.unwrap().location().line(), line);
    drop(guard);
    let line = line!() + 1;
    let guard = future::block_on(Arc::new(RwLock::new(1)).write_owned());
    let seen = OwnedRwLockWriteGuard::lock(&guard).statistics();
    assert_eq!(seen.writer.unwrap().location().line(), line);
}

#[test]
fn mapped_guards_hold_the_whole() {
    let lock = RwLock::new((1, String::from("one")));
    let name = RwLockReadGuard::map(lock.try_read().unwrap(), |pair| pair.1.as_str());
    assert_eq!(format!("{name} {name:?}"), "one \"one\"");
    assert!(lock.try_write().is_none());
    drop(name);
    let mut name = RwLockWriteGuard::map(lock.try_write().unwrap(), |pair| &mut pair.1);
    name.push('!');
    assert!(lock.try_read().is_none());
    drop(name);
    assert_eq!(lock.into_inner().1, "one!");
}

#[test]
fn debug_never_waits() {
    let mut lock = RwLock::from(7);
    assert_eq!(format!("{lock:?}"), "RwLock { value: 7 }");
    let guard = lock.try_write().unwrap();
    assert_eq!(format!("{lock:?} {guard:?} {guard}"), "RwLock { value: <locked> } 7 7");
    assert!(format!("{:?}", lock.write()).starts_with("RwLockWrite"));
    drop(guard);
    *lock.get_mut() = 8;
    assert_eq!((lock.into_inner(), RwLock::<u8>::default().into_inner()), (8, 0));
}

#[test]
fn eight_threads_read_and_write_and_upgrade_and_give_up_at_random() {
    within_a_minute(|| {
        const ROUNDS: usize = 1_500;
        let lock = Arc::new(RwLock::new((0_usize, 0_usize)));
        let threads: Vec<_> = (0..8)
            .map(|seed| {
                let lock = lock.clone();
                std::thread::spawn(move || {
                    let mut random = Random::new(seed + 1);
                    (0..ROUNDS).map(|_| one_round(&lock, &mut random)).sum::<usize>()
                })
            })
            .collect();
        let done: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(*lock.try_write().unwrap(), (done, done));
        assert_eq!(lock.statistics().waiters, 0);
    });
}

/// How often the two numbers, which are equal for whoever reads, were added to.
fn one_round(lock: &RwLock<(usize, usize)>, random: &mut Random) -> usize {
    fn add(pair: &mut (usize, usize)) -> usize {
        pair.0 += 1;
        std::hint::black_box(&mut *pair);
        pair.1 += 1;
        1
    }
    let patience = random.below(4);
    match random.below(6) {
        0 => add(&mut lock.write_blocking()),
        1 => {
            let guard = lock.upgradable_read_blocking();
            assert_eq!(guard.0, guard.1);
            if patience == 0 {
                return 0;
            }
            add(&mut RwLockUpgradableReadGuard::upgrade_blocking(guard))
        }
        // Polled a few times, then dropped wherever it stands.
        2 => {
            let mut attempt = Hand::new(lock.write());
            let got = (0..patience).find_map(|_| match attempt.poll() {
                Poll::Ready(mut guard) => Some(add(&mut guard)),
                Poll::Pending => None,
            });
            got.unwrap_or(0)
        }
        3 => {
            let mut attempt = Hand::new(RwLockUpgradableReadGuard::upgrade(lock.upgradable_read_blocking()));
            let got = (0..patience).find_map(|_| match attempt.poll() {
                Poll::Ready(mut guard) => Some(add(&mut guard)),
                Poll::Pending => None,
            });
            got.unwrap_or(0)
        }
        4 => {
            let mut attempt = Hand::new(lock.read());
            for _ in 0..patience {
                if let Poll::Ready(guard) = attempt.poll() {
                    assert_eq!(guard.0, guard.1, "written while it was read");
                    break;
                }
            }
            0
        }
        _ => {
            let guard = lock.read_blocking();
            assert_eq!(guard.0, guard.1, "written while it was read");
            0
        }
    }
}

mod auto_traits {
    use crate::{MappedRwLockReadGuard, MappedRwLockWriteGuard, OwnedRwLockReadGuard};
    use crate::{OwnedRwLockUpgradableReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockRead, RwLockReadGuard};
    use crate::{RwLockStatistics, RwLockUpgradableRead, RwLockUpgradableReadGuard, RwLockUpgrade};
    use crate::{RwLockWrite, RwLockWriteGuard};
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

    assert_impl_all!(RwLockStatistics: Send, Sync, Unpin);
    assert_impl_all!(RwLock<u8>: Send, Sync, Unpin);
    assert_impl_all!(RwLock<Movable>: Send);
    assert_not_impl_any!(RwLock<Movable>: Sync);
    assert_not_impl_any!(RwLock<Local>: Send, Sync);
    assert_not_impl_any!(RwLock<Lent>: Send, Sync);

    macro_rules! holds_the_whole {
        ($($of:ident<$($life:lifetime,)? T>)*) => {$(
            assert_impl_all!($of<$($life,)? u8>: Send, Sync);
            assert_not_impl_any!($of<$($life,)? Movable>: Send, Sync);
            assert_not_impl_any!($of<$($life,)? Local>: Send, Sync);
            assert_not_impl_any!($of<$($life,)? Lent>: Send, Sync);
        )*};
    }
    holds_the_whole! {
        RwLockReadGuard<'static, T> RwLockUpgradableReadGuard<'static, T> RwLockWriteGuard<'static, T>
        OwnedRwLockReadGuard<T> OwnedRwLockUpgradableReadGuard<T> OwnedRwLockWriteGuard<T>
        RwLockRead<'static, T> RwLockUpgradableRead<'static, T> RwLockWrite<'static, T> RwLockUpgrade<'static, T>
    }
    assert_not_impl_any!(RwLockRead<'static, u8>: Unpin);
    assert_not_impl_any!(RwLockUpgradableRead<'static, u8>: Unpin);
    assert_not_impl_any!(RwLockWrite<'static, u8>: Unpin);
    assert_not_impl_any!(RwLockUpgrade<'static, u8>: Unpin);

    assert_impl_all!(MappedRwLockReadGuard<'static, Lent>: Send, Sync, Unpin);
    assert_not_impl_any!(MappedRwLockReadGuard<'static, Movable>: Send, Sync);
    assert_not_impl_any!(MappedRwLockReadGuard<'static, Local>: Send, Sync);
    assert_impl_all!(MappedRwLockWriteGuard<'static, Movable>: Send, Unpin);
    assert_not_impl_any!(MappedRwLockWriteGuard<'static, Movable>: Sync);
    assert_impl_all!(MappedRwLockWriteGuard<'static, Lent>: Sync);
    assert_not_impl_any!(MappedRwLockWriteGuard<'static, Lent>: Send);
    assert_not_impl_any!(MappedRwLockWriteGuard<'static, Local>: Send, Sync);
}

/// What is locked may be of no known size.
#[test]
fn a_trait_object_and_a_slice_can_be_locked_in_every_way() {
    let shared: Arc<RwLock<dyn Fn(u32) -> u32 + Send + Sync>> = Arc::new(RwLock::new(|number| number + 1));
    assert_eq!(shared.try_read().unwrap()(1), 2);
    let owned = shared.clone().write_owned_blocking();
    assert!(shared.try_read().is_none());
    assert_eq!(owned(2), 3);
    drop(owned);
    let slice: Box<RwLock<[u32]>> = Box::new(RwLock::new([1, 2, 3]));
    let upgradable = slice.try_upgradable_read().unwrap();
    let mut writer = RwLockUpgradableReadGuard::upgrade_blocking(upgradable);
    writer[2] += 1;
    assert_eq!(RwLockWriteGuard::downgrade(writer)[..], [1, 2, 4]);
}
