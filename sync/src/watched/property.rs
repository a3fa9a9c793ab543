//! Any order of coming, looking, dying, leaving and passing time, for each of the four that are watched: whoever lives gets
//! through, whoever tries does in time, and nothing is lost with the dead.

use crate::testing::{Hand, PanicOnWake, leak, panics_when_cloned};
use crate::watchman::held::{self, INTERVAL_US, OVERDUE_US};
use crate::{Borrower, CapacityLimiter, Lock, RwLock, RwLockUpgradableReadGuard, Semaphore};
use proptest::prelude::*;
use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, Waker};

type Taken = Box<dyn Any>;
type Wait = Pin<Box<dyn Future<Output = Taken>>>;

/// One of the four. What is asked for is a number.
struct Turnstile {
    wait: Box<dyn Fn(usize) -> Wait>,
    attempt: Box<dyn Fn(usize) -> Option<Taken>>,
    /// Changes how much there is.
    change: Box<dyn Fn(usize)>,
    /// Takes the change back.
    settle: Box<dyn Fn()>,
    /// What asks for all there is.
    all: usize,
}

fn taken<T: 'static>(it: T) -> Taken {
    Box::new(it)
}

fn of_a_lock() -> Turnstile {
    let lock: &Lock<()> = leak(Lock::new(()));
    Turnstile {
        wait: Box::new(|_| Box::pin(async { taken(lock.lock().await) })),
        attempt: Box::new(|_| lock.try_lock().map(taken)),
        change: Box::new(|_| {}),
        settle: Box::new(|| {}),
        all: 0,
    }
}

fn of_an_rwlock() -> Turnstile {
    let lock: &RwLock<()> = leak(RwLock::new(()));
    Turnstile {
        wait: Box::new(|what| match what % 3 {
            0 => Box::pin(async { taken(lock.read().await) }),
            1 => Box::pin(async { taken(lock.upgradable_read().await) }),
            _ => Box::pin(async { taken(lock.write().await) }),
        }),
        attempt: Box::new(|what| match what % 4 {
            0 => lock.try_read().map(taken),
            1 => {
                let guard = lock.try_upgradable_read()?;
                RwLockUpgradableReadGuard::try_upgrade(guard)
                    .map_or_else(|guard| Some(taken(guard)), |guard| Some(taken(guard)))
            }
            _ => lock.try_write().map(taken),
        }),
        change: Box::new(|_| {}),
        settle: Box::new(|| {}),
        all: 2,
    }
}

fn of_a_semaphore() -> Turnstile {
    let semaphore: &Semaphore = leak(Semaphore::new(3));
    let forgotten: &Cell<usize> = leak(Cell::new(0));
    let settle = || semaphore.add_permits(forgotten.take());
    Turnstile {
        wait: Box::new(move |what| Box::pin(async move { taken(semaphore.acquire_many(what % 4).await) })),
        attempt: Box::new(move |what| semaphore.try_acquire_many(what % 4).ok().map(taken)),
        change: Box::new(move |what| match what % 3 {
            0 => settle(),
            count => forgotten.set(forgotten.get() + semaphore.forget_permits(count)),
        }),
        settle: Box::new(settle),
        all: 3,
    }
}

fn of_a_limiter() -> Turnstile {
    let limiter: &CapacityLimiter = leak(CapacityLimiter::new(2));
    // Fewer than ask: some are refused.
    let borrower = |what: usize| Borrower::from(what as u64 % 6);
    Turnstile {
        wait: Box::new(move |what| {
            Box::pin(async move { taken(limiter.acquire_on_behalf_of(borrower(what)).await) })
        }),
        attempt: Box::new(move |what| limiter.try_acquire_on_behalf_of(borrower(what)).ok().map(taken)),
        change: Box::new(|what| limiter.set_total_tokens(what % 4)),
        settle: Box::new(|| limiter.set_total_tokens(2)),
        all: 0,
    }
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Start(usize),
    Try(usize),
    Poll(usize),
    /// Polls with a waker whose clone panics: it is polled no more after that.
    PollWithoutClone(usize),
    /// Polls with a waker that panics: it is polled no more.
    PollWithoutWake(usize),
    /// It is polled no more.
    Die(usize),
    /// Drops what it holds, or the future wherever it stands.
    Drop(usize),
    Change(usize),
    Pass(u64),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        6 => any::<usize>().prop_map(Op::Start),
        2 => any::<usize>().prop_map(Op::Try),
        12 => any::<usize>().prop_map(Op::Poll),
        2 => any::<usize>().prop_map(Op::PollWithoutClone),
        1 => any::<usize>().prop_map(Op::PollWithoutWake),
        3 => any::<usize>().prop_map(Op::Die),
        6 => any::<usize>().prop_map(Op::Drop),
        1 => any::<usize>().prop_map(Op::Change),
        4 => prop_oneof![Just(INTERVAL_US / 2), Just(INTERVAL_US), Just(OVERDUE_US)].prop_map(Op::Pass),
    ];
    prop::collection::vec(op, 0..60)
}

enum State {
    Waits { hand: Hand<Wait>, awake: bool, lives: bool },
    Holds(#[expect(dead_code, reason = "it is there to be dropped")] Taken),
    Gone,
}

struct People {
    turnstile: Turnstile,
    clock: held::Hold,
    list: Vec<State>,
}

impl People {
    fn new(turnstile: Turnstile) -> Self {
        Self { turnstile, clock: held::hold(), list: Vec::new() }
    }

    /// One that lives is polled, by `poll`; whether it has what it waited for.
    fn poll_by(&mut self, at: usize, poll: impl FnOnce(&mut Hand<Wait>) -> Option<Poll<Taken>>) -> bool {
        let State::Waits { hand, awake, lives: lives @ true } = &mut self.list[at] else { return false };
        hand.wakes();
        *awake = false;
        match poll(hand) {
            Some(Poll::Ready(taken)) => self.list[at] = State::Holds(taken),
            Some(Poll::Pending) => {}
            None => *lives = false,
        }
        self.listen();
        matches!(self.list[at], State::Holds(_))
    }

    fn poll(&mut self, at: usize) -> bool {
        self.poll_by(at, |hand| Some(hand.poll()))
    }

    fn listen(&mut self) {
        for state in &mut self.list {
            if let State::Waits { hand, awake, .. } = state {
                *awake |= hand.wakes() > 0;
            }
        }
    }

    fn step(&mut self, op: Op) {
        let count = self.list.len();
        match op {
            Op::Start(what) => {
                let hand = Hand::new((self.turnstile.wait)(what));
                self.list.push(State::Waits { hand, awake: true, lives: true });
            }
            Op::Try(what) => {
                let got = (self.turnstile.attempt)(what);
                self.list.push(got.map_or(State::Gone, State::Holds));
            }
            Op::Change(what) => (self.turnstile.change)(what),
            Op::Pass(us) => self.clock.pass(us),
            _ if count == 0 => {}
            Op::Poll(at) => _ = self.poll(at % count),
            Op::PollWithoutClone(at) => {
                _ = self.poll_by(at % count, |hand| {
                    catch_unwind(AssertUnwindSafe(|| hand.poll_with(&panics_when_cloned()))).ok()
                });
            }
            Op::PollWithoutWake(at) => {
                _ = self.poll_by(at % count, |hand| {
                    Some(hand.poll_with(&Waker::from(Arc::new(PanicOnWake)))).filter(Poll::is_ready)
                });
            }
            Op::Die(at) => {
                if let State::Waits { lives, .. } = &mut self.list[at % count] {
                    *lives = false;
                }
            }
            Op::Drop(at) => self.list[at % count] = State::Gone,
        }
        self.listen();
    }

    fn find(&self, is: impl Fn(bool, bool) -> bool) -> Option<usize> {
        self.list
            .iter()
            .position(|state| matches!(state, State::Waits { awake, lives, .. } if is(*awake, *lives)))
    }

    /// All that hold something leave; those who live come when they are woken, and hold what they get for `pause`.
    fn all_get_through(mut self, pause: u64) {
        self.list
            .iter_mut()
            .filter(|state| matches!(state, State::Holds(_)))
            .for_each(|state| *state = State::Gone);
        (self.turnstile.settle)();
        self.listen();
        let mut rounds = 0;
        while self.find(|_, lives| lives).is_some() {
            match self.find(|awake, lives| awake && lives) {
                Some(at) if self.poll(at) => {
                    self.clock.pass(pause);
                    self.list[at] = State::Gone;
                }
                Some(_) => {}
                None => self.clock.pass(INTERVAL_US),
            }
            self.listen();
            rounds += 1;
            assert!(rounds < 1_000, "those who live sleep, and nobody has it");
        }
        // One after the other, the dead have had their time.
        let mut tries = 0;
        while (self.turnstile.attempt)(self.turnstile.all).is_none() {
            self.clock.pass(INTERVAL_US);
            tries += 1;
            assert!(tries < 500, "it is kept for the dead, and whoever tries is refused");
        }
        self.list.clear();
        let got = (self.turnstile.attempt)(self.turnstile.all);
        assert!(got.is_some(), "something is lost with the dead");
        drop(got);
        self.clock.pass(2 * OVERDUE_US);
        assert_eq!(self.clock.entries(), 0, "visited for nothing");
    }
}

fn whoever_lives_gets_through(turnstile: Turnstile, ops: Vec<Op>, pause: u64) {
    let mut people = People::new(turnstile);
    ops.into_iter().for_each(|op| people.step(op));
    people.all_get_through(pause);
}

fn pause() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(INTERVAL_US / 2), Just(INTERVAL_US), Just(OVERDUE_US)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whoever_lives_gets_through_a_lock(ops in ops(), pause in pause()) {
        whoever_lives_gets_through(of_a_lock(), ops, pause);
    }

    #[test]
    fn whoever_lives_gets_through_an_rwlock(ops in ops(), pause in pause()) {
        whoever_lives_gets_through(of_an_rwlock(), ops, pause);
    }

    #[test]
    fn whoever_lives_gets_through_a_semaphore(ops in ops(), pause in pause()) {
        whoever_lives_gets_through(of_a_semaphore(), ops, pause);
    }

    #[test]
    fn whoever_lives_gets_through_a_limiter(ops in ops(), pause in pause()) {
        whoever_lives_gets_through(of_a_limiter(), ops, pause);
    }
}
