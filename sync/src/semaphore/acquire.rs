//! Waiting for permits: the future.

use super::turns::{is_to_watch, watch};
use super::{Closed, REFUSED, Semaphore, SemaphorePermit, TryAcquireError, Turns};
use filch_primitive::wait_list::{Phase, Step, Tag, Waiter, drop_contained};
use filch_primitive::{mutant, slice};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Waits for permits; made by [`Semaphore::acquire`] and [`Semaphore::acquire_many`].
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct Acquire<'a> {
        semaphore: &'a Semaphore,
        count: usize,
        #[pin]
        waiter: Waiter<'a, Turns>,
    }

    impl<'a> PinnedDrop for Acquire<'a> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.waiter.as_mut().is_joined() {
                this.semaphore.give_up(this.waiter, *this.count);
            }
        }
    }
}

impl<'a> Acquire<'a> {
    pub(super) fn new(semaphore: &'a Semaphore, count: usize) -> Self {
        Self { semaphore, count, waiter: Waiter::new(&semaphore.queue) }
    }
}

impl Semaphore {
    /// A waiter goes away; whoever relied on it is told.
    fn give_up(&self, mut waiter: Pin<&mut Waiter<'_, Turns>>, count: usize) {
        let id = waiter.id();
        let mut locked = self.queue.lock();
        let phase = waiter.as_mut().leave_locked(&mut locked);
        let bell = locked.resign(id);
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
        bell.into_iter().for_each(drop_contained);
        if uncovers {
            self.serve();
        }
    }
}

impl<'a> Future for Acquire<'a> {
    type Output = Result<SemaphorePermit<'a>, Closed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        let mut this = self.project();
        let (semaphore, count) = (*this.semaphore, *this.count);
        if !this.waiter.as_mut().is_joined() {
            match semaphore.try_take(count) {
                Ok(()) => return Poll::Ready(Ok(SemaphorePermit::new(semaphore, count))),
                Err(TryAcquireError::Closed) => return Poll::Ready(Err(Closed(()))),
                Err(TryAcquireError::NoPermits) => {}
            }
        }
        let id = this.waiter.id();
        let waker = cx.waker();
        let mut watches = false;
        let polled = this.waiter.poll_wait(&mut Context::from_waker(waker), |mut waiter, locked| {
            let (took, front) = match waiter.as_mut().look(locked).0 {
                Phase::Notified(REFUSED) => (Err(TryAcquireError::Closed), false),
                Phase::Notified(token) => {
                    let kept = locked.take(token, count);
                    (semaphore.take_or_queue(count, kept, true), true)
                }
                Phase::Waiting | Phase::Woken => (Err(TryAcquireError::NoPermits), false),
                Phase::Idle => (semaphore.take_or_queue(count, 0, false), false),
            };
            if took == Err(TryAcquireError::NoPermits) {
                watches = is_to_watch(locked, id, waker);
                // One that came too late stays notified until it is in the list again: cloning its waker may panic.
                let number = u64::try_from(count).unwrap_or(u64::MAX);
                return Step::Wait { front, tag: Tag { number, ..Tag::NONE } };
            }
            waiter.leave_locked(locked);
            Step::Done(took.map_err(|_| Closed(())))
        });
        if polled.is_pending()
            && watches
            && watch(&semaphore.queue, id, waker, |back| _ = semaphore.free(back))
        {
            semaphore.serve();
        }
        polled.map_ok(|()| SemaphorePermit::new(semaphore, count))
    }
}
