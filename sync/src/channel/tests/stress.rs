//! Many threads, exact sums.

use super::flavours;
use crate::testing::{Hand, Random, within_a_minute};
use futures_lite::future::block_on;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread::{spawn, yield_now};

const EACH: usize = 1_500;

#[test]
fn every_value_reaches_one_receiver_once() {
    within_a_minute(|| {
        for (name, _, make) in flavours::<usize>() {
            let (sender, receiver) = make();
            let senders: Vec<_> = (0..4)
                .map(|id| {
                    let sender = sender.clone();
                    spawn(move || {
                        for n in 0..EACH {
                            block_on(sender.send(id * EACH + n)).unwrap();
                        }
                    })
                })
                .collect();
            let receivers: Vec<_> = (0..4)
                .map(|_| {
                    let receiver = receiver.clone();
                    spawn(move || {
                        let mut got = Vec::new();
                        while let Ok(value) = block_on(receiver.recv()) {
                            got.push(value);
                        }
                        got
                    })
                })
                .collect();
            drop(sender);
            senders.into_iter().for_each(|thread| thread.join().unwrap());
            let per_receiver: Vec<_> = receivers.into_iter().map(|thread| thread.join().unwrap()).collect();
            for got in &per_receiver {
                for id in 0..4 {
                    let mut of_one = got.iter().filter(|&value| value / EACH == id);
                    let mut last = None;
                    assert!(of_one.all(|value| last.replace(value) < Some(value)), "{name}: out of order");
                }
            }
            let mut all: Vec<_> = per_receiver.into_iter().flatten().collect();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..4 * EACH), "{name}");
        }
    });
}

#[test]
fn giving_up_at_random_loses_nothing_and_delivers_nothing_twice() {
    within_a_minute(|| {
        for (name, _, make) in flavours::<usize>() {
            let (sender, receiver) = make();
            let sent = Arc::new(AtomicUsize::new(0));
            let senders: Vec<_> = (0..2)
                .map(|id| {
                    let (sender, sent) = (sender.clone(), sent.clone());
                    spawn(move || {
                        let mut random = Random::new(id + 5);
                        for _ in 0..EACH {
                            // A rendezvous that is dropped may have been taken just before, and nobody would know: so where
                            // the sender gives up, the value is worth nothing.
                            let stays = random.below(2) == 0;
                            let mut send = Hand::new(sender.send(usize::from(stays)));
                            let mut done = send.poll().is_ready();
                            while stays && !done {
                                yield_now();
                                done = send.poll().is_ready();
                            }
                            let done = done && stays;
                            sent.fetch_add(usize::from(done), Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            let receivers: Vec<_> = (0..2)
                .map(|id| {
                    let receiver = receiver.clone();
                    spawn(move || {
                        let mut random = Random::new(id + 50);
                        let mut got = 0;
                        loop {
                            let mut recv = Hand::new(receiver.recv());
                            for _ in 0..=random.below(3) {
                                match recv.poll() {
                                    Poll::Ready(Ok(value)) => {
                                        got += value;
                                        break;
                                    }
                                    Poll::Ready(Err(_)) => return got,
                                    Poll::Pending => yield_now(),
                                }
                            }
                        }
                    })
                })
                .collect();
            drop(sender);
            senders.into_iter().for_each(|thread| thread.join().unwrap());
            let got: usize = receivers.into_iter().map(|thread| thread.join().unwrap()).sum();
            assert_eq!(got, sent.load(Ordering::Relaxed), "{name}");
        }
    });
}

#[test]
fn closing_races_with_sends_and_every_value_is_somewhere() {
    within_a_minute(|| {
        for (name, _, make) in flavours::<usize>() {
            for _ in 0..100 {
                let (sender, receiver) = make();
                let senders: Vec<_> = (0..2)
                    .map(|_| {
                        let sender = sender.clone();
                        spawn(move || (0..).take_while(|_| sender.send_blocking(1).is_ok()).count())
                    })
                    .collect();
                let closes = receiver.clone();
                let closer = spawn(move || {
                    yield_now();
                    closes.close();
                });
                let mut got = 0;
                while let Ok(value) = receiver.recv_blocking() {
                    got += value;
                }
                closer.join().unwrap();
                let sent: usize = senders.into_iter().map(|thread| thread.join().unwrap()).sum();
                assert_eq!(got, sent, "{name}");
            }
        }
    });
}
