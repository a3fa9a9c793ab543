//! Who is told, in which order, and what holds when one that was told is not polled. R-84: a waiter that was told and goes passes it
//! on; that and the order are in `asyncio.rs` too.

use crate::queue::{Queue, TryGetError};
use crate::testing::{Count, Hand};
use crate::watchman::held;
use futures_core::stream::{FusedStream, Stream};
use futures_sink::Sink;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

#[test]
fn each_item_tells_one_getter_in_the_order_they_came() {
    let _clock = held::hold();
    let queue = Queue::unbounded();
    let mut gets: Vec<_> = (0..5).map(|_| Hand::new(queue.get())).collect();
    gets.iter_mut().for_each(Hand::pends);
    assert_eq!(queue.statistics().getters, 5);
    for n in 0..5 {
        queue.try_put(n).unwrap();
        assert_eq!(
            gets.iter().map(Hand::wakes).collect::<Vec<_>>(),
            (0..5).map(|m| usize::from(m == n)).collect::<Vec<_>>()
        );
    }
    assert_eq!(queue.statistics().getters, 0);
    for (get, n) in gets.iter_mut().zip(0..) {
        assert_eq!(get.ready(), Ok(n));
    }
}

#[test]
fn futurelock_a_newcomer_takes_what_an_abandoned_getter_was_told_of() {
    let queue = Queue::unbounded();
    let mut abandoned = Hand::new(queue.get());
    abandoned.pends();
    queue.try_put('a').unwrap();
    assert_eq!(abandoned.wakes(), 1);
    assert_eq!(Hand::new(queue.get()).ready(), Ok('a'));
    abandoned.pends();
}

#[test]
fn futurelock_the_next_operation_gets_past_an_abandoned_getter() {
    let _clock = held::hold();
    let queue = Queue::unbounded();
    let mut gets: Vec<_> = (0..4).map(|_| Hand::new(queue.get())).collect();
    gets.iter_mut().for_each(Hand::pends);
    queue.try_put(1).unwrap();
    assert_eq!(gets[0].wakes(), 1, "it is never polled again");
    queue.try_put(2).unwrap();
    assert_eq!(gets[1].wakes(), 1);
    assert_eq!(gets[1].ready(), Ok(1));
    assert_eq!(gets[2].wakes(), 1, "there is something left, and nobody else may come");
    assert_eq!(gets[2].ready(), Ok(2));
    assert_eq!(gets[3].wakes(), 0);
    drop(gets.remove(0));
    assert_eq!(gets[2].wakes(), 0, "nothing is there to be passed on");
}

#[test]
fn futurelock_the_next_operation_gets_past_an_abandoned_putter() {
    let _clock = held::hold();
    let queue = Queue::bounded(2);
    (0..2).for_each(|n| queue.try_put(n).unwrap());
    let mut puts: Vec<_> = (2..6).map(|n| Hand::new(queue.put(n))).collect();
    puts.iter_mut().for_each(Hand::pends);
    queue.try_get().unwrap();
    assert_eq!(puts[0].wakes(), 1, "it is never polled again");
    queue.try_get().unwrap();
    assert_eq!(puts[1].wakes(), 1);
    puts[1].ready().unwrap();
    assert_eq!(puts[2].wakes(), 1, "there is room left");
    puts[2].ready().unwrap();
    assert_eq!(puts[3].wakes(), 0);
    assert_eq!([queue.try_get(), queue.try_get()], [Ok(3), Ok(4)]);
}

/// Polls those of `hands` that were woken, but for the first `abandoned`, until nobody is. The answer is what came of them.
fn poll_the_woken<F: Future>(hands: &mut [Hand<F>], abandoned: usize) -> Vec<F::Output> {
    let mut outputs = Vec::new();
    while let Some(woken) = hands[abandoned..].iter_mut().find(|hand| hand.wakes() > 0) {
        if let Poll::Ready(output) = woken.poll() {
            outputs.push(output);
        }
    }
    outputs
}

#[test]
fn futurelock_the_first_told_are_abandoned_and_the_others_get_what_they_were_told_of() {
    for abandoned in [1, 2] {
        let queue = Queue::unbounded();
        let mut gets: Vec<_> = (0..6).map(|_| Hand::new(queue.get())).collect();
        gets.iter_mut().for_each(Hand::pends);
        let items: Vec<_> = (0..=abandoned).collect();
        items.iter().for_each(|&item| queue.try_put(item).unwrap());
        let got: Vec<_> = poll_the_woken(&mut gets, abandoned).into_iter().map(Result::unwrap).collect();
        assert_eq!(got, items, "nothing is left to those that do not come");
        assert!(queue.is_empty());
        assert_eq!(queue.statistics().getters, 6 - abandoned - items.len());
    }
}

#[test]
fn futurelock_the_first_told_are_abandoned_and_the_others_put_in_their_place() {
    for abandoned in [1, 2] {
        let queue = Queue::bounded(abandoned + 1);
        (0..=abandoned).for_each(|item| queue.try_put(item).unwrap());
        let mut puts: Vec<_> = (0..6).map(|item| Hand::new(queue.put(10 + item))).collect();
        puts.iter_mut().for_each(Hand::pends);
        (0..=abandoned).for_each(|item| assert_eq!(queue.try_get(), Ok(item)));
        assert_eq!(poll_the_woken(&mut puts, abandoned).len(), abandoned + 1);
        assert!(queue.is_full(), "no place is left to those that do not come");
    }
}

#[test]
fn one_that_is_told_and_dropped_when_nothing_is_left_tells_nobody() {
    let _clock = held::hold();
    let queue = Queue::unbounded();
    let (mut told, mut next) = (Hand::new(queue.get()), Hand::new(queue.get()));
    told.pends();
    next.pends();
    queue.try_put('a').unwrap();
    queue.try_get().unwrap();
    drop(told);
    assert_eq!(next.wakes(), 0);
}

#[test]
fn a_poll_without_need_keeps_the_place_and_takes_the_new_waker() {
    let _clock = held::hold();
    let queue = Queue::unbounded();
    let (mut first, mut second) = (Hand::new(queue.get()), Hand::new(queue.get()));
    let (count, waker) = Count::new();
    first.pends();
    second.pends();
    assert!(first.poll_with(&waker).is_pending());
    assert_eq!(queue.statistics().getters, 2);
    queue.try_put('a').unwrap();
    assert_eq!((first.wakes(), count.take(), second.wakes()), (0, 1, 0));
    assert_eq!(first.ready(), Ok('a'));
}

#[test]
fn a_put_that_is_done_is_not_polled_again() {
    let queue = Queue::unbounded();
    let mut put = Hand::new(queue.put(1));
    put.ready().unwrap();
    let refused =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| put.poll())).expect_err("it is over");
    assert!(refused.downcast_ref::<&str>().is_some_and(|text| text.contains("after it is done")));
    assert_eq!(queue.len(), 1);
}

#[test]
fn a_stream_ends_with_the_queue_and_one_left_alone_stops_nobody() {
    let _clock = held::hold();
    let queue = Queue::unbounded();
    let (mut left, mut stream) = (queue.stream(), queue.stream());
    let (left_count, left_waker) = Count::new();
    assert_eq!(Pin::new(&mut left).poll_next(&mut Context::from_waker(&left_waker)), Poll::Pending);
    let (count, waker) = Count::new();
    let mut cx = Context::from_waker(&waker);
    assert_eq!(Pin::new(&mut stream).poll_next(&mut cx), Poll::Pending);
    let (mut get, mut behind) = (Hand::new(queue.get()), Hand::new(queue.get()));
    get.pends();
    behind.pends();
    queue.try_put(1).unwrap();
    assert_eq!((left_count.take(), count.take(), get.wakes(), behind.wakes()), (1, 1, 1, 0));
    assert_eq!(get.ready(), Ok(1));
    // It stands at the back now.
    assert_eq!(Pin::new(&mut stream).poll_next(&mut cx), Poll::Pending);
    queue.try_put(2).unwrap();
    assert_eq!((behind.wakes(), count.take()), (1, 0));
    // Dropped without having come, it tells the stream behind it.
    drop(behind);
    assert_eq!(count.take(), 1);
    assert_eq!(Pin::new(&mut stream).poll_next(&mut cx), Poll::Ready(Some(2)));
    assert!(!stream.is_terminated());
    queue.shutdown(false);
    assert_eq!(Pin::new(&mut stream).poll_next(&mut cx), Poll::Ready(None));
    assert!(stream.is_terminated());
}

#[test]
fn a_sink_holds_one_item_while_there_is_no_room() {
    let queue = Queue::bounded(1);
    let mut sink = queue.sink();
    let (count, waker) = Count::new();
    let mut cx = Context::from_waker(&waker);
    for item in [1, 2] {
        assert!(Pin::new(&mut sink).poll_ready(&mut cx).is_ready());
        Pin::new(&mut sink).start_send(item).unwrap();
    }
    assert!(Pin::new(&mut sink).poll_close(&mut cx).is_pending());
    assert_eq!((queue.len(), queue.statistics().putters), (1, 1));
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!(count.take(), 1);
    assert!(Pin::new(&mut sink).poll_close(&mut cx).is_ready());
    assert_eq!(queue.try_get(), Ok(2));
    assert!(!queue.is_shut_down());
    Pin::new(&mut sink).start_send(3).unwrap();
    queue.shutdown(false);
    let Poll::Ready(Err(refused)) = Pin::new(&mut sink).poll_flush(&mut cx) else {
        panic!("it is shut down")
    };
    assert_eq!(refused.0, 3);
    assert_eq!(queue.try_get(), Err(TryGetError::ShutDown));
}
