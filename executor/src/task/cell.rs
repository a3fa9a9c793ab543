//! The typed half of a task: where the future lies, and later what it left.
//!
//! The body is a union, and which of its fields is alive is said by the state word beside it, never by a tag inside:
//! a tag could end up in a niche of the future, where reading it would alias what the future borrows from itself. The
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
//! [`State::complete`]: super::state::State::complete
//! [`Outcome`]: super::state::Outcome

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
