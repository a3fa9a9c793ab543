//! The two lines of waiters under the channel's lock, and a place in one of them.
//!
//! # Protocol
//! Who publishes (a value, or a free place), under the lock: 1. publishes. 2. Takes the first out of the line of those who wait for
//! it: [`tell`]. 3. Unlocks, and wakes it: [`Telling::pass_on`].
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

/// Who was told under the lock, to be woken after it.
#[must_use = "one that was told is woken"]
pub(super) struct Telling {
    waker: Option<Waker>,
    /// The line to tell further, if this one stands.
    further: Option<usize>,
}

impl Telling {
    pub(super) const NONE: Self = Self { waker: None, further: None };

    /// One that was told in another way, and does not stand.
    pub(super) fn of(waker: Option<Waker>) -> Self {
        Self { waker, further: None }
    }

    /// Wakes; the lock is free.
    #[inline]
    pub(super) fn pass_on(self, lines: &Lines) {
        if let Some(waker) = self.waker {
            wake_contained(waker);
        }
        if let Some(line) = self.further {
            lines.tell_further(line);
        }
    }
}

/// Something was published: tells the first in the line.
#[inline]
pub(super) fn tell(locked: &mut LockedLines<'_>, line: usize) -> Telling {
    let Some(front) = locked.front_in(line) else { return Telling::NONE };
    let stands = front.number == STANDING.number;
    Telling { waker: locked.notify_front_in(line, TOLD), further: stands.then_some(line) }
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
        let told = if phase == Phase::Notified(TOLD) && !mutant::planted("channel.leave.silent") {
            tell(&mut locked, *this.line)
        } else {
            Telling::NONE
        };
        drop(locked);
        told.pass_on(this.lines);
    }
}

impl fmt::Debug for LineWaiter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineWaiter").finish_non_exhaustive()
    }
}
