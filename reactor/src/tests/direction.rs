use super::{Count, until};
use crate::direction::Direction;
use crate::readiness::Readiness;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

fn blocked() -> Direction {
    let direction = Direction::new(Readiness::new());
    direction.readiness().refused(direction.readiness().load());
    direction
}

fn event(direction: &Direction) -> Vec<Waker> {
    let mut woken = Vec::new();
    direction.event(false, &mut woken);
    woken
}

#[test]
fn every_kind_of_waiter_is_woken_once() {
    let direction = blocked();
    let (count, waker) = Count::new();
    let mut keys = [None, None, None];
    for key in &mut keys {
        assert!(!direction.wait_keyed(key, waker.clone()).is_ready());
    }
    let others: Vec<_> = (0..5).map(|_| Count::new()).collect();
    for (_, waker) in &others {
        assert!(!direction.wait_shared(waker.clone()).is_ready());
        direction.wait_shared(waker.clone());
    }
    assert_eq!(direction.waiting(), 8, "the same shared waiter waits once");
    event(&direction).into_iter().for_each(Waker::wake);
    assert_eq!(count.get(), 3);
    assert!(others.iter().all(|(count, _)| count.get() == 1));
    assert_eq!(direction.waiting(), 0);
    assert!(event(&direction).is_empty(), "the second event finds nobody");
}

#[test]
fn a_forgotten_waiter_is_not_woken_and_its_waker_is_dropped() {
    let direction = blocked();
    let (count, waker) = Count::new();
    let mut key = None;
    direction.wait_keyed(&mut key, waker);
    assert_eq!(Arc::strong_count(&count), 2);
    direction.forget(key.unwrap());
    assert_eq!(Arc::strong_count(&count), 1);
    assert!(event(&direction).is_empty());
}

#[test]
fn a_keyed_waiter_renews_its_waker_in_place() {
    let direction = blocked();
    let ((old, old_waker), (new, new_waker)) = (Count::new(), Count::new());
    let mut key = None;
    direction.wait_keyed(&mut key, old_waker);
    direction.wait_keyed(&mut key, new_waker);
    assert_eq!(direction.waiting(), 1);
    event(&direction).into_iter().for_each(Waker::wake);
    assert_eq!((old.get(), new.get()), (0, 1));
}

#[test]
fn abandoned_shared_wakers_are_bounded_and_none_is_lost() {
    let direction = blocked();
    let waiters: Vec<_> = (0..1_000).map(|_| Count::new()).collect();
    let mut most = 0;
    for (_, waker) in &waiters {
        direction.wait_shared(waker.clone());
        most = most.max(direction.waiting());
    }
    assert!(most < 64, "{most} wakers are kept");
    event(&direction).into_iter().for_each(Waker::wake);
    assert!(waiters.iter().all(|(count, _)| count.get() == 1), "displaced or woken, each was told");
}

#[test]
fn a_waiter_racing_events_never_sleeps_through_one() {
    const ROUNDS: usize = 20_000;
    let direction = Arc::new(blocked());
    let produced = Arc::new(AtomicUsize::new(0));
    let consumed = Arc::new(AtomicUsize::new(0));
    let producer = std::thread::spawn({
        let (direction, produced, consumed) = (direction.clone(), produced.clone(), consumed.clone());
        move || {
            for round in 1..=ROUNDS {
                produced.store(round, Ordering::Release);
                event(&direction).into_iter().for_each(Waker::wake);
                until("consumed", || consumed.load(Ordering::Acquire) == round);
            }
        }
    });
    for round in 1..=ROUNDS {
        let (count, waker) = Count::new();
        // As an operation does: look, try, clear, wait.
        let mut key = None;
        loop {
            let seen = direction.readiness().load();
            if seen.is_ready() {
                if produced.load(Ordering::Acquire) == round {
                    break;
                }
                direction.readiness().refused(seen);
            } else if direction.wait_keyed(&mut key, waker.clone()).is_ready() {
                continue;
            } else {
                let before = count.get();
                until("woken", || count.get() > before || direction.readiness().load().is_ready());
            }
        }
        if let Some(key) = key {
            direction.forget(key);
        }
        consumed.store(round, Ordering::Release);
    }
    producer.join().unwrap();
}
