//! Any order of waiting, telling one, the last or all, and going away, against a model: a list, a permit, and a set of those told.

use super::{Notified, Notify};
use crate::testing::Count;
use proptest::prelude::*;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

const HANDS: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Op {
    Start(usize),
    Poll(usize),
    Enable(usize),
    Drop(usize),
    One,
    Last,
    All,
    Try,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0..HANDS).prop_map(Op::Start),
        4 => (0..HANDS).prop_map(Op::Poll),
        2 => (0..HANDS).prop_map(Op::Enable),
        3 => (0..HANDS).prop_map(Op::Drop),
        3 => Just(Op::One),
        2 => Just(Op::Last),
        1 => Just(Op::All),
        1 => Just(Op::Try),
    ]
}

/// A future with its waker, to be polled and enabled.
struct Told<'a> {
    future: Pin<Box<Notified<'a>>>,
    count: Arc<Count>,
    waker: Waker,
}

impl<'a> Told<'a> {
    fn new(future: Notified<'a>) -> Self {
        let (count, waker) = Count::new();
        Self { future: Box::pin(future), count, waker }
    }

    fn poll(&mut self) -> bool {
        self.future.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready()
    }

    fn enable(&mut self) -> bool {
        self.future.as_mut().enable()
    }
}

/// What is known of a future.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Made,
    Waits,
    ToldAll,
    ToldOne,
    ToldLast,
    Done,
}

/// The sequential model.
#[derive(Default)]
struct Model {
    permit: bool,
    states: [Option<State>; HANDS],
    queue: Vec<usize>,
}

impl Model {
    /// Who is told.
    fn tell(&mut self, last: bool) -> Option<usize> {
        let at = if last { self.queue.pop() } else { (!self.queue.is_empty()).then(|| self.queue.remove(0)) };
        match at {
            Some(at) => self.states[at] = Some(if last { State::ToldLast } else { State::ToldOne }),
            None => self.permit = true,
        }
        at
    }

    /// Whether a look of this one is the end.
    fn look(&mut self, at: usize) -> bool {
        let done = match self.states[at] {
            Some(State::Made) if self.permit => {
                self.permit = false;
                true
            }
            Some(State::Made) => {
                self.queue.push(at);
                false
            }
            Some(State::Waits) | None => false,
            Some(_) => true,
        };
        self.states[at] = Some(if done { State::Done } else { State::Waits });
        done
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 384, ..ProptestConfig::default() })]

    #[test]
    fn each_is_told_what_the_model_says(ops in prop::collection::vec(op(), 1..80)) {
        let notify = Notify::new();
        let mut hands: Vec<Option<Told<'_>>> = (0..HANDS).map(|_| None).collect();
        let mut model = Model::default();
        for op in ops {
            let mut woken = [0; HANDS];
            match op {
                Op::Start(at) if hands[at].is_none() => {
                    hands[at] = Some(Told::new(notify.notified()));
                    model.states[at] = Some(State::Made);
                }
                Op::Start(_) => {}
                Op::Poll(at) => {
                    let Some(hand) = &mut hands[at] else { continue };
                    prop_assert_eq!(hand.poll(), model.look(at));
                }
                Op::Enable(at) => {
                    // Polled with its waker before: the waker stays its own in this test.
                    let Some(hand) = &mut hands[at] else { continue };
                    if model.states[at] == Some(State::Waits) {
                        continue;
                    }
                    prop_assert_eq!(hand.enable(), model.look(at));
                    if model.states[at] == Some(State::Waits) {
                        prop_assert!(!hand.poll());
                    }
                }
                Op::Drop(at) => {
                    hands[at] = None;
                    model.queue.retain(|&other| other != at);
                    let next = match model.states[at].take() {
                        Some(State::ToldOne) => model.tell(false),
                        Some(State::ToldLast) => model.tell(true),
                        _ => None,
                    };
                    next.into_iter().for_each(|next| woken[next] = 1);
                }
                Op::One | Op::Last => {
                    match op {
                        Op::One => notify.notify_one(),
                        _ => notify.notify_last(),
                    }
                    let told = model.tell(matches!(op, Op::Last));
                    told.into_iter().for_each(|told| woken[told] = 1);
                }
                Op::All => {
                    notify.notify_waiters();
                    model.queue.drain(..).for_each(|told| woken[told] = 1);
                    for state in model.states.iter_mut().flatten() {
                        if matches!(state, State::Made | State::Waits) {
                            *state = State::ToldAll;
                        }
                    }
                }
                Op::Try => prop_assert_eq!(notify.try_notified(), std::mem::take(&mut model.permit)),
            }
            for (at, hand) in hands.iter().enumerate().filter_map(|(at, hand)| Some((at, hand.as_ref()?))) {
                prop_assert_eq!(hand.count.take(), woken[at], "of {} after {:?}", at, op);
            }
            let seen = notify.statistics();
            prop_assert_eq!((seen.permit, seen.waiters), (model.permit, model.queue.len()));
        }
    }
}
