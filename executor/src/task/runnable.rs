//! The right to poll a task once.

#![allow(unsafe_code, reason = "the run right is a bit in the task's word, and its holder reaches the body")]

use super::cell;
use super::contain::{Payload, contain};
use super::current::{self, Yield};
use super::header::{Header, Polled, free, settle};
use super::id::Id;
use super::meta::TaskInfo;
use super::report::{self, During};
use super::state::{Begin, Complete, Outcome, Suspend};
use super::waker::BorrowedWaker;
use filch_primitive::wake_contained;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::ptr::NonNull;
use std::task::{Context, Waker};

/// The right to poll a task once, and a reference to it. There is at most one per task.
///
/// Dropping it drops the future, here and now, and the task ends as aborted.
#[derive(Debug)]
#[must_use = "dropping a runnable aborts its task"]
pub(crate) struct Runnable(NonNull<Header>);

// SAFETY: a future that is not `Send` is spawned under the promise that its runnable stays on its thread (see
// `Heap::spawn`); everything else about a task may be reached from any thread.
unsafe impl Send for Runnable {}

/// What came of a poll.
#[must_use = "a task that wants another poll is in here"]
#[derive(Debug)]
pub(crate) enum Ran {
    /// The task is complete.
    Done,
    /// The task waits to be woken.
    Pending,
    /// The task was woken while it was polled: it belongs behind what is queued.
    Woken(Runnable),
    /// The task gave way: it belongs behind everything that is ready.
    Yielded(Runnable),
}

impl Runnable {
    /// Takes over a run right.
    ///
    /// # Safety
    /// 1. The run right of `task` and its reference are the caller's, who gives them up to the value.
    #[inline]
    pub(crate) unsafe fn from_raw(task: NonNull<Header>) -> Self {
        Self(task)
    }

    /// Gives the right to the caller, as a pointer for a queue. [`from_raw`](Self::from_raw) takes it back.
    #[inline]
    pub(crate) fn into_raw(self) -> NonNull<Header> {
        ManuallyDrop::new(self).0
    }

    #[inline]
    pub(super) fn as_ptr(&self) -> NonNull<Header> {
        self.0
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: the run right's reference keeps the slot, which the spawn has filled.
        unsafe { self.0.as_ref() }
    }

    /// Links this task to another, for a list that runs through the tasks themselves.
    #[inline]
    pub(crate) fn set_next(&mut self, next: Option<NonNull<Header>>) {
        // SAFETY: the link belongs to the holder of the run right.
        self.header().link.with_mut(|link| unsafe { *link = next });
    }

    /// What [`set_next`](Self::set_next) left. Meaningless before.
    #[inline]
    pub(crate) fn next(&self) -> Option<NonNull<Header>> {
        // SAFETY: the link belongs to the holder of the run right.
        self.header().link.with(|link| unsafe { *link })
    }

    /// Polls the task once, or drops its future when it was aborted. Panics of the future, of what it leaves and of the
    /// joiner's waker are contained.
    #[inline]
    pub(crate) fn run(self) -> Ran {
        self.run_then(wake_contained)
    }

    /// As [`run`](Self::run). A task that ends leaves it to `wake` to wake its joiner, and to contain what that does.
    #[inline]
    pub(crate) fn run_then(self, wake: impl FnOnce(Waker)) -> Ran {
        if self.header().state.begin() == Begin::Cancel {
            self.cancel();
            return Ran::Done;
        }
        let (polled, yielded) = self.poll();
        match polled {
            Polled::Pending if yielded == Yield::Unwoken => Ran::Yielded(self),
            Polled::Pending => match self.header().state.suspend() {
                Suspend::Idle => {
                    // The right went with the transition, and its reference too.
                    std::mem::forget(self);
                    Ran::Pending
                }
                Suspend::Woken if yielded == Yield::Woken => Ran::Yielded(self),
                Suspend::Woken => Ran::Woken(self),
                Suspend::Cancel => {
                    self.cancel();
                    Ran::Done
                }
            },
            Polled::Ready => {
                self.finish(Outcome::Value, wake);
                Ran::Done
            }
            Polled::Panicked(payload) => {
                self.finish_panicked(payload);
                Ran::Done
            }
        }
    }

    #[inline]
    fn poll(&self) -> (Polled, Yield) {
        // SAFETY: the run right's reference outlives the value, which ends with this function.
        let waker = unsafe { BorrowedWaker::new(self.0) };
        let mut cx = Context::from_waker(waker.get());
        // SAFETY: as above, and the right is held as long.
        let entered = unsafe { current::enter(self.0) };
        // SAFETY: the run right is held, and a task that has one and is not cancelled yet has its future.
        let polled = unsafe { (self.header().vtable().poll)(self.0, &mut cx) };
        (polled, entered.yielded())
    }

    /// Drops the future and completes the task as aborted, or as panicked when that panics.
    #[cold]
    fn cancel(self) {
        // SAFETY: the run right and its reference outlive the value, which is dropped before the task completes.
        let entered = unsafe { current::enter(self.0) };
        // SAFETY: the run right is held, and the task is not complete: its future lives, and does not after this.
        let dropped = contain(|| unsafe { (self.header().vtable().drop_future)(self.0) });
        drop(entered);
        match dropped {
            Ok(()) => self.finish(Outcome::Aborted, wake_contained),
            Err(payload) => self.finish_panicked(payload),
        }
    }

    #[cold]
    fn finish_panicked(self, payload: Payload) {
        // SAFETY: the run right is held and the future is gone, so the body is empty and ours.
        unsafe { cell::put_payload(self.0, payload) };
        self.finish(Outcome::Panicked, wake_contained);
    }

    /// Completes the task. The future is gone, and the body holds what `outcome` says.
    #[inline]
    fn finish(self, outcome: Outcome, wake: impl FnOnce(Waker)) {
        let mut laid_out = outcome != Outcome::Aborted;
        let task = self.into_raw();
        loop {
            // SAFETY: the run right's reference is still held, for `complete` has not taken it yet.
            let header = unsafe { task.as_ref() };
            match header.state.complete(outcome, laid_out) {
                Complete::Nothing => return,
                Complete::Unwanted => {
                    // A runtime that lies in what is discarded ends there, and must not wait for this task.
                    // SAFETY: the run right and its reference outlive the value, which is dropped below.
                    let entered = unsafe { current::enter(task) };
                    // SAFETY: the task is not complete and its run right is held, so the body is ours.
                    unsafe { discard(task, outcome) };
                    drop(entered);
                    laid_out = false;
                }
                Complete::WakeJoiner => {
                    // SAFETY: the transition gave the waker to the completer, which takes it once.
                    let waker = unsafe { header.take_join_waker() };
                    // Before the wake, so that the joiner finds itself alone with the task and frees it for nothing.
                    let release = header.state.release();
                    // SAFETY: the reference given up was the run right's, left to us by the transition.
                    unsafe { settle(task, release) };
                    wake(waker);
                    return;
                }
                Complete::Free => {
                    // SAFETY: the transition took the last reference, and whatever lay in the body was discarded: had
                    // it been wanted, the handle's reference would be there.
                    unsafe { free(task) };
                    return;
                }
            }
        }
    }

    /// Gives the right up without running the task or dropping its future: for a task that may only be touched on a
    /// thread that is gone. Its memory is never used again; its handle resolves as aborted.
    pub(crate) fn forget(self) {
        let task = self.into_raw();
        // SAFETY: the run right's reference was ours, and is never given up any more.
        let header = unsafe { task.as_ref() };
        if header.state.bury() {
            // SAFETY: the transition gave the waker to the completer, which takes it once.
            wake_contained(unsafe { header.take_join_waker() });
        }
    }
}

/// For whoever looks on: tracing, debugging, tests.
#[allow(dead_code, reason = "the scheduler moves tasks without looking at them")]
impl Runnable {
    /// Which task.
    pub(crate) fn id(&self) -> Id {
        self.header().id()
    }

    /// Where it was spawned.
    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.header().meta().location()
    }

    /// What it is called, when it has a name.
    pub(crate) fn name(&self) -> Option<&str> {
        self.header().meta().name()
    }

    /// Whether [`run`](Self::run) would drop the future rather than poll it.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.header().state.load().is_cancelled()
    }

    /// The task as it is now, for reports.
    pub(crate) fn describe(&self) -> TaskInfo {
        self.header().describe()
    }
}

impl Drop for Runnable {
    fn drop(&mut self) {
        // SAFETY: this value is not used again, so the right is handed on once.
        unsafe { Self::from_raw(self.0) }.cancel();
    }
}

/// Drops what a task left when nobody wants it.
///
/// # Safety
/// 1. The caller has a reference to `task`, whose body is what `outcome` says, and the caller's. It holds nothing
///    afterwards.
pub(super) unsafe fn discard(task: NonNull<Header>, outcome: Outcome) {
    // SAFETY: by 1 the task is there, and spawned.
    let header = unsafe { task.as_ref() };
    match outcome {
        Outcome::Aborted => {}
        Outcome::Value => {
            // SAFETY: by 1 there is an output, and it is ours.
            if let Err(payload) = contain(|| unsafe { (header.vtable().drop_output)(task) }) {
                report::unheard(header, During::DropOutput, payload);
            }
        }
        Outcome::Panicked => {
            // SAFETY: by 1 there is a payload, and it is ours.
            let payload = unsafe { cell::take_payload(task) };
            report::unheard(header, During::Run, payload);
        }
    }
}
