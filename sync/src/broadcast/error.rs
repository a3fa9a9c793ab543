//! What can go wrong, giving back what was not sent.

use std::error::Error;
use std::fmt;

/// There is no receiver; the value comes back.
///
/// ```
/// use filch_sync::broadcast::{self, SendError};
/// let (sender, receiver) = broadcast::lossy(4);
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
        f.write_str("the channel has no receiver")
    }
}

impl<T> Error for SendError<T> {}

/// Why a value could not be sent at once; it comes back.
///
/// ```
/// use filch_sync::broadcast::{self, TrySendError};
/// let (sender, _slow) = broadcast::bounded(1);
/// sender.try_send('a')?;
/// assert!(sender.try_send('b') == Err(TrySendError::Full('b')));
/// # Ok::<(), TrySendError<char>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// The slowest receiver is a whole capacity behind.
    Full(T),
    /// There is no receiver.
    Closed(T),
}

impl<T> TrySendError<T> {
    /// The value that was not sent.
    ///
    /// ```
    /// let (sender, _receiver) = filch_sync::broadcast::bounded(1);
    /// sender.try_send(1).unwrap();
    /// assert_eq!(sender.try_send(2).unwrap_err().into_inner(), 2);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Closed(value) => value,
        }
    }

    /// Whether it may succeed once the receivers have caught up.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::broadcast::bounded(1);
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
            Self::Closed(_) => "the channel has no receiver",
        })
    }
}

impl<T> Error for TrySendError<T> {}

/// Why there was no value.
///
/// ```
/// use filch_sync::broadcast::{self, RecvError};
/// let (sender, mut receiver) = broadcast::lossy(2);
/// for n in 0..5 {
///     sender.try_send(n)?;
/// }
/// drop(sender);
/// let RecvError::Lagged(missed) = receiver.recv_blocking().unwrap_err() else { unreachable!() };
/// let rest = [receiver.recv_blocking(), receiver.recv_blocking(), receiver.recv_blocking()];
/// assert_eq!((missed, rest), (3, [Ok(3), Ok(4), Err(RecvError::Closed)]));
/// # Ok::<(), broadcast::TrySendError<i32>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvError {
    /// All senders are gone, and everything was received.
    Closed,
    /// So many values were overwritten before this receiver came to them. It goes on with the oldest that is
    /// still there.
    Lagged(u64),
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the channel is closed and empty"),
            Self::Lagged(missed) => Lagged(*missed).fmt(f),
        }
    }
}

impl Error for RecvError {}

/// Why there was no value at once.
///
/// ```
/// use filch_sync::broadcast::{self, TryRecvError};
/// let (sender, mut receiver) = broadcast::lossy::<u8>(2);
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
/// drop(sender);
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// Nothing there; something may come.
    Empty,
    /// All senders are gone, and everything was received.
    Closed,
    /// So many values were overwritten before this receiver came to them. It goes on with the oldest that is
    /// still there.
    Lagged(u64),
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the channel is empty"),
            Self::Closed => RecvError::Closed.fmt(f),
            Self::Lagged(missed) => Lagged(*missed).fmt(f),
        }
    }
}

impl Error for TryRecvError {}

/// What a receiver's stream says of a gap: so many values were overwritten before it came to them.
///
/// ```
/// use filch_sync::broadcast::{self, Lagged};
/// use futures_lite::StreamExt;
/// let (sender, mut receiver) = broadcast::lossy(1);
/// sender.try_send("early")?;
/// sender.try_send("late")?;
/// # futures_lite::future::block_on(async {
/// assert_eq!(receiver.next().await, Some(Err(Lagged(1))));
/// assert_eq!(receiver.next().await, Some(Ok("late")));
/// # });
/// # Ok::<(), broadcast::TrySendError<&str>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lagged(pub u64);

impl fmt::Display for Lagged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "missed {} values", self.0)
    }
}

impl Error for Lagged {}
