//! Permits: the right to send without waiting.
//!
//! # Protocol
//! Reserve: wait in the senders' line until so many places are free at once, and count them as reserved. Send with it: write the
//! value, one place less is reserved, tell a receiver. Give back, which dropping is: so many places less are reserved; tell as many
//! senders. Where the channel was closed meanwhile, both tell all receivers: what they still waited for has come, or will not.
//!
//! # Why it is right
//! One that waits for several places uses up a telling for each that becomes free, up to the one that completes its number. When
//! it goes before that, or its poll panics, those places are free and nobody behind it knows: so it tells as many as it may have used
//! up.

use super::line::LineWaiter;
use super::shared::Shared;
use super::{ReserveError, SendError, Sender, TryReserveError};
use crate::blocking;
use filch_primitive::{mutant, slice};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::iter::FusedIterator;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

impl<T> Sender<T> {
    /// Waits for a place, and reserves it: what is then sent into it waits for nothing. To know that there is room before the
    /// value is made, or before something is taken from elsewhere that could not be put back.
    ///
    /// A reserved place counts as taken. It stays so when the channel is closed: receivers see the end when it is used or given
    /// back. Who waits here waits in one line with those that send.
    ///
    /// # Errors
    /// [`ReserveError::Closed`], or [`ReserveError::NeverRoom`] for a [`rendezvous`](super::rendezvous): a receiver that waits may
    /// go away before it takes the value, so there is nothing to reserve.
    /// # Cancel safety
    /// Dropping the future gives up the place in the line, and reserves nothing.
    /// # Complexity
    /// One lock, one more for the send. Small bounded channels have no lock; with the first place that is reserved such a channel
    /// goes over, for good, to a queue that has one. Nothing of this costs those that never reserve.
    /// # Examples
    /// ```
    /// use filch_sync::channel::{self, TrySendError};
    /// # futures_lite::future::block_on(async {
    /// let (sender, receiver) = channel::bounded(1);
    /// let permit = sender.reserve().await?;
    /// assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
    /// permit.send(2).unwrap();
    /// assert_eq!(receiver.recv().await, Ok(2));
    /// # Ok::<(), channel::ReserveError>(())
    /// # }).unwrap();
    /// ```
    pub fn reserve(&self) -> ReserveFuture<'_, T> {
        ReserveFuture { places: self.wait_for(1) }
    }

    /// Waits for `count` places at once, and reserves them.
    ///
    /// All or none: so two that wait for many never wait for each other. Nothing is kept free for one that waits, but those
    /// behind it in the line wait for it; who does not stand in line may get ahead.
    ///
    /// # Errors
    /// [`ReserveError::Closed`], or [`ReserveError::NeverRoom`] when the channel has not so many places.
    /// # Cancel safety
    /// As with [`reserve`](Self::reserve).
    /// # Complexity
    /// As for [`reserve`](Self::reserve), whatever the number; one that waits may be woken once for each place that becomes
    /// free.
    /// # Examples
    /// ```
    /// use filch_sync::channel;
    /// # futures_lite::future::block_on(async {
    /// let (sender, receiver) = channel::bounded(3);
    /// let permits = sender.reserve_many(3).await?;
    /// for (permit, part) in permits.zip(["a", "whole"]) {
    ///     permit.send(part).unwrap();
    /// }
    /// assert_eq!(receiver.len(), 2);
    /// assert!(sender.try_send("place given back").is_ok());
    /// # Ok::<(), channel::ReserveError>(())
    /// # }).unwrap();
    /// ```
    pub fn reserve_many(&self, count: usize) -> ReserveManyFuture<'_, T> {
        ReserveManyFuture { places: self.wait_for(count) }
    }

    /// Reserves a place if one is free.
    ///
    /// # Errors
    /// As [`TryReserveError`] tells.
    /// # Examples
    /// ```
    /// # use filch_sync::channel::{TryReserveError, bounded};
    /// let (sender, receiver) = bounded(1);
    /// let permit = sender.try_reserve()?;
    /// assert_eq!(sender.try_reserve().unwrap_err(), TryReserveError::Full);
    /// permit.send('x').unwrap();
    /// assert_eq!(receiver.try_recv(), Ok('x'));
    /// # Ok::<(), TryReserveError>(())
    /// ```
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TryReserveError> {
        self.shared.reserve(1).map(|()| Permit { shared: &self.shared })
    }

    /// Reserves `count` places if as many are free.
    ///
    /// # Errors
    /// As [`TryReserveError`] tells.
    /// # Examples
    /// ```
    /// # use filch_sync::channel::{TryReserveError, bounded};
    /// let (sender, _receiver) = bounded::<u8>(3);
    /// assert_eq!(sender.try_reserve_many(2)?.len(), 2);
    /// assert_eq!(sender.try_reserve_many(4).unwrap_err(), TryReserveError::NeverRoom);
    /// # Ok::<(), TryReserveError>(())
    /// ```
    pub fn try_reserve_many(&self, count: usize) -> Result<Permits<'_, T>, TryReserveError> {
        self.shared.reserve(count).map(|()| Permits { shared: &self.shared, left: count })
    }

    /// As [`reserve`](Self::reserve), with a permit that has a sender of its own. So has the future: it borrows nothing.
    ///
    /// # Errors
    /// As with [`reserve`](Self::reserve).
    /// # Cancel safety
    /// As with [`reserve`](Self::reserve).
    /// # Examples
    /// ```
    /// use filch_sync::channel;
    /// # futures_lite::future::block_on(async {
    /// let (sender, receiver) = channel::bounded(1);
    /// let permit = sender.reserve_owned().await?;
    /// std::thread::spawn(move || permit.send("from elsewhere").unwrap());
    /// assert_eq!(receiver.recv().await, Ok("from elsewhere"));
    /// # Ok::<(), channel::ReserveError>(())
    /// # }).unwrap();
    /// ```
    pub fn reserve_owned(&self) -> impl Future<Output = Result<OwnedPermit<T>, ReserveError>> + use<T> {
        let sender = self.clone();
        async move {
            sender.reserve().await?.forget();
            Ok(OwnedPermit { sender: Some(sender) })
        }
    }

    /// As [`try_reserve`](Self::try_reserve), with a permit that has a sender of its own.
    ///
    /// # Errors
    /// As [`TryReserveError`] tells.
    /// # Examples
    /// ```
    /// # use filch_sync::channel::{TryReserveError, bounded};
    /// let (sender, receiver) = bounded(1);
    /// let permit = sender.try_reserve_owned()?;
    /// drop(sender);
    /// assert!(!receiver.is_closed());
    /// permit.send(1).unwrap();
    /// assert!(receiver.is_closed());
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// # Ok::<(), TryReserveError>(())
    /// ```
    pub fn try_reserve_owned(&self) -> Result<OwnedPermit<T>, TryReserveError> {
        self.try_reserve()?.forget();
        Ok(OwnedPermit { sender: Some(self.clone()) })
    }

    /// As [`reserve`](Self::reserve), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// As with [`reserve`](Self::reserve).
    /// # Examples
    /// ```
    /// # use filch_sync::channel::{ReserveError, bounded};
    /// let (sender, receiver) = bounded(1);
    /// sender.reserve_blocking()?.send(5).unwrap();
    /// assert_eq!(receiver.recv_blocking(), Ok(5));
    /// # Ok::<(), ReserveError>(())
    /// ```
    pub fn reserve_blocking(&self) -> Result<Permit<'_, T>, ReserveError> {
        blocking::block_on(self.reserve())
    }

    /// As [`reserve_many`](Self::reserve_many), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// As with [`reserve_many`](Self::reserve_many).
    /// # Examples
    /// ```
    /// # use filch_sync::channel::{ReserveError, bounded};
    /// let (sender, receiver) = bounded(2);
    /// for (permit, number) in sender.reserve_many_blocking(2)?.zip(1..) {
    ///     permit.send(number).unwrap();
    /// }
    /// assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [1, 2]);
    /// # Ok::<(), ReserveError>(())
    /// ```
    pub fn reserve_many_blocking(&self, count: usize) -> Result<Permits<'_, T>, ReserveError> {
        blocking::block_on(self.reserve_many(count))
    }

    /// As [`reserve_owned`](Self::reserve_owned), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// As with [`reserve`](Self::reserve).
    /// # Examples
    /// ```
    /// # use filch_sync::channel::{ReserveError, bounded};
    /// let (sender, receiver) = bounded(1);
    /// let permit = sender.reserve_owned_blocking()?;
    /// std::thread::spawn(move || permit.send(5).unwrap());
    /// assert_eq!(receiver.recv_blocking(), Ok(5));
    /// # Ok::<(), ReserveError>(())
    /// ```
    pub fn reserve_owned_blocking(&self) -> Result<OwnedPermit<T>, ReserveError> {
        blocking::block_on(self.reserve_owned())
    }

    fn wait_for(&self, count: usize) -> Places<'_, T> {
        Places { shared: &self.shared, count, waiter: LineWaiter::new(&self.shared.send_line) }
    }
}

pin_project! {
    /// Waits for `count` places and reserves them.
    struct Places<'a, T> {
        shared: &'a Shared<T>,
        count: usize,
        #[pin]
        waiter: LineWaiter<'a>,
    }

    impl<T> PinnedDrop for Places<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if this.waiter.leave(false) && *this.count > 1 && !mutant::planted("channel.reserve.silent") {
                this.shared.send_line.tell_many(*this.count - 1);
            }
        }
    }
}

impl<'a, T> Places<'a, T> {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<&'a Shared<T>, ReserveError>> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let (shared, count) = (*this.shared, *this.count);
        let attempt = || match shared.reserve(count) {
            Ok(()) => Some(Ok(shared)),
            Err(TryReserveError::Full) => None,
            Err(TryReserveError::Closed) => Some(Err(ReserveError::Closed)),
            Err(TryReserveError::NeverRoom) => Some(Err(ReserveError::NeverRoom)),
        };
        let used_up = UsedUp { shared, count };
        let polled = this.waiter.poll_until(cx, attempt, || shared.has_room());
        // It has them, or stands in the line.
        std::mem::forget(used_up);
        polled
    }
}

/// Tellings that one uses up while it is polled: where cloning its waker panics it may be out of the line, and others are told.
struct UsedUp<'a, T> {
    shared: &'a Shared<T>,
    count: usize,
}

impl<T> Drop for UsedUp<'_, T> {
    fn drop(&mut self) {
        self.shared.send_line.tell_many(self.count);
    }
}

pin_project! {
    /// Reserves a place; made by [`Sender::reserve`].
    ///
    /// ```
    /// use filch_sync::channel;
    /// use futures_lite::future::{block_on, poll_once};
    /// let (sender, receiver) = channel::bounded(1);
    /// sender.try_send(1).unwrap();
    /// let mut waits = std::pin::pin!(sender.reserve());
    /// assert!(block_on(poll_once(waits.as_mut())).is_none());
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert!(block_on(waits)?.send(2).is_ok());
    /// # Ok::<(), channel::ReserveError>(())
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct ReserveFuture<'a, T> {
        #[pin]
        places: Places<'a, T>,
    }
}

impl<'a, T> Future for ReserveFuture<'a, T> {
    type Output = Result<Permit<'a, T>, ReserveError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().places.poll(cx).map_ok(|shared| Permit { shared })
    }
}

impl<T> fmt::Debug for ReserveFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReserveFuture").finish_non_exhaustive()
    }
}

pin_project! {
    /// Reserves several places; made by [`Sender::reserve_many`].
    ///
    /// ```
    /// use filch_sync::channel;
    /// use futures_lite::future::{block_on, poll_once};
    /// let (sender, receiver) = channel::bounded(2);
    /// sender.try_send(1).unwrap();
    /// let mut waits = std::pin::pin!(sender.reserve_many(2));
    /// assert!(block_on(poll_once(waits.as_mut())).is_none(), "one place is not enough");
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert_eq!(block_on(waits)?.len(), 2);
    /// # Ok::<(), channel::ReserveError>(())
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct ReserveManyFuture<'a, T> {
        #[pin]
        places: Places<'a, T>,
    }
}

impl<'a, T> Future for ReserveManyFuture<'a, T> {
    type Output = Result<Permits<'a, T>, ReserveError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let places = self.project().places;
        let left = places.count;
        places.poll(cx).map_ok(|shared| Permits { shared, left })
    }
}

impl<T> fmt::Debug for ReserveManyFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReserveManyFuture").field("count", &self.places.count).finish_non_exhaustive()
    }
}

/// A reserved place; made by [`Sender::reserve`]. Dropped unused, it gives the place back.
///
/// ```
/// use filch_sync::channel;
/// let (sender, receiver) = channel::bounded(1);
/// // First the place, then the work: what is made is not made in vain.
/// let permit = sender.reserve_blocking()?;
/// permit.send("costly").unwrap();
/// assert_eq!(receiver.try_recv(), Ok("costly"));
/// # Ok::<(), channel::ReserveError>(())
/// ```
#[must_use = "a permit that is dropped gives its place back"]
pub struct Permit<'a, T> {
    shared: &'a Shared<T>,
}

impl<T> Permit<'_, T> {
    /// Sends `value` into the place, also when the channel was closed after it was reserved.
    ///
    /// # Errors
    /// [`SendError`] with the value when the last receiver is gone.
    /// # Examples
    /// ```
    /// let (sender, receiver) = filch_sync::channel::bounded(1);
    /// let permit = sender.try_reserve().unwrap();
    /// receiver.close();
    /// permit.send(1).unwrap();
    /// assert_eq!(receiver.recv_blocking(), Ok(1));
    /// assert!(receiver.recv_blocking().is_err());
    /// ```
    pub fn send(self, value: T) -> Result<(), SendError<T>> {
        let shared = self.shared;
        self.forget();
        shared.push_reserved(value).map_err(SendError)
    }

    /// The place stays reserved, and is somebody else's to use or to give back.
    fn forget(self) {
        std::mem::forget(self);
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        self.shared.release(1);
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// Reserved places, to be taken one by one; made by [`Sender::reserve_many`]. Dropped, it gives back what is left.
///
/// ```
/// use filch_sync::channel;
/// let (sender, receiver) = channel::bounded(8);
/// for (permit, letter) in sender.try_reserve_many(3)?.zip("abc".chars()) {
///     permit.send(letter).unwrap();
/// }
/// assert!(receiver.try_iter().eq("abc".chars()), "nobody's came between");
/// # Ok::<(), channel::TryReserveError>(())
/// ```
#[must_use = "permits that are dropped give their places back"]
pub struct Permits<'a, T> {
    shared: &'a Shared<T>,
    left: usize,
}

impl<'a, T> Iterator for Permits<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Permit<'a, T>> {
        self.left = self.left.checked_sub(1)?;
        Some(Permit { shared: self.shared })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for Permits<'_, T> {}

impl<T> FusedIterator for Permits<'_, T> {}

impl<T> Drop for Permits<'_, T> {
    fn drop(&mut self) {
        self.shared.release(self.left);
    }
}

impl<T> fmt::Debug for Permits<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permits").field("left", &self.left).finish_non_exhaustive()
    }
}

/// A reserved place, and a sender; made by [`Sender::reserve_owned`]. Dropped unused, it gives the place back.
///
/// ```
/// use filch_sync::channel;
/// let (sender, receiver) = channel::bounded(1);
/// let permit = sender.try_reserve_owned()?;
/// let work = std::thread::spawn(move || permit.send("done elsewhere").is_ok());
/// assert_eq!(receiver.recv_blocking(), Ok("done elsewhere"));
/// assert!(work.join().unwrap());
/// # Ok::<(), channel::TryReserveError>(())
/// ```
#[must_use = "a permit that is dropped gives its place back"]
pub struct OwnedPermit<T> {
    /// There until the place was used or given back.
    sender: Option<Sender<T>>,
}

impl<T> OwnedPermit<T> {
    /// Sends `value` into the place, also when the channel was closed after it was reserved; gives the sender back.
    ///
    /// # Errors
    /// [`SendError`] with the value when the last receiver is gone.
    /// # Examples
    /// ```
    /// # use filch_sync::channel::SendError;
    /// let (sender, receiver) = filch_sync::channel::bounded(2);
    /// let permit = sender.try_reserve_owned().unwrap();
    /// let sender = permit.send(1)?;
    /// sender.try_send(2).unwrap();
    /// assert_eq!(receiver.len(), 2);
    /// # Ok::<(), SendError<i32>>(())
    /// ```
    pub fn send(mut self, value: T) -> Result<Sender<T>, SendError<T>> {
        let Some(sender) = self.sender.take() else { unreachable!("used once") };
        match sender.shared.push_reserved(value) {
            Ok(()) => Ok(sender),
            Err(value) => Err(SendError(value)),
        }
    }

    /// Gives the place back, and keeps the sender.
    ///
    /// ```
    /// let (sender, _receiver) = filch_sync::channel::bounded(1);
    /// let sender = sender.try_reserve_owned().unwrap().release();
    /// assert!(sender.try_send(1).is_ok());
    /// ```
    pub fn release(mut self) -> Sender<T> {
        let Some(sender) = self.sender.take() else { unreachable!("used once") };
        sender.shared.release(1);
        sender
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            sender.shared.release(1);
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").finish_non_exhaustive()
    }
}
