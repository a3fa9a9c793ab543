//! The queue against a map sorted by deadline and turn, on a clock that is driven over every border of a
//! wheel's levels (R-50 to R-54: wrapped slots, far deadlines, an early deadline hidden in a coarse level).

use crate::testing::{Count, manual, poll, span};
use crate::{Clock, DelayKey, DelayQueue, Expired};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

#[derive(Clone, Debug)]
enum Op {
    Insert(Duration),
    /// At a time so long past.
    InsertPast(Duration),
    /// Of a key ever handed out, by index.
    Remove(usize),
    Reset(usize, Duration),
    Next,
    Advance(Duration),
    /// To the next deadline, less or more by a nanosecond.
    AdvanceToNext(i8),
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => span().prop_map(Op::Insert),
        1 => span().prop_map(Op::InsertPast),
        4 => any::<usize>().prop_map(Op::Remove),
        4 => (any::<usize>(), span()).prop_map(|(index, after)| Op::Reset(index, after)),
        8 => Just(Op::Next),
        // A clock at the end of its line tells little.
        2 => (0..1_u64 << 40).prop_map(|nanos| Op::Advance(Duration::from_nanos(nanos))),
        1 => (0..=1_u64 << 56).prop_map(|nanos| Op::Advance(Duration::from_nanos(nanos))),
        6 => (-1..=1_i8).prop_map(Op::AdvanceToNext),
        1 => Just(Op::Clear),
    ]
}

/// The queue, and what it should hold.
struct Pair {
    clock: Clock,
    queue: DelayQueue<usize>,
    /// By deadline and turn.
    model: BTreeMap<(Instant, usize), usize>,
    /// For each value ever inserted, its key and its place in the model while it is there.
    values: Vec<(DelayKey, Option<(Instant, usize)>)>,
    turns: usize,
    count: Arc<Count>,
    /// The queue said that there is nothing yet: so many wake-ups were counted then.
    waiting: Option<usize>,
}

impl Pair {
    fn at(&mut self, deadline: Instant) -> (Instant, usize) {
        self.turns += 1;
        (deadline, self.turns)
    }

    /// The instant as the queue keeps it: within the time line.
    fn after(&self, after: Duration) -> Instant {
        crate::line::Nanos::from(self.clock.now()).saturating_add(after).to_instant()
    }

    fn insert(&mut self, deadline: Instant, insert: impl FnOnce(&mut DelayQueue<usize>, usize) -> DelayKey) {
        let id = self.values.len();
        let place = self.at(deadline);
        let key = insert(&mut self.queue, id);
        assert!(self.values.iter().all(|(other, _)| *other != key), "a key twice");
        self.model.insert(place, id);
        self.values.push((key, Some(place)));
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Insert(after) => self.insert(self.after(after), |queue, id| queue.insert(id, after)),
            Op::InsertPast(before) => {
                let Some(deadline) = self.clock.now().checked_sub(before) else { return };
                let deadline = crate::line::Nanos::from(deadline).to_instant();
                self.insert(deadline, |queue, id| queue.insert_at(id, deadline));
            }
            Op::Remove(index) => {
                let Some(id) = index.checked_rem(self.values.len()) else { return };
                let (key, place) = &mut self.values[id];
                let expected =
                    place.take().map(|place| self.model.remove(&place).expect("the model is consistent"));
                assert_eq!(self.queue.remove(key), expected);
            }
            Op::Reset(index, after) => {
                let Some(id) = index.checked_rem(self.values.len()) else { return };
                let fresh = self.at(self.after(after));
                let (key, place) = &mut self.values[id];
                assert_eq!(self.queue.reset(key, after).is_ok(), place.is_some());
                if let Some(place) = place {
                    self.model.remove(place);
                    self.model.insert(fresh, id);
                    *place = fresh;
                }
            }
            Op::Next => self.next(),
            Op::Advance(by) => self.clock.advance(by),
            Op::AdvanceToNext(off) => {
                let Some((&(deadline, _), _)) = self.model.first_key_value() else { return };
                let until = deadline.saturating_duration_since(self.clock.now()).as_nanos();
                self.clock.advance(Duration::from_nanos_u128(until.saturating_add_signed(off.into())));
            }
            Op::Clear => {
                self.queue.clear();
                self.model.clear();
                self.values.iter_mut().for_each(|(_, place)| *place = None);
            }
        }
    }

    fn next(&mut self) {
        let due = poll(pin!(self.queue.next()), &self.count);
        let first = self.model.first_key_value().map(|(&place, &id)| (place, id));
        let expected = match first {
            None => Poll::Ready(None),
            Some(((deadline, _), _)) if deadline > self.clock.now() => Poll::Pending,
            Some((place, id)) => {
                self.model.remove(&place);
                self.values[id].1 = None;
                Poll::Ready(Some((self.values[id].0, place.0, id)))
            }
        };
        self.waiting = due.is_pending().then(|| self.count.get());
        let due = due.map(|due| due.map(|due: Expired<usize>| (due.key(), due.deadline(), due.into_inner())));
        assert_eq!(due, expected);
    }

    fn check(&self) {
        assert_eq!((self.queue.len(), self.queue.is_empty()), (self.model.len(), self.model.is_empty()));
        let first = self.model.first_key_value();
        assert_eq!(self.queue.peek(), first.map(|(_, &id)| self.values[id].0));
        for (key, place) in &self.values {
            assert_eq!(self.queue.deadline(key), place.map(|(deadline, _)| deadline));
        }
        // Whoever was told to wait is woken when there is something, or nothing more to wait for.
        let over = first.is_none_or(|(&(deadline, _), _)| deadline <= self.clock.now());
        if let Some(before) = self.waiting {
            assert!(!over || self.count.get() > before, "a wake-up is lost");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 256 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn it_is_a_sorted_map(ops in vec(op(), 1..80)) {
        let (clock, _timer, _context) = manual();
        let mut pair = Pair {
            clock,
            queue: DelayQueue::new(),
            model: BTreeMap::new(),
            values: Vec::new(),
            turns: 0,
            count: Count::new(),
            waiting: None,
        };
        for op in ops {
            pair.apply(op);
            pair.check();
        }
        // To the end of time: everything comes out.
        pair.clock.advance(Duration::MAX);
        while !pair.model.is_empty() {
            pair.next();
        }
        pair.next();
    }
}
