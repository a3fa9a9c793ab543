//! Pages: where slots lie.
//!
//! A page is [`PAGE_BYTES`] of memory at a multiple of that, so that a slot's address, masked, is the address of its page,
//! and the page says which heap it belongs to: a task needs no pointer to its heap.
//!
//! ```text
//! ┌──────────────────────┬──────┬──────┬──────┬───────────────┐
//! │ Page                 │ slot │ slot │ slot │ never touched │
//! └──────────────────────┴──────┴──────┴──────┴───────────────┘
//!   heap, sizes │ owner's   ◄─── carved ────►
//! ```
//!
//! Slots are carved one after the other when they are first needed, so that a page costs only what is used of it. A carved
//! slot has a valid state word for as long as the page lasts; that is what lets a walk look at slots while they come and go.
//!
//! | field | written by | read by |
//! |---|---|---|
//! | first line | whoever makes the page | anybody |
//! | `carved` | the heap's owner | a walk |
//! | `local` | the heap's owner | the same |
//! | `place` | the holder of the registry's lock | the same |
//! | `unaccounted` | after the heap was abandoned: whoever frees a slot | the same |
//!
//! A page of its own, for a large or over-aligned future, has one slot; its body lies at the first address of the right
//! alignment that leaves room before it, the header right before the body. For alignments beyond the page size the `Page`
//! is not at the start of the memory, but still where masking the header's address finds it.

#![allow(unsafe_code, reason = "memory is laid out by hand")]

use super::super::header::Header;
use super::core::Core;
use super::size_class::{FINE_STEP, SizeClass};
use crate::task::cell::body_offset;
use filch_primitive::cell::UnsafeCell;
use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicIsize, AtomicU32, Ordering};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// The alignment of pages, and nearly their size. Large enough that the `Page` is lost in it, small enough that a
/// thread which spawns a handful of tasks does not hold much.
pub(super) const PAGE_BYTES: usize = 32 * 1024;

/// What common allocators put before a block: asking for that much less packs pages without gaps.
const ALLOCATOR_BYTES: usize = 16;

/// Bytes before the first slot.
const FIRST_SLOT: usize = size_of::<Page>().next_multiple_of(FINE_STEP);

/// The head of a page.
#[repr(C, align(64))]
pub(super) struct Page {
    core: NonNull<Core>,
    /// The memory, as it was allocated.
    memory: NonNull<u8>,
    layout: Layout,
    /// Bytes from this head to the first slot. Slots of a class follow each other.
    first: u32,
    slot_bytes: u32,
    capacity: u32,
    /// Nothing: a page of its own.
    class: Option<SizeClass>,
    /// Slots whose word is valid.
    carved: AtomicU32,
    changing: Changing,
}

/// What changes with every slot, on a line of its own: the line above is read by every wake-up, on any core.
#[repr(align(64))]
struct Changing {
    local: UnsafeCell<PageLocal>,
    place: UnsafeCell<usize>,
    unaccounted: AtomicIsize,
}

#[cfg(all(target_pointer_width = "64", not(any(filch_loom, filch_shuttle))))]
const _: () = assert!(size_of::<Page>() == 128);

/// What only the heap's owner touches.
#[derive(Default)]
pub(super) struct PageLocal {
    /// Free slots, linked through their headers.
    pub(super) free: Option<NonNull<Header>>,
    /// Slots in use, or freed elsewhere and not collected yet.
    pub(super) used: u32,
    /// Whether the page is in its class's list of pages with room.
    pub(super) listed: bool,
    pub(super) next: Option<NonNull<Page>>,
    pub(super) previous: Option<NonNull<Page>>,
}

impl Page {
    /// A page of slots of `class`.
    pub(super) fn with_slots(core: NonNull<Core>, class: SizeClass) -> NonNull<Self> {
        let layout = const {
            match Layout::from_size_align(PAGE_BYTES - ALLOCATOR_BYTES, PAGE_BYTES) {
                Ok(layout) => layout,
                Err(_) => panic!("a page has a layout"),
            }
        };
        let memory = allocate(layout);
        let capacity = (layout.size() - FIRST_SLOT) / class.bytes();
        // The casts cannot lose anything: all of it is less than a page.
        let head = Self {
            first: FIRST_SLOT as u32,
            slot_bytes: class.bytes() as u32,
            capacity: capacity as u32,
            class: Some(class),
            ..Self::blank(core, memory, layout)
        };
        let page = memory.cast::<Self>();
        // SAFETY: the memory is fresh, larger than a head, and aligned to more than it.
        unsafe { page.write(head) };
        page
    }

    /// A page for one task with this body.
    ///
    /// # Panics
    /// The body is so large that no layout can hold it.
    pub(super) fn with_one(core: NonNull<Core>, body: Layout) -> NonNull<Self> {
        let align = body.align();
        let before_body = body_offset(align);
        let body_at = (FIRST_SLOT + before_body).next_multiple_of(align);
        let layout = body_at
            .checked_add(body.size())
            .and_then(|size| Layout::from_size_align(size, align.max(PAGE_BYTES)).ok())
            .expect("a future larger than the address space cannot be spawned");
        let memory = allocate(layout);
        let slot_at = body_at - before_body;
        let page_at = slot_at & !(PAGE_BYTES - 1);
        // The first slot is less than a page away from its page, and its own size is never used: there is no second.
        let head =
            Self { first: (slot_at - page_at) as u32, capacity: 1, ..Self::blank(core, memory, layout) };
        // SAFETY: the slot lies behind `page_at`, so that is within the memory.
        let page = unsafe { memory.add(page_at) }.cast::<Self>();
        // SAFETY: the memory is fresh; a multiple of the page size is aligned for a head, and the slot, which begins no
        // earlier than `FIRST_SLOT` behind it or at the end of a page, leaves room for it.
        unsafe { page.write(head) };
        page
    }

    fn blank(core: NonNull<Core>, memory: NonNull<u8>, layout: Layout) -> Self {
        Self {
            core,
            memory,
            layout,
            first: 0,
            slot_bytes: 0,
            capacity: 0,
            class: None,
            carved: AtomicU32::new(0),
            changing: Changing {
                local: UnsafeCell::new(PageLocal::default()),
                place: UnsafeCell::new(0),
                unaccounted: AtomicIsize::new(0),
            },
        }
    }

    /// The page a slot lies in.
    #[inline]
    pub(super) fn of(slot: NonNull<Header>) -> NonNull<Self> {
        let page = slot.as_ptr().map_addr(|address| address & !(PAGE_BYTES - 1));
        // SAFETY: no slot lies in the lowest page of the address space, as its page's head is memory we got.
        unsafe { NonNull::new_unchecked(page.cast()) }
    }

    #[inline]
    pub(super) fn core(&self) -> NonNull<Core> {
        self.core
    }

    #[inline]
    pub(super) fn class(&self) -> Option<SizeClass> {
        self.class
    }

    /// Bytes of memory behind this page.
    pub(super) fn bytes(&self) -> usize {
        self.layout.size()
    }

    /// Runs `f` on what only the heap's owner touches.
    ///
    /// # Safety
    /// 1. The caller is the heap's owner, or has the heap to itself.
    /// 2. `f` does not come back here for the same page.
    #[inline]
    pub(super) unsafe fn with_local<R>(&self, f: impl FnOnce(&mut PageLocal) -> R) -> R {
        // SAFETY: by 1 no other thread, and by 2 nobody else on this one has a reference to it.
        self.changing.local.with_mut(|local| f(unsafe { &mut *local }))
    }

    /// The page's place in the registry.
    ///
    /// # Safety
    /// 1. The caller holds the registry's lock.
    pub(super) unsafe fn place(&self) -> usize {
        // SAFETY: by 1 nobody writes it meanwhile.
        self.changing.place.with(|place| unsafe { *place })
    }

    /// # Safety
    /// 1. The caller holds the registry's lock.
    pub(super) unsafe fn set_place(&self, place: usize) {
        // SAFETY: by 1 nobody else reads or writes it meanwhile.
        self.changing.place.with_mut(|at| unsafe { *at = place });
    }

    /// Whether there are slots that were never used.
    ///
    /// Only the heap's owner can rely on the answer.
    #[inline]
    pub(super) fn has_uncarved(&self) -> bool {
        // Ordering: Relaxed: the owner reads what it wrote itself.
        self.carved.load(Ordering::Relaxed) < self.capacity
    }

    /// Slots a walk may look at.
    pub(super) fn carved(&self) -> u32 {
        // Ordering: Acquire, paired with the Release store in `carve`: the words of these slots are there.
        self.carved.load(Ordering::Acquire)
    }

    /// Takes a slot that was never used.
    ///
    /// # Safety
    /// 1. The caller is the heap's owner.
    /// 2. There is one: `has_uncarved`.
    /// 3. `page` came from `with_slots` or `with_one`, and is still allocated.
    pub(super) unsafe fn carve(page: NonNull<Self>) -> NonNull<Header> {
        // SAFETY: by 3.
        let head = unsafe { page.as_ref() };
        // Ordering: Relaxed: the owner reads what it wrote itself.
        let index = head.carved.load(Ordering::Relaxed);
        debug_assert!(index < head.capacity);
        // SAFETY: by 2 and 3.
        let slot = unsafe { Self::slot(page, index) };
        // SAFETY: by 2 the slot lies in the page, and by 1 nobody else uses its memory, which no walk looks at yet.
        unsafe { slot.write(Header::vacant()) };
        // Ordering: Release, paired with the Acquire load in `carved`: a walk that counts this slot sees its word.
        head.carved.store(index + 1, Ordering::Release);
        slot
    }

    /// The slot at `index`.
    ///
    /// # Safety
    /// 1. `index` is less than the capacity.
    /// 2. `page` came from `with_slots` or `with_one`, and is still allocated.
    pub(super) unsafe fn slot(page: NonNull<Self>, index: u32) -> NonNull<Header> {
        // SAFETY: by 2.
        let head = unsafe { page.as_ref() };
        let offset = head.first as usize + index as usize * head.slot_bytes as usize;
        // SAFETY: by 1 the offset is within the page's memory.
        unsafe { page.byte_add(offset) }.cast()
    }

    /// Settles slots of an abandoned heap: `+n` for the `n` in use when it was abandoned, `-1` for each that is freed.
    /// `true`: that was the last, and the page is the caller's. The two may come in any order; the sum is zero only once,
    /// when all have come.
    pub(super) fn account(&self, slots: isize) -> bool {
        // Ordering: AcqRel. Release: what this thread did in the page is done before whoever settles it last frees it, which
        // is why that one acquires.
        let order = mutant::ordering("heap.account.order", Ordering::AcqRel, Ordering::Relaxed);
        let before = self.changing.unaccounted.fetch_add(slots, order);
        before + slots == 0
    }

    /// Gives the memory back.
    ///
    /// # Safety
    /// 1. `page` came from `with_slots` or `with_one`, and nobody uses it or a slot of it any more.
    pub(super) unsafe fn release(page: NonNull<Self>) {
        // SAFETY: by 1 the head is there.
        let head = unsafe { page.as_ref() };
        let (memory, layout) = (head.memory, head.layout);
        #[cfg(filch_loom)]
        for index in 0..head.carved() {
            // SAFETY: the index is one of a carved slot; by 1 the page is there.
            let slot = unsafe { Self::slot(page, index) };
            // SAFETY: carved, and by 1 nobody else's. The model checker finds out whether that is so.
            unsafe { &mut (*slot.as_ptr()).state }.assert_alone();
        }
        // SAFETY: allocated with this layout, and by 1 out of use.
        unsafe { dealloc(memory.as_ptr(), layout) };
    }
}

fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: no layout of a page is empty.
    let memory = unsafe { alloc(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}
