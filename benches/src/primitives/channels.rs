//! Channels: many values, one value.

use std::future::Future;
use std::time::Instant;

use super::{Case, contender, together};
use crate::workload::Outcome;

/// One sending end and one receiving end of a family; clones are ends of the same channel.
pub(super) trait Channel: Send + 'static {
    type Sender: Clone + Send + Sync + 'static;
    type Receiver: Send + 'static;

    fn send(sender: &Self::Sender, value: u64) -> impl Future<Output = ()> + Send;
    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> + Send;
}

/// A family whose receiving ends can be cloned.
pub(super) trait ManyReceivers: Channel {
    fn another(receiver: &Self::Receiver) -> Self::Receiver;
}

struct Filch;
pub(super) struct Tokio;
struct TokioUnbounded;
pub(super) struct AsyncChannel;
struct Flume;
struct Kanal;
/// In async code it is asked again and again, giving way in between: it cannot wake a task.
struct Crossbeam;

impl Channel for Filch {
    type Sender = filch::sync::channel::Sender<u64>;
    type Receiver = filch::sync::channel::Receiver<u64>;

    async fn send(sender: &Self::Sender, value: u64) {
        sender.send(value).await.expect("the receiver is there");
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

impl Channel for Tokio {
    type Sender = tokio::sync::mpsc::Sender<u64>;
    type Receiver = tokio::sync::mpsc::Receiver<u64>;

    async fn send(sender: &Self::Sender, value: u64) {
        sender.send(value).await.expect("the receiver is there");
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await
    }
}

impl Channel for TokioUnbounded {
    type Sender = tokio::sync::mpsc::UnboundedSender<u64>;
    type Receiver = tokio::sync::mpsc::UnboundedReceiver<u64>;

    async fn send(sender: &Self::Sender, value: u64) {
        sender.send(value).expect("the receiver is there");
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await
    }
}

impl Channel for AsyncChannel {
    type Sender = async_channel::Sender<u64>;
    type Receiver = async_channel::Receiver<u64>;

    async fn send(sender: &Self::Sender, value: u64) {
        sender.send(value).await.expect("the receiver is there");
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

impl Channel for Flume {
    type Sender = flume::Sender<u64>;
    type Receiver = flume::Receiver<u64>;

    async fn send(sender: &Self::Sender, value: u64) {
        sender.send_async(value).await.expect("the receiver is there");
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv_async().await.ok()
    }
}

impl Channel for Kanal {
    type Sender = kanal::AsyncSender<u64>;
    type Receiver = kanal::AsyncReceiver<u64>;

    async fn send(sender: &Self::Sender, value: u64) {
        sender.send(value).await.expect("the receiver is there");
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

impl Channel for Crossbeam {
    type Sender = crossbeam_channel::Sender<u64>;
    type Receiver = crossbeam_channel::Receiver<u64>;

    async fn send(sender: &Self::Sender, value: u64) {
        while sender.try_send(value).is_err() {
            filch::yield_now().await;
        }
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        use crossbeam_channel::TryRecvError;
        loop {
            match receiver.try_recv() {
                Ok(value) => return Some(value),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => filch::yield_now().await,
            }
        }
    }
}

impl ManyReceivers for Filch {
    fn another(receiver: &Self::Receiver) -> Self::Receiver {
        receiver.clone()
    }
}

impl ManyReceivers for AsyncChannel {
    fn another(receiver: &Self::Receiver) -> Self::Receiver {
        receiver.clone()
    }
}

impl ManyReceivers for Flume {
    fn another(receiver: &Self::Receiver) -> Self::Receiver {
        receiver.clone()
    }
}

impl ManyReceivers for Kanal {
    fn another(receiver: &Self::Receiver) -> Self::Receiver {
        receiver.clone()
    }
}

impl ManyReceivers for Crossbeam {
    fn another(receiver: &Self::Receiver) -> Self::Receiver {
        receiver.clone()
    }
}

const MESSAGES: u64 = 40_000;

/// One task sends and receives in turns: nobody ever waits.
pub(super) async fn within<C: Channel>(ends: (C::Sender, C::Receiver)) -> Outcome {
    let (sender, mut receiver) = ends;
    let start = Instant::now();
    let mut done = 0;
    for value in 0..MESSAGES {
        C::send(&sender, value).await;
        assert_eq!(C::receive(&mut receiver).await, Some(value));
        done += 1;
    }
    Outcome::since(start, done)
}

/// So many tasks send, one receives.
async fn fan_in<C: Channel>(producers: usize, (sender, mut receiver): (C::Sender, C::Receiver)) -> Outcome {
    let each = MESSAGES / producers as u64;
    let start = Instant::now();
    for _ in 0..producers {
        let sender = sender.clone();
        filch::spawn(async move {
            for value in 0..each {
                C::send(&sender, value).await;
            }
        })
        .detach();
    }
    drop(sender);
    let (mut done, mut sum) = (0, 0);
    while let Some(value) = C::receive(&mut receiver).await {
        done += 1;
        sum += value;
    }
    assert_eq!(sum, (0..each).sum::<u64>() * producers as u64, "the sum of all messages");
    Outcome::since(start, done)
}

/// Four tasks send, four receive.
async fn many<C: ManyReceivers>((sender, receiver): (C::Sender, C::Receiver)) -> Outcome {
    const ENDS: usize = 4;
    let each = MESSAGES / ENDS as u64;
    let start = Instant::now();
    let receiving: Vec<_> = (0..ENDS)
        .map(|_| {
            let mut receiver = C::another(&receiver);
            filch::spawn(async move {
                let (mut done, mut sum) = (0, 0);
                while let Some(value) = C::receive(&mut receiver).await {
                    done += 1;
                    sum += value;
                }
                (done, sum)
            })
        })
        .collect();
    drop(receiver);
    together(ENDS, |_| {
        let sender = sender.clone();
        async move {
            for value in 0..each {
                C::send(&sender, value).await;
            }
        }
    })
    .await;
    drop(sender);
    let (mut done, mut sum) = (0, 0);
    for task in receiving {
        let (its_done, its_sum) = task.await.expect("a body does not panic");
        done += its_done;
        sum += its_sum;
    }
    assert_eq!(sum, (0..each).sum::<u64>() * ENDS as u64, "the sum of all messages");
    Outcome::since(start, done)
}

const ONCE: u64 = 20_000;

/// A channel is made, sends its one value, and gives it out.
macro_rules! once {
    ($make:expr, |$sender:ident| $send:expr, |$receiver:ident| $receive:expr) => {
        || async {
            let start = Instant::now();
            let mut done = 0;
            for value in 0..ONCE {
                #[allow(unused_mut, reason = "some receive by `&mut`")]
                let ($sender, mut $receiver) = $make;
                let send = |value: u64| ($send)(value);
                send(value);
                assert_eq!($receive, value);
                done += 1;
            }
            Outcome::since(start, done)
        }
    };
}

pub(super) fn all() -> Vec<Case> {
    let mut cases = vec![
        Case {
            name: "channel/within",
            what: "a message sent and received by one task",
            contenders: vec![
                contender("filch", || within::<Filch>(filch::sync::channel::bounded(16))),
                contender("tokio", || within::<Tokio>(tokio::sync::mpsc::channel(16))),
                contender("async-channel", || within::<AsyncChannel>(async_channel::bounded(16))),
                contender("flume", || within::<Flume>(flume::bounded(16))),
                contender("kanal", || within::<Kanal>(kanal::bounded_async(16))),
                contender("crossbeam", || within::<Crossbeam>(crossbeam_channel::bounded(16))),
            ],
        },
        Case {
            name: "channel/within_unbounded",
            what: "the same, without a limit",
            contenders: vec![
                contender("filch", || within::<Filch>(filch::sync::channel::unbounded())),
                contender("tokio", || within::<TokioUnbounded>(tokio::sync::mpsc::unbounded_channel())),
                contender("async-channel", || within::<AsyncChannel>(async_channel::unbounded())),
                contender("flume", || within::<Flume>(flume::unbounded())),
                contender("kanal", || within::<Kanal>(kanal::unbounded_async())),
                contender("crossbeam", || within::<Crossbeam>(crossbeam_channel::unbounded())),
            ],
        },
    ];
    for (name, producers) in [("channel/one_to_one", 1), ("channel/four_to_one", 4)] {
        cases.push(Case {
            name,
            what: "a message through a channel for 64, whose ends are tasks",
            contenders: vec![
                contender("filch", move || fan_in::<Filch>(producers, filch::sync::channel::bounded(64))),
                contender("tokio", move || fan_in::<Tokio>(producers, tokio::sync::mpsc::channel(64))),
                contender("async-channel", move || {
                    fan_in::<AsyncChannel>(producers, async_channel::bounded(64))
                }),
                contender("flume", move || fan_in::<Flume>(producers, flume::bounded(64))),
                contender("kanal", move || fan_in::<Kanal>(producers, kanal::bounded_async(64))),
                contender("crossbeam", move || {
                    fan_in::<Crossbeam>(producers, crossbeam_channel::bounded(64))
                }),
            ],
        });
    }
    cases.push(Case {
        name: "channel/four_to_one_unbounded",
        what: "a message through a channel without a limit",
        contenders: vec![
            contender("filch", || fan_in::<Filch>(4, filch::sync::channel::unbounded())),
            contender("tokio", || fan_in::<TokioUnbounded>(4, tokio::sync::mpsc::unbounded_channel())),
            contender("async-channel", || fan_in::<AsyncChannel>(4, async_channel::unbounded())),
            contender("flume", || fan_in::<Flume>(4, flume::unbounded())),
            contender("kanal", || fan_in::<Kanal>(4, kanal::unbounded_async())),
            contender("crossbeam", || fan_in::<Crossbeam>(4, crossbeam_channel::unbounded())),
        ],
    });
    cases.push(Case {
        name: "channel/four_to_four",
        what: "a message through a channel for 64, four tasks at either end",
        contenders: vec![
            contender("filch", || many::<Filch>(filch::sync::channel::bounded(64))),
            contender("async-channel", || many::<AsyncChannel>(async_channel::bounded(64))),
            contender("flume", || many::<Flume>(flume::bounded(64))),
            contender("kanal", || many::<Kanal>(kanal::bounded_async(64))),
            contender("crossbeam", || many::<Crossbeam>(crossbeam_channel::bounded(64))),
        ],
    });
    cases.push(Case {
        name: "channel/rendezvous",
        what: "a message from hand to hand, between two tasks",
        contenders: vec![
            contender("filch", || fan_in::<Filch>(1, filch::sync::channel::rendezvous())),
            contender("flume", || fan_in::<Flume>(1, flume::bounded(0))),
            contender("kanal", || fan_in::<Kanal>(1, kanal::bounded_async(0))),
        ],
    });
    cases.push(Case {
        name: "oneshot",
        what: "a channel for one value: made, used, dropped",
        contenders: vec![
            contender(
                "filch",
                once!(
                    filch::sync::oneshot::channel(),
                    |sender| |value| sender.send(value).expect("the receiver is there"),
                    |receiver| receiver.await.expect("it was sent")
                ),
            ),
            contender(
                "tokio",
                once!(
                    tokio::sync::oneshot::channel(),
                    |sender| |value| sender.send(value).expect("the receiver is there"),
                    |receiver| receiver.await.expect("it was sent")
                ),
            ),
            contender(
                "async-channel",
                once!(
                    async_channel::bounded(1),
                    |sender| |value| sender.try_send(value).expect("the receiver is there"),
                    |receiver| receiver.recv().await.expect("it was sent")
                ),
            ),
        ],
    });
    cases
}
