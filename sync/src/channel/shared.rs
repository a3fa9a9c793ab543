//! What both ends share: one lock, and under it the queue and two lines of waiters.
//!
//! # Protocol
//! Send: lock; closed means refused; if there is room, move the value in, tell a receiver, unlock, wake it; else join the senders' line.
//! Receive: lock; if there is a value, move it out, tell a sender, unlock, wake it; closed means that none will come; else join the
//! receivers' line. Close: lock, set the mark, unlock, tell everybody. See [`line`](super::line) for telling and waiting,
//! [`hand`] for the channel without room.
//!
//! Wakers are cloned, woken and dropped, blocks made and freed, and values dropped without the lock. A first poll that seems bound
//! to wait clones its waker before it locks; one that turns out to have to wait unlocks, clones and tries again.
//!
//! # Why it is right
//! All that changes the channel is one step under the lock, so a send is entirely before a close or refused, and an order of the
//! lock's holders is an order of sends and receives. [`Shared::len`] is written under the lock and read without: a figure to look at,
//! and a hint. One that is not zero is a promise to the only receiver, though: to have read it puts that send's turn at the lock before
//! the receiver's own next one.

#![allow(unsafe_code, reason = "a queue that a lock beside it guards")]

use super::blocks::{Block, Queue};
use super::hand::{self, Slot, TAKEN};
use super::line::{LineWaiter, Lines, LockedLines, RECEIVERS, SENDERS, Telling, tell};
use super::parcel::Parcel;
use filch_primitive::cell::UnsafeCell;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::wait_list::{Phase, Tag, drop_contained};
use filch_primitive::{discard, mutant};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Why a value was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Full,
    Closed,
}

/// Why there was no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nothing {
    Empty,
    Closed,
}

/// The middle of a channel.
pub(super) struct Shared<T> {
    pub(super) lines: Lines,
    /// Guarded by the lock of the lines.
    queue: UnsafeCell<Queue<T>>,
    len: AtomicUsize,
    /// Values at most; zero from hand to hand, the largest number without a bound.
    limit: usize,
    pub(super) senders: AtomicUsize,
    pub(super) receivers: AtomicUsize,
}

// SAFETY: of what is in here only the queue is not `Sync` by itself. It is reached under the lock, by one thread at a time, which is
// what `T: Send` allows.
unsafe impl<T: Send> Sync for Shared<T> {}

/// A channel, locked.
struct Open<'a, T> {
    shared: &'a Shared<T>,
    locked: LockedLines<'a>,
}

/// What to do once the lock is free.
struct After<T> {
    told: Telling,
    freed: Option<Box<Block<T>>>,
}

impl<T> After<T> {
    const NOTHING: Self = Self { told: Telling::NONE, freed: None };
}

impl<'a, T> Open<'a, T> {
    #[inline]
    fn queue<R>(&mut self, f: impl FnOnce(&mut Queue<T>) -> R) -> R {
        self.shared.queue.with_mut(|queue| {
            // SAFETY: the lock is held, and borrowed mutably: this is the only reference. What `f` does is in this file.
            let queue = unsafe { &mut *queue };
            let result = f(queue);
            // Ordering: Relaxed, writers are in order by the lock; readers see the module docs.
            self.shared.len.store(queue.len(), Ordering::Relaxed);
            result
        })
    }

    /// Moves the value in, and tells a receiver. No answer means that it takes a fresh block.
    #[inline]
    fn push(
        &mut self,
        from: &mut Parcel<T>,
        fresh: &mut Option<Box<Block<T>>>,
    ) -> Option<Result<After<T>, Refused>> {
        if *self.locked {
            return Some(Err(Refused::Closed));
        }
        let limit = self.shared.limit;
        let pushed = self.queue(|queue| {
            if queue.len() >= limit {
                return Some(false);
            }
            queue.make_room(fresh).then(|| {
                queue.push(from);
                true
            })
        })?;
        if !pushed {
            return Some(Err(Refused::Full));
        }
        Some(Ok(After { told: tell(&mut self.locked, RECEIVERS), freed: None }))
    }

    /// Moves the first value out, and tells a sender.
    #[inline]
    fn pop(&mut self, to: &mut Parcel<T>) -> Result<After<T>, Nothing> {
        if let Some(freed) = self.queue(|queue| (queue.len() > 0).then(|| queue.pop(to))) {
            return Ok(After { told: tell(&mut self.locked, SENDERS), freed });
        }
        if *self.locked {
            return Err(Nothing::Closed);
        }
        if self.shared.limit > 0 {
            return Err(Nothing::Empty);
        }
        // SAFETY: this channel's senders all send `T`, and where there is no room they join by `poll_hand`.
        let taken = unsafe { hand::take(&mut self.locked, to) };
        taken.map(|told| After { told, freed: None }).ok_or(Nothing::Empty)
    }

    #[inline]
    fn unlock(self, after: After<T>) {
        drop(self.locked);
        after.told.pass_on(&self.shared.lines);
        drop(after.freed);
    }
}

impl<T> Shared<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            lines: Lines::new(),
            queue: UnsafeCell::new(Queue::new()),
            len: AtomicUsize::new(0),
            limit,
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
        }
    }

    #[inline]
    fn lock(&self) -> Open<'_, T> {
        Open { shared: self, locked: self.lines.lock() }
    }

    /// Takes a value in, and tells a receiver. One that is refused stays where it is.
    pub(super) fn push(&self, from: &mut Parcel<T>) -> Result<(), Refused> {
        let mut fresh = None;
        loop {
            let mut open = self.lock();
            let Some(pushed) = open.push(from, &mut fresh) else {
                drop(open);
                fresh = Some(Block::new());
                continue;
            };
            return pushed.map(|after| open.unlock(after));
        }
    }

    /// Gives a value out, and tells a sender.
    pub(super) fn pop(&self, to: &mut Parcel<T>) -> Result<(), Nothing> {
        let mut open = self.lock();
        open.pop(to).map(|after| open.unlock(after))
    }

    /// Sends what lies in `slot`, or waits for room. True when it was sent, false when the channel is closed and the value still
    /// there.
    ///
    /// # Safety
    /// `slot` and `waiter` lie in the same pinned future, and the waiter is used with this channel's methods for senders only.
    #[inline]
    pub(super) unsafe fn poll_send(
        &self,
        cx: &mut Context<'_>,
        mut waiter: Pin<&mut LineWaiter<'_>>,
        mut slot: Pin<&mut Slot<T>>,
    ) -> Poll<bool> {
        if self.limit == 0 {
            // SAFETY: the caller's promise.
            return unsafe { self.poll_hand(cx, waiter, slot) };
        }
        let mut fresh = None;
        // Ordering: Relaxed, a hint.
        let is_full = self.len.load(Ordering::Relaxed) >= self.limit;
        let mut spare = Spare::new(is_full && !waiter.as_mut().is_joined(), cx);
        loop {
            let mut open = self.lock();
            // SAFETY: where there is room waiters join without naming the slot: it is never reachable through them.
            let pushed = unsafe { slot.as_mut().own(|parcel| open.push(parcel, &mut fresh)) };
            match pushed {
                Some(Ok(after)) => {
                    waiter.be_done(&mut open.locked);
                    open.unlock(after);
                    return Poll::Ready(true);
                }
                Some(Err(Refused::Closed)) => {
                    waiter.be_done(&mut open.locked);
                    return Poll::Ready(false);
                }
                Some(Err(Refused::Full)) => {
                    if mutant::planted("channel.join.apart") {
                        drop(open);
                        open = self.lock();
                    }
                    if waiter.as_mut().wait(&mut open.locked, cx.waker(), &mut spare.0, Tag::NONE) {
                        return Poll::Pending;
                    }
                    drop(open);
                    spare = Spare::new(true, cx);
                }
                None => {
                    drop(open);
                    fresh = Some(Block::new());
                }
            }
        }
    }

    /// Offers what lies in `slot` to the receivers. True when it was taken, false when the channel is closed.
    ///
    /// # Safety
    /// As for [`poll_send`](Self::poll_send).
    unsafe fn poll_hand(
        &self,
        cx: &mut Context<'_>,
        mut waiter: Pin<&mut LineWaiter<'_>>,
        slot: Pin<&mut Slot<T>>,
    ) -> Poll<bool> {
        let mut spare = Spare::new(!waiter.as_mut().is_joined(), cx);
        loop {
            let mut open = self.lock();
            let phase = waiter.as_mut().phase(&open.locked);
            if phase == Phase::Notified(TAKEN) || *open.locked {
                waiter.be_done(&mut open.locked);
                return Poll::Ready(phase == Phase::Notified(TAKEN));
            }
            if waiter.as_mut().wait(&mut open.locked, cx.waker(), &mut spare.0, slot.tag()) {
                let mut after = After::NOTHING;
                if phase == Phase::Idle {
                    after.told = tell(&mut open.locked, RECEIVERS);
                }
                open.unlock(after);
                return Poll::Pending;
            }
            drop(open);
            spare = Spare::new(true, cx);
        }
    }

    /// Receives into `to`, or waits for a value. True when there was one, false when none will come.
    #[inline]
    pub(super) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        mut waiter: Pin<&mut LineWaiter<'_>>,
        to: &mut Parcel<T>,
    ) -> Poll<bool> {
        // Ordering: Relaxed, a hint.
        let is_empty = self.len.load(Ordering::Relaxed) == 0;
        let mut spare = Spare::new(is_empty && !waiter.as_mut().is_joined(), cx);
        loop {
            let mut open = self.lock();
            match open.pop(to) {
                Ok(after) => {
                    waiter.be_done(&mut open.locked);
                    open.unlock(after);
                    return Poll::Ready(true);
                }
                Err(Nothing::Closed) => {
                    waiter.be_done(&mut open.locked);
                    return Poll::Ready(false);
                }
                Err(Nothing::Empty) => {
                    if mutant::planted("channel.join.apart") {
                        drop(open);
                        open = self.lock();
                    }
                    if waiter.as_mut().wait(&mut open.locked, cx.waker(), &mut spare.0, Tag::NONE) {
                        return Poll::Pending;
                    }
                    drop(open);
                    spare = Spare::new(true, cx);
                }
            }
        }
    }

    /// Closes, and tells everybody.
    pub(super) fn close(&self) {
        let was_closed = std::mem::replace(&mut *self.lines.lock(), true);
        if !was_closed {
            self.lines.tell_all();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        *self.lines.lock()
    }

    pub(super) fn len(&self) -> usize {
        // Ordering: Relaxed, see the module docs.
        self.len.load(Ordering::Relaxed)
    }

    pub(super) fn capacity(&self) -> Option<usize> {
        (self.limit < usize::MAX).then_some(self.limit)
    }

    /// Drops what is left, every value even if the drop of some panics; the first such panic goes on at the end.
    pub(super) fn discard(&self) {
        let mut panicked = None;
        loop {
            let mut value = Parcel::empty();
            let mut open = self.lock();
            let Some(freed) = open.queue(|queue| (queue.len() > 0).then(|| queue.pop(&mut value))) else {
                break;
            };
            drop(open);
            drop(freed);
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| value.clear())) {
                match panicked {
                    None => panicked = Some(payload),
                    Some(_) => discard(payload),
                }
            }
        }
        if let Some(payload) = panicked {
            if std::thread::panicking() {
                discard(payload);
            } else {
                resume_unwind(payload);
            }
        }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // The last receiver has done so already; this is for the queue, whose own drop forgets values.
        self.discard();
    }
}

/// A waker cloned in case it is needed.
struct Spare(Option<Waker>);

impl Spare {
    #[inline]
    fn new(is_needed: bool, cx: &Context<'_>) -> Self {
        Self(is_needed.then(|| cx.waker().clone()))
    }
}

impl Drop for Spare {
    #[inline]
    fn drop(&mut self) {
        // Contained: whoever polls may just have been given something that an unwinding would lose.
        if let Some(waker) = self.0.take() {
            drop_contained(waker);
        }
    }
}

/// One more end.
pub(super) fn count_up(ends: &AtomicUsize) {
    // Ordering: Relaxed, whoever clones an end holds one, so the count is not about to reach zero.
    let before = ends.fetch_add(1, Ordering::Relaxed);
    if before > usize::MAX / 2 {
        // Only leaking ends in a loop gets here, and going on would close a channel that is in use.
        std::process::abort();
    }
}

/// One end less; true for the last.
pub(super) fn count_down(ends: &AtomicUsize) -> bool {
    // Ordering: AcqRel: the last one closes after all that the others did.
    ends.fetch_sub(1, Ordering::AcqRel) == 1
}

/// A figure to look at.
pub(super) fn count_of(ends: &AtomicUsize) -> usize {
    // Ordering: Relaxed, nothing is concluded from it.
    ends.load(Ordering::Relaxed)
}
