//! Tells one, or all, to go on: [`Notify`].
//!
//! # States
//! One word: two flags, and above them the generation, which is how often all were told.
//!
//! | flag | meaning | changes |
//! |---|---|---|
//! | `PERMIT` | one was told before it waited; nobody waits then | by an exchange from anywhere |
//! | `QUEUED` | somebody waits, or the last who did was told alone | under the wait queue's lock |
//!
//! Never both are set.
//!
//! A future knows the generation it was made in, polled or not. One whose generation is over has been told. The list is in the order of
//! generations: who joins is of the present one.
//!
//! # Protocol
//! Wait: 1. a generation that is over, then `PERMIT`, taken by an exchange, are the end. Else, under the queue's lock, 2. the same
//! once more, and set `QUEUED`, in an exchange, unless it is set; 3. join.
//!
//! Tell all: 1. begin a new generation, in one exchange. 2. If that word had `QUEUED`: under the queue's lock, notify those of
//! former generations, a batch at a time, waking outside the lock.
//!
//! Tell one: 1. while `QUEUED` is not set, exchange the word for one with `PERMIT`. Else, under the queue's lock, 2. notify those of
//! former generations, which are told already, 3. then the first, or the last, of those left. With none, clear `QUEUED` and
//! set `PERMIT`.
//!
//! Go away: one that was told alone tells one, in the same way, on its behalf. Who leaves nobody behind clears `QUEUED`, and so does
//! who tells all. Who tells the last one leaves it to the next: two that wake each other in turns exchange nothing.
//!
//! # Why it is right
//! *No lost wake-up*: joining and telling change the one word, so one of them sees the other. Who joins where `QUEUED` is set need
//! not: so long permits are left under the lock alone, and who begins a generation sees the flag, and comes for the lock.
//!
//! *All are exactly those that exist*: the exchange that begins the generation divides the futures into those made before and
//! those made after. Whether a waker was called already, or a batch is still under way, makes no difference: a future looks at its
//! generation. So one that joins between two batches is left alone, one that was not polled yet is told and takes no permit,
//! and telling one meanwhile passes over those that are told.
//!
//! *One is one*: a permit is set and taken in an exchange, or goes to one waiter under the lock, which passes it on when dropped.
//!
//! # Rejected
//! Moving those to be told into a list of their own: the generation divides the one list as well. Giving way to others when a
//! future that was told is not polled (*futurelock*): being told is news, not a resource; somebody who holds it up holds up
//! nobody who can see that it is missing.

#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(filch_loom)))]
mod property;
#[cfg(all(test, not(filch_loom)))]
mod tests;

use crate::blocking;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::wait_list::{Locked, Phase, Step, Tag, WaitQueue, Waiter};
use filch_primitive::{WakeBatch, mutant, slice, wake_contained};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
// Std's in a model too: only that one can be a `self` type, and what a model watches lies inside.
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

const PERMIT: usize = 1;
const QUEUED: usize = 2;
const GENERATION: usize = 4;

/// Told with all others.
const ALL: u32 = 0;
/// Told alone, as the first.
const ONE: u32 = 1;
/// What `since` says of the last, told alone: the list lets it go as idle, and keeps the tag.
const LAST: u64 = 1;

/// Which one of those that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    First,
    Last,
}

const fn generation_of(word: usize) -> usize {
    word / GENERATION
}

/// Wakes one task, or all, without anything to hand over; as tokio's `Notify`.
///
/// Telling one while nobody waits leaves a permit, at most one, for the next that comes. Telling all leaves nothing, and reaches
/// every future that [`notified`](Self::notified) has made, polled or not.
///
/// # Complexity
/// One locked instruction while nobody waits, one lock otherwise; telling all is linear in the number of those who wait.
///
/// # Examples
/// A consumer that sleeps while there is nothing to do:
/// ```
/// use filch_sync::Notify;
/// use std::sync::{Arc, Mutex};
/// let queue = Arc::new((Mutex::new(Vec::new()), Notify::new()));
/// let producer = {
///     let queue = queue.clone();
///     std::thread::spawn(move || {
///         queue.0.lock().unwrap().push(7);
///         queue.1.notify_one();
///     })
/// };
/// let value = loop {
///     if let Some(value) = queue.0.lock().unwrap().pop() {
///         break value;
///     }
///     queue.1.notified_blocking();
/// };
/// producer.join().unwrap();
/// assert_eq!(value, 7);
/// ```
pub struct Notify {
    word: AtomicUsize,
    queue: WaitQueue<()>,
}

impl Notify {
    /// One without a permit.
    ///
    /// # Examples
    /// ```
    /// static CHANGED: filch_sync::Notify = filch_sync::Notify::new();
    /// assert_eq!(CHANGED.statistics().waiters, 0);
    /// ```
    #[cfg(not(filch_loom))]
    pub const fn new() -> Self {
        Self { word: AtomicUsize::new(0), queue: WaitQueue::new(()) }
    }

    /// One without a permit.
    #[cfg(filch_loom)]
    pub fn new() -> Self {
        Self { word: AtomicUsize::new(0), queue: WaitQueue::new(()) }
    }

    /// Tells the first of those who wait. With none, the next that comes does not wait; many calls before it are one.
    ///
    /// # Examples
    /// ```
    /// let notify = filch_sync::Notify::new();
    /// notify.notify_one();
    /// notify.notify_one();
    /// notify.notified_blocking();
    /// assert!(!notify.try_notified());
    /// ```
    #[inline]
    pub fn notify_one(&self) {
        self.notify(Which::First);
    }

    /// Tells the one who waits for the shortest time, otherwise as [`notify_one`](Self::notify_one): of many idle workers the
    /// one whose memory is still in the caches.
    ///
    /// # Examples
    /// ```
    /// use futures_lite::future::{block_on, poll_once};
    /// # block_on(async {
    /// let notify = filch_sync::Notify::new();
    /// let (mut first, mut last) = (Box::pin(notify.notified()), Box::pin(notify.notified()));
    /// assert!(!first.as_mut().enable() && !last.as_mut().enable());
    /// notify.notify_last();
    /// assert!(poll_once(first).await.is_none());
    /// assert!(poll_once(last).await.is_some());
    /// # });
    /// ```
    #[inline]
    pub fn notify_last(&self) {
        self.notify(Which::Last);
    }

    /// Tells all futures that exist at this moment, also those that were not polled yet. Those made afterwards wait; no permit is
    /// left for them, and one that there is stays.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let notify = filch_sync::Notify::new();
    /// let before = notify.notified();
    /// notify.notify_waiters();
    /// before.await;
    /// assert!(!notify.try_notified());
    /// # });
    /// ```
    pub fn notify_waiters(&self) {
        // Ordering: AcqRel: Release, paired with the Acquire loads of the word: who finds its generation over sees what was
        // done before. Acquire, so that a permit it passes by, and its release sequence, stay as they are.
        let before = self.word.fetch_add(GENERATION, Ordering::AcqRel);
        if before & QUEUED != 0 && !mutant::planted("notify.all.silent") {
            drop(self.release());
        }
    }

    /// Waits to be told. The future counts from now on for [`notify_waiters`](Self::notify_waiters), and for the others
    /// once it was polled or [enabled](Notified::enable).
    ///
    /// # Cancel safety
    /// Dropping the future gives up the place in the queue; one that was told alone tells the next.
    /// # Complexity
    /// One exchange when there is a permit.
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let notify = filch_sync::Notify::new();
    /// notify.notify_one();
    /// notify.notified().await;
    /// assert!(!notify.try_notified());
    /// # });
    /// ```
    pub fn notified(&self) -> Notified<'_> {
        // Ordering: Acquire, paired with the AcqRel of `notify_waiters`: one made after it sees what was done before it; and what
        // is looked at after making one is looked at after its generation.
        self.notified_since(generation_of(self.word.load(Ordering::Acquire)))
    }

    fn notified_since(&self, generation: usize) -> Notified<'_> {
        Notified { notify: self, generation, told: false, waiter: Waiter::new(&self.queue) }
    }

    /// As [`notified`](Self::notified), with a future that keeps the [`Notify`] alive. Polling it once is what enables it.
    ///
    /// # Cancel safety
    /// As with [`notified`](Self::notified).
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// let notify = Arc::new(filch_sync::Notify::new());
    /// let told = notify.clone().notified_owned();
    /// notify.notify_waiters();
    /// std::thread::spawn(|| futures_lite::future::block_on(told)).join().unwrap();
    /// assert!(!notify.try_notified());
    /// ```
    pub fn notified_owned(self: Arc<Self>) -> impl Future<Output = ()> + Send + Sync + 'static {
        let generation = self.notified().generation;
        async move { self.notified_since(generation).await }
    }

    /// Takes the permit if there is one.
    ///
    /// # Examples
    /// ```
    /// let notify = filch_sync::Notify::new();
    /// notify.notify_one();
    /// assert!(notify.try_notified());
    /// assert!(!notify.try_notified());
    /// ```
    pub fn try_notified(&self) -> bool {
        // Ordering: Relaxed, the exchange decides.
        let mut word = self.word.load(Ordering::Relaxed);
        while word & PERMIT != 0 {
            // Ordering: Acquire, paired with the Release of `try_store`: who is told sees what was done before.
            match self.word.compare_exchange_weak(word, word & !PERMIT, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(changed) => word = changed,
            }
        }
        false
    }

    /// Waits to be told on a plain thread. In a task this would hold up the thread that polls it.
    ///
    /// # Examples
    /// ```
    /// let notify = filch_sync::Notify::new();
    /// notify.notify_one();
    /// notify.notified_blocking();
    /// assert!(!notify.try_notified());
    /// ```
    pub fn notified_blocking(&self) {
        blocking::block_on(self.notified());
    }

    /// A look at one moment.
    ///
    /// # Examples
    /// ```
    /// let notify = filch_sync::Notify::new();
    /// notify.notify_one();
    /// assert!(notify.statistics().permit);
    /// ```
    pub fn statistics(&self) -> NotifyStatistics {
        let locked = self.queue.lock();
        // Ordering: Relaxed, a figure to look at.
        let permit = self.word.load(Ordering::Relaxed) & PERMIT != 0;
        NotifyStatistics { permit, waiters: locked.len(), waiters_peak: locked.peak() }
    }

    #[inline]
    fn notify(&self, which: Which) {
        if !self.try_store() {
            self.notify_queued(which);
        }
    }

    /// Leaves a permit, unless somebody waits.
    fn try_store(&self) -> bool {
        // Ordering: Relaxed, the exchange decides.
        let mut word = self.word.load(Ordering::Relaxed);
        while word & QUEUED == 0 {
            let release = mutant::ordering("notify.one.order", Ordering::Release, Ordering::Relaxed);
            // Ordering: Release, paired with the Acquire of `look`. It is exchanged even when unchanged: who takes the permit
            // must see what this call's caller did before, too.
            match self.word.compare_exchange_weak(word, word | PERMIT, release, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(changed) => word = changed,
            }
        }
        false
    }

    fn notify_queued(&self, which: Which) {
        let mut locked = self.queue.lock();
        // Ordering: Acquire, as in `look`.
        let generation = generation_of(self.word.load(Ordering::Acquire));
        if locked.front().is_some_and(|front| !is_of(front, generation)) {
            drop(locked);
            locked = self.release();
        }
        let waker = match which {
            _ if locked.is_empty() => {
                if !mutant::planted("notify.empty.keeps") {
                    self.settle(&locked);
                }
                // Nobody waits, and nobody can begin to without the lock.
                let stored = self.try_store();
                debug_assert!(stored, "what was cleared under the lock stays so");
                None
            }
            Which::First => locked.notify_front(ONE),
            Which::Last => notify_back(&mut locked),
        };
        drop(locked);
        waker.into_iter().for_each(wake_contained);
    }

    /// Tells those whose generation is over. Nobody is left of them under the lock that this gives.
    #[cold]
    fn release(&self) -> Locked<'_, ()> {
        let mut batch = WakeBatch::new();
        let mut locked = self.queue.lock();
        loop {
            // Ordering: Acquire, as in `look`.
            let generation = generation_of(self.word.load(Ordering::Acquire));
            let told = locked.front().is_some_and(|front| !is_of(front, generation));
            if told && batch.has_room() {
                locked.notify_front(ALL).into_iter().for_each(|waker| batch.push(waker));
            } else if told || !batch.is_empty() {
                drop(locked);
                batch.wake_all();
                locked = self.queue.lock();
            } else {
                self.settle(&locked);
                return locked;
            }
        }
    }

    /// Whether a future of `generation` has been told; takes the permit if it must. With `joins`, under the queue's lock: says so
    /// in the word if not.
    fn look(&self, generation: usize, joins: bool) -> bool {
        // Ordering: Acquire, paired with the AcqRel of `notify_waiters`.
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            // Told with all: the permit, if there is one, is another's.
            if generation_of(word) != generation && !mutant::planted("notify.look.permit") {
                return true;
            }
            let told = word & PERMIT != 0;
            let next = match (told, joins) {
                (true, _) => word & !PERMIT,
                (false, true) if mutant::planted("notify.join.silent") => word,
                (false, true) if word & QUEUED == 0 => word | QUEUED,
                (false, _) => return false,
            };
            // Ordering: Acquire, paired with the Release of `try_store`.
            match self.word.compare_exchange_weak(word, next, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return told,
                Err(changed) => word = changed,
            }
        }
    }

    /// Clears `QUEUED` where nobody is left.
    fn settle(&self, locked: &Locked<'_, ()>) {
        if locked.is_empty() {
            // Ordering: Relaxed, the list is guarded by the queue's lock; the exchange keeps the release sequence.
            self.word.fetch_and(!QUEUED, Ordering::Relaxed);
        }
    }

    /// A waiter goes away; what it alone was told is told to another.
    fn give_up(&self, mut waiter: Pin<&mut Waiter<'_, ()>>) {
        let mut locked = self.queue.lock();
        let (phase, tag) = waiter.as_mut().look(&locked);
        waiter.leave_locked(&mut locked);
        self.settle(&locked);
        drop(locked);
        if !mutant::planted("notify.cancel.keeps") {
            told_alone(phase, tag).into_iter().for_each(|which| self.notify(which));
        }
    }
}

fn is_of(tag: Tag, generation: usize) -> bool {
    u64::try_from(generation).is_ok_and(|generation| tag.number == generation)
}

/// How a waiter was told that was told alone.
fn told_alone(phase: Phase, tag: Tag) -> Option<Which> {
    match phase {
        Phase::Notified(ONE) => Some(Which::First),
        Phase::Idle if tag.since == LAST => Some(Which::Last),
        _ => None,
    }
}

/// Tells the last one, and takes it out of the list: the tag keeps the word.
fn notify_back(locked: &mut Locked<'_, ()>) -> Option<Waker> {
    let mut cursor = locked.cursor_at_back();
    let (_, tag) = cursor.current()?;
    let waker = cursor.wake_in_place(Tag { since: LAST, ..tag });
    locked.cursor_at_back().strike();
    waker
}

impl Default for Notify {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Notify");
        // Ordering: Relaxed, a figure to look at.
        debug.field("permit", &(self.word.load(Ordering::Relaxed) & PERMIT != 0));
        if let Some(waiters) = self.queue.try_lock().map(|locked| locked.len()) {
            debug.field("waiters", &waiters);
        }
        debug.finish_non_exhaustive()
    }
}

/// What [`Notify::statistics`] saw.
///
/// ```
/// let notify = filch_sync::Notify::new();
/// notify.notify_one();
/// let seen = notify.statistics();
/// assert!(seen.permit, "nobody waited, so it is kept for the next");
/// assert_eq!(seen.waiters, 0);
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifyStatistics {
    /// Whether the next that comes does not wait.
    pub permit: bool,
    /// How many wait.
    pub waiters: usize,
    /// How many waited at most.
    pub waiters_peak: usize,
}

pin_project! {
    /// Waits to be told; made by [`Notify::notified`].
    ///
    /// ```
    /// use filch_sync::Notify;
    /// use futures_lite::future::{block_on, poll_once};
    /// let notify = Notify::new();
    /// let mut waits = std::pin::pin!(notify.notified());
    /// assert!(block_on(poll_once(waits.as_mut())).is_none());
    /// notify.notify_one();
    /// assert!(block_on(poll_once(waits)).is_some());
    /// ```
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct Notified<'a> {
        notify: &'a Notify,
        generation: usize,
        // Told, and out of the queue: so it stays.
        told: bool,
        #[pin]
        waiter: Waiter<'a, ()>,
    }

    impl<'a> PinnedDrop for Notified<'a> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.waiter.as_mut().is_joined() {
                this.notify.give_up(this.waiter);
            }
        }
    }
}

impl Notified<'_> {
    /// Joins the queue without a waker, so that [`notify_one`](Notify::notify_one) reaches this future from now on; true when it
    /// was told already. The next poll is the first to leave a waker, or the end.
    ///
    /// # Examples
    /// Nothing is missed between looking and waiting, whichever way one is told:
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let notify = filch_sync::Notify::new();
    /// let mut told = std::pin::pin!(notify.notified());
    /// assert!(!told.as_mut().enable());
    /// // Here one looks whether there is something to do; meanwhile:
    /// notify.notify_one();
    /// told.await;
    /// assert!(!notify.try_notified());
    /// # });
    /// ```
    pub fn enable(self: Pin<&mut Self>) -> bool {
        self.wait(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    fn wait(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let (notify, generation) = (*this.notify, *this.generation);
        *this.told = *this.told
            || this.waiter.as_mut().take_notified().is_some()
            || (!this.waiter.as_mut().is_joined() && notify.look(generation, false));
        if *this.told {
            return Poll::Ready(());
        }
        let polled = this.waiter.poll_wait(cx, |mut waiter, locked| {
            let (phase, tag) = waiter.as_mut().look(locked);
            let told = match phase {
                Phase::Notified(_) => true,
                Phase::Idle if tag.since == LAST => true,
                Phase::Idle => notify.look(generation, true),
                // Ordering: Acquire, as in `look`.
                Phase::Waiting | Phase::Woken => {
                    generation_of(notify.word.load(Ordering::Acquire)) != generation
                }
            };
            if !told {
                let number = u64::try_from(generation).unwrap_or(u64::MAX);
                return Step::Wait { front: false, tag: Tag { number, ..Tag::NONE } };
            }
            waiter.leave_locked(locked);
            notify.settle(locked);
            Step::Done(())
        });
        *this.told = polled.is_ready();
        polled
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(slice::proceed(cx));
        self.wait(cx)
    }
}
