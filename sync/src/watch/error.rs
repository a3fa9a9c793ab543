//! What can go wrong, giving back what was not sent.

use std::error::Error;
use std::fmt;

/// There is no receiver; the value comes back.
///
/// ```
/// use filch_sync::watch::{self, SendError};
/// let (sender, receiver) = watch::channel(1);
/// drop(receiver);
/// let SendError(refused) = sender.send(2).unwrap_err();
/// assert_eq!(refused, 2);
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

/// All senders are gone, and the last value was seen.
///
/// ```
/// use filch_sync::watch;
/// let (sender, mut receiver) = watch::channel(1);
/// sender.send(2)?;
/// drop(sender);
/// assert!(receiver.changed_blocking().is_ok(), "the last value comes first");
/// assert_eq!(receiver.changed_blocking().unwrap_err().to_string(), "the channel is closed");
/// # Ok::<(), watch::SendError<i32>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvError(pub(super) ());

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the channel is closed")
    }
}

impl Error for RecvError {}
