//! What a thread leaves behind, or changes from afar, is still seen to: deadlines above all.
//!
//! The companions of promises 3 and 4: a guest's place is not tended once its `block_on` has returned, and a timer lies with
//! the thread it was registered on, whoever moves it.

use filch::time::sleep;
use filch_tests::Watchdog;
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

fn runtime(workers: usize) -> filch::Runtime {
    filch::Runtime::builder().worker_threads(workers).build().unwrap()
}

/// Waits until every worker sleeps, as far as their counts tell.
fn settle(runtime: &filch::Runtime) {
    let mut before = runtime.metrics();
    loop {
        std::thread::park_timeout(Duration::from_millis(20));
        let now = runtime.metrics();
        if now == before && now.workers.iter().all(|worker| worker.parks > 0) {
            return;
        }
        before = now;
    }
}

#[test]
fn a_timer_that_a_guest_leaves_behind_fires() {
    let _watchdog = Watchdog::new(LIMIT);
    let runtime = runtime(1);
    settle(&runtime);
    let (fired, wait) = mpsc::channel();
    runtime.block_on(async {
        filch::spawn(async move {
            sleep(Duration::from_millis(50)).await;
            fired.send(()).unwrap();
        })
        .detach();
        // The guest runs the task itself, so that the deadline comes into its own timer, and then leaves.
        filch::yield_now().await;
    });
    wait.recv_timeout(LIMIT).expect("the deadline was left to nobody");
}

#[test]
fn a_sleep_moved_forward_by_another_thread_fires_then() {
    let _watchdog = Watchdog::new(LIMIT);
    let runtime = runtime(2);
    let (moved, wait) = mpsc::channel();
    let (go, gone) = filch::sync::oneshot::channel::<()>();
    let task = runtime.spawn(async move {
        let mut far = pin!(sleep(Duration::from_secs(3600)));
        let mut gone = pin!(gone);
        let polled = std::future::poll_fn(|cx| {
            assert!(far.as_mut().poll(cx).is_pending());
            gone.as_mut().poll(cx)
        });
        polled.await.unwrap();
        far.as_mut().reset(Instant::now() + Duration::from_millis(20));
        moved.send(()).unwrap();
        far.await;
    });
    settle(&runtime);
    // The wake goes to whichever worker is not the one that waits for the deadline, or to that one: both must do.
    go.send(()).unwrap();
    wait.recv_timeout(LIMIT).unwrap();
    runtime.block_on(task).unwrap();
}

#[test]
fn a_task_behind_one_that_blocks_at_once_runs() {
    // By the other worker or, should that not have been called, by a spare: which of the two this cannot tell.
    let _watchdog = Watchdog::new(LIMIT);
    let runtime = runtime(2);
    for _ in 0..50 {
        let both = runtime.spawn(async {
            let (meet, met) = mpsc::channel::<()>();
            let other = filch::spawn(async move { meet.send(()).unwrap() });
            // Blocks until another thread has run the task behind this one.
            met.recv().unwrap();
            other.await.unwrap();
        });
        let mut both = pin!(both);
        while runtime.block_on(std::future::poll_fn(|cx| Poll::Ready(both.as_mut().poll(cx).is_pending()))) {
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_block_on_inside_a_block_on_inside_a_task_helps_nobody() {
    let _watchdog = Watchdog::new(LIMIT);
    let runtime = runtime(1);
    let handle = runtime.handle().clone();
    let task = runtime.spawn(async move {
        filch::block_on(async {
            // Were this one a guest on the worker's stack, it would run the task below, which waits for it.
            let (let_go, wait) = mpsc::channel::<()>();
            let below = handle.spawn(async move { wait.recv().unwrap() });
            filch::block_on(sleep(Duration::from_millis(20)));
            let_go.send(()).unwrap();
            below.await.unwrap();
        });
    });
    runtime.block_on(task).unwrap();
}
