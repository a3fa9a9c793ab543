//! Places that are reserved: what tokio's `sync_mpsc` suite pins of `reserve`, `reserve_many` and `try_reserve`, and of permits
//! that outlive the receiver or the close (R-85: permits given back let a closed receiver see the end).

use super::flavours;
use crate::channel::{
    ReserveError, SendError, TryRecvError, TryReserveError, TrySendError, bounded, rendezvous, unbounded,
};
use crate::testing::{Hand, PanicOnWake, within_a_minute};
use crate::watchman::held;
use std::sync::Arc;
use std::task::Waker;

#[test]
fn a_reserved_place_is_taken_and_waits_for_nothing() {
    for (name, room, make) in flavours::<usize>().into_iter().filter(|flavour| flavour.1 > 0) {
        let (sender, receiver) = make();
        let permit = sender.try_reserve().unwrap();
        let held = sender.statistics().reserved;
        assert_eq!((held, receiver.len(), receiver.try_recv()), (1, 0, Err(TryRecvError::Empty)), "{name}");
        let others = (room - 1).min(150);
        (0..others).for_each(|n| sender.try_send(n).unwrap());
        if room < 200 {
            assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)), "{name}");
            assert_eq!(sender.try_reserve().unwrap_err(), TryReserveError::Full, "{name}");
        }
        permit.send(1000).unwrap();
        assert!(receiver.try_iter().eq((0..others).chain([1000])), "{name}: in the order of the sends");
        assert_eq!(sender.statistics().reserved, 0);
    }
}

#[test]
fn a_place_given_back_goes_to_the_next_in_line() {
    let _clock = held::hold();
    let (sender, receiver) = bounded(1);
    let permit = sender.try_reserve().unwrap();
    let mut send = Hand::new(sender.send(1));
    let mut reserve = Hand::new(sender.reserve());
    send.pends();
    reserve.pends();
    drop(permit);
    assert_eq!((send.wakes(), reserve.wakes()), (1, 0));
    drop(send);
    assert_eq!(reserve.wakes(), 1, "told, and gone: it passes that on");
    let permit = reserve.ready().unwrap();
    permit.send(2).unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn many_wait_until_there_is_room_for_all_and_those_behind_wait_for_them() {
    let _clock = held::hold();
    let (sender, receiver) = bounded(3);
    (0..3).for_each(|n| sender.try_send(n).unwrap());
    let mut many = Hand::new(sender.reserve_many(2));
    let mut send = Hand::new(sender.send(3));
    many.pends();
    send.pends();
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!((many.wakes(), send.wakes()), (1, 0));
    many.pends();
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!((many.wakes(), send.wakes()), (1, 0), "in front again");
    let mut permits = many.ready().unwrap();
    assert_eq!(permits.len(), 2);
    permits.next().unwrap().send(10).unwrap();
    assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
    drop(permits);
    assert_eq!(send.wakes(), 1);
    assert_eq!(send.ready(), Ok(()));
    assert!(receiver.try_iter().eq([2, 10, 3]));
}

#[test]
fn many_that_go_tell_those_behind_of_all_the_room_there_is() {
    let _clock = held::hold();
    let (sender, receiver) = bounded(3);
    (0..3).for_each(|n| sender.try_send(n).unwrap());
    let mut many = Hand::new(sender.reserve_many(3));
    many.pends();
    let mut sends: Vec<_> = (3..6).map(|n| Hand::new(sender.send(n))).collect();
    sends.iter_mut().for_each(Hand::pends);
    for n in 0..2 {
        assert_eq!(receiver.try_recv(), Ok(n));
        many.pends();
    }
    assert_eq!(sends.iter().map(Hand::wakes).sum::<usize>(), 0);
    drop(many);
    assert_eq!(sends.iter().map(Hand::wakes).collect::<Vec<_>>(), [1, 1, 0]);
}

#[test]
fn what_never_fits_is_refused_at_once() {
    let (sender, receiver) = bounded::<u8>(2);
    assert_eq!(sender.try_reserve_many(3).unwrap_err(), TryReserveError::NeverRoom);
    assert_eq!(Hand::new(sender.reserve_many(3)).ready().unwrap_err(), ReserveError::NeverRoom);
    assert_eq!(sender.try_reserve_many(0).unwrap().len(), 0, "none is always there");
    receiver.close();
    assert_eq!(sender.try_reserve().unwrap_err(), TryReserveError::Closed);
    assert_eq!(sender.reserve_blocking().unwrap_err(), ReserveError::Closed);
    assert_eq!(sender.try_reserve_many(0).unwrap_err(), TryReserveError::Closed);
    let (sender, _receiver) = rendezvous::<u8>();
    assert_eq!(sender.try_reserve_owned().unwrap_err(), TryReserveError::NeverRoom);
    assert_eq!(Hand::new(sender.reserve_owned()).ready().unwrap_err(), ReserveError::NeverRoom);
}

#[test]
fn a_closed_receiver_sees_the_end_when_the_last_permit_is_used_or_given_back() {
    for (name, _, make) in flavours::<usize>().into_iter().filter(|flavour| flavour.1 >= 2) {
        let (sender, receiver) = make();
        let (used, returned) = (sender.try_reserve().unwrap(), sender.try_reserve().unwrap());
        let mut recvs: Vec<_> = (0..3).map(|_| Hand::new(receiver.recv())).collect();
        recvs.iter_mut().for_each(Hand::pends);
        receiver.close();
        assert!(recvs.iter().all(|recv| recv.wakes() == 1), "{name}");
        recvs.iter_mut().for_each(Hand::pends);
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty), "{name}: something may come");
        assert!(!futures_core::FusedStream::is_terminated(&receiver), "{name}");
        used.send(1).unwrap();
        assert_eq!(recvs[0].ready(), Ok(1), "{name}");
        recvs[1..].iter_mut().for_each(Hand::pends);
        assert!(recvs[1..].iter().all(|recv| recv.wakes() == 1), "{name}: all look again");
        recvs[1..].iter_mut().for_each(Hand::pends);
        drop(returned);
        assert!(recvs[1..].iter_mut().all(|recv| recv.wakes() == 1 && recv.ready().is_err()), "{name}");
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed), "{name}");
        assert!(futures_core::FusedStream::is_terminated(&receiver), "{name}");
    }
}

#[test]
fn a_value_for_which_no_receiver_is_left_comes_back() {
    for (name, _, make) in flavours::<Arc<()>>().into_iter().filter(|flavour| flavour.1 > 0) {
        let (sender, receiver) = make();
        let value = Arc::new(());
        let permit = sender.try_reserve_owned().unwrap();
        drop(receiver);
        assert!(matches!(permit.send(value.clone()), Err(SendError(_))), "{name}");
        assert_eq!(Arc::strong_count(&value), 1, "{name}: nothing stays behind");
        assert_eq!((sender.len(), sender.statistics().reserved), (0, 0), "{name}");
    }
}

#[test]
fn an_owned_permit_is_a_sender() {
    let (sender, receiver) = bounded(1);
    let mut reserving = Hand::new(sender.reserve_owned());
    drop(sender);
    let permit = reserving.ready().unwrap();
    assert_eq!((receiver.sender_count(), receiver.is_closed()), (1, false));
    let first = permit.release();
    let sender = first.try_reserve_owned().unwrap().send(1).unwrap();
    drop(first);
    assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    let mut next = Hand::new(sender.reserve_owned());
    next.pends();
    drop((sender, next));
    assert!(receiver.is_closed(), "a future that is dropped keeps nothing");
}

#[test]
fn a_waker_that_panics_costs_the_others_nothing() {
    let (sender, _receiver) = bounded::<u8>(2);
    let permits = sender.try_reserve_many(2).unwrap();
    let mut bad = Hand::new(sender.reserve());
    assert!(bad.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    let mut good = Hand::new(sender.reserve());
    good.pends();
    drop(permits);
    assert_eq!(good.wakes(), 1);
    assert!(good.ready().is_ok() && bad.ready().is_ok());
}

#[test]
fn an_unbounded_channel_has_room_for_values_whatever_is_reserved() {
    let (sender, receiver) = unbounded();
    assert_eq!(sender.try_reserve_many(usize::MAX).unwrap_err(), TryReserveError::NeverRoom);
    let permits = sender.try_reserve_many(usize::MAX / 2).unwrap();
    assert_eq!(sender.try_reserve().unwrap_err(), TryReserveError::NeverRoom, "counted, not wrapped");
    assert_eq!(
        Hand::new(sender.reserve()).ready().unwrap_err(),
        ReserveError::NeverRoom,
        "nobody waits here"
    );
    assert_eq!(sender.try_send(1), Ok(()));
    assert_eq!(sender.force_send(2), Ok(None));
    drop(permits);
    assert_eq!(sender.try_reserve_many(3).unwrap().len(), 3);
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn plain_threads_wait_for_places() {
    within_a_minute(|| {
        let (sender, receiver) = bounded(2);
        let reserving = {
            let all = sender.try_reserve_many(2).unwrap();
            let reserving = sender.clone();
            let reserving = std::thread::spawn(move || {
                let owned = reserving.reserve_owned_blocking().unwrap();
                assert_eq!(reserving.reserve_many_blocking(1).unwrap().len(), 1);
                owned.send(1).unwrap();
                let many = reserving.reserve_many_blocking(2).unwrap();
                many.zip(2..).for_each(|(permit, number)| permit.send(number).unwrap());
            });
            while sender.statistics().waiting_senders == 0 {
                std::thread::yield_now();
            }
            drop(all);
            reserving
        };
        assert_eq!((0..3).map(|_| receiver.recv_blocking().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
        reserving.join().unwrap();
        receiver.close();
        assert_eq!(sender.reserve_many_blocking(1).unwrap_err(), ReserveError::Closed);
        assert_eq!(sender.reserve_owned_blocking().unwrap_err(), ReserveError::Closed);
    });
}
