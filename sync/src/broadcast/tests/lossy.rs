//! Gaps: how large, how often, and what comes after.

use crate::broadcast::{Lagged, RecvError, TryRecvError, lossy};
use crate::testing::Hand;
use futures_core::Stream;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

#[test]
fn who_is_within_capacity_misses_nothing() {
    for capacity in [1, 2, 3, 4, 5, 31, 32, 33, 300] {
        let (sender, mut receiver) = lossy(capacity);
        for round in 0..5 {
            (0..capacity).for_each(|n| assert_eq!(sender.try_send((round, n)), Ok(1)));
            assert_eq!(receiver.len(), capacity);
            (0..capacity).for_each(|n| assert_eq!(receiver.try_recv(), Ok((round, n))));
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        }
    }
}

#[test]
fn a_gap_is_exact_told_once_and_ends_at_the_oldest_that_is_there() {
    for capacity in [1, 2, 3, 5, 33] {
        for over in [1, 2, capacity, 10 * capacity] {
            let (sender, mut receiver) = lossy(capacity);
            (0..capacity + over).for_each(|n| assert_eq!(sender.try_send(n), Ok(1)));
            assert_eq!((receiver.len(), sender.len()), (capacity, capacity));
            let missed = u64::try_from(over).unwrap();
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(missed)));
            assert_eq!(receiver.len(), capacity, "the error took nothing");
            (over..capacity + over).for_each(|n| assert_eq!(receiver.try_recv(), Ok(n)));
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        }
    }
}

/// Of these each lies in a block of its own.
#[test]
fn large_values_come_and_are_missed_as_small_ones() {
    let large = |n: u32| [n; 10_000];
    let (sender, mut receiver) = lossy(3);
    let mut other = receiver.clone();
    for round in 0..3 {
        (0..5).for_each(|n| assert_eq!(sender.try_send(large(10 * round + n)), Ok(2)));
        for receiver in [&mut receiver, &mut other] {
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(2)));
            (2..5).for_each(|n| assert!(receiver.try_recv() == Ok(large(10 * round + n))));
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        }
        assert!(sender.is_empty());
    }
}

#[test]
fn gaps_are_each_receivers_own() {
    let (sender, mut slow) = lossy(2);
    let mut slower = slow.clone();
    sender.try_send(0).unwrap();
    assert_eq!(slow.try_recv(), Ok(0));
    (1..5).for_each(|n| assert_eq!(sender.try_send(n), Ok(2)));
    let mut clone = slower.clone();
    assert_eq!(slow.try_recv(), Err(TryRecvError::Lagged(2)));
    assert_eq!(slower.try_recv(), Err(TryRecvError::Lagged(3)));
    assert_eq!(slow.try_recv(), Ok(3));
    // Again, before what was kept has been received.
    (5..8).for_each(|n| assert_eq!(sender.try_send(n), Ok(3)));
    assert_eq!(slow.try_recv(), Err(TryRecvError::Lagged(2)), "4 and 5");
    assert_eq!(slower.try_recv(), Err(TryRecvError::Lagged(3)), "3, 4 and 5");
    assert_eq!(clone.try_recv(), Err(TryRecvError::Lagged(6)), "a clone lags as the original did");
    for receiver in [&mut slow, &mut slower, &mut clone] {
        assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(6), Ok(7)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    }
    assert!(sender.is_empty());
}

#[test]
fn resubscribed_one_that_lags_does_not_lag() {
    let (sender, receiver) = lossy(1);
    (0..3).for_each(|n| assert_eq!(sender.try_send(n), Ok(1)));
    let mut late = receiver.resubscribe();
    assert_eq!(late.try_recv(), Err(TryRecvError::Empty));
    sender.try_send(3).unwrap();
    assert_eq!(late.try_recv(), Ok(3));
}

#[test]
fn a_gap_is_told_after_closing_too() {
    let (sender, mut receiver) = lossy(2);
    (0..3).for_each(|n| assert_eq!(sender.try_send(n), Ok(1)));
    drop(sender);
    assert_eq!(receiver.recv_blocking(), Err(RecvError::Lagged(1)));
    assert_eq!((receiver.recv_blocking(), receiver.recv_blocking()), (Ok(1), Ok(2)));
    assert_eq!(receiver.recv_blocking(), Err(RecvError::Closed));
}

#[test]
fn one_that_was_woken_and_is_not_polled_in_time_lags() {
    let (sender, mut receiver) = lossy(1);
    let mut recv = Hand::new(receiver.recv());
    recv.pends();
    (0..3).for_each(|n| assert_eq!(sender.try_send(n), Ok(1)));
    assert_eq!(recv.wakes(), 1);
    assert_eq!(recv.ready(), Err(RecvError::Lagged(2)));
    drop(recv);
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn a_stream_yields_the_gap() {
    let (sender, mut receiver) = lossy(1);
    (0..3).for_each(|n| assert_eq!(sender.try_send(n), Ok(1)));
    let mut next = || Pin::new(&mut receiver).poll_next(&mut Context::from_waker(Waker::noop()));
    assert_eq!(next(), Poll::Ready(Some(Err(Lagged(2)))));
    assert_eq!(next(), Poll::Ready(Some(Ok(2))));
    assert!(next().is_pending());
}

#[test]
fn a_send_never_waits() {
    let (sender, _receiver) = lossy(1);
    for n in 0..10 {
        assert_eq!(Hand::new(sender.send(n)).ready(), Ok(1));
        assert_eq!(sender.send_blocking(n), Ok(1));
    }
}

#[test]
fn one_that_lags_and_goes_leaves_the_others_theirs() {
    let (sender, mut receiver) = lossy(3);
    let lagging = receiver.clone();
    sender.try_send(0).unwrap();
    assert_eq!(receiver.try_recv(), Ok(0));
    (1..6).for_each(|n| assert_eq!(sender.try_send(n), Ok(2)));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(2)));
    assert_eq!(receiver.try_recv(), Ok(3));
    assert_eq!(sender.len(), 3, "one lags, and stands at the first");
    drop(lagging);
    assert_eq!(sender.len(), 2);
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(4), Ok(5)));
}
