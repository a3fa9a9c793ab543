//! Wakers used in ways, at moments and in numbers that nobody would choose. Entries of the
//! catalogue of abuse; what `wakeups.rs` and `regressions_tasks.rs` say already is not said again.

use filch::sync::{Event, Lock, Semaphore, channel, oneshot};
use filch::{AbortHandle, Runtime};
use filch_tests::{Counted, PATIENCE, Rogue, Tally, Watchdog, at_thread_exit, keep, wait_until};
use futures_lite::future::block_on;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Barrier, Mutex, MutexGuard, mpsc};
use std::task::{Context, Poll, Waker};
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

/// Counts its polls, hands its waker over in the first, and ends in the one after `pending` others.
fn hands_over(value: Counted, hand: mpsc::Sender<Waker>, pending: usize) -> impl Future<Output = ()> + Send {
    let mut polls = 0;
    poll_fn(move |cx| {
        value.count();
        if polls == 0 {
            hand.send(cx.waker().clone()).expect("somebody listens");
        }
        polls += 1;
        if polls > pending { Poll::Ready(()) } else { Poll::Pending }
    })
}

/// The wakers of three tasks, each polled once: one that would end in its next poll, one that has ended, and
/// one aborted.
fn wakers_of(runtime: &Runtime, books: &Tally) -> Vec<Waker> {
    let (hand, wakers) = mpsc::channel();
    runtime.spawn(hands_over(books.value(), hand.clone(), 1)).detach();
    let ended = runtime.spawn(hands_over(books.value(), hand.clone(), 0));
    let aborted = runtime.spawn(hands_over(books.value(), hand, usize::MAX));
    let wakers = (0..3).map(|_| wakers.recv_timeout(PATIENCE).expect("it is polled")).collect();
    aborted.abort();
    block_on(ended).expect("no panic");
    assert!(block_on(aborted).expect_err("it never ends").is_aborted());
    assert_eq!((books.counted(), books.alive()), (3, 1));
    wakers
}

/// Does everything that can be done to a waker, and gives it up.
fn use_up(waker: Waker) {
    let clone = waker.clone();
    assert!(clone.will_wake(&waker));
    clone.wake_by_ref();
    clone.wake();
    waker.wake_by_ref();
    drop(waker);
}

/// in the destructors of a thread's data, before and after those of the runtime, which may be gone
/// altogether.
#[test]
fn used_up_in_the_last_moments_of_a_thread() {
    let _watchdog = Watchdog::usual();
    for gone in [false, true] {
        // A thread without business with the runtime, and guests whose closure was there before the runtime's
        // own data, and after.
        for (guest, early) in [(false, true), (true, true), (true, false)] {
            let (books, said) = (Tally::new(), Tally::new());
            let runtime = runtime(1);
            let wakers = wakers_of(&runtime, &books);
            let (handle, say) = (runtime.handle().clone(), said.clone());
            let (tell, told) = mpsc::channel();
            let (go, wait) = mpsc::channel::<()>();
            let dying = thread::spawn(move || {
                let wakers = Rc::new(RefCell::new(wakers));
                let last = wakers.clone();
                let words = move || {
                    for waker in last.borrow_mut().drain(..) {
                        use_up(waker);
                        say.count();
                    }
                };
                let mut words = Some(words);
                if early {
                    at_thread_exit(words.take().expect("it is there"));
                }
                if guest {
                    let own = handle.block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
                    wakers.borrow_mut().push(own);
                }
                if let Some(words) = words {
                    at_thread_exit(words);
                }
                tell.send(()).expect("the test listens");
                wait.recv().expect("it is told");
            });
            told.recv_timeout(PATIENCE).expect("it is ready to die");
            let runtime = if gone {
                assert!(runtime.shutdown(PATIENCE).is_clean());
                None
            } else {
                Some(runtime)
            };
            go.send(()).expect("it waits");
            dying.join().expect("no panic");
            assert_eq!(said.counted(), 3 + usize::from(guest));
            wait_until("nothing is left", || books.alive() == 0);
            assert_eq!(books.counted(), if gone { 3 } else { 4 }, "polls, guest: {guest}, early: {early}");
            drop(runtime);
        }
    }
}

/// the same on a worker, which dies because its runtime does.
#[test]
fn used_up_in_the_last_moments_of_a_worker() {
    let _watchdog = Watchdog::usual();
    let (books, said) = (Tally::new(), Tally::new());
    let (runtime, elsewhere) = (runtime(1), runtime(1));
    // Of its own tasks, and of tasks that live on.
    let mut wakers = wakers_of(&runtime, &books);
    let others = Tally::new();
    wakers.extend(wakers_of(&elsewhere, &others));
    let say = said.clone();
    let task = runtime.spawn(async move {
        at_thread_exit(move || {
            for waker in wakers {
                use_up(waker);
                say.count();
            }
        });
    });
    block_on(task).expect("no panic");
    assert!(runtime.shutdown(PATIENCE).is_clean());
    wait_until("the worker's last words are said", || said.counted() == 6);
    assert_eq!((books.counted(), books.alive()), (3, 0));
    wait_until("the task that was woken elsewhere has ended", || others.alive() == 0);
    assert_eq!(others.counted(), 4);
}

/// How a task ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Ready,
    ReadyAndWoken,
    Panic,
    Abort,
    Runtime,
}

/// A future that wakes itself in every way when it is dropped.
struct WakesItself {
    value: Counted,
    own: Option<Waker>,
    end: End,
}

impl Future for WakesItself {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.own = Some(cx.waker().clone());
        self.value.count();
        match self.end {
            End::ReadyAndWoken => cx.waker().wake_by_ref(),
            End::Panic => panic!("on purpose: a future that wakes itself in its destructor"),
            End::Ready | End::Abort | End::Runtime => {}
        }
        if matches!(self.end, End::Ready | End::ReadyAndWoken) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for WakesItself {
    fn drop(&mut self) {
        use_up(self.own.take().expect("it was polled"));
    }
}

/// whoever is being dropped is not polled again, however loudly it calls.
#[test]
fn woken_in_the_destructor_of_its_own_future() {
    let _watchdog = Watchdog::usual();
    for end in [End::Ready, End::ReadyAndWoken, End::Panic, End::Abort, End::Runtime] {
        for _ in 0..rounds(50) {
            let (books, runtime) = (Tally::new(), runtime(1));
            let task = runtime.spawn(WakesItself { value: books.value(), own: None, end });
            wait_until("it is polled", || books.counted() == 1);
            match end {
                End::Ready | End::ReadyAndWoken => block_on(task).expect("no panic"),
                End::Panic => assert!(block_on(task).expect_err("it panics").is_panic()),
                End::Abort => {
                    task.abort();
                    assert!(block_on(task).expect_err("it never ends").is_aborted());
                }
                End::Runtime => task.detach(),
            }
            if end != End::Runtime {
                assert_eq!(books.alive(), 0, "{end:?}");
                block_on(runtime.spawn(async {})).expect("the worker is well");
            }
            assert!(runtime.shutdown(PATIENCE).is_clean());
            assert_eq!((books.counted(), books.alive()), (1, 0), "{end:?}");
        }
    }
}

/// Where the tasks of a ring leave their wakers.
type Ring = Arc<Vec<Mutex<Option<Waker>>>>;

/// One of a ring: waits until it is woken, and wakes the next in its destructor.
struct WakesTheNext {
    value: Counted,
    ring: Ring,
    place: usize,
    polled: bool,
}

impl Future for WakesTheNext {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.polled {
            self.value.count();
            return Poll::Ready(());
        }
        self.polled = true;
        *self.ring[self.place].lock().expect("not poisoned") = Some(cx.waker().clone());
        self.value.count();
        Poll::Pending
    }
}

impl Drop for WakesTheNext {
    fn drop(&mut self) {
        let next = &self.ring[(self.place + 1) % self.ring.len()];
        let waker = next.lock().expect("not poisoned").take();
        waker.into_iter().for_each(use_up);
    }
}

/// one abort ends a ring of tasks whose destructors wake the next, and so does the runtime's end.
#[test]
fn woken_in_the_destructor_of_another_task() {
    const TASKS: usize = 100;
    let _watchdog = Watchdog::usual();
    for workers in [1, 2] {
        for abort in [true, false] {
            let (books, runtime) = (Tally::new(), runtime(workers));
            let ring: Ring = Arc::new((0..TASKS).map(|_| Mutex::new(None)).collect());
            let tasks: Vec<_> = (0..TASKS)
                .map(|place| {
                    runtime.spawn(WakesTheNext {
                        value: books.value(),
                        ring: ring.clone(),
                        place,
                        polled: false,
                    })
                })
                .collect();
            wait_until("all wait", || books.counted() == TASKS);
            if abort {
                tasks[0].abort();
                let results: Vec<_> = tasks.into_iter().map(block_on).collect();
                assert!(results[0].as_ref().is_err_and(filch::JoinError::is_aborted));
                assert!(results[1..].iter().all(Result::is_ok), "somebody was not woken");
                assert_eq!(books.counted(), 2 * TASKS - 1);
                assert_eq!(books.alive(), 0);
            }
            assert!(runtime.shutdown(PATIENCE).is_clean());
            assert_eq!(books.dropped(), TASKS);
            assert!(books.counted() < 2 * TASKS, "somebody was polled twice for one wake");
        }
    }
}

/// Takes a lock in its poll and in its destructor. Leaves its waker in it, and ends in its second poll.
struct TakesTheLock {
    value: Counted,
    lock: Arc<Mutex<Option<Waker>>>,
    polled: bool,
}

impl Future for TakesTheLock {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polled = std::mem::replace(&mut self.polled, true);
        let mut slot = self.lock.lock().expect("not poisoned");
        self.value.count();
        if polled {
            return Poll::Ready(());
        }
        *slot = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for TakesTheLock {
    fn drop(&mut self) {
        drop(self.lock.lock());
    }
}

/// nothing of a task runs inside a wake, an abort, or the drop of the last that could wake it.
#[test]
fn used_by_who_holds_the_lock_that_the_task_takes() {
    let _watchdog = Watchdog::usual();
    type Deed = fn(&mut MutexGuard<'_, Option<Waker>>, AbortHandle);
    let deeds: [(&str, usize, Deed); 3] = [
        ("wake", 2, |held, _| held.take().expect("it waits").wake()),
        ("abort", 1, |held, abort| {
            abort.abort();
            drop(abort);
            drop(held.take());
        }),
        ("last drop", 1, |held, abort| {
            drop(abort);
            drop(held.take());
        }),
    ];
    for (name, polls, deed) in deeds {
        for place in ["a thread", "a dying thread", "a guest", "a task of the same worker", "a closure"] {
            let (books, runtime) = (Tally::new(), runtime(1));
            let lock = Arc::new(Mutex::new(None));
            let task =
                runtime.spawn(TakesTheLock { value: books.value(), lock: lock.clone(), polled: false });
            let abort = task.abort_handle();
            task.detach();
            wait_until("it waits", || lock.lock().expect("not poisoned").is_some());
            let under_lock = move || deed(&mut lock.lock().expect("not poisoned"), abort);
            match place {
                "a thread" => thread::spawn(under_lock).join().expect("no panic"),
                "a dying thread" => {
                    thread::spawn(|| at_thread_exit(under_lock)).join().expect("no panic");
                }
                "a guest" => runtime.block_on(async { under_lock() }),
                "a closure" => block_on(runtime.spawn_blocking(under_lock)).expect("no panic"),
                _ => block_on(runtime.spawn(async { under_lock() })).expect("no panic"),
            }
            wait_until("it is gone", || books.alive() == 0);
            assert_eq!(books.counted(), polls, "{name} in {place}");
        }
    }
}

/// a million clones, made and dropped by four threads, count exactly; a million forgotten keep a future
/// until its runtime ends, and no longer.
#[test]
fn cloned_a_million_times() {
    const THREADS: usize = 4;
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    let each = rounds(1_000_000 / THREADS);
    for forgotten in [false, true] {
        let (books, runtime) = (Tally::new(), runtime(1));
        let (hand, wakers) = mpsc::channel();
        runtime.spawn(hands_over(books.value(), hand, usize::MAX)).detach();
        let waker = wakers.recv_timeout(PATIENCE).expect("it is polled");
        let start = Barrier::new(THREADS);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    let clones: Vec<_> = (0..each).map(|_| waker.clone()).collect();
                    if forgotten { keep(clones) } else { drop(clones) }
                });
            }
        });
        assert_eq!((books.counted(), books.alive()), (1, 1), "it goes with its last waker, not before");
        waker.wake_by_ref();
        wait_until("it is polled again", || books.counted() == 2);
        drop(waker);
        if forgotten {
            block_on(runtime.spawn(async {})).expect("the worker is well");
            assert_eq!(books.alive(), 1, "somebody might still wake it");
            assert!(runtime.shutdown(PATIENCE).is_clean());
            assert_eq!(books.alive(), 0);
        } else {
            wait_until("it goes with its last waker", || books.alive() == 0);
        }
        assert_eq!(books.counted(), 2);
    }
}

/// Polls `future` with one waker after another, while it is being told. Whoever polled last before it was
/// ready is woken, or the poll after finds it ready.
fn swaps_wakers<F: Future>(what: &str, future: F, patient: bool) -> F::Output {
    let mut future = Box::pin(future);
    let mut rogues = Vec::new();
    let output = loop {
        let rogue = Rogue::harmless();
        let polled = rogue.poll(future.as_mut());
        rogues.push(rogue);
        if let Poll::Ready(output) = polled {
            break output;
        }
        if patient && rogues.len() > 2 {
            wait_until(what, || rogues[rogues.len() - 1].wakes() > 0);
        }
    };
    drop(future);
    let alive = || rogues.iter().map(|rogue| rogue.alive()).sum::<usize>();
    wait_until("no waker is kept", || alive() == 0);
    let woken = rogues.iter().filter(|rogue| rogue.wakes() > 0).count();
    assert!(woken <= 1, "{what}: {woken} wakers were woken for one event");
    output
}

/// the swap of one waker for another while the wait ends.
#[test]
fn swapped_while_the_wait_ends() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = runtime(2);
    let books = Tally::new();
    let rounds = rounds(1000);
    for round in 0..rounds {
        let patient = round % 2 == 0;
        let value = books.value();
        let task = runtime.spawn(async move { value });
        drop(swaps_wakers("the join is told", task, patient).expect("no panic"));
        let (sender, receiver) = oneshot::channel();
        let value = books.value();
        runtime.spawn(async move { sender.send(value).expect("it is waited for") }).detach();
        drop(swaps_wakers("the oneshot is told", receiver, patient).expect("it is sent"));
        let (sender, receiver) = channel::bounded(1);
        let value = books.value();
        // The other sender stays: the close of the channel would be another event, which may wake the next
        // waker.
        let open = sender.clone();
        runtime.spawn(async move { sender.send(value).await.expect("it is waited for") }).detach();
        drop(swaps_wakers("the receiver is told", receiver.recv(), patient).expect("it is sent"));
        drop(open);
    }
    assert_eq!((books.made(), books.alive()), (3 * rounds, 0));
}

/// Begins a wait with nobody to wake and gives it up; begins another so, and has a task end it.
#[track_caller]
fn begun_for_nobody<F>(what: &str, runtime: &Runtime, make: impl Fn() -> F, tell: impl FnOnce())
where
    F: Future<Output = ()> + Send + 'static,
{
    let begin = || {
        let mut wait = Box::pin(make());
        assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending(), "{what}");
        wait
    };
    let (dropped, ended) = (begin(), begin());
    drop(dropped);
    let polls = Tally::new();
    let (count, mut ended) = (polls.clone(), ended);
    let task = runtime.spawn(poll_fn(move |cx| {
        let polled = ended.as_mut().poll(cx);
        count.count();
        polled
    }));
    wait_until(what, || polls.counted() == 1);
    tell();
    block_on(task).expect(what);
    assert_eq!(polls.counted(), 2, "{what}: polled for its one wake");
}

/// a wait polled with a waker that does nothing is no less a wait, and leaves its turn when it is
/// dropped.
#[test]
fn that_do_nothing_stand_in_nobodys_way() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let lock = Arc::new(Lock::new(()));
    let guard = lock.try_lock().expect("it is free");
    let make = || {
        let lock = lock.clone();
        async move { drop(lock.lock().await) }
    };
    begun_for_nobody("a lock", &runtime, make, || drop(guard));
    assert!(lock.try_lock().is_some(), "it is free again");

    let permits = Arc::new(Semaphore::new(0));
    let make = || {
        let permits = permits.clone();
        async move { drop(permits.acquire().await) }
    };
    begun_for_nobody("a permit", &runtime, make, || permits.add_permits(1));
    assert!(permits.try_acquire().is_ok(), "the permit is back");

    let event = Arc::new(Event::new());
    let make = || {
        let event = event.clone();
        async move { event.wait().await }
    };
    begun_for_nobody("an event", &runtime, make, || event.set());

    for (sender, receiver) in [channel::bounded(1), channel::unbounded(), channel::rendezvous()] {
        let make = || {
            let receiver = receiver.clone();
            async move { assert_eq!(receiver.recv().await, Ok(1)) }
        };
        begun_for_nobody("a message", &runtime, make, || sender.send_blocking(1).expect("somebody waits"));
        assert!(receiver.try_recv().is_err(), "it was received once");
    }

    let go = Arc::new(Event::new());
    let make = || {
        let go = go.clone();
        let task = runtime.spawn(async move { go.wait().await });
        async move { task.await.expect("no panic") }
    };
    begun_for_nobody("a join", &runtime, make, || go.set());
}
