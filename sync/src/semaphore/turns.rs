//! What is kept for waiters that were told to come for it: [`Turns`].
//!
//! Plain state under a [watched](crate::watched) queue's lock, for the primitives that count: [`Semaphore`](crate::Semaphore) and
//! [`CapacityLimiter`](crate::CapacityLimiter).
//!
//! # States
//! Time is divided into epochs, one for each visit of the watchman. What was kept in this epoch is *young*, what was kept in the one
//! before is *old*, and what is older lies there *in vain*. A waiter that is told leaves the list, and its token is the epoch: it is
//! *good* while the epoch is this one or the one before, and *late* after that.
//!
//! # Protocol
//! Tell ([`serve`]): 1. under the queue's lock, while the head can have what it asks for, [keep](Turns::keep) that and notify
//! the head. 2. Have the watchman look after what is kept. 3. Unlock and wake.
//!
//! Come: 1. under the lock, [take](Turns::take) as much as one asked for from what is kept, out of one's own epoch first. 2.
//! What is missing then, others came for, or it was taken back: take that from what is free; if there is too little, put
//! back what was taken and wait in front of all others.
//!
//! Go away: a good one takes what its own epoch keeps [out](Turns::forgo), and it is free.
//!
//! Visit: what was old lies there in vain, and what was young is old. While anything lies there in vain those who wait are asked, one
//! after another.
//!
//! Look: whoever tells, waits and is polled, or is refused, [takes back](Turns::recall) what lies there in vain; then it is free.
//!
//! # Why it is right
//! *Nothing is kept for nobody*: an epoch keeps at most what those that were told in it, and have not come or gone since, asked
//! for. Telling adds to both, whoever is late only lessens what is kept, and a good one that comes or goes takes
//! its whole request out, or all there is.
//!
//! *Time for each*: what lies there in vain lay there for the whole of an epoch after the one it was kept in. The watchman
//! visits for as long as anything is kept.
//!
//! *Somebody always gets it*: with permits going round faster than an overloaded executor polls, whoever is polled first
//! among those that were told takes what is kept for any of them.
//!
//! # Rejected
//! Leaving those that were told in the list, to be struck one by one: each release would walk past all of them. A deadline per
//! waiter: the clock would be read for each. Epochs that end by the clock, at the look of whoever comes by: the clock was
//! read at each contended release, and made that twice as slow.

use crate::watched::{Awaits, Watch, Watched, WatchedLocked};
use filch_primitive::wait_list::{Tag, WaitQueue};
use filch_primitive::{WakeBatch, mutant};

/// Tokens below are not epochs: the primitive's own.
const FIRST_EPOCH: u32 = 16;

/// The state; the protocol is in the [module docs](self).
pub(crate) struct Turns {
    epoch: u32,
    young: usize,
    old: usize,
    in_vain: usize,
}

/// A state that has [`Turns`] in it.
pub(crate) trait Counts: Send + 'static {
    fn turns(&self) -> &Turns;
    fn turns_mut(&mut self) -> &mut Turns;
}

impl Counts for Turns {
    fn turns(&self) -> &Turns {
        self
    }

    fn turns_mut(&mut self) -> &mut Turns {
        self
    }
}

impl<S: Counts> Awaits for S {
    fn is_awaited(&self) -> bool {
        self.turns().kept() > 0
    }

    fn visit(&mut self, _tick: u64) -> bool {
        self.turns_mut().turn();
        self.turns().in_vain > 0
    }
}

impl Turns {
    pub(crate) const fn new() -> Self {
        Self { epoch: FIRST_EPOCH, young: 0, old: 0, in_vain: 0 }
    }

    /// All that is kept.
    pub(crate) fn kept(&self) -> usize {
        self.young.saturating_add(self.old).saturating_add(self.in_vain)
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
        let mut taken = take(own, count);
        taken += take(other, count - taken);
        taken + take(&mut self.in_vain, count - taken)
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

    /// Begins a new epoch.
    fn turn(&mut self) {
        self.epoch = next(self.epoch);
        let vain = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
        self.in_vain = self.in_vain.saturating_add(vain);
    }

    /// Takes back what lies there in vain.
    #[must_use = "what is not kept any more is free"]
    pub(crate) fn recall(&mut self) -> usize {
        std::mem::take(&mut self.in_vain)
    }

    /// As a visit, and the look of one who was asked.
    #[cfg(test)]
    pub(crate) fn turn_by_hand(&mut self) -> usize {
        self.turn();
        self.recall()
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

/// Tells waiters from the head on. `free` has what was kept in vain; `grant` keeps what the head asks for and names its token, or ends it; `settle` is
/// asked under the lock once nobody more can be told.
pub(crate) fn serve<S: Counts>(
    watched: &Watched<S>,
    queue: &WaitQueue<Watch<S>>,
    free: impl FnOnce(usize),
    mut grant: impl FnMut(&mut WatchedLocked<'_, S>, Tag) -> Option<u32>,
    settle: impl FnOnce(&WatchedLocked<'_, S>),
) {
    let mut locked = queue.lock();
    match locked.turns_mut().recall() {
        0 => {}
        in_vain => free(in_vain),
    }
    let mut batch = WakeBatch::new();
    while let Some(head) = locked.front() {
        if !batch.has_room() {
            drop(locked);
            batch.wake_all();
            locked = queue.lock();
            continue;
        }
        let Some(token) = grant(&mut locked, head) else { break };
        if let Some(waker) = locked.notify_front(token) {
            batch.push(waker);
        }
    }
    let entry = watched.mark(&mut locked);
    settle(&locked);
    drop(locked);
    drop(entry);
    batch.wake_all();
}
