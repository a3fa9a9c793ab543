//! Both kinds against a sequential model: any order of sends, receives and goings, with futures given up at any
//! moment.
//!
//! The model is the list of all values sent, and a position in it for each receiver. After each step lengths,
//! wake-ups and answers are compared: a receiver that waits is woken once, by the next value; and of the sends
//! that wait, as many as there are free places were told.

use super::{Receiver, RecvError, SendError, SendFuture, Sender, TryRecvError, TrySendError, bounded, lossy};
use crate::testing::{Count, Hand};
use futures_core::Stream;
use proptest::collection::vec;
use proptest::prelude::*;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

#[derive(Clone, Debug)]
enum Step {
    TrySend,
    Send,
    PollSend(usize),
    DropSend(usize),
    TryRecv(usize),
    RecvAndGiveUp(usize),
    Next(usize),
    Subscribe,
    Clone(usize),
    Resubscribe(usize),
    Drop(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = 0..6_usize;
    let step = prop_oneof![
        4 => Just(Step::TrySend),
        3 => Just(Step::Send),
        3 => which.clone().prop_map(Step::PollSend),
        2 => which.clone().prop_map(Step::DropSend),
        4 => which.clone().prop_map(Step::TryRecv),
        3 => which.clone().prop_map(Step::RecvAndGiveUp),
        4 => which.clone().prop_map(Step::Next),
        1 => Just(Step::Subscribe),
        1 => which.clone().prop_map(Step::Clone),
        1 => which.clone().prop_map(Step::Resubscribe),
        2 => which.prop_map(Step::Drop),
    ];
    vec(step, 1..80)
}

/// A number as a value: plain, or one that is to be dropped.
trait Value: Clone + Debug + PartialEq + From<u64> {}

impl<T: Clone + Debug + PartialEq + From<u64>> Value for T {}

/// A receiver, and what the model knows of it.
struct Watched<T> {
    receiver: Receiver<T>,
    position: u64,
    /// Whether it waits as a stream and nothing came since.
    waits: bool,
    wakes: Arc<Count>,
    waker: Waker,
}

impl<T> Watched<T> {
    fn new(receiver: Receiver<T>, position: u64) -> Self {
        let (wakes, waker) = Count::new();
        Self { receiver, position, waits: false, wakes, waker }
    }
}

/// A send that waits: its value, and whether it was told since it was polled.
struct Pending<'a, T> {
    send: Hand<SendFuture<'a, T>>,
    value: u64,
    told: bool,
}

struct Model<'a, T> {
    sender: &'a Sender<T>,
    capacity: u64,
    is_lossy: bool,
    sent: Vec<u64>,
    next: u64,
    watched: Vec<Watched<T>>,
    sends: Vec<Pending<'a, T>>,
}

impl<'a, T: Value> Model<'a, T> {
    fn tail(&self) -> u64 {
        self.sent.len() as u64
    }

    /// The oldest value that a lossy channel may still have.
    fn oldest(&self) -> u64 {
        if self.is_lossy { self.tail().saturating_sub(self.capacity) } else { 0 }
    }

    fn len(&self) -> u64 {
        let slowest = self.watched.iter().map(|one| one.position.max(self.oldest())).min();
        self.tail() - slowest.unwrap_or(self.tail())
    }

    fn is_full(&self) -> bool {
        !self.is_lossy && self.len() == self.capacity
    }

    fn value(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// `value` was taken in: all that wait are woken.
    fn accepted(&mut self, value: u64) {
        self.sent.push(value);
        for one in &mut self.watched {
            assert_eq!(one.wakes.take(), usize::from(one.waits));
            one.waits = false;
        }
    }

    /// What the receiver `at` must get next; nothing if it has to wait.
    fn due(&mut self, at: usize) -> Option<Result<u64, RecvError>> {
        let oldest = self.oldest();
        let position = &mut self.watched[at].position;
        if *position < oldest {
            let missed = oldest - std::mem::replace(position, oldest);
            return Some(Err(RecvError::Lagged(missed)));
        }
        let value = self.sent.get(usize::try_from(*position).unwrap())?;
        *position += 1;
        Some(Ok(*value))
    }

    fn poll_send(&mut self, mut pending: Pending<'a, T>) {
        pending.told = false;
        let expected = match () {
            () if self.watched.is_empty() => Poll::Ready(Err(SendError(T::from(pending.value)))),
            () if self.is_full() => Poll::Pending,
            () => Poll::Ready(Ok(self.watched.len())),
        };
        let got = pending.send.poll();
        assert_eq!(got, expected);
        match got {
            Poll::Ready(Ok(_)) => self.accepted(pending.value),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.sends.push(pending),
        }
    }

    fn run(&mut self, step: &Step) {
        let receivers = self.watched.len();
        let at = |index: usize| (receivers > 0).then(|| index % receivers);
        match *step {
            Step::TrySend => {
                let value = self.value();
                let expected = match () {
                    () if receivers == 0 => Err(TrySendError::Closed(T::from(value))),
                    () if self.is_full() => Err(TrySendError::Full(T::from(value))),
                    () => Ok(receivers),
                };
                let sent = self.sender.try_send(T::from(value));
                assert_eq!(sent, expected);
                if sent.is_ok() {
                    self.accepted(value);
                }
            }
            Step::Send => {
                let value = self.value();
                let send = Hand::new(self.sender.send(T::from(value)));
                self.poll_send(Pending { send, value, told: false });
            }
            Step::PollSend(index) if !self.sends.is_empty() => {
                let pending = self.sends.remove(index % self.sends.len());
                self.poll_send(pending);
            }
            Step::DropSend(index) if !self.sends.is_empty() => {
                drop(self.sends.remove(index % self.sends.len()));
            }
            Step::PollSend(_) | Step::DropSend(_) => {}
            Step::TryRecv(index) => {
                let Some(at) = at(index) else { return };
                let expected = match self.due(at) {
                    Some(Ok(value)) => Ok(T::from(value)),
                    Some(Err(RecvError::Lagged(missed))) => Err(TryRecvError::Lagged(missed)),
                    Some(Err(RecvError::Closed)) | None => Err(TryRecvError::Empty),
                };
                assert_eq!(self.watched[at].receiver.try_recv(), expected);
            }
            Step::RecvAndGiveUp(index) => {
                let Some(at) = at(index) else { return };
                let expected = self.due(at).map_or(Poll::Pending, |due| Poll::Ready(due.map(T::from)));
                assert_eq!(Hand::new(self.watched[at].receiver.recv()).poll(), expected);
            }
            Step::Next(index) => {
                let Some(at) = at(index) else { return };
                let expected = self.due(at);
                let one = &mut self.watched[at];
                one.waits = expected.is_none();
                let got = Pin::new(&mut one.receiver).poll_next(&mut Context::from_waker(&one.waker));
                let got = got.map(|item| item.map(|value| value.map_err(|gap| RecvError::Lagged(gap.0))));
                assert_eq!(got, expected.map_or(Poll::Pending, |item| Poll::Ready(Some(item.map(T::from)))));
            }
            Step::Subscribe => self.watched.push(Watched::new(self.sender.subscribe(), self.tail())),
            Step::Clone(index) => {
                let Some(one) = at(index).map(|at| &self.watched[at]) else { return };
                self.watched.push(Watched::new(one.receiver.clone(), one.position));
            }
            Step::Resubscribe(index) => {
                let Some(at) = at(index) else { return };
                let late = self.watched[at].receiver.resubscribe();
                self.watched.push(Watched::new(late, self.tail()));
            }
            Step::Drop(index) => {
                let Some(at) = at(index) else { return };
                drop(self.watched.remove(at));
            }
        }
    }

    fn compare(&mut self) {
        assert_eq!(self.sender.len() as u64, self.len());
        assert_eq!(self.sender.receiver_count(), self.watched.len());
        let (oldest, tail) = (self.oldest(), self.tail());
        for one in &self.watched {
            assert_eq!(one.receiver.len() as u64, tail - one.position.max(oldest));
            assert_eq!(one.wakes.take(), 0, "woken by a send, and by nothing else");
        }
        for pending in &mut self.sends {
            pending.told |= pending.send.wakes() > 0;
        }
        let told = self.sends.iter().filter(|pending| pending.told).count() as u64;
        let free = if self.watched.is_empty() { u64::MAX } else { self.capacity - self.len() };
        assert!(told >= free.min(self.sends.len() as u64), "{told} told for {free} places");
    }
}

fn agrees<T: Value>(is_lossy: bool, capacity: usize, steps: &[Step]) {
    let (sender, receiver) = if is_lossy { lossy::<T>(capacity) } else { bounded(capacity) };
    let mut model = Model {
        sender: &sender,
        capacity: capacity as u64,
        is_lossy,
        sent: Vec::new(),
        next: 0,
        watched: vec![Watched::new(receiver, 0)],
        sends: Vec::new(),
    };
    for step in steps {
        model.run(step);
        model.compare();
    }
    model.sends.clear();
    // What is left arrives, and then the end.
    let left: Vec<Vec<_>> = (0..model.watched.len())
        .map(|at| std::iter::from_fn(|| model.due(at)).chain([Err(RecvError::Closed)]).collect())
        .collect();
    let watched = std::mem::take(&mut model.watched);
    drop(model);
    drop(sender);
    for (mut one, left) in watched.into_iter().zip(left) {
        assert_eq!(one.wakes.take(), usize::from(one.waits));
        left.into_iter().for_each(|due| assert_eq!(one.receiver.recv_blocking(), due.map(T::from)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn lossy_is_as_its_model(capacity in 1..5_usize, steps in steps()) {
        agrees::<u64>(true, capacity, &steps);
        agrees::<Box<u64>>(true, capacity, &steps);
    }

    #[test]
    fn bounded_is_as_its_model(capacity in 1..5_usize, steps in steps()) {
        agrees::<u64>(false, capacity, &steps);
        agrees::<Box<u64>>(false, capacity, &steps);
    }
}
