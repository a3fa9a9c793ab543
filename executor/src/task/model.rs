//! Models of the task cell, run by the model checker: every interleaving of two or three threads, and every value a
//! relaxed load may see.
//!
//! One model per race of `state.rs` and of `heap/core.rs`. What is dropped, freed, woken or told too often or too rarely
//! fails an assertion; what is read while somebody writes it fails in the checker's cells.

#![allow(unsafe_code, reason = "spawning into a heap is a promise about threads")]

mod canaries;
mod ends;

use super::{Heap, JoinHandle, Meta, Ran, Runnable, Schedule};
use crate::model::check;
use filch_primitive::cell::UnsafeCell;
use filch_primitive::sync::Mutex;
use filch_primitive::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;
use std::future::{pending, poll_fn};
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

/// Keeps what is scheduled until somebody runs it. Both threads of a model run what they find, as workers would.
struct Bin(Mutex<Vec<Runnable>>);

impl Schedule for Bin {
    fn schedule(target: &Weak<Self>, task: Runnable) {
        match target.upgrade() {
            Some(bin) => bin.0.lock().push(task),
            None => drop(task),
        }
    }
}

impl Bin {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Vec::new())))
    }

    /// Runs what is there, until nothing is.
    fn run(&self) {
        loop {
            let next = self.0.lock().pop();
            match next.map(Runnable::run) {
                None => return,
                Some(Ran::Done | Ran::Pending) => {}
                Some(Ran::Woken(task) | Ran::Yielded(task)) => self.0.lock().push(task),
            }
        }
    }
}

fn spawn<F: Future + 'static>(heap: &Heap<Bin>, future: F) -> (Runnable, JoinHandle<F::Output>) {
    let meta = Meta { location: Location::caller(), name: None };
    // SAFETY: each model spawns from one thread; what it spawns may go anywhere.
    unsafe { heap.spawn(future, meta) }
}

/// Counts, visibly to the checker.
struct Count(AtomicUsize);

impl Count {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(0)))
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Guard(Arc<Count>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<T>(handle: &mut JoinHandle<T>, waker: &Waker) -> Poll<Result<T, super::JoinError>> {
    Pin::new(handle).poll(&mut Context::from_waker(waker))
}

/// Wakes while the task is polled for the first time, before, or after: it is polled again and sees the flag. Nothing but
/// the wake orders the flag; nothing but the state word orders one poll's look at the future after another's.
fn wake_beside_a_poll(by_value: bool, notified_before: bool) {
    check(move || {
        let bin = Bin::new();
        let heap = Heap::new(Arc::downgrade(&bin));
        let flag = Arc::new(AtomicBool::new(false));
        let seen = flag.clone();
        let polls = Polls(UnsafeCell::new(0));
        let (mut task, mut handle) = spawn(
            &heap,
            poll_fn(move |_| {
                polls.count();
                // Ordering: Relaxed, on purpose.
                if seen.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
            }),
        );
        let waker = waker_of(&mut task);
        if notified_before {
            waker.wake_by_ref();
        }
        let other = {
            let bin = bin.clone();
            thread::spawn(move || {
                // Ordering: Relaxed, on purpose.
                flag.store(true, Ordering::Relaxed);
                if by_value {
                    waker.wake();
                } else {
                    waker.wake_by_ref();
                    drop(waker);
                }
                bin.run();
            })
        };
        bin.0.lock().push(task);
        bin.run();
        other.join().unwrap();
        bin.run();
        assert!(matches!(poll(&mut handle, Waker::noop()), Poll::Ready(Ok(()))), "the wake was lost");
        drop(handle);
        assert_eq!(heap.live(), 0);
    });
}

/// Counts in a cell that the checker watches.
struct Polls(UnsafeCell<u32>);

// SAFETY: that polls are ordered is what the models find out.
unsafe impl Send for Polls {}

impl Polls {
    fn count(&self) {
        // SAFETY: as above: the checker reports an access beside this one.
        self.0.with_mut(|polls| unsafe { *polls += 1 });
    }
}

/// A waker of a task that has not run yet.
fn waker_of(task: &mut Runnable) -> Waker {
    // SAFETY: the task is there, as its runnable is.
    let borrowed = unsafe { super::waker::BorrowedWaker::new(task.as_ptr()) };
    borrowed.get().clone()
}

#[test]
fn loom_wake_by_value_beside_a_poll() {
    wake_beside_a_poll(true, false);
}

#[test]
fn loom_wake_by_reference_beside_a_poll() {
    wake_beside_a_poll(false, false);
}

/// The word is notified already and would not change: what the second waker wrote must reach the poll all the same.
#[test]
fn loom_a_second_wake_beside_a_poll() {
    wake_beside_a_poll(false, true);
    wake_beside_a_poll(true, true);
}

/// The joiner leaves its waker while the task completes: it gets the output, now or after being woken.
#[test]
fn loom_join_beside_completion() {
    check(|| {
        let bin = Bin::new();
        let heap = Heap::new(Arc::downgrade(&bin));
        let (outputs, futures) = (Count::new(), Count::new());
        let (output, future) = (Guard(outputs.clone()), Guard(futures.clone()));
        let written = Polls(UnsafeCell::new(0));
        let (task, mut handle) = spawn(&heap, async move {
            let _future = future;
            written.count();
            (output, written)
        });
        let other = thread::spawn(move || assert!(matches!(task.run(), Ran::Done)));
        let woken = Count::new();
        let result = poll(&mut handle, &Waker::from(woken.clone()));
        let replaced = Count::new();
        let result = match result {
            Poll::Pending => poll(&mut handle, &Waker::from(replaced.clone())),
            ready => ready,
        };
        // Before the other thread is joined, which would order everything.
        let result = result.map(|output| output.unwrap().1.count());
        other.join().unwrap();
        match result {
            Poll::Ready(()) => {}
            Poll::Pending => {
                assert_eq!(replaced.get(), 1, "the joiner was not woken");
                assert_eq!(futures.get(), 1, "woken before the future was gone");
                assert!(poll(&mut handle, Waker::noop()).is_ready());
            }
        }
        drop(handle);
        assert_eq!((outputs.get(), futures.get(), heap.live()), (1, 1, 0));
        assert_eq!((Arc::strong_count(&woken), Arc::strong_count(&replaced)), (1, 1));
    });
}

/// The handle goes, waiting or not, while the task completes: the output is dropped once, and the slot freed.
fn leave_beside_completion(waits: bool) {
    check(move || {
        let bin = Bin::new();
        let heap = Heap::new(Arc::downgrade(&bin));
        let outputs = Count::new();
        let output = Guard(outputs.clone());
        let (task, mut handle) = spawn(&heap, async move { output });
        let woken = Count::new();
        if waits {
            assert!(poll(&mut handle, &Waker::from(woken.clone())).is_pending());
        }
        let other = thread::spawn(move || assert!(matches!(task.run(), Ran::Done)));
        drop(handle);
        other.join().unwrap();
        assert_eq!((outputs.get(), heap.live(), Arc::strong_count(&woken)), (1, 0, 1));
    });
}

#[test]
fn loom_leaving_beside_completion() {
    leave_beside_completion(false);
}

#[test]
fn loom_leaving_with_a_waker_beside_completion() {
    leave_beside_completion(true);
}

/// Abort, wake and run at once: the future goes once, the joiner gets one answer.
#[test]
fn loom_abort_beside_a_wake_and_a_run() {
    check(|| {
        let bin = Bin::new();
        let heap = Heap::new(Arc::downgrade(&bin));
        let drops = Count::new();
        let guard = Guard(drops.clone());
        let (mut task, mut handle) = spawn(
            &heap,
            poll_fn(move |_| {
                let _guard = &guard;
                Poll::<()>::Pending
            }),
        );
        let waker = waker_of(&mut task);
        assert!(matches!(task.run(), Ran::Pending));
        let abort = handle.abort_handle();
        let first = {
            let bin = bin.clone();
            thread::spawn(move || {
                waker.wake();
                bin.run();
            })
        };
        let second = {
            let bin = bin.clone();
            thread::spawn(move || {
                abort.abort();
                bin.run();
            })
        };
        first.join().unwrap();
        second.join().unwrap();
        bin.run();
        assert_eq!(drops.get(), 1);
        let Poll::Ready(Err(error)) = poll(&mut handle, Waker::noop()) else { panic!("it was aborted") };
        assert!(error.is_aborted());
        drop(handle);
        assert_eq!(heap.live(), 0);
    });
}

/// The last waker and the handle go at once: one of them finds that nobody can wake the task any more.
#[test]
fn loom_the_last_two_references_go() {
    check(|| {
        let bin = Bin::new();
        let heap = Heap::new(Arc::downgrade(&bin));
        let drops = Count::new();
        let guard = Guard(drops.clone());
        let (mut task, handle) = spawn(&heap, async move {
            let _guard = guard;
            pending::<()>().await;
        });
        let waker = waker_of(&mut task);
        assert!(matches!(task.run(), Ran::Pending));
        let other = thread::spawn(move || drop(waker));
        drop(handle);
        other.join().unwrap();
        assert_eq!((drops.get(), bin.0.lock().len()), (0, 1), "handed over once");
        bin.run();
        assert_eq!((drops.get(), heap.live()), (1, 0));
    });
}

/// The last waker goes while the poll that was its only hope ends.
#[test]
fn loom_the_last_waker_goes_beside_a_poll() {
    check(|| {
        let bin = Bin::new();
        let heap = Heap::new(Arc::downgrade(&bin));
        let drops = Count::new();
        let guard = Guard(drops.clone());
        let (mut task, handle) = spawn(&heap, async move {
            let _guard = guard;
            pending::<()>().await;
        });
        drop(handle);
        let waker = waker_of(&mut task);
        let other = thread::spawn(move || drop(waker));
        drop(task.run());
        other.join().unwrap();
        bin.run();
        assert_eq!((drops.get(), heap.live()), (1, 0));
    });
}

/// A walk aborts everything while a task is polled, completes and is freed.
#[test]
fn loom_a_walk_beside_a_run() {
    check(|| {
        let bin = Bin::new();
        let heap = Arc::new(Heap::new(Arc::downgrade(&bin)));
        let drops = Count::new();
        let guard = Guard(drops.clone());
        let (mut task, handle) = spawn(
            &heap,
            poll_fn(move |_| {
                let _guard = &guard;
                Poll::<()>::Pending
            }),
        );
        let waker = waker_of(&mut task);
        let walker = {
            let (heap, bin) = (heap.clone(), bin.clone());
            thread::spawn(move || {
                let found = heap.cancel_all(|task| bin.0.lock().push(task));
                bin.run();
                found
            })
        };
        drop(handle);
        drop(task.run());
        drop(waker);
        let found = walker.join().unwrap();
        bin.run();
        assert!(found <= 1);
        assert_eq!((drops.get(), heap.live()), (1, 0));
    });
}

/// A description takes a reference for a moment, which may turn out to be the last.
#[test]
fn loom_a_description_beside_the_end() {
    check(|| {
        let bin = Bin::new();
        let heap = Arc::new(Heap::new(Arc::downgrade(&bin)));
        let (task, mut handle) = spawn(&heap, async { 5 });
        let id = handle.id();
        let looker = {
            let heap = heap.clone();
            thread::spawn(move || heap.for_each(|task| assert_eq!(task.id, id)))
        };
        assert!(matches!(task.run(), Ran::Done));
        assert!(matches!(poll(&mut handle, Waker::noop()), Poll::Ready(Ok(5))));
        drop(handle);
        looker.join().unwrap();
        assert_eq!(heap.live(), 0);
    });
}

/// A walk looks at a page while slots are carved out of it and filled.
#[test]
fn loom_a_walk_beside_spawns() {
    check(|| {
        let bin = Bin::new();
        let heap = Arc::new(Heap::new(Arc::downgrade(&bin)));
        let (first, first_handle) = spawn(&heap, pending::<()>());
        let looker = {
            let heap = heap.clone();
            thread::spawn(move || {
                let mut found = 0;
                heap.for_each(|task| {
                    assert_eq!(task.meta.location.file(), file!());
                    found += 1;
                });
                found
            })
        };
        let (second, second_handle) = spawn(&heap, pending::<()>());
        let found = looker.join().unwrap();
        assert!((1..=2).contains(&found));
        drop((first, second, first_handle, second_handle));
        assert_eq!(heap.live(), 0);
    });
}

/// Slots freed by two other threads while the owner collects and spawns again.
#[test]
fn loom_slots_come_home() {
    check(|| {
        let bin = Bin::new();
        let heap = Heap::new(Arc::downgrade(&bin));
        // SAFETY: this thread alone allocates.
        let owned = unsafe { heap.own() };
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (task, handle) = spawn(&heap, async {});
                drop(handle);
                thread::spawn(move || assert!(matches!(task.run(), Ran::Done)))
            })
            .collect();
        // SAFETY: as above.
        unsafe { heap.collect() };
        let (task, handle) = spawn(&heap, async {});
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        // SAFETY: as above.
        unsafe { heap.collect() };
        assert_eq!(heap.live(), 1);
        drop((task, handle));
        assert_eq!(heap.live(), 0);
        drop(owned);
    });
}

/// The heap goes while two other threads free its last slots: every page and the core are freed, once.
#[test]
fn loom_a_heap_is_abandoned() {
    check(|| {
        let bin = Bin::new();
        let heap = Heap::new(Arc::downgrade(&bin));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (task, handle) = spawn(&heap, async {});
                drop(handle);
                thread::spawn(move || assert!(matches!(task.run(), Ran::Done)))
            })
            .collect();
        drop(heap);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(Arc::weak_count(&bin), 0, "the core is gone");
    });
}
