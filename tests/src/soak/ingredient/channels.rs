//! Channels of every kind, with many ends that come and go and futures that are dropped: no message is lost,
//! doubled or out of order.

use super::Ingredient;
use crate::Dice;
use crate::soak::ledger::{End, Value};
use crate::soak::stage::{Stage, at_random, nap};
use filch::sync::channel::{self, Receiver, Sender, TryRecvError, TrySendError};
use filch::yield_now;

pub(super) const INGREDIENT: Ingredient = Ingredient {
    name: "channels",
    what: "every kind, ends dropped, futures dropped; messages conserved",
    run,
};

const AT_ONCE: usize = 3;
const MESSAGES_MAX: usize = 300;

struct Message {
    sender: usize,
    number: usize,
    _value: Value,
}

/// What a sender knows of its messages.
#[derive(Debug, Clone, Copy, Default)]
struct Sent {
    surely: usize,
    /// Given up while a receiver may have taken them: by hand only.
    perhaps: usize,
}

/// What a receiver knows.
#[derive(Debug, Clone, Copy)]
struct Received {
    messages: usize,
    /// Whether it stayed until there was nothing left.
    stayed: bool,
}

fn run(stage: &Stage) {
    let tasks: Vec<_> = (0..AT_ONCE).map(|_| stage.spawn_outside(work(stage.clone()))).collect();
    let mut dice = stage.dice();
    while stage.goes_on() {
        threads(stage, &mut dice);
    }
    for task in tasks {
        let end = stage.runtime().block_on(task);
        stage.check(end.is_done(), || format!("a task with channels ended as {end:?}"));
    }
}

async fn work(stage: Stage) {
    let mut dice = stage.dice();
    while stage.goes_on() {
        round(&stage, &mut dice).await;
        if dice.one_in(4) {
            nap(&mut dice, 2000).await;
        }
    }
}

async fn round(stage: &Stage, dice: &mut Dice) {
    let (kind, (sender, receiver)) = match dice.below(8) {
        0 | 1 => ("rendezvous", channel::rendezvous()),
        2 | 3 => ("unbounded", channel::unbounded()),
        _ => {
            let capacity = [1, 2, 7, 64][dice.below(4)];
            ("bounded", channel::bounded(capacity))
        }
    };
    let senders: Vec<_> = (0..1 + dice.below(4))
        .map(|n| stage.spawn(send(stage.clone(), dice.fork(), n, kind, sender.clone())))
        .collect();
    let receivers: Vec<_> = (0..1 + dice.below(3))
        .map(|_| stage.spawn(receive(stage.clone(), dice.fork(), senders.len(), receiver.clone())))
        .collect();
    drop(receiver);
    if dice.one_in(6) {
        nap(dice, 500).await;
        sender.close();
    }
    drop(sender);
    let (mut sent, mut received) = (Sent::default(), Received { messages: 0, stayed: false });
    for task in senders {
        match task.await {
            End::Done(more) => {
                sent.surely += more.surely;
                sent.perhaps += more.perhaps;
            }
            end => stage.check(false, || format!("a sender ended as {end:?}")),
        }
    }
    for task in receivers {
        match task.await {
            End::Done(more) => {
                received.messages += more.messages;
                received.stayed |= more.stayed;
            }
            end => stage.check(false, || format!("a receiver ended as {end:?}")),
        }
    }
    if stage.is_planted("message") {
        received.messages = received.messages.saturating_sub(1);
    }
    check(stage, kind, sent, received);
}

fn check(stage: &Stage, kind: &str, sent: Sent, received: Received) {
    let most = sent.surely + sent.perhaps;
    let least = if received.stayed { sent.surely } else { 0 };
    stage.check((least..=most).contains(&received.messages), || format!("{kind}: {sent:?}, {received:?}"));
}

async fn send(stage: Stage, mut dice: Dice, sender: usize, kind: &str, channel: Sender<Message>) -> Sent {
    let mut sent = Sent::default();
    for number in 0..dice.below(MESSAGES_MAX) {
        let message = Message { sender, number, _value: stage.value() };
        if dice.one_in(4) {
            match channel.try_send(message) {
                Ok(()) => sent.surely += 1,
                Err(TrySendError::Full(_)) => yield_now().await,
                Err(TrySendError::Closed(_)) => break,
            }
            continue;
        }
        match at_random(&mut dice, channel.send(message)).await {
            Some(Ok(())) => sent.surely += 1,
            Some(Err(_closed)) => break,
            None if kind == "rendezvous" => sent.perhaps += 1,
            None => {}
        }
        stage.count();
    }
    sent
}

async fn receive(stage: Stage, mut dice: Dice, senders: usize, channel: Receiver<Message>) -> Received {
    let mut next = vec![0; senders];
    let mut received = Received { messages: 0, stayed: false };
    let leaves_after = if dice.one_in(6) { dice.below(MESSAGES_MAX) } else { usize::MAX };
    while received.messages < leaves_after {
        let message = if dice.one_in(4) {
            match channel.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Empty) => {
                    yield_now().await;
                    continue;
                }
                Err(TryRecvError::Closed) => {
                    received.stayed = true;
                    break;
                }
            }
        } else {
            match at_random(&mut dice, channel.recv()).await {
                Some(Ok(message)) => message,
                Some(Err(_closed)) => {
                    received.stayed = true;
                    break;
                }
                None => continue,
            }
        };
        let next = &mut next[message.sender];
        stage.check(message.number >= *next, || format!("message {} came after {}", message.number, *next));
        *next = message.number + 1;
        received.messages += 1;
        stage.count();
    }
    received
}

/// Two plain threads, one of which is this.
fn threads(stage: &Stage, dice: &mut Dice) {
    let (sender, receiver) =
        if dice.one_in(2) { channel::bounded(1 + dice.below(3)) } else { channel::rendezvous() };
    let messages = dice.below(100);
    let received = std::thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..messages {
                let message = Message { sender: 0, number, _value: stage.value() };
                stage
                    .check(sender.send_blocking(message).is_ok(), || "a channel closed by itself".to_owned());
            }
        });
        let mut received = 0;
        while let Ok(message) = receiver.recv_blocking() {
            stage.check(message.number == received, || "messages of one sender out of order".to_owned());
            received += 1;
            stage.count();
        }
        received
    });
    stage.check(received == messages, || format!("{received} of {messages} messages arrived"));
    futures_lite::future::block_on(nap(dice, 5000));
}
