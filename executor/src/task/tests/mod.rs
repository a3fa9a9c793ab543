//! Tests of the task cell, with a scheduler that is a queue and a lock.

#![allow(unsafe_code, reason = "spawning into a heap is a promise about threads")]

use super::{Heap, JoinHandle, Meta, Ran, Runnable, Schedule};
use std::collections::VecDeque;
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};

mod basic;
mod combinations;
mod heap;
mod panics;
mod shapes;
mod stress;

/// A scheduler: whoever calls [`Queue::run_one`] is the worker.
struct Queue {
    ready: Mutex<VecDeque<Runnable>>,
    scheduled: AtomicUsize,
    heap: Heap<Queue>,
    /// The lock that stands for the heap's owner.
    spawning: Mutex<()>,
}

impl Schedule for Queue {
    fn schedule(target: &Weak<Self>, task: Runnable) {
        match target.upgrade() {
            Some(queue) => {
                queue.scheduled.fetch_add(1, Ordering::Relaxed);
                queue.push(task);
            }
            None => drop(task),
        }
    }
}

impl Queue {
    fn new() -> Arc<Self> {
        Arc::new_cyclic(|weak: &Weak<Self>| Self {
            ready: Mutex::default(),
            scheduled: AtomicUsize::new(0),
            heap: Heap::new(weak.clone()),
            spawning: Mutex::default(),
        })
    }

    fn push(&self, task: Runnable) {
        self.ready.lock().unwrap().push_back(task);
    }

    fn pop(&self) -> Option<Runnable> {
        self.ready.lock().unwrap().pop_front()
    }

    /// A task and its first run right.
    #[track_caller]
    fn cell<F: Future + Send + 'static>(&self, future: F) -> (Runnable, JoinHandle<F::Output>)
    where
        F::Output: Send,
    {
        self.cell_named(future, None)
    }

    #[track_caller]
    fn cell_named<F: Future + Send + 'static>(
        &self,
        future: F,
        name: Option<&str>,
    ) -> (Runnable, JoinHandle<F::Output>)
    where
        F::Output: Send,
    {
        let meta = Meta { location: Location::caller(), name: name.map(Box::from) };
        let _lock = self.spawning.lock().unwrap();
        // SAFETY: the lock stands for the owner; the future is `Send`.
        unsafe { self.heap.spawn(future, meta) }
    }

    #[track_caller]
    fn spawn<F: Future + Send + 'static>(&self, future: F) -> JoinHandle<F::Output>
    where
        F::Output: Send,
    {
        let (task, handle) = self.cell(future);
        self.push(task);
        handle
    }

    /// Polls the task at the front, and says whether there was one.
    fn run_one(&self) -> bool {
        let Some(task) = self.pop() else { return false };
        match task.run() {
            Ran::Done | Ran::Pending => {}
            Ran::Woken(task) | Ran::Yielded(task) => self.push(task),
        }
        true
    }

    fn run_all(&self) {
        for polls in 0.. {
            assert!(polls < 1_000_000, "tasks never come to rest");
            if !self.run_one() {
                return;
            }
        }
    }

    /// Slots in use.
    fn live(&self) -> usize {
        self.heap.live()
    }
}

/// A waker that counts.
#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn new() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        (count.clone(), Waker::from(count))
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

/// A value that counts its drops.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicUsize>);

impl Drops {
    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn guard(&self) -> DropGuard {
        DropGuard(self.0.clone())
    }
}

struct DropGuard(Arc<AtomicUsize>);

impl Drop for DropGuard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls a handle once.
fn poll<T>(handle: &mut JoinHandle<T>, waker: &Waker) -> Poll<Result<T, super::JoinError>> {
    Pin::new(handle).poll(&mut Context::from_waker(waker))
}

/// What a handle has now, which must be something.
fn take<T>(handle: &mut JoinHandle<T>) -> Result<T, super::JoinError> {
    match poll(handle, Waker::noop()) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("the task is not complete"),
    }
}
