//! The wait list under every primitive: who waits, in which order, and who has been told.
//!
//! # What it is for
//! A future that cannot go on puts a [`Waiter`], which lives inside it, into the [`WaitQueue`] of what it waits
//! for. Nothing is allocated; joining, leaving from the middle and notifying the head take constant time. The
//! queue holds the primitive's own state (`S`) under the same [`ByteLock`], so that "look at the state" and
//! "join" are one step.
//!
//! # States
//! | phase | linked | has a waker | meaning |
//! |---|---|---|---|
//! | [`Phase::Idle`] | no | no | not waiting: never joined, left, or struck from the list |
//! | [`Phase::Waiting`] | yes | yes | to be told |
//! | [`Phase::Woken`] | yes | no | told to come and look, keeps its place until it does |
//! | [`Phase::Notified`] | no | no | told, and its turn is over: the token says what was decided |
//!
//! # Protocol
//! Who waits:
//! 1. [`Waiter::poll_wait`] clones the waker if it may need one, then locks the queue.
//! 2. Under the lock the primitive looks at its state and says [`Step::Done`] or [`Step::Wait`].
//! 3. On `Wait` the waiter joins, or stays with the new waker in the place of the old one; the lock is given
//!    back; the replaced waker is dropped after that.
//!
//! Who tells:
//! 1. Locks the queue and changes the state.
//! 2. Takes wakers out with [`Locked::notify_front`] or [`Cursor::wake_in_place`].
//! 3. Gives the lock back, then wakes.
//!
//! Who gives up: the future's drop calls [`Waiter::leave_locked`], which answers the phase it found. `Notified` or
//! `Woken` means that somebody counted on this waiter: the primitive passes the turn on. A waiter that is
//! dropped without that takes itself out of the list all the same.
//!
//! Who was told looks, without the lock ([`Waiter::take_notified`]), or asks under it as before.
//!
//! # Why it is right
//! A node is read and written only under its queue's lock, or by its owner once it was told, which is the last thing that is done to a
//! node that is notified; a waiter keeps a reference to its queue, and every
//! method that takes a [`Locked`] checks that it belongs to that queue. A node is reached from the list only
//! while linked, and [`Waiter`]'s drop unlinks it; pinning promises that its memory is not reused before that
//! drop. A waiter that is leaked stays linked, and its memory stays too.
//!
//! User code (wakers' clone, wake and drop) never runs under the lock: clones are made before, wakers are moved
//! out and used after; what falls off in between rests in the [`Locked`] until its lock is released.
//!
//! # Rejected
//! An allocation per waiter (an event-listener's way): a malloc costs more than the whole wait.

mod list;
#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(filch_loom)))]
mod tests;

pub use list::{Phase, Tag};

use crate::{ByteLock, ByteLockGuard, contained, mutant};
use list::{List, Node};
use std::cell::Cell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A queue of waiters, and the state `S` that the same lock guards.
pub struct WaitQueue<S> {
    guarded: ByteLock<Guarded<S>>,
}

struct Guarded<S> {
    list: List,
    state: S,
}

impl<S> WaitQueue<S> {
    /// An empty queue around `state`.
    #[cfg(not(filch_loom))]
    pub const fn new(state: S) -> Self {
        Self { guarded: ByteLock::new(Guarded { list: List::new(), state }) }
    }

    /// An empty queue around `state`.
    #[cfg(filch_loom)]
    pub fn new(state: S) -> Self {
        Self { guarded: ByteLock::new(Guarded { list: List::new(), state }) }
    }

    /// Locks the queue. No user code may run until the answer is dropped.
    #[inline]
    pub fn lock(&self) -> Locked<'_, S> {
        self.locked(self.guarded.lock())
    }

    /// Locks the queue if nobody else has.
    pub fn try_lock(&self) -> Option<Locked<'_, S>> {
        self.guarded.try_lock().map(|guard| self.locked(guard))
    }

    fn locked<'q>(&'q self, guard: ByteLockGuard<'q, Guarded<S>>) -> Locked<'q, S> {
        Locked { guard, fallen: Fallen(None), queue: self }
    }
}

impl<S> fmt::Debug for WaitQueue<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitQueue").finish_non_exhaustive()
    }
}

/// A locked queue: the way to its state and its waiters.
pub struct Locked<'q, S> {
    // The order matters: fields drop from the top, so the lock is free before a waker is dropped.
    guard: ByteLockGuard<'q, Guarded<S>>,
    fallen: Fallen,
    queue: &'q WaitQueue<S>,
}

/// A waker that lost its place under the lock and is dropped after it.
struct Fallen(Option<Waker>);

impl Drop for Fallen {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            // Contained: whoever unlocks may just have been given something that an unwinding would lose.
            drop_contained(waker);
        }
    }
}

impl<'q, S> Locked<'q, S> {
    /// Whether nobody is in the list.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.guard.list.is_empty()
    }

    /// How many are in the list.
    #[inline]
    pub fn len(&self) -> usize {
        self.guard.list.len()
    }

    /// How many were in the list at most.
    #[inline]
    pub fn peak(&self) -> usize {
        self.guard.list.peak()
    }

    /// What the first in the list waits for.
    #[inline]
    pub fn front(&self) -> Option<Tag> {
        self.guard.list.front().map(|(_, tag)| tag)
    }

    /// The first in the list, by [`Waiter::id`].
    #[inline]
    pub fn front_id(&self) -> Option<usize> {
        self.guard.list.front().map(|(id, _)| id)
    }

    /// Takes the first out of the list and leaves it `token`. The answer is the waker to wake once the lock is
    /// released; none when nobody waits, or when that waiter is awake already.
    #[inline]
    pub fn notify_front(&mut self, token: u32) -> Option<Waker> {
        self.guard.list.notify_front(token)
    }

    /// A walk from the head.
    #[inline]
    pub fn cursor(&mut self) -> Cursor<'_> {
        Cursor { inner: self.guard.list.cursor() }
    }

    /// A walk that stands at the last in the list, and ends there.
    #[inline]
    pub fn cursor_at_back(&mut self) -> Cursor<'_> {
        Cursor { inner: self.guard.list.cursor_at_back() }
    }

    fn let_fall(&mut self, waker: Option<Waker>) {
        if waker.is_some() {
            debug_assert!(self.fallen.0.is_none(), "one section drops one waker");
            if mutant::planted("wait_list.fallen.early") {
                return drop(waker);
            }
            self.fallen.0 = waker;
        }
    }
}

impl<S> Deref for Locked<'_, S> {
    type Target = S;

    #[inline]
    fn deref(&self) -> &S {
        &self.guard.state
    }
}

impl<S> DerefMut for Locked<'_, S> {
    #[inline]
    fn deref_mut(&mut self) -> &mut S {
        &mut self.guard.state
    }
}

impl<S> fmt::Debug for Locked<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locked").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// A walk over a locked list, from its head.
pub struct Cursor<'l> {
    inner: list::Cursor<'l>,
}

impl Cursor<'_> {
    /// Where the walk stands: phase and tag; nothing at the end.
    #[inline]
    pub fn current(&self) -> Option<(Phase, Tag)> {
        self.inner.current()
    }

    /// The waiter here, by [`Waiter::id`].
    #[inline]
    pub fn id(&self) -> Option<usize> {
        self.inner.id()
    }

    /// One step further.
    #[inline]
    pub fn advance(&mut self) {
        self.inner.advance();
    }

    /// Tells the waiter here to come and look, and leaves it in its place with `tag`. The answer is the waker
    /// to wake once the lock is released. Goes one step further.
    #[inline]
    pub fn wake_in_place(&mut self, tag: Tag) -> Option<Waker> {
        self.inner.wake_in_place(tag)
    }

    /// Takes the waiter here, one that was told and did not come, out of the list: it is idle again. Goes one
    /// step further. A waiter that was not told stays where it is.
    #[inline]
    pub fn strike(&mut self) {
        self.inner.strike();
    }
}

impl fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").field("current", &self.current()).finish()
    }
}

/// What a look under the lock decided.
#[derive(Debug)]
pub enum Step<R> {
    /// The wait is over.
    Done(R),
    /// Join, or stay, with this tag.
    Wait {
        /// Where to join when not linked already: before all others instead of behind them.
        front: bool,
        /// What is waited for.
        tag: Tag,
    },
}

/// One place in a [`WaitQueue`], living inside the future that waits.
pub struct Waiter<'q, S> {
    queue: &'q WaitQueue<S>,
    node: Node,
    /// Whether the node may be anything but idle, and was prepared; touched through `Pin<&mut Self>` only.
    joined: Cell<bool>,
}

#[allow(unsafe_code, reason = "auto traits of a type with a node in it")]
mod auto_traits {
    use super::Waiter;

    // SAFETY: the node is touched under the queue's lock only, wherever its owner runs; its waker is `Send`,
    // its tag is plain data. The queue reference may cross threads because `S: Send` makes the queue `Sync`.
    unsafe impl<S: Send> Send for Waiter<'_, S> {}
    // SAFETY: a shared waiter gives out its queue and its address, nothing else: the cell in it is reached
    // through `Pin<&mut Self>` and drop only.
    unsafe impl<S: Send> Sync for Waiter<'_, S> {}
}

impl<'q, S> Waiter<'q, S> {
    /// A waiter that is in no list yet.
    #[inline]
    pub fn new(queue: &'q WaitQueue<S>) -> Self {
        Self { queue, node: Node::new(), joined: Cell::new(false) }
    }

    /// The queue this waiter belongs to.
    #[inline]
    pub fn queue(&self) -> &'q WaitQueue<S> {
        self.queue
    }

    /// Names this waiter while it is pinned; never zero.
    #[inline]
    pub fn id(&self) -> usize {
        self.node.id()
    }

    /// Whether this waiter may be in the list or hold a notification. False is certain and costs no lock.
    #[inline]
    pub fn is_joined(self: Pin<&mut Self>) -> bool {
        self.joined.get()
    }

    /// The phase, and the tag it joined with.
    #[inline]
    pub fn look(self: Pin<&mut Self>, locked: &Locked<'_, S>) -> (Phase, Tag) {
        self.check(locked);
        if !self.joined.get() {
            return (Phase::Idle, Tag::NONE);
        }
        locked.guard.list.look(&self.node)
    }

    /// The token, if this waiter was notified; it is idle afterwards. Takes no lock: for polls that have nothing else to look at.
    #[inline]
    pub fn take_notified(self: Pin<&mut Self>) -> Option<u32> {
        if !self.joined.get() {
            return None;
        }
        let token = self.node.take_notified()?;
        self.joined.set(false);
        Some(token)
    }

    /// Asks `look` under the lock until it is done, or waits: see the module's protocol. The lock may be given
    /// up and `look` asked again when a waker has to be cloned.
    pub fn poll_wait<R>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut look: impl FnMut(Pin<&mut Self>, &mut Locked<'q, S>) -> Step<R>,
    ) -> Poll<R> {
        // One that waits already most likely has the right waker; a new one certainly needs one.
        let mut spare = (!self.joined.get()).then(|| SpareWaker(Some(cx.waker().clone())));
        loop {
            let mut locked = self.queue.lock();
            match look(self.as_mut(), &mut locked) {
                Step::Done(result) => return Poll::Ready(result),
                Step::Wait { front, tag } => {
                    if self.as_mut().stay(&mut locked, cx.waker(), tag) {
                        return Poll::Pending;
                    }
                    if let Some(waker) = spare.as_mut().and_then(|spare| spare.0.take()) {
                        self.as_mut().join(&mut locked, waker, front, tag);
                        return Poll::Pending;
                    }
                }
            }
            drop(locked);
            spare = Some(SpareWaker(Some(cx.waker().clone())));
        }
    }

    /// Puts this waiter into the list, or, when it is there already, gives it a new waker.
    pub fn join(self: Pin<&mut Self>, locked: &mut Locked<'_, S>, waker: Waker, front: bool, tag: Tag) {
        self.check(locked);
        if !self.joined.replace(true) {
            locked.guard.list.prepare(&self.node);
        }
        let replaced = locked.guard.list.join(&self.node, waker, front, tag);
        locked.let_fall(replaced);
    }

    /// Whether this waiter waits with `waker` already; if so it gets the new `tag`.
    pub fn stay(self: Pin<&mut Self>, locked: &mut Locked<'_, S>, waker: &Waker, tag: Tag) -> bool {
        self.check(locked);
        self.joined.get() && locked.guard.list.stay(&self.node, waker, tag)
    }

    /// Takes this waiter out of the list; it is idle afterwards. The answer is the phase it was in.
    pub fn leave_locked(self: Pin<&mut Self>, locked: &mut Locked<'_, S>) -> Phase {
        self.check(locked);
        if !self.joined.replace(false) {
            return Phase::Idle;
        }
        let (phase, waker) = locked.guard.list.leave(&self.node);
        locked.let_fall(waker);
        phase
    }

    fn check(&self, locked: &Locked<'_, S>) {
        assert!(std::ptr::eq(self.queue, locked.queue), "a waiter belongs to one queue");
    }
}

impl<S> Waiter<'_, S> {
    #[cold]
    fn leave_unasked(&mut self) {
        let mut locked = self.queue.lock();
        let (_, waker) = locked.guard.list.leave(&self.node);
        locked.let_fall(waker);
    }
}

impl<S> Drop for Waiter<'_, S> {
    #[inline]
    fn drop(&mut self) {
        if self.joined.get() {
            self.leave_unasked();
        }
    }
}

impl<S> fmt::Debug for Waiter<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").finish_non_exhaustive()
    }
}

/// A clone that turned out not to be needed; its drop is contained.
struct SpareWaker(Option<Waker>);

impl Drop for SpareWaker {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            drop_contained(waker);
        }
    }
}

/// Drops a waker, and contains a panic of its destructor, for the places where an unwinding would lose a turn
/// that was just given.
pub fn drop_contained(waker: Waker) {
    contained(|| drop(waker));
}
