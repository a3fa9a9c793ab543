//! What is seen, and when.

use crate::testing::{Count, Hand, within_a_minute};
use crate::watch::{RecvError, SendError, WatchStatistics, channel};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use std::pin::Pin;
use std::task::{Context, Poll};

const CLOSED: Result<(), RecvError> = Err(RecvError(()));

#[test]
fn a_change_is_seen_once() {
    let (sender, mut receiver) = channel("one");
    assert!(!receiver.has_changed(), "the first value counts as seen");
    let mut changed = Hand::new(receiver.changed());
    changed.pends();
    assert_eq!(sender.send("two"), Ok(()));
    assert_eq!((changed.wakes(), changed.ready()), (1, Ok(())));
    drop(changed);
    assert!(!receiver.has_changed());
    assert_eq!(*receiver.borrow(), "two");
    Hand::new(receiver.changed()).pends();
    drop(sender);
    assert_eq!(Hand::new(receiver.changed()).ready(), CLOSED);
    assert_eq!(*receiver.borrow(), "two", "the value outlives the senders");
}

#[test]
fn many_changes_are_one_for_who_comes_late() {
    let (sender, mut receiver) = channel(0);
    (1..10).for_each(|n| assert_eq!(sender.send(n), Ok(())));
    assert_eq!(Hand::new(receiver.changed()).ready(), Ok(()));
    assert_eq!(*receiver.borrow(), 9);
    Hand::new(receiver.changed()).pends();
}

/// a look at the value marks what was looked at, so that a wait after it is not ended by the same value.
#[test]
fn a_look_can_mark_as_seen() {
    let (sender, mut receiver) = channel(0);
    sender.send_replace(1);
    assert!(receiver.borrow().has_changed() && receiver.has_changed());
    assert!(receiver.borrow_and_update().has_changed());
    assert!(!receiver.has_changed() && !receiver.borrow_and_update().has_changed());
    Hand::new(receiver.changed()).pends();
    assert!(!sender.borrow().has_changed());
}

#[test]
fn marks_can_be_set_and_taken_away() {
    let (sender, mut receiver) = channel(0);
    let mut other = receiver.clone();
    receiver.mark_changed();
    assert!(receiver.has_changed() && !other.has_changed());
    assert_eq!(Hand::new(receiver.changed()).ready(), Ok(()));
    Hand::new(receiver.changed()).pends();
    sender.send_replace(1);
    receiver.mark_unchanged();
    assert!(!receiver.has_changed() && other.has_changed());
    Hand::new(receiver.changed()).pends();
    assert_eq!(Hand::new(other.changed()).ready(), Ok(()));
    receiver.mark_changed();
    receiver.mark_changed();
    drop(sender);
    assert_eq!(receiver.changed_blocking(), Ok(()), "closed, and not seen");
    assert_eq!(receiver.changed_blocking(), CLOSED);
    receiver.mark_changed();
    assert_eq!(receiver.changed_blocking(), Ok(()));
}

#[test]
fn receivers_see_independently_and_clones_begin_where_the_original_is() {
    let (sender, mut first) = channel(0);
    sender.send_replace(1);
    let mut second = first.clone();
    let mut late = sender.subscribe();
    assert_eq!(first.changed_blocking(), Ok(()));
    assert_eq!(second.changed_blocking(), Ok(()));
    Hand::new(late.changed()).pends();
    let mut hands = [Hand::new(first.changed()), Hand::new(second.changed()), Hand::new(late.changed())];
    hands.iter_mut().for_each(Hand::pends);
    sender.send_replace(2);
    assert!(hands.iter_mut().all(|hand| (hand.wakes(), hand.ready()) == (1, Ok(()))));
    drop(hands);
    assert!(first.same_channel(&late) && sender.same_channel(&sender.clone()));
}

#[test]
fn a_hundred_that_wait_are_woken_once() {
    let (sender, receiver) = channel(0);
    let mut receivers = vec![receiver; 100];
    let mut hands: Vec<_> = receivers.iter_mut().map(|receiver| Hand::new(receiver.changed())).collect();
    hands.iter_mut().for_each(Hand::pends);
    assert_eq!(sender.statistics().waiters, 100);
    sender.send_replace(1);
    sender.send_replace(2);
    assert!(hands.iter_mut().all(|hand| (hand.wakes(), hand.ready()) == (1, Ok(()))));
    drop(hands);
    let shown = WatchStatistics { version: 2, senders: 1, receivers: 100, waiters: 0, waiters_peak: 100 };
    assert_eq!(sender.statistics(), shown);
}

#[test]
fn a_send_to_nobody_changes_nothing_and_a_replacement_does() {
    let (sender, receiver) = channel("one");
    assert!(!sender.is_closed());
    drop(receiver);
    assert!(sender.is_closed());
    assert_eq!(sender.send("two"), Err(SendError("two")));
    assert_eq!(*sender.borrow(), "one");
    assert_eq!(sender.send_replace("three"), "one");
    let receiver = sender.subscribe();
    assert!(!sender.is_closed() && !receiver.has_changed());
    assert_eq!(*receiver.borrow(), "three");
    assert_eq!(sender.send("four"), Ok(()), "open again");
    drop(receiver);
    assert!(sender.is_closed());
}

#[test]
fn the_last_sender_closes() {
    let (sender, mut receiver) = channel("one");
    let other = sender.clone();
    assert_eq!(sender.sender_count(), 2);
    let mut waits = receiver.clone();
    let mut changed = Hand::new(waits.changed());
    changed.pends();
    sender.send_replace("two");
    drop(sender);
    assert!(!receiver.is_closed());
    assert_eq!((changed.wakes(), changed.ready()), (1, Ok(())));
    changed.pends();
    drop(other);
    assert_eq!((changed.wakes(), changed.ready()), (1, CLOSED));
    assert!(receiver.is_closed() && receiver.has_changed(), "closed, and not seen");
    assert!(!receiver.is_terminated());
    assert_eq!(receiver.changed_blocking(), Ok(()));
    assert!(receiver.is_terminated());
    assert_eq!(receiver.changed_blocking(), CLOSED);
}

#[test]
fn modified_or_not_is_told_or_not() {
    let (sender, mut receiver) = channel(1);
    let mut other = receiver.clone();
    let mut changed = Hand::new(other.changed());
    changed.pends();
    assert!(!sender.send_if_modified(|value| {
        *value = 2;
        false
    }));
    assert_eq!(*receiver.borrow(), 2, "changed in silence");
    assert!(!receiver.has_changed());
    assert_eq!(changed.wakes(), 0);
    assert!(sender.send_if_modified(|value| {
        *value += 1;
        true
    }));
    assert_eq!((changed.wakes(), changed.ready()), (1, Ok(())));
    sender.send_modify(|value| *value *= 2);
    assert_eq!(*receiver.borrow_and_update(), 6);
}

#[test]
fn wait_for_looks_at_the_present_value_first() {
    let (sender, mut receiver) = channel(1);
    assert_eq!(Hand::new(receiver.wait_for(|value| *value == 1)).ready().as_deref(), Ok(&1));
    let mut asked = Vec::new();
    let mut waits = Hand::new(receiver.wait_for(|value| {
        asked.push(*value);
        *value > 2
    }));
    waits.pends();
    sender.send_replace(2);
    assert_eq!(waits.wakes(), 1);
    waits.pends();
    sender.send_replace(3);
    assert_eq!(waits.wakes(), 1);
    let found = waits.ready().map(|value| (*value, value.has_changed()));
    assert_eq!(found, Ok((3, true)));
    drop(waits);
    assert_eq!(asked, [1, 2, 3]);
    assert!(!receiver.has_changed(), "what it was asked about is seen");
    sender.send_replace(4);
    drop(sender);
    assert_eq!(receiver.wait_for_blocking(|value| *value == 4).as_deref(), Ok(&4), "closed, and the one");
    assert_eq!(receiver.wait_for_blocking(|value| *value == 5).map(|value| *value), Err(RecvError(())));
}

#[test]
fn closed_waits_for_the_last_receiver() {
    let (sender, receiver) = channel(0);
    let other = receiver.clone();
    let (mut closed, mut second) = (Hand::new(sender.closed()), Hand::new(sender.closed()));
    closed.pends();
    second.pends();
    drop(receiver);
    assert_eq!(closed.wakes(), 0);
    drop(other);
    assert_eq!((closed.wakes(), second.wakes()), (1, 1));
    closed.ready();
    let late = sender.subscribe();
    second.pends();
    drop(late);
    second.ready();
}

#[test]
fn a_stream_yields_what_was_not_seen_and_ends() {
    let (sender, mut receiver) = channel(1);
    receiver.mark_changed();
    let (count, waker) = Count::new();
    let mut next = || Pin::new(&mut receiver).poll_next(&mut Context::from_waker(&waker));
    assert_eq!(next(), Poll::Ready(Some(1)));
    assert!(next().is_pending() && next().is_pending());
    sender.send_replace(2);
    sender.send_replace(3);
    assert_eq!(count.take(), 1);
    assert_eq!(next(), Poll::Ready(Some(3)));
    assert!(next().is_pending());
    sender.send_replace(4);
    drop(sender);
    assert_eq!(count.take(), 1);
    assert_eq!((next(), next(), next()), (Poll::Ready(Some(4)), Poll::Ready(None), Poll::Ready(None)));
}

/// A stream that waited, and found something without having been told, is not told of the next.
#[test]
fn a_stream_that_has_what_it_waited_for_has_left_the_line() {
    let (sender, mut receiver) = channel(1);
    let (count, waker) = Count::new();
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(&mut receiver).poll_next(&mut cx).is_pending());
    receiver.mark_changed();
    assert_eq!(Pin::new(&mut receiver).poll_next(&mut cx), Poll::Ready(Some(1)));
    sender.send_replace(2);
    assert_eq!((count.take(), sender.statistics().waiters), (0, 0));
}

#[test]
fn a_dropped_wait_has_seen_nothing() {
    let (sender, mut receiver) = channel(0);
    let mut changed = Hand::new(receiver.changed());
    changed.pends();
    sender.send_replace(1);
    assert_eq!(changed.wakes(), 1);
    drop(changed);
    assert!(receiver.has_changed());
    assert_eq!(Hand::new(receiver.changed()).ready(), Ok(()));
}

#[test]
fn a_wait_can_change_its_task() {
    let (sender, mut receiver) = channel(0);
    let mut changed = Hand::new(receiver.changed());
    changed.pends();
    let (other, waker) = Count::new();
    assert!(changed.poll_with(&waker).is_pending());
    sender.send_replace(1);
    assert_eq!((changed.wakes(), other.take()), (0, 1));
    assert_eq!(changed.ready(), Ok(()));
}

#[test]
fn debug_and_errors_speak() {
    let (sender, receiver) = channel(0);
    sender.send_replace(1);
    // Held: showing does not wait for it.
    let value = receiver.borrow();
    let shown = "Sender { version: 1, closed: false, senders: 1, receivers: 1, .. }";
    assert_eq!(format!("{sender:?}"), shown);
    assert_eq!(format!("{receiver:?}"), shown.replace("Sender", "Receiver"));
    assert_eq!(format!("{value:?}"), "1");
    assert_eq!(SendError(1).to_string(), "the channel has no receiver");
    assert_eq!(format!("{:?}", SendError(1)), "SendError(..)");
    assert_eq!(RecvError(()).to_string(), "the channel is closed");
}

#[test]
fn what_is_always_ready_gives_way() {
    let (sender, mut receiver) = channel(0);
    let _slice = filch_primitive::slice::open();
    let start = std::time::Instant::now();
    let gives_way = |poll: &mut dyn FnMut() -> bool| {
        while poll() {
            assert!(start.elapsed().as_secs() < 10, "it never gave way");
        }
    };
    gives_way(&mut || {
        receiver.mark_changed();
        Hand::new(receiver.changed()).poll().is_ready()
    });
    gives_way(&mut || Hand::new(receiver.wait_for(|_| true)).poll().is_ready());
    drop(receiver);
    gives_way(&mut || Hand::new(sender.closed()).poll().is_ready());
}

#[test]
fn a_plain_thread_waits_for_the_last_receiver() {
    within_a_minute(|| {
        let (sender, receiver) = channel(1);
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
