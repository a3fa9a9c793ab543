//! Events, whose futures are polled in any order and dropped at any time, against a flag.

use super::bell::Bell;
use super::bytes::Bytes;
use filch::sync::{Event, EventWait};
use std::future::Future;
use std::pin::Pin;
use std::task::Context;

/// More than are woken in one go.
const FUTURES_MAX: usize = 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Waits,
    /// The event was set while it waited, whatever came after.
    Released,
}

struct Case<'e> {
    future: Pin<Box<EventWait<'e>>>,
    state: State,
    bell: Bell,
}

pub(super) fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let event = Event::new();
    let mut is_set = false;
    let mut cases: Vec<Case<'_>> = Vec::new();
    while let Some(operation) = bytes.operation(9) {
        let at = bytes.below(cases.len());
        match operation {
            0..=2 if cases.len() < FUTURES_MAX => {
                cases.push(Case { future: Box::pin(event.wait()), state: State::New, bell: Bell::default() });
            }
            3..=5 if at < cases.len() => {
                let case = &mut cases[at];
                case.bell.silence();
                let polled = case.future.as_mut().poll(&mut Context::from_waker(&case.bell.waker()));
                assert_eq!(polled.is_ready(), is_set || case.state == State::Released);
                if polled.is_ready() {
                    cases.swap_remove(at);
                } else {
                    case.state = State::Waits;
                }
            }
            6 if at < cases.len() => drop(cases.swap_remove(at)),
            7 => {
                event.set();
                is_set = true;
                let waiting = cases.iter_mut().filter(|case| case.state == State::Waits);
                waiting.for_each(|case| case.state = State::Released);
            }
            8 => {
                event.clear();
                is_set = false;
            }
            _ => {}
        }
        assert_eq!(event.is_set(), is_set);
        for case in &cases {
            let rings = usize::from(case.state == State::Released);
            assert_eq!(case.bell.rings(), rings, "{:?}", case.state);
        }
    }
}
