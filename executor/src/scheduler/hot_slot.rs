//! The place for the task that was woken last.
//!
//! A task that another task has just woken finds its data still in the cache, so it runs next, before the
//! queue. Only the owner puts tasks in; the owner takes them out, and so may a thief, whose claim is an
//! exchange for null.
//!
//! Owner's put: when the slot reads null it is null until the owner itself fills it, so a plain store is
//! enough; otherwise an exchange, which hands back the task that was there (or null, if a thief came between).
//! Owner's take and thief's steal: an exchange for null; whoever gets the pointer has the task.
//!
//! Pushing into an empty slot wakes nobody: waking a thread for each message between two tasks costs more than
//! the message. What keeps the slot from stranding its task behind a long poll is that thieves may take it,
//! late.

#![allow(unsafe_code, reason = "the slot holds a task as a raw pointer")]

use crate::task::{Header, Runnable};
use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicPtr, Ordering};
use std::ptr::{self, NonNull};

/// One task, or none.
#[derive(Debug)]
pub(super) struct HotSlot {
    task: AtomicPtr<Header>,
}

impl HotSlot {
    pub(super) fn new() -> Self {
        Self { task: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Whether there is nothing in it, as far as this thread can see.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        // Ordering: Relaxed, a hint; taking decides.
        self.task.load(Ordering::Relaxed).is_null()
    }

    /// Puts `task` in, or hands it back where there is one already. Only the owner calls this.
    #[inline]
    pub(super) fn try_put(&self, task: Runnable) -> Result<(), Runnable> {
        if !self.is_empty() {
            return Err(task);
        }
        // Ordering: Release, paired with the Acquire exchange in `take`: a thief sees the task whole.
        let order = mutant::ordering("hot_slot.put.order", Ordering::Release, Ordering::Relaxed);
        self.task.store(task.into_raw().as_ptr(), order);
        Ok(())
    }

    /// Puts `task` in and hands back the one it displaces. Only the owner calls this.
    #[inline]
    pub(super) fn put(&self, task: Runnable) -> Option<Runnable> {
        let task = self.try_put(task).err()?;
        // Ordering: Release as above. Acquire is not needed: a task that comes back was put in by this thread.
        let before = self.task.swap(task.into_raw().as_ptr(), Ordering::Release);
        // SAFETY: the pointer came from `into_raw` in an earlier `put`, and the exchange took it out of the
        // slot.
        NonNull::new(before).map(|raw| unsafe { Runnable::from_raw(raw) })
    }

    /// Takes the task out, as owner or as thief.
    #[inline]
    pub(super) fn take(&self) -> Option<Runnable> {
        if self.is_empty() {
            return None;
        }
        // Ordering: Acquire, paired with the Release in `put`.
        let order = mutant::ordering("hot_slot.take.order", Ordering::Acquire, Ordering::Relaxed);
        let raw = self.task.swap(ptr::null_mut(), order);
        // SAFETY: the pointer came from `into_raw` in `put`, and the exchange took it out of the slot.
        NonNull::new(raw).map(|raw| unsafe { Runnable::from_raw(raw) })
    }
}

impl Drop for HotSlot {
    fn drop(&mut self) {
        drop(self.take());
    }
}
