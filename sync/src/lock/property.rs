//! The lock against a sequential model, with those who wait going away at random; and that nobody is stuck behind those that are
//! polled no more.
//!
//! The model leaves open what the lock leaves open: who of those that are polled gets a free lock. It holds it to the rest.

use super::raw::OVERDUE_US;
use super::{Lock, LockFuture, LockGuard};
use crate::testing::Hand;
use crate::watchman::held::{self, OVERDUE_US as LATE_US};
use proptest::prelude::*;
use std::task::Poll;

#[derive(Clone, Copy, Debug)]
enum Op {
    Start,
    Try,
    Poll(usize),
    /// Drops a guard, or a future wherever it stands.
    Drop(usize),
    Unlock,
    Pass(u64),
}

fn ops(pass: u32) -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => Just(Op::Start),
        2 => Just(Op::Try),
        8 => any::<usize>().prop_map(Op::Poll),
        2 => any::<usize>().prop_map(Op::Drop),
        4 => Just(Op::Unlock),
        pass => prop_oneof![Just(OVERDUE_US / 2), Just(OVERDUE_US + 1), Just(LATE_US)].prop_map(Op::Pass),
    ];
    prop::collection::vec(op, 0..60)
}

enum State<'a> {
    /// `polled` once at least: it is in line.
    Waits {
        hand: Hand<LockFuture<'a, u32>>,
        polled: bool,
        awake: bool,
    },
    Holds(LockGuard<'a, u32>),
    Gone,
}

struct People<'a> {
    lock: &'a Lock<u32>,
    clock: &'a held::Hold,
    list: Vec<State<'a>>,
    /// How often the lock was taken.
    taken: u32,
}

impl<'a> People<'a> {
    fn holder(&self) -> Option<usize> {
        self.list.iter().position(|state| matches!(state, State::Holds(_)))
    }

    /// Those in line.
    fn line(&self) -> impl Iterator<Item = usize> {
        (0..self.list.len()).filter(|at| matches!(self.list[*at], State::Waits { polled: true, .. }))
    }

    fn is_awake(&self, at: usize) -> bool {
        matches!(self.list[at], State::Waits { awake: true, .. })
    }

    fn is_waiting(&self, at: usize) -> bool {
        matches!(self.list[at], State::Waits { .. })
    }

    /// Notes who was woken.
    fn listen(&mut self) {
        for state in &mut self.list {
            if let State::Waits { hand, awake, .. } = state {
                *awake |= hand.wakes() > 0;
            }
        }
    }

    fn takes(&mut self, at: usize, mut guard: LockGuard<'a, u32>) {
        assert_eq!(self.holder(), None, "two at once");
        assert_eq!(*guard, self.taken, "what the last holder wrote");
        self.taken += 1;
        *guard += 1;
        self.list[at] = State::Holds(guard);
    }

    /// One was refused. That is right while another holds the lock, or has it kept for it and is on its way.
    fn may_refuse(&self, at: usize) {
        let kept = self.line().any(|other| other != at && self.is_awake(other));
        assert!(self.holder().is_some() || kept, "it is free, and kept for nobody who comes");
    }

    fn poll(&mut self, at: usize) -> bool {
        let State::Waits { hand, polled, awake } = &mut self.list[at] else { return false };
        hand.wakes();
        (*polled, *awake) = (true, false);
        let answer = hand.poll();
        self.listen();
        match answer {
            Poll::Ready(guard) => self.takes(at, guard),
            Poll::Pending => self.may_refuse(at),
        }
        matches!(self.list[at], State::Holds(_))
    }

    fn step(&mut self, op: Op) {
        let count = self.list.len();
        match op {
            Op::Start => {
                let hand = Hand::new(self.lock.lock());
                self.list.push(State::Waits { hand, polled: false, awake: true });
            }
            Op::Try => {
                self.list.push(State::Gone);
                match self.lock.try_lock() {
                    Some(guard) => self.takes(count, guard),
                    None => self.may_refuse(count),
                }
            }
            Op::Poll(at) if count > 0 => {
                self.poll(at % count);
            }
            Op::Drop(at) if count > 0 => self.list[at % count] = State::Gone,
            Op::Unlock => {
                if let Some(at) = self.holder() {
                    self.list[at] = State::Gone;
                }
            }
            Op::Pass(us) => self.clock.pass(us),
            Op::Poll(_) | Op::Drop(_) => {}
        }
        self.listen();
    }

    fn check(&self) {
        let seen = self.lock.statistics();
        assert_eq!(seen.holder.is_some(), self.holder().is_some());
        if let Some(State::Holds(guard)) = self.holder().map(|at| &self.list[at]) {
            assert_eq!(**guard, self.taken);
        }
        assert!(seen.waiters <= self.line().count());
        if self.holder().is_none() && self.line().next().is_some() {
            assert!(
                self.line().any(|at| self.is_awake(at)),
                "the lock is free, and all who wait for it sleep"
            );
        }
    }

    /// Whoever holds the lock leaves, and of those who wait all but the abandoned, a bit for each, are polled when they are woken. The
    /// answer is who got it, in order.
    fn drain(&mut self, abandoned: u64) -> Vec<usize> {
        self.step(Op::Unlock);
        let mut order = Vec::new();
        let mut rounds = 0;
        let lives = |at: &usize| abandoned >> at & 1 == 0;
        while (0..self.list.len()).any(|at| lives(&at) && self.is_waiting(at)) {
            let next = (0..self.list.len()).find(|at| lives(at) && self.is_awake(*at));
            match next {
                Some(at) if self.poll(at) => {
                    order.push(at);
                    self.step(Op::Unlock);
                }
                Some(_) => {}
                None => self.step(Op::Pass(LATE_US)),
            }
            rounds += 1;
            assert!(rounds < 500, "those who wait sleep, and nobody holds the lock");
        }
        self.list.clear();
        assert!(self.lock.try_lock().is_some());
        assert_eq!(self.lock.statistics().waiters, 0);
        order
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_the_model_does(ops in ops(2)) {
        let clock = held::hold();
        let lock = Lock::new(0);
        let mut people = People { lock: &lock, clock: &clock, list: Vec::new(), taken: 0 };
        for op in ops {
            people.step(op);
            people.check();
        }
        people.drain(0);
    }

    #[test]
    fn nobody_is_stuck_behind_those_that_are_polled_no_more(ops in ops(2), abandoned in any::<u64>()) {
        let clock = held::hold();
        let lock = Lock::new(0);
        let mut people = People { lock: &lock, clock: &clock, list: Vec::new(), taken: 0 };
        ops.into_iter().for_each(|op| people.step(op));
        people.drain(abandoned);
    }

    #[test]
    fn those_who_come_when_they_are_woken_are_served_in_the_order_they_came(count in 1..20_usize, gone in any::<[bool; 20]>()) {
        let clock = held::hold();
        let lock = Lock::new(0);
        let mut people = People { lock: &lock, clock: &clock, list: Vec::new(), taken: 0 };
        people.step(Op::Try);
        (0..count).for_each(|_| people.step(Op::Start));
        (1..=count).for_each(|at| assert!(!people.poll(at), "it is held"));
        let stay: Vec<_> = (1..=count).filter(|at| !gone[*at - 1]).collect();
        (1..=count).filter(|at| gone[*at - 1]).for_each(|at| people.step(Op::Drop(at)));
        assert_eq!(people.drain(0), stay);
    }
}
