//! One-shot channels, whose ends do anything in any order, against a few flags.

use super::bell::Bell;
use super::bytes::Bytes;
use crate::{Counted, Tally};
use filch::sync::oneshot::{self, Receiver, Sender, TryRecvError};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// For each end.
const BELLS: usize = 2;

struct World {
    sender: Option<Sender<Counted>>,
    receiver: Option<Receiver<Counted>>,
    /// A value that was sent and not received.
    has_value: bool,
    /// The receiver has refused what is to come.
    is_closed: bool,
    is_answered: bool,
    sender_bells: [Bell; BELLS],
    receiver_bells: [Bell; BELLS],
    /// Which of its bells each end was polled with last, while it waits.
    sender_waits: Option<usize>,
    receiver_waits: Option<usize>,
}

pub(super) fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let tally = Tally::new();
    // Channel after channel, until the bytes are used up.
    loop {
        let (sender, receiver) = oneshot::channel();
        let mut world = World {
            sender: Some(sender),
            receiver: Some(receiver),
            has_value: false,
            is_closed: false,
            is_answered: false,
            sender_bells: Default::default(),
            receiver_bells: Default::default(),
            sender_waits: None,
            receiver_waits: None,
        };
        while world.sender.is_some() || world.receiver.is_some() {
            let Some(operation) = bytes.operation(8) else {
                drop(world);
                return assert_eq!(tally.alive(), 0, "a value is neither received nor dropped");
            };
            world.operate(operation, bytes.below(BELLS), &tally);
            world.check();
        }
        assert_eq!(tally.alive(), 0, "both ends are gone, and the value is not");
        let mut bells = world.sender_bells.iter().chain(&world.receiver_bells);
        assert!(!bells.any(Bell::is_held), "a waker was kept");
    }
}

impl World {
    fn operate(&mut self, operation: usize, bell: usize, tally: &Tally) {
        match operation {
            0 => {
                let Some(sender) = self.sender.take() else { return };
                let is_welcome = self.receiver.is_some() && !self.is_closed;
                assert_eq!(sender.send(tally.value()).is_ok(), is_welcome);
                (self.has_value, self.sender_waits) = (is_welcome, None);
            }
            1 => {
                self.sender = None;
                self.sender_waits = None;
            }
            2 => {
                self.receiver = None;
                self.receiver_waits = None;
                self.has_value = false;
            }
            3 | 4 => self.poll_receiver(bell),
            5 => self.try_recv(),
            6 => {
                let Some(receiver) = &mut self.receiver else { return };
                receiver.close();
                self.is_closed = true;
            }
            _ => self.poll_closed(bell),
        }
    }

    /// What the receiver must get now.
    fn next(&mut self) -> Poll<bool> {
        let is_over = self.is_answered || self.is_closed || self.sender.is_none();
        if !self.has_value && !is_over {
            return Poll::Pending;
        }
        self.is_answered = true;
        self.receiver_waits = None;
        Poll::Ready(std::mem::take(&mut self.has_value))
    }

    fn poll_receiver(&mut self, bell: usize) {
        let Some(receiver) = &mut self.receiver else { return };
        self.receiver_bells[bell].silence();
        let polled = Pin::new(receiver).poll(&mut Context::from_waker(&self.receiver_bells[bell].waker()));
        let polled = polled.map(|value| value.is_ok());
        assert_eq!(polled, self.next());
        if polled.is_pending() {
            self.receiver_waits = Some(bell);
        }
    }

    fn try_recv(&mut self) {
        let Some(receiver) = &mut self.receiver else { return };
        let waits = self.receiver_waits;
        let received = match receiver.try_recv() {
            Ok(_value) => Poll::Ready(true),
            Err(TryRecvError::Closed) => Poll::Ready(false),
            Err(TryRecvError::Empty) => Poll::Pending,
        };
        assert_eq!(received, self.next());
        if received.is_pending() {
            self.receiver_waits = waits;
        }
    }

    fn poll_closed(&mut self, bell: usize) {
        let Some(sender) = &mut self.sender else { return };
        self.sender_bells[bell].silence();
        let polled = sender.poll_closed(&mut Context::from_waker(&self.sender_bells[bell].waker()));
        let is_closed = self.receiver.is_none() || self.is_closed;
        assert_eq!(polled.is_ready(), is_closed);
        self.sender_waits = (!is_closed).then_some(bell);
    }

    fn check(&self) {
        if let Some(sender) = &self.sender {
            assert_eq!(sender.is_closed(), self.receiver.is_none() || self.is_closed);
        }
        if let Some(receiver) = &self.receiver {
            let is_over = self.is_answered || self.is_closed || self.sender.is_none();
            assert_eq!(receiver.is_closed(), is_over);
            // Who closes knows it.
            let is_told = (self.has_value || self.sender.is_none()) && !self.is_closed;
            if let Some(bell) = self.receiver_waits.filter(|_| is_told) {
                assert!(self.receiver_bells[bell].has_rung(), "the receiver does not know");
            }
        }
        if let Some(bell) = self.sender_waits.filter(|_| self.receiver.is_none() || self.is_closed) {
            assert!(self.sender_bells[bell].has_rung(), "the sender does not know");
        }
    }
}
