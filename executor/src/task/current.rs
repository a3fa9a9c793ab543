//! The task this thread is polling.
//!
//! A poll may run another task on the same thread (by blocking on one, which helps others meanwhile), so entering saves
//! what was there and leaving puts it back. The pointer is used only while its task is being polled or dropped further
//! up the stack, and that holds a reference. Meanwhile the task's `link`, which belongs to whoever runs it, says which
//! one runs below it on the same stack.

#![allow(unsafe_code, reason = "the running task is known by its address")]

use super::header::Header;
use super::id::Id;
use super::waker;
use filch_primitive::sync::StaticCounter;
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::task::Waker;

/// Whether the poll under way asked to give way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Yield {
    /// It did not.
    No,
    /// It was woken by whoever yielded. Once it has been woken at all, it is to go behind everything that is ready.
    Woken,
    /// It yielded, and nobody has woken it: it must be polled again without a wake.
    Unwoken,
}

struct Local {
    task: Cell<*const Header>,
    yielded: Cell<Yield>,
    /// The number of this thread, or zero.
    thread: Cell<u64>,
}

impl Local {
    const fn new() -> Self {
        Self { task: Cell::new(ptr::null()), yielded: Cell::new(Yield::No), thread: Cell::new(0) }
    }
}

filch_primitive::thread_local! {
    // Nothing in it needs dropping, so it is there until the thread is gone.
    static LOCAL: Local = const { Local::new() };
}

/// A task being polled, or its future being dropped, on this thread.
pub(super) struct Entered {
    outer: *const Header,
    outer_yielded: Yield,
}

/// # Safety
/// 1. The caller keeps a reference to `task`, and its run right, until the value is dropped, on this thread.
#[inline]
pub(super) unsafe fn enter(task: NonNull<Header>) -> Entered {
    LOCAL.with(|local| {
        let outer = local.task.replace(task.as_ptr());
        // SAFETY: by 1 the task is there.
        let header = unsafe { task.as_ref() };
        // SAFETY: the link belongs to the holder of the run right, which by 1 is the caller.
        header.link.with_mut(|link| unsafe { *link = NonNull::new(outer.cast_mut()) });
        Entered { outer, outer_yielded: local.yielded.replace(Yield::No) }
    })
}

impl Entered {
    /// What the poll asked for.
    #[inline]
    pub(super) fn yielded(&self) -> Yield {
        LOCAL.with(|local| local.yielded.get())
    }
}

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        LOCAL.with(|local| {
            local.task.set(self.outer);
            local.yielded.set(self.outer_yielded);
        });
    }
}

/// Notes that the poll under way on this thread gives way. `true`: its task will be polled again without being woken.
/// `false`: `waker` is not that task's own, so whoever polls with it waits for a wake.
pub(super) fn give_way(waker: &Waker) -> bool {
    LOCAL.with(|local| {
        let task = local.task.get();
        if task.is_null() {
            return false;
        }
        let own = waker::belongs_to(waker, task);
        if own {
            local.yielded.set(Yield::Unwoken);
        } else if local.yielded.get() == Yield::No {
            local.yielded.set(Yield::Woken);
        }
        own
    })
}

fn with_current<R>(look: impl FnOnce(&Header) -> R) -> Option<R> {
    LOCAL.with(|local| {
        // SAFETY: a task that was entered and not left is kept by whoever entered it.
        unsafe { local.task.get().as_ref() }.map(look)
    })
}

/// The tasks that are running on this thread, one inside another, the innermost first.
pub(crate) fn running() -> Vec<Id> {
    LOCAL.with(|local| {
        let mut ids = Vec::new();
        let mut next = NonNull::new(local.task.get().cast_mut());
        while let Some(task) = next {
            // SAFETY: a task that was entered and not left is kept by whoever entered it.
            let task = unsafe { task.as_ref() };
            ids.push(task.id());
            // SAFETY: this thread holds its run right further down the stack, and touches the link only when it enters.
            next = task.link.with(|link| unsafe { *link });
        }
        ids
    })
}

/// The id of the task that is running on this thread, if one is.
///
/// Inside the destructor of a task's future it is that task's, too.
///
/// # Examples
/// ```
/// assert_eq!(filch::task::current(), None);
/// let handle = filch::spawn(async { filch::task::current() });
/// let id = handle.id();
/// assert_eq!(filch::block_on(handle).ok().flatten(), Some(id));
/// ```
#[must_use]
pub fn current() -> Option<Id> {
    with_current(Header::id)
}

/// The name of the task that is running on this thread, if one is and has a name.
///
/// # Examples
/// ```
/// let task = filch::task::Builder::new().name("greeter").spawn(async { filch::task::current_name() });
/// assert_eq!(filch::block_on(task).ok().flatten().as_deref(), Some("greeter"));
/// ```
#[must_use]
pub fn current_name() -> Option<String> {
    with_current(|task| task.meta().name().map(String::from)).flatten()
}

/// A number that this thread has and no other ever will.
#[inline]
pub(super) fn thread_number() -> u64 {
    LOCAL.with(|local| match local.thread.get() {
        0 => {
            let number = next_thread_number();
            local.thread.set(number);
            number
        }
        number => number,
    })
}

#[cold]
fn next_thread_number() -> u64 {
    static NEXT: StaticCounter = StaticCounter::new(1);
    NEXT.next()
}
