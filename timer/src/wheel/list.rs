//! A circular doubly linked list through entries, known by its head alone.
//!
//! One pointer per list keeps a level of 64 lists small; the head's `previous` is the tail, so that entries leave
//! in the order they came. Taking one out of the middle needs nothing but the entry, and the list it is in only if
//! it is the head.

#![allow(unsafe_code, reason = "intrusive links")]

use crate::entry::{Entry, Links};
use std::ptr::NonNull;

/// Entries in the order they came.
///
/// Invariant: every entry in a list is valid, and its links belong to whoever has the list mutably.
#[derive(Debug, Default)]
pub(super) struct List {
    head: Option<NonNull<Entry>>,
}

impl List {
    pub(super) const fn new() -> Self {
        Self { head: None }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    pub(super) fn is_head(&self, entry: NonNull<Entry>) -> bool {
        self.head == Some(entry)
    }

    /// All entries, leaving none.
    pub(super) const fn take(&mut self) -> Self {
        Self { head: self.head.take() }
    }

    /// Adds an entry at the end.
    ///
    /// # Safety
    /// 1. `entry` is valid, and stays so until it is taken out.
    /// 2. It is in no list.
    /// 3. The caller has the right to its links, and to those of this list's entries.
    pub(super) unsafe fn push_back(&mut self, entry: NonNull<Entry>) {
        let Some(head) = self.head else {
            // SAFETY: by 1 it is valid, by 3 the links are ours.
            unsafe { set(entry, Links { previous: entry, next: entry }) };
            self.head = Some(entry);
            return;
        };
        // SAFETY: the head is in the list, so valid, and by 3 its links are ours.
        let tail = unsafe { get(head) }.previous;
        // SAFETY: by 1 and 3.
        unsafe { set(entry, Links { previous: tail, next: head }) };
        // SAFETY: the tail is in the list; by 3.
        unsafe { join(tail, entry) };
        // SAFETY: the head is in the list; by 3.
        unsafe { join(entry, head) };
    }

    /// Takes the first entry out.
    ///
    /// # Safety
    /// The caller has the right to the links of this list's entries.
    pub(super) unsafe fn pop_front(&mut self) -> Option<NonNull<Entry>> {
        let head = self.head?;
        // SAFETY: the head is in this list; the caller has the right.
        unsafe { self.remove(head) };
        Some(head)
    }

    /// Takes an entry out.
    ///
    /// # Safety
    /// 1. `entry` is in this list.
    /// 2. The caller has the right to the links of this list's entries.
    pub(super) unsafe fn remove(&mut self, entry: NonNull<Entry>) {
        // SAFETY: by 1 it is valid, by 2 the links are ours.
        let Links { previous, next } = unsafe { get(entry) };
        if next == entry {
            self.head = None;
            return;
        }
        // SAFETY: neighbours of an entry in the list are in the list; by 2.
        unsafe { join(previous, next) };
        if self.head == Some(entry) {
            self.head = Some(next);
        }
    }
}

/// # Safety
/// `entry` is valid, and the caller has the right to its links.
unsafe fn get(entry: NonNull<Entry>) -> Links {
    // SAFETY: valid, says the caller.
    let entry = unsafe { entry.as_ref() };
    // SAFETY: the caller has the right.
    unsafe { entry.links() }
}

/// # Safety
/// `entry` is valid, and the caller has the right to its links.
unsafe fn set(entry: NonNull<Entry>, links: Links) {
    // SAFETY: valid, says the caller.
    let entry = unsafe { entry.as_ref() };
    // SAFETY: the caller has the right.
    unsafe { entry.set_links(links) };
}

/// Makes `second` follow `first`.
///
/// # Safety
/// Both are valid, and the caller has the right to their links.
unsafe fn join(first: NonNull<Entry>, second: NonNull<Entry>) {
    // SAFETY: the caller's claim.
    let links = unsafe { get(first) };
    // SAFETY: the caller's claim.
    unsafe { set(first, Links { next: second, ..links }) };
    // SAFETY: the caller's claim. Read after the write above: both may be the same entry.
    let links = unsafe { get(second) };
    // SAFETY: the caller's claim.
    unsafe { set(second, Links { previous: first, ..links }) };
}
