//! Semaphores, whose futures are polled in any order and dropped at any time, against a line and a number.

use super::bell::Bell;
use super::bytes::Bytes;
use filch::sync::{Acquire, Semaphore, SemaphorePermit, TryAcquireError};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

const PERMITS_MAX: usize = 5;
const FUTURES_MAX: usize = 8;
const HELD_MAX: usize = 8;

/// Permits are kept at least so long for one that was told of them.
const GRACE: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Never polled.
    New,
    /// In the line.
    Waits,
    /// Out of it: with its permits, or with a refusal.
    Told(bool),
}

struct Case<'s> {
    id: usize,
    future: Pin<Box<Acquire<'s>>>,
    count: usize,
    state: State,
    bell: Bell,
}

struct World<'s> {
    semaphore: &'s Semaphore,
    begun: Instant,
    free: usize,
    is_closed: bool,
    made: usize,
    cases: Vec<Case<'s>>,
    /// Who is in line, by name.
    line: Vec<usize>,
    held: Vec<SemaphorePermit<'s>>,
}

pub(super) fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let free = bytes.below(PERMITS_MAX + 1);
    let semaphore = Semaphore::new(free);
    let mut world = World {
        semaphore: &semaphore,
        begun: Instant::now(),
        free,
        is_closed: false,
        made: 0,
        cases: Vec::new(),
        line: Vec::new(),
        held: Vec::new(),
    };
    while !world.is_late()
        && let Some(operation) = bytes.operation(12)
    {
        world.operate(operation, &mut bytes);
        world.check();
    }
}

impl<'s> World<'s> {
    /// On a machine that was busy elsewhere: permits kept for one that does not come may have gone to the next, and nothing that
    /// was just seen can be relied on. To be asked after looking, and before judging.
    fn is_late(&self) -> bool {
        self.begun.elapsed() >= GRACE
    }

    fn operate(&mut self, operation: usize, bytes: &mut Bytes<'_>) {
        let at = bytes.below(256);
        match operation {
            0 | 1 if self.cases.len() < FUTURES_MAX => {
                let count = bytes.below(PERMITS_MAX + 1);
                let future = Box::pin(self.semaphore.acquire_many(count));
                self.made += 1;
                self.cases.push(Case {
                    id: self.made,
                    future,
                    count,
                    state: State::New,
                    bell: Bell::default(),
                });
            }
            2..=4 if !self.cases.is_empty() => self.poll(at % self.cases.len()),
            5 if !self.cases.is_empty() => self.cancel(at % self.cases.len()),
            6 | 7 if !self.held.is_empty() => {
                let permit = self.held.swap_remove(at % self.held.len());
                let count = permit.count();
                drop(permit);
                self.release(count);
            }
            8 if !self.held.is_empty() => self.held.swap_remove(at % self.held.len()).forget(),
            9 if !self.held.is_empty() && self.held.len() < HELD_MAX => {
                self.split(at % self.held.len(), bytes);
            }
            10 => self.try_acquire(bytes.below(PERMITS_MAX + 1)),
            11 if bytes.below(8) == 0 => self.close(),
            11 => {
                let count = bytes.below(PERMITS_MAX);
                self.semaphore.add_permits(count);
                self.release(count);
            }
            _ => {}
        }
    }

    fn poll(&mut self, at: usize) {
        let case = &mut self.cases[at];
        case.bell.silence();
        let polled = case.future.as_mut().poll(&mut Context::from_waker(&case.bell.waker()));
        if self.begun.elapsed() >= GRACE {
            return;
        }
        let expected = match case.state {
            State::Told(granted) => Poll::Ready(granted),
            State::Waits => Poll::Pending,
            State::New if self.is_closed => Poll::Ready(false),
            State::New if self.line.is_empty() && case.count <= self.free => {
                self.free -= case.count;
                Poll::Ready(true)
            }
            State::New => {
                case.state = State::Waits;
                self.line.push(case.id);
                Poll::Pending
            }
        };
        match polled {
            Poll::Ready(Ok(permit)) => {
                assert_eq!((expected, permit.count()), (Poll::Ready(true), case.count));
                self.held.push(permit);
            }
            Poll::Ready(Err(_closed)) => assert_eq!(expected, Poll::Ready(false)),
            Poll::Pending => assert_eq!(expected, Poll::Pending),
        }
        if expected.is_ready() {
            self.cases.swap_remove(at);
        }
    }

    fn cancel(&mut self, at: usize) {
        let case = self.cases.swap_remove(at);
        let (id, count, state) = (case.id, case.count, case.state);
        drop(case);
        match state {
            State::Told(true) => self.release(count),
            State::Waits => {
                self.line.retain(|&other| other != id);
                self.serve();
            }
            State::New | State::Told(false) => {}
        }
    }

    fn split(&mut self, at: usize, bytes: &mut Bytes<'_>) {
        let count = bytes.below(PERMITS_MAX + 1);
        let whole = self.held[at].count();
        match self.held[at].split(count) {
            Some(part) => {
                assert_eq!((part.count(), self.held[at].count() + count), (count, whole));
                self.held.push(part);
            }
            None => assert!(count > whole),
        }
    }

    fn try_acquire(&mut self, count: usize) {
        let is_free = self.line.is_empty() && count <= self.free;
        let acquired = self.semaphore.try_acquire_many(count);
        if self.is_late() {
            return;
        }
        match acquired {
            Ok(permit) => {
                assert!(is_free && !self.is_closed);
                self.free -= count;
                self.held.push(permit);
            }
            Err(TryAcquireError::Closed) => assert!(self.is_closed),
            Err(TryAcquireError::NoPermits) => assert!(!is_free && !self.is_closed),
        }
    }

    fn close(&mut self) {
        self.semaphore.close();
        self.is_closed = true;
        self.line.clear();
        for case in self.cases.iter_mut().filter(|case| case.state == State::Waits) {
            case.state = State::Told(false);
        }
    }

    fn release(&mut self, count: usize) {
        self.free += count;
        self.serve();
    }

    /// Permits go to whoever is first in line, as far as they go.
    fn serve(&mut self) {
        while let Some(&first) = self.line.first() {
            let case = self.cases.iter_mut().find(|case| case.id == first).expect("who is in line is there");
            if case.count > self.free {
                return;
            }
            self.free -= case.count;
            case.state = State::Told(true);
            self.line.remove(0);
        }
    }

    fn check(&self) {
        let (free, is_closed) = (self.semaphore.available_permits(), self.semaphore.is_closed());
        let rings: Vec<_> = self.cases.iter().map(|case| case.bell.rings()).collect();
        if self.is_late() {
            return;
        }
        assert_eq!((free, is_closed), (self.free, self.is_closed));
        for (case, rings) in self.cases.iter().zip(rings) {
            match case.state {
                State::New => assert_eq!(rings, 0, "nobody knows it yet"),
                // It may have been asked to watch.
                State::Waits => assert!(rings <= 1, "it was called {rings} times, and for nothing"),
                State::Told(_) => assert!(rings >= 1, "it was told, and not called"),
            }
        }
    }
}
