//! Promise 8: never early. A timer fires at or after its deadline, at most one tick plus scheduling late.
//!
//! How late depends on the machine, which has other things to do, so bounds on lateness are generous, and those on
//! earliness are exact.

use filch::time::{
    Clock, MissedTickBehavior, interval, interval_at, now, sleep, sleep_until, timeout, timeout_at,
};
use filch::{Runtime, spawn};
use filch_tests::{Dice, PATIENCE, SLOWNESS, Tally, Watchdog, wait_until};
use futures_lite::future::poll_once;
use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

#[test]
fn never_early_and_seldom_late() {
    const SLEEPS: usize = 20_000;
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = runtime(2);
    watchdog.watch("timers", runtime.handle());
    let mut dice = Dice::new();
    let tasks: Vec<_> = (0..SLEEPS)
        .map(|_| {
            let delay = Duration::from_nanos(dice.below(300_000_000) as u64);
            runtime.spawn(async move {
                let deadline = Instant::now() + delay;
                sleep_until(deadline).await;
                Instant::now().checked_duration_since(deadline)
            })
        })
        .collect();
    let mut late: Vec<_> = tasks
        .into_iter()
        .map(|task| {
            futures_lite::future::block_on(task).expect("no panic").expect("fired before its deadline")
        })
        .collect();
    late.sort_unstable();
    let (median, p99) = (late[SLEEPS / 2], late[SLEEPS * 99 / 100]);
    assert!(median < SLOWNESS * Duration::from_millis(100), "half of all are more than {median:?} late");
    assert!(p99 < SLOWNESS * Duration::from_secs(2), "one in a hundred is {p99:?} late");
}

#[test]
fn sleeps_measured_from_before_to_after_on_every_kind_of_thread() {
    let _watchdog = Watchdog::usual();
    async fn naps() {
        for micros in [0, 1, 60, 100, 999, 1000, 1001, 5000] {
            let delay = Duration::from_micros(micros);
            let begin = Instant::now();
            sleep(delay).await;
            assert!(begin.elapsed() >= delay, "a nap of {delay:?} took {:?}", begin.elapsed());
        }
    }
    let runtime = runtime(1);
    runtime.block_on(naps());
    runtime.block_on(runtime.spawn(naps())).expect("no panic");
    runtime.block_on(runtime.spawn_blocking(|| futures_lite::future::block_on(naps()))).expect("no panic");
    futures_lite::future::block_on(naps());
}

#[test]
fn deadlines_beyond_all_bounds_and_long_past() {
    let _watchdog = Watchdog::usual();
    runtime(1).block_on(async {
        for huge in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(1 << 40)] {
            let mut sleep = pin!(sleep(huge));
            assert!(poll_once(sleep.as_mut()).await.is_none(), "never");
            assert!(timeout(huge, async { 1 }).await.is_ok());
        }
        sleep(Duration::ZERO).await;
        let past = Instant::now().checked_sub(Duration::from_millis(1)).unwrap_or_else(Instant::now);
        sleep_until(past).await;
        assert!(timeout_at(past, async { 1 }).await.is_ok(), "what is ready wins even when the time is over");
        assert!(timeout(Duration::ZERO, std::future::pending::<()>()).await.is_err());
    });
}

#[test]
fn a_timeout_drops_what_it_gave_up_and_the_inner_wins() {
    let _watchdog = Watchdog::usual();
    let books = Tally::new();
    runtime(1).block_on(async {
        let gave_up =
            timeout(Duration::from_millis(2), filch_tests::pending_until_dropped(books.value())).await;
        assert!(gave_up.is_err());
        assert_eq!(books.alive(), 0);
        let inner = timeout(PATIENCE, timeout(Duration::from_millis(2), std::future::pending::<()>())).await;
        assert!(matches!(inner, Ok(Err(_))));
        let outer = timeout(Duration::from_millis(2), timeout(PATIENCE, std::future::pending::<()>())).await;
        assert!(outer.is_err());
    });
}

#[test]
fn of_scopes_whose_deadlines_have_come_the_earlier_elapses_whatever_threads_they_waited_on() {
    let _watchdog = Watchdog::usual();
    let clock = Clock::manual();
    let runtime = Runtime::builder().worker_threads(4).clock(clock.clone()).build().expect("a runtime");
    let milli = Duration::from_millis(1);
    for (outer, inner, outer_elapses) in [(20, 20, false), (20, 10, false), (10, 20, true)].repeat(10) {
        let start = clock.now();
        let both_wait = Tally::new();
        let tasks: Vec<_> = (0..200_usize)
            .map(|number| {
                let waits = both_wait.clone();
                runtime.spawn(timeout_at(start + outer * milli, async move {
                    // The outer one waits from here on, and the inner one perhaps on another worker.
                    for _ in 0..=number % 7 {
                        filch::yield_now().await;
                    }
                    let mut inner = pin!(timeout_at(start + inner * milli, pending::<()>()));
                    assert!(poll_once(inner.as_mut()).await.is_none());
                    waits.count();
                    inner.await.is_err()
                }))
            })
            .collect();
        wait_until("all wait twice", || both_wait.counted() == 200);
        clock.advance(100 * milli);
        for task in tasks {
            let ended = futures_lite::future::block_on(task).expect("no panic");
            assert_eq!(ended.is_err(), outer_elapses, "of {outer} and {inner} the wrong one");
        }
    }
}

#[test]
fn an_interval_keeps_its_beat_and_skips_what_it_missed() {
    let _watchdog = Watchdog::usual();
    const PERIOD: Duration = Duration::from_millis(5);
    runtime(1).block_on(async {
        let mut beat = interval(PERIOD);
        let first = beat.tick().await;
        for n in 1..=10 {
            let tick = beat.tick().await;
            assert!(Instant::now() >= tick, "early");
            assert_eq!((tick - first).as_nanos() % PERIOD.as_nanos(), 0, "tick {n} is off the beat");
        }
        // More than four beats are missed; what comes next is the beat after now.
        sleep(4 * PERIOD + PERIOD / 2).await;
        let missed = beat.tick().await;
        assert_eq!((missed - first).as_nanos() % PERIOD.as_nanos(), 0, "off the beat");
        let next = beat.tick().await;
        assert!(next - missed >= PERIOD && next - first > 14 * PERIOD, "missed beats are left out");

        let mut burst = interval(PERIOD);
        burst.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let first = burst.tick().await;
        sleep(4 * PERIOD).await;
        for n in 1..=4 {
            assert_eq!(burst.tick().await, first + n * PERIOD, "a burst leaves none out");
        }
    });
}

#[test]
fn a_sleep_moves_between_tasks_and_workers() {
    let _watchdog = Watchdog::usual();
    let (one, two) = (runtime(2), runtime(1));
    let begin = Instant::now();
    let mut slept = Box::pin(sleep(Duration::from_millis(30)));
    let mut over = false;
    for round in 0..6 {
        let on = if round % 2 == 0 { &one } else { &two };
        let moved = on.spawn(async move { (poll_once(slept.as_mut()).await.is_some(), slept) });
        (over, slept) = futures_lite::future::block_on(moved).expect("no panic");
        if over {
            // The machine has been busy with other things.
            break;
        }
    }
    // Away from the runtime it was polled in last, which ends meanwhile.
    drop((one, two));
    if !over {
        futures_lite::future::block_on(slept);
    }
    assert!(begin.elapsed() >= Duration::from_millis(30), "early");
}

#[test]
fn a_hundred_thousand_made_and_dropped_and_as_many_at_one_instant() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = runtime(2);
    watchdog.watch("timers", runtime.handle());
    let fired = Tally::new();
    let count = fired.clone();
    let task = runtime.spawn(async move {
        let due = now() + Duration::from_millis(50);
        let tasks: Vec<_> = (0..10_000)
            .map(|_| {
                let count = count.clone();
                spawn(async move {
                    for _ in 0..10 {
                        // Registered, and dropped again.
                        let far = timeout(Duration::from_secs(3600), filch::yield_now()).await;
                        assert!(far.is_ok());
                    }
                    sleep_until(due).await;
                    assert!(Instant::now() >= due, "early");
                    count.count();
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
    });
    futures_lite::future::block_on(task).expect("no panic");
    assert_eq!(fired.counted(), 10_000);
}

#[test]
fn a_timer_far_away_does_not_hide_a_near_one() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    runtime.spawn(sleep(Duration::from_secs(3600))).detach();
    for millis in [700, 70, 7] {
        runtime.spawn(sleep(Duration::from_millis(millis))).detach();
    }
    // From outside while the worker sleeps until the hour: it must be told of an earlier deadline.
    for _ in 0..20 {
        let begin = Instant::now();
        futures_lite::future::block_on(runtime.spawn(sleep(Duration::from_millis(3)))).expect("no panic");
        assert!(begin.elapsed() >= Duration::from_millis(3), "early");
        assert!(begin.elapsed() < PATIENCE);
    }
    // Registered by a thread that belongs to the runtime and tends no worker's timer.
    let begin = Instant::now();
    let blocking = runtime.spawn_blocking(|| futures_lite::future::block_on(sleep(Duration::from_millis(3))));
    futures_lite::future::block_on(blocking).expect("no panic");
    assert!(begin.elapsed() >= Duration::from_millis(3), "early");
}

#[test]
fn a_virtual_clock_moves_only_by_hand() {
    let _watchdog = Watchdog::usual();
    let clock = Clock::manual();
    let runtime = Runtime::builder().worker_threads(2).clock(clock.clone()).build().expect("a runtime");
    let log = Arc::new(Mutex::new(Vec::new()));
    let waiting = Tally::new();
    let start = clock.now();
    let tasks: Vec<_> = [30_u64, 10, 20]
        .into_iter()
        .map(|minutes| {
            let (log, waiting) = (log.clone(), waiting.clone());
            runtime.spawn(async move {
                let mut sleep = pin!(sleep(Duration::from_secs(60 * minutes)));
                assert!(poll_once(sleep.as_mut()).await.is_none());
                waiting.count();
                sleep.await;
                log.lock().expect("not poisoned").push((minutes, now()));
            })
        })
        .collect();
    wait_until("all sleep", || waiting.counted() == 3);
    clock.advance(Duration::from_secs(60 * 10 - 1));
    std::thread::park_timeout(Duration::from_millis(5));
    assert!(log.lock().expect("not poisoned").is_empty(), "a second too early");
    clock.advance(Duration::from_secs(1));
    wait_until("ten minutes are over", || log.lock().expect("not poisoned").len() == 1);
    clock.advance(Duration::from_secs(60 * 20));
    for task in tasks {
        futures_lite::future::block_on(task).expect("no panic");
    }
    let log = log.lock().expect("not poisoned");
    assert_eq!(log[0], (10, start + Duration::from_secs(600)));
    assert_eq!(clock.now(), start + Duration::from_secs(1800));
    assert_eq!(runtime.block_on(async { now() }), clock.now(), "everybody inside sees the same time");
}

#[test]
fn a_day_on_a_virtual_clock_beat_by_beat() {
    let _watchdog = Watchdog::usual();
    let clock = Clock::manual();
    let runtime = Runtime::builder().worker_threads(1).clock(clock.clone()).build().expect("a runtime");
    let hours = Tally::new();
    let (count, begin) = (hours.clone(), clock.now());
    const HOUR: Duration = Duration::from_secs(3600);
    let task = runtime.spawn(async move {
        let mut hourly = interval_at(begin + HOUR, HOUR);
        for hour in 1..=24 {
            assert_eq!(hourly.tick().await, begin + hour * HOUR);
            count.count();
        }
    });
    for hour in 1..=24 {
        clock.advance(HOUR);
        wait_until("the hour has struck", || hours.counted() == hour);
    }
    futures_lite::future::block_on(task).expect("no panic");
}

#[test]
fn a_virtual_clock_moved_while_nobody_looks() {
    let _watchdog = Watchdog::usual();
    for round in 0..100_u64 {
        let clock = Clock::manual();
        let runtime = Runtime::builder().worker_threads(2).clock(clock.clone()).build().expect("a runtime");
        let task = runtime.spawn(sleep(Duration::from_secs(60)));
        std::thread::park_timeout(Duration::from_micros(round * 3));
        // The task may not have registered yet: its deadline is counted from the time it sees then.
        while !task.is_finished() {
            clock.advance(Duration::from_secs(30));
            std::thread::yield_now();
        }
        futures_lite::future::block_on(task).expect("no panic");
    }
}
