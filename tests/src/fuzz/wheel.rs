//! The timer wheel, through sleeps on a clock moved by hand, against a list of deadlines.

use super::bytes::Bytes;
use filch_timer::{Clock, Sleep, Timer, enter, sleep, sleep_until};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

const SLEEPS_MAX: usize = 48;
/// The clock stays within so many bits of nanoseconds, which is 146 years, and deadlines within twice as
/// much.
const REACH_BITS: u32 = 62;

/// The sleeps that were woken, in the order in which they were, each with the poll that left the waker.
type Log = Arc<Mutex<Vec<(usize, usize)>>>;

struct Logged {
    id: usize,
    poll: usize,
    log: Log,
}

impl Wake for Logged {
    fn wake(self: Arc<Self>) {
        self.log.lock().expect("not poisoned").push((self.id, self.poll));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The wheel knows nothing of it.
    Idle,
    /// In the wheel, as the so manieth.
    Linked(usize),
    /// In the wheel, where an earlier deadline has put it.
    Moved,
    /// Its deadline came while it was in the wheel.
    Fired,
}

struct Case {
    id: usize,
    sleep: Pin<Box<Sleep>>,
    deadline: u64,
    state: State,
    polls: usize,
}

impl Case {
    fn is_linked(&self) -> bool {
        matches!(self.state, State::Linked(_) | State::Moved)
    }
}

struct World {
    clock: Clock,
    timer: Timer,
    start: Instant,
    /// Nanoseconds from the start.
    now: u64,
    filed: usize,
    named: usize,
    cases: Vec<Case>,
    log: Log,
}

pub(super) fn run(data: &[u8]) {
    let clock = Clock::manual();
    let timer = Timer::new(clock.clone());
    let _context = enter(&timer, true);
    let start = clock.now();
    let log = Log::default();
    let mut world = World { clock, timer, start, now: 0, filed: 0, named: 0, cases: Vec::new(), log };
    let mut bytes = Bytes::new(data);
    while let Some(operation) = bytes.operation(8) {
        let at = bytes.below(world.cases.len());
        match operation {
            0 | 1 if world.cases.len() < SLEEPS_MAX => world.make(&mut bytes, operation == 0),
            2 | 3 if at < world.cases.len() => world.poll(at),
            4 if at < world.cases.len() => world.reset(at, &mut bytes),
            5 if at < world.cases.len() => drop(world.cases.swap_remove(at)),
            6 | 7 => world.advance(bytes.number(REACH_BITS - 1)),
            _ => {}
        }
        world.check();
    }
    world.end();
}

impl World {
    fn instant(&self, nanos: u64) -> Instant {
        self.start + Duration::from_nanos(nanos)
    }

    fn make(&mut self, bytes: &mut Bytes<'_>, by_span: bool) {
        let number = bytes.number(REACH_BITS);
        let (sleep, deadline) = if by_span {
            (sleep(Duration::from_nanos(number)), self.now + number)
        } else {
            (sleep_until(self.instant(number)), number)
        };
        assert_eq!(sleep.deadline(), self.instant(deadline));
        self.cases.push(Case {
            id: self.named,
            sleep: Box::pin(sleep),
            deadline,
            state: State::Idle,
            polls: 0,
        });
        self.named += 1;
    }

    fn poll(&mut self, at: usize) {
        let case = &mut self.cases[at];
        // Another waker each time: the wheel must wake the last one.
        case.polls += 1;
        let waker = Waker::from(Arc::new(Logged { id: case.id, poll: case.polls, log: self.log.clone() }));
        let polled = case.sleep.as_mut().poll(&mut Context::from_waker(&waker));
        let has_come = case.deadline <= self.now;
        assert_eq!(polled, if has_come { Poll::Ready(()) } else { Poll::Pending });
        if !has_come && !case.is_linked() {
            case.state = State::Linked(self.filed);
            self.filed += 1;
        }
        assert_eq!(case.sleep.is_elapsed(), has_come);
    }

    fn reset(&mut self, at: usize, bytes: &mut Bytes<'_>) {
        let deadline = if bytes.flag() { bytes.number(REACH_BITS) } else { self.now + bytes.number(40) };
        let instant = self.instant(deadline);
        let case = &mut self.cases[at];
        case.sleep.as_mut().reset(instant);
        let before = std::mem::replace(&mut case.deadline, deadline);
        if !case.is_linked() {
            case.state = State::Idle;
        } else if deadline > before {
            case.state = State::Moved;
        } else if deadline < before && deadline <= self.now {
            // The wheel is there already: it is woken at once.
            let woken = std::mem::take(&mut *self.log.lock().expect("not poisoned"));
            assert_eq!(woken, [(case.id, case.polls)]);
            case.state = State::Fired;
        } else if deadline < before {
            case.state = State::Linked(self.filed);
            self.filed += 1;
        }
    }

    fn advance(&mut self, by: u64) {
        let by = by.min((1 << REACH_BITS) - self.now);
        self.now += by;
        self.clock.advance(Duration::from_nanos(by));
        assert_eq!(self.clock.now(), self.instant(self.now));
        let woken = std::mem::take(&mut *self.log.lock().expect("not poisoned"));
        let mut before = (0, 0);
        for (id, poll) in &woken {
            let case = self.cases.iter_mut().find(|case| case.id == *id).expect("one that is gone was woken");
            assert_eq!(*poll, case.polls, "woken by a waker that was replaced");
            assert!(case.is_linked() && case.deadline <= self.now, "woken early, or twice");
            assert!(before.0 <= case.deadline, "out of the order of deadlines");
            if let State::Linked(filed) = case.state {
                assert!(before.0 < case.deadline || before.1 <= filed, "out of the order of filing");
                before.1 = filed;
            } else if before.0 < case.deadline {
                before.1 = 0;
            }
            before.0 = case.deadline;
            case.state = State::Fired;
        }
        assert!(
            !self.cases.iter().any(|case| case.is_linked() && case.deadline <= self.now),
            "one was forgotten"
        );
    }

    fn check(&self) {
        assert!(self.log.lock().expect("not poisoned").is_empty(), "woken for nothing");
        let linked = self.cases.iter().filter(|case| case.is_linked());
        assert_eq!(self.timer.len(), linked.clone().count());
        let first = linked.map(|case| case.deadline).min();
        let next = self.timer.next_deadline();
        assert_eq!(first.is_none(), next.is_none());
        if let (Some(first), Some(next)) = (first, next) {
            assert!(next <= self.instant(first), "a driver would sleep too long");
            assert!(next > self.instant(self.now), "a driver would not sleep");
        }
        assert_eq!(self.timer.try_turn(self.clock.now()), Some(0));
    }

    /// The timer ends: whatever is in the wheel is woken, once.
    fn end(mut self) {
        self.timer.orphan();
        let mut woken = std::mem::take(&mut *self.log.lock().expect("not poisoned"));
        woken.sort_unstable();
        let linked = self.cases.iter().filter(|case| case.is_linked());
        let mut linked: Vec<_> = linked.map(|case| (case.id, case.polls)).collect();
        linked.sort_unstable();
        assert_eq!(woken, linked);
        self.cases.clear();
        assert_eq!(Arc::strong_count(&self.log), 1, "a waker was kept");
    }
}
