//! The end that watches.

use super::shared::{Change, Shared, before};
use super::{RecvError, Ref, WatchStatistics};
use crate::blocking;
use crate::line::{LineWaiter, Seat};
use filch_primitive::slice;
use filch_primitive::sync::Arc;
use futures_core::stream::{FusedStream, Stream};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Watches a value. Clones watch the same, and begin with what the original has seen.
///
/// As a [`Stream`] it yields a clone of each value it has not seen when it is asked, and ends when all senders
/// are gone and the last value was seen. To begin with the present value, call
/// [`mark_changed`](Self::mark_changed) first. The clone runs while the value is locked for sending: it must
/// not send into this channel.
///
/// # Complexity
/// Constant time: two locked instructions to look at the value while nobody changes it, one load to see whether it has
/// changed, one lock to wait until it has. As a stream it allocates its place in the line once, when it first has to wait.
/// # Examples
/// ```
/// let (sender, mut receiver) = filch_sync::watch::channel("old");
/// sender.send("new").unwrap();
/// assert!(receiver.has_changed());
/// assert_eq!(*receiver.borrow_and_update(), "new");
/// assert!(!receiver.has_changed());
/// ```
pub struct Receiver<T> {
    seat: Seat<Shared<T>>,
    /// The version it has seen last.
    seen: u64,
}

impl<T> Receiver<T> {
    /// For a channel that counts one receiver from the start.
    pub(super) fn first(shared: Arc<Shared<T>>) -> Self {
        let (seen, _) = shared.version();
        Self { seat: Seat::new(shared), seen }
    }

    pub(super) fn subscribed(shared: Arc<Shared<T>>) -> Self {
        shared.add_receiver();
        Self::first(shared)
    }

    /// Looks at the value, without marking it as seen. Nobody can send while the answer lives.
    ///
    /// On a thread that holds another [`Ref`] of this channel it may deadlock, when a sender waits in between.
    ///
    /// # Complexity
    /// Two locked instructions while nobody sends.
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::watch::channel(1);
    /// sender.send_replace(2);
    /// assert_eq!(*receiver.borrow(), 2);
    /// assert!(receiver.has_changed(), "looking is not seeing");
    /// ```
    pub fn borrow(&self) -> Ref<'_, T> {
        self.seat.shared().look(self.seen).0
    }

    /// Looks at the value, and marks it as seen. Nobody can send while the answer lives.
    ///
    /// Use this, not [`borrow`](Self::borrow), in a loop around [`changed`](Self::changed): a value that was
    /// replaced between the two would otherwise be looked at twice.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = filch_sync::watch::channel(1);
    /// sender.send_replace(2);
    /// assert_eq!(*receiver.borrow_and_update(), 2);
    /// assert!(!receiver.has_changed());
    /// ```
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let (value, version) = self.seat.shared().look(self.seen);
        self.seen = version;
        value
    }

    /// Waits for a value that was not seen, and marks it as seen.
    ///
    /// # Errors
    /// [`RecvError`] when all senders are gone and the last value was seen.
    /// # Cancel safety
    /// A value is marked as seen only when this returns: dropping the future loses nothing.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, mut receiver) = filch_sync::watch::channel(0);
    /// let counting = std::thread::spawn(move || (1..=100).for_each(|n| drop(sender.send(n))));
    /// let mut last = 0;
    /// while receiver.changed().await.is_ok() {
    ///     let now = *receiver.borrow_and_update();
    ///     assert!(now > last, "never one twice");
    ///     last = now;
    /// }
    /// assert_eq!(last, 100, "and never not the last");
    /// # counting.join().unwrap();
    /// # });
    /// ```
    pub fn changed(&mut self) -> ChangedFuture<'_, T> {
        let shared = self.seat.shared();
        ChangedFuture { shared, seen: &mut self.seen, waiter: LineWaiter::new(&shared.line) }
    }

    /// As [`changed`](Self::changed), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// As [`changed`](Self::changed).
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = filch_sync::watch::channel(1);
    /// let sending = std::thread::spawn(move || sender.send(2));
    /// assert_eq!(receiver.changed_blocking(), Ok(()));
    /// assert_eq!(*receiver.borrow(), 2);
    /// # sending.join().unwrap().unwrap();
    /// ```
    pub fn changed_blocking(&mut self) -> Result<(), RecvError> {
        match self.seat.shared().change(&mut self.seen) {
            Ok(change) => ended(change),
            Err(_) => blocking::block_on(self.changed()),
        }
    }

    /// Whether there is a value that was not seen.
    ///
    /// # Complexity
    /// One load.
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::watch::channel(1);
    /// assert!(!receiver.has_changed());
    /// sender.send_replace(2);
    /// assert!(receiver.has_changed());
    /// ```
    pub fn has_changed(&self) -> bool {
        self.seat.shared().version().0 != self.seen
    }

    /// Marks the present value as not seen.
    ///
    /// # Examples
    /// ```
    /// let (_sender, mut receiver) = filch_sync::watch::channel("init");
    /// receiver.mark_changed();
    /// assert_eq!(receiver.changed_blocking(), Ok(()), "the first round is about the initial value");
    /// assert!(!receiver.has_changed());
    /// ```
    pub fn mark_changed(&mut self) {
        self.seen = before(self.seat.shared().version().0);
    }

    /// Marks the present value as seen.
    ///
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = filch_sync::watch::channel(1);
    /// sender.send_replace(2);
    /// receiver.mark_unchanged();
    /// assert!(!receiver.has_changed());
    /// ```
    pub fn mark_unchanged(&mut self) {
        self.seen = self.seat.shared().version().0;
    }

    /// Waits until the value is one that `is_wanted` says yes to, the present one included, and answers a look
    /// at it. Values it was asked about are marked as seen. It runs while the value is locked for sending: it
    /// must not send into this channel.
    ///
    /// # Panics
    /// When `is_wanted` does.
    /// # Errors
    /// [`RecvError`] when all senders are gone and the last value was not the one.
    /// # Cancel safety
    /// Nothing is lost by dropping the future; values that `is_wanted` was asked about stay marked as seen.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, mut receiver) = filch_sync::watch::channel(0);
    /// let counting = std::thread::spawn(move || (1..=5).for_each(|n| drop(sender.send_replace(n))));
    /// assert!(*receiver.wait_for(|n| *n >= 3).await? >= 3);
    /// assert!(receiver.wait_for(|n| *n > 5).await.is_err());
    /// # counting.join().unwrap();
    /// # Ok::<(), filch_sync::watch::RecvError>(())
    /// # }).unwrap();
    /// ```
    pub async fn wait_for(&mut self, mut is_wanted: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, RecvError> {
        let shared = self.seat.shared();
        poll_fn(slice::proceed).await;
        loop {
            {
                let (value, version) = shared.look(self.seen);
                self.seen = version;
                if is_wanted(&value) {
                    return Ok(value);
                }
            }
            // A copy: it is the look that marks as seen.
            let mut seen = self.seen;
            ChangedFuture { shared, seen: &mut seen, waiter: LineWaiter::new(&shared.line) }.await?;
        }
    }

    /// As [`wait_for`](Self::wait_for), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Panics
    /// When `is_wanted` does.
    /// # Errors
    /// As [`wait_for`](Self::wait_for).
    /// # Examples
    /// ```
    /// let (sender, mut receiver) = filch_sync::watch::channel(1);
    /// let sending = std::thread::spawn(move || sender.send(2));
    /// assert!(receiver.wait_for_blocking(|value| *value == 2).is_ok());
    /// # sending.join().unwrap().unwrap();
    /// ```
    pub fn wait_for_blocking(&mut self, is_wanted: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, RecvError> {
        blocking::block_on(self.wait_for(is_wanted))
    }

    /// Whether all senders are gone. The last value may not have been seen yet.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::watch::channel(1);
    /// drop(sender);
    /// assert!(receiver.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.seat.shared().version().1
    }

    /// How many receivers there are.
    ///
    /// # Examples
    /// ```
    /// let (_sender, receiver) = filch_sync::watch::channel(1);
    /// assert_eq!(receiver.clone().receiver_count(), 2);
    /// ```
    pub fn receiver_count(&self) -> usize {
        self.seat.shared().receiver_count()
    }

    /// Whether both watch the same value.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::watch::channel(1);
    /// assert!(receiver.same_channel(&sender.subscribe()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.seat.shared(), other.seat.shared())
    }

    /// A look at the channel, as [`Sender::statistics`](super::Sender::statistics).
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::watch::channel(1);
    /// sender.send_replace(2);
    /// assert_eq!(receiver.statistics().version, 1);
    /// ```
    pub fn statistics(&self) -> WatchStatistics {
        self.seat.shared().statistics()
    }
}

/// What a wait ended with.
fn ended(change: Change) -> Result<(), RecvError> {
    match change {
        Change::New => Ok(()),
        Change::Closed => Err(RecvError(())),
    }
}

impl<T: Clone> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        ready!(slice::proceed(cx));
        let this = self.get_mut();
        let mut seen = this.seen;
        let at_once = match this.seat.is_taken() {
            true => None,
            false => this.seat.shared().change(&mut seen).ok(),
        };
        let change = match at_once {
            Some(change) => change,
            None => {
                let (shared, waiter) = this.seat.waiter(|shared| &shared.line);
                ready!(waiter.poll_until(cx, || shared.change(&mut seen)))
            }
        };
        // Marked as seen with the look, not before: a clone that panics has been asked for, and what it was of
        // is seen.
        Poll::Ready(ended(change).ok().map(|()| T::clone(&this.borrow_and_update())))
    }
}

impl<T: Clone> FusedStream for Receiver<T> {
    fn is_terminated(&self) -> bool {
        let (version, is_closed) = self.seat.shared().version();
        is_closed && version == self.seen
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        let shared = self.seat.shared().clone();
        shared.add_receiver();
        Self { seat: Seat::new(shared), seen: self.seen }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.seat.shared().leave();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seat.shared().debug("Receiver", f)
    }
}

pin_project! {
    /// Waits for a value that was not seen; made by [`Receiver::changed`].
    ///
    /// ```
    /// use filch_sync::watch;
    /// use futures_lite::future::{block_on, poll_once};
    /// let (sender, mut receiver) = watch::channel(1);
    /// let mut changed = Box::pin(receiver.changed());
    /// assert!(block_on(poll_once(changed.as_mut())).is_none());
    /// sender.send(2)?;
    /// // Dropped before it said so, it has seen nothing.
    /// drop(changed);
    /// assert!(receiver.has_changed());
    /// # Ok::<(), watch::SendError<i32>>(())
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct ChangedFuture<'a, T> {
        shared: &'a Shared<T>,
        seen: &'a mut u64,
        #[pin]
        waiter: LineWaiter<'a>,
    }
}

impl<T> Future for ChangedFuture<'_, T> {
    type Output = Result<(), RecvError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let (shared, seen) = (*this.shared, &mut **this.seen);
        this.waiter.poll_until(cx, || shared.change(seen)).map(ended)
    }
}

impl<T> fmt::Debug for ChangedFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangedFuture").finish_non_exhaustive()
    }
}
