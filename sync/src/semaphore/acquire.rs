//! Waiting for permits: the future.

use super::{Closed, REFUSED, Semaphore, SemaphorePermit, TryAcquireError, Turns};
use crate::watched::{WatchedWaiter, waiter_in};
use filch_primitive::wait_list::{Phase, Step, Tag, Waiter};
use filch_primitive::{mutant, slice};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Waits for permits; made by [`Semaphore::acquire`] and [`Semaphore::acquire_many`].
    ///
    /// ```
    /// use filch_sync::Semaphore;
    /// use futures_lite::future::{block_on, poll_once};
    /// let semaphore = Semaphore::new(0);
    /// let mut waits = std::pin::pin!(semaphore.acquire());
    /// assert!(block_on(poll_once(waits.as_mut())).is_none());
    /// semaphore.add_permits(1);
    /// assert_eq!(block_on(waits)?.num_permits(), 1);
    /// # Ok::<(), filch_sync::Closed>(())
    /// ```
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct Acquire<'a> {
        semaphore: &'a Semaphore,
        count: usize,
        #[pin]
        waiter: Option<WatchedWaiter<'a, Turns>>,
    }

    impl<'a> PinnedDrop for Acquire<'a> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(mut waiter) = this.waiter.as_pin_mut() && waiter.as_mut().is_joined() {
                this.semaphore.give_up(waiter, *this.count);
            }
        }
    }
}

impl<'a> Acquire<'a> {
    pub(super) fn new(semaphore: &'a Semaphore, count: usize) -> Self {
        Self { semaphore, count, waiter: None }
    }
}

impl Semaphore {
    /// A waiter goes away; whoever relied on it is told.
    fn give_up(&self, waiter: Pin<&mut WatchedWaiter<'_, Turns>>, count: usize) {
        let mut locked = self.queue().lock();
        let phase = waiter.leave_locked(&mut locked);
        let uncovers = match phase {
            Phase::Notified(REFUSED) | Phase::Idle => false,
            Phase::Notified(token) => {
                if !mutant::planted("semaphore.cancel.keeps") {
                    let forgone = locked.forgo(token, count);
                    self.free(forgone);
                }
                true
            }
            // It may have been the head, with too large a request for what is there.
            Phase::Waiting | Phase::Woken => !mutant::planted("semaphore.cancel.covers"),
        };
        drop(locked);
        if uncovers {
            self.serve();
        }
    }
}

/// Whether a poll has put permits into the word. Others wait for them, also when cloning the waker panics.
struct PutBack<'a> {
    semaphore: &'a Semaphore,
    some: bool,
}

impl Drop for PutBack<'_> {
    fn drop(&mut self) {
        if self.some {
            self.semaphore.serve();
        }
    }
}

impl<'a> Future for Acquire<'a> {
    type Output = Result<SemaphorePermit<'a>, Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        let mut this = self.project();
        let (semaphore, count) = (*this.semaphore, *this.count);
        if !this.waiter.as_mut().as_pin_mut().is_some_and(Waiter::is_joined) {
            match semaphore.try_take(count) {
                Ok(()) => return Poll::Ready(Ok(SemaphorePermit::new(semaphore, count))),
                Err(TryAcquireError::Closed) => return Poll::Ready(Err(Closed(()))),
                Err(TryAcquireError::NoPermits) => {}
            }
        }
        let mut put_back = PutBack { semaphore, some: false };
        let mut entry = None;
        let waiter = waiter_in(this.waiter, semaphore.queue());
        let polled = waiter.poll_wait(cx, |mut waiter, locked| {
            let (took, front) = match waiter.as_mut().look(locked).0 {
                Phase::Notified(REFUSED) => (Err(TryAcquireError::Closed), false),
                Phase::Notified(token) => {
                    let kept = locked.take(token, count);
                    let took = semaphore.take_or_queue(count, kept, true);
                    put_back.some |= took.is_err() && kept > 0;
                    (took, true)
                }
                Phase::Waiting | Phase::Woken => (Err(TryAcquireError::NoPermits), false),
                Phase::Idle => (semaphore.take_or_queue(count, 0, false), false),
            };
            if took == Err(TryAcquireError::NoPermits) {
                let recalled = if mutant::planted("semaphore.wait.overlooks") { 0 } else { locked.recall() };
                if recalled > 0 {
                    semaphore.free(recalled);
                    put_back.some = true;
                }
                entry = entry.take().or_else(|| semaphore.queue.mark(locked));
                // One that came too late stays notified until it is in the list again: cloning its waker may panic.
                let number = u64::try_from(count).unwrap_or(u64::MAX);
                return Step::Wait { front, tag: Tag { number, ..Tag::NONE } };
            }
            waiter.leave_locked(locked);
            Step::Done(took.map_err(|_| Closed(())))
        });
        drop(entry);
        drop(put_back);
        polled.map_ok(|()| SemaphorePermit::new(semaphore, count))
    }
}
