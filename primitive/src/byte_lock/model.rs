//! The lock against itself: exclusion, what it publishes, and what `try_lock` may say.

use super::ByteLock;
use crate::mutant::assert_noticed;
use crate::sync::Arc;
use crate::thread;

fn holders_never_overlap(threads: usize) {
    loom::model(move || {
        let lock = Arc::new(ByteLock::new(0));
        let others: Vec<_> = (1..threads)
            .map(|_| {
                let lock = lock.clone();
                thread::spawn(move || *lock.lock() += 1)
            })
            .collect();
        *lock.lock() += 1;
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(*lock.lock(), threads);
    });
}

#[test]
fn loom_two_holders_never_overlap() {
    holders_never_overlap(2);
}

#[test]
fn loom_three_holders_never_overlap() {
    holders_never_overlap(3);
}

#[test]
fn loom_one_that_does_not_wait_takes_a_free_lock_whole_or_not_at_all() {
    loom::model(|| {
        let lock = Arc::new(ByteLock::new((0, 0)));
        let other = lock.clone();
        let writer = thread::spawn(move || {
            let mut held = other.lock();
            held.0 += 1;
            held.1 += 1;
        });
        if let Some(held) = lock.try_lock() {
            assert_eq!(held.0, held.1, "half of what the other wrote");
        }
        writer.join().unwrap();
        assert_eq!(*lock.try_lock().expect("nobody holds it"), (1, 1));
    });
}

#[test]
fn loom_canary_an_unlock_that_publishes_nothing() {
    assert_noticed("byte_lock.unlock.order", "byte_lock::model::loom_two_holders_never_overlap");
}
