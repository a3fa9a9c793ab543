//! The deadline in force here: what the scopes around a poll leave to it.
//!
//! A [`Timeout`](crate::Timeout) does not hand its deadline down: for as long as it polls its future, the
//! earlier of its own deadline and the one in force before stands in a cell of the thread, and afterwards the
//! one before stands there again. Thus nested scopes can only shorten it, it works under every executor, and
//! a future that is moved between threads or scopes takes nothing stale along.
//!
//! # Whose deadline came
//!
//! A scope polls its future before it looks at its own deadline, so that of two nested ones whose deadlines
//! have both come the inner one would speak first. It does so only where its own deadline is not the later
//! one. Otherwise it lets the outer one speak, once ([`yields`]): the outer one's deadline has come, so it
//! ends in this poll, and drops the inner one. The
//! inner one has woken the task meanwhile, for something between the two may poll only what was woken. If it
//! is polled again all the same, because the outer one was rescheduled or is not of this task at all, its own
//! deadline counts.
//!
//! The two may be in different wheels, where the task was polled on different threads, and one wheel is turned
//! before the other. So what a scope finds out stands in a cell of the thread, too: a time that the clock has come to
//! ([`came`]). A scope, or a sleep, whose deadline is no later than that does not wait for its wheel ([`has_come`]).
//! One whose wheel has come to it says so before its future is polled, for what is within. One whose wheel comes
//! to it during that poll has it polled once more. One that lets the outer one speak says so of the outer one's.
//!
//! Rejected: not registering a deadline later than the one in force. When the outer scope is rescheduled to a
//! later time, nobody would wake the inner one.

use crate::context;
use crate::line::Nanos;
use std::cell::Cell;
use std::time::{Duration, Instant};

#[cfg(all(test, not(filch_loom)))]
mod tests;

/// No deadline: the line's end, where nothing comes after it.
pub(crate) const NEVER: Nanos = Nanos::MAX;

filch_primitive::thread_local! {
    static IN_FORCE: Cell<Nanos> = const { Cell::new(NEVER) };
    /// A time that this thread's clock has come to.
    static COME: Cell<Nanos> = const { Cell::new(Nanos::MIN) };
}

/// The deadline in force here: the earliest of all scopes ([`timeout`](crate::timeout()),
/// [`move_on_after`](crate::move_on_after) and their like) within which the caller is being polled. `None`
/// outside of all, and where none of them has a deadline.
///
/// Work that asks beforehand need not begin what it cannot finish, and can tell a server how long its answer
/// is waited for. A scope that is rescheduled during a poll says so from its next poll on. Tasks that are
/// spawned do not inherit it, nor does what a `block_on` inside the scope runs, which no timeout could stop.
///
/// # Examples
/// ```
/// use filch_timer::{deadline, timeout, timeout_at};
/// use std::time::Duration;
///
/// futures_lite::future::block_on(async {
///     assert_eq!(deadline(), None);
///     timeout(Duration::from_secs(1), async {
///         let outer = deadline().unwrap();
///         let hour = Duration::from_secs(3600);
///         // A nested scope can shorten it, not prolong it.
///         assert_eq!(timeout(hour, async { deadline() }).await, Ok(Some(outer)));
///         let sooner = outer - Duration::from_millis(10);
///         assert_eq!(timeout_at(sooner, async { deadline() }).await, Ok(Some(sooner)));
///     })
///     .await
/// })
/// # .unwrap();
/// ```
#[must_use]
pub fn deadline() -> Option<Instant> {
    let deadline = in_force();
    (deadline != NEVER).then(|| deadline.to_instant())
}

/// How long it is until the [`deadline`] in force here, on this thread's clock: zero when it has come, `None`
/// when there is none.
///
/// # Examples
/// ```
/// use filch_timer::{remaining, timeout};
/// use std::time::Duration;
///
/// futures_lite::future::block_on(async {
///     assert_eq!(remaining(), None);
///     let limit = Duration::from_secs(5);
///     let left = timeout(limit, async { remaining() }).await.unwrap();
///     assert!(left <= Some(limit) && left > Some(Duration::ZERO));
/// });
/// ```
#[must_use]
pub fn remaining() -> Option<Duration> {
    let deadline = in_force();
    (deadline != NEVER).then(|| deadline.saturating_since(context::nanos()))
}

/// Runs `f` as if no scope were around it.
///
/// For executors: a task that is polled from within the poll of another one, as by a nested `block_on`, is
/// not within the other's scopes. [`enter`](crate::enter) sees to that as well.
///
/// # Examples
/// ```
/// use filch_timer::{deadline, timeout, without_deadline};
/// use std::time::Duration;
///
/// futures_lite::future::block_on(async {
///     let seen = timeout(Duration::from_secs(1), async { (without_deadline(deadline), deadline().is_some()) });
///     assert_eq!(seen.await, Ok((None, true)));
/// });
/// ```
pub fn without_deadline<R>(f: impl FnOnce() -> R) -> R {
    let _outside_all = OutsideAll::enter();
    f()
}

fn in_force() -> Nanos {
    IN_FORCE.get()
}

/// A poll within a scope; when it is dropped, by a panic too, the deadline before is in force again.
#[must_use = "the scope lasts as long as this value"]
pub(crate) struct Scope {
    outer: Nanos,
}

impl Scope {
    /// From here on, `own` is in force as well.
    #[inline]
    pub(crate) fn enter(own: Nanos) -> Self {
        let outer = in_force();
        IN_FORCE.set(own.min(outer));
        Self { outer }
    }

    /// Ends the scope, and answers with the deadline outside of it.
    #[inline]
    pub(crate) fn leave(self) -> Nanos {
        self.outer
    }
}

impl Drop for Scope {
    #[inline]
    fn drop(&mut self) {
        IN_FORCE.set(self.outer);
    }
}

/// What is polled while it lives is within no scope, and may go by another clock; afterwards all is as before.
pub(crate) struct OutsideAll {
    _scope: Scope,
    come: Nanos,
}

impl OutsideAll {
    /// From here on, nothing is in force.
    pub(crate) fn enter() -> Self {
        Self { _scope: Scope { outer: IN_FORCE.replace(NEVER) }, come: COME.replace(Nanos::MIN) }
    }
}

impl Drop for OutsideAll {
    fn drop(&mut self) {
        COME.set(self.come);
    }
}

/// Notes, for the other scopes, that a deadline has come, if it has by this thread's clock.
#[cold]
pub(crate) fn came(deadline: Nanos) {
    if !has_come(deadline) {
        let now = context::nanos();
        if now >= deadline {
            COME.set(now);
        }
    }
}

/// Whether a deadline is known to have come. That it has not is not said.
#[inline]
pub(crate) fn has_come(deadline: Nanos) -> bool {
    deadline <= COME.get()
}

/// Whether a scope whose deadline `own` has come leaves it to the scope `outer` to say so: because that one's
/// came earlier, as that one knows from now on.
pub(crate) fn yields(own: Nanos, outer: Nanos) -> bool {
    outer < own && {
        came(outer);
        has_come(outer)
    }
}
