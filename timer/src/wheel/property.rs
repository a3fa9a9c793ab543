//! The wheel, through sleeps on a clock moved by hand, against a map sorted by when they are due
//! (wrapped slots, far deadlines, an early deadline hidden in a coarse level, cancelling beside firing).

use crate::line::{Beat, Nanos};
use crate::testing::{manual, span};
use crate::{Clock, Sleep, Timer, sleep_until};
use proptest::collection::vec;
use proptest::prelude::*;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

#[derive(Clone, Debug)]
enum Op {
    /// A sleep of so long, with so much slack, polled at once.
    Start(Duration, Duration),
    /// Of a sleep, by index.
    Poll(usize),
    Cancel(usize),
    Reset(usize, Duration),
    ResetPast(usize, Duration),
    Slacken(usize, Duration),
    Advance(Duration),
    /// To the next that is due, less or more by a nanosecond.
    AdvanceToNext(i8),
}

fn slack() -> impl Strategy<Value = Duration> {
    prop_oneof![3 => Just(Duration::ZERO), 1 => span()]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (span(), slack()).prop_map(|(after, slack)| Op::Start(after, slack)),
        3 => any::<usize>().prop_map(Op::Poll),
        3 => any::<usize>().prop_map(Op::Cancel),
        5 => (any::<usize>(), span()).prop_map(|(index, after)| Op::Reset(index, after)),
        1 => (any::<usize>(), span()).prop_map(|(index, before)| Op::ResetPast(index, before)),
        3 => (any::<usize>(), slack()).prop_map(|(index, slack)| Op::Slacken(index, slack)),
        2 => (0..1_u64 << 40).prop_map(|nanos| Op::Advance(Duration::from_nanos(nanos))),
        1 => (0..=1_u64 << 56).prop_map(|nanos| Op::Advance(Duration::from_nanos(nanos))),
        8 => (-1..=1_i8).prop_map(Op::AdvanceToNext),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Linked,
    Fired,
}

struct Case {
    sleep: Pin<Box<Sleep>>,
    deadline: Nanos,
    beat: Beat,
    state: State,
    /// The deadline was moved to later while the wheel might have fired: a firing is believed only once the clock agrees.
    moved: bool,
}

impl Case {
    fn due(&self) -> Nanos {
        self.deadline.at_beat(self.beat)
    }

    fn is_elapsed(&self, now: Nanos) -> bool {
        (self.state == State::Fired && !self.moved) || self.due() <= now
    }
}

/// The ids of those who were woken, in that order.
type Log = Arc<Mutex<Vec<usize>>>;

struct Logged(usize, Log);

impl Wake for Logged {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

struct World {
    clock: Clock,
    timer: Timer,
    cases: Vec<Option<Case>>,
    log: Log,
}

impl World {
    fn now(&self) -> Nanos {
        Nanos::from(self.clock.now())
    }

    /// The sleep of an index, and its id.
    fn case(&mut self, index: usize) -> Option<(usize, &mut Case)> {
        let id = index.checked_rem(self.cases.len())?;
        self.cases[id].as_mut().map(|case| (id, case))
    }

    fn poll(&mut self, id: usize) {
        let now = self.now();
        let waker = Waker::from(Arc::new(Logged(id, self.log.clone())));
        let Some(case) = &mut self.cases[id] else { return };
        let polled = case.sleep.as_mut().poll(&mut Context::from_waker(&waker));
        if case.state != State::Linked {
            case.state = if case.is_elapsed(now) { State::Fired } else { State::Linked };
            case.moved = false;
        }
        let expected = if case.state == State::Fired { Poll::Ready(()) } else { Poll::Pending };
        assert_eq!(polled, expected);
    }

    /// A sleep was moved: one that is linked and due now is woken at once, alone.
    fn moved(&mut self, id: usize) {
        let now = self.now();
        let woken = std::mem::take(&mut *self.log.lock().unwrap());
        let case = self.cases[id].as_mut().expect("it was moved just now");
        let fires = case.state == State::Linked && case.due() <= now;
        if fires {
            case.state = State::Fired;
        }
        assert_eq!(woken, if fires { vec![id] } else { vec![] });
    }

    fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        let now = self.now();
        let woken = std::mem::take(&mut *self.log.lock().unwrap());
        let mut last = Nanos::MIN;
        for id in woken {
            let case = self.cases[id].as_mut().expect("a cancelled sleep was woken");
            assert_eq!(case.state, State::Linked, "woken twice");
            assert!(last <= case.due() && case.due() <= now, "early, or out of order");
            last = case.due();
            case.state = State::Fired;
        }
        for case in self.cases.iter().flatten() {
            assert!(case.state != State::Linked || case.due() > now, "overslept");
        }
    }

    fn reset(&mut self, index: usize, deadline: Nanos) {
        let Some((id, case)) = self.case(index) else { return };
        case.sleep.as_mut().reset(deadline.to_instant());
        if deadline != case.deadline || case.state != State::Linked {
            case.moved = case.state == State::Linked && deadline > case.deadline;
        }
        case.deadline = deadline;
        if case.state == State::Fired {
            case.state = State::Idle;
        }
        self.moved(id);
    }

    fn first(&self) -> Option<Nanos> {
        self.cases.iter().flatten().filter(|case| case.state == State::Linked).map(Case::due).min()
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Start(after, slack) => {
                let deadline = self.now().saturating_add(after);
                let sleep = Box::pin(sleep_until(deadline.to_instant()).with_slack(slack));
                let beat = Beat::within(slack);
                self.cases.push(Some(Case { sleep, deadline, beat, state: State::Idle, moved: false }));
                self.poll(self.cases.len() - 1);
            }
            Op::Poll(index) => {
                if let Some((id, _)) = self.case(index) {
                    self.poll(id);
                }
            }
            Op::Cancel(index) => {
                if let Some((id, _)) = self.case(index) {
                    self.cases[id] = None;
                }
            }
            Op::Reset(index, after) => self.reset(index, self.now().saturating_add(after)),
            Op::ResetPast(index, before) => {
                if let Some(deadline) = self.clock.now().checked_sub(before) {
                    self.reset(index, Nanos::from(deadline));
                }
            }
            Op::Slacken(index, slack) => {
                let Some((id, case)) = self.case(index) else { return };
                case.sleep.as_mut().set_slack(slack);
                case.beat = Beat::within(slack);
                case.moved &= case.state != State::Linked;
                self.moved(id);
            }
            Op::Advance(by) => self.advance(by),
            Op::AdvanceToNext(off) => {
                let Some(first) = self.first() else { return };
                let until = first.saturating_since(self.now()).as_nanos();
                self.advance(Duration::from_nanos_u128(until.saturating_add_signed(off.into())));
            }
        }
    }

    fn check(&self) {
        let linked = self.cases.iter().flatten().filter(|case| case.state == State::Linked).count();
        assert_eq!(self.timer.len(), linked);
        let next = self.timer.next_deadline();
        match self.first() {
            None => assert_eq!(next, None),
            // It may be too early after a deadline was moved or cancelled, never too late.
            Some(first) => assert!(next.is_some_and(|next: Instant| next <= first.to_instant()), "{next:?}"),
        }
        for case in self.cases.iter().flatten() {
            assert_eq!(Nanos::from(case.sleep.deadline()), case.deadline);
            assert_eq!(case.sleep.is_elapsed(), case.is_elapsed(self.now()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 160 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn it_is_a_sorted_map(ops in vec(op(), 1..80)) {
        let (clock, timer, _context) = manual();
        let mut world = World { clock, timer, cases: Vec::new(), log: Log::default() };
        for op in ops {
            world.apply(op);
            world.check();
        }
        // To the end of time: whoever waits is woken.
        world.advance(Duration::MAX);
        assert!(world.timer.is_empty());
    }
}
