//! One direction of a descriptor: its readiness and who waits for it.
//!
//! Two kinds of waiters, all of them woken by an event:
//! - *Keyed*: a future that can say goodbye ([`Readable`](crate::Readable), `read_with`). Its waker has a key of its
//!   own and is taken out when the future is dropped.
//! - *Shared*: a `poll_*` call, which has no identity. Its waker stays until the next event. One place is kept in the
//!   list itself, for the usual single task. Further tasks get places beside it, so that several tasks may poll
//!   one direction without driving each other out. Places nobody needs any more (a task that went elsewhere) are
//!   bounded: beyond [`SHARED_MAX`] the others are woken, and come back if they still care.
//!
//! Wakers are user code. They are cloned before the lock is taken, and woken or dropped after it is released.

use crate::readiness::{Readiness, Snapshot};
use filch_primitive::{ByteLock, mutant, wake_contained};
use slab::Slab;
use std::task::Waker;

/// Shared waiters kept beside the first one. More tasks than any sane program polls one stream with; a guess that only
/// bounds what forgotten wakers can cost.
const SHARED_MAX: usize = 32;

/// Readiness and waiters of one direction.
#[derive(Debug)]
pub(crate) struct Direction {
    readiness: Readiness,
    waiters: ByteLock<Waiters>,
}

#[derive(Debug, Default)]
struct Waiters {
    shared: Option<Waker>,
    others: Option<Box<Others>>,
}

#[derive(Debug, Default)]
struct Others {
    shared: Vec<Waker>,
    /// A woken future's place stays its own, empty, until it is dropped or waits again.
    keyed: Slab<Option<Waker>>,
}

/// Wakers that left the list, to be dealt with once the lock is released.
#[derive(Default)]
struct Displaced {
    drop: Option<Waker>,
    wake: Vec<Waker>,
}

impl Displaced {
    fn settle(self) {
        self.wake.into_iter().for_each(wake_contained);
        drop(self.drop);
    }
}

impl Direction {
    pub(crate) fn new(readiness: Readiness) -> Self {
        Self { readiness, waiters: ByteLock::new(Waiters::default()) }
    }

    /// The readiness word.
    #[inline]
    pub(crate) fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Adds a shared waiter. The answer is the word before: if it is ready, there is nothing to wait for (the waker
    /// stays and may be woken once for nothing).
    pub(crate) fn wait_shared(&self, waker: Waker) -> Snapshot {
        let mut displaced = Displaced::default();
        let seen = {
            let mut waiters = self.waiters.lock();
            waiters.put_shared(waker, &mut displaced);
            self.readiness.announce()
        };
        displaced.settle();
        seen
    }

    /// Adds a keyed waiter, or renews its waker. The answer is the word before, as in
    /// [`wait_shared`](Self::wait_shared).
    pub(crate) fn wait_keyed(&self, key: &mut Option<usize>, waker: Waker) -> Snapshot {
        let replaced;
        let seen = {
            let mut waiters = self.waiters.lock();
            let keyed = &mut waiters.others.get_or_insert_default().keyed;
            replaced = match *key {
                Some(key) => keyed[key].replace(waker),
                None => {
                    *key = Some(keyed.insert(Some(waker)));
                    None
                }
            };
            self.readiness.announce()
        };
        drop(replaced);
        seen
    }

    /// Gives a keyed waiter's place up.
    pub(crate) fn forget(&self, key: usize) {
        let removed = {
            let mut waiters = self.waiters.lock();
            waiters.others.as_mut().and_then(|others| others.keyed.try_remove(key))
        };
        drop(removed);
    }

    /// Records an event and moves the wakers it owes a wake into `woken`.
    #[inline]
    pub(crate) fn event(&self, closed: bool, woken: &mut Vec<Waker>) {
        let early = mutant::planted("reactor.event.early").then(|| self.readiness.load());
        let before = self.readiness.event(closed);
        if early.unwrap_or(before).has_waiters() {
            self.take_wakers(woken);
        }
    }

    fn take_wakers(&self, woken: &mut Vec<Waker>) {
        let mut waiters = self.waiters.lock();
        woken.extend(waiters.shared.take());
        if let Some(others) = &mut waiters.others {
            woken.append(&mut others.shared);
            woken.extend(others.keyed.iter_mut().filter_map(|(_, waker)| waker.take()));
        }
        self.readiness.renounce();
    }

    /// Wakers that wait now.
    pub(crate) fn waiting(&self) -> usize {
        let waiters = self.waiters.lock();
        let others = waiters.others.as_ref().map_or(0, |others| {
            others.shared.len() + others.keyed.iter().filter(|(_, waker)| waker.is_some()).count()
        });
        usize::from(waiters.shared.is_some()) + others
    }
}

impl Waiters {
    fn put_shared(&mut self, waker: Waker, displaced: &mut Displaced) {
        match &self.shared {
            None => self.shared = Some(waker),
            Some(present) if present.will_wake(&waker) => displaced.drop = Some(waker),
            Some(_) => {
                let others = &mut self.others.get_or_insert_default().shared;
                if others.iter().any(|present| present.will_wake(&waker)) {
                    displaced.drop = Some(waker);
                    return;
                }
                if others.len() == SHARED_MAX {
                    displaced.wake = std::mem::take(others);
                }
                others.push(waker);
            }
        }
    }
}
