//! Promise 4, under attack: whatever panics, wherever, the harm ends there. Each test counts what was made and what was
//! dropped, and sees that the runtime is whole afterwards.

use filch::sync::{Event, Lock};
use filch::time::sleep;
use filch::{AbortHandle, Handle, JoinHandle, Runtime, block_on, spawn, spawn_local, yield_now};
use filch_tests::rogue::{Moment, contained};
use filch_tests::{Counted, PATIENCE, Rogue, Tally, Watchdog, child, pending_until_dropped, wait_until};
use futures_lite::future;
use std::future::poll_fn;
use std::panic::{panic_any, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

/// Every worker is there and works, and the pool, timers and locals go on.
fn is_whole(runtime: &Runtime) {
    let tasks: Vec<_> = (0..50).map(|n| runtime.spawn(async move { (yield_now().await, n).1 })).collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert_eq!(future::block_on(task).expect("no panic"), n);
    }
    let rest = runtime.spawn(async {
        sleep(Duration::from_micros(10)).await;
        filch::spawn_blocking(|| 1).await.expect("no panic")
            + spawn_local(async { 1 }).await.expect("no panic")
    });
    assert_eq!(future::block_on(rest).expect("no panic"), 2);
}

/// Panics when it is dropped, and counts first. Silent: it does not go through the hook.
struct Bomb(Counted);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.count();
        if !thread::panicking() {
            resume_unwind(Box::new("on purpose: a bomb"));
        }
    }
}

/// A payload whose destructor panics with another one of its kind, so many times.
struct Nested(usize, Counted, Tally);

impl Nested {
    fn new(depth: usize, books: &Tally) -> Self {
        Self(depth, books.value(), books.clone())
    }

    fn throw(self) -> ! {
        resume_unwind(Box::new(self))
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        self.1.count();
        if self.0 > 0 {
            Self::new(self.0 - 1, &self.2).throw();
        }
    }
}

#[test]
fn in_the_nth_poll_after_a_wake_from_another_thread() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    for last in 0..12_usize {
        let (held, polls) = (Tally::new(), Tally::new());
        let (sender, receiver) = mpsc::channel::<Waker>();
        let (value, count) = (held.value(), polls.clone());
        let task: JoinHandle<()> = runtime.spawn(poll_fn(move |cx| {
            value.count();
            if count.count() == last {
                resume_unwind(Box::new(last));
            }
            sender.send(cx.waker().clone()).expect("somebody wakes");
            Poll::Pending
        }));
        let wakes = thread::spawn(move || {
            // Ends with the future, which holds the sender.
            receiver.iter().inspect(Waker::wake_by_ref).collect::<Vec<_>>()
        });
        let error = future::block_on(task).expect_err("it panicked");
        assert_eq!(error.into_panic().downcast_ref(), Some(&last));
        assert_eq!((polls.counted(), held.alive()), (last + 1, 0));
        for waker in wakes.join().expect("no panic") {
            waker.wake_by_ref();
            waker.wake();
        }
        is_whole(&runtime);
        assert_eq!(polls.counted(), last + 1, "a wake that is late polls nobody");
    }
}

#[test]
fn whoever_ends_a_task_is_not_unwound_by_its_destructor() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let (books, wakers) = (Tally::new(), Arc::new(Mutex::new(Vec::new())));
    let waits = |keeps_waker: bool| {
        let (bomb, behind, wakers) = (Bomb(books.value()), books.value(), wakers.clone());
        runtime.spawn(poll_fn(move |cx| {
            let _both = (&bomb, &behind);
            if keeps_waker {
                wakers.lock().expect("not poisoned").push(cx.waker().clone());
            }
            Poll::<()>::Pending
        }))
    };
    let polled = || runtime.block_on(runtime.spawn(yield_now())).expect("no panic");
    // By its handle, by another's, from a task.
    let task = waits(true);
    polled();
    task.abort();
    assert!(future::block_on(task).expect_err("aborted").is_panic());
    let task = waits(true);
    task.abort_handle().abort();
    assert!(future::block_on(task).expect_err("aborted").is_panic());
    let task = waits(true);
    let abort = task.abort_handle();
    let canceller = runtime.spawn(async move { abort.abort() });
    assert!(future::block_on(task).expect_err("aborted").is_panic());
    future::block_on(canceller).expect("the canceller is not harmed");
    // By letting go of all that could wake it: its handle, then its wakers.
    waits(false).detach();
    wait_until("a task that nobody can wake is gone", || books.alive() == 0);
    let kept = waits(true);
    polled();
    let before = books.counted();
    kept.detach();
    drop(std::mem::take(&mut *wakers.lock().expect("not poisoned")));
    wait_until("its last waker has taken it along", || books.counted() == before + 1);
    wait_until("and what lay behind the bomb, too", || books.alive() == 0);
    is_whole(&runtime);
    // By the end, which is told to the handles.
    let tasks: Vec<_> = (0..10).map(|_| waits(true)).collect();
    assert!(runtime.shutdown(PATIENCE).is_clean());
    for task in tasks {
        assert!(future::block_on(task).expect_err("aborted").is_panic());
    }
    assert_eq!(books.alive(), 0);
}

/// Panics in its poll, and again when what is left of it is dropped.
struct Twice {
    _first: Counted,
    _bomb: Bomb,
    _last: Counted,
}

impl Future for Twice {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        resume_unwind(Box::new("on purpose: the first of two"));
    }
}

#[test]
fn in_the_poll_and_then_in_the_destructor_of_the_same_future() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let books = Tally::new();
    for spawned in [true, false] {
        let twice = Twice { _first: books.value(), _bomb: Bomb(books.value()), _last: books.value() };
        let error = if spawned {
            future::block_on(runtime.spawn(twice))
        } else {
            runtime.block_on(async { spawn_local(twice).await })
        };
        assert!(error.expect_err("it panicked").is_panic());
        is_whole(&runtime);
        assert_eq!(books.alive(), 0, "its parts are dropped, each once");
    }
    assert_eq!((books.made(), books.dropped()), (6, 6));
}

#[test]
fn in_the_destructor_of_an_output_while_the_handles_owner_unwinds() {
    let _watchdog = Watchdog::usual();
    /// Panics although a panic is under way: only whoever contains both survives that.
    struct Always(Counted);
    impl Drop for Always {
        fn drop(&mut self) {
            self.0.count();
            resume_unwind(Box::new("on purpose: a panic inside a panic"));
        }
    }
    let runtime = runtime(1);
    let books = Tally::new();
    let value = books.value();
    let task = runtime.spawn(async move { Always(value) });
    wait_until("the output lies there", || task.is_finished());
    let owner = thread::spawn(move || {
        let _dropped_while_unwinding = task;
        resume_unwind(Box::new("on purpose: the owner's"));
    });
    let payload = owner.join().expect_err("it panicked");
    assert_eq!(payload.downcast_ref(), Some(&"on purpose: the owner's"));
    assert_eq!((books.counted(), books.alive()), (1, 0));
    is_whole(&runtime);
}

#[test]
fn with_payloads_that_panic_with_payloads_that_panic() {
    let _watchdog = Watchdog::usual();
    /// Throws such a payload when it is dropped.
    struct Throws(Tally);
    impl Drop for Throws {
        fn drop(&mut self) {
            Nested::new(3, &self.0).throw();
        }
    }
    let runtime = runtime(1);
    let thrown = Tally::new();
    let nested = || Nested::new(3, &thrown);
    // Out of a poll: unheard, heard and dropped, heard and taken.
    let payload = nested();
    runtime.spawn(async move { payload.throw() }).detach();
    for taken in [false, true] {
        let payload = nested();
        let task: JoinHandle<()> = runtime.spawn(async move { payload.throw() });
        let error = future::block_on(task).expect_err("it panicked");
        if taken {
            contained(|| drop(error.into_panic()));
        } else {
            drop(error);
        }
    }
    // Out of a destructor: of a future, of an output, of what a blocking closure holds and gives.
    let throws = Throws(thrown.clone());
    let waits = runtime.spawn(async move { (std::future::pending::<()>().await, throws).0 });
    waits.abort();
    drop(future::block_on(waits).expect_err("aborted"));
    let throws = Throws(thrown.clone());
    runtime.spawn(async move { throws }).detach();
    let throws = Throws(thrown.clone());
    runtime.spawn_blocking(move || throws).detach();
    let payload = nested();
    runtime.spawn_blocking(move || payload.throw()).detach();
    // Out of the wakers of a joiner.
    for at in [Moment::Clone, Moment::Wake, Moment::Drop] {
        let (go, wait) = filch::sync::oneshot::channel();
        let mut task = runtime.spawn(async move { wait.await.expect("it is sent") });
        let books = thrown.clone();
        let rogue = Rogue::new(move |now| {
            if now == at {
                Nested::new(3, &books).throw();
            }
        });
        assert!(rogue.poll(Pin::new(&mut task)).is_pending());
        go.send(()).expect("the task waits");
        future::block_on(task).expect("its output is not lost");
        wait_until("its wakers are gone", || rogue.alive() == 0);
    }
    is_whole(&runtime);
    let throws = Throws(thrown.clone());
    let waits = runtime.spawn(async move { (std::future::pending::<()>().await, throws).0 });
    assert!(runtime.shutdown(PATIENCE).is_clean());
    drop(future::block_on(waits).expect_err("aborted"));
    // A payload is dropped once at most; what that throws in turn is leaked rather than dropped without end.
    assert!(thrown.counted() <= thrown.made() && thrown.made() >= 10, "{thrown:?}");
}

#[test]
fn in_hooks_with_payloads_that_panic_when_they_are_dropped() {
    let _watchdog = Watchdog::usual();
    let thrown = Tally::new();
    let throw = |books: &Tally| {
        let books = books.clone();
        move || Nested::new(2, &books).throw()
    };
    let (on_start, on_stop, after) = (throw(&thrown), throw(&thrown), throw(&thrown));
    let runtime = Runtime::builder()
        .worker_threads(2)
        .thread_name("nested-hooks")
        .on_thread_start(on_start)
        .on_thread_stop(on_stop)
        .wrap_thread(move |run| {
            run();
            after();
        })
        .build()
        .expect("a runtime");
    is_whole(&runtime);
    let both: Vec<_> = (0..2)
        .map(|_| runtime.spawn(async { thread::current().name().map(str::to_owned) }))
        .map(|task| future::block_on(task).expect("no panic").expect("it has a name"))
        .collect();
    assert!(both.iter().all(|name| name.starts_with("nested-hooks-")), "{both:?}");
    let before = throw(&thrown);
    let at_once =
        Runtime::builder().worker_threads(1).wrap_thread(move |_| before()).build().expect("a runtime");
    is_whole(&at_once);
    for runtime in [runtime, at_once] {
        let report = runtime.shutdown(PATIENCE);
        assert!(report.is_clean(), "{report}");
    }
    wait_until("all threads are gone", || filch_tests::process::threads_named("nested-hooks") == 0);
    assert!(thrown.made() >= 7, "every hook was called: {thrown:?}");
}

#[test]
fn with_a_hook_that_uses_the_runtime_the_task_and_what_it_holds() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "with_a_hook_that_uses_the_runtime_the_task_and_what_it_holds";
    const WORDS: &str = "on purpose: ask the hook";
    // The hook is the whole process's, so this needs a process of its own.
    if child::role().is_none() {
        child::run_well(TEST, "with such a hook");
        return;
    }
    static HANDLE: OnceLock<Handle> = OnceLock::new();
    static ABORT: Mutex<Option<AbortHandle>> = Mutex::new(None);
    static LOCK: Lock<u32> = Lock::new(0);
    let calls = Tally::new();
    let (count, before) = (calls.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |info| {
        if info.payload_as_str() != Some(WORDS) {
            return before(info);
        }
        let runtime = HANDLE.get().expect("it is set");
        assert!(LOCK.try_lock().is_none(), "the task that panics holds it still");
        if let Some(abort) = &*ABORT.lock().expect("not poisoned") {
            abort.abort();
        }
        let answer = runtime.spawn(async { (yield_now().await, 41).1 });
        assert_eq!(runtime.block_on(answer).expect("no panic"), 41);
        assert_eq!(block_on(async { spawn_local(async { 42 }).await }).expect("no panic"), 42);
        block_on(sleep(Duration::from_micros(100)));
        count.count();
    }));
    for workers in [1, 2] {
        let runtime = runtime(workers);
        if HANDLE.get().is_none() {
            HANDLE.set(runtime.handle().clone()).expect("it was not set");
        }
        for _ in 0..10 {
            let (go, wait) = filch::sync::oneshot::channel();
            let task: JoinHandle<()> = runtime.spawn(async move {
                wait.await.expect("it is sent");
                let mut guard = LOCK.lock().await;
                *guard += 1;
                panic_any(WORDS);
            });
            *ABORT.lock().expect("not poisoned") = Some(task.abort_handle());
            go.send(()).expect("the task waits");
            let error = future::block_on(task).expect_err("it panicked");
            assert_eq!(error.into_panic().downcast_ref(), Some(&WORDS), "an abort comes too late");
            assert!(LOCK.try_lock().is_some(), "the panic has released it");
        }
        is_whole(&runtime);
        if workers == 2 {
            assert!(runtime.shutdown(PATIENCE).is_clean());
        } else {
            // The hook of the second round asks this one.
            std::mem::forget(runtime);
        }
    }
    assert_eq!(calls.counted(), 20);
}

#[test]
fn of_one_in_a_race_takes_the_others_along() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    let books = Tally::new();
    for polls in 0..5 {
        let panics = move |value: Counted| async move {
            let _value = value;
            for _ in 0..polls {
                yield_now().await;
            }
            resume_unwind(Box::new("on purpose: one of several"));
        };
        let (a, b, c, d) = (books.value(), books.value(), books.value(), books.value());
        let event = Arc::new(Event::new());
        let waits = event.clone();
        let race = runtime.spawn(async move {
            let child = spawn(pending_until_dropped(d));
            let others = future::zip(async { (waits.wait().await, c).0 }, async { drop(child.await) });
            future::or(future::zip(pending_until_dropped(a), panics(b)), others).await;
        });
        assert!(future::block_on(race).expect_err("it panicked").is_panic());
        wait_until("its siblings are gone, and the child nobody can wake", || books.alive() == 0);
        event.set();
    }
    is_whole(&runtime);
    assert_eq!((books.made(), books.dropped()), (20, 20));
}

#[test]
fn of_every_other_closure_at_the_pools_cap() {
    let _watchdog = Watchdog::usual();
    let runtime = Runtime::builder()
        .worker_threads(1)
        .max_blocking_threads(2)
        .blocking_keep_alive(Duration::from_micros(50))
        .build()
        .expect("a runtime");
    let books = Tally::new();
    let closures: Vec<_> = (0..300_usize)
        .map(|n| {
            let (value, bomb) = (books.value(), Bomb(books.value()));
            runtime.spawn_blocking(move || match n % 3 {
                0 => {
                    std::mem::forget(bomb);
                    (n, value)
                }
                // The bomb goes while its panic unwinds, so it stays silent; then it goes off by itself.
                1 => {
                    let _both = (bomb, value);
                    resume_unwind(Box::new(n))
                }
                _ => {
                    drop(bomb);
                    unreachable!("it has gone off")
                }
            })
        })
        .collect();
    let mut forgotten = 0;
    for (n, closure) in closures.into_iter().enumerate() {
        match future::block_on(closure) {
            Ok((output, _value)) => {
                assert_eq!((output, n % 3), (n, 0));
                forgotten += 1;
            }
            Err(error) => assert!(error.is_panic() && n % 3 != 0),
        }
    }
    assert_eq!((books.alive(), forgotten), (100, 100), "all that was not forgotten is gone");
    is_whole(&runtime);
}

#[test]
fn of_a_joiners_waker_when_its_handle_goes() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let all = [Moment::Clone, Moment::Wake, Moment::Drop];
    let outputs = Tally::new();
    for bits in 1..8 {
        let at: Vec<_> = (0..3).filter(|bit| bits >> bit & 1 == 1).map(|bit| all[bit]).collect();
        for ends_first in [true, false] {
            let rogue = Rogue::panicking(&at);
            let (go, wait) = filch::sync::oneshot::channel();
            let value = outputs.value();
            let mut task = runtime.spawn(async move { (wait.await, value) });
            assert!(rogue.poll(Pin::new(&mut task)).is_pending());
            assert!(rogue.poll(Pin::new(&mut task)).is_pending());
            if ends_first {
                go.send(()).expect("the task waits");
                wait_until("it ends", || task.is_finished());
                drop(task);
            } else {
                drop(task);
                assert_eq!(rogue.alive(), 0, "the waker goes with the handle");
                // The task runs on, or is gone, whichever was first.
                let _perhaps = go.send(());
            }
            wait_until("the waker is gone", || rogue.alive() == 0);
            wait_until("so is the output", || outputs.alive() == 0);
        }
    }
    is_whole(&runtime);
}

#[test]
fn through_five_levels_on_one_stack() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let books = Tally::new();
    let held = |books: &Tally| (books.value(), books.value());
    let (a, b) = held(&books);
    let (c, d) = held(&books);
    // A task blocks on a local task that blocks on a future that panics, in which a local task panicked before.
    let task = runtime.spawn(async move {
        let _a = a;
        block_on(async move {
            let _b = b;
            let local = spawn_local(async move {
                let _c = c;
                block_on(async move {
                    let _d = d;
                    let inner: Result<(), _> = spawn_local(async { resume_unwind(Box::new(1_u8)) }).await;
                    assert!(inner.expect_err("it panicked").is_panic());
                    resume_unwind(Box::new(2_u8))
                });
            });
            let error: filch::JoinError = Result::<(), _>::expect_err(local.await, "it panicked");
            assert_eq!(error.into_panic().downcast_ref(), Some(&2_u8));
            resume_unwind(Box::new(3_u8))
        });
    });
    let error: filch::JoinError = Result::<(), _>::expect_err(future::block_on(task), "it panicked");
    assert_eq!(error.into_panic().downcast_ref(), Some(&3_u8));
    assert_eq!(books.alive(), 0);
    is_whole(&runtime);
}

#[test]
fn of_a_guest_leaves_what_it_has_queued_to_others() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let books = Tally::new();
    for round in 0..200 {
        let kept = contained(|| {
            runtime.block_on(async {
                for _ in 0..round % 7 {
                    let value = books.value();
                    // Some in the queue, one in the hot slot, some among those that yielded.
                    spawn(async move { (yield_now().await, value.count()).0 }).detach();
                }
                if round % 2 == 0 {
                    yield_now().await;
                }
                resume_unwind(Box::new("on purpose: a guest"));
            })
        });
        assert!(kept.is_none(), "the caller is unwound");
        wait_until("its tasks have run", || books.alive() == 0);
        assert!(Handle::try_current().is_none(), "and is nobody's guest any more");
    }
    assert_eq!(books.counted(), books.made());
    is_whole(&runtime);
}

#[test]
fn of_what_is_refused_after_the_end() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let (handle, books) = (runtime.handle().clone(), Tally::new());
    assert!(runtime.shutdown(PATIENCE).is_clean());
    let bomb = || Bomb(books.value());
    let held = bomb();
    let task = handle.spawn(async move { drop(held) });
    assert!(future::block_on(task).expect_err("refused").is_panic(), "its destructor did");
    let held = bomb();
    let closure = handle.spawn_blocking(move || drop(held));
    assert!(future::block_on(closure).expect_err("refused").is_panic());
    // With the handle gone before: nobody hears, and nobody is unwound.
    let held = bomb();
    handle.spawn(async move { drop(held) }).detach();
    assert_eq!((books.made(), books.alive()), (3, 0));
    assert_eq!(handle.block_on(async { 42 }), 42);
}

#[test]
fn of_local_tasks_when_their_thread_dies() {
    let _watchdog = Watchdog::usual();
    let runtime = Arc::new(runtime(1));
    let books = Tally::new();
    for polled in [false, true] {
        let (inner, made) = (runtime.clone(), books.clone());
        let dying = thread::spawn(move || {
            let handles: Vec<_> = (0..5)
                .map(|_| {
                    let (bomb, behind) = (Bomb(made.value()), made.value());
                    spawn_local(async move {
                        let _both = (bomb, behind);
                        std::future::pending::<()>().await;
                    })
                })
                .collect();
            if polled {
                inner.block_on(yield_now());
                inner.block_on(sleep(Duration::from_micros(50)));
            }
            handles
        });
        for handle in dying.join().expect("the thread dies in peace") {
            assert!(future::block_on(handle).expect_err("its thread is gone").is_panic());
        }
        assert_eq!(books.alive(), 0);
    }
    assert_eq!(books.made(), 20);
    is_whole(&runtime);
}

#[test]
fn with_an_error_stream_that_takes_nothing() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "with_an_error_stream_that_takes_nothing";
    if child::role().is_none() {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("there is such a device");
        let ended = std::process::Command::new(std::env::current_exe().expect("a test knows its binary"))
            .args([TEST, "--exact", "--nocapture", "--test-threads=1"])
            .env(child::ROLE, "mute")
            .stderr(full)
            .output()
            .expect("a process can be started");
        assert!(ended.status.success(), "{}:\n{}", ended.status, String::from_utf8_lossy(&ended.stdout));
        return;
    }
    // A panic that nobody hears, and a runtime that does not end in time when it is dropped: both would be told there.
    let told = runtime(1);
    let books = Tally::new();
    let value = books.value();
    let unheard = async move {
        let _value = value;
        panic!("on purpose: unheard");
    };
    told.spawn(unheard).detach();
    wait_until("it has panicked", || books.alive() == 0);
    is_whole(&told);
    let (go, wait) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let stuck = told.spawn(async move {
        begun.send(()).expect("the test listens");
        wait.recv()
    });
    begins.recv_timeout(PATIENCE).expect("it begins");
    drop(told);
    go.send(()).expect("it is stuck");
    assert!(future::block_on(stuck).is_ok(), "it has run to its end");
}

#[test]
fn of_many_kinds_at_once_and_the_sums_are_right() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let rounds =
        3000 / std::env::var("FILCH_TEST_CUT").ok().and_then(|by| by.parse().ok()).unwrap_or(1_usize);
    let runtime = runtime(2);
    watchdog.watch("many kinds", runtime.handle());
    let books = Tally::new();
    let (mut returned, mut panicked, mut aborted) = (0, 0, 0);
    let tasks: Vec<_> = (0..rounds)
        .map(|n| {
            let (value, bomb) = (books.value(), Bomb(books.value()));
            let task = runtime.spawn(async move {
                for _ in 0..n % 3 {
                    yield_now().await;
                }
                match n % 5 {
                    0 => resume_unwind(Box::new(n)),
                    1 => sleep(Duration::from_micros(n as u64 % 50)).await,
                    _ => {}
                }
                contained(|| drop(bomb));
                value
            });
            if n % 4 == 3 {
                task.abort();
            }
            task
        })
        .collect();
    for task in tasks {
        let mut task = pin!(task);
        if let Poll::Ready(early) = Rogue::panicking(&[Moment::Clone]).poll(task.as_mut()) {
            // It was over already, and said so.
            match early {
                Ok(_value) => returned += 1,
                Err(error) if error.is_panic() => panicked += 1,
                Err(_) => aborted += 1,
            }
            continue;
        }
        match future::block_on(task) {
            Ok(_value) => returned += 1,
            Err(error) if error.is_panic() => panicked += 1,
            Err(_) => aborted += 1,
        }
    }
    assert_eq!(returned + panicked + aborted, rounds);
    assert!(returned > 0 && panicked > 0);
    assert_eq!((books.alive(), books.counted()), (0, rounds), "every bomb went off once");
    is_whole(&runtime);
}
