//! Covered among others: what tokio's `sync_notify` and `sync_notify_owned` suites pin, and R-82: a drop that sets back a newer
//! permit, a permit lost beside telling all, waiters that come while all are told, who is first when both ways of telling meet a
//! future that was not polled, and the drop of one that was told. R-80: no user code under the lock.

use super::{Notified, Notify, NotifyStatistics};
use crate::testing::{Count, Hand, PanicOnWake, Random, within_a_minute};
use futures_lite::future::block_on;
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

assert_impl_all!(Notify: Send, Sync, Unpin, Default);
assert_impl_all!(Notified<'static>: Send, Sync);
assert_not_impl_any!(Notified<'static>: Unpin);
assert_impl_all!(NotifyStatistics: Send, Sync, Unpin);

fn owned_is_send_and_static(notify: Arc<Notify>) -> impl Send + Sync + 'static {
    notify.notified_owned()
}

#[test]
fn telling_one_before_anybody_waits_leaves_one_permit() {
    let notify = Notify::new();
    notify.notify_one();
    notify.notify_last();
    Hand::new(notify.notified()).ready();
    let mut next = Hand::new(notify.notified());
    next.pends();
    assert_eq!(next.wakes(), 0);
    notify.notify_one();
    assert_eq!(next.wakes(), 1);
    next.ready();
    next.ready();
    assert!(!notify.try_notified(), "one that is told stays told, and takes nothing more");
    assert_eq!(format!("{notify:?}"), "Notify { permit: false, waiters: 0, .. }");
}

#[test]
fn one_is_the_first_and_last_is_the_last() {
    let notify = Notify::new();
    let mut waiters: Vec<_> = (0..5).map(|_| Hand::new(notify.notified())).collect();
    waiters.iter_mut().for_each(Hand::pends);
    notify.notify_last();
    notify.notify_last();
    notify.notify_one();
    assert_eq!(waiters.iter().map(Hand::wakes).collect::<Vec<_>>(), [1, 0, 0, 1, 1]);
    for at in [0, 3, 4] {
        waiters[at].ready();
    }
    waiters[1].pends();
    assert_eq!(notify.statistics().waiters, 2);
    assert_eq!(notify.statistics().waiters_peak, 5);
}

#[test]
fn all_are_those_that_exist_polled_or_not() {
    let notify = Notify::new();
    let (mut polled, mut made) = (Hand::new(notify.notified()), Hand::new(notify.notified()));
    polled.pends();
    notify.notify_waiters();
    let mut after = Hand::new(notify.notified());
    after.pends();
    assert_eq!((polled.wakes(), made.wakes()), (1, 0));
    polled.ready();
    made.ready();
    after.pends();
    assert!(!notify.statistics().permit);
    notify.notify_waiters();
    notify.notify_waiters();
    after.ready();
}

#[test]
fn one_told_with_all_takes_no_permit_whichever_came_first() {
    for all_first in [true, false] {
        let notify = Notify::new();
        let mut made = Hand::new(notify.notified());
        if all_first {
            notify.notify_waiters();
            notify.notify_one();
        } else {
            notify.notify_one();
            notify.notify_waiters();
        }
        made.ready();
        assert!(notify.try_notified(), "the permit is another's");
    }
}

#[test]
fn one_that_is_told_both_ways_and_dropped_passes_the_one_on() {
    let notify = Notify::new();
    let mut both = Hand::new(notify.notified());
    both.pends();
    notify.notify_one();
    notify.notify_waiters();
    drop(both);
    assert!(notify.try_notified());

    let mut all = Hand::new(notify.notified());
    all.pends();
    notify.notify_waiters();
    drop(all);
    assert!(!notify.try_notified(), "told with all: there is nothing to pass on");
}

#[test]
fn one_that_is_told_and_dropped_passes_it_on_in_the_same_way() {
    let notify = Notify::new();
    let mut waiters: Vec<_> = (0..4).map(|_| Some(Hand::new(notify.notified()))).collect();
    waiters.iter_mut().flatten().for_each(Hand::pends);
    notify.notify_one();
    waiters[0] = None;
    let wakes = |waiters: &[Option<Hand<Notified<'_>>>]| -> Vec<_> {
        waiters.iter().flatten().map(Hand::wakes).collect()
    };
    assert_eq!(wakes(&waiters), [1, 0, 0]);
    notify.notify_last();
    waiters[3] = None;
    assert_eq!(wakes(&waiters), [0, 1]);
    waiters.clear();
    assert!(notify.statistics().permit, "two were told, and at most one permit is left");
    assert!(notify.try_notified() && !notify.try_notified());
}

#[test]
fn a_drop_leaves_a_permit_that_was_left_meanwhile() {
    let notify = Notify::new();
    let mut told = Hand::new(notify.notified());
    told.pends();
    notify.notify_waiters();
    notify.notify_one();
    drop(told);
    assert!(notify.try_notified());
    let mut waits = Hand::new(notify.notified());
    waits.pends();
    drop(waits);
    notify.notify_one();
    assert!(notify.try_notified(), "nobody waits any more");
}

#[test]
fn enabling_is_joining() {
    let notify = Notify::new();
    let mut first = Box::pin(notify.notified());
    let mut second = Hand::new(notify.notified());
    assert!(!first.as_mut().enable());
    assert!(!first.as_mut().enable());
    second.pends();
    notify.notify_one();
    assert_eq!(second.wakes(), 0, "the first in the queue, with a waker or without");
    assert!(first.as_mut().enable());
    assert!(first.as_mut().enable());
    block_on(first);
    second.pends();

    notify.notify_one();
    second.ready();
    notify.notify_one();
    let mut takes = Box::pin(notify.notified());
    assert!(takes.as_mut().enable());
    drop(takes);
    assert!(!notify.try_notified(), "it had been told, and had been asked");
}

#[test]
fn an_owned_one_counts_from_its_making() {
    let notify = Arc::new(Notify::new());
    let mut owned = Hand::new(notify.clone().notified_owned());
    notify.notify_waiters();
    owned.ready();
    let mut owned = Hand::new(notify.clone().notified_owned());
    owned.pends();
    notify.notify_one();
    assert_eq!(owned.wakes(), 1);
    drop(owned);
    assert!(notify.try_notified());
    drop(owned_is_send_and_static(notify));
}

/// A waker that, between two batches, begins to wait anew and tells one.
struct Interferes {
    notify: &'static Notify,
    late: Mutex<Hand<Notified<'static>>>,
    ran: AtomicUsize,
}

impl Wake for Interferes {
    fn wake(self: Arc<Self>) {
        self.late.lock().unwrap().pends();
        if self.ran.fetch_add(1, Ordering::Relaxed) == 0 {
            // Those still in the list are told with all: this is for the one that just came.
            self.notify.notify_one();
        }
    }
}

#[test]
fn who_comes_while_all_are_told_is_left_alone_and_one_told_meanwhile_is_new() {
    static NOTIFY: Notify = Notify::new();
    let mut early: Vec<_> = (0..100).map(|_| Hand::new(NOTIFY.notified())).collect();
    // Its generation is the one that the telling begins: it is made before, and replaced under way.
    struct Late(Arc<Mutex<Option<Hand<Notified<'static>>>>>);
    impl Wake for Late {
        fn wake(self: Arc<Self>) {
            let mut late = Hand::new(NOTIFY.notified());
            late.pends();
            NOTIFY.notify_one();
            assert_eq!(late.wakes(), 1, "it is the only one to be told alone");
            let mut last = Hand::new(NOTIFY.notified());
            last.pends();
            drop(late);
            assert_eq!(last.wakes(), 1);
            last.ready();
            let mut stays = Hand::new(NOTIFY.notified());
            stays.pends();
            *self.0.lock().unwrap() = Some(stays);
        }
    }
    let late = Arc::new(Mutex::new(None));
    assert!(early[0].poll_with(&Waker::from(Arc::new(Late(late.clone())))).is_pending());
    early[1..].iter_mut().for_each(Hand::pends);
    NOTIFY.notify_waiters();
    let mut stays = late.lock().unwrap().take().unwrap();
    assert_eq!(stays.wakes(), 0);
    stays.pends();
    assert!(early[1..].iter().all(|early| early.wakes() == 1));
    early.iter_mut().for_each(Hand::ready);
    assert!(!NOTIFY.statistics().permit);
}

#[test]
fn hostile_and_replaced_wakers() {
    let notify = Notify::default();
    let (a, waker_a) = Count::new();
    let (b, waker_b) = Count::new();
    let mut hostile = Hand::new(notify.notified());
    let mut waiter = Hand::new(notify.notified());
    assert!(hostile.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    assert!(waiter.poll_with(&waker_a).is_pending());
    assert!(waiter.poll_with(&waker_b).is_pending());
    notify.notify_waiters();
    assert_eq!((a.take(), b.take()), (0, 1));
    waiter.ready();
    hostile.ready();
}

#[test]
fn a_waker_that_comes_back_finds_no_lock_held() {
    static NOTIFY: Notify = Notify::new();
    let reentrant = Arc::new(Interferes {
        notify: &NOTIFY,
        late: Mutex::new(Hand::new(NOTIFY.notified())),
        ran: AtomicUsize::new(0),
    });
    let mut waiter = Hand::new(NOTIFY.notified());
    assert!(waiter.poll_with(&Waker::from(reentrant.clone())).is_pending());
    NOTIFY.notify_one();
    assert_eq!(reentrant.ran.load(Ordering::Relaxed), 1);
    assert_eq!(reentrant.late.lock().unwrap().wakes(), 1);
    waiter.ready();
}

#[test]
fn a_storm_of_waiters_that_come_and_go_loses_nothing_that_was_told_to_one() {
    within_a_minute(|| {
        const ROUNDS: usize = 1_500;
        let notify = Arc::new(Notify::new());
        let items = Arc::new(AtomicUsize::new(0));
        let taken = Arc::new(AtomicUsize::new(0));
        let over = Arc::new(AtomicBool::new(false));
        let consumers: Vec<_> = (0..8)
            .map(|seed| {
                let (notify, items, taken, over) =
                    (notify.clone(), items.clone(), taken.clone(), over.clone());
                std::thread::spawn(move || {
                    let mut random = Random::new(seed + 3);
                    while !over.load(Ordering::Acquire) {
                        // One that gives up, told or not, before each that waits to the end.
                        let mut gives_up = Hand::new(notify.notified());
                        let _ = gives_up.poll();
                        if random.below(2) == 0 {
                            std::thread::yield_now();
                        }
                        drop(gives_up);
                        notify.notified_blocking();
                        let left = items.swap(0, Ordering::AcqRel);
                        taken.fetch_add(left, Ordering::AcqRel);
                    }
                })
            })
            .collect();
        let producers: Vec<_> = (0..8)
            .map(|_| {
                let (notify, items) = (notify.clone(), items.clone());
                std::thread::spawn(move || {
                    for round in 0..ROUNDS {
                        items.fetch_add(1, Ordering::AcqRel);
                        match round % 3 {
                            0 => notify.notify_last(),
                            _ => notify.notify_one(),
                        }
                    }
                })
            })
            .collect();
        producers.into_iter().for_each(|producer| producer.join().unwrap());
        // The last that was told of something finds it: nothing is told after the last item.
        while taken.load(Ordering::Acquire) < 8 * ROUNDS {
            std::thread::yield_now();
        }
        over.store(true, Ordering::Release);
        while !consumers.iter().all(std::thread::JoinHandle::is_finished) {
            notify.notify_waiters();
            std::thread::yield_now();
        }
        consumers.into_iter().for_each(|consumer| consumer.join().unwrap());
    });
}
