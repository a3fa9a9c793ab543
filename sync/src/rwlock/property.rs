//! The lock against a sequential model, with those who wait going away at random; and that nobody is stuck behind those that are
//! polled no more.

use super::{RwLock, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard};
use crate::testing::Hand;
use crate::watchman::held::{self, OVERDUE_US};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Read,
    Upgradable,
    Write,
    Upgrade,
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Start(Kind),
    Try(Kind),
    Poll(usize),
    /// Drops a guard, or a future wherever it stands.
    Drop(usize),
    Upgrade(usize),
    TryUpgrade(usize),
    Downgrade(usize),
    DowngradeToUpgradable(usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let kind = prop_oneof![Just(Kind::Read), Just(Kind::Upgradable), Just(Kind::Write)];
    let op = prop_oneof![
        4 => kind.clone().prop_map(Op::Start),
        2 => kind.prop_map(Op::Try),
        8 => any::<usize>().prop_map(Op::Poll),
        5 => any::<usize>().prop_map(Op::Drop),
        2 => any::<usize>().prop_map(Op::Upgrade),
        1 => any::<usize>().prop_map(Op::TryUpgrade),
        1 => any::<usize>().prop_map(Op::Downgrade),
        1 => any::<usize>().prop_map(Op::DowngradeToUpgradable),
    ];
    prop::collection::vec(op, 0..60)
}

enum Guard<'a> {
    Read(RwLockReadGuard<'a, u32>),
    Upgradable(RwLockUpgradableReadGuard<'a, u32>),
    Write(RwLockWriteGuard<'a, u32>),
}

impl Guard<'_> {
    fn kind(&self) -> Kind {
        match self {
            Self::Read(_) => Kind::Read,
            Self::Upgradable(_) => Kind::Upgradable,
            Self::Write(_) => Kind::Write,
        }
    }
}

type Waits<'a> = Pin<Box<dyn Future<Output = Guard<'a>> + 'a>>;

enum State<'a> {
    Waits { hand: Hand<Waits<'a>>, kind: Kind, awake: bool },
    Holds(Guard<'a>),
    Gone,
}

/// Everyone there has been, by number.
struct People<'a> {
    lock: &'a RwLock<u32>,
    list: Vec<State<'a>>,
}

impl<'a> People<'a> {
    fn start(&mut self, kind: Kind) {
        let lock = self.lock;
        let future: Waits<'a> = match kind {
            Kind::Read => Box::pin(async { Guard::Read(lock.read().await) }),
            Kind::Upgradable => Box::pin(async { Guard::Upgradable(lock.upgradable_read().await) }),
            Kind::Write | Kind::Upgrade => Box::pin(async { Guard::Write(lock.write().await) }),
        };
        self.list.push(State::Waits { hand: Hand::new(future), kind, awake: true });
    }

    fn try_once(&mut self, kind: Kind) -> bool {
        let guard = match kind {
            Kind::Read => self.lock.try_read().map(Guard::Read),
            Kind::Upgradable => self.lock.try_upgradable_read().map(Guard::Upgradable),
            Kind::Write | Kind::Upgrade => self.lock.try_write().map(Guard::Write),
        };
        let got = guard.is_some();
        self.list.push(guard.map_or(State::Gone, State::Holds));
        got
    }

    /// Polls one that waits: what for, and whether it has got it.
    fn poll(&mut self, at: usize) -> Option<(Kind, bool)> {
        let State::Waits { hand, kind, awake } = &mut self.list[at] else { return None };
        let kind = *kind;
        hand.wakes();
        *awake = false;
        let polled = hand.poll();
        let ready = polled.is_ready();
        if let Poll::Ready(guard) = polled {
            self.list[at] = State::Holds(guard);
        }
        Some((kind, ready))
    }

    fn holds(&self, at: usize, kind: Kind) -> bool {
        matches!(&self.list[at], State::Holds(guard) if guard.kind() == kind)
    }

    /// Turns the guard that `at` holds into something else.
    fn turn(&mut self, at: usize, into: impl FnOnce(Guard<'a>) -> State<'a>) {
        self.list[at] = match std::mem::replace(&mut self.list[at], State::Gone) {
            State::Holds(guard) => into(guard),
            other => other,
        };
    }

    fn upgrade(&mut self, at: usize) {
        self.turn(at, |guard| {
            let Guard::Upgradable(guard) = guard else { return State::Holds(guard) };
            let future: Waits<'a> =
                Box::pin(async { Guard::Write(RwLockUpgradableReadGuard::upgrade(guard).await) });
            State::Waits { hand: Hand::new(future), kind: Kind::Upgrade, awake: true }
        });
    }

    fn try_upgrade(&mut self, at: usize) -> bool {
        self.turn(at, |guard| {
            let Guard::Upgradable(guard) = guard else { return State::Holds(guard) };
            State::Holds(match RwLockUpgradableReadGuard::try_upgrade(guard) {
                Ok(guard) => Guard::Write(guard),
                Err(guard) => Guard::Upgradable(guard),
            })
        });
        self.holds(at, Kind::Write)
    }

    fn downgrade(&mut self, at: usize) {
        self.turn(at, |guard| {
            State::Holds(match guard {
                Guard::Upgradable(guard) => Guard::Read(RwLockUpgradableReadGuard::downgrade(guard)),
                Guard::Write(guard) => Guard::Read(RwLockWriteGuard::downgrade(guard)),
                Guard::Read(_) => guard,
            })
        });
    }

    fn downgrade_to_upgradable(&mut self, at: usize) {
        self.turn(at, |guard| {
            let Guard::Write(guard) = guard else { return State::Holds(guard) };
            State::Holds(Guard::Upgradable(RwLockWriteGuard::downgrade_to_upgradable(guard)))
        });
    }

    /// Notes who was woken.
    fn listen(&mut self) {
        for state in &mut self.list {
            if let State::Waits { hand, awake, .. } = state {
                *awake |= hand.wakes() > 0;
            }
        }
    }

    fn is_awake(&self, at: usize) -> bool {
        matches!(self.list[at], State::Waits { awake: true, .. })
    }
}

/// What the lock should do: those who hold it, who were promised it, and who stand in line, as plain lists.
#[derive(Default)]
struct Model {
    held: Vec<(usize, Kind)>,
    promised: Vec<(usize, Kind)>,
    line: VecDeque<(usize, Kind)>,
    /// How often the value was written.
    written: u32,
}

impl Model {
    fn fits(&self, who: usize, kind: Kind) -> bool {
        let others = || {
            let all = self.held.iter().chain(&self.promised);
            all.filter(|(other, _)| *other != who).map(|(_, kind)| *kind)
        };
        match kind {
            Kind::Read => others().all(|other| matches!(other, Kind::Read | Kind::Upgradable)),
            Kind::Upgradable => others().all(|other| other == Kind::Read),
            Kind::Write | Kind::Upgrade => others().next().is_none(),
        }
    }

    fn hold(&mut self, who: usize, kind: Kind) {
        self.held.retain(|(other, _)| *other != who);
        self.held.push((who, if kind == Kind::Upgrade { Kind::Write } else { kind }));
    }

    /// Whether one that does not wait gets it.
    fn tries(&mut self, who: usize, kind: Kind) -> bool {
        let gets = (self.line.is_empty() || kind == Kind::Upgrade) && self.fits(who, kind);
        if gets {
            self.hold(who, kind);
        }
        gets
    }

    fn poll(&mut self, who: usize, kind: Kind) -> bool {
        if let Some(at) = self.promised.iter().position(|(other, _)| *other == who) {
            self.promised.remove(at);
            self.hold(who, kind);
            return true;
        }
        if self.line.iter().any(|(other, _)| *other == who) {
            return false;
        }
        let gets = self.tries(who, kind);
        if !gets {
            let at = if kind == Kind::Upgrade { 0 } else { self.line.len() };
            self.line.insert(at, (who, kind));
        }
        gets
    }

    fn serve(&mut self) {
        while let Some(&(who, kind)) = self.line.front()
            && self.fits(who, kind)
        {
            self.line.pop_front();
            self.promised.push((who, kind));
        }
    }

    fn leaves(&mut self, who: usize) {
        self.held.retain(|(other, _)| *other != who);
        self.promised.retain(|(other, _)| *other != who);
        self.line.retain(|(other, _)| *other != who);
        self.serve();
    }

    fn becomes(&mut self, who: usize, kind: Kind) {
        self.hold(who, kind);
        self.serve();
    }

    fn holders(&self, kind: Kind) -> usize {
        self.held.iter().filter(|(_, other)| *other == kind).count()
    }
}

/// Does one thing to both.
fn step(people: &mut People<'_>, model: &mut Model, op: Op) {
    let count = people.list.len();
    match op {
        Op::Start(kind) => people.start(kind),
        Op::Try(kind) => assert_eq!(people.try_once(kind), model.tries(count, kind)),
        _ if count == 0 => {}
        Op::Poll(at) => {
            if let Some((kind, ready)) = people.poll(at % count) {
                assert_eq!(ready, model.poll(at % count, kind));
            }
        }
        Op::Drop(at) => {
            people.list[at % count] = State::Gone;
            model.leaves(at % count);
        }
        Op::Upgrade(at) => people.upgrade(at % count),
        Op::TryUpgrade(at) => {
            if people.holds(at % count, Kind::Upgradable) {
                assert_eq!(people.try_upgrade(at % count), model.tries(at % count, Kind::Upgrade));
            }
        }
        Op::Downgrade(at) => {
            if matches!(people.list[at % count], State::Holds(_)) {
                people.downgrade(at % count);
                model.becomes(at % count, Kind::Read);
            }
        }
        Op::DowngradeToUpgradable(at) => {
            if people.holds(at % count, Kind::Write) {
                people.downgrade_to_upgradable(at % count);
                model.becomes(at % count, Kind::Upgradable);
            }
        }
    }
    people.listen();
}

/// Compares the two, and writes where that is allowed.
fn check(people: &mut People<'_>, model: &mut Model) {
    let seen = people.lock.statistics();
    assert_eq!(seen.readers, model.holders(Kind::Read));
    assert_eq!(seen.upgradable, model.holders(Kind::Upgradable) == 1);
    assert_eq!(seen.writer.is_some(), model.holders(Kind::Write) == 1);
    assert_eq!(seen.waiters, model.line.len());
    for (who, _) in &model.promised {
        assert!(people.is_awake(*who), "its turn has come, and it sleeps");
    }
    for state in &mut people.list {
        match state {
            State::Holds(Guard::Write(guard)) => {
                assert_eq!(**guard, model.written);
                **guard += 1;
                model.written += 1;
            }
            State::Holds(Guard::Read(guard)) => assert_eq!(**guard, model.written),
            State::Holds(Guard::Upgradable(guard)) => assert_eq!(**guard, model.written),
            State::Waits { .. } | State::Gone => {}
        }
    }
}

/// Whoever holds the lock leaves, and of those who wait all but the abandoned, a bit for each, are polled when they are woken.
fn the_others_get_through(people: &mut People<'_>, clock: &held::Hold, abandoned: u64) {
    let lives = |at: &usize| abandoned >> at & 1 == 0;
    for at in 0..people.list.len() {
        // An upgrade that is abandoned holds the right to read, and keeps it.
        let upgrade = matches!(people.list[at], State::Waits { kind: Kind::Upgrade, .. });
        if matches!(people.list[at], State::Holds(_)) || (upgrade && !lives(&at)) {
            people.list[at] = State::Gone;
        }
    }
    let mut rounds = 0;
    while (0..people.list.len()).any(|at| lives(&at) && !matches!(people.list[at], State::Gone)) {
        people.listen();
        for at in (0..people.list.len()).filter(lives) {
            if people.is_awake(at) && people.poll(at).is_some_and(|(_, ready)| ready) {
                people.list[at] = State::Gone;
            }
            people.listen();
        }
        clock.pass(OVERDUE_US);
        rounds += 1;
        assert!(rounds < 200, "those who wait sleep, and nobody holds the lock");
    }
    people.list.clear();
    assert!(people.lock.try_write().is_some());
    assert_eq!(people.lock.statistics().waiters, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_the_model_does(ops in ops()) {
        // No time passes, so no turn is taken back.
        let _clock = held::hold();
        let lock = RwLock::new(0);
        let mut people = People { lock: &lock, list: Vec::new() };
        let mut model = Model::default();
        for op in ops {
            step(&mut people, &mut model, op);
            check(&mut people, &mut model);
        }
    }

    #[test]
    fn nobody_is_stuck_behind_those_that_are_polled_no_more(ops in ops(), abandoned in any::<u64>(), late in any::<bool>()) {
        let clock = held::hold();
        let lock = RwLock::new(0);
        let mut people = People { lock: &lock, list: Vec::new() };
        let mut model = Model::default();
        ops.into_iter().for_each(|op| step(&mut people, &mut model, op));
        if late {
            clock.pass(OVERDUE_US);
        }
        the_others_get_through(&mut people, &clock, abandoned);
    }
}
