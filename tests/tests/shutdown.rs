//! Promise 10: shutdown ends, within its limit, with a report of what did not stop.

use filch::io::AsyncReadExt;
use filch::net::{TcpListener, TcpStream};
use filch::time::sleep;
use filch::{Handle, JoinHandle, Runtime, block_on, spawn, spawn_blocking, spawn_local, yield_now};
use filch_tests::{Dice, PATIENCE, Tally, Watchdog, child, pending_until_dropped, wait_until};
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

/// A limit that is never reached unless something is wrong.
const AMPLE: Duration = PATIENCE;

/// Far below any limit, and far above what an end takes.
const QUICK: Duration = Duration::from_secs(3);

#[test]
fn tasks_that_wait_for_anything_are_dropped() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    let books = Tally::new();
    let (listener, stream, address) = runtime
        .block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let stream = TcpStream::connect(address).await?;
            std::io::Result::Ok((listener, stream, address))
        })
        .expect("it works");
    let (_sender, receiver) = filch::sync::channel::bounded::<()>(1);
    let lock = Arc::new(filch::sync::Lock::new(()));
    let _held = lock.try_lock().expect("it is free");
    let [reads, accepts, sleeps, receives, locks] = [(); 5].map(|()| books.value());
    let locked = lock.clone();
    let mut reader = stream;
    let handles = [
        runtime.spawn(async move {
            let _value = reads;
            let _never = reader.read(&mut [0]).await;
        }),
        runtime.spawn(async move {
            let _value = accepts;
            // The first is the connection made above.
            let _first = listener.accept().await;
            let _never = listener.accept().await;
        }),
        runtime.spawn(async move {
            let _value = sleeps;
            sleep(Duration::from_secs(3600)).await;
        }),
        runtime.spawn(async move {
            let _value = receives;
            let _never = receiver.recv().await;
        }),
        runtime.spawn(async move {
            let _value = locks;
            let _never = locked.lock().await;
        }),
    ];
    for _ in 0..10 {
        runtime.block_on(yield_now());
    }
    let report = runtime.shutdown(AMPLE);
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.aborted, 5);
    assert!(report.elapsed < QUICK, "{report}");
    assert_eq!(books.alive(), 0, "all of them are dropped before the end is told");
    for handle in handles {
        assert!(block_on(handle).expect_err("its runtime has ended").is_aborted());
    }
    assert!(std::net::TcpStream::connect(address).is_err(), "the listener is closed");
}

#[test]
fn an_end_with_nothing_to_end_and_one_at_once() {
    let _watchdog = Watchdog::usual();
    for workers in [1, 2, 8] {
        for limit in [Duration::ZERO, AMPLE, Duration::MAX] {
            let report = runtime(workers).shutdown(limit);
            assert!(report.stuck.is_empty(), "{report}");
            assert_eq!(report.aborted, 0);
            assert!(report.elapsed < QUICK);
        }
        drop(runtime(workers));
    }
}

#[test]
fn what_does_not_stop_is_named_and_the_limit_is_kept() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    let (go, wait) = mpsc::channel::<()>();
    let (go_blocking, wait_blocking) = mpsc::channel::<()>();
    let begun = Tally::new();
    let [task_begun, closure_begun] = [begun.clone(), begun.clone()];
    let books = Tally::new();
    let value = books.value();
    let stuck = filch::task::Builder::new().name("the mule").spawn_on(runtime.handle(), async move {
        let _value = value;
        task_begun.count();
        let _gone = wait.recv();
        yield_now().await;
        unreachable!("its runtime has ended");
    });
    let closure = runtime.spawn_blocking(move || {
        closure_begun.count();
        wait_blocking.recv().expect("it is told to go on");
        42
    });
    wait_until("both are stuck", || begun.counted() == 2);
    let limit = Duration::from_millis(50);
    let begin = Instant::now();
    let report = runtime.shutdown(limit);
    assert!(begin.elapsed() >= limit, "it waited");
    assert!(begin.elapsed() < limit + QUICK, "it took {:?}", begin.elapsed());
    assert!(!report.is_clean());
    let names: Vec<_> = report.stuck.iter().map(|task| task.name.as_deref()).collect();
    assert!(names.contains(&Some("the mule")), "{report}");
    assert!(report.stuck.iter().all(|task| task.spawned_at.file().ends_with("shutdown.rs")), "{report}");
    assert_eq!((report.stuck.len(), report.blocking_threads), (2, 1), "{report}");
    assert!(report.to_string().contains("the mule"), "{report}");

    // They end by themselves, later.
    go.send(()).expect("it waits");
    go_blocking.send(()).expect("it waits");
    assert!(block_on(stuck).expect_err("it is dropped at its next await").is_aborted());
    assert_eq!(block_on(closure).expect("it ran to its end"), 42);
    wait_until("what it held is dropped", || books.alive() == 0);
}

#[test]
fn closures_that_run_are_waited_for_and_those_that_do_not_are_dropped() {
    let _watchdog = Watchdog::usual();
    let runtime = Runtime::builder().worker_threads(1).max_blocking_threads(1).build().expect("a runtime");
    let (go, wait) = mpsc::channel::<()>();
    let begun = Tally::new();
    let count = begun.clone();
    let running = runtime.spawn_blocking(move || {
        count.count();
        wait.recv().expect("it is told to go on");
        42
    });
    wait_until("the first runs", || begun.counted() == 1);
    let books = Tally::new();
    let queued: Vec<_> = (0..10)
        .map(|_| {
            let value = books.value();
            runtime.spawn_blocking(move || value.count())
        })
        .collect();
    let ends = thread::spawn(move || runtime.shutdown(AMPLE));
    wait_until("those that have not begun are dropped", || books.alive() == 0);
    assert!(!ends.is_finished(), "the one that runs is waited for");
    go.send(()).expect("it waits");
    let report = ends.join().expect("no panic");
    assert!(report.is_clean(), "{report}");
    assert_eq!(block_on(running).expect("it ran to its end"), 42);
    for handle in queued {
        assert!(block_on(handle).expect_err("it never ran").is_aborted());
    }
    assert_eq!(books.counted(), 0);
}

#[test]
fn a_poll_that_blocks_on_its_own_runtime_is_let_go_by_the_end() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let begun = Tally::new();
    // On a timer, on a task nobody will run, and on one spawned after the end has begun.
    let [timer, task, later] = [begun.clone(), begun.clone(), begun.clone()];
    let ended = Arc::new(AtomicBool::new(false));
    let told = ended.clone();
    let handles = [
        runtime.spawn(async move {
            timer.count();
            block_on(sleep(Duration::from_millis(100)));
        }),
        runtime.spawn(async move {
            task.count();
            let never = spawn(std::future::pending::<()>());
            assert!(block_on(never).expect_err("its runtime has ended").is_aborted());
        }),
        runtime.spawn(async move {
            later.count();
            wait_until("the end has begun", || told.load(Ordering::SeqCst));
            let refused = loop {
                // Until it is refused: the flag comes a little before the end itself.
                match block_on(spawn(async {})) {
                    Ok(()) => thread::yield_now(),
                    Err(error) => break error,
                }
            };
            assert!(refused.is_aborted());
        }),
    ];
    wait_until("all block", || begun.counted() == 3);
    ended.store(true, Ordering::SeqCst);
    let report = runtime.shutdown(AMPLE);
    assert!(report.is_clean(), "{report}");
    assert!(report.elapsed < QUICK, "{report}");
    for handle in handles {
        // Either they were ready in that last poll, or dropped after it; none has failed.
        assert!(block_on(handle).err().is_none_or(|error| error.is_aborted()));
    }
}

#[test]
fn spawning_after_the_end_is_refused_and_everything_resolves() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let handle = runtime.handle().clone();
    assert!(runtime.shutdown(AMPLE).is_clean());
    let books = Tally::new();
    let (task, closure) = (books.value(), books.value());
    let refused = handle.spawn(pending_until_dropped(task));
    assert_eq!(books.alive(), 1, "dropped before spawn returns");
    assert!(block_on(refused).expect_err("it was refused").is_aborted());
    let refused = handle.spawn_blocking(move || closure.count());
    assert_eq!(books.alive(), 0, "dropped before spawn_blocking returns");
    assert!(futures_lite::future::block_on(refused).expect_err("it was refused").is_aborted());
    // The handle still blocks on a future, with timers and local tasks.
    let worked = handle.block_on(async {
        sleep(Duration::from_millis(1)).await;
        let inside = spawn(async { 1 }).await;
        assert!(inside.expect_err("inside it means the runtime that has ended").is_aborted());
        spawn_local(async { 42 }).await.expect("no panic")
    });
    assert_eq!(worked, 42);
}

#[test]
fn spawning_from_many_threads_while_it_ends() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    for round in 0..60_u64 {
        let books = Tally::new();
        let runtime = runtime(2);
        let handle = runtime.handle().clone();
        let threads: Vec<_> = (0..4_usize)
            .map(|thread| {
                let (handle, books) = (handle.clone(), books.clone());
                thread::spawn(move || {
                    let (mut ran, mut refused) = (0, 0);
                    while refused < 20 {
                        let value = books.value();
                        let spawned: JoinHandle<()> = match thread {
                            0 => handle.spawn_blocking(move || drop(value)),
                            1 => handle.spawn(async move {
                                let inner = spawn(async move { drop(value) });
                                let _either = inner.await;
                            }),
                            _ => handle.spawn(async move {
                                yield_now().await;
                                drop(value);
                            }),
                        };
                        match futures_lite::future::block_on(spawned) {
                            Ok(()) => ran += 1,
                            Err(error) => {
                                assert!(error.is_aborted());
                                refused += 1;
                            }
                        }
                    }
                    (ran, refused)
                })
            })
            .collect();
        thread::park_timeout(Duration::from_micros(round * 40));
        let report = runtime.shutdown(AMPLE);
        assert!(report.is_clean(), "{report}");
        for thread in threads {
            thread.join().expect("every handle has resolved, and none has panicked");
        }
        assert_eq!(books.alive(), 0);
    }
}

/// Does a bit of everything, for ever.
async fn restless(books: Tally, mut dice: Dice) {
    let _value = books.value();
    let (sender, receiver) = filch::sync::channel::bounded(2);
    loop {
        match dice.below(9) {
            0 => yield_now().await,
            1 => sleep(Duration::from_micros(dice.below(200) as u64)).await,
            2 => drop(spawn(pending_until_dropped(books.value()))),
            3 => drop(spawn(sleep(Duration::from_micros(dice.below(200) as u64))).await),
            4 => drop(spawn_blocking(thread::yield_now).await),
            5 => drop(spawn_local(yield_now()).await),
            6 => drop(filch::time::timeout(Duration::from_micros(50), receiver.recv()).await),
            7 => drop(sender.try_send(())),
            _ => block_on(yield_now()),
        }
    }
}

#[test]
fn an_end_that_races_everything_at_every_moment() {
    let watchdog = Watchdog::new(Duration::from_secs(100));
    let mut dice = Dice::new();
    for _ in 0..200 {
        let books = Tally::new();
        let runtime = runtime(1 + dice.below(3));
        watchdog.watch("round", runtime.handle());
        for _ in 0..8 {
            runtime.spawn(restless(books.clone(), dice.fork())).detach();
        }
        let guests: Vec<_> = (0..2)
            .map(|_| {
                let (handle, books, dice) = (runtime.handle().clone(), books.clone(), dice.fork());
                thread::spawn(move || {
                    handle.block_on(filch::time::timeout(Duration::from_millis(8), restless(books, dice)))
                })
            })
            .collect();
        thread::park_timeout(Duration::from_micros(dice.below(6000) as u64));
        let report = runtime.shutdown(AMPLE);
        assert!(report.is_clean(), "{report}");
        assert!(report.elapsed < AMPLE / 2, "{report}");
        for guest in guests {
            assert!(guest.join().expect("no panic").is_err());
        }
        // What a guest has spawned on after the end is refused; its own future is gone with it.
        wait_until("all is dropped", || books.alive() == 0);
    }
}

#[test]
fn sockets_and_timers_outlive_the_runtime_they_were_first_used_in() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let begin = Instant::now();
    let (mut client, mut server, slept) = runtime
        .block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let client = TcpStream::connect(listener.local_addr()?).await?;
            let (mut server, _) = listener.accept().await?;
            let mut slept = Box::pin(sleep(Duration::from_millis(30)));
            assert!(futures_lite::future::poll_once(slept.as_mut()).await.is_none());
            // Registered by waiting for a moment.
            assert!(futures_lite::future::poll_once(server.read(&mut [0])).await.is_none());
            std::io::Result::Ok((client, server, slept))
        })
        .expect("it works");
    // Used by a thread elsewhere at the very moment the runtime ends.
    let reader = thread::spawn(move || {
        futures_lite::future::block_on(async {
            let mut bytes = [0; 4];
            server.read_exact(&mut bytes).await?;
            std::io::Result::Ok((bytes, server))
        })
    });
    let sleeper = thread::spawn(move || futures_lite::future::block_on(slept));
    thread::park_timeout(Duration::from_millis(5));
    assert!(runtime.shutdown(AMPLE).is_clean());
    use filch::io::AsyncWriteExt;
    futures_lite::future::block_on(client.write_all(b"late")).expect("the socket still works");
    let (bytes, _server) = reader.join().expect("no panic").expect("it reads");
    assert_eq!(&bytes, b"late");
    sleeper.join().expect("no panic");
    assert!(begin.elapsed() >= Duration::from_millis(30), "early");
}

#[test]
fn wakes_and_handles_after_the_runtime_is_gone() {
    let _watchdog = Watchdog::usual();
    let books = Tally::new();
    let runtime = runtime(1);
    let wakers = Arc::new(Mutex::new(Vec::new()));
    let (left, value) = (wakers.clone(), books.value());
    let task = runtime.spawn(poll_fn(move |cx| {
        value.count();
        left.lock().expect("not poisoned").push(cx.waker().clone());
        Poll::<()>::Pending
    }));
    wait_until("it was polled", || books.counted() == 1);
    let (abort, handle): (_, Handle) = (task.abort_handle(), runtime.handle().clone());
    drop(runtime);
    for waker in wakers.lock().expect("not poisoned").drain(..) {
        waker.wake_by_ref();
        drop(waker);
    }
    abort.abort();
    assert!(abort.is_finished());
    assert!(block_on(task).expect_err("its runtime has ended").is_aborted());
    assert_eq!(handle.worker_threads(), 1);
    assert!(handle.metrics().total().polls >= 1, "its books are kept as long as the handle");
    assert_eq!((books.counted(), books.alive()), (1, 0));
}

#[test]
fn destructors_may_use_the_runtime_that_ends() {
    let _watchdog = Watchdog::usual();
    struct Busy(Tally);
    impl Drop for Busy {
        fn drop(&mut self) {
            self.0.count();
            assert!(block_on(spawn(async {})).expect_err("it has ended").is_aborted());
            drop(spawn_blocking(|| ()));
            block_on(async {
                sleep(Duration::from_micros(100)).await;
                spawn_local(yield_now()).await.expect("no panic");
            });
        }
    }
    let dropped = Tally::new();
    let runtime = runtime(2);
    for _ in 0..20 {
        let busy = Busy(dropped.clone());
        runtime
            .spawn(async move {
                let _busy = busy;
                sleep(Duration::from_secs(3600)).await;
            })
            .detach();
    }
    runtime.block_on(sleep(Duration::from_millis(1)));
    let report = runtime.shutdown(AMPLE);
    assert!(report.is_clean(), "{report}");
    assert_eq!(dropped.counted(), 20);
}

#[test]
fn a_destructor_that_does_not_return_keeps_nobody_beyond_the_limit() {
    let _watchdog = Watchdog::usual();
    struct Stubborn(mpsc::Receiver<()>);
    impl Drop for Stubborn {
        fn drop(&mut self) {
            let _told = self.0.recv();
        }
    }
    let runtime = runtime(2);
    let (go, wait) = mpsc::channel();
    let stubborn = Stubborn(wait);
    let task = filch::task::Builder::new().name("the limpet").spawn_on(runtime.handle(), async move {
        let _stubborn = stubborn;
        std::future::pending::<()>().await;
    });
    runtime.block_on(runtime.spawn(yield_now())).expect("no panic");
    let begin = Instant::now();
    let report = runtime.shutdown(Duration::from_millis(50));
    assert!(begin.elapsed() < QUICK, "it took {:?}", begin.elapsed());
    assert!(report.to_string().contains("the limpet"), "{report}");
    go.send(()).expect("it waits");
    assert!(block_on(task).expect_err("its runtime has ended").is_aborted());
}

#[test]
fn wakes_and_spawns_at_the_end_run_nobodys_destructor() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    /// Takes a lock to be dropped.
    struct Locks(Arc<Mutex<u32>>);
    impl Drop for Locks {
        fn drop(&mut self) {
            *self.0.lock().expect("not poisoned") += 1;
        }
    }
    for _ in 0..50 {
        let runtime = runtime(2);
        let handle = runtime.handle().clone();
        let lock = Arc::new(Mutex::new(0));
        let wakers = Arc::new(Mutex::new(Vec::new()));
        for _ in 0..50 {
            let (locks, left) = (Locks(lock.clone()), wakers.clone());
            let mut polled = false;
            runtime
                .spawn(poll_fn(move |cx| {
                    let _held = &locks;
                    if !std::mem::replace(&mut polled, true) {
                        left.lock().expect("not poisoned").push(cx.waker().clone());
                    }
                    Poll::<()>::Pending
                }))
                .detach();
        }
        wait_until("all have been polled", || wakers.lock().expect("not poisoned").len() == 50);
        let wakers = std::mem::take(&mut *wakers.lock().expect("not poisoned"));
        let inside = lock.clone();
        let storm = thread::spawn(move || {
            loop {
                let held = inside.lock().expect("not poisoned");
                // Under the lock. Were another's future dropped in here, this thread would wait for itself.
                wakers.iter().for_each(Waker::wake_by_ref);
                if handle.spawn(async {}).is_finished() && *held == 50 {
                    return;
                }
            }
        });
        assert!(runtime.shutdown(AMPLE).is_clean());
        storm.join().expect("no panic");
    }
}

/// Notices when it is dropped on another thread than it was made on.
struct AtHome {
    home: thread::ThreadId,
    dropped_at_home: mpsc::Sender<bool>,
    _stays: std::rc::Rc<()>,
}

impl AtHome {
    fn new(dropped_at_home: mpsc::Sender<bool>) -> Self {
        Self { home: thread::current().id(), dropped_at_home, _stays: std::rc::Rc::default() }
    }
}

impl Drop for AtHome {
    fn drop(&mut self) {
        self.dropped_at_home.send(thread::current().id() == self.home).expect("the test listens");
    }
}

/// Spawns ten local tasks that never end, and collects their wakers.
fn spawn_at_home(dropped_at_home: &mpsc::Sender<bool>, wakers: &Arc<Mutex<Vec<Waker>>>) {
    for _ in 0..10 {
        let (held, wakers) = (AtHome::new(dropped_at_home.clone()), wakers.clone());
        spawn_local(poll_fn(move |cx| {
            let _held = &held;
            wakers.lock().expect("not poisoned").push(cx.waker().clone());
            Poll::<()>::Pending
        }))
        .detach();
    }
}

/// Wakes all of them again and again, from a thread of its own, until it is told that it is over.
fn storm(wakers: &Arc<Mutex<Vec<Waker>>>, over: &Arc<AtomicBool>) -> thread::JoinHandle<()> {
    wait_until("all have been polled", || wakers.lock().expect("not poisoned").len() >= 10);
    let (stop, all) = (over.clone(), std::mem::take(&mut *wakers.lock().expect("not poisoned")));
    thread::spawn(move || {
        while !stop.load(Ordering::SeqCst) {
            all.iter().for_each(Waker::wake_by_ref);
        }
    })
}

#[test]
fn local_tasks_go_with_their_worker_on_its_thread() {
    let _watchdog = Watchdog::usual();
    for _ in 0..30 {
        let runtime = runtime(1);
        let (sender, receiver) = mpsc::channel();
        let (wakers, over) = (Arc::default(), Arc::default());
        let left = Arc::clone(&wakers);
        runtime.spawn(async move { spawn_at_home(&sender, &left) }).detach();
        let storm = storm(&wakers, &over);
        assert!(runtime.shutdown(AMPLE).is_clean());
        over.store(true, Ordering::SeqCst);
        storm.join().expect("no panic");
        for _ in 0..10 {
            assert!(receiver.recv_timeout(PATIENCE).expect("it is dropped"), "dropped away from its thread");
        }
    }
}

#[test]
fn local_tasks_go_with_a_plain_thread_that_ends() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    for _ in 0..100 {
        let (sender, receiver) = mpsc::channel();
        let (wakers, over) = (Arc::default(), Arc::default());
        let (left, handle) = (Arc::clone(&wakers), runtime.handle().clone());
        let (go, wait) = mpsc::channel::<()>();
        let dies = thread::spawn(move || {
            handle.block_on(async {
                spawn_at_home(&sender, &left);
                while left.lock().expect("not poisoned").len() < 10 {
                    yield_now().await;
                }
            });
            wait.recv().expect("it is told to die");
        });
        let storm = storm(&wakers, &over);
        go.send(()).expect("it waits");
        dies.join().expect("no panic");
        over.store(true, Ordering::SeqCst);
        storm.join().expect("no panic");
        for _ in 0..10 {
            assert!(receiver.recv_timeout(PATIENCE).expect("it is dropped"), "dropped away from its thread");
        }
    }
}

#[test]
fn two_runtimes_that_end_each_other_do_so_within_their_limits() {
    let _watchdog = Watchdog::usual();
    const LIMIT: Duration = Duration::from_millis(100);
    let (one, two) = (runtime(1), runtime(1));
    let (first, second) = (one.handle().clone(), two.handle().clone());
    let both = Arc::new(std::sync::Barrier::new(2));
    let ends = |other: Runtime, both: Arc<std::sync::Barrier>| async move {
        both.wait();
        let begin = Instant::now();
        let _report = other.shutdown(LIMIT);
        begin.elapsed()
    };
    // Each waits, in a task of its own, for the very worker that waits for it.
    let handles = [first.spawn(ends(two, both.clone())), second.spawn(ends(one, both))];
    for handle in handles {
        let took = futures_lite::future::block_on(handle).expect("a task that returns is not aborted");
        assert!(took < LIMIT + QUICK, "it took {took:?}");
    }
}

#[test]
fn the_process_may_exit_in_the_middle_of_everything() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "the_process_may_exit_in_the_middle_of_everything";
    let Some(role) = child::role() else {
        for role in
            ["in a task", "in a local task", "in a blocking closure", "in a guest", "with a static runtime"]
        {
            child::run_well(TEST, role);
        }
        return;
    };
    static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);
    let runtime = runtime(2);
    for _ in 0..10 {
        runtime.spawn(restless(Tally::new(), Dice::new())).detach();
    }
    let exit = || std::process::exit(0);
    match role.as_str() {
        "in a task" => runtime.block_on(runtime.spawn(async move { exit() })).expect("no panic"),
        "in a local task" => runtime
            .block_on(runtime.spawn(async move {
                spawn_local(std::future::pending::<()>()).detach();
                spawn_local(async move { exit() }).await
            }))
            .expect("no panic")
            .expect("no panic"),
        "in a blocking closure" => runtime.block_on(runtime.spawn_blocking(exit)).expect("no panic"),
        "in a guest" => runtime.block_on(async {
            spawn_local(std::future::pending::<()>()).detach();
            yield_now().await;
            exit();
        }),
        _ => {
            *RUNTIME.lock().expect("not poisoned") = Some(runtime);
            exit();
        }
    }
}
