//! Senders that wait for the slowest receiver.

use crate::broadcast::{SendError, TryRecvError, TrySendError, bounded};
use crate::testing::Hand;
use crate::watchman::held;

#[test]
fn a_full_channel_refuses_until_the_slowest_has_received() {
    let (sender, mut fast) = bounded(2);
    let mut slow = fast.clone();
    assert_eq!((sender.try_send(0), sender.try_send(1)), (Ok(2), Ok(2)));
    assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    assert_eq!((fast.try_recv(), fast.try_recv()), (Ok(0), Ok(1)));
    assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    assert_eq!(slow.try_recv(), Ok(0));
    assert_eq!(sender.try_send(2), Ok(2));
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!((slow.try_recv(), slow.try_recv(), fast.try_recv()), (Ok(1), Ok(2), Ok(2)));
    assert_eq!((slow.try_recv(), fast.try_recv()), (Err(TryRecvError::Empty), Err(TryRecvError::Empty)));
}

#[test]
fn waiting_senders_are_told_one_per_place_in_the_order_they_came() {
    let _clock = held::hold();
    let (sender, mut receiver) = bounded(2);
    assert_eq!((sender.try_send(0), sender.try_send(1)), (Ok(1), Ok(1)));
    let mut sends: Vec<_> = (2..6).map(|n| Hand::new(sender.send(n))).collect();
    sends.iter_mut().for_each(Hand::pends);
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!(sends.iter().map(Hand::wakes).collect::<Vec<_>>(), [1, 0, 0, 0]);
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(sends.iter().map(Hand::wakes).collect::<Vec<_>>(), [0, 1, 0, 0]);
    assert_eq!((sends[0].ready(), sends[1].ready()), (Ok(1), Ok(1)));
    sends[2].pends();
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(2), Ok(3)));
    assert_eq!((sends[2].ready(), sends[3].ready()), (Ok(1), Ok(1)));
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(4), Ok(5)));
}

#[test]
fn one_that_is_told_and_comes_too_late_keeps_its_place() {
    let _clock = held::hold();
    let (sender, mut receiver) = bounded(1);
    sender.try_send(0).unwrap();
    let (mut first, mut second) = (Hand::new(sender.send(1)), Hand::new(sender.send(2)));
    first.pends();
    second.pends();
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    sender.try_send(9).expect("faster than the one that was told");
    first.pends();
    assert_eq!(receiver.try_recv(), Ok(9));
    assert_eq!((first.wakes(), second.wakes()), (1, 0), "still the first");
    assert_eq!(first.ready(), Ok(1));
}

#[test]
fn one_that_is_told_and_dropped_passes_it_on() {
    let (sender, mut receiver) = bounded(1);
    sender.try_send(0).unwrap();
    let (mut first, mut second) = (Hand::new(sender.send(1)), Hand::new(sender.send(2)));
    first.pends();
    second.pends();
    assert_eq!(receiver.try_recv(), Ok(0));
    drop(first);
    assert_eq!((second.wakes(), second.ready()), (1, Ok(1)));
    assert_eq!(receiver.try_recv(), Ok(2), "what was not sent was not delivered");
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn one_that_is_told_and_never_polled_leaves_the_place_to_who_comes() {
    let (sender, mut receiver) = bounded(1);
    sender.try_send(0).unwrap();
    let mut forgotten = Hand::new(sender.send(1));
    forgotten.pends();
    assert_eq!(receiver.try_recv(), Ok(0));
    for n in 2..5 {
        assert_eq!(Hand::new(sender.send(n)).ready(), Ok(1), "the place is free");
        assert_eq!(receiver.try_recv(), Ok(n));
    }
    assert_eq!(forgotten.ready(), Ok(1));
}

#[test]
fn futurelock_the_first_told_are_abandoned_and_the_others_send_in_their_place() {
    for abandoned in [1, 2] {
        let (sender, mut receiver) = bounded(abandoned + 1);
        (0..=abandoned).for_each(|n| assert_eq!(sender.try_send(n), Ok(1)));
        let mut sends: Vec<_> = (0..6).map(|n| Hand::new(sender.send(10 + n))).collect();
        sends.iter_mut().for_each(Hand::pends);
        (0..=abandoned).for_each(|n| assert_eq!(receiver.try_recv(), Ok(n)));
        // Woken or not, the abandoned are not polled.
        while let Some(woken) = sends[abandoned..].iter_mut().find(|send| send.wakes() > 0) {
            let _sent_or_full = woken.poll();
        }
        assert_eq!(sender.len(), sender.capacity(), "no place is left to those that do not come");
        assert_eq!(receiver.try_recv(), Ok(10 + abandoned));
    }
}

#[test]
fn futurelock_a_newcomer_that_leaves_room_tells_one_who_waits() {
    let _clock = held::hold();
    let (sender, mut receiver) = bounded(2);
    assert_eq!((sender.try_send(0), sender.try_send(1)), (Ok(1), Ok(1)));
    let mut sends: Vec<_> = (2..5).map(|n| Hand::new(sender.send(n))).collect();
    sends.iter_mut().for_each(Hand::pends);
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(0), Ok(1)));
    assert_eq!(sends.iter().map(Hand::wakes).collect::<Vec<_>>(), [1, 1, 0], "two are told, and abandoned");
    assert_eq!(sender.try_send(9), Ok(1));
    assert_eq!((sends[2].wakes(), sends[2].ready()), (1, Ok(1)));
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(9), Ok(4)));
}

#[test]
fn a_receiver_that_goes_makes_room_for_as_many_as_it_held_up() {
    let _clock = held::hold();
    let (sender, mut fast) = bounded(40);
    let slow = fast.clone();
    (0..40).for_each(|n| assert_eq!(sender.try_send(n), Ok(2)));
    (0..40).for_each(|n| assert_eq!(fast.try_recv(), Ok(n)));
    let mut sends: Vec<_> = (40..90).map(|n| Hand::new(sender.send(n))).collect();
    sends.iter_mut().for_each(Hand::pends);
    drop(slow);
    assert!(sender.is_empty());
    assert_eq!(sends.iter().map(Hand::wakes).sum::<usize>(), 40);
    sends[..40].iter_mut().for_each(|send| assert_eq!(send.ready(), Ok(1)));
    // The first to come left room for one more, and could not know that those for whom it was would come as well.
    sends[40..].iter_mut().for_each(|send| assert_eq!((send.wakes(), send.poll().is_pending()), (1, true)));
    (40..80).for_each(|n| assert_eq!(fast.try_recv(), Ok(n)));
    sends[40..].iter_mut().for_each(|send| assert_eq!((send.wakes(), send.ready()), (1, Ok(1))));
}

#[test]
fn the_last_receiver_that_goes_gives_the_values_back() {
    let (sender, receiver) = bounded(1);
    sender.try_send(0).unwrap();
    let mut sends: Vec<_> = (1..70).map(|n| Hand::new(sender.send(n))).collect();
    sends.iter_mut().for_each(Hand::pends);
    drop(receiver);
    for (send, n) in sends.iter_mut().zip(1..) {
        assert_eq!((send.wakes(), send.ready()), (1, Err(SendError(n))));
    }
}

/// a channel that lost its last receiver and got another, before those that waited looked, is open.
#[test]
fn a_subscriber_that_comes_before_the_waiting_look_keeps_it_open() {
    let (sender, receiver) = bounded(1);
    sender.try_send(0).unwrap();
    let (mut first, mut second) = (Hand::new(sender.send(1)), Hand::new(sender.send(2)));
    first.pends();
    second.pends();
    drop(receiver);
    let mut receiver = sender.subscribe();
    assert_eq!(first.ready(), Ok(1));
    second.pends();
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(second.ready(), Ok(1));
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
#[should_panic(expected = "not polled after it is done")]
fn a_send_polled_after_its_end_says_so() {
    let (sender, _receiver) = bounded(1);
    let mut send = Hand::new(sender.send(1));
    assert_eq!(send.ready(), Ok(1));
    let _ = send.poll();
}
