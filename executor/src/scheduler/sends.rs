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
    /// The number of the scheduler to which the last went. Not its address, which may be another's by now: a slot of a
    /// scheduler with more workers would be a guest's place here, into whose inbox nobody looks.
    scheduler: u64,
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
    const NONE: Self = Self { count: 0, scheduler: 0, slot: 0, tick: 0, waiting: 0, run: 0, polls: 0 };

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
        let recent = shared.policies.senders_keep
            && self.scheduler == shared.number
            && self.tick == shared.sentinel.tick();
        if !recent || shared.idle.is_parked(self.slot) {
            return None;
        }
        let slot = shared.slot(self.slot);
        let work = u64::from(self.waiting).saturating_mul(slot.mean_poll_ns());
        let stuck = slot.is_blocked() || self.is_look_due() && slot.counters.polls() == self.polls;
        (!stuck && work < policy::saturating_ns(policy::HELD_UP)).then_some(self.slot)
    }

    /// Whether it is time to see how far the slot has come. Not each time: it writes that line at each poll.
    fn is_look_due(&self) -> bool {
        self.run > 0 && self.run.is_multiple_of(policy::SENDS_PER_LOOK)
    }

    /// One more was sent.
    pub(super) fn next(self, shared: &Shared, slot: usize, pushed: &Pushed) {
        let same = self.scheduler == shared.number && self.slot == slot;
        let polls = if same && !self.is_look_due() { self.polls } else { shared.slot(slot).counters.polls() };
        SENDS.set(Self {
            count: self.count.wrapping_add(1).max(1),
            scheduler: shared.number,
            slot,
            tick: shared.sentinel.tick(),
            waiting: if same && *pushed == Pushed::Behind { self.waiting.saturating_add(1) } else { 1 },
            run: if same { self.run.wrapping_add(1) } else { 1 },
            polls,
        });
    }
}

#[cfg(all(test, not(filch_loom)))]
mod tests {
    use super::Sends;
    use crate::scheduler::inbox::Pushed;
    use crate::scheduler::tests::unstarted;
    use crate::scheduler::{Policies, Shared, policy};
    use std::sync::Arc;

    /// Two workers' slots, whose threads are not parked and poll shortly. Each test's own thread sends.
    fn two_workers() -> Arc<Shared> {
        let shared = unstarted(2, Policies::default());
        shared.slots().iter().for_each(|slot| slot.set_mean_poll_ns(100));
        shared
    }

    fn send(shared: &Shared, slot: usize, pushed: Pushed) {
        Sends::get().next(shared, slot, &pushed);
    }

    fn target(shared: &Shared) -> Option<usize> {
        Sends::get().target_of(shared)
    }

    #[test]
    fn senders_keep_to_a_worker_while_it_gets_on() {
        let shared = two_workers();
        assert_eq!(target(&shared), None, "nothing was sent so far");
        for _ in 0..10 * policy::SENDS_PER_LOOK {
            send(&shared, 1, Pushed::First);
            assert_eq!(target(&shared), Some(1));
            shared.slot(1).counters.poll();
        }
        for _ in 1..policy::SENDS_PER_LOOK {
            send(&shared, 1, Pushed::First);
            assert_eq!(target(&shared), Some(1), "it may just be about to go on");
        }
        send(&shared, 1, Pushed::First);
        assert_eq!(target(&shared), None, "it is stuck in a poll");
        assert_eq!(target(&two_workers()), None, "no slot of this scheduler's is meant");
    }

    #[test]
    fn senders_turn_from_a_worker_that_sleeps_or_blocks() {
        let shared = two_workers();
        send(&shared, 1, Pushed::First);
        shared.idle.mark(1);
        assert_eq!(target(&shared), None);
        assert!(shared.idle.claim(1));
        assert_eq!(target(&shared), Some(1));
        shared.slot(1).set_blocked(true);
        assert_eq!(target(&shared), None);
    }

    #[test]
    fn senders_turn_from_a_worker_that_has_enough_to_do() {
        let shared = two_workers();
        let enough = policy::saturating_ns(policy::HELD_UP) / 10;
        shared.slot(1).set_mean_poll_ns(enough);
        send(&shared, 1, Pushed::First);
        for _ in 1..10 {
            assert_eq!(target(&shared), Some(1));
            send(&shared, 1, Pushed::Behind);
        }
        assert_eq!(target(&shared), None);
        send(&shared, 1, Pushed::First);
        assert_eq!(target(&shared), Some(1), "it took what was there");
    }

    #[test]
    fn senders_keep_to_nobody_where_that_is_switched_off() {
        let shared = unstarted(2, Policies { senders_keep: false, ..Policies::default() });
        send(&shared, 1, Pushed::First);
        assert_eq!(target(&shared), None);
    }

    #[test]
    fn a_scheduler_that_lies_where_another_was_is_another() {
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..1_000 {
            let shared = two_workers();
            let here = Arc::as_ptr(&shared).addr();
            if let Some(sends) = seen.get(&here) {
                let sends: &Sends = sends;
                assert_eq!(sends.target_of(&shared), None, "that was another's worker");
                return;
            }
            send(&shared, 1, Pushed::First);
            assert_eq!(Sends::get().target_of(&shared), Some(1));
            seen.insert(here, Sends::get());
        }
        panic!("no scheduler came to lie where another was");
    }
}
