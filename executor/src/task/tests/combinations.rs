//! The cross product: every way a task can be polled, woken, joined, aborted, left and made to panic, combined.
//!
//! For every combination: the future is dropped exactly once, outputs and payloads exactly once, a panic is told
//! exactly once, the joiner is woken and its waker released, and the slot is free in the end.

use super::{Queue, poll};
use crate::task::report::TOLD;
use crate::task::{AbortHandle, JoinHandle, yield_now};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Ready,
    Panic,
    Never,
}

/// How the task comes by its next poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WakeBy {
    Nobody,
    Reference,
    Value,
    TwiceInPoll,
    Yielding,
    /// Kept by the test, which wakes between polls.
    KeptReference,
    KeptValue,
    KeptByOtherThread,
}

/// What becomes of the handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Join {
    DroppedBeforeFirstPoll,
    DroppedInPoll,
    DroppedAfterPoll,
    DroppedUnread,
    Taken,
    WaitedThenTaken,
    WaitedThenDroppedInPoll,
    WaitedThenDroppedAfterPoll,
    WaitedTwiceThenTaken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Abort {
    Never,
    BeforeFirstPoll,
    InPoll,
    AfterFirstPoll,
    AfterSecondPoll,
    AfterTheEnd,
    Twice,
}

/// What panics on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    FutureDrop,
    OutputDrop,
    PayloadDrop,
    JoinWake,
    JoinWakerDrop,
}

/// What goes first in the end. The rest follows in the order of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Handle,
    AbortHandle,
    Wakers,
    Runnables,
    Heap,
}

const ENDS: [End; 3] = [End::Ready, End::Panic, End::Never];
const JOINS: [Join; 9] = [
    Join::DroppedBeforeFirstPoll,
    Join::DroppedInPoll,
    Join::DroppedAfterPoll,
    Join::DroppedUnread,
    Join::Taken,
    Join::WaitedThenTaken,
    Join::WaitedThenDroppedInPoll,
    Join::WaitedThenDroppedAfterPoll,
    Join::WaitedTwiceThenTaken,
];
const ABORTS: [Abort; 7] = [
    Abort::Never,
    Abort::BeforeFirstPoll,
    Abort::InPoll,
    Abort::AfterFirstPoll,
    Abort::AfterSecondPoll,
    Abort::AfterTheEnd,
    Abort::Twice,
];
const FAULTS: [Fault; 6] = [
    Fault::None,
    Fault::FutureDrop,
    Fault::OutputDrop,
    Fault::PayloadDrop,
    Fault::JoinWake,
    Fault::JoinWakerDrop,
];
const FIRSTS: [First; 5] = [First::Handle, First::AbortHandle, First::Wakers, First::Runnables, First::Heap];

#[derive(Clone, Copy, Debug)]
struct Case {
    pendings: usize,
    end: End,
    wake: WakeBy,
    join: Join,
    abort: Abort,
    fault: Fault,
    /// Polls the test grants before it takes everything down.
    polls_granted: usize,
    first: First,
}

/// What happened, and what the poll can reach.
#[derive(Default)]
struct World {
    polls: AtomicUsize,
    futures_dropped: AtomicUsize,
    outputs_made: AtomicUsize,
    outputs_dropped: AtomicUsize,
    thrown: AtomicUsize,
    thrown_dropped: AtomicUsize,
    join_wakes: AtomicUsize,
    handle: Mutex<Option<JoinHandle<Out>>>,
    abort: Mutex<Option<AbortHandle>>,
    kept: Mutex<Vec<Waker>>,
}

/// Panics without the hook's message.
fn throw(world: &Arc<World>, case: &Case) -> ! {
    world.thrown.fetch_add(1, SeqCst);
    resume_unwind(Box::new(Thrown { world: world.clone(), faulty: case.fault == Fault::PayloadDrop }))
}

/// Panics with nothing: what may be leaked on purpose must not look like a leak.
fn rethrow() -> ! {
    resume_unwind(Box::new(()))
}

struct Thrown {
    world: Arc<World>,
    faulty: bool,
}

impl Drop for Thrown {
    fn drop(&mut self) {
        self.world.thrown_dropped.fetch_add(1, SeqCst);
        if self.faulty {
            rethrow();
        }
    }
}

struct Out {
    world: Arc<World>,
    faulty: bool,
}

impl Drop for Out {
    fn drop(&mut self) {
        self.world.outputs_dropped.fetch_add(1, SeqCst);
        if self.faulty {
            rethrow();
        }
    }
}

fn wake_by_value(cx: &Context<'_>) {
    let waker = cx.waker().clone();
    waker.wake();
}

struct Actor {
    world: Arc<World>,
    case: Case,
    at: *const (),
}

// SAFETY: the pointer is only compared.
unsafe impl Send for Actor {}

impl Future for Actor {
    type Output = Out;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Out> {
        let at = (&raw const *self).cast();
        assert!(self.at.is_null() || self.at == at, "a future never moves");
        self.at = at;
        let (world, case) = (self.world.clone(), self.case);
        let poll = world.polls.fetch_add(1, SeqCst);
        if poll == 0 {
            if matches!(case.join, Join::DroppedInPoll | Join::WaitedThenDroppedInPoll) {
                drop(world.handle.lock().unwrap().take());
            }
            if case.abort == Abort::InPoll {
                world.abort.lock().unwrap().as_ref().unwrap().abort();
            }
        }
        if poll < case.pendings || case.end == End::Never {
            match case.wake {
                WakeBy::Nobody => {}
                WakeBy::Reference => cx.waker().wake_by_ref(),
                WakeBy::Value => wake_by_value(cx),
                WakeBy::TwiceInPoll => {
                    wake_by_value(cx);
                    cx.waker().wake_by_ref();
                }
                WakeBy::Yielding => assert!(Pin::new(&mut yield_now()).poll(cx).is_pending()),
                WakeBy::KeptReference | WakeBy::KeptValue | WakeBy::KeptByOtherThread => {
                    world.kept.lock().unwrap().push(cx.waker().clone());
                }
            }
            return Poll::Pending;
        }
        if case.end == End::Panic {
            throw(&world, &case);
        }
        world.outputs_made.fetch_add(1, SeqCst);
        Poll::Ready(Out { world, faulty: case.fault == Fault::OutputDrop })
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.world.futures_dropped.fetch_add(1, SeqCst);
        if self.case.fault == Fault::FutureDrop {
            throw(&self.world, &self.case);
        }
    }
}

struct Joiner {
    world: Arc<World>,
    fault: Fault,
}

impl Wake for Joiner {
    fn wake(self: Arc<Self>) {
        self.world.join_wakes.fetch_add(1, SeqCst);
        if self.fault == Fault::JoinWake {
            rethrow();
        }
    }
}

impl Drop for Joiner {
    fn drop(&mut self) {
        if self.fault == Fault::JoinWakerDrop && !std::thread::panicking() {
            rethrow();
        }
    }
}

/// A thread that wakes on request.
struct OtherThread {
    send: Sender<Waker>,
    done: Receiver<()>,
}

impl OtherThread {
    fn new() -> Self {
        let (send, receive) = channel::<Waker>();
        let (tell, done) = channel();
        std::thread::spawn(move || {
            for waker in receive {
                waker.wake();
                tell.send(()).unwrap();
            }
        });
        Self { send, done }
    }

    fn wake(&self, waker: Waker) {
        self.send.send(waker).unwrap();
        self.done.recv().unwrap();
    }
}

/// Runs user code of a case that may throw by its own doing.
fn quietly<R>(f: impl FnOnce() -> R) {
    drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)));
}

fn check(case: Case, other: &OtherThread) {
    let world = Arc::new(World::default());
    TOLD.with_borrow_mut(Vec::clear);
    let queue = Queue::new();
    let actor = Actor { world: world.clone(), case, at: std::ptr::null() };
    let handle = queue.spawn(actor);
    *world.abort.lock().unwrap() = Some(handle.abort_handle());
    *world.handle.lock().unwrap() = Some(handle);
    let abort = || world.abort.lock().unwrap().as_ref().unwrap().abort();
    let drop_handle = || drop(world.handle.lock().unwrap().take());
    let is_finished = || world.abort.lock().unwrap().as_ref().unwrap().is_finished();
    let mut delivered = 0;
    let mut waited = false;
    let join = |delivered: &mut usize| {
        let joiner = Arc::new(Joiner { world: world.clone(), fault: case.fault });
        let waker = Waker::from(joiner);
        let mut slot = world.handle.lock().unwrap();
        let Some(handle) = slot.as_mut() else { return false };
        let result = poll(handle, &waker);
        let pending = result.is_pending();
        assert_eq!(pending, !handle.is_finished(), "{case:?}");
        drop(slot);
        match result {
            Poll::Pending => {}
            Poll::Ready(Ok(out)) => {
                assert_eq!(case.end, End::Ready, "{case:?}");
                quietly(|| drop(out));
            }
            Poll::Ready(Err(error)) if error.is_panic() => {
                assert!(case.end == End::Panic || case.fault == Fault::FutureDrop, "{case:?}");
                *delivered += 1;
                quietly(|| drop(error));
            }
            Poll::Ready(Err(error)) => {
                assert!(error.is_aborted());
                assert!(!matches!(case.abort, Abort::Never | Abort::AfterTheEnd), "{case:?}");
            }
        }
        quietly(|| drop(waker));
        pending
    };

    if matches!(case.abort, Abort::BeforeFirstPoll | Abort::Twice) {
        abort();
        abort();
    }
    match case.join {
        Join::DroppedBeforeFirstPoll => drop_handle(),
        Join::WaitedThenTaken
        | Join::WaitedThenDroppedInPoll
        | Join::WaitedThenDroppedAfterPoll
        | Join::WaitedTwiceThenTaken => waited = join(&mut delivered),
        _ => {}
    }
    for granted in 0..case.polls_granted {
        if !queue.run_one() {
            break;
        }
        if granted == 0 {
            match case.join {
                Join::DroppedAfterPoll | Join::WaitedThenDroppedAfterPoll => drop_handle(),
                Join::WaitedTwiceThenTaken if !is_finished() => {
                    assert!(join(&mut delivered), "{case:?}");
                }
                _ => {}
            }
            if matches!(case.abort, Abort::AfterFirstPoll | Abort::Twice) {
                abort();
            }
        }
        if granted == 1 && case.abort == Abort::AfterSecondPoll {
            abort();
        }
        let kept = std::mem::take(&mut *world.kept.lock().unwrap());
        for waker in kept {
            match case.wake {
                WakeBy::KeptReference => {
                    waker.wake_by_ref();
                    waker.wake_by_ref();
                    world.kept.lock().unwrap().push(waker);
                }
                WakeBy::KeptValue => waker.wake(),
                WakeBy::KeptByOtherThread => other.wake(waker),
                _ => unreachable!("nothing is kept"),
            }
        }
    }
    let finished = is_finished();
    if case.abort == Abort::AfterTheEnd && finished {
        abort();
        assert!(!queue.run_one());
    }
    if finished {
        assert_eq!(world.futures_dropped.load(SeqCst), 1, "gone before the end: {case:?}");
        let handle_stayed = world.handle.lock().unwrap().is_some();
        if waited && handle_stayed {
            // A waker whose wake panics has counted first.
            assert_eq!(world.join_wakes.load(SeqCst), 1, "the joiner is woken once: {case:?}");
        }
        if matches!(case.join, Join::Taken | Join::WaitedThenTaken | Join::WaitedTwiceThenTaken)
            && handle_stayed
        {
            assert!(!join(&mut delivered), "{case:?}");
        }
    }

    // Everything goes.
    let heap_goes_last = case.first != First::Heap;
    let mut queue = Some(queue);
    let mut go = |what: First| match what {
        First::Handle => drop_handle(),
        First::AbortHandle => drop(world.abort.lock().unwrap().take()),
        First::Wakers => {
            let kept = std::mem::take(&mut *world.kept.lock().unwrap());
            drop(kept);
        }
        First::Runnables => {
            if let Some(queue) = &queue {
                while let Some(task) = queue.pop() {
                    drop(task);
                }
            }
        }
        First::Heap => {
            if let Some(queue) = queue.take() {
                if heap_goes_last {
                    // The last references may just have made runnables of an idle task.
                    while let Some(task) = queue.pop() {
                        assert!(task.is_cancelled(), "{case:?}");
                        assert!(matches!(task.run(), crate::task::Ran::Done), "{case:?}");
                    }
                    assert_eq!(queue.live(), 0, "the slot is free: {case:?}");
                }
                assert_eq!(Arc::strong_count(&queue), 1);
                drop(queue);
            }
        }
    };
    go(case.first);
    for what in [First::Handle, First::AbortHandle, First::Wakers, First::Runnables, First::Heap] {
        go(what);
    }

    assert_eq!(world.futures_dropped.load(SeqCst), 1, "{case:?}");
    assert_eq!(world.outputs_made.load(SeqCst), world.outputs_dropped.load(SeqCst), "{case:?}");
    assert_eq!(world.thrown.load(SeqCst), world.thrown_dropped.load(SeqCst), "{case:?}");
    let told_runs = TOLD.with_borrow(|told| told.iter().filter(|told| !told.contains("its output")).count());
    let panicked = usize::from(world.thrown.load(SeqCst) > 0);
    assert_eq!(delivered + told_runs, panicked, "a panic is told once: {case:?}");
    // What is left is ours: this reference, and nothing in the task or in a joiner's waker.
    assert_eq!(Arc::strong_count(&world), 1, "{case:?}");
}

fn product(wake: WakeBy) -> usize {
    let other = OtherThread::new();
    let mut cases = 0;
    for end in ENDS {
        for pendings in 0..=if end == End::Never { 0 } else { 2 } {
            for join in JOINS {
                for abort in ABORTS {
                    for fault in FAULTS {
                        for polls_granted in [0, 1, 2, 4] {
                            for first in FIRSTS {
                                let case =
                                    Case { pendings, end, wake, join, abort, fault, polls_granted, first };
                                check(case, &other);
                                cases += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    cases
}

macro_rules! products {
    ($($name:ident: $wake:expr,)*) => {
        $(#[test]
        fn $name() {
            assert_eq!(product($wake), 7 * 9 * 7 * 6 * 4 * 5);
        })*
    };
}

products! {
    nobody_wakes: WakeBy::Nobody,
    woken_in_the_poll_by_reference: WakeBy::Reference,
    woken_in_the_poll_by_value: WakeBy::Value,
    woken_twice_in_the_poll: WakeBy::TwiceInPoll,
    yielding: WakeBy::Yielding,
    woken_later_by_reference: WakeBy::KeptReference,
    woken_later_by_value: WakeBy::KeptValue,
    woken_later_by_another_thread: WakeBy::KeptByOtherThread,
}
