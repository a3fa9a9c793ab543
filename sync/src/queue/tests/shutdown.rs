//! What `CPython`'s `test_queues` pins about `shutdown`, for all three kinds.

use super::queue;
use crate::queue::{
    Fifo, GetError, Lifo, Order, PutError, Queue, RawQueue, Smallest, TryGetError, TryPutError,
};
use crate::testing::{Hand, within_a_minute};
use std::sync::Arc;

/// Runs one test for each kind.
macro_rules! for_each_kind {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            kinds::$name::<Fifo>();
            kinds::$name::<Lifo>();
            kinds::$name::<Smallest>();
        }
    )*};
}

for_each_kind! {
    an_empty_queue_fails_at_once
    what_is_there_can_still_be_got
    at_once_drops_what_is_there_and_counts_it_as_done
    at_once_waits_for_what_was_got
    it_may_become_immediate_and_not_the_other_way_round
    getters_that_wait_fail
    putters_that_wait_get_their_items_back
    a_putter_that_was_told_and_not_polled_is_refused_too
    who_joins_is_released_by_an_immediate_one_and_else_by_the_last_done
}

mod kinds {
    use super::*;

    pub(super) fn an_empty_queue_fails_at_once<O: Order<u8>>() {
        for immediate in [false, true] {
            let queue: RawQueue<u8, O> = queue(0);
            queue.shutdown(immediate);
            assert!(queue.is_shut_down());
            assert_eq!(Hand::new(queue.put(1)).ready(), Err(PutError(1)));
            assert_eq!(queue.try_put(1), Err(TryPutError::ShutDown(1)));
            assert_eq!(queue.put_blocking(1), Err(PutError(1)));
            assert_eq!(Hand::new(queue.get()).ready(), Err(GetError(())));
            assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
            assert_eq!(queue.get_blocking(), Err(GetError(())));
            assert!(Hand::new(queue.get_task()).ready().is_err());
            assert!(queue.task_done().is_err());
            Hand::new(queue.join()).ready();
        }
    }

    pub(super) fn what_is_there_can_still_be_got<O: Order<u8>>() {
        let queue: RawQueue<u8, O> = queue(1);
        queue.try_put(1).unwrap();
        queue.shutdown(false);
        assert_eq!(queue.try_put(2), Err(TryPutError::ShutDown(2)), "shut down, rather than full");
        assert_eq!(Hand::new(queue.get()).ready(), Ok(1));
        assert_eq!(Hand::new(queue.get()).ready(), Err(GetError(())));
        assert!(queue.task_done().is_ok());
        assert!(queue.task_done().is_err());
    }

    pub(super) fn at_once_drops_what_is_there_and_counts_it_as_done<O: Order<Arc<u8>>>() {
        let queue: RawQueue<Arc<u8>, O> = queue(0);
        let item = Arc::new(1);
        (0..5).for_each(|_| queue.try_put(item.clone()).unwrap());
        queue.shutdown(true);
        assert_eq!(Arc::strong_count(&item), 1);
        assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
        assert!(queue.task_done().is_err(), "they count as done");
        queue.join_blocking();
    }

    pub(super) fn at_once_waits_for_what_was_got<O: Order<u8>>() {
        let queue: RawQueue<u8, O> = queue(0);
        (0..2).for_each(|n| queue.try_put(n).unwrap());
        queue.try_get().unwrap();
        let mut join = Hand::new(queue.join());
        join.pends();
        queue.shutdown(true);
        assert_eq!(join.wakes(), 0);
        join.pends();
        assert!(queue.task_done().is_ok());
        assert_eq!(join.wakes(), 1);
        join.ready();
        assert!(queue.task_done().is_err());
    }

    pub(super) fn it_may_become_immediate_and_not_the_other_way_round<O: Order<u8>>() {
        let queue: RawQueue<u8, O> = queue(0);
        (0..3).for_each(|n| queue.try_put(n).unwrap());
        queue.shutdown(false);
        queue.shutdown(false);
        assert!(queue.try_get().is_ok());
        queue.shutdown(true);
        assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
        queue.shutdown(false);
        assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
        assert!(format!("{queue:?}").contains("shut_down: true"));
    }

    pub(super) fn getters_that_wait_fail<O: Order<u8>>() {
        for immediate in [false, true] {
            let queue: RawQueue<u8, O> = queue(3);
            let mut gets: Vec<_> = (0..50).map(|_| Hand::new(queue.get())).collect();
            gets.iter_mut().for_each(Hand::pends);
            queue.shutdown(immediate);
            assert!(gets.iter().all(|get| get.wakes() == 1));
            assert!(gets.iter_mut().all(|get| get.ready() == Err(GetError(()))));
        }
    }

    pub(super) fn putters_that_wait_get_their_items_back<O: Order<u8>>() {
        for immediate in [false, true] {
            let queue: RawQueue<u8, O> = queue(2);
            (0..2).for_each(|n| queue.try_put(n).unwrap());
            let mut puts: Vec<_> = (2..50).map(|n| Hand::new(queue.put(n))).collect();
            puts.iter_mut().for_each(Hand::pends);
            queue.shutdown(immediate);
            assert!(puts.iter().all(|put| put.wakes() == 1));
            for (put, n) in puts.iter_mut().zip(2..) {
                assert_eq!(put.ready(), Err(PutError(n)));
            }
            assert_eq!(queue.len(), if immediate { 0 } else { 2 });
        }
    }

    pub(super) fn a_putter_that_was_told_and_not_polled_is_refused_too<O: Order<u8>>() {
        let queue: RawQueue<u8, O> = queue(1);
        queue.try_put(1).unwrap();
        let mut put = Hand::new(queue.put(2));
        put.pends();
        queue.try_get().unwrap();
        assert_eq!(put.wakes(), 1);
        queue.shutdown(false);
        assert_eq!(put.ready(), Err(PutError(2)));
    }

    pub(super) fn who_joins_is_released_by_an_immediate_one_and_else_by_the_last_done<O: Order<u8>>() {
        for immediate in [false, true] {
            let queue: RawQueue<u8, O> = queue(0);
            (0..2).for_each(|n| queue.try_put(n).unwrap());
            let mut join = Hand::new(queue.join());
            join.pends();
            queue.shutdown(immediate);
            if !immediate {
                join.pends();
                (0..2).for_each(|_| drop(queue.try_get_task().unwrap()));
            }
            assert_eq!(join.wakes(), 1);
            join.ready();
        }
    }
}

#[test]
fn threads_that_wait_end() {
    within_a_minute(|| {
        let (empty, full) = (Queue::<u8>::bounded(1), Queue::bounded(1));
        full.try_put(1).unwrap();
        std::thread::scope(|threads| {
            let gets = threads.spawn(|| empty.get_blocking());
            let puts = threads.spawn(|| full.put_blocking(2));
            let joins = threads.spawn(|| full.join_blocking());
            empty.shutdown(false);
            full.shutdown(true);
            assert_eq!(gets.join().unwrap(), Err(GetError(())));
            assert_eq!(puts.join().unwrap(), Err(PutError(2)));
            joins.join().unwrap();
        });
    });
}
