//! Who gets what, and who is woken when.

use super::{flavours, unbounded};
use crate::channel::{TryRecvError, TrySendError, bounded, rendezvous};
use crate::testing::{Count, Hand, PanicOnWake};
use crate::watchman::held;
use futures_core::Stream;
use futures_lite::StreamExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

#[test]
fn values_of_one_sender_arrive_in_order() {
    for (name, room, make) in flavours::<usize>() {
        let (sender, receiver) = make();
        let count = room.clamp(1, 90);
        let mut sends: Vec<_> = (0..count).map(|n| Hand::new(sender.send(n))).collect();
        for send in &mut sends {
            assert_eq!(send.poll().is_ready(), room > 0, "{name}");
        }
        for n in 0..count {
            assert_eq!(Hand::new(receiver.recv()).ready(), Ok(n), "{name}");
        }
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty), "{name}");
        if room == 0 {
            assert!(sends.iter_mut().all(|send| send.ready().is_ok()), "{name}");
        }
    }
}

#[test]
fn waiting_receivers_are_told_one_per_value_in_order() {
    let _clock = held::hold();
    for (name, room, make) in flavours::<usize>() {
        let (sender, receiver) = make();
        let mut waiting: Vec<_> = (0..3).map(|_| Hand::new(receiver.recv())).collect();
        waiting.iter_mut().for_each(Hand::pends);
        let mut first = Hand::new(sender.send(1));
        assert_eq!(first.poll().is_ready(), room > 0);
        assert_eq!(waiting.iter().map(Hand::wakes).collect::<Vec<_>>(), [1, 0, 0], "{name}");
        assert_eq!(waiting[0].ready(), Ok(1));
        let mut second = Hand::new(sender.send(2));
        assert_eq!(second.poll().is_ready(), room > 0);
        assert_eq!(waiting[1..].iter().map(Hand::wakes).collect::<Vec<_>>(), [1, 0], "{name}");
        assert_eq!(waiting[1].ready(), Ok(2));
        waiting[2].pends();
    }
}

#[test]
fn waiting_senders_are_told_one_per_place_in_order() {
    let _clock = held::hold();
    let (sender, receiver) = bounded(1);
    sender.try_send(0).unwrap();
    assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
    let mut waiting: Vec<_> = (1..4).map(|n| Hand::new(sender.send(n))).collect();
    waiting.iter_mut().for_each(Hand::pends);
    for n in 0..3 {
        assert_eq!(receiver.try_recv(), Ok(n));
        assert_eq!(waiting.iter().map(Hand::wakes).sum::<usize>(), 1);
        assert_eq!(waiting.remove(0).ready(), Ok(()));
    }
    assert_eq!(receiver.try_recv(), Ok(3));
}

#[test]
fn one_that_was_told_and_lost_goes_back_to_the_front() {
    let _clock = held::hold();
    let (sender, receiver) = bounded(4);
    let mut first = Hand::new(receiver.recv());
    let mut second = Hand::new(receiver.recv());
    first.pends();
    second.pends();
    sender.try_send(1).unwrap();
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    assert_eq!(receiver.try_recv(), Ok(1), "another was faster");
    first.pends();
    sender.try_send(2).unwrap();
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    assert_eq!(first.ready(), Ok(2));
}

#[test]
fn a_rendezvous_send_is_done_when_the_value_was_taken() {
    let (sender, receiver) = rendezvous();
    assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
    let mut send = Hand::new(sender.send(1));
    send.pends();
    send.pends();
    assert_eq!((sender.len(), sender.capacity()), (0, Some(0)));
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(send.wakes(), 1);
    assert_eq!(send.ready(), Ok(()));
    let mut recv = Hand::new(receiver.recv());
    recv.pends();
    assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)), "the receiver may still go away");
    let mut send = Hand::new(sender.send(2));
    send.pends();
    assert_eq!(recv.wakes(), 1);
    assert_eq!(recv.ready(), Ok(2));
    assert_eq!(send.ready(), Ok(()));
}

#[test]
fn only_the_last_waker_is_woken_and_a_panicking_one_is_contained() {
    for (name, room, make) in flavours::<usize>() {
        let (sender, receiver) = make();
        let (a, waker_a) = Count::new();
        let (b, waker_b) = Count::new();
        let mut recv = Hand::new(receiver.recv());
        for waker in [&waker_a, &waker_b, &waker_a, &waker_b] {
            assert!(recv.poll_with(waker).is_pending());
        }
        let mut send = Hand::new(sender.send(1));
        assert_eq!(send.poll().is_ready(), room > 0);
        assert_eq!((a.take(), b.take()), (0, 1), "{name}");
        assert_eq!(recv.ready(), Ok(1));
        let mut recv = Hand::new(receiver.recv());
        assert!(recv.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
        let mut send = Hand::new(sender.send(2));
        assert_eq!(send.poll().is_ready(), room > 0);
        assert_eq!(recv.ready(), Ok(2), "{name}");
    }
}

#[test]
fn a_receiver_is_a_stream() {
    let (sender, mut receiver) = unbounded();
    futures_lite::future::block_on(async {
        sender.send(1).await.unwrap();
        assert_eq!(receiver.next().await, Some(1));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut receiver).poll_next(&mut cx).is_pending());
        sender.send(2).await.unwrap();
        sender.send(3).await.unwrap();
        drop(sender);
        assert_eq!(receiver.next().await, Some(2));
        assert_eq!(receiver.next().await, Some(3));
        assert_eq!(receiver.next().await, None);
        assert!(futures_core::FusedStream::is_terminated(&receiver));
    });
}

#[test]
fn a_stream_that_was_told_and_is_dropped_passes_it_on() {
    let _clock = held::hold();
    let (sender, receiver) = unbounded();
    let mut streaming = receiver.clone();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut streaming).poll_next(&mut cx).is_pending());
    let mut recv = Hand::new(receiver.recv());
    recv.pends();
    // Behind two that wait in the same way: of those, one is told.
    let mut behind = Hand::new(receiver.recv());
    behind.pends();
    sender.try_send(1).unwrap();
    assert_eq!(
        (recv.wakes(), behind.wakes()),
        (1, 0),
        "a stream that is left alone takes no telling for itself"
    );
    drop(streaming);
    assert_eq!(behind.wakes(), 1);
    assert_eq!(recv.ready(), Ok(1));
    behind.pends();
}

#[test]
fn streams_that_wait_are_all_told_and_those_that_find_nothing_wait_on() {
    for (name, room, make) in flavours::<usize>() {
        let (sender, receiver) = make();
        let mut streams: Vec<_> = (0..100).map(|_| (receiver.clone(), Count::new())).collect();
        for round in 1..=5 {
            for (stream, (_, waker)) in &mut streams {
                assert!(Pin::new(stream).poll_next(&mut Context::from_waker(waker)).is_pending(), "{name}");
            }
            let mut send = Hand::new(sender.send(round));
            assert_eq!(send.poll().is_ready(), room > 0);
            assert!(
                streams.iter().all(|(_, (count, _))| count.take() == 1),
                "{name}: all are told, once each"
            );
            // Another one each time.
            let (taker, (_, waker)) = &mut streams[round * 17];
            let taken = Pin::new(taker).poll_next(&mut Context::from_waker(waker));
            assert_eq!(taken, Poll::Ready(Some(round)), "{name}");
        }
    }
}

#[test]
fn ends_show_themselves() {
    let (sender, receiver) = bounded::<u8>(2);
    let (other, _receiver) = unbounded::<u8>();
    assert!(sender.same_channel(&sender.clone()) && !sender.same_channel(&other));
    assert!(receiver.same_channel(&receiver.clone()));
    assert_eq!((sender.sender_count(), sender.receiver_count()), (1, 1));
    assert_eq!((receiver.sender_count(), receiver.receiver_count()), (1, 1));
    let shown = "{ len: 0, capacity: Some(2), closed: false, senders: 1, receivers: 1, .. }";
    assert_eq!(format!("{sender:?}"), format!("Sender {shown}"));
    assert_eq!(format!("{receiver:?}"), format!("Receiver {shown}"));
    assert!(other.capacity().is_none() && receiver.capacity() == Some(2));
    assert!(format!("{:?} {:?}", sender.send(1), receiver.recv()).starts_with("SendFuture"));
}

/// Futurelock: what one was woken for that is not polled any more is for whoever is.
#[test]
fn one_that_was_told_and_is_not_polled_keeps_nothing() {
    for (name, room, make) in flavours::<u8>().into_iter().filter(|flavour| flavour.1 > 1) {
        let (sender, receiver) = make();
        let mut recvs: Vec<_> = (0..3).map(|_| Hand::new(receiver.recv())).collect();
        recvs.iter_mut().for_each(Hand::pends);
        sender.try_send(1).unwrap();
        assert_eq!(recvs[0].wakes(), 1, "{name}: and it is never polled again");
        assert_eq!(receiver.try_recv(), Ok(1), "{name}: a newcomer takes it");
        sender.try_send(2).unwrap();
        assert_eq!(
            (recvs[1].wakes(), recvs[1].ready()),
            (1, Ok(2)),
            "{name} of {room}: and the next is told of the next"
        );
        sender.try_send(3).unwrap();
        assert_eq!((recvs[2].wakes(), recvs[2].ready()), (1, Ok(3)), "{name}");
    }
}
