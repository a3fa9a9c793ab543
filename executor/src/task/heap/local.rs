//! The owner's side of a heap: allocation without locked instructions.
//!
//! Every size class has a list of its pages with room, the one used last in front. A slot comes from the front page: the
//! slot freed last if there is one, else one that was never used. A page that gets full leaves the list; the first slot
//! freed in it brings it back, to the front, where its memory is warm.
//!
//! A page whose last slot is freed is empty. Some empty pages are kept, for a program whose number of tasks swings would
//! otherwise pay for page faults at every swing, which cost as much as everything else about a short task. How many are kept
//! follows the swings: a heap that gives pages up and soon needs new ones keeps twice as many from then on, up to
//! [`KEEP_MAX`]; every rest of its owner takes a part of that back, down to [`KEEP_MIN`].

#![allow(unsafe_code, reason = "lists run through pages and slots")]

use super::super::header::Header;
use super::super::id;
use super::core::Core;
use super::page::Page;
use super::size_class::{CLASSES, SizeClass};
use std::alloc::Layout;
use std::ptr::NonNull;

/// Empty pages a heap keeps at all times: 1 MiB, 16,000 small tasks. A guess.
const KEEP_MIN: usize = 32;

/// Empty pages a heap keeps at most: 8 MiB. Swings by 100,000 tasks cost 35 ns per task and swing with them kept, and 70 without.
const KEEP_MAX: usize = 256;

/// The part of what is kept above the minimum that a rest takes away. A guess: a few dozen rests bring a heap down.
const REST_SHARE: usize = 8;

/// What only the owner touches. All methods count on that, and on the pages being those of one heap, alive.
pub(super) struct Local {
    /// Per class, the first page with room.
    with_room: [Option<NonNull<Page>>; CLASSES],
    /// Pages in those lists none of whose slots is in use.
    empty: usize,
    /// Empty pages to keep.
    keep: usize,
    /// Whether a page was given up for being empty since the last new one.
    gave_up: bool,
    pub(super) ids: id::Block,
}

impl Local {
    pub(super) fn new() -> Self {
        Self { with_room: [None; CLASSES], empty: 0, keep: KEEP_MIN, gave_up: false, ids: id::Block::new() }
    }

    /// A slot of `class`, if a page has one.
    #[inline]
    pub(super) fn take(&mut self, class: SizeClass) -> Option<NonNull<Header>> {
        let page = self.with_room[class.index()]?;
        Some(self.take_from(page, class))
    }

    #[inline]
    fn take_from(&mut self, page: NonNull<Page>, class: SizeClass) -> NonNull<Header> {
        // SAFETY: pages in the lists are allocated.
        let head = unsafe { page.as_ref() };
        let take = |local: &mut super::page::PageLocal| {
            let was_empty = local.used == 0;
            local.used += 1;
            let slot = match local.free {
                Some(slot) => {
                    // SAFETY: a slot in a free list is carved, and its link is the owner's.
                    local.free = unsafe { link(slot) };
                    slot
                }
                // SAFETY: we are the owner, and a page in the list has room: in no free slot, so in an uncarved one.
                None => unsafe { Page::carve(page) },
            };
            (slot, was_empty, local.free.is_none() && !head.has_uncarved())
        };
        // SAFETY: we are the owner, and `take` does not come back for the page.
        let (slot, was_empty, is_full) = unsafe { head.with_local(take) };
        self.empty -= usize::from(was_empty);
        if is_full {
            self.unlist(page, class);
        }
        slot
    }

    /// A slot from a new page of `class`.
    pub(super) fn take_from_new(&mut self, core: &Core, class: SizeClass) -> NonNull<Header> {
        if std::mem::take(&mut self.gave_up) {
            self.keep = (self.keep * 2).min(KEEP_MAX);
        }
        let page = Page::with_slots(core.as_ptr(), class);
        // SAFETY: the page is new.
        unsafe { core.registry().add(page) };
        self.list(page, class);
        self.empty += 1;
        self.take_from(page, class)
    }

    /// The slot of a new page of its own.
    pub(super) fn take_page(&mut self, core: &Core, body: Layout) -> NonNull<Header> {
        let page = Page::with_one(core.as_ptr(), body);
        // SAFETY: the page is new and allocated.
        let head = unsafe { page.as_ref() };
        // SAFETY: we are the owner, and nobody comes back for the page.
        unsafe { head.with_local(|local| local.used = 1) };
        // SAFETY: we are the owner; the page has one slot, not carved, and is allocated.
        let slot = unsafe { Page::carve(page) };
        // SAFETY: the page is new.
        unsafe { core.registry().add(page) };
        slot
    }

    /// Takes a slot back.
    ///
    /// # Safety
    /// 1. `slot` came from this heap, holds no task, and is the caller's.
    #[inline]
    pub(super) unsafe fn give(&mut self, core: &Core, slot: NonNull<Header>) {
        let page = Page::of(slot);
        // SAFETY: a page stays while one of its slots is in use.
        let head = unsafe { page.as_ref() };
        let give = |local: &mut super::page::PageLocal| {
            // SAFETY: by 1 the slot and its link are ours.
            unsafe { set_link(slot, local.free) };
            local.free = Some(slot);
            local.used -= 1;
            (local.listed, local.used == 0)
        };
        // SAFETY: we are the owner, and `give` does not come back for the page.
        let (listed, is_empty) = unsafe { head.with_local(give) };
        let Some(class) = head.class() else {
            // SAFETY: its one slot is out of use.
            return unsafe { core.registry().release(page) };
        };
        if !listed {
            self.list(page, class);
        }
        if is_empty {
            self.keep_or_release(core, page, class);
        }
    }

    /// Keeps a page that has become empty, or frees it.
    fn keep_or_release(&mut self, core: &Core, page: NonNull<Page>, class: SizeClass) {
        if self.empty < self.keep {
            self.empty += 1;
            return;
        }
        self.gave_up = true;
        self.unlist(page, class);
        // SAFETY: all its slots are in its own free list, which nobody looks at any more.
        unsafe { core.registry().release(page) };
    }

    /// The owner is about to rest: keeps a little less, and frees what is beyond that.
    pub(super) fn rest(&mut self, core: &Core) {
        self.keep -= (self.keep - KEEP_MIN).div_ceil(REST_SHARE);
        if self.empty > self.keep {
            self.shrink(core);
        }
    }

    #[cold]
    fn shrink(&mut self, core: &Core) {
        for index in 0..CLASSES {
            let mut next = self.with_room[index];
            while let Some(page) = next {
                if self.empty <= self.keep {
                    return;
                }
                // SAFETY: pages in the lists are allocated.
                let head = unsafe { page.as_ref() };
                // SAFETY: we are the owner, and nobody comes back for the page.
                let (after, used) = unsafe { head.with_local(|local| (local.next, local.used)) };
                next = after;
                let Some(class) = head.class().filter(|_| used == 0) else { continue };
                self.empty -= 1;
                self.unlist(page, class);
                // SAFETY: all its slots are in its own free list, which nobody looks at any more.
                unsafe { core.registry().release(page) };
            }
        }
    }

    /// Puts a page in front of its class's list.
    fn list(&mut self, page: NonNull<Page>, class: SizeClass) {
        let first = &mut self.with_room[class.index()];
        let second = first.replace(page);
        // SAFETY: pages in the lists, and the one at hand, are allocated.
        let head = unsafe { page.as_ref() };
        let link_in = |local: &mut super::page::PageLocal| {
            local.listed = true;
            local.next = second;
            local.previous = None;
        };
        // SAFETY: we are the owner, and nobody comes back for the page.
        unsafe { head.with_local(link_in) };
        if let Some(second) = second {
            // SAFETY: pages in the lists are allocated.
            let second = unsafe { second.as_ref() };
            // SAFETY: we are the owner, and nobody comes back for the page.
            unsafe { second.with_local(|local| local.previous = Some(page)) };
        }
    }

    /// Takes a page off its class's list.
    fn unlist(&mut self, page: NonNull<Page>, class: SizeClass) {
        // SAFETY: pages in the lists are allocated.
        let head = unsafe { page.as_ref() };
        let link_out = |local: &mut super::page::PageLocal| {
            local.listed = false;
            (local.previous.take(), local.next.take())
        };
        // SAFETY: we are the owner, and nobody comes back for the page.
        let (previous, next) = unsafe { head.with_local(link_out) };
        match previous {
            None => self.with_room[class.index()] = next,
            Some(previous) => {
                // SAFETY: pages in the lists are allocated.
                let previous = unsafe { previous.as_ref() };
                // SAFETY: we are the owner, and nobody comes back for the page.
                unsafe { previous.with_local(|local| local.next = next) };
            }
        }
        if let Some(next) = next {
            // SAFETY: pages in the lists are allocated.
            let next = unsafe { next.as_ref() };
            // SAFETY: we are the owner, and nobody comes back for the page.
            unsafe { next.with_local(|local| local.previous = previous) };
        }
    }
}

/// The link of a free slot.
///
/// # Safety
/// 1. `slot` is carved, holds no task, and is the caller's.
#[inline]
pub(super) unsafe fn link(slot: NonNull<Header>) -> Option<NonNull<Header>> {
    // SAFETY: by 1 the field is valid, and only walks look at the slot: at its word.
    let link = unsafe { &(*slot.as_ptr()).link };
    // SAFETY: by 1 nobody writes it meanwhile.
    link.with(|link| unsafe { *link })
}

/// Sets the link of a free slot.
///
/// # Safety
/// 1. `slot` is carved, holds no task, and is the caller's.
#[inline]
pub(super) unsafe fn set_link(slot: NonNull<Header>, next: Option<NonNull<Header>>) {
    // SAFETY: by 1 the field is valid, and only walks look at the slot: at its word.
    let link = unsafe { &(*slot.as_ptr()).link };
    // SAFETY: by 1 nobody else reads or writes it meanwhile.
    link.with_mut(|link| unsafe { *link = next });
}
