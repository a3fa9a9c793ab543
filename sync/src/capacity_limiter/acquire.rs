//! Waiting for a token: the future.

use super::{
    AlreadyBorrowed, BorrowIfFree, Borrower, CapacityLimiter, CapacityToken, REFUSED, State,
    TryAcquireTokenError,
};
use crate::watched::{WatchedWaiter, waiter_in};
use filch_primitive::wait_list::{Phase, Step};
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
        waiter: Option<WatchedWaiter<'a, State>>,
    }

    impl<'a> PinnedDrop for AcquireToken<'a> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(mut waiter) = this.waiter.as_pin_mut() && waiter.as_mut().is_joined() {
                this.limiter.give_up(waiter);
            }
        }
    }
}

impl<'a> AcquireToken<'a> {
    pub(super) fn new(limiter: &'a CapacityLimiter, borrower: Borrower) -> Self {
        Self { limiter, borrower, waiter: None }
    }
}

impl CapacityLimiter {
    /// A waiter goes away; whoever relied on it is told.
    fn give_up(&self, waiter: Pin<&mut WatchedWaiter<'_, State>>) {
        let mut locked = self.queue().lock();
        let phase = waiter.leave_locked(&mut locked);
        if let Phase::Notified(token) = phase
            && token != REFUSED
            && !mutant::planted("capacity_limiter.cancel.keeps")
        {
            locked.turns.forgo(token, 1);
        }
        drop(locked);
        self.serve();
    }
}

/// Whether a poll has made a token free that was not. Others wait for it, also when cloning the waker panics.
struct Returned<'a> {
    limiter: &'a CapacityLimiter,
    some: bool,
}

impl Drop for Returned<'_> {
    fn drop(&mut self) {
        if self.some {
            self.limiter.serve();
        }
    }
}

impl<'a> Future for AcquireToken<'a> {
    type Output = Result<CapacityToken<'a>, AlreadyBorrowed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(slice::proceed(cx));
        let this = self.project();
        let (limiter, borrower) = (*this.limiter, *this.borrower);
        let mut returned = Returned { limiter, some: false };
        let mut entry = None;
        let waiter = waiter_in(this.waiter, limiter.queue());
        let polled = waiter.poll_wait(cx, |mut waiter, locked| {
            let (lent, front) = match waiter.as_mut().look(locked).0 {
                Phase::Notified(REFUSED) => (Err(AlreadyBorrowed(borrower).into()), false),
                Phase::Notified(token) if locked.turns.take(token, 1) > 0 || locked.free() > 0 => {
                    let lent = locked.lend(borrower);
                    // It has borrowed meanwhile, and this token is free for another.
                    returned.some |= lent.is_err();
                    (lent.map_err(TryAcquireTokenError::from), false)
                }
                Phase::Notified(_) => (Err(TryAcquireTokenError::NoTokens), true),
                Phase::Waiting | Phase::Woken => (Err(TryAcquireTokenError::NoTokens), false),
                Phase::Idle => (locked.borrow_if_free(borrower), false),
            };
            if lent == Err(TryAcquireTokenError::NoTokens) {
                returned.some |= locked.turns.recall() > 0;
                entry = entry.take().or_else(|| limiter.queue.mark(locked));
                return Step::Wait { front, tag: borrower.tag() };
            }
            waiter.leave_locked(locked);
            Step::Done(lent.map_err(|_| AlreadyBorrowed(borrower)))
        });
        drop(entry);
        drop(returned);
        polled.map_ok(|loan| CapacityToken::new(limiter, borrower, loan))
    }
}
