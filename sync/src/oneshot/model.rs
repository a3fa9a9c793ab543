//! The two halves against each other: sending, closing, polling and going, in every pair.
//!
//! Values are the checker's reference counts: one that is leaked, dropped twice or read while written is its finding.

use super::{Receiver, RecvError, Sender, TryRecvError, channel};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::thread;
use loom::future::block_on;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Explores `body`, which gets both halves of a new channel.
fn check(body: impl Fn(Sender<Arc<u8>>, Receiver<Arc<u8>>) + Send + Sync + 'static) {
    loom::model(move || {
        let (sender, receiver) = channel();
        body(sender, receiver);
    });
}

/// Polls to wait; a value that is there already is dropped.
fn touch(receiver: &mut Receiver<Arc<u8>>, waker: &Waker) -> Poll<Result<Arc<u8>, RecvError>> {
    pin!(receiver).poll(&mut Context::from_waker(waker))
}

#[test]
fn loom_a_value_meets_a_waiting_receiver() {
    check(|sender, receiver| {
        let thread = thread::spawn(move || sender.send(Arc::new(1)).is_ok());
        assert_eq!(block_on(receiver).map(|value| *value), Ok(1));
        assert!(thread.join().unwrap());
    });
}

#[test]
fn loom_a_dropped_sender_meets_a_waiting_receiver() {
    check(|sender, receiver| {
        let thread = thread::spawn(move || drop(sender));
        assert!(block_on(receiver).is_err());
        thread.join().unwrap();
    });
}

#[test]
fn loom_a_send_meets_the_drop_of_a_receiver() {
    check(|sender, receiver| {
        let thread = thread::spawn(move || drop(sender.send(Arc::new(1))));
        drop(receiver);
        thread.join().unwrap();
    });
}

#[test]
fn loom_a_send_meets_the_drop_of_a_polled_receiver() {
    check(|sender, mut receiver| {
        let (bell, waker) = Bell::new();
        let thread = thread::spawn(move || drop(sender.send(Arc::new(1))));
        let _ = touch(&mut receiver, &waker);
        drop(receiver);
        thread.join().unwrap();
        drop(waker);
        assert_eq!(std::sync::Arc::strong_count(&bell), 1, "a waker was left behind");
    });
}

#[test]
fn loom_a_sent_value_is_received_or_comes_back_when_the_receiver_closes() {
    check(|sender, mut receiver| {
        let thread = thread::spawn(move || sender.send(Arc::new(1)));
        receiver.close();
        let there = receiver.try_recv();
        let sent = thread.join().unwrap();
        let late = receiver.try_recv();
        let received = usize::from(there.is_ok()) + usize::from(late.is_ok());
        assert_eq!(received, usize::from(sent.is_ok()), "sent and received, or neither");
        assert!(sent.is_ok() || there.err() == Some(TryRecvError::Closed));
    });
}

#[test]
fn loom_a_waker_that_changes_while_the_value_comes_is_the_one_that_wakes() {
    check(|sender, mut receiver| {
        let (before, old) = Bell::new();
        let (after, new) = Bell::new();
        assert!(touch(&mut receiver, &old).is_pending());
        drop(old);
        let thread = thread::spawn(move || sender.send(Arc::new(1)).is_ok());
        let polled = touch(&mut receiver, &new);
        assert!(thread.join().unwrap());
        if polled.is_pending() {
            assert_eq!(after.rings(), 1, "it sleeps by a waker that nobody has");
            assert!(receiver.try_recv().is_ok());
        }
        assert!(before.rings() + after.rings() <= 1);
        drop((receiver, new));
        assert_eq!(std::sync::Arc::strong_count(&before), 1, "the old waker is gone");
        assert_eq!(std::sync::Arc::strong_count(&after), 1, "and the new one");
    });
}

#[test]
fn loom_a_look_beside_a_send_finds_the_value_or_nothing() {
    check(|sender, mut receiver| {
        let thread = thread::spawn(move || sender.send(Arc::new(1)).is_ok());
        let early = receiver.try_recv();
        assert_ne!(early.clone().err(), Some(TryRecvError::Closed), "nobody closed it");
        assert!(thread.join().unwrap());
        assert_ne!(early.is_ok(), receiver.try_recv().is_ok(), "once");
    });
}

#[test]
fn loom_a_sender_that_waits_meets_the_drop_of_the_receiver() {
    check(|mut sender, receiver| {
        let thread = thread::spawn(move || drop(receiver));
        block_on(sender.closed());
        assert!(sender.send(Arc::new(1)).is_err());
        thread.join().unwrap();
    });
}

#[test]
fn loom_a_sender_that_waits_meets_a_close() {
    check(|mut sender, mut receiver| {
        let thread = thread::spawn(move || {
            receiver.close();
            receiver.try_recv().is_err()
        });
        block_on(poll_fn(|cx| sender.poll_closed(cx)));
        assert!(thread.join().unwrap());
    });
}

#[test]
fn loom_a_senders_waker_that_changes_while_the_receiver_goes_is_the_one_that_wakes() {
    check(|mut sender, receiver| {
        let (before, old) = Bell::new();
        let (after, new) = Bell::new();
        assert!(sender.poll_closed(&mut Context::from_waker(&old)).is_pending());
        drop(old);
        let thread = thread::spawn(move || drop(receiver));
        let polled = sender.poll_closed(&mut Context::from_waker(&new));
        thread.join().unwrap();
        assert!(polled.is_ready() || after.rings() == 1, "it sleeps by a waker that nobody has");
        drop((sender, new));
        assert_eq!(std::sync::Arc::strong_count(&before), 1, "the old waker is gone");
        assert_eq!(std::sync::Arc::strong_count(&after), 1, "and the new one");
    });
}

#[test]
fn loom_both_halves_wait_and_go_at_once() {
    check(|mut sender, mut receiver| {
        let (bell, waker) = Bell::new();
        assert!(touch(&mut receiver, &waker).is_pending());
        assert!(sender.poll_closed(&mut Context::from_waker(&waker)).is_pending());
        let thread = thread::spawn(move || drop(sender));
        drop(receiver);
        thread.join().unwrap();
        drop(waker);
        assert_eq!(std::sync::Arc::strong_count(&bell), 1, "a waker was left behind");
    });
}

#[test]
fn loom_a_value_that_was_taken_is_not_dropped_with_the_halves() {
    check(|sender, mut receiver| {
        let thread = thread::spawn(move || drop(sender.send(Arc::new(1))));
        let taken = poll_once(&mut receiver, Waker::noop());
        drop(receiver);
        thread.join().unwrap();
        if let Poll::Ready(value) = taken {
            assert_eq!(value.map(|value| *value), Ok(1));
        }
    });
}

#[test]
fn loom_canary_a_value_that_is_not_published() {
    assert_noticed("oneshot.exchange.order", "oneshot::model::loom_a_value_meets_a_waiting_receiver");
}

#[test]
fn loom_canary_a_receiver_that_waits_and_does_not_say_so() {
    assert_noticed("oneshot.wait.blind", "oneshot::model::loom_a_dropped_sender_meets_a_waiting_receiver");
}
