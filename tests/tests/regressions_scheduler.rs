//! What went wrong elsewhere between those who have work and those who sleep, and must not go wrong here.
//!
//! Each test names its entry (`R-…`) in the list of bugs that others really had; `REGRESSIONS.md` has the
//! whole list, with the tests, models and properties that stand for the entries not found here.

use filch::time::sleep;
use filch::{Runtime, spawn, yield_now};
use filch_tests::process::{self, Spending};
use filch_tests::{Dice, PATIENCE, Watchdog, child, on_wake, processor, wait_until};
use futures_lite::future::block_on;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

/// How many times a race is run: `full`, cut as the environment says.
fn rounds(full: usize) -> usize {
    let cut = std::env::var("FILCH_TEST_CUT").ok().and_then(|cut| cut.parse::<usize>().ok());
    (full / cut.unwrap_or(1)).max(10)
}

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

/// a thief read a slot of a queue's old buffer while its owner moved to a larger one: a task ran twice,
/// another never.
#[test]
fn each_task_runs_once_while_its_queue_grows_and_is_stolen_from() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    // Far more than a new queue has room for, so that it grows several times while thieves are at it.
    const BURST: usize = 2000;
    for _ in 0..rounds(20) {
        // New each time: a queue that has grown stays large.
        let runtime = runtime(4);
        watchdog.watch("burst", runtime.handle());
        let runs: Arc<[AtomicUsize]> = (0..2 * BURST).map(|_| AtomicUsize::new(0)).collect();
        let bursts = [0, BURST].map(|first| {
            let runs = runs.clone();
            runtime.spawn(async move {
                let tasks: Vec<_> = (first..first + BURST)
                    .map(|at| {
                        let runs = runs.clone();
                        spawn(async move { runs[at].fetch_add(1, Ordering::SeqCst) })
                    })
                    .collect();
                for task in tasks {
                    assert_eq!(task.await.expect("no panic"), 0, "it has run before");
                }
            })
        });
        bursts.into_iter().for_each(|burst| block_on(burst).expect("no panic"));
        assert!(runs.iter().all(|runs| runs.load(Ordering::SeqCst) == 1));
    }
}

/// a worker that got up without being called was on the list of sleepers twice, or not at all,
/// and after a while nobody was called any more.
#[test]
fn workers_that_get_up_by_themselves_are_still_called_by_others() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = runtime(3);
    watchdog.watch("alarm clocks", runtime.handle());
    let over = Arc::new(AtomicBool::new(false));
    // Deadlines a tick or two away: somebody is always about to get up by himself.
    let sleepers: Vec<_> = (1..=3)
        .map(|n| {
            let over = over.clone();
            runtime.spawn(async move {
                let mut naps = 0_usize;
                while !over.load(Ordering::SeqCst) {
                    sleep(Duration::from_micros(70 * n)).await;
                    naps += 1;
                }
                naps
            })
        })
        .collect();
    let mut dice = Dice::new();
    for round in 0..rounds(3000) {
        // Awaited on a plain thread that helps nobody, with as many at once as there are workers, or fewer.
        let tasks: Vec<_> = (0..=dice.below(3)).map(|_| runtime.spawn(async move { round })).collect();
        tasks.into_iter().for_each(|task| assert_eq!(block_on(task).expect("no panic"), round));
        if dice.one_in(4) {
            thread::yield_now();
        }
    }
    over.store(true, Ordering::SeqCst);
    for sleeper in sleepers {
        assert!(block_on(sleeper).expect("no panic") > 0, "nobody got up by himself, so nothing was tested");
    }
    // With no deadline left, everybody has to be called, one after the other and all at once.
    for _ in 0..rounds(300) {
        assert_eq!(block_on(runtime.spawn(async { 1 })).expect("no panic"), 1);
    }
}

/// on one processor the protocol of sleepers lost a wake, or two workers kept each other spinning for
/// ever.
#[test]
fn one_processor_for_four_workers_loses_no_wake_and_lets_them_rest() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    const TEST: &str = "one_processor_for_four_workers_loses_no_wake_and_lets_them_rest";
    if child::role().is_none() {
        child::run_well(TEST, "one processor");
        return;
    }
    processor::pin_to_one();
    let runtime = runtime(4);
    watchdog.watch("one processor", runtime.handle());
    for round in 0..rounds(5000) {
        let task = runtime.spawn(async move {
            let below = spawn(async move {
                yield_now().await;
                round
            });
            below.await.expect("no panic")
        });
        assert_eq!(block_on(task).expect("no panic"), round);
    }
    // Whoever spins takes a whole processor; who looks once more before lying down does not.
    const WATCHED: Duration = Duration::from_millis(300);
    let begin = std::time::Instant::now();
    loop {
        let spending = Spending::watch();
        thread::park_timeout(WATCHED);
        let share = spending.share();
        if share < 0.1 {
            break;
        }
        assert!(
            begin.elapsed() < PATIENCE,
            "{share} of the processor, with nothing to do: {:?}",
            process::threads()
        );
    }
    assert_eq!(block_on(runtime.spawn(async { 1 })).expect("no panic"), 1);
}

/// what was woken while the thread was on its way to sleep, by its own driver, waited until something
/// else came.
#[test]
fn what_a_waker_wakes_while_its_worker_looks_after_timers_and_sockets_runs_at_once() {
    let watchdog = Watchdog::usual();
    let runtime = runtime(1);
    watchdog.watch("one worker", runtime.handle());
    for round in 0..rounds(200) {
        let (ran, runs) = mpsc::channel();
        let (go, wait) = filch::sync::oneshot::channel::<()>();
        // Lies idle until it is woken by a waker that the worker itself calls, when nothing else is there to
        // do.
        let told = ran.clone();
        runtime
            .spawn(async move {
                wait.await.expect("it is sent");
                told.send("woken").expect("the test listens");
            })
            .detach();
        let (hand, wakers) = mpsc::channel::<Waker>();
        let handle = runtime.handle().clone();
        let go = std::sync::Mutex::new(Some(go));
        let waker = on_wake(move || {
            if let Some(go) = go.lock().expect("not poisoned").take() {
                go.send(()).expect("it is waited for");
                let ran = ran.clone();
                handle.spawn(async move { ran.send("spawned").expect("the test listens") }).detach();
            }
        });
        hand.send(waker).expect("it is taken below");
        let holder = if round % 2 == 0 {
            // Registered on the worker, with a waker that is no task's: fired by the worker as it goes to
            // sleep.
            runtime.spawn(async move {
                let waker = wakers.recv().expect("it was handed over");
                let mut nap = Box::pin(sleep(Duration::from_micros(200)));
                if nap.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                    // Over before it was asked, on a machine that is that busy: nobody else will tell.
                    waker.wake_by_ref();
                }
                drop(waker);
                // Kept until the other two have run, without a wake of its own.
                std::future::pending::<()>().await;
                drop(nap);
            })
        } else {
            runtime.spawn(async move {
                let waker = wakers.recv().expect("it was handed over");
                let (here, there) = std::os::unix::net::UnixStream::pair().expect("sockets");
                let here = filch::io::Async::new(here).expect("it is registered");
                {
                    let mut readable = pin!(here.readable());
                    assert!(readable.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
                    std::io::Write::write_all(&mut &there, b"x").expect("there is room");
                    std::future::pending::<()>().await;
                }
                drop((here, there));
            })
        };
        let mut both = [0; 2].map(|_: u8| runs.recv_timeout(PATIENCE).expect("it was left lying"));
        both.sort_unstable();
        assert_eq!(both, ["spawned", "woken"]);
        holder.abort();
        assert!(block_on(holder).expect_err("it never ends by itself").is_aborted());
    }
    wait_until("the worker rests", || runtime.metrics().total().queue_depth == 0);
}
