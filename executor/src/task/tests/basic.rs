//! One task, one thread, one thing at a time.

use super::{Count, Drops, Queue, poll, take};
use crate::task::{Ran, current, current_name, yield_now};
use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

#[test]
fn a_task_runs_to_its_end_and_its_output_is_joined() {
    let queue = Queue::new();
    let mut handle = queue.spawn(async { 6 * 7 });
    assert!(poll(&mut handle, Waker::noop()).is_pending());
    assert!(!handle.is_finished());
    queue.run_all();
    assert!(handle.is_finished());
    assert_eq!(take(&mut handle).unwrap(), 42);
    drop(handle);
    assert_eq!(queue.live(), 0);
}

#[test]
fn the_joiner_is_woken_once_after_the_future_is_gone() {
    let queue = Queue::new();
    let drops = Drops::default();
    let guard = drops.guard();
    let mut handle = queue.spawn(async move {
        let _guard = guard;
    });
    let (count, waker) = Count::new();
    assert!(poll(&mut handle, &waker).is_pending());
    assert!(poll(&mut handle, &waker).is_pending(), "the same waker again");
    drop(waker);
    assert_eq!((count.get(), Arc::strong_count(&count)), (0, 2));
    queue.run_all();
    assert_eq!((count.get(), Arc::strong_count(&count)), (1, 1), "woken by value, and gone");
    assert_eq!(drops.get(), 1);
    take(&mut handle).unwrap();
}

#[test]
fn only_the_last_joiner_is_woken_and_the_one_before_is_dropped_at_once() {
    let queue = Queue::new();
    let mut handle = queue.spawn(async {});
    let (first, first_waker) = Count::new();
    let (second, second_waker) = Count::new();
    assert!(poll(&mut handle, &first_waker).is_pending());
    assert!(poll(&mut handle, &second_waker).is_pending());
    assert_eq!(Arc::strong_count(&first), 2, "ours alone: the counter and the waker here");
    queue.run_all();
    assert_eq!((first.get(), second.get()), (0, 1));
}

#[test]
fn a_joiner_of_many_finished_tasks_gives_way() {
    let queue = Queue::new();
    let mut handles: Vec<_> = (0..200_000).map(|_| queue.spawn(async {})).collect();
    queue.run_all();
    let mut slice = filch_primitive::slice::open();
    let mut gave_way = 0;
    for handle in &mut handles {
        while poll(handle, Waker::noop()).is_pending() {
            gave_way += 1;
            slice.restart();
        }
    }
    assert!(gave_way > 0, "200,000 joins take longer than a slice");
    drop(handles);
    assert_eq!(queue.live(), 0);
}

#[test]
fn a_handle_that_goes_takes_its_waker_along() {
    let queue = Queue::new();
    let (task, mut handle) = queue.cell(pending::<()>());
    let (count, waker) = Count::new();
    assert!(poll(&mut handle, &waker).is_pending());
    drop((handle, waker));
    assert_eq!(Arc::strong_count(&count), 1);
    drop(task);
    assert_eq!((count.get(), queue.live()), (0, 0));
}

#[test]
#[should_panic(expected = "polled again after it had returned")]
fn a_handle_gives_its_result_once() {
    let queue = Queue::new();
    let mut handle = queue.spawn(async {});
    queue.run_all();
    take(&mut handle).unwrap();
    let _ = take(&mut handle);
}

#[test]
fn a_wake_during_the_poll_asks_for_another() {
    let queue = Queue::new();
    let mut polls = 0;
    let (task, mut handle) = queue.cell(poll_fn(move |cx| {
        polls += 1;
        if polls < 3 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(polls)
    }));
    let Ran::Woken(task) = task.run() else { panic!("it was woken") };
    let Ran::Woken(task) = task.run() else { panic!("it was woken") };
    assert!(matches!(task.run(), Ran::Done));
    assert_eq!(take(&mut handle).unwrap(), 3);
}

#[test]
fn yielding_wakes_nobody_and_comes_back_by_itself() {
    let queue = Queue::new();
    let (task, handle) = queue.cell(async {
        yield_now().await;
        yield_now().await;
    });
    let Ran::Yielded(task) = task.run() else { panic!("it yielded") };
    let Ran::Yielded(task) = task.run() else { panic!("it yielded") };
    assert!(matches!(task.run(), Ran::Done));
    assert_eq!(queue.scheduled.load(std::sync::atomic::Ordering::Relaxed), 0);
    drop(handle);
}

#[test]
fn yielding_through_a_waker_of_somebody_elses_wakes_that_one() {
    let queue = Queue::new();
    let (inner, waker) = Count::new();
    let mut child = Box::pin(yield_now());
    let (task, handle) = queue.cell(poll_fn(move |cx| {
        let before = inner.get();
        if child.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            return Poll::Ready(());
        }
        assert_eq!(inner.get(), before + 1);
        // What a combinator does when its child's waker is used.
        cx.waker().wake_by_ref();
        Poll::Pending
    }));
    let Ran::Yielded(task) = task.run() else { panic!("it yielded") };
    assert!(matches!(task.run(), Ran::Done));
    drop(handle);
}

#[test]
fn a_foreign_yield_that_wakes_nobody_here_does_not_bring_the_task_back() {
    let queue = Queue::new();
    let (task, handle) = queue.cell(poll_fn(|_| {
        let _ = Box::pin(yield_now()).as_mut().poll(&mut Context::from_waker(Waker::noop()));
        Poll::<()>::Pending
    }));
    assert!(matches!(task.run(), Ran::Pending));
    drop(handle);
    queue.run_all();
    assert_eq!(queue.live(), 0);
}

#[test]
fn outside_a_task_yielding_wakes() {
    let (count, waker) = Count::new();
    let mut future = Box::pin(yield_now());
    let mut cx = Context::from_waker(&waker);
    assert!(future.as_mut().poll(&mut cx).is_pending());
    assert_eq!(count.get(), 1);
    assert!(future.as_mut().poll(&mut cx).is_ready());
}

#[test]
fn a_task_knows_itself_and_nested_ones_give_way_to_it() {
    let queue = Queue::new();
    assert_eq!(current(), None);
    let (inner, mut inner_handle) = queue.cell_named(async { (current(), current_name()) }, Some("inner"));
    let (outer, mut outer_handle) = queue.cell_named(
        async move {
            let before = current();
            assert!(matches!(inner.run(), Ran::Done));
            assert_eq!(before, current());
            (current(), current_name())
        },
        Some("outer"),
    );
    assert_eq!(outer.name(), Some("outer"));
    assert!(matches!(outer.run(), Ran::Done));
    assert_eq!(current(), None);
    let inner = take(&mut inner_handle).unwrap();
    let outer = take(&mut outer_handle).unwrap();
    assert_eq!(inner, (Some(inner_handle.id()), Some("inner".into())));
    assert_eq!(outer, (Some(outer_handle.id()), Some("outer".into())));
}

#[test]
fn wakers_of_a_task_are_alike_from_poll_to_poll_and_from_thread_to_thread() {
    let queue = Queue::new();
    let first = Arc::new(Mutex::new(None::<Waker>));
    let kept = first.clone();
    let handle = queue.spawn(poll_fn(move |cx| {
        let mut first = kept.lock().unwrap();
        match &*first {
            None => {
                *first = Some(cx.waker().clone());
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(waker) => {
                assert!(waker.will_wake(cx.waker()) && waker.clone().will_wake(cx.waker()));
                Poll::Ready(())
            }
        }
    }));
    assert!(queue.run_one());
    let runner = queue.clone();
    std::thread::spawn(move || runner.run_all()).join().unwrap();
    let mut handle = handle;
    take(&mut handle).unwrap();
    drop((handle, first));
    assert_eq!(queue.live(), 0);
}

#[test]
fn a_task_nobody_can_wake_is_dropped_where_tasks_run() {
    let queue = Queue::new();
    let drops = Drops::default();
    let kept = Arc::new(Mutex::new(None::<Waker>));
    let (guard, keep) = (drops.guard(), kept.clone());
    queue
        .spawn(poll_fn(move |cx| {
            let _guard = &guard;
            *keep.lock().unwrap() = Some(cx.waker().clone());
            Poll::<()>::Pending
        }))
        .detach();
    queue.run_all();
    assert_eq!((drops.get(), queue.live()), (0, 1));
    let last = kept.lock().unwrap().take();
    drop(last);
    assert_eq!(drops.get(), 0, "never inside the waker's drop");
    queue.run_all();
    assert_eq!((drops.get(), queue.live()), (1, 0));
}

#[test]
fn a_task_that_waits_for_nothing_is_dropped_with_its_handle_or_after_its_poll() {
    let queue = Queue::new();
    let drops = Drops::default();
    let guard = drops.guard();
    let wait = async move {
        let _guard = guard;
        pending::<()>().await;
    };
    let handle = queue.spawn(wait);
    queue.run_all();
    assert_eq!(drops.get(), 0);
    drop(handle);
    queue.run_all();
    assert_eq!((drops.get(), queue.live()), (1, 0));
    let guard = drops.guard();
    queue
        .spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        })
        .detach();
    queue.run_all();
    assert_eq!((drops.get(), queue.live()), (2, 0));
}

#[test]
fn wakers_are_harmless_after_the_end_and_after_the_heap() {
    let queue = Queue::new();
    let kept = Arc::new(Mutex::new(Vec::<Waker>::new()));
    let keep = kept.clone();
    let mut handle = queue.spawn(poll_fn(move |cx| {
        keep.lock().unwrap().extend([cx.waker().clone(), cx.waker().clone()]);
        Poll::Ready(String::from("done"))
    }));
    queue.run_all();
    let first = kept.lock().unwrap().pop().unwrap();
    first.wake_by_ref();
    first.wake();
    assert!(!queue.run_one(), "nothing is queued");
    let abort = handle.abort_handle();
    drop(queue);
    assert_eq!(take(&mut handle).unwrap(), "done");
    let last = kept.lock().unwrap().pop().unwrap();
    let another = last.clone();
    last.wake();
    another.wake_by_ref();
    drop(handle);
    abort.abort();
    assert!(abort.is_finished());
    drop(another);
    let id = abort.id();
    assert_eq!(abort.clone().id(), id);
}

#[test]
fn a_task_left_idle_when_its_runtime_goes_is_dropped_by_the_next_wake() {
    let queue = Queue::new();
    let drops = Drops::default();
    let (guard, kept) = (drops.guard(), Arc::new(Mutex::new(None::<Waker>)));
    let keep = kept.clone();
    let mut handle = queue.spawn(poll_fn(move |cx| {
        let _guard = &guard;
        *keep.lock().unwrap() = Some(cx.waker().clone());
        Poll::<()>::Pending
    }));
    queue.run_all();
    drop(queue);
    assert_eq!(drops.get(), 0);
    let waker = kept.lock().unwrap().take().unwrap();
    waker.wake();
    assert_eq!(drops.get(), 1);
    assert!(take(&mut handle).unwrap_err().is_aborted());
}
