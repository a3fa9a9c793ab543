//! The lock against those who read, write, come and go.
//!
//! No time passes in a model: nobody is late, and a bell is never rung. Whoever is woken comes.

use super::{OwnedRwLockUpgradableReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockWrite};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::thread;
use loom::future::block_on;
use std::pin::Pin;
// Std's: only that one can be a `self` type.
use std::sync::Arc;
use std::task::Waker;

/// Waits to write `lock`, which is held: the future, in the line.
fn queued<'a>(lock: &'a RwLock<usize>, waker: &Waker) -> Pin<Box<RwLockWrite<'a, usize>>> {
    let mut waits = Box::pin(lock.write());
    assert!(poll_once(&mut waits, waker).is_pending(), "the lock is held");
    waits
}

#[test]
fn loom_two_writers_never_overlap_and_none_is_forgotten() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(0));
        let other = lock.clone();
        let thread = thread::spawn(move || block_on(async { *other.write().await += 1 }));
        block_on(async { *lock.write().await += 1 });
        thread.join().unwrap();
        assert_eq!(*lock.try_write().expect("released"), 2);
    });
}

#[test]
fn loom_a_writer_never_overlaps_a_reader_and_neither_is_forgotten() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(0));
        let other = lock.clone();
        let thread = thread::spawn(move || {
            block_on(async { *other.write().await += 1 });
        });
        let seen = block_on(async { *lock.read().await });
        assert!(seen <= 1);
        thread.join().unwrap();
        assert_eq!(*lock.try_read().expect("released"), 1);
    });
}

#[test]
fn loom_the_last_of_two_readers_lets_the_writer_in() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(0));
        let readers = [(); 2].map(|()| lock.clone().try_read_owned().expect("new"));
        let (bell, waker) = Bell::new();
        let mut writer = queued(&lock, &waker);
        let [one, other] = readers;
        let thread = thread::spawn(move || drop(one));
        drop(other);
        thread.join().unwrap();
        assert_eq!(bell.rings(), 1);
        assert!(poll_once(&mut writer, &waker).is_ready());
    });
}

#[test]
fn loom_an_upgrade_waits_for_a_reader_and_none_writes_in_between() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(0));
        let upgradable = lock.clone().try_upgradable_read_owned().expect("new");
        let other = lock.clone();
        let thread = thread::spawn(move || {
            let guard = block_on(other.read());
            assert!(*guard <= 1);
        });
        let seen = *upgradable;
        let mut guard = block_on(OwnedRwLockUpgradableReadGuard::upgrade(upgradable));
        assert_eq!(*guard, seen);
        *guard += 1;
        drop(guard);
        thread.join().unwrap();
        assert_eq!(*lock.try_write().expect("released"), 1);
    });
}

#[test]
fn loom_an_upgrade_that_goes_leaves_the_turn_to_the_next() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(0));
        let upgradable = lock.clone().try_upgradable_read_owned().expect("new");
        let reader = lock.clone().try_read_owned().expect("nobody writes");
        let mut upgrade = Box::pin(OwnedRwLockUpgradableReadGuard::upgrade(upgradable));
        assert!(poll_once(&mut upgrade, Waker::noop()).is_pending(), "somebody reads");
        let (bell, waker) = Bell::new();
        let mut writer = queued(&lock, &waker);
        let thread = thread::spawn(move || drop(reader));
        drop(upgrade);
        thread.join().unwrap();
        assert!(bell.rings() >= 1, "the lock is free, and who waits for it sleeps");
        assert!(poll_once(&mut writer, &waker).is_ready());
    });
}

#[test]
fn loom_one_that_goes_while_it_is_let_in_passes_its_turn_on() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(0));
        let guard = lock.clone().try_write_owned().expect("new");
        let (bell, waker) = Bell::new();
        let gone = queued(&lock, Waker::noop());
        let mut second = queued(&lock, &waker);
        let thread = thread::spawn(move || drop(guard));
        drop(gone);
        thread.join().unwrap();
        assert!(bell.rings() >= 1, "the lock is free, and who waits for it sleeps");
        assert!(poll_once(&mut second, &waker).is_ready());
    });
}

#[test]
fn loom_a_downgrade_lets_readers_in_who_see_what_was_written() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(0));
        let mut writer = lock.clone().try_write_owned().expect("new");
        let other = lock.clone();
        let thread = thread::spawn(move || assert_eq!(*block_on(other.read()), 1));
        *writer = 1;
        // Kept until the other has read.
        let reader = OwnedRwLockWriteGuard::downgrade(writer);
        thread.join().unwrap();
        drop(reader);
        assert!(lock.try_write().is_some());
    });
}

#[test]
fn loom_one_that_tries_while_another_is_let_in_passes_nobody() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(0));
        let guard = lock.clone().try_write_owned().expect("new");
        let (bell, waker) = Bell::new();
        let mut head = queued(&lock, &waker);
        let other = lock.clone();
        let thread = thread::spawn(move || drop(other.try_read()));
        drop(guard);
        assert_eq!(bell.rings(), 1);
        assert!(poll_once(&mut head, &waker).is_ready(), "its turn was kept");
        thread.join().unwrap();
    });
}

#[test]
fn loom_one_reads_one_writes_and_one_upgrades() {
    loom::model(|| {
        let lock = Arc::new(RwLock::new(0));
        let (reads, writes) = (lock.clone(), lock.clone());
        let reading = thread::spawn(move || assert!(block_on(async { *reads.read().await }) <= 2));
        let writing = thread::spawn(move || block_on(async { *writes.write().await += 1 }));
        let upgradable = block_on(lock.clone().upgradable_read_owned());
        let seen = *upgradable;
        let mut guard = block_on(OwnedRwLockUpgradableReadGuard::upgrade(upgradable));
        assert_eq!(*guard, seen, "nobody writes in between");
        *guard += 1;
        drop(guard);
        reading.join().unwrap();
        writing.join().unwrap();
        assert_eq!(*lock.try_write().expect("released"), 2);
    });
}

#[test]
fn loom_canary_one_that_joins_and_does_not_look_again() {
    assert_noticed(
        "rwlock.join.blind",
        "rwlock::model::loom_two_writers_never_overlap_and_none_is_forgotten",
    );
}

#[test]
fn loom_canary_a_writer_that_publishes_nothing() {
    assert_noticed(
        "rwlock.write.order",
        "rwlock::model::loom_two_writers_never_overlap_and_none_is_forgotten",
    );
}

#[test]
fn loom_canary_a_reader_that_leaves_without_having_read() {
    assert_noticed(
        "rwlock.read.order",
        "rwlock::model::loom_a_writer_never_overlaps_a_reader_and_neither_is_forgotten",
    );
}

#[test]
fn loom_canary_an_upgrade_that_overlooks_readers() {
    assert_noticed(
        "rwlock.upgrade.readers",
        "rwlock::model::loom_an_upgrade_waits_for_a_reader_and_none_writes_in_between",
    );
}

#[test]
fn loom_canary_one_that_goes_and_keeps_its_turn() {
    assert_noticed(
        "rwlock.give_up.keeps",
        "rwlock::model::loom_one_that_goes_while_it_is_let_in_passes_its_turn_on",
    );
}

#[test]
fn loom_canary_a_downgrade_that_tells_nobody() {
    assert_noticed(
        "rwlock.downgrade.silent",
        "rwlock::model::loom_a_downgrade_lets_readers_in_who_see_what_was_written",
    );
}
