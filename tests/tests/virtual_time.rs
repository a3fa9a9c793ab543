//! Virtual time on several workers: the clock moves when nothing else can happen, and never before.
//!
//! What shows it: whoever slept sees exactly its deadline on the clock, for the clock cannot go on while somebody can run.

use filch::time::{self, Clock, sleep, sleep_until, timeout};
use filch::{Handle, Runtime, block_on, spawn, spawn_blocking, spawn_local};
use filch_tests::{Dice, Watchdog};
use std::future::Future;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3_600);

fn watched(watchdog: &Watchdog, builder: filch::Builder) -> Runtime {
    let runtime = builder.build().unwrap();
    watchdog.watch("virtual", runtime.handle());
    runtime
}

fn auto(watchdog: &Watchdog, workers: usize) -> Runtime {
    watched(watchdog, Runtime::builder().worker_threads(workers).clock(Clock::auto()))
}

fn manual(watchdog: &Watchdog, workers: usize) -> Runtime {
    watched(watchdog, Runtime::builder().worker_threads(workers).clock(Clock::manual()))
}

/// Sleeps until a deadline, and checks that the clock stands just there.
async fn exactly(deadline: Instant) {
    sleep_until(deadline).await;
    assert_eq!(time::now(), deadline, "the clock went on while this task could run");
}

#[test]
fn sleeps_of_hours_take_no_time_and_end_at_their_deadlines() {
    let watchdog = Watchdog::usual();
    for workers in [1, 2, 4] {
        let runtime = auto(&watchdog, workers);
        let real = Instant::now();
        runtime.block_on(async {
            let start = time::now();
            let tasks: Vec<_> = (1..=200_u32)
                .map(|number| {
                    spawn(async move {
                        for step in 1..=5 {
                            exactly(start + step * number * HOUR).await;
                            filch::yield_now().await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(time::now(), start + 1_000 * HOUR);
        });
        assert!(real.elapsed() < Duration::from_secs(50));
    }
}

/// Tasks that sleep, wake each other through channels, and spawn: each step checks the clock.
async fn busy_life(seed: u64, steps: usize) {
    let mut dice = Dice::seeded(seed);
    let (sender, receiver) = filch::sync::channel::unbounded::<Instant>();
    let listener = spawn(async move {
        while let Ok(sent) = receiver.recv().await {
            assert_eq!(time::now(), sent, "time passed between a send and its receipt");
        }
    });
    for _ in 0..steps {
        let deadline = time::now() + Duration::from_nanos(dice.below(3) as u64 * 500_000);
        exactly(deadline).await;
        sender.send(deadline).await.unwrap();
        if dice.below(4) == 0 {
            let nested = spawn(exactly(deadline + Duration::from_millis(1)));
            nested.await.unwrap();
        }
    }
    drop(sender);
    listener.await.unwrap();
}

#[test]
fn the_clock_never_moves_while_tasks_wake_each_other() {
    let watchdog = Watchdog::usual();
    let steps = 60;
    for workers in [1, 2, 4] {
        auto(&watchdog, workers).block_on(async {
            let tasks: Vec<_> = (0..16).map(|seed| spawn(busy_life(seed, steps))).collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
    }
}

#[test]
fn a_thread_that_does_not_help_and_its_local_tasks_count_too() {
    let watchdog = Watchdog::usual();
    let builder = Runtime::builder().worker_threads(2).block_on_helps(false).clock(Clock::auto());
    let runtime = watched(&watchdog, builder);
    runtime.block_on(async {
        let local = spawn_local(async {
            for _ in 0..50 {
                exactly(time::now() + HOUR).await;
                // Woken by a task on a worker, which may be asleep before this thread runs.
                let sent = time::now();
                spawn(async {}).await.unwrap();
                assert_eq!(time::now(), sent);
            }
        });
        for _ in 0..50 {
            let sent = time::now();
            spawn(async {}).await.unwrap();
            assert_eq!(time::now(), sent);
            sleep(HOUR).await;
        }
        local.await.unwrap();
    });
}

#[test]
fn a_task_that_blocks_on_a_sleep_lets_time_pass() {
    let watchdog = Watchdog::usual();
    auto(&watchdog, 2).block_on(async {
        let start = time::now();
        spawn(async move {
            block_on(exactly(start + HOUR));
            block_on(async move { spawn(exactly(start + 2 * HOUR)).await.unwrap() });
        })
        .await
        .unwrap();
        assert_eq!(time::now(), start + 2 * HOUR);
    });
}

/// The watcher sleeps without end, for the clock awaits nothing; then a worker beside it sets a deadline, and falls asleep while
/// something else still goes on. When that ends, somebody has to find out.
#[test]
fn whoever_sleeps_for_nothing_hears_of_a_deadline_that_another_worker_sets() {
    let watchdog = Watchdog::usual();
    let runtime = auto(&watchdog, 2);
    let handle = runtime.handle();
    let until = |parked: &dyn Fn(&filch::RuntimeMetrics) -> bool| {
        while !parked(&handle.metrics()) {
            std::thread::yield_now();
        }
    };
    // A spare's count as well: it may take what a worker is slow to take.
    let parks = || handle.metrics().total().parks;
    until(&|metrics| metrics.workers.iter().all(|worker| worker.parks > 0));
    for round in 0..10 {
        let (end, ended) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || ended.recv()).detach();
        let (at_work, working) = mpsc::channel();
        let (go, begin) = mpsc::channel::<()>();
        let before = parks();
        let sleeper = runtime.spawn(async move {
            at_work.send(()).unwrap();
            begin.recv().unwrap();
            sleep(HOUR).await;
        });
        // One worker works; the other, woken after that, becomes the watcher as it parks.
        working.recv().unwrap();
        futures_lite::future::block_on(runtime.spawn(async {})).unwrap();
        until(&|metrics| metrics.total().parks != before);
        let before = parks();
        go.send(()).unwrap();
        until(&|metrics| metrics.total().parks != before);
        // It counts before it sleeps.
        for _ in 0..10 * round {
            std::thread::yield_now();
        }
        end.send(()).unwrap();
        futures_lite::future::block_on(sleeper).unwrap();
    }
}

#[test]
fn calls_that_block_inside_one_another_let_time_pass() {
    let watchdog = Watchdog::usual();
    let nested = || async {
        let start = time::now();
        block_on(async {
            block_on(exactly(start + HOUR));
            block_on(async { block_on(async { spawn(exactly(start + 2 * HOUR)).await.unwrap() }) });
        });
        assert_eq!(time::now(), start + 2 * HOUR);
    };
    for helps in [true, false] {
        let builder = Runtime::builder().worker_threads(2).block_on_helps(helps).clock(Clock::auto());
        watched(&watchdog, builder).block_on(async {
            spawn(nested()).await.unwrap();
            spawn_local(nested()).await.unwrap();
            nested().await;
        });
    }
}

/// A thread works for two runtimes, and the inner one waits for the outer one's clock.
#[test]
fn a_call_into_another_runtime_lets_time_pass() {
    let watchdog = Watchdog::usual();
    let real = watched(&watchdog, Runtime::builder().worker_threads(1));
    let inwards = {
        let real = real.handle().clone();
        move || {
            let deadline = time::now() + HOUR;
            let sleeper = Handle::current().spawn(exactly(deadline));
            real.block_on(async { sleeper.await.unwrap() });
            assert_eq!(time::now(), deadline);
        }
    };
    for helps in [true, false] {
        let builder = Runtime::builder().worker_threads(2).block_on_helps(helps).clock(Clock::auto());
        let (in_task, in_job) = (inwards.clone(), inwards.clone());
        watched(&watchdog, builder).block_on(async {
            inwards();
            spawn(async move { in_task() }).await.unwrap();
            spawn_blocking(in_job).await.unwrap();
        });
    }
}

#[test]
fn more_tasks_that_block_than_there_are_places_let_time_pass() {
    let watchdog = Watchdog::usual();
    auto(&watchdog, 2).block_on(async {
        let start = time::now();
        let tasks: Vec<_> =
            (1..=40).map(|hours| spawn(async move { block_on(exactly(start + hours * HOUR)) })).collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(time::now(), start + 40 * HOUR);
    });
}

#[test]
fn a_job_that_blocks_on_a_sleep_lets_time_pass() {
    let watchdog = Watchdog::usual();
    auto(&watchdog, 2).block_on(async {
        let start = time::now();
        spawn_blocking(move || {
            block_on(exactly(start + HOUR));
            assert_eq!(time::now(), start + HOUR);
        })
        .await
        .unwrap();
    });
}

#[test]
fn a_blocking_job_that_is_under_way_holds_the_clock() {
    let watchdog = Watchdog::usual();
    auto(&watchdog, 2).block_on(async {
        let (go, wait) = mpsc::channel::<()>();
        let job = spawn_blocking(move || wait.recv());
        // A thread nobody knows of releases it, in real time.
        let releaser = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            go.send(()).unwrap();
        });
        let start = time::now();
        timeout(HOUR, job).await.expect("the clock went on without the job").unwrap().unwrap();
        assert_eq!(time::now(), start);
        releaser.join().unwrap();
        // One after another: between the end of a job and the wake-up of who awaits it nothing may slip.
        for _ in 0..200 {
            timeout(HOUR, spawn_blocking(|| ())).await.expect("the clock went on without the job").unwrap();
        }
        assert_eq!(time::now(), start);
    });
}

#[test]
fn whoever_waits_for_a_descriptor_holds_a_clock_that_moves_by_itself_and_not_one_that_is_advanced() {
    let watchdog = Watchdog::usual();
    let connect = || async {
        let listener = filch::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        (stream, peer)
    };
    auto(&watchdog, 2).block_on(async {
        use filch::io::AsyncReadExt;
        let (mut stream, mut peer) = connect().await;
        let start = time::now();
        let writer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            peer.write_all(b"now").unwrap();
            peer
        });
        let mut buffer = [0; 3];
        timeout(HOUR, stream.read_exact(&mut buffer))
            .await
            .expect("the clock went on without the peer")
            .unwrap();
        assert_eq!(time::now(), start);
        drop(writer.join().unwrap());
    });
    let standing = manual(&watchdog, 2);
    standing.block_on(async {
        use filch::io::AsyncReadExt;
        let (mut stream, peer) = connect().await;
        let reader = spawn(async move { timeout(HOUR, stream.read(&mut [0; 3])).await.is_err() });
        time::advance(2 * HOUR).await;
        assert!(reader.await.unwrap(), "an hour has passed without a byte");
        drop(peer);
    });
}

#[test]
fn advancing_goes_from_deadline_to_deadline() {
    let watchdog = Watchdog::usual();
    let runtime = manual(&watchdog, 3);
    runtime.block_on(async {
        let start = time::now();
        let beats = Arc::new(AtomicUsize::new(0));
        let counted = beats.clone();
        let beating = spawn(async move {
            let mut deadline = start;
            loop {
                deadline += Duration::from_secs(1);
                exactly(deadline).await;
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        let late = Arc::new(AtomicBool::new(false));
        let set = late.clone();
        time::call_later(10 * HOUR, move || set.store(true, Ordering::Relaxed));
        time::advance(Duration::from_millis(90_500)).await;
        assert_eq!(beats.load(Ordering::Relaxed), 90);
        assert_eq!(time::now(), start + Duration::from_millis(90_500));
        assert!(!late.load(Ordering::Relaxed));
        beating.abort();
        time::advance(10 * HOUR).await;
        assert!(late.load(Ordering::Relaxed));
    });
}

/// Waits in real time, on a clock that stands still.
async fn while_standing(what: impl Future<Output = ()>) {
    let before = time::now();
    what.await;
    assert_eq!(time::now(), before);
}

#[test]
fn a_clock_that_stands_still_and_is_not_told_to_move_does_not() {
    let watchdog = Watchdog::usual();
    let runtime = manual(&watchdog, 2);
    runtime.block_on(while_standing(async {
        let sleeper = spawn(sleep(Duration::from_nanos(1)));
        spawn_blocking(|| std::thread::sleep(Duration::from_millis(20))).await.unwrap();
        assert!(!sleeper.is_finished());
    }));
}

/// Works until the last point, within limits by the points before it; answers how far outside the one is that elapsed.
async fn within(base: Instant, limits: &[u32], work: u32) -> Result<(), usize> {
    // Each level may go on on another worker.
    filch::yield_now().await;
    match limits {
        [] => {
            sleep_until(base + work * HOUR).await;
            Ok(())
        }
        [limit, inner @ ..] => {
            match time::timeout_at(base + *limit * HOUR, Box::pin(within(base, inner, work))).await {
                Ok(result) => result.map_err(|depth| depth + 1),
                Err(_) => Err(0),
            }
        }
    }
}

#[test]
fn of_what_ends_at_once_what_is_further_inside_is_first() {
    let watchdog = Watchdog::usual();
    let mut dice = Dice::new();
    for workers in [1, 4].repeat(10) {
        let runtime = auto(&watchdog, workers);
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let limits: Vec<_> = (0..=dice.below(4)).map(|_| 1 + dice.below(6) as u32).collect();
                let work = 1 + dice.below(8) as u32;
                runtime.spawn(async move {
                    let base = time::now();
                    let result = within(base, &limits, work).await;
                    let first = limits.iter().copied().min().unwrap();
                    let elapses = limits.iter().rposition(|limit| *limit == first).unwrap();
                    let expected = if work <= first { Ok(()) } else { Err(elapses) };
                    assert_eq!(result, expected, "{work} hours within {limits:?}");
                    assert_eq!(time::now(), base + work.min(first) * HOUR);
                })
            })
            .collect();
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
    }
}

#[test]
fn what_never_ends_does_not_take_the_clock_to_the_end_of_time() {
    let watchdog = Watchdog::usual();
    let runtime = auto(&watchdog, 2);
    runtime.block_on(async {
        let start = time::now();
        let forever = spawn(timeout(Duration::MAX, sleep(Duration::MAX)));
        let (tell, told) = filch::sync::oneshot::channel();
        exactly(start + HOUR).await;
        // From a thread that the runtime knows nothing of: all is at rest meanwhile.
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            tell.send(()).unwrap();
        });
        told.await.unwrap();
        assert_eq!(time::now(), start + HOUR);
        assert!(!forever.is_finished());
        exactly(start + 2 * HOUR).await;
    });
}

#[test]
fn a_clock_that_runs_is_advanced_at_once() {
    let watchdog = Watchdog::usual();
    let runtime = manual(&watchdog, 2);
    runtime.block_on(async {
        time::resume();
        let start = time::now();
        let sleeper = spawn(sleep(HOUR));
        // In real time it would be a matter for the watchdog.
        time::advance(HOUR).await;
        assert!(time::now() >= start + HOUR);
        time::advance(HOUR).await;
        sleeper.await.unwrap();
    });
}

#[test]
fn pause_and_resume_are_the_runtimes() {
    let watchdog = Watchdog::usual();
    let runtime = manual(&watchdog, 2);
    runtime.block_on(async {
        time::resume();
        let start = time::now();
        // In real time.
        sleep(Duration::from_millis(2)).await;
        assert!(time::now() >= start + Duration::from_millis(2));
        time::pause();
        assert_eq!(time::now(), time::now());
    });
}

#[test]
#[should_panic(expected = "only a virtual clock can be paused")]
fn the_machines_clock_is_not_paused() {
    block_on(async { time::pause() });
}
