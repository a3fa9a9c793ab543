//! The heap of tasks: allocator and registry at once.
//!
//! Every worker has a heap, and so has every thread's set of local tasks and the world outside. A task lies in a slot of a page
//! of the heap it was spawned into, for good. In reading order:
//!
//! - [`size_class`]: which sizes of slots there are.
//! - [`page`]: how slots lie in pages, and how they are found from each other.
//! - [`local`]: the owner's lists: spawning and freeing on one thread takes no locked instruction.
//! - [`core`]: freeing elsewhere, and what happens to slots whose heap is gone.
//! - [`registry`]: the list of pages, and how to walk it while tasks come and go.
//!
//! | call | by | costs |
//! |---|---|---|
//! | spawn | the owner | a pop; a page now and then |
//! | free | the owner | a push |
//! | free | anybody else | one exchange |
//! | free, heap gone | anybody | one exchange |
//! | walk | anybody | a look at every slot there ever was; an exchange for each that is live |
//!
//! Rejected: a list of all tasks (two links in every task, a lock for every spawn and every end; splitting that lock bought other
//! runtimes a fifth), a count of live tasks (a line that all workers write), and the global allocator (which gives a slot of
//! its own choosing, with no way from it to the scheduler or to the other tasks, and takes longer).

#![allow(unsafe_code, reason = "the typed shell over the core")]

pub(super) mod core;
mod local;
mod page;
mod registry;
mod size_class;

use self::core::Core;
use self::page::Page;
use self::size_class::Room;
use super::cell::{Cell, body_offset};
use super::header::{Header, TaskRef};
use super::join::JoinHandle;
use super::meta::{Meta, PackedMeta, TaskInfo};
use super::runnable::Runnable;
use super::state::Seize;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Weak;

/// What a task asks of whoever runs tasks.
pub(crate) trait Schedule: Send + Sync + Sized + 'static {
    /// Takes the right to poll `task` once: from a waker, an abort or the last reference's drop, on any thread.
    ///
    /// `target` may be gone already. It is good for use until `task` is given away and no longer: whoever runs the task
    /// may free it, and `target` with it. So upgrade first, or compare pointers.
    ///
    /// Where `target` is gone, dropping `task` drops its future here; a future that must not be dropped on this thread
    /// asks for [`Runnable::forget`] instead.
    fn schedule(target: &Weak<Self>, task: Runnable);
}

/// Hands a run right to whoever runs tasks of the heap it came from.
#[inline]
pub(super) fn schedule(task: Runnable) {
    // SAFETY: the task's page is there while the task is.
    let core = unsafe { Page::of(task.as_ptr()).as_ref() }.core();
    // SAFETY: it is the task's heap's.
    unsafe { Core::schedule(core, task) };
}

/// Frees a slot, on any thread.
///
/// # Safety
/// 1. `slot` came from a heap, holds no task, and is the caller's.
#[inline]
pub(super) unsafe fn free(slot: NonNull<Header>) {
    // SAFETY: by 1.
    unsafe { Core::free(slot) };
}

/// Memory for tasks, and the list of them. Dropping it abandons it: tasks that are left stay valid for their wakers and
/// handles, and go one by one.
pub(crate) struct Heap<S: Schedule> {
    core: NonNull<Core>,
    target: PhantomData<fn() -> S>,
}

// SAFETY: the core's shared side is made of atomics and a lock; its owner's side is reached through unsafe methods only.
unsafe impl<S: Schedule> Send for Heap<S> {}
// SAFETY: as above; the target is `Send` and `Sync`.
unsafe impl<S: Schedule> Sync for Heap<S> {}

impl<S: Schedule> Heap<S> {
    /// A heap without pages, whose tasks are run by `target`.
    pub(crate) fn new(target: Weak<S>) -> Self {
        Self { core: Core::new(target), target: PhantomData }
    }

    fn core(&self) -> &Core {
        // SAFETY: the core stays at least as long as the heap.
        unsafe { self.core.as_ref() }
    }

    /// Makes this thread the heap's owner until the guard is dropped: slots freed here go back without an exchange.
    ///
    /// The guard may outlive the heap.
    ///
    /// # Safety
    /// 1. Until the guard is dropped, nobody else allocates from the heap, not even under a lock.
    ///
    /// # Panics
    /// The heap has an owner.
    pub(crate) unsafe fn own(&self) -> Owned {
        self.core().own();
        Owned { core: self.core, on_this_thread: PhantomData }
    }

    /// Puts a task into the heap. The runnable is its first run right.
    ///
    /// # Safety
    /// 1. No other thread allocates from this heap during the call: the caller holds the owner's guard, or the lock that
    ///    stands for it.
    /// 2. If `F` is not `Send`, the runnable is run and dropped on this thread only. The handle sees to itself.
    #[inline]
    pub(crate) unsafe fn spawn<F>(&self, future: F, meta: Meta) -> (Runnable, JoinHandle<F::Output>)
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let body = Cell::<F>::BODY;
        let room = const {
            let body = Cell::<F>::BODY;
            Room::of(body_offset(body.align()).saturating_add(body.size()), body.align())
        };
        let meta = PackedMeta::new(meta);
        // SAFETY: by 1.
        let (slot, id) = unsafe { self.core().allocate(room, body) };
        // SAFETY: the slot is fresh, and ours.
        unsafe { Header::fill(slot, Cell::<F>::VTABLE, id, meta) };
        // SAFETY: the slot was allocated for this body.
        unsafe { Cell::<F>::write(slot, future) };
        // SAFETY: our own slot.
        unsafe { Header::state_of(slot) }.publish();
        // SAFETY: published with a run right and its reference. By 2 it stays where the future may be.
        let runnable = unsafe { Runnable::from_raw(slot) };
        // SAFETY: published with a reference for the handle.
        let task = unsafe { TaskRef::from_raw(slot) };
        // SAFETY: the body's output is an `F::Output`; by 2 its task runs here unless it may go anywhere.
        (runnable, unsafe { JoinHandle::new(task) })
    }

    /// Takes back slots that others have freed, and lets go of empty pages little by little. A spawn does the first when it runs
    /// out of slots; an owner that is about to rest does both. Without anything to do, a load.
    ///
    /// # Safety
    /// 1. No other thread allocates from this heap during the call, as for [`spawn`](Self::spawn).
    pub(crate) unsafe fn collect(&self) {
        // SAFETY: by 1.
        unsafe { self.core().tidy() };
    }

    /// Aborts every task that is not complete. Idle ones are given to `take` as runnables, whose drop drops the future and
    /// completes the task; those that are queued or running get the mark, and whoever holds their run right does the
    /// rest. Returns how many were not complete.
    ///
    /// On any thread, beside everything. Tasks spawned during the call may be missed.
    pub(crate) fn cancel_all(&self, mut take: impl FnMut(Runnable)) -> usize {
        let mut found = 0;
        self.walk(|slot| {
            // SAFETY: slots on a walk are carved, and their pages kept.
            match unsafe { Header::state_of(slot) }.seize() {
                Seize::Nothing => return,
                Seize::Marked => {}
                // SAFETY: the transition made a run right and a reference for it.
                Seize::Taken => take(unsafe { Runnable::from_raw(slot) }),
            }
            found += 1;
        });
        found
    }

    /// Describes every task that is not complete. On any thread, beside everything.
    pub(crate) fn for_each(&self, mut f: impl FnMut(TaskInfo)) {
        self.walk(|slot| {
            // SAFETY: slots on a walk are carved, and their pages kept.
            if unsafe { Header::state_of(slot) }.try_retain() {
                // SAFETY: the transition made the reference.
                let task = unsafe { TaskRef::from_raw(slot) };
                f(task.header().describe());
            }
        });
    }

    fn walk(&self, mut visit: impl FnMut(NonNull<Header>)) {
        let walk = self.core().registry().walk();
        for &page in walk.pages() {
            // SAFETY: the walk keeps its pages.
            let carved = unsafe { page.as_ref() }.carved();
            for index in 0..carved {
                // SAFETY: carved slots are within the capacity; the walk keeps the page.
                visit(unsafe { Page::slot(page, index) });
            }
        }
    }

    /// Bytes of all pages, used or not.
    pub(crate) fn retained_bytes(&self) -> usize {
        self.core().registry().bytes()
    }
}

impl<S: Schedule> Drop for Heap<S> {
    fn drop(&mut self) {
        // SAFETY: the heap holds its core until here.
        unsafe { Core::let_go(self.core) };
    }
}

impl<S: Schedule> fmt::Debug for Heap<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").field("retained_bytes", &self.retained_bytes()).finish_non_exhaustive()
    }
}

/// Ownership of a heap by this thread, until dropped.
#[derive(Debug)]
#[must_use = "the thread owns the heap as long as this value lives"]
pub(crate) struct Owned {
    core: NonNull<Core>,
    on_this_thread: PhantomData<*const ()>,
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the guard was made for the owner, on this thread, and holds the core until here.
        unsafe { Core::disown(self.core) };
    }
}

#[cfg(test)]
impl<S: Schedule> Heap<S> {
    /// Slots that are not free, for tests.
    pub(super) fn live(&self) -> usize {
        let mut live = 0;
        self.walk(|slot| {
            // SAFETY: slots on a walk are carved, and their pages kept.
            live += usize::from(!unsafe { Header::state_of(slot) }.load().is_free());
        });
        live
    }
}
