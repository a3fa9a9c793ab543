//! Promise 2: `block_on` is legal everywhere, a task included, and so is dropping a `Runtime`.

use filch::time::sleep;
use filch::{Runtime, block_on, spawn, spawn_blocking, spawn_local, yield_now};
use filch_tests::{PATIENCE, Watchdog, wait_until};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

/// Spawns, sleeps and offloads: needs somebody else to work while the caller blocks.
async fn some_work() -> u32 {
    let spawned = spawn(async {
        yield_now().await;
        sleep(Duration::from_millis(1)).await;
        20
    });
    sleep(Duration::from_millis(1)).await;
    let offloaded = spawn_blocking(|| 1).await.expect("no panic");
    spawned.await.expect("no panic") + 2 * offloaded + 20
}

#[test]
fn in_a_task_on_one_worker_and_on_two() {
    let _watchdog = Watchdog::usual();
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let task = runtime.spawn(async { block_on(some_work()) });
        // Waited for from outside: no guest helps.
        wait_until("the task that blocks is done", || task.is_finished());
        assert_eq!(runtime.block_on(task).expect("no panic"), 42);
    }
}

#[test]
fn three_deep_and_each_time_with_tasks_between() {
    let _watchdog = Watchdog::usual();
    fn deep(levels: u32) -> Pin<Box<dyn Future<Output = u32> + Send>> {
        Box::pin(async move {
            if levels == 0 {
                return some_work().await;
            }
            let spawned = spawn(deep(levels - 1));
            block_on(async { block_on(async move { block_on(spawned).expect("no panic") }) })
        })
    }
    let runtime = runtime(1);
    let task = runtime.spawn(deep(3));
    wait_until("the innermost is done", || task.is_finished());
    assert_eq!(runtime.block_on(task).expect("no panic"), 42);
    assert_eq!(block_on(deep(3)), 42);
}

#[test]
fn a_chain_of_blocked_tasks_longer_than_any_number_of_places() {
    let _watchdog = Watchdog::usual();
    // Each level blocks the thread it runs on until the next is done: as many threads as levels.
    fn chain(levels: u32) -> u32 {
        if levels == 0 { 0 } else { 1 + block_on(spawn(async move { chain(levels - 1) })).expect("no panic") }
    }
    let runtime = runtime(1);
    let task = runtime.spawn(async { chain(60) });
    wait_until("the end of the chain is reached", || task.is_finished());
    assert_eq!(runtime.block_on(task).expect("no panic"), 60);
}

#[test]
fn in_a_local_task() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let done = runtime.block_on(async { spawn_local(async { block_on(some_work()) }).await });
    assert_eq!(done.expect("no panic"), 42);
    let on_worker = runtime.spawn(async {
        let local = spawn_local(async { block_on(some_work()) });
        local.await.expect("no panic")
    });
    wait_until("the worker's local task is done", || on_worker.is_finished());
    assert_eq!(runtime.block_on(on_worker).expect("no panic"), 42);
}

#[test]
fn local_tasks_of_a_nested_block_on_run_in_it() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let task = runtime.spawn(async { block_on(async { spawn_local(some_work()).await }) });
    wait_until("the local task has run although its worker is blocked", || task.is_finished());
    assert_eq!(runtime.block_on(task).expect("no panic").expect("no panic"), 42);
}

#[test]
fn in_a_blocking_closure_of_its_own_runtime_and_of_another() {
    let _watchdog = Watchdog::usual();
    let (one, two) = (runtime(1), Arc::new(runtime(1)));
    let own = one.spawn_blocking(|| block_on(some_work()));
    let inner = two.clone();
    let other = one.spawn_blocking(move || inner.block_on(some_work()));
    assert_eq!(one.block_on(own).expect("no panic"), 42);
    assert_eq!(one.block_on(other).expect("no panic"), 42);
}

#[test]
fn of_another_runtime_inside_a_task() {
    let _watchdog = Watchdog::usual();
    let (one, two) = (runtime(1), Arc::new(runtime(1)));
    let inner = two.clone();
    let task = one.spawn(async move { inner.block_on(some_work()) });
    wait_until("the task that visits is done", || task.is_finished());
    assert_eq!(two.block_on(task).expect("no panic"), 42);
}

#[test]
fn two_runtimes_that_block_on_each_other() {
    let _watchdog = Watchdog::usual();
    let (one, two) = (Arc::new(runtime(1)), Arc::new(runtime(1)));
    let (outer, inner) = (one.clone(), two.clone());
    let task = one.spawn(async move {
        let back = inner.clone();
        inner.block_on(async move { back.spawn(async move { outer.block_on(some_work()) }).await })
    });
    wait_until("the visit and the visit back are over", || task.is_finished());
    assert_eq!(one.block_on(task).expect("no panic").expect("no panic"), 42);
}

#[test]
fn on_many_threads_at_once_more_than_there_are_places_for_guests() {
    let _watchdog = Watchdog::usual();
    let runtime = Arc::new(runtime(1));
    let threads: Vec<_> = (0..60)
        .map(|_| {
            let runtime = runtime.clone();
            thread::spawn(move || {
                let mut sum = 0;
                for _ in 0..5 {
                    sum += runtime.block_on(some_work());
                    sum += runtime.block_on(async { spawn_local(some_work()).await.expect("no panic") });
                }
                sum
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().expect("no panic"), 420);
    }
}

#[test]
fn a_guest_without_a_place_keeps_its_local_tasks_awake_across_a_nested_block_on() {
    let _watchdog = Watchdog::usual();
    let (one, two) = (runtime(1), runtime(1));
    let handle = one.handle().clone();
    drop(one);
    // On a runtime that has ended there is no place, so the outer call waits plainly; the inner one takes a place and leaves it.
    let done = handle.block_on(async {
        let (sender, receiver) = filch::sync::oneshot::channel();
        let local = spawn_local(async move { receiver.await.expect("it is sent") });
        assert_eq!(two.block_on(some_work()), 42);
        thread::spawn(move || {
            // Long enough for the outer call to sleep; if it is not asleep yet, the test is only easier.
            thread::sleep(Duration::from_millis(20));
            sender.send(42).expect("the local task waits");
        });
        local.await.expect("no panic")
    });
    assert_eq!(done, 42);
}

#[test]
fn without_help_from_the_guest() {
    let _watchdog = Watchdog::usual();
    let runtime = Runtime::builder().worker_threads(1).block_on_helps(false).build().expect("a runtime");
    assert_eq!(runtime.block_on(some_work()), 42);
    let caller = thread::current().id();
    let elsewhere =
        runtime.block_on(async { spawn(async { thread::current().id() }).await.expect("no panic") });
    assert_ne!(elsewhere, caller, "a guest that does not help runs no task");
    let here =
        runtime.block_on(async { spawn_local(async { thread::current().id() }).await.expect("no panic") });
    assert_eq!(here, caller, "but its local tasks are its own");
}

#[test]
fn the_future_need_not_be_send_nor_live_for_ever() {
    let _watchdog = Watchdog::usual();
    let text = String::from("borrowed");
    let shared = std::rc::Rc::new(std::cell::Cell::new(0));
    let length = block_on(async {
        let shared = shared.clone();
        yield_now().await;
        shared.set(text.len());
        text.len()
    });
    assert_eq!((length, shared.get()), (8, 8));
}

/// Dropping a runtime must be quick when nothing in it is stuck. Far below the limit of a drop that waits for something.
const QUICK: Duration = Duration::from_secs(3);

#[test]
fn a_runtime_dropped_in_a_task_of_its_own() {
    let _watchdog = Watchdog::usual();
    for workers in [1, 2] {
        let runtime = Arc::new(runtime(workers));
        let (sender, receiver) = mpsc::channel();
        let (last, handle) = (runtime.clone(), runtime.handle().clone());
        let go = Arc::new(filch::sync::Event::new());
        let wait = go.clone();
        let task = runtime.spawn(async move {
            wait.wait().await;
            let begin = Instant::now();
            drop(last);
            // The poll goes on to its end, and what it spawns is refused rather than lost.
            let refused = block_on(handle.spawn(async { 1 }));
            let also_refused = block_on(spawn(async { 1 }));
            sender.send((begin.elapsed(), refused, also_refused)).expect("the test listens");
            yield_now().await;
            unreachable!("a task of a runtime that has ended is not polled again");
        });
        drop(runtime);
        go.set();
        let (took, refused, also_refused) = receiver.recv_timeout(PATIENCE).expect("the task goes on");
        assert!(refused.expect_err("it was refused").is_aborted());
        assert!(also_refused.expect_err("it was refused").is_aborted());
        assert!(took < QUICK, "dropping the own runtime took {took:?}");
        assert!(futures_lite::future::block_on(task).expect_err("it never ended by itself").is_aborted());
    }
}

#[test]
fn a_runtime_dropped_in_another_runtimes_task() {
    let _watchdog = Watchdog::usual();
    let (one, two) = (runtime(1), runtime(2));
    let held = two.spawn(std::future::pending::<()>());
    let task = one.spawn(async move {
        let begin = Instant::now();
        drop(two);
        begin.elapsed()
    });
    assert!(one.block_on(task).expect("no panic") < QUICK);
    assert!(one.block_on(held).expect_err("its runtime has ended").is_aborted());
}

#[test]
fn a_runtime_dropped_in_its_own_blocking_closure_and_in_anothers() {
    let _watchdog = Watchdog::usual();
    let (one, two) = (runtime(1), runtime(1));
    let other = one.spawn_blocking(move || {
        let begin = Instant::now();
        drop(two);
        begin.elapsed()
    });
    assert!(one.block_on(other).expect("no panic") < QUICK);
    let one = Arc::new(one);
    let last = one.clone();
    let (sender, receiver) = mpsc::channel();
    let own = one.spawn_blocking(move || {
        wait_until("this is the last handle", || Arc::strong_count(&last) == 1);
        let begin = Instant::now();
        drop(last);
        sender.send(begin.elapsed()).expect("the test listens");
    });
    drop(one);
    assert!(receiver.recv_timeout(PATIENCE).expect("the closure goes on") < QUICK);
    futures_lite::future::block_on(own).expect("it ran to its end");
}

#[test]
fn a_runtime_dropped_inside_its_own_block_on() {
    let _watchdog = Watchdog::usual();
    let runtime = Arc::new(runtime(2));
    let handle = runtime.handle().clone();
    let last = runtime;
    let begin = Instant::now();
    let worked = handle.block_on(async move {
        let local = spawn_local(async { 2 });
        drop(last);
        // The guest goes on: its timers are the default runtime's now.
        sleep(Duration::from_millis(1)).await;
        yield_now().await;
        local.await.expect("local tasks belong to the thread, not to the runtime") + 40
    });
    assert_eq!(worked, 42);
    assert!(begin.elapsed() < QUICK);
}

#[test]
fn a_runtime_dropped_in_a_task_that_visits_another_meanwhile() {
    let _watchdog = Watchdog::usual();
    let (one, two) = (Arc::new(runtime(1)), runtime(1));
    let (sender, receiver) = mpsc::channel();
    let last = one.clone();
    one.spawn(async move {
        wait_until("this is the last handle", || Arc::strong_count(&last) == 1);
        let begin = Instant::now();
        two.block_on(async move { drop(last) });
        sender.send(begin.elapsed()).expect("the test listens");
    })
    .detach();
    drop(one);
    let took = receiver.recv_timeout(PATIENCE).expect("the task goes on");
    assert!(took < QUICK, "it waited for its own thread: {took:?}");
}

#[test]
fn a_runtime_dropped_in_a_local_task_and_in_a_destructor() {
    let _watchdog = Watchdog::usual();
    let (one, two, three) = (runtime(1), runtime(1), runtime(1));
    let begin = Instant::now();
    one.block_on(async {
        spawn_local(async move { drop(two) }).await.expect("no panic");
        // Dropped with the future that is aborted, on a worker.
        let aborted = spawn(async move {
            let _held = three;
            std::future::pending::<()>().await;
        });
        yield_now().await;
        aborted.abort();
        assert!(aborted.await.expect_err("it was aborted").is_aborted());
    });
    assert!(begin.elapsed() < QUICK);
}
