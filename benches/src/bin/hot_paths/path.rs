//! The hot paths, each as a program that goes along it so many times.
//!
//! All run in one task on the only worker of a runtime (or in tasks that it spawns there), while the main thread
//! sleeps: so nobody is there to be woken for a backlog, or to steal it. `spawn/outside` alone needs two threads,
//! and lets only one of them run at a time.

use filch::sync::{Lock, Semaphore, channel, oneshot};
use filch::{JoinHandle, Runtime};
use futures_lite::future::poll_once;
use std::future::{Future, poll_fn, ready};
use std::hint::black_box;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::task::{Poll, Waker};
use std::time::Duration;
use std::{process, thread};

/// Every number of operations is a multiple of this: so many tasks are spawned before they run.
pub(crate) const BATCH: usize = 2_000;

/// How many tasks take turns in `yield`.
const YIELDING: usize = 8;

/// One hot path.
pub(crate) struct Path {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    body: Body,
}

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

enum Body {
    /// Runs as a task on the worker.
    Inside(fn(usize) -> BoxFuture),
    /// Runs on the main thread.
    Outside(fn(&Runtime, &mut dyn FnMut(), usize)),
}

macro_rules! inside {
    ($name:literal, $function:ident, $what:literal) => {
        Path { name: $name, what: $what, body: Body::Inside(|times| Box::pin($function(times))) }
    };
}

/// All of them, in the order in which tables show them.
pub(crate) const ALL: &[Path] = &[
    inside!("spawn/inside", spawn_inside, "a task spawns one, detached; it runs"),
    inside!("spawn/join", spawn_join, "a task spawns one and awaits its handle"),
    Path {
        name: "spawn/outside",
        what: "a plain thread spawns a task, detached; it runs",
        body: Body::Outside(spawn_outside),
    },
    inside!("wake", wake, "a task wakes another on its worker, which is polled"),
    inside!("yield", yields, "one of eight tasks gives way and gets its next turn"),
    inside!("lock/free", lock_free, "a free lock is taken and given back, in one poll"),
    inside!("lock/handed-over", lock_handed_over, "a lock held across a yield passes to the task that waits"),
    inside!("semaphore/free", semaphore_free, "a free permit is taken and given back, in one poll"),
    inside!("channel/within", channel_within, "a task sends itself a message and takes it"),
    inside!("channel/to-and-fro", channel_to_and_fro, "a message to another task, and one back"),
    inside!("oneshot", oneshot_message, "a one-shot is made and sent to another task, which waits for it"),
    inside!("timer", timer, "a timer is made, polled once and dropped"),
    inside!("timeout", timeout, "a timeout around what is ready"),
];

impl Path {
    /// Goes along the path for a [`BATCH`] and then `times`, on a runtime that does nothing else; wastes `waste`
    /// instructions for each of `times`, and ends the process. Taking the runtime down is not what is counted.
    ///
    /// `let_start` lets the worker begin. Before, it could fall asleep for want of a task, or not yet have.
    pub(crate) fn go(&self, runtime: &Runtime, let_start: impl FnOnce(), times: usize, waste: usize) -> ! {
        match self.body {
            Body::Inside(body) => {
                let task = runtime.spawn(async move {
                    body(BATCH).await;
                    body(times).await;
                    end(times, waste);
                });
                task.detach();
                let_start();
                loop {
                    thread::park();
                }
            }
            Body::Outside(body) => {
                let mut let_start = Some(let_start);
                body(runtime, &mut || let_start.take().into_iter().for_each(|start| start()), BATCH + times);
                end(times, waste)
            }
        }
    }
}

fn end(times: usize, waste: usize) -> ! {
    for instruction in 0..times * waste {
        black_box(instruction);
    }
    process::exit(0);
}

/// Counts what has been done by tasks of which only one runs at a time: no locked instruction is added to theirs.
fn tally() -> &'static AtomicUsize {
    Box::leak(Box::default())
}

fn count(tally: &AtomicUsize) -> usize {
    let new = tally.load(Ordering::Relaxed) + 1;
    tally.store(new, Ordering::Relaxed);
    new
}

async fn spawn_inside(times: usize) {
    let done = tally();
    for batch in 1..=times / BATCH {
        for _ in 0..BATCH {
            filch::spawn(async move {
                count(done);
            })
            .detach();
        }
        while done.load(Ordering::Relaxed) < batch * BATCH {
            filch::yield_now().await;
        }
    }
}

async fn spawn_join(times: usize) {
    let mut sum = 0;
    for number in 0..times {
        sum += filch::spawn(async move { number }).await.expect("nobody aborts it");
    }
    assert_eq!(sum, (0..times).sum(), "the sum of what the tasks gave back");
}

/// While the thread spawns a batch, a task keeps the worker in its poll; then the thread waits, and the worker runs the
/// batch.
fn spawn_outside(runtime: &Runtime, let_start: &mut dyn FnMut(), times: usize) {
    let done = tally();
    let batches = times / BATCH;
    let (held, wait_held) = mpsc::channel();
    let (release, wait_release) = mpsc::channel::<()>();
    let holder = runtime.spawn(async move {
        for batch in 0..=batches {
            while done.load(Ordering::Relaxed) < batch * BATCH {
                filch::yield_now().await;
            }
            held.send(()).expect("the main thread waits");
            wait_release.recv().expect("the main thread lets go");
        }
    });
    holder.detach();
    let_start();
    for _ in 0..batches {
        wait_held.recv().expect("the worker says when it is held");
        for _ in 0..BATCH {
            let task = runtime.spawn(async move {
                count(done);
            });
            task.detach();
        }
        release.send(()).expect("the worker waits");
    }
    // Never released from the last hold, the worker stands still while the process ends.
    wait_held.recv().expect("the worker says when it is held");
    std::mem::forget(release);
}

/// Two tasks that do nothing but wake each other.
#[derive(Default)]
struct Pair {
    wakers: [OnceLock<Waker>; 2],
    wakes: AtomicUsize,
}

async fn wake(times: usize) {
    let pair: Arc<Pair> = Arc::default();
    let tasks = [0, 1].map(|side| {
        let pair = pair.clone();
        filch::spawn(poll_fn(move |cx| {
            pair.wakers[side].get_or_init(|| cx.waker().clone());
            let over = count(&pair.wakes) > times;
            if let Some(peer) = pair.wakers[1 - side].get() {
                peer.wake_by_ref();
            }
            if over { Poll::Ready(()) } else { Poll::Pending }
        }))
    });
    join(tasks).await;
}

async fn yields(times: usize) {
    let tasks = [(); YIELDING].map(|()| {
        filch::spawn(async move {
            for _ in 0..times / YIELDING {
                filch::yield_now().await;
            }
        })
    });
    join(tasks).await;
}

async fn lock_free(times: usize) {
    let lock = Lock::new(0);
    for _ in 0..times {
        *lock.lock().await += 1;
    }
    assert_eq!(lock.into_inner(), times, "each held the lock alone");
}

async fn lock_handed_over(times: usize) {
    let lock = Arc::new(Lock::new(0));
    let tasks = [(); 2].map(|()| {
        let lock = lock.clone();
        filch::spawn(async move {
            for _ in 0..times / 2 {
                let mut guard = lock.lock().await;
                *guard += 1;
                filch::yield_now().await;
            }
        })
    });
    join(tasks).await;
    assert_eq!(*lock.lock().await, times, "each held the lock alone");
}

async fn semaphore_free(times: usize) {
    let semaphore = Semaphore::new(1);
    for _ in 0..times {
        drop(black_box(semaphore.acquire().await.expect("nobody closes it")));
    }
}

async fn channel_within(times: usize) {
    let (sender, receiver) = channel::bounded(16);
    for number in 0..times {
        sender.try_send(number).expect("there is room");
        assert_eq!(receiver.recv().await, Ok(number));
    }
}

async fn channel_to_and_fro(times: usize) {
    let (to, there) = channel::bounded(1);
    let (fro, back) = channel::bounded(1);
    let echo = filch::spawn(async move {
        while let Ok(number) = there.recv().await {
            fro.send(number).await.expect("the other side listens");
        }
    });
    for number in 0..times {
        to.send(number).await.expect("the other side listens");
        assert_eq!(back.recv().await, Ok(number));
    }
    drop(to);
    echo.await.expect("nobody aborts it");
}

/// What two tasks throw to each other: the way to throw it back, by a one-shot of its own.
struct Ball(oneshot::Sender<Ball>);

async fn oneshot_message(times: usize) {
    let (serve, first) = oneshot::channel();
    let thrown = tally();
    // Throws until enough was thrown; then the one-shots are dropped, which the other side sees.
    let play = move |mut hand: Option<oneshot::Sender<Ball>>, mut next: Option<oneshot::Receiver<Ball>>| async move {
        loop {
            if let Some(receiver) = next.take() {
                let Ok(Ball(sender)) = receiver.await else { return };
                hand = Some(sender);
            }
            let Some(sender) = hand.take() else { return };
            let (back, receiver) = oneshot::channel();
            if count(thrown) > times || sender.send(Ball(back)).is_err() {
                return;
            }
            next = Some(receiver);
        }
    };
    join([filch::spawn(play(None, Some(first))), filch::spawn(play(Some(serve), None))]).await;
}

async fn timer(times: usize) {
    for _ in 0..times {
        let fired = poll_once(filch::time::sleep(Duration::from_secs(60))).await;
        assert!(fired.is_none(), "a timer of a minute has fired");
    }
}

async fn timeout(times: usize) {
    for number in 0..times {
        let output = filch::time::timeout(Duration::from_secs(1), ready(number)).await;
        assert_eq!(output.ok(), Some(number));
    }
}

async fn join<const N: usize>(tasks: [JoinHandle<()>; N]) {
    for task in tasks {
        task.await.expect("nobody aborts it");
    }
}
