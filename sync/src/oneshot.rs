//! One value, once, from one task to another.
//!
//! One allocation, shared by the two halves; its protocol is told in the private `cell` module.
//!
//! ```
//! use filch_sync::oneshot;
//! # futures_lite::future::block_on(async {
//! let (sender, receiver) = oneshot::channel();
//! std::thread::spawn(move || sender.send("done"));
//! assert_eq!(receiver.await?, "done");
//! # Ok::<(), oneshot::RecvError>(())
//! # }).unwrap();
//! ```

mod cell;
#[cfg(all(test, filch_loom))]
mod model;
mod statistics;
#[cfg(all(test, not(filch_loom)))]
mod tests;

pub use statistics::OneshotStatistics;

use crate::blocking;
use cell::{ReceiverCell, SenderCell};
use filch_primitive::slice;
use futures_core::future::FusedFuture;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A new pair.
///
/// ```
/// let (sender, receiver) = filch_sync::oneshot::channel();
/// let answer = std::thread::spawn(move || sender.send(6 * 7));
/// assert_eq!(futures_lite::future::block_on(receiver), Ok(42));
/// # answer.join().unwrap().unwrap();
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = cell::pair();
    (Sender { cell: sender }, Receiver { cell: Some(receiver) })
}

/// The half that sends. Dropping it unused tells the receiver.
///
/// # Complexity
/// Constant time and no lock: one locked instruction, two more where the receiver waits. Nothing is allocated but the pair.
/// # Examples
/// ```
/// let (sender, receiver) = filch_sync::oneshot::channel::<u8>();
/// drop(sender);
/// assert!(receiver.recv_blocking().is_err());
/// ```
pub struct Sender<T> {
    cell: SenderCell<T>,
}

impl<T> Sender<T> {
    /// Sends the value. Never waits.
    ///
    /// # Errors
    /// Gives the value back when the receiver is gone or has closed. A value that was sent may still be dropped
    /// unseen, with a receiver that is dropped later.
    /// # Complexity
    /// One locked instruction, two more when the receiver waits.
    /// # Examples
    /// ```
    /// use filch_sync::oneshot;
    /// let (sender, receiver) = oneshot::channel();
    /// sender.send('a').unwrap();
    /// assert_eq!(receiver.recv_blocking(), Ok('a'));
    ///
    /// let (sender, receiver) = oneshot::channel();
    /// drop(receiver);
    /// assert_eq!(sender.send('b'), Err('b'));
    /// ```
    pub fn send(self, value: T) -> Result<(), T> {
        self.cell.send(value)
    }

    /// Whether a value would be refused.
    ///
    /// ```
    /// let (sender, receiver) = filch_sync::oneshot::channel::<u8>();
    /// assert!(!sender.is_closed());
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.cell.is_closed()
    }

    /// Waits until the receiver is gone or closes: to stop work whose result nobody wants any more.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    ///
    /// # Examples
    /// ```
    /// use filch_sync::oneshot;
    /// # futures_lite::future::block_on(async {
    /// let (mut sender, receiver) = oneshot::channel::<u8>();
    /// drop(receiver);
    /// sender.closed().await;
    /// assert_eq!(sender.send(1), Err(1));
    /// # });
    /// ```
    pub async fn closed(&mut self) {
        poll_fn(|cx| self.poll_closed(cx)).await;
    }

    /// As [`closed`](Self::closed), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// ```
    /// let (mut sender, mut receiver) = filch_sync::oneshot::channel::<u8>();
    /// let listener = std::thread::spawn(move || receiver.close());
    /// sender.closed_blocking();
    /// assert!(sender.is_closed());
    /// # listener.join().unwrap();
    /// ```
    pub fn closed_blocking(&mut self) {
        if !self.is_closed() {
            blocking::block_on(self.closed());
        }
    }

    /// Polls for what [`closed`](Self::closed) waits for. Only the waker of the last call is woken.
    ///
    /// ```
    /// use std::task::{Context, Waker};
    /// let (mut sender, receiver) = filch_sync::oneshot::channel::<u8>();
    /// let mut cx = Context::from_waker(Waker::noop());
    /// assert!(sender.poll_closed(&mut cx).is_pending());
    /// drop(receiver);
    /// assert!(sender.poll_closed(&mut cx).is_ready());
    /// ```
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(slice::proceed(cx));
        self.cell.poll_closed(cx)
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("closed", &self.is_closed()).finish()
    }
}

/// The half that receives, by being awaited. It can be awaited by reference, as often as it takes; after its one answer it
/// gives only [`RecvError`].
///
/// # Cancel safety
/// `&mut receiver` may be awaited and dropped: the value stays until it is taken.
/// # Complexity
/// Constant time and no lock: one load where the value is there, one locked instruction to wait for it.
/// # Examples
/// ```
/// let (sender, mut receiver) = filch_sync::oneshot::channel();
/// let answer = std::thread::spawn(move || sender.send(42));
/// assert_eq!(futures_lite::future::block_on(&mut receiver), Ok(42));
/// # answer.join().unwrap().unwrap();
/// ```
#[must_use = "a future does nothing until it is awaited"]
pub struct Receiver<T> {
    /// Nothing once the answer was given.
    cell: Option<ReceiverCell<T>>,
}

impl<T> Receiver<T> {
    /// Takes the value if it is there.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] when it may still come, [`TryRecvError::Closed`] when it will not.
    ///
    /// # Examples
    /// ```
    /// use filch_sync::oneshot::{TryRecvError, channel};
    /// let (sender, mut receiver) = channel();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    /// ```
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let cell = self.cell.as_mut().ok_or(TryRecvError::Closed)?;
        match cell.take() {
            Poll::Pending => Err(TryRecvError::Empty),
            Poll::Ready(value) => {
                self.cell = None;
                value.ok_or(TryRecvError::Closed)
            }
        }
    }

    /// Waits on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// [`RecvError`] when the sender is gone without having sent.
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::oneshot::channel();
    /// let worker = std::thread::spawn(move || sender.send("done"));
    /// assert_eq!(receiver.recv_blocking(), Ok("done"));
    /// # worker.join().unwrap().unwrap();
    /// ```
    pub fn recv_blocking(self) -> Result<T, RecvError> {
        blocking::block_on(self)
    }

    /// Refuses a value that was not sent yet. One that was sent before can still be received.
    ///
    /// ```
    /// let (sender, mut receiver) = filch_sync::oneshot::channel();
    /// receiver.close();
    /// assert_eq!(sender.send('a'), Err('a'));
    /// ```
    pub fn close(&mut self) {
        if let Some(cell) = &mut self.cell {
            cell.close();
        }
    }

    /// Whether there is no value to take at this moment, be it that none has come yet, or that none will.
    ///
    /// ```
    /// let (sender, mut receiver) = filch_sync::oneshot::channel();
    /// assert!(receiver.is_empty());
    /// sender.send(1).unwrap();
    /// assert!(!receiver.is_empty());
    /// assert_eq!((receiver.try_recv(), receiver.is_empty()), (Ok(1), true));
    /// ```
    pub fn is_empty(&self) -> bool {
        !self.cell.as_ref().is_some_and(ReceiverCell::has_value)
    }

    /// Whether the answer is given, or the sender is gone, or this half was closed. A value may still be there to take.
    ///
    /// ```
    /// let (sender, mut receiver) = filch_sync::oneshot::channel();
    /// sender.send('a').unwrap();
    /// assert!(receiver.is_closed());
    /// assert_eq!(receiver.try_recv(), Ok('a'));
    /// ```
    pub fn is_closed(&self) -> bool {
        self.cell.as_ref().is_none_or(ReceiverCell::is_closed)
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        let Some(cell) = &mut self.cell else { return Poll::Ready(Err(RecvError(()))) };
        let value = ready!(cell.poll_take(cx));
        self.cell = None;
        Poll::Ready(value.ok_or(RecvError(())))
    }
}

/// Terminated when the one answer was given: awaited again, it answers [`RecvError`] at once.
impl<T> FusedFuture for Receiver<T> {
    fn is_terminated(&self) -> bool {
        self.cell.is_none()
    }
}

// The value is never pinned.
impl<T> Unpin for Receiver<T> {}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A value that comes between two of these looks shows the later state.
        let state = match () {
            () if self.cell.is_none() => "answered",
            () if !self.is_closed() => "open",
            () if self.is_empty() => "closed",
            () => "value",
        };
        f.debug_struct("Receiver").field("state", &format_args!("{state}")).finish()
    }
}

/// The sender is gone without having sent, or the answer was given before.
///
/// ```
/// use filch_sync::oneshot;
/// let (sender, receiver) = oneshot::channel::<u8>();
/// drop(sender);
/// assert_eq!(receiver.recv_blocking().unwrap_err().to_string(), "the sender is gone without a value");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvError(());

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sender is gone without a value")
    }
}

impl Error for RecvError {}

/// Why there was no value at once.
///
/// ```
/// use filch_sync::oneshot::{self, TryRecvError};
/// let (sender, mut receiver) = oneshot::channel::<u8>();
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
/// drop(sender);
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// It may still come.
    Empty,
    /// It will not come.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "no value was sent yet",
            Self::Closed => "the sender is gone without a value",
        })
    }
}

impl Error for TryRecvError {}
