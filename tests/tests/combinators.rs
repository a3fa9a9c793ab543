//! Several futures at once: as tasks (`gather`, `race`, `wait` and their like), within one task (`join!`, `try_join!`).
//!
//! Covers the behaviours that `CPython`'s `test_tasks` pins for `gather`, `wait` and `as_completed`, tokio's `macros_join` and
//! `macros_try_join` suites, and of the abuses: a panic beside siblings, a handle that is given up a thousand times (its output is not
//! lost), ten thousand members dropped while they run.

use filch::stream::{Stream, StreamExt};
use filch::sync::{Event, channel, oneshot};
use filch::task::{self, TryGatherError, Wait};
use filch::{JoinHandle, Runtime, block_on, join, spawn, try_join, yield_now};
use filch_tests::{Tally, Watchdog, pending_until_dropped, wait_until};
use std::cell::Cell;
use std::future::{IntoFuture, pending, poll_fn, ready};
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A few looks around, not as many for each.
async fn turns(number: usize) -> usize {
    for _ in 0..number % 4 {
        yield_now().await;
    }
    number
}

/// Polls once, and drops.
fn poll_now<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Futures that wait for an event each.
fn gates(count: usize) -> (Vec<Arc<Event>>, Vec<impl Future<Output = usize> + Send + 'static>) {
    let events: Vec<_> = iter::repeat_with(|| Arc::new(Event::new())).take(count).collect();
    let futures = events.iter().cloned().enumerate().map(|(n, event)| async move {
        event.wait().await;
        n
    });
    let futures = futures.collect();
    (events, futures)
}

mod gather {
    use super::*;

    #[test]
    fn results_come_in_the_order_given() {
        let _watchdog = Watchdog::usual();
        let (events, futures) = gates(3);
        let results = block_on(async {
            let gathering = task::gather(futures);
            for event in [2, 0, 1] {
                events[event].set();
                turns(3).await;
            }
            gathering.await
        });
        assert!(results.into_iter().map(|result| result.expect("no panic")).eq(0..3));
        assert!(block_on(task::gather(iter::empty::<std::future::Ready<()>>())).is_empty());
    }

    #[test]
    fn tasks_go_on_while_nobody_looks() {
        let _watchdog = Watchdog::usual();
        let (sender, inbox) = channel::unbounded();
        let gathering = task::gather((0..10).map(|n| {
            let sender = sender.clone();
            async move { sender.send(turns(n).await).await.expect("somebody receives") }
        }));
        // Nothing but the tasks themselves can make this end: the future has not been polled yet.
        let mut seen: Vec<_> = (0..10).map(|_| inbox.recv_blocking().expect("they send")).collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..10));
        assert!(block_on(gathering).into_iter().all(|result| result.is_ok()));
    }

    #[test]
    fn a_panic_is_one_result_and_leaves_the_others_alone() {
        let _watchdog = Watchdog::usual();
        let results = block_on(task::gather((0..5).map(|n| async move {
            assert_ne!(turns(n).await, 2, "two on purpose");
            n
        })));
        for (n, result) in results.into_iter().enumerate() {
            match result {
                Ok(value) => assert_eq!(value, n),
                Err(error) => {
                    assert_eq!(n, 2);
                    assert!(error.is_panic() && error.to_string().contains("two on purpose"), "{error}");
                    assert_eq!(error.spawned_at().file(), file!(), "a task is known by who gathered it");
                }
            }
        }
    }

    #[test]
    fn dropping_it_aborts_all_ten_thousand() {
        let _watchdog = Watchdog::usual();
        let tally = Tally::new();
        let mut gathering = task::gather((0..10_000).map(|_| pending_until_dropped(tally.value())));
        assert!(poll_now(&mut gathering).is_pending());
        drop(gathering);
        wait_until("all are gone", || tally.alive() == 0);
    }

    #[test]
    fn an_iterator_that_panics_leaves_nothing_behind() {
        let _watchdog = Watchdog::usual();
        let tally = Tally::new();
        let futures = (0..10).map(|n| {
            assert_ne!(n, 7, "seven on purpose");
            pending_until_dropped(tally.value())
        });
        catch_unwind(AssertUnwindSafe(|| drop(task::gather(futures)))).expect_err("it panicked");
        assert_eq!(tally.made(), 7);
        wait_until("all are gone", || tally.alive() == 0);
    }

    #[test]
    fn it_works_under_any_executor() {
        let _watchdog = Watchdog::usual();
        let results = futures_lite::future::block_on(task::gather((0..4).map(turns)));
        assert_eq!(results.len(), 4);
    }

    #[test]
    fn a_runtime_that_ends_is_a_result_too() {
        let _watchdog = Watchdog::usual();
        let runtime = Runtime::builder().worker_threads(1).build().expect("a runtime");
        let gathering = runtime.block_on(async { Some(task::gather([pending::<()>()])) });
        drop(runtime);
        let mut results = block_on(gathering.expect("it was begun"));
        assert!(results.remove(0).expect_err("aborted").is_aborted());
    }
}

mod try_gather {
    use super::*;

    #[test]
    fn values_come_in_the_order_given() {
        let _watchdog = Watchdog::usual();
        let values = block_on(task::try_gather((0..100).map(|n| async move { Ok::<_, ()>(turns(n).await) })));
        assert!(values.expect("none fails").into_iter().eq(0..100));
    }

    #[test]
    fn with_the_first_failure_the_others_are_gone() {
        let _watchdog = Watchdog::usual();
        for panics in [false, true] {
            let tally = Tally::new();
            let futures = (0..50).map(|n| {
                let value = tally.value();
                async move {
                    if n != 31 {
                        pending_until_dropped(value).await;
                    }
                    yield_now().await;
                    assert!(!panics, "on purpose");
                    Err::<(), _>("thirty-one")
                }
            });
            let failure = block_on(task::try_gather(futures)).expect_err("one fails");
            assert_eq!(tally.alive(), 0, "waited for");
            match failure {
                TryGatherError::Failed(error) => assert!(!panics && error == "thirty-one"),
                TryGatherError::Join(error) => assert!(panics && error.is_panic(), "{error}"),
            }
        }
    }

    #[test]
    fn dropping_it_aborts_all() {
        let _watchdog = Watchdog::usual();
        let tally = Tally::new();
        let gathering = task::try_gather((0..10).map(|_| {
            let value = tally.value();
            async move {
                pending_until_dropped(value).await;
                Ok::<_, ()>(())
            }
        }));
        drop(gathering);
        wait_until("all are gone", || tally.alive() == 0);
    }

    #[test]
    fn its_error_speaks_for_what_failed() {
        let failed = TryGatherError::Failed("disk".parse::<u8>().expect_err("no number"));
        assert_eq!(failed.to_string(), "invalid digit found in string");
        let error: Box<dyn std::error::Error> = failed.into();
        assert!(error.source().is_none());
    }
}

mod race {
    use super::*;

    #[test]
    fn the_first_wins_and_the_others_are_gone() {
        let _watchdog = Watchdog::usual();
        let tally = Tally::new();
        let futures = (0..20).map(|n| {
            let value = tally.value();
            async move {
                if n != 11 {
                    pending_until_dropped(value).await;
                }
                n
            }
        });
        assert_eq!(block_on(task::race(futures)).expect("no panic"), 11);
        assert_eq!(tally.alive(), 0, "waited for");
    }

    #[test]
    fn a_panic_may_be_the_first() {
        let _watchdog = Watchdog::usual();
        let futures = [true, false].map(|panics| async move {
            if !panics {
                pending::<()>().await;
            }
            panic!("on purpose");
        });
        let error = block_on(task::race::<_, ()>(futures)).expect_err("it panicked");
        assert!(error.is_panic());
    }

    #[test]
    fn it_needs_somebody_and_ends_once() {
        let nobody = || drop(task::race(iter::empty::<std::future::Ready<()>>()));
        catch_unwind(nobody).expect_err("nobody runs");
        let mut race = task::race([ready(1)]);
        assert_eq!(block_on(&mut race).expect("no panic"), 1);
        catch_unwind(AssertUnwindSafe(|| poll_now(&mut race))).expect_err("it is over");
    }
}

mod wait {
    use super::*;

    fn ids<T>(tasks: &[JoinHandle<T>]) -> Vec<task::Id> {
        tasks.iter().map(JoinHandle::id).collect()
    }

    #[test]
    fn for_the_first_gives_all_handles_back_in_order() {
        let _watchdog = Watchdog::usual();
        let (events, futures) = gates(4);
        let tasks: Vec<_> = futures.into_iter().map(spawn).collect();
        let all = ids(&tasks);
        events[2].set();
        block_on(async {
            let (done, running) = task::wait(tasks, Wait::FirstCompleted).await;
            assert_eq!(ids(&done), [all[2]]);
            assert_eq!(ids(&running), [all[0], all[1], all[3]]);
            events.iter().for_each(|event| event.set());
            let (rest, none) = task::wait(running, Wait::All).await;
            assert_eq!((ids(&rest), none.len()), (vec![all[0], all[1], all[3]], 0));
            let mut values = Vec::new();
            for task in done.into_iter().chain(rest) {
                values.push(task.await.expect("no panic"));
            }
            assert_eq!(values, [2, 0, 1, 3]);
        });
    }

    #[test]
    fn for_a_failure_knows_panics_and_aborts_and_no_values() {
        let _watchdog = Watchdog::usual();
        block_on(async {
            for fails in [true, false] {
                let failing = spawn(async move {
                    assert!(!fails, "on purpose");
                    pending().await
                });
                if !fails {
                    failing.abort();
                }
                let tasks = [spawn(async { Err::<(), _>("a value") }), spawn(pending()), failing];
                let (done, running) = task::wait(tasks, Wait::FirstFailed).await;
                assert!((1..=2).contains(&done.len()) && done.len() + running.len() == 3);
                let failed =
                    done.into_iter().next_back().expect("the last given").await.expect_err("it failed");
                assert_eq!(failed.is_panic(), fails);
                running.iter().for_each(JoinHandle::abort);
            }
            // Without a failure it is all of them.
            let tasks = [spawn(turns(3)), spawn(turns(1))];
            let (done, running) = task::wait(tasks, Wait::FirstFailed).await;
            assert_eq!((done.len(), running.len()), (2, 0));
        });
    }

    #[test]
    fn without_handles_it_does_not_wait() {
        for until in [Wait::FirstCompleted, Wait::FirstFailed, Wait::All] {
            let (done, running) = block_on(task::wait(Vec::<JoinHandle<()>>::new(), until));
            assert!(done.is_empty() && running.is_empty());
        }
    }

    #[test]
    fn giving_up_a_thousand_times_loses_nothing() {
        let _watchdog = Watchdog::usual();
        let (events, futures) = gates(3);
        let mut tasks: Vec<_> = futures.into_iter().map(spawn).collect();
        for _ in 0..1_000 {
            assert!(poll_now(task::wait(&mut tasks, Wait::FirstCompleted)).is_pending());
        }
        let all = ids(&tasks);
        events[1].set();
        block_on(async {
            let (done, running) = task::wait(&mut tasks, Wait::FirstCompleted).await;
            assert_eq!((done[0].id(), done.len(), running.len()), (all[1], 1, 2));
            let elapsed =
                filch::time::timeout(Duration::from_millis(1), task::wait(running, Wait::All)).await;
            assert!(elapsed.is_err());
            // Nobody was stopped, and a result that was there is there.
            events.iter().for_each(|event| event.set());
            for (n, task) in tasks.into_iter().enumerate() {
                assert_eq!(task.await.expect("no panic"), n);
            }
        });
    }

    #[test]
    fn a_handle_may_be_waited_for_from_several_places_in_turn() {
        let _watchdog = Watchdog::usual();
        let (events, mut futures) = gates(1);
        let mut task = [spawn(futures.remove(0))];
        // The last to look is the one that is told.
        assert!(poll_now(&mut task[0]).is_pending());
        assert!(poll_now(task::wait(&mut task, Wait::All)).is_pending());
        assert!(poll_now(&mut task[0]).is_pending());
        events[0].set();
        let [task] = task;
        assert_eq!(block_on(task).expect("no panic"), 0);
    }
}

mod as_completed {
    use super::*;

    #[test]
    fn results_come_as_tasks_end() {
        let _watchdog = Watchdog::usual();
        let (events, futures) = gates(5);
        block_on(async {
            let mut results = task::as_completed(futures);
            for (given_out, n) in [3, 0, 4, 1, 2].into_iter().enumerate() {
                assert_eq!(
                    (results.len(), results.size_hint()),
                    (5 - given_out, (5 - given_out, Some(5 - given_out)))
                );
                assert!(poll_now(results.next()).is_pending());
                events[n].set();
                assert_eq!(results.next().await.expect("one is left").expect("no panic"), n);
            }
            assert!(results.is_empty() && results.next().await.is_none() && results.next().await.is_none());
        });
    }

    #[test]
    fn panics_come_out_and_the_rest_goes_with_the_stream() {
        let _watchdog = Watchdog::usual();
        let tally = Tally::new();
        let mut results = task::as_completed((0..10).map(|n| {
            let value = tally.value();
            async move {
                assert_ne!(n, 4, "four on purpose");
                pending_until_dropped(value).await;
            }
        }));
        let error = block_on(results.next()).expect("one is over").expect_err("it panicked");
        assert!(error.is_panic());
        assert_eq!(tally.alive(), 9);
        drop(results);
        wait_until("all are gone", || tally.alive() == 0);
    }
}

mod map_concurrent {
    use super::*;

    /// Counts how many are there at once.
    #[derive(Clone, Default)]
    struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

    impl Gauge {
        async fn around<F: Future>(self, future: F) -> F::Output {
            let live = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
            self.0.1.fetch_max(live, Ordering::SeqCst);
            let output = future.await;
            self.0.0.fetch_sub(1, Ordering::SeqCst);
            output
        }

        fn peak(&self) -> usize {
            self.0.1.load(Ordering::SeqCst)
        }
    }

    #[test]
    fn so_many_run_at_once_and_no_more() {
        let _watchdog = Watchdog::usual();
        for limit in [1, 3, 8] {
            let gauge = Gauge::default();
            let entered = Arc::new(AtomicUsize::new(0));
            let mapped = task::map_concurrent(limit, 0..200, |n| {
                let (entered, begun) = (entered.clone(), entered.clone());
                gauge.clone().around(async move {
                    entered.fetch_add(1, Ordering::SeqCst);
                    // The first ones wait for each other: as many as may be there must be.
                    poll_fn(|cx| {
                        cx.waker().wake_by_ref();
                        if begun.load(Ordering::SeqCst) < limit { Poll::Pending } else { Poll::Ready(()) }
                    })
                    .await;
                    turns(n).await
                })
            });
            let mut values: Vec<_> = block_on(mapped.map(|value| value.expect("no panic")).collect());
            values.sort_unstable();
            assert!(values.into_iter().eq(0..200));
            assert_eq!(gauge.peak(), limit);
        }
    }

    #[test]
    fn items_without_end_leave_results_their_turn() {
        let _watchdog = Watchdog::usual();
        block_on(async {
            let mut mapped = pin!(task::map_concurrent(usize::MAX, 0.., turns));
            let mut ordered = pin!(task::map_concurrent(usize::MAX, 0.., turns).in_order());
            for n in 0..200 {
                assert!(mapped.next().await.is_some());
                assert_eq!(ordered.next().await.expect("there are more").expect("no panic"), n);
            }
        });
    }

    #[test]
    fn items_are_pulled_when_their_tasks_may_begin() {
        let _watchdog = Watchdog::usual();
        let pulled = Cell::new(0);
        let items = (0..).inspect(|_| pulled.set(pulled.get() + 1));
        block_on(async {
            let mut mapped = pin!(task::map_concurrent(3, items, ready));
            assert_eq!(pulled.get(), 0, "nobody asked");
            for given_out in 1..100 {
                assert!(mapped.next().await.is_some());
                assert!(pulled.get() < given_out + 3, "{} pulled for {given_out}", pulled.get());
            }
            let mut ordered = pin!(task::map_concurrent(3, 0.., ready).in_order());
            for n in 0..100 {
                assert_eq!(ordered.next().await.expect("it has no end").expect("no panic"), n);
            }
        });
    }

    #[test]
    fn in_order_means_the_order_of_the_items() {
        let _watchdog = Watchdog::usual();
        let (events, futures) = gates(3);
        block_on(async {
            let mut mapped = pin!(task::map_concurrent(2, futures, |future| future).in_order());
            assert!(poll_now(mapped.next()).is_pending());
            events[1].set();
            events[2].set();
            turns(3).await;
            assert!(poll_now(mapped.next()).is_pending(), "the first is not over");
            events[0].set();
            let values: Vec<_> = mapped.map(|value| value.expect("no panic")).collect().await;
            assert_eq!(values, [0, 1, 2]);
        });
    }

    #[test]
    fn a_stream_that_waits_does_not_keep_results_back() {
        let _watchdog = Watchdog::usual();
        let (sender, items) = channel::unbounded();
        block_on(async {
            let mut mapped = pin!(task::map_concurrent_stream(4, items, turns));
            assert!(poll_now(mapped.next()).is_pending());
            for n in 0..3 {
                sender.send(n).await.expect("it is received");
                assert_eq!(mapped.next().await.expect("one is there").expect("no panic"), n);
                assert!(poll_now(mapped.next()).is_pending());
            }
            drop(sender);
            assert!(mapped.next().await.is_none() && mapped.next().await.is_none());
        });
    }

    #[test]
    fn a_function_that_panics_costs_no_result() {
        let _watchdog = Watchdog::usual();
        let mut mapped = pin!(task::map_concurrent(10, 0..4, |n| {
            assert_ne!(n, 2, "two on purpose");
            ready(n)
        }));
        catch_unwind(AssertUnwindSafe(|| block_on(mapped.next()))).expect_err("it panicked");
        let mut values: Vec<_> = block_on(mapped.map(|value| value.expect("no panic")).collect());
        values.sort_unstable();
        assert_eq!(values, [0, 1, 3]);
    }

    #[test]
    fn dropping_it_aborts_what_had_begun() {
        let _watchdog = Watchdog::usual();
        let tally = Tally::new();
        let map = || Box::pin(task::map_concurrent(5, 0.., |_| pending_until_dropped(tally.value())));
        let mut mapped = map();
        assert!(poll_now(mapped.next()).is_pending());
        let mut ordered = Box::pin((*Pin::into_inner(map())).in_order());
        assert!(poll_now(ordered.next()).is_pending());
        assert_eq!(tally.made(), 10);
        drop((mapped, ordered));
        wait_until("all are gone", || tally.alive() == 0);
    }

    #[test]
    #[should_panic(expected = "with a limit of 0 no task could ever begin")]
    fn a_limit_of_zero_is_refused() {
        drop(task::map_concurrent(0, [1], ready));
    }
}

mod joining {
    use super::*;

    #[test]
    fn join_polls_all_and_keeps_every_value() {
        let _watchdog = Watchdog::usual();
        block_on(async {
            let (there, back) = (Event::new(), Event::new());
            let text = String::from("borrowed");
            let joined = join!(
                async {
                    there.wait().await;
                    back.set();
                    &text[..3]
                },
                async {
                    there.set();
                    back.wait().await;
                    text.len()
                },
                turns(3),
            );
            assert_eq!(joined, ("bor", 8, 3));
            assert_eq!(join!(ready(1)), (1,));
            let () = join!();
            let doubled = join!(Doubled(4), Doubled(5));
            assert_eq!(doubled, (8, 10));
        });
    }

    /// Becomes a future.
    struct Doubled(u32);

    impl IntoFuture for Doubled {
        type Output = u32;
        type IntoFuture = std::future::Ready<u32>;

        fn into_future(self) -> Self::IntoFuture {
            ready(2 * self.0)
        }
    }

    #[test]
    fn commas_within_a_future_do_not_part_it() {
        let collected = block_on(async {
            join!(async { Vec::<(u8, u8)>::from([(1, 2)]) }, ready::<Result<u8, u8>>(Ok(3)))
        });
        assert_eq!(collected, (vec![(1, 2)], Ok(3)));
    }

    #[test]
    fn what_is_ready_is_dropped_at_once_and_not_polled_again() {
        let tally = Tally::new();
        let value = tally.value();
        block_on(async {
            let quick = async {
                let _value = value;
            };
            let slow = async {
                yield_now().await;
                yield_now().await;
                tally.alive()
            };
            assert_eq!(join!(quick, slow), ((), 0));
        });
    }

    #[test]
    fn nobody_is_always_first() {
        let mut first = [0; 3];
        let order = Cell::new(None);
        let note = |n| {
            let order = &order;
            async move {
                if order.get().is_none() {
                    order.set(Some(n));
                }
            }
        };
        block_on(async {
            for _ in 0..600 {
                order.set(None);
                join!(note(0), note(1), note(2));
                first[order.get().expect("one was")] += 1;
            }
        });
        assert!(first.iter().all(|&times| (100..300).contains(&times)), "{first:?}");
    }

    #[test]
    fn try_join_returns_the_first_error_when_the_rest_is_gone() {
        let tally = Tally::new();
        let value = tally.value();
        block_on(async {
            let never = async {
                pending_until_dropped(value).await;
                Ok::<(), &str>(())
            };
            let fails = async {
                yield_now().await;
                Err::<u8, _>("second")
            };
            assert_eq!(try_join!(never, fails, async { Ok(String::new()) }), Err("second"));
            assert_eq!(tally.alive(), 0);
            assert_eq!(try_join!(ready(Ok::<_, ()>(1)), ready(Ok("two"))), Ok((1, "two")));
        });
    }

    #[test]
    fn errors_go_on_by_the_question_mark() {
        async fn sum(texts: [&str; 2]) -> Result<u32, std::num::ParseIntError> {
            let (a, b) = try_join!(async { texts[0].parse::<u32>() }, async { texts[1].parse::<u32>() })?;
            Ok(a + b)
        }
        assert_eq!(block_on(sum(["1", "2"])), Ok(3));
        assert!(block_on(sum(["1", "x"])).is_err());
    }

    macro_rules! wide {
        ($($n:literal)*) => { join!($(turns($n)),*) };
    }

    #[test]
    fn there_may_be_many() {
        let all = block_on(async {
            wide!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35)
        });
        assert_eq!((all.0, all.17, all.35), (0, 17, 35));
    }

    #[test]
    fn they_may_cross_threads() {
        let _watchdog = Watchdog::usual();
        let task = spawn(async {
            let (one, two) = join!(turns(1), turns(2));
            try_join!(async move { Ok::<_, ()>(one) }, async move { Ok(two) })
        });
        assert_eq!(block_on(task).expect("no panic"), Ok((1, 2)));
    }
}

#[test]
fn what_is_over_is_not_asked_again() {
    let _watchdog = Watchdog::usual();
    fn again<F: Future + Unpin>(mut future: F) {
        block_on(&mut future);
        catch_unwind(AssertUnwindSafe(|| poll_now(&mut future).is_ready())).expect_err("it is over");
    }
    again(task::gather([ready(1)]));
    again(task::try_gather([ready(Ok::<_, ()>(1))]));
    again(task::race([ready(1)]));
    again(task::wait([spawn(ready(1))], Wait::All));
}

#[test]
fn results_that_nobody_takes_do_not_hold_anybody_up() {
    let _watchdog = Watchdog::usual();
    // A parent that is gone while its children end: their wakers find nobody, and harm nobody.
    let (sender, receiver) = oneshot::channel();
    let mut tasks = vec![spawn(async move { receiver.await.is_ok() })];
    assert!(poll_now(task::wait(&mut tasks, Wait::All)).is_pending());
    sender.send(()).expect("the task waits");
    wait_until("the task is over", || tasks[0].is_finished());
    let task = tasks.remove(0);
    assert!(block_on(task).expect("no panic"));
}
