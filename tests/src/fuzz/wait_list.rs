//! The wait list under every primitive, against a vector of those who wait.

use super::bell::Bell;
use super::bytes::Bytes;
use filch_primitive::wait_list::{Locked, Phase, Step, Tag, WaitQueue, Waiter};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

const WAITERS: usize = 8;

struct Case<'q> {
    waiter: Pin<Box<Waiter<'q, u32>>>,
    phase: Phase,
    tag: Tag,
    /// Two, to take turns with.
    bells: [Bell; 2],
    /// Which of them the list has, if any.
    held: Option<usize>,
}

impl<'q> Case<'q> {
    fn new(queue: &'q WaitQueue<u32>) -> Self {
        let waiter = Box::pin(Waiter::new(queue));
        Self { waiter, phase: Phase::Idle, tag: Tag::NONE, bells: Default::default(), held: None }
    }

    /// The list gives this waker out, or none, and has it no more.
    fn gives_out(&mut self, waker: Option<Waker>) {
        assert_eq!(waker.is_some(), self.held.is_some());
        if let (Some(waker), Some(held)) = (waker, self.held.take()) {
            self.bells[held].silence();
            waker.wake();
            assert!(self.bells[held].has_rung(), "another waiter's waker");
        }
    }
}

struct World<'q> {
    queue: &'q WaitQueue<u32>,
    cases: Vec<Case<'q>>,
    /// Who is in the list, from the front.
    line: Vec<usize>,
}

pub(super) fn run(data: &[u8]) {
    let queue = WaitQueue::new(0);
    let cases = (0..WAITERS).map(|_| Case::new(&queue)).collect();
    let mut world = World { queue: &queue, cases, line: Vec::new() };
    let mut bytes = Bytes::new(data);
    while let Some(operation) = bytes.operation(9) {
        match operation {
            0..=2 => world.poll(&mut bytes),
            3 => world.notify_front(bytes.below(256) as u32),
            4 => world.wake_in_place(&mut bytes),
            5 => world.strike(&mut bytes),
            6 => world.leave(bytes.below(WAITERS)),
            7 => world.renew(bytes.below(WAITERS)),
            _ => world.change_state(),
        }
        world.check();
    }
    world.end();
}

fn tag(bytes: &mut Bytes<'_>) -> Tag {
    Tag { number: bytes.number(64), since: bytes.below(256) as u64, place: None }
}

impl<'q> World<'q> {
    fn poll(&mut self, bytes: &mut Bytes<'_>) {
        let (n, front, tag, bell) = (bytes.below(WAITERS), bytes.flag(), tag(bytes), bytes.below(2));
        let case = &mut self.cases[n];
        let waker = case.bells[bell].waker();
        let look = |mut waiter: Pin<&mut Waiter<'q, u32>>, locked: &mut Locked<'q, u32>| match waiter
            .as_mut()
            .look(locked)
            .0
        {
            Phase::Notified(token) => {
                waiter.leave_locked(locked);
                Step::Done(token)
            }
            _ => Step::Wait { front, tag },
        };
        let polled = case.waiter.as_mut().poll_wait(&mut Context::from_waker(&waker), look);
        if let Phase::Notified(token) = case.phase {
            assert_eq!(polled, Poll::Ready(token));
            case.phase = Phase::Idle;
            return;
        }
        assert_eq!(polled, Poll::Pending);
        if case.phase == Phase::Idle {
            self.line.insert(if front { 0 } else { self.line.len() }, n);
        }
        (case.phase, case.tag, case.held) = (Phase::Waiting, tag, Some(bell));
    }

    fn notify_front(&mut self, token: u32) {
        let waker = self.queue.lock().notify_front(token);
        if self.line.is_empty() {
            return assert!(waker.is_none());
        }
        let case = &mut self.cases[self.line.remove(0)];
        case.phase = Phase::Notified(token);
        case.gives_out(waker);
    }

    fn wake_in_place(&mut self, bytes: &mut Bytes<'_>) {
        let (at, tag, from_back) = (bytes.below(self.line.len()), tag(bytes), bytes.below(4) == 3);
        let mut locked = self.queue.lock();
        let (at, mut cursor) = if from_back {
            (self.line.len().wrapping_sub(1), locked.cursor_at_back())
        } else {
            (at, locked.cursor())
        };
        if !from_back {
            (0..at).for_each(|_| cursor.advance());
        }
        let waker = cursor.wake_in_place(tag);
        let next = self.line.get(at.wrapping_add(1)).map(|&next| self.cases[next].waiter.id());
        assert_eq!(cursor.id(), next, "the walk goes on behind the one that was woken");
        drop(locked);
        let Some(&n) = self.line.get(at) else { return assert!(waker.is_none()) };
        let case = &mut self.cases[n];
        (case.phase, case.tag) = (Phase::Woken, tag);
        case.gives_out(waker);
    }

    fn strike(&mut self, bytes: &mut Bytes<'_>) {
        let at = bytes.below(self.line.len());
        let mut locked = self.queue.lock();
        let mut cursor = locked.cursor();
        (0..at).for_each(|_| cursor.advance());
        cursor.strike();
        let Some(&n) = self.line.get(at) else { return };
        if self.cases[n].phase == Phase::Woken {
            self.cases[n].phase = Phase::Idle;
            self.line.remove(at);
        }
    }

    fn leave(&mut self, n: usize) {
        let case = &mut self.cases[n];
        let phase = case.waiter.as_mut().leave_locked(&mut self.queue.lock());
        assert_eq!(phase, case.phase);
        (case.phase, case.held) = (Phase::Idle, None);
        assert!(!case.bells.iter().any(Bell::is_held), "a waker was kept");
        assert!(!case.waiter.as_mut().is_joined());
        self.line.retain(|&other| other != n);
    }

    /// Drops a waiter wherever it stands, and makes another.
    fn renew(&mut self, n: usize) {
        let bells = self.cases[n].bells.clone();
        self.cases[n] = Case::new(self.queue);
        drop(bells);
        self.line.retain(|&other| other != n);
    }

    fn change_state(&mut self) {
        let mut locked = self.queue.lock();
        *locked = locked.wrapping_add(1);
    }

    fn check(&mut self) {
        let mut locked = self.queue.lock();
        assert_eq!((locked.len(), locked.is_empty()), (self.line.len(), self.line.is_empty()));
        let front = self.line.first().map(|&n| &self.cases[n]);
        assert_eq!(locked.front(), front.map(|case| case.tag));
        assert_eq!(locked.front_id(), front.map(|case| case.waiter.id()));
        let mut cursor = locked.cursor();
        for &n in &self.line {
            let case = &self.cases[n];
            assert_eq!(cursor.id(), Some(case.waiter.id()));
            assert_eq!(cursor.current(), Some((case.phase, case.tag)));
            cursor.advance();
        }
        assert_eq!(cursor.id(), None);
        let mut back = locked.cursor_at_back();
        assert_eq!(back.id(), self.line.last().map(|&n| self.cases[n].waiter.id()));
        back.advance();
        assert_eq!(back.id(), None);
        for case in &mut self.cases {
            assert_eq!(case.waiter.as_mut().look(&locked).0, case.phase);
            let held = case.bells.each_ref().map(Bell::is_held);
            let expected = [0, 1].map(|bell| case.held == Some(bell));
            assert_eq!(held, expected, "the list has a waker that it should not have, or lost one");
        }
    }

    fn end(self) {
        let bells: Vec<_> = self.cases.iter().map(|case| case.bells.clone()).collect();
        drop(self.cases);
        drop(bells);
        assert!(self.queue.lock().is_empty(), "one that was dropped is in the list");
    }
}
