//! Locks, whose futures are polled in any order and dropped at any time, against a flag.
//!
//! Who gets a contended lock is not for a model to say, for it depends on how long somebody has waited. What
//! must hold all the same: one at a time; a free lock that nobody waits for is had at once; and a free lock
//! that somebody waits for has somebody who knows.

use super::bell::Bell;
use super::bytes::Bytes;
use filch::sync::{Lock, LockFuture, LockGuard};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

const FUTURES_MAX: usize = 8;

struct Case<'l> {
    future: Pin<Box<LockFuture<'l, u64>>>,
    waits: bool,
    bell: Bell,
}

pub(super) fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let lock = Lock::new(0);
    let mut cases: Vec<Case<'_>> = Vec::new();
    let mut guard: Option<LockGuard<'_, u64>> = None;
    let mut had = 0;
    while let Some(operation) = bytes.operation(8) {
        let at = bytes.below(cases.len());
        let is_wanted = cases.iter().any(|case| case.waits);
        let got = match operation {
            0 | 1 if cases.len() < FUTURES_MAX => {
                cases.push(Case { future: Box::pin(lock.lock()), waits: false, bell: Bell::default() });
                None
            }
            2..=4 if at < cases.len() => {
                let case = &mut cases[at];
                case.bell.silence();
                match case.future.as_mut().poll(&mut Context::from_waker(&case.bell.waker())) {
                    Poll::Ready(got) => {
                        cases.swap_remove(at);
                        Some(got)
                    }
                    Poll::Pending => {
                        assert!(guard.is_some() || is_wanted, "a free lock that nobody else wants");
                        case.waits = true;
                        None
                    }
                }
            }
            5 if at < cases.len() => {
                cases.swap_remove(at);
                None
            }
            6 => {
                let got = lock.try_lock();
                assert!(got.is_some() || guard.is_some() || is_wanted, "a free lock that nobody wants");
                got
            }
            _ => {
                guard = None;
                None
            }
        };
        if let Some(mut got) = got {
            assert!(guard.is_none(), "two have one lock");
            assert_eq!(*got, had);
            had += 1;
            *got = had;
            guard = Some(got);
        }
        let mut waiting = cases.iter().filter(|case| case.waits).peekable();
        if guard.is_none() && waiting.peek().is_some() {
            assert!(waiting.any(|case| case.bell.has_rung()), "the lock is free, and nobody who waits knows");
        }
    }
    drop((cases, guard));
    assert_eq!(lock.try_lock().map(|count| *count), Some(had), "a lock that everybody has left");
}
