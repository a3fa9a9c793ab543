//! Each kind of channel against sends, receives, closes and cancels. What is counted in every model: the values.

use super::{Receiver, Sender, TryRecvError, bounded, rendezvous, unbounded};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::thread;
use futures_core::Stream;
use loom::future::block_on;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A value whose loss or doubling the checker finds.
type Value = Arc<usize>;

type Make = fn() -> (Sender<Value>, Receiver<Value>);

const ARRAY: Make = || bounded(1);
const BLOCKS: Make = unbounded;
const HAND: Make = rendezvous;

fn value(number: usize) -> Value {
    Arc::new(number)
}

fn number(received: Value) -> usize {
    *received
}

fn a_receiver_meets_a_sender(make: Make) {
    loom::model(move || {
        let (sender, receiver) = make();
        let thread = thread::spawn(move || {
            let sent = block_on(sender.send(value(1))).is_ok();
            // Kept: its drop would close the channel, and so tell everybody in any case.
            (sent, sender)
        });
        assert_eq!(block_on(receiver.recv()).map(number), Ok(1));
        let (sent, sender) = thread.join().unwrap();
        assert!(sent);
        drop(sender);
        assert!(block_on(receiver.recv()).is_err());
    });
}

#[test]
fn loom_a_receiver_meets_a_sender_in_an_array() {
    a_receiver_meets_a_sender(ARRAY);
}

#[test]
fn loom_a_receiver_meets_a_sender_in_blocks() {
    a_receiver_meets_a_sender(BLOCKS);
}

#[test]
fn loom_a_receiver_meets_a_sender_hand_to_hand() {
    a_receiver_meets_a_sender(HAND);
}

#[test]
fn loom_a_full_channel_meets_its_receiver() {
    loom::model(|| {
        let (sender, receiver) = ARRAY();
        sender.try_send(value(1)).expect("room for one");
        let thread = thread::spawn(move || block_on(sender.send(value(2))).is_ok());
        assert_eq!(block_on(receiver.recv()).map(number), Ok(1));
        assert_eq!(block_on(receiver.recv()).map(number), Ok(2));
        assert!(thread.join().unwrap());
    });
}

/// One sends, another closes, and the receiver takes what there is: what was accepted arrives, what was not comes back.
fn a_send_meets_a_close(make: Make) {
    loom::model(move || {
        let (sender, receiver) = make();
        let closes = sender.clone();
        let sending = thread::spawn(move || block_on(sender.send(value(1))).is_ok());
        let closing = thread::spawn(move || closes.close());
        let received = block_on(receiver.recv()).is_ok();
        let sent = sending.join().unwrap();
        closing.join().unwrap();
        assert_eq!(sent, received, "sent and received, or neither");
        assert!(block_on(receiver.recv()).is_err());
    });
}

#[test]
fn loom_a_send_meets_a_close_in_an_array() {
    a_send_meets_a_close(ARRAY);
}

#[test]
fn loom_a_send_meets_a_close_in_blocks() {
    a_send_meets_a_close(BLOCKS);
}

#[test]
fn loom_a_send_meets_a_close_hand_to_hand() {
    a_send_meets_a_close(HAND);
}

/// The last receiver goes while a sender waits, or is about to.
fn a_send_meets_the_drop_of_the_receiver(make: Make) {
    loom::model(move || {
        let (sender, receiver) = make();
        // One more than there is room for.
        let filled = sender.try_send(value(0)).is_ok();
        let thread = thread::spawn(move || drop(receiver));
        let sent = block_on(sender.send(value(1)));
        thread.join().unwrap();
        if let Err(refused) = sent {
            assert_eq!(number(refused.0), 1, "the value comes back");
        } else {
            assert!(filled || sender.capacity() != Some(0), "nobody took it");
        }
        assert!(sender.is_closed() && sender.try_send(value(2)).is_err());
    });
}

#[test]
fn loom_a_send_meets_the_drop_of_the_receiver_of_an_array() {
    a_send_meets_the_drop_of_the_receiver(ARRAY);
}

#[test]
fn loom_a_send_meets_the_drop_of_the_receiver_of_blocks() {
    a_send_meets_the_drop_of_the_receiver(BLOCKS);
}

#[test]
fn loom_a_send_meets_the_drop_of_the_receiver_hand_to_hand() {
    a_send_meets_the_drop_of_the_receiver(HAND);
}

/// A receiver that waits goes while it is told; another must get the value.
fn a_receiver_that_gives_up_passes_the_telling_on(make: Make) {
    loom::model(move || {
        let (sender, receiver) = make();
        let mut gone = Box::pin(receiver.recv());
        assert!(poll_once(&mut gone, Waker::noop()).is_pending());
        let other = receiver.clone();
        let receiving = thread::spawn(move || block_on(other.recv()).map(number));
        let sends = sender.clone();
        let sending = thread::spawn(move || block_on(sends.send(value(1))).is_ok());
        drop(gone);
        assert_eq!(receiving.join().unwrap(), Ok(1));
        assert!(sending.join().unwrap());
        drop(sender);
    });
}

#[test]
fn loom_a_receiver_that_gives_up_passes_the_telling_on_in_an_array() {
    a_receiver_that_gives_up_passes_the_telling_on(ARRAY);
}

#[test]
fn loom_a_receiver_that_gives_up_passes_the_telling_on_in_blocks() {
    a_receiver_that_gives_up_passes_the_telling_on(BLOCKS);
}

#[test]
fn loom_a_receiver_that_gives_up_passes_the_telling_on_hand_to_hand() {
    a_receiver_that_gives_up_passes_the_telling_on(HAND);
}

/// Two values for three receivers, of whom the first was told and does not come.
#[test]
fn loom_one_that_does_not_come_stops_nobody() {
    // In blocks: of an array, whose tries wait for each other, this takes more branches than the checker has.
    loom::model(|| {
        let (sender, receiver) = BLOCKS();
        let mut away = Box::pin(receiver.recv());
        assert!(poll_once(&mut away, Waker::noop()).is_pending());
        let receiving = [(); 2].map(|()| {
            let receiver = receiver.clone();
            thread::spawn(move || block_on(receiver.recv()).map(number))
        });
        for number in 1..=2 {
            sender.try_send(value(number)).expect("there is always room");
        }
        let received: usize = receiving.map(|thread| thread.join().unwrap().unwrap()).iter().sum();
        assert_eq!(received, 3);
        drop(away);
    });
}

#[test]
fn loom_a_sender_that_gives_up_passes_its_place_on() {
    loom::model(|| {
        let (sender, receiver) = ARRAY();
        sender.try_send(value(1)).expect("room for one");
        let mut gone = Box::pin(sender.send(value(2)));
        assert!(poll_once(&mut gone, Waker::noop()).is_pending());
        let other = sender.clone();
        let sending = thread::spawn(move || block_on(other.send(value(3))).is_ok());
        let receiving = thread::spawn(move || {
            let first = block_on(receiver.recv()).map(number);
            (first, receiver)
        });
        drop(gone);
        let (first, receiver) = receiving.join().unwrap();
        assert_eq!(first, Ok(1));
        assert!(sending.join().unwrap());
        assert_eq!(receiver.try_recv().map(number), Ok(3), "and the one given up was not sent");
        assert_eq!(receiver.try_recv().err(), Some(TryRecvError::Empty));
    });
}

#[test]
fn loom_a_rendezvous_that_is_dropped_is_taken_or_kept() {
    loom::model(|| {
        let (sender, receiver) = HAND();
        let thread = thread::spawn(move || receiver.try_recv().is_ok());
        let mut send = Box::pin(sender.send(value(1)));
        let sent = poll_once(&mut send, Waker::noop());
        drop(send);
        let taken = thread.join().unwrap();
        // Not told yet, it may have been taken; told, it was.
        assert!(taken || !matches!(sent, Poll::Ready(Ok(()))));
    });
}

/// Two send and one receives: whoever has to wait is told.
fn two_that_send_are_both_received(make: Make) {
    loom::model(move || {
        let (sender, receiver) = make();
        let others: Vec<_> = (1..=2)
            .map(|name| {
                let sender = sender.clone();
                thread::spawn(move || block_on(sender.send(value(name))).is_ok())
            })
            .collect();
        let first = number(block_on(receiver.recv()).expect("open"));
        let second = number(block_on(receiver.recv()).expect("open"));
        others.into_iter().for_each(|other| assert!(other.join().unwrap()));
        assert_eq!(first + second, 3, "each of them once");
        drop(sender);
    });
}

#[test]
fn loom_two_that_send_into_an_array_are_both_received() {
    // Room for both: waiting for room is another model, and all of it at once too large.
    two_that_send_are_both_received(|| bounded(2));
}

#[test]
fn loom_two_that_send_into_blocks_are_both_received() {
    two_that_send_are_both_received(BLOCKS);
}

#[test]
fn loom_two_that_send_hand_to_hand_are_both_received() {
    loom::model(|| {
        let (sender, receiver) = HAND();
        let (bell, waker) = Bell::new();
        let mut first = Box::pin(sender.send(value(1)));
        assert!(poll_once(&mut first, &waker).is_pending());
        let other = sender.clone();
        let thread = thread::spawn(move || block_on(other.send(value(2))).is_ok());
        assert_eq!(block_on(receiver.recv()).map(number), Ok(1), "it came first");
        assert_eq!(bell.rings(), 1);
        assert_eq!(block_on(receiver.recv()).map(number), Ok(2));
        assert!(thread.join().unwrap());
        assert!(matches!(poll_once(&mut first, &waker), Poll::Ready(Ok(()))));
    });
}

#[test]
fn loom_two_push_and_two_pop_in_one_array() {
    let mut model = loom::model::Builder::new();
    // Who finds another in the middle of its step looks again, and three of them can look for ever with more.
    model.preemption_bound = Some(2);
    model.check(|| {
        let (sender, receiver) = bounded(2);
        let sends = sender.clone();
        let pushing = thread::spawn(move || sends.try_send(value(1)).is_ok());
        let pops = receiver.clone();
        let popping = thread::spawn(move || usize::from(pops.try_recv().is_ok()));
        assert!(sender.try_send(value(2)).is_ok(), "there is room for both");
        let here = usize::from(receiver.try_recv().is_ok());
        assert!(pushing.join().unwrap(), "there is room for both");
        let there = popping.join().unwrap();
        let left = std::iter::from_fn(|| receiver.try_recv().ok()).count();
        assert_eq!(here + there + left, 2, "each value once");
    });
}

/// A length that is not zero is a promise to the only receiver, at a block's end too.
fn what_is_counted_is_there(make: fn() -> (Sender<Value>, Receiver<Value>)) {
    loom::model(move || {
        let (sender, receiver) = make();
        // The next value is the last of its block, and the one after the first of the next.
        sender.try_send(value(0)).expect("room");
        let thread = thread::spawn(move || {
            sender.try_send(value(1)).expect("room");
            sender.try_send(value(2)).expect("room");
            sender
        });
        let mut received = 0;
        for _ in 0..2 {
            let (len, is_empty) = (receiver.len(), receiver.is_empty());
            assert!(len <= 3 - received);
            assert!(len == 0 || !is_empty, "only this side takes out");
            let got = receiver.try_recv().map(number);
            assert!(is_empty || got == Ok(received), "it is not empty, and there is nothing: {got:?}");
            received += usize::from(got.is_ok());
        }
        let sender = thread.join().unwrap();
        assert_eq!((receiver.len(), sender.len()), (3 - received, 3 - received));
        while let Ok(got) = receiver.try_recv() {
            assert_eq!(number(got), received, "in order");
            received += 1;
        }
        assert_eq!((received, receiver.is_empty()), (3, true));
    });
}

#[test]
fn loom_what_is_counted_in_blocks_is_there() {
    what_is_counted_is_there(BLOCKS);
}

#[test]
fn loom_what_is_counted_in_an_array_is_there() {
    what_is_counted_is_there(|| bounded(3));
}

#[test]
fn loom_a_stream_that_waits_is_told_or_passes_it_on_when_dropped() {
    for make in [ARRAY, BLOCKS, HAND] {
        loom::model(move || {
            let (sender, receiver) = make();
            let mut stream = receiver.clone();
            let (bell, waker) = Bell::new();
            assert!(Pin::new(&mut stream).poll_next(&mut Context::from_waker(&waker)).is_pending());
            let receiving = thread::spawn(move || block_on(receiver.recv()).map(number));
            let sends = sender.clone();
            let sending = thread::spawn(move || block_on(sends.send(value(1))).is_ok());
            drop((stream, waker));
            assert_eq!(receiving.join().unwrap(), Ok(1));
            assert!(sending.join().unwrap());
            drop(sender);
            assert_eq!(std::sync::Arc::strong_count(&bell), 1, "a waker was left behind");
        });
    }
}

/// A place that is given back beside one who is about to wait for it.
#[test]
fn loom_a_permit_that_is_given_back_meets_a_waiting_sender() {
    for make in [ARRAY, || bounded(1 << 20)] as [Make; 2] {
        loom::model(move || {
            let (sender, receiver) = make();
            let places = sender.capacity().expect("bounded");
            let permits = sender.try_reserve_many(places).expect("all are free");
            let other = sender.clone();
            let sending = thread::spawn(move || block_on(other.send(value(1))).is_ok());
            drop(permits);
            assert!(sending.join().unwrap());
            assert_eq!(receiver.try_recv().map(number), Ok(1));
            assert_eq!(sender.statistics().reserved, 0);
        });
    }
}

/// Closed with a place reserved: the end is seen when that is given back, or what was sent into it before.
fn a_permit_after_the_close_meets_a_waiting_receiver(make: Make, sends: bool) {
    loom::model(move || {
        let (sender, receiver) = make();
        let permit = sender.try_reserve_owned().expect("room");
        receiver.close();
        let thread = thread::spawn(move || {
            if sends {
                return permit.send(value(1)).ok();
            }
            Some(permit.release())
        });
        if sends {
            assert_eq!(block_on(receiver.recv()).map(number), Ok(1));
        }
        assert!(block_on(receiver.recv()).is_err());
        // Kept until here, so that no drop of it tells anybody.
        drop((thread.join().unwrap(), sender));
    });
}

#[test]
fn loom_a_permit_given_back_after_the_close_meets_a_waiting_receiver() {
    a_permit_after_the_close_meets_a_waiting_receiver(ARRAY, false);
    a_permit_after_the_close_meets_a_waiting_receiver(BLOCKS, false);
}

#[test]
fn loom_a_permit_used_after_the_close_meets_a_waiting_receiver() {
    a_permit_after_the_close_meets_a_waiting_receiver(ARRAY, true);
    a_permit_after_the_close_meets_a_waiting_receiver(BLOCKS, true);
}

#[test]
fn loom_a_permit_meets_the_drop_of_the_last_receiver() {
    loom::model(|| {
        let (sender, receiver) = ARRAY();
        let permit = sender.try_reserve().expect("room");
        let thread = thread::spawn(move || drop(receiver));
        if let Err(refused) = permit.send(value(1)) {
            assert_eq!(number(refused.0), 1, "the value comes back");
        }
        thread.join().unwrap();
        assert!(sender.is_closed() && sender.is_empty(), "and nothing stays behind");
    });
}

/// One waits for both places while they become free one by one, and goes: who waits behind must know of them.
#[test]
fn loom_one_that_waited_for_many_and_goes_tells_those_behind() {
    loom::model(|| {
        let (sender, receiver) = bounded(2);
        sender.try_send(value(1)).expect("room");
        sender.try_send(value(2)).expect("room");
        let mut many = Box::pin(sender.reserve_many(2));
        assert!(poll_once(&mut many, Waker::noop()).is_pending());
        let (bell, waker) = Bell::new();
        let mut behind: Vec<_> = (3..5).map(|number| Box::pin(sender.send(value(number)))).collect();
        assert!(behind.iter_mut().all(|send| poll_once(send, &waker).is_pending()));
        assert_eq!(receiver.try_recv().map(number), Ok(1));
        // It uses the telling up, and waits on in front.
        assert!(poll_once(&mut many, Waker::noop()).is_pending());
        // The other place becomes free meanwhile.
        let thread = thread::spawn(move || (receiver.try_recv().map(number), receiver));
        drop(many);
        let (second, receiver) = thread.join().unwrap();
        assert_eq!(second, Ok(2));
        assert_eq!(bell.rings(), 2, "there are two places, and one of two sleeps on");
        assert!(behind.iter_mut().all(|send| poll_once(send, &waker).is_ready()));
        assert_eq!(receiver.len(), 2);
    });
}

#[test]
fn loom_a_value_pushed_out_meets_its_receiver() {
    for make in [ARRAY, || bounded(1 << 20)] as [Make; 2] {
        loom::model(move || {
            let (sender, receiver) = make();
            let places = sender.capacity().expect("bounded");
            sender.try_send(value(1)).expect("room for one");
            // But for the first value the channel is full.
            let reserved = sender.try_reserve_many(places - 1).expect("the others are free");
            let pops = receiver.clone();
            let thread = thread::spawn(move || pops.try_recv().map(number));
            let pushed_out = sender.force_send(value(2)).expect("open").map(number);
            let received = thread.join().unwrap().expect("there is always one");
            let left: Vec<_> = receiver.try_iter().map(number).collect();
            match (pushed_out, received) {
                (Some(1), 2) => assert!(left.is_empty()),
                (None, 1) => assert_eq!(left, [2]),
                (pushed_out, received) => {
                    panic!("{pushed_out:?} pushed out, {received} received, {left:?} left")
                }
            }
            drop(reserved);
        });
    }
}

/// A channel goes over to its side queue while one sends and one receives: never above the capacity, and in order.
#[test]
fn loom_going_over_meets_a_sender_and_keeps_order_and_capacity() {
    loom::model(|| {
        let (sender, receiver) = bounded(2);
        sender.try_send(value(1)).expect("room");
        let other = sender.clone();
        let thread = thread::spawn(move || {
            let second = other.try_send(value(2)).is_ok();
            let third = other.try_send(value(3)).is_ok();
            (second, third)
        });
        let permit = sender.try_reserve();
        let (second, third) = thread.join().unwrap();
        assert!(receiver.len() + usize::from(permit.is_ok()) <= 2, "above the capacity");
        assert_eq!(1 + usize::from(second) + usize::from(third) + usize::from(permit.is_ok()), 2);
        if let Ok(permit) = permit {
            permit.send(value(4)).expect("somebody receives");
        }
        let got: Vec<_> = receiver.try_iter().map(number).collect();
        assert_eq!((got.len(), got[0]), (2, 1), "in order");
    });
}

#[test]
fn loom_many_at_once_meet_a_waiting_sender() {
    for make in [|| bounded(2), || bounded(1 << 20)] as [Make; 2] {
        loom::model(move || {
            let (sender, receiver) = make();
            sender.try_send(value(1)).expect("room");
            let places = sender.capacity().expect("bounded");
            let reserved = sender.try_reserve_many(places - 2).expect("room");
            sender.try_send(value(2)).expect("room");
            let other = sender.clone();
            let sending = thread::spawn(move || block_on(other.send(value(3))).is_ok());
            let mut got = Vec::new();
            while got.len() < 3 {
                assert!(block_on(receiver.recv_many(&mut got, 3)) > 0);
            }
            assert!(sending.join().unwrap());
            assert_eq!(got.into_iter().map(number).collect::<Vec<_>>(), [1, 2, 3]);
            drop(reserved);
        });
    }
}

#[test]
fn loom_a_weak_end_is_upgraded_beside_the_last_drop() {
    for make in [ARRAY, BLOCKS, HAND] {
        loom::model(move || {
            let (sender, receiver) = make();
            let weak = sender.downgrade();
            let thread = thread::spawn(move || drop(sender));
            let upgraded = weak.upgrade();
            thread.join().unwrap();
            // A sender there is, and the channel open; or neither.
            assert_eq!(upgraded.is_some(), !receiver.is_closed());
            drop(upgraded);
            assert!(receiver.is_closed() && weak.upgrade().is_none());
        });
    }
}

#[test]
fn loom_one_that_waits_for_the_end_meets_the_last_receiver() {
    for make in [ARRAY, BLOCKS, HAND] {
        loom::model(move || {
            let (sender, receiver) = make();
            let thread = thread::spawn(move || drop(receiver));
            block_on(sender.closed());
            assert!(sender.is_closed());
            thread.join().unwrap();
        });
    }
}

#[test]
fn loom_canary_a_permit_that_goes_without_a_word() {
    assert_noticed(
        "channel.release.silent",
        "channel::model::loom_a_permit_that_is_given_back_meets_a_waiting_sender",
    );
}

#[test]
fn loom_canary_many_that_go_without_a_word() {
    assert_noticed(
        "channel.reserve.silent",
        "channel::model::loom_one_that_waited_for_many_and_goes_tells_those_behind",
    );
}

#[test]
fn loom_canary_a_weak_end_that_wakes_the_dead() {
    assert_noticed(
        "channel.upgrade.blind",
        "channel::model::loom_a_weak_end_is_upgraded_beside_the_last_drop",
    );
}

#[test]
fn loom_canary_a_close_that_is_not_told() {
    assert_noticed(
        "channel.close.silent",
        "channel::model::loom_one_that_waits_for_the_end_meets_the_last_receiver",
    );
}

#[test]
fn loom_canary_a_side_queue_that_forgets_the_array() {
    assert_noticed(
        "channel.lanes.room",
        "channel::model::loom_going_over_meets_a_sender_and_keeps_order_and_capacity",
    );
}

#[test]
fn loom_canary_a_publisher_that_looks_too_early() {
    assert_noticed("channel.tell.fence", "channel::model::loom_a_receiver_meets_a_sender_in_an_array");
}

#[test]
fn loom_canary_a_hand_held_out_after_the_look() {
    assert_noticed("channel.hand.fence", "channel::model::loom_a_receiver_meets_a_sender_hand_to_hand");
}

#[test]
fn loom_canary_one_that_leaves_the_rest_lying() {
    assert_noticed("channel.finish.silent", "channel::model::loom_one_that_does_not_come_stops_nobody");
}

#[test]
fn loom_canary_a_waiter_that_does_not_try_again() {
    assert_noticed("channel.wait.blind", "channel::model::loom_a_receiver_meets_a_sender_in_an_array");
}

#[test]
fn loom_canary_a_telling_that_ends_with_one_that_went() {
    assert_noticed(
        "channel.leave.silent",
        "channel::model::loom_a_receiver_that_gives_up_passes_the_telling_on_in_an_array",
    );
}

#[test]
fn loom_canary_a_slot_published_before_it_is_written() {
    assert_noticed("channel.stamp.order", "channel::model::loom_two_push_and_two_pop_in_one_array");
}
