//! A wait queue that is looked after when somebody who was told to come does not: [`Watched`].
//!
//! # What it is for
//! A turn may be given to a future that still exists and is not polled any more: an arm of a `select!` that waits for its
//! siblings, a future in a list nobody drains (*futurelock*). Somebody else has to notice, and all the others are asleep. So while
//! anybody is *awaited* the [watchman] visits the queue from time to time, and once those who are awaited
//! have had their time it *asks* others: wakes them, so that they are polled, look at the state, and do what is to be done.
//!
//! The queue lies on the heap, made when the first one has to wait, and is shared with the watchman: a primitive may be moved or
//! dropped while futures that waited for it were leaked, and the watchman's entry must not point to where it was.
//!
//! # States
//! Time is counted in *ticks*: visits to this queue. What was said at tick `t` is overdue from tick `t + 2` on, since a whole
//! [interval](crate::watchman) lies between two visits.
//!
//! | awaited | entered | meaning | leaves by |
//! |---|---|---|---|
//! | no | no | nothing to look after | somebody is told, while others wait |
//! | yes | no | for as long as one section of the lock, or all who wait are awake | [`mark`](Watched::mark) |
//! | yes | yes | to be visited | a visit that finds nobody awaited, or nobody asleep |
//! | no | yes | the next visit takes the entry away | that visit |
//!
//! # Protocol
//! Whoever leaves somebody awaited while others wait, begins to wait while somebody is awaited, or is refused because of that: under the
//! queue's lock, 1. [`mark`](Watched::mark) the queue as entered if it is not; 2. unlock; 3. enter it into the watchman's list.
//!
//! A visit, under the queue's lock: 1. count the tick. 2. If nobody is awaited, the entry goes. 3. If those who are awaited have
//! had their time, wake the first that sleeps, and at each further visit at which that is so twice as many, up to a
//! [batch](WakeBatch); if nobody sleeps the entry goes. 4. Unlock, and wake.
//!
//! # Why it is right
//! Say somebody is awaited for ever, and somebody who waits, and is polled when it is woken, sleeps. While one of those who wait is asleep
//! the entry stays, or is made: a new one marks the queue itself. Each visit from the second on wakes a sleeper, and there
//! are finitely many, so the one is polled; and its look, by the rules of the primitive, takes what was kept in vain, or finds
//! that nobody is awaited any more.
//!
//! # Rejected
//! One watcher among those who wait, with its waker in the primitive, rung by whoever tells: three futures abandoned at once
//! could leave the others asleep, every telling read the clock, and each watcher cloned its waker twice. A pointer to the queue inside the
//! primitive, taken back when it is dropped: leaked futures let it be moved. An entry that holds the wakers: all of them would have to be
//! cloned.

#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(any(filch_loom, filch_shuttle))))]
mod property;
#[cfg(all(test, not(any(filch_loom, filch_shuttle))))]
mod tests;

use crate::watchman;
use filch_primitive::sync::OnceLock;
use filch_primitive::wait_list::{Locked, Phase, Tag, WaitQueue, Waiter};
use filch_primitive::{WakeBatch, mutant};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
// Std's in a model too: only that one can hold a trait object, and what a model watches lies inside.
use std::sync::Arc;

/// What the watchman can visit.
pub(crate) trait Visited: Send + Sync {
    /// One visit; whether another one is wanted. Does not unwind.
    fn visit(&self) -> bool;
}

/// The state of a primitive that may await somebody.
pub(crate) trait Awaits: Send + 'static {
    /// Whether somebody was told to come, and nobody has.
    fn is_awaited(&self) -> bool;

    /// The queue is visited, for the `tick`-th time. Whether those who are awaited have had their time.
    fn visit(&mut self, tick: u64) -> bool;

    /// The tag of one that waits with `tag` and is asked at this tick.
    fn asked(tag: Tag, _tick: u64) -> Tag {
        tag
    }
}

/// Whether what was said at tick `since` is overdue.
pub(crate) fn is_overdue(since: u64, tick: u64) -> bool {
    tick.saturating_sub(since) >= 2
}

/// Since when somebody has been told of something that others may use as well, and nobody who waits has looked since: the state of
/// a line in which what lies there is whoever's who comes.
#[derive(Default)]
pub(crate) struct Told(Option<u64>);

impl Told {
    pub(crate) const NOBODY: Self = Self(None);

    /// Somebody was told at this tick, and others sleep.
    pub(crate) fn note(&mut self, tick: u64) {
        self.0.get_or_insert(tick);
    }

    /// Somebody who waits, or was told, is about to look, and tells another if it leaves something. Whether anybody was told.
    pub(crate) fn look(&mut self) -> bool {
        self.0.take().is_some()
    }
}

impl Awaits for Told {
    fn is_awaited(&self) -> bool {
        self.0.is_some()
    }

    fn visit(&mut self, tick: u64) -> bool {
        self.0.is_some_and(|since| is_overdue(since, tick))
    }
}

/// The state, and what the visits need.
pub(crate) struct Watch<S> {
    state: S,
    /// Visits so far, and one: zero is no tick.
    tick: u64,
    /// Whether the watchman has an entry for this queue, or is about to.
    entered: bool,
    /// How many a visit asks.
    asks: usize,
}

impl<S> Watch<S> {
    pub(crate) fn tick(&self) -> u64 {
        self.tick
    }
}

impl<S> Deref for Watch<S> {
    type Target = S;

    #[inline]
    fn deref(&self) -> &S {
        &self.state
    }
}

impl<S> DerefMut for Watch<S> {
    #[inline]
    fn deref_mut(&mut self) -> &mut S {
        &mut self.state
    }
}

/// The lock of a watched queue, held.
pub(crate) type WatchedLocked<'q, S> = Locked<'q, Watch<S>>;
/// A place in a watched queue.
pub(crate) type WatchedWaiter<'q, S> = Waiter<'q, Watch<S>>;

struct Shared<S> {
    queue: WaitQueue<Watch<S>>,
}

/// The queue; the protocol is in the [module docs](self).
pub(crate) struct Watched<S> {
    shared: OnceLock<Arc<Shared<S>>>,
}

impl<S: Awaits> Watched<S> {
    pub(crate) const fn new() -> Self {
        Self { shared: OnceLock::new() }
    }

    /// Made at once: loom has to see who made it.
    #[cfg(filch_loom)]
    pub(crate) fn made(state: S) -> Self {
        let watched = Self::new();
        watched.queue_or(|| state);
        watched
    }

    /// The queue, around `state` if this makes it.
    #[inline]
    pub(crate) fn queue_or(&self, state: impl FnOnce() -> S) -> &WaitQueue<Watch<S>> {
        &self.shared.get_or_init(|| Arc::new(Shared::new(state()))).queue
    }

    /// The queue, if anybody has made it.
    pub(crate) fn get(&self) -> Option<&WaitQueue<Watch<S>>> {
        self.shared.get().map(|shared| &shared.queue)
    }

    /// Whoever leaves somebody awaited: the watchman is to see to it. The answer is to be dropped once the lock is released.
    pub(crate) fn mark(&self, locked: &mut WatchedLocked<'_, S>) -> Option<Entry<'_, S>> {
        if locked.entered || !locked.is_awaited() || mutant::planted("watched.mark.forgets") {
            return None;
        }
        locked.entered = true;
        self.shared.get().map(Entry)
    }

    /// How many wait, and how many did at most.
    pub(crate) fn count(&self) -> (usize, usize) {
        self.get().map_or((0, 0), |queue| {
            let locked = queue.lock();
            (locked.len(), locked.peak())
        })
    }
}

/// A queue that is about to be entered: in the watchman's list when this is dropped.
#[must_use = "dropped under the queue's lock it would take the watchman's"]
pub(crate) struct Entry<'a, S: Awaits>(&'a Arc<Shared<S>>);

impl<S: Awaits> Drop for Entry<'_, S> {
    fn drop(&mut self) {
        watchman::enter(self.0.clone());
    }
}

impl<S: Awaits> Shared<S> {
    fn new(state: S) -> Self {
        Self { queue: WaitQueue::new(Watch { state, tick: 1, entered: false, asks: 1 }) }
    }
}

impl<S: Awaits> Visited for Shared<S> {
    fn visit(&self) -> bool {
        let mut batch = WakeBatch::new();
        let mut locked = self.queue.lock();
        let stays = visit(&mut locked, &mut batch);
        locked.entered = stays;
        drop(locked);
        batch.wake_all();
        stays
    }
}

/// The waiter in `place`, in `queue` if this makes it: a future that need not wait does without.
#[inline]
pub(crate) fn waiter_in<'p, 'q, S>(
    mut place: Pin<&'p mut Option<Waiter<'q, S>>>,
    queue: &'q WaitQueue<S>,
) -> Pin<&'p mut Waiter<'q, S>> {
    if place.is_none() {
        place.set(Some(Waiter::new(queue)));
    }
    place.as_pin_mut().expect("just set")
}

/// Steps 1 to 3; whether the entry stays.
fn visit<S: Awaits>(locked: &mut WatchedLocked<'_, S>, batch: &mut WakeBatch) -> bool {
    locked.tick += 1;
    let tick = locked.tick;
    let limit = std::mem::replace(&mut locked.asks, 1);
    if !locked.is_awaited() {
        return false;
    }
    if !locked.state.visit(tick) {
        return true;
    }
    let asked = ask(locked, limit, tick, batch);
    locked.asks = limit.saturating_mul(2);
    asked > 0
}

/// Wakes the first that sleep, `limit` of them at most; how many that were.
fn ask<S: Awaits>(
    locked: &mut WatchedLocked<'_, S>,
    limit: usize,
    tick: u64,
    batch: &mut WakeBatch,
) -> usize {
    let mut asked = 0;
    let mut cursor = locked.cursor();
    while let Some((phase, tag)) = cursor.current() {
        if asked == limit || !batch.has_room() {
            break;
        }
        if mutant::planted("watched.visit.silent") {
            break;
        }
        if phase == Phase::Waiting {
            cursor.wake_in_place(S::asked(tag, tick)).into_iter().for_each(|waker| batch.push(waker));
            asked += 1;
        } else {
            cursor.advance();
        }
    }
    asked
}

impl<S> fmt::Debug for Watched<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}
