//! The surface: names, hooks, errors, metrics, auto traits. What programs are written against.

use filch::task::{self, Id};
use filch::{
    AbortHandle, Builder, Handle, JoinError, JoinHandle, Report, Runtime, RuntimeMetrics, StuckTask,
    WorkerMetrics, block_on, spawn, spawn_blocking, spawn_local, yield_now,
};
use filch_tests::{PATIENCE, Tally, Watchdog, wait_until};
use std::cell::Cell;
use std::collections::HashSet;
use std::error::Error;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

thread_local! {
    static WRAPPED: Cell<bool> = const { Cell::new(false) };
    static STARTED: Cell<bool> = const { Cell::new(false) };
}

#[test]
fn hooks_are_called_in_order_around_each_thread() {
    let _watchdog = Watchdog::usual();
    let log = Arc::new(Mutex::new(Vec::new()));
    let write = |what: &'static str| {
        let log = log.clone();
        move || {
            let name = thread::current().name().expect("it has a name").to_owned();
            log.lock().expect("not poisoned").push((name, what));
        }
    };
    let (starts, stops, before, after) = (write("start"), write("stop"), write("before"), write("after"));
    let runtime = Runtime::builder()
        .worker_threads(2)
        .thread_name("hooked")
        .on_thread_start(move || {
            assert!(WRAPPED.get(), "the wrap is around the start");
            STARTED.set(true);
            starts();
        })
        .on_thread_stop(stops)
        .wrap_thread(move |run| {
            before();
            WRAPPED.set(true);
            run();
            WRAPPED.set(false);
            after();
        })
        .build()
        .expect("a runtime");
    let seen = futures_lite::future::block_on(runtime.spawn(async { WRAPPED.get() && STARTED.get() }));
    assert!(seen.expect("no panic"), "tasks run inside");
    let seen = futures_lite::future::block_on(runtime.spawn_blocking(|| WRAPPED.get() && STARTED.get()));
    assert!(seen.expect("no panic"), "closures run inside");
    assert!(!runtime.block_on(async { STARTED.get() }), "a guest's thread is its own");
    assert!(runtime.shutdown(PATIENCE).is_clean());
    let log = log.lock().expect("not poisoned");
    for thread in ["hooked-0", "hooked-1", "hooked-blocking-0"] {
        let calls: Vec<_> = log.iter().filter(|(name, _)| name == thread).map(|(_, what)| *what).collect();
        assert_eq!(calls, ["before", "start", "stop", "after"], "on {thread}");
    }
}

#[test]
fn hooks_that_misbehave_are_borne() {
    let _watchdog = Watchdog::usual();
    let forgetful =
        Runtime::builder().worker_threads(1).wrap_thread(|_does_not_run_it| {}).build().expect("a runtime");
    assert_eq!(futures_lite::future::block_on(forgetful.spawn(async { 42 })).expect("no panic"), 42);
    let twice = Runtime::builder()
        .worker_threads(1)
        .wrap_thread(|run| {
            run();
            run();
        })
        .build()
        .expect("a runtime");
    assert_eq!(futures_lite::future::block_on(twice.spawn(async { 42 })).expect("no panic"), 42);
    let panics = Runtime::builder()
        .worker_threads(1)
        .on_thread_start(|| panic!("on purpose: in the start hook"))
        .on_thread_stop(|| panic!("on purpose: in the stop hook"))
        .wrap_thread(|run| {
            run();
            panic!("on purpose: in the wrap hook")
        })
        .build()
        .expect("a runtime");
    assert_eq!(futures_lite::future::block_on(panics.spawn(async { 42 })).expect("no panic"), 42);
    for runtime in [forgetful, twice, panics] {
        assert!(runtime.shutdown(PATIENCE).is_clean());
    }
}

#[test]
fn settings_do_not_undo_each_other() {
    let _watchdog = Watchdog::usual();
    let started = Tally::new();
    let count = started.clone();
    // In the opposite order of the other tests, and one of them twice.
    let runtime = Runtime::builder()
        .on_thread_start(move || {
            count.count();
        })
        .thread_stack_size(256 * 1024)
        .thread_name("first")
        .thread_name("second")
        .worker_threads(3)
        .build()
        .expect("a runtime");
    assert_eq!(runtime.handle().worker_threads(), 3);
    wait_until("all workers have started", || started.counted() >= 3);
    let name =
        futures_lite::future::block_on(runtime.spawn(async { thread::current().name().map(str::to_owned) }));
    assert!(name.expect("no panic").expect("it has a name").starts_with("second-"));
}

/// Larger than a small stack. Where it lies while it is polled, only the task knows.
struct Huge([u8; 160 * 1024]);

impl Future for Huge {
    type Output = usize;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<usize> {
        let (first, last) = (self.0[0], self.0.len() - 1);
        self.0[last] += 1;
        if self.0[last] == 3 {
            return std::task::Poll::Ready(usize::from(first) + usize::from(self.0[last]));
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    }
}

#[test]
fn a_small_stack_and_a_larger_future() {
    let _watchdog = Watchdog::usual();
    let runtime =
        Runtime::builder().worker_threads(1).thread_stack_size(128 * 1024).build().expect("a runtime");
    // The thread that makes it needs the room to hand it over.
    let roomy = thread::Builder::new().stack_size(64 << 20);
    let spawner = roomy.spawn(move || (runtime.spawn(Huge([1; 160 * 1024])), runtime)).expect("a thread");
    let (huge, _runtime) = spawner.join().expect("no panic");
    assert_eq!(futures_lite::future::block_on(huge).expect("no panic"), 1 + 3);
}

#[test]
fn tasks_have_names_places_and_ids() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let named = task::Builder::new().name("the clerk").spawn_on(runtime.handle(), async {
        (task::current(), task::current_name(), (yield_now().await, task::current_name()).1)
    });
    assert_eq!(named.name(), Some("the clerk"));
    let id = named.id();
    let (seen, name, still) = runtime.block_on(named).expect("no panic");
    assert_eq!((seen, name.as_deref(), still.as_deref()), (Some(id), Some("the clerk"), Some("the clerk")));
    let unnamed = runtime.spawn(async { (task::current().is_some(), task::current_name()) });
    assert_eq!(unnamed.name(), None);
    assert_eq!(runtime.block_on(unnamed).expect("no panic"), (true, None));
    assert_eq!(runtime.block_on(async { task::current() }), None, "the future of block_on is no task");

    // Each way to spawn gives its own caller's place.
    runtime.block_on(async {
        let line = line!();
        let failures: [JoinHandle<()>; 5] = [
            spawn(async { std::panic::resume_unwind(Box::new(())) }),
            spawn_local(async { std::panic::resume_unwind(Box::new(())) }),
            spawn_blocking(|| std::panic::resume_unwind(Box::new(()))),
            Handle::current().spawn(async { std::panic::resume_unwind(Box::new(())) }),
            task::Builder::new().name("n").spawn(async { std::panic::resume_unwind(Box::new(())) }),
        ];
        for (n, failure) in (2..).zip(failures) {
            let error = failure.await.expect_err("it panicked");
            assert!(error.spawned_at().file().ends_with("surface.rs"));
            assert_eq!(error.spawned_at().line(), line + n, "{error}");
        }
    });
}

#[test]
fn ids_are_never_given_twice() {
    let _watchdog = Watchdog::usual();
    let (one, two) = (Arc::new(runtime(2)), runtime(1));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let one = one.clone();
            thread::spawn(move || {
                let ids = (0..2000).map(|_| one.spawn(async {}).id());
                let local = (0..500).map(|_| spawn_local(async {}).id());
                ids.chain(local).collect::<Vec<Id>>()
            })
        })
        .collect();
    let inside = one.spawn(async { (0..2000).map(|_| spawn(async {}).id()).collect::<Vec<_>>() });
    let mut ids: Vec<_> = (0..2000).map(|_| two.spawn(async {}).id()).collect();
    ids.extend(one.block_on(inside).expect("no panic"));
    for thread in threads {
        ids.extend(thread.join().expect("no panic"));
    }
    let all = ids.len();
    assert_eq!(all, 3 * 2500 + 4000);
    assert_eq!(ids.into_iter().collect::<HashSet<_>>().len(), all);
}

#[test]
fn a_join_error_tells_what_happened() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let panicked =
        task::Builder::new().name("the painter").spawn_on(runtime.handle(), async { panic!("no more blue") });
    let id = panicked.id();
    let error: JoinError = runtime.block_on(panicked).expect_err("it panicked");
    assert!(error.is_panic() && !error.is_aborted());
    assert_eq!((error.id(), error.task_name()), (id, Some("the painter")));
    let words = error.to_string();
    for part in ["the painter", "surface.rs", "panicked", "no more blue"] {
        assert!(words.contains(part), "'{part}' is missing in: {words}");
    }
    assert!(format!("{error:?}").contains("no more blue"));
    let as_io: std::io::Error = error.into();
    assert!(as_io.to_string().contains("no more blue"));

    let aborted = runtime.spawn(std::future::pending::<()>());
    aborted.abort();
    let error = runtime.block_on(aborted).expect_err("it was aborted");
    assert!(error.is_aborted() && !error.is_panic());
    assert!(error.to_string().contains("aborted"), "{error}");
    let error = error.try_into_panic().expect_err("there is none");
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || error.into_panic()));
    assert!(refused.is_err(), "asking an aborted task for its panic is a mistake that is named");
    let source: Box<dyn Error + Send + Sync> =
        Box::new(runtime.block_on(async { spawn(async { panic!() }).await }).expect_err("it panicked"));
    assert!(source.source().is_none());
}

#[test]
fn handles_say_what_they_know() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let (go, wait) = filch::sync::oneshot::channel::<()>();
    let task = runtime.spawn(async move { wait.await.is_ok() });
    let abort: AbortHandle = task.abort_handle();
    assert!(!task.is_finished() && !abort.is_finished());
    assert_eq!(task.id(), abort.id());
    assert_eq!(abort.clone().id(), abort.id());
    go.send(()).expect("it waits");
    wait_until("it ends", || task.is_finished());
    assert!(abort.is_finished());
    for text in [
        format!("{task:?}"),
        format!("{abort:?}"),
        format!("{runtime:?}"),
        format!("{:?}", Runtime::builder()),
    ] {
        assert!(!text.is_empty());
    }
    assert!(runtime.block_on(task).expect("no panic"));
}

#[test]
#[should_panic(expected = "polled again")]
fn a_handle_polled_after_its_end_says_so() {
    let mut handle = spawn(async {});
    block_on(&mut handle).expect("no panic");
    let _never = block_on(&mut handle);
}

#[test]
fn local_tasks_hold_what_is_not_send() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    // On a guest.
    let shared = Rc::new(Cell::new(0));
    runtime.block_on(async {
        let tasks: Vec<_> = (0..10)
            .map(|n| {
                let shared = shared.clone();
                spawn_local(async move {
                    yield_now().await;
                    shared.set(shared.get() + n);
                    n
                })
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.expect("no panic"), n);
        }
    });
    assert_eq!(shared.get(), 45);
    // On a worker, which it never leaves, although others wake it.
    let (sender, receiver) = filch::sync::channel::bounded(1);
    let on_worker = runtime.spawn(async move {
        let home = thread::current().id();
        let local = spawn_local(async move {
            let count = Rc::new(Cell::new(0));
            while receiver.recv().await.is_ok() {
                assert_eq!(thread::current().id(), home);
                count.set(count.get() + 1);
            }
            count.get()
        });
        // Its output is not looked at on the spot: it need not even be awaited here.
        local.await.expect("no panic")
    });
    for n in 0..100 {
        sender.send_blocking(n).expect("it listens");
    }
    drop(sender);
    assert_eq!(runtime.block_on(on_worker).expect("no panic"), 100);
    // Between two calls of `block_on` it waits; in the next one it goes on.
    let mut later = spawn_local(async { (yield_now().await, yield_now().await, 42).2 });
    runtime.block_on(yield_now());
    assert_eq!(block_on(&mut later).expect("no panic"), 42);
    // Aborted from another thread, it is dropped here.
    let here = thread::current().id();
    struct Home(
        mpsc::Sender<thread::ThreadId>,
        #[expect(dead_code, reason = "it makes the task stay here")] Rc<()>,
    );
    impl Drop for Home {
        fn drop(&mut self) {
            let _told = self.0.send(thread::current().id());
        }
    }
    let (sender, receiver) = mpsc::channel();
    let held = Home(sender, Rc::new(()));
    runtime.block_on(async {
        let local = spawn_local(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        yield_now().await;
        let abort = local.abort_handle();
        thread::spawn(move || abort.abort()).join().expect("no panic");
        assert!(local.await.expect_err("it was aborted").is_aborted());
    });
    assert_eq!(receiver.recv_timeout(PATIENCE), Ok(here));
}

#[test]
fn local_tasks_of_a_thread_that_ends_resolve() {
    let _watchdog = Watchdog::usual();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(spawn_local(std::future::pending::<()>())).expect("the test listens"))
        .join()
        .expect("no panic");
    let handle = receiver.recv_timeout(PATIENCE).expect("it is sent");
    assert!(block_on(handle).expect_err("its thread has ended").is_aborted());
}

#[test]
fn closures_that_block_do_not_block() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let (go, wait) = mpsc::channel::<()>();
    let closure = runtime.spawn_blocking(move || {
        wait.recv().expect("it is told to go on");
        thread::current().name().map(str::to_owned)
    });
    // The only worker is free meanwhile.
    assert_eq!(futures_lite::future::block_on(runtime.spawn(async { 42 })).expect("no panic"), 42);
    go.send(()).expect("it waits");
    let name = futures_lite::future::block_on(closure).expect("no panic").expect("it has a name");
    assert!(name.starts_with("filch-blocking"), "{name}");
    // As many at once as there may be, in the order they came.
    let few = Runtime::builder().worker_threads(1).max_blocking_threads(2).build().expect("a runtime");
    let (busy, most) = (Arc::new(Mutex::new((0, 0))), 2);
    let closures: Vec<_> = (0..50)
        .map(|n| {
            let busy = busy.clone();
            few.spawn_blocking(move || {
                {
                    let mut busy = busy.lock().expect("not poisoned");
                    busy.0 += 1;
                    busy.1 = busy.1.max(busy.0);
                }
                thread::yield_now();
                busy.lock().expect("not poisoned").0 -= 1;
                n
            })
        })
        .collect();
    for (n, closure) in closures.into_iter().enumerate() {
        assert_eq!(block_on(closure).expect("no panic"), n);
    }
    assert!(busy.lock().expect("not poisoned").1 <= most);
}

#[test]
fn metrics_add_up() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    assert_eq!(runtime.metrics().workers.len(), 2);
    let before = runtime.metrics().total();
    const TASKS: u64 = 1000;
    let tasks: Vec<_> = (0..TASKS).map(|_| runtime.spawn(yield_now())).collect();
    for task in tasks {
        futures_lite::future::block_on(task).expect("no panic");
    }
    let after: RuntimeMetrics = runtime.metrics();
    let polls = after.total().polls - before.polls;
    assert!((2 * TASKS..=2 * TASKS + 100).contains(&polls), "{polls} polls of {TASKS} tasks that yield once");
    wait_until("workers without work park", || {
        runtime.metrics().workers.iter().all(|worker| worker.parks > 0)
    });
    assert_eq!(runtime.metrics().total().queue_depth, 0);
    // Blocked on purpose, so that something is queued for sure.
    let (go, wait) = mpsc::channel::<()>();
    let begun = Tally::new();
    let one = Runtime::builder().worker_threads(1).build().expect("a runtime");
    let count = begun.clone();
    let blocked = one.spawn(async move {
        count.count();
        wait.recv().expect("it is told to go on");
    });
    wait_until("it blocks", || begun.counted() == 1);
    // By the worker or, if it is kept from its processor for so long that it looks stuck, by a spare.
    let seen: WorkerMetrics = one.metrics().total();
    assert_eq!(seen.polls, 1);
    assert_eq!(one.handle().metrics().total().polls, 1);
    go.send(()).expect("it waits");
    one.block_on(blocked).expect("no panic");
}

#[test]
fn a_handle_works_from_anywhere() {
    let _watchdog = Watchdog::usual();
    let (one, two) = (runtime(1), runtime(2));
    let handle = one.handle().clone();
    // From the task of another runtime, it still means the first.
    let elsewhere = two.spawn(async move {
        let workers = handle.spawn(async { Handle::current().worker_threads() }).await.expect("no panic");
        let own = spawn(async { Handle::current().worker_threads() }).await.expect("no panic");
        let blocking = handle.spawn_blocking(|| Handle::current().worker_threads()).await.expect("no panic");
        (workers, own, blocking)
    });
    assert_eq!(two.block_on(elsewhere).expect("no panic"), (1, 2, 1));
    let handle = one.handle().clone();
    assert_eq!(
        thread::spawn(move || handle.block_on(async { Handle::current().worker_threads() }))
            .join()
            .expect("no panic"),
        1
    );
}

#[test]
fn a_report_says_nothing_or_who() {
    let report = Report::default();
    assert!(report.is_clean());
    assert!(report.to_string().starts_with("0 tasks aborted"), "{report}");
    assert_eq!(filch::DROP_LIMIT, Duration::from_secs(5));
}

#[test]
fn primitives_stand_where_they_are_said_to_and_fit_into_statics() {
    use filch::sync::{
        Barrier, CapacityLimiter, Condition, Event, Latch, LazyLock, LifoQueue, Lock, Notify, OnceCell,
        PriorityQueue, Queue, RwLock, Semaphore, SetOnce, WaitGroup, broadcast, channel, oneshot, watch,
    };
    static LOCK: Lock<u8> = Lock::new(1);
    static RWLOCK: RwLock<u8> = RwLock::new(1);
    static SEMAPHORE: Semaphore = Semaphore::new(1);
    static BOUNDED: Semaphore = Semaphore::bounded(1);
    static LIMITER: CapacityLimiter = CapacityLimiter::new(1);
    static EVENT: Event = Event::new();
    static NOTIFY: Notify = Notify::new();
    static CONDITION: Condition = Condition::new();
    static BARRIER: Barrier = Barrier::new(1);
    static LATCH: Latch = Latch::new(1);
    static CELL: OnceCell<u8> = OnceCell::new();
    static ONCE: SetOnce<u8> = SetOnce::new();
    static LAZY: LazyLock<u8> = LazyLock::new(|| Box::pin(async { 1 }));
    static QUEUE: Queue<u8> = Queue::bounded(1);
    static PRIORITY: PriorityQueue<u8> = PriorityQueue::unbounded();
    static LIFO: LifoQueue<u8> = LifoQueue::unbounded();

    let _watchdog = Watchdog::usual();
    block_on(async {
        let held = LOCK.lock().await;
        assert_eq!((*held, *RWLOCK.read().await), (1, 1));
        assert!(SEMAPHORE.acquire().await.is_ok() && BOUNDED.acquire().await.is_ok());
        assert!(LIMITER.acquire().await.is_ok());
        EVENT.set();
        EVENT.wait().await;
        NOTIFY.notify_one();
        NOTIFY.notified().await;
        CONDITION.notify_all();
        drop(held);
        assert!(BARRIER.wait().await.expect("not broken").is_leader());
        LATCH.count_down();
        LATCH.wait().await;
        WaitGroup::new().wait().await;
        assert_eq!(CELL.get_or_init(async || 1).await, &1);
        ONCE.set(1).expect("nobody has");
        assert_eq!((ONCE.wait().await, LAZY.force().await), (&1, &1));
        for put in [QUEUE.put(1).await, PRIORITY.put(1).await, LIFO.put(1).await] {
            put.expect("not shut down");
        }
        assert_eq!((QUEUE.get().await, PRIORITY.get().await, LIFO.get().await), (Ok(1), Ok(1), Ok(1)));
    });
    // The macros are at the root, and each pair of ends carries a value.
    let ((sender, receiver), (many, inbox)) = (oneshot::channel(), channel::rendezvous());
    sender.send(1).expect("it listens");
    let received = block_on(async { filch::join!(receiver, many.send(2), inbox.recv()) });
    assert_eq!(received, (Ok(1), Ok(()), Ok(2)));
    let ((broadcast, mut listener), (watch, watcher)) = (broadcast::lossy(1), watch::channel(0));
    broadcast.try_send(1).expect("it listens");
    watch.send(1).expect("it looks");
    assert_eq!((listener.try_recv(), *watcher.borrow()), (Ok(1), 1));
}

/// Compiles only when all of them are what is asked for.
#[test]
fn auto_traits() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    fn unpin<T: Unpin>() {}
    fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
    fn everywhere<T: Send + Sync + Unpin + 'static>() {}

    everywhere::<Runtime>();
    everywhere::<Handle>();
    everywhere::<Builder>();
    everywhere::<AbortHandle>();
    everywhere::<JoinError>();
    everywhere::<Report>();
    everywhere::<StuckTask>();
    everywhere::<RuntimeMetrics>();
    everywhere::<WorkerMetrics>();
    everywhere::<Id>();
    everywhere::<task::Builder>();
    everywhere::<JoinHandle<u32>>();
    // The output is handed over by value, so it need not be `Sync`; and a handle is never pinned.
    everywhere::<JoinHandle<Cell<u32>>>();
    unpin::<JoinHandle<Rc<u32>>>();
    unwind_safe::<JoinHandle<u32>>();
    unwind_safe::<AbortHandle>();
    send::<filch::time::Sleep>();
    sync::<filch::time::Sleep>();
    send::<filch::time::Interval>();
    send::<filch::io::Async<std::net::TcpStream>>();
    sync::<filch::io::Async<std::net::TcpStream>>();
    everywhere::<filch::net::TcpStream>();
    everywhere::<filch::net::TcpListener>();
    everywhere::<filch::net::UdpSocket>();
    everywhere::<filch::sync::Lock<Cell<u32>>>();
    everywhere::<filch::sync::Semaphore>();
    everywhere::<filch::sync::Event>();
    everywhere::<filch::sync::channel::Sender<Cell<u32>>>();
    everywhere::<filch::sync::channel::Receiver<Cell<u32>>>();
    everywhere::<filch::sync::oneshot::Sender<Cell<u32>>>();
    sync::<filch::sync::LockGuard<'static, u32>>();
    send::<filch::sync::LockGuard<'static, u32>>();
}
