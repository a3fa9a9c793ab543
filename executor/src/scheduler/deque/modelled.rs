//! Queues under one lock, for models.
//!
//! Tasks move under the lock, which hands them over whole. Whether a queue is empty is asked without it, of a
//! count that promises nothing about order: the real ones read their indices then, and protocols that decide about
//! sleeping by the answer have to bring their own fences.

use crossbeam_deque::Steal;
use filch_primitive::sync::Mutex;
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

struct Shared<T> {
    tasks: Mutex<VecDeque<T>>,
    count: AtomicUsize,
}

impl<T> Shared<T> {
    fn new() -> Arc<Self> {
        Arc::new(Self { tasks: Mutex::new(VecDeque::new()), count: AtomicUsize::new(0) })
    }

    fn push(&self, task: T) {
        let mut tasks = self.tasks.lock();
        tasks.push_back(task);
        // Ordering: Relaxed, on purpose.
        self.count.store(tasks.len(), Ordering::Relaxed);
    }

    fn pop(&self) -> Option<T> {
        let mut tasks = self.tasks.lock();
        let task = tasks.pop_front();
        // Ordering: Relaxed, on purpose.
        self.count.store(tasks.len(), Ordering::Relaxed);
        task
    }

    fn len(&self) -> usize {
        // Ordering: Relaxed, on purpose.
        self.count.load(Ordering::Relaxed)
    }

    /// The oldest, and of the rest half into `to`.
    fn steal_into(&self, to: &Worker<T>) -> Steal<T> {
        let Some(first) = self.pop() else { return Steal::Empty };
        for _ in 0..self.len() / 2 {
            let Some(task) = self.pop() else { break };
            to.push(task);
        }
        Steal::Success(first)
    }
}

/// The owner's end of a queue.
pub(in crate::scheduler) struct Worker<T>(Arc<Shared<T>>);

impl<T> Worker<T> {
    pub(in crate::scheduler) fn new_fifo() -> Self {
        Self(Shared::new())
    }

    pub(in crate::scheduler) fn stealer(&self) -> Stealer<T> {
        Stealer(self.0.clone())
    }

    pub(in crate::scheduler) fn push(&self, task: T) {
        self.0.push(task);
    }

    pub(in crate::scheduler) fn pop(&self) -> Option<T> {
        self.0.pop()
    }

    pub(in crate::scheduler) fn len(&self) -> usize {
        self.0.len()
    }

    pub(in crate::scheduler) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A thief's end of a queue.
pub(in crate::scheduler) struct Stealer<T>(Arc<Shared<T>>);

impl<T> Stealer<T> {
    pub(in crate::scheduler) fn steal(&self) -> Steal<T> {
        self.0.pop().map_or(Steal::Empty, Steal::Success)
    }

    pub(in crate::scheduler) fn steal_batch_and_pop(&self, to: &Worker<T>) -> Steal<T> {
        self.0.steal_into(to)
    }

    pub(in crate::scheduler) fn len(&self) -> usize {
        self.0.len()
    }

    pub(in crate::scheduler) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A queue without an owner.
pub(in crate::scheduler) struct Injector<T>(Arc<Shared<T>>);

impl<T> Injector<T> {
    pub(in crate::scheduler) fn new() -> Self {
        Self(Shared::new())
    }

    pub(in crate::scheduler) fn push(&self, task: T) {
        self.0.push(task);
    }

    pub(in crate::scheduler) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    pub(in crate::scheduler) fn steal(&self) -> Steal<T> {
        self.0.pop().map_or(Steal::Empty, Steal::Success)
    }

    pub(in crate::scheduler) fn steal_batch_and_pop(&self, to: &Worker<T>) -> Steal<T> {
        self.0.steal_into(to)
    }
}

impl<T> fmt::Debug for Worker<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("len", &self.len()).finish()
    }
}
