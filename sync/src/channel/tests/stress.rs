//! Many threads, exact sums.

use super::flavours;
use crate::channel::{Receiver, Sender};
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

/// What one of the eight did with its values.
#[derive(Default)]
struct Tally {
    sent: Vec<usize>,
    /// Given up on a rendezvous: nobody can say whether it was taken.
    perhaps: Vec<usize>,
    pushed_out: Vec<usize>,
}

/// Sends by every way there is, giving up at random.
fn produces(sender: &Sender<usize>, id: usize, room: usize) -> Tally {
    const EACH: usize = 2_000;
    let mut random = Random::new(id as u64 + 91);
    let mut tally = Tally::default();
    for value in id * EACH..(id + 1) * EACH {
        match random.below(6) {
            0 if sender.try_send(value).is_ok() => tally.sent.push(value),
            1 => {
                if let Ok(permit) = sender.try_reserve()
                    && random.below(2) == 0
                {
                    permit.send(value).unwrap();
                    tally.sent.push(value);
                }
            }
            2 if room > 0 => {
                let mut many = Hand::new(sender.reserve_many(1 + random.below(room.min(3))));
                for _ in 0..random.below(4) {
                    if let Poll::Ready(permits) = many.poll() {
                        permits.unwrap().next().unwrap().send(value).unwrap();
                        tally.sent.push(value);
                        break;
                    }
                    yield_now();
                }
            }
            3 => {
                let pushed_out = sender.force_send(value).unwrap();
                // Its own, where there is nothing to push out.
                tally.sent.push(value);
                tally.pushed_out.extend(pushed_out);
            }
            4 => {
                block_on(sender.send(value)).unwrap();
                tally.sent.push(value);
            }
            _ => {
                let mut send = Hand::new(sender.send(value));
                let polls = random.below(4);
                let sent = (0..polls).any(|_| {
                    send.poll().is_ready() || {
                        yield_now();
                        false
                    }
                });
                match sent {
                    true => tally.sent.push(value),
                    false if room == 0 && polls > 0 => tally.perhaps.push(value),
                    false => {}
                }
            }
        }
    }
    tally
}

/// Receives by every way there is, giving up at random, to the end.
fn consumes(receiver: &Receiver<usize>, id: usize) -> Vec<usize> {
    let mut random = Random::new(id as u64 + 17);
    let mut got = Vec::new();
    loop {
        match random.below(4) {
            0 => got.extend(receiver.try_recv()),
            1 if receiver.recv_many_blocking(&mut got, 1 + random.below(7)) == 0 => return got,
            2 => {
                let mut many = Hand::new(receiver.recv_many(&mut got, 3));
                let _ = (0..random.below(3)).any(|_| {
                    many.poll().is_ready() || {
                        yield_now();
                        false
                    }
                });
            }
            _ => {
                let mut recv = Hand::new(receiver.recv());
                for _ in 0..random.below(4) {
                    match recv.poll() {
                        Poll::Ready(Ok(value)) => {
                            got.push(value);
                            break;
                        }
                        Poll::Ready(Err(_)) => return got,
                        Poll::Pending => yield_now(),
                    }
                }
            }
        }
    }
}

#[test]
fn a_storm_of_eight_and_eight_that_give_up_leaves_each_value_in_one_place() {
    within_a_minute(|| {
        for (name, room, make) in flavours::<usize>() {
            let (sender, receiver) = make();
            let producers: Vec<_> = (0..8)
                .map(|id| {
                    let sender = sender.clone();
                    spawn(move || produces(&sender, id, room))
                })
                .collect();
            let consumers: Vec<_> = (0..8)
                .map(|id| {
                    let receiver = receiver.clone();
                    spawn(move || consumes(&receiver, id))
                })
                .collect();
            drop(receiver);
            let tallies: Vec<_> = producers.into_iter().map(|thread| thread.join().unwrap()).collect();
            let statistics = sender.statistics();
            assert_eq!((statistics.reserved, statistics.waiting_senders), (0, 0), "{name}");
            drop(sender);
            let mut seen = Vec::new();
            for consumer in consumers {
                let got = consumer.join().unwrap();
                for tally in &tallies {
                    // Its sends were one after the other: whoever received some of them did so in that order.
                    let of_one: Vec<_> =
                        got.iter().filter(|&value| tally.sent.binary_search(value).is_ok()).collect();
                    assert!(of_one.is_sorted(), "{name}: out of order");
                }
                seen.extend(got);
            }
            seen.extend(tallies.iter().flat_map(|tally| &tally.pushed_out));
            seen.sort_unstable();
            assert!(seen.windows(2).all(|two| two[0] < two[1]), "{name}: a value twice");
            let perhaps: Vec<_> = tallies.iter().flat_map(|tally| &tally.perhaps).collect();
            let sent = tallies.iter().flat_map(|tally| &tally.sent);
            let certain: Vec<_> = seen.iter().filter(|value| perhaps.binary_search(value).is_err()).collect();
            assert!(sent.eq(certain), "{name}: what was sent is where it went, and nothing else is");
        }
    });
}
