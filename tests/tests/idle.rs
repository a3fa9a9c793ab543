//! Promise 9: idle means idle. No wake-ups, no processor time, no polling while there is nothing to do.
//!
//! One test, in a process of its own: it looks at all threads there are.

use filch::Runtime;
use filch::net::{TcpListener, TcpStream};
use filch::time::sleep;
use filch_tests::{Tally, Watchdog, child, process, wait_until};
use std::collections::HashMap;
use std::time::Duration;

const TEST: &str = "a_program_with_nothing_to_do_does_nothing";

/// How long the program is watched.
const WATCHED: Duration = Duration::from_millis(1000);

#[test]
fn a_program_with_nothing_to_do_does_nothing() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    match child::role() {
        None => {
            // Side by side: what is counted does not depend on who else is there.
            std::thread::scope(|scope| {
                for role in ["bare", "tasks", "after a burst"] {
                    scope.spawn(move || child::run_well(TEST, role));
                }
            });
        }
        Some(role) => watch_nothing(&role),
    }
}

fn watch_nothing(role: &str) {
    let runtime = Runtime::builder().worker_threads(4).thread_name("quiet").build().expect("a runtime");
    let waiting = Tally::new();
    let mut held = Vec::new();
    if role != "bare" {
        for _ in 0..1000 {
            let waiting = waiting.clone();
            let (sender, receiver) = filch::sync::oneshot::channel::<()>();
            runtime
                .spawn(async move {
                    waiting.count();
                    let _closed = receiver.await;
                })
                .detach();
            held.push(sender);
        }
        for _ in 0..10 {
            runtime.spawn(sleep(Duration::from_secs(3600))).detach();
        }
        let pairs = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let mut pairs = Vec::new();
            for _ in 0..50 {
                let client = TcpStream::connect(address).await?;
                pairs.push((client, listener.accept().await?.0));
            }
            std::io::Result::Ok(pairs)
        });
        for (client, server) in pairs.expect("sockets can be made") {
            for stream in [client, server] {
                let waiting = waiting.clone();
                runtime
                    .spawn(async move {
                        waiting.count();
                        let _never = stream.readable().await;
                    })
                    .detach();
            }
        }
        wait_until("all tasks wait", || waiting.counted() == 1100);
    }
    if role == "after a burst" {
        let tasks: Vec<_> = (0..20_000).map(|_| runtime.spawn(filch::yield_now())).collect();
        for task in tasks {
            runtime.block_on(task).expect("no panic");
        }
        // Workers that blocked, and spares that came for them, too.
        let blocking: Vec<_> = (0..6)
            .map(|_| runtime.spawn(async { filch::block_on(sleep(Duration::from_millis(20))) }))
            .collect();
        for task in blocking {
            runtime.block_on(task).expect("no panic");
        }
    }
    // A plain thread that waits for a task of the runtime is idle, too.
    let waits = std::thread::spawn({
        let handle = runtime.handle().clone();
        move || {
            let (_sender, receiver) = filch::sync::oneshot::channel::<()>();
            let _never =
                handle.block_on(async { filch::time::timeout(Duration::from_secs(3600), receiver).await });
        }
    });

    // Settled when nobody has woken up for as long as the sentinel, spares and idle threads take to find rest. Watched by
    // this thread, whose own sleeps do not count.
    let mut before = sleeps_by_thread();
    let mut last_activity = Vec::new();
    for _ in 0..20 {
        std::thread::sleep(WATCHED);
        let after = sleeps_by_thread();
        last_activity = after
            .iter()
            .filter(|(thread, sleeps)| before.get(*thread) != Some(sleeps))
            .map(|(thread, _)| thread.clone())
            .collect();
        if last_activity.is_empty() {
            break;
        }
        before = after;
    }
    assert!(
        last_activity.is_empty(),
        "still awake after a long while: {last_activity:?}\n{:#?}",
        process::threads()
    );

    // And it is not dead, only asleep.
    assert_eq!(runtime.block_on(runtime.spawn(async { 42 })).expect("no panic"), 42);
    assert!(!waits.is_finished());
    drop(held);
}

/// How often each thread has gone to sleep, and its processor time, but for those of the test itself.
/// A sanitizer has a thread of its own, which bears the name of the program.
fn sleeps_by_thread() -> HashMap<(u32, String), (u64, Duration)> {
    let ours = |name: &str| name.starts_with("quiet") || name.starts_with("filch");
    let threads = process::threads().into_iter();
    threads
        .filter(|thread| ours(&thread.name))
        .map(|thread| ((thread.id, thread.name), (thread.sleeps, thread.cpu)))
        .collect()
}
