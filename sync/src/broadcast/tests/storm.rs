//! Eight that send, eight that receive, and sends and receives given up at random.

use crate::broadcast::{Receiver, RecvError, Sender, bounded, lossy};
use crate::testing::{Random, within_a_minute};
use futures_lite::future::{block_on, or, ready};
use std::future::Future;
use std::thread;

const SENDERS: usize = 8;
const RECEIVERS: usize = 8;
const EACH: usize = 300;

/// What `future` ends with; or nothing, when it does not at its first poll and is given up.
fn at_once<R>(future: impl Future<Output = R>) -> Option<R> {
    block_on(or(async { Some(future.await) }, ready(None)))
}

fn send_all(name: usize, sender: &Sender<(usize, usize)>) {
    let mut random = Random::new(1 + name as u64);
    for n in 0..EACH {
        loop {
            let sent = match random.below(2) {
                0 => at_once(sender.send((name, n))),
                _ => Some(sender.send_blocking((name, n))),
            };
            // Given up is not sent.
            if let Some(sent) = sent {
                assert!(sent.is_ok_and(|receivers| receivers >= RECEIVERS));
                break;
            }
        }
    }
}

/// Receives to the end: values by sender, how many in all, how many missed.
fn receive_all(name: usize, mut receiver: Receiver<(usize, usize)>) -> (Vec<Vec<usize>>, u64, u64) {
    let mut random = Random::new(100 + name as u64);
    let (mut values, mut received, mut missed) = (vec![Vec::new(); SENDERS], 0, 0);
    loop {
        let next = if random.below(2) == 0 {
            match at_once(receiver.recv()) {
                Some(next) => next,
                None => continue,
            }
        } else {
            receiver.recv_blocking()
        };
        match next {
            Ok((sender, n)) => {
                values[sender].push(n);
                received += 1;
            }
            Err(RecvError::Lagged(gap)) => missed += gap,
            Err(RecvError::Closed) => return (values, received, missed),
        }
    }
}

/// Runs the storm. What the receivers saw, for each.
fn storm(
    sender: Sender<(usize, usize)>,
    first: Receiver<(usize, usize)>,
) -> Vec<(Vec<Vec<usize>>, u64, u64)> {
    let mut receivers = vec![first];
    receivers.resize_with(RECEIVERS, || sender.subscribe());
    let receiving: Vec<_> = receivers
        .into_iter()
        .enumerate()
        .map(|(name, receiver)| thread::spawn(move || receive_all(name, receiver)))
        .collect();
    let sending: Vec<_> = (0..SENDERS)
        .map(|name| {
            let sender = sender.clone();
            thread::spawn(move || {
                send_all(name, &sender);
                // One more, that goes at some moment with what it has not received.
                let mut going = sender.subscribe();
                for _ in 0..name {
                    let _ = at_once(going.recv());
                }
            })
        })
        .collect();
    sending.into_iter().for_each(|thread| thread.join().unwrap());
    let statistics = sender.statistics();
    assert_eq!((statistics.senders_waiting, statistics.sent), (0, (SENDERS * EACH) as u64));
    drop(sender);
    receiving.into_iter().map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn bounded_every_receiver_sees_every_value_in_order() {
    within_a_minute(|| {
        let (sender, receiver) = bounded(4);
        for (values, _, missed) in storm(sender, receiver) {
            assert_eq!(missed, 0);
            assert!(values.iter().all(|values| values.iter().copied().eq(0..EACH)));
        }
    });
}

#[test]
fn lossy_what_was_received_and_what_was_missed_is_what_was_sent() {
    within_a_minute(|| {
        let (sender, receiver) = lossy(16);
        for (values, received, missed) in storm(sender, receiver) {
            assert_eq!(received + missed, (SENDERS * EACH) as u64);
            assert!(values.iter().all(|values| values.is_sorted_by(|a, b| a < b)), "in order, each once");
        }
    });
}
