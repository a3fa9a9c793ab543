//! The wheel against a `BTreeMap`, on every level boundary.

#![allow(unsafe_code, reason = "the wheel is handed entries that the test keeps in place")]

use super::{Step, Wheel};
use crate::entry::Entry;
use crate::line::{Nanos, Resolution};
use crate::testing::{Random, rounds};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::ptr::NonNull;

const LAST: u64 = Nanos::MAX.raw();

/// A wheel and what it should hold: for each tick the entries filed for it.
struct Pair {
    wheel: Wheel,
    resolution: Resolution,
    now: u64,
    entries: Vec<Pin<Box<Entry>>>,
    /// Keys are ticks; the entries of a tick are in the order they were put in.
    model: BTreeMap<u64, Vec<usize>>,
    /// Entries in the model.
    held: usize,
    /// The order within a tick is not known: an entry was moved lazily, or filed while a turn stood still.
    loose: bool,
}

impl Pair {
    fn new(resolution: Resolution, now: u64) -> Self {
        let wheel = Wheel::new(resolution, resolution.begin(now));
        Self { wheel, resolution, now, entries: Vec::new(), model: BTreeMap::new(), held: 0, loose: false }
    }

    fn at(&self, id: usize) -> NonNull<Entry> {
        NonNull::from(&*self.entries[id])
    }

    fn insert(&mut self, deadline: Nanos) {
        let id = self.entries.len();
        self.entries.push(Box::pin(Entry::new(deadline, false)));
        self.insert_again(id);
    }

    fn insert_again(&mut self, id: usize) {
        let when = self.resolution.at_or_after(self.entries[id].deadline());
        // SAFETY: entries are boxed and kept until the wheel is gone; this one is in no wheel.
        let filed = unsafe { self.wheel.insert(self.at(id), self.now) };
        match filed {
            Some(filed) => {
                assert_eq!(filed, when);
                self.model.entry(when).or_default().push(id);
                self.held += 1;
            }
            None => assert!(when <= self.now, "refused {when} at {}", self.now),
        }
    }

    /// Takes the entry out of the model; says whether it was there.
    fn forget(&mut self, id: usize) -> bool {
        let when = self.resolution.at_or_after(self.entries[id].deadline());
        let Some(ids) = self.model.get_mut(&when) else { return false };
        let Some(index) = ids.iter().position(|&other| other == id) else { return false };
        ids.remove(index);
        self.held -= 1;
        if ids.is_empty() {
            self.model.remove(&when);
        }
        true
    }

    fn cancel(&mut self, id: usize) -> bool {
        let known = self.forget(id);
        if known {
            // SAFETY: the model says it is in the wheel.
            unsafe { self.wheel.remove(self.at(id)) };
        }
        known
    }

    /// As a future does it: a plain store for later, out and in again for earlier.
    fn reset(&mut self, id: usize, deadline: Nanos) {
        if deadline < self.entries[id].deadline() {
            if self.cancel(id) {
                self.entries[id].set_deadline(deadline);
                self.insert_again(id);
            }
        } else if self.forget(id) {
            self.entries[id].set_deadline(deadline);
            self.model.entry(self.resolution.at_or_after(deadline)).or_default().push(id);
            self.held += 1;
            self.loose = true;
        }
    }

    /// Turns to `now`, calling `between` at each pause, and compares what fires.
    fn turn(&mut self, now: u64, budget: u32, mut between: impl FnMut(&mut Self)) {
        self.now = self.now.max(now);
        let mut left = budget;
        loop {
            match self.wheel.step(now, &mut left) {
                Step::Due(entry) => self.expect(entry, now),
                Step::Pause => {
                    left = budget;
                    between(self);
                }
                Step::Idle => break,
            }
        }
        let overdue = self.model.range(..=now).next();
        assert!(overdue.is_none(), "at {now} not fired: {overdue:?}");
        self.check();
    }

    fn expect(&mut self, fired: NonNull<Entry>, now: u64) {
        let (&when, ids) = self.model.first_key_value().expect("something fired that was not there");
        assert!(when <= now, "{when} fired early at {now}");
        let fired = if self.loose {
            ids.iter().copied().find(|&id| self.at(id) == fired)
        } else {
            Some(ids[0]).filter(|&id| self.at(id) == fired)
        };
        let id = fired.expect("the entries fire in the order of their ticks");
        assert!(self.forget(id));
    }

    fn check(&self) {
        assert_eq!(self.wheel.len(), self.held);
        match (self.wheel.next(), self.model.keys().next()) {
            (Some(next), Some(&earliest)) => assert!(next <= earliest, "{next} oversleeps {earliest}"),
            (next, earliest) => assert_eq!(next, earliest.copied()),
        }
    }

    fn ids(&self) -> usize {
        self.entries.len()
    }
}

/// Ticks around each border of a level, and some beyond all usual ones.
fn borders() -> Vec<u64> {
    let powers =
        (0..11).map(|level| 64_u64.checked_pow(level)).chain([Some(1 << 30), Some(1 << 36), Some(1 << 63)]);
    let mut borders: Vec<_> = powers
        .flatten()
        .flat_map(|power| [1, 2, 63].map(|n| power.saturating_mul(n)))
        .flat_map(|tick| [tick - 1, tick, tick.saturating_add(1)])
        .chain([0, LAST - 1, LAST])
        .filter(|&tick| tick <= LAST)
        .collect();
    borders.sort_unstable();
    borders.dedup();
    borders
}

#[test]
fn each_border_fires_in_its_very_tick_from_each_border() {
    let borders = borders();
    let starts = borders.iter().copied().step_by(if cfg!(miri) { 40 } else { 1 });
    for start in starts {
        let mut pair = Pair::new(Resolution::EXACT, start);
        for &when in &borders {
            pair.insert(Nanos::from_raw(when));
        }
        assert_eq!(
            pair.wheel.len(),
            borders.iter().filter(|&&when| when > start).count(),
            "the past is refused"
        );
        for &when in borders.iter().filter(|&&when| when > start) {
            pair.turn(when - 1, u32::MAX, |_| ());
            assert_eq!(pair.wheel.next(), Some(when), "the driver sleeps exactly so long");
            pair.turn(when, u32::MAX, |_| ());
        }
        assert_eq!(pair.wheel.next(), None);
    }
}

#[test]
fn each_border_fires_when_time_jumps() {
    let borders = borders();
    for &start in borders.iter().step_by(if cfg!(miri) { 40 } else { 1 }) {
        for &jump in borders.iter().filter(|&&jump| jump > start).step_by(7) {
            let mut pair = Pair::new(Resolution::EXACT, start);
            borders.iter().rev().for_each(|&when| pair.insert(Nanos::from_raw(when)));
            pair.turn(jump, u32::MAX, |_| ());
            pair.turn(LAST, u32::MAX, |_| ());
        }
    }
}

#[test]
fn the_earliest_is_found_behind_a_coarse_slot() {
    // The later entry is filed first and coarsely; time comes to its slot's begin; the earlier one is filed
    // finely, or coarsely as well, beside it.
    let mut pair = Pair::new(Resolution::EXACT, 0);
    pair.insert(Nanos::from_raw(64 * 64 + 70));
    pair.insert(Nanos::from_raw(64 * 64 + 5));
    assert_eq!(pair.wheel.next(), Some(64 * 64 + 5));
    pair.turn(64 * 64 - 1, u32::MAX, |_| ());
    pair.insert(Nanos::from_raw(64 * 64 + 1));
    assert_eq!(pair.wheel.next(), Some(64 * 64 + 1));
    pair.turn(64 * 64, u32::MAX, |_| ());
    assert_eq!((pair.wheel.len(), pair.wheel.next()), (3, Some(64 * 64 + 1)));
    pair.turn(64 * 64 + 5, u32::MAX, |_| ());
    assert_eq!((pair.wheel.len(), pair.wheel.next()), (1, Some(64 * 64 + 70)));
}

#[test]
fn a_lone_entry_is_one_wake_up_however_far_away() {
    let mut pair = Pair::new(Resolution::COARSE, 12_345);
    let day = 86_400_000_000_000 >> 16;
    pair.insert(Resolution::COARSE.begin(12_345 + day));
    assert_eq!(pair.wheel.next(), Some(12_345 + day));
    pair.turn(12_345 + day, u32::MAX, |_| ());
    assert_eq!(pair.wheel.len(), 0);
}

#[test]
fn the_elapsed_tick_is_past() {
    let mut pair = Pair::new(Resolution::EXACT, 4096);
    pair.insert(Nanos::from_raw(4096));
    assert_eq!(pair.wheel.len(), 0);
    pair.insert(Nanos::from_raw(4097));
    assert_eq!(pair.wheel.len(), 1);
    pair.turn(4097, u32::MAX, |_| ());
}

#[test]
fn the_last_tick_of_the_line_fires() {
    for resolution in [Resolution::EXACT, Resolution::COARSE] {
        let last = resolution.at_or_after(Nanos::MAX);
        let mut pair = Pair::new(resolution, 0);
        pair.insert(Nanos::MAX);
        pair.turn(last - 1, u32::MAX, |_| ());
        assert_eq!(pair.wheel.len(), 1);
        pair.turn(last, u32::MAX, |_| ());
    }
}

#[test]
fn a_tick_shared_by_many_is_fired_in_the_order_they_came() {
    let mut pair = Pair::new(Resolution::EXACT, 1);
    let many = rounds(10_000) as u64;
    for n in 0..many {
        pair.insert(Nanos::from_raw(1 << 20));
        // Some time passes, so that they are filed at different levels.
        pair.turn(1 + n * 64, u32::MAX, |_| ());
    }
    pair.turn(1 << 20, 3, |_| ());
    assert_eq!(pair.wheel.len(), 0);
}

#[test]
fn popping_empties_a_wheel_that_stood_still_in_the_middle() {
    let mut pair = Pair::new(Resolution::EXACT, 0);
    (64..128).for_each(|when| pair.insert(Nanos::from_raw(when)));
    assert!(matches!(pair.wheel.step(64, &mut 3), Step::Due(_)));
    assert!(matches!(pair.wheel.step(64, &mut 3), Step::Pause));
    let popped = std::iter::from_fn(|| (pair.wheel.len() > 0).then(|| pair.wheel.pop())).count();
    assert_eq!(popped, 63);
    assert!(pair.wheel.pop().is_none());
    assert_eq!(pair.wheel.next(), None);
}

fn random_point(random: &mut Random, now: Nanos) -> Nanos {
    let reach = 1_u64 << random.below(64);
    let border = 64_u64.checked_pow(random.below(11) as u32).unwrap_or(1 << 63);
    let raw = now.raw();
    Nanos::from_raw(match random.below(8) {
        0 => raw.saturating_add(border),
        1 => raw.saturating_add(border - 1),
        2 => raw.saturating_add(border + 1),
        3 => (raw | (border - 1)).saturating_add(random.below(3)),
        4 => raw.saturating_sub(random.below(100)),
        5 => LAST - random.below(3),
        _ => raw.saturating_add(random.below(reach)),
    })
}

fn random_change(pair: &mut Pair, random: &mut Random) {
    let now = pair.resolution.begin(pair.now);
    let id = if pair.ids() == 0 { 0 } else { random.below(pair.ids() as u64) as usize };
    match random.below(8) {
        0 if pair.ids() > 0 => drop(pair.cancel(id)),
        1 if pair.ids() > 0 => {
            let deadline = random_point(random, now);
            pair.reset(id, deadline);
        }
        _ => {
            let deadline = random_point(random, now);
            pair.insert(deadline);
        }
    }
}

fn random_run(resolution: Resolution, seed: u64, lazily: bool) {
    let mut random = Random::new(seed);
    let borders = borders();
    let start = borders[random.below(borders.len() as u64) as usize];
    let start = resolution.at_or_before(Nanos::from_raw(start));
    let last = resolution.at_or_after(Nanos::MAX);
    let mut pair = Pair::new(resolution, start);
    // Changes in a pause may file an entry behind one that is pending for the same tick.
    pair.loose = lazily;
    for _ in 0..400 {
        for _ in 0..random.below(6) {
            if lazily {
                random_change(&mut pair, &mut random);
            } else {
                let deadline = random_point(&mut random, resolution.begin(pair.now));
                pair.insert(deadline);
            }
            pair.check();
        }
        let to = match (random.below(4), pair.wheel.next()) {
            (0, Some(next)) => next,
            (1, Some(next)) => next.saturating_sub(1),
            (2, Some(next)) => next + random.below(2),
            // Mostly short ways: a far jump ends the story.
            _ => pair.now.saturating_add({
                let reach = 1 << random.below(30);
                random.below(reach)
            }),
        };
        let budget = if lazily { 1 + random.below(4) as u32 } else { u32::MAX };
        pair.turn(to.clamp(pair.now, last), budget, |pair| {
            if lazily && random.below(4) == 0 {
                random_change(pair, &mut random);
                pair.check();
            }
        });
    }
    pair.turn(last, 7, |_| ());
    assert_eq!(pair.wheel.len(), 0);
}

#[test]
fn random_entries_fire_in_the_order_of_a_btree_map() {
    (0..rounds(600) as u64).for_each(|seed| random_run(Resolution::EXACT, seed, false));
    (0..rounds(300) as u64).for_each(|seed| random_run(Resolution::COARSE, seed, false));
}

#[test]
fn random_entries_come_go_and_move_as_in_a_btree_map() {
    (0..rounds(600) as u64).for_each(|seed| random_run(Resolution::EXACT, seed, true));
    (0..rounds(300) as u64).for_each(|seed| random_run(Resolution::COARSE, seed, true));
}
