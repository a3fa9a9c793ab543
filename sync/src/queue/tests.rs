//! One file per question; see each.

mod asyncio;
mod hostile;
mod shutdown;
mod storm;
mod waiting;

use super::{
    Fifo, Get, GetError, GetTask, Join, Lifo, LifoQueue, Order, PriorityQueue, Put, PutError, Queue,
    QueueSink, QueueStatistics, QueueStream, RawQueue, Smallest, TaskGuard, TooManyDone, TryGetError,
    TryPutError,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::Cell;
use std::rc::Rc;

/// Comes out by its rank, and knows when it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ranked(pub(super) usize, pub(super) usize);

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

/// A queue of at most `capacity` items, or without bound for 0.
pub(super) fn queue<T, O: Order<T>>(capacity: usize) -> RawQueue<T, O> {
    if capacity == 0 { RawQueue::unbounded() } else { RawQueue::bounded(capacity) }
}

// A queue moves items between threads and never shares one: `Send` is what that takes. A guard shares its item.
type S = u8;
type Unshared = Cell<u8>;
type Unsent = Rc<u8>;

assert_impl_all!(Queue<S>: Send, Sync, Unpin);
assert_impl_all!(LifoQueue<S>: Send, Sync, Unpin);
assert_impl_all!(PriorityQueue<S>: Send, Sync, Unpin);
assert_impl_all!(Queue<Unshared>: Send, Sync, Unpin);
assert_impl_all!(LifoQueue<Unshared>: Send, Sync, Unpin);
assert_impl_all!(PriorityQueue<Unshared>: Send, Sync, Unpin);
assert_not_impl_any!(Queue<Unsent>: Send, Sync);
assert_not_impl_any!(LifoQueue<Unsent>: Send, Sync);
assert_not_impl_any!(PriorityQueue<Unsent>: Send, Sync);

assert_impl_all!(Put<'static, S, Fifo>: Send, Sync);
assert_impl_all!(Put<'static, Unshared, Lifo>: Send);
assert_not_impl_any!(Put<'static, S, Fifo>: Unpin);
assert_not_impl_any!(Put<'static, Unshared, Lifo>: Sync);
assert_not_impl_any!(Put<'static, Unsent, Smallest>: Send, Sync);
assert_impl_all!(Get<'static, S, Fifo>: Send, Sync);
assert_impl_all!(Get<'static, Unshared, Lifo>: Send, Sync);
assert_not_impl_any!(Get<'static, S, Fifo>: Unpin);
assert_not_impl_any!(Get<'static, Unsent, Smallest>: Send, Sync);
assert_impl_all!(GetTask<'static, S, Fifo>: Send, Sync);
assert_impl_all!(GetTask<'static, Unshared, Lifo>: Send, Sync);
assert_not_impl_any!(GetTask<'static, S, Fifo>: Unpin);
assert_not_impl_any!(GetTask<'static, Unsent, Smallest>: Send, Sync);
assert_impl_all!(Join<'static, S, Fifo>: Send, Sync);
assert_impl_all!(Join<'static, Unshared, Lifo>: Send, Sync);
assert_not_impl_any!(Join<'static, S, Fifo>: Unpin);
assert_not_impl_any!(Join<'static, Unsent, Smallest>: Send, Sync);
assert_impl_all!(TaskGuard<'static, S, Fifo>: Send, Sync, Unpin);
assert_impl_all!(TaskGuard<'static, Unshared, Lifo>: Send, Unpin);
assert_not_impl_any!(TaskGuard<'static, Unshared, Lifo>: Sync);
assert_not_impl_any!(TaskGuard<'static, Unsent, Smallest>: Send, Sync);
assert_impl_all!(QueueStream<'static, S, Fifo>: Send, Sync, Unpin);
assert_impl_all!(QueueStream<'static, Unshared, Lifo>: Send, Sync, Unpin);
assert_not_impl_any!(QueueStream<'static, Unsent, Smallest>: Send, Sync);
assert_impl_all!(QueueSink<'static, S, Fifo>: Send, Sync, Unpin);
assert_impl_all!(QueueSink<'static, Unshared, Lifo>: Send, Unpin);
assert_not_impl_any!(QueueSink<'static, Unshared, Lifo>: Sync);
assert_not_impl_any!(QueueSink<'static, Unsent, Smallest>: Send, Sync);
assert_impl_all!(PutError<S>: Send, Sync, Unpin);
assert_impl_all!(PutError<Unshared>: Send, Unpin);
assert_not_impl_any!(PutError<Unshared>: Sync);
assert_not_impl_any!(PutError<Unsent>: Send, Sync);
assert_impl_all!(TryPutError<S>: Send, Sync, Unpin);
assert_impl_all!(TryPutError<Unshared>: Send, Unpin);
assert_not_impl_any!(TryPutError<Unshared>: Sync);
assert_not_impl_any!(TryPutError<Unsent>: Send, Sync);
assert_impl_all!(GetError: Send, Sync, Unpin);
assert_impl_all!(TryGetError: Send, Sync, Unpin);
assert_impl_all!(TooManyDone: Send, Sync, Unpin);
assert_impl_all!(QueueStatistics: Send, Sync, Unpin);
assert_impl_all!(Fifo: Send, Sync, Unpin);
assert_impl_all!(Lifo: Send, Sync, Unpin);
assert_impl_all!(Smallest: Send, Sync, Unpin);
