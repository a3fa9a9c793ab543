//! Waiting for a task.

#![allow(unsafe_code, reason = "the handle knows the output's type, and reads it out of the task")]

use super::abort::AbortHandle;
use super::cell;
use super::contain::drop_contained;
use super::error::JoinError;
use super::header::{Header, TaskRef, settle};
use super::id::Id;
use super::runnable::discard;
use super::state::{Leave, Outcome, Release};
use filch_primitive::slice;
use std::fmt;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// A spawned task, seen from outside: await it for its output.
///
/// Dropping the handle detaches the task, which runs on; [`abort`](Self::abort) stops it. A panic of the task comes out of
/// the handle as an error. When no handle is left to tell, it is reported on the error stream with the task's name and
/// spawn site.
///
/// # Panics
/// Polled again after it has returned its result.
///
/// # Cancel safety
/// Awaiting `&mut handle` and giving up loses nothing: the output stays until it is asked for again.
///
/// # Complexity
/// Awaiting a task that is complete takes no atomic exchange; waiting for one takes one.
///
/// # Examples
/// ```
/// # fn main() -> Result<(), filch::JoinError> {
/// let answer = filch::block_on(async {
///     let handle = filch::spawn(async { 6 * 7 });
///     handle.await
/// })?;
/// assert_eq!(answer, 42);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping a handle detaches its task; say so with `detach()`, or await it"]
pub struct JoinHandle<T> {
    task: ManuallyDrop<TaskRef>,
    /// Whether the result has been returned.
    taken: bool,
    output: PhantomData<T>,
}

// SAFETY: besides the task's reference, which may go anywhere, a handle gives the output away or drops it, by value.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: through a shared handle nobody reaches the output.
unsafe impl<T: Send> Sync for JoinHandle<T> {}

// The output is moved out of the task, and never pinned.
impl<T> Unpin for JoinHandle<T> {}
// A handle's state is changed by single transitions that no panic interrupts, and the output is not seen before it is taken.
impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// # Safety
    /// 1. `task` is the reference that a spawn counted for the handle, of a task whose output is a `T`.
    /// 2. Unless `T` is `Send`, that task runs on this thread only.
    #[inline]
    pub(super) unsafe fn new(task: TaskRef) -> Self {
        Self { task: ManuallyDrop::new(task), taken: false, output: PhantomData }
    }

    fn header(&self) -> &Header {
        self.task.header()
    }

    /// Stops the task: its future is dropped at the await where it stands, by the thread that would have polled it next.
    ///
    /// The call does not wait. The handle resolves once that drop is done, with an error for which
    /// [`JoinError::is_aborted`] holds, or with the output if the task was faster. A task that does not await goes on until
    /// it does. Aborting a task that is complete, or once more, does nothing.
    ///
    /// # Examples
    /// ```
    /// let handle = filch::spawn(std::future::pending::<()>());
    /// handle.abort();
    /// assert!(filch::block_on(handle).unwrap_err().is_aborted());
    /// ```
    pub fn abort(&self) {
        self.task.abort();
    }

    /// A handle that can only abort, and does not keep the output.
    ///
    /// ```
    /// # filch::block_on(async {
    /// let task = filch::spawn(std::future::pending::<()>());
    /// let stop = task.abort_handle();
    /// std::thread::spawn(move || stop.abort());
    /// assert!(task.await.unwrap_err().is_aborted());
    /// # });
    /// ```
    #[must_use]
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle::new(TaskRef::clone(&self.task))
    }

    /// Whether the task is over, so that awaiting the handle would not wait.
    ///
    /// ```
    /// let (tell, told) = filch::sync::oneshot::channel::<()>();
    /// let mut task = filch::spawn(told);
    /// assert!(!task.is_finished());
    /// drop(tell);
    /// filch::block_on(&mut task)?.unwrap_err();
    /// assert!(task.is_finished());
    /// # Ok::<(), filch::JoinError>(())
    /// ```
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.header().state.load().is_complete()
    }

    /// Which task.
    ///
    /// ```
    /// # filch::block_on(async {
    /// let task = filch::spawn(async { filch::task::current() });
    /// let id = task.id();
    /// assert_eq!(task.await?, Some(id));
    /// # Ok::<(), filch::JoinError>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn id(&self) -> Id {
        self.header().id()
    }

    /// What the task is called, when it was given a name.
    ///
    /// ```
    /// let task = filch::task::Builder::new().name("clerk").spawn(async {});
    /// assert_eq!(task.name(), Some("clerk"));
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.header().meta().name()
    }

    /// Lets the task run on by itself. The same as dropping the handle, said aloud.
    ///
    /// # Examples
    /// ```
    /// filch::spawn(async { println!("nobody waits for this") }).detach();
    /// ```
    pub fn detach(self) {
        drop(self);
    }

    /// Waits until the task is over, and leaves what it left where it is.
    #[inline]
    pub(super) fn poll_finished(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let now = self.header().state.load();
        if !now.is_complete() {
            if now.has_join_waker() && self.is_waited_for_by(cx.waker()) {
                return Poll::Pending;
            }
            // Cloned first: it may panic, and nothing has changed yet.
            let waker = cx.waker().clone();
            if !now.has_join_waker() {
                if self.leave_waker(waker) {
                    return Poll::Pending;
                }
            } else if self.header().state.clear_join_waker() {
                // SAFETY: the transition gave the waker back to the handle, which takes it once.
                let old = unsafe { self.header().take_join_waker() };
                let left = self.leave_waker(waker);
                drop_contained(old);
                if left {
                    return Poll::Pending;
                }
            } else {
                drop_contained(waker);
            }
        }
        Poll::Ready(self.header().state.load().outcome())
    }

    /// How the task ended, if it is over.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        let now = self.header().state.load();
        now.is_complete().then(|| now.outcome())
    }

    /// What the task left, if it is over and this has not been taken.
    pub(super) fn try_take(&mut self) -> Option<Result<T, JoinError>> {
        let outcome = self.outcome().filter(|_| !self.taken)?;
        Some(self.take(outcome))
    }

    /// Takes what the complete task left.
    #[inline]
    fn take(&mut self, outcome: Outcome) -> Result<T, JoinError> {
        self.taken = true;
        match outcome {
            // SAFETY: the task is complete and returned a `T`, which is the handle's and has not been taken before.
            Outcome::Value => Ok(unsafe { cell::take_output(self.task.as_ptr()) }),
            Outcome::Panicked => {
                // SAFETY: the task is complete and left a payload, which is the handle's and has not been taken before.
                let payload = unsafe { cell::take_payload(self.task.as_ptr()) };
                Err(JoinError::panicked(self.header(), payload))
            }
            Outcome::Aborted => Err(JoinError::aborted(self.header())),
        }
    }

    /// Leaves `waker` in the cell for the completer. `false`: the task is complete.
    fn leave_waker(&self, waker: Waker) -> bool {
        let header = self.header();
        header.join_waker.with_mut(|cell| {
            // SAFETY: without `JOIN_WAKER` the cell is the handle's, and holds nothing to drop.
            unsafe { cell.write(MaybeUninit::new(waker)) };
        });
        if header.state.set_join_waker() {
            return true;
        }
        // SAFETY: the transition failed, so the waker just written is still the handle's.
        drop_contained(unsafe { header.take_join_waker() });
        false
    }

    fn is_waited_for_by(&self, waker: &Waker) -> bool {
        self.header().join_waker.with(|cell| {
            // SAFETY: with `JOIN_WAKER` set by this handle nobody writes the cell; a completer may copy it out.
            let cell = unsafe { &*cell };
            // Compares two addresses, which are there even when the completer has woken the waker meanwhile.
            // SAFETY: the flag says that a waker was written.
            unsafe { cell.assume_init_ref() }.will_wake(waker)
        })
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(!self.taken, "a JoinHandle was polled again after it had returned its task's result");
        // A task that goes through a long list of finished ones gives way like any other.
        ready!(slice::proceed(cx));
        let outcome = ready!(self.poll_finished(cx));
        Poll::Ready(self.take(outcome))
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let task = self.task.as_ptr();
        let header = self.task.header();
        match header.state.leave() {
            // The reference went with the transition.
            Leave::Nothing => return,
            // SAFETY: the reference went with the transition, which made it the run right's.
            Leave::Schedule => return unsafe { settle(task, Release::Schedule) },
            Leave::TakeWaker => {
                // SAFETY: the transition gave the waker back to the handle, which takes it once.
                drop_contained(unsafe { header.take_join_waker() });
            }
            Leave::Complete(outcome) => {
                if !self.taken {
                    // SAFETY: the task is complete; what it left is the handle's, and has not been taken.
                    unsafe { discard(task, outcome) };
                }
            }
        }
        // SAFETY: dropped once, for the handle is not used again.
        unsafe { ManuallyDrop::drop(&mut self.task) };
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("finished", &self.is_finished())
            .finish()
    }
}
