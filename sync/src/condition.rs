//! Waiting, under a lock, for what the lock guards to change: [`Condition`].
//!
//! # States
//! Plain, under the queue's lock: a counter, which says where the present ends. Who joins takes it along; a notification tells
//! those who came before it.
//!
//! # Protocol
//! Wait, holding a [`Lock`](crate::Lock)'s guard: 1. join the queue. 2. Drop the guard. 3. Wait to be told. 4. Wait for the lock.
//!
//! Notify, under the queue's lock: 1. count one up. 2. Take so many out of the list, as far as they joined before, a batch at
//! a time, and wake them outside the lock.
//!
//! Cancel: 1. leave the list. 2. One that was told by name, and is dropped before it has the lock again, tells another in its
//! place ([`Notice`]). One of those who were told all together need not.
//!
//! # Why it is right
//! *No lost wake-up*: what is waited for changes under the lock. Who changes it after the waiter looked got the lock after the
//! waiter dropped its guard, and so after it joined: a notification that follows the change finds it in the list.
//!
//! *No lost notification*: from the moment it is decided it lies in the waiter's node, then in its [`Notice`], and is used up when
//! the guard is handed out; whatever drops one of them before that passes it on.
//!
//! *None for those who come later*: one that is told, and waits again before the notification has come to its end, carries a later
//! number.
//!
//! # Rejected
//! A condition tied to one lock, as asyncio has it: to share a lock between conditions is what they are for, and which
//! lock it is, the guard says. Asking that a notifier holds the lock: those it wakes would all run into it.

#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(filch_loom)))]
mod property;
#[cfg(all(test, not(filch_loom)))]
mod tests;

use crate::blocking;
use crate::tell::tell_while;
use crate::{LockGuard, OwnedLockGuard};
use filch_primitive::wait_list::{Phase, Step, Tag, WaitQueue, Waiter};
use filch_primitive::{mutant, slice};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Told by name, by [`Condition::notify_one`] or [`Condition::notify_n`].
const CHOSEN: u32 = 0;
/// Told with all others.
const ALL: u32 = 1;

/// Waits, under a [`Lock`](crate::Lock), for what the lock guards to change, as asyncio's `Condition`.
///
/// Waiting gives the lock back and gets it again. Waiters are told in the order they came; what they then find is what
/// whoever had the lock in between has left them, so look again, or use [`wait_for`](Self::wait_for). Notifying does not need the
/// lock; what is waited for must change under it.
///
/// # Complexity
/// One lock to wait, beside what the [`Lock`](crate::Lock) costs, and one to notify, with constant time for each that is
/// told.
/// # Examples
/// ```
/// use filch_sync::{Condition, Lock};
/// static BASKET: Lock<u32> = Lock::new(0);
/// static FILLED: Condition = Condition::new();
///
/// let eater = std::thread::spawn(|| {
///     let mut apples = FILLED.wait_for_blocking(BASKET.lock_blocking(), |apples| *apples >= 2);
///     *apples -= 2;
/// });
/// for _ in 0..3 {
///     *BASKET.lock_blocking() += 1;
///     FILLED.notify_one();
/// }
/// eater.join().unwrap();
/// assert_eq!(*BASKET.lock_blocking(), 1);
/// ```
pub struct Condition {
    queue: WaitQueue<Present>,
}

/// How many notifications there were: who joined with a smaller number came before the last.
type Present = u64;

impl Condition {
    /// A condition nobody waits for.
    ///
    /// ```
    /// static CHANGED: filch_sync::Condition = filch_sync::Condition::new();
    /// assert_eq!(CHANGED.statistics().waiters, 0);
    /// ```
    #[cfg(not(filch_loom))]
    pub const fn new() -> Self {
        Self { queue: WaitQueue::new(0) }
    }

    /// A condition nobody waits for.
    #[cfg(filch_loom)]
    pub fn new() -> Self {
        Self { queue: WaitQueue::new(0) }
    }

    /// Gives the lock back, waits to be told, and waits for the lock again. The lock is kept until the first poll.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the lock released. A notification meant for it alone goes to another.
    /// # Examples
    /// ```
    /// use filch_sync::{Condition, Lock};
    /// # futures_lite::future::block_on(async {
    /// let (state, changed) = (Lock::new('a'), Condition::new());
    /// let change = async {
    ///     *state.lock().await = 'b';
    ///     changed.notify_one();
    /// };
    /// let guard = state.lock().await;
    /// let (guard, ()) = futures_lite::future::zip(changed.wait(guard), change).await;
    /// assert_eq!(*guard, 'b');
    /// # });
    /// ```
    pub async fn wait<'a, T: ?Sized>(&self, guard: LockGuard<'a, T>) -> LockGuard<'a, T> {
        let lock = LockGuard::lock(&guard);
        let notice = self.told(guard).await;
        let guard = lock.lock().await;
        notice.used();
        guard
    }

    /// Waits until `met` holds for what the lock guards: looks, and where it does not, [waits](Self::wait) and looks again.
    ///
    /// # Panics
    /// When `met` does; the lock is released.
    /// # Cancel safety
    /// As with [`wait`](Self::wait).
    /// # Examples
    /// ```
    /// use filch_sync::{Condition, Lock};
    /// # futures_lite::future::block_on(async {
    /// let (stock, filled) = (Lock::new(0), Condition::new());
    /// let fill = async {
    ///     *stock.lock().await = 5;
    ///     filled.notify_all();
    /// };
    /// let guard = stock.lock().await;
    /// let (mut guard, ()) = futures_lite::future::zip(filled.wait_for(guard, |n| *n >= 3), fill).await;
    /// *guard -= 3;
    /// assert_eq!(*guard, 2);
    /// # });
    /// ```
    pub async fn wait_for<'a, T: ?Sized>(
        &self,
        mut guard: LockGuard<'a, T>,
        mut met: impl FnMut(&mut T) -> bool,
    ) -> LockGuard<'a, T> {
        while !met(&mut guard) {
            guard = self.wait(guard).await;
        }
        guard
    }

    /// As [`wait`](Self::wait), with a guard that keeps the lock alive.
    ///
    /// # Cancel safety
    /// As with [`wait`](Self::wait).
    /// # Examples
    /// ```
    /// use filch_sync::{Condition, Lock};
    /// use std::sync::Arc;
    /// # futures_lite::future::block_on(async {
    /// let (state, changed) = (Arc::new(Lock::new(1)), Condition::new());
    /// let guard = state.clone().lock_owned().await;
    /// let notify = async { changed.notify_one() };
    /// let (guard, told) = futures_lite::future::zip(changed.wait_owned(guard), notify).await;
    /// assert!(told && *guard == 1);
    /// # });
    /// ```
    pub async fn wait_owned<T: ?Sized>(&self, guard: OwnedLockGuard<T>) -> OwnedLockGuard<T> {
        let lock = OwnedLockGuard::lock(&guard).clone();
        let notice = self.told(guard).await;
        let guard = lock.lock_owned().await;
        notice.used();
        guard
    }

    /// As [`wait_for`](Self::wait_for), with a guard that keeps the lock alive.
    ///
    /// # Panics
    /// When `met` does; the lock is released.
    /// # Cancel safety
    /// As with [`wait_for`](Self::wait_for).
    /// # Examples
    /// ```
    /// use filch_sync::{Condition, Lock};
    /// use std::sync::Arc;
    /// # futures_lite::future::block_on(async {
    /// let guard = Arc::new(Lock::new(1)).lock_owned().await;
    /// let guard = Condition::new().wait_for_owned(guard, |n| *n == 1).await;
    /// assert_eq!(*guard, 1);
    /// # });
    /// ```
    pub async fn wait_for_owned<T: ?Sized>(
        &self,
        mut guard: OwnedLockGuard<T>,
        mut met: impl FnMut(&mut T) -> bool,
    ) -> OwnedLockGuard<T> {
        while !met(&mut guard) {
            guard = self.wait_owned(guard).await;
        }
        guard
    }

    /// As [`wait`](Self::wait), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// ```
    /// use filch_sync::{Condition, Lock};
    /// static OPEN: Lock<bool> = Lock::new(false);
    /// static CHANGED: Condition = Condition::new();
    ///
    /// let mut open = OPEN.lock_blocking();
    /// std::thread::spawn(|| {
    ///     *OPEN.lock_blocking() = true;
    ///     CHANGED.notify_all();
    /// });
    /// open = CHANGED.wait_blocking(open);
    /// assert!(*open);
    /// ```
    pub fn wait_blocking<'a, T: ?Sized>(&self, guard: LockGuard<'a, T>) -> LockGuard<'a, T> {
        blocking::block_on(self.wait(guard))
    }

    /// As [`wait_for`](Self::wait_for), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Panics
    /// When `met` does; the lock is released.
    /// # Examples
    /// ```
    /// use filch_sync::{Condition, Lock};
    /// let lock = Lock::new(1);
    /// let guard = Condition::new().wait_for_blocking(lock.lock_blocking(), |n| *n == 1);
    /// assert_eq!(*guard, 1);
    /// ```
    pub fn wait_for_blocking<'a, T: ?Sized>(
        &self,
        guard: LockGuard<'a, T>,
        met: impl FnMut(&mut T) -> bool,
    ) -> LockGuard<'a, T> {
        blocking::block_on(self.wait_for(guard, met))
    }

    /// As [`wait_owned`](Self::wait_owned), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Examples
    /// ```
    /// use filch_sync::{Condition, Lock};
    /// use std::sync::Arc;
    /// use std::thread;
    ///
    /// let (door, changed) = (Arc::new(Lock::new("shut")), Arc::new(Condition::new()));
    /// let mut guard = door.clone().lock_owned_blocking();
    /// let visitor = thread::spawn({
    ///     let changed = changed.clone();
    ///     move || {
    ///         *door.lock_blocking() = "open";
    ///         changed.notify_one();
    ///     }
    /// });
    /// guard = changed.wait_owned_blocking(guard);
    /// assert_eq!(*guard, "open");
    /// # visitor.join().unwrap();
    /// ```
    pub fn wait_owned_blocking<T: ?Sized>(&self, guard: OwnedLockGuard<T>) -> OwnedLockGuard<T> {
        blocking::block_on(self.wait_owned(guard))
    }

    /// As [`wait_for_owned`](Self::wait_for_owned), on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Panics
    /// When `met` does; the lock is released.
    /// # Examples
    /// ```
    /// use filch_sync::{Condition, Lock};
    /// use std::sync::Arc;
    /// let guard = Arc::new(Lock::new(1)).lock_owned_blocking();
    /// let guard = Condition::new().wait_for_owned_blocking(guard, |n| *n == 1);
    /// assert_eq!(*guard, 1);
    /// ```
    pub fn wait_for_owned_blocking<T: ?Sized>(
        &self,
        guard: OwnedLockGuard<T>,
        met: impl FnMut(&mut T) -> bool,
    ) -> OwnedLockGuard<T> {
        blocking::block_on(self.wait_for_owned(guard, met))
    }

    /// Tells the one that has waited longest. The answer is whether anybody waited.
    ///
    /// # Complexity
    /// Constant time.
    /// # Examples
    /// ```
    /// assert!(!filch_sync::Condition::new().notify_one());
    /// ```
    pub fn notify_one(&self) -> bool {
        self.notify(1, CHOSEN) == 1
    }

    /// Tells the first `count` that wait. The answer is how many there were.
    ///
    /// # Complexity
    /// Linear in that number.
    /// # Examples
    /// ```
    /// assert_eq!(filch_sync::Condition::new().notify_n(3), 0);
    /// ```
    pub fn notify_n(&self, count: usize) -> usize {
        self.notify(count, CHOSEN)
    }

    /// Tells all who wait. The answer is how many there were.
    ///
    /// # Complexity
    /// Linear in that number.
    /// # Examples
    /// ```
    /// assert_eq!(filch_sync::Condition::new().notify_all(), 0);
    /// ```
    pub fn notify_all(&self) -> usize {
        self.notify(usize::MAX, ALL)
    }

    fn notify(&self, count: usize, token: u32) -> usize {
        let mut locked = self.queue.lock();
        *locked += 1;
        let present = *locked;
        let mut left = count;
        tell_while(&self.queue, locked, token, |tag| {
            let meant = tag.number < present && left > 0;
            left -= usize::from(meant);
            meant
        })
    }

    /// How it stands: a look at one moment.
    ///
    /// ```
    /// assert_eq!(filch_sync::Condition::new().statistics().waiters, 0);
    /// ```
    pub fn statistics(&self) -> ConditionStatistics {
        let locked = self.queue.lock();
        ConditionStatistics { waiters: locked.len(), waiters_peak: locked.peak() }
    }

    fn told<G>(&self, guard: G) -> Told<'_, G> {
        Told { condition: self, guard: Some(guard), waiter: Waiter::new(&self.queue) }
    }
}

impl Default for Condition {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").field("waiters", &self.statistics().waiters).finish_non_exhaustive()
    }
}

/// How a [`Condition`] stood at one moment; see [`Condition::statistics`].
///
/// ```
/// use filch_sync::{Condition, Lock};
/// use futures_lite::future::{block_on, poll_once};
/// let (lock, changed) = (Lock::new(0), Condition::new());
/// let mut waits = Box::pin(changed.wait(lock.lock_blocking()));
/// block_on(poll_once(waits.as_mut()));
/// assert_eq!(changed.statistics().waiters, 1);
/// drop(waits);
/// let seen = changed.statistics();
/// assert_eq!((seen.waiters, seen.waiters_peak), (0, 1));
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionStatistics {
    /// How many waited to be told.
    pub waiters: usize,
    /// How many waited at most.
    pub waiters_peak: usize,
}

/// A notification that is not used up; dropped, it goes to another, if it was meant for one alone.
struct Notice<'a> {
    condition: &'a Condition,
    token: u32,
}

impl Notice<'_> {
    /// The wait is over.
    fn used(self) {
        std::mem::forget(self);
    }
}

impl Drop for Notice<'_> {
    fn drop(&mut self) {
        if self.token == CHOSEN && !mutant::planted("condition.cancel.keeps") {
            self.condition.notify_one();
        }
    }
}

pin_project! {
    /// Joins, drops the guard, and waits to be told.
    struct Told<'a, G> {
        condition: &'a Condition,
        guard: Option<G>,
        #[pin]
        waiter: Waiter<'a, Present>,
    }

    impl<'a, G> PinnedDrop for Told<'a, G> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.waiter.as_mut().is_joined() {
                let condition = *this.condition;
                let phase = this.waiter.leave_locked(&mut condition.queue.lock());
                if let Phase::Notified(token) = phase {
                    drop(Notice { condition, token });
                }
            }
        }
    }
}

impl<'a, G> Future for Told<'a, G> {
    type Output = Notice<'a>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Notice<'a>> {
        ready!(slice::proceed(cx));
        let this = self.project();
        if mutant::planted("condition.join.late") {
            drop(this.guard.take());
        }
        let token = this.waiter.poll_wait(cx, |mut waiter, locked| {
            let (phase, tag) = waiter.as_mut().look(locked);
            match phase {
                Phase::Notified(token) => {
                    waiter.leave_locked(locked);
                    Step::Done(token)
                }
                Phase::Waiting | Phase::Woken => Step::Wait { front: false, tag },
                Phase::Idle => Step::Wait { front: false, tag: Tag { number: **locked, ..Tag::NONE } },
            }
        });
        // Joined: whoever gets the lock now, and changes what it guards, finds this waiter.
        drop(this.guard.take());
        let condition = *this.condition;
        token.map(|token| Notice { condition, token })
    }
}
