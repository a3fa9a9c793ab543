//! Several at once, and in any case: what tokio's `sync_mpsc` suite pins of `recv_many` (R-85: limits of any size, none lost, no
//! panic), async-channel's of `force_send`, crossbeam's of iterating.

use super::flavours;
use crate::channel::{SendError, TryRecvError, bounded, rendezvous, unbounded};
use crate::testing::{Hand, within_a_minute};
use crate::watchman::held;

#[test]
fn many_take_what_is_there_up_to_the_limit_and_append_it() {
    for (name, room, make) in flavours::<usize>().into_iter().filter(|flavour| flavour.1 > 0) {
        let (sender, receiver) = make();
        let count = room.min(90);
        (0..count).for_each(|n| sender.try_send(n).unwrap());
        let mut into = vec![7];
        assert_eq!(receiver.try_recv_many(&mut into, 0), Ok(0), "{name}");
        assert_eq!(Hand::new(receiver.recv_many(&mut into, 0)).ready(), 0, "{name}");
        assert_eq!(Hand::new(receiver.recv_many(&mut into, 2)).ready(), 2.min(count), "{name}");
        if count > 2 {
            assert_eq!(receiver.recv_many_blocking(&mut into, usize::MAX), count - 2, "{name}");
        }
        assert!(into.into_iter().eq([7].into_iter().chain(0..count)), "{name}");
    }
}

#[test]
fn many_wait_for_the_first_and_end_with_the_channel() {
    for (name, room, make) in flavours::<usize>() {
        let (sender, receiver) = make();
        let mut into = Vec::new();
        let mut many = Hand::new(receiver.recv_many(&mut into, 5));
        many.pends();
        let mut send = Hand::new(sender.send(1));
        assert_eq!(send.poll().is_ready(), room > 0);
        assert_eq!(many.wakes(), 1, "{name}");
        assert_eq!(many.ready(), 1, "{name}");
        drop(many);
        let mut many = Hand::new(receiver.recv_many(&mut into, 5));
        many.pends();
        sender.close();
        assert_eq!((many.wakes(), many.ready()), (1, 0), "{name}");
        drop(many);
        assert_eq!(receiver.try_recv_many(&mut into, 5), Err(TryRecvError::Closed), "{name}");
        assert_eq!(receiver.recv_many_blocking(&mut into, 5), 0, "{name}");
        assert_eq!(into, [1], "{name}");
    }
}

#[test]
fn many_that_are_dropped_have_taken_nothing_and_pass_a_telling_on() {
    let _clock = held::hold();
    for (name, room, make) in flavours::<usize>() {
        let (sender, receiver) = make();
        let mut into = Vec::new();
        let mut many = Hand::new(receiver.recv_many(&mut into, 5));
        let mut recv = Hand::new(receiver.recv());
        many.pends();
        recv.pends();
        let mut send = Hand::new(sender.send(1));
        assert_eq!(send.poll().is_ready(), room > 0);
        assert_eq!((many.wakes(), recv.wakes()), (1, 0), "{name}");
        drop(many);
        assert_eq!((recv.wakes(), recv.ready()), (1, Ok(1)), "{name}");
        assert!(into.is_empty());
    }
}

#[test]
fn many_tell_as_many_senders() {
    let _clock = held::hold();
    for (sender, receiver) in [bounded(3), rendezvous()] {
        let full = (0..3).filter(|&n| sender.try_send(n).is_ok()).count();
        let mut waiting: Vec<_> = (3..8).map(|n| Hand::new(sender.send(n))).collect();
        waiting.iter_mut().for_each(Hand::pends);
        let mut into = Vec::new();
        assert_eq!(receiver.try_recv_many(&mut into, 3), Ok(3));
        let woken: Vec<_> = waiting.iter().map(Hand::wakes).collect();
        assert_eq!(woken, [1, 1, 1, 0, 0]);
        assert!(waiting[..3].iter_mut().all(|send| send.ready().is_ok()));
        assert_eq!(into, if full == 3 { [0, 1, 2] } else { [3, 4, 5] });
        receiver.close();
    }
}

#[test]
fn the_oldest_goes_where_there_is_no_room() {
    for (name, room, make) in flavours::<usize>().into_iter().filter(|flavour| flavour.1 > 0) {
        let (sender, receiver) = make();
        let before = room.min(200);
        (0..before).for_each(|n| sender.try_send(n).unwrap());
        for n in before..before + 150 {
            let expected = (before == room).then(|| n - room);
            assert_eq!(sender.force_send(n), Ok(expected), "{name}");
        }
        let first = if before == room { 150 } else { 0 };
        assert!(receiver.try_iter().eq(first..before + 150), "{name}: the latest, in order");
        // It goes on as a channel does.
        (0..before).for_each(|n| sender.try_send(n).unwrap());
        assert_eq!(sender.try_send(9).is_err(), before == room, "{name}");
        sender.close();
        assert_eq!(sender.force_send(9), Err(SendError(9)), "{name}");
        assert_eq!(receiver.iter().take(before).count(), before, "{name}");
    }
}

#[test]
fn where_there_is_nothing_to_push_out_the_value_itself_comes_back() {
    let (sender, receiver) = rendezvous();
    assert_eq!(sender.force_send(1), Ok(Some(1)));
    receiver.close();
    assert_eq!(sender.force_send(1), Err(SendError(1)));
    let (sender, receiver) = bounded(2);
    let permits = sender.try_reserve_many(2).unwrap();
    assert_eq!(sender.force_send(1), Ok(Some(1)));
    drop(permits);
    assert_eq!(sender.force_send(2), Ok(None));
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn a_value_forced_in_tells_a_receiver_and_one_for_another_tells_nobody() {
    let _clock = held::hold();
    let (sender, receiver) = bounded(1);
    let mut first = Hand::new(receiver.recv());
    let mut second = Hand::new(receiver.recv());
    first.pends();
    second.pends();
    assert_eq!(sender.force_send(1), Ok(None));
    assert_eq!(sender.force_send(2), Ok(Some(1)));
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    assert_eq!(first.ready(), Ok(2));
}

#[test]
fn iterating_ends_with_the_channel_or_with_what_is_there() {
    within_a_minute(|| {
        for (name, room, make) in flavours::<usize>() {
            let (sender, receiver) = make();
            assert_eq!(receiver.try_iter().next(), None, "{name}");
            let sending = std::thread::spawn(move || (0..50).for_each(|n| sender.send_blocking(n).unwrap()));
            let mut got = Vec::new();
            for value in &receiver {
                got.push(value);
                if got.len() == 20 {
                    break;
                }
            }
            got.extend(receiver);
            assert!(got.into_iter().eq(0..50), "{name} {room}");
            sending.join().unwrap();
        }
    });
}

#[test]
fn memory_of_a_burst_is_asked_for_once() {
    let (sender, receiver) = unbounded();
    (0..1000).for_each(|n| sender.try_send(n).unwrap());
    let mut into = Vec::new();
    assert_eq!(receiver.try_recv_many(&mut into, usize::MAX), Ok(1000));
    assert!(into.capacity() < 2000, "no more than there is, whatever the limit: {}", into.capacity());
    assert_eq!(sender.try_send(1), Ok(()));
    let units: (_, _) = unbounded();
    (0..3).for_each(|_| units.0.try_send(()).unwrap());
    assert_eq!(units.1.try_recv_many(&mut Vec::new(), usize::MAX), Ok(3));
}
