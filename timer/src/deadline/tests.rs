//! Deadlines in force, as trio's tests of `current_effective_deadline` and of nested scopes pin them.

use super::{Scope, has_come};
use crate::line::Nanos;
use crate::testing::{Count, MILLI, manual, poll, poll_once};
use crate::{
    Clock, Elapsed, Timer, deadline, enter, move_on_after, now, remaining, sleep, sleep_until, timeout,
    timeout_at, timeout_with, without_deadline,
};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

#[test]
fn there_is_none_outside_of_all_scopes_and_none_without_a_limit() {
    assert_eq!((deadline(), remaining()), (None, None));
    let seen = poll_once(pin!(timeout(Duration::MAX, async { (deadline(), remaining()) })));
    assert_eq!(seen, Poll::Ready(Ok((None, None))));
    assert_eq!(poll_once(pin!(timeout_with(None, async |_| deadline()))), Poll::Ready(Ok(None)));
}

#[test]
fn nested_scopes_shorten_it_and_each_puts_the_one_before_back() {
    let (clock, _timer, _context) = manual();
    let start = now();
    let inner = || deadline().map(|deadline| deadline - start);
    let outer = timeout(10 * MILLI, async {
        assert_eq!(inner(), Some(10 * MILLI));
        let shorter = move_on_after(5 * MILLI, async {
            let longer = timeout_with(7 * MILLI, async |_| inner()).await;
            assert_eq!(longer, Ok(Some(5 * MILLI)));
            sleep(3 * MILLI).await;
            // After a wait, too: the scopes are entered anew in each poll.
            (inner(), remaining())
        });
        assert_eq!(shorter.await, Some((Some(5 * MILLI), Some(2 * MILLI))));
        (inner(), remaining())
    });
    let mut outer = pin!(outer);
    assert!(poll_once(outer.as_mut()).is_pending());
    assert_eq!(deadline(), None, "between two polls nothing is in force");
    clock.advance(3 * MILLI);
    assert_eq!(poll_once(outer), Poll::Ready(Ok((Some(10 * MILLI), Some(7 * MILLI)))));
    assert_eq!(deadline(), None);
}

#[test]
fn one_that_has_come_leaves_nothing() {
    let (clock, _timer, _context) = manual();
    let past = now();
    clock.advance(MILLI);
    let seen = poll_once(pin!(timeout_at(past, async { (deadline(), remaining()) })));
    assert_eq!(seen, Poll::Ready(Ok((Some(past), Some(Duration::ZERO)))));
}

#[test]
fn a_panic_puts_the_one_before_back() {
    let (_clock, _timer, _context) = manual();
    let panics = || poll_fn(|_| -> Poll<()> { panic!("a poll that panics on purpose") });
    let caught = async {
        let before = deadline();
        let mut first = pin!(timeout(MILLI, panics()));
        let mut second = pin!(timeout_with(MILLI, |_| panics()));
        assert!(catch_unwind(AssertUnwindSafe(|| poll_once(first.as_mut()))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| poll_once(second.as_mut()))).is_err());
        before.is_some() && deadline() == before
    };
    assert_eq!(poll_once(pin!(timeout(2 * MILLI, caught))), Poll::Ready(Ok(true)));
    assert_eq!(deadline(), None);
}

#[test]
fn it_goes_with_the_poll_and_not_with_the_future() {
    let (_clock, _timer, _context) = manual();
    let start = now();
    let mut asked = pin!(poll_fn(|_| Poll::<()>::Pending));
    let mut seen = Vec::new();
    for limit in [3, 1, 2] {
        let within = poll_fn(|cx| {
            seen.push(deadline().map(|deadline| deadline - start));
            asked.as_mut().poll(cx)
        });
        assert!(poll_once(pin!(timeout(limit * MILLI, within))).is_pending());
    }
    assert_eq!(seen, [3, 1, 2].map(|limit| Some(limit * MILLI)));
}

#[test]
fn a_task_polled_from_within_anothers_poll_can_be_kept_out_of_its_scopes() {
    let (_clock, _timer, _context) = manual();
    let seen = timeout(MILLI, async {
        let other = catch_unwind(|| without_deadline(|| assert_eq!(deadline(), Some(now()))));
        (other.is_err(), without_deadline(deadline), deadline().is_some())
    });
    assert_eq!(poll_once(pin!(seen)), Poll::Ready(Ok((true, None, true))));
}

#[test]
fn of_two_that_came_at_once_the_earlier_is_the_one_that_elapsed() {
    let (clock, timer, _context) = manual();
    // The inner one is later, and both come before either is polled.
    let inner = || timeout(2 * MILLI, pending::<()>());
    let mut simple = pin!(timeout(MILLI, inner()));
    let mut moved_on = pin!(move_on_after(MILLI, inner()));
    let mut deep =
        pin!(timeout(MILLI, timeout_with(2 * MILLI, |_| move_on_after(3 * MILLI, pending::<()>()))));
    assert!(poll_once(simple.as_mut()).is_pending());
    assert!(poll_once(moved_on.as_mut()).is_pending());
    assert!(poll_once(deep.as_mut()).is_pending());
    clock.advance(5 * MILLI);
    assert!(matches!(poll_once(simple.as_mut()), Poll::Ready(Err(_))));
    assert!(!simple.get_ref().is_expired());
    assert_eq!(poll_once(moved_on.as_mut()), Poll::Ready(None));
    assert!(matches!(poll_once(deep.as_mut()), Poll::Ready(Err(_))));
    // Nor does it need the wheel.
    let past = now() - MILLI;
    assert!(matches!(
        poll_once(pin!(timeout_at(past - MILLI, timeout_at(past, pending::<()>())))),
        Poll::Ready(Err(_))
    ));
    assert!(matches!(
        poll_once(pin!(timeout_at(past, timeout_at(past - MILLI, pending::<()>())))),
        Poll::Ready(Ok(Err(_)))
    ));
    assert!(timer.is_empty());
}

thread_local! {
    /// What is polled when the wheel that is turned first has been turned, and what came of it.
    static BETWEEN: RefCell<(Option<Scopes>, Option<Outcome>)> = const { RefCell::new((None, None)) };
}

type Scopes = Pin<Box<dyn Future<Output = Outcome>>>;
/// The outer one's, of the inner one's.
type Outcome = Result<Result<(), Elapsed>, Elapsed>;

/// One scope within another, each in a wheel of its own, polled when both have come and one wheel has been turned.
fn of_two_wheels<F>(
    outer_after: Duration,
    inner_after: Duration,
    inner_is_turned: bool,
    inner: impl FnOnce(Instant) -> Inner,
    limit: impl FnOnce(Instant, Later) -> F,
) -> Option<Outcome>
where
    F: Future<Output = Outcome> + 'static,
{
    let clock = Clock::manual();
    // Turned in the order they were made.
    let first = Timer::with_notify(clock.clone(), || {
        BETWEEN.with_borrow_mut(|(scopes, outcome)| {
            if let Some(scopes) = scopes
                && let Poll::Ready(came) = poll_once(scopes.as_mut())
            {
                *outcome = Some(came);
            }
        });
    });
    let second = Timer::new(clock.clone());
    let (outer_wheel, inner_wheel) = if inner_is_turned { (&second, &first) } else { (&first, &second) };
    let start = clock.now();
    let begun = Rc::new(Cell::new(false));
    let inner = inner(start + inner_after);
    let mut scopes: Scopes = Box::pin(limit(start + outer_after, Later { begun: begun.clone(), inner }));
    let mut poll_in = |wheel| {
        let _context = enter(wheel, true);
        assert!(poll_once(scopes.as_mut()).is_pending());
    };
    poll_in(outer_wheel);
    begun.set(true);
    poll_in(inner_wheel);
    assert_eq!((outer_wheel.len(), inner_wheel.len()), (1, 1));
    BETWEEN.set((Some(scopes), None));
    let _context = enter(&second, true);
    clock.advance(100 * MILLI);
    BETWEEN.take().1
}

type Inner = Pin<Box<dyn Future<Output = Result<(), Elapsed>>>>;

/// What is first polled when something has begun.
struct Later {
    begun: Rc<Cell<bool>>,
    inner: Inner,
}

impl Future for Later {
    type Output = Result<(), Elapsed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.begun.get() { self.inner.as_mut().poll(cx) } else { Poll::Pending }
    }
}

#[test]
fn of_two_in_different_wheels_too_the_earlier_elapses_and_of_equal_ones_the_inner() {
    let rescheduled = |at: Instant, inner| {
        let limited = timeout_with(None, |_| inner);
        limited.handle().reschedule(at).unwrap();
        limited
    };
    let scope = |at| -> Inner { Box::pin(timeout_at(at, pending::<()>())) };
    // What is ready wins, as ever.
    let ready_at = |at| -> Inner {
        Box::pin(async move {
            sleep_until(at).await;
            Ok(())
        })
    };
    let (inner_elapses, outer_elapses) = (Ok(Err(Elapsed::new())), Err(Elapsed::new()));
    for (outer, inner, came) in [(1, 1, inner_elapses), (2, 1, inner_elapses), (1, 2, outer_elapses)] {
        for inner_is_turned in [false, true] {
            let (outer, inner) = (outer * MILLI, inner * MILLI);
            let case = (outer, inner, inner_is_turned);
            assert_eq!(
                of_two_wheels(outer, inner, inner_is_turned, scope, timeout_at),
                Some(came),
                "{case:?}"
            );
            assert_eq!(
                of_two_wheels(outer, inner, inner_is_turned, scope, rescheduled),
                Some(came),
                "{case:?}"
            );
            let came = of_two_wheels(outer, inner, inner_is_turned, ready_at, timeout_at);
            assert_eq!(came, Some(Ok(Ok(()))), "{case:?}");
        }
    }
}

#[test]
fn of_two_that_come_while_the_inner_one_is_polled_it_is_asked_once_more() {
    let (clock, _timer, _context) = manual();
    let count = Count::new();
    let mut inner = Box::pin(timeout(MILLI, pending::<()>()));
    let mut polls = 0;
    let mut outer = pin!(timeout(
        MILLI,
        poll_fn(|cx| {
            let polled = inner.as_mut().poll(cx);
            polls += 1;
            if polls == 2 {
                clock.advance(MILLI);
            }
            polled
        })
    ));
    assert!(poll(outer.as_mut(), &count).is_pending());
    assert_eq!(count.get(), 0);
    assert!(poll(outer.as_mut(), &count).is_pending());
    assert!(count.get() > 0);
    assert_eq!(poll(outer, &count), Poll::Ready(Ok(Err(Elapsed::new()))));
}

#[test]
fn that_a_time_has_come_is_known_by_its_own_clock_alone() {
    let [ahead, behind] = [Clock::manual(), Clock::manual()];
    let mut late = pin!(timeout(2 * MILLI, pending::<()>()));
    let timers = [&ahead, &behind].map(|clock| Timer::new(clock.clone()));
    let _behind = enter(&timers[1], true);
    {
        let _ahead = enter(&timers[0], true);
        let mut hour = pin!(timeout(3_600_000 * MILLI, pending::<()>()));
        assert!(poll_once(hour.as_mut()).is_pending());
        ahead.advance(3_600_000 * MILLI);
        assert!(poll_once(hour).is_ready());
    }
    assert!(poll_once(late.as_mut()).is_pending());
    // Nor by one that is polled away from its wheel.
    let mut stray = pin!(timeout(3_600_000 * MILLI, pending::<()>()));
    {
        let _ahead = enter(&timers[0], true);
        assert!(poll_once(stray.as_mut()).is_pending());
        ahead.advance(3_600_000 * MILLI);
    }
    assert!(poll_once(stray).is_ready());
    assert!(poll_once(late.as_mut()).is_pending());
    behind.advance(3 * MILLI);
    assert!(poll_once(late).is_ready());
    // Nor for one that goes by another.
    let mut still = pin!(timeout(MILLI, sleep(MILLI)));
    assert!(poll_once(still.as_mut()).is_pending());
    {
        let _ahead = enter(&timers[0], true);
        let mut milli = pin!(timeout(MILLI, pending::<()>()));
        assert!(poll_once(milli.as_mut()).is_pending());
        ahead.advance(MILLI);
        assert!(poll_once(milli).is_ready());
        assert!(has_come(Nanos::from(behind.now() + MILLI)));
        assert!(poll_once(still.as_mut()).is_pending());
    }
    behind.advance(MILLI);
    assert!(poll_once(still).is_ready());
}

#[test]
fn an_inner_one_that_let_the_outer_one_speak_in_vain_speaks_itself() {
    let (clock, _timer, _context) = manual();
    let count = Count::new();
    // The outer scope is no timeout that would end: what a nested executor without isolation looks like.
    let start = Nanos::from(now());
    let mut inner = pin!(timeout(2 * MILLI, pending::<()>()));
    let mut within = || {
        let _scope = Scope::enter(start.saturating_add(MILLI));
        poll(inner.as_mut(), &count)
    };
    assert!(within().is_pending());
    clock.advance(2 * MILLI);
    assert_eq!(count.get(), 1);
    assert!(within().is_pending(), "the outer one came first");
    assert_eq!(count.get(), 2, "but it asks to be polled again");
    assert!(matches!(within(), Poll::Ready(Err(_))));
}

#[test]
fn an_outer_one_that_is_put_off_leaves_the_inner_ones_deadline_standing() {
    let (clock, _timer, _context) = manual();
    let count = Count::new();
    let mut outer = pin!(timeout(MILLI, timeout(2 * MILLI, pending::<()>())));
    assert!(poll(outer.as_mut(), &count).is_pending());
    outer.as_mut().reschedule_after(10 * MILLI).unwrap();
    clock.advance(2 * MILLI);
    assert!(count.get() >= 1, "the inner one wakes without a poll in between");
    assert!(matches!(poll(outer.as_mut(), &count), Poll::Ready(Ok(Err(_)))));
}

#[test]
fn a_scope_around_what_is_ready_costs_no_timer() {
    let (_clock, timer, _context) = manual();
    assert_eq!(poll_once(pin!(move_on_after(MILLI, ready(1)))), Poll::Ready(Some(1)));
    assert!(timer.is_empty());
}

#[test]
fn whoever_enters_a_timer_is_outside_of_all_scopes_until_it_leaves() {
    let timer = crate::Timer::new(crate::Clock::real());
    let seen = futures_lite::future::block_on(timeout(crate::testing::MILLI * 1_000, async {
        let inside = {
            let _context = crate::enter(&timer, true);
            deadline()
        };
        (inside, deadline().is_some())
    }));
    assert_eq!(seen, Ok((None, true)));
}
