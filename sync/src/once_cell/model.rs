//! Making the value against giving up, failing, asking and looking.

use super::OnceCell;
use filch_primitive::model::poll_once;
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::thread;
use loom::future::block_on;
use std::future::{Ready, pending, ready};
use std::task::Waker;

#[test]
fn loom_two_that_ask_get_one_value() {
    loom::model(|| {
        let shared = Arc::new((OnceCell::new(), AtomicUsize::new(0)));
        let ask = |shared: &(OnceCell<usize>, AtomicUsize), me| {
            *block_on(shared.0.get_or_init(|| {
                // Ordering: Relaxed, to be counted only.
                shared.1.fetch_add(1, Ordering::Relaxed);
                ready(me)
            }))
        };
        let other = shared.clone();
        let thread = thread::spawn(move || ask(&other, 1));
        let mine = ask(&shared, 2);
        assert_eq!(thread.join().unwrap(), mine);
        assert_eq!(shared.1.load(Ordering::Relaxed), 1, "one initialiser ran");
        assert_eq!(shared.0.get(), Some(&mine));
    });
}

#[test]
fn loom_one_that_gives_up_making_lets_the_next_begin() {
    loom::model(|| {
        let cell = Arc::new(OnceCell::new());
        let mut makes = Box::pin(cell.get_or_init(pending));
        assert!(poll_once(&mut makes, Waker::noop()).is_pending());
        let asks = cell.clone();
        let thread = thread::spawn(move || *block_on(asks.get_or_init(|| ready(2))));
        assert_eq!(cell.get().copied().unwrap_or(2), 2);
        drop(makes);
        assert_eq!(thread.join().unwrap(), 2);
    });
}

#[test]
fn loom_one_that_fails_meets_one_that_was_told_and_goes() {
    loom::model(|| {
        let cell = Arc::new(OnceCell::new());
        let mut makes = Box::pin(cell.get_or_init(pending));
        assert!(poll_once(&mut makes, Waker::noop()).is_pending());
        let mut goes = Box::pin(cell.get_or_init(|| ready(1)));
        assert!(poll_once(&mut goes, Waker::noop()).is_pending());
        let mut stays = Box::pin(cell.get_or_init(|| ready(2)));
        assert!(poll_once(&mut stays, Waker::noop()).is_pending());
        let asks = cell.clone();
        let thread = thread::spawn(move || {
            let fails = || -> Ready<Result<usize, ()>> { ready(Err(())) };
            block_on(asks.get_or_try_init(fails)).copied()
        });
        drop(makes);
        drop(goes);
        assert_eq!(block_on(stays), &2);
        assert_ne!(thread.join().unwrap(), Ok(1));
    });
}

#[test]
fn loom_a_watcher_meets_the_value() {
    loom::model(|| {
        let cell = Arc::new(OnceCell::new());
        let makes = cell.clone();
        let thread = thread::spawn(move || *block_on(makes.get_or_init(|| ready(3))));
        assert_eq!(block_on(cell.wait()), &3);
        assert_eq!(thread.join().unwrap(), 3);
    });
}

#[test]
fn loom_canary_a_turn_given_up_in_silence() {
    assert_noticed(
        "once_cell.turn.silent",
        "once_cell::model::loom_one_that_gives_up_making_lets_the_next_begin",
    );
}
