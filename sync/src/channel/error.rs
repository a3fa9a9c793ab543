//! What can go wrong, giving back what was not sent.

use std::error::Error;
use std::fmt;

/// The channel is closed; the value comes back.
///
/// ```
/// use filch_sync::channel::{self, SendError};
/// let (sender, receiver) = channel::bounded(1);
/// drop(receiver);
/// let SendError(refused) = sender.send_blocking(1).unwrap_err();
/// assert_eq!(refused, 1);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendError(..)")
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the channel is closed")
    }
}

impl<T> Error for SendError<T> {}

/// Why a value could not be sent at once; it comes back.
///
/// ```
/// use filch_sync::channel::{self, TrySendError};
/// let (sender, _receiver) = channel::bounded(1);
/// sender.try_send('a')?;
/// assert!(sender.try_send('b') == Err(TrySendError::Full('b')));
/// # Ok::<(), TrySendError<char>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// The queue is full.
    Full(T),
    /// The channel is closed.
    Closed(T),
}

impl<T> TrySendError<T> {
    /// The value that was not sent.
    ///
    /// ```
    /// let (sender, _receiver) = filch_sync::channel::bounded(1);
    /// sender.try_send(1).unwrap();
    /// assert_eq!(sender.try_send(2).unwrap_err().into_inner(), 2);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Closed(value) => value,
        }
    }

    /// Whether it may succeed later.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::channel::bounded(1);
    /// sender.try_send(1).unwrap();
    /// assert!(sender.try_send(2).unwrap_err().is_full());
    /// drop(receiver);
    /// assert!(!sender.try_send(3).unwrap_err().is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the channel is full",
            Self::Closed(_) => "the channel is closed",
        })
    }
}

impl<T> Error for TrySendError<T> {}

/// The channel is closed and empty.
///
/// ```
/// use filch_sync::channel;
/// let (sender, receiver) = channel::unbounded();
/// sender.try_send(1)?;
/// drop(sender);
/// assert!(receiver.recv_blocking().is_ok(), "what was sent comes first");
/// assert_eq!(receiver.recv_blocking().unwrap_err().to_string(), "the channel is closed and empty");
/// # Ok::<(), channel::TrySendError<i32>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvError(pub(super) ());

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the channel is closed and empty")
    }
}

impl Error for RecvError {}

/// Why there was no value at once.
///
/// ```
/// use filch_sync::channel::{self, TryRecvError};
/// let (sender, receiver) = channel::unbounded::<u8>();
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
/// drop(sender);
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// Nothing there; something may come.
    Empty,
    /// Nothing there, and nothing will come.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the channel is empty",
            Self::Closed => "the channel is closed and empty",
        })
    }
}

impl Error for TryRecvError {}

/// Why no place was reserved, and none will be.
///
/// ```
/// use filch_sync::channel::{self, ReserveError};
/// let (sender, receiver) = channel::bounded::<u8>(2);
/// assert_eq!(sender.reserve_many_blocking(3).unwrap_err(), ReserveError::NeverRoom);
/// drop(receiver);
/// assert_eq!(sender.reserve_blocking().unwrap_err(), ReserveError::Closed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReserveError {
    /// The channel is closed.
    Closed,
    /// More places than the channel has: a rendezvous has none, an unbounded one as many as half of [`usize::MAX`].
    NeverRoom,
}

impl fmt::Display for ReserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the channel is closed",
            Self::NeverRoom => "the channel has not so many places",
        })
    }
}

impl Error for ReserveError {}

/// Why no place was reserved at once.
///
/// ```
/// use filch_sync::channel::{self, TryReserveError};
/// let (sender, _receiver) = channel::bounded::<u8>(1);
/// let _permit = sender.try_reserve()?;
/// assert_eq!(sender.try_reserve().unwrap_err(), TryReserveError::Full);
/// # Ok::<(), TryReserveError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryReserveError {
    /// Not so many places are free at this moment.
    Full,
    /// The channel is closed.
    Closed,
    /// More places than the channel has: a rendezvous has none, an unbounded one as many as half of [`usize::MAX`].
    NeverRoom,
}

impl fmt::Display for TryReserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the channel is full",
            Self::Closed => "the channel is closed",
            Self::NeverRoom => "the channel has not so many places",
        })
    }
}

impl Error for TryReserveError {}
