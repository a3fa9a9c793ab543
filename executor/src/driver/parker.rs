//! One slot's sleep.
//!
//! | state | meaning | unpark |
//! |---|---|---|
//! | Empty | the thread is awake | leaves Notified |
//! | Asleep | it is in a plain park, or about to be | leaves Notified, unparks the thread |
//! | Polling | it waits in the reactor, or is about to | leaves Notified, notifies the reactor |
//! | Notified | a notice lies there | nothing more |

use filch_primitive::ByteLock;
use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use filch_primitive::thread::{self, Thread};
use std::sync::Arc;
use std::time::Duration;

const EMPTY: u8 = 0;
const ASLEEP: u8 = 1;
const POLLING: u8 = 2;
const NOTIFIED: u8 = 3;

/// Where a thread waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a plain park.
    Bed,
    /// In the reactor.
    Reactor,
}

/// One slot's sleep.
pub(super) struct Parker(Arc<ParkerState>);

struct ParkerState {
    state: AtomicU8,
    tended: AtomicBool,
    lent: AtomicBool,
    thread: ByteLock<Option<Thread>>,
}

impl Parker {
    pub(super) fn new() -> Self {
        Self(Arc::new(ParkerState {
            state: AtomicU8::new(EMPTY),
            tended: AtomicBool::new(false),
            lent: AtomicBool::new(false),
            thread: ByteLock::new(None),
        }))
    }

    /// The calling thread tends the slot, until the value is dropped on it.
    pub(super) fn tend(&self) -> Tended {
        let before = self.0.thread.lock().replace(thread::current());
        drop(before);
        // Ordering: Relaxed, see `is_tended`.
        self.0.tended.store(true, Ordering::Relaxed);
        Tended(self.0.clone())
    }

    pub(super) fn is_tended(&self) -> bool {
        // Ordering: Relaxed. Where it decides who minds a deadline, it stands behind a fence, and whoever leaves looks
        // behind another: see `Roles::left`.
        self.0.tended.load(Ordering::Relaxed)
    }

    pub(super) fn is_asleep(&self) -> bool {
        // Ordering: Relaxed. Where it decides who is to take a role up, fences stand before it and behind `begin`. A
        // thread that has just woken, and now gets stuck, is the sentinel's business.
        matches!(self.0.state.load(Ordering::Relaxed), ASLEEP | POLLING)
    }

    /// The slot's thread blocks, and waits plainly; or does so no more.
    pub(super) fn lend(&self, lent: bool) {
        // Ordering: Release, paired with the Acquire in `rests`: the thread counts as one that waits plainly from before until
        // after.
        self.0.lent.store(lent, Ordering::Release);
    }

    /// Whether a notice lies there, for the thread itself.
    pub(super) fn is_notified(&self) -> bool {
        // Ordering: Relaxed. Whoever gave the notice has let something else be seen since, which the caller has seen.
        self.0.state.load(Ordering::Relaxed) == NOTIFIED
    }

    /// Whether the slot's thread, if there is one, can do nothing until somebody wakes it.
    pub(super) fn rests(&self) -> bool {
        // Ordering: Acquire, paired with the Release of the exchange in `begin` and of the store in `Tended`'s drop: whoever
        // sees the thread asleep, or gone, sees whom it woke. For `lent` see `lend`; a thread that has just begun to tend the slot
        // has done nothing yet, and holds nothing.
        !self.0.tended.load(Ordering::Acquire)
            || matches!(self.0.state.load(Ordering::Acquire), ASLEEP | POLLING)
            || self.0.lent.load(Ordering::Acquire)
    }

    pub(super) fn is_polling(&self) -> bool {
        // Ordering: Relaxed, a hint.
        self.0.state.load(Ordering::Relaxed) == POLLING
    }

    /// Empty => Asleep or Polling, or Notified => Empty: then there is nothing to wait for.
    pub(super) fn begin(&self, place: Place) -> bool {
        let how = match place {
            Place::Bed => ASLEEP,
            Place::Reactor => POLLING,
        };
        // Ordering: Release and Acquire, each paired with the other in `unpark`'s exchange.
        let begun = self.0.state.compare_exchange(EMPTY, how, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !begun {
            // Ordering: Acquire, paired with the Release in `unpark`.
            self.0.state.swap(EMPTY, Ordering::Acquire);
        }
        begun
    }

    /// Whatever => Empty. True when a notice lay there.
    pub(super) fn end(&self) -> bool {
        // Ordering: Acquire, paired with the Release in `unpark`: what the notifier did is seen.
        let order = mutant::ordering("parker.end.order", Ordering::Acquire, Ordering::Relaxed);
        self.0.state.swap(EMPTY, order) == NOTIFIED
    }

    /// Waits in a plain park, begun before, until unparked, nudged, or the time is up.
    pub(super) fn wait(timeout: Option<Duration>) {
        match timeout {
            Some(Duration::ZERO) => {}
            Some(timeout) => thread::park_timeout(timeout),
            None => thread::park(),
        }
    }

    /// Sleeps in a plain park until unparked.
    pub(super) fn await_unpark(&self) {
        while self.begin(Place::Bed) {
            Self::wait(None);
            if self.end() {
                return;
            }
        }
    }

    /// Ends the current or the next sleep. `notify` is asked to end the reactor's wait, where it is in that.
    pub(super) fn unpark(&self, notify: impl FnOnce()) {
        // Ordering: Release, paired with the Acquire in `end` and `begin`.
        match self.0.state.swap(NOTIFIED, Ordering::Release) {
            ASLEEP => self.unpark_thread(),
            POLLING => notify(),
            _ => {}
        }
    }

    /// Makes the current sleep, or the one that is about to begin, return for no reason.
    pub(super) fn nudge(&self, notify: impl FnOnce()) {
        // Ordering: Relaxed, behind the caller's fence.
        match self.0.state.load(Ordering::Relaxed) {
            ASLEEP => self.unpark_thread(),
            POLLING => notify(),
            EMPTY if !mutant::planted("parker.nudge.early") => {
                self.unpark_thread();
                notify();
            }
            _ => {}
        }
    }

    fn unpark_thread(&self) {
        let thread = self.0.thread.lock().clone();
        if let Some(thread) = thread {
            thread.unpark();
        }
    }
}

/// Says that a thread tends the slot, while it lives.
pub(super) struct Tended(Arc<ParkerState>);

impl Drop for Tended {
    fn drop(&mut self) {
        // Ordering: Release, paired with the Acquire in `rests`; for the rest see `is_tended`.
        let order = mutant::ordering("parker.leave.order", Ordering::Release, Ordering::Relaxed);
        self.0.tended.store(false, order);
        let thread = self.0.thread.lock().take();
        drop(thread);
    }
}
