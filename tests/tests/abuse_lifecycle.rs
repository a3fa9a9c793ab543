//! Runtimes ended at every moment, by everybody, in every place.
//!
//! What must hold: an end ends, calls nothing stuck that is not, leaves no thread and no value behind, and whoever holds a handle
//! learns its outcome.

use filch::io::AsyncReadExt;
use filch::net::{TcpListener, TcpStream};
use filch::time::sleep;
use filch::{
    DROP_LIMIT, JoinError, JoinHandle, Report, Runtime, block_on, spawn, spawn_blocking, spawn_local,
    yield_now,
};
use filch_tests::{
    Dice, PATIENCE, Tally, Watchdog, child, on_wake, pending_until_dropped, process, wait_until,
};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::panic::panic_any;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// Far below the limit of a drop, and far above what an end takes.
const QUICK: Duration = Duration::from_secs(3);

fn runtime(workers: usize) -> Runtime {
    named(workers, "life")
}

fn named(workers: usize, name: &str) -> Runtime {
    Runtime::builder().worker_threads(workers).thread_name(name).build().expect("a runtime")
}

// At every moment.

/// A runtime and the moment at which it is to end: when so many events have passed. Whoever makes the last of them does it.
#[derive(Clone)]
struct Moment(Arc<Mutex<Pending>>);

struct Pending {
    events_left: usize,
    runtime: Option<Runtime>,
    end: fn(Runtime, &mpsc::Sender<Report>),
    report: mpsc::Sender<Report>,
}

impl Moment {
    /// One event. The deed is done outside the lock: it may take a while, and events go on meanwhile.
    fn pass(&self) {
        let mut pending = self.0.lock().expect("not poisoned");
        if pending.events_left > 0 {
            pending.events_left -= 1;
            return;
        }
        let Some(runtime) = pending.runtime.take() else { return };
        let (end, report) = (pending.end, pending.report.clone());
        drop(pending);
        end(runtime, &report);
    }

    fn has_passed(&self) -> bool {
        self.0.lock().expect("not poisoned").runtime.is_none()
    }
}

fn end(runtime: Runtime, report: &mpsc::Sender<Report>) {
    report.send(runtime.shutdown(PATIENCE)).expect("the test listens");
}

fn end_in_a_thread(runtime: Runtime, report: &mpsc::Sender<Report>) {
    let report = report.clone();
    thread::spawn(move || end(runtime, &report));
}

fn end_in_a_blocking_job(runtime: Runtime, report: &mpsc::Sender<Report>) {
    let (handle, report) = (runtime.handle().clone(), report.clone());
    handle.spawn_blocking(move || end(runtime, &report)).detach();
}

fn end_in_anothers_task(runtime: Runtime, report: &mpsc::Sender<Report>) {
    let report = report.clone();
    spawn_on_another(async move { end(runtime, &report) });
}

fn spawn_on_another(task: impl Future<Output = ()> + Send + 'static) {
    static OTHER: Mutex<Option<Runtime>> = Mutex::new(None);
    OTHER.lock().expect("not poisoned").get_or_insert_with(|| named(1, "other")).spawn(task).detach();
}

fn end_in_a_dying_thread(runtime: Runtime, report: &mpsc::Sender<Report>) {
    struct Last(Option<(Runtime, mpsc::Sender<Report>)>);
    impl Drop for Last {
        fn drop(&mut self) {
            let (runtime, report) = self.0.take().expect("dropped once");
            end(runtime, &report);
        }
    }
    thread_local!(static LAST: RefCell<Option<Last>> = const { RefCell::new(None) });
    let report = report.clone();
    thread::spawn(move || LAST.with(|last| *last.borrow_mut() = Some(Last(Some((runtime, report))))));
}

/// Passes a moment when it is dropped, which is an event as well.
struct PassesWhenDropped(Moment);

impl Drop for PassesWhenDropped {
    fn drop(&mut self) {
        self.0.pass();
    }
}

/// Some of everything, an event at each step. Ends by itself after about forty events.
async fn busy(moment: Moment, books: Tally) -> Result<(), JoinError> {
    let _value = books.value();
    let pass = || moment.pass();
    pass();
    let child = spawn({
        let (moment, value) = (moment.clone(), books.value());
        async move {
            moment.pass();
            yield_now().await;
            let _passes = PassesWhenDropped(moment);
            value.count();
        }
    });
    pass();
    yield_now().await;
    pass();
    let closure = spawn_blocking({
        let (moment, value) = (moment.clone(), books.value());
        move || {
            moment.pass();
            value.count();
            moment.pass();
        }
    });
    pass();
    sleep(Duration::from_micros(50)).await;
    pass();
    child.await?;
    pass();
    closure.await?;
    pass();
    let local = spawn_local({
        let (moment, value) = (moment.clone(), books.value());
        async move {
            moment.pass();
            sleep(Duration::from_micros(20)).await;
            moment.pass();
            value.count();
        }
    });
    let aborted = spawn({
        let passes = PassesWhenDropped(moment.clone());
        let value = books.value();
        async move {
            let _passes = passes;
            pending_until_dropped(value).await;
        }
    });
    yield_now().await;
    pass();
    aborted.abort();
    pass();
    let _ended = aborted.await;
    pass();
    block_on(async {
        moment.pass();
        sleep(Duration::from_micros(20)).await;
        moment.pass();
    });
    let _either = talk(&moment).await;
    pass();
    // A local task of a guest waits for its thread to be inside again.
    drop(local);
    Ok(())
}

/// A connection to oneself, an event at each step.
async fn talk(moment: &Moment) -> std::io::Result<()> {
    use filch::io::AsyncWriteExt;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    moment.pass();
    let mut client = TcpStream::connect(listener.local_addr()?).await?;
    moment.pass();
    let (mut server, _) = listener.accept().await?;
    moment.pass();
    let answer = spawn({
        let moment = moment.clone();
        async move {
            let mut bytes = [0; 2];
            server.read_exact(&mut bytes).await?;
            moment.pass();
            server.write_all(&bytes).await
        }
    });
    client.write_all(b"hi").await?;
    moment.pass();
    client.read_exact(&mut [0; 2]).await?;
    moment.pass();
    answer.await.map_err(std::io::Error::other)?
}

/// Ends a busy runtime after `events` events by `deed`, and looks at what is left. True if it was busy for that long.
fn end_after(events: usize, deed: fn(Runtime, &mpsc::Sender<Report>), watchdog: &Watchdog) -> bool {
    let books = Tally::new();
    let runtime = runtime(1 + events % 2);
    watchdog.watch("busy", runtime.handle());
    let handle = runtime.handle().clone();
    let (report, reports) = mpsc::channel();
    let pending = Pending { events_left: events, runtime: Some(runtime), end: deed, report };
    let moment = Moment(Arc::new(Mutex::new(pending)));
    let tasks: Vec<_> = (0..2).map(|_| handle.spawn(busy(moment.clone(), books.clone()))).collect();
    let guest = {
        let (handle, moment, books) = (handle.clone(), moment.clone(), books.clone());
        thread::spawn(move || handle.block_on(busy(moment, books)))
    };
    // A guest is told of the end by what it waits for, never left waiting.
    let _either = guest.join().expect("no panic");
    for task in tasks {
        if let Err(error) = futures_lite::future::block_on(task) {
            assert!(error.is_aborted(), "{error}");
        }
    }
    let in_time = moment.has_passed();
    while !moment.has_passed() {
        moment.pass();
    }
    let report = reports.recv_timeout(PATIENCE).expect("somebody ends it");
    assert!(report.is_clean(), "after {events} events: {report}");
    assert!(report.elapsed < QUICK, "after {events} events: {report}");
    assert!(handle.has_ended());
    wait_until("every value is dropped", || books.alive() == 0);
    in_time
}

#[test]
fn an_end_after_each_event_by_whoever_made_it() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let events = (0..1000).find(|&events| !end_after(events, end, &watchdog));
    assert!(events.expect("it ends by itself") > 30, "there is something to interrupt");
}

#[test]
fn an_end_after_each_event_from_elsewhere() {
    let watchdog = Watchdog::new(Duration::from_secs(100));
    let deeds = [end_in_a_thread, end_in_a_blocking_job, end_in_anothers_task, end_in_a_dying_thread];
    for (n, deed) in deeds.into_iter().enumerate() {
        // Each begins elsewhere, and together they do not leave out many.
        let events = (n..1000).step_by(3).find(|&events| !end_after(events, deed, &watchdog));
        assert!(events.expect("it ends by itself") > 30, "there is something to interrupt");
    }
}

#[test]
fn an_exit_of_the_process_after_this_or_that_event() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    const TEST: &str = "an_exit_of_the_process_after_this_or_that_event";
    let Some(role) = child::role() else {
        let mut dice = Dice::new();
        for _ in 0..12 {
            child::run_well(TEST, &dice.below(90).to_string());
        }
        return;
    };
    fn exit(_: Runtime, _: &mpsc::Sender<Report>) {
        std::process::exit(0);
    }
    let watchdog = Watchdog::usual();
    end_after(role.parse().expect("a number"), exit, &watchdog);
    unreachable!("it has exited");
}

// In every place.

/// Puts a runtime where `deed` can take it, and waits until it has: returns how long the end took.
#[derive(Clone)]
struct Taken {
    runtime: Arc<Mutex<Option<Runtime>>>,
    ended: mpsc::Sender<Duration>,
}

impl Taken {
    fn new(runtime: Runtime) -> (Self, mpsc::Receiver<Duration>) {
        let (ended, ends) = mpsc::channel();
        (Self { runtime: Arc::new(Mutex::new(Some(runtime))), ended }, ends)
    }

    fn handle(&self) -> filch::Handle {
        let runtime = self.runtime.lock().expect("not poisoned");
        runtime.as_ref().expect("nobody has taken it yet").handle().clone()
    }

    /// Drops the runtime, here and now, unless somebody did before.
    fn drop_it(&self) {
        let runtime = self.runtime.lock().expect("not poisoned").take();
        if let Some(runtime) = runtime {
            let begin = Instant::now();
            drop(runtime);
            self.ended.send(begin.elapsed()).expect("the test listens");
        }
    }
}

#[track_caller]
fn ended_quickly(ends: &mpsc::Receiver<Duration>) {
    let took = ends.recv_timeout(PATIENCE).expect("the runtime is dropped");
    assert!(took < QUICK, "the drop took {took:?}, and its limit is {DROP_LIMIT:?}");
}

/// Polls `future` with `waker` in a task of `runtime` until it was registered, and then goes on waiting.
fn wait_with<F>(runtime: &filch::Handle, waker: Waker, future: F) -> JoinHandle<()>
where
    F: Future + Send + 'static,
{
    let (polled, registered) = mpsc::channel();
    let task = runtime.spawn(async move {
        let mut future = pin!(future);
        let first = future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending();
        drop(waker);
        polled.send(first).expect("the test listens");
        std::future::pending::<()>().await;
    });
    assert!(registered.recv_timeout(PATIENCE).expect("it is polled"), "it was to wait");
    task
}

#[test]
fn a_runtime_dropped_by_the_waker_of_its_own_timer() {
    let _watchdog = Watchdog::usual();
    for workers in [1, 2] {
        let (taken, ends) = Taken::new(runtime(workers));
        let handle = taken.handle();
        let waker = on_wake(move || taken.drop_it());
        let nap = Duration::from_millis(5);
        let mut sleeps = Box::pin(sleep(nap));
        // One whose time has come before it was polled begins anew.
        let registered = poll_fn(move |cx| {
            while sleeps.as_mut().poll(cx).is_ready() {
                sleeps.as_mut().reset(Instant::now() + nap);
            }
            Poll::<()>::Pending
        });
        let task = wait_with(&handle, waker, registered);
        ended_quickly(&ends);
        assert!(futures_lite::future::block_on(task).expect_err("its runtime has ended").is_aborted());
    }
}

#[test]
fn a_runtime_dropped_by_the_waker_of_its_own_socket() {
    let _watchdog = Watchdog::usual();
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let (mut one, mut other) =
            runtime.block_on(async { filch::net::UnixStream::pair() }).expect("a pair");
        let handle = runtime.handle().clone();
        let (taken, ends) = Taken::new(runtime);
        let waker = on_wake(move || taken.drop_it());
        let task = wait_with(&handle, waker, async move { one.read(&mut [0]).await });
        use filch::io::AsyncWriteExt;
        futures_lite::future::block_on(other.write_all(b"x")).expect("there is room");
        ended_quickly(&ends);
        assert!(futures_lite::future::block_on(task).expect_err("its runtime has ended").is_aborted());
    }
}

#[test]
fn a_runtime_dropped_by_the_waker_of_who_waits_for_its_task_or_closure() {
    let _watchdog = Watchdog::usual();
    for blocking in [false, true] {
        let (taken, ends) = Taken::new(runtime(1));
        let (go, wait) = mpsc::channel::<()>();
        let work = move || wait.recv().expect("it is told to go on");
        let handle = taken.handle();
        let mut task =
            if blocking { handle.spawn_blocking(work) } else { handle.spawn(async move { work() }) };
        let waker = on_wake(move || taken.drop_it());
        assert!(Pin::new(&mut task).poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        go.send(()).expect("it waits");
        ended_quickly(&ends);
        futures_lite::future::block_on(task).expect("it had returned");
    }
}

#[test]
fn a_runtime_dropped_by_a_waker_that_its_own_task_wakes() {
    let _watchdog = Watchdog::usual();
    let (taken, ends) = Taken::new(runtime(1));
    let handle = taken.handle();
    let (sender, receiver) = filch::sync::channel::bounded::<()>(1);
    let waker = on_wake(move || taken.drop_it());
    let waits = wait_with(&handle, waker, async move { receiver.recv().await });
    let sends = handle.spawn(async move {
        sender.send(()).await.expect("there is a receiver");
        yield_now().await;
        unreachable!("its runtime has ended");
    });
    ended_quickly(&ends);
    for task in [waits, sends] {
        assert!(futures_lite::future::block_on(task).expect_err("its runtime has ended").is_aborted());
    }
}

#[test]
fn a_runtime_that_is_the_output_or_the_panic_of_its_own_task() {
    let _watchdog = Watchdog::usual();
    struct Last(Taken);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.drop_it();
        }
    }
    // Nobody waits for the outcome, so it is dropped where it came to be: on a thread of that very runtime.
    for way in 0..6 {
        let (taken, ends) = Taken::new(runtime(1 + way % 2));
        let handle = taken.handle();
        let last = Last(taken);
        match way {
            0 | 1 => handle.spawn(async move { last }).detach(),
            2 => handle.spawn_blocking(move || last).detach(),
            3 => drop(handle.spawn(async move { panic_any(last) as () })),
            4 => drop(handle.spawn_blocking(move || panic_any(last) as ())),
            _ => {
                let error =
                    futures_lite::future::block_on(handle.spawn(async move { panic_any(last) as () }));
                drop(error.expect_err("it panicked"));
            }
        }
        ended_quickly(&ends);
    }
}

#[test]
fn a_runtime_dropped_while_its_own_task_unwinds_and_while_it_is_aborted() {
    let _watchdog = Watchdog::usual();
    struct Last(Taken);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.drop_it();
        }
    }
    for abort in [false, true] {
        let (taken, ends) = Taken::new(runtime(1));
        let handle = taken.handle();
        let last = Last(taken);
        let (polled, registered) = mpsc::channel();
        let task = handle.spawn(async move {
            let _last = last;
            polled.send(()).expect("the test listens");
            if abort {
                std::future::pending::<()>().await;
            }
            panic!("on purpose, with a runtime in hand");
        });
        registered.recv_timeout(PATIENCE).expect("it runs");
        task.abort();
        ended_quickly(&ends);
        let error = futures_lite::future::block_on(task).expect_err("it panicked or was aborted");
        assert_eq!(error.is_aborted(), abort, "{error}");
    }
}

#[test]
fn a_runtime_dropped_in_hooks_of_its_own_threads() {
    let _watchdog = Watchdog::usual();
    for stop in [false, true] {
        let slot = Arc::new(Mutex::new(None::<Taken>));
        let take = {
            let slot = slot.clone();
            move || {
                // Only on a thread that comes or goes while the runtime is up: one of the blocking pool.
                let is_blocking = thread::current().name().is_some_and(|name| name.contains("blocking"));
                let taken = slot.lock().expect("not poisoned").take().filter(|_| is_blocking);
                taken.into_iter().for_each(|taken| taken.drop_it());
            }
        };
        let builder = Runtime::builder().worker_threads(1).blocking_keep_alive(Duration::from_millis(1));
        let builder = if stop { builder.on_thread_stop(take) } else { builder.on_thread_start(take) };
        let runtime = builder.build().expect("a runtime");
        wait_until("the worker has begun", || runtime.metrics().total().parks > 0);
        let handle = runtime.handle().clone();
        let (taken, ends) = Taken::new(runtime);
        *slot.lock().expect("not poisoned") = Some(taken);
        let job = handle.spawn_blocking(|| ());
        ended_quickly(&ends);
        assert_eq!(
            futures_lite::future::block_on(job).is_ok(),
            stop,
            "run before the thread stops, refused else"
        );
    }
}

#[test]
fn a_runtime_dropped_in_a_panic_hook_of_its_own_worker() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "a_runtime_dropped_in_a_panic_hook_of_its_own_worker";
    if child::role().is_none() {
        child::run_well(TEST, "panic");
        return;
    }
    let (taken, ends) = Taken::new(runtime(2));
    let handle = taken.handle();
    std::panic::set_hook(Box::new(move |_| taken.drop_it()));
    let task = handle.spawn(async { panic!("on purpose") });
    ended_quickly(&ends);
    let _quiet = std::panic::take_hook();
    assert!(futures_lite::future::block_on(task).expect_err("it panicked").is_panic());
}

#[test]
fn a_runtime_dropped_by_the_dying_thread_of_its_own_spare() {
    let _watchdog = Watchdog::usual();
    struct Last(Taken, Arc<Tally>);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.drop_it();
            self.1.count();
        }
    }
    thread_local!(static LAST: RefCell<Option<Last>> = const { RefCell::new(None) });
    // The threads that the end waits for take their time.
    let stopped = Tally::new();
    let stops = stopped.clone();
    let runtime = Runtime::builder()
        .worker_threads(1)
        .thread_name("dying")
        .on_thread_stop(move || {
            if thread::current().name() == Some("dying-0") {
                thread::sleep(Duration::from_millis(100));
                stops.count();
            }
        })
        .build()
        .expect("a runtime");
    let handle = runtime.handle().clone();
    let (taken, ends) = Taken::new(runtime);
    let died = Arc::new(Tally::new());
    let last = Last(taken, died.clone());
    let (go, wait) = mpsc::channel::<()>();
    let begun = Tally::new();
    let begins = begun.clone();
    let stuck = handle.spawn(async move {
        begins.count();
        wait.recv().expect("it is told to go on");
    });
    wait_until("the only worker is stuck", || begun.counted() == 1);
    // So this runs on a spare, which later finds nothing more to do and ends.
    let told = handle.spawn(async move {
        let name = thread::current().name().map(str::to_owned);
        LAST.with(|slot| *slot.borrow_mut() = Some(last));
        name
    });
    let name = futures_lite::future::block_on(told).expect("no panic").expect("it has a name");
    assert!(name.contains("spare"), "{name}");
    go.send(()).expect("it waits");
    futures_lite::future::block_on(stuck).expect("no panic");
    ended_quickly(&ends);
    assert_eq!(stopped.counted(), 1, "the worker had ended when the end was told");
    wait_until("the spare is dead", || process::threads_named("dying") == 0);
    assert_eq!(died.counted(), 1);
}

#[test]
fn runtimes_inside_one_another_go_with_the_outermost() {
    let _watchdog = Watchdog::usual();
    let books = Tally::new();
    // Each is owned by an idle task of the next, and dropped when that is.
    let mut outermost = named(1, "doll");
    for _ in 0..12 {
        let next = named(1, "doll");
        let (inner, value) = (outermost, books.value());
        let (polled, registered) = mpsc::channel();
        next.spawn(async move {
            let _inner = inner;
            polled.send(()).expect("the test listens");
            pending_until_dropped(value).await;
        })
        .detach();
        registered.recv_timeout(PATIENCE).expect("it runs");
        outermost = next;
    }
    let report = outermost.shutdown(PATIENCE);
    assert!(report.is_clean() && report.elapsed < QUICK, "{report}");
    assert_eq!(books.alive(), 0);
    wait_until("no thread is left", || process::threads_named("doll") == 0);
}

#[test]
fn an_end_with_a_hundred_thousand_timers_is_quick_and_leaves_none() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = runtime(2);
    let books = Tally::new();
    let polled = Tally::new();
    let handle = runtime.handle().clone();
    let spawning = (books.clone(), polled.clone());
    let spawns = runtime.spawn(async move {
        let (books, polled) = spawning;
        for n in 0..100_000_u64 {
            let (value, polled) = (books.value(), polled.clone());
            handle
                .spawn(async move {
                    let _value = value;
                    let mut slept = pin!(sleep(Duration::from_secs(1000 + n)));
                    let mut first = true;
                    poll_fn(|cx| {
                        let slept = slept.as_mut().poll(cx);
                        if std::mem::take(&mut first) {
                            polled.count();
                        }
                        slept
                    })
                    .await;
                })
                .detach();
        }
    });
    futures_lite::future::block_on(spawns).expect("no panic");
    wait_until("all of them sleep", || polled.counted() == 100_000);
    let report = runtime.shutdown(PATIENCE);
    assert!(report.is_clean(), "{report}");
    assert!(report.elapsed < Duration::from_secs(10), "{report}");
    assert_eq!((report.aborted, books.alive()), (100_000, 0));
}

#[test]
fn a_thread_local_that_does_not_go_keeps_nobody_beyond_the_limit() {
    let _watchdog = Watchdog::usual();
    struct Stubborn(mpsc::Receiver<()>);
    impl Drop for Stubborn {
        fn drop(&mut self) {
            let _told = self.0.recv();
        }
    }
    thread_local!(static LAST: RefCell<Option<Stubborn>> = const { RefCell::new(None) });
    for _ in 0..3 {
        let runtime = named(2, "stubborn");
        let (go, wait) = mpsc::channel();
        let last = Stubborn(wait);
        let leaves = runtime.spawn(async move { LAST.with(|slot| *slot.borrow_mut() = Some(last)) });
        futures_lite::future::block_on(leaves).expect("no panic");
        let begin = Instant::now();
        let report = runtime.shutdown(Duration::from_millis(50));
        let took = begin.elapsed();
        // Whoever waits for it is told within the limit, whatever became of it.
        assert!(took < QUICK, "it took {took:?}");
        assert!(report.stuck.is_empty(), "{report}");
        go.send(()).expect("it waits");
        wait_until("the thread is gone", || process::threads_named("stubborn") == 0);
    }
}

#[test]
fn a_runtime_dropped_by_a_task_that_runs_inside_others_of_its_own() {
    let _watchdog = Watchdog::usual();
    // A task that blocks runs the local ones of its thread meanwhile, and one of these ends the runtime below itself.
    let (taken, ends) = Taken::new(runtime(1));
    let handle = taken.handle();
    let outer = handle.spawn(async move {
        block_on(async {
            let inner = spawn_local(async move {
                block_on(async {
                    let innermost = spawn_local(async move { taken.drop_it() });
                    innermost.await.expect("it goes on to its end");
                });
            });
            inner.await.expect("it goes on to its end");
        });
        42
    });
    ended_quickly(&ends);
    assert_eq!(futures_lite::future::block_on(outer).expect("its poll goes on to its end"), 42);
}
