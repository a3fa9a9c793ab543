//! Any sequence of operations, with futures given up at any point, against a queue that nobody has to wait at.
//!
//! The model is exact, for a queue reserves nothing: whether a poll is ready follows from what lies there alone. What the model does
//! not say, whom to tell, is asked for as liveness: where something lies for those who wait, one that may be relied on is awake.

use super::tests::{Ranked, queue};
use super::{Fifo, Lifo, Order, RawQueue, Smallest, TryGetError, TryPutError};
use crate::testing::Hand;
use futures_core::Stream;
use proptest::collection::vec;
use proptest::prelude::*;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

#[derive(Debug, Clone)]
enum Op {
    Put(usize),
    Get,
    Stream,
    Join,
    TryPut(usize),
    TryGet,
    Done,
    Poll(usize),
    Drop(usize),
    ShutDown(bool),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..4_usize).prop_map(Op::Put),
        6 => Just(Op::Get),
        2 => Just(Op::Stream),
        2 => Just(Op::Join),
        4 => (0..4_usize).prop_map(Op::TryPut),
        4 => Just(Op::TryGet),
        4 => Just(Op::Done),
        16 => any::<usize>().prop_map(Op::Poll),
        6 => any::<usize>().prop_map(Op::Drop),
        1 => any::<bool>().prop_map(Op::ShutDown),
    ]
}

/// What a future came to: what it was got, or whether it went well.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Put(bool),
    Got(Option<usize>),
    Joined,
}

enum Kind {
    Put(Ranked),
    Get {
        stands: bool,
    },
    /// With the generation at the first poll.
    Join(Option<u64>),
}

struct Waits<'q> {
    hand: Hand<Pin<Box<dyn Future<Output = Outcome> + 'q>>>,
    kind: Kind,
    /// Whether it was polled, and whether it was woken since.
    is_waiting: bool,
    is_awake: bool,
}

/// The queue as one who never waits sees it.
#[derive(Default)]
struct Model {
    items: Vec<Ranked>,
    unfinished: u64,
    generation: u64,
    is_shut_down: bool,
    capacity: usize,
    arrivals: usize,
}

impl Model {
    fn item(&mut self, rank: usize) -> Ranked {
        self.arrivals += 1;
        Ranked(rank, self.arrivals)
    }

    fn is_full(&self) -> bool {
        self.capacity > 0 && self.items.len() >= self.capacity
    }

    fn put(&mut self, item: Ranked) {
        self.items.push(item);
        self.unfinished += 1;
    }

    fn take(&mut self, next: fn(&[Ranked]) -> usize) -> Option<usize> {
        (!self.items.is_empty()).then(|| self.items.remove(next(&self.items)).1)
    }

    fn done(&mut self, count: u64) {
        let before = self.unfinished;
        self.unfinished -= count;
        self.generation += u64::from(before > 0 && self.unfinished == 0);
    }

    /// What a poll comes to now.
    fn poll(&mut self, kind: &mut Kind, next: fn(&[Ranked]) -> usize) -> Option<Outcome> {
        match kind {
            Kind::Put(_) if self.is_shut_down => Some(Outcome::Put(false)),
            Kind::Put(_) if self.is_full() => None,
            Kind::Put(item) => {
                self.put(*item);
                Some(Outcome::Put(true))
            }
            Kind::Get { .. } => match self.take(next) {
                None if !self.is_shut_down => None,
                got => Some(Outcome::Got(got)),
            },
            Kind::Join(since) => {
                let is_over = match since {
                    Some(since) => *since < self.generation,
                    None => self.unfinished == 0,
                };
                since.get_or_insert(self.generation);
                is_over.then_some(Outcome::Joined)
            }
        }
    }
}

fn check<O: Order<Ranked>>(
    capacity: usize,
    ops: Vec<Op>,
    next: fn(&[Ranked]) -> usize,
) -> Result<(), TestCaseError> {
    let queue: RawQueue<Ranked, O> = queue(capacity);
    let mut model = Model { capacity, ..Model::default() };
    let mut waits: Vec<Waits<'_>> = Vec::new();
    for op in ops {
        match op {
            Op::Put(rank) => {
                let item = model.item(rank);
                let put = queue.put(item);
                start(&mut waits, Kind::Put(item), async move { Outcome::Put(put.await.is_ok()) });
            }
            Op::Get => {
                let get = queue.get();
                let get = async move { Outcome::Got(get.await.ok().map(|item| item.1)) };
                start(&mut waits, Kind::Get { stands: false }, get);
            }
            Op::Stream => {
                let mut stream = queue.stream();
                let got = poll_fn(move |cx| {
                    Pin::new(&mut stream).poll_next(cx).map(|item| Outcome::Got(item.map(|item| item.1)))
                });
                start(&mut waits, Kind::Get { stands: true }, got);
            }
            Op::Join => {
                let join = queue.join();
                start(&mut waits, Kind::Join(None), async move {
                    join.await;
                    Outcome::Joined
                });
            }
            Op::TryPut(rank) => {
                let item = model.item(rank);
                match queue.try_put(item) {
                    Ok(()) => {
                        prop_assert!(!model.is_shut_down && !model.is_full());
                        model.put(item);
                    }
                    Err(TryPutError::Full(back)) => {
                        prop_assert_eq!(back.1, item.1);
                        prop_assert!(!model.is_shut_down && model.is_full());
                    }
                    Err(TryPutError::ShutDown(back)) => {
                        prop_assert_eq!(back.1, item.1);
                        prop_assert!(model.is_shut_down);
                    }
                }
            }
            Op::TryGet => {
                let none = if model.is_shut_down { TryGetError::ShutDown } else { TryGetError::Empty };
                prop_assert_eq!(queue.try_get().map(|item| item.1), model.take(next).ok_or(none));
            }
            Op::Done => {
                let is_one_left = model.unfinished > 0;
                prop_assert_eq!(queue.task_done().is_ok(), is_one_left);
                model.done(u64::from(is_one_left));
            }
            Op::Poll(which) if !waits.is_empty() => {
                let which = which % waits.len();
                poll(&mut waits, which, &mut model, next)?;
            }
            Op::Drop(which) if !waits.is_empty() => {
                let which = which % waits.len();
                drop(waits.swap_remove(which));
            }
            Op::Poll(_) | Op::Drop(_) => {}
            Op::ShutDown(immediate) => {
                queue.shutdown(immediate);
                model.is_shut_down = true;
                if immediate {
                    let count = model.items.drain(..).count() as u64;
                    model.done(count.min(model.unfinished));
                }
            }
        }
        compare(&queue, &model, &mut waits)?;
    }
    // Whoever is awake goes on, until all sleep: then nobody sleeps who need not.
    while let Some(which) = waits.iter().position(|waits| waits.is_awake) {
        poll(&mut waits, which, &mut model, next)?;
        compare(&queue, &model, &mut waits)?;
    }
    for one in waits.iter_mut().filter(|one| one.is_waiting) {
        prop_assert!(model.poll(&mut one.kind, next).is_none(), "one sleeps that could go on");
    }
    drop(waits);
    let seen = queue.statistics();
    prop_assert_eq!((seen.getters, seen.putters, seen.joiners), (0, 0, 0));
    Ok(())
}

fn start<'q>(waits: &mut Vec<Waits<'q>>, kind: Kind, future: impl Future<Output = Outcome> + 'q) {
    let future: Pin<Box<dyn Future<Output = Outcome> + 'q>> = Box::pin(future);
    waits.push(Waits { hand: Hand::new(future), kind, is_waiting: false, is_awake: false });
}

fn poll(
    waits: &mut Vec<Waits<'_>>,
    which: usize,
    model: &mut Model,
    next: fn(&[Ranked]) -> usize,
) -> Result<(), TestCaseError> {
    let one = &mut waits[which];
    one.is_awake = false;
    let polled = one.hand.poll();
    let expected = model.poll(&mut one.kind, next);
    match polled {
        Poll::Ready(outcome) => {
            prop_assert_eq!(Some(outcome), expected);
            drop(waits.swap_remove(which));
        }
        Poll::Pending => {
            prop_assert_eq!(None, expected);
            one.is_waiting = true;
        }
    }
    Ok(())
}

fn compare<O: Order<Ranked>>(
    queue: &RawQueue<Ranked, O>,
    model: &Model,
    waits: &mut [Waits<'_>],
) -> Result<(), TestCaseError> {
    prop_assert_eq!(queue.len(), model.items.len());
    prop_assert_eq!(queue.is_full(), model.is_full());
    prop_assert_eq!(queue.is_shut_down(), model.is_shut_down);
    prop_assert_eq!(queue.statistics().unfinished, model.unfinished);
    for one in waits.iter_mut() {
        one.is_awake |= one.hand.wakes() > 0;
    }
    let asleep = |one: &&Waits<'_>| one.is_waiting && !one.is_awake;
    let getters = |stands: bool| {
        move |one: &&Waits<'_>| matches!(one.kind, Kind::Get { stands: is } if is == stands) && one.is_waiting
    };
    let all = waits.iter();
    if !model.items.is_empty() {
        for stands in [false, true] {
            let sleeping = all.clone().filter(getters(stands)).filter(asleep).count();
            let awake = all.clone().filter(getters(stands)).filter(|one| one.is_awake).count();
            let others = all.clone().filter(getters(!stands)).filter(|one| one.is_awake).count();
            // One that stands may rely on one that does not, and not the other way round.
            prop_assert!(sleeping == 0 || awake > 0 || (stands && others > 0), "nobody comes for an item");
        }
    }
    let putters = || all.clone().filter(|one| matches!(one.kind, Kind::Put(_)) && one.is_waiting);
    if !model.is_full() && putters().next().is_some() {
        prop_assert!(putters().any(|one| one.is_awake), "nobody comes for the room");
    }
    for one in all.clone().filter(asleep) {
        match one.kind {
            Kind::Join(since) => prop_assert_eq!(since, Some(model.generation), "all was done"),
            Kind::Put(_) | Kind::Get { .. } => prop_assert!(!model.is_shut_down, "the end is for all"),
        }
    }
    Ok(())
}

fn first(_items: &[Ranked]) -> usize {
    0
}

fn last(items: &[Ranked]) -> usize {
    items.len() - 1
}

/// The first of the smallest.
fn smallest(items: &[Ranked]) -> usize {
    (0..items.len()).min_by_key(|&at| items[at].0).unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fifo_is_as_the_model_says(capacity in 0..4_usize, ops in vec(op(), 0..100)) {
        check::<Fifo>(capacity, ops, first)?;
    }

    #[test]
    fn lifo_is_as_the_model_says(capacity in 0..4_usize, ops in vec(op(), 0..100)) {
        check::<Lifo>(capacity, ops, last)?;
    }

    #[test]
    fn smallest_is_as_the_model_says(capacity in 0..4_usize, ops in vec(op(), 0..100)) {
        check::<Smallest>(capacity, ops, smallest)?;
    }
}
