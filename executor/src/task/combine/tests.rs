//! What cannot be seen from outside: how often handles are looked at, and what the queue keeps.

use super::brood::{Brood, Child};
use super::{WokenQueue, as_completed, gather, race, try_gather, wait};
use crate::task::report::TOLD;
use crate::task::{JoinHandle, Wait};
use crate::{Runtime, block_on, spawn};
use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

/// Enough that a look at each child for each end would be told.
const MANY: usize = 10_000;

/// How often a future was polled until it was ready.
async fn polls_of<F: Future + Unpin>(mut future: F) -> (F::Output, usize) {
    let mut polls = 0;
    let output = poll_fn(|cx| {
        polls += 1;
        Pin::new(&mut future).poll(cx)
    });
    let output = output.await;
    (output, polls)
}

/// A few turns, not as many for each.
async fn turns(number: usize) -> usize {
    for _ in 0..number % 3 {
        crate::yield_now().await;
    }
    number
}

#[test]
fn an_end_costs_the_same_however_many_there_are() {
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    runtime.block_on(async {
        let mut gathering = gather((0..MANY).map(turns));
        let (results, polls) = polls_of(poll_fn(|cx| Pin::new(&mut gathering).poll(cx))).await;
        assert!(results.into_iter().map(|result| result.expect("no panic")).eq(0..MANY));
        // The time slice may end a few polls; beyond those, one for each end is the most.
        assert!(polls <= 2 * MANY, "{polls} polls");
        let looks = gathering.brood.looks;
        assert!(
            looks <= 2 * MANY,
            "each handle is looked at when it comes and when it goes, not {looks} times in all"
        );
    });
}

#[test]
fn results_one_by_one_cost_the_same() {
    block_on(async {
        let mut results = as_completed((0..MANY).map(turns));
        let mut sum = 0;
        while let Some(result) = results.next().await {
            sum += result.expect("no panic");
        }
        assert_eq!(sum, MANY * (MANY - 1) / 2);
        assert!(results.brood.looks <= 2 * MANY, "{} looks", results.brood.looks);
    });
}

#[test]
fn places_are_taken_again() {
    block_on(async {
        let mut brood = Brood::new();
        for n in 0..100 {
            brood.insert(Child::spawn(async move { n }));
            brood.insert(Child::spawn(async move { n }));
            for _ in 0..2 {
                let (at, child) = poll_fn(|cx| brood.poll_next(cx)).await.expect("one is left");
                assert!(at < 2, "place {at}");
                assert_eq!(child.result().expect("no panic"), n);
            }
            assert!(brood.is_empty());
        }
    });
}

#[test]
fn a_wake_without_an_end_is_borne() {
    block_on(async {
        let mut brood: Brood<JoinHandle<()>> = Brood::new();
        let task = spawn(pending());
        let abort = task.abort_handle();
        let at = brood.insert(task);
        assert!(poll_once(&mut brood).is_pending());
        // As a waker may be used at any time.
        brood.waker(at).wake();
        assert!(poll_once(&mut brood).is_pending());
        abort.abort();
        let (_, task) = poll_fn(|cx| brood.poll_next(cx)).await.expect("it is over");
        assert!(task.await.expect_err("aborted").is_aborted());
    });
}

fn poll_once<H: super::AsJoinHandle>(brood: &mut Brood<H>) -> Poll<Option<(usize, H)>> {
    brood.poll_next(&mut Context::from_waker(Waker::noop()))
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn numbers_come_in_order_and_once() {
    let queue = WokenQueue::new();
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let parent = Waker::from(count.clone());
    let mut cx = Context::from_waker(&parent);
    assert_eq!(queue.poll_pop(&mut cx), Poll::Pending);
    let wakers: Vec<_> = (0..3).map(|number| queue.waker(number)).collect();
    for number in [2, 0, 2, 2, 1] {
        wakers[number].wake_by_ref();
    }
    assert_eq!(count.0.load(Ordering::Relaxed), 1, "who waits is woken once until it looks");
    let popped = [(); 4].map(|()| queue.poll_pop(&mut cx));
    assert_eq!(popped, [Poll::Ready(2), Poll::Ready(0), Poll::Ready(1), Poll::Pending]);
    wakers[1].wake_by_ref();
    assert_eq!(queue.poll_pop(&mut cx), Poll::Ready(1), "it can come again");
    assert_eq!(count.0.load(Ordering::Relaxed), 2);
}

#[test]
fn nothing_keeps_the_waker_of_who_has_gone() {
    block_on(async {
        let mut tasks = [spawn(pending::<()>())];
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let parent = Waker::from(count.clone());
        {
            let waiting = pin!(wait(&mut tasks, Wait::All));
            assert!(waiting.poll(&mut Context::from_waker(&parent)).is_pending());
            assert_eq!(Arc::strong_count(&count), 3);
        }
        assert_eq!(Arc::strong_count(&count), 2, "the task goes on without it");
        tasks[0].abort();
        let [task] = tasks;
        assert!(task.await.is_err());
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
    });
}

/// Panics at once when it is given to do so; else holds on, whatever is asked of it, until `free` is told.
async fn panics_or_holds_on(panics: bool, free: Arc<AtomicBool>) -> Result<(), ()> {
    assert!(!panics, "nobody asked me");
    // No await: it cannot be aborted meanwhile.
    while !free.load(Ordering::Acquire) {
        thread::yield_now();
    }
    Ok(())
}

/// Polls what `begin` makes of two such futures until `knows` says that it has the panic in hand, drops it, and looks for the report.
fn dropped_with_a_panic_in_hand<F: Future + Unpin>(
    begin: impl FnOnce([Pin<Box<dyn Future<Output = Result<(), ()>> + Send>>; 2]) -> F,
    knows: impl Fn(&F) -> bool,
) {
    let free = Arc::new(AtomicBool::new(false));
    let mut together =
        begin([true, false].map(|panics| Box::pin(panics_or_holds_on(panics, free.clone())) as _));
    while !knows(&together) {
        assert!(Pin::new(&mut together).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        thread::yield_now();
    }
    assert_eq!(TOLD.take(), [""; 0]);
    drop(together);
    let told = TOLD.take();
    assert!(matches!(&told[..], [one] if one.contains("nobody asked me")), "{told:?}");
    free.store(true, Ordering::Release);
}

#[test]
fn a_panic_that_nobody_waited_for_long_enough_is_reported() {
    dropped_with_a_panic_in_hand(gather, |gathering| gathering.brood.len() == 1);
    dropped_with_a_panic_in_hand(try_gather, |gathering| gathering.brood.len() == 1);
    dropped_with_a_panic_in_hand(race, |race| race.brood.len() == 1);
}
