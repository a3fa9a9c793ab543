//! What tokio's `sync_oneshot` suite and its regressions pin (R-85: a value that was sent is dropped by the destructor of what
//! holds it last), and what asyncio's futures promise of a result that is set once.

use super::{OneshotStatistics, Receiver, Sender, TryRecvError, channel};
use crate::testing::{Count, Hand, PanicOnWake, Random, within_a_minute};
use futures_core::future::FusedFuture;
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::Cell;
use std::future::Future;
use std::marker::PhantomPinned;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

/// Counts its drops.
#[derive(Debug)]
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll<F: std::future::Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(waker))
}

#[test]
fn a_value_arrives_sent_before_or_after_the_wait() {
    let (sender, receiver) = channel();
    sender.send(1).unwrap();
    assert_eq!(Hand::new(receiver).ready(), Ok(1));
    let (sender, receiver) = channel();
    let mut receiver = Hand::new(receiver);
    receiver.pends();
    sender.send(2).unwrap();
    assert_eq!(receiver.wakes(), 1);
    assert_eq!(receiver.ready(), Ok(2));
    assert!(receiver.ready().is_err(), "one answer only");
}

#[test]
fn a_dropped_sender_is_noticed() {
    let (sender, receiver) = channel::<u8>();
    let mut receiver = Hand::new(receiver);
    receiver.pends();
    drop(sender);
    assert_eq!(receiver.wakes(), 1);
    assert!(receiver.ready().is_err());
    let (sender, mut receiver) = channel::<u8>();
    drop(sender);
    assert!(receiver.is_closed());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert!(receiver.recv_blocking().is_err());
}

#[test]
fn a_refused_value_comes_back() {
    let (sender, receiver) = channel();
    drop(receiver);
    assert!(sender.is_closed());
    assert_eq!(sender.send("x"), Err("x"));
    let (sender, mut receiver) = channel();
    receiver.close();
    assert_eq!(sender.send("y"), Err("y"));
    assert!(Hand::new(receiver).ready().is_err());
    let (sender, mut receiver) = channel();
    assert!(poll(&mut receiver, Waker::noop()).is_pending());
    receiver.close();
    assert!(poll(&mut receiver, Waker::noop()).is_ready(), "after closing nothing can come");
    assert_eq!(sender.send("z"), Err("z"));
}

#[test]
fn what_was_sent_before_closing_is_received() {
    let (sender, mut receiver) = channel();
    sender.send(1).unwrap();
    receiver.close();
    assert_eq!(receiver.try_recv(), Ok(1));
}

#[test]
fn awaiting_by_reference_loses_nothing() {
    let (sender, mut receiver) = channel();
    assert!(poll(&mut &mut receiver, Waker::noop()).is_pending());
    sender.send(5).unwrap();
    assert_eq!(poll(&mut &mut receiver, Waker::noop()), Poll::Ready(Ok(5)));
}

#[test]
fn closed_wakes_the_sender() {
    for by_drop in [true, false] {
        let (mut sender, mut receiver) = channel::<u8>();
        let mut closed = Hand::new(async { sender.closed().await });
        closed.pends();
        closed.pends();
        let kept = if by_drop {
            drop(receiver);
            None
        } else {
            receiver.close();
            Some(receiver)
        };
        assert_eq!(closed.wakes(), 1);
        closed.ready();
        drop(closed);
        assert_eq!(sender.send(1), Err(1));
        drop(kept);
    }
}

#[test]
fn a_sender_that_waited_for_the_end_can_still_send() {
    let (mut sender, receiver) = channel();
    let (count, waker) = Count::new();
    assert!(sender.poll_closed(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(Arc::strong_count(&count), 3);
    sender.send(1).unwrap();
    assert_eq!(Arc::strong_count(&count), 2, "its waker is dropped with it");
    assert_eq!(Hand::new(receiver).ready(), Ok(1));
    assert_eq!(count.take(), 0);
}

#[test]
fn a_dropped_receiver_drops_its_waker_at_once() {
    let (sender, mut receiver) = channel::<u8>();
    let (count, waker) = Count::new();
    assert!(poll(&mut receiver, &waker).is_pending());
    drop(receiver);
    assert_eq!(Arc::strong_count(&count), 2);
    drop(sender);
    assert_eq!(count.take(), 0);
}

#[test]
fn only_the_last_waker_is_woken_and_a_panicking_one_is_contained() {
    let (sender, mut receiver) = channel();
    let (a, waker_a) = Count::new();
    let (b, waker_b) = Count::new();
    for waker in [&waker_a, &waker_b, &waker_a, &waker_b, &waker_b] {
        assert!(poll(&mut receiver, waker).is_pending());
    }
    sender.send(1).unwrap();
    assert_eq!((a.take(), b.take()), (0, 1));
    let (sender, mut receiver) = channel();
    assert!(poll(&mut receiver, &Waker::from(Arc::new(PanicOnWake))).is_pending());
    sender.send(1).unwrap();
    assert_eq!(receiver.try_recv(), Ok(1));
}

#[test]
fn a_value_is_dropped_once_on_every_path() {
    for (sends, polls, closes, takes) in (0..16).map(|n| (n & 1 != 0, n & 2 != 0, n & 4 != 0, n & 8 != 0)) {
        for receiver_first in [false, true] {
            let drops = Arc::new(AtomicUsize::new(0));
            let (sender, mut receiver) = channel();
            if polls {
                assert!(poll(&mut receiver, Waker::noop()).is_pending());
            }
            if closes {
                receiver.close();
            }
            let mut sender = Some(sender);
            if sends && !receiver_first {
                let sent = sender.take().unwrap().send(Dropped(drops.clone()));
                assert_eq!(sent.is_err(), closes);
            }
            if takes {
                assert_eq!(receiver.try_recv().is_ok(), sends && !receiver_first && !closes);
            }
            drop(receiver);
            if let Some(sender) = sender
                && sends
            {
                assert!(sender.send(Dropped(drops.clone())).is_err());
            }
            assert_eq!(drops.load(Ordering::Relaxed), usize::from(sends));
        }
    }
}

#[test]
fn the_halves_show_their_state() {
    let (sender, mut receiver) = channel();
    assert_eq!(format!("{sender:?} {receiver:?}"), "Sender { closed: false } Receiver { state: open }");
    assert!(receiver.is_empty() && !receiver.is_closed() && !receiver.is_terminated());
    sender.send(1).unwrap();
    assert_eq!(format!("{receiver:?}"), "Receiver { state: value }");
    assert!(!receiver.is_empty() && receiver.is_closed() && !receiver.is_terminated());
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(format!("{receiver:?}"), "Receiver { state: answered }");
    assert!(receiver.is_empty() && receiver.is_closed() && receiver.is_terminated());
    let (sender, mut receiver) = channel::<u8>();
    receiver.close();
    assert_eq!(format!("{sender:?} {receiver:?}"), "Sender { closed: true } Receiver { state: closed }");
    assert!(!receiver.is_terminated(), "it has an answer to give");
    assert!(poll(&mut receiver, Waker::noop()).is_ready());
    assert!(receiver.is_terminated());
    drop(sender);
}

#[test]
fn waiting_on_plain_threads() {
    within_a_minute(|| {
        let (sender, receiver) = channel();
        let receiving = std::thread::spawn(move || receiver.recv_blocking());
        sender.send(1).unwrap();
        assert_eq!(receiving.join().unwrap(), Ok(1));
        let (mut sender, receiver) = channel::<u8>();
        let waiting = std::thread::spawn(move || {
            sender.closed_blocking();
            sender.send(2)
        });
        drop(receiver);
        assert_eq!(waiting.join().unwrap(), Err(2));
    });
}

#[test]
fn auto_traits_are_those_of_what_crosses() {
    assert_impl_all!(Sender<Cell<u8>>: Send, Sync, Unpin);
    assert_impl_all!(Receiver<Cell<u8>>: Send, Sync, Unpin);
    assert_impl_all!(Receiver<PhantomPinned>: Unpin);
    assert_not_impl_any!(Sender<Rc<u8>>: Send, Sync);
    assert_not_impl_any!(Receiver<Rc<u8>>: Send, Sync);
}

/// Panics when dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a value whose drop panics on purpose");
    }
}

#[test]
fn a_value_whose_drop_panics_harms_only_its_owner() {
    let (sender, receiver) = channel();
    assert!(sender.send(Bomb).is_ok());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(receiver))).is_err());
}

#[test]
fn both_halves_race_and_the_value_ends_up_in_one_place() {
    within_a_minute(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        const ROUNDS: usize = 20_000;
        let mut random = Random::new(3);
        let (to_other, from_here) = std::sync::mpsc::channel::<(super::Sender<Dropped>, bool)>();
        let counted = drops.clone();
        let other = std::thread::spawn(move || {
            let mut sent = 0;
            for (sender, sends) in from_here {
                if sends {
                    sent += 1;
                    let _ = sender.send(Dropped(counted.clone()));
                }
            }
            sent
        });
        for _ in 0..ROUNDS {
            let (sender, mut receiver) = channel();
            to_other.send((sender, random.below(4) > 0)).unwrap();
            match random.below(4) {
                0 => drop(receiver),
                1 => drop(poll(&mut receiver, Waker::noop())),
                2 => receiver.close(),
                _ => drop(receiver.recv_blocking()),
            }
        }
        drop(to_other);
        let sent: usize = other.join().unwrap();
        assert_eq!(drops.load(Ordering::Relaxed), sent);
    });
}

#[test]
fn statistics_tell_who_waits_and_what_is_there() {
    let told = |statistics: OneshotStatistics| {
        (statistics.has_value, statistics.is_closed, statistics.sender_waits, statistics.receiver_waits)
    };
    let mut cx = Context::from_waker(Waker::noop());
    let (mut sender, mut receiver) = channel();
    assert_eq!(told(sender.statistics()), (false, false, false, false));
    assert!(sender.poll_closed(&mut cx).is_pending());
    assert!(poll(&mut receiver, Waker::noop()).is_pending());
    assert_eq!(told(sender.statistics()), (false, false, true, true));
    assert_eq!(sender.statistics(), receiver.statistics());
    sender.send(1).unwrap();
    assert_eq!(told(receiver.statistics()), (true, true, false, false), "told, nobody waits any more");
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(told(receiver.statistics()), (false, true, false, false));

    let (mut sender, mut receiver) = channel::<u8>();
    assert!(sender.poll_closed(&mut cx).is_pending());
    receiver.close();
    assert_eq!(told(sender.statistics()), (false, true, false, false));
    assert_eq!(sender.statistics(), receiver.statistics());
}
