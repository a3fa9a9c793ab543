//! What library code calls: functions that find the runtime around them.

use super::handle::Handle;
use crate::scheduler;
use crate::task::{JoinHandle, Meta};
use std::future::Future;
use std::panic::Location;

/// Spawns a task on the runtime around the caller: the one this thread works for or has joined, else the
/// process-wide default, started on first use. It works from any thread, under any executor.
///
/// The task runs by itself from now on; the [`JoinHandle`] waits for its output. Dropping the handle lets the
/// task go on ([`detach`](JoinHandle::detach) says so aloud). A panic in the task stays there and comes out of
/// the handle as [`JoinError`](crate::JoinError).
///
/// # Panics
/// Where the caller has no runtime around it and none can be started, as [`Handle::current`](crate::Handle::current).
/// # Errors
/// The handle ends with a [`JoinError`](crate::JoinError) when the task panics, is aborted, or its runtime ends.
/// # Cancel safety
/// The task is there from this call on: dropping the handle detaches it, whether it was polled or not.
/// # Complexity
/// From a task or inside `block_on`: no locked instruction, no allocation but the task's slot. From other
/// threads two locks and one exchange, and a wake-up if a worker sleeps.
///
/// # Examples
/// ```
/// // In a library that knows nothing of the program around it:
/// fn fetch_in_background() -> filch::JoinHandle<u32> {
///     filch::spawn(async { 6 * 7 })
/// }
///
/// let answer = filch::block_on(fetch_in_background())?;
/// assert_eq!(answer, 42);
/// # Ok::<(), filch::JoinError>(())
/// ```
#[track_caller]
#[inline]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    spawn_with(future, Meta { location: Location::caller(), name: None })
}

#[inline]
pub(super) fn spawn_with<F>(future: F, meta: Meta) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    scheduler::with_context(|context| match context {
        Some(context) => context.spawn(future, meta),
        None => Handle::current().spawn_with(future, meta),
    })
}

/// Spawns a task that need not be `Send`: it stays on this thread.
///
/// It runs when the thread works for a runtime: a worker between other tasks, any other thread while inside
/// [`block_on`], this one or a later one. When the thread ends, or the runtime the worker belongs to, it is
/// dropped there. While a task blocks the thread, its local tasks wait, unless it blocks in [`block_on`], which
/// runs them: no other thread can take them.
///
/// Which thread that is, the caller should know. A task of [`spawn`] runs wherever it is taken: on a worker, or on a
/// thread that helps from inside [`block_on`]. What it spawns locally there goes on only while that thread is inside
/// [`block_on`].
///
/// # Panics
/// On a thread whose thread-local data is being destroyed.
///
/// # Errors
/// As with [`spawn`]; it is also aborted when its thread ends.
/// # Cancel safety
/// As with [`spawn`].
/// # Complexity
/// As for [`spawn`] from a task: the task's slot, and no lock.
/// # Examples
/// ```
/// use std::{cell::Cell, rc::Rc};
///
/// let count = Rc::new(Cell::new(0));
/// let seen = count.clone();
/// filch::block_on(async move { filch::spawn_local(async move { seen.set(1) }).await })?;
/// assert_eq!(count.get(), 1);
/// # Ok::<(), filch::JoinError>(())
/// ```
#[track_caller]
pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    scheduler::spawn_local(future, Meta { location: Location::caller(), name: None })
}

/// Runs a closure that blocks (on a file, a lock, a long computation) on a thread that may, and lets the caller
/// wait for it without blocking a worker.
///
/// Threads come from the runtime's pool, which grows as needed and shrinks when idle; see
/// [`Builder::max_blocking_threads`](crate::Builder::max_blocking_threads). A closure that has begun cannot be
/// stopped: [`abort`](JoinHandle::abort) only drops one that has not.
///
/// When no thread can be had at all the closure is dropped, and the handle says that it was aborted.
///
/// # Panics
/// Where the caller has no runtime around it and none can be started, as [`Handle::current`](crate::Handle::current).
/// # Errors
/// The handle ends with a [`JoinError`](crate::JoinError) when the closure panics, or is dropped before it has begun:
/// it was aborted, the runtime ended, or there is no thread.
/// # Cancel safety
/// The closure is submitted by this call: dropping the handle detaches it, and it runs all the same.
/// # Complexity
/// A task's slot, two small allocations, and a few exchanges and locks; the start of a thread if none is idle.
/// # Examples
/// ```
/// let sum = filch::block_on(filch::spawn_blocking(|| (1..=1_000_u64).sum::<u64>()))?;
/// assert_eq!(sum, 500_500);
/// # Ok::<(), filch::JoinError>(())
/// ```
#[track_caller]
pub fn spawn_blocking<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Handle::current().spawn_blocking(f)
}

/// Runs `future` to its end on this thread, as a guest of the runtime around it (else of the process-wide
/// default). See [`Runtime::block_on`](crate::Runtime::block_on).
///
/// # Panics
/// When the future panics. Where the caller has no runtime around it and none can be started, as
/// [`Handle::current`](crate::Handle::current).
///
/// # Examples
/// ```
/// assert_eq!(filch::block_on(async { 1 + 1 }), 2);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    Handle::current().block_on(future)
}
