//! Batches collected under one lock by two threads, with wakers that take that very lock.

use super::WakeBatch;
use crate::model::Bell;
use crate::mutant::assert_noticed;
use crate::sync::Arc;
use crate::{ByteLock, thread};
use std::task::{Wake, Waker};

/// Comes straight back to the structure it was kept in.
struct Returns {
    lock: Arc<ByteLock<Vec<Waker>>>,
    bell: Waker,
}

impl Wake for Returns {
    fn wake(self: std::sync::Arc<Self>) {
        drop(self.lock.lock());
        self.bell.wake_by_ref();
    }
}

/// Wakes all that are kept, a batch at a time.
fn wake_kept(lock: &ByteLock<Vec<Waker>>) {
    let mut batch = WakeBatch::new();
    loop {
        let mut kept = lock.lock();
        while batch.has_room()
            && let Some(waker) = kept.pop()
        {
            batch.push(waker);
        }
        let done = kept.is_empty();
        drop(kept);
        if done {
            // What is left in it is woken by its drop.
            return;
        }
        batch.wake_all();
    }
}

#[test]
fn loom_two_that_wake_one_list_wake_each_once_and_under_no_lock() {
    loom::model(|| {
        let lock = Arc::new(ByteLock::new(Vec::new()));
        let (bell, waker) = Bell::new();
        for _ in 0..2 {
            let returns = Returns { lock: lock.clone(), bell: waker.clone() };
            lock.lock().push(Waker::from(std::sync::Arc::new(returns)));
        }
        let other = lock.clone();
        let thread = thread::spawn(move || wake_kept(&other));
        wake_kept(&lock);
        thread.join().unwrap();
        assert_eq!(bell.rings(), 2);
    });
}

#[test]
fn loom_canary_a_batch_that_is_dropped_in_silence() {
    assert_noticed(
        "wake_batch.drop.silent",
        "wake_batch::model::loom_two_that_wake_one_list_wake_each_once_and_under_no_lock",
    );
}
