//! The barrier against a sequential model, with those who wait going away at random.

use super::{Barrier, BarrierWait};
use crate::testing::Hand;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof, proptest};
use std::task::Poll;

const SLOTS: usize = 6;

#[derive(Clone, Copy, Debug)]
enum Op {
    Start(usize),
    Poll(usize),
    Drop(usize),
    Reset,
    Abort,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        6 => (0..SLOTS).prop_map(Op::Start),
        8 => (0..SLOTS).prop_map(Op::Poll),
        3 => (0..SLOTS).prop_map(Op::Drop),
        1 => Just(Op::Reset),
        1 => Just(Op::Abort),
    ];
    proptest::collection::vec(op, 1..80)
}

/// Index and leadership, or broken.
type Verdict = Result<(usize, bool), ()>;

struct Slot<'a> {
    hand: Hand<BarrierWait<'a>>,
    told: Option<Verdict>,
    wakes: usize,
}

struct Run<'a> {
    barrier: &'a Barrier,
    slots: [Option<Slot<'a>>; SLOTS],
    /// Who has arrived, in that order.
    queue: Vec<usize>,
    broken: bool,
    trips: u64,
}

impl Run<'_> {
    fn tell_all(&mut self, verdict: impl Fn(usize) -> Verdict) {
        for (place, me) in self.queue.drain(..).enumerate() {
            self.slots[me].as_mut().expect("in the queue").told = Some(verdict(place));
        }
    }

    fn drop(&mut self, me: usize) {
        self.slots[me] = None;
        self.queue.retain(|other| *other != me);
    }

    fn poll(&mut self, me: usize) {
        let Some(slot) = &mut self.slots[me] else { return };
        let polled =
            slot.hand.poll().map(|result| result.map(|it| (it.index(), it.is_leader())).map_err(drop));
        let expected = if let Some(told) = slot.told {
            Poll::Ready(told)
        } else if self.queue.contains(&me) {
            Poll::Pending
        } else if self.broken {
            Poll::Ready(Err(()))
        } else if self.queue.len() + 1 == self.barrier.parties() {
            let last = self.queue.len();
            self.trips += 1;
            self.tell_all(|place| Ok((place, false)));
            Poll::Ready(Ok((last, true)))
        } else {
            self.queue.push(me);
            Poll::Pending
        };
        assert_eq!(polled, expected);
        if expected.is_ready() {
            self.slots[me] = None;
        }
    }

    fn check(&mut self) {
        for slot in self.slots.iter_mut().flatten() {
            slot.wakes += slot.hand.wakes();
            assert_eq!(slot.wakes, usize::from(slot.told.is_some()), "woken once, when it was told");
        }
        let now = self.barrier.statistics();
        assert_eq!((now.waiters, now.broken, now.trips), (self.queue.len(), self.broken, self.trips));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_the_model_does(parties in 0..5_usize, ops in ops()) {
        let barrier = Barrier::new(parties);
        let slots = std::array::from_fn(|_| None);
        let mut run = Run { barrier: &barrier, slots, queue: Vec::new(), broken: false, trips: 0 };
        for op in ops {
            match op {
                Op::Start(me) => {
                    run.drop(me);
                    run.slots[me] = Some(Slot { hand: Hand::new(barrier.wait()), told: None, wakes: 0 });
                }
                Op::Poll(me) => run.poll(me),
                Op::Drop(me) => run.drop(me),
                Op::Reset | Op::Abort => {
                    run.broken = matches!(op, Op::Abort);
                    if run.broken { barrier.abort() } else { barrier.reset() }
                    run.tell_all(|_| Err(()));
                }
            }
            run.check();
        }
    }
}
