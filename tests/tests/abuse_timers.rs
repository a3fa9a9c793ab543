//! Timers where they hurt: a million at once, deadlines at every border of the wheel and at the ends of time, a century in jumps,
//! wakers that block, come back or move the clock, and sleeps that are leaked.
//!
//! What must hold: nothing fires early, everything that is due fires once, and nobody waits for another's waker.

use filch::time::{Clock, Elapsed, MissedTickBehavior, Sleep, interval_at, now, sleep, sleep_until, timeout};
use filch::{Runtime, yield_now};
use filch_tests::{Dice, PATIENCE, Tally, Watchdog, child, keep, on_wake, process, wait_until};
use filch_timer::{Timer, enter};
use futures_lite::future::{block_on, poll_once};
use std::collections::BTreeMap;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

/// A runtime on a clock that is moved by hand.
fn virtual_runtime(workers: usize) -> (Clock, Runtime) {
    let clock = Clock::manual();
    let runtime = Runtime::builder().worker_threads(workers).clock(clock.clone()).build().expect("a runtime");
    (clock, runtime)
}

/// Registers `slept` with `waker`.
fn register(mut slept: Pin<Box<Sleep>>, waker: &Waker) -> Pin<Box<Sleep>> {
    assert!(slept.as_mut().poll(&mut Context::from_waker(waker)).is_pending(), "it lies ahead");
    slept
}

#[test]
fn very_many_on_one_tick_and_very_many_that_are_given_up() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    // Unoptimised, a million take seconds.
    const MANY: usize = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };
    let clock = Clock::manual();
    let timer = Timer::new(clock.clone());
    let _context = enter(&timer, true);
    let woken = Tally::new();
    let count = woken.clone();
    let waker = on_wake(move || {
        count.count();
    });
    let due = now() + Duration::from_secs(1);
    let sleeps: Vec<_> = (0..MANY).map(|_| register(Box::pin(sleep_until(due)), &waker)).collect();
    assert_eq!(timer.len(), MANY);
    clock.advance(Duration::from_secs(1) - Duration::from_nanos(1));
    assert_eq!(woken.counted(), 0, "early");
    clock.advance(Duration::from_nanos(1));
    assert_eq!(
        (woken.counted(), timer.len()),
        (MANY, 0),
        "each is woken once, by the very advance that reaches it"
    );
    drop(sleeps);
    // All at different times; of a hundred only one is waited for.
    const FEWER: usize = MANY / 5;
    let later = due + Duration::from_secs(1);
    let mut kept = Vec::new();
    for n in 0..FEWER {
        let far = register(Box::pin(sleep_until(later + Duration::from_micros(n as u64 * 997))), &waker);
        if n % 100 == 0 {
            kept.push(far);
        }
    }
    assert_eq!(timer.len(), FEWER / 100);
    clock.advance(Duration::from_secs(1000));
    assert_eq!((woken.counted(), timer.len()), (MANY + FEWER / 100, 0));
    assert!(kept.into_iter().all(|sleep| sleep.is_elapsed()));
}

#[test]
fn a_century_in_jumps_across_every_border_of_the_wheel() {
    let watchdog = Watchdog::usual();
    let (clock, runtime) = virtual_runtime(2);
    watchdog.watch("virtual", runtime.handle());
    let begin = clock.now();
    let mut dice = Dice::new();
    // Around each border of a level, as far as a century reaches, and anywhere in between.
    let mut delays: Vec<_> = (0..=10_u32)
        .flat_map(|level| {
            [1, 2, 63]
                .map(|slot| 64_u64.checked_pow(level).map_or(u64::MAX, |span| span.saturating_mul(slot)))
        })
        .flat_map(|border| [border.saturating_sub(1), border, border.saturating_add(1)])
        .map(Duration::from_nanos)
        .chain((0..200).map(|_| {
            Duration::from_nanos(1 << dice.below(61)) + Duration::from_nanos(dice.below(1 << 30) as u64)
        }))
        .filter(|&delay| delay <= 100 * YEAR && !delay.is_zero())
        .collect();
    delays.sort_unstable();
    assert!(delays.len() > 200);
    let fired = Arc::new(Mutex::new(BTreeMap::new()));
    let registered = Tally::new();
    let tasks: Vec<_> = delays
        .iter()
        .enumerate()
        .map(|(n, &delay)| {
            let (fired, registered) = (fired.clone(), registered.clone());
            runtime.spawn(async move {
                let mut slept = pin!(sleep_until(begin + delay));
                assert!(poll_once(slept.as_mut()).await.is_none());
                registered.count();
                slept.await;
                fired.lock().expect("not poisoned").insert(n, now());
            })
        })
        .collect();
    wait_until("all are registered", || registered.counted() == delays.len());
    let mut passed = Duration::ZERO;
    while passed < 100 * YEAR {
        // To the next deadline, to just before it, or far beyond.
        let next = delays.iter().find(|&&delay| delay > passed).copied().unwrap_or(100 * YEAR);
        let to = match dice.below(3) {
            0 => next,
            1 if next - passed > Duration::from_nanos(1) => next - Duration::from_nanos(1),
            1 => next,
            _ => next + Duration::from_nanos(1 << dice.below(58)),
        };
        clock.advance(to - passed);
        let before = std::mem::replace(&mut passed, to);
        let due = delays.partition_point(|&delay| delay <= passed);
        wait_until("what is due has fired", || fired.lock().expect("not poisoned").len() == due);
        let fired = fired.lock().expect("not poisoned");
        for (&n, &at) in fired.iter().skip_while(|&(&n, _)| delays[n] <= before) {
            assert_eq!(at, begin + passed, "{:?} after {before:?}", delays[n]);
        }
    }
    clock.advance(YEAR);
    tasks.into_iter().for_each(|task| block_on(task).expect("no panic"));
    assert_eq!(clock.now().duration_since(begin), passed + YEAR);
}

#[test]
fn deadlines_moved_between_the_ends_of_time() {
    let _watchdog = Watchdog::usual();
    let far = || {
        // As far as instants go, by halves: what the platform's limit is nobody says.
        let mut at = Instant::now();
        let mut step = Duration::from_secs(1 << 62);
        while step > Duration::from_secs(1) {
            at = at.checked_add(step).unwrap_or(at);
            step /= 2;
        }
        at
    };
    let past = Instant::now().checked_sub(Duration::from_millis(1)).unwrap_or_else(Instant::now);
    let (_clock, on_virtual) = virtual_runtime(1);
    for runtime in [runtime(1), on_virtual] {
        runtime.block_on(async {
            let mut slept = pin!(sleep(Duration::MAX));
            for nanos in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) - 1, 1 << 62, (1 << 48) - 1, 1 << 48] {
                for at in [far(), Instant::now() + Duration::from_nanos(nanos)] {
                    slept.as_mut().reset(at);
                    assert!(poll_once(slept.as_mut()).await.is_none(), "{at:?} has not come");
                    assert!(!slept.is_elapsed());
                }
                slept.as_mut().reset(past);
                assert!(poll_once(slept.as_mut()).await.is_some(), "the past has come");
                slept.as_mut().reset(far());
                assert!(poll_once(slept.as_mut()).await.is_none());
            }
            for huge in [Duration::MAX, Duration::from_millis(u64::MAX), Duration::from_millis(u64::MAX - 1)]
            {
                let mut never = pin!(timeout(huge, pending::<()>()));
                assert!(poll_once(never.as_mut()).await.is_none());
                let mut beat = interval_at(far(), huge);
                assert!(poll_once(beat.tick()).await.is_none());
                beat.reset_at(past);
                for _ in 0..2 {
                    let _either = poll_once(beat.tick()).await;
                }
            }
        });
    }
}

#[test]
fn a_burst_of_a_century_gives_way_to_others() {
    let watchdog = Watchdog::usual();
    let (clock, runtime) = virtual_runtime(1);
    watchdog.watch("virtual", runtime.handle());
    let ticks = Tally::new();
    let count = ticks.clone();
    let start = clock.now();
    let burst = runtime.spawn(async move {
        let mut beat = interval_at(start, Duration::from_nanos(1));
        beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            let tick = beat.tick().await;
            assert_eq!(tick, start + Duration::from_nanos(count.count() as u64), "none is left out");
        }
    });
    wait_until("it ticks", || ticks.counted() > 0);
    clock.advance(100 * YEAR);
    let before = ticks.counted();
    wait_until("it catches up", || ticks.counted() > before + 1000);
    // One worker, and a task on it that would be ready for the next three thousand years.
    for _ in 0..20 {
        block_on(runtime.spawn(yield_now())).expect("no panic");
    }
    burst.abort();
    assert!(block_on(burst).expect_err("it would never end").is_aborted());

    let next = |behavior| {
        let mut beat = interval_at(start, Duration::from_nanos(3));
        beat.set_missed_tick_behavior(behavior);
        runtime.block_on(async { (beat.tick().await, beat.tick().now_or_never(), now()) })
    };
    let (first, second, present) = next(MissedTickBehavior::Skip);
    assert_eq!((first, second), (start, None), "what was missed is left out");
    assert_eq!(present, start + 100 * YEAR);
    assert_eq!(next(MissedTickBehavior::Delay).1, None);
}

/// Polls a future once.
trait NowOrNever: Future + Sized {
    fn now_or_never(self) -> Option<Self::Output> {
        match pin!(self).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }
}

impl<F: Future> NowOrNever for F {}

#[test]
fn timeouts_one_inside_another_with_one_deadline_end_at_the_innermost() {
    let _watchdog = Watchdog::usual();
    type Nested = Pin<Box<dyn Future<Output = usize> + Send>>;
    /// How many timeouts lie around the one that elapses, each with the same limit.
    fn nest(depth: usize, limit: Duration) -> Nested {
        if depth == 0 {
            return Box::pin(async move {
                let inner: Result<(), Elapsed> = timeout(limit, pending()).await;
                assert!(inner.is_err());
                0
            });
        }
        let inner = nest(depth - 1, limit);
        Box::pin(async move { timeout(limit, inner).await.map_or(usize::MAX, |depth| depth + 1) })
    }
    let (clock, runtime) = virtual_runtime(2);
    for limit in [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(1)] {
        let polled = Tally::new();
        let count = polled.clone();
        // The innermost is made last: on a clock that stands still the deadlines are equal.
        let task = runtime.spawn(async move {
            let mut nested = nest(100, limit);
            poll_fn(|cx| {
                let polled = nested.as_mut().poll(cx);
                count.count();
                polled
            })
            .await
        });
        wait_until("it was polled", || polled.counted() > 0);
        clock.advance(limit);
        assert_eq!(block_on(task).expect("no panic"), 100);
    }
}

#[test]
fn sleeps_that_are_leaked_fire_for_nobody_and_keep_no_runtime() {
    let _watchdog = Watchdog::usual();
    let woken = Tally::new();
    let (clock, runtime) = virtual_runtime(1);
    let count = woken.clone();
    let waker = on_wake(move || {
        count.count();
    });
    let leaks = {
        let waker = waker.clone();
        runtime.spawn(async move {
            for n in 1..=1000_u64 {
                keep(register(Box::pin(sleep(Duration::from_millis(n))), &waker));
            }
        })
    };
    block_on(leaks).expect("no panic");
    clock.advance(Duration::from_millis(400));
    assert_eq!(woken.counted(), 400, "what was leaked is still registered");
    // The rest is let go with the runtime, and would register anew if it were ever polled.
    let report = runtime.shutdown(PATIENCE);
    assert!(report.is_clean(), "{report}");
    assert_eq!(woken.counted(), 1000);
    clock.advance(YEAR);
    assert_eq!(woken.counted(), 1000, "each was woken once");
}

#[test]
fn a_waker_that_blocks_holds_up_no_other_timer() {
    let watchdog = Watchdog::usual();
    for workers in [1, 2, 4] {
        let runtime = runtime(workers);
        watchdog.watch("blocked", runtime.handle());
        let (go, wait) = mpsc::channel::<()>();
        let wait = Mutex::new(wait);
        let (begun, begins) = mpsc::channel();
        let waker = on_wake(move || {
            begun.send(()).expect("the test listens");
            let _told = wait.lock().expect("not poisoned").recv();
        });
        // Registered in a task, so that it lies with that worker's timer, and fired by whoever turns it.
        let blocks = runtime.spawn(async move {
            let _registered = register(Box::pin(sleep(Duration::from_millis(5))), &waker);
            drop(waker);
            pending::<()>().await;
        });
        begins.recv_timeout(PATIENCE).expect("it is woken");
        // While that thread blocks, everything goes on: timers there were, new ones, tasks.
        let begin = Instant::now();
        let naps: Vec<_> =
            (0..10).map(|n| runtime.spawn(async move { sleep(Duration::from_millis(n)).await })).collect();
        naps.into_iter().for_each(|nap| block_on(nap).expect("no panic"));
        runtime.block_on(sleep(Duration::from_millis(2)));
        assert!(begin.elapsed() < PATIENCE);
        blocks.abort();
        go.send(()).expect("it waits");
        assert!(block_on(blocks).expect_err("it waits for ever").is_aborted());
        let report = runtime.shutdown(PATIENCE);
        assert!(report.is_clean(), "{report}");
    }
}

#[test]
fn wakers_that_use_the_timer_that_wakes_them_and_move_its_clock() {
    let _watchdog = Watchdog::usual();
    let clock = Clock::manual();
    let timer = Timer::new(clock.clone());
    let begin = clock.now();
    let (rounds, others) = (Tally::new(), Tally::new());
    // Each wake-up registers the next, registers and gives up others, and moves the clock to where the next is due.
    struct Chain {
        timer: Timer,
        rounds: Tally,
        others: Tally,
        standing: Mutex<Vec<Pin<Box<Sleep>>>>,
        own: OnceLock<Waker>,
    }
    impl Chain {
        fn go_on(&self) {
            let round = self.rounds.count();
            let _context = enter(&self.timer, round.is_multiple_of(2));
            let count = self.others.clone();
            let other = on_wake(move || {
                count.count();
            });
            let second = Duration::from_secs(1);
            let given_up: Vec<_> = (0..5).map(|_| register(Box::pin(sleep(second)), &other)).collect();
            let next = register(Box::pin(sleep(second)), self.own.get().expect("set at the beginning"));
            let beside = register(Box::pin(sleep(second)), &other);
            drop(given_up);
            let left = {
                let mut standing = self.standing.lock().expect("not poisoned");
                std::mem::replace(&mut *standing, vec![next, beside])
            };
            // The very sleep whose wake-up this is.
            drop(left);
            if round < 200 {
                self.timer.clock().advance(second);
            }
        }
    }
    let chain = Arc::new(Chain {
        timer: timer.clone(),
        rounds: rounds.clone(),
        others: others.clone(),
        standing: Mutex::default(),
        own: OnceLock::new(),
    });
    let weak = Arc::downgrade(&chain);
    let own = on_wake(move || {
        if let Some(chain) = weak.upgrade() {
            chain.go_on();
        }
    });
    assert!(chain.own.set(own).is_ok());
    chain.go_on();
    assert_eq!((rounds.counted(), timer.len()), (201, 2));
    assert_eq!(clock.now(), begin + Duration::from_secs(200));
    clock.advance(Duration::from_millis(999));
    assert_eq!(rounds.counted(), 201, "early");
    drop(chain);
    assert_eq!((timer.len(), others.counted() <= 200), (0, true));
}

#[test]
fn one_clock_for_two_runtimes_moved_by_all_at_once() {
    let watchdog = Watchdog::usual();
    const MOVES: u32 = 500;
    let clock = Clock::manual();
    let runtimes = [1, 2].map(|workers| {
        let builder = Runtime::builder().worker_threads(workers).clock(clock.clone());
        builder.build().expect("a runtime")
    });
    runtimes.iter().for_each(|runtime| watchdog.watch("one of two", runtime.handle()));
    let begin = clock.now();
    let tasks: Vec<_> = (0..400_u32)
        .map(|n| {
            runtimes[n as usize % 2].spawn(async move {
                for step in 1..=3 {
                    let due = begin + n * step * Duration::from_millis(2);
                    sleep_until(due).await;
                    assert!(now() >= due, "early");
                }
            })
        })
        .collect();
    // From threads that belong to nobody, and from tasks of either.
    let movers: Vec<_> = (0..2)
        .map(|_| {
            let clock = clock.clone();
            thread::spawn(move || (0..MOVES).for_each(|_| clock.advance(Duration::from_millis(1))))
        })
        .collect();
    let moving = runtimes.each_ref().map(|runtime| {
        let clock = clock.clone();
        runtime.spawn(async move {
            for _ in 0..MOVES {
                clock.advance(Duration::from_millis(1));
                yield_now().await;
            }
        })
    });
    movers.into_iter().for_each(|mover| mover.join().expect("no panic"));
    moving.into_iter().for_each(|task| block_on(task).expect("no panic"));
    assert_eq!(clock.now(), begin + 4 * MOVES * Duration::from_millis(1), "no move is lost");
    clock.advance(Duration::from_secs(1));
    tasks.into_iter().for_each(|task| block_on(task).expect("no panic"));
}

#[test]
fn memory_of_a_storm_of_timers_comes_back() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    const TEST: &str = "memory_of_a_storm_of_timers_comes_back";
    if child::role().is_none() {
        child::run_well(TEST, "storm");
        return;
    }
    let runtime = runtime(2);
    let storm = |runtime: &Runtime| {
        let tasks: Vec<_> = (0..6_000_u64)
            .map(|n| {
                runtime.spawn(async move {
                    for _ in 0..3 {
                        let far = timeout(Duration::from_secs(1000 + n), yield_now()).await;
                        assert!(far.is_ok());
                    }
                    let _never = timeout(Duration::from_micros(n), pending::<()>()).await;
                })
            })
            .collect();
        tasks.into_iter().for_each(|task| block_on(task).expect("no panic"));
    };
    // Twice: what the allocator keeps after the first is there for the others.
    (0..2).for_each(|_| storm(&runtime));
    let before = process::resident_bytes();
    (0..4).for_each(|_| storm(&runtime));
    let grown = process::resident_bytes().saturating_sub(before);
    // A timer or a task left behind per round and task would be ten times as much.
    assert!(grown < (4 << 20) + process::HELD_BACK, "{grown} bytes more");
}
