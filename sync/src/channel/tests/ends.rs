//! Weak ends, the wait for the end, the sink, the figures: what tokio's `sync_mpsc_weak` suite and its tests of `closed`, and
//! async-channel's of weak ends and of `closed` pin.

use super::flavours;
use crate::channel::{
    ChannelStatistics, Closed, Iter, OwnedPermit, Permit, Permits, Receiver, RecvFuture, RecvManyFuture,
    ReserveFuture, ReserveManyFuture, SendError, SendFuture, SendSink, Sender, TryIter, WeakReceiver,
    WeakSender, bounded,
};
use crate::testing::{Count, Hand, within_a_minute};
use crate::watchman::held;
use futures_sink::Sink;
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::Cell;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

#[test]
fn weak_ends_keep_nothing_open_and_are_none_when_the_last_is_gone() {
    for (name, _, make) in flavours::<usize>() {
        let (sender, receiver) = make();
        let (weak_sender, weak_receiver) = (sender.downgrade(), receiver.downgrade());
        let second = weak_sender.clone();
        assert_eq!((sender.weak_sender_count(), receiver.weak_receiver_count()), (2, 1), "{name}");
        drop(second);
        assert_eq!((weak_sender.weak_sender_count(), weak_receiver.weak_receiver_count()), (1, 1));
        let upgraded = weak_sender.upgrade().unwrap();
        assert!(upgraded.same_channel(&sender));
        drop(sender);
        assert_eq!((weak_sender.sender_count(), receiver.is_closed()), (1, false), "{name}");
        drop(upgraded);
        assert!(receiver.is_closed() && weak_sender.upgrade().is_none(), "{name}");
        // The other side goes on, closed or not.
        assert!(weak_receiver.upgrade().is_some(), "{name}");
        drop(receiver);
        assert!(weak_receiver.upgrade().is_none(), "{name}");
        assert_eq!(weak_receiver.receiver_count(), 0, "{name}");
    }
}

#[test]
fn values_do_not_wait_for_weak_ends_to_be_dropped() {
    let (sender, receiver) = bounded(4);
    let weak = (sender.downgrade(), receiver.downgrade());
    let value = Arc::new(());
    sender.try_send(value.clone()).unwrap();
    drop(receiver);
    assert_eq!(Arc::strong_count(&value), 1);
    drop(sender);
    drop(weak);
}

#[test]
fn all_that_wait_for_the_end_are_told_of_it() {
    for (name, _, make) in flavours::<usize>() {
        for by_drop in [false, true] {
            let (sender, receiver) = make();
            let mut waiting: Vec<_> = (0..40).map(|_| Hand::new(sender.closed())).collect();
            waiting.iter_mut().for_each(Hand::pends);
            let kept = if by_drop {
                drop(receiver);
                None
            } else {
                sender.close();
                Some(receiver)
            };
            assert!(waiting.iter().all(|closed| closed.wakes() == 1), "{name}");
            waiting.iter_mut().for_each(Hand::ready);
            Hand::new(sender.closed()).ready();
            sender.closed_blocking();
            drop(kept);
        }
    }
    within_a_minute(|| {
        let (sender, receiver) = bounded::<u8>(1);
        let waiting = std::thread::spawn(move || sender.closed_blocking());
        drop(receiver);
        waiting.join().unwrap();
    });
}

type Polled = Poll<Result<(), SendError<usize>>>;

#[test]
fn a_sink_holds_one_value_until_there_is_room() {
    for (name, room, make) in flavours::<usize>() {
        let (sender, receiver) = make();
        let mut sink = Pin::new(Box::new(sender.into_sink()));
        let (count, waker) = Count::new();
        let mut cx = Context::from_waker(&waker);
        let at_most = room.min(100);
        for n in 0..at_most {
            assert_eq!(sink.as_mut().poll_ready(&mut cx), Polled::Ready(Ok(())), "{name}");
            sink.as_mut().start_send(n).unwrap();
            assert_eq!(sink.as_mut().poll_flush(&mut cx), Polled::Ready(Ok(())), "{name}: it is in");
        }
        if room > at_most {
            continue;
        }
        for n in at_most..at_most + 3 {
            assert_eq!(sink.as_mut().poll_ready(&mut cx), Polled::Ready(Ok(())), "{name}");
            sink.as_mut().start_send(n).unwrap();
            assert_eq!(sink.as_mut().poll_ready(&mut cx), Polled::Pending, "{name}");
            assert_eq!(sink.as_mut().poll_flush(&mut cx), Polled::Pending, "{name}");
            assert_eq!(receiver.try_recv(), Ok(n - at_most), "{name}");
            assert_eq!(count.take(), 1, "{name}");
            assert_eq!(sink.as_mut().poll_flush(&mut cx), Polled::Ready(Ok(())), "{name}");
        }
        assert!(sink.sender().is_some());
        assert_eq!(sink.as_mut().poll_close(&mut cx), Polled::Ready(Ok(())), "{name}");
        assert!(receiver.is_closed() && sink.sender().is_none(), "{name}");
        assert_eq!(sink.as_mut().start_send(9), Err(SendError(9)), "{name}");
    }
}

#[test]
fn a_sink_gives_back_what_it_held_when_the_channel_closes() {
    let (sender, receiver) = bounded(1);
    sender.try_send(0).unwrap();
    let mut sink = sender.into_sink();
    let mut cx = Context::from_waker(Waker::noop());
    Pin::new(&mut sink).start_send(1).unwrap();
    assert_eq!(Pin::new(&mut sink).poll_close(&mut cx), Polled::Pending);
    receiver.close();
    assert_eq!(Pin::new(&mut sink).poll_ready(&mut cx), Polled::Ready(Err(SendError(1))));
    assert_eq!(Pin::new(&mut sink).poll_ready(&mut cx), Polled::Ready(Ok(())));
    assert_eq!(Pin::new(&mut sink).start_send(2), Err(SendError(2)));
    assert_eq!(receiver.try_recv(), Ok(0));
    drop(receiver);
    assert!(format!("{sink:?}").ends_with("holding: false }"), "{sink:?}");
}

#[test]
fn a_sink_that_is_dropped_takes_its_value_and_its_place_with_it() {
    let (sender, receiver) = bounded(1);
    sender.try_send(Arc::new(0)).unwrap();
    let held = Arc::new(1);
    let mut sink = sender.clone().into_sink();
    Pin::new(&mut sink).start_send(held.clone()).unwrap();
    assert!(Pin::new(&mut sink).poll_flush(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(sender.statistics().waiting_senders, 1);
    drop(sink);
    assert_eq!((sender.statistics().waiting_senders, Arc::strong_count(&held)), (0, 1));
    drop(receiver);
}

#[test]
fn a_sink_that_is_left_alone_takes_no_telling_for_itself() {
    let _clock = held::hold();
    let (sender, receiver) = bounded(1);
    sender.try_send(0).unwrap();
    let mut sink = sender.clone().into_sink();
    Pin::new(&mut sink).start_send(1).unwrap();
    assert!(Pin::new(&mut sink).poll_flush(&mut Context::from_waker(Waker::noop())).is_pending());
    let mut sends: Vec<_> = (2..4).map(|number| Hand::new(sender.send(number))).collect();
    sends.iter_mut().for_each(Hand::pends);
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!((sends[0].wakes(), sends[1].wakes()), (1, 0), "the sink may never be polled again");
    assert_eq!(sends[0].ready(), Ok(()));
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(sends[1].wakes(), 1, "and it is not in the line any more");
}

#[test]
#[should_panic(expected = "ready before")]
fn a_sink_that_is_not_ready_says_so() {
    let (sender, _receiver) = bounded(1);
    let mut sink = sender.into_sink();
    for n in 0..3 {
        Pin::new(&mut sink).start_send(n).unwrap();
    }
}

#[test]
fn statistics_tell_who_waits_and_who_did() {
    let (sender, receiver) = bounded(1);
    let weak = sender.downgrade();
    let mut recvs: Vec<_> = (0..3).map(|_| Hand::new(receiver.recv())).collect();
    recvs.iter_mut().for_each(Hand::pends);
    assert_eq!(sender.statistics().waiting_receivers, 3);
    drop(recvs);
    let permit = sender.try_reserve().unwrap();
    let mut send = Hand::new(sender.send(1));
    send.pends();
    let expected = ChannelStatistics {
        len: 0,
        capacity: Some(1),
        reserved: 1,
        is_closed: false,
        senders: 1,
        receivers: 1,
        weak_senders: 1,
        weak_receivers: 0,
        waiting_senders: 1,
        waiting_senders_peak: 1,
        waiting_receivers: 0,
        waiting_receivers_peak: 3,
    };
    assert_eq!((sender.statistics(), receiver.statistics()), (expected.clone(), expected));
    drop((permit, send, weak));
    receiver.close();
    let (statistics, shown) = (sender.statistics(), format!("{:?}", sender.downgrade()));
    assert_eq!((statistics.reserved, statistics.waiting_senders, statistics.is_closed), (0, 0, true));
    assert_eq!(shown, "WeakSender { len: 0, capacity: Some(1), closed: true, senders: 1, receivers: 1, .. }");
}

#[test]
fn auto_traits_are_those_of_what_crosses() {
    macro_rules! table {
        ($($name:ident $(<$life:lifetime>)?),*) => {$(
            assert_impl_all!($name<$($life,)? u8>: Send, Sync);
            assert_impl_all!($name<$($life,)? Cell<u8>>: Send, Sync);
            assert_not_impl_any!($name<$($life,)? Rc<u8>>: Send, Sync);
        )*};
    }
    table!(Sender, Receiver, WeakSender, WeakReceiver, OwnedPermit, SendSink);
    table!(Permit<'static>, Permits<'static>, Iter<'static>, TryIter<'static>);
    table!(SendFuture<'static>, RecvFuture<'static>, Closed<'static>);
    table!(ReserveFuture<'static>, ReserveManyFuture<'static>);
    // It holds the caller's vector: what may be shared of that may be shared of this.
    assert_impl_all!(RecvManyFuture<'static, u8>: Send, Sync);
    assert_impl_all!(RecvManyFuture<'static, Cell<u8>>: Send);
    assert_not_impl_any!(RecvManyFuture<'static, Cell<u8>>: Sync);
    assert_not_impl_any!(RecvManyFuture<'static, Rc<u8>>: Send, Sync);
    assert_impl_all!(Sender<PhantomPinned>: Unpin);
    assert_impl_all!(Receiver<PhantomPinned>: Unpin);
    assert_impl_all!(SendSink<PhantomPinned>: Unpin);
    assert_not_impl_any!(SendFuture<'static, u8>: Unpin);
    assert_not_impl_any!(RecvFuture<'static, u8>: Unpin);
    assert_not_impl_any!(Closed<'static, u8>: Unpin);
}
