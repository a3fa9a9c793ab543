//! One value for many: broadcast and watch.

use std::time::Instant;

use super::{Case, contender};
use crate::workload::Outcome;

const RECEIVERS: usize = 4;
const MESSAGES: u64 = 10_000;

/// Four tasks receive, each in its way; the body sends. An operation is one value received, or known to be missed.
macro_rules! spread {
    ($make:expr, |$another:ident| $clone:expr, |$receiver:ident| $count:expr, |$sender:ident, $value:ident| $send:expr) => {
        || async {
            #[allow(unused_mut, reason = "some send by `&mut`")]
            let (mut $sender, $another) = $make;
            let start = Instant::now();
            let tasks: Vec<_> = (0..RECEIVERS)
                .map(|_| {
                    let mut $receiver = $clone;
                    filch::spawn(async move { $count })
                })
                .collect();
            drop($another);
            for $value in 0..MESSAGES {
                $send;
            }
            drop($sender);
            let mut done = 0_u64;
            for task in tasks {
                done += task.await.expect("a body does not panic");
            }
            assert_eq!(done, MESSAGES * RECEIVERS as u64, "values received or missed");
            Outcome::since(start, done)
        }
    };
}

/// The last value comes to everybody. An operation is one value sent.
macro_rules! watched {
    ($make:expr) => {
        || async {
            let (sender, receiver) = $make;
            let start = Instant::now();
            let tasks: Vec<_> = (0..RECEIVERS)
                .map(|_| {
                    let mut receiver = receiver.clone();
                    filch::spawn(async move {
                        while receiver.changed().await.is_ok() {
                            if *receiver.borrow_and_update() == MESSAGES {
                                return;
                            }
                        }
                        panic!("the last value was missed");
                    })
                })
                .collect();
            for value in 1..=MESSAGES {
                sender.send(value).expect("somebody receives");
                if value % 16 == 0 {
                    filch::yield_now().await;
                }
            }
            for task in tasks {
                task.await.expect("a body does not panic");
            }
            Outcome::since(start, MESSAGES)
        }
    };
}

macro_rules! borrowed {
    ($make:expr) => {
        || async {
            let (sender, receiver) = $make;
            let start = Instant::now();
            for _ in 0..MESSAGES {
                std::hint::black_box(*receiver.borrow());
            }
            drop(sender);
            Outcome::since(start, MESSAGES)
        }
    };
}

fn overflowing() -> (async_broadcast::Sender<u64>, async_broadcast::Receiver<u64>) {
    let (mut sender, receiver) = async_broadcast::broadcast(1_024);
    sender.set_overflow(true);
    (sender, receiver)
}

pub(super) fn all() -> Vec<Case> {
    use filch::sync::{broadcast, watch};
    vec![
        Case {
            name: "broadcast/lossy",
            what: "a value at one of 4 receivers, 1,024 are kept",
            contenders: vec![
                contender(
                    "filch",
                    spread!(
                        broadcast::lossy::<u64>(1_024),
                        |another| another.clone(),
                        |receiver| {
                            let mut done = 0;
                            loop {
                                match receiver.recv().await {
                                    Ok(_) => done += 1,
                                    Err(broadcast::RecvError::Lagged(missed)) => done += missed,
                                    Err(_) => break done,
                                }
                            }
                        },
                        |sender, value| {
                            sender.try_send(value).expect("somebody receives");
                        }
                    ),
                ),
                contender(
                    "tokio",
                    spread!(
                        tokio::sync::broadcast::channel::<u64>(1_024),
                        |another| another.resubscribe(),
                        |receiver| {
                            use tokio::sync::broadcast::error::RecvError;
                            let mut done = 0;
                            loop {
                                match receiver.recv().await {
                                    Ok(_) => done += 1,
                                    Err(RecvError::Lagged(missed)) => done += missed,
                                    Err(RecvError::Closed) => break done,
                                }
                            }
                        },
                        |sender, value| {
                            sender.send(value).expect("somebody receives");
                        }
                    ),
                ),
                contender(
                    "async-broadcast",
                    spread!(
                        overflowing(),
                        |another| another.clone(),
                        |receiver| {
                            let mut done = 0;
                            loop {
                                match receiver.recv().await {
                                    Ok(_) => done += 1,
                                    Err(async_broadcast::RecvError::Overflowed(missed)) => done += missed,
                                    Err(async_broadcast::RecvError::Closed) => break done,
                                }
                            }
                        },
                        |sender, value| {
                            sender.try_broadcast(value).expect("somebody receives");
                        }
                    ),
                ),
            ],
        },
        Case {
            name: "broadcast/bounded",
            what: "a value at one of 4 receivers, the sender waits for the slowest",
            contenders: vec![
                contender(
                    "filch",
                    spread!(
                        broadcast::bounded::<u64>(64),
                        |another| another.clone(),
                        |receiver| {
                            let mut done = 0;
                            while receiver.recv().await.is_ok() {
                                done += 1;
                            }
                            done
                        },
                        |sender, value| {
                            sender.send(value).await.expect("somebody receives");
                        }
                    ),
                ),
                contender(
                    "async-broadcast",
                    spread!(
                        async_broadcast::broadcast::<u64>(64),
                        |another| another.clone(),
                        |receiver| {
                            let mut done = 0;
                            while receiver.recv().await.is_ok() {
                                done += 1;
                            }
                            done
                        },
                        |sender, value| {
                            sender.broadcast(value).await.expect("somebody receives");
                        }
                    ),
                ),
            ],
        },
        Case {
            name: "watch/changed",
            what: "a value sent, 4 tasks watch",
            contenders: vec![
                contender("filch", watched!(watch::channel(0_u64))),
                contender("tokio", watched!(tokio::sync::watch::channel(0_u64))),
            ],
        },
        Case {
            name: "watch/borrow",
            what: "a look at the value",
            contenders: vec![
                contender("filch", borrowed!(watch::channel(0_u64))),
                contender("tokio", borrowed!(tokio::sync::watch::channel(0_u64))),
            ],
        },
    ]
}
