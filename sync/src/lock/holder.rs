//! Who holds a lock: [`Holder`].
//!
//! Whoever takes a lock signs a [`HolderCell`] with the place in the source where that was. Whoever releases it strikes that out
//! first. These are two plain stores, and nothing waits for them: the word of the lock decides, the note is only looked at.
//! So a look may find a lock held whose holder has not signed yet; it never finds the name of one that had released it before.
//!
//! # Rejected
//! The number of the task beside the place. An executor would have to say at each poll whose it is: leaving the number in a
//! thread-local, and putting back the one before, takes seven instructions of a poll, twice in the life of a task, for
//! something that is looked at when a program hangs.

#![allow(unsafe_code, reason = "a place in the source is kept as a pointer, in an atomic")]

#[cfg_attr(any(filch_loom, filch_shuttle), path = "holder/modelled.rs")]
mod cell;

pub(crate) use cell::HolderCell;

use std::fmt;
use std::panic::Location;

/// Who holds a lock: where it was taken.
///
/// # Examples
/// ```
/// use filch_sync::Lock;
/// let lock = Lock::new(1);
/// let guard = lock.try_lock().unwrap();
/// let holder = lock.statistics().holder.unwrap();
/// assert_eq!(holder.location().file(), file!());
/// drop(guard);
/// assert!(lock.statistics().holder.is_none());
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    location: &'static Location<'static>,
}

impl Holder {
    /// The call that took the lock, or made the future that did.
    ///
    /// ```
    /// # let lock = filch_sync::Lock::new(1);
    /// let guard = lock.try_lock();
    /// assert_eq!(lock.statistics().holder.unwrap().location().file(), file!());
    /// # drop(guard);
    /// ```
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.location.fmt(f)
    }
}
