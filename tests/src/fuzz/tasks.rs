//! The task cell and the heap it lies in: tasks of one thread, woken, aborted, joined and let go in any
//! order, with wakers that outlive them, against what each must have come to.

use super::bell::Bell;
use super::bytes::Bytes;
use crate::{Counted, Tally};
use filch::{JoinHandle, Runtime, spawn_local, yield_now};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

const TASKS_MAX: usize = 64;
const KEPT_MAX: usize = 32;
/// Rounds of the runtime within which everything that can go on has.
const ROUNDS_MAX: usize = 10_000;

/// What a task and its books share.
#[derive(Default)]
struct Gate {
    is_open: bool,
    polls: usize,
    waker: Option<Waker>,
    is_dropped: bool,
}

/// Waits until its gate is open. `SIZE` and the alignment choose where it lies.
struct Wait<B> {
    gate: Rc<RefCell<Gate>>,
    output: Option<Counted>,
    body: B,
}

// Nothing in it is pinned.
impl<B> Unpin for Wait<B> {}

impl<B: Body> Future for Wait<B> {
    type Output = Counted;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Counted> {
        assert!(self.body.is_whole(), "a future was moved, or written over");
        let mut gate = self.gate.borrow_mut();
        gate.polls += 1;
        if !gate.is_open {
            let before = gate.waker.replace(cx.waker().clone());
            drop(gate);
            drop(before);
            return Poll::Pending;
        }
        drop(gate);
        Poll::Ready(self.output.take().expect("polled once when it is ready"))
    }
}

impl<B> Drop for Wait<B> {
    fn drop(&mut self) {
        let mut gate = self.gate.borrow_mut();
        assert!(!std::mem::replace(&mut gate.is_dropped, true), "a future was dropped twice");
    }
}

/// What makes a future large, and tells when something else was written there.
trait Body: 'static {
    fn new() -> Self;
    fn is_whole(&self) -> bool;
}

impl<const SIZE: usize> Body for [u8; SIZE] {
    fn new() -> Self {
        [0xA5; SIZE]
    }

    fn is_whole(&self) -> bool {
        self.iter().all(|&byte| byte == 0xA5)
    }
}

#[repr(align(128))]
struct Aligned([u8; 200]);

impl Body for Aligned {
    fn new() -> Self {
        Self(Body::new())
    }

    fn is_whole(&self) -> bool {
        std::ptr::from_ref(self).addr().is_multiple_of(128) && self.0.is_whole()
    }
}

struct Case {
    gate: Rc<RefCell<Gate>>,
    /// Nothing once it was let go, or has given its output.
    handle: Option<JoinHandle<Counted>>,
    bell: Bell,
    waits: bool,
    /// Somebody has asked for a poll since the last one; so did the spawn.
    is_woken: bool,
    is_aborted: bool,
    polls: usize,
    is_over: bool,
}

struct World {
    runtime: &'static Runtime,
    cases: Vec<Case>,
    /// Wakers that somebody keeps, and whose task they are of.
    kept: Vec<(Waker, Rc<RefCell<Gate>>)>,
    tally: Tally,
}

pub(super) fn run(data: &[u8]) {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let build = || Runtime::builder().worker_threads(1).thread_name("fuzz").build().expect("a runtime");
    let tally = Tally::new();
    let mut world = World {
        runtime: RUNTIME.get_or_init(build),
        cases: Vec::new(),
        kept: Vec::new(),
        tally: tally.clone(),
    };
    let mut bytes = Bytes::new(data);
    while let Some(operation) = bytes.operation(12) {
        world.operate(operation, &mut bytes);
    }
    world.end();
    assert_eq!(tally.alive(), 0, "an output was neither taken nor dropped");
}

impl World {
    fn operate(&mut self, operation: usize, bytes: &mut Bytes<'_>) {
        if operation <= 1 {
            return self.spawn(bytes.below(6));
        }
        if operation == 2 {
            return self.settle();
        }
        let at = bytes.below(256);
        if operation == 3 {
            return self.use_kept(at, bytes.below(4));
        }
        let Some(len) = self.cases.len().checked_sub(1) else { return };
        let case = &mut self.cases[at % (len + 1)];
        match operation {
            4 | 5 => {
                case.gate.borrow_mut().is_open = true;
                wake(case);
            }
            6 => wake(case),
            7 => {
                let waker = case.gate.borrow().waker.clone();
                if let Some(waker) = waker.filter(|_| self.kept.len() < KEPT_MAX) {
                    self.kept.push((waker, case.gate.clone()));
                }
            }
            8 => {
                if let Some(handle) = &case.handle {
                    handle.abort();
                    case.is_aborted |= !case.is_over;
                }
            }
            9 => case.poll_handle(),
            10 => {
                (case.handle, case.waits) = (None, false);
            }
            _ => {
                if let Some(handle) = &case.handle {
                    assert_eq!(handle.is_finished(), case.is_over);
                }
            }
        }
    }

    fn spawn(&mut self, kind: usize) {
        if self.cases.len() == TASKS_MAX {
            return;
        }
        let gate = Rc::<RefCell<Gate>>::default();
        let handle = match kind {
            0 => self.spawn_with::<[u8; 0]>(&gate),
            1 => self.spawn_with::<[u8; 60]>(&gate),
            2 => self.spawn_with::<[u8; 300]>(&gate),
            3 => self.spawn_with::<[u8; 2000]>(&gate),
            4 => self.spawn_with::<[u8; 20_000]>(&gate),
            _ => self.spawn_with::<Aligned>(&gate),
        };
        self.cases.push(Case {
            gate,
            handle: Some(handle),
            bell: Bell::default(),
            waits: false,
            is_woken: true,
            is_aborted: false,
            polls: 0,
            is_over: false,
        });
    }

    fn spawn_with<B: Body>(&self, gate: &Rc<RefCell<Gate>>) -> JoinHandle<Counted> {
        let wait = Wait { gate: gate.clone(), output: Some(self.tally.value()), body: B::new() };
        // From inside or from outside of the runtime: a task of this thread either way.
        if self.cases.len().is_multiple_of(2) {
            return spawn_local(wait);
        }
        let mut wait = Some(wait);
        let spawn = |_: &mut Context<'_>| Poll::Ready(wait.take().map(spawn_local));
        self.runtime.block_on(poll_fn(spawn)).expect("polled once")
    }

    fn use_kept(&mut self, at: usize, how: usize) {
        let Some(len) = self.kept.len().checked_sub(1) else { return };
        let (waker, gate) = self.kept.swap_remove(at % (len + 1));
        if how < 2 {
            let case = self.cases.iter_mut().find(|case| Rc::ptr_eq(&case.gate, &gate));
            // Of a task that is over, and forgotten here, it does nothing.
            if let Some(case) = case {
                case.is_woken = true;
            }
            if how == 0 {
                waker.wake();
            } else {
                waker.wake_by_ref();
            }
        }
    }

    /// Lets the runtime go on until all has happened that must, and sees that nothing else has.
    fn settle(&mut self) {
        for case in &mut self.cases {
            if case.is_over {
                continue;
            }
            let is_open = case.gate.borrow().is_open;
            if case.is_aborted {
                case.is_over = true;
            } else if case.is_woken {
                case.polls += 1;
                case.is_over = is_open;
            }
            case.is_woken = false;
        }
        let mut rounds = 0;
        while !self.cases.iter().all(Case::has_come) {
            assert!(rounds < ROUNDS_MAX, "a task that can go on does not");
            rounds += 1;
            self.runtime.block_on(yield_now());
        }
        // And once more, for what should not happen.
        self.runtime.block_on(yield_now());
        self.cases.iter().for_each(Case::check);
        self.cases.retain(|case| !case.is_over || case.handle.is_some());
    }

    fn end(mut self) {
        self.settle();
        for case in &mut self.cases {
            case.gate.borrow_mut().is_open = true;
            wake(case);
            (case.handle, case.waits) = (None, false);
        }
        self.kept.clear();
        self.settle();
        assert!(self.cases.is_empty(), "a task that was let go is not over");
    }
}

/// Asks for a poll, as the task's last poll has left a waker to do.
fn wake(case: &mut Case) {
    let waker = case.gate.borrow_mut().waker.take();
    if let Some(waker) = waker {
        waker.wake();
        case.is_woken = true;
    }
}

impl Case {
    fn poll_handle(&mut self) {
        let Some(handle) = &mut self.handle else { return };
        self.bell.silence();
        let polled = Pin::new(handle).poll(&mut Context::from_waker(&self.bell.waker()));
        assert_eq!(polled.is_ready(), self.is_over);
        self.waits = polled.is_pending();
        if let Poll::Ready(result) = polled {
            assert_eq!(result.is_ok(), !self.is_aborted);
            self.handle = None;
        }
    }

    /// Whether it has come to where it must.
    fn has_come(&self) -> bool {
        let gate = self.gate.borrow();
        gate.polls >= self.polls && gate.is_dropped == self.is_over
    }

    fn check(&self) {
        let gate = self.gate.borrow();
        assert_eq!(gate.polls, self.polls, "polls that nobody asked for");
        assert_eq!(gate.is_dropped, self.is_over);
        assert_eq!(
            self.waits && self.is_over,
            self.waits && self.bell.has_rung(),
            "a joiner that does not know"
        );
    }
}
