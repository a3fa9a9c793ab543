//! Runtimes by the thousand, on stacks that are tiny, where threads are not to be had, and in a process that forks.
//!
//! Each test measures or limits its whole process, so each is a child of its own.

use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::UnixStream;
use filch::sync::{Lock, channel};
use filch::time::{sleep, timeout};
use filch::{Runtime, block_on, spawn, spawn_blocking, spawn_local, yield_now};
use filch_tests::{PATIENCE, Tally, Watchdog, child, process, wait_until};
use rustix::process::{Resource, Rlimit, getrlimit, getuid, setrlimit};
use std::fs;
use std::future::pending;
use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Some of everything, quickly.
async fn a_little_of_everything() -> io::Result<u32> {
    let (mut one, mut other) = UnixStream::pair()?;
    let echo = spawn(async move {
        let mut byte = [0; 1];
        other.read_exact(&mut byte).await?;
        other.write_all(&byte).await
    });
    one.write_all(&[7]).await?;
    one.read_exact(&mut [0; 1]).await?;
    echo.await.map_err(io::Error::other)??;
    sleep(Duration::from_micros(10)).await;
    let (sender, receiver) = channel::bounded(1);
    spawn(async move { sender.send(40).await }).detach();
    let forty = receiver.recv().await.map_err(io::Error::other)?;
    let one = spawn_blocking(|| 1).await.map_err(io::Error::other)?;
    let another = spawn_local(async { 1 }).await.map_err(io::Error::other)?;
    assert!(timeout(Duration::from_micros(10), pending::<()>()).await.is_err());
    Ok(forty + one + another)
}

/// How many runtimes a test makes: a few in a usual run, as many thousand as are asked for in a long one.
fn rounds(usual: usize) -> usize {
    std::env::var("FILCH_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

/// A runtime that comes, works a little, leaves something behind, and goes.
fn come_and_go(workers: usize) {
    let runtime = Runtime::builder().worker_threads(workers).thread_name("guest").build().expect("a runtime");
    runtime.spawn(pending::<()>()).detach();
    runtime.spawn(sleep(Duration::from_secs(3600))).detach();
    assert_eq!(runtime.block_on(a_little_of_everything()).expect("it works"), 42);
    assert_eq!(
        runtime.block_on(runtime.spawn(a_little_of_everything())).expect("no panic").expect("it works"),
        42
    );
    let report = runtime.shutdown(PATIENCE);
    assert!(report.is_clean(), "{report}");
}

/// Threads of runtimes, descriptors and memory of this process.
fn books() -> (usize, usize, usize) {
    (process::threads_named("guest"), process::descriptors(), process::resident_bytes())
}

/// Whether nothing but a little memory has come to stay.
fn is_as_before(before: (usize, usize, usize)) {
    wait_until("no thread is left", || books().0 <= before.0);
    let (_, descriptors, memory) = books();
    assert_eq!(descriptors, before.1);
    let grown = memory.saturating_sub(before.2);
    assert!(grown < (8 << 20) + process::HELD_BACK, "{grown} bytes more");
}

#[test]
fn many_runtimes_one_after_another_leave_nothing_behind() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    const TEST: &str = "many_runtimes_one_after_another_leave_nothing_behind";
    if child::role().is_none() {
        child::run_well(TEST, "serially");
        return;
    }
    // What is made once, and what the allocator keeps, is there after the first few.
    (0..30).for_each(|n| come_and_go(1 + n % 3));
    let before = books();
    (0..rounds(150)).for_each(|n| come_and_go(1 + n % 3));
    is_as_before(before);
}

#[test]
fn fifty_runtimes_at_once_leave_nothing_behind() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    const TEST: &str = "fifty_runtimes_at_once_leave_nothing_behind";
    if child::role().is_none() {
        child::run_well(TEST, "at once");
        return;
    }
    let fifty = || {
        let threads: Vec<_> = (0..50)
            .map(|n| {
                thread::Builder::new()
                    .name("host".into())
                    .spawn(move || come_and_go(1 + n % 2))
                    .expect("a thread")
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    };
    (0..2).for_each(|_| fifty());
    let before = books();
    (0..rounds(150).div_ceil(50)).for_each(|_| fifty());
    is_as_before(before);
    // And as many that live side by side, each using all the others.
    let runtimes: Vec<_> = (0..50)
        .map(|_| Runtime::builder().worker_threads(1).thread_name("guest").build().expect("a runtime"))
        .collect();
    let (sender, receiver) = channel::unbounded();
    for runtime in &runtimes {
        let handles: Vec<_> = runtimes.iter().map(|other| other.handle().clone()).collect();
        let sender = sender.clone();
        runtime
            .spawn(async move {
                for handle in handles {
                    sender
                        .send(handle.spawn(async { 1 }).await.expect("no panic"))
                        .await
                        .expect("it is open");
                }
            })
            .detach();
    }
    drop(sender);
    assert_eq!(block_on(futures_lite::StreamExt::count(receiver)), 2500);
    drop(runtimes);
    wait_until("no thread is left", || process::threads_named("guest") == 0);
}

#[test]
fn stacks_that_are_tiny_suffice_for_what_is_ours() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "stacks_that_are_tiny_suffice_for_what_is_ours";
    // Unoptimised code takes several times as much: there the smallest stack is what the user's own future leaves.
    const TINY: usize = if cfg!(debug_assertions) { 128 << 10 } else { 64 << 10 };
    if child::role().is_none() {
        // For the threads that nobody sets a stack for: the sentinel, the default runtime, the timer of those who have none.
        child::run_well_in(TEST, "work", &[("RUST_MIN_STACK", &TINY.to_string()), ("RUST_BACKTRACE", "0")]);
        return;
    }
    for explicit in [true, false] {
        let builder = Runtime::builder().worker_threads(2).thread_name("guest");
        let builder = if explicit { builder.thread_stack_size(TINY) } else { builder };
        let runtime = builder.build().expect("a runtime");
        for _ in 0..20 {
            let work = runtime.spawn(a_little_of_everything());
            assert_eq!(futures_lite::future::block_on(work).expect("no panic").expect("it works"), 42);
            // Blocked workers, spares that stand in for them, and a panic with all that belongs to it.
            let inner = runtime.spawn(async { block_on(spawn(async { block_on(yield_now()) })) });
            futures_lite::future::block_on(inner).expect("no panic").expect("no panic");
            let panics = runtime.spawn(async { panic!("on purpose") });
            assert!(futures_lite::future::block_on(panics).expect_err("it panicked").is_panic());
        }
        assert!(runtime.shutdown(PATIENCE).is_clean());
    }
    // On threads of ours alone.
    futures_lite::future::block_on(async {
        sleep(Duration::from_millis(1)).await;
        assert_eq!(spawn(a_little_of_everything()).await.expect("no panic").expect("it works"), 42);
    });
}

/// Leaves room in the address space for `stacks` more stacks of [`STACK`] bytes, and for some ordinary memory.
fn leave_room_for(stacks: usize) {
    let limit = process::virtual_bytes() + stacks * STACK + STACK / 2;
    let now = getrlimit(Resource::As);
    setrlimit(Resource::As, Rlimit { current: Some(limit as u64), maximum: now.maximum })
        .expect("a lower limit");
}

fn leave_all_room() {
    let now = getrlimit(Resource::As);
    setrlimit(Resource::As, Rlimit { current: now.maximum, maximum: now.maximum })
        .expect("the limit there was");
}

/// Large enough that whatever else is mapped meanwhile does not matter beside it.
const STACK: usize = 1 << 30;

/// Whether the operating system says what a thread that cannot start says.
fn says_why(error: &io::Error) {
    assert!(error.raw_os_error().is_some() || error.kind() == ErrorKind::OutOfMemory, "{error:?}");
}

#[test]
fn a_build_fails_at_each_of_its_threads_and_leaves_none() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "a_build_fails_at_each_of_its_threads_and_leaves_none";
    if child::role().is_none() {
        // Threads without a stack of their own, the sentinel among them, have as large a one.
        child::run_well_in(TEST, "build", &[("RUST_MIN_STACK", &STACK.to_string())]);
        return;
    }
    const WORKERS: usize = 4;
    let build =
        || Runtime::builder().worker_threads(WORKERS).thread_name("guest").thread_stack_size(STACK).build();
    // What is made once is made now.
    drop(build().expect("there is room"));
    let descriptors = process::descriptors();
    let mut failed = 0;
    // The workers and the sentinel.
    for room in 0..=WORKERS {
        wait_until("the ones before are gone", || process::threads_named("guest") == 0);
        leave_room_for(room);
        let built = build();
        leave_all_room();
        // A stack that was given back may still be kept for the next thread, so that one fewer is wanting.
        if let Err(error) = built {
            says_why(&error);
            failed += 1;
        }
        wait_until("those that did start have ended", || process::threads_named("guest") == 0);
        assert_eq!(process::descriptors(), descriptors);
    }
    assert!(failed >= WORKERS - 1, "only {failed} builds have failed");
    assert_eq!(build().expect("there is room again").block_on(async { 1 }), 1);
}

#[test]
fn closures_when_the_pools_next_thread_cannot_start() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "closures_when_the_pools_next_thread_cannot_start";
    if child::role().is_none() {
        child::run_well(TEST, "offload");
        return;
    }
    let runtime = Runtime::builder()
        .worker_threads(1)
        .thread_stack_size(STACK)
        .blocking_keep_alive(Duration::from_millis(20))
        .build()
        .expect("a runtime");
    let pool = || process::threads_named("filch-blocking");
    for serving in 0..4 {
        let go = Arc::new(AtomicBool::new(false));
        let begun = Tally::new();
        let wait = || {
            let (go, begun) = (go.clone(), begun.clone());
            move || {
                begun.count();
                while !go.load(Ordering::SeqCst) {
                    thread::park_timeout(Duration::from_micros(100));
                }
            }
        };
        wait_until("the pool is empty", || pool() == 0);
        let busy: Vec<_> = (0..serving).map(|_| runtime.spawn_blocking(wait())).collect();
        wait_until("that many threads are busy", || begun.counted() == serving);
        leave_room_for(0);
        let books = Tally::new();
        let more: Vec<_> = (0..20)
            .map(|_| {
                let value = books.value();
                runtime.spawn_blocking(move || value.count())
            })
            .collect();
        go.store(true, Ordering::SeqCst);
        busy.into_iter().for_each(|job| futures_lite::future::block_on(job).expect("it ran"));
        let ran = more.into_iter().filter_map(|job| futures_lite::future::block_on(job).ok()).count();
        leave_all_room();
        // With a thread that serves, all wait for it; without one, a stack that was kept may serve, or each is refused.
        assert!(ran == 20 || serving == 0 && ran == 0, "{ran} of 20 ran beside {serving}");
        assert_eq!((books.counted(), books.alive()), (ran, 0), "each was run or dropped");
    }
}

#[test]
fn what_needs_a_thread_of_its_own_where_none_is_to_be_had() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "what_needs_a_thread_of_its_own_where_none_is_to_be_had";
    if child::role().is_none() {
        child::run_well_in(TEST, "starve", &[("RUST_MIN_STACK", &STACK.to_string())]);
        return;
    }
    let runtime = Runtime::builder().worker_threads(1).thread_name("guest").build().expect("a runtime");
    leave_room_for(0);
    // No driver for the timers of threads without a runtime: they are asked for again and again, and come.
    let begin = Instant::now();
    futures_lite::future::block_on(sleep(Duration::from_millis(20)));
    assert!(begin.elapsed() >= Duration::from_millis(20), "early");
    // No reactor for their sockets either: an error, or one that works.
    let talked = futures_lite::future::block_on(timeout(PATIENCE, async {
        let (mut one, mut other) = UnixStream::pair()?;
        let (sent, received) = futures_lite::future::zip(
            async {
                yield_now().await;
                one.write_all(b"x").await
            },
            other.read_exact(&mut [0; 1]),
        )
        .await;
        sent.and(received)
    }));
    if let Err(error) = talked.expect("neither a hang nor a wait without end") {
        says_why(&error);
    }
    // Nobody to ring the bell of a lock whose first waiter is not polled: the others ask again and again.
    let lock = Lock::new(());
    futures_lite::future::block_on(async {
        let guard = lock.lock().await;
        let mut abandoned = Box::pin(lock.lock());
        assert!(futures_lite::future::poll_once(abandoned.as_mut()).await.is_none());
        let mut watches = Box::pin(lock.lock());
        assert!(futures_lite::future::poll_once(watches.as_mut()).await.is_none());
        drop(guard);
        let got = timeout(PATIENCE, watches).await;
        assert!(got.is_ok(), "nobody has told the one that waits");
    });
    // Blocked workers without a spare: they get on when they are let go.
    let released = Arc::new(AtomicBool::new(false));
    let blocks = {
        let released = released.clone();
        runtime.spawn(async move {
            while !released.load(Ordering::SeqCst) {
                thread::park_timeout(Duration::from_micros(100));
            }
        })
    };
    let behind = runtime.spawn(async { 1 });
    thread::park_timeout(Duration::from_millis(20));
    released.store(true, Ordering::SeqCst);
    futures_lite::future::block_on(blocks).expect("no panic");
    assert_eq!(futures_lite::future::block_on(behind).expect("no panic"), 1);
    let report = runtime.shutdown(PATIENCE);
    leave_all_room();
    assert!(report.is_clean(), "{report}");
}

fn open_descriptors() -> Vec<u32> {
    let entries = fs::read_dir("/proc/self/fd").expect("/proc tells of descriptors");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

#[test]
fn a_busy_process_that_forks_and_whose_children_only_exit() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "a_busy_process_that_forks_and_whose_children_only_exit";
    if child::role().is_none() {
        child::run_well(TEST, "fork");
        return;
    }
    let inherited = open_descriptors();
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    assert_eq!(runtime.block_on(a_little_of_everything()).expect("it works"), 42);
    let over = Arc::new(AtomicBool::new(false));
    let rounds = Tally::new();
    let busy: Vec<_> = (0..4)
        .map(|_| {
            let (over, rounds) = (over.clone(), rounds.clone());
            runtime.spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    assert_eq!(a_little_of_everything().await.expect("it works"), 42);
                    rounds.count();
                }
            })
        })
        .collect();
    for n in 0..40 {
        // Setting the user makes the standard library fork rather than spawn; what cannot be executed exits at once.
        let mut command = Command::new(if n % 2 == 0 { "/nonexistent/program" } else { "/proc/self/exe" });
        command
            .uid(getuid().as_raw())
            .args(["--list", "--exact", "nothing"])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        match command.status() {
            Ok(status) => assert!(status.success() && n % 2 == 1, "{status}"),
            Err(error) => assert!(error.kind() == ErrorKind::NotFound && n % 2 == 0, "{error}"),
        }
        let before = rounds.counted();
        wait_until("the parent goes on", || rounds.counted() > before);
    }
    // No child has inherited what is ours. What was there before is whoever's started this.
    for number in open_descriptors().into_iter().filter(|number| !inherited.contains(number)) {
        // Sockets come and go meanwhile, and so does the directory itself.
        let Ok(info) = fs::read_to_string(format!("/proc/self/fdinfo/{number}")) else { continue };
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("it has flags").trim();
        let flags = u32::from_str_radix(flags, 8).expect("an octal number");
        assert!(flags & 0o2_000_000 != 0, "descriptor {number} outlives an exec");
    }
    over.store(true, Ordering::SeqCst);
    busy.into_iter().for_each(|task| futures_lite::future::block_on(task).expect("no panic"));
    assert!(runtime.shutdown(PATIENCE).is_clean());
}
