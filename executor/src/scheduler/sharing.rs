//! Whether short tasks are worth sharing, as thieves found out.
//!
//! A task that is moved costs its thief and its owner a few misses of their caches. One that goes on for long, or spawns
//! others where it went, pays that back; one that is polled once and awaited by the task that spawned it does not, and
//! with thousands of these two workers are slower than one. The length of polls does not tell the two apart, so each
//! thief measures: how long the tasks it took kept it busy until it had to look for work again, per task taken. When that
//! was too little, or there was nothing left when a thief that had been called came, short tasks rest with their owners
//! for a while, which grows as long as it goes on like that.
//!
//! What this leaves to one worker is short tasks only, for some milliseconds, while that worker gets through them. Coarse
//! polls, polls that hold their worker up, and what lies where no worker is bound to look are shared as ever.

use super::policy;
use filch_primitive::sync::atomic::{AtomicU64, Ordering};
use filch_primitive::time;
use std::time::{Duration, Instant};

/// Until when short tasks rest with their owners.
#[derive(Debug)]
pub(super) struct Rest {
    origin: Instant,
    /// Nanoseconds since `origin`; zero when it is over.
    until: AtomicU64,
}

impl Rest {
    pub(super) fn new() -> Self {
        Self { origin: time::now(), until: AtomicU64::new(0) }
    }

    /// Begins, or goes on.
    fn begin(&self, until: Instant) {
        let until = policy::saturating_ns(until.saturating_duration_since(self.origin));
        // Ordering: Relaxed, here and below: a hint.
        self.until.store(until, Ordering::Relaxed);
    }

    fn end(&self) {
        self.until.store(0, Ordering::Relaxed);
    }

    /// Whether it goes on, by the last look.
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.until.load(Ordering::Relaxed) != 0
    }

    /// Looks whether it still goes on.
    pub(super) fn look(&self, now: Instant) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        let on = until > policy::saturating_ns(now.saturating_duration_since(self.origin));
        if !on && until != 0 {
            self.end();
        }
        on
    }
}

/// What a thief remembers of its last theft.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Spoils {
    taken: Option<(Instant, u64)>,
    rest: Duration,
}

impl Spoils {
    /// So many tasks were stolen.
    pub(super) fn note(&mut self, tasks: u64) {
        self.taken = Some((time::now(), tasks));
    }

    /// Nothing is left to do here: draws the conclusions from the last theft, if there was one.
    pub(super) fn settle(&mut self, rest: &Rest) {
        let Some((since, tasks)) = self.taken.take() else { return };
        let now = time::now();
        let busy = policy::saturating_ns(now.saturating_duration_since(since));
        if busy >= policy::STEAL_GAIN_MIN_NS.saturating_mul(tasks) {
            self.rest = Duration::ZERO;
            rest.end();
        } else {
            self.begin(rest, now);
        }
    }

    /// Called to search, and there is nothing, any more.
    pub(super) fn come_in_vain(&mut self, rest: &Rest) {
        self.begin(rest, time::now());
    }

    fn begin(&mut self, rest: &Rest, now: Instant) {
        self.rest = (self.rest * 2).clamp(policy::STEAL_REST_MIN, policy::STEAL_REST_MAX);
        rest.begin(now + self.rest);
    }
}

#[cfg(all(test, not(filch_loom)))]
mod tests {
    use super::{Rest, Spoils};
    use crate::scheduler::policy;
    use std::time::{Duration, Instant};

    #[test]
    fn a_theft_that_did_not_pay_begins_a_rest_and_one_that_did_ends_it() {
        let (rest, mut spoils) = (Rest::new(), Spoils::default());
        spoils.settle(&rest);
        assert!(!rest.is_on(), "nothing was stolen");
        spoils.note(u64::MAX);
        spoils.settle(&rest);
        assert!(rest.is_on() && rest.look(Instant::now()));
        let first = spoils.rest;
        spoils.note(u64::MAX);
        spoils.settle(&rest);
        assert_eq!(spoils.rest, first * 2);
        for _ in 0..20 {
            spoils.note(u64::MAX);
            spoils.settle(&rest);
        }
        assert_eq!(spoils.rest, policy::STEAL_REST_MAX);
        spoils.note(0);
        spoils.settle(&rest);
        assert!(!rest.is_on() && spoils.rest.is_zero());
    }

    #[test]
    fn a_rest_is_over_in_time() {
        let (rest, now) = (Rest::new(), Instant::now());
        rest.begin(now + Duration::from_millis(1));
        assert!(rest.look(now));
        assert!(!rest.look(now + Duration::from_millis(1)));
        assert!(!rest.is_on(), "and stays over");
    }
}
