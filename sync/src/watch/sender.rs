//! The end that sends.

use super::shared::Shared;
use super::{Receiver, Ref, SendError, WatchStatistics};
use crate::blocking;
use crate::line::LineWaiter;
use filch_primitive::slice;
use filch_primitive::sync::Arc;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Changes the value that receivers watch. Clones change the same; the channel closes when the last one is
/// dropped.
///
/// # Complexity
/// To change the value, its lock, and time linear in the number of receivers that wait. To look at it, two locked
/// instructions while nobody changes it. All else takes constant time.
/// # Examples
/// ```
/// let (sender, receiver) = filch_sync::watch::channel(1);
/// let another = sender.clone();
/// sender.send(2).unwrap();
/// another.send_modify(|value| *value += 1);
/// assert_eq!(*receiver.borrow(), 3);
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    pub(super) fn first(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Replaces the value, and tells the receivers. Waits while somebody holds a [`Ref`].
    ///
    /// # Errors
    /// [`SendError`] with `value` when there is no receiver; the value stays as it was. To change it all the
    /// same there is [`send_replace`](Self::send_replace).
    /// # Complexity
    /// Constant, and linear in the number of receivers that wait.
    /// # Examples
    /// ```
    /// use filch_sync::watch::{self, SendError};
    /// let (sender, receiver) = watch::channel(1);
    /// sender.send(2)?;
    /// assert_eq!(*receiver.borrow(), 2);
    /// drop(receiver);
    /// assert_eq!(sender.send(3), Err(SendError(3)));
    /// # Ok::<(), SendError<i32>>(())
    /// ```
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.is_closed() {
            return Err(SendError(value));
        }
        drop(self.send_replace(value));
        Ok(())
    }

    /// Replaces the value, whether or not anybody receives, and answers the old one.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::watch::channel(1);
    /// drop(receiver);
    /// assert_eq!(sender.send_replace(2), 1);
    /// assert_eq!(*sender.subscribe().borrow(), 2);
    /// ```
    pub fn send_replace(&self, mut value: T) -> T {
        self.shared.modify(|current| {
            std::mem::swap(current, &mut value);
            true
        });
        value
    }

    /// Changes the value in place, and tells the receivers.
    ///
    /// `modify` runs while the value is locked: it must not look at this channel. If it panics, the value stays
    /// as it left it, and the receivers are not told.
    ///
    /// # Panics
    /// When `modify` does.
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::watch::channel(vec![1]);
    /// sender.send_modify(|list| list.push(2));
    /// assert_eq!(*receiver.borrow(), [1, 2]);
    /// assert!(receiver.has_changed());
    /// ```
    pub fn send_modify(&self, modify: impl FnOnce(&mut T)) {
        self.shared.modify(|value| {
            modify(value);
            true
        });
    }

    /// Changes the value in place, and tells the receivers if `modify` answers true; the answer is passed on.
    ///
    /// As with [`send_modify`](Self::send_modify) it runs while the value is locked, and a panic tells nobody.
    ///
    /// # Panics
    /// When `modify` does.
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::watch::channel(5);
    /// let raise = |to: i32| {
    ///     sender.send_if_modified(|value| {
    ///         let is_more = to > *value;
    ///         *value = to.max(*value);
    ///         is_more
    ///     })
    /// };
    /// assert!(!raise(3));
    /// assert!(!receiver.has_changed());
    /// assert!(raise(7));
    /// assert!(receiver.has_changed());
    /// ```
    pub fn send_if_modified(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        self.shared.modify(modify)
    }

    /// Looks at the value. Nobody can send while the answer lives.
    ///
    /// On a thread that holds another [`Ref`] of this channel it may deadlock, when a sender waits in between.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = filch_sync::watch::channel(1);
    /// assert_eq!(*sender.borrow(), 1);
    /// ```
    pub fn borrow(&self) -> Ref<'_, T> {
        self.shared.look_as_sender()
    }

    /// One more receiver, which has seen the present value.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::watch::channel(1);
    /// drop(receiver);
    /// let late = sender.subscribe();
    /// assert!(!late.has_changed());
    /// assert!(sender.send(2).is_ok() && late.has_changed());
    /// ```
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::subscribed(self.shared.clone())
    }

    /// Waits until there is no receiver. If there is none now, that is at once.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let (sender, receiver) = filch_sync::watch::channel(1);
    /// let watching = std::thread::spawn(move || drop(receiver));
    /// sender.closed().await;
    /// assert!(sender.is_closed());
    /// # watching.join().unwrap();
    /// # });
    /// ```
    pub fn closed(&self) -> ClosedFuture<'_, T> {
        ClosedFuture { shared: &self.shared, waiter: LineWaiter::new(&self.shared.closed_line) }
    }

    /// As [`closed`](Self::closed), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::watch::channel(1);
    /// let listening = std::thread::spawn(move || drop(receiver));
    /// sender.closed_blocking();
    /// assert!(sender.is_closed());
    /// # listening.join().unwrap();
    /// ```
    pub fn closed_blocking(&self) {
        if !self.is_closed() {
            blocking::block_on(self.closed());
        }
    }

    /// Whether there is no receiver at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::watch::channel(1);
    /// drop(receiver);
    /// assert!(sender.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.is_deserted()
    }

    /// How many senders there are.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = filch_sync::watch::channel(1);
    /// assert_eq!(sender.clone().sender_count(), 2);
    /// ```
    pub fn sender_count(&self) -> usize {
        self.shared.sender_count()
    }

    /// How many receivers there are.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = filch_sync::watch::channel(1);
    /// assert_eq!(sender.receiver_count(), 1);
    /// ```
    pub fn receiver_count(&self) -> usize {
        self.shared.receiver_count()
    }

    /// Whether both send into the same channel.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = filch_sync::watch::channel(1);
    /// assert!(sender.same_channel(&sender.clone()));
    /// ```
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// What the channel looks like at this moment.
    ///
    /// # Examples
    /// ```
    /// let (sender, _receiver) = filch_sync::watch::channel(1);
    /// sender.send_replace(2);
    /// assert_eq!(sender.statistics().version, 1);
    /// ```
    pub fn statistics(&self) -> WatchStatistics {
        self.shared.statistics()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        let shared = self.shared.clone();
        shared.add_sender();
        Self { shared }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.retire();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.debug("Sender", f)
    }
}

pin_project! {
    /// Waits until nobody receives; made by [`Sender::closed`].
    ///
    /// ```
    /// use filch_sync::watch;
    /// use futures_lite::future::{block_on, poll_once};
    /// let (sender, receiver) = watch::channel(1);
    /// let mut closed = std::pin::pin!(sender.closed());
    /// assert!(block_on(poll_once(closed.as_mut())).is_none());
    /// drop(receiver);
    /// assert!(block_on(poll_once(closed)).is_some());
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct ClosedFuture<'a, T> {
        shared: &'a Shared<T>,
        #[pin]
        waiter: LineWaiter<'a>,
    }
}

impl<T> Future for ClosedFuture<'_, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let shared = *this.shared;
        this.waiter.poll_until(cx, || if shared.is_deserted() { Ok(()) } else { Err(0) })
    }
}

impl<T> fmt::Debug for ClosedFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClosedFuture").finish_non_exhaustive()
    }
}
