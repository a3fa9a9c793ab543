//! The cell against a sequential model, with those who ask going away at random.

use super::{OnceCell, OnceCellError};
use crate::testing::Hand;
use futures_lite::future::yield_now;
use proptest::prelude::{Just, ProptestConfig, Strategy, prop_oneof, proptest};
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

const SLOTS: usize = 6;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Succeeds,
    Fails,
    Watches,
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Start(usize, Kind),
    Poll(usize),
    Drop(usize),
    Set(usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let kind = prop_oneof![1 => Just(Kind::Succeeds), 3 => Just(Kind::Fails), 1 => Just(Kind::Watches)];
    let op = prop_oneof![
        3 => (0..SLOTS, kind).prop_map(|(slot, kind)| Op::Start(slot, kind)),
        6 => (0..SLOTS).prop_map(Op::Poll),
        2 => (0..SLOTS).prop_map(Op::Drop),
        1 => (100..200_usize).prop_map(Op::Set),
    ];
    proptest::collection::vec(op, 1..80)
}

type Asks<'a> = Hand<Pin<Box<dyn Future<Output = Result<usize, usize>> + 'a>>>;

/// One that asks, and what the model knows of it.
struct Slot<'a> {
    hand: Asks<'a>,
    kind: Kind,
    /// Polled, and waiting: to be told.
    waits: bool,
    woken: bool,
}

struct Run<'a> {
    cell: &'a OnceCell<usize>,
    slots: [Option<Slot<'a>>; SLOTS],
    value: Option<usize>,
    maker: Option<usize>,
}

impl<'a> Run<'a> {
    fn start(&mut self, me: usize, kind: Kind) {
        self.drop(me);
        let cell = self.cell;
        let make = move || async move {
            // Two polls: between them the turn is held.
            yield_now().await;
            if kind == Kind::Succeeds { Ok(me) } else { Err(me) }
        };
        let hand: Asks<'a> = Hand::new(match kind {
            Kind::Watches => Box::pin(async { Ok(*cell.wait().await) }),
            _ => Box::pin(async move { cell.get_or_try_init(make).await.copied() }),
        });
        self.slots[me] = Some(Slot { hand, kind, waits: false, woken: false });
    }

    fn drop(&mut self, me: usize) {
        if self.slots[me].take().is_some() && self.maker == Some(me) {
            self.maker = None;
        }
    }

    fn poll(&mut self, me: usize) {
        let Some(slot) = &mut self.slots[me] else { return };
        slot.woken = false;
        slot.hand.wakes();
        let expected = match (self.value, slot.kind) {
            (Some(value), _) => Poll::Ready(Ok(value)),
            (None, Kind::Watches) => Poll::Pending,
            (None, kind) if self.maker == Some(me) => {
                self.maker = None;
                if kind == Kind::Succeeds {
                    self.value = Some(me);
                }
                Poll::Ready(if kind == Kind::Succeeds { Ok(me) } else { Err(me) })
            }
            (None, _) if self.maker.is_none() => {
                self.maker = Some(me);
                Poll::Pending
            }
            (None, _) => Poll::Pending,
        };
        assert_eq!(slot.hand.poll(), expected);
        slot.waits = expected.is_pending() && self.maker != Some(me);
        if expected.is_ready() {
            self.slots[me] = None;
        }
    }

    fn set(&mut self, value: usize) {
        let expected = match (self.value, self.maker) {
            (Some(_), _) => Err(OnceCellError::Initialized(value)),
            (None, Some(_)) => Err(OnceCellError::Initializing(value)),
            (None, None) => {
                self.value = Some(value);
                Ok(())
            }
        };
        assert_eq!(self.cell.set(value), expected);
    }

    fn check(&mut self) {
        let (mut waiters, mut watchers) = (0, 0);
        for slot in self.slots.iter_mut().flatten() {
            slot.woken |= slot.hand.wakes() > 0;
            if !slot.waits {
                continue;
            }
            let may_go_on = self.value.is_some() || slot.kind != Kind::Watches && self.maker.is_none();
            assert!(slot.woken || !may_go_on, "it could go on, and sleeps");
            assert!(!slot.woken || slot.kind != Kind::Watches || may_go_on, "told of nothing");
            match slot.kind {
                Kind::Watches => watchers += usize::from(!slot.woken),
                _ => waiters += usize::from(!slot.woken),
            }
        }
        let now = self.cell.statistics();
        assert_eq!((now.initialized, now.initializing), (self.value.is_some(), self.maker.is_some()));
        assert_eq!((now.waiters, now.watchers), (waiters, watchers));
        assert_eq!(self.cell.get().copied(), self.value);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_the_model_does(ops in ops()) {
        let cell = OnceCell::new();
        let slots = std::array::from_fn(|_| None);
        let mut run = Run { cell: &cell, slots, value: None, maker: None };
        for op in ops {
            match op {
                Op::Start(slot, kind) => run.start(slot, kind),
                Op::Poll(slot) => run.poll(slot),
                Op::Drop(slot) => run.drop(slot),
                Op::Set(value) => run.set(value),
            }
            run.check();
        }
    }
}
