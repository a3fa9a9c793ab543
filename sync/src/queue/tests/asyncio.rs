//! What `CPython`'s `test_queues` pins, up to shutting down: emptiness, order, waiting, giving up, `join` and `task_done`.

use crate::queue::{LifoQueue, PriorityQueue, Queue, TryGetError, TryPutError};
use crate::testing::{Hand, within_a_minute};
use crate::watchman::held;
use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[test]
fn empty_and_full() {
    let queue = Queue::bounded(1);
    assert!(queue.is_empty() && !queue.is_full());
    assert_eq!(queue.put_nowait(1), Ok(()));
    assert!(!queue.is_empty() && queue.is_full());
    assert_eq!(queue.put_nowait(2), Err(TryPutError::Full(2)));
    assert_eq!(queue.get_nowait(), Ok(1));
    assert_eq!(queue.get_nowait(), Err(TryGetError::Empty));
    let endless = Queue::unbounded();
    (0..1000).for_each(|n| endless.try_put(n).unwrap());
    assert!(!endless.is_full());
}

#[test]
fn a_queue_of_no_room_is_refused() {
    let refused = std::panic::catch_unwind(|| Queue::<u8>::bounded(0)).expect_err("it has no room");
    assert!(refused.downcast_ref::<&str>().is_some_and(|text| text.contains("room for one item")));
}

#[test]
fn each_kind_has_its_order() {
    let (fifo, lifo, smallest, largest) =
        (Queue::unbounded(), LifoQueue::unbounded(), PriorityQueue::unbounded(), PriorityQueue::unbounded());
    for n in [1, 3, 2] {
        fifo.try_put(n).unwrap();
        lifo.try_put(n).unwrap();
        smallest.try_put(n).unwrap();
        largest.try_put(Reverse(n)).unwrap();
    }
    assert_eq!([0; 3].map(|_| fifo.try_get().unwrap()), [1, 3, 2]);
    assert_eq!([0; 3].map(|_| lifo.try_get().unwrap()), [2, 3, 1]);
    assert_eq!([0; 3].map(|_| smallest.try_get().unwrap()), [1, 2, 3]);
    assert_eq!([0; 3].map(|_| largest.try_get().unwrap().0), [3, 2, 1]);
}

#[test]
fn items_of_no_size_are_counted_all_the_same() {
    let (fifo, lifo, smallest) = (Queue::bounded(2), LifoQueue::bounded(2), PriorityQueue::bounded(2));
    for _ in 0..2 {
        assert!(fifo.try_put(()).is_ok() && lifo.try_put(()).is_ok() && smallest.try_put(()).is_ok());
    }
    assert!(fifo.is_full() && lifo.is_full() && smallest.is_full());
    for _ in 0..2 {
        assert!(fifo.try_get().is_ok() && lifo.try_get().is_ok() && smallest.try_get().is_ok());
    }
    assert!(fifo.is_empty() && lifo.is_empty() && smallest.is_empty());
}

#[test]
fn a_putter_waits_at_the_bound() {
    let queue = Queue::bounded(2);
    Hand::new(queue.put(0)).ready().unwrap();
    Hand::new(queue.put(1)).ready().unwrap();
    let mut third = Hand::new(queue.put(2));
    third.pends();
    assert_eq!(queue.try_get(), Ok(0));
    assert_eq!(third.wakes(), 1);
    third.ready().unwrap();
    assert_eq!([queue.try_get(), queue.try_get()], [Ok(1), Ok(2)]);
}

#[test]
fn a_getter_waits_for_an_item() {
    let queue = Queue::unbounded();
    let mut waits = Hand::new(queue.get());
    waits.pends();
    assert_eq!(waits.wakes(), 0);
    queue.try_put('a').unwrap();
    assert_eq!(waits.wakes(), 1);
    assert_eq!(waits.ready(), Ok('a'));
}

#[test]
fn getting_lets_those_who_wait_with_items_put_them_in_their_order() {
    let queue = Queue::bounded(1);
    let mut puts: Vec<_> = ['a', 'b', 'c'].into_iter().map(|item| Hand::new(queue.put(item))).collect();
    puts[0].ready().unwrap();
    puts[1..].iter_mut().for_each(Hand::pends);
    for n in 0..3 {
        assert_eq!(queue.try_get(), Ok(['a', 'b', 'c'][n]));
        if let Some(next) = puts.get_mut(n + 1) {
            assert_eq!(next.wakes(), 1);
            next.ready().unwrap();
        }
    }
}

#[test]
fn a_getter_that_gave_up_is_passed_over() {
    let queue = Queue::unbounded();
    let (mut gone, mut stays) = (Hand::new(queue.get()), Hand::new(queue.get()));
    gone.pends();
    stays.pends();
    drop(gone);
    queue.try_put('a').unwrap();
    assert_eq!(stays.wakes(), 1);
    assert_eq!(stays.ready(), Ok('a'));
}

#[test]
fn a_putter_that_gave_up_is_passed_over_and_keeps_its_item() {
    let queue = Queue::bounded(1);
    queue.try_put('a').unwrap();
    let (mut stays, mut gone) = (Hand::new(queue.put('b')), Hand::new(queue.put('X')));
    stays.pends();
    gone.pends();
    drop(gone);
    assert_eq!(queue.try_get(), Ok('a'));
    stays.ready().unwrap();
    assert_eq!(queue.try_get(), Ok('b'));
    assert!(queue.is_empty());
}

#[test]
fn a_getter_that_was_told_and_gives_up_loses_nothing() {
    let _clock = held::hold();
    let queue = Queue::unbounded();
    let (mut told, mut next) = (Hand::new(queue.get()), Hand::new(queue.get()));
    told.pends();
    next.pends();
    queue.try_put('a').unwrap();
    assert_eq!((told.wakes(), next.wakes()), (1, 0));
    drop(told);
    assert_eq!(next.wakes(), 1, "the telling was passed on");
    assert_eq!(next.ready(), Ok('a'));
}

#[test]
fn a_putter_that_was_told_and_gives_up_leaves_the_room_to_the_next() {
    let _clock = held::hold();
    let queue = Queue::bounded(1);
    queue.try_put('a').unwrap();
    let (mut told, mut next) = (Hand::new(queue.put('b')), Hand::new(queue.put('c')));
    told.pends();
    next.pends();
    assert_eq!(queue.try_get(), Ok('a'));
    assert_eq!((told.wakes(), next.wakes()), (1, 0));
    drop(told);
    assert_eq!(next.wakes(), 1, "the telling was passed on");
    next.ready().unwrap();
    assert_eq!(queue.try_get(), Ok('c'));
}

#[test]
fn who_was_told_of_what_another_took_waits_again_at_the_front() {
    let _clock = held::hold();
    let queue = Queue::unbounded();
    let (mut first, mut second) = (Hand::new(queue.get()), Hand::new(queue.get()));
    first.pends();
    second.pends();
    queue.try_put('a').unwrap();
    assert_eq!(queue.try_get(), Ok('a'));
    assert_eq!(first.wakes(), 1);
    first.pends();
    queue.try_put('b').unwrap();
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    assert_eq!(first.ready(), Ok('b'));
}

#[test]
fn those_who_gave_up_are_not_kept_anywhere() {
    let queue = Queue::bounded(1);
    for _ in 0..100 {
        Hand::new(queue.get()).pends();
    }
    queue.try_put(0).unwrap();
    for _ in 0..100 {
        Hand::new(queue.put(1)).pends();
        Hand::new(queue.join()).pends();
    }
    let seen = queue.statistics();
    assert_eq!((seen.getters, seen.putters, seen.joiners), (0, 0, 0));
    assert_eq!((seen.getters_peak, seen.putters_peak, seen.joiners_peak), (1, 1, 1));
    assert_eq!(
        format!("{queue:?}"),
        "Queue { capacity: Some(1), len: 1, unfinished: 1, shut_down: false, getters: 0, putters: 0, .. }"
    );
}

#[test]
fn done_more_often_than_put_is_an_error() {
    let queue = Queue::unbounded();
    assert!(queue.task_done().is_err());
    queue.try_put(1).unwrap();
    assert!(queue.task_done().is_ok(), "also before it was got, as in asyncio");
    assert!(queue.task_done().is_err());
    assert_eq!(queue.statistics().unfinished, 0);
}

#[test]
fn join_is_over_when_all_is_done() {
    let queue = Queue::unbounded();
    (0..3).for_each(|n| queue.try_put(n).unwrap());
    let mut joins: Vec<_> = (0..50).map(|_| Hand::new(queue.join())).collect();
    joins.iter_mut().for_each(Hand::pends);
    for n in 0..3 {
        assert!(joins.iter().all(|join| join.wakes() == 0));
        assert_eq!(queue.try_get(), Ok(n));
        joins.iter_mut().for_each(Hand::pends);
        queue.task_done().unwrap();
    }
    assert!(joins.iter().all(|join| join.wakes() == 1));
    joins.iter_mut().for_each(Hand::ready);
    Hand::new(queue.join()).ready();
    queue.join_blocking();
}

#[test]
fn who_joined_when_the_last_was_done_is_released_and_no_other() {
    let queue = Queue::unbounded();
    queue.try_put(1).unwrap();
    let mut before = Hand::new(queue.join());
    before.pends();
    queue.task_done().unwrap();
    queue.try_put(2).unwrap();
    let mut after = Hand::new(queue.join());
    after.pends();
    before.ready();
    assert_eq!(after.wakes(), 0);
    after.pends();
    queue.task_done().unwrap();
    after.ready();
}

#[test]
fn two_workers_and_one_who_joins() {
    within_a_minute(|| {
        let queue = Arc::new(Queue::bounded(3));
        let sum = Arc::new(AtomicU32::new(0));
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let (queue, sum) = (queue.clone(), sum.clone());
                std::thread::spawn(move || {
                    while let Ok(number) = queue.get_blocking() {
                        sum.fetch_add(number, Ordering::Relaxed);
                        queue.task_done().unwrap();
                    }
                })
            })
            .collect();
        (0..100).for_each(|number| queue.put_blocking(number).unwrap());
        queue.join_blocking();
        assert_eq!(sum.load(Ordering::Relaxed), (0..100).sum());
        queue.shutdown(false);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}

#[test]
fn a_guard_says_that_it_is_done_however_the_work_ends() {
    let queue = Queue::unbounded();
    (0..4).for_each(|n| queue.try_put(vec![n]).unwrap());
    drop(Hand::new(queue.get_task()).ready().unwrap());
    assert_eq!(queue.statistics().unfinished, 3);
    let mut task = queue.try_get_task().unwrap();
    task.push(5);
    assert_eq!(format!("{task:?}"), "TaskGuard([1, 5])");
    assert_eq!(task.done(), [1, 5]);
    assert_eq!(queue.statistics().unfinished, 2);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _task = queue.get_task_blocking().unwrap();
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert_eq!(queue.statistics().unfinished, 1);
    let last = queue.try_get_task().unwrap();
    queue.task_done().unwrap();
    // Counted by hand already: no second time, and no panic.
    drop(last);
    queue.join_blocking();
}
