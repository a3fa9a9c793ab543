//! Promise 4, second half: a panic stays in its task. The handle gets it; with no handle left it is reported with the
//! task's name and spawn site. A panicking waker or destructor harms nobody else.

use filch::time::sleep;
use filch::{JoinHandle, Runtime, spawn, spawn_blocking, spawn_local, yield_now};
use filch_tests::{PATIENCE, Tally, Watchdog, child, pending_until_dropped, wait_until};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::time::Duration;

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

/// All workers are there and work: each of so many tasks that wait for each other is polled by somebody.
fn is_sound(runtime: &Runtime) {
    let tasks: Vec<_> = (0..50).map(|n| runtime.spawn(async move { (yield_now().await, n).1 })).collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(futures_lite::future::block_on(task).expect("no panic"), n);
    }
}

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("on purpose: {}", self.0);
        }
    }
}

#[test]
fn the_handle_gets_the_payload() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let words = runtime.block_on(runtime.spawn(async { panic!("on purpose: {}", 6 * 7) }));
    let words = words.expect_err("it panicked").into_panic();
    assert_eq!(words.downcast_ref::<String>().map(String::as_str), Some("on purpose: 42"));
    let value = runtime.block_on(runtime.spawn(async { panic_any(42_u8) })).expect_err("it panicked");
    assert!(value.is_panic() && !value.is_aborted());
    assert_eq!(value.into_panic().downcast_ref::<u8>(), Some(&42));
    is_sound(&runtime);
}

#[test]
fn wherever_a_task_panics_its_worker_goes_on() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    for polls in [0, 1, 5] {
        let task = runtime.spawn(async move {
            for _ in 0..polls {
                sleep(Duration::from_micros(100)).await;
            }
            panic!("on purpose: in poll {polls}")
        });
        assert!(runtime.block_on(task).expect_err("it panicked").is_panic());
    }
    let local = runtime.block_on(async { spawn_local(async { panic!("on purpose: local") }).await });
    assert!(local.expect_err("it panicked").is_panic());
    let on_worker =
        runtime.spawn(async { spawn_local(async { panic!("on purpose: local") }).await.is_err() });
    assert!(runtime.block_on(on_worker).expect("no panic"));
    let closure = runtime.spawn_blocking(|| panic!("on purpose: blocking"));
    assert!(runtime.block_on(closure).expect_err("it panicked").is_panic());
    assert_eq!(runtime.block_on(runtime.spawn_blocking(|| 42)).expect("the pool goes on"), 42);
    is_sound(&runtime);
}

#[test]
fn what_a_panicking_task_owned_is_dropped_and_its_children_live() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let books = Tally::new();
    let (held, child_value) = (books.value(), books.value());
    let (sender, receiver) = filch::sync::oneshot::channel();
    let task = runtime.spawn(async move {
        let _held = held;
        let child: JoinHandle<u32> = spawn(async move {
            let _value = child_value;
            receiver.await.expect("it is sent")
        });
        yield_now().await;
        let _goes_with_the_panic = child;
        panic!("on purpose: with a child");
    });
    assert!(runtime.block_on(task).expect_err("it panicked").is_panic());
    assert_eq!(books.alive(), 1, "the panicked task's own value is gone, the detached child's is not");
    sender.send(1).expect("the child waits");
    wait_until("the child ends", || books.alive() == 0);
}

#[test]
fn a_destructor_that_panics_when_its_task_is_aborted() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let (sender, receiver) = mpsc::channel();
    let task = runtime.spawn(async move {
        let _bomb = Bomb("in the destructor of an aborted future");
        sender.send(()).expect("the test listens");
        std::future::pending::<()>().await;
    });
    receiver.recv_timeout(PATIENCE).expect("it begins");
    task.abort();
    assert!(runtime.block_on(task).expect_err("it was aborted").is_panic());
    is_sound(&runtime);
}

#[test]
fn destructors_that_panic_when_the_runtime_ends() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    let books = Tally::new();
    for _ in 0..5 {
        let (bomb, value) = (Bomb("in the destructor of a future at the end"), books.value());
        let waits = async move {
            let _both = (value, bomb);
            sleep(Duration::from_secs(3600)).await;
        };
        runtime.spawn(waits).detach();
        runtime.spawn(pending_until_dropped(books.value())).detach();
    }
    let report = runtime.shutdown(PATIENCE);
    assert!(report.is_clean(), "{report}");
    assert_eq!(books.alive(), 0, "those behind a panicking one are dropped as well");
}

#[test]
fn an_output_that_panics_when_nobody_wants_it() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    runtime.spawn(async { Bomb("in the destructor of an output") }).detach();
    let handle = runtime.spawn(async { Bomb("in the destructor of an output that lay there") });
    wait_until("the task is over", || handle.is_finished());
    // Dropping the handle drops the output, here: contained as well.
    drop(handle);
    is_sound(&runtime);
}

#[test]
fn a_payload_that_panics_when_dropped() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    runtime.spawn(async { panic_any(Bomb("in the destructor of a payload")) }).detach();
    let handle = runtime.spawn(async { panic_any(Bomb("in the destructor of a payload with a handle")) });
    let error = runtime.block_on(handle).expect_err("it panicked");
    drop(error);
    is_sound(&runtime);
}

/// A waker whose functions panic where `data` says so.
mod hostile {
    use super::*;

    pub(super) const CLONE: usize = 1;
    pub(super) const WAKE: usize = 2;
    pub(super) const DROP: usize = 4;

    static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop);

    fn fail(data: *const (), when: usize, what: &str) {
        if data.addr() & when != 0 && !std::thread::panicking() {
            panic!("on purpose: a waker's {what}");
        }
    }

    fn clone(data: *const ()) -> RawWaker {
        fail(data, CLONE, "clone");
        RawWaker::new(data, &VTABLE)
    }

    fn wake(data: *const ()) {
        fail(data, WAKE, "wake");
    }

    fn wake_by_ref(data: *const ()) {
        fail(data, WAKE, "wake");
    }

    fn drop(data: *const ()) {
        fail(data, DROP, "drop");
    }

    #[allow(unsafe_code, reason = "wakers are made of raw parts")]
    pub(super) fn waker(fails: usize) -> Waker {
        // SAFETY: the functions touch no memory: the pointer is a number.
        unsafe { Waker::new(std::ptr::without_provenance(fails), &VTABLE) }
    }
}

/// Polls once with a waker that panics in its functions, and bears that.
fn poll_once<F: Future + Unpin>(future: &mut F, fails: usize) {
    let waker = std::mem::ManuallyDrop::new(hostile::waker(fails));
    let _contained = catch_unwind(AssertUnwindSafe(|| {
        let _pending = std::pin::Pin::new(future).poll(&mut Context::from_waker(&waker));
    }));
}

#[test]
fn a_joiner_whose_waker_panics_harms_nobody() {
    let _watchdog = Watchdog::usual();
    for fails in [hostile::CLONE, hostile::WAKE, hostile::DROP, hostile::WAKE | hostile::DROP] {
        let runtime = runtime(1);
        let (go, wait) = filch::sync::oneshot::channel();
        let mut handle = runtime.spawn(async move { wait.await.expect("it is sent") });
        poll_once(&mut handle, fails);
        go.send(42).expect("the task waits");
        wait_until("the task ends", || handle.is_finished());
        is_sound(&runtime);
        assert_eq!(runtime.block_on(handle).expect("its output is not lost"), 42);
    }
}

#[test]
fn a_joiner_that_changes_its_mind_about_hostile_wakers() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let (go, wait) = filch::sync::oneshot::channel();
    let mut handle = runtime.spawn(async move { wait.await.expect("it is sent") });
    for fails in [hostile::DROP, hostile::CLONE, hostile::WAKE, 0] {
        poll_once(&mut handle, fails);
    }
    go.send(42).expect("the task waits");
    assert_eq!(runtime.block_on(handle).expect("its output is not lost"), 42);
}

#[test]
fn timers_and_sockets_bear_hostile_wakers() {
    let _watchdog = Watchdog::usual();
    for fails in [hostile::CLONE, hostile::WAKE, hostile::DROP] {
        let runtime = runtime(1);
        // Registered by a worker, and so fired by one, among others that are due then.
        let task = runtime.spawn(async move {
            let begin = filch::time::now();
            let due = begin.checked_add(Duration::from_millis(5)).expect("it is near");
            let mut hostile: Vec<_> = (0..5).map(|_| Box::pin(filch::time::sleep_until(due))).collect();
            for sleep in &mut hostile {
                poll_once(sleep, fails);
            }
            let friends: Vec<_> = (0..5).map(|_| spawn(filch::time::sleep_until(due))).collect();
            for friend in friends {
                friend.await.expect("no panic");
            }
            let _contained = catch_unwind(AssertUnwindSafe(|| drop(hostile)));
        });
        futures_lite::future::block_on(task).expect("no panic");
        let task = runtime.spawn(async move {
            let (one, other) = std::os::unix::net::UnixStream::pair()?;
            let (one, other) = (filch::io::Async::new(one)?, Arc::new(filch::io::Async::new(other)?));
            let mut hostile = Box::pin(other.readable());
            poll_once(&mut hostile, fails);
            let friend = {
                let other = other.clone();
                spawn(async move { other.readable().await })
            };
            yield_now().await;
            one.write_with(|mut one| std::io::Write::write(&mut one, b"x")).await?;
            friend.await??;
            let _contained = catch_unwind(AssertUnwindSafe(|| drop(hostile)));
            std::io::Result::Ok(())
        });
        futures_lite::future::block_on(task).expect("no panic").expect("it works");
        is_sound(&runtime);
        assert!(runtime.shutdown(PATIENCE).is_clean());
    }
}

#[test]
fn many_tasks_that_panic_at_once() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    // Silent: the hook would print each of them. A payload thrown so does not go through it.
    let tasks: Vec<_> = (0..2000_usize)
        .map(|n| {
            runtime.spawn(async move {
                yield_now().await;
                if n % 2 == 0 {
                    std::panic::resume_unwind(Box::new(n));
                }
                n
            })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        match futures_lite::future::block_on(task) {
            Ok(output) => assert_eq!((output, n % 2), (n, 1)),
            Err(error) => assert_eq!(error.into_panic().downcast_ref(), Some(&n)),
        }
    }
    is_sound(&runtime);
}

#[test]
fn a_task_that_panics_while_its_runtime_ends() {
    let _watchdog = Watchdog::usual();
    for _ in 0..50 {
        let runtime = runtime(2);
        for _ in 0..10 {
            runtime
                .spawn(poll_fn(|cx| {
                    cx.waker().wake_by_ref();
                    if filch::task::current().is_none() {
                        return Poll::Ready(());
                    }
                    Poll::Pending
                }))
                .detach();
            runtime.spawn(async { std::panic::resume_unwind(Box::new("on purpose")) }).detach();
        }
        assert!(runtime.shutdown(PATIENCE).is_clean());
    }
}

#[test]
fn a_panic_nobody_hears_of_is_reported_with_name_and_place() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "a_panic_nobody_hears_of_is_reported_with_name_and_place";
    let Some(role) = child::role() else {
        let unheard = child::run_well(TEST, "unheard");
        let report =
            unheard.lines().find(|line| line.contains("nobody holds its handle")).expect("it is reported");
        assert!(report.contains("'the baker'"), "without the name: {report}");
        assert!(report.contains("panics.rs:"), "without the place: {report}");
        assert!(report.contains("out of flour"), "without the words: {report}");
        let heard = child::run_well(TEST, "heard");
        assert!(!heard.contains("nobody holds its handle"), "the handle was told, so nobody else: {heard}");
        let later = child::run_well(TEST, "dropped later");
        assert!(later.contains("nobody holds its handle"), "a handle that never asked: {later}");
        return;
    };
    let runtime = runtime(1);
    let books = Tally::new();
    let flour = books.value();
    let task = filch::task::Builder::new().name("the baker").spawn_on(runtime.handle(), async move {
        let _flour = flour;
        yield_now().await;
        panic!("out of flour");
    });
    match role.as_str() {
        "heard" => {
            let error = runtime.block_on(task).expect_err("it panicked");
            assert!(error.to_string().contains("out of flour"), "{error}");
        }
        "unheard" => task.detach(),
        _ => {
            wait_until("it has panicked", || task.is_finished());
            drop(task);
        }
    }
    wait_until("it has panicked", || books.alive() == 0);
    // What the worker has begun to do about it, it ends.
    assert!(runtime.shutdown(PATIENCE).is_clean());
}

#[test]
fn blocking_closures_that_panic_are_reported_too() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "blocking_closures_that_panic_are_reported_too";
    if child::role().is_none() {
        let errors = child::run_well(TEST, "unheard");
        let report =
            errors.lines().find(|line| line.contains("nobody holds its handle")).expect("it is reported");
        assert!(report.contains("panics.rs:"), "without the place: {report}");
        return;
    }
    let runtime = runtime(1);
    let books = Tally::new();
    let value = books.value();
    let closure = move || {
        let _value = value;
        panic!("on purpose: in a closure");
    };
    runtime.spawn_blocking(closure).detach();
    wait_until("it has panicked", || books.alive() == 0);
    let report = runtime.shutdown(PATIENCE);
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_panic_out_of_the_future_of_block_on_in_a_task_is_that_tasks() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let task = runtime.spawn(async { filch::block_on(async { panic!("on purpose: nested") }) });
    assert!(runtime.block_on(task).expect_err("it panicked").is_panic());
    is_sound(&runtime);
    let task = runtime
        .spawn(async { spawn_blocking(|| filch::block_on(async { panic!("on purpose: nested") })).await });
    assert!(runtime.block_on(task).expect("no panic").expect_err("it panicked").is_panic());
    is_sound(&runtime);
}
