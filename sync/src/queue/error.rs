//! Why something could not be put or got.

use std::error::Error;
use std::fmt;

/// The queue was shut down; the item comes back. Asyncio's `QueueShutDown`, for putting.
///
/// ```
/// use filch_sync::queue::{PutError, Queue};
/// let queue = Queue::unbounded();
/// queue.shutdown(false);
/// let PutError(refused) = queue.put_blocking(1).unwrap_err();
/// assert_eq!(refused, 1);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PutError<T>(pub T);

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PutError(..)")
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue was shut down")
    }
}

impl<T> Error for PutError<T> {}

/// Why an item could not be put at once; it comes back.
///
/// ```
/// use filch_sync::queue::{Queue, TryPutError};
/// let queue = Queue::bounded(1);
/// queue.try_put('a')?;
/// assert!(queue.try_put('b') == Err(TryPutError::Full('b')));
/// # Ok::<(), TryPutError<char>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TryPutError<T> {
    /// There is no room. Asyncio's `QueueFull`.
    Full(T),
    /// The queue was shut down.
    ShutDown(T),
}

impl<T> TryPutError<T> {
    /// The item that was not put.
    ///
    /// ```
    /// let queue = filch_sync::Queue::bounded(1);
    /// queue.try_put(1).unwrap();
    /// assert_eq!(queue.try_put(2).unwrap_err().into_inner(), 2);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item) | Self::ShutDown(item) => item,
        }
    }

    /// Whether it may succeed later.
    ///
    /// ```
    /// let queue = filch_sync::Queue::bounded(1);
    /// queue.try_put(1).unwrap();
    /// assert!(queue.try_put(2).unwrap_err().is_full());
    /// queue.shutdown(false);
    /// assert!(!queue.try_put(3).unwrap_err().is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }
}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::ShutDown(_) => "ShutDown(..)",
        })
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the queue is full",
            Self::ShutDown(_) => "the queue was shut down",
        })
    }
}

impl<T> Error for TryPutError<T> {}

/// The queue was shut down and is empty. Asyncio's `QueueShutDown`, for getting.
///
/// ```
/// let queue = filch_sync::Queue::<u8>::unbounded();
/// queue.shutdown(false);
/// assert_eq!(queue.get_blocking().unwrap_err().to_string(), "the queue was shut down and is empty");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetError(pub(super) ());

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue was shut down and is empty")
    }
}

impl Error for GetError {}

/// Why there was no item at once.
///
/// ```
/// use filch_sync::queue::{Queue, TryGetError};
/// let queue = Queue::<u8>::unbounded();
/// assert_eq!(queue.try_get(), Err(TryGetError::Empty));
/// queue.shutdown(false);
/// assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryGetError {
    /// Nothing there; something may come. Asyncio's `QueueEmpty`.
    Empty,
    /// Nothing there, and nothing will come.
    ShutDown,
}

impl fmt::Display for TryGetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the queue is empty",
            Self::ShutDown => "the queue was shut down and is empty",
        })
    }
}

impl Error for TryGetError {}

/// More items were said to be done than were put.
///
/// ```
/// let queue = filch_sync::Queue::unbounded();
/// queue.try_put('a').unwrap();
/// queue.try_get().unwrap();
/// assert!(queue.task_done().is_ok());
/// assert!(queue.task_done().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyDone(pub(super) ());

impl fmt::Display for TooManyDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("more items were said to be done than were put")
    }
}

impl Error for TooManyDone {}
