//! Sending against receiving, going and closing. What is counted in every model: the values.

use super::{RecvError, Sender, TryRecvError, bounded, lossy};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::thread;
use loom::future::block_on;
use std::task::Waker;

/// A value whose loss or doubling the checker finds.
type Value = Arc<usize>;

fn send(sender: &Sender<Value>, number: usize) -> bool {
    block_on(sender.send(Arc::new(number))).is_ok()
}

#[test]
fn loom_a_receiver_that_waits_meets_a_send() {
    loom::model(|| {
        let (sender, mut receiver) = lossy(1);
        let thread = thread::spawn(move || {
            let sent = send(&sender, 1);
            // Kept: its drop would close the channel, and so tell everybody in any case.
            (sent, sender)
        });
        assert_eq!(block_on(receiver.recv()).map(|value| *value), Ok(1));
        let (sent, sender) = thread.join().unwrap();
        assert!(sent);
        drop(sender);
        assert_eq!(block_on(receiver.recv()).err(), Some(RecvError::Closed));
    });
}

#[test]
fn loom_a_receiver_that_waits_meets_the_end() {
    loom::model(|| {
        let (sender, mut receiver) = lossy::<Value>(1);
        let thread = thread::spawn(move || drop(sender));
        assert_eq!(block_on(receiver.recv()).err(), Some(RecvError::Closed));
        thread.join().unwrap();
    });
}

#[test]
fn loom_a_sender_that_waits_meets_a_receive() {
    loom::model(|| {
        let (sender, mut receiver) = bounded(1);
        assert!(send(&sender, 1));
        let thread = thread::spawn(move || (send(&sender, 2), sender));
        assert_eq!(receiver.try_recv().map(|value| *value), Ok(1));
        assert_eq!(block_on(receiver.recv()).map(|value| *value), Ok(2));
        assert!(thread.join().unwrap().0);
    });
}

#[test]
fn loom_a_sender_that_waits_meets_the_drop_of_the_one_behind() {
    loom::model(|| {
        let (sender, mut receiver) = bounded(1);
        let behind = receiver.clone();
        assert!(send(&sender, 1));
        assert_eq!(receiver.try_recv().map(|value| *value), Ok(1));
        let thread = thread::spawn(move || drop(behind));
        assert!(send(&sender, 2), "there is room once it is gone, and one that receives");
        thread.join().unwrap();
        assert_eq!(receiver.try_recv().map(|value| *value), Ok(2));
        assert!(sender.is_empty());
    });
}

#[test]
fn loom_a_sender_that_waits_meets_the_drop_of_the_last_receiver() {
    loom::model(|| {
        let (sender, receiver) = bounded(1);
        assert!(send(&sender, 1));
        let thread = thread::spawn(move || drop(receiver));
        let refused = block_on(sender.send(Arc::new(2)));
        assert_eq!(refused.map_err(|refused| *refused.0), Err(2));
        block_on(sender.closed());
        thread.join().unwrap();
        assert!(sender.is_empty());
    });
}

#[test]
fn loom_a_sender_that_is_told_and_goes_passes_it_on() {
    loom::model(|| {
        let (sender, mut receiver) = bounded(1);
        assert!(send(&sender, 1));
        let mut gone = Box::pin(sender.send(Arc::new(2)));
        assert!(poll_once(&mut gone, Waker::noop()).is_pending());
        let (bell, waker) = Bell::new();
        let mut next = Box::pin(sender.send(Arc::new(3)));
        assert!(poll_once(&mut next, &waker).is_pending());
        let thread = thread::spawn(move || {
            assert_eq!(receiver.try_recv().map(|value| *value), Ok(1));
            receiver
        });
        drop(gone);
        let mut receiver = thread.join().unwrap();
        assert_eq!(bell.rings(), 1);
        assert!(poll_once(&mut next, &waker).is_ready());
        assert_eq!(receiver.try_recv().map(|value| *value), Ok(3));
    });
}

/// Two places, two that are told and one of them never polled again: the one that sends tells the third.
#[test]
fn loom_a_send_that_leaves_room_tells_the_next() {
    loom::model(|| {
        let (sender, mut receiver) = bounded(2);
        assert!(send(&sender, 1) && send(&sender, 2));
        let mut abandoned = Box::pin(sender.send(Arc::new(3)));
        assert!(poll_once(&mut abandoned, Waker::noop()).is_pending());
        let (second, third) = (sender.clone(), sender.clone());
        let second = thread::spawn(move || assert!(send(&second, 4)));
        let third = thread::spawn(move || assert!(send(&third, 5)));
        assert_eq!(receiver.try_recv().map(|value| *value), Ok(1));
        assert_eq!(receiver.try_recv().map(|value| *value), Ok(2));
        second.join().unwrap();
        third.join().unwrap();
        let mut got = [receiver.try_recv().map(|value| *value), receiver.try_recv().map(|value| *value)];
        got.sort_by_key(|value| value.clone().ok());
        assert_eq!(got, [Ok(4), Ok(5)]);
        drop(abandoned);
    });
}

/// One overwrites while another, that lags, receives, and a third, that lags too, goes.
#[test]
fn loom_a_send_meets_a_receive_and_the_drop_of_one_that_lags() {
    loom::model(|| {
        let (sender, mut receiver) = lossy(1);
        let lagging = receiver.clone();
        assert!(send(&sender, 0) && send(&sender, 1));
        let going = thread::spawn(move || drop(lagging));
        let sending = thread::spawn(move || (send(&sender, 2), sender));
        let (mut received, mut missed) = (Vec::new(), 0);
        for _ in 0..2 {
            match receiver.try_recv() {
                Ok(value) => received.push(*value),
                Err(TryRecvError::Lagged(gap)) => missed += gap,
                Err(other) => panic!("there is a value: {other}"),
            }
        }
        let (sent, sender) = sending.join().unwrap();
        going.join().unwrap();
        assert!(sent);
        loop {
            match receiver.try_recv() {
                Ok(value) => received.push(*value),
                Err(TryRecvError::Lagged(gap)) => missed += gap,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Closed) => panic!("the sender is there"),
            }
        }
        assert_eq!(received.len() as u64 + missed, 3, "{received:?}");
        assert_eq!(received.last(), Some(&2), "the last is never missed");
        assert!(sender.is_empty());
    });
}

#[test]
fn loom_two_that_receive_share_a_value_and_one_moves_it_out() {
    loom::model(|| {
        let (sender, mut receiver) = bounded(2);
        let mut other = receiver.clone();
        assert!(send(&sender, 1));
        let thread = thread::spawn(move || other.try_recv().map(|value| *value));
        assert_eq!(receiver.try_recv().map(|value| *value), Ok(1));
        assert_eq!(thread.join().unwrap(), Ok(1));
        assert!(sender.is_empty());
    });
}

#[test]
fn loom_canary_a_waiter_that_shows_too_late() {
    assert_noticed("line.wait.late", "broadcast::model::loom_a_receiver_that_waits_meets_a_send");
}

#[test]
fn loom_canary_a_telling_that_ends_with_one_that_went() {
    assert_noticed("line.leave.silent", "broadcast::model::loom_a_sender_that_is_told_and_goes_passes_it_on");
}

#[test]
fn loom_canary_a_receiver_that_goes_and_still_stands() {
    assert_noticed(
        "broadcast.leave.stands",
        "broadcast::model::loom_a_send_meets_a_receive_and_the_drop_of_one_that_lags",
    );
}

#[test]
fn loom_canary_a_receiver_that_goes_in_silence() {
    assert_noticed(
        "broadcast.leave.silent",
        "broadcast::model::loom_a_sender_that_waits_meets_the_drop_of_the_one_behind",
    );
}

#[test]
fn loom_canary_a_send_that_leaves_room_in_silence() {
    assert_noticed("broadcast.push.silent", "broadcast::model::loom_a_send_that_leaves_room_tells_the_next");
}
