//! Closing: by hand, and by the last end.

use super::flavours;
use crate::channel::{SendError, TryRecvError, TrySendError, bounded, rendezvous};
use crate::testing::Hand;

#[test]
fn what_was_sent_before_closing_is_received() {
    for (name, room, make) in flavours::<usize>() {
        for by in 0..3 {
            let (sender, receiver) = make();
            let count = room.min(70);
            (0..count).for_each(|n| sender.try_send(n).unwrap());
            let kept = match by {
                0 => {
                    sender.close();
                    Some(sender)
                }
                1 => {
                    receiver.close();
                    Some(sender)
                }
                _ => {
                    drop(sender);
                    None
                }
            };
            assert!(receiver.is_closed(), "{name}");
            assert_eq!(receiver.len(), count);
            for n in 0..count {
                assert_eq!(receiver.recv_blocking(), Ok(n), "{name}");
            }
            assert!(receiver.recv_blocking().is_err(), "{name}");
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed), "{name}");
            if let Some(sender) = kept {
                assert_eq!(sender.try_send(9), Err(TrySendError::Closed(9)), "{name}");
                assert_eq!(sender.send_blocking(9), Err(SendError(9)), "{name}");
                assert_eq!(Hand::new(sender.send(9)).ready(), Err(SendError(9)), "{name}");
            }
        }
    }
}

#[test]
fn everybody_who_waits_is_told() {
    for (name, _, make) in flavours::<usize>() {
        let (sender, receiver) = make();
        let clones: Vec<_> = (0..3).map(|_| sender.clone()).collect();
        let mut waiting: Vec<_> = (0..70).map(|_| Hand::new(receiver.recv())).collect();
        waiting.iter_mut().for_each(Hand::pends);
        drop(sender);
        assert_eq!(waiting.iter().map(Hand::wakes).sum::<usize>(), 0, "{name}");
        drop(clones);
        assert!(waiting.iter_mut().all(|recv| recv.wakes() == 1 && recv.ready().is_err()), "{name}");
    }
    for (sender, receiver) in [bounded(1), rendezvous()] {
        let full = sender.try_send(0).is_ok();
        let mut waiting: Vec<_> = (0..70).map(|n| Hand::new(sender.send(n))).collect();
        waiting.iter_mut().for_each(Hand::pends);
        drop(receiver);
        for (n, send) in waiting.iter_mut().enumerate() {
            assert_eq!(send.wakes(), 1);
            assert_eq!(send.ready(), Err(SendError(n)), "the value comes back");
        }
        assert!(full == sender.capacity().is_some_and(|capacity| capacity > 0));
    }
}

#[test]
fn a_rendezvous_taken_before_closing_counts() {
    let (sender, receiver) = rendezvous();
    let mut taken = Hand::new(sender.send(1));
    let mut waits = Hand::new(sender.send(2));
    taken.pends();
    waits.pends();
    assert_eq!(receiver.try_recv(), Ok(1));
    receiver.close();
    assert_eq!(taken.ready(), Ok(()));
    assert_eq!(waits.ready(), Err(SendError(2)));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn errors_speak() {
    assert_eq!(SendError(1).to_string(), "the channel is closed");
    assert_eq!(TrySendError::Full(1).to_string(), "the channel is full");
    assert_eq!(format!("{:?}", TrySendError::Closed(1)), "Closed(..)");
    assert!(TrySendError::Full(1).is_full());
    assert_eq!(TrySendError::Closed(1).into_inner(), 1);
    assert_eq!(TryRecvError::Empty.to_string(), "the channel is empty");
}
