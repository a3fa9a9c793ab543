//! A line of waiters beside a queue that has its own synchronisation.
//!
//! # Protocol
//! Who publishes (a value, or a free place): 1. publishes, by a `SeqCst` exchange or under a lock. 2. Looks, `SeqCst`, at
//! [`Line::waiting`]; if it is not zero, takes the first out of the line and wakes it.
//!
//! Who waits: 1. tries. 2. Joins the line, storing its length to `waiting`. 3. `fence(SeqCst)`. 4. Tries again: by reading what the
//! exchange wrote, or under that lock.
//!
//! Who leaves, told and not having used it: tells the next. Who waited, found something and sees that there is more: tells the next.
//!
//! Who publishes several at once tells as many, with one look and one lock.
//!
//! # Why no wake-up is lost
//! *By an exchange*: say the publisher sees nobody. Then its look reads what was there before the waiter's store, and so comes
//! before the fence behind that store, in the one order of all `SeqCst` operations. So does its exchange, and the second try, which
//! stands behind the fence, sees it. (A try that sees a place claimed whose value is not written yet, or not read yet, waits for
//! that; see [`array`](super::array).)
//!
//! *Under a lock*: the try of a waiter that is not seen was not before the publisher's turn at the lock, or its store would be seen.
//! So it comes after, and sees what was published.
//!
//! A fence between publishing and looking would do for both, and cost each message twice eight nanoseconds here. The model checker
//! takes `SeqCst` loads and stores for less than they are: for its sake there is one, behind the exchanges
//! ([`announced`]), and none where the lock serves.
//!
//! Each publication takes one waiter out of the line, or finds it empty. One that was told and finds nothing, because another was
//! faster, goes back to the front; that other one took what it was told of. One that took something while it was told of something
//! else passes the telling on.
//!
//! One that was told may not be polled for long, and what it was told of lies there beside others that sleep. The next that is told
//! takes it, and what was meant for that one is more: so the one behind is told, and so on, until nothing lies there or nobody
//! waits. If nobody else is told, the watchman asks one of them ([`watched`](crate::watched)): who tells one while others sleep notes that, and
//! who was told, or waits, strikes it out before it looks; who found something in the line without having been told, before it looks
//! whether there is more. Who takes without having waited tells nobody, and pays nothing for this.
//!
//! # Those that stand
//! A stream keeps its place in the line between two polls: nobody says that a `next()` was given up, and the stream may be left
//! alone for as long as it likes. Such a waiter [stands](LineWaiter::standing). It is told like others, but who tells it goes on to the
//! next, up to one that leaves the line when it is given up: so a publication never ends with one that does not come. Where
//! several stand, all of them are told; those that find nothing go to the back, which keeps the walk of the one who tells finite.

use crate::watched::{Awaits, Entry, Told, Watch, Watched, WatchedLocked, WatchedWaiter, waiter_in};
use filch_primitive::sync::atomic::{AtomicUsize, Ordering, fence};
use filch_primitive::wait_list::{Phase, Tag, WaitQueue, Waiter};
use filch_primitive::{WakeBatch, mutant, wake_contained};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Stands between a `SeqCst` exchange that publishes and the look at who waits. Nothing to do; the model checker needs to be told.
#[inline]
pub(super) fn announced() {
    #[cfg(filch_loom)]
    if !mutant::planted("channel.tell.fence") {
        filch_primitive::sync::atomic::fence(Ordering::SeqCst);
    }
}

/// The token of one that was told to try.
pub(super) const TOLD: u32 = 0;

/// The tag of one that stands.
const STANDING: Tag = Tag { number: 1, ..Tag::NONE };

/// Who waits for something to be published.
pub(super) struct Line {
    /// The length of the list, written under its lock, for publishers to look at.
    waiting: AtomicUsize,
    queue: Watched<State>,
}

/// What the line's lock guards beside the list.
pub(super) struct State {
    /// Whether it is closed, for [`hand`](super::hand) alone.
    pub(super) closed: bool,
    told: Told,
}

impl State {
    const NEW: Self = Self { closed: false, told: Told::NOBODY };
}

impl Awaits for State {
    fn is_awaited(&self) -> bool {
        self.told.is_awaited()
    }

    fn visit(&mut self, tick: u64) -> bool {
        self.told.visit(tick)
    }
}

pub(super) type LineLocked<'q> = WatchedLocked<'q, State>;

impl Line {
    pub(super) fn new() -> Self {
        #[cfg(not(filch_loom))]
        let queue = Watched::new();
        #[cfg(filch_loom)]
        let queue = Watched::made(State::NEW);
        Self { waiting: AtomicUsize::new(0), queue }
    }

    /// A visit, if the watchman has an entry.
    #[cfg(all(test, filch_loom))]
    pub(crate) fn visit_by_hand(&self) {
        self.queue.visit_by_hand();
    }

    /// The waiters.
    #[inline]
    pub(super) fn queue(&self) -> &WaitQueue<Watch<State>> {
        self.queue.queue_or(|| State::NEW)
    }

    /// Those that are told may not come: if others sleep, the watchman is to see to it.
    #[inline]
    fn note(&self, locked: &mut LineLocked<'_>) -> Option<Entry<'_, State>> {
        if locked.is_empty() || mutant::planted("channel.note.forgets") {
            return None;
        }
        let tick = locked.tick();
        locked.told.note(tick);
        self.queue.mark(locked)
    }

    /// Something was published: tells one waiter.
    #[inline]
    pub(super) fn tell_one(&self) {
        // Ordering: SeqCst, see the module docs: behind the exchange that published, before the fence of one that joins.
        if self.waiting.load(Ordering::SeqCst) != 0 {
            self.tell_one_waiting();
        }
    }

    #[cold]
    fn tell_one_waiting(&self) {
        let mut locked = self.queue().lock();
        let stands = locked.front() == Some(STANDING);
        let waker = locked.notify_front(TOLD);
        self.count(&locked);
        let entry = if stands { None } else { self.note(&mut locked) };
        drop(locked);
        drop(entry);
        waker.into_iter().for_each(wake_contained);
        if stands {
            // It may not come: those behind it are told as well, up to one that does not stand.
            self.tell_waiting(1);
        }
    }

    /// As much was published as `count` waiters can use: tells so many.
    pub(super) fn tell_many(&self, count: usize) {
        // Ordering: SeqCst, as in `tell_one`.
        if self.waiting.load(Ordering::SeqCst) != 0 {
            self.tell_waiting(count);
        }
    }

    /// Tells waiters until `count` of them are such as do not stand.
    #[cold]
    fn tell_waiting(&self, mut count: usize) {
        let mut batch = WakeBatch::new();
        let mut locked = self.queue().lock();
        // Those that stand and come back in between do so at the end: there are no more to tell than there are now.
        let mut left = locked.len();
        while count > 0 && left > 0 && locked.front().is_some() {
            if !batch.has_room() {
                self.count(&locked);
                drop(locked);
                batch.wake_all();
                locked = self.queue().lock();
                continue;
            }
            left -= 1;
            let stands = locked.front() == Some(STANDING);
            if let Some(waker) = locked.notify_front(TOLD) {
                batch.push(waker);
            }
            count -= usize::from(!stands);
        }
        self.count(&locked);
        let entry = self.note(&mut locked);
        drop(locked);
        drop(entry);
        batch.wake_all();
    }

    /// Something was published that is for all of them: tells everybody.
    pub(super) fn tell_all(&self) {
        // Behind the lock nobody can be missed: whoever joined before is there, whoever joins later tries again.
        let mut batch = WakeBatch::new();
        let mut locked = self.queue().lock();
        // Those that come back in between, because it was not yet for them, do not keep this going: one of them that is told in
        // the place of another tries again before it waits, and passes the telling on when it goes.
        let mut left = locked.len();
        while left > 0 && !locked.is_empty() {
            if !batch.has_room() {
                self.count(&locked);
                drop(locked);
                batch.wake_all();
                locked = self.queue().lock();
                continue;
            }
            left -= 1;
            if let Some(waker) = locked.notify_front(TOLD) {
                batch.push(waker);
            }
        }
        self.count(&locked);
        drop(locked);
        batch.wake_all();
    }

    /// How many wait at this moment, and how many did at most; figures to look at.
    pub(super) fn figures(&self) -> (usize, usize) {
        self.queue.count()
    }

    /// Says how many there are, and one more where it is [closed](super::hand).
    pub(super) fn count(&self, locked: &LineLocked<'_>) {
        // Ordering: Relaxed: one that joins has a fence behind it, and one that is missed when others leave finds nobody under the
        // lock. Writers are in order by the lock.
        self.waiting.store(locked.len() + usize::from(locked.closed), Ordering::Relaxed);
    }

    /// Whether there may be something to find under the lock.
    #[inline]
    pub(super) fn is_busy(&self) -> bool {
        // Ordering: SeqCst, as in `tell_one`.
        self.waiting.load(Ordering::SeqCst) != 0
    }
}

pin_project! {
    /// One place in a [`Line`].
    pub(super) struct LineWaiter<'a> {
        pub(super) line: &'a Line,
        stands: bool,
        #[pin]
        pub(super) waiter: Option<WatchedWaiter<'a, State>>,
    }

    impl<'a> PinnedDrop for LineWaiter<'a> {
        fn drop(this: Pin<&mut Self>) {
            this.leave(false);
        }
    }
}

impl<'a> LineWaiter<'a> {
    #[inline]
    pub(super) fn new(line: &'a Line) -> Self {
        Self { line, stands: false, waiter: None }
    }

    /// A waiter that may be left alone without leaving the line.
    pub(super) fn standing(line: &'a Line) -> Self {
        Self { line, stands: true, waiter: None }
    }

    /// Waits until `attempt` has something; `more` says whether another would find something too.
    #[inline]
    pub(super) fn poll_until<R>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut() -> Option<R>,
        more: impl Fn() -> bool,
    ) -> Poll<R> {
        let told = self.as_mut().take_telling();
        if let Some(result) = attempt() {
            self.finish(told, more);
            return Poll::Ready(result);
        }
        self.poll_in_line(cx, told, &mut attempt, &more)
    }

    /// The part of a poll that found nothing at first.
    #[cold]
    #[inline(never)]
    pub(super) fn poll_in_line<R>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        told: bool,
        attempt: &mut dyn FnMut() -> Option<R>,
        more: &dyn Fn() -> bool,
    ) -> Poll<R> {
        self.as_mut().wait(cx, told);
        // Ordering: SeqCst, between the store of its own in `count` and the second try: see the module docs.
        fence(Ordering::SeqCst);
        match attempt() {
            _ if mutant::planted("channel.wait.blind") => Poll::Pending,
            Some(result) => {
                self.finish(told, more);
                Poll::Ready(result)
            }
            None => Poll::Pending,
        }
    }

    /// Leaves the line with what it came for. If it had waited there, and there is `more`, the next is told.
    #[inline]
    pub(super) fn finish(mut self: Pin<&mut Self>, told: bool, more: impl Fn() -> bool) {
        let waited = self.as_mut().leave(true) || told;
        if waited && self.line.is_busy() && more() && !mutant::planted("channel.finish.silent") {
            self.line.tell_one();
        }
    }

    /// Whether this waiter was told since it joined; then it is out of the line, and its next try uses that up.
    #[inline]
    pub(super) fn take_telling(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        let told = this.waiter.as_pin_mut().is_some_and(|waiter| waiter.take_notified().is_some());
        if told && this.line.is_busy() {
            // Others sleep, and may be asked in its place. Before its look: what it leaves it tells them of.
            this.line.queue().lock().told.look();
        }
        told
    }

    fn wait(self: Pin<&mut Self>, cx: &mut Context<'_>, front: bool) {
        let this = self.project();
        let line = *this.line;
        let tag = if *this.stands { STANDING } else { Tag::NONE };
        let mut waiter = waiter_in(this.waiter, line.queue());
        let queue = waiter.queue();
        if waiter.as_mut().is_joined() {
            let mut locked = queue.lock();
            if waiter.as_mut().stay(&mut locked, cx.waker(), tag) {
                locked.told.look();
                return;
            }
        }
        // Nothing is struck out before this: it may panic, and there is no look then.
        let waker = cx.waker().clone();
        let mut locked = queue.lock();
        locked.told.look();
        let (phase, _) = waiter.as_mut().look(&locked);
        // Told in between, it goes back to the front: the try that follows counts as the one it was told to make.
        let front = !*this.stands && (front || matches!(phase, Phase::Notified(_)));
        waiter.as_mut().join(&mut locked, waker, front, tag);
        line.count(&locked);
    }

    /// Leaves the line; false if it did not stand there. A telling that came since the last try began is passed on. One that has looked
    /// tells others itself of what it leaves.
    #[inline]
    pub(super) fn leave(mut self: Pin<&mut Self>, has_looked: bool) -> bool {
        let is_joined = self.as_mut().project().waiter.as_pin_mut().is_some_and(Waiter::is_joined);
        if is_joined {
            self.leave_joined(has_looked);
        }
        is_joined
    }

    #[cold]
    #[inline(never)]
    fn leave_joined(self: Pin<&mut Self>, has_looked: bool) {
        let this = self.project();
        let Some(waiter) = this.waiter.as_pin_mut() else { return };
        let mut locked = waiter.queue().lock();
        let phase = waiter.leave_locked(&mut locked);
        if has_looked {
            locked.told.look();
        }
        // One that was asked and goes without a look is as good as one that was told.
        let asked = phase == Phase::Woken && !has_looked;
        this.line.count(&locked);
        drop(locked);
        if (asked || phase == Phase::Notified(TOLD)) && !mutant::planted("channel.leave.silent") {
            this.line.tell_one();
        }
    }
}

impl fmt::Debug for LineWaiter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineWaiter").finish_non_exhaustive()
    }
}
