//! A line of waiters beside a state that has its own synchronisation: those of a [`broadcast`](crate::broadcast), a
//! [`watch`](crate::watch) and a [`queue`](crate::queue).
//!
//! # Protocol
//! Who tells: 1. changes the state. 2. Looks whether the line is occupied; if so, under the line's lock, takes out
//! those concerned. 3. Wakes them outside.
//!
//! Who waits: 1. attempts. 2. Under the line's lock, marks it occupied and joins, with the number of the state it has seen. 3. Attempts
//! again. A [`LineWaiter`] does 3. before it joins, in the same section; whose attempts run code of the user
//! ([`queue`](crate::queue)) does it after, outside.
//!
//! Who leaves, having been told in a line where tellings are counted: tells the next.
//!
//! One that was told where tellings are counted may not be polled for long. Who tells it while others sleep notes that, and the
//! watchman asks one of them ([`watched`](crate::watched)). Who was told, or waits, strikes it out before it attempts; who took something
//! while it stood in the line may do so afterwards, if it then looks whether something is left.
//!
//! # Why no wake-up is lost
//! Attempt and change are ordered with marking and looking by a lock around the state, which both take; in a line beside a state
//! without one ([fenced](Line::fenced), watch) by a `fence(SeqCst)` between the two steps on each side. So if the attempt at 3. comes
//! before the change, the mark is seen; else the attempt sees the change. The mark goes only under the line's lock, when the list is
//! empty: whoever had joined was told by then, and attempts again, or has left.
//!
//! # Each once
//! Those that join have the numbers of the states they saw, which only grow along the line. Who tells all of a
//! change stops at the first that has seen it: one that comes back between two batches is not told again. One that
//! is in the line and finds that it has seen more since, by other means than this wait, goes to the back: in its
//! place it would hide those behind it that have not.
//!
//! # Those that stand
//! A stream or a sink keeps its place while nobody asks it, and nobody says that it was given up. Where tellings are counted it
//! [stands](STANDING): it is told like others, but does not count, so a telling never ends with one that does not come.

#![allow(unsafe_code, reason = "a waiter that lives beside the line it waits in")]

use crate::watched::{Entry, Told, Watch, Watched, WatchedLocked, WatchedWaiter, waiter_in};
use filch_primitive::sync::Arc;
use filch_primitive::sync::atomic::{AtomicBool, Ordering, fence};
use filch_primitive::wait_list::{Phase, Step, Tag, WaitQueue, Waiter};
use filch_primitive::{WakeBatch, mutant, wake_contained};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The token of one that was told to attempt again.
pub(crate) const TOLD: u32 = 0;

/// The tag of one that stands.
pub(crate) const STANDING: Tag = Tag { since: 1, ..Tag::NONE };

/// Who waits for a change.
pub(crate) struct Line {
    /// Written under the queue's lock, for those that tell to look at.
    occupied: AtomicBool,
    is_fenced: bool,
    queue: Watched<Told>,
}

/// The lock of a line, held.
pub(crate) type LineLocked<'q> = WatchedLocked<'q, Told>;

impl Line {
    /// A line beside a state that is changed and looked at under a lock.
    #[cfg(not(filch_loom))]
    pub(crate) const fn new() -> Self {
        Self { occupied: AtomicBool::new(false), is_fenced: false, queue: Watched::new() }
    }

    /// A line beside a state that is changed and looked at under a lock.
    #[cfg(filch_loom)]
    pub(crate) fn new() -> Self {
        Self { occupied: AtomicBool::new(false), is_fenced: false, queue: Watched::made(Told::NOBODY) }
    }

    /// A line beside a state without a lock.
    pub(crate) fn fenced() -> Self {
        Self { is_fenced: true, ..Self::new() }
    }

    /// A visit, if the watchman has an entry.
    #[cfg(all(test, filch_loom))]
    pub(crate) fn visit_by_hand(&self) {
        self.queue.visit_by_hand();
    }

    /// The waiters.
    #[inline]
    pub(crate) fn queue(&self) -> &WaitQueue<Watch<Told>> {
        self.queue.queue_or(|| Told::NOBODY)
    }

    /// One that was told came: it attempts, and tells others of what it leaves.
    pub(crate) fn came(&self) {
        // Ordering: Relaxed: one that joins now attempts itself.
        if self.occupied.load(Ordering::Relaxed) {
            self.queue().lock().look();
        }
    }

    /// Some were told, of something that others may use as well, and may not come.
    fn note(&self, locked: &mut LineLocked<'_>) -> Option<Entry<'_, Told>> {
        if locked.is_empty() || mutant::planted("line.note.forgets") {
            return None;
        }
        let tick = locked.tick();
        locked.note(tick);
        self.queue.mark(locked)
    }

    /// Tells all that have not seen the change with this number.
    #[inline]
    pub(crate) fn tell_all(&self, number: u64) {
        if self.is_occupied() {
            self.tell_waiting(usize::MAX, number);
        }
    }

    /// Tells the first `count`, and those before them that stand.
    #[inline]
    pub(crate) fn tell_some(&self, count: usize) {
        if self.is_occupied() {
            self.tell_waiting(count, u64::MAX);
        }
    }

    /// Tells the first, and those before it that stand.
    #[inline]
    pub(crate) fn tell_one(&self) {
        if self.is_occupied() {
            self.tell_first();
        }
    }

    #[inline]
    fn is_occupied(&self) -> bool {
        if self.is_fenced && !mutant::planted("line.tell.fence") {
            fence(Ordering::SeqCst);
        }
        // Ordering: Relaxed, see the module docs.
        self.occupied.load(Ordering::Relaxed)
    }

    /// A telling of one without a batch, which is what most of them come to.
    #[cold]
    fn tell_first(&self) {
        let mut locked = self.queue().lock();
        if locked.front() == Some(STANDING) {
            drop(locked);
            return self.tell_waiting(1, u64::MAX);
        }
        let waker = locked.notify_front(TOLD);
        self.settle(&locked);
        let entry = self.note(&mut locked);
        drop(locked);
        drop(entry);
        waker.into_iter().for_each(wake_contained);
    }

    #[cold]
    fn tell_waiting(&self, mut count: usize, number: u64) {
        let mut batch = WakeBatch::new();
        let mut locked = self.queue().lock();
        // Those that come back in between do so with what they have seen, or are told of the next change.
        let mut left = locked.len();
        while let Some(front) = locked.front()
            && count.min(left) > 0
            && front.number < number
        {
            if !batch.has_room() {
                drop(locked);
                batch.wake_all();
                locked = self.queue().lock();
                continue;
            }
            left -= 1;
            count -= usize::from(front != STANDING);
            if let Some(waker) = locked.notify_front(TOLD) {
                batch.push(waker);
            }
        }
        self.settle(&locked);
        // Told of a change that is for all, nobody keeps anything from the others.
        let entry = if number == u64::MAX { self.note(&mut locked) } else { None };
        drop(locked);
        drop(entry);
        batch.wake_all();
    }

    /// Somebody is about to join.
    pub(crate) fn mark(&self, _: &LineLocked<'_>) {
        // Ordering: Relaxed, see the module docs.
        self.occupied.store(true, Ordering::Relaxed);
        if self.is_fenced {
            fence(Ordering::SeqCst);
        }
    }

    /// Somebody left: whether anybody is there.
    pub(crate) fn settle(&self, locked: &LineLocked<'_>) {
        // Ordering: Relaxed, see the module docs.
        self.occupied.store(!locked.is_empty(), Ordering::Relaxed);
    }

    /// How many wait, and how many did at most.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        self.queue.count()
    }

    /// How many wait, if nobody changes that right now.
    pub(crate) fn try_len(&self) -> Option<usize> {
        self.queue.get().map_or(Some(0), |queue| queue.try_lock().map(|locked| locked.len()))
    }
}

pin_project! {
    /// One place in a [`Line`].
    pub(crate) struct LineWaiter<'a> {
        line: &'a Line,
        // Whether a telling that this waiter does not use is the next one's.
        is_counted: bool,
        #[pin]
        waiter: Option<WatchedWaiter<'a, Told>>,
    }

    impl<'a> PinnedDrop for LineWaiter<'a> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let Some(mut waiter) = this.waiter.as_pin_mut() else { return };
            if !waiter.as_mut().is_joined() {
                return;
            }
            let line = *this.line;
            let mut locked = line.queue().lock();
            let phase = waiter.leave_locked(&mut locked);
            line.settle(&locked);
            drop(locked);
            if *this.is_counted && matches!(phase, Phase::Notified(TOLD) | Phase::Woken) && !mutant::planted("line.leave.silent") {
                line.tell_one();
            }
        }
    }
}

impl<'a> LineWaiter<'a> {
    /// A place where everybody is told.
    pub(crate) fn new(line: &'a Line) -> Self {
        Self { line, is_counted: false, waiter: None }
    }

    /// A place where some are told, and each telling is good for one.
    pub(crate) fn counted(line: &'a Line) -> Self {
        Self { line, is_counted: true, waiter: None }
    }

    /// Waits until `attempt` has something. While it has not, it answers the number of the state that it saw.
    /// It runs under the line's lock.
    pub(crate) fn poll_until<R>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut() -> Result<R, u64>,
    ) -> Poll<R> {
        let mut this = self.project();
        let joined = this.waiter.as_mut().as_pin_mut().is_some_and(Waiter::is_joined);
        if !joined && let Ok(result) = attempt() {
            return Poll::Ready(result);
        }
        let line = *this.line;
        waiter_in(this.waiter, line.queue()).poll_wait(cx, |mut waiter, locked| {
            locked.look();
            let late = mutant::planted("line.wait.late");
            if !late {
                line.mark(locked);
            }
            match attempt() {
                Ok(result) => {
                    if waiter.as_mut().is_joined() {
                        waiter.leave_locked(locked);
                    }
                    line.settle(locked);
                    Step::Done(result)
                }
                Err(number) => {
                    let (phase, tag) = waiter.as_mut().look(locked);
                    if phase == Phase::Waiting && tag.number != number && !*this.is_counted {
                        // Numbers must not fall along the line: to the back.
                        waiter.leave_locked(locked);
                    }
                    // Told, and another was faster: back to the front. Where all are told, it is to the back.
                    let told = matches!(phase, Phase::Notified(_));
                    if late {
                        line.mark(locked);
                    }
                    Step::Wait { front: told && *this.is_counted, tag: Tag { number, ..Tag::NONE } }
                }
            }
        })
    }
}

impl fmt::Debug for LineWaiter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineWaiter").finish_non_exhaustive()
    }
}

/// A shared thing, and a place in one of its lines that is kept between polls: what a stream has.
pub(crate) struct Seat<S> {
    /// Points into `shared`; declared, and so dropped, before it.
    waiter: Option<Pin<Box<LineWaiter<'static>>>>,
    shared: Arc<S>,
}

impl<S> Seat<S> {
    pub(crate) fn new(shared: Arc<S>) -> Self {
        Self { waiter: None, shared }
    }

    pub(crate) fn shared(&self) -> &Arc<S> {
        &self.shared
    }

    /// Whether there is a waiter, which may be in its line.
    pub(crate) fn is_taken(&self) -> bool {
        self.waiter.is_some()
    }

    /// The place in the line that `line` names; always the same. Allocated by the first call.
    pub(crate) fn waiter(&mut self, line: fn(&S) -> &Line) -> (&Arc<S>, Pin<&mut LineWaiter<'static>>) {
        let shared = &self.shared;
        let waiter = self.waiter.get_or_insert_with(|| {
            let line: *const Line = line(shared);
            // SAFETY: borrowed from what lies in an `Arc`'s allocation: it does not move, and lives as long as
            // `self.shared`, which is never replaced and outlives the waiter. The reference is handed to nobody
            // else.
            let line: &'static Line = unsafe { &*line };
            Box::pin(LineWaiter::new(line))
        });
        (shared, waiter.as_mut())
    }
}
