//! Who holds a lock: [`Holder`].
//!
//! Whoever takes a lock signs a [`HolderCell`]: where that was, and in which task. Whoever releases it strikes that out first.
//! These are three plain stores, and nothing waits for them: the word of the lock decides, the note is only looked at. So a look may find a lock held whose holder has not signed yet; it never finds the name of one that had released it before.

#![allow(unsafe_code, reason = "a place in the source is kept as a pointer, in an atomic")]

#[cfg_attr(any(filch_loom, filch_shuttle), path = "holder/modelled.rs")]
mod cell;

pub(crate) use cell::HolderCell;

use std::fmt;
use std::panic::Location;

/// Who holds a lock: where it was taken, and in which task.
///
/// # Examples
/// ```
/// use filch_sync::Lock;
/// let lock = Lock::new(1);
/// let guard = lock.try_lock().unwrap();
/// let holder = lock.statistics().holder.unwrap();
/// assert_eq!((holder.location().file(), holder.task()), (file!(), None));
/// drop(guard);
/// assert!(lock.statistics().holder.is_none());
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    location: &'static Location<'static>,
    task: Option<u64>,
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

    /// The number of the task that took the lock, under an executor that says which one that is, as filch does.
    ///
    /// ```
    /// # let lock = filch_sync::Lock::new(1);
    /// let guard = lock.try_lock();
    /// assert_eq!(lock.statistics().holder.unwrap().task(), None, "a plain thread");
    /// # drop(guard);
    /// ```
    pub fn task(&self) -> Option<u64> {
        self.task
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.task {
            Some(task) => write!(f, "task {task} at {}", self.location),
            None => self.location.fmt(f),
        }
    }
}
