//! Any order of waiting, setting, clearing and going away, against a model that only counts.

use super::{Event, EventWait};
use crate::testing::Hand;
use proptest::prelude::*;

const HANDS: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Op {
    Start(usize),
    Poll(usize),
    Drop(usize),
    Set,
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (0..HANDS).prop_map(Op::Start),
        4 => (0..HANDS).prop_map(Op::Poll),
        2 => (0..HANDS).prop_map(Op::Drop),
        2 => Just(Op::Set),
        2 => Just(Op::Clear),
    ]
}

/// What is known of a future.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Made,
    Waits,
    Released,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 384, ..ProptestConfig::default() })]

    #[test]
    fn a_future_is_done_exactly_when_it_waited_for_a_set_or_comes_while_it_is_set(
        ops in prop::collection::vec(op(), 1..60)
    ) {
        let event = Event::new();
        let mut hands: Vec<Option<(Hand<EventWait<'_>>, State)>> = (0..HANDS).map(|_| None).collect();
        let mut set = false;
        for op in ops {
            match op {
                Op::Start(at) if hands[at].is_none() => hands[at] = Some((Hand::new(event.wait()), State::Made)),
                Op::Start(_) => {}
                Op::Poll(at) => {
                    let Some((hand, state)) = &mut hands[at] else { continue };
                    let done = *state == State::Released || (*state == State::Made && set);
                    prop_assert_eq!(hand.poll().is_ready(), done);
                    *state = State::Waits;
                    if done {
                        hands[at] = None;
                    }
                }
                Op::Drop(at) => hands[at] = None,
                Op::Set => {
                    event.set();
                    set = true;
                    for (hand, state) in hands.iter_mut().flatten().filter(|(_, state)| *state == State::Waits) {
                        prop_assert_eq!(hand.wakes(), 1, "released, and sleeps");
                        *state = State::Released;
                    }
                }
                Op::Clear => {
                    event.clear();
                    set = false;
                }
            }
            prop_assert_eq!(event.is_set(), set);
            prop_assert!(hands.iter().flatten().all(|(hand, _)| hand.wakes() == 0), "nobody is woken in vain");
            let waits = hands.iter().flatten().filter(|(_, state)| *state == State::Waits).count();
            prop_assert_eq!(event.statistics().waiters, waits);
        }
    }
}
