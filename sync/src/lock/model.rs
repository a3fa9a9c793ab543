use super::Lock;
use filch_primitive::sync::Arc;
use loom::future::block_on;
use loom::thread;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

#[test]
fn loom_two_holders_never_overlap_and_none_is_forgotten() {
    loom::model(|| {
        let lock = Arc::new(Lock::new(0));
        let other = lock.clone();
        let thread = thread::spawn(move || block_on(async { *other.lock().await += 1 }));
        block_on(async { *lock.lock().await += 1 });
        thread.join().unwrap();
        assert_eq!(*lock.try_lock().expect("released"), 2);
    });
}

#[test]
fn loom_one_that_gives_up_passes_its_turn_on() {
    loom::model(|| {
        let lock = Arc::new(Lock::new(()));
        let guard = lock.try_lock().expect("new");
        let mut gone = Box::pin(lock.lock());
        let waits = Pin::as_mut(&mut gone).poll(&mut Context::from_waker(Waker::noop()));
        assert!(waits.is_pending());
        let other = lock.clone();
        let thread = thread::spawn(move || drop(block_on(other.lock())));
        drop(guard);
        drop(gone);
        thread.join().unwrap();
        assert!(lock.try_lock().is_some());
    });
}
