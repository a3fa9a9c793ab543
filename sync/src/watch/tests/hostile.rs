//! User code that panics or comes back.

use crate::testing::{Hand, PanicOnWake};
use crate::watch::{Receiver, Sender, channel};
use filch_primitive::WAKE_BATCH_CAPACITY;
use futures_core::Stream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

#[test]
fn a_change_that_panics_tells_nobody_and_poisons_nothing() {
    let (sender, mut receiver) = channel("one");
    let mut other = receiver.clone();
    let mut changed = Hand::new(other.changed());
    changed.pends();
    for with_answer in [false, true] {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            if with_answer {
                sender.send_if_modified(|_| panic!("on purpose"));
            } else {
                sender.send_modify(|value| {
                    *value = "half";
                    panic!("on purpose");
                });
            }
        }));
        assert!(panicked.is_err());
        assert_eq!(changed.wakes(), 0);
        changed.pends();
        assert!(!receiver.has_changed());
        assert_eq!(*receiver.borrow(), "half");
    }
    sender.send_modify(|value| *value = "three");
    assert_eq!((changed.wakes(), changed.ready()), (1, Ok(())));
    assert_eq!(*receiver.borrow_and_update(), "three");
}

#[test]
fn a_question_that_panics_poisons_nothing() {
    let (sender, mut receiver) = channel(1);
    let asked = catch_unwind(AssertUnwindSafe(|| {
        Hand::new(receiver.wait_for(|_| panic!("on purpose"))).poll().is_ready()
    }));
    assert!(asked.is_err());
    assert_eq!(sender.send(2), Ok(()));
    assert_eq!(*receiver.borrow_and_update(), 2);
}

#[test]
fn a_waker_that_panics_costs_the_others_nothing() {
    let (sender, receiver) = channel(0);
    let mut receivers = [receiver.clone(), receiver.clone(), receiver];
    let mut hands: Vec<_> = receivers.iter_mut().map(|receiver| Hand::new(receiver.changed())).collect();
    hands[0].pends();
    assert!(hands[1].poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    hands[2].pends();
    sender.send_replace(1);
    assert_eq!((hands[0].wakes(), hands[2].wakes()), (1, 1));
    assert!(hands.iter_mut().all(|hand| hand.ready().is_ok()));
}

/// Sends when woken, and when dropped.
struct ComesBack(Sender<usize>, AtomicUsize);

impl ComesBack {
    fn come_back(&self) {
        // Not for ever: a waker that is woken by its own send.
        if self.1.fetch_add(1, Ordering::Relaxed) < 3 {
            self.0.send_modify(|value| *value += 1);
            assert!(*self.0.subscribe().borrow() > 0);
        }
    }
}

impl Wake for ComesBack {
    fn wake(self: Arc<Self>) {
        self.come_back();
    }
}

impl Drop for ComesBack {
    fn drop(&mut self) {
        self.come_back();
    }
}

#[test]
fn wakers_run_and_drop_under_no_lock() {
    let (sender, mut receiver) = channel(0);
    let waker = Arc::new(ComesBack(sender.clone(), AtomicUsize::new(0)));
    let mut changed = Hand::new(receiver.changed());
    assert!(changed.poll_with(&Waker::from(waker.clone())).is_pending());
    sender.send_replace(1);
    assert_eq!(waker.1.load(Ordering::Relaxed), 1);
    assert_eq!(changed.ready(), Ok(()));
    assert!(changed.poll_with(&Waker::from(waker)).is_pending());
    // Replaced, the last owner of the waker drops it, and it sends.
    assert!(changed.poll().is_pending());
    assert_eq!((changed.wakes(), changed.ready()), (1, Ok(())));
}

/// A value that looks at its channel when dropped.
struct Looks(Arc<Mutex<Option<Sender<Looks>>>>, usize);

impl Drop for Looks {
    fn drop(&mut self) {
        if let Ok(place) = self.0.try_lock()
            && let Some(sender) = &*place
        {
            assert_eq!(sender.borrow().1, self.1 + 1, "it was replaced by the next");
        }
    }
}

#[test]
fn a_replaced_value_is_dropped_under_no_lock() {
    let place = Arc::new(Mutex::new(None));
    let (sender, receiver) = channel(Looks(place.clone(), 0));
    *place.lock().unwrap() = Some(sender.clone());
    assert!(sender.send(Looks(place.clone(), 1)).is_ok());
    drop(sender.send_replace(Looks(place.clone(), 2)));
    assert_eq!(receiver.borrow().1, 2);
    let last = place.lock().unwrap().take();
    drop((last, sender));
}

#[test]
fn a_clone_that_panics_has_seen_and_harms_nothing() {
    struct Fragile(usize);

    impl Clone for Fragile {
        fn clone(&self) -> Self {
            assert_ne!(self.0, 1, "a clone that panics on purpose");
            Self(self.0)
        }
    }

    let (sender, mut receiver) = channel(Fragile(0));
    let mut next = || Pin::new(&mut receiver).poll_next(&mut Context::from_waker(Waker::noop()));
    sender.send_replace(Fragile(1));
    assert!(catch_unwind(AssertUnwindSafe(|| next().is_ready())).is_err());
    assert!(next().is_pending());
    sender.send_replace(Fragile(2));
    assert!(matches!(next(), Poll::Ready(Some(Fragile(2)))));
}

/// One that waits as a stream looks at a value while those before it are being told of it, and waits for the next: in its place
/// it would stand before those behind it that have not seen the value.
#[test]
fn one_that_has_seen_more_since_it_joined_hides_nobody_behind_it() {
    struct Ahead(Mutex<Receiver<usize>>);

    impl Ahead {
        fn waits(&self) {
            let mut receiver = self.0.lock().unwrap();
            let mut cx = Context::from_waker(Waker::noop());
            assert!(Pin::new(&mut *receiver).poll_next(&mut cx).is_pending());
        }
    }

    impl Wake for Ahead {
        fn wake(self: Arc<Self>) {
            assert_eq!(*self.0.lock().unwrap().borrow_and_update(), 1);
            self.waits();
        }
    }

    let (sender, streaming) = channel(0);
    let ahead = Arc::new(Ahead(Mutex::new(streaming)));
    let mut others: Vec<_> = (0..=WAKE_BATCH_CAPACITY).map(|_| sender.subscribe()).collect();
    let mut waits: Vec<_> = others.iter_mut().map(|receiver| Hand::new(receiver.changed())).collect();
    let mut late = waits.pop().unwrap();
    assert!(waits[0].poll_with(&Waker::from(ahead.clone())).is_pending());
    waits[1..].iter_mut().for_each(Hand::pends);
    ahead.waits();
    late.pends();
    sender.send_replace(1);
    assert_eq!((late.wakes(), late.ready()), (1, Ok(())));
    assert_eq!(sender.statistics().waiters, 1, "the stream");
}
