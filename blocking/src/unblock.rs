//! The future of what a job returns.
//!
//! One allocation holds the closure and, later, its result. Its slot is a plain enum under a lock:
//!
//! | state                  | meaning                                        | leaves by                   |
//! |------------------------|------------------------------------------------|-----------------------------|
//! | `Waiting(waker)`       | the job has not ended; whom to wake when it has | the job ending, or the drop |
//! | `Done(result)`         | the job has ended                              | the poll that takes it      |
//! | `Gone`                 | taken, or the future was dropped               | —                           |
//!
//! No user code runs under the lock: wakers are cloned before it is taken and dropped after; a result that
//! nobody wants is dropped by the job's thread, before the pool counts that thread as idle.

use crate::contain::contained;
use crate::error::UnblockError;
use crate::job::Work;
use filch_primitive::slice;
use filch_primitive::sync::Mutex;
use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

/// The outcome of a job on a [`Pool`](crate::Pool): what its closure returned, or an [`UnblockError`].
///
/// # Panics
/// Polled again after it was ready.
/// # Cancel safety
/// Dropping it detaches the job, which runs to its end all the same, even if it is still queued. What it returns is
/// dropped.
/// # Examples
/// ```
/// use filch_blocking::{Unblock, unblock};
/// let sum: Unblock<u64> = unblock(|| (1..=1000).sum());
/// assert_eq!(futures_lite::future::block_on(sum)?, 500_500);
/// # Ok::<(), filch_blocking::UnblockError>(())
/// ```
#[must_use = "the job runs anyway, but nobody learns its outcome; `.detach()` says that this is meant"]
pub struct Unblock<T> {
    outcome: Arc<dyn Outcome<T>>,
}

impl<T> Unblock<T> {
    /// Lets the job run without anybody waiting for it: what dropping does, said aloud.
    ///
    /// ```
    /// use filch_blocking::unblock;
    /// use std::sync::mpsc;
    /// let (tell, told) = mpsc::channel();
    /// unblock(move || tell.send("written").unwrap()).detach();
    /// assert_eq!(told.recv()?, "written");
    /// # Ok::<(), mpsc::RecvError>(())
    /// ```
    pub fn detach(self) {}
}

impl<T> Future for Unblock<T> {
    type Output = Result<T, UnblockError>;

    /// # Panics
    /// When polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // A job may have ended before the first poll, time and again.
        ready!(slice::proceed(cx));
        self.outcome.poll(cx)
    }
}

impl<T> Drop for Unblock<T> {
    fn drop(&mut self) {
        self.outcome.abandon();
    }
}

impl<T> fmt::Debug for Unblock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unblock").finish_non_exhaustive()
    }
}

/// The future's side of a [`Packet`], without the type of its closure.
trait Outcome<T>: Send + Sync {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<T, UnblockError>>;
    fn abandon(&self);
}

/// A closure and the place for what it returns.
struct Packet<F, T> {
    closure: Mutex<Option<F>>,
    slot: Mutex<Slot<T>>,
}

enum Slot<T> {
    Waiting(Option<Waker>),
    Done(Result<T, UnblockError>),
    Gone,
}

/// The two ends of a job that calls `f`: the work, and the future of what it returns.
pub(crate) fn pair<F, T>(f: F) -> (Arc<dyn Work>, Unblock<T>)
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let packet = Arc::new(Packet { closure: Mutex::new(Some(f)), slot: Mutex::new(Slot::Waiting(None)) });
    (packet.clone(), Unblock { outcome: packet })
}

impl<F, T> Packet<F, T> {
    /// Stores the result, unless nobody wants it. Never unwinds. `ended` as in [`Work::run`].
    fn settle(&self, result: Result<T, UnblockError>, ended: &dyn Fn()) -> Option<Waker> {
        let unwanted = {
            let mut slot = self.slot.lock();
            match mem::replace(&mut *slot, Slot::Gone) {
                Slot::Waiting(waker) => {
                    // Under the lock: whoever sees the result finds the job's thread idle, and whoever drops the
                    // future instead drops the result with it, on a thread of its own.
                    ended();
                    *slot = Slot::Done(result);
                    return waker;
                }
                // A job runs or is refused once, so the slot was not `Done`.
                Slot::Done(_) | Slot::Gone => result,
            }
        };
        match unwanted {
            Ok(value) => drop(contained(|| drop(value))),
            Err(error) => error.discard(),
        }
        ended();
        None
    }
}

impl<F, T> Work for Packet<F, T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    fn run(&self, ended: &dyn Fn()) -> Option<Waker> {
        // A job is run or refused once: it is there.
        let closure = self.closure.lock().take()?;
        self.settle(catch_unwind(AssertUnwindSafe(closure)).map_err(UnblockError::panic), ended)
    }

    fn refuse(&self, error: UnblockError) -> Option<Waker> {
        let closure = self.closure.lock().take()?;
        contained(|| drop(closure));
        self.settle(Err(error), &|| ())
    }
}

impl<F: Send, T: Send> Outcome<T> for Packet<F, T> {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<T, UnblockError>> {
        if let Some(known) = self.slot.lock().try_take(cx.waker()) {
            return known;
        }
        let waker = cx.waker().clone();
        let replaced = {
            let mut slot = self.slot.lock();
            if let Slot::Waiting(current) = &mut *slot {
                current.replace(waker)
            } else {
                // It ended while the waker was cloned.
                let Some(known) = slot.try_take(&waker) else { unreachable!("only `Waiting` is not known") };
                drop(slot);
                return known;
            }
        };
        drop(replaced);
        Poll::Pending
    }

    fn abandon(&self) {
        let left = mem::replace(&mut *self.slot.lock(), Slot::Gone);
        drop(left);
    }
}

impl<T> Slot<T> {
    /// The answer to a poll, unless its waker must be stored first.
    fn try_take(&mut self, waker: &Waker) -> Option<Poll<Result<T, UnblockError>>> {
        match mem::replace(self, Self::Gone) {
            Self::Done(result) => Some(Poll::Ready(result)),
            Self::Waiting(current) => {
                let same = current.as_ref().is_some_and(|current| current.will_wake(waker));
                *self = Self::Waiting(current);
                same.then_some(Poll::Pending)
            }
            Self::Gone => panic!("an `Unblock` was polled again after it had been ready"),
        }
    }
}
