//! Any order of borrowing, returning, going away, changing the total and taking back, against a sequential model.

use super::{AcquireToken, Borrower, CapacityLimiter, CapacityToken, TryAcquireTokenError};
use crate::testing::Hand;
use crate::watchman::held;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::task::Poll;

const HANDS: usize = 5;
/// Fewer than hands: some ask twice.
const BORROWERS: u64 = 4;
const TOTAL_MAX: usize = 3;

#[derive(Clone, Copy, Debug)]
enum Op {
    Start(usize, u64),
    Poll(usize),
    Drop(usize),
    Return(usize),
    Release(u64),
    Try(u64),
    Total(usize),
    Turn,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (0..HANDS, 0..BORROWERS).prop_map(|(at, borrower)| Op::Start(at, borrower)),
        5 => (0..HANDS).prop_map(Op::Poll),
        3 => (0..HANDS).prop_map(Op::Drop),
        4 => (0..HANDS).prop_map(Op::Return),
        1 => (0..BORROWERS).prop_map(Op::Release),
        2 => (0..BORROWERS).prop_map(Op::Try),
        2 => (0..=TOTAL_MAX).prop_map(Op::Total),
        2 => Just(Op::Turn),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Gone,
    Made,
    Waits,
    Told(usize),
    Refused,
}

#[derive(Debug, PartialEq)]
enum Answer {
    Lent,
    Refused,
    Pending,
}

struct Model {
    total: usize,
    kept: Vec<usize>,
    borrowers: BTreeSet<u64>,
    queue: Vec<usize>,
    hands: [(State, u64); HANDS],
}

impl Model {
    fn free(&self) -> usize {
        self.total.saturating_sub(self.borrowers.len() + self.kept.iter().sum::<usize>())
    }

    fn serve(&mut self) {
        while let Some(&head) = self.queue.first() {
            let epoch = self.kept.len() - 1;
            if self.borrowers.contains(&self.hands[head].1) {
                self.hands[head].0 = State::Refused;
            } else if self.free() > 0 {
                self.kept[epoch] += 1;
                self.hands[head].0 = State::Told(epoch);
            } else {
                break;
            }
            self.queue.remove(0);
        }
    }

    fn take(&mut self, epoch: usize) -> bool {
        let some = self.kept[epoch] > 0;
        self.kept[epoch] -= usize::from(some);
        some
    }

    fn poll(&mut self, at: usize) -> Answer {
        let (state, borrower) = self.hands[at];
        let now = self.kept.len() - 1;
        let has = self.borrowers.contains(&borrower);
        match state {
            State::Gone | State::Waits => Answer::Pending,
            State::Refused => Answer::Refused,
            State::Made if has => Answer::Refused,
            State::Made if self.queue.is_empty() && self.free() > 0 => {
                self.borrowers.insert(borrower);
                Answer::Lent
            }
            State::Told(epoch) => {
                let order = if epoch == now { [now, now - 1] } else { [now - 1, now] };
                if !order.iter().any(|&epoch| self.take(epoch)) && self.free() == 0 {
                    self.queue.insert(0, at);
                    self.hands[at].0 = State::Waits;
                    return Answer::Pending;
                }
                if has {
                    self.serve();
                    return Answer::Refused;
                }
                self.borrowers.insert(borrower);
                Answer::Lent
            }
            State::Made => {
                self.queue.push(at);
                self.hands[at].0 = State::Waits;
                Answer::Pending
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 384, ..ProptestConfig::default() })]

    #[test]
    fn tokens_are_with_whom_the_model_says(
        total in 0..=TOTAL_MAX, ops in prop::collection::vec(op(), 1..100)
    ) {
        let _clock = held::hold();
        let limiter = CapacityLimiter::new(total);
        limiter.turn_by_hand();
        let mut hands: Vec<Option<Hand<AcquireToken<'_>>>> = (0..HANDS).map(|_| None).collect();
        let mut out: Vec<CapacityToken<'_>> = Vec::new();
        let mut awake = [false; HANDS];
        let mut model = Model {
            total,
            kept: vec![0, 0],
            borrowers: BTreeSet::new(),
            queue: Vec::new(),
            hands: [(State::Gone, 0); HANDS],
        };
        for op in ops {
            match op {
                Op::Start(at, number) if hands[at].is_none() => {
                    hands[at] = Some(Hand::new(limiter.acquire_on_behalf_of(Borrower::from(number))));
                    model.hands[at] = (State::Made, number);
                }
                Op::Start(..) => {}
                Op::Poll(at) => {
                    let Some(hand) = &mut hands[at] else { continue };
                    let _ = hand.wakes();
                    awake[at] = false;
                    let answer = match hand.poll() {
                        Poll::Pending => Answer::Pending,
                        Poll::Ready(Err(_)) => Answer::Refused,
                        Poll::Ready(Ok(token)) => {
                            out.push(token);
                            Answer::Lent
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
                    model.queue.retain(|&other| other != at);
                    let state = std::mem::replace(&mut model.hands[at].0, State::Gone);
                    if let State::Told(epoch) = state {
                        model.take(epoch);
                    }
                    if matches!(state, State::Waits | State::Told(_) | State::Refused) {
                        model.serve();
                    }
                }
                Op::Return(at) if at < out.len() => {
                    let token = out.swap_remove(at);
                    let number = (0..BORROWERS).find(|&number| token.borrower() == Borrower::from(number));
                    model.borrowers.remove(&number.expect("one of those that asked"));
                    drop(token);
                    model.serve();
                }
                Op::Return(_) => {}
                Op::Release(number) => {
                    let borrower = Borrower::from(number);
                    let had = model.borrowers.remove(&number);
                    prop_assert_eq!(limiter.release_on_behalf_of(&borrower).is_ok(), had);
                    if had {
                        model.serve();
                    }
                    // Its token releases nothing any more, whoever has borrowed since.
                    out.retain(|token| token.borrower() != borrower);
                }
                Op::Try(number) => {
                    let borrower = Borrower::from(number);
                    let expected = if model.borrowers.contains(&number) {
                        Err(TryAcquireTokenError::AlreadyBorrowed(borrower))
                    } else if model.queue.is_empty() && model.free() > 0 {
                        model.borrowers.insert(number);
                        Ok(())
                    } else {
                        Err(TryAcquireTokenError::NoTokens)
                    };
                    let taken = limiter.try_acquire_on_behalf_of(borrower);
                    prop_assert_eq!(taken.as_ref().map(|_| ()).map_err(|error| *error), expected);
                    out.extend(taken);
                }
                Op::Total(total) => {
                    limiter.set_total_tokens(total);
                    model.total = total;
                    model.serve();
                }
                Op::Turn => {
                    limiter.turn_by_hand();
                    let old = model.kept.len() - 2;
                    model.kept.push(0);
                    model.kept[old] = 0;
                    model.serve();
                }
            }
            for (at, hand) in hands.iter().enumerate().filter_map(|(at, hand)| Some((at, hand.as_ref()?))) {
                awake[at] |= hand.wakes() > 0;
                let told = matches!(model.hands[at].0, State::Told(_) | State::Refused);
                prop_assert!(!told || awake[at], "{} can go on and sleeps after {:?}", at, op);
            }
            let seen = limiter.statistics();
            prop_assert_eq!(&seen.borrowers, &model.borrowers.iter().map(|&number| Borrower::from(number)).collect::<Vec<_>>());
            prop_assert_eq!((seen.available, seen.kept), (model.free(), model.kept.iter().sum::<usize>()));
            prop_assert_eq!((seen.total, seen.waiters), (model.total, model.queue.len()));
        }
    }
}
