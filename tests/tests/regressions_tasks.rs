//! What went wrong elsewhere with tasks, wakers and handles, and must not go wrong here.
//!
//! Each test names its entry (`R-…`) in the list of bugs that others really had; `REGRESSIONS.md` has the
//! whole list, with the tests, models and properties that stand for the entries not found here.

use filch::io::Async;
use filch::net::{TcpListener, TcpStream};
use filch::sync::{Event, Lock, Semaphore, channel, oneshot};
use filch::time::{sleep, sleep_until, timeout};
use filch::{Runtime, spawn, spawn_blocking, spawn_local, yield_now};
use filch_tests::{Counted, PATIENCE, Rogue, Tally, Watchdog, wait_until};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use std::future::{Future, pending, poll_fn};
use std::io;
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// How many times a race is run: `full`, cut as the environment says.
fn rounds(full: usize) -> usize {
    let cut = std::env::var("FILCH_TEST_CUT").ok().and_then(|cut| cut.parse::<usize>().ok());
    (full / cut.unwrap_or(1)).max(10)
}

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

/// A future that hands its waker over in its first poll, and ends in the next. It counts its polls in its
/// books.
fn ends_when_woken(value: Counted, hand: mpsc::Sender<Waker>) -> impl Future<Output = ()> + Send {
    let mut hand = Some(hand);
    poll_fn(move |cx| {
        value.count();
        match hand.take() {
            Some(hand) => {
                hand.send(cx.waker().clone()).expect("somebody listens");
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    })
}

/// a wake by value gives the last reference away; a worker ran and freed the task before who woke it
/// had done with it.
#[test]
fn the_last_waker_given_by_value_outlives_its_own_wake() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    let books = Tally::new();
    let rounds = rounds(4000);
    let (hand, wakers) = mpsc::channel::<Waker>();
    let waking = thread::spawn(move || wakers.into_iter().for_each(Waker::wake));
    for _ in 0..rounds {
        runtime.spawn(ends_when_woken(books.value(), hand.clone())).detach();
    }
    drop(hand);
    wait_until("every task has ended", || books.alive() == 0 && books.made() == rounds);
    waking.join().expect("no panic");
    assert_eq!(books.counted(), 2 * rounds, "each is polled once, and once more for its one wake");
}

/// a wake queued the task and then told the executor of it, which its owner had dropped in between.
#[test]
fn a_wake_that_races_the_runtimes_drop_touches_nothing_of_it() {
    let _watchdog = Watchdog::usual();
    let elsewhere = runtime(1);
    for round in 0..rounds(300) {
        let books = Tally::new();
        let runtime = runtime(1 + round % 2);
        let (hand, wakers) = mpsc::channel();
        for _ in 0..3 {
            runtime.spawn(ends_when_woken(books.value(), hand.clone())).detach();
        }
        let [one, two, three] = [(); 3].map(|()| wakers.recv_timeout(PATIENCE).expect("it was polled"));
        let start = Arc::new(Barrier::new(3));
        // By value and by reference from a plain thread, by value from a worker of another runtime.
        let from_a_thread = {
            let start = start.clone();
            thread::spawn(move || {
                start.wait();
                one.wake();
                two.wake_by_ref();
            })
        };
        let from_a_worker = {
            let start = start.clone();
            elsewhere.spawn(async move {
                start.wait();
                three.wake();
            })
        };
        start.wait();
        drop(runtime);
        from_a_thread.join().expect("no panic");
        futures_lite::future::block_on(from_a_worker).expect("no panic");
        assert_eq!(books.alive(), 0, "a future was left over");
        assert!((3..=6).contains(&books.counted()), "{} polls of three tasks", books.counted());
    }
}

/// Tells which thread dropped it.
struct TellsWhere(mpsc::Sender<ThreadId>);

impl Drop for TellsWhere {
    fn drop(&mut self) {
        self.0.send(thread::current().id()).expect("the test listens");
    }
}

/// an abort dropped the future on the thread that aborted, though it was not `Send`.
#[test]
fn an_abort_from_another_thread_drops_a_local_future_at_home() {
    let _watchdog = Watchdog::usual();
    async fn aborted_from_elsewhere(polled_before: bool) {
        let (tell, told) = mpsc::channel();
        let home = thread::current().id();
        let held = (Rc::new(()), TellsWhere(tell));
        let (begin, begun) = oneshot::channel();
        let task = spawn_local(async move {
            let _held = held;
            begin.send(()).expect("it is waited for");
            pending::<()>().await;
        });
        if polled_before {
            begun.await.expect("it begins");
        }
        let abort = task.abort_handle();
        thread::spawn(move || {
            abort.abort();
            abort.abort();
        })
        .join()
        .expect("no panic");
        assert!(task.await.expect_err("it never ends by itself").is_aborted());
        assert_eq!(told.try_recv(), Ok(home), "dropped by another thread, or not at all");
    }
    let runtime = runtime(1);
    for polled_before in [false, true] {
        for _ in 0..rounds(100) {
            runtime.block_on(aborted_from_elsewhere(polled_before));
            let on_a_worker = runtime.spawn(aborted_from_elsewhere(polled_before));
            futures_lite::future::block_on(on_a_worker).expect("no panic");
        }
    }
}

/// the mending of R-05 made an abort do nothing when the handle was dropped straight after.
#[test]
fn an_abort_followed_at_once_by_the_handles_drop_still_ends_the_task() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    let (books, wakers) = (Tally::new(), Arc::new(Mutex::new(Vec::new())));
    for round in 0..rounds(2000) {
        let (value, kept) = (books.value(), wakers.clone());
        // Its waker stays, so that it is not dropped for want of anybody who could wake it.
        let task = runtime.spawn(poll_fn(move |cx| {
            value.count();
            kept.lock().expect("not poisoned").push(cx.waker().clone());
            Poll::<()>::Pending
        }));
        if round % 2 == 0 {
            wait_until("it is idle", || wakers.lock().expect("not poisoned").len() == books.counted());
        }
        task.abort();
        drop(task);
    }
    wait_until("all of them are dropped", || books.alive() == 0);
    wakers.lock().expect("not poisoned").drain(..).for_each(Waker::wake);
}

/// a wake by reference, and the drop of that last waker, freed a task that was in a queue.
#[test]
fn a_task_woken_by_the_waker_that_is_then_dropped_is_still_polled() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let books = Tally::new();
    let (hand, wakers) = mpsc::channel();
    for round in 0..rounds(500) {
        runtime.spawn(ends_when_woken(books.value(), hand.clone())).detach();
        let waker = wakers.recv_timeout(PATIENCE).expect("it was polled");
        // Busy, so that the woken task lies in a queue for a while.
        let (busy, go) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let (here, until) = (busy.clone(), go.clone());
        let blocked = runtime.spawn(async move {
            here.wait();
            until.wait();
        });
        busy.wait();
        waker.wake_by_ref();
        if round % 2 == 0 {
            waker.wake_by_ref();
        }
        drop(waker);
        go.wait();
        futures_lite::future::block_on(blocked).expect("no panic");
        wait_until("it has ended", || books.alive() == 0);
        assert_eq!(books.counted(), 2 * (round + 1), "it is polled for its wake, once");
    }
}

/// wakers pointed at the stack, or at a thread-local, of a `block_on` that was over.
#[test]
fn the_waker_of_a_block_on_outlives_it_its_thread_and_its_runtime() {
    let _watchdog = Watchdog::usual();
    let (hand, wakers) = mpsc::channel::<Waker>();
    let leave = |hand: &mpsc::Sender<Waker>| {
        let hand = hand.clone();
        poll_fn(move |cx| {
            hand.send(cx.waker().clone()).expect("the test listens");
            Poll::Ready(())
        })
    };
    let runtime = runtime(1);
    let handle = runtime.handle().clone();
    thread::spawn({
        let hand = hand.clone();
        move || {
            handle.block_on(leave(&hand));
            filch::block_on(leave(&hand));
            // More of them than there are places for guests, each inside the one before.
            handle.block_on(async { filch::block_on(async { filch::block_on(leave(&hand)) }) });
            let nested = hand.clone();
            let task = handle.spawn(async move { filch::block_on(leave(&nested)) });
            handle.block_on(task).expect("no panic");
        }
    })
    .join()
    .expect("no panic");
    assert!(runtime.shutdown(PATIENCE).is_clean());
    drop(hand);
    let mut used = 0;
    for waker in wakers {
        let clone = waker.clone();
        clone.wake_by_ref();
        thread::spawn(move || clone.wake()).join().expect("no panic");
        waker.wake();
        used += 1;
    }
    assert_eq!(used, 4);
}

/// Polls `future` a hundred times, each with a waker unlike the others, then has `tell` end its wait.
#[track_caller]
fn keeps_one_waker<F: Future>(name: &str, future: F, tell: impl FnOnce()) {
    let mut future = pin!(future);
    let rogues: Vec<_> = (0..100).map(|_| Rogue::harmless()).collect();
    let alive = || rogues.iter().map(|rogue| rogue.alive()).sum::<usize>();
    for rogue in &rogues {
        assert!(rogue.poll(future.as_mut()).is_pending(), "{name}: it was to wait");
        assert!(alive() <= 1, "{name}: {} wakers are kept", alive());
    }
    let last = &rogues[rogues.len() - 1];
    tell();
    wait_until("the last waker is woken", || last.wakes() > 0);
    let before = rogues.iter().map(|rogue| rogue.wakes()).sum::<usize>();
    assert_eq!(before, last.wakes(), "{name}: a waker that had been replaced was woken");
    wait_until("it is over", || last.poll(future.as_mut()).is_ready());
    assert_eq!(alive(), 0, "{name}: wakers stay behind");
}

/// two wakers of one task looked unlike, each poll added another, and the list grew without bound.
#[test]
fn a_wait_polled_with_another_waker_each_time_keeps_the_last_alone() {
    let _watchdog = Watchdog::usual();
    let lock = Lock::new(());
    let guard = lock.try_lock().expect("it is free");
    keeps_one_waker("lock", lock.lock(), || drop(guard));
    let permits = Semaphore::new(0);
    keeps_one_waker("semaphore", permits.acquire(), || permits.add_permits(1));
    let event = Event::new();
    keeps_one_waker("event", event.wait(), || event.set());
    for (sender, receiver) in [channel::bounded(1), channel::unbounded()] {
        keeps_one_waker("receive", receiver.recv(), || sender.try_send(1).expect("there is room"));
    }
    let (sender, receiver) = channel::bounded(1);
    sender.try_send(1).expect("there is room");
    keeps_one_waker("send", sender.send(2), || assert_eq!(receiver.try_recv(), Ok(1)));
    let (sender, receiver) = channel::rendezvous();
    keeps_one_waker("rendezvous", sender.send(1), || assert_eq!(receiver.try_recv(), Ok(1)));
    let (sender, receiver) = oneshot::channel();
    keeps_one_waker("oneshot", receiver, || sender.send(1).expect("it is waited for"));
    let (mut sender, receiver) = oneshot::channel::<()>();
    keeps_one_waker("closed", sender.closed(), || drop(receiver));
    let runtime = runtime(1);
    let (go, wait) = oneshot::channel::<()>();
    keeps_one_waker("join", runtime.spawn(wait), || go.send(()).expect("it is waited for"));
    keeps_one_waker("sleep", sleep_until(Instant::now() + Duration::from_millis(100)), || {});
    let (here, there) = UnixStream::pair().expect("sockets");
    let here = Async::new(here).expect("it is registered");
    keeps_one_waker("readable", here.readable(), || {
        io::Write::write_all(&mut &there, b"x").expect("there is room");
    });
}

/// a future that kept its own waker was a circle of references, and stayed for ever.
#[test]
fn a_future_that_holds_its_own_waker_goes_with_its_abort_or_its_runtime() {
    let _watchdog = Watchdog::usual();
    let (books, runtime) = (Tally::new(), runtime(1));
    let holds_itself = || {
        let value = books.value();
        async move {
            let own = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
            value.count();
            pending::<()>().await;
            drop((own, value));
        }
    };
    let task = runtime.spawn(holds_itself());
    for _ in 0..10 {
        runtime.spawn(holds_itself()).detach();
    }
    wait_until("all wait", || books.counted() == 11);
    task.abort();
    assert!(futures_lite::future::block_on(task).expect_err("it never ends").is_aborted());
    assert_eq!(books.alive(), 10);
    assert!(runtime.shutdown(PATIENCE).is_clean());
    assert_eq!(books.alive(), 0, "circles are broken by the end");
}

/// One of every wait there is, one after the other.
async fn every_wait(value: Counted) -> io::Result<()> {
    let value = Arc::new(value);
    yield_now().await;
    sleep(Duration::from_micros(100)).await;
    assert!(timeout(Duration::from_micros(100), pending::<()>()).await.is_err());
    let held = value.clone();
    spawn(async move { drop(held) }).await.map_err(io::Error::other)?;
    let held = value.clone();
    spawn_blocking(move || drop(held)).await.map_err(io::Error::other)?;
    let lock = Arc::new(Lock::new(()));
    let guard = lock.clone().lock_owned().await;
    spawn(async move { drop(guard) }).detach();
    drop(lock.lock().await);
    let permits = Arc::new(Semaphore::new(0));
    let event = Arc::new(Event::new());
    let (more, set) = (permits.clone(), event.clone());
    spawn(async move {
        more.add_permits(2);
        yield_now().await;
        set.set();
    })
    .detach();
    drop(permits.acquire_many(2).await);
    event.wait().await;
    for (sender, receiver) in [channel::bounded(1), channel::rendezvous()] {
        let held = value.clone();
        spawn(async move {
            for _ in 0..3 {
                if sender.send(held.clone()).await.is_err() {
                    return;
                }
            }
        })
        .detach();
        while let Ok(one) = receiver.recv().await {
            drop(one);
        }
    }
    let (sender, receiver) = oneshot::channel();
    let held = value.clone();
    spawn(async move { drop(sender.send(held)) }).detach();
    drop(receiver.await);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let held = value.clone();
    spawn(async move {
        let mut stream = TcpStream::connect(address).await?;
        yield_now().await;
        stream.write_all(b"x").await?;
        drop(held);
        io::Result::Ok(())
    })
    .detach();
    let (mut stream, _peer) = listener.accept().await?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await?;
    assert_eq!(all, b"x");
    Ok(())
}

/// a future that had run half-way panicked when it was dropped.
#[test]
fn a_future_may_be_dropped_after_any_number_of_polls() {
    let _watchdog = Watchdog::usual();
    let (books, runtime) = (Tally::new(), runtime(2));
    // More waits than this, so that a machine on which everything is ready at once would be noticed.
    const FEWEST: usize = 8;
    let mut polls = 0;
    loop {
        let value = books.value();
        let cut_short = runtime.spawn(async move {
            let mut whole: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(every_wait(value));
            let mut left = polls;
            poll_fn(move |cx: &mut Context<'_>| {
                if left == 0 {
                    return Poll::Ready(None);
                }
                left -= 1;
                match whole.as_mut().poll(cx) {
                    Poll::Ready(done) => Poll::Ready(Some(done)),
                    // Dropped there and then, not when a wake comes.
                    Poll::Pending if left == 0 => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await
        });
        let ended = futures_lite::future::block_on(cut_short).expect("no panic");
        wait_until("what it had given to others is dropped, too", || books.alive() == 0);
        if let Some(done) = ended {
            done.expect("it works");
            break;
        }
        polls += 1;
    }
    assert!(polls > FEWEST, "only {polls} polls from beginning to end");
    assert!(runtime.shutdown(PATIENCE).is_clean());
}
