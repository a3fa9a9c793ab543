//! Eight that send, eight that watch, and waits given up at random.

use crate::testing::{Random, within_a_minute};
use crate::watch::channel;
use futures_lite::future::{block_on, or, ready};
use std::thread;

const SENDERS: u64 = 8;
const RECEIVERS: u64 = 8;
const EACH: u64 = 500;

#[test]
fn every_receiver_sees_the_last_value_and_none_twice() {
    within_a_minute(|| {
        let (sender, receiver) = channel(0);
        let watching: Vec<_> = (0..RECEIVERS)
            .map(|name| {
                let mut receiver = receiver.clone();
                thread::spawn(move || {
                    let (mut random, mut last) = (Random::new(1 + name), 0);
                    loop {
                        let changed = match random.below(3) {
                            0 => block_on(or(async { Some(receiver.changed().await) }, ready(None))),
                            1 if receiver.has_changed() => Some(Ok(())),
                            _ => Some(receiver.changed_blocking()),
                        };
                        match changed {
                            None => continue,
                            Some(Err(_)) => return last,
                            Some(Ok(())) => {
                                let now = *receiver.borrow_and_update();
                                assert!(now > last, "the value is how often it was changed");
                                last = now;
                            }
                        }
                    }
                })
            })
            .collect();
        let sending: Vec<_> = (0..SENDERS)
            .map(|_| {
                let sender = sender.clone();
                thread::spawn(move || (0..EACH).for_each(|_| sender.send_modify(|value| *value += 1)))
            })
            .collect();
        sending.into_iter().for_each(|thread| thread.join().unwrap());
        drop(sender);
        for watching in watching {
            assert_eq!(watching.join().unwrap(), SENDERS * EACH);
        }
    });
}
