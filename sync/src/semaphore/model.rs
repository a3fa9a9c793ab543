use super::Semaphore;
use filch_primitive::sync::Arc;
use loom::future::block_on;
use loom::thread;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

#[test]
fn loom_a_release_that_races_with_a_cancel_loses_no_permit() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let adds = semaphore.clone();
        let thread = thread::spawn(move || adds.add_permits(1));
        let mut gone = Box::pin(semaphore.acquire());
        let _ = Pin::as_mut(&mut gone).poll(&mut Context::from_waker(Waker::noop()));
        drop(gone);
        thread.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
        assert!(semaphore.try_acquire().is_ok());
    });
}

#[test]
fn loom_a_waiter_meets_a_release() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let adds = semaphore.clone();
        let thread = thread::spawn(move || adds.add_permits(1));
        block_on(semaphore.acquire()).expect("open").forget();
        thread.join().unwrap();
        assert_eq!(semaphore.available_permits(), 0);
    });
}
