//! What a task is called and where it was spawned.

#![allow(unsafe_code, reason = "a tagged pointer keeps the header small")]

use super::id::Id;
use std::fmt;
use std::panic::Location;
use std::ptr::NonNull;

/// What whoever spawns a task says about it.
#[derive(Clone, Debug)]
pub(crate) struct Meta {
    /// Where the task was spawned.
    pub(crate) location: &'static Location<'static>,
    /// What the task is called, when it has a name.
    pub(crate) name: Option<Box<str>>,
}

impl fmt::Display for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "task '{name}' spawned at {}", self.location),
            None => write!(f, "a task spawned at {}", self.location),
        }
    }
}

/// A task at one moment, for reports.
#[derive(Clone, Debug)]
pub(crate) struct TaskInfo {
    /// Which task.
    #[allow(dead_code, reason = "reports name tasks by name and spawn site so far")]
    pub(crate) id: Id,
    /// Its name and spawn site.
    pub(crate) meta: Meta,
    /// What it was doing.
    pub(crate) phase: Phase,
}

/// What a task is doing, as far as its cell can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Waiting to be woken.
    Idle,
    /// Queued, or being polled.
    Scheduled,
    /// About to be dropped at its await.
    Cancelled,
    /// Its future is gone.
    Complete,
}

/// A [`Meta`] in one word: the spawn site alone, which is a `static`, or a tagged box with a name beside it.
pub(super) struct PackedMeta(NonNull<()>);

/// Set in the address of a box. Both things pointed at are aligned to pointers.
const NAMED: usize = 1;

const _: () = assert!(align_of::<Location<'static>>() > NAMED && align_of::<Meta>() > NAMED);

// SAFETY: it stands for a `Meta`, which is `Send`.
unsafe impl Send for PackedMeta {}
// SAFETY: it stands for a `Meta`, which is `Sync`.
unsafe impl Sync for PackedMeta {}

impl PackedMeta {
    #[inline]
    pub(super) fn new(meta: Meta) -> Self {
        if meta.name.is_none() {
            return Self(NonNull::from(meta.location).cast());
        }
        let boxed = NonNull::from(Box::leak(Box::new(meta)));
        Self(boxed.cast().map_addr(|address| address | NAMED))
    }

    fn boxed(&self) -> Option<NonNull<Meta>> {
        let address = self.0.as_ptr().addr();
        (address & NAMED != 0)
            .then(|| NonNull::new(self.0.as_ptr().map_addr(|address| address & !NAMED)).map(NonNull::cast))
            .flatten()
    }

    /// Where the task was spawned.
    pub(super) fn location(&self) -> &'static Location<'static> {
        match self.boxed() {
            // SAFETY: a tagged word is a box from `new`, which lives as long as `self`.
            Some(meta) => unsafe { meta.as_ref() }.location,
            // SAFETY: an untagged word is the `&'static Location` given to `new`.
            None => unsafe { self.0.cast::<Location<'static>>().as_ref() },
        }
    }

    /// The task's name.
    pub(super) fn name(&self) -> Option<&str> {
        let meta = self.boxed()?;
        // SAFETY: a tagged word is a box from `new`, which lives as long as `self`.
        unsafe { meta.as_ref() }.name.as_deref()
    }

    /// A copy that outlives the task.
    pub(super) fn to_meta(&self) -> Meta {
        Meta { location: self.location(), name: self.name().map(Box::from) }
    }
}

impl Drop for PackedMeta {
    #[inline]
    fn drop(&mut self) {
        if let Some(meta) = self.boxed() {
            // SAFETY: a tagged word is a leaked box from `new`; it is dropped with the word that owns it, once.
            drop(unsafe { Box::from_raw(meta.as_ptr()) });
        }
    }
}
