//! Promise 5: dropping a `JoinHandle` detaches. `abort()` drops the future at its await; the join completes only once that
//! drop is done.

use filch::time::sleep;
use filch::{JoinHandle, Runtime, spawn, yield_now};
use filch_tests::{PATIENCE, Tally, Watchdog, keep, pending_until_dropped, wait_until};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::thread;
use std::time::Duration;

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

#[test]
fn a_dropped_handle_detaches_at_any_moment() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    let books = Tally::new();
    // Before the first poll, in the middle, and after the end.
    for pause in 0..60_u64 {
        let value = books.value();
        let handle = runtime.spawn(async move {
            yield_now().await;
            sleep(Duration::from_micros(50)).await;
            value.count();
            value
        });
        thread::park_timeout(Duration::from_micros(pause * 5));
        match pause % 3 {
            0 => drop(handle),
            1 => handle.detach(),
            _ => keep(handle),
        }
    }
    wait_until("all detached tasks have run", || books.counted() == 60);
    // What forgotten handles could still ask for is kept; everything else is gone.
    wait_until("outputs nobody wants are dropped", || books.alive() == 20);
}

#[test]
fn detached_tasks_run_on_after_their_parent() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let (sender, receiver) = mpsc::channel();
    let parent = runtime.spawn(async move {
        spawn(async move {
            sleep(Duration::from_millis(2)).await;
            sender.send(42).expect("the test listens");
        })
        .detach();
    });
    runtime.block_on(parent).expect("no panic");
    assert_eq!(receiver.recv_timeout(PATIENCE), Ok(42));
}

/// Takes its time to be dropped.
struct SlowToDrop(Arc<AtomicBool>);

impl Drop for SlowToDrop {
    fn drop(&mut self) {
        thread::park_timeout(Duration::from_millis(10));
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn the_join_of_an_aborted_task_waits_for_the_drop() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    for _ in 0..10 {
        let gone = Arc::new(AtomicBool::new(false));
        let (slow, begun) = (SlowToDrop(gone.clone()), Tally::new());
        let count = begun.clone();
        let task = runtime.spawn(async move {
            let _slow = slow;
            count.count();
            std::future::pending::<()>().await;
        });
        wait_until("the task waits", || begun.counted() == 1);
        task.abort();
        assert!(futures_lite::future::block_on(task).expect_err("it was aborted").is_aborted());
        assert!(gone.load(Ordering::SeqCst), "the join was told before the future was gone");
    }
}

#[test]
fn the_join_of_a_task_that_ended_waits_for_the_drop_too() {
    let _watchdog = Watchdog::usual();
    /// Ready at once, slow to drop.
    struct Ready(#[expect(dead_code, reason = "held for its destructor")] SlowToDrop);
    impl Future for Ready {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }
    let runtime = runtime(2);
    for _ in 0..10 {
        let gone = Arc::new(AtomicBool::new(false));
        futures_lite::future::block_on(runtime.spawn(Ready(SlowToDrop(gone.clone())))).expect("no panic");
        assert!(gone.load(Ordering::SeqCst), "the join was told before the future was gone");
    }
}

#[test]
fn abort_drops_the_future_at_its_await_and_not_elsewhere() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let (reached, beyond) = (Tally::new(), Tally::new());
    let (count, after) = (reached.clone(), beyond.clone());
    let (go, wait) = mpsc::channel::<()>();
    let (sender, receiver) = mpsc::channel();
    let task = runtime.spawn(async move {
        sender.send(()).expect("the test listens");
        // Not an await: abort does not interrupt this.
        wait.recv().expect("it is told to go on");
        count.count();
        yield_now().await;
        after.count();
    });
    receiver.recv_timeout(PATIENCE).expect("it begins");
    task.abort();
    assert!(!task.is_finished());
    go.send(()).expect("it waits");
    assert!(runtime.block_on(task).expect_err("it was aborted").is_aborted());
    assert_eq!((reached.counted(), beyond.counted()), (1, 0));
}

#[test]
fn abort_in_every_state() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let books = Tally::new();

    // Queued, never polled: the worker is kept busy meanwhile.
    let (go, wait) = mpsc::channel::<()>();
    let (sender, receiver) = mpsc::channel();
    let value = books.value();
    let outer = runtime.spawn(async move {
        let never_polled = spawn(async move {
            value.count();
        });
        never_polled.abort();
        sender.send(never_polled).expect("the test listens");
        wait.recv().expect("it is told to go on");
    });
    let never_polled = receiver.recv_timeout(PATIENCE).expect("it is spawned");
    assert!(runtime.block_on(never_polled).expect_err("it was aborted").is_aborted());
    go.send(()).expect("it waits");
    runtime.block_on(outer).expect("no panic");
    assert_eq!((books.counted(), books.alive()), (0, 0));

    // Idle.
    let idle = runtime.spawn(pending_until_dropped(books.value()));
    runtime.block_on(runtime.spawn(yield_now())).expect("no panic");
    idle.abort();
    assert!(runtime.block_on(idle).expect_err("it was aborted").is_aborted());

    // Running, by itself.
    let (sender, receiver) = mpsc::channel::<filch::AbortHandle>();
    let value = books.value();
    let itself = runtime.spawn(async move {
        let _held = value;
        yield_now().await;
        receiver.recv().expect("it is told its own name").abort();
        yield_now().await;
        unreachable!("it aborted itself");
    });
    sender.send(itself.abort_handle()).expect("it waits");
    assert!(runtime.block_on(itself).expect_err("it was aborted").is_aborted());

    // Running, and ready before its next await: it was faster.
    let (sender, receiver) = mpsc::channel::<filch::AbortHandle>();
    let faster = runtime.spawn(async move {
        receiver.recv().expect("it is told its own name").abort();
        42
    });
    sender.send(faster.abort_handle()).expect("it waits");
    let outcome = runtime.block_on(faster);
    assert_eq!(outcome.expect("a task that returns has not been aborted"), 42);

    // Complete; twice; after the join; with the runtime gone.
    let complete = runtime.spawn(async { 42 });
    wait_until("it is complete", || complete.is_finished());
    let abort = complete.abort_handle();
    complete.abort();
    abort.abort();
    assert_eq!(runtime.block_on(complete).expect("it was complete"), 42);
    abort.abort();
    assert!(abort.is_finished());
    assert!(runtime.shutdown(PATIENCE).is_clean());
    abort.abort();
    assert_eq!(books.alive(), 0);
}

#[test]
fn an_abort_that_races_the_end_of_its_task() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    const TASKS: usize = 10_000;
    let runtime = runtime(2);
    let books = Tally::new();
    let handles: Vec<JoinHandle<_>> = (0..TASKS)
        .map(|n| {
            let value = books.value();
            runtime.spawn(async move {
                for _ in 0..n % 5 {
                    yield_now().await;
                }
                value
            })
        })
        .collect();
    let aborts: Vec<_> = handles.iter().map(JoinHandle::abort_handle).collect();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let aborts: Vec<_> = aborts.iter().skip(thread).step_by(4).cloned().collect();
            thread::spawn(move || aborts.iter().for_each(filch::AbortHandle::abort))
        })
        .collect();
    let (mut ended, mut aborted) = (0, 0);
    for handle in handles {
        match futures_lite::future::block_on(handle) {
            Ok(_value) => ended += 1,
            Err(error) => {
                assert!(error.is_aborted());
                aborted += 1;
            }
        }
    }
    for thread in threads {
        thread.join().expect("no panic");
    }
    assert_eq!(ended + aborted, TASKS);
    assert_eq!(books.dropped(), TASKS, "each future, or what it returned, is dropped once");
}

#[test]
fn giving_up_on_a_handle_a_thousand_times_loses_nothing() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let (go, wait) = filch::sync::oneshot::channel();
    let mut handle = runtime.spawn(async move { wait.await.expect("it is sent") });
    runtime.block_on(async {
        for _ in 0..1000 {
            let gave_up = futures_lite::future::poll_once(&mut handle).await;
            assert!(gave_up.is_none());
        }
        go.send(42).expect("the task waits");
        assert_eq!(handle.await.expect("no panic"), 42);
    });
}

#[test]
fn two_tasks_that_wait_for_each_other_go_with_their_runtime() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    let books = Tally::new();
    let (to_one, from_two) = mpsc::channel::<JoinHandle<()>>();
    let (to_two, from_one) = mpsc::channel::<JoinHandle<()>>();
    let wait_for = |handles: mpsc::Receiver<JoinHandle<()>>, value| async move {
        let _held = value;
        let other = handles.recv().expect("it is sent");
        let _never = other.await;
    };
    let one = runtime.spawn(wait_for(from_two, books.value()));
    let two = runtime.spawn(wait_for(from_one, books.value()));
    to_one.send(two).expect("it waits");
    to_two.send(one).expect("it waits");
    assert!(runtime.shutdown(PATIENCE).is_clean());
    assert_eq!(books.alive(), 0);
}

#[test]
fn a_future_dropped_in_its_task_may_use_the_runtime() {
    let _watchdog = Watchdog::usual();
    struct SpawnsOnDrop(Tally);
    impl Drop for SpawnsOnDrop {
        fn drop(&mut self) {
            let tally = self.0.clone();
            spawn(async move { tally.count() }).detach();
            filch::block_on(yield_now());
        }
    }
    let runtime = runtime(1);
    let tally = Tally::new();
    for _ in 0..10 {
        let spawns = SpawnsOnDrop(tally.clone());
        let task = runtime.spawn(async move {
            let _spawns = spawns;
            std::future::pending::<()>().await;
        });
        runtime.block_on(yield_now());
        task.abort();
        assert!(runtime.block_on(task).expect_err("it was aborted").is_aborted());
    }
    wait_until("what destructors have spawned has run", || tally.counted() == 10);
}

#[test]
fn wakes_of_an_aborted_task_are_for_nothing() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    let polls = Tally::new();
    let (sender, receiver) = mpsc::channel();
    let count = polls.clone();
    let task = runtime.spawn(poll_fn(move |cx| {
        count.count();
        sender.send(cx.waker().clone()).expect("the test listens");
        Poll::<()>::Pending
    }));
    let waker = receiver.recv_timeout(PATIENCE).expect("it was polled");
    task.abort();
    assert!(runtime.block_on(task).expect_err("it was aborted").is_aborted());
    for _ in 0..10 {
        waker.wake_by_ref();
    }
    runtime.block_on(runtime.spawn(async {})).expect("no panic");
    assert_eq!(polls.counted(), 1);
}
