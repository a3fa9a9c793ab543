//! Users' code where it may do harm: wakers that panic or come back, comparisons that panic or come back, items whose
//! destructors do.

#![allow(unsafe_code, reason = "a waker whose clone uses the queue is made by hand")]

use crate::queue::{Get, PriorityQueue, Queue, Smallest, TryGetError};
use crate::testing::{Hand, PanicOnWake, leak, within_a_minute};
use crate::watchman::held;
use std::cell::Cell;
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{self, AtomicUsize};
use std::sync::{Arc, OnceLock};
use std::task::{RawWaker, RawWakerVTable, Wake, Waker};

#[test]
fn a_waker_that_panics_costs_the_others_nothing() {
    let queue = Queue::bounded(1);
    queue.try_put(0).unwrap();
    let hostile = Waker::from(Arc::new(PanicOnWake));
    let (mut bad_put, mut bad_join) = (Hand::new(queue.put(1)), Hand::new(queue.join()));
    assert!(bad_put.poll_with(&hostile).is_pending());
    assert!(bad_join.poll_with(&hostile).is_pending());
    let mut join = Hand::new(queue.join());
    join.pends();
    assert_eq!(queue.try_get(), Ok(0), "it is got, whatever the waker does");
    queue.task_done().unwrap();
    assert_eq!(join.wakes(), 1);
    join.ready();
    bad_join.ready();
    bad_put.ready().unwrap();
    assert_eq!(queue.try_get(), Ok(1));

    let mut bad_gets: Vec<_> = (0..40).map(|_| Hand::new(queue.get())).collect();
    assert!(bad_gets.iter_mut().all(|get| get.poll_with(&hostile).is_pending()));
    let mut get = Hand::new(queue.get());
    get.pends();
    queue.shutdown(false);
    assert_eq!(get.wakes(), 1);
}

/// A waker that uses the queue.
struct ComesBack(Arc<Queue<u8>>, AtomicUsize);

impl Wake for ComesBack {
    fn wake(self: Arc<Self>) {
        self.1.fetch_add(1, atomic::Ordering::Relaxed);
        let seen = self.0.statistics();
        let _ = self.0.try_get();
        let _ = self.0.try_put(9);
        let _ = self.0.task_done();
        assert!(seen.getters <= 2);
    }
}

#[test]
fn a_waker_may_use_the_queue() {
    within_a_minute(|| {
        let queue = Arc::new(Queue::bounded(1));
        let comes = Arc::new(ComesBack(queue.clone(), AtomicUsize::new(0)));
        let waker = Waker::from(comes.clone());
        let mut get = Hand::new(queue.get());
        assert!(get.poll_with(&waker).is_pending());
        queue.try_put(1).unwrap();
        assert_eq!(get.ready(), Ok(9));
        queue.try_put(2).unwrap();
        let (mut put, mut join) = (Hand::new(queue.put(3)), Hand::new(queue.join()));
        assert!(put.poll_with(&waker).is_pending());
        assert!(join.poll_with(&waker).is_pending());
        queue.shutdown(true);
        assert_eq!(comes.1.load(atomic::Ordering::Relaxed), 3);
    });
}

thread_local! {
    /// How many comparisons are left until one panics.
    static FUSE: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Panics in the comparison at which the fuse burns down.
#[derive(Debug, PartialEq, Eq)]
struct Touchy(u8);

impl PartialOrd for Touchy {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Touchy {
    fn cmp(&self, other: &Self) -> Ordering {
        match FUSE.get() {
            Some(0) => panic!("a comparison that panics on purpose"),
            left => FUSE.set(left.map(|left| left - 1)),
        }
        self.0.cmp(&other.0)
    }
}

#[test]
fn a_comparison_that_panics_changes_nothing() {
    let numbers = [5, 3, 8, 1, 9, 2, 7, 4, 6, 0];
    for fuse in 0..8 {
        let queue = PriorityQueue::unbounded();
        numbers.into_iter().for_each(|n| queue.try_put(Touchy(n)).unwrap());
        FUSE.set(Some(fuse));
        let put = catch_unwind(AssertUnwindSafe(|| queue.try_put(Touchy(0))));
        FUSE.set(Some(fuse));
        let got = catch_unwind(AssertUnwindSafe(|| queue.try_get()));
        FUSE.set(None);
        assert!(fuse > 2 || (put.is_err() && got.is_err()), "the fuse is too long");
        let mut expected: Vec<_> = numbers.into_iter().chain(put.is_ok().then_some(0)).collect();
        expected.sort_unstable();
        if got.is_ok() {
            expected.remove(0);
        }
        assert_eq!(queue.statistics().unfinished, 10 + u64::from(put.is_ok()));
        let rest: Vec<_> = std::iter::from_fn(|| queue.try_get().ok()).map(|item| item.0).collect();
        assert_eq!(rest, expected);
    }
}

#[test]
fn one_that_was_told_and_panics_in_a_comparison_passes_the_telling_on() {
    let queue = PriorityQueue::bounded(3);
    let (mut told, mut next) = (Hand::new(queue.get()), Hand::new(queue.get()));
    told.pends();
    next.pends();
    queue.try_put(Touchy(1)).unwrap();
    FUSE.set(None);
    queue.try_put(Touchy(2)).unwrap();
    queue.try_put(Touchy(3)).unwrap();
    assert_eq!((told.wakes(), next.wakes()), (1, 1));
    FUSE.set(Some(0));
    assert!(catch_unwind(AssertUnwindSafe(|| told.poll())).is_err());
    FUSE.set(None);
    let mut third = Hand::new(queue.put(Touchy(0)));
    third.pends();
    // `next` goes without its item; `told`, which panicked, was told as well.
    drop(next);
    drop(told);
    assert_eq!([0; 3].map(|_| queue.try_get().unwrap().0), [1, 2, 3]);
    assert_eq!(third.wakes(), 1);
}

/// A waker whose clone gets an item, and lights the fuse.
struct Gets(&'static PriorityQueue<Touchy>);

impl Gets {
    fn waker(&'static self) -> Waker {
        const TABLE: RawWakerVTable = RawWakerVTable::new(Gets::clone, |_| {}, |_| {}, |_| {});
        // SAFETY: made from a static reference, which is all that the functions use.
        unsafe { Waker::from_raw(RawWaker::new(std::ptr::from_ref(self).cast(), &TABLE)) }
    }

    unsafe fn clone(this: *const ()) -> RawWaker {
        // SAFETY: `waker` put it there.
        let this = unsafe { &*this.cast::<Self>() };
        this.0.try_get().unwrap();
        FUSE.set(Some(0));
        RawWaker::new(std::ptr::null(), Waker::noop().vtable())
    }
}

#[test]
fn one_that_joins_and_panics_in_a_comparison_costs_the_others_nothing() {
    let clock = held::hold();
    let queue = leak(PriorityQueue::bounded(2));
    queue.try_put(Touchy(1)).unwrap();
    queue.try_put(Touchy(2)).unwrap();
    let (mut dead, mut living) = (Hand::new(queue.put(Touchy(3))), Hand::new(queue.put(Touchy(4))));
    dead.pends();
    living.pends();
    let mut joins = Hand::new(queue.put(Touchy(5)));
    assert!(catch_unwind(AssertUnwindSafe(|| joins.poll_with(&leak(Gets(queue)).waker()))).is_err());
    FUSE.set(None);
    assert_eq!(dead.wakes(), 1);
    drop(joins);
    clock.pass(10 * held::OVERDUE_US);
    assert_eq!(living.wakes(), 1, "there is room");
    assert!(living.ready().is_ok());
}

/// An item whose comparison uses the queue.
struct Nosy(Arc<OnceLock<PriorityQueue<Nosy>>>, u8);

impl PartialEq for Nosy {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Nosy {}

impl PartialOrd for Nosy {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Nosy {
    fn cmp(&self, other: &Self) -> Ordering {
        let queue = self.0.get().expect("it is there");
        // To show it is always allowed.
        assert!(format!("{queue:?}").starts_with("PriorityQueue { capacity: None, getters: 0"));
        let _ = queue.len();
        self.1.cmp(&other.1)
    }
}

#[test]
fn a_comparison_that_uses_the_queue_panics_instead_of_waiting_for_itself() {
    within_a_minute(|| {
        let queue = Arc::new(OnceLock::new());
        let there = queue.get_or_init(PriorityQueue::unbounded);
        assert!(there.try_put(Nosy(queue.clone(), 1)).is_ok(), "nothing to compare it with");
        let refused = catch_unwind(AssertUnwindSafe(|| there.try_put(Nosy(queue.clone(), 0))));
        let text = refused.expect_err("it would have waited for itself");
        assert!(text.downcast_ref::<&str>().is_some_and(|text| text.contains("must not use the queue")));
        assert_eq!(there.len(), 1);
        assert!(there.try_get().is_ok_and(|item| item.1 == 1));
    });
}

thread_local! {
    /// Dropped by the next comparison.
    static TOLD: Cell<Option<Hand<Get<'static, Dropper, Smallest>>>> = const { Cell::new(None) };
}

/// An item whose comparison drops a future of the queue it is in.
#[derive(Debug, PartialEq, Eq)]
struct Dropper(u8);

impl PartialOrd for Dropper {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Dropper {
    fn cmp(&self, other: &Self) -> Ordering {
        TOLD.take();
        self.0.cmp(&other.0)
    }
}

#[test]
fn a_comparison_may_drop_one_that_was_told() {
    static QUEUE: PriorityQueue<Dropper> = PriorityQueue::unbounded();
    within_a_minute(|| {
        let _clock = held::hold();
        let (mut told, mut next) = (Hand::new(QUEUE.get()), Hand::new(QUEUE.get()));
        told.pends();
        next.pends();
        QUEUE.try_put(Dropper(1)).unwrap();
        assert_eq!((told.wakes(), next.wakes()), (1, 0));
        TOLD.set(Some(told));
        QUEUE.try_put(Dropper(2)).unwrap();
        assert_eq!(next.wakes(), 1);
        assert_eq!(next.ready(), Ok(Dropper(1)));
        assert_eq!(QUEUE.try_get(), Ok(Dropper(2)));
    });
}

/// An item whose destructor uses the queue, and panics if it is to.
struct Parting(Arc<Queue<Parting>>, bool, Arc<AtomicUsize>);

impl Drop for Parting {
    fn drop(&mut self) {
        self.2.fetch_add(1, atomic::Ordering::Relaxed);
        assert!(self.0.is_empty());
        let _ = self.0.task_done();
        assert!(!self.1, "a destructor that panics on purpose");
    }
}

#[test]
fn items_are_dropped_outside_the_lock_and_after_everybody_was_told() {
    within_a_minute(|| {
        let queue = Arc::new(Queue::bounded(4));
        let drops = Arc::new(AtomicUsize::new(0));
        for n in 0..4 {
            assert!(queue.try_put(Parting(queue.clone(), n == 1, drops.clone())).is_ok());
        }
        let mut join = Hand::new(queue.join());
        join.pends();
        assert!(catch_unwind(AssertUnwindSafe(|| queue.shutdown(true))).is_err());
        assert_eq!(drops.load(atomic::Ordering::Relaxed), 4);
        assert_eq!(join.wakes(), 1);
        join.ready();
        assert_eq!(queue.try_get().err(), Some(TryGetError::ShutDown));
    });
}
