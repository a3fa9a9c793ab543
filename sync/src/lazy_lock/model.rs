//! The initialiser's wake-ups against those who drive it, come and go.

use super::LazyLock;
use crate::SetOnce;
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::thread;
use loom::future::block_on;
use std::task::Waker;

#[test]
fn loom_the_initialiser_is_woken_while_it_is_polled() {
    loom::model(|| {
        let awaited = Arc::new(SetOnce::new());
        let sets = awaited.clone();
        let lazy = LazyLock::new(async || *awaited.wait().await);
        let thread = thread::spawn(move || sets.set(7).expect("alone"));
        assert_eq!(block_on(lazy.force()), &7);
        thread.join().unwrap();
    });
}

#[test]
fn loom_one_that_goes_leaves_the_driving_to_another() {
    loom::model(|| {
        let awaited = Arc::new(SetOnce::new());
        let sets = awaited.clone();
        let lazy = LazyLock::new(async || *awaited.wait().await);
        let mut drove = Box::pin(lazy.force());
        assert!(poll_once(&mut drove, Waker::noop()).is_pending());
        let (bell, waker) = Bell::new();
        let mut stays = Box::pin(lazy.force());
        assert!(poll_once(&mut stays, &waker).is_pending());
        let thread = thread::spawn(move || sets.set(7).expect("alone"));
        drop(drove);
        thread.join().unwrap();
        assert_eq!(bell.rings(), 1);
        assert!(poll_once(&mut stays, &waker).is_ready());
    });
}

#[test]
fn loom_two_that_force_get_one_value() {
    loom::model(|| {
        let lazy = Arc::new(LazyLock::new(|| std::future::ready(7)));
        let forces = lazy.clone();
        let thread = thread::spawn(move || std::ptr::from_ref(block_on(forces.force())).addr());
        let mine = std::ptr::from_ref(block_on(lazy.force())).addr();
        assert_eq!(thread.join().unwrap(), mine);
        assert_eq!(lazy.get(), Some(&7));
    });
}

#[test]
fn loom_canary_a_wake_up_that_is_not_heard_while_polling() {
    assert_noticed(
        "lazy_lock.wake.deaf",
        "lazy_lock::model::loom_the_initialiser_is_woken_while_it_is_polled",
    );
}
