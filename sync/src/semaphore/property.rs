//! Any order of asking, coming, going away, adding, forgetting, closing and taking back, against a sequential model of the protocol.

use super::{Acquire, Semaphore, SemaphorePermit, TryAcquireError};
use crate::testing::Hand;
use crate::watchman::held;
use proptest::prelude::*;
use std::task::Poll;

const HANDS: usize = 5;
const COUNT_MAX: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Op {
    Start(usize, usize),
    Poll(usize),
    Drop(usize),
    Return(usize),
    Forget(usize),
    Try(usize),
    Add(usize),
    ForgetFree(usize),
    /// An epoch ends: what is kept for longer than one is taken back.
    Turn,
    Close,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        20 => (0..HANDS, 0..=COUNT_MAX).prop_map(|(at, count)| Op::Start(at, count)),
        20 => (0..HANDS).prop_map(Op::Poll),
        10 => (0..HANDS).prop_map(Op::Drop),
        12 => (0..HANDS).prop_map(Op::Return),
        1 => (0..HANDS).prop_map(Op::Forget),
        5 => (0..=COUNT_MAX).prop_map(Op::Try),
        4 => (0..=COUNT_MAX).prop_map(Op::Add),
        1 => (0..=COUNT_MAX).prop_map(Op::ForgetFree),
        8 => Just(Op::Turn),
        1 => Just(Op::Close),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Gone,
    Made,
    Waits,
    /// In that epoch.
    Told(usize),
    Refused,
}

/// What the next poll is to answer.
#[derive(Debug, PartialEq)]
enum Answer {
    Permits,
    Closed,
    Pending,
}

struct Model {
    free: usize,
    /// Per epoch; only the last two may hold anything.
    kept: Vec<usize>,
    closed: bool,
    queue: Vec<usize>,
    hands: [(State, usize); HANDS],
}

impl Model {
    fn new(free: usize) -> Self {
        Self { free, kept: vec![0, 0], closed: false, queue: Vec::new(), hands: [(State::Gone, 0); HANDS] }
    }

    fn epoch(&self) -> usize {
        self.kept.len() - 1
    }

    fn serve(&mut self) {
        while let Some(&head) = self.queue.first()
            && self.hands[head].1 <= self.free
        {
            self.queue.remove(0);
            let (epoch, count) = (self.epoch(), self.hands[head].1);
            self.free -= count;
            self.kept[epoch] += count;
            self.hands[head].0 = State::Told(epoch);
        }
    }

    fn add(&mut self, count: usize) {
        self.free += count;
        self.serve();
    }

    fn turn(&mut self) {
        let old = self.epoch() - 1;
        self.kept.push(0);
        let back = std::mem::take(&mut self.kept[old]);
        self.add(back);
    }

    /// Up to `count` of what was kept in `epoch`.
    fn take(&mut self, epoch: usize, count: usize) -> usize {
        let taken = count.min(self.kept[epoch]);
        self.kept[epoch] -= taken;
        taken
    }

    fn poll(&mut self, at: usize) -> Answer {
        let (state, count) = self.hands[at];
        let (told, kept) = match state {
            State::Gone | State::Waits => return Answer::Pending,
            State::Refused => (true, 0),
            State::Made => (false, 0),
            State::Told(epoch) => {
                let now = self.epoch();
                let order = if epoch == now { [now, now - 1] } else { [now - 1, now] };
                (true, order.iter().fold(0, |kept, &epoch| kept + self.take(epoch, count - kept)))
            }
        };
        let complete = matches!(state, State::Told(_)) && kept == count;
        if !complete && (self.closed || state == State::Refused) {
            self.free += kept;
            Answer::Closed
        } else if complete || (self.free + kept >= count && (told || self.queue.is_empty())) {
            self.free -= count - kept;
            Answer::Permits
        } else {
            self.free += kept;
            self.queue.insert(if told { 0 } else { self.queue.len() }, at);
            self.hands[at].0 = State::Waits;
            Answer::Pending
        }
    }

    fn drop(&mut self, at: usize) {
        let (state, count) = self.hands[at];
        self.hands[at].0 = State::Gone;
        self.queue.retain(|&other| other != at);
        if let State::Told(epoch) = state {
            self.free += self.take(epoch, count);
        }
        self.serve();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 384, ..ProptestConfig::default() })]

    #[test]
    fn permits_are_where_the_model_says(
        permits in 0..=COUNT_MAX, ops in prop::collection::vec(op(), 1..120)
    ) {
        let _clock = held::hold();
        let semaphore = Semaphore::new(permits);
        semaphore.turn_by_hand();
        let mut hands: Vec<Option<Hand<Acquire<'_>>>> = (0..HANDS).map(|_| None).collect();
        let mut out: Vec<SemaphorePermit<'_>> = Vec::new();
        let mut awake = [false; HANDS];
        let mut model = Model::new(permits);
        for op in ops {
            match op {
                Op::Start(at, count) if hands[at].is_none() => {
                    hands[at] = Some(Hand::new(semaphore.acquire_many(count)));
                    model.hands[at] = (State::Made, count);
                }
                Op::Start(..) => {}
                Op::Poll(at) => {
                    let Some(hand) = &mut hands[at] else { continue };
                    let _ = hand.wakes();
                    awake[at] = false;
                    let answer = match hand.poll() {
                        Poll::Pending => Answer::Pending,
                        Poll::Ready(Err(_)) => Answer::Closed,
                        Poll::Ready(Ok(permit)) => {
                            prop_assert_eq!(permit.num_permits(), model.hands[at].1);
                            out.push(permit);
                            Answer::Permits
                        }
                    };
                    prop_assert_eq!(&answer, &model.poll(at));
                    if answer != Answer::Pending {
                        hands[at] = None;
                        model.hands[at].0 = State::Gone;
                    }
                }
                Op::Drop(at) => {
                    hands[at] = None;
                    model.drop(at);
                }
                Op::Return(at) | Op::Forget(at) if at < out.len() => {
                    let permit = out.swap_remove(at);
                    match op {
                        Op::Forget(_) => permit.forget(),
                        _ => {
                            model.add(permit.num_permits());
                            drop(permit);
                        }
                    }
                }
                Op::Return(_) | Op::Forget(_) => {}
                Op::Try(count) => {
                    let expected = match () {
                        () if model.closed => Err(TryAcquireError::Closed),
                        () if !model.queue.is_empty() || model.free < count => Err(TryAcquireError::NoPermits),
                        () => {
                            model.free -= count;
                            Ok(())
                        }
                    };
                    let taken = semaphore.try_acquire_many(count);
                    prop_assert_eq!(taken.as_ref().map(|_| ()).map_err(|error| *error), expected);
                    out.extend(taken);
                }
                Op::Add(count) => {
                    semaphore.add_permits(count);
                    model.add(count);
                }
                Op::ForgetFree(count) => {
                    let forgotten = count.min(model.free);
                    model.free -= forgotten;
                    prop_assert_eq!(semaphore.forget_permits(count), forgotten);
                }
                Op::Turn => {
                    semaphore.turn_by_hand();
                    model.turn();
                }
                Op::Close => {
                    semaphore.close();
                    model.closed = true;
                    model.queue.drain(..).for_each(|at| model.hands[at].0 = State::Refused);
                }
            }
            for (at, hand) in hands.iter().enumerate().filter_map(|(at, hand)| Some((at, hand.as_ref()?))) {
                awake[at] |= hand.wakes() > 0;
                let told = matches!(model.hands[at].0, State::Told(_) | State::Refused);
                prop_assert!(!told || awake[at], "{} can go on and sleeps after {:?}", at, op);
            }
            let seen = semaphore.statistics();
            prop_assert_eq!((seen.available, seen.kept), (model.free, model.kept.iter().sum::<usize>()));
            prop_assert_eq!((seen.waiters, seen.closed), (model.queue.len(), model.closed));
        }
        // Nothing is kept for nobody.
        hands.clear();
        prop_assert_eq!(semaphore.statistics().kept, 0);
    }
}
