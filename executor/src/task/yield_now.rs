//! Giving way.
//!
//! A task that yields is the one case where nobody else is involved: the run right can stay where it is and the state
//! word need not be touched. So [`YieldNow`] does not wake; it leaves a note for whoever polls the task, which takes the task
//! back behind everything else that is ready. That holds only when the poll under way really is the task's: a
//! combinator polls its children with wakers of its own, and would wait for one to be used; another executor knows
//! nothing of notes. There it wakes, as any future would.

use super::current;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Lets everything else that is ready run first, then goes on.
///
/// A task that computes for long calls this now and then, so that others are not kept waiting. Inside a task of this
/// crate it costs no atomic operation; under another executor it wakes its task at once.
///
/// # Cancel safety
/// Nothing is lost by dropping the future.
///
/// # Complexity
/// Constant time.
/// # Examples
/// ```
/// let sum = filch::block_on(async {
///     let mut sum = 0_u64;
///     for n in 0..10_000 {
///         sum += n;
///         if n % 1_000 == 0 {
///             filch::yield_now().await;
///         }
///     }
///     sum
/// });
/// assert_eq!(sum, 49_995_000);
/// ```
#[must_use = "futures do nothing unless polled"]
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`].
///
/// ```
/// use filch::task::{YieldNow, yield_now};
/// use futures_lite::future::{block_on, poll_once};
/// let mut turn: YieldNow = yield_now();
/// assert!(block_on(poll_once(&mut turn)).is_none(), "others first");
/// assert!(block_on(poll_once(&mut turn)).is_some());
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        if !current::give_way(cx.waker()) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
