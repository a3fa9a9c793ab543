//! Random operations on every kind of channel beside a sequential model: what each answers, and who was woken.
//!
//! Futures own their ends, so that ends go with them; they are polled and dropped in any order. A poll always tries, whoever
//! else waits: so the model knows the outcome of each. What it knows of wake-ups is that there are enough.

use super::{
    OwnedPermit, Receiver, ReserveError, Sender, TryRecvError, TryReserveError, TrySendError, WeakReceiver,
    WeakSender, bounded, rendezvous, unbounded,
};
use crate::testing::Hand;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

/// What a future answers.
#[derive(Debug)]
enum Answer {
    Sent(Result<(), u32>),
    Reserved(Result<OwnedPermit<u32>, ReserveError>),
    /// Reserved several, and used some.
    SentMany(Result<(), ReserveError>),
    Received(Option<u32>),
    ReceivedMany(Vec<u32>),
    Closed,
}

/// What a future does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Send(u32),
    Reserve,
    /// Reserves `count`, sends `used` values from `first` on.
    SendMany {
        count: usize,
        used: usize,
        first: u32,
    },
    Recv,
    RecvMany(usize),
    Closed,
}

impl Does {
    fn receives(self) -> bool {
        matches!(self, Self::Recv | Self::RecvMany(_))
    }

    /// Places it waits for.
    fn needs(self) -> usize {
        match self {
            Self::Send(_) | Self::Reserve => 1,
            Self::SendMany { count, .. } => count,
            _ => 0,
        }
    }
}

struct Waiting {
    does: Does,
    hand: Hand<Pin<Box<dyn Future<Output = Answer>>>>,
    id: usize,
    was_polled: bool,
    was_woken: bool,
}

/// What the channel should be.
#[derive(Default)]
struct Model {
    /// None for an unbounded one.
    capacity: Option<usize>,
    values: VecDeque<u32>,
    /// Of a rendezvous: futures that hold a value out, and those whose value was taken.
    offers: VecDeque<(usize, u32)>,
    taken: Vec<usize>,
    reserved: usize,
    closed: bool,
    senders: usize,
    receivers: usize,
}

impl Model {
    fn is_hand(&self) -> bool {
        self.capacity == Some(0)
    }

    fn room(&self) -> usize {
        self.capacity.map_or(usize::MAX, |capacity| capacity - self.values.len() - self.reserved)
    }

    /// Values that a receiver would find.
    fn available(&self) -> usize {
        match self.is_hand() {
            true if self.closed => 0,
            true => self.offers.len(),
            false => self.values.len(),
        }
    }

    fn has_ended(&self) -> bool {
        self.closed && self.available() == 0 && self.reserved == 0
    }

    fn pop(&mut self) -> Option<u32> {
        if !self.is_hand() {
            return self.values.pop_front();
        }
        let (id, value) = self.offers.pop_front().filter(|_| !self.closed)?;
        self.taken.push(id);
        Some(value)
    }

    fn pop_many(&mut self, limit: usize) -> Vec<u32> {
        (0..limit.min(self.available())).map_while(|_| self.pop()).collect()
    }

    fn sender_gone(&mut self) {
        self.senders -= 1;
        self.closed |= self.senders == 0;
    }

    fn receiver_gone(&mut self) {
        self.receivers -= 1;
        if self.receivers == 0 {
            self.closed = true;
            self.values.clear();
        }
    }
}

/// The channel, the model, and what is under way.
struct World {
    model: Model,
    senders: Vec<Sender<u32>>,
    receivers: Vec<Receiver<u32>>,
    weak_sender: WeakSender<u32>,
    weak_receiver: WeakReceiver<u32>,
    permits: Vec<OwnedPermit<u32>>,
    waiting: Vec<Waiting>,
    next: u32,
}

impl World {
    fn new((sender, receiver): (Sender<u32>, Receiver<u32>)) -> Self {
        Self {
            model: Model { capacity: sender.capacity(), senders: 1, receivers: 1, ..Model::default() },
            weak_sender: sender.downgrade(),
            weak_receiver: receiver.downgrade(),
            senders: vec![sender],
            receivers: vec![receiver],
            permits: Vec::new(),
            waiting: Vec::new(),
            next: 0,
        }
    }

    fn value(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn step(&mut self, op: u8, arg: usize) {
        match op {
            0 => self.start_sending(Does::Send(self.next + 1)),
            1 => self.start_sending(Does::Reserve),
            2 => {
                let (count, used) = (arg % 4, arg / 4 % 4);
                self.start_sending(Does::SendMany { count, used: used.min(count), first: self.next + 1 });
            }
            3 => self.start_receiving(Does::Recv),
            4 => self.start_receiving(Does::RecvMany(arg % 4)),
            5 => self.start_sending(Does::Closed),
            6..=11 if !self.waiting.is_empty() => self.poll(arg % self.waiting.len()),
            12 | 13 if !self.waiting.is_empty() => self.drop_future(arg % self.waiting.len()),
            14 => self.try_send(),
            15 => self.try_receive(arg),
            16 => self.force(),
            17 => self.try_reserve(),
            18 => self.use_permit(arg),
            19 => self.ends(arg),
            _ => {}
        }
        self.look();
    }

    fn start(&mut self, does: Does, future: impl Future<Output = Answer> + 'static) {
        let id = self.value() as usize;
        let hand = Hand::new(Box::pin(future) as Pin<Box<dyn Future<Output = Answer>>>);
        self.waiting.push(Waiting { does, hand, id, was_polled: false, was_woken: false });
    }

    fn start_sending(&mut self, does: Does) {
        let Some(sender) = self.senders.first().cloned() else { return };
        self.model.senders += 1;
        self.next += 4;
        match does {
            Does::Send(value) => self.start(does, async move {
                Answer::Sent(sender.send(value).await.map_err(|refused| refused.0))
            }),
            Does::Reserve => {
                // It has a sender of its own.
                let reserving = sender.reserve_owned();
                drop(sender);
                self.start(does, async move { Answer::Reserved(reserving.await) });
            }
            Does::SendMany { count, used, first } => self.start(does, async move {
                let mut permits = match sender.reserve_many(count).await {
                    Ok(permits) => permits,
                    Err(refused) => return Answer::SentMany(Err(refused)),
                };
                assert_eq!(permits.len(), count);
                for value in (first..).take(used) {
                    permits.next().expect("as many as asked for").send(value).expect("somebody receives");
                }
                drop(permits);
                Answer::SentMany(Ok(()))
            }),
            _ => self.start(does, async move {
                sender.closed().await;
                Answer::Closed
            }),
        }
    }

    fn start_receiving(&mut self, does: Does) {
        let Some(receiver) = self.receivers.first().cloned() else { return };
        self.model.receivers += 1;
        match does {
            Does::RecvMany(limit) => self.start(does, async move {
                let mut into = vec![0];
                let count = receiver.recv_many(&mut into, limit).await;
                assert_eq!((count + 1, into[0]), (into.len(), 0), "it appends");
                Answer::ReceivedMany(into.split_off(1))
            }),
            _ => self.start(does, async move { Answer::Received(receiver.recv().await.ok()) }),
        }
    }

    fn poll(&mut self, index: usize) {
        let waiting = &mut self.waiting[index];
        (waiting.was_polled, waiting.was_woken) = (true, false);
        waiting.hand.wakes();
        let (does, id) = (waiting.does, waiting.id);
        let answer = waiting.hand.poll();
        let model = &mut self.model;
        match (does, answer) {
            (Does::Send(value), answer) if model.is_hand() => match answer {
                Poll::Ready(Answer::Sent(Ok(()))) => {
                    let at = model.taken.iter().position(|&taken| taken == id);
                    model.taken.swap_remove(at.expect("sent, and nobody took it"));
                }
                Poll::Ready(Answer::Sent(Err(back))) => {
                    assert!(model.closed && back == value && !model.taken.contains(&id));
                    model.offers.retain(|offer| offer.0 != id);
                }
                _ => {
                    assert!(!model.closed && !model.taken.contains(&id), "it waits for nothing");
                    if model.offers.iter().all(|offer| offer.0 != id) {
                        model.offers.push_back((id, value));
                    }
                    return;
                }
            },
            (Does::Send(value), Poll::Ready(Answer::Sent(Err(back)))) => {
                assert!(model.closed && back == value);
            }
            (Does::Send(value), Poll::Ready(Answer::Sent(Ok(())))) => {
                assert!(!model.closed && model.room() > 0);
                model.values.push_back(value);
            }
            (Does::Send(_), Poll::Pending) => return assert!(!model.closed && model.room() == 0),
            (Does::Reserve, Poll::Ready(Answer::Reserved(Ok(permit)))) => {
                assert!(!model.closed && model.room() > 0);
                model.reserved += 1;
                // The permit's own sender; the future's goes below.
                model.senders += 1;
                self.permits.push(permit);
            }
            (
                Does::Reserve | Does::SendMany { .. },
                Poll::Ready(Answer::Reserved(Err(refused)) | Answer::SentMany(Err(refused))),
            ) => {
                let never = model.capacity.is_some_and(|capacity| does.needs() > capacity);
                assert!(never || model.closed);
                assert_eq!(refused, if never { ReserveError::NeverRoom } else { ReserveError::Closed });
            }
            (Does::SendMany { count, used, first }, Poll::Ready(Answer::SentMany(Ok(())))) => {
                assert!(!model.closed && model.room() >= count);
                model.values.extend((first..).take(used));
            }
            (Does::Reserve | Does::SendMany { .. }, Poll::Pending) => {
                return assert!(!model.closed && model.room() < does.needs());
            }
            (Does::Recv, Poll::Ready(Answer::Received(value))) => {
                assert_eq!(value, model.pop());
                assert!(value.is_some() || model.has_ended());
            }
            (Does::RecvMany(limit), Poll::Ready(Answer::ReceivedMany(values))) => {
                assert!(!values.is_empty() || limit == 0 || model.has_ended());
                assert_eq!(values, model.pop_many(limit));
            }
            (Does::Recv | Does::RecvMany(_), Poll::Pending) => {
                return assert!(model.available() == 0 && !model.has_ended());
            }
            (Does::Closed, Poll::Ready(Answer::Closed)) => assert!(model.closed),
            (Does::Closed, Poll::Pending) => return assert!(!model.closed),
            (does, answer) => panic!("{does:?} answers {answer:?}"),
        }
        self.drop_future(index);
    }

    fn drop_future(&mut self, index: usize) {
        let gone = self.waiting.swap_remove(index);
        if gone.does.receives() {
            self.model.receiver_gone();
        } else {
            self.model.sender_gone();
        }
        self.model.offers.retain(|offer| offer.0 != gone.id);
        self.model.taken.retain(|&taken| taken != gone.id);
    }

    fn try_send(&mut self) {
        let value = self.value();
        let Some(sender) = self.senders.first() else { return };
        let expected = match &mut self.model {
            model if model.closed => Err(TrySendError::Closed(value)),
            model if model.room() == 0 => Err(TrySendError::Full(value)),
            model => {
                model.values.push_back(value);
                Ok(())
            }
        };
        assert_eq!(sender.try_send(value), expected);
    }

    fn try_receive(&mut self, arg: usize) {
        let Some(receiver) = self.receivers.first() else { return };
        let nothing = if self.model.has_ended() { TryRecvError::Closed } else { TryRecvError::Empty };
        if arg.is_multiple_of(2) {
            return assert_eq!(receiver.try_recv(), self.model.pop().ok_or(nothing));
        }
        let (mut into, limit) = (Vec::new(), arg / 2 % 4);
        let received = receiver.try_recv_many(&mut into, limit);
        let expected = self.model.pop_many(limit);
        assert_eq!(into, expected);
        assert_eq!(received, if into.is_empty() && limit > 0 { Err(nothing) } else { Ok(into.len()) });
    }

    fn force(&mut self) {
        let value = self.value();
        let Some(sender) = self.senders.first() else { return };
        let forced = sender.force_send(value).map_err(|refused| refused.0);
        let model = &mut self.model;
        if model.closed {
            return assert_eq!(forced, Err(value));
        }
        let pushed_out = match model.room() {
            0 if model.values.is_empty() => Some(value),
            0 => model.values.pop_front(),
            _ => None,
        };
        if pushed_out != Some(value) {
            model.values.push_back(value);
        }
        assert_eq!(forced, Ok(pushed_out));
    }

    fn try_reserve(&mut self) {
        let Some(sender) = self.senders.first() else { return };
        match sender.try_reserve_owned() {
            Ok(permit) => {
                assert!(!self.model.closed && self.model.room() > 0);
                self.model.reserved += 1;
                self.model.senders += 1;
                self.permits.push(permit);
            }
            Err(TryReserveError::NeverRoom) => assert!(self.model.is_hand()),
            Err(TryReserveError::Closed) => assert!(self.model.closed),
            Err(TryReserveError::Full) => assert!(!self.model.closed && self.model.room() == 0),
        }
    }

    fn use_permit(&mut self, arg: usize) {
        if self.permits.is_empty() {
            return;
        }
        let permit = self.permits.swap_remove(arg / 3 % self.permits.len());
        self.model.reserved -= 1;
        let value = self.value();
        match arg % 3 {
            0 => drop(permit),
            1 => drop(permit.release()),
            _ => {
                let sent = permit.send(value).is_ok();
                assert_eq!(sent, self.model.receivers > 0);
                if sent {
                    self.model.values.push_back(value);
                }
            }
        }
        self.model.sender_gone();
    }

    fn ends(&mut self, arg: usize) {
        let model = &mut self.model;
        match arg % 8 {
            0 if !self.senders.is_empty() => {
                self.senders.pop();
                model.sender_gone();
            }
            1 if !self.receivers.is_empty() => {
                self.receivers.pop();
                model.receiver_gone();
            }
            2..=4 => {
                let upgraded = self.weak_sender.upgrade();
                assert_eq!(upgraded.is_some(), model.senders > 0);
                model.senders += usize::from(upgraded.is_some());
                self.senders.extend(upgraded);
            }
            5 | 6 => {
                let upgraded = self.weak_receiver.upgrade();
                assert_eq!(upgraded.is_some(), model.receivers > 0);
                model.receivers += usize::from(upgraded.is_some());
                self.receivers.extend(upgraded);
            }
            7 if arg > 200 => {
                let (Some(sender), Some(receiver)) = (self.senders.first(), self.receivers.first()) else {
                    return;
                };
                if arg.is_multiple_of(3) {
                    sender.close();
                } else {
                    receiver.close();
                }
                model.closed = true;
            }
            _ => {}
        }
    }

    /// What can be seen is as the model says, and those that can go on know of it.
    fn look(&mut self) {
        let model = &self.model;
        assert_eq!(self.weak_sender.sender_count(), model.senders);
        assert_eq!(self.weak_receiver.receiver_count(), model.receivers);
        let ends = self.senders.first().map(Sender::statistics);
        if let Some(seen) = ends.or_else(|| self.receivers.first().map(Receiver::statistics)) {
            assert_eq!((seen.len, seen.is_closed), (model.values.len(), model.closed));
            assert_eq!((seen.reserved, seen.capacity), (model.reserved, model.capacity));
        }
        for waiting in &mut self.waiting {
            waiting.was_woken |= waiting.hand.wakes() > 0;
        }
        let asleep = || self.waiting.iter().filter(|one| one.was_polled && !one.was_woken);
        let all_of = |chosen: fn(Does) -> bool| {
            let of = self.waiting.iter().filter(|one| one.was_polled && chosen(one.does));
            of.fold((0, 0), |(all, woken), one| (all + 1, woken + usize::from(one.was_woken)))
        };
        assert!(!model.closed || asleep().all(|one| one.does.receives()), "closed, and somebody sleeps on");
        assert!(!model.has_ended() || asleep().count() == 0, "ended, and somebody sleeps on");
        assert!(asleep().all(|one| !model.taken.contains(&one.id)), "taken, and its sender sleeps on");
        let (receiving, woken) = all_of(Does::receives);
        assert!(woken >= receiving.min(model.available()), "a value, and a receiver that sleeps on");
        if model.is_hand() {
            return;
        }
        let (sending, woken) = all_of(|does| does.needs() > 0);
        let largest = self.waiting.iter().filter(|one| one.was_polled).map(|one| one.does.needs()).max();
        match largest {
            Some(0) | None => {}
            Some(1) => assert!(woken >= sending.min(model.room()), "room, and a sender that sleeps on"),
            Some(needs) => assert!(woken > 0 || needs > model.room(), "room for all, and all sleep on"),
        }
    }
}

fn check(make: Make, steps: &[(u8, u8)]) {
    let mut world = World::new(make());
    for &(op, arg) in steps {
        world.step(op, arg.into());
    }
    // The end: all futures go, and what was sent is there.
    while !world.waiting.is_empty() {
        world.drop_future(0);
        world.look();
    }
    while !world.permits.is_empty() {
        world.use_permit(0);
        world.look();
    }
    if let Some(receiver) = world.receivers.first() {
        assert!(receiver.try_iter().eq(world.model.values.drain(..)));
    }
}

type Make = fn() -> (Sender<u32>, Receiver<u32>);

fn of_one_kind(kind: usize, steps: &[(u8, u8)]) {
    let makes: [Make; 6] =
        [|| bounded(1), || bounded(3), || bounded(5), || bounded(1 << 20), unbounded, rendezvous];
    check(makes[kind], steps);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn a_channel_is_as_its_model(
        kind in 0..6_usize,
        steps in prop::collection::vec((0..20_u8, any::<u8>()), 0..150),
    ) {
        of_one_kind(kind, &steps);
    }

    /// As above, where most of the time there are some places too few for those that wait for several.
    #[test]
    fn a_channel_that_is_almost_full_is_as_its_model(
        kind in 1..3_usize,
        steps in prop::collection::vec(
            (prop::sample::select(&[0_u8, 2, 2, 6, 6, 6, 6, 12, 14, 14, 15][..]), any::<u8>()),
            0..150,
        ),
    ) {
        of_one_kind(kind, &steps);
    }
}
