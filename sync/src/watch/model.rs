//! Sending against waiting, and going on either side.

use super::channel;
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::thread;
use loom::future::block_on;

#[test]
fn loom_one_that_waits_meets_a_send() {
    loom::model(|| {
        let (sender, mut receiver) = channel(0);
        let thread = thread::spawn(move || {
            sender.send_replace(1);
            // Kept: its drop would tell everybody in any case.
            sender
        });
        assert_eq!(block_on(receiver.changed()), Ok(()));
        assert_eq!(*receiver.borrow(), 1);
        let sender = thread.join().unwrap();
        assert!(!receiver.has_changed());
        drop(sender);
        assert!(block_on(receiver.changed()).is_err());
    });
}

#[test]
fn loom_one_that_waits_meets_the_end() {
    loom::model(|| {
        let (sender, mut receiver) = channel(0);
        let thread = thread::spawn(move || drop(sender));
        assert!(block_on(receiver.changed()).is_err());
        thread.join().unwrap();
    });
}

/// A value, and the end right after it: the value is seen, once.
#[test]
fn loom_the_last_value_is_seen_once() {
    loom::model(|| {
        let (sender, mut receiver) = channel(0);
        let thread = thread::spawn(move || sender.send_replace(1));
        assert_eq!(block_on(receiver.changed()), Ok(()));
        assert_eq!(*receiver.borrow_and_update(), 1);
        assert!(block_on(receiver.changed()).is_err());
        thread.join().unwrap();
    });
}

#[test]
fn loom_two_senders_and_each_version_once() {
    loom::model(|| {
        let (sender, mut receiver) = channel(0);
        let other = sender.clone();
        let thread = thread::spawn(move || other.send_modify(|value| *value += 1));
        let looking = thread::spawn(move || {
            let mut seen = 0;
            while block_on(receiver.changed()).is_ok() {
                let now = *receiver.borrow_and_update();
                assert!(now > seen, "never one twice");
                seen = now;
            }
            seen
        });
        sender.send_modify(|value| *value += 1);
        thread.join().unwrap();
        drop(sender);
        assert_eq!(looking.join().unwrap(), 2, "and never not the last");
    });
}

#[test]
fn loom_who_sees_a_version_sees_what_was_done_before() {
    loom::model(|| {
        let before = Arc::new(AtomicUsize::new(0));
        let (sender, receiver) = channel(0);
        let does = before.clone();
        let thread = thread::spawn(move || {
            // Ordering: Relaxed here and below: that the version publishes it is the question.
            does.store(1, Ordering::Relaxed);
            sender.send_replace(1);
            sender
        });
        if receiver.has_changed() {
            assert_eq!(before.load(Ordering::Relaxed), 1);
        }
        drop(thread.join().unwrap());
    });
}

#[test]
fn loom_one_that_waits_for_the_last_receiver_meets_its_drop() {
    loom::model(|| {
        let (sender, receiver) = channel(0);
        let thread = thread::spawn(move || drop(receiver));
        block_on(sender.closed());
        assert!(sender.send(1).is_err());
        thread.join().unwrap();
    });
}

#[test]
fn loom_one_that_gives_up_leaves_the_others_told() {
    loom::model(|| {
        let (sender, mut receiver) = channel(0);
        let mut other = receiver.clone();
        let mut gone = Box::pin(receiver.changed());
        let (_, waker) = Bell::new();
        assert!(poll_once(&mut gone, &waker).is_pending());
        let waiting = thread::spawn(move || block_on(other.changed()));
        let sending = thread::spawn(move || {
            sender.send_replace(1);
            sender
        });
        drop(gone);
        assert_eq!(waiting.join().unwrap(), Ok(()));
        drop(sending.join().unwrap());
        assert!(receiver.has_changed(), "it was not seen by the one that gave up");
    });
}

#[test]
fn loom_canary_a_sender_that_looks_too_early() {
    assert_noticed("line.tell.fence", "watch::model::loom_one_that_waits_meets_a_send");
}

#[test]
fn loom_canary_a_version_that_publishes_nothing() {
    assert_noticed("watch.version.order", "watch::model::loom_who_sees_a_version_sees_what_was_done_before");
}
