//! Telling one, all, and going away, against waiting.

use super::{Notified, Notify};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::thread;
use loom::future::block_on;
use std::pin::Pin;
use std::task::Waker;

/// Waits, with nothing to be told: the future, in the queue.
fn queued<'a>(notify: &'a Notify, waker: &Waker) -> Pin<Box<Notified<'a>>> {
    let mut waits = Box::pin(notify.notified());
    assert!(poll_once(&mut waits, waker).is_pending(), "nobody told it");
    waits
}

#[test]
fn loom_one_that_is_told_sees_what_was_done_before() {
    loom::model(|| {
        let shared = Arc::new((Notify::new(), AtomicUsize::new(0)));
        let tells = shared.clone();
        let thread = thread::spawn(move || {
            // Ordering: Relaxed here and below: that telling publishes it is the question.
            tells.1.store(1, Ordering::Relaxed);
            tells.0.notify_one();
        });
        block_on(shared.0.notified());
        assert_eq!(shared.1.load(Ordering::Relaxed), 1);
        thread.join().unwrap();
        assert!(!shared.0.try_notified());
    });
}

#[test]
fn loom_all_are_told_that_were_made_before() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let made = notify.notified();
        let tells = notify.clone();
        let thread = thread::spawn(move || tells.notify_waiters());
        block_on(made);
        thread.join().unwrap();
        assert!(!notify.try_notified());
    });
}

#[test]
fn loom_one_and_all_at_once_tell_all_that_were_there_and_one_more() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let (bell, waker) = Bell::new();
        let mut before: Vec<_> = (0..2).map(|_| queued(&notify, &waker)).collect();
        let (all, one) = (notify.clone(), notify.clone());
        let telling_all = thread::spawn(move || all.notify_waiters());
        let telling_one = thread::spawn(move || one.notify_one());
        telling_all.join().unwrap();
        telling_one.join().unwrap();
        assert_eq!(bell.rings(), 2);
        assert!(before.iter_mut().all(|waits| poll_once(waits, &waker).is_ready()));
    });
}

#[test]
fn loom_a_permit_beside_telling_all_stays_where_nobody_waited() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let mut made = Box::pin(notify.notified());
        let (all, one) = (notify.clone(), notify.clone());
        let telling_all = thread::spawn(move || {
            all.notify_waiters();
        });
        let telling_one = thread::spawn(move || one.notify_one());
        telling_all.join().unwrap();
        telling_one.join().unwrap();
        assert!(poll_once(&mut made, Waker::noop()).is_ready(), "told with all");
        assert!(notify.try_notified(), "and the permit is another's");
    });
}

/// The last who waited was told, and left `QUEUED` behind.
#[test]
fn loom_one_that_comes_after_the_last_was_told_is_told_as_well() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let mut last = queued(&notify, Waker::noop());
        notify.notify_one();
        assert!(poll_once(&mut last, Waker::noop()).is_ready());
        let tells = notify.clone();
        let telling = thread::spawn(move || tells.notify_one());
        let made = notify.notified();
        let tells_all = notify.clone();
        let telling_all = thread::spawn(move || tells_all.notify_waiters());
        block_on(made);
        telling.join().unwrap();
        telling_all.join().unwrap();
        // It was told with all, or alone; the other telling left what it leaves where nobody waits.
        let _permit = notify.try_notified();
        assert!(!notify.try_notified());
        notify.notify_one();
        assert!(notify.try_notified());
    });
}

#[test]
fn loom_one_that_is_told_and_goes_passes_it_on() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let gone = queued(&notify, Waker::noop());
        let waits = notify.clone();
        let waiting = thread::spawn(move || block_on(waits.notified()));
        let tells = notify.clone();
        let telling = thread::spawn(move || tells.notify_one());
        drop(gone);
        waiting.join().unwrap();
        telling.join().unwrap();
        assert!(!notify.try_notified());
    });
}

#[test]
fn loom_the_last_that_is_told_and_goes_passes_it_on() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let (bell, waker) = Bell::new();
        let mut first = queued(&notify, &waker);
        let last = queued(&notify, Waker::noop());
        let tells = notify.clone();
        let telling = thread::spawn(move || tells.notify_last());
        drop(last);
        telling.join().unwrap();
        assert_eq!(bell.rings(), 1);
        assert!(poll_once(&mut first, &waker).is_ready());
        assert!(!notify.try_notified());
    });
}

#[test]
fn loom_a_drop_beside_a_newer_permit_leaves_it() {
    loom::model(|| {
        let notify = Arc::new(Notify::new());
        let gone = queued(&notify, Waker::noop());
        let tells = notify.clone();
        let telling = thread::spawn(move || {
            tells.notify_waiters();
            tells.notify_one();
        });
        drop(gone);
        telling.join().unwrap();
        assert!(notify.try_notified());
    });
}

#[test]
fn loom_canary_one_that_joins_without_saying_so() {
    assert_noticed("notify.join.silent", "notify::model::loom_one_that_is_told_sees_what_was_done_before");
}

#[test]
fn loom_canary_a_permit_that_publishes_nothing() {
    assert_noticed("notify.one.order", "notify::model::loom_one_that_is_told_sees_what_was_done_before");
}

#[test]
fn loom_canary_all_told_in_silence() {
    assert_noticed("notify.all.silent", "notify::model::loom_all_are_told_that_were_made_before");
}

#[test]
fn loom_canary_one_told_with_all_that_takes_the_permit() {
    assert_noticed(
        "notify.look.permit",
        "notify::model::loom_a_permit_beside_telling_all_stays_where_nobody_waited",
    );
}

#[test]
fn loom_canary_one_that_goes_and_keeps_what_it_was_told() {
    assert_noticed("notify.cancel.keeps", "notify::model::loom_one_that_is_told_and_goes_passes_it_on");
}

#[test]
fn loom_canary_a_telling_that_leaves_no_permit_where_the_last_was_told() {
    assert_noticed(
        "notify.empty.keeps",
        "notify::model::loom_one_that_comes_after_the_last_was_told_is_told_as_well",
    );
}
