//! Which of many were woken: [`WokenQueue`].

use filch_primitive::mutant;
use filch_primitive::sync::Mutex;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// The numbers of those that were woken, in that order, each once; and who waits for them, one at a time.
#[derive(Default)]
pub(crate) struct WokenQueue {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    order: VecDeque<usize>,
    /// Whether a number is in `order`, by number.
    queued: Vec<bool>,
    parent: Option<Waker>,
}

impl State {
    fn push(&mut self, number: usize) {
        if self.queued.len() <= number {
            self.queued.resize(number + 1, false);
        }
        if !std::mem::replace(&mut self.queued[number], true) {
            self.order.push_back(number);
        }
    }

    fn pop(&mut self) -> Option<usize> {
        let number = self.order.pop_front()?;
        self.queued[number] = false;
        Some(number)
    }
}

impl WokenQueue {
    /// An empty one.
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A waker that puts `number` into the queue.
    pub(crate) fn waker(self: &Arc<Self>, number: usize) -> Waker {
        Waker::from(Arc::new(NumberedWaker { queue: self.clone(), number }))
    }

    /// Puts `number` into the queue, without a wake: the caller will look for itself.
    pub(crate) fn push(&self, number: usize) {
        self.state.lock().push(number);
    }

    /// Takes the number that has been in the queue for longest. Pending: the waker is kept for the next one.
    pub(crate) fn poll_pop(&self, cx: &mut Context<'_>) -> Poll<usize> {
        {
            let mut state = self.state.lock();
            if let Some(number) = state.pop() {
                return Poll::Ready(number);
            }
            if state.parent.as_ref().is_some_and(|parent| parent.will_wake(cx.waker())) {
                return Poll::Pending;
            }
        }
        // No user code under the lock: cloned before, and whatever is replaced is dropped after.
        let mut parent = Some(cx.waker().clone());
        let mut state = self.state.lock();
        // Looked at again: a number may have come while the lock was free, and woken nobody.
        let popped = if mutant::planted("woken.pop.blind") { None } else { state.pop() };
        if popped.is_none() {
            std::mem::swap(&mut state.parent, &mut parent);
        }
        drop(state);
        popped.map_or(Poll::Pending, Poll::Ready)
    }

    /// Nobody waits from now on.
    pub(crate) fn forget_parent(&self) {
        let parent = self.state.lock().parent.take();
        drop(parent);
    }

    fn wake(&self, number: usize) {
        let mut state = self.state.lock();
        state.push(number);
        let parent = state.parent.take();
        drop(state);
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}

impl fmt::Debug for WokenQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WokenQueue").field("woken", &self.state.lock().order.len()).finish_non_exhaustive()
    }
}

struct NumberedWaker {
    queue: Arc<WokenQueue>,
    number: usize,
}

impl Wake for NumberedWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.queue.wake(self.number);
    }
}
