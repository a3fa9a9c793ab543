//! Against a sequential model: any order of changes, looks, waits and goings, with waits given up at any moment.
//!
//! The model is the number of changes so far, which is the value too, and for each receiver the number it has
//! seen. After each step marks, counts and wake-ups are compared: a receiver that waits is woken once, by the
//! next change.

use super::{Receiver, SendError, Sender, channel};
use crate::testing::{Count, Hand};
use futures_core::Stream;
use proptest::collection::vec;
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

#[derive(Clone, Debug)]
enum Step {
    Send,
    Replace,
    Modify(bool),
    ModifyAndPanic,
    Look(usize),
    LookAndMark(usize),
    MarkChanged(usize),
    MarkUnchanged(usize),
    ChangedAndGiveUp(usize),
    WaitForAndGiveUp(usize, bool),
    Next(usize),
    Subscribe,
    Clone(usize),
    Drop(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = 0..6_usize;
    let step = prop_oneof![
        3 => Just(Step::Send),
        2 => Just(Step::Replace),
        2 => any::<bool>().prop_map(Step::Modify),
        1 => Just(Step::ModifyAndPanic),
        2 => which.clone().prop_map(Step::Look),
        3 => which.clone().prop_map(Step::LookAndMark),
        1 => which.clone().prop_map(Step::MarkChanged),
        1 => which.clone().prop_map(Step::MarkUnchanged),
        4 => which.clone().prop_map(Step::ChangedAndGiveUp),
        3 => (which.clone(), any::<bool>()).prop_map(|(at, wanted)| Step::WaitForAndGiveUp(at, wanted)),
        5 => which.clone().prop_map(Step::Next),
        1 => Just(Step::Subscribe),
        2 => which.clone().prop_map(Step::Clone),
        1 => which.prop_map(Step::Drop),
    ];
    vec(step, 1..80)
}

/// A receiver, and what the model knows of it.
struct Watched {
    receiver: Receiver<u64>,
    /// The change it has seen last; none if it is to see the present one again.
    seen: Option<u64>,
    /// Whether it waits as a stream and nothing changed since.
    waits: bool,
    wakes: Arc<Count>,
    waker: Waker,
}

impl Watched {
    fn new(receiver: Receiver<u64>, seen: Option<u64>) -> Self {
        let (wakes, waker) = Count::new();
        Self { receiver, seen, waits: false, wakes, waker }
    }
}

struct Model {
    sender: Sender<u64>,
    changes: u64,
    watched: Vec<Watched>,
}

impl Model {
    /// The value changed: all that wait are woken.
    fn changed(&mut self) {
        self.changes += 1;
        for one in &mut self.watched {
            assert_eq!(one.wakes.take(), usize::from(one.waits));
            one.waits = false;
        }
    }

    fn run(&mut self, step: &Step) {
        let changes = self.changes;
        match *step {
            Step::Send if self.watched.is_empty() => {
                assert_eq!(self.sender.send(changes + 1), Err(SendError(changes + 1)));
            }
            Step::Send => {
                assert_eq!(self.sender.send(changes + 1), Ok(()));
                self.changed();
            }
            Step::Replace => {
                assert_eq!(self.sender.send_replace(changes + 1), changes);
                self.changed();
            }
            Step::Modify(tells) => {
                let told = self.sender.send_if_modified(|value| {
                    *value += u64::from(tells);
                    tells
                });
                assert_eq!(told, tells);
                if tells {
                    self.changed();
                }
            }
            Step::ModifyAndPanic => {
                let modify =
                    || self.sender.send_modify(|_| std::panic::resume_unwind(Box::new("on purpose")));
                assert!(catch_unwind(AssertUnwindSafe(modify)).is_err());
            }
            Step::Subscribe => self.watched.push(Watched::new(self.sender.subscribe(), Some(changes))),
            Step::Look(at)
            | Step::LookAndMark(at)
            | Step::MarkChanged(at)
            | Step::MarkUnchanged(at)
            | Step::ChangedAndGiveUp(at)
            | Step::WaitForAndGiveUp(at, _)
            | Step::Next(at)
            | Step::Clone(at)
            | Step::Drop(at) => {
                if !self.watched.is_empty() {
                    self.run_at(at % self.watched.len(), step);
                }
            }
        }
    }

    fn run_at(&mut self, at: usize, step: &Step) {
        let changes = self.changes;
        let one = &mut self.watched[at];
        let is_new = one.seen != Some(changes);
        let mut seen = Some(changes);
        match *step {
            Step::Look(_) => {
                let value = one.receiver.borrow();
                assert_eq!((*value, value.has_changed()), (changes, is_new));
                seen = one.seen;
            }
            Step::LookAndMark(_) => {
                let value = one.receiver.borrow_and_update();
                assert_eq!((*value, value.has_changed()), (changes, is_new));
            }
            Step::MarkChanged(_) => {
                one.receiver.mark_changed();
                seen = None;
            }
            Step::MarkUnchanged(_) => one.receiver.mark_unchanged(),
            Step::ChangedAndGiveUp(_) => {
                let expected = if is_new { Poll::Ready(Ok(())) } else { Poll::Pending };
                assert_eq!(Hand::new(one.receiver.changed()).poll(), expected);
            }
            Step::WaitForAndGiveUp(_, is_wanted) => {
                let got = Hand::new(one.receiver.wait_for(|_| is_wanted))
                    .poll()
                    .map(|value| value.map(|value| *value));
                assert_eq!(got, if is_wanted { Poll::Ready(Ok(changes)) } else { Poll::Pending });
            }
            Step::Next(_) => {
                one.waits = !is_new;
                let got = Pin::new(&mut one.receiver).poll_next(&mut Context::from_waker(&one.waker));
                assert_eq!(got, if is_new { Poll::Ready(Some(changes)) } else { Poll::Pending });
            }
            Step::Clone(_) => {
                seen = one.seen;
                let clone = Watched::new(one.receiver.clone(), seen);
                self.watched.push(clone);
            }
            Step::Drop(_) => {
                drop(self.watched.remove(at));
                return;
            }
            _ => unreachable!("steps of one receiver"),
        }
        self.watched[at].seen = seen;
    }

    fn compare(&self) {
        assert_eq!(*self.sender.borrow(), self.changes);
        assert_eq!(self.sender.statistics().version, self.changes);
        assert_eq!(self.sender.receiver_count(), self.watched.len());
        assert_eq!(self.sender.is_closed(), self.watched.is_empty());
        for one in &self.watched {
            assert_eq!(one.receiver.has_changed(), one.seen != Some(self.changes));
            assert_eq!(one.wakes.take(), 0, "woken by a change, and by nothing else");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn it_is_as_its_model(steps in steps()) {
        let (sender, receiver) = channel(0);
        let mut model = Model { sender, changes: 0, watched: vec![Watched::new(receiver, Some(0))] };
        for step in &steps {
            model.run(step);
            model.compare();
        }
        let Model { sender, changes, watched } = model;
        drop(sender);
        for mut one in watched {
            assert_eq!(one.wakes.take(), usize::from(one.waits));
            assert!(one.receiver.is_closed());
            let is_new = one.seen != Some(changes);
            assert_eq!(one.receiver.changed_blocking().is_ok(), is_new, "the last is seen, if it was not");
            assert!(one.receiver.changed_blocking().is_err());
        }
    }
}
