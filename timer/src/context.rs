//! Which timer a thread uses.
//!
//! A thread that drives a timer, or runs tasks beside one that does, says so with [`enter`]. Without that, or
//! when the thread is ending and its thread-locals are gone, the process-wide timer serves: nothing here ever
//! fails for want of a context.

use crate::clock::Clock;
use crate::deadline::OutsideAll;
use crate::fallback;
use crate::line::Nanos;
use crate::timer::Timer;
use filch_primitive::time;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::time::Instant;

#[cfg(all(test, not(filch_loom)))]
mod tests;

struct Context {
    timer: Timer,
    owner: bool,
}

filch_primitive::thread_local! {
    static CURRENT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

/// A thread's timer for as long as this lives; see [`enter`].
///
/// Guards of one thread are dropped in the opposite order of their making.
///
/// ```
/// use filch_timer::{Clock, Timer, enter, now};
/// use std::time::Duration;
/// let clock = Clock::manual();
/// clock.advance(Duration::from_secs(3600));
/// let guard = enter(&Timer::new(clock.clone()), true);
/// assert_eq!(now(), clock.now());
/// drop(guard);
/// assert!(now() < clock.now(), "the machine's time again");
/// ```
#[must_use = "the thread uses the timer as long as this value lives"]
pub struct EnterGuard {
    outer: Option<Context>,
    /// Scopes around the entering are not around what is polled inside.
    _outside_all: OutsideAll,
    /// It belongs to its thread.
    _not_send: PhantomData<*const ()>,
}

/// Makes `timer` the one that sleeps, intervals and timeouts of this thread register with, until the guard is
/// dropped; then the one before is back.
///
/// No [deadline](crate::deadline()) is in force inside until a scope there sets one: what is polled are other tasks, most of them.
///
/// `owner` says that this very thread looks at [`Timer::next_deadline`] before it sleeps: then its registrations
/// never call the timer's `notify`.
///
/// # Examples
/// ```
/// use filch_timer::{Clock, Timer, enter, now};
/// use std::time::Duration;
///
/// let clock = Clock::manual();
/// let timer = Timer::new(clock.clone());
/// let context = enter(&timer, true);
/// let start = now();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(now() - start, Duration::from_secs(60));
/// drop(context);
/// ```
pub fn enter(timer: &Timer, owner: bool) -> EnterGuard {
    let context = Context { timer: timer.clone(), owner };
    // A thread whose locals are gone keeps to the process-wide timer.
    let outer = CURRENT.try_with(|current| current.replace(Some(context))).ok().flatten();
    EnterGuard { outer, _outside_all: OutsideAll::enter(), _not_send: PhantomData }
}

impl Drop for EnterGuard {
    fn drop(&mut self) {
        let outer = self.outer.take();
        let inner = CURRENT.try_with(|current| current.replace(outer));
        // Dropped here, outside the borrow: it may be the timer's last handle, and take user code along.
        drop(inner);
    }
}

impl fmt::Debug for EnterGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnterGuard")
    }
}

/// The present on this thread's clock: the [entered](enter) timer's, else the machine's.
///
/// # Examples
/// ```
/// use filch_timer::{Clock, Timer, enter, now};
/// let timer = Timer::new(Clock::manual());
/// let _context = enter(&timer, true);
/// assert_eq!(now(), timer.clock().now());
/// ```
#[must_use]
pub fn now() -> Instant {
    with_current(|context| context.map_or_else(time::now, |context| context.timer.clock().now()))
}

/// This thread's clock: the [entered](enter) timer's, else the machine's.
///
/// # Examples
/// ```
/// use filch_timer::{Clock, Timer, clock, enter};
/// assert!(!clock().is_manual());
/// let _context = enter(&Timer::new(Clock::manual()), true);
/// assert!(clock().is_manual());
/// ```
#[must_use]
pub fn clock() -> Clock {
    with_current(|context| context.map_or_else(Clock::real, |context| context.timer.clock().clone()))
}

/// As [`now`], on the time line.
#[inline]
pub(crate) fn nanos() -> Nanos {
    with_current(|context| match context {
        Some(context) => context.timer.clock().nanos(),
        None => Clock::real().nanos(),
    })
}

/// Whether this thread drives `timer`.
pub(crate) fn is_owner(timer: &Timer) -> bool {
    with_current(|context| context.is_some_and(|context| context.owner && context.timer.is(timer)))
}

/// Makes `home` the timer of this thread, and answers whether the thread drives it. `None` if it has none, and the
/// process-wide one could not be started.
#[inline]
pub(crate) fn choose(home: &mut Option<Timer>) -> Option<bool> {
    let chosen = with_current(|context| {
        let Context { timer, owner } = context?;
        let same = home.as_ref().is_some_and(|home| home.is(timer));
        Some(((!same).then(|| timer.clone()), *owner))
    });
    match chosen {
        // The reference count stays alone when a sleep comes back to the timer it was at.
        Some((None, owner)) => Some(owner),
        Some((Some(timer), owner)) => {
            *home = Some(timer);
            Some(owner)
        }
        None => {
            *home = Some(fallback::timer()?.clone());
            Some(false)
        }
    }
}

/// Runs `f`, which is no user code, on this thread's context.
#[inline]
fn with_current<R>(f: impl FnOnce(Option<&Context>) -> R) -> R {
    let mut f = Some(f);
    let mut run = |context: Option<&Context>| f.take().map(|f| f(context));
    match CURRENT.try_with(|current| run(current.borrow().as_ref())) {
        Ok(Some(result)) => result,
        // The thread's locals are gone, so `f` has not run.
        _ => match run(None) {
            Some(result) => result,
            None => unreachable!("the first call is the only one that can use up the closure"),
        },
    }
}
