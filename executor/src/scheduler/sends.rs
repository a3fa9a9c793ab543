//! What a thread outside remembers of the tasks it has sent, and so where it sends the next.

use super::inbox::Pushed;
use super::policy;
use super::shared::Shared;
use filch_primitive::thread;
use std::cell::Cell;

/// Tasks a thread outside sends to one worker before it moves on to the next.
const STICKY_SENDS: usize = 64;

filch_primitive::thread_local! {
    static SENDS: Cell<Sends> = const { Cell::new(Sends::NONE) };
}

/// What this thread has sent from outside.
#[derive(Clone, Copy)]
pub(super) struct Sends {
    /// How many tasks, begun at a place of its own so that threads spread over the workers.
    count: usize,
    /// To which scheduler the last went, an address to compare.
    shared: usize,
    /// To which slot.
    slot: usize,
    /// In which tick of the sentinel's.
    tick: usize,
    /// How many to that slot since it took what was in its inbox.
    waiting: u32,
    /// How many in a row.
    run: u32,
    /// How many polls that slot had begun when this was last looked at.
    polls: u64,
}

impl Sends {
    const NONE: Self = Self { count: 0, shared: 0, slot: 0, tick: 0, waiting: 0, run: 0, polls: 0 };

    pub(super) fn get() -> Self {
        let sends = SENDS.get();
        if sends.count != 0 {
            return sends;
        }
        // Scaled so that one thread's step is a whole stretch.
        Self { count: thread::spread().wrapping_mul(STICKY_SENDS).max(1), ..sends }
    }

    /// Counts stretches of tasks that go to one worker.
    pub(super) fn stretch(&self) -> usize {
        self.count / STICKY_SENDS
    }

    /// The worker to which the last task went, if it is awake, gets on, and will soon be through with what it was sent: then
    /// another worker would have to be woken for what this one does in passing.
    pub(super) fn target_of(&self, shared: &Shared) -> Option<usize> {
        let recent = self.shared == address(shared) && self.tick == shared.sentinel.tick();
        if !recent || shared.idle.is_parked(self.slot) {
            return None;
        }
        let slot = shared.slot(self.slot);
        let work = u64::from(self.waiting).saturating_mul(slot.mean_poll_ns());
        let gets_on = !slot.is_blocked() && !(self.is_look_due() && slot.counters.polls() == self.polls);
        (gets_on && work < policy::saturating_ns(policy::HELD_UP)).then_some(self.slot)
    }

    /// Whether it is time to see how far the slot has come. Not each time: it writes that line at each poll.
    fn is_look_due(&self) -> bool {
        self.run > 0 && self.run.is_multiple_of(policy::SENDS_PER_LOOK)
    }

    /// One more was sent.
    pub(super) fn next(self, shared: &Shared, slot: usize, pushed: &Pushed) {
        let same = self.shared == address(shared) && self.slot == slot;
        let polls = if same && !self.is_look_due() { self.polls } else { shared.slot(slot).counters.polls() };
        SENDS.set(Self {
            count: self.count.wrapping_add(1).max(1),
            shared: address(shared),
            slot,
            tick: shared.sentinel.tick(),
            waiting: if same && *pushed == Pushed::Behind { self.waiting.saturating_add(1) } else { 1 },
            run: if same { self.run.wrapping_add(1) } else { 1 },
            polls,
        });
    }
}

fn address(shared: &Shared) -> usize {
    std::ptr::from_ref(shared).addr()
}
