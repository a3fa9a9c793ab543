//! A value that is set once, and waited for: [`SetOnce`].
//!
//! # States
//! A flag and a cell: while the flag is clear the cell is empty and belongs to whoever holds the queue's lock; once it is set
//! the cell is full, never written again, and read by anybody.
//!
//! # Protocol
//! Set, under the queue's lock: 1. where the flag is set, that is the end: the value goes back. 2. Fill the cell. 3. Set the
//! flag. 4. Tell all who wait, a batch at a time, waking outside the lock.
//!
//! Wait: 1. load the flag; set is the end. Else, under the queue's lock, 2. the same once more; 3. join.
//!
//! # Why it is right
//! *The value is whole*: the flag is set after the cell was filled and published by that very store.
//!
//! *No lost wake-up*: the flag is set, and waiters join, under one lock. Who joined before is told; who comes after sees it.
//! Nobody joins any more once it is set, so the telling ends.
//!
//! # Rejected
//! A third state for "being written", so that the value is moved in without the lock: a second setter would be refused while
//! there is still nothing to get.
#![allow(unsafe_code, reason = "a cell that is written once and read without a lock")]

#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(filch_loom)))]
mod tests;

use crate::blocking;
use crate::tell::tell_while;
use filch_primitive::cell::UnsafeCell;
use filch_primitive::sync::atomic::{AtomicBool, Ordering};
use filch_primitive::wait_list::{Phase, Step, Tag, WaitQueue, Waiter};
use filch_primitive::{mutant, slice};
use pin_project_lite::pin_project;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

const SET: u32 = 0;

/// A value that is set once, and that tasks wait for.
///
/// For one that is made by whoever needs it first, see [`OnceCell`](crate::OnceCell).
///
/// # Complexity
/// One load to get a value that is there, or to wait for it. Else one lock, and to set, time linear in the number of those
/// who wait.
/// # Examples
/// ```
/// use filch_sync::SetOnce;
/// static PORT: SetOnce<u16> = SetOnce::new();
///
/// let waiting = std::thread::spawn(|| *PORT.wait_blocking());
/// PORT.set(8080)?;
/// assert_eq!(waiting.join().unwrap(), 8080);
/// # Ok::<(), filch_sync::SetOnceError<u16>>(())
/// ```
pub struct SetOnce<T> {
    is_set: AtomicBool,
    value: UnsafeCell<Option<T>>,
    queue: WaitQueue<()>,
}

// SAFETY: a shared one moves a value in from any thread, to be dropped on another (`T: Send`), and gives out `&T` to all of
// them (`T: Sync`). The cell is written under the queue's lock before the flag is set, and only read after.
unsafe impl<T: Send + Sync> Sync for SetOnce<T> {}

impl<T> SetOnce<T> {
    /// One that is not set.
    ///
    /// ```
    /// static PORT: filch_sync::SetOnce<u16> = filch_sync::SetOnce::new();
    /// assert_eq!(PORT.get(), None);
    /// PORT.set(80).unwrap();
    /// assert_eq!(PORT.get(), Some(&80));
    /// ```
    #[cfg(not(filch_loom))]
    pub const fn new() -> Self {
        Self::holding(None, false)
    }

    /// One that is not set.
    #[cfg(filch_loom)]
    pub fn new() -> Self {
        Self::holding(None, false)
    }

    #[cfg(not(filch_loom))]
    const fn holding(value: Option<T>, is_set: bool) -> Self {
        Self { is_set: AtomicBool::new(is_set), value: UnsafeCell::new(value), queue: WaitQueue::new(()) }
    }

    #[cfg(filch_loom)]
    fn holding(value: Option<T>, is_set: bool) -> Self {
        Self { is_set: AtomicBool::new(is_set), value: UnsafeCell::new(value), queue: WaitQueue::new(()) }
    }

    /// Whether the value is there.
    ///
    /// ```
    /// let once = filch_sync::SetOnce::new();
    /// assert!(!once.is_set());
    /// once.set('x')?;
    /// assert!(once.is_set());
    /// # Ok::<(), filch_sync::SetOnceError<char>>(())
    /// ```
    #[inline]
    pub fn is_set(&self) -> bool {
        // Ordering: Acquire, paired with the Release of `set`: who sees the flag sees the value, and what was done before.
        self.is_set.load(Ordering::Acquire)
    }

    /// The value, if it is there.
    ///
    /// # Complexity
    /// One load.
    /// # Examples
    /// ```
    /// let once = filch_sync::SetOnce::new();
    /// assert_eq!(once.get(), None);
    /// once.set("here")?;
    /// assert_eq!(once.get(), Some(&"here"));
    /// # Ok::<(), filch_sync::SetOnceError<&str>>(())
    /// ```
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if !self.is_set() {
            return None;
        }
        // SAFETY: the flag is set, so the cell was written before and is not again while `self` is borrowed.
        self.value.with(|value| unsafe { &*value }).as_ref()
    }

    /// The value, to be changed.
    ///
    /// ```
    /// let mut once = filch_sync::SetOnce::from(1);
    /// *once.get_mut().unwrap() += 1;
    /// assert_eq!(once.get(), Some(&2));
    /// ```
    pub fn get_mut(&mut self) -> Option<&mut T> {
        // SAFETY: `&mut self` shows that nobody else is looking; the reference lives as long as that borrow.
        self.value.with_mut(|value| unsafe { &mut *value }).as_mut()
    }

    /// Sets the value and tells all who wait for it.
    ///
    /// # Errors
    /// There is a value already: the new one comes back.
    /// # Complexity
    /// Linear in the number of those who wait.
    /// # Examples
    /// ```
    /// use filch_sync::{SetOnce, SetOnceError};
    /// let once = SetOnce::new();
    /// assert_eq!(once.set(1), Ok(()));
    /// assert_eq!(once.set(2), Err(SetOnceError(2)));
    /// assert_eq!(once.get(), Some(&1));
    /// ```
    pub fn set(&self, value: T) -> Result<(), SetOnceError<T>> {
        let locked = self.queue.lock();
        // Ordering: Acquire, so that one who is refused may go and get the value.
        if self.is_set.load(Ordering::Acquire) {
            drop(locked);
            return Err(SetOnceError(value));
        }
        // SAFETY: the flag is clear, so nobody reads; it is changed under the lock that is held, so nobody writes. What is
        // overwritten is `None`: no destructor runs.
        self.value.with_mut(|cell| unsafe { *cell = Some(value) });
        // Ordering: Release, paired with the Acquire of `is_set`.
        self.is_set.store(true, mutant::ordering("set_once.set.order", Ordering::Release, Ordering::Relaxed));
        tell_while(&self.queue, locked, SET, |_| true);
        Ok(())
    }

    /// Waits for the value.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    /// # Complexity
    /// One load when it is there.
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let once = filch_sync::SetOnce::new();
    /// let (value, set) = futures_lite::future::zip(once.wait(), async { once.set(5) }).await;
    /// assert_eq!((*value, set), (5, Ok(())));
    /// # });
    /// ```
    #[inline]
    pub fn wait(&self) -> SetOnceWait<'_, T> {
        SetOnceWait { once: self, waiter: Waiter::new(&self.queue) }
    }

    /// Waits on a plain thread. In a task this would hold up the thread that polls it: there, `wait().await`.
    ///
    /// ```
    /// let once = filch_sync::SetOnce::from(5);
    /// assert_eq!(*once.wait_blocking(), 5);
    /// ```
    pub fn wait_blocking(&self) -> &T {
        self.get().unwrap_or_else(|| blocking::block_on(self.wait()))
    }

    /// Takes the value out; it may be set anew then.
    ///
    /// ```
    /// let mut once = filch_sync::SetOnce::from(5);
    /// assert_eq!(once.take(), Some(5));
    /// assert!(!once.is_set());
    /// ```
    pub fn take(&mut self) -> Option<T> {
        // Ordering: Relaxed, `&mut self` orders this with every other use.
        self.is_set.store(false, Ordering::Relaxed);
        // SAFETY: `&mut self` shows that nobody else is looking.
        self.value.with_mut(|value| unsafe { &mut *value }).take()
    }

    /// The value, without what it was kept in.
    ///
    /// ```
    /// assert_eq!(filch_sync::SetOnce::from(5).into_inner(), Some(5));
    /// ```
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// How it stands: a look at one moment.
    ///
    /// ```
    /// let once = filch_sync::SetOnce::from(5);
    /// let now = once.statistics();
    /// assert!(now.is_set && now.waiters == 0);
    /// ```
    pub fn statistics(&self) -> SetOnceStatistics {
        let locked = self.queue.lock();
        SetOnceStatistics { is_set: self.is_set(), waiters: locked.len(), waiters_peak: locked.peak() }
    }
}

impl<T> Default for SetOnce<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for SetOnce<T> {
    fn from(value: T) -> Self {
        Self::holding(Some(value), true)
    }
}

impl<T: fmt::Debug> fmt::Debug for SetOnce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetOnce").field("value", &self.get()).finish_non_exhaustive()
    }
}

/// How a [`SetOnce`] stood at one moment; see [`SetOnce::statistics`].
///
/// ```
/// let once = filch_sync::SetOnce::new();
/// once.set(1)?;
/// let seen = once.statistics();
/// assert_eq!((seen.is_set, seen.waiters), (true, 0));
/// # Ok::<(), filch_sync::SetOnceError<i32>>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetOnceStatistics {
    /// Whether the value was there.
    pub is_set: bool,
    /// How many waited for it.
    pub waiters: usize,
    /// How many waited at most.
    pub waiters_peak: usize,
}

pin_project! {
    /// Waits for the value of a [`SetOnce`]; made by [`SetOnce::wait`].
    ///
    /// ```
    /// use filch_sync::SetOnce;
    /// use futures_lite::future::{block_on, poll_once};
    /// let once = SetOnce::new();
    /// let mut waits = std::pin::pin!(once.wait());
    /// assert!(block_on(poll_once(waits.as_mut())).is_none());
    /// once.set("there")?;
    /// assert_eq!(block_on(waits), &"there");
    /// # Ok::<(), filch_sync::SetOnceError<&str>>(())
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct SetOnceWait<'a, T> {
        once: &'a SetOnce<T>,
        #[pin]
        waiter: Waiter<'a, ()>,
    }
}

impl<'a, T> Future for SetOnceWait<'a, T> {
    type Output = &'a T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<&'a T> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let once = *this.once;
        if let Some(value) = once.get() {
            // A waiter that is still in the list leaves it when it is dropped: nobody counts on it.
            return Poll::Ready(value);
        }
        this.waiter.poll_wait(cx, |mut waiter, locked| match once.get() {
            Some(value) if !mutant::planted("set_once.wait.blind") => {
                if waiter.as_mut().look(locked).0 != Phase::Idle {
                    waiter.leave_locked(locked);
                }
                Step::Done(value)
            }
            _ => Step::Wait { front: false, tag: Tag::NONE },
        })
    }
}

impl<T> fmt::Debug for SetOnceWait<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetOnceWait").finish_non_exhaustive()
    }
}

/// There is a value already; the new one comes back.
///
/// ```
/// use filch_sync::{SetOnce, SetOnceError};
/// let once = SetOnce::from("first");
/// let SetOnceError(refused) = once.set("second").unwrap_err();
/// assert_eq!(refused, "second");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SetOnceError<T>(pub T);

impl<T> fmt::Debug for SetOnceError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetOnceError(..)")
    }
}

impl<T> fmt::Display for SetOnceError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value is set already")
    }
}

impl<T> Error for SetOnceError<T> {}
