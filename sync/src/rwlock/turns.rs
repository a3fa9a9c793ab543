//! Whose turn it is: what may be held together, what is promised to whom, and who watches over a promise.
//!
//! Plain state, all of it under the queue's lock.

use crate::lock::grace::{GRACE_US, WATCHER_LOST_US};
use filch_primitive::wait_list::{Locked, Phase, Tag};
use std::task::Waker;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// To read.
    Read,
    /// To read, with the right to ask for more.
    Upgradable,
    /// To write.
    Write,
    /// To write, for the one that holds the upgradable right.
    Upgrade,
}

impl Kind {
    /// What one that waits for this says of itself.
    pub(super) fn tag(self) -> Tag {
        let since = match self {
            Self::Read => 0,
            Self::Upgradable => 1,
            Self::Write => 2,
            Self::Upgrade => 3,
        };
        Tag { since, ..Tag::NONE }
    }

    /// What one that waits has said of itself.
    pub(super) fn of(tag: Tag) -> Self {
        match tag.since {
            0 => Self::Read,
            1 => Self::Upgradable,
            2 => Self::Write,
            _ => Self::Upgrade,
        }
    }

    /// Whether it goes with what the others have.
    pub(super) fn fits(self, others: Holds) -> bool {
        match self {
            Self::Read => !others.writer,
            Self::Upgradable => !others.writer && !others.upgradable,
            Self::Write => !others.writer && !others.upgradable && others.readers == 0,
            // The upgradable right is its own.
            Self::Upgrade => !others.writer && others.readers == 0,
        }
    }
}

/// What some have, or are promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holds {
    pub(super) readers: usize,
    pub(super) upgradable: bool,
    pub(super) writer: bool,
}

impl Holds {
    pub(super) const NOTHING: Self = Self { readers: 0, upgradable: false, writer: false };

    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            readers: self.readers + other.readers,
            upgradable: self.upgradable || other.upgradable,
            writer: self.writer || other.writer,
        }
    }

    fn add(&mut self, kind: Kind) {
        match kind {
            Kind::Read => self.readers += 1,
            Kind::Upgradable => self.upgradable = true,
            Kind::Write | Kind::Upgrade => self.writer = true,
        }
    }

    fn remove(&mut self, kind: Kind) {
        match kind {
            Kind::Read => self.readers -= 1,
            Kind::Upgradable => self.upgradable = false,
            Kind::Write | Kind::Upgrade => self.writer = false,
        }
    }
}

/// What the queue's lock guards, beside the list. Waiters go by their id, 0 is none.
pub(super) struct Turns {
    /// What was promised to waiters that have not come yet.
    pub(super) promised: Holds,
    /// When the last promise was made.
    promised_us: u64,
    /// Goes on whenever promises are taken back: one of an earlier epoch is void.
    epoch: u64,
    /// The waiter that will look when somebody does not come.
    watcher: usize,
    /// Its waker, to be rung a grace after a promise; away while it rings.
    bell: Option<Waker>,
    /// When the watcher was appointed, or its bell last taken.
    asked_us: u64,
}

/// Who is to be called once the queue's lock is released.
#[derive(Default)]
pub(super) struct Calls {
    /// To be woken a grace later.
    pub(super) bell: Option<Waker>,
    /// To be woken now.
    pub(super) watcher: Option<Waker>,
}

/// What one that has to wait owes to the others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    /// Nothing.
    None,
    /// It watches, and leaves its bell.
    LeaveBell,
    /// It watches, while somebody is awaited: it looks again soon.
    LookAgain,
    /// Somebody has not come: what was promised is taken back. If it watches it leaves its bell before.
    TakeBack {
        /// Whether it watches.
        watches: bool,
    },
}

impl Turns {
    pub(super) const NEW: Self = Self {
        promised: Holds::NOTHING,
        promised_us: 0,
        // Not zero: that is what one that waits says of itself before anything was promised to it.
        epoch: 1,
        watcher: 0,
        bell: None,
        asked_us: 0,
    };

    /// Whether somebody has not come for a whole grace.
    pub(super) fn is_overdue(&self, now_us: u64) -> bool {
        self.is_promised() && now_us.saturating_sub(self.promised_us) > GRACE_US
    }

    pub(super) fn is_promised(&self) -> bool {
        self.promised != Holds::NOTHING
    }

    /// Takes all promises back where somebody has not come in time.
    pub(super) fn take_back_overdue(&mut self, now_us: u64) {
        if self.is_overdue(now_us) {
            self.promised = Holds::NOTHING;
            self.epoch += 1;
        }
    }

    /// Whether the promise that a waiter was notified with stands. If it does it is redeemed: this may be asked once.
    pub(super) fn redeem(&mut self, phase: Phase, tag: Tag) -> bool {
        let stands = matches!(phase, Phase::Notified(_)) && tag.number == self.epoch;
        if stands {
            self.promised.remove(Kind::of(tag));
        }
        stands
    }

    /// Where `id` is the watcher there is none from now on. The answer is its bell, to be dropped once the lock is released.
    pub(super) fn resign(&mut self, id: usize) -> Option<Waker> {
        if self.watcher != id {
            return None;
        }
        self.watcher = 0;
        self.bell.take()
    }

    /// `id` is going to wait, `alone` or not: what does it owe?
    pub(super) fn duty(&mut self, id: usize, alone: bool, waker: &Waker, now_us: u64) -> Duty {
        let lost = self.bell.is_none() && now_us.saturating_sub(self.asked_us) > WATCHER_LOST_US;
        if (self.watcher == 0 && !alone) || (lost && self.is_promised()) {
            (self.watcher, self.asked_us) = (id, now_us);
        }
        let watches = self.watcher == id;
        if self.is_overdue(now_us) {
            Duty::TakeBack { watches }
        } else if !watches || self.bell.as_ref().is_some_and(|bell| bell.will_wake(waker)) {
            Duty::None
        } else if self.is_promised() {
            self.asked_us = now_us;
            Duty::LookAgain
        } else {
            Duty::LeaveBell
        }
    }

    /// Keeps the bell of the watcher `id`, to be rung at the next promise. One that is not kept is given back, with whether it must
    /// ring at once: somebody is awaited already.
    pub(super) fn keep_bell(&mut self, id: usize, bell: Waker, now_us: u64) -> (Option<Waker>, bool) {
        if self.watcher != id {
            return (Some(bell), false);
        }
        if self.is_promised() && !self.is_overdue(now_us) {
            self.asked_us = now_us;
            return (Some(bell), true);
        }
        (self.bell.replace(bell), false)
    }
}

/// Promises the first waiter, which is of this kind, what it waits for. The answer is its waker, and a bell to be dropped: one
/// whose turn has come watches no more.
pub(super) fn promise_front(
    locked: &mut Locked<'_, Turns>,
    kind: Kind,
    now_us: u64,
) -> (Option<Waker>, Option<Waker>) {
    let bell = locked.front_id().and_then(|id| locked.resign(id));
    locked.promised.add(kind);
    locked.promised_us = now_us;
    // First the tag, which says when the promise was made, then out of the list.
    let tag = Tag { number: locked.epoch, ..kind.tag() };
    let waker = locked.cursor().wake_in_place(tag);
    locked.notify_front(0);
    (waker, bell)
}

/// Sees to it that one of those who wait will look when somebody who was promised the lock does not come.
pub(super) fn appoint_watcher(locked: &mut Locked<'_, Turns>, now_us: u64) -> Calls {
    let mut calls = Calls::default();
    if !locked.is_promised() || locked.is_empty() {
        return calls;
    }
    let asked_for_us = now_us.saturating_sub(locked.asked_us);
    let mut asks_last = locked.watcher == 0;
    if !asks_last {
        calls.bell = locked.bell.take();
        if calls.bell.is_some() {
            locked.asked_us = now_us;
            // It may not come: two futures of one task are often abandoned together.
            asks_last = asked_for_us > GRACE_US;
        } else if asked_for_us > WATCHER_LOST_US {
            locked.watcher = 0;
            asks_last = true;
        }
    }
    if asks_last {
        // The last one will be there for longest.
        let watcher = locked.watcher;
        let mut cursor = locked.cursor_at_back();
        let id = cursor.id().unwrap_or(0);
        match cursor.current() {
            _ if id == watcher => {}
            Some((Phase::Waiting, tag)) => {
                calls.watcher = cursor.wake_in_place(tag);
                (locked.watcher, locked.asked_us) = (id, now_us);
            }
            _ if watcher == 0 => (locked.watcher, locked.asked_us) = (id, now_us),
            _ => {}
        }
    }
    calls
}
