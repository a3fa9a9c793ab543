//! Closing: by hand, and by the last end.

use super::flavours;
use crate::channel::{Receiver, RecvFuture, SendError, TryRecvError, TrySendError, bounded, rendezvous};
use crate::testing::{Hand, leak};
use filch_primitive::WAKE_BATCH_CAPACITY;
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

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

/// A receiver that is polled wherever it is woken, at most so often that a test with it comes to an end.
struct AtOnce(Mutex<(Option<Hand<RecvFuture<'static, u8>>>, usize)>);

impl AtOnce {
    fn polls(self: &Arc<Self>) {
        let mut place = self.0.lock().unwrap();
        let (recv, polls) = &mut *place;
        *polls += 1;
        if *polls < 100
            && let Some(recv) = recv
        {
            let _ = recv.poll_with(&Waker::from(self.clone()));
        }
    }
}

impl Wake for AtOnce {
    fn wake(self: Arc<Self>) {
        self.polls();
    }
}

/// Closed, with a place reserved: there is nothing yet, and it is not the end.
#[test]
fn those_that_wait_on_after_the_close_do_not_keep_it_from_returning() {
    let (sender, receiver) = bounded(1);
    let receiver: &'static Receiver<u8> = leak(receiver);
    let permit = sender.try_reserve().unwrap();
    let all: Vec<_> = (0..3 * WAKE_BATCH_CAPACITY)
        .map(|_| Arc::new(AtOnce(Mutex::new((Some(Hand::new(receiver.recv())), 0)))))
        .collect();
    all.iter().for_each(AtOnce::polls);
    receiver.close();
    let polls: usize = all.iter().map(|one| one.0.lock().unwrap().1).sum();
    assert!(polls <= 2 * all.len(), "{polls} polls: one when it came, one by the close");
    assert_eq!(sender.statistics().waiting_receivers, all.len(), "nothing came, and nothing ended");
    drop(permit);
    assert_eq!(sender.statistics().waiting_receivers, 0, "all see the end");
    all.iter().for_each(|one| drop(one.0.lock().unwrap().0.take()));
}
