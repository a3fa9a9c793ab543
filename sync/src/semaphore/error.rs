//! Why there was no permit, or none to add.

use std::error::Error;
use std::fmt;

/// The semaphore was closed.
///
/// ```
/// let semaphore = filch_sync::Semaphore::new(0);
/// semaphore.close();
/// let closed: filch_sync::Closed = semaphore.acquire_blocking().unwrap_err();
/// assert_eq!(closed.to_string(), "the semaphore is closed");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed(pub(super) ());

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the semaphore is closed")
    }
}

impl Error for Closed {}

/// Why a permit was not to be had at once.
///
/// ```
/// use filch_sync::{Semaphore, TryAcquireError};
/// let semaphore = Semaphore::new(1);
/// let _permit = semaphore.try_acquire()?;
/// assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
/// # Ok::<(), TryAcquireError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// Too few are free, or others wait already.
    NoPermits,
    /// The semaphore was closed.
    Closed,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPermits => "no permits are free",
            Self::Closed => "the semaphore is closed",
        })
    }
}

impl Error for TryAcquireError {}

/// There would be more permits than the semaphore may have: more were released than acquired.
///
/// ```
/// let semaphore = filch_sync::Semaphore::bounded(1);
/// assert!(semaphore.try_add_permits(1).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyPermits(pub(super) ());

impl fmt::Display for TooManyPermits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("more permits are released than were acquired")
    }
}

impl Error for TooManyPermits {}
