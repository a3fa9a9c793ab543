//! What every task has in common, and references to it.
//!
//! A task is one slot of a heap's page: this header, then the body (`cell.rs`). The header knows nothing of the
//! future's type but the address of its table of functions.
//!
//! | field | written by | read by |
//! |---|---|---|
//! | `state` | its transitions | anybody who has a reference; a walk of the registry, at any time |
//! | `vtable`, `id`, `meta` | the spawn, before the word is published; `meta` is dropped with the last reference | holders of a reference |
//! | `link` | the holder of the run right; in a free slot, whoever has the slot | the same |
//! | `join_waker` | see the table in `state.rs` | the same |
//!
//! Pointers to a header keep the reach of the page they lie in (they are made by arithmetic from the page's own), for
//! the page is found by masking them. Never make one from a `&Header`.

#![allow(unsafe_code, reason = "references to a task are counted by hand")]

use super::contain::Payload;
use super::heap;
use super::id::Id;
use super::meta::{PackedMeta, Phase, TaskInfo};
use super::runnable::Runnable;
use super::state::{Release, State, Wake};
use filch_primitive::cell::UnsafeCell;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr::{self, NonNull};
use std::task::{Context, Waker};

/// What every task has in common.
#[repr(C)]
pub(crate) struct Header {
    pub(super) state: State,
    pub(super) vtable: MaybeUninit<&'static VTable>,
    pub(super) link: UnsafeCell<Option<NonNull<Header>>>,
    pub(super) join_waker: UnsafeCell<MaybeUninit<Waker>>,
    pub(super) id: MaybeUninit<Id>,
    pub(super) meta: MaybeUninit<PackedMeta>,
    /// Stands for the three plain fields when the model checker looks: written with them, read with them.
    #[cfg(filch_loom)]
    watched: UnsafeCell<()>,
}

// An empty task is to cost 64 bytes: this and one word of body.
#[cfg(all(target_pointer_width = "64", not(any(filch_loom, filch_shuttle))))]
const _: () = assert!(size_of::<Header>() == 56);

/// What a poll came to.
pub(super) enum Polled {
    /// Not ready.
    Pending,
    /// The future is gone and its output lies in the body.
    Ready,
    /// The future is gone and nothing lies in the body.
    Panicked(Payload),
}

/// The functions that know the future's type. Every one of them is called by the holder of the run right, except
/// `drop_output`, which is called by whoever owns the output.
pub(super) struct VTable {
    /// Bytes from the header to the body, where future, output and payload begin.
    pub(super) body_offset: usize,
    /// Polls the future; unless it is pending, it is dropped.
    pub(super) poll: unsafe fn(NonNull<Header>, &mut Context<'_>) -> Polled,
    /// Drops the future. May unwind; the future counts as dropped then.
    pub(super) drop_future: unsafe fn(NonNull<Header>),
    /// Drops the output. May unwind; the output counts as dropped then.
    pub(super) drop_output: unsafe fn(NonNull<Header>),
}

impl Header {
    /// What a slot holds before its first task.
    pub(super) fn vacant() -> Self {
        Self {
            state: State::free(),
            vtable: MaybeUninit::uninit(),
            link: UnsafeCell::new(None),
            join_waker: UnsafeCell::new(MaybeUninit::uninit()),
            id: MaybeUninit::uninit(),
            meta: MaybeUninit::uninit(),
            #[cfg(filch_loom)]
            watched: UnsafeCell::new(()),
        }
    }

    /// Writes what a task has in common into a slot, except the word.
    ///
    /// # Safety
    /// 1. `slot` is a slot without a task, and the caller's alone.
    #[inline]
    pub(super) unsafe fn fill(slot: NonNull<Self>, vtable: &'static VTable, id: Id, meta: PackedMeta) {
        let slot = slot.as_ptr();
        #[cfg(filch_loom)]
        // SAFETY: by 1.
        unsafe { &(*slot).watched }.with_mut(|_| ());
        // Field by field: a walk of the registry may be reading the word meanwhile.
        // SAFETY: by 1 the slot is memory for a header that nobody else touches, its word excepted.
        let place = unsafe { &raw mut (*slot).vtable };
        // SAFETY: as above; the place lies in the slot and holds nothing to drop.
        unsafe { place.write(MaybeUninit::new(vtable)) };
        // SAFETY: as above.
        let place = unsafe { &raw mut (*slot).id };
        // SAFETY: as above.
        unsafe { place.write(MaybeUninit::new(id)) };
        // SAFETY: as above.
        let place = unsafe { &raw mut (*slot).meta };
        // SAFETY: as above.
        unsafe { place.write(MaybeUninit::new(meta)) };
    }

    /// The word of a slot that may hold no task: all a walk may touch before it has a reference.
    ///
    /// # Safety
    /// 1. `slot` was carved out of a page that is kept for `'a`.
    pub(super) unsafe fn state_of<'a>(slot: NonNull<Self>) -> &'a State {
        // SAFETY: by 1 the memory is there, and its word is valid from carving on, for it is only changed atomically.
        unsafe { &(*slot.as_ptr()).state }
    }

    /// Tells the model checker that the plain fields are read.
    #[inline]
    fn watch(&self) {
        #[cfg(filch_loom)]
        self.watched.with(|_| ());
    }

    #[inline]
    pub(super) fn vtable(&self) -> &'static VTable {
        self.watch();
        // SAFETY: a `&Header` to the whole is made from references only, so the spawn has filled the slot.
        unsafe { self.vtable.assume_init() }
    }

    #[inline]
    pub(super) fn id(&self) -> Id {
        self.watch();
        // SAFETY: as in `vtable`.
        unsafe { self.id.assume_init() }
    }

    #[inline]
    pub(super) fn meta(&self) -> &PackedMeta {
        self.watch();
        // SAFETY: as in `vtable`; dropped only once the last reference is gone.
        unsafe { self.meta.assume_init_ref() }
    }

    pub(super) fn describe(&self) -> TaskInfo {
        let now = self.state.load();
        let phase = if now.is_complete() {
            Phase::Complete
        } else if now.is_cancelled() {
            Phase::Cancelled
        } else if now.is_owned() {
            Phase::Scheduled
        } else {
            Phase::Idle
        };
        TaskInfo { id: self.id(), meta: self.meta().to_meta(), phase }
    }

    /// Takes the joiner's waker out of the cell.
    ///
    /// # Safety
    /// 1. The cell holds a waker, and by the table in `state.rs` it is the caller's to take.
    pub(super) unsafe fn take_join_waker(&self) -> Waker {
        self.join_waker.with(|cell| {
            // SAFETY: by 1 nobody writes the cell meanwhile.
            let waker = unsafe { cell.read() };
            // SAFETY: by 1 it holds a waker, which nobody takes again.
            unsafe { waker.assume_init() }
        })
    }
}

/// A counted reference to a task. It keeps the task's memory, and nothing else of it.
pub(super) struct TaskRef(NonNull<Header>);

// SAFETY: a reference gives access to what the header's table allows from any thread: atomics, and plain fields that do
// not change while there are references. Dropping it elsewhere drops no user code: the last one of a task that still
// has its future hands that task to the scheduler.
unsafe impl Send for TaskRef {}
// SAFETY: as above; cloning through a shared reference is an atomic increment.
unsafe impl Sync for TaskRef {}

impl TaskRef {
    /// Takes over a counted reference.
    ///
    /// # Safety
    /// 1. The caller has a reference to `task` and gives it up to the value.
    #[inline]
    pub(super) unsafe fn from_raw(task: NonNull<Header>) -> Self {
        Self(task)
    }

    /// Gives the reference to the caller.
    #[inline]
    pub(super) fn into_raw(self) -> NonNull<Header> {
        ManuallyDrop::new(self).0
    }

    #[inline]
    pub(super) fn as_ptr(&self) -> NonNull<Header> {
        self.0
    }

    #[inline]
    pub(super) fn header(&self) -> &Header {
        // SAFETY: the reference keeps the slot, which the spawn has filled; what changes in it are cells and atomics.
        unsafe { self.0.as_ref() }
    }

    /// Wakes the task, with the reference the waker is.
    #[inline]
    pub(super) fn wake(self) {
        let release = self.header().state.wake();
        // SAFETY: the word moved by `wake` says what became of the reference, which is not used again here.
        unsafe { settle(self.into_raw(), release) };
    }

    /// Wakes the task.
    #[inline]
    pub(super) fn wake_by_ref(&self) {
        self.settle_wake(self.header().state.wake_by_ref());
    }

    /// Asks for the future to be dropped.
    pub(super) fn abort(&self) {
        self.settle_wake(self.header().state.abort());
    }

    #[inline]
    fn settle_wake(&self, wake: Wake) {
        if wake == Wake::Schedule {
            // SAFETY: the transition made the run right and a reference for it; they are made into a runnable once.
            let task = unsafe { Runnable::from_raw(self.0) };
            heap::schedule(task);
        }
    }
}

impl Clone for TaskRef {
    #[inline]
    fn clone(&self) -> Self {
        self.header().state.retain();
        Self(self.0)
    }
}

impl Drop for TaskRef {
    #[inline]
    fn drop(&mut self) {
        let release = self.header().state.release();
        // SAFETY: the word moved by `release` says what became of the reference, which is not used again.
        unsafe { settle(self.0, release) };
    }
}

/// Does what giving up a reference asks for.
///
/// # Safety
/// 1. `release` came from the transition that took the caller's reference to `task` away.
#[inline]
pub(super) unsafe fn settle(task: NonNull<Header>, release: Release) {
    match release {
        Release::Nothing => {}
        // SAFETY: by 1 the caller's reference was the last, and nothing lies in the body of a complete task without
        // references: whoever completed it or dropped its handle saw to that.
        Release::Free => unsafe { free(task) },
        Release::Schedule => {
            // SAFETY: by 1 the reference has become the run right's; it is made into a runnable once.
            let task = unsafe { Runnable::from_raw(task) };
            heap::schedule(task);
        }
    }
}

/// Takes a task apart and gives its slot back.
///
/// # Safety
/// 1. The last reference to `task` is the caller's, and the body holds nothing.
#[inline]
pub(super) unsafe fn free(task: NonNull<Header>) {
    #[cfg(filch_loom)]
    // SAFETY: by 1.
    unsafe { &(*task.as_ptr()).watched }.with_mut(|_| ());
    // SAFETY: by 1 nobody else touches the slot, its word excepted.
    let meta = unsafe { &raw mut (*task.as_ptr()).meta };
    // SAFETY: as above; filled by the spawn, and dropped here once.
    unsafe { ptr::drop_in_place(meta.cast::<PackedMeta>()) };
    // SAFETY: the page stays until its slot is given back below.
    unsafe { Header::state_of(task) }.retire();
    // SAFETY: the slot is free now, and the caller's alone.
    unsafe { heap::free(task) };
}
