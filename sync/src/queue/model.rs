//! Putting against waiting, giving up, being done and shutting down.

use super::{GetError, PriorityQueue, Queue};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::thread;
use loom::future::block_on;
use std::future::Future;
use std::pin::Pin;
use std::task::Waker;

/// Polls `future`, which has to wait.
fn waiting<F: Future>(future: F, waker: &Waker) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    assert!(poll_once(&mut future, waker).is_pending(), "it has to wait");
    future
}

#[test]
fn loom_a_getter_meets_a_put() {
    loom::model(|| {
        let queue = Arc::new(Queue::unbounded());
        let puts = queue.clone();
        let thread = thread::spawn(move || puts.try_put(7));
        assert_eq!(block_on(queue.get()), Ok(7));
        assert!(thread.join().unwrap().is_ok());
    });
}

#[test]
fn loom_a_putter_meets_a_get() {
    loom::model(|| {
        let queue = Arc::new(Queue::bounded(1));
        queue.try_put(1).unwrap();
        let gets = queue.clone();
        let thread = thread::spawn(move || gets.try_get());
        assert!(block_on(queue.put(2)).is_ok());
        assert_eq!(thread.join().unwrap(), Ok(1));
        assert_eq!(queue.try_get(), Ok(2));
    });
}

#[test]
fn loom_a_getter_that_gives_up_passes_the_telling_on() {
    loom::model(|| {
        let queue = Arc::new(Queue::unbounded());
        let (bell, waker) = Bell::new();
        let gone = waiting(queue.get(), Waker::noop());
        let mut stays = waiting(queue.get(), &waker);
        let puts = queue.clone();
        let thread = thread::spawn(move || puts.try_put(7));
        drop(gone);
        assert!(thread.join().unwrap().is_ok());
        assert!(bell.rings() > 0, "there is something for it");
        assert!(poll_once(&mut stays, &waker).is_ready());
    });
}

#[test]
fn loom_two_getters_and_two_puts_in_an_order() {
    loom::model(|| {
        let queue = Arc::new(PriorityQueue::unbounded());
        let gets = queue.clone();
        let thread = thread::spawn(move || block_on(gets.get()));
        // Compares, perhaps, while the other does.
        assert!(queue.try_put(1).is_ok() && queue.try_put(2).is_ok());
        let got = [block_on(queue.get()), thread.join().unwrap()];
        assert!(got == [Ok(1), Ok(2)] || got == [Ok(2), Ok(1)]);
    });
}

#[test]
fn loom_one_that_joins_meets_the_last_that_is_done() {
    loom::model(|| {
        let queue = Arc::new(Queue::unbounded());
        queue.try_put(1).unwrap();
        let does = queue.clone();
        let thread = thread::spawn(move || drop(does.try_get_task()));
        block_on(queue.join());
        assert!(queue.is_empty());
        thread.join().unwrap();
    });
}

#[test]
fn loom_all_done_releases_those_who_joined_before_and_no_others() {
    loom::model(|| {
        let queue = Arc::new(Queue::unbounded());
        queue.try_put(1).unwrap();
        let (bell, waker) = Bell::new();
        let mut before: Vec<_> = (0..2).map(|_| waiting(queue.join(), &waker)).collect();
        let does = queue.clone();
        let thread = thread::spawn(move || does.task_done());
        let (late_bell, late_waker) = Bell::new();
        let mut late = None;
        if queue.statistics().unfinished == 0 {
            // The releasing may still be between two batches.
            queue.try_put(2).unwrap();
            late = Some(waiting(queue.join(), &late_waker));
        }
        assert!(thread.join().unwrap().is_ok());
        assert_eq!(bell.rings(), 2);
        assert!(before.iter_mut().all(|join| poll_once(join, &waker).is_ready()), "all was done");
        if let Some(late) = &mut late {
            assert_eq!(late_bell.rings(), 0, "it came after that");
            assert!(poll_once(late, &late_waker).is_pending());
            assert!(queue.task_done().is_ok());
            assert_eq!(late_bell.rings(), 1);
        }
    });
}

#[test]
fn loom_a_shutdown_meets_one_that_waits() {
    loom::model(|| {
        let queue = Arc::new(Queue::<u8>::bounded(1));
        let ends = queue.clone();
        let thread = thread::spawn(move || ends.shutdown(true));
        assert_eq!(block_on(queue.get()), Err(GetError(())));
        thread.join().unwrap();
    });
}

#[test]
fn loom_a_shutdown_ends_all_though_one_comes_back_to_the_front() {
    let mut model = loom::model::Builder::new();
    // It is stopped before it joins and after that, and the shutdown between two batches.
    model.preemption_bound = Some(3);
    model.check(|| {
        let queue = Arc::new(Queue::bounded(1));
        let (bell, waker) = Bell::new();
        let mut told = waiting(queue.get(), Waker::noop());
        let _gone = waiting(queue.get(), Waker::noop());
        let mut last = waiting(queue.get(), &waker);
        assert!(queue.try_put(1).is_ok());
        assert_eq!(queue.try_get(), Ok(1));
        let ends = queue.clone();
        // Tells one, and then another: it may be the one that was told already, and found nothing, in the place of the last.
        let thread = thread::spawn(move || ends.shutdown(false));
        let polled = poll_once(&mut told, Waker::noop());
        thread.join().unwrap();
        assert!(polled.is_ready() || poll_once(&mut told, Waker::noop()).is_ready());
        assert!(bell.rings() > 0, "it is shut down");
        assert!(poll_once(&mut last, &waker).is_ready());
    });
}

#[test]
fn loom_canary_one_that_waits_without_a_second_look() {
    assert_noticed("queue.wait.blind", "queue::model::loom_a_getter_meets_a_put");
}

#[test]
fn loom_canary_one_that_was_told_and_tells_nobody() {
    assert_noticed("queue.leave.silent", "queue::model::loom_a_getter_that_gives_up_passes_the_telling_on");
}

#[test]
fn loom_canary_one_that_joins_without_a_second_look() {
    assert_noticed("queue.join.blind", "queue::model::loom_one_that_joins_meets_the_last_that_is_done");
}

#[test]
fn loom_canary_a_release_of_late_comers() {
    assert_noticed(
        "queue.release.all",
        "queue::model::loom_all_done_releases_those_who_joined_before_and_no_others",
    );
}
