//! The two lines of waiters under the channel's lock, and a place in one of them.
//!
//! # Protocol
//! Who publishes (a value, or a free place), under the lock: 1. publishes. 2. Takes the first out of the line of those who wait for
//! it. 3. Unlocks, and wakes it. 2 and 3 are [`tell`].
//!
//! Who waits, under the lock: 1. tries. 2. If there was nothing, joins the line; one that was told and found nothing, because
//! another was faster, goes back to the front.
//!
//! Who leaves, told and not having used it: tells the next.
//!
//! # Why no wake-up is lost
//! To try and to join is one step, and so is to publish and to tell: a publication comes before the try, which then sees it, or
//! finds the waiter in the line.
//!
//! Call what was published and not taken `n`, and those that were told and have neither come nor left `t`. As long as somebody is
//! in the line, `t >= n`: a publication adds one to both; who takes something takes one from `n`, and from `t` at most one; who joins,
//! and who comes and finds nothing, shows that `n` is zero; who leaves passes its telling on, or finds the line empty. So while there
//! is something to take, somebody is on the way who will take it, tell another, or find that it is gone.
//!
//! # Those that stand
//! A stream keeps its place in the line between two polls: nobody says that a `next()` was given up, and the stream may be left
//! alone for as long as it likes. Such a waiter [stands](LineWaiter::standing). It is told like others, but who tells it goes on to the
//! next, up to one that leaves the line when it is given up: so a publication never ends with one that does not come, and those
//! that stand count for nothing in `t`. Where several stand, all of them are told; those that find nothing go to the back, which
//! keeps the walk of the one who tells finite.

use filch_primitive::wait_list::{Locked, Phase, Tag, WaitQueue, Waiter};
use filch_primitive::{WakeBatch, mutant, wake_contained};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::Waker;

/// The line of those who wait for room, or for their value to be taken.
pub(super) const SENDERS: usize = 0;
/// The line of those who wait for a value.
pub(super) const RECEIVERS: usize = 1;
const LINES: usize = 2;

/// The token of one that was told to try.
pub(super) const TOLD: u32 = 0;

/// The tag of one that stands.
const STANDING: Tag = Tag { number: 1, ..Tag::NONE };

/// The channel's lock, and under it the lines; the state says whether the channel is closed.
pub(super) struct Lines {
    queue: WaitQueue<bool, LINES>,
}

/// The channel's lock, held. The state says whether the channel is closed.
pub(super) type LockedLines<'a> = Locked<'a, bool, LINES>;

impl Lines {
    pub(super) fn new() -> Self {
        Self { queue: WaitQueue::with_lines(false) }
    }

    #[inline]
    pub(super) fn lock(&self) -> LockedLines<'_> {
        self.queue.lock()
    }

    /// One that stands was told, and may not come: tells those behind it, up to one that does not stand.
    #[cold]
    fn tell_further(&self, line: usize) {
        let mut batch = WakeBatch::new();
        let mut locked = self.queue.lock();
        // Those that stand and come back in between do so at the end: there are no more to tell than there are now.
        for _ in 0..locked.len_in(line) {
            let Some(front) = locked.front_in(line) else { break };
            if let Some(waker) = locked.notify_front_in(line, TOLD) {
                batch.push(waker);
            }
            if front.number != STANDING.number {
                break;
            }
            if !batch.has_room() {
                drop(locked);
                batch.wake_all();
                locked = self.queue.lock();
            }
        }
        drop(locked);
        batch.wake_all();
    }

    /// Something was published that is for all of them: tells everybody. The channel is closed: nobody joins any more.
    pub(super) fn tell_all(&self) {
        for line in [RECEIVERS, SENDERS] {
            let mut batch = WakeBatch::new();
            let mut locked = self.queue.lock();
            while locked.front_in(line).is_some() {
                if let Some(waker) = locked.notify_front_in(line, TOLD) {
                    batch.push(waker);
                }
                if !batch.has_room() {
                    drop(locked);
                    batch.wake_all();
                    locked = self.queue.lock();
                }
            }
            drop(locked);
            batch.wake_all();
        }
    }
}

/// Something was published, under the lock: tells the first in the line, unlocks, and wakes it.
#[inline]
pub(super) fn tell(locked: LockedLines<'_>, lines: &Lines, line: usize, token: u32) {
    if !locked.is_empty_in(line) {
        tell_first(locked, lines, line, token);
    }
}

/// Somebody is in the line.
fn tell_first(mut locked: LockedLines<'_>, lines: &Lines, line: usize, token: u32) {
    let stands = locked.front_in(line).is_some_and(|front| front.number == STANDING.number);
    let waker = locked.notify_front_in(line, token);
    drop(locked);
    if let Some(waker) = waker {
        wake_contained(waker);
    }
    if stands {
        lines.tell_further(line);
    }
}

pin_project! {
    /// One place in a line.
    pub(super) struct LineWaiter<'a> {
        lines: &'a Lines,
        line: usize,
        stands: bool,
        #[pin]
        waiter: Waiter<'a, bool, LINES>,
    }

    impl<'a> PinnedDrop for LineWaiter<'a> {
        fn drop(this: Pin<&mut Self>) {
            this.give_up();
        }
    }
}

impl<'a> LineWaiter<'a> {
    #[inline]
    pub(super) fn new(lines: &'a Lines, line: usize) -> Self {
        Self::either(lines, line, false)
    }

    /// A waiter that may be left alone without leaving the line.
    pub(super) fn standing(lines: &'a Lines, line: usize) -> Self {
        Self::either(lines, line, true)
    }

    #[inline]
    fn either(lines: &'a Lines, line: usize, stands: bool) -> Self {
        Self { lines, line, stands, waiter: Waiter::in_line(&lines.queue, line) }
    }

    /// Whether this waiter may be in its line, or told. False is certain and costs no lock.
    #[inline]
    pub(super) fn is_joined(self: Pin<&mut Self>) -> bool {
        self.project().waiter.is_joined()
    }

    /// Where this waiter stands.
    #[inline]
    pub(super) fn phase(self: Pin<&mut Self>, locked: &LockedLines<'_>) -> Phase {
        let mut waiter = self.project().waiter;
        if waiter.as_mut().is_joined() { waiter.look(locked).0 } else { Phase::Idle }
    }

    /// Is done, whether told or not: what it waited for it has, or knows that it will not come.
    #[inline]
    pub(super) fn be_done(self: Pin<&mut Self>, locked: &mut LockedLines<'_>) {
        let mut waiter = self.project().waiter;
        if waiter.as_mut().is_joined() {
            waiter.leave_locked(locked);
        }
    }

    /// Waits, after a try under this lock that found nothing. `place` is for who tells. False when it takes another waker, which the
    /// caller clones without the lock, and puts into `spare` before it tries again.
    #[inline]
    pub(super) fn wait(
        self: Pin<&mut Self>,
        locked: &mut LockedLines<'_>,
        waker: &Waker,
        spare: &mut Option<Waker>,
        place: Tag,
    ) -> bool {
        let mut this = self.project();
        let stands = *this.stands;
        let tag = if stands { STANDING } else { place };
        let mut front = false;
        if this.waiter.as_mut().is_joined() {
            if this.waiter.as_mut().stay(locked, waker, tag) {
                return true;
            }
            front = !stands && matches!(this.waiter.as_mut().look(locked).0, Phase::Notified(_));
        }
        let Some(spare) = spare.take() else { return false };
        this.waiter.join(locked, spare, front, tag);
        true
    }

    /// Leaves the line. A telling that came and was not used is passed on.
    #[inline]
    fn give_up(self: Pin<&mut Self>) {
        let mut this = self.project();
        if !this.waiter.as_mut().is_joined() {
            return;
        }
        let mut locked = this.lines.queue.lock();
        let phase = this.waiter.as_mut().leave_locked(&mut locked);
        if phase == Phase::Notified(TOLD) && !mutant::planted("channel.leave.silent") {
            tell(locked, this.lines, *this.line, TOLD);
        }
    }
}

impl fmt::Debug for LineWaiter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineWaiter").finish_non_exhaustive()
    }
}
