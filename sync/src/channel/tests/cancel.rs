//! Dropping a future loses nothing and delivers nothing twice.

use super::flavours;
use crate::channel::{TryRecvError, bounded, rendezvous};
use crate::testing::Hand;
use crate::watchman::held;

#[test]
fn a_told_receiver_that_is_dropped_passes_it_on() {
    let _clock = held::hold();
    for (name, room, make) in flavours::<usize>() {
        let (sender, receiver) = make();
        let mut first = Hand::new(receiver.recv());
        let mut second = Hand::new(receiver.recv());
        first.pends();
        second.pends();
        let mut send = Hand::new(sender.send(1));
        assert_eq!(send.poll().is_ready(), room > 0);
        assert_eq!((first.wakes(), second.wakes()), (1, 0), "{name}");
        drop(first);
        assert_eq!(second.wakes(), 1, "{name}");
        assert_eq!(second.ready(), Ok(1), "{name}");
    }
}

#[test]
fn a_told_sender_that_is_dropped_passes_it_on() {
    let _clock = held::hold();
    let (sender, receiver) = bounded(1);
    sender.try_send(0).unwrap();
    let mut first = Hand::new(sender.send(1));
    let mut second = Hand::new(sender.send(2));
    first.pends();
    second.pends();
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    drop(first);
    assert_eq!(second.wakes(), 1);
    assert_eq!(second.ready(), Ok(()));
    assert_eq!(receiver.try_recv(), Ok(2), "what was not sent was not delivered");
}

#[test]
fn a_told_receiver_that_is_not_polled_keeps_nothing_from_those_behind_it() {
    let _clock = held::hold();
    // A queue for one has no room for another value beside the one that lies there.
    for (name, room, make) in flavours::<usize>().into_iter().filter(|&(_, room, _)| room != 1) {
        let (sender, receiver) = make();
        let mut waiting: Vec<_> = (0..5).map(|_| Hand::new(receiver.recv())).collect();
        waiting.iter_mut().for_each(Hand::pends);
        let mut sending: Vec<_> = (0..3).map(|value| Hand::new(sender.send(value))).collect();
        for send in &mut sending {
            assert_eq!(send.poll().is_ready(), room > 0, "{name}");
        }
        let wakes: Vec<_> = waiting.iter().map(Hand::wakes).collect();
        assert_eq!(wakes, [1, 1, 1, 0, 0], "{name}");
        // The first two are left alone.
        assert_eq!(waiting[2].ready(), Ok(0), "{name}");
        assert_eq!((waiting[3].wakes(), waiting[3].ready()), (1, Ok(1)), "{name}: told by the one before");
        assert_eq!((waiting[4].wakes(), waiting[4].ready()), (1, Ok(2)), "{name}: told by the one before");
        waiting[0].pends();
    }
}

#[test]
fn a_told_sender_that_is_not_polled_keeps_no_place_from_those_behind_it() {
    let _clock = held::hold();
    let (sender, receiver) = bounded(3);
    (0..3).for_each(|value| sender.try_send(value).unwrap());
    let mut waiting: Vec<_> = (3..8).map(|value| Hand::new(sender.send(value))).collect();
    waiting.iter_mut().for_each(Hand::pends);
    assert_eq!(receiver.try_iter().take(3).collect::<Vec<_>>(), [0, 1, 2]);
    let wakes: Vec<_> = waiting.iter().map(Hand::wakes).collect();
    assert_eq!(wakes, [1, 1, 1, 0, 0]);
    // The first two are left alone.
    assert_eq!(waiting[2].ready(), Ok(()));
    assert_eq!((waiting[3].wakes(), waiting[3].ready()), (1, Ok(())), "told by the one before");
    assert_eq!((waiting[4].wakes(), waiting[4].ready()), (1, Ok(())), "told by the one before");
    waiting[0].pends();
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [5, 6, 7]);
}

#[test]
fn a_dropped_send_takes_its_value_back() {
    for (name, room, make) in flavours::<usize>() {
        let (sender, receiver) = make();
        drop(sender.send(7));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty), "{name}");
        if room == 0 {
            let mut send = Hand::new(sender.send(8));
            send.pends();
            drop(send);
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty), "{name}");
        }
    }
}

#[test]
fn a_rendezvous_receiver_told_by_a_sender_that_left_waits_on() {
    let (sender, receiver) = rendezvous();
    let mut recv = Hand::new(receiver.recv());
    recv.pends();
    let mut gone = Hand::new(sender.send(1));
    gone.pends();
    drop(gone);
    assert_eq!(recv.wakes(), 1);
    recv.pends();
    let mut send = Hand::new(sender.send(2));
    send.pends();
    assert_eq!(recv.wakes(), 1);
    assert_eq!(recv.ready(), Ok(2));
}

#[test]
fn a_rendezvous_send_that_was_taken_is_done_even_if_dropped() {
    let (sender, receiver) = rendezvous();
    let mut send = Hand::new(sender.send(1));
    send.pends();
    assert_eq!(receiver.try_recv(), Ok(1));
    drop(send);
    let mut next = Hand::new(sender.send(2));
    next.pends();
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn polled_with_a_waker_that_does_nothing_and_dropped() {
    for (_, room, make) in flavours::<usize>() {
        let (sender, receiver) = make();
        for _ in 0..100 {
            let mut recv = Hand::new(receiver.recv());
            assert!(recv.poll_with(std::task::Waker::noop()).is_pending());
        }
        let mut send = Hand::new(sender.send(1));
        assert_eq!(send.poll().is_ready(), room > 0);
        assert_eq!(receiver.try_recv(), Ok(1));
    }
}

#[test]
#[should_panic(expected = "not polled after it is done")]
fn a_send_polled_after_its_end_says_so() {
    let (sender, _receiver) = bounded(1);
    let mut send = Hand::new(sender.send(1));
    assert_eq!(send.ready(), Ok(()));
    let _ = send.poll();
}
