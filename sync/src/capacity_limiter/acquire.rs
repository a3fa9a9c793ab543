//! Waiting for a token: the future.

use super::{
    AlreadyBorrowed, BorrowIfFree, Borrower, CapacityLimiter, CapacityToken, REFUSED, State,
    TryAcquireTokenError,
};
use crate::semaphore::turns::{is_to_watch, watch};
use filch_primitive::wait_list::{Phase, Step, Waiter, drop_contained};
use filch_primitive::{mutant, slice};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Waits for a token; made by [`CapacityLimiter::acquire`] and [`CapacityLimiter::acquire_on_behalf_of`].
    ///
    /// ```
    /// use filch_sync::{Borrower, CapacityLimiter};
    /// use futures_lite::future::{block_on, poll_once};
    /// let limiter = CapacityLimiter::new(1);
    /// let held = limiter.try_acquire_on_behalf_of(Borrower::from(1))?;
    /// let mut waits = std::pin::pin!(limiter.acquire_on_behalf_of(Borrower::from(2)));
    /// assert!(block_on(poll_once(waits.as_mut())).is_none());
    /// drop(held);
    /// let token = block_on(waits)?;
    /// assert_eq!(limiter.statistics().borrowers, [Borrower::from(2)]);
    /// # drop(token);
    /// # Ok::<(), filch_sync::TryAcquireTokenError>(())
    /// ```
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct AcquireToken<'a> {
        limiter: &'a CapacityLimiter,
        borrower: Borrower,
        #[pin]
        waiter: Waiter<'a, State>,
    }

    impl<'a> PinnedDrop for AcquireToken<'a> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.waiter.as_mut().is_joined() {
                this.limiter.give_up(this.waiter);
            }
        }
    }
}

impl<'a> AcquireToken<'a> {
    pub(super) fn new(limiter: &'a CapacityLimiter, borrower: Borrower) -> Self {
        Self { limiter, borrower, waiter: Waiter::new(&limiter.queue) }
    }
}

impl CapacityLimiter {
    /// A waiter goes away; whoever relied on it is told.
    fn give_up(&self, mut waiter: Pin<&mut Waiter<'_, State>>) {
        let id = waiter.id();
        let mut locked = self.queue.lock();
        let phase = waiter.as_mut().leave_locked(&mut locked);
        let bell = locked.turns.resign(id);
        if let Phase::Notified(token) = phase
            && token != REFUSED
            && !mutant::planted("capacity_limiter.cancel.keeps")
        {
            locked.turns.forgo(token, 1);
        }
        drop(locked);
        bell.into_iter().for_each(drop_contained);
        self.serve();
    }
}

impl<'a> Future for AcquireToken<'a> {
    type Output = Result<CapacityToken<'a>, AlreadyBorrowed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let (limiter, borrower) = (*this.limiter, *this.borrower);
        let id = this.waiter.id();
        let waker = cx.waker();
        let mut watches = false;
        let mut returned = false;
        let polled = this.waiter.poll_wait(&mut Context::from_waker(waker), |mut waiter, locked| {
            let (lent, front) = match waiter.as_mut().look(locked).0 {
                Phase::Notified(REFUSED) => (Err(AlreadyBorrowed(borrower).into()), false),
                Phase::Notified(token) if locked.turns.take(token, 1) > 0 || locked.free() > 0 => {
                    let lent = locked.lend(borrower);
                    // It has borrowed meanwhile, and this token is free for another.
                    returned = lent.is_err();
                    (lent.map_err(TryAcquireTokenError::from), false)
                }
                Phase::Notified(_) => (Err(TryAcquireTokenError::NoTokens), true),
                Phase::Waiting | Phase::Woken => (Err(TryAcquireTokenError::NoTokens), false),
                Phase::Idle => (locked.borrow_if_free(borrower), false),
            };
            if lent == Err(TryAcquireTokenError::NoTokens) {
                watches = is_to_watch(locked, id, waker);
                return Step::Wait { front, tag: borrower.tag() };
            }
            waiter.leave_locked(locked);
            Step::Done(lent.map_err(|_| AlreadyBorrowed(borrower)))
        });
        // What was kept in vain is free as soon as it is not kept.
        let freed = polled.is_pending() && watches && watch(&limiter.queue, id, waker, |_| {});
        if returned || freed {
            limiter.serve();
        }
        polled.map_ok(|loan| CapacityToken::new(limiter, borrower, loan))
    }
}
