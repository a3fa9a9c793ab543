//! Eight that send, eight that receive, and sends and receives given up at random.

use crate::broadcast::{Receiver, RecvError, Sender, bounded, lossy};
use crate::testing::{Random, within_a_minute};
use futures_lite::future::{block_on, or, ready};
use std::future::Future;
use std::sync::Arc;
use std::thread;

const SENDERS: usize = 8;
const RECEIVERS: usize = 8;
const EACH: usize = 300;

/// What `future` ends with; or nothing, when it does not at its first poll and is given up.
fn at_once<R>(future: impl Future<Output = R>) -> Option<R> {
    block_on(or(async { Some(future.await) }, ready(None)))
}

/// Who sent it and its number, beside something that may be there to be dropped.
type Value<T> = (usize, usize, T);

fn send_all<T: Clone>(name: usize, sender: &Sender<Value<T>>, thing: &T) {
    let mut random = Random::new(1 + name as u64);
    for n in 0..EACH {
        loop {
            let sent = match random.below(2) {
                0 => at_once(sender.send((name, n, thing.clone()))),
                _ => Some(sender.send_blocking((name, n, thing.clone()))),
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
fn receive_all<T: Clone>(name: usize, mut receiver: Receiver<Value<T>>) -> (Vec<Vec<usize>>, u64, u64) {
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
            Ok((sender, n, _)) => {
                values[sender].push(n);
                received += 1;
            }
            Err(RecvError::Lagged(gap)) => missed += gap,
            Err(RecvError::Closed) => return (values, received, missed),
        }
    }
}

/// Runs the storm. What the receivers saw, for each.
fn storm<T: Clone + Send + Sync + 'static>(
    (sender, first): (Sender<Value<T>>, Receiver<Value<T>>),
    thing: &T,
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
            let (sender, thing) = (sender.clone(), thing.clone());
            thread::spawn(move || {
                send_all(name, &sender, &thing);
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

fn every_value_arrives<T: Clone + Send + Sync + 'static>(thing: &T) {
    for (values, _, missed) in storm(bounded(4), thing) {
        assert_eq!(missed, 0);
        assert!(values.iter().all(|values| values.iter().copied().eq(0..EACH)));
    }
}

fn every_value_arrives_or_is_missed<T: Clone + Send + Sync + 'static>(thing: &T) {
    for capacity in [1, 16] {
        for (values, received, missed) in storm(lossy(capacity), thing) {
            assert_eq!(received + missed, (SENDERS * EACH) as u64);
            assert!(values.iter().all(|values| values.is_sorted_by(|a, b| a < b)), "in order, each once");
        }
    }
}

#[test]
fn bounded_every_receiver_sees_every_value_in_order() {
    within_a_minute(|| every_value_arrives(&()));
}

#[test]
fn lossy_what_was_received_and_what_was_missed_is_what_was_sent() {
    within_a_minute(|| every_value_arrives_or_is_missed(&()));
}

#[test]
fn every_value_of_a_storm_is_dropped_once() {
    within_a_minute(|| {
        let thing = Arc::new(Box::new(1));
        every_value_arrives(&thing);
        every_value_arrives_or_is_missed(&thing);
        assert_eq!((Arc::strong_count(&thing), **thing), (1, 1));
    });
}
