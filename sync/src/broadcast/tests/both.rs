//! What both kinds do.

use super::kinds;
use crate::broadcast::{
    BroadcastStatistics, Receiver, RecvError, SendError, TryRecvError, TrySendError, bounded, lossy,
};
use crate::testing::{Count, Hand, within_a_minute};
use filch_primitive::WAKE_BATCH_CAPACITY;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use std::pin::Pin;
use std::task::{Context, Poll};

#[test]
fn every_value_reaches_every_receiver_in_order() {
    for (kind, (sender, first)) in kinds() {
        let mut receivers = [first, sender.subscribe(), sender.subscribe()];
        for n in 0..100 {
            assert_eq!(sender.try_send(n), Ok(3), "{kind}");
            assert_eq!(sender.len(), 1);
            for receiver in &mut receivers {
                assert_eq!(receiver.len(), 1);
                assert_eq!(receiver.try_recv(), Ok(n), "{kind}");
                assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty), "{kind}");
                assert!(receiver.is_empty());
            }
            assert!(sender.is_empty(), "the last one took it out");
        }
    }
}

#[test]
fn those_that_wait_are_woken_once_by_a_send() {
    for (kind, (sender, mut first)) in kinds() {
        let mut others: Vec<_> = (0..100).map(|_| sender.subscribe()).collect();
        let mut waiting: Vec<_> = others.iter_mut().map(|receiver| Hand::new(receiver.recv())).collect();
        waiting.iter_mut().for_each(Hand::pends);
        assert_eq!(sender.statistics().receivers_waiting, 100);
        sender.try_send(1).unwrap();
        sender.try_send(2).unwrap();
        assert!(waiting.iter().all(|recv| recv.wakes() == 1), "{kind}");
        for recv in &mut waiting {
            assert_eq!(recv.ready(), Ok(1), "{kind}");
        }
        drop(waiting);
        assert!(others.iter_mut().all(|receiver| receiver.try_recv() == Ok(2)));
        assert_eq!((first.try_recv(), first.try_recv()), (Ok(1), Ok(2)));
        let statistics = sender.statistics();
        assert_eq!((statistics.receivers_waiting, statistics.receivers_waiting_peak), (0, 100));
    }
}

/// one that is woken and waits again, while a large batch is still being told, is not told of the same
/// value twice.
#[test]
fn one_that_comes_back_between_two_batches_is_left_alone() {
    use std::sync::{Arc, Mutex};

    /// Receives what it was woken for, and waits for more.
    struct Again(Mutex<Option<crate::broadcast::Receiver<usize>>>, Arc<Count>);

    impl std::task::Wake for Again {
        fn wake(self: Arc<Self>) {
            let mut place = self.0.lock().unwrap();
            let receiver = place.as_mut().expect("woken while it waits");
            assert_eq!(receiver.try_recv(), Ok(7));
            let waker = std::task::Waker::from(self.1.clone());
            assert!(Pin::new(receiver).poll_next(&mut Context::from_waker(&waker)).is_pending());
        }
    }

    let (sender, first) = lossy(4);
    drop(first);
    let again: Vec<_> =
        (0..100).map(|_| Arc::new(Again(Mutex::new(Some(sender.subscribe())), Count::new().0))).collect();
    for one in &again {
        let waker = std::task::Waker::from(one.clone());
        let mut place = one.0.lock().unwrap();
        let receiver = Pin::new(place.as_mut().unwrap());
        assert!(receiver.poll_next(&mut Context::from_waker(&waker)).is_pending());
    }
    sender.try_send(7).unwrap();
    assert!(again.iter().all(|one| one.1.take() == 0), "there was nothing new");
    sender.try_send(8).unwrap();
    assert!(again.iter().all(|one| one.1.take() == 1));
    again.iter().for_each(|one| drop(one.0.lock().unwrap().take()));
}

/// One that waits as a stream gets a value by other means while those before it are being told of it, and waits for the
/// next: in its place it would stand before those behind it that have not had the value.
#[test]
fn one_that_has_had_more_since_it_joined_hides_nobody_behind_it() {
    use std::sync::{Arc, Mutex};
    use std::task::{Wake, Waker};

    /// Receives without waiting, then waits as a stream.
    struct Ahead(Mutex<Receiver<usize>>);

    impl Ahead {
        fn waits(&self) {
            let mut receiver = self.0.lock().unwrap();
            let mut cx = Context::from_waker(Waker::noop());
            assert!(Pin::new(&mut *receiver).poll_next(&mut cx).is_pending());
        }
    }

    impl Wake for Ahead {
        fn wake(self: Arc<Self>) {
            assert_eq!(self.0.lock().unwrap().try_recv(), Ok(1));
            self.waits();
        }
    }

    for (kind, (sender, streaming)) in kinds() {
        let ahead = Arc::new(Ahead(Mutex::new(streaming)));
        let mut others: Vec<_> = (0..=WAKE_BATCH_CAPACITY).map(|_| sender.subscribe()).collect();
        let mut recvs: Vec<_> = others.iter_mut().map(|receiver| Hand::new(receiver.recv())).collect();
        let mut late = recvs.pop().unwrap();
        assert!(recvs[0].poll_with(&Waker::from(ahead.clone())).is_pending());
        recvs[1..].iter_mut().for_each(Hand::pends);
        ahead.waits();
        late.pends();
        sender.try_send(1).unwrap();
        assert_eq!(late.wakes(), 1, "{kind}");
        assert_eq!(late.ready(), Ok(1), "{kind}");
        assert_eq!(sender.statistics().receivers_waiting, 1, "{kind}: the stream");
    }
}

#[test]
fn what_is_sent_to_nobody_comes_back_and_the_channel_opens_again() {
    for (kind, (sender, receiver)) in kinds() {
        drop(receiver);
        assert!(sender.is_closed());
        assert_eq!(sender.try_send(1), Err(TrySendError::Closed(1)), "{kind}");
        assert_eq!(Hand::new(sender.send(2)).ready(), Err(SendError(2)), "{kind}");
        assert_eq!(sender.send_blocking(3), Err(SendError(3)), "{kind}");
        let mut receiver = sender.subscribe();
        assert!(!sender.is_closed());
        assert_eq!(sender.try_send(4), Ok(1), "{kind}");
        assert_eq!(receiver.try_recv(), Ok(4), "{kind}");
        let mut recv = Hand::new(receiver.recv());
        recv.pends();
        sender.try_send(5).unwrap();
        assert_eq!((recv.wakes(), recv.ready()), (1, Ok(5)), "{kind}");
    }
}

#[test]
fn the_last_sender_closes_and_what_was_sent_is_received() {
    for (kind, (sender, mut receiver)) in kinds() {
        let mut behind = receiver.clone();
        sender.try_send(1).unwrap();
        assert_eq!(receiver.try_recv(), Ok(1));
        let other = sender.clone();
        drop(sender);
        assert!(!receiver.is_closed());
        let mut recv = Hand::new(receiver.recv());
        recv.pends();
        drop(other);
        assert_eq!((recv.wakes(), recv.ready()), (1, Err(RecvError::Closed)), "{kind}");
        drop(recv);
        assert!(receiver.is_closed() && receiver.is_terminated() && !behind.is_terminated());
        let mut late = behind.resubscribe();
        assert_eq!(late.recv_blocking(), Err(RecvError::Closed), "{kind}");
        assert_eq!(behind.try_recv(), Ok(1), "{kind}");
        assert_eq!(behind.try_recv(), Err(TryRecvError::Closed), "{kind}");
    }
}

#[test]
fn clones_continue_and_subscribers_begin() {
    for (kind, (sender, mut receiver)) in kinds() {
        sender.try_send(1).unwrap();
        let mut clone = receiver.clone();
        let mut late = receiver.resubscribe();
        let mut latest = sender.subscribe();
        assert_eq!((receiver.len(), clone.len(), late.len(), latest.len()), (1, 1, 0, 0), "{kind}");
        sender.try_send(2).unwrap();
        assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Ok(2)));
        assert_eq!((clone.try_recv(), clone.try_recv()), (Ok(1), Ok(2)));
        assert_eq!((late.try_recv(), latest.try_recv()), (Ok(2), Ok(2)));
        assert!(sender.is_empty(), "{kind}");
        assert!(receiver.same_channel(&late) && sender.same_channel(&sender.clone()));
        assert_eq!((sender.receiver_count(), late.receiver_count(), late.sender_count()), (4, 4, 1));
    }
}

#[test]
fn weak_senders_do_not_keep_it_open_nor_open_it_again() {
    for (kind, (sender, mut receiver)) in kinds::<u8>() {
        let weak = sender.downgrade();
        let mut recv = Hand::new(receiver.recv());
        recv.pends();
        let strong = weak.clone().upgrade().expect("there is a sender");
        assert!(strong.same_channel(&sender));
        assert_eq!(sender.sender_count(), 2, "{kind}");
        drop((sender, strong));
        assert_eq!(recv.ready(), Err(RecvError::Closed), "{kind}");
        assert!(weak.upgrade().is_none(), "{kind}");
    }
}

#[test]
fn closed_waits_for_the_last_receiver() {
    for (kind, (sender, receiver)) in kinds::<u8>() {
        let other = receiver.clone();
        let mut closed = Hand::new(sender.closed());
        let mut second = Hand::new(sender.closed());
        closed.pends();
        second.pends();
        drop(receiver);
        assert_eq!(closed.wakes(), 0, "{kind}");
        drop(other);
        assert_eq!((closed.wakes(), second.wakes()), (1, 1), "{kind}");
        closed.ready();
        let late = sender.subscribe();
        second.pends();
        drop(late);
        second.ready();
    }
}

#[test]
fn a_stream_yields_and_ends() {
    for (_, (sender, mut receiver)) in kinds() {
        let (count, waker) = Count::new();
        let mut cx = Context::from_waker(&waker);
        let mut next = |receiver: &mut Receiver<i32>| Pin::new(receiver).poll_next(&mut cx);
        assert!(next(&mut receiver).is_pending());
        assert!(next(&mut receiver).is_pending());
        sender.try_send(1).unwrap();
        assert_eq!(count.take(), 1);
        assert_eq!(receiver.size_hint(), (1, None));
        assert_eq!(next(&mut receiver), Poll::Ready(Some(Ok(1))));
        sender.try_send(2).unwrap();
        assert_eq!(count.take(), 0, "it was not waiting");
        assert_eq!(next(&mut receiver), Poll::Ready(Some(Ok(2))));
        assert!(next(&mut receiver).is_pending());
        drop(sender);
        assert_eq!(count.take(), 1);
        assert_eq!(next(&mut receiver), Poll::Ready(None));
        assert_eq!(next(&mut receiver), Poll::Ready(None));
    }
}

#[test]
fn a_stream_that_goes_leaves_the_line() {
    for (_, (sender, receiver)) in kinds::<u8>() {
        let (count, waker) = Count::new();
        let mut gone = receiver.clone();
        assert!(Pin::new(&mut gone).poll_next(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(sender.statistics().receivers_waiting, 1);
        drop(gone);
        assert_eq!(sender.statistics().receivers_waiting, 0);
        sender.try_send(1).unwrap();
        assert_eq!(count.take(), 0);
        drop(waker);
        assert_eq!(std::sync::Arc::strong_count(&count), 1, "and no waker behind");
    }
}

#[test]
fn a_dropped_recv_loses_nothing() {
    for (kind, (sender, mut receiver)) in kinds() {
        for n in 0..10 {
            let mut recv = Hand::new(receiver.recv());
            recv.pends();
            sender.try_send(n).unwrap();
            assert_eq!(recv.wakes(), 1);
            drop(recv);
            assert_eq!(receiver.try_recv(), Ok(n), "{kind}");
        }
        assert_eq!(sender.statistics().receivers_waiting, 0);
    }
}

#[test]
fn a_recv_can_change_its_task() {
    for (_, (sender, mut receiver)) in kinds() {
        let mut recv = Hand::new(receiver.recv());
        recv.pends();
        let (other, waker) = Count::new();
        assert!(recv.poll_with(&waker).is_pending());
        sender.try_send(1).unwrap();
        assert_eq!((recv.wakes(), other.take()), (0, 1));
        assert_eq!(recv.ready(), Ok(1));
    }
}

#[test]
fn statistics_and_debug_show_the_state() {
    let (sender, receiver) = bounded(1);
    sender.try_send(1).unwrap();
    let mut send = Hand::new(sender.send(2));
    send.pends();
    let shown = BroadcastStatistics {
        len: 1,
        capacity: 1,
        sent: 1,
        senders: 1,
        receivers: 1,
        senders_waiting: 1,
        senders_waiting_peak: 1,
        sinks_waiting: 0,
        sinks_waiting_peak: 0,
        receivers_waiting: 0,
        receivers_waiting_peak: 0,
    };
    assert_eq!(sender.statistics(), shown);
    assert_eq!(format!("{sender:?}"), "Sender { capacity: 1, len: 1, senders: 1, receivers: 1, .. }");
    assert_eq!(format!("{receiver:?}"), "Receiver { capacity: 1, len: 1, senders: 1, receivers: 1, .. }");
    assert_eq!((sender.capacity(), receiver.capacity()), (1, 1));
}

#[test]
fn errors_speak() {
    assert_eq!(SendError(1).to_string(), "the channel has no receiver");
    assert_eq!(TrySendError::Full(1).to_string(), "the channel is full");
    assert_eq!(format!("{:?} {:?}", TrySendError::Closed(1), SendError(1)), "Closed(..) SendError(..)");
    assert!(TrySendError::Full(1).is_full() && !TrySendError::Closed(1).is_full());
    assert_eq!(TrySendError::Closed(1).into_inner(), 1);
    assert_eq!(TryRecvError::Lagged(3).to_string(), "missed 3 values");
    assert_eq!(RecvError::Lagged(3).to_string(), "missed 3 values");
    assert_eq!(TryRecvError::Closed.to_string(), "the channel is closed and empty");
    assert_eq!(TryRecvError::Empty.to_string(), "the channel is empty");
}

#[test]
#[should_panic(expected = "at least one value")]
fn nothing_fits_into_nothing() {
    let _ = lossy::<u8>(0);
}

#[test]
fn a_huge_capacity_costs_nothing_by_itself() {
    for (sender, mut receiver) in [lossy(usize::MAX), bounded(usize::MAX)] {
        sender.try_send(1).unwrap();
        assert_eq!(receiver.try_recv(), Ok(1));
    }
}

#[test]
fn what_is_always_ready_gives_way() {
    let (sender, mut receiver) = lossy(1);
    let _slice = filch_primitive::slice::open();
    let mut gave_way = false;
    let start = std::time::Instant::now();
    while !gave_way {
        assert!(start.elapsed().as_secs() < 10, "it never gave way");
        sender.try_send(1).unwrap();
        gave_way = Hand::new(receiver.recv()).poll().is_pending();
    }
}

#[test]
fn a_plain_thread_waits_for_the_last_receiver() {
    within_a_minute(|| {
        let (sender, receiver) = bounded::<u8>(1);
        let other = receiver.clone();
        let waiting = std::thread::spawn(move || {
            sender.closed_blocking();
            assert!(sender.is_closed());
            // Closed already: at once.
            sender.closed_blocking();
        });
        drop(receiver);
        assert_eq!((other.statistics().receivers, waiting.is_finished()), (1, false));
        drop(other);
        waiting.join().unwrap();
    });
}
