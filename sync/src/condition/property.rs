//! The condition against a sequential model, with those who wait going away at random, told or not.

use super::Condition;
use crate::testing::Hand;
use crate::{Lock, LockGuard};
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof, proptest};
use std::future::Future;
use std::pin::Pin;

const SLOTS: usize = 6;

#[derive(Clone, Copy, Debug)]
enum Op {
    Wait(usize),
    Poll(usize),
    Drop(usize),
    Notify(usize),
    NotifyAll,
    Hold,
    Release,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        6 => (0..SLOTS).prop_map(Op::Wait),
        4 => (0..SLOTS).prop_map(Op::Poll),
        4 => (0..SLOTS).prop_map(Op::Drop),
        4 => (0..3_usize).prop_map(Op::Notify),
        1 => Just(Op::NotifyAll),
        2 => Just(Op::Hold),
        3 => Just(Op::Release),
    ];
    proptest::collection::vec(op, 1..80)
}

type Waits<'a> = Hand<Pin<Box<dyn Future<Output = LockGuard<'a, ()>> + 'a>>>;

#[derive(Clone, Copy, PartialEq)]
enum State {
    Waits,
    /// Told by name, or with all others.
    Told {
        by_name: bool,
    },
}

struct Slot<'a> {
    hand: Waits<'a>,
    state: State,
}

struct Run<'a> {
    condition: &'a Condition,
    lock: &'a Lock<()>,
    held: Option<LockGuard<'a, ()>>,
    slots: [Option<Slot<'a>>; SLOTS],
    /// Who waits to be told, in the order they came.
    queue: Vec<usize>,
}

impl<'a> Run<'a> {
    fn wait(&mut self, me: usize) {
        // It may be held, or kept for one that was told.
        let Some(guard) = self.lock.try_lock() else { return };
        if self.slots[me].is_some() {
            return;
        }
        let mut hand: Waits<'a> = Hand::new(Box::pin(self.condition.wait(guard)));
        hand.pends();
        self.slots[me] = Some(Slot { hand, state: State::Waits });
        self.queue.push(me);
    }

    fn tell(&mut self, count: usize, by_name: bool) {
        for me in self.queue.drain(..count) {
            let slot = self.slots[me].as_mut().expect("in the queue");
            slot.state = State::Told { by_name };
            assert_eq!(slot.hand.wakes(), 1, "it was told, and sleeps");
        }
    }

    fn notify(&mut self, count: usize) {
        let count_told = count.min(self.queue.len());
        let told = if count == 1 {
            usize::from(self.condition.notify_one())
        } else {
            self.condition.notify_n(count)
        };
        assert_eq!(told, count_told);
        self.tell(count_told, true);
    }

    fn drop(&mut self, me: usize) {
        let Some(slot) = self.slots[me].take() else { return };
        let state = slot.state;
        self.queue.retain(|other| *other != me);
        drop(slot);
        if state == (State::Told { by_name: true }) && !self.queue.is_empty() {
            self.tell(1, true);
        }
    }

    /// Polls; whether that was its end.
    fn poll(&mut self, me: usize) -> bool {
        let Some(slot) = &mut self.slots[me] else { return false };
        let polled = slot.hand.poll();
        if polled.is_ready() {
            assert!(slot.state != State::Waits, "nobody told it");
            assert!(self.held.is_none(), "the lock is held");
            // Its notification is used up: dropping it tells nobody, see `check`.
            self.slots[me] = None;
        }
        polled.is_ready()
    }

    fn check(&mut self) {
        for slot in self.slots.iter_mut().flatten().filter(|slot| slot.state == State::Waits) {
            assert_eq!(slot.hand.wakes(), 0, "nobody told it");
        }
        assert_eq!(self.condition.statistics().waiters, self.queue.len());
    }

    /// Lets all who were told come to their end.
    fn finish(&mut self) {
        self.held = None;
        let mut left = self.slots.iter().flatten().filter(|slot| slot.state != State::Waits).count();
        // Each round the lock is free, or kept for one of them.
        for _ in 0..=SLOTS {
            left -= (0..SLOTS).filter(|me| self.poll(*me)).count();
            self.check();
        }
        assert_eq!(left, 0, "told, and never let go");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_the_model_does(ops in ops()) {
        let (condition, lock) = (Condition::new(), Lock::new(()));
        let slots = std::array::from_fn(|_| None);
        let mut run = Run { condition: &condition, lock: &lock, held: None, slots, queue: Vec::new() };
        for op in ops {
            match op {
                Op::Wait(me) => run.wait(me),
                Op::Poll(me) => drop(run.poll(me)),
                Op::Drop(me) => run.drop(me),
                Op::Notify(count) => run.notify(count),
                Op::NotifyAll => {
                    let waited = run.queue.len();
                    assert_eq!(condition.notify_all(), waited);
                    run.tell(waited, false);
                }
                Op::Hold if run.held.is_none() => run.held = lock.try_lock(),
                Op::Hold => {}
                Op::Release => run.held = None,
            }
            run.check();
        }
        run.finish();
        let waited = run.queue.len();
        assert_eq!(condition.notify_all(), waited);
        run.tell(waited, false);
        run.finish();
        assert!(run.slots.iter().all(Option::is_none));
        drop(run);
        assert!(lock.try_lock().is_some());
    }
}
