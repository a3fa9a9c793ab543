//! Handles dropped, polled, forgotten and aborted at every moment and from everywhere. Entries
//! of the catalogue of abuse; what `structure.rs` and `stress.rs` say already is not said again.

use filch::sync::Semaphore;
use filch::{AbortHandle, JoinHandle, Runtime, yield_now};
use filch_tests::{Counted, Dice, PATIENCE, Tally, Watchdog, at_thread_exit, keep, wait_until};
use futures_lite::future::{block_on, or, poll_once};
use std::future::{Future, poll_fn};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

/// How many times a race is run: `full`, cut as the environment says.
fn rounds(full: usize) -> usize {
    let cut = std::env::var("FILCH_TEST_CUT").ok().and_then(|cut| cut.parse::<usize>().ok());
    (full / cut.unwrap_or(1)).max(10)
}

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

/// Keeps the only worker busy until the sender is dropped.
fn halt(runtime: &Runtime) -> mpsc::Sender<()> {
    let (tell, told) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    runtime
        .spawn(async move {
            tell.send(()).expect("the test listens");
            // Over when the other end is gone.
            let _gone = wait.recv();
        })
        .detach();
    told.recv_timeout(PATIENCE).expect("the worker is there");
    go
}

/// Where a task stands when it is aborted.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Moment {
    Unpolled,
    Idle,
    Queued,
    Running,
    Itself,
    Complete,
}

/// What becomes of its handle.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    DroppedBefore,
    DroppedAfter,
    Detached,
    PolledAndDropped,
    PolledAndAwaited,
    Forgotten,
    Awaited,
}

/// What a test and its task share.
#[derive(Default)]
struct Stage {
    /// Left by the task when it waits; it stands for whoever might wake it.
    waker: Mutex<Option<Waker>>,
    polls: Tally,
    books: Tally,
}

/// A task that comes to the moment meant, and gets no further: but for the one that is complete, which
/// returns its value.
fn bring_to(
    moment: Moment,
    stage: &Arc<Stage>,
    runtime: &Runtime,
) -> (JoinHandle<Counted>, mpsc::Sender<AbortHandle>) {
    let (value, shared) = (stage.books.value(), stage.clone());
    let (go, wait) = mpsc::channel::<AbortHandle>();
    let mut value = Some(value);
    let task = runtime.spawn(poll_fn(move |cx| {
        *shared.waker.lock().expect("not poisoned") = Some(cx.waker().clone());
        shared.polls.count();
        match moment {
            Moment::Complete => return Poll::Ready(value.take().expect("it is polled once")),
            Moment::Running => drop(wait.recv()),
            Moment::Itself => wait.recv().expect("it is told its own name").abort(),
            Moment::Unpolled | Moment::Idle | Moment::Queued => {}
        }
        Poll::Pending
    }));
    (task, go)
}

/// at each moment, once and twice, whatever becomes of the handle.
#[test]
fn aborted_at_every_moment_with_every_fate_of_the_handle() {
    use Fate::*;
    use Moment::*;
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = runtime(1);
    for moment in [Unpolled, Idle, Queued, Running, Itself, Complete] {
        for fate in
            [DroppedBefore, DroppedAfter, Detached, PolledAndDropped, PolledAndAwaited, Forgotten, Awaited]
        {
            for times in [1, 2] {
                let case = format!("{moment:?}, {fate:?}, aborted {times} times");
                let stage = Arc::new(Stage::default());
                let mut halted = (moment == Unpolled).then(|| halt(&runtime));
                let (mut handle, go) = bring_to(moment, &stage, &runtime);
                let abort = handle.abort_handle();
                if moment != Unpolled {
                    wait_until("it is polled", || stage.polls.counted() == 1);
                }
                match moment {
                    Complete => wait_until("it is complete", || abort.is_finished()),
                    Idle | Queued => block_on(runtime.spawn(async {})).expect("the worker has done with it"),
                    Unpolled | Running | Itself => {}
                }
                if moment == Queued {
                    halted = Some(halt(&runtime));
                    stage.waker.lock().expect("not poisoned").as_ref().expect("it waits").wake_by_ref();
                }
                let mut output = None;
                if matches!(fate, PolledAndDropped | PolledAndAwaited) {
                    output = block_on(poll_once(&mut handle));
                    assert_eq!(output.is_some(), moment == Complete, "{case}");
                }
                let mut kept = Some(handle);
                if matches!(fate, DroppedBefore | PolledAndDropped) {
                    kept = None;
                }
                for _ in 0..times {
                    // By the handle while there is one.
                    kept.as_ref().map_or_else(|| abort.abort(), JoinHandle::abort);
                }
                // It may go on now; the one that is to abort itself does so once more.
                let _unheard = go.send(abort.clone());
                drop((go, halted));
                let mut forgotten = 0;
                match (fate, kept) {
                    (Awaited | PolledAndAwaited, Some(handle)) if output.is_none() => {
                        output = Some(block_on(handle));
                    }
                    (Detached, Some(handle)) => handle.detach(),
                    (Forgotten, Some(handle)) => {
                        keep(handle);
                        forgotten = usize::from(moment == Complete);
                    }
                    (_, kept) => drop(kept),
                }
                if let Some(result) = output {
                    match result {
                        Ok(value) => assert_eq!((moment, value.count()), (Complete, 0), "{case}"),
                        Err(error) => assert!(error.is_aborted() && moment != Complete, "{case}: {error}"),
                    }
                }
                wait_until(&case, || abort.is_finished() && stage.books.alive() == forgotten);
                // Whoever could still call it calls in vain.
                let polls = stage.polls.counted();
                stage.waker.lock().expect("not poisoned").take().into_iter().for_each(Waker::wake);
                abort.abort();
                block_on(runtime.spawn(async {})).expect("the worker is well");
                assert_eq!(stage.polls.counted(), polls, "{case}: polled after its end");
                assert_eq!(stage.books.alive(), forgotten, "{case}");
            }
        }
    }
}

/// everybody aborts everybody, in any order, while the tasks end, half the handles go, and in one case
/// the runtime.
#[test]
fn aborted_by_everybody_at_once() {
    const THREADS: usize = 8;
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let mut dice = Dice::new();
    for end in [false, true] {
        let tasks = rounds(10_000);
        let (books, runtime) = (Tally::new(), runtime(2));
        watchdog.watch("aborts", runtime.handle());
        let mut handles: Vec<_> = (0..tasks)
            .map(|task| {
                let value = books.value();
                runtime.spawn(async move {
                    for _ in 0..task % 7 {
                        yield_now().await;
                    }
                    value
                })
            })
            .collect();
        let aborts: Vec<_> = handles.iter().map(JoinHandle::abort_handle).collect();
        let dropped = handles.split_off(tasks / 2);
        let (mut runtime, mut dropped) = (Some(runtime), Some(dropped));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                let (aborts, begin) = (&aborts, dice.below(tasks));
                scope.spawn(move || (begin..begin + tasks).for_each(|task| aborts[task % tasks].abort()));
            }
            drop(dropped.take());
            if end {
                drop(runtime.take());
            }
        });
        for handle in handles {
            match block_on(handle) {
                Ok(value) => drop(value),
                Err(error) => assert!(error.is_aborted(), "{error}"),
            }
        }
        wait_until("those whose handles went have ended", || aborts.iter().all(AbortHandle::is_finished));
        wait_until("the outputs that nobody wants are gone", || books.alive() == 0);
        assert_eq!((books.made(), books.dropped()), (tasks, tasks));
    }
}

/// Aborts another in its destructor.
struct AbortsOther {
    _value: Counted,
    others: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Drop for AbortsOther {
    fn drop(&mut self) {
        // Taken out first: the lock is free again when they are aborted.
        let others = self.others.lock().expect("not poisoned").clone();
        others.iter().for_each(AbortHandle::abort);
    }
}

/// tasks whose destructors abort each other and themselves.
#[test]
fn aborted_in_each_others_destructors() {
    const TASKS: usize = 20;
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    for first in 0..TASKS {
        let (books, others) = (Tally::new(), Arc::new(Mutex::new(Vec::new())));
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let held = AbortsOther { _value: books.value(), others: others.clone() };
                runtime.spawn(async move {
                    let _held = held;
                    std::future::pending::<()>().await;
                })
            })
            .collect();
        *others.lock().expect("not poisoned") = tasks.iter().map(JoinHandle::abort_handle).collect();
        tasks[first].abort();
        for task in tasks {
            assert!(block_on(task).expect_err("it never ends by itself").is_aborted());
        }
        assert_eq!(books.dropped(), TASKS);
    }
}

/// rings of tasks that await each other, one of which awaits itself, end with their runtime, or with
/// any one of them.
#[test]
fn awaited_in_a_ring() {
    let _watchdog = Watchdog::usual();
    for size in [1, 2, 50] {
        for end in ["drop", "shutdown", "abort"] {
            let (books, runtime) = (Tally::new(), runtime(2));
            let (waiting, told) = (Tally::new(), Tally::new());
            let (mut hands, mut tasks) = (Vec::new(), Vec::new());
            for _ in 0..size {
                let (hand, next) = filch::sync::oneshot::channel::<JoinHandle<()>>();
                let (value, count, after) = (books.value(), waiting.clone(), told.clone());
                tasks.push(runtime.spawn(async move {
                    let _held = value;
                    let next = next.await.expect("it is handed over");
                    count.count();
                    let _over = next.await;
                    after.count();
                }));
                hands.push(hand);
            }
            let aborts: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
            tasks.rotate_left(1);
            for (hand, next) in hands.into_iter().zip(tasks) {
                hand.send(next).expect("it is waited for");
            }
            wait_until("all wait", || waiting.counted() == size);
            assert_eq!(books.alive(), size);
            match end {
                "drop" => drop(runtime),
                "shutdown" => assert!(runtime.shutdown(PATIENCE).is_clean()),
                _ => {
                    aborts[size / 2].abort();
                    wait_until("one after the other ends", || books.alive() == 0);
                    assert_eq!(told.counted(), size - 1, "all but the one aborted were told");
                }
            }
            assert_eq!(books.dropped(), size, "{size}, {end}");
            assert!(told.counted() < size, "whoever was the first to go was not told");
        }
    }
}

/// a handle that loses a thousand races, on its way from worker to worker, still has the output.
#[test]
fn polled_in_races_while_the_task_ends() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = runtime(2);
    let books = Tally::new();
    let tasks = rounds(100);
    for task in 0..tasks {
        let (value, losses) = (books.value(), 1 + task * 1000 / tasks);
        let mut handle = runtime.spawn(async move {
            for _ in 0..losses {
                yield_now().await;
            }
            value
        });
        let racing = runtime.spawn(async move {
            loop {
                let lost = async {
                    yield_now().await;
                    None
                };
                if let Some(result) = or(async { Some((&mut handle).await) }, lost).await {
                    return result.expect("nobody aborts it");
                }
            }
        });
        let output = block_on(racing).expect("no panic");
        output.count();
        assert_eq!(books.alive(), 1, "there is one output");
    }
    assert_eq!((books.counted(), books.dropped()), (tasks, tasks));
}

/// the handle goes in every way in the instant in which the output comes.
#[test]
fn dropped_while_the_output_comes() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = runtime(1);
    let books = Tally::new();
    let rounds = rounds(4000);
    for round in 0..rounds {
        let (start, value) = (Arc::new(Barrier::new(2)), books.value());
        let here = start.clone();
        let mut handle = runtime.spawn(async move {
            here.wait();
            value
        });
        start.wait();
        match round % 4 {
            0 => drop(handle),
            1 => {
                handle.abort();
                drop(handle);
            }
            2 => {
                let output = block_on(poll_once(&mut handle));
                drop((handle, output));
            }
            _ => drop(block_on(handle).expect("nobody aborts it")),
        }
        wait_until("the output is gone", || books.alive() == 0);
    }
    assert_eq!((books.made(), books.dropped()), (rounds, rounds));
}

/// what a handle still holds when its runtime is gone and its thread dies is dropped there, once.
#[test]
fn used_and_dropped_in_the_last_moments_of_a_thread() {
    let _watchdog = Watchdog::usual();
    for gone in [false, true] {
        let (books, said, runtime) = (Tally::new(), Tally::new(), runtime(1));
        let ended = |value: Counted| runtime.spawn(async move { value });
        let idle = |value: Counted| {
            runtime.spawn(async move {
                let _held = value;
                std::future::pending::<Counted>().await
            })
        };
        let complete = [(); 3].map(|()| ended(books.value()));
        wait_until("three are complete", || complete.iter().all(JoinHandle::is_finished));
        let idle = [(); 3].map(|()| idle(books.value()));
        let runtime =
            if gone { runtime.shutdown(PATIENCE).is_clean().then_some(None) } else { Some(Some(runtime)) };
        let runtime = runtime.expect("it ends cleanly");
        let say = said.clone();
        thread::spawn(move || {
            at_thread_exit(move || {
                let [one, two, three] = complete;
                drop(one);
                drop(block_on(two).expect("it is complete"));
                three.abort();
                three.detach();
                let [one, two, three] = idle;
                one.abort();
                assert!(block_on(one).expect_err("it never ends").is_aborted());
                two.abort();
                drop(two);
                three.abort_handle().abort();
                keep(three);
                say.count();
            });
        })
        .join()
        .expect("no panic");
        assert_eq!(said.counted(), 1, "its last words are said");
        wait_until("all is gone", || books.alive() == 0);
        assert_eq!(books.dropped(), 6);
        drop(runtime);
    }
}

/// A task of some steps, each of which holds one value and one permit more than the one before.
async fn in_steps(steps: usize, stage: Arc<Stage>, permits: Arc<Semaphore>) {
    let mut held = Vec::new();
    for _ in 0..steps {
        let value = stage.books.value();
        stage.polls.count();
        held.push((permits.acquire().await, value));
    }
}

/// a task aborted at each of its awaits gives back what it holds by then, and does not go a step
/// further.
#[test]
fn aborted_at_every_await_from_everywhere() {
    const STEPS: usize = 12;
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    for step in 0..=STEPS {
        for place in ["inside", "another task", "a plain thread", "a closure", "a guest"] {
            let (stage, permits) = (Arc::new(Stage::default()), Arc::new(Semaphore::new(step)));
            let (name, own) = mpsc::channel::<AbortHandle>();
            let mut inner = Box::pin(in_steps(STEPS, stage.clone(), permits.clone()));
            let task = runtime.spawn(poll_fn(move |cx| {
                let polled = inner.as_mut().poll(cx);
                if place == "inside" {
                    own.recv().expect("it is told its own name").abort();
                }
                polled
            }));
            let begun = (step + 1).min(STEPS);
            let abort = task.abort_handle();
            if place != "inside" {
                wait_until("it stands at its await", || stage.polls.counted() == begun);
            }
            match place {
                "inside" => name.send(abort).expect("it waits"),
                "another task" => block_on(runtime.spawn(async move { abort.abort() })).expect("no panic"),
                "a plain thread" => thread::spawn(move || abort.abort()).join().expect("no panic"),
                "a closure" => block_on(runtime.spawn_blocking(move || abort.abort())).expect("no panic"),
                _ => runtime.block_on(async { abort.abort() }),
            }
            match block_on(task) {
                Ok(()) => assert_eq!(step, STEPS, "{place}: it has all its permits"),
                Err(error) => assert!(error.is_aborted() && step < STEPS, "{step}, {place}: {error}"),
            }
            assert_eq!(stage.polls.counted(), begun, "{step}, {place}: it went on");
            assert_eq!((stage.books.made(), stage.books.alive()), (begun, 0), "{step}, {place}");
            assert_eq!(permits.available_permits(), step, "{step}, {place}: every permit is back");
        }
    }
}
