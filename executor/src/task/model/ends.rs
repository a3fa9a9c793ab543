//! Races around a task's end, with whoever waits for it, aborts it, or still holds a waker.

#![allow(unsafe_code, reason = "spawning into a heap is a promise about threads")]

use super::{Bin, Count, Guard, Polls, poll, spawn, waker_of};
use crate::model::check;
use crate::task::{Heap, Ran};
use filch_primitive::cell::UnsafeCell;
use loom::thread;
use std::future::{pending, poll_fn};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::task::{Poll, Waker};

/// An abort, the poll in which the task completes, and a joiner that changes its waker: the joiner gets one answer, by the
/// poll or through the last waker it left, and no waker stays behind.
#[test]
fn loom_an_abort_beside_completion_and_a_change_of_joiners() {
    check(|| {
        let bin = Bin::new();
        let heap = Heap::new(Arc::downgrade(&bin));
        let (outputs, futures) = (Count::new(), Count::new());
        let (output, future) = (Guard(outputs.clone()), Guard(futures.clone()));
        let (task, mut handle) = spawn(&heap, async move {
            let _future = future;
            output
        });
        let (first, second) = (Count::new(), Count::new());
        assert!(poll(&mut handle, &Waker::from(first.clone())).is_pending());
        let abort = handle.abort_handle();
        let aborting = thread::spawn(move || abort.abort());
        let running = thread::spawn(move || assert!(matches!(task.run(), Ran::Done)));
        let answer = poll(&mut handle, &Waker::from(second.clone()));
        running.join().unwrap();
        aborting.join().unwrap();
        let aborted = match answer {
            Poll::Ready(answer) => answer.is_err(),
            Poll::Pending => {
                assert_eq!(second.get(), 1, "the joiner was not woken");
                let Poll::Ready(answer) = poll(&mut handle, Waker::noop()) else {
                    panic!("woken for nothing")
                };
                answer.is_err()
            }
        };
        // The output goes when the future does, if it was not made, and else with the answer.
        assert_eq!((outputs.get(), futures.get()), (1, 1), "aborted: {aborted}");
        drop(handle);
        assert_eq!((Arc::strong_count(&first), Arc::strong_count(&second), heap.live()), (1, 1, 0));
    });
}

/// A task panics while it is woken and its handle is dropped: the future goes once, and so does what it threw.
#[test]
fn loom_a_panic_beside_a_wake_and_a_leaver() {
    check(|| {
        let bin = Bin::new();
        let heap = Heap::new(Arc::downgrade(&bin));
        let (futures, thrown) = (Count::new(), Count::new());
        let (future, payload) = (Guard(futures.clone()), Guard(thrown.clone()));
        let (mut task, handle) = spawn(&heap, async move {
            let _future = future;
            // Without the hook, which ends the process.
            resume_unwind(Box::new(payload));
        });
        let waker = waker_of(&mut task);
        let waking = thread::spawn(move || waker.wake());
        let leaving = thread::spawn(move || drop(handle));
        assert!(matches!(task.run(), Ran::Done));
        waking.join().unwrap();
        leaving.join().unwrap();
        assert_eq!((futures.get(), thrown.get(), bin.0.lock().len(), heap.live()), (1, 1, 0, 0));
    });
}

/// A task panics while somebody waits for it: what it threw comes out of the handle.
#[test]
fn loom_a_panic_beside_a_joiner() {
    check(|| {
        let bin = Bin::new();
        let heap = Heap::new(Arc::downgrade(&bin));
        let thrown = Count::new();
        let payload = Guard(thrown.clone());
        let (task, mut handle) = spawn(&heap, async move { resume_unwind(Box::new(payload)) });
        let running = thread::spawn(move || assert!(matches!(task.run(), Ran::Done)));
        let woken = Count::new();
        let answer = poll::<()>(&mut handle, &Waker::from(woken.clone()));
        running.join().unwrap();
        let answer = match answer {
            Poll::Ready(answer) => answer,
            Poll::Pending => {
                assert_eq!(woken.get(), 1, "the joiner was not woken");
                let Poll::Ready(answer) = poll(&mut handle, Waker::noop()) else {
                    panic!("woken for nothing")
                };
                answer
            }
        };
        let error = answer.unwrap_err();
        assert!(error.is_panic() && thrown.get() == 0);
        drop(error.into_panic());
        drop(handle);
        assert_eq!((thrown.get(), heap.live(), Arc::strong_count(&woken)), (1, 0, 1));
    });
}

/// Two wakers of a task that completes, one used and one dropped, are the last to go: the slot is freed once, by
/// whichever is last.
#[test]
fn loom_wakers_outlive_the_task() {
    check(|| {
        let bin = Bin::new();
        let heap = Heap::new(Arc::downgrade(&bin));
        let (mut task, handle) = spawn(&heap, async {});
        drop(handle);
        let (used, dropped) = (waker_of(&mut task), waker_of(&mut task));
        let using = thread::spawn(move || {
            used.wake_by_ref();
            used.wake();
        });
        let dropping = thread::spawn(move || drop(dropped));
        assert!(matches!(task.run(), Ran::Done));
        using.join().unwrap();
        dropping.join().unwrap();
        assert_eq!((bin.0.lock().len(), heap.live()), (0, 0));
    });
}

/// A task is detached while one waker is used and another thread polls: it completes, or waits for nobody and is
/// dropped.
#[test]
fn loom_a_detached_task_beside_its_last_wake() {
    check(|| {
        let bin = Bin::new();
        let heap = Heap::new(Arc::downgrade(&bin));
        let drops = Count::new();
        let guard = Guard(drops.clone());
        let polls = Polls(UnsafeCell::new(0));
        let (mut task, handle) = spawn(
            &heap,
            poll_fn(move |_| {
                let _guard = &guard;
                polls.count();
                Poll::<()>::Pending
            }),
        );
        let waker = waker_of(&mut task);
        let waking = {
            let bin = bin.clone();
            thread::spawn(move || {
                waker.wake();
                bin.run();
            })
        };
        let detaching = thread::spawn(move || handle.detach());
        bin.0.lock().push(task);
        bin.run();
        waking.join().unwrap();
        detaching.join().unwrap();
        bin.run();
        assert_eq!((drops.get(), heap.live()), (1, 0), "it lingers, out of everybody's reach");
    });
}

/// A run right is given up for good while somebody waits and another aborts: the joiner hears of it; the future is not
/// touched.
#[test]
fn loom_a_task_is_forgotten_beside_a_joiner() {
    check(|| {
        let bin = Bin::new();
        let heap = Heap::new(Arc::downgrade(&bin));
        let drops = Count::new();
        let guard = Guard(drops.clone());
        let (task, mut handle) = spawn(&heap, async move {
            let _guard = guard;
            pending::<()>().await;
        });
        let abort = handle.abort_handle();
        let forgetting = thread::spawn(move || task.forget());
        let aborting = thread::spawn(move || abort.abort());
        let woken = Count::new();
        let answer = poll(&mut handle, &Waker::from(woken.clone()));
        forgetting.join().unwrap();
        aborting.join().unwrap();
        if answer.is_pending() {
            assert_eq!(woken.get(), 1, "the joiner was not woken");
        }
        assert!(handle.is_finished());
        drop(handle);
        // Its slot is never used again.
        assert_eq!((drops.get(), heap.live(), bin.0.lock().len()), (0, 1, 0));
    });
}

/// Every task of a page has been freed, the last by another thread, and the page goes while somebody walks.
#[test]
fn loom_a_page_goes_beside_a_walk() {
    /// Aligned so that its task gets a page of its own.
    #[repr(align(32))]
    struct Apart(#[expect(dead_code, reason = "counted when dropped")] Guard);

    check(|| {
        let bin = Bin::new();
        let heap = Arc::new(Heap::new(Arc::downgrade(&bin)));
        let drops = Count::new();
        let apart = Apart(Guard(drops.clone()));
        let (task, handle) = spawn(&heap, async move { drop(apart) });
        drop(handle);
        let walker = {
            let heap = heap.clone();
            thread::spawn(move || heap.for_each(drop))
        };
        let running = thread::spawn(move || assert!(matches!(task.run(), Ran::Done)));
        // SAFETY: this thread alone allocates from the heap.
        unsafe { heap.collect() };
        running.join().unwrap();
        // SAFETY: as above.
        unsafe { heap.collect() };
        walker.join().unwrap();
        // SAFETY: as above.
        unsafe { heap.collect() };
        assert_eq!((drops.get(), heap.retained_bytes()), (1, 0), "the page was kept");
    });
}

/// Slots come back one by one while the owner takes them again, as many as there are.
#[test]
fn loom_a_slot_is_used_again_while_others_come_home() {
    check(|| {
        let bin = Bin::new();
        let heap = Arc::new(Heap::new(Arc::downgrade(&bin)));
        let ran = Count::new();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let guard = Guard(ran.clone());
                let (task, handle) = spawn(&heap, async move { drop(guard) });
                drop(handle);
                thread::spawn(move || assert!(matches!(task.run(), Ran::Done)))
            })
            .collect();
        let again: Vec<_> = (0..2)
            .map(|_| {
                // SAFETY: this thread alone allocates from the heap.
                unsafe { heap.collect() };
                let guard = Guard(ran.clone());
                spawn(&heap, async move { drop(guard) })
            })
            .collect();
        for (task, handle) in again {
            drop(handle);
            assert!(matches!(task.run(), Ran::Done));
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!((ran.get(), heap.live()), (4, 0));
    });
}
