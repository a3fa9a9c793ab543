//! Which pages there are.
//!
//! The pages are the registry of tasks: whoever wants to see all of them looks at every slot. That may happen at any time, on
//! any thread, beside spawns and completions. Two things make it safe: words of carved slots stay valid as long as their page,
//! and no page goes while somebody walks.
//!
//! A walk:
//! 1. Under the lock: counts itself, and copies the list of pages.
//! 2. Without the lock: looks at every carved slot of every page in its copy.
//! 3. Under the lock: uncounts itself; the last one takes the pages that were put aside meanwhile. Frees them outside.
//!
//! Releasing a page, under the lock: takes it off the list, and puts it aside if somebody walks. Pages that are added during a
//! walk are not part of it, as with any task spawned during it.
//!
//! Rejected: walking under the lock. The walk of a million tasks takes some milliseconds, in which no worker could get a page,
//! and what it does to the tasks would have to be kept out of the section.

#![allow(unsafe_code, reason = "the lock guards a field of each page")]

use super::page::Page;
use filch_primitive::mutant;
use filch_primitive::sync::Mutex;
use std::ptr::NonNull;

/// The pages of one heap.
pub(super) struct Registry(Mutex<Pages>);

struct Pages {
    all: Vec<NonNull<Page>>,
    /// Released while somebody was walking.
    put_aside: Vec<NonNull<Page>>,
    walks: usize,
    bytes: usize,
}

impl Registry {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Pages { all: Vec::new(), put_aside: Vec::new(), walks: 0, bytes: 0 }))
    }

    /// Adds a new page.
    ///
    /// # Safety
    /// 1. `page` is allocated, and nobody else knows it yet.
    pub(super) unsafe fn add(&self, page: NonNull<Page>) {
        // SAFETY: by 1.
        let head = unsafe { page.as_ref() };
        let mut pages = self.0.lock();
        // SAFETY: the lock is held.
        unsafe { head.set_place(pages.all.len()) };
        pages.all.push(page);
        pages.bytes += head.bytes();
    }

    /// Frees a page, now or when nobody walks.
    ///
    /// # Safety
    /// 1. `page` was added, and none of its slots is in use any more.
    pub(super) unsafe fn release(&self, page: NonNull<Page>) {
        // SAFETY: by 1.
        let head = unsafe { page.as_ref() };
        let mut pages = self.0.lock();
        pages.bytes -= head.bytes();
        // SAFETY: the lock is held.
        let place = unsafe { head.place() };
        let removed = pages.all.swap_remove(place);
        debug_assert_eq!(removed, page);
        if let Some(moved) = pages.all.get(place) {
            // SAFETY: pages in the list are allocated.
            let moved = unsafe { moved.as_ref() };
            // SAFETY: the lock is held.
            unsafe { moved.set_place(place) };
        }
        if pages.walks > 0 && !mutant::planted("heap.release.at_once") {
            pages.put_aside.push(page);
            return;
        }
        drop(pages);
        // SAFETY: by 1 its slots are out of use, and nobody walks, or will come upon it.
        unsafe { Page::release(page) };
    }

    /// All pages, for the one who has the heap to itself.
    pub(super) fn take_all(&self) -> Vec<NonNull<Page>> {
        let mut pages = self.0.lock();
        debug_assert!(pages.walks == 0 && pages.put_aside.is_empty());
        std::mem::take(&mut pages.all)
    }

    /// Bytes of all pages.
    pub(super) fn bytes(&self) -> usize {
        self.0.lock().bytes
    }

    /// Begins a walk.
    pub(super) fn walk(&self) -> Walk<'_> {
        let mut pages = self.0.lock();
        pages.walks += 1;
        Walk { registry: self, pages: pages.all.clone() }
    }
}

/// A walk under way: its pages stay until it is dropped.
pub(super) struct Walk<'a> {
    registry: &'a Registry,
    pages: Vec<NonNull<Page>>,
}

impl Walk<'_> {
    pub(super) fn pages(&self) -> &[NonNull<Page>] {
        &self.pages
    }
}

impl Drop for Walk<'_> {
    fn drop(&mut self) {
        let mut pages = self.registry.0.lock();
        pages.walks -= 1;
        if pages.walks > 0 {
            return;
        }
        let put_aside = std::mem::take(&mut pages.put_aside);
        drop(pages);
        for page in put_aside {
            // SAFETY: it was put aside with all slots out of use, and the walks that knew it are over.
            unsafe { Page::release(page) };
        }
    }
}
