//! The task cell: a future on the heap, and who may do what to it when.
//!
//! A task is one slot of a worker's heap: a header of 56 bytes and the future, whose place the output takes when it is
//! done. An empty task costs 64 bytes. It knows no queue and no thread: it is given to whoever implements [`Schedule`], as a
//! [`Runnable`], whenever it is to be polled.
//!
//! | who | has | may |
//! |---|---|---|
//! | [`Runnable`] | the run right, a reference | poll the future once, or drop it |
//! | waker | a reference | make a runnable of an idle task |
//! | [`JoinHandle`] | a reference, the right to what the future leaves | await it, abort |
//! | [`AbortHandle`] | a reference | abort |
//! | [`Heap`] | all slots | abort or describe every task |
//!
//! In reading order:
//! - [`state`]: the state word, with the table of phases, the protocol and why it is right.
//! - [`header`], and this file: what is common to all tasks, and what depends on the future's type.
//! - [`runnable`]: polling, and all ways in which a task ends.
//! - [`waker`], [`join`], [`abort`]: the other references.
//! - [`heap`]: where tasks lie.
//! - [`current`](mod@super::current), [`yield_now`](mod@super::yield_now): the task that is running on this thread, and how it
//!   gives way.
//! - [`contain`](mod@super::contain), [`report`], [`error`]: what becomes of panics.
//! - [`id`], [`meta`]: what a task is called.
//!
//! # A life, in locked instructions
//!
//! | step | | step | |
//! |---|---|---|---|
//! | spawn | 0 | yield | 0 |
//! | poll to pending | 1 | completion | 1 |
//! | wake by value or by reference | 1 | ... with a joiner waiting | 2 |
//! | waker clone, drop | 1 each | join handle's drop after completion | 0 |
//!
//! # The body
//!
//! The typed half of a task is a union, and which of its fields is alive is said by the state word beside it, never by a tag
//! inside: a tag could end up in a niche of the future, where reading it would alias what the future borrows from itself. The
//! future is written in place by the spawn and never moves again.
//!
//! | state word | body |
//! |---|---|
//! | not complete | the future; nothing any more, or the result already, between its end and [`State::complete`] |
//! | complete, the handle has not taken it | the output, the payload's box, or nothing, as [`Outcome`] says |
//! | complete otherwise | nothing |
//!
//! What does not depend on the future's type is not written here: this module is compiled once per future.
//!
//! # Rejected
//!
//! - Aborting by dropping the future at once, on the aborting thread: it may be in the middle of a poll, and it need not be
//!   `Send`.
//! - A separate allocation for the output or the join state: a task is one allocation.
//! - Wrapping the user's future in one of ours: the compiler stores such a future twice more often than not.
//!
//! [`Schedule`]: super::heap::Schedule
//! [`Runnable`]: super::runnable::Runnable
//! [`JoinHandle`]: super::join::JoinHandle
//! [`AbortHandle`]: super::abort::AbortHandle
//! [`Heap`]: super::heap::Heap
//! [`State::complete`]: super::state::State::complete
//! [`Outcome`]: super::state::Outcome
//! [`state`]: super::state
//! [`header`]: super::header
//! [`runnable`]: super::runnable
//! [`waker`]: super::waker
//! [`join`]: super::join
//! [`abort`]: super::abort
//! [`heap`]: super::heap
//! [`report`]: super::report
//! [`error`]: super::error
//! [`id`]: super::id
//! [`meta`]: super::meta

#![allow(unsafe_code, reason = "the body's type is known here alone")]

use super::contain::{Payload, contain, drop_contained};
use super::header::{Header, Polled, VTable};
use std::alloc::Layout;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::ptr::{self, NonNull};
use std::task::{Context, Poll};

/// The body. Only its layout is used: the fields are reached by casting a pointer to the whole.
#[repr(C)]
union Body<F: Future> {
    future: ManuallyDrop<F>,
    output: ManuallyDrop<F::Output>,
    payload: ManuallyDrop<Box<Payload>>,
}

/// Everything known about tasks that run an `F`.
pub(super) struct Cell<F>(PhantomData<F>);

impl<F: Future> Cell<F> {
    /// What the heap has to find room for behind the header.
    pub(super) const BODY: Layout = Layout::new::<Body<F>>();

    pub(super) const VTABLE: &'static VTable = &VTable {
        body_offset: body_offset(Self::BODY.align()),
        poll: Self::poll,
        drop_future: Self::drop_future,
        drop_output: Self::drop_output,
    };

    #[inline]
    fn future(task: NonNull<Header>) -> *mut F {
        task.as_ptr().wrapping_byte_add(Self::VTABLE.body_offset).cast()
    }

    #[inline]
    fn output(task: NonNull<Header>) -> *mut F::Output {
        task.as_ptr().wrapping_byte_add(Self::VTABLE.body_offset).cast()
    }

    /// Puts the future into its place.
    ///
    /// # Safety
    /// 1. `slot` has room for [`Self::BODY`] at its offset, and is the caller's alone.
    #[inline]
    pub(super) unsafe fn write(slot: NonNull<Header>, future: F) {
        // SAFETY: by 1 the place is valid for a write of `F`, and aligned, as the offset and the slot are.
        unsafe { Self::future(slot).write(future) };
    }

    /// # Safety
    /// 1. The caller holds the run right of `task`, whose body is an `F` that lives.
    unsafe fn poll(task: NonNull<Header>, cx: &mut Context<'_>) -> Polled {
        let polled = contain(|| {
            // SAFETY: by 1 nobody else reaches the future while this borrow lasts.
            let future = unsafe { &mut *Self::future(task) };
            // SAFETY: it lies where the spawn put it, and is dropped there.
            unsafe { Pin::new_unchecked(future) }.poll(cx)
        });
        match polled {
            Ok(Poll::Pending) => Polled::Pending,
            Ok(Poll::Ready(output)) => {
                // SAFETY: by 1 the future is alive, and ours; after this it counts as dropped.
                match contain(|| unsafe { Self::drop_future(task) }) {
                    Ok(()) => {
                        // SAFETY: the body is ours, empty now, and has room for the output.
                        unsafe { Self::output(task).write(output) };
                        Polled::Ready
                    }
                    Err(payload) => {
                        drop_contained(output);
                        Polled::Panicked(payload)
                    }
                }
            }
            Err(payload) => {
                // The first panic is the one to tell about.
                // SAFETY: by 1 the future is alive, and ours; after this it counts as dropped.
                drop(contain(|| unsafe { Self::drop_future(task) }));
                Polled::Panicked(payload)
            }
        }
    }

    /// # Safety
    /// 1. The caller holds the run right of `task`, whose body is an `F` that lives. It does not afterwards.
    unsafe fn drop_future(task: NonNull<Header>) {
        // SAFETY: by 1 it is alive, and ours.
        unsafe { ptr::drop_in_place(Self::future(task)) };
    }

    /// # Safety
    /// 1. The body of `task` is the output of an `F`, and the caller's. It holds nothing afterwards.
    unsafe fn drop_output(task: NonNull<Header>) {
        // SAFETY: by 1 it is alive, and ours.
        unsafe { ptr::drop_in_place(Self::output(task)) };
    }
}

/// Bytes from a header to a body of this alignment: right behind it, or the first multiple of sixteen. The heap puts
/// the header that far before an address of the alignment asked for.
pub(super) const fn body_offset(align: usize) -> usize {
    if align <= align_of::<Header>() { size_of::<Header>() } else { size_of::<Header>().next_multiple_of(16) }
}

/// Reads the output of a complete task.
///
/// # Safety
/// 1. The body of `task` is an output of type `T`, and the caller's. It holds nothing afterwards.
pub(super) unsafe fn take_output<T>(task: NonNull<Header>) -> T {
    // SAFETY: by 1 the task is there, and spawned.
    let vtable = unsafe { task.as_ref() }.vtable();
    // SAFETY: by 1 there is a `T` at the body's offset, which nobody reads again.
    unsafe { task.as_ptr().wrapping_byte_add(vtable.body_offset).cast::<T>().read() }
}

fn payload_of(task: NonNull<Header>, vtable: &VTable) -> *mut Box<Payload> {
    task.as_ptr().wrapping_byte_add(vtable.body_offset).cast()
}

/// Puts a panic's payload into the body. Boxed once more, it is one word, for which every body has room.
///
/// # Safety
/// 1. The caller holds the run right of `task`, whose body holds nothing.
pub(super) unsafe fn put_payload(task: NonNull<Header>, payload: Payload) {
    // SAFETY: by 1 the task is there, and spawned.
    let vtable = unsafe { task.as_ref() }.vtable();
    // SAFETY: by 1 the body is ours and empty; it has room and the alignment for a box, which is one of its fields.
    unsafe { payload_of(task, vtable).write(Box::new(payload)) };
}

/// Takes the payload of a task that panicked.
///
/// # Safety
/// 1. The body of `task` is a payload, and the caller's. It holds nothing afterwards.
pub(super) unsafe fn take_payload(task: NonNull<Header>) -> Payload {
    // SAFETY: by 1 the task is there, and spawned.
    let vtable = unsafe { task.as_ref() }.vtable();
    // SAFETY: by 1 it holds a payload, which nobody reads again.
    *unsafe { payload_of(task, vtable).read() }
}
