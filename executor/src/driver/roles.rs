//! Who minds what is everybody's business.
//!
//! A thread that parks waits until the first deadline of its own timer. Two roles are given away on top of that:
//! - the **watcher** (first to park) also waits for the deadlines that are nobody's own, which on a virtual clock that stands still
//!   are all ([`quiet`](super::quiet));
//! - the **poller** (holds the reactor's turn, taken only while there are sources) waits in the reactor, the others in
//!   plain parks.
//!
//! A role is free again when its holder wakes. Nobody else is woken for that: the holder is awake, looks in by time while it
//! works, and takes the role up again when it parks. Should it get stuck instead, the sentinel finds out and wakes
//! another. But it may also leave for good, with nothing to mind when it did, so what comes to be minded later looks for
//! a sleeper itself.
//!
//! # Parking
//! 1. Become the watcher, if nobody is.
//! 2. `fence(SeqCst)`.
//! 3. Take the reactor's turn, if there are sources. Read the deadlines.
//! 4. Say that it sleeps (the [`Parker`]'s exchange).
//! 5. Not the watcher: `fence(SeqCst)`, and if there is none any more, begin again.
//! 6. Sleep.
//!
//! # Nudging
//! Something changes that a sleeper waits for: a deadline became the earliest on a thread that does not tend its timer,
//! a slot was left with deadlines in its timer, the first source was registered.
//! 1. Publish.
//! 2. `fence(SeqCst)`.
//! 3. Nudge the thread that tends the timer. If nobody does: the watcher. If there is none: one that sleeps, which parks
//!    anew and becomes the watcher. Nobody sleeps: then nothing.
//!
//! # Leaving
//! 1. Say that nobody tends the slot any more.
//! 2. `fence(SeqCst)`.
//! 3. Deadlines in the slot's timer: nudge, as above. Anything else to mind, and nobody who does: call somebody
//!    ([`Park::is_unattended`](crate::scheduler::Park::is_unattended)).
//!
//! # Why it is right
//! Of two fences one comes first.
//!
//! *The sleeper that has the role, or tends the timer* (parking 2, nudging 2). The nudger's first: the sleeper reads what was
//! published. The sleeper's first: the nudger sees it in its role. A nudge is no notice: it makes the sleep return for
//! no reason, and the thread parks anew. It sticks, so it may come before the sleep: as the thread's token, which only
//! this thread uses up, and as the reactor's notice, which only the holder of the turn does. Another holder may use the
//! latter up before step 3; then step 3 reads what it was about.
//!
//! *Sleepers without the role* (parking 5, nudging 2), where the nudger sees no watcher. The sleeper's first: the
//! nudger sees it asleep. The nudger's first: the last watcher has given the role up before a fence of its own, that of
//! its leaving or of its next parking. If that one comes before the nudger's, and so before the sleeper's, the sleeper sees
//! that there is no watcher. If it comes after, that thread itself sees what was published: it parks as the watcher, or
//! leaves and calls somebody.
//!
//! *The one who leaves* (leaving 2, nudging 2). The nudger's first: the leaver sees the deadline. The leaver's first: the nudger
//! sees that nobody tends the slot.
//!
//! # Rejected
//! Passing the role on when its holder leaves: a futex call at the end of each `block_on`, for something to mind that
//! hardly ever comes.

use super::parker::{Parker, Place};
use crossbeam_utils::CachePadded;
use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::time::Duration;

/// Nobody has the role.
const NOBODY: usize = usize::MAX;

/// What sleepers wait for.
pub(super) trait Sources {
    /// The right to wait for events, which one thread at a time has.
    type Turn<'a>
    where
        Self: 'a;

    /// The turn, if there are sources and nobody has it.
    fn take_turn(&self) -> Option<Self::Turn<'_>>;

    /// How long the thread in `slot` may sleep. `None`: until it is unparked.
    fn timeout(&self, slot: usize, watching: bool, limit: Option<Duration>) -> Option<Duration>;

    /// Waits for events until the time is up or somebody [notifies](Self::notify). Returns what is to be done about the
    /// events once the thread counts as awake.
    fn wait<'a>(&'a self, turn: Self::Turn<'a>, timeout: Option<Duration>) -> impl FnOnce();

    /// Ends the current or the next wait for events.
    fn notify(&self);
}

/// How a sleep went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slept {
    /// It was ended by a notice, which is used up.
    pub(super) notified: bool,
    /// It had an end.
    pub(super) timed: bool,
}

/// The sleeps of all slots, and who has the roles.
pub(super) struct Roles {
    parkers: Box<[CachePadded<Parker>]>,
    watcher: AtomicUsize,
    polling: AtomicBool,
}

impl Roles {
    pub(super) fn new(slots: usize) -> Self {
        Self {
            parkers: (0..slots).map(|_| CachePadded::new(Parker::new())).collect(),
            watcher: AtomicUsize::new(NOBODY),
            polling: AtomicBool::new(false),
        }
    }

    pub(super) fn parker(&self, slot: usize) -> &Parker {
        &self.parkers[slot]
    }

    /// Sleeps in `slot` until unparked, nudged, or something that this thread minds has come.
    pub(super) fn park<S: Sources>(&self, slot: usize, sources: &S, limit: Option<Duration>) -> Slept {
        loop {
            let watching = self.try_watch(slot);
            // Ordering: SeqCst, paired with the fences in `nudge` and `nudge_slot`, see the module's proof.
            fence(mutant::ordering("roles.park.fence", Ordering::SeqCst, Ordering::AcqRel));
            // The turn first: from here on nobody else takes a notice of the reactor's that was meant for this sleep.
            let turn = sources.take_turn();
            let timeout = sources.timeout(slot, watching, limit);
            let place = if turn.is_some() { Place::Reactor } else { Place::Bed };
            let notified = if !self.parker(slot).begin(place) {
                true
            } else if !watching && !self.is_watched_behind_a_fence() {
                if !self.parker(slot).end() {
                    continue;
                }
                true
            } else if let Some(turn) = turn {
                self.wait_for_events(slot, sources, turn, timeout)
            } else {
                Parker::wait(timeout);
                self.parker(slot).end()
            };
            if watching {
                // Ordering: Relaxed; a nudge that still sees this slot is for nothing.
                self.watcher.store(NOBODY, Ordering::Relaxed);
            }
            return Slept { notified, timed: timeout.is_some() };
        }
    }

    fn wait_for_events<'a, S: Sources>(
        &self,
        slot: usize,
        sources: &'a S,
        turn: S::Turn<'a>,
        timeout: Option<Duration>,
    ) -> bool {
        // Ordering: Relaxed, a hint for the sentinel and for who leaves.
        self.polling.store(true, Ordering::Relaxed);
        let take_in = sources.wait(turn, timeout);
        self.polling.store(false, Ordering::Relaxed);
        let notified = self.parker(slot).end();
        take_in();
        notified
    }

    fn try_watch(&self, slot: usize) -> bool {
        // Ordering: Relaxed; the fence that follows orders it.
        self.watcher.compare_exchange(NOBODY, slot, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn is_watched_behind_a_fence(&self) -> bool {
        // Ordering: SeqCst, paired with the fence in `nudge`, see the module's proof.
        fence(mutant::ordering("roles.park.second_fence", Ordering::SeqCst, Ordering::AcqRel));
        self.is_watched() || mutant::planted("roles.park.second_look")
    }

    /// Whether somebody minds deadlines that are nobody's own.
    pub(super) fn is_watched(&self) -> bool {
        // Ordering: Relaxed; behind a fence where it decides, a hint elsewhere.
        self.watcher.load(Ordering::Relaxed) != NOBODY
    }

    /// Whether somebody waits for events.
    pub(super) fn is_polled(&self) -> bool {
        // Ordering: Relaxed, a hint: the sentinel asks again.
        self.polling.load(Ordering::Relaxed)
    }

    /// Whether every thread that tends a slot sleeps or waits plainly in it, apart from the one that asks, in `slot`, which has no
    /// notice.
    pub(super) fn all_rest_but(&self, slot: Option<usize>) -> bool {
        let rests = |(index, parker): (usize, &CachePadded<Parker>)| match Some(index) == slot {
            true => !parker.is_notified(),
            false => parker.rests(),
        };
        self.parkers.iter().enumerate().all(rests)
    }

    /// Makes the watcher look at deadlines and sources anew, or a sleeper become the watcher.
    pub(super) fn nudge(&self, sources: &impl Sources) {
        // Ordering: SeqCst, paired with the fences in `park`, see the module's proof.
        fence(mutant::ordering("roles.nudge.fence", Ordering::SeqCst, Ordering::AcqRel));
        // Ordering: Relaxed, behind the fence.
        let watcher = self.parkers.get(self.watcher.load(Ordering::Relaxed));
        let sleeper = || {
            let asleep = self.parkers.iter().find(|parker| parker.is_asleep());
            asleep.filter(|_| !mutant::planted("roles.nudge.sleeper"))
        };
        if let Some(parker) = watcher.or_else(sleeper) {
            parker.nudge(|| sources.notify());
        }
    }

    /// A deadline became the earliest in the timer of `slot`. On a clock that stands still its own thread does not wait for it.
    pub(super) fn set_deadline(&self, slot: usize, still: bool, sources: &impl Sources) {
        if still && !mutant::planted("roles.set_deadline.still") {
            self.nudge(sources);
        } else {
            self.nudge_slot(slot, sources);
        }
    }

    /// Makes the thread that tends `slot`, or else the watcher, look at deadlines anew.
    pub(super) fn nudge_slot(&self, slot: usize, sources: &impl Sources) {
        // Ordering: SeqCst, as in `nudge`, and paired with the one in `left`.
        fence(mutant::ordering("roles.nudge.fence", Ordering::SeqCst, Ordering::AcqRel));
        if self.parker(slot).is_tended() {
            self.parker(slot).nudge(|| sources.notify());
        } else {
            self.nudge(sources);
        }
    }

    /// The thread that tended `slot` has left it. `has_deadlines` is asked whether it left any.
    pub(super) fn left(&self, has_deadlines: impl FnOnce() -> bool, sources: &impl Sources) {
        // Ordering: SeqCst, paired with the one in `nudge_slot`, see the module's proof.
        fence(mutant::ordering("roles.left.fence", Ordering::SeqCst, Ordering::AcqRel));
        if has_deadlines() {
            self.nudge(sources);
        }
    }

    /// Ends the current or the next sleep of `slot`.
    pub(super) fn unpark(&self, slot: usize, sources: &impl Sources) {
        self.parker(slot).unpark(|| sources.notify());
    }
}
