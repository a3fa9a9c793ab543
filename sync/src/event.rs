//! A flag to wait for: [`Event`].
//!
//! # States
//! | word | meaning |
//! |---|---|
//! | — | clear, nobody waits |
//! | `SET` | set; nobody ever waits then |
//! | `QUEUED` | clear, somebody waits |
//!
//! Beside it, under the queue's lock, a generation: how often the event was set while somebody waited.
//!
//! # Protocol
//! Wait: 1. load; `SET` is the end. Else, under the queue's lock, 2. exchange clear for `QUEUED`; where `SET` is in the way,
//! that is the end. 3. Join with the present generation.
//!
//! Set: 1. exchange clear for `SET`. Where `QUEUED` is in the way, under the queue's lock, 2. store `SET`, begin a new
//! generation, 3. notify all waiters of former generations, a batch at a time, waking outside the lock.
//!
//! Clear: exchange `SET` for clear.
//!
//! # Why it is right
//! *No lost wake-up*: joining and setting both change the one word, so one of them sees the other.
//!
//! *Set reaches exactly those who waited*: a waiter is released by its generation, not by the flag. It completes even when
//! the event is cleared before it is polled, and one that joins after such a clear, while the setter is still between two
//! batches, belongs to the new generation and is left alone.
//!
//! # Rejected
//! Waking all and letting them look at the flag again: a quick set and clear would release nobody.

#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(filch_loom)))]
mod property;
#[cfg(all(test, not(filch_loom)))]
mod tests;

use crate::blocking;
use filch_primitive::sync::atomic::{AtomicU8, Ordering};
use filch_primitive::wait_list::{Phase, Step, Tag, WaitQueue, Waiter};
use filch_primitive::{WakeBatch, mutant, slice};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
// Std's in a model too: only that one can be a `self` type, and what a model watches lies inside.
use std::sync::Arc;
use std::task::{Context, Poll, ready};

const CLEAR: u8 = 0;
const SET: u8 = 1;
const QUEUED: u8 = 2;

const RELEASED: u32 = 0;

/// A flag that tasks wait for, as asyncio's `Event`.
///
/// Setting releases all who wait; who comes while it is set does not wait.
///
/// # Complexity
/// While nobody waits, one locked instruction to set or to clear; one load to wait for an event that is set, or to look. Else
/// one lock, and to set, time linear in the number of those who wait.
/// # Examples
/// ```
/// use filch_sync::Event;
/// use std::sync::Arc;
/// let ready = Arc::new(Event::new());
/// let waiting = {
///     let ready = ready.clone();
///     std::thread::spawn(move || ready.wait_blocking())
/// };
/// ready.set();
/// waiting.join().unwrap();
/// assert!(ready.is_set());
/// ```
pub struct Event {
    word: AtomicU8,
    queue: WaitQueue<Generation>,
}

/// How often the event was set while somebody waited.
type Generation = u64;

impl Event {
    /// An event that is not set.
    ///
    /// # Examples
    /// ```
    /// static STARTED: filch_sync::Event = filch_sync::Event::new();
    /// assert!(!STARTED.is_set());
    /// ```
    #[cfg(not(filch_loom))]
    pub const fn new() -> Self {
        Self { word: AtomicU8::new(CLEAR), queue: WaitQueue::new(0) }
    }

    /// An event that is not set.
    #[cfg(filch_loom)]
    pub fn new() -> Self {
        Self { word: AtomicU8::new(CLEAR), queue: WaitQueue::new(0) }
    }

    /// Sets the event and releases all who wait. Setting it again changes nothing.
    ///
    /// # Complexity
    /// One locked instruction when nobody waits, else linear in the number of those who do.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let event = filch_sync::Event::new();
    /// event.set();
    /// event.wait().await;
    /// assert!(event.is_set());
    /// # });
    /// ```
    pub fn set(&self) {
        // Ordering: Release, paired with the Acquire of `is_set` and `Event::step`: who is released sees what was done before.
        // A failure reads nothing that matters before the queue's lock is taken.
        let release = mutant::ordering("event.set.order", Ordering::Release, Ordering::Relaxed);
        match self.word.compare_exchange(CLEAR, SET, release, Ordering::Relaxed) {
            Err(QUEUED) => self.release(),
            Err(_) => {
                // Set already. An exchange all the same: who is released by the flag must see what this call's
                // caller did before, too.
                if self.word.fetch_or(0, Ordering::Release) & SET == 0 {
                    self.set();
                }
            }
            Ok(_) => {}
        }
    }

    #[cold]
    fn release(&self) {
        let mut locked = self.queue.lock();
        // Ordering: Release, as in `set`; an exchange, since a clear event may be set by another without this lock.
        self.word.swap(SET, Ordering::AcqRel);
        *locked += 1;
        let generation = *locked;
        let mut batch = WakeBatch::new();
        let all = mutant::planted("event.release.all");
        while locked.front().is_some_and(|front| front.number < generation || all) {
            if !batch.has_room() {
                drop(locked);
                batch.wake_all();
                locked = self.queue.lock();
                continue;
            }
            if let Some(waker) = locked.notify_front(RELEASED) {
                batch.push(waker);
            }
        }
        drop(locked);
        batch.wake_all();
    }

    /// Clears the event: who comes from now on waits. Those released before are released.
    ///
    /// # Examples
    /// ```
    /// let event = filch_sync::Event::new();
    /// event.set();
    /// event.clear();
    /// assert!(!event.is_set());
    /// ```
    pub fn clear(&self) {
        // Ordering: AcqRel, so that what was done before the event was set is seen after clearing it, and the
        // other way round. Nobody waits while it is set: only that word is replaced.
        let _ = self.word.compare_exchange(SET, CLEAR, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Whether the event is set.
    ///
    /// # Examples
    /// ```
    /// assert!(!filch_sync::Event::new().is_set());
    /// ```
    #[inline]
    pub fn is_set(&self) -> bool {
        // Ordering: Acquire, paired with the Release of `set`.
        self.word.load(Ordering::Acquire) == SET
    }

    /// Waits until the event is set. One that waited when it was set is released, even if it is cleared again at once.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    /// # Complexity
    /// One load when it is set.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let event = filch_sync::Event::new();
    /// futures_lite::future::zip(event.wait(), async { event.set() }).await;
    /// assert!(event.is_set());
    /// # });
    /// ```
    #[inline]
    pub fn wait(&self) -> EventWait<'_> {
        EventWait { event: self, waiter: Waiter::new(&self.queue) }
    }

    /// As [`wait`](Self::wait), with a future that keeps the event alive.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping the future.
    ///
    /// # Examples
    /// ```
    /// use filch_sync::Event;
    /// use std::sync::Arc;
    /// let ready = Arc::new(Event::new());
    /// let waits = ready.clone().wait_owned();
    /// let waiting = std::thread::spawn(|| futures_lite::future::block_on(waits));
    /// ready.set();
    /// waiting.join().unwrap();
    /// assert!(ready.is_set());
    /// ```
    pub async fn wait_owned(self: Arc<Self>) {
        self.wait().await;
    }

    /// Waits on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Examples
    /// ```
    /// let event = filch_sync::Event::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| event.set());
    ///     event.wait_blocking();
    /// });
    /// assert!(event.is_set());
    /// ```
    pub fn wait_blocking(&self) {
        if !self.is_set() {
            blocking::block_on(self.wait());
        }
    }

    /// A look at one moment.
    ///
    /// # Examples
    /// ```
    /// let event = filch_sync::Event::new();
    /// event.set();
    /// let seen = event.statistics();
    /// assert_eq!((seen.set, seen.waiters, seen.waiters_peak), (true, 0, 0));
    /// ```
    pub fn statistics(&self) -> EventStatistics {
        let locked = self.queue.lock();
        EventStatistics { set: self.is_set(), waiters: locked.len(), waiters_peak: locked.peak() }
    }
}

/// What [`Event::statistics`] saw.
///
/// ```
/// use filch_sync::Event;
/// use futures_lite::future::{block_on, poll_once};
/// let event = Event::new();
/// let mut waits = std::pin::pin!(event.wait());
/// block_on(poll_once(waits.as_mut()));
/// let seen = event.statistics();
/// assert_eq!((seen.set, seen.waiters, seen.waiters_peak), (false, 1, 1));
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventStatistics {
    /// Whether it was set.
    pub set: bool,
    /// How many wait.
    pub waiters: usize,
    /// How many waited at most.
    pub waiters_peak: usize,
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("set", &self.is_set()).finish_non_exhaustive()
    }
}

pin_project! {
    /// Waits for an [`Event`]; made by [`Event::wait`].
    ///
    /// ```
    /// use filch_sync::Event;
    /// use futures_lite::future::{block_on, poll_once};
    /// let event = Event::new();
    /// let mut waits = std::pin::pin!(event.wait());
    /// assert!(block_on(poll_once(waits.as_mut())).is_none());
    /// event.set();
    /// event.clear();
    /// // It was told: that the event is clear again is of no account.
    /// assert!(block_on(poll_once(waits)).is_some());
    /// ```
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct EventWait<'a> {
        event: &'a Event,
        #[pin]
        waiter: Waiter<'a, Generation>,
    }

    impl<'a> PinnedDrop for EventWait<'a> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.waiter.as_mut().is_joined() {
                let event = *this.event;
                let mut locked = event.queue.lock();
                this.waiter.leave_locked(&mut locked);
                if locked.is_empty() {
                    // Ordering: Relaxed, the list is guarded by the queue's lock. Only `QUEUED` is replaced: the event
                    // may have been set meanwhile.
                    let _ = event.word.compare_exchange(QUEUED, CLEAR, Ordering::Relaxed, Ordering::Relaxed);
                }
            }
        }
    }
}

impl Future for EventWait<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(slice::proceed(cx));
        let mut this = self.project();
        let event = *this.event;
        if this.waiter.as_mut().take_notified().is_some() {
            return Poll::Ready(());
        }
        if !this.waiter.as_mut().is_joined() && event.is_set() {
            return Poll::Ready(());
        }
        this.waiter.poll_wait(cx, |mut waiter, locked| {
            let (phase, tag) = waiter.as_mut().look(locked);
            match phase {
                Phase::Notified(_) => {
                    waiter.leave_locked(locked);
                    Step::Done(())
                }
                Phase::Waiting | Phase::Woken if tag.number < **locked => {
                    // Released; the setter has just not come to it.
                    waiter.leave_locked(locked);
                    Step::Done(())
                }
                Phase::Waiting | Phase::Woken => Step::Wait { front: false, tag },
                Phase::Idle => {
                    // Ordering: Acquire, paired with the Release of `set`.
                    match event.word.compare_exchange(CLEAR, QUEUED, Ordering::Acquire, Ordering::Acquire) {
                        Err(SET) => Step::Done(()),
                        _ => Step::Wait { front: false, tag: Tag { number: **locked, ..Tag::NONE } },
                    }
                }
            }
        })
    }
}
