//! Sending against receiving, going and closing. What is counted in every model: the values.

use super::{Receiver, RecvError, Sender, TryRecvError, bounded, lossy};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::thread;
use loom::future::block_on;
use std::task::Waker;

/// A value whose loss or doubling the checker finds.
type Value = Arc<usize>;

fn send(sender: &Sender<Value>, number: usize) -> bool {
    block_on(sender.send(Arc::new(number))).is_ok()
}

/// What `receiver` has until there is nothing more: values, and how many it missed.
fn drain(receiver: &mut Receiver<Value>) -> (Vec<usize>, u64) {
    let mut had = (Vec::new(), 0);
    while receive(receiver, &mut had) {}
    had
}

/// Adds what `receiver` has next. Whether there was anything.
fn receive(receiver: &mut Receiver<Value>, had: &mut (Vec<usize>, u64)) -> bool {
    match receiver.try_recv() {
        Ok(value) => had.0.push(*value),
        Err(TryRecvError::Lagged(gap)) => had.1 += gap,
        Err(TryRecvError::Empty) => return false,
        Err(TryRecvError::Closed) => panic!("the sender is there"),
    }
    true
}

#[test]
fn loom_a_receiver_that_waits_meets_a_send() {
    loom::model(|| {
        let (sender, mut receiver) = lossy(1);
        let thread = thread::spawn(move || {
            let sent = send(&sender, 1);
            // Kept: its drop would close the channel, and so tell everybody in any case.
            (sent, sender)
        });
        assert_eq!(block_on(receiver.recv()).map(|value| *value), Ok(1));
        let (sent, sender) = thread.join().unwrap();
        assert!(sent);
        drop(sender);
        assert_eq!(block_on(receiver.recv()).err(), Some(RecvError::Closed));
    });
}

#[test]
fn loom_a_receiver_that_waits_meets_the_end() {
    loom::model(|| {
        let (sender, mut receiver) = lossy::<Value>(1);
        let thread = thread::spawn(move || drop(sender));
        assert_eq!(block_on(receiver.recv()).err(), Some(RecvError::Closed));
        thread.join().unwrap();
    });
}

#[test]
fn loom_a_sender_that_waits_meets_a_receive() {
    loom::model(|| {
        let (sender, mut receiver) = bounded(1);
        assert!(send(&sender, 1));
        let thread = thread::spawn(move || (send(&sender, 2), sender));
        assert_eq!(receiver.try_recv().map(|value| *value), Ok(1));
        assert_eq!(block_on(receiver.recv()).map(|value| *value), Ok(2));
        assert!(thread.join().unwrap().0);
    });
}

#[test]
fn loom_a_sender_that_waits_meets_the_drop_of_the_one_behind() {
    loom::model(|| {
        let (sender, mut receiver) = bounded(1);
        let behind = receiver.clone();
        assert!(send(&sender, 1));
        assert_eq!(receiver.try_recv().map(|value| *value), Ok(1));
        let thread = thread::spawn(move || drop(behind));
        assert!(send(&sender, 2), "there is room once it is gone, and one that receives");
        thread.join().unwrap();
        assert_eq!(receiver.try_recv().map(|value| *value), Ok(2));
        assert!(sender.is_empty());
    });
}

#[test]
fn loom_a_sender_that_waits_meets_the_drop_of_the_last_receiver() {
    loom::model(|| {
        let (sender, receiver) = bounded(1);
        assert!(send(&sender, 1));
        let thread = thread::spawn(move || drop(receiver));
        let refused = block_on(sender.send(Arc::new(2)));
        assert_eq!(refused.map_err(|refused| *refused.0), Err(2));
        block_on(sender.closed());
        thread.join().unwrap();
        assert!(sender.is_empty());
    });
}

#[test]
fn loom_a_sender_that_is_told_and_goes_passes_it_on() {
    loom::model(|| {
        let (sender, mut receiver) = bounded(1);
        assert!(send(&sender, 1));
        let mut gone = Box::pin(sender.send(Arc::new(2)));
        assert!(poll_once(&mut gone, Waker::noop()).is_pending());
        let (bell, waker) = Bell::new();
        let mut next = Box::pin(sender.send(Arc::new(3)));
        assert!(poll_once(&mut next, &waker).is_pending());
        let thread = thread::spawn(move || {
            assert_eq!(receiver.try_recv().map(|value| *value), Ok(1));
            receiver
        });
        drop(gone);
        let mut receiver = thread.join().unwrap();
        assert_eq!(bell.rings(), 1);
        assert!(poll_once(&mut next, &waker).is_ready());
        assert_eq!(receiver.try_recv().map(|value| *value), Ok(3));
    });
}

/// Two places, two that are told and one of them never polled again: the one that sends tells the third.
#[test]
fn loom_a_send_that_leaves_room_tells_the_next() {
    loom::model(|| {
        let (sender, mut receiver) = bounded(2);
        assert!(send(&sender, 1) && send(&sender, 2));
        let mut abandoned = Box::pin(sender.send(Arc::new(3)));
        assert!(poll_once(&mut abandoned, Waker::noop()).is_pending());
        let (second, third) = (sender.clone(), sender.clone());
        let second = thread::spawn(move || assert!(send(&second, 4)));
        let third = thread::spawn(move || assert!(send(&third, 5)));
        assert_eq!(receiver.try_recv().map(|value| *value), Ok(1));
        assert_eq!(receiver.try_recv().map(|value| *value), Ok(2));
        second.join().unwrap();
        third.join().unwrap();
        let mut got = [receiver.try_recv().map(|value| *value), receiver.try_recv().map(|value| *value)];
        got.sort_by_key(|value| value.clone().ok());
        assert_eq!(got, [Ok(4), Ok(5)]);
        drop(abandoned);
    });
}

/// One overwrites while another, that lags, receives, and a third, that lags too, goes.
#[test]
fn loom_a_send_meets_a_receive_and_the_drop_of_one_that_lags() {
    loom::model(|| {
        let (sender, mut receiver) = lossy(1);
        let lagging = receiver.clone();
        assert!(send(&sender, 0) && send(&sender, 1));
        let going = thread::spawn(move || drop(lagging));
        let sending = thread::spawn(move || (send(&sender, 2), sender));
        let mut had = (Vec::new(), 0);
        // The gap, and then at least one value is there.
        assert!(receive(&mut receiver, &mut had) && receive(&mut receiver, &mut had));
        let (sent, sender) = sending.join().unwrap();
        going.join().unwrap();
        assert!(sent);
        while receive(&mut receiver, &mut had) {}
        let (received, missed) = had;
        assert_eq!(received.len() as u64 + missed, 3, "{received:?}");
        assert_eq!(received.last(), Some(&2), "the last is never missed");
        assert!(sender.is_empty());
    });
}

#[test]
fn loom_two_that_receive_share_a_value_and_one_moves_it_out() {
    loom::model(|| {
        let (sender, mut receiver) = bounded(2);
        let mut other = receiver.clone();
        assert!(send(&sender, 1));
        let thread = thread::spawn(move || other.try_recv().map(|value| *value));
        assert_eq!(receiver.try_recv().map(|value| *value), Ok(1));
        assert_eq!(thread.join().unwrap(), Ok(1));
        assert!(sender.is_empty());
    });
}

/// Two stand in the first slot. One receives, without the lock, while the value is being overwritten: it has the value or a gap, and
/// whoever reads or overwrites last drops it.
#[test]
fn loom_a_receive_without_the_lock_meets_one_that_overwrites() {
    loom::model(|| {
        let (sender, mut receiver) = lossy(1);
        let mut other = receiver.clone();
        assert!(send(&sender, 1));
        let sending = thread::spawn(move || {
            assert!(send(&sender, 2));
            sender
        });
        let first = receiver.try_recv().map(|value| *value);
        let sender = sending.join().unwrap();
        match first {
            Ok(1) => assert_eq!(drain(&mut receiver), (vec![2], 0)),
            Err(TryRecvError::Lagged(1)) => assert_eq!(drain(&mut receiver), (vec![2], 0)),
            first => panic!("{first:?}"),
        }
        assert_eq!(drain(&mut other), (vec![2], 1));
        assert!(sender.is_empty());
    });
}

/// The same with a value that nothing needs to be done for: nobody counts those that read it.
#[test]
fn loom_a_plain_value_is_read_while_it_is_overwritten() {
    loom::model(|| {
        let (sender, mut receiver) = lossy(1);
        let other = receiver.clone();
        assert_eq!(sender.try_send(1), Ok(2));
        let sending = thread::spawn(move || {
            // To the end of a block, and around.
            (2..5).for_each(|number| assert_eq!(sender.try_send(number), Ok(2)));
            sender
        });
        match receiver.try_recv() {
            Ok(number) => assert!((1..5).contains(&number)),
            Err(TryRecvError::Lagged(gap)) => assert!((1..4).contains(&gap)),
            Err(other) => panic!("there is a value: {other}"),
        }
        drop((sending.join().unwrap(), other));
    });
}

/// As before, and the next slot is overwritten as well: who has arrived there before counts once wherever that was moved to, who arrives
/// after not at all.
#[test]
fn loom_a_receive_without_the_lock_meets_one_that_overwrites_twice() {
    loom::model(|| {
        let (sender, mut receiver) = lossy(1);
        let mut other = receiver.clone();
        assert!(send(&sender, 1));
        let sending = thread::spawn(move || {
            assert!(send(&sender, 2) && send(&sender, 3));
            sender
        });
        let mut had = (Vec::new(), 0);
        assert!(receive(&mut receiver, &mut had), "there is a value");
        let sender = sending.join().unwrap();
        while receive(&mut receiver, &mut had) {}
        let (received, missed) = had;
        assert_eq!(received.len() as u64 + missed, 3, "{received:?}");
        assert!(received.is_sorted() && received.last() == Some(&3), "{received:?}");
        assert_eq!(drain(&mut other), (vec![3], 2));
        assert!(sender.is_empty());
    });
}

/// Two stand in the slot of the value to come: what is received without the lock was written before.
#[test]
fn loom_a_receive_meets_a_send_without_the_lock() {
    loom::model(|| {
        let (sender, mut receiver) = lossy(1);
        let mut other = receiver.clone();
        let sending = thread::spawn(move || {
            assert!(send(&sender, 1));
            sender
        });
        let first = receiver.try_recv().map(|value| *value);
        let sender = sending.join().unwrap();
        match first {
            Ok(1) => assert_eq!(drain(&mut receiver), (vec![], 0)),
            Err(TryRecvError::Empty) => assert_eq!(drain(&mut receiver), (vec![1], 0)),
            first => panic!("{first:?}"),
        }
        assert_eq!(drain(&mut other), (vec![1], 0));
        assert!(sender.is_empty());
    });
}

/// The one place is free once both have had the value, whoever left last; the sender that waits hears of it, even if both were there
/// at once.
#[test]
fn loom_a_sender_that_waits_meets_two_that_receive_without_the_lock() {
    loom::model(|| {
        let (sender, mut receiver) = bounded(1);
        let mut other = receiver.clone();
        assert!(send(&sender, 1));
        let (bell, waker) = Bell::new();
        let mut waits = Box::pin(sender.send(Arc::new(2)));
        assert!(poll_once(&mut waits, &waker).is_pending());
        let thread = thread::spawn(move || {
            assert_eq!(other.try_recv().map(|value| *value), Ok(1));
            other
        });
        assert_eq!(receiver.try_recv().map(|value| *value), Ok(1));
        let mut other = thread.join().unwrap();
        assert_eq!(bell.rings(), 1);
        assert!(poll_once(&mut waits, &waker).is_ready());
        assert_eq!((drain(&mut receiver), drain(&mut other)), ((vec![2], 0), (vec![2], 0)));
        drop(waits);
        assert!(sender.is_empty());
    });
}

/// One goes on through slots that the other still wants, and the other goes: between them they take out everything.
#[test]
fn loom_one_that_runs_ahead_meets_the_drop_of_the_one_behind() {
    loom::model(|| {
        let (sender, mut receiver) = bounded(4);
        let behind = receiver.clone();
        assert!(send(&sender, 1) && send(&sender, 2));
        let thread = thread::spawn(move || drop(behind));
        assert_eq!(drain(&mut receiver), (vec![1, 2], 0));
        thread.join().unwrap();
        assert!(sender.is_empty());
    });
}

/// Two receive without the lock while one overwrites; at the end each is counted once.
#[test]
fn loom_two_that_receive_meet_one_that_overwrites() {
    loom::model(|| {
        let (sender, mut receiver) = lossy(1);
        let mut other = receiver.clone();
        assert!(send(&sender, 1));
        let sending = thread::spawn(move || {
            assert!(send(&sender, 2));
            sender
        });
        let thread = thread::spawn(move || {
            let first = other.try_recv().map(|value| *value);
            (first, other)
        });
        let first = receiver.try_recv().map(|value| *value);
        let sender = sending.join().unwrap();
        let (second, mut other) = thread.join().unwrap();
        for (first, receiver) in [(first, &mut receiver), (second, &mut other)] {
            assert!(matches!(first, Ok(1 | 2) | Err(TryRecvError::Lagged(1))), "{first:?}");
            drain(receiver);
        }
        assert!(sender.is_empty());
        assert_eq!(receiver.standing(), 2);
    });
}

/// The ring goes on through the end of a block while one receives there: no value is doubled or wrong, and gaps are exact.
#[test]
fn loom_a_plain_value_is_received_beside_overwrites_at_a_blocks_end() {
    loom::model(|| {
        let (sender, mut receiver) = lossy(2);
        let mut other = receiver.clone();
        assert!(sender.try_send(1_usize).is_ok() && sender.try_send(2).is_ok());
        let sending = thread::spawn(move || {
            assert!(sender.try_send(3).is_ok() && sender.try_send(4).is_ok());
            sender
        });
        let mut next = 1;
        // Whether there was anything.
        let mut follow = || {
            match receiver.try_recv() {
                Ok(value) => {
                    assert_eq!(value, next);
                    next += 1;
                }
                Err(TryRecvError::Lagged(gap)) => next += gap as usize,
                Err(TryRecvError::Empty) => return false,
                Err(TryRecvError::Closed) => panic!("the sender is there"),
            }
            true
        };
        assert!(follow() && follow());
        let sender = sending.join().unwrap();
        while follow() {}
        assert_eq!(next, 5);
        assert_eq!(receiver.standing(), 2);
        assert_eq!(other.try_recv(), Err(TryRecvError::Lagged(2)));
        assert_eq!(other.try_recv(), Ok(3));
        assert_eq!(other.try_recv(), Ok(4));
        assert_eq!(receiver.standing(), 2);
        assert!(sender.is_empty());
    });
}

#[test]
fn loom_canary_a_value_that_is_not_seen() {
    assert_noticed("broadcast.put.order", "broadcast::model::loom_a_receive_meets_a_send_without_the_lock");
}

#[test]
fn loom_canary_a_reader_that_is_not_waited_for() {
    assert_noticed(
        "broadcast.exit.order",
        "broadcast::model::loom_a_receive_without_the_lock_meets_one_that_overwrites",
    );
}

#[test]
fn loom_canary_a_step_off_what_was_overwritten() {
    assert_noticed(
        "broadcast.step.blind",
        "broadcast::model::loom_a_receive_without_the_lock_meets_one_that_overwrites",
    );
}

#[test]
fn loom_canary_one_that_counts_twice_for_ever() {
    assert_noticed(
        "broadcast.take.twice",
        "broadcast::model::loom_a_receive_without_the_lock_meets_one_that_overwrites_twice",
    );
}

#[test]
fn loom_canary_one_that_arrives_where_nobody_looks() {
    assert_noticed(
        "broadcast.arrive.blind",
        "broadcast::model::loom_a_receive_without_the_lock_meets_one_that_overwrites_twice",
    );
}

#[test]
fn loom_canary_a_first_slot_left_behind() {
    assert_noticed(
        "broadcast.step.vacant",
        "broadcast::model::loom_a_sender_that_waits_meets_two_that_receive_without_the_lock",
    );
}

#[test]
fn loom_canary_a_waiter_that_shows_too_late() {
    assert_noticed("line.wait.late", "broadcast::model::loom_a_receiver_that_waits_meets_a_send");
}

#[test]
fn loom_canary_a_telling_that_ends_with_one_that_went() {
    assert_noticed("line.leave.silent", "broadcast::model::loom_a_sender_that_is_told_and_goes_passes_it_on");
}

#[test]
fn loom_canary_a_receiver_that_goes_and_still_stands() {
    assert_noticed(
        "broadcast.leave.stands",
        "broadcast::model::loom_a_send_meets_a_receive_and_the_drop_of_one_that_lags",
    );
}

#[test]
fn loom_canary_a_receiver_that_goes_in_silence() {
    assert_noticed(
        "broadcast.leave.silent",
        "broadcast::model::loom_a_sender_that_waits_meets_the_drop_of_the_one_behind",
    );
}

#[test]
fn loom_canary_a_send_that_leaves_room_in_silence() {
    assert_noticed("broadcast.push.silent", "broadcast::model::loom_a_send_that_leaves_room_tells_the_next");
}
