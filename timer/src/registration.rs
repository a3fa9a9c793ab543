//! The future's side of the protocol: an entry and the timer it registers with.
//!
//! Polled:
//! 1. *Fired*: ready, unless the deadline was moved under the wheel's eyes; then as if idle.
//! 2. *Linked*, and the registered waker wakes this task: pending, no lock. Unless somebody on this thread [found](deadline::came)
//!    that the time has come, and the home's clock agrees: then it is taken out under the home's lock, and ready.
//! 3. *Linked*, another waker: it is cloned first, then exchanged under the lock; the one before is dropped after
//!    it.
//! 4. *Idle*, and the deadline was ahead when it was set a moment ago: the clock is not read again, which would
//!    cost as much as all the rest. Should the deadline have passed meanwhile, then either the wheel has come to
//!    it, and it is ready; or the next turn fires it, and nobody sleeps over a deadline that is past.
//! 5. *Idle* otherwise, or *Orphaned*: if the clock shows the deadline, ready, and no wheel was needed. Otherwise
//!    the thread's timer becomes the home, and the entry is linked there.
//!
//! Reset: to a later time a linked entry only has its deadline stored, no lock; the wheel finds out when the old
//! one comes. To an earlier time it is taken out and filed again under the home's lock, and keeps its waker.
//! Otherwise it becomes idle and registers when it is polled next.
//!
//! Another beat moves the time it is due as well: to later or earlier, a linked entry is filed anew under the
//! home's lock.
//!
//! Dropped: a linked entry is taken out under the home's lock. In every other state the wheel knows nothing of it,
//! and no lock is taken.
//!
//! The home never changes while the entry is linked, and is kept afterwards: coming back to the same
//! timer costs no reference count.

#![allow(unsafe_code, reason = "keeps the entry in place for as long as a wheel points to it")]

use crate::context;
use crate::deadline;
use crate::entry::{Entry, State};
use crate::fallback;
use crate::line::{Beat, Nanos};
use crate::timer::{Link, Timer};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A deadline that registers itself when polled and leaves when dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    entry: Entry,
    home: Option<Timer>,
}

/// How far a deadline has come, without a look at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Its wheel has not come to it yet.
    Awaited,
    /// It is due.
    Fired,
    /// No wheel knows.
    Unknown,
}

impl Registration {
    /// A deadline that no wheel knows yet.
    pub(crate) fn new(deadline: Nanos) -> Self {
        Self { entry: Entry::new(deadline, false), home: None }
    }

    /// A deadline that no wheel knows yet, and that lies ahead of the thread's clock, which was read just now.
    pub(crate) fn new_ahead(deadline: Nanos) -> Self {
        Self { entry: Entry::new(deadline, true), home: None }
    }

    /// The deadline as it stands.
    pub(crate) fn deadline(&self) -> Nanos {
        self.entry.deadline()
    }

    /// The pace at which it fires.
    pub(crate) fn beat(&self) -> Beat {
        self.entry.beat()
    }

    /// What its wheel has come to, if it is in one.
    #[inline]
    pub(crate) fn progress(&self) -> Progress {
        match self.entry.state() {
            State::Linked => Progress::Awaited,
            State::Fired if !self.entry.was_moved() => Progress::Fired,
            _ => Progress::Unknown,
        }
    }

    /// Whether it is due.
    pub(crate) fn is_elapsed(&self) -> bool {
        self.progress() == Progress::Fired || self.has_come()
    }

    /// Whether it is due, by the clock of the home, or else of this thread.
    fn has_come(&self) -> bool {
        let now = self.home.as_ref().map_or_else(context::nanos, |home| home.clock().nanos());
        now >= self.entry.due()
    }

    /// Ready once the deadline has come; wakes then.
    #[inline]
    pub(crate) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: nothing is moved out of it; the entry, the part a wheel points to, is only borrowed.
        let this = unsafe { self.get_unchecked_mut() };
        if this.entry.state() == State::Linked {
            if deadline::has_come(this.entry.deadline()) && this.has_come() {
                return this.leave();
            }
            // SAFETY: we are the future, polled; it is linked, so it was.
            if unsafe { this.entry.registered(cx.waker()) } || this.exchange_waker(cx) {
                return Poll::Pending;
            }
        }
        if this.entry.state() == State::Fired && !this.entry.was_moved() {
            return Poll::Ready(());
        }
        this.register(cx)
    }

    /// Linked, and due: goes without its wheel.
    #[cold]
    fn leave(&self) -> Poll<()> {
        if let Some(home) = &self.home {
            // SAFETY: we are the future, and what is linked is linked with its home.
            let waker = unsafe { home.unlink(&self.entry) };
            drop(waker);
        }
        self.entry.fired();
        Poll::Ready(())
    }

    /// Gives the deadline up and takes another.
    pub(crate) fn reset(self: Pin<&mut Self>, deadline: Nanos) {
        let this = self.into_ref().get_ref();
        if this.entry.state() == State::Linked {
            let before = this.deadline();
            if deadline == before {
                return;
            }
            if deadline > before {
                this.entry.set_moved(true);
                this.entry.set_deadline(deadline);
                return;
            }
            if let Some(home) = &this.home {
                // SAFETY: we are the future, and what is linked is linked with its home; it is pinned and its drop
                // takes it out.
                if unsafe { home.refile(&this.entry, deadline, context::is_owner(home)) } {
                    return;
                }
            }
        }
        this.entry.set_deadline(deadline);
        this.entry.rearm();
    }

    /// As [`set_beat`](Self::set_beat), before it is pinned: no wheel knows it.
    pub(crate) fn begin_with(&self, beat: Beat) {
        debug_assert!(self.entry.state() == State::Idle, "not pinned, not linked");
        self.entry.set_beat(beat);
    }

    /// From now on fires at the points of `beat`; what has fired stays so.
    pub(crate) fn set_beat(self: Pin<&mut Self>, beat: Beat) {
        let this = self.into_ref().get_ref();
        if this.entry.state() == State::Linked {
            // Stored before it is filed anew. Should the wheel come to the entry meanwhile, it may find it due by
            // either, and the mark makes the future look at the clock.
            this.entry.set_moved(true);
            this.entry.set_beat(beat);
            if let Some(home) = &this.home {
                // SAFETY: we are the future, and what is linked is linked with its home; it is pinned and its drop
                // takes it out.
                unsafe { home.refile(&this.entry, this.deadline(), context::is_owner(home)) };
            }
        } else {
            this.entry.set_beat(beat);
        }
    }

    /// Registers another waker; `false` if the entry has left the wheel meanwhile.
    #[cold]
    fn exchange_waker(&self, cx: &mut Context<'_>) -> bool {
        let Some(home) = &self.home else { return false };
        let waker = cx.waker().clone();
        // SAFETY: we are the future, and what is linked is linked with its home.
        let (linked, _left_over) = unsafe { home.replace_waker(&self.entry, waker) };
        linked
    }

    /// Not linked, and not known to have fired: looks at the clock, and goes into the wheel.
    fn register(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut ahead = self.entry.is_ahead();
        self.entry.rearm();
        let mut chosen = context::choose(&mut self.home);
        loop {
            let (Some(owner), Some(home)) = (chosen, &self.home) else {
                // No timer to be had: try again at once, see the fallback's docs, until the clock says that it is over.
                if self.has_come() {
                    break;
                }
                cx.waker().wake_by_ref();
                return Poll::Pending;
            };
            let now = if std::mem::take(&mut ahead) { Nanos::MIN } else { home.clock().nanos() };
            if now >= self.entry.due() {
                break;
            }
            let waker = cx.waker().clone();
            // SAFETY: we are the future, and not linked: the state is Idle. It is pinned, as `poll` and `reset`
            // ask; if it is still linked when it is dropped, the drop takes it out.
            match unsafe { home.link(&self.entry, waker, now, owner) } {
                Link::Linked => return Poll::Pending,
                Link::Past => break,
                // The waker is dropped with the arm: the next round clones it again, which happens once per end of
                // a timer.
                Link::Orphaned(_waker) => {
                    chosen = fallback::timer().map(|timer| {
                        self.home = Some(timer.clone());
                        context::is_owner(timer)
                    });
                }
            }
        }
        self.entry.fired();
        Poll::Ready(())
    }
}

impl Drop for Registration {
    #[inline]
    fn drop(&mut self) {
        if self.entry.state() != State::Linked {
            return;
        }
        if let Some(home) = &self.home {
            // SAFETY: we are the future, in its last moment; what is linked is linked with its home.
            let waker = unsafe { home.unlink(&self.entry) };
            drop(waker);
        }
    }
}
