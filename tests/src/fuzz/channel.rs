//! Channels of every kind, with futures that are polled in any order and dropped at any time, and receivers
//! that are streams, against a queue and two lines of those who wait.

use super::bell::Bell;
use super::bytes::Bytes;
use crate::{Counted, Tally};
use filch::sync::channel::{self, Receiver, RecvError, SendError, Sender, TryRecvError, TrySendError};
use futures_lite::Stream;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

const ENDS_MAX: usize = 4;
const FUTURES_MAX: usize = 5;

/// A message. `ROOM` makes it large: bounded channels keep large ones in another queue.
struct Message<const ROOM: usize> {
    number: usize,
    _counted: Counted,
    _room: [u8; ROOM],
}

type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

/// A future that sends.
struct Sending<const ROOM: usize> {
    future: Boxed<Result<(), SendError<Message<ROOM>>>>,
    bell: Bell,
    number: usize,
    waits: bool,
    place: i64,
    /// By hand: a receiver has its message.
    is_taken: bool,
}

/// A future that receives.
struct Receiving<const ROOM: usize> {
    future: Boxed<Result<Message<ROOM>, RecvError>>,
    bell: Bell,
    number: usize,
    waits: bool,
    place: i64,
}

/// A receiver that is a stream: it stands in line even when nobody polls it any more.
struct Streaming<const ROOM: usize> {
    receiver: Receiver<Message<ROOM>>,
    bell: Bell,
    waits: bool,
}

struct World<const ROOM: usize> {
    /// `None`: no bound. 0: by hand.
    capacity: Option<usize>,
    queue: VecDeque<usize>,
    is_closed: bool,
    senders: Vec<Sender<Message<ROOM>>>,
    receivers: Vec<Receiver<Message<ROOM>>>,
    sending: Vec<Sending<ROOM>>,
    receiving: Vec<Receiving<ROOM>>,
    streaming: Vec<Streaming<ROOM>>,
    /// By hand: who offers what, in the order in which they came.
    offers: VecDeque<usize>,
    made: usize,
    /// The next place behind all who wait, and the next before them.
    places: (i64, i64),
    tally: Tally,
}

/// One who waits: who it is, where it stands, and whether it was told.
type Waiting = (usize, i64, bool);

pub(super) fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    match bytes.below(8) {
        0 => play::<0>(&mut bytes, None, channel::unbounded()),
        1 | 2 => play::<0>(&mut bytes, Some(0), channel::rendezvous()),
        // Too much to be allocated at once.
        3 => play::<20_000>(&mut bytes, Some(53), channel::bounded(53)),
        kind => play::<0>(&mut bytes, Some(kind - 3), channel::bounded(kind - 3)),
    }
}

fn play<const ROOM: usize>(
    bytes: &mut Bytes<'_>,
    capacity: Option<usize>,
    (sender, receiver): (Sender<Message<ROOM>>, Receiver<Message<ROOM>>),
) {
    let mut world = World {
        capacity,
        queue: VecDeque::new(),
        is_closed: false,
        senders: vec![sender],
        receivers: vec![receiver],
        sending: Vec::new(),
        receiving: Vec::new(),
        streaming: Vec::new(),
        offers: VecDeque::new(),
        made: 0,
        places: (0, -1),
        tally: Tally::new(),
    };
    while let Some(operation) = bytes.operation(16) {
        let before = world.lines();
        world.operate(operation, bytes);
        world.settle();
        world.check();
        world.check_order(before);
    }
    let tally = world.tally.clone();
    drop(world);
    assert_eq!(tally.alive(), 0, "a message is neither received nor dropped");
}

impl<const ROOM: usize> World<ROOM> {
    fn operate(&mut self, operation: usize, bytes: &mut Bytes<'_>) {
        let at = bytes.below(256);
        match operation {
            0 => self.try_send(at),
            1 => (0..bytes.below(64)).for_each(|_| self.try_send(at)),
            2 | 3 => self.begin_sending(at),
            4 | 5 => self.poll_sending(at),
            6 if !self.sending.is_empty() => self.drop_sending(at % self.sending.len()),
            7 if bytes.flag() => self.try_recv(at),
            7 => (0..bytes.below(64)).for_each(|_| self.try_recv(at)),
            8 => self.begin_receiving(at),
            9 | 10 => self.poll_receiving(at),
            11 if !self.receiving.is_empty() => drop(self.receiving.swap_remove(at % self.receiving.len())),
            12 => self.poll_stream(at),
            13 => self.change_senders(at, bytes.flag()),
            14 => self.change_receivers(at, bytes.below(4)),
            15 => self.close(at, bytes),
            _ => {}
        }
    }

    fn message(&mut self) -> Message<ROOM> {
        self.made += 1;
        Message { number: self.made, _counted: self.tally.value(), _room: [0; ROOM] }
    }

    fn has_room(&self) -> bool {
        self.capacity.is_none_or(|capacity| self.queue.len() < capacity)
    }

    fn try_send(&mut self, at: usize) {
        let message = self.message();
        let number = message.number;
        let Some(sender) = pick(&self.senders, at) else { return };
        match sender.try_send(message) {
            Ok(()) => {
                assert!(!self.is_closed && self.has_room());
                self.queue.push_back(number);
            }
            Err(TrySendError::Full(message)) => {
                assert!(!self.is_closed && !self.has_room());
                assert_eq!(message.number, number);
            }
            Err(TrySendError::Closed(message)) => {
                assert!(self.is_closed);
                assert_eq!(message.number, number);
            }
        }
    }

    fn begin_sending(&mut self, at: usize) {
        if self.sending.len() == FUTURES_MAX {
            return;
        }
        let message = self.message();
        let Some(sender) = pick(&self.senders, at).cloned() else { return };
        let number = message.number;
        let future = Box::pin(async move { sender.send(message).await });
        self.sending.push(Sending {
            future,
            bell: Bell::default(),
            number,
            waits: false,
            place: 0,
            is_taken: false,
        });
    }

    fn poll_sending(&mut self, at: usize) {
        let has_room = self.has_room();
        let Some(sending) = pick_mut(&mut self.sending, at) else { return };
        let was_told = sending.bell.has_rung();
        sending.bell.silence();
        let polled = sending.future.as_mut().poll(&mut Context::from_waker(&sending.bell.waker()));
        let number = sending.number;
        let expected = if sending.is_taken {
            Poll::Ready(Ok(()))
        } else if self.is_closed {
            Poll::Ready(Err(number))
        } else if has_room {
            self.queue.push_back(number);
            Poll::Ready(Ok(()))
        } else {
            if self.capacity == Some(0) && !sending.waits {
                self.offers.push_back(number);
            }
            stand(&mut self.places, &mut sending.place, sending.waits, was_told);
            sending.waits = true;
            Poll::Pending
        };
        assert_eq!(polled.map_err(|error| error.0.number), expected);
        if expected.is_ready() {
            self.sending.retain(|sending| sending.number != number);
            self.offers.retain(|&offer| offer != number);
        }
    }

    fn drop_sending(&mut self, at: usize) {
        let sending = self.sending.swap_remove(at);
        self.offers.retain(|&offer| offer != sending.number);
    }

    /// What a receiver must get now.
    fn next(&mut self) -> Poll<Option<usize>> {
        if let Some(number) = self.queue.pop_front() {
            return Poll::Ready(Some(number));
        }
        if self.is_closed {
            return Poll::Ready(None);
        }
        let Some(number) = self.offers.pop_front() else { return Poll::Pending };
        let sending = self.sending.iter_mut().find(|sending| sending.number == number);
        sending.expect("who offers is there").is_taken = true;
        Poll::Ready(Some(number))
    }

    fn try_recv(&mut self, at: usize) {
        let Some(receiver) = pick(&self.receivers, at) else { return };
        let received = match receiver.try_recv() {
            Ok(message) => Poll::Ready(Some(message.number)),
            Err(TryRecvError::Closed) => Poll::Ready(None),
            Err(TryRecvError::Empty) => Poll::Pending,
        };
        assert_eq!(received, self.next());
    }

    fn begin_receiving(&mut self, at: usize) {
        if self.receiving.len() == FUTURES_MAX {
            return;
        }
        let Some(receiver) = pick(&self.receivers, at).cloned() else { return };
        let future = Box::pin(async move { receiver.recv().await });
        self.made += 1;
        let (number, bell) = (self.made, Bell::default());
        self.receiving.push(Receiving { future, bell, number, waits: false, place: 0 });
    }

    fn poll_receiving(&mut self, at: usize) {
        let Some(receiving) = pick_mut(&mut self.receiving, at) else { return };
        let was_told = receiving.bell.has_rung();
        receiving.bell.silence();
        let polled = receiving.future.as_mut().poll(&mut Context::from_waker(&receiving.bell.waker()));
        if polled.is_pending() {
            stand(&mut self.places, &mut receiving.place, receiving.waits, was_told);
            receiving.waits = true;
        }
        let expected = self.next();
        assert_eq!(polled.map(|message| message.ok().map(|message| message.number)), expected);
        if expected.is_ready() {
            self.receiving.swap_remove(at % self.receiving.len());
        }
    }

    fn poll_stream(&mut self, at: usize) {
        let Some(streaming) = pick_mut(&mut self.streaming, at) else { return };
        streaming.bell.silence();
        let waker = streaming.bell.waker();
        let polled = Pin::new(&mut streaming.receiver).poll_next(&mut Context::from_waker(&waker));
        streaming.waits = polled.is_pending();
        assert_eq!(polled.map(|message| message.map(|message| message.number)), self.next());
    }

    fn change_senders(&mut self, at: usize, more: bool) {
        if !more && !self.senders.is_empty() {
            self.senders.swap_remove(at % self.senders.len());
        } else if let Some(sender) = pick(&self.senders, at).cloned()
            && self.senders.len() < ENDS_MAX
        {
            self.senders.push(sender);
        }
    }

    fn change_receivers(&mut self, at: usize, how: usize) {
        match how {
            0 if !self.receivers.is_empty() => drop(self.receivers.swap_remove(at % self.receivers.len())),
            1 if !self.streaming.is_empty() => drop(self.streaming.swap_remove(at % self.streaming.len())),
            _ => {
                let Some(receiver) = pick(&self.receivers, at).cloned() else { return };
                if how == 2 && self.receivers.len() < ENDS_MAX {
                    self.receivers.push(receiver);
                } else if self.streaming.len() < ENDS_MAX {
                    self.streaming.push(Streaming { receiver, bell: Bell::default(), waits: false });
                }
            }
        }
    }

    fn close(&mut self, at: usize, bytes: &mut Bytes<'_>) {
        // Seldom: what comes after is not much.
        if bytes.below(4) != 0 {
            return;
        }
        if let Some(sender) = pick(&self.senders, at) {
            sender.close();
            self.is_closed = true;
        } else if let Some(receiver) = pick(&self.receivers, at) {
            receiver.close();
            self.is_closed = true;
        }
    }

    fn sender_count(&self) -> usize {
        self.senders.len() + self.sending.len()
    }

    fn receiver_count(&self) -> usize {
        self.receivers.len() + self.receiving.len() + self.streaming.len()
    }

    /// What follows from ends that went.
    fn settle(&mut self) {
        if self.sender_count() == 0 || self.receiver_count() == 0 {
            self.is_closed = true;
        }
        if self.receiver_count() == 0 {
            self.queue.clear();
        }
        if self.is_closed {
            // What was offered goes back to whoever offered it.
            self.offers.clear();
        }
    }

    fn check(&self) {
        if let Some(sender) = self.senders.first() {
            assert_eq!((sender.len(), sender.is_closed()), (self.queue.len(), self.is_closed));
            assert_eq!(sender.capacity(), self.capacity);
            assert_eq!(sender.sender_count(), self.sender_count());
            assert_eq!(sender.receiver_count(), self.receiver_count());
        }
        if let Some(receiver) = self.receivers.first() {
            assert_eq!((receiver.len(), receiver.is_empty()), (self.queue.len(), self.queue.is_empty()));
        }
        let (waiting, heard) = tell(self.sending.iter().filter(|s| s.waits).map(|s| (s.is_taken, &s.bell)));
        if self.is_closed {
            assert!(
                waiting.iter().all(|&(_, rung)| rung),
                "a sender does not know that the channel is closed"
            );
        }
        assert!(
            waiting.iter().all(|&(taken, rung)| rung || !taken),
            "a sender does not know that it is done"
        );
        let is_free = self.capacity != Some(0) && self.has_room();
        assert!(!is_free || waiting.is_empty() || heard, "there is room, and no sender knows");

        let (waiting, heard) = tell(self.receiving.iter().filter(|r| r.waits).map(|r| ((), &r.bell)));
        let (standing, stands) = tell(self.streaming.iter().filter(|s| s.waits).map(|s| ((), &s.bell)));
        if self.is_closed {
            let mut all = waiting.iter().chain(&standing);
            assert!(all.all(|&((), rung)| rung), "a receiver does not know that the channel is closed");
        }
        if !self.queue.is_empty() || !self.offers.is_empty() {
            assert!(waiting.is_empty() || heard, "there is a message, and no receiver that comes knows");
            assert!(standing.is_empty() || stands || heard, "there is a message, and no receiver knows");
        }
    }

    /// Who waits to send, and to receive.
    fn lines(&self) -> [Vec<Waiting>; 2] {
        let sending = self.sending.iter().filter(|s| s.waits);
        let receiving = self.receiving.iter().filter(|r| r.waits);
        [
            sending.map(|s| (s.number, s.place, s.bell.has_rung())).collect(),
            receiving.map(|r| (r.number, r.place, r.bell.has_rung())).collect(),
        ]
    }

    /// Who was told since `before` stood before all who were not.
    fn check_order(&self, before: [Vec<Waiting>; 2]) {
        // Streams go behind when they have been told in vain, which is not followed here; and by hand a
        // sender is told when it is done, which is followed by its offer.
        let is_followed = [self.capacity != Some(0), self.streaming.is_empty()];
        for ((before, after), is_followed) in before.into_iter().zip(self.lines()).zip(is_followed) {
            let is_new = |who: usize| before.iter().any(|&(other, _, told)| other == who && !told);
            let told =
                after.iter().filter(|&&(who, _, told)| told && is_new(who)).map(|&(_, place, _)| place);
            let untold = after.iter().filter(|(_, _, told)| !told).map(|&(_, place, _)| place);
            if let (Some(last), Some(first)) = (told.max(), untold.min()) {
                assert!(last < first || !is_followed, "one was told before another that came before it");
            }
        }
    }
}

/// Where one stands that waits: behind all others when it comes, before them when it was told in vain.
fn stand(places: &mut (i64, i64), place: &mut i64, waits: bool, was_told: bool) {
    if !waits {
        *place = places.0;
        places.0 += 1;
    } else if was_told {
        *place = places.1;
        places.1 -= 1;
    }
}

/// Whose bells have rung, and whether any has.
fn tell<'a, T>(waiting: impl Iterator<Item = (T, &'a Bell)>) -> (Vec<(T, bool)>, bool) {
    let all: Vec<_> = waiting.map(|(what, bell)| (what, bell.has_rung())).collect();
    let any = all.iter().any(|(_, rung)| *rung);
    (all, any)
}

fn pick<T>(all: &[T], at: usize) -> Option<&T> {
    all.get(at % all.len().max(1))
}

fn pick_mut<T>(all: &mut [T], at: usize) -> Option<&mut T> {
    let at = at % all.len().max(1);
    all.get_mut(at)
}
