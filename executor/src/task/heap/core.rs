//! What the slots of one heap have in common, for as long as there are any.
//!
//! # Freeing
//!
//! The owner of a heap frees a slot into the owner's lists. Everybody else pushes it on the heap's stack of returned slots,
//! with one exchange; the owner takes the whole stack with one exchange when its lists have run dry. Slots never leave the
//! stack one by one, so that a head seen twice is the same stack twice.
//!
//! # Abandonment
//!
//! When the [`Heap`](super::Heap) goes, and its owner's guard if it has one, wakers and handles may stay, and with them slots,
//! their pages, and this core. From then on pages are not reused: each goes with its last slot.
//!
//! The last of heap and guard:
//! 1. Exchanges the stack for [`ABANDONED`], and frees the slots it took from it, as an owner does.
//! 2. Sets the number of pages left to the number of pages, and one for itself.
//! 3. For every page, adds the number of slots in use to the page's account; if that makes zero, frees the page.
//! 4. Subtracts the pages it freed, and its one, from the number left; if that makes zero, frees the core.
//!
//! Whoever frees a slot and finds [`ABANDONED`]:
//! 1. Subtracts one from the page's account; if that makes zero, frees the page, and
//! 2. subtracts one from the number of pages left; if that makes zero, frees the core.
//!
//! Why it is right: after the exchange no slot is pushed any more, so every slot in use at step 3 is settled by exactly one
//! subtraction, be it before or after the addition. The account is zero or less until the addition and zero or more from
//! then on, and the addition or the last subtraction after it finds zero, exactly one of them. A page that is counted
//! in step 2 keeps the core until it is subtracted, so the core is there for whoever has a slot.
//!
//! Rejected: a count of slots for the whole heap. One waker kept for ever would keep all of its pages.

#![allow(unsafe_code, reason = "who may free what is counted by hand")]

use super::super::current;
use super::super::header::Header;
use super::super::runnable::Runnable;
use super::Schedule;
use super::local::{self, Local};
use super::page::Page;
use super::registry::Registry;
use super::size_class::{Room, SizeClass};
use crate::task::id::Id;
use crossbeam_utils::CachePadded;
use filch_primitive::cell::UnsafeCell;
use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::alloc::Layout;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::Weak;

/// In place of the stack of returned slots: nobody collects it any more. Not the address of anything.
const ABANDONED: *mut Header = ptr::without_provenance_mut(1);

/// No thread's number.
const NOBODY: u64 = 0;

/// The part of a heap that lasts as long as its last slot.
pub(super) struct Core {
    target: Target,
    /// The number of the thread that owns the heap.
    owner: AtomicU64,
    /// The heap, and its owner's guard. The last of them abandons the core.
    holders: AtomicUsize,
    local: UnsafeCell<Local>,
    registry: Registry,
    /// Meaningful once the heap was abandoned.
    pages_left: AtomicUsize,
    /// Slots freed by others than the owner.
    returned: CachePadded<AtomicPtr<Header>>,
}

/// A `Weak<S>` without its type.
struct Target {
    weak: *const (),
    schedule: unsafe fn(*const (), Runnable),
    drop: unsafe fn(*const ()),
}

impl Target {
    fn new<S: Schedule>(weak: Weak<S>) -> Self {
        /// # Safety
        /// 1. `weak` came from a `Weak<S>` that still counts.
        unsafe fn schedule<S: Schedule>(weak: *const (), task: Runnable) {
            // A copy on the stack: the weak itself may go with the task.
            // SAFETY: by 1; the copy does not count, and is never dropped.
            let weak = ManuallyDrop::new(unsafe { Weak::from_raw(weak.cast::<S>()) });
            S::schedule(&weak, task);
        }
        /// # Safety
        /// 1. `weak` came from a `Weak<S>` that still counts, and does not afterwards.
        unsafe fn drop_weak<S>(weak: *const ()) {
            // SAFETY: by 1.
            drop(unsafe { Weak::from_raw(weak.cast::<S>()) });
        }
        Self { weak: weak.into_raw().cast(), schedule: schedule::<S>, drop: drop_weak::<S> }
    }
}

impl Core {
    pub(super) fn new<S: Schedule>(target: Weak<S>) -> NonNull<Self> {
        let core = Box::new(Self {
            target: Target::new(target),
            owner: AtomicU64::new(NOBODY),
            holders: AtomicUsize::new(1),
            local: UnsafeCell::new(Local::new()),
            registry: Registry::new(),
            pages_left: AtomicUsize::new(0),
            returned: CachePadded::new(AtomicPtr::new(ptr::null_mut())),
        });
        NonNull::from(Box::leak(core))
    }

    pub(super) fn as_ptr(&self) -> NonNull<Self> {
        NonNull::from(self)
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Makes this thread the owner.
    ///
    /// # Panics
    /// The heap has an owner.
    pub(super) fn own(&self) {
        // Ordering: Acquire, paired with the Release store in `disown`: what the last owner did to the lists is seen.
        let owned = self.owner.compare_exchange(
            NOBODY,
            current::thread_number(),
            Ordering::Acquire,
            Ordering::Relaxed,
        );
        assert!(owned.is_ok(), "a task heap has one owner at a time");
        // Ordering: Relaxed, as for any count: the heap is there, and counted.
        self.holders.fetch_add(1, Ordering::Relaxed);
    }

    /// Leaves the heap without an owner.
    ///
    /// # Safety
    /// 1. The caller is the owner, and does not use `core` any more.
    pub(super) unsafe fn disown(core: NonNull<Self>) {
        // SAFETY: the owner is one of the holders, until below.
        let this = unsafe { core.as_ref() };
        // Ordering: Release, paired with the Acquire exchange in `own`.
        this.owner.store(NOBODY, Ordering::Release);
        // SAFETY: the owner's hold is given up once.
        unsafe { Self::let_go(core) };
    }

    /// One of the holders goes.
    ///
    /// # Safety
    /// 1. The caller is one of the holders, and does not use `core` any more.
    pub(super) unsafe fn let_go(core: NonNull<Self>) {
        // SAFETY: by 1 the caller still counts.
        let this = unsafe { core.as_ref() };
        // Ordering: AcqRel. Release: what this holder did to the lists is seen by the last one, which acquires.
        if this.holders.fetch_sub(1, Ordering::AcqRel) == 1 {
            // SAFETY: neither heap nor owner is left.
            unsafe { Self::abandon(core) };
        }
    }

    /// Runs `f` on the owner's side.
    ///
    /// # Safety
    /// 1. The caller is the owner, or holds the lock that stands for it, or has the heap to itself.
    /// 2. `f` does not come back here.
    unsafe fn with_local<R>(&self, f: impl FnOnce(&mut Local) -> R) -> R {
        // SAFETY: by 1 no other thread, and by 2 nobody else on this one has a reference to it.
        self.local.with_mut(|local| f(unsafe { &mut *local }))
    }

    /// A slot with room for `body` behind its header, and an id for its task.
    ///
    /// # Safety
    /// 1. The caller is the owner, or holds the lock that stands for it.
    #[inline]
    pub(super) unsafe fn allocate(&self, room: Room, body: Layout) -> (NonNull<Header>, Id) {
        let take = |local: &mut Local| {
            let slot = match room {
                Room::Slot(class) => match local.take(class) {
                    Some(slot) => slot,
                    None => self.allocate_slow(local, class),
                },
                Room::Page => self.allocate_page(local, body),
            };
            (slot, local.ids.next())
        };
        // SAFETY: by 1; nothing in `take` comes back here.
        unsafe { self.with_local(take) }
    }

    #[cold]
    fn allocate_slow(&self, local: &mut Local, class: SizeClass) -> NonNull<Header> {
        self.collect(local);
        match local.take(class) {
            Some(slot) => slot,
            None => local.take_from_new(self, class),
        }
    }

    #[cold]
    fn allocate_page(&self, local: &mut Local, body: Layout) -> NonNull<Header> {
        // Large pages that others have returned should go before there is one more.
        self.collect(local);
        local.take_page(self, body)
    }

    /// Takes back what others have freed.
    fn collect(&self, local: &mut Local) {
        // Ordering: Relaxed: a hint; the exchange decides. The model checker takes every path there is only without it.
        if !cfg!(any(filch_loom, filch_shuttle)) && self.returned.load(Ordering::Relaxed).is_null() {
            return;
        }
        // Ordering: Acquire, paired with the Release exchange in `give_back`: slots and links are seen as they were left.
        let order = mutant::ordering("heap.collect.order", Ordering::Acquire, Ordering::Relaxed);
        let head = self.returned.swap(ptr::null_mut(), order);
        self.take_back(local, head);
    }

    fn take_back(&self, local: &mut Local, head: *mut Header) {
        let mut next = NonNull::new(head);
        while let Some(slot) = next {
            // SAFETY: the stack was taken whole, so its slots, which hold no tasks, are ours.
            next = unsafe { local::link(slot) };
            // SAFETY: as above; only slots of this heap are pushed on its stack.
            unsafe { local.give(self, slot) };
        }
    }

    /// Takes back what others have freed, and lets go of pages that have been of no use for long.
    ///
    /// # Safety
    /// 1. The caller is the owner, or holds the lock that stands for it.
    pub(super) unsafe fn tidy(&self) {
        let tidy = |local: &mut Local| {
            self.collect(local);
            local.rest(self);
        };
        // SAFETY: by 1; nothing in `tidy` comes back here.
        unsafe { self.with_local(tidy) };
    }

    /// Frees a slot, on any thread.
    ///
    /// # Safety
    /// 1. `slot` came from a heap, holds no task, and is the caller's.
    #[inline]
    pub(super) unsafe fn free(slot: NonNull<Header>) {
        let page = Page::of(slot);
        // SAFETY: a page stays while one of its slots is in use.
        let head = unsafe { page.as_ref() };
        // SAFETY: a core stays while there are pages.
        let core = unsafe { head.core().as_ref() };
        // Ordering: Relaxed: only this thread can have put its own number there, and it knows whether it has.
        if core.owner.load(Ordering::Relaxed) == current::thread_number() {
            // SAFETY: by 1.
            let give = |local: &mut Local| unsafe { local.give(core, slot) };
            // SAFETY: we are the owner, and `give` does not come back here.
            unsafe { core.with_local(give) };
        } else {
            // SAFETY: by 1.
            unsafe { core.give_back(page, slot) };
        }
    }

    /// Frees a slot that somebody else's heap owns.
    ///
    /// # Safety
    /// 1. `slot` lies in `page`, which is this heap's, holds no task, and is the caller's.
    unsafe fn give_back(&self, page: NonNull<Page>, slot: NonNull<Header>) {
        // Ordering: Relaxed: a first guess.
        let mut head = self.returned.load(Ordering::Relaxed);
        while head != ABANDONED {
            // SAFETY: by 1 the slot and its link are ours.
            unsafe { local::set_link(slot, NonNull::new(head)) };
            // Ordering: Release, paired with the Acquire exchanges in `collect` and `abandon`. Relaxed on failure: what is
            // read is an address to link to, or the mark.
            match self.returned.compare_exchange_weak(
                head,
                slot.as_ptr(),
                mutant::ordering("heap.give_back.order", Ordering::Release, Ordering::Relaxed),
                Ordering::Relaxed,
            ) {
                // Nothing of the heap may be touched from here: it may be gone.
                Ok(_) => return,
                Err(seen) => head = seen,
            }
        }
        // SAFETY: by 1 the page stays until its slot is settled, here.
        if unsafe { page.as_ref() }.account(-1) {
            // SAFETY: that was its last slot.
            unsafe { Page::release(page) };
            // SAFETY: the page just freed is one of those counted.
            unsafe { Self::pages_gone(self.as_ptr(), 1) };
        }
    }

    /// The heap goes; its slots may stay.
    ///
    /// # Safety
    /// 1. The core has no holder any more: its owner's side is the caller's alone.
    unsafe fn abandon(core: NonNull<Self>) {
        // SAFETY: the core stays until step 4.
        let this = unsafe { core.as_ref() };
        // Ordering: AcqRel. Acquire, paired with `give_back`, as in `collect`. Release, paired with nothing that is read:
        // accounts are settled by exchanges of their own.
        let head = this.returned.swap(ABANDONED, Ordering::AcqRel);
        // SAFETY: by 1; nothing in `take_back` comes back here.
        unsafe { this.with_local(|local| this.take_back(local, head)) };
        let pages = this.registry.take_all();
        let mut gone = 1;
        // Ordering: Relaxed: whoever subtracts has first settled a page with an AcqRel exchange that follows one below.
        this.pages_left.store(pages.len() + 1, Ordering::Relaxed);
        for page in pages {
            // SAFETY: the page stays until it is settled, and step 3 has not been done for it.
            let page_head = unsafe { page.as_ref() };
            // SAFETY: by 1; nobody comes back for the page.
            let used = unsafe { page_head.with_local(|local| local.used) };
            // The cast cannot lose anything: slots of a page are few.
            if page_head.account(used as isize) {
                // SAFETY: none of its slots is in use.
                unsafe { Page::release(page) };
                gone += 1;
            }
        }
        // SAFETY: the pages freed, and the one counted for the caller.
        unsafe { Self::pages_gone(core, gone) };
    }

    /// # Safety
    /// 1. The heap of `core` was abandoned, and so many of the pages it counted are freed, by the caller.
    unsafe fn pages_gone(core: NonNull<Self>, pages: usize) {
        // SAFETY: by 1 the caller's pages are still counted, so the core is there.
        let this = unsafe { core.as_ref() };
        // Ordering: AcqRel. Release: this thread is done with the core before whoever subtracts last frees it, and
        // acquires.
        if this.pages_left.fetch_sub(pages, Ordering::AcqRel) != pages {
            return;
        }
        // SAFETY: nothing is counted any more: no page, no slot, and no heap know the core.
        let owned = unsafe { Box::from_raw(core.as_ptr()) };
        // SAFETY: made by `Target::new`, and dropped once.
        unsafe { (owned.target.drop)(owned.target.weak) };
    }

    /// Hands a run right to whoever runs this heap's tasks.
    ///
    /// # Safety
    /// 1. `core` is that of the heap `task` came from.
    #[inline]
    pub(super) unsafe fn schedule(core: NonNull<Self>, task: Runnable) {
        // SAFETY: by 1 the task's slot keeps its page, and that the core.
        let target = unsafe { &(*core.as_ptr()).target };
        let (weak, schedule) = (target.weak, target.schedule);
        // SAFETY: the weak counts as long as the core; the function belongs to it.
        unsafe { schedule(weak, task) };
    }
}
