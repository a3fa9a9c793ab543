//! Whose turn it is: what may be held together, and what is promised to whom.
//!
//! Plain state, all of it under the queue's lock.

use crate::watched::{Awaits, WatchedLocked, is_overdue};
use filch_primitive::wait_list::{Phase, Tag};
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

/// What the queue's lock guards, beside the list.
pub(super) struct Turns {
    /// What was promised to waiters that have not come yet.
    pub(super) promised: Holds,
    /// The tick at which the last promise was made.
    promised_at: u64,
    /// Goes on whenever promises are taken back: one of an earlier epoch is void.
    epoch: u64,
}

pub(super) type TurnsLocked<'q> = WatchedLocked<'q, Turns>;

impl Awaits for Turns {
    fn is_awaited(&self) -> bool {
        self.is_promised()
    }

    fn visit(&mut self, tick: u64) -> bool {
        self.is_overdue(tick)
    }
}

impl Turns {
    pub(super) const NEW: Self = Self {
        promised: Holds::NOTHING,
        promised_at: 0,
        // Not zero: that is what one that waits says of itself before anything was promised to it.
        epoch: 1,
    };

    /// Whether somebody has not come in time.
    pub(super) fn is_overdue(&self, tick: u64) -> bool {
        self.is_promised() && is_overdue(self.promised_at, tick)
    }

    pub(super) fn is_promised(&self) -> bool {
        self.promised != Holds::NOTHING
    }

    /// Takes all promises back where somebody has not come in time.
    pub(super) fn take_back_overdue(&mut self, tick: u64) {
        if self.is_overdue(tick) {
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
}

/// Promises the first waiter, which is of this kind, what it waits for. The answer is its waker.
pub(super) fn promise_front(locked: &mut TurnsLocked<'_>, kind: Kind) -> Option<Waker> {
    locked.promised.add(kind);
    locked.promised_at = locked.tick();
    // First the tag, which says when the promise was made, then out of the list.
    let tag = Tag { number: locked.epoch, ..kind.tag() };
    let waker = locked.cursor().wake_in_place(tag);
    locked.notify_front(0);
    waker
}
