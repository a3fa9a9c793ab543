//! Wakers: counted references dressed as [`Waker`].
//!
//! The table of functions is one `static`, so that all wakers of a task compare equal with `will_wake`, from poll to poll
//! and from worker to worker: a constant could be copied, and each copy has an address of its own. A poll lends the run
//! right's reference to its waker, which therefore costs nothing unless it is cloned.

#![allow(unsafe_code, reason = "a waker is a pointer and a table of functions over it")]

use super::header::{Header, TaskRef};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::task::{RawWaker, RawWakerVTable, Waker};

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// A waker that lives on somebody else's reference.
pub(super) struct BorrowedWaker<'a>(ManuallyDrop<Waker>, PhantomData<&'a Header>);

impl BorrowedWaker<'_> {
    /// The waker of the task whose run right the caller holds.
    ///
    /// # Safety
    /// 1. The caller keeps a reference to `task` as long as the value lives.
    #[inline]
    pub(super) unsafe fn new(task: NonNull<Header>) -> Self {
        // SAFETY: the functions uphold the waker's contract for a pointer to a task with a reference; that reference is
        // the caller's (1), which is why this waker is never dropped.
        let waker = unsafe { Waker::new(task.as_ptr().cast_const().cast(), &VTABLE) };
        Self(ManuallyDrop::new(waker), PhantomData)
    }

    #[inline]
    pub(super) fn get(&self) -> &Waker {
        &self.0
    }
}

/// Whether `waker` wakes `task`.
#[inline]
pub(super) fn belongs_to(waker: &Waker, task: *const Header) -> bool {
    waker.data() == task.cast() && std::ptr::eq(waker.vtable(), &raw const VTABLE)
}

/// The reference behind a waker's pointer.
///
/// # Safety
/// 1. `data` is the pointer of a waker of ours.
/// 2. The value is a reference the caller may give up, or it is never dropped.
#[inline]
unsafe fn reference(data: *const ()) -> TaskRef {
    // SAFETY: by 1 it came from a `NonNull`.
    let task = unsafe { NonNull::new_unchecked(data.cast_mut().cast::<Header>()) };
    // SAFETY: by 1 the waker has a reference; by 2 it is given up at most once.
    unsafe { TaskRef::from_raw(task) }
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: called by a waker of ours; never dropped.
    let task = ManuallyDrop::new(unsafe { reference(data) });
    // The new waker's reference.
    std::mem::forget(TaskRef::clone(&task));
    RawWaker::new(data, &VTABLE)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: called by a waker of ours, which gives its reference up.
    unsafe { reference(data) }.wake();
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: called by a waker of ours; never dropped.
    ManuallyDrop::new(unsafe { reference(data) }).wake_by_ref();
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: called by a waker of ours, which gives its reference up.
    drop(unsafe { reference(data) });
}
