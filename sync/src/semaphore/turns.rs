//! What is kept for waiters that were told to come for it, and who sees to it when they do not: [`Turns`].
//!
//! Plain state under a wait queue's lock, for the primitives that count: [`Semaphore`](crate::Semaphore) and
//! [`CapacityLimiter`](crate::CapacityLimiter).
//!
//! # States
//! Time is divided into epochs, of a [grace](GRACE_US) at least. What was kept in this epoch is *young*, what was kept in the one
//! before is *old*. A waiter that is told leaves the list, and its token is the epoch: it is *good* while the epoch is this
//! one or the one before, and *late* after that.
//!
//! # Protocol
//! Tell ([`serve`]): 1. under the queue's lock, while the head can have what it asks for, [keep](Turns::keep) that and notify
//! the head. 2. If somebody waits still, see to it that one of them watches. 3. Unlock and wake.
//!
//! Come: 1. under the lock, [take](Turns::take) as much as one asked for from what is kept, out of one's own epoch first. 2.
//! What is missing then, others came for, or it was taken back: take that from what is free; if there is too little, put
//! back what was taken and wait in front of all others.
//!
//! Go away: a good one takes what its own epoch keeps [out](Turns::forgo), and it is free.
//!
//! Watch: whoever waits behind others, or while something is kept, and finds no watcher, or comes and finds the head watching, is the
//! watcher. It [leaves](watch) its waker as the bell, or, when something is kept, has it rung a grace later. The one who tells has the bell that it finds rung, and
//! asks the last in line as well, to be the watcher from then on, if nobody was asked within a grace.
//! The watcher, polled, [turns](Turns::turn) the epoch if it is over: what was old is free, what was young is old. One that did not
//! come back after its bell is replaced by the next one who tells or joins.
//!
//! # Why it is right
//! *Nothing is kept for nobody*: an epoch keeps at most what those that were told in it, and have not come or gone since, asked
//! for. Telling adds to both, whoever is late only lessens what is kept, and a good one that comes or goes takes
//! its whole request out, or all there is.
//!
//! *A grace for each*: what is taken back lay there for the whole of an epoch after the one it was kept in.
//!
//! *Somebody always gets it*: with permits going round faster than an overloaded executor polls, whoever is polled first
//! among those that were told takes what is kept for any of them.
//!
//! # Rejected
//! Leaving those that were told in the list, to be struck one by one: each release would walk past all of them. A deadline per
//! waiter: the clock would be read for each.

use crate::clock;
use filch_primitive::wait_list::{Locked, Phase, Tag, WaitQueue, drop_contained};
use filch_primitive::{WakeBatch, mutant, wake_contained};
use std::task::Waker;

/// How long one that was told has the time to come, at least; at most twice that, and the delays of whoever looks. A guess: far above
/// the delay of a task in a run queue that is not overloaded, far below what a person notices.
pub(crate) const GRACE_US: u64 = crate::lock::grace::GRACE_US;

/// How long a watcher whose bell was rung may take to come back. The bell rings after about a grace.
const WATCHER_LOST_US: u64 = 4 * GRACE_US;

/// Tokens below are not epochs: the primitive's own.
const FIRST_EPOCH: u32 = 16;

/// The state; the protocol is in the [module docs](self).
pub(crate) struct Turns {
    epoch: u32,
    young: usize,
    old: usize,
    /// When this epoch began.
    turned_us: u64,
    /// The waiter that looks after what is kept, by its id; 0 is none.
    watcher: usize,
    /// Its waker; away while it rings.
    bell: Option<Waker>,
    /// When the watcher was appointed, or its bell last taken.
    asked_us: u64,
    /// The test says itself when an epoch is over.
    #[cfg(test)]
    by_hand: bool,
}

/// A state that has [`Turns`] in it.
pub(crate) trait Counts {
    fn turns(&mut self) -> &mut Turns;
}

impl Counts for Turns {
    fn turns(&mut self) -> &mut Turns {
        self
    }
}

impl Turns {
    pub(crate) const fn new() -> Self {
        Self {
            epoch: FIRST_EPOCH,
            young: 0,
            old: 0,
            turned_us: 0,
            watcher: 0,
            bell: None,
            asked_us: 0,
            #[cfg(test)]
            by_hand: false,
        }
    }

    /// All that is kept.
    pub(crate) fn kept(&self) -> usize {
        self.young.saturating_add(self.old)
    }

    /// Keeps `count` for a waiter; the answer is the token to tell it with.
    pub(crate) fn keep(&mut self, count: usize) -> u32 {
        // More than any semaphore can count is lost, as when it is added.
        self.young = self.young.saturating_add(count);
        self.epoch
    }

    /// For one that was told with `token` and came: up to `count`.
    pub(crate) fn take(&mut self, token: u32, count: usize) -> usize {
        let (own, other) = match token == self.epoch {
            true => (&mut self.young, &mut self.old),
            false => (&mut self.old, &mut self.young),
        };
        let taken = take(own, count);
        taken + take(other, count - taken)
    }

    /// For one that was told with `token` and goes away: what it leaves behind, up to `count`.
    pub(crate) fn forgo(&mut self, token: u32, count: usize) -> usize {
        match token {
            _ if token == self.epoch => take(&mut self.young, count),
            _ if next(token) == self.epoch && !mutant::planted("turns.forgo.old") => {
                take(&mut self.old, count)
            }
            _ => 0,
        }
    }

    /// Begins a new epoch if something is kept and this one has lasted. The answer is what was kept in vain.
    pub(crate) fn turn(&mut self, now_us: u64) -> usize {
        if self.kept() == 0 || now_us.saturating_sub(self.turned_us) < GRACE_US {
            return 0;
        }
        #[cfg(test)]
        if self.by_hand {
            return 0;
        }
        self.turned_us = now_us;
        self.begin()
    }

    /// Begins a new epoch.
    fn begin(&mut self) -> usize {
        self.epoch = next(self.epoch);
        std::mem::replace(&mut self.old, std::mem::take(&mut self.young))
    }

    /// From now on epochs end here and nowhere else.
    #[cfg(test)]
    pub(crate) fn turn_by_hand(&mut self) -> usize {
        self.by_hand = true;
        self.begin()
    }

    /// There is no watcher any more. The answer is its bell, to be dropped outside the lock.
    pub(crate) fn dismiss(&mut self) -> Option<Waker> {
        self.watcher = 0;
        self.bell.take()
    }

    /// Where `id` is the watcher there is none from now on. The answer is its bell, to be dropped outside the lock.
    pub(crate) fn resign(&mut self, id: usize) -> Option<Waker> {
        if self.watcher == id { self.dismiss() } else { None }
    }
}

fn take(from: &mut usize, count: usize) -> usize {
    let taken = count.min(*from);
    *from -= taken;
    taken
}

fn next(epoch: u32) -> u32 {
    epoch.checked_add(1).unwrap_or(FIRST_EPOCH)
}

/// Who is to be called, or let go, once the lock is released.
#[derive(Default)]
struct Calls {
    asked: Option<Waker>,
    bell: Option<Waker>,
    dismissed: Option<Waker>,
}

impl Calls {
    fn make(self) {
        self.dismissed.into_iter().for_each(drop_contained);
        self.asked.into_iter().for_each(wake_contained);
        self.bell.into_iter().for_each(ring);
    }
}

/// Has `bell` woken after about a grace.
#[cfg(not(filch_loom))]
fn ring(bell: Waker) {
    crate::watchman::wake_later(bell);
}

/// In a model no time passes: it says itself when a grace is over.
#[cfg(filch_loom)]
fn ring(bell: Waker) {
    drop(bell);
}

/// Tells waiters from the head on. `grant` keeps what the head asks for and names its token, or ends it; `settle` is
/// asked under the lock once nobody more can be told.
pub(crate) fn serve<S: Counts>(
    queue: &WaitQueue<S>,
    mut grant: impl FnMut(&mut Locked<'_, S>, Tag) -> Option<u32>,
    settle: impl FnOnce(&Locked<'_, S>),
) {
    let mut locked = queue.lock();
    let mut batch = WakeBatch::new();
    let mut calls = Calls::default();
    while let (Some(id), Some(head)) = (locked.front_id(), locked.front()) {
        if !batch.has_room() {
            drop(locked);
            std::mem::take(&mut calls).make();
            batch.wake_all();
            locked = queue.lock();
            continue;
        }
        let Some(token) = grant(&mut locked, head) else { break };
        // In one section there is one watcher at most to be told: nobody becomes the next without the lock.
        calls.dismissed = calls.dismissed.or(locked.turns().resign(id));
        if let Some(waker) = locked.notify_front(token) {
            batch.push(waker);
        }
    }
    tend(&mut locked, &mut calls);
    settle(&locked);
    drop(locked);
    batch.wake_all();
    calls.make();
}

/// Sees to it that somebody looks when those that were told do not come, if others wait for it.
fn tend<S: Counts>(locked: &mut Locked<'_, S>, calls: &mut Calls) {
    if locked.is_empty() || locked.turns().kept() == 0 {
        return;
    }
    let now_us = clock::micros();
    let turns = locked.turns();
    let (watcher, asked_for_us) = (turns.watcher, now_us.saturating_sub(turns.asked_us));
    calls.bell = turns.bell.take();
    let rings = calls.bell.is_some();
    if rings {
        turns.asked_us = now_us;
        if asked_for_us <= GRACE_US {
            return;
        }
    } else if watcher != 0 && asked_for_us <= WATCHER_LOST_US {
        return;
    }
    // The last one will be there for longest; one that was asked before and did not come is passed over.
    let mut cursor = locked.cursor_at_back();
    let last_waits = matches!(cursor.current(), Some((Phase::Waiting, _)));
    if rings && (!last_waits || cursor.id() == Some(watcher)) {
        return;
    }
    if !last_waits {
        cursor = locked.cursor();
        while matches!(cursor.current(), Some((Phase::Woken, _))) {
            cursor.advance();
        }
    }
    if let (Some(id), Some((_, tag))) = (cursor.id(), cursor.current()) {
        calls.asked = cursor.wake_in_place(tag);
        let turns = locked.turns();
        (turns.watcher, turns.asked_us) = (id, now_us);
    }
}

/// Asked under the lock by the waiter `id`, which is about to wait: whether it is to call [`watch`].
pub(crate) fn is_to_watch<S: Counts>(locked: &mut Locked<'_, S>, id: usize, waker: &Waker) -> bool {
    let behind_others = locked.front_id().is_some_and(|front| front != id);
    let front = locked.front_id();
    let turns = locked.turns();
    let keeps = turns.kept() > 0;
    // The head is the next to be told: then somebody would have to be woken to watch, while this one is here.
    let head_watches = behind_others && front == Some(turns.watcher);
    let lost = || turns.bell.is_none() && clock::micros().saturating_sub(turns.asked_us) > WATCHER_LOST_US;
    if head_watches
        || (turns.watcher == 0 && (behind_others || keeps))
        || (turns.watcher != id && keeps && lost())
    {
        // Its time is set by `watch`; whoever finds it lost before that wakes one waiter in vain.
        turns.watcher = id;
    }
    turns.watcher == id && !turns.bell.as_ref().is_some_and(|bell| bell.will_wake(waker))
}

/// The waiter `id` leaves its bell, or has it rung; turns the epoch if it is over. `free` is told under the lock how much was
/// kept in vain; true when that is anything, and [`serve`] is to follow.
pub(crate) fn watch<S: Counts>(
    queue: &WaitQueue<S>,
    id: usize,
    waker: &Waker,
    free: impl FnOnce(usize),
) -> bool {
    let bell = waker.clone();
    let mut locked = queue.lock();
    let turns = locked.turns();
    if turns.watcher != id {
        drop(locked);
        drop_contained(bell);
        return false;
    }
    if turns.kept() == 0 {
        let replaced = turns.bell.replace(bell);
        drop(locked);
        replaced.into_iter().for_each(drop_contained);
        return false;
    }
    let now_us = clock::micros();
    turns.asked_us = now_us;
    let back = turns.turn(now_us);
    if back > 0 {
        free(back);
    }
    let replaced = turns.bell.take();
    drop(locked);
    replaced.into_iter().for_each(drop_contained);
    ring(bell);
    back > 0
}
