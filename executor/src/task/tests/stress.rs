//! Everything at once, on several threads.

use super::{Count, Drops, Queue, poll};
use crate::task::{AbortHandle, JoinHandle, yield_now};
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

const ROUNDS: usize = 5000;

/// A small generator: tests want variety, not quality.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// Waits for a condition; the deadline is only a watchdog.
fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} never came");
        thread::yield_now();
    }
}

/// A thread that runs whatever is queued until told to stop.
fn worker(queue: &Arc<Queue>, stop: &Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let (queue, stop) = (queue.clone(), stop.clone());
    thread::spawn(move || {
        loop {
            // Asked first: what was queued before the stop is run.
            let last = stop.load(Ordering::SeqCst);
            let mut idle = true;
            while queue.run_one() {
                idle = false;
            }
            if last && idle {
                return;
            }
            thread::yield_now();
        }
    })
}

#[test]
fn no_wake_is_lost_between_a_flag_and_a_poll() {
    let queue = Queue::new();
    let stop = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = (0..2).map(|_| worker(&queue, &stop)).collect();
    for _ in 0..ROUNDS {
        let flag = Arc::new(AtomicBool::new(false));
        let kept = Arc::new(Mutex::new(None::<Waker>));
        let (seen, keep) = (flag.clone(), kept.clone());
        let mut handle = queue.spawn(poll_fn(move |cx| {
            if seen.load(Ordering::Relaxed) {
                return Poll::Ready(());
            }
            let mut keep = keep.lock().unwrap();
            if keep.is_none() {
                *keep = Some(cx.waker().clone());
            }
            Poll::Pending
        }));
        wait_for("the first poll", || kept.lock().unwrap().is_some());
        // A plain flag, carried by the wake alone.
        flag.store(true, Ordering::Relaxed);
        kept.lock().unwrap().as_ref().unwrap().wake_by_ref();
        wait_for("the poll after the wake", || handle.is_finished());
        assert!(poll(&mut handle, Waker::noop()).is_ready());
    }
    stop.store(true, Ordering::SeqCst);
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    assert_eq!(queue.live(), 0);
}

#[test]
fn wakes_runs_aborts_joins_and_drops_race() {
    let queue = Queue::new();
    let stop = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = (0..2).map(|_| worker(&queue, &stop)).collect();
    let drops = Drops::default();
    let barrier = Arc::new(Barrier::new(2));
    let (send, receive) = channel::<(Arc<Mutex<Vec<Waker>>>, AbortHandle, u64)>();
    let meddler = {
        let barrier = barrier.clone();
        thread::spawn(move || {
            let mut dice = Dice(99);
            for (wakers, abort, plan) in receive {
                barrier.wait();
                for _ in 0..dice.roll(4) {
                    let waker = wakers.lock().unwrap().pop();
                    match (waker, dice.roll(3)) {
                        (Some(waker), 0) => waker.wake(),
                        (Some(waker), 1) => {
                            waker.wake_by_ref();
                            wakers.lock().unwrap().push(waker);
                        }
                        (Some(waker), _) => drop(waker.clone()),
                        (None, _) => thread::yield_now(),
                    }
                }
                if plan == 0 {
                    abort.abort();
                }
                drop(abort);
                let last = std::mem::take(&mut *wakers.lock().unwrap());
                drop(last);
            }
        })
    };
    let mut dice = Dice(7);
    let (mut joined, mut aborted) = (0, 0);
    for _ in 0..ROUNDS {
        let wakers = Arc::new(Mutex::new(Vec::<Waker>::new()));
        let (keep, guard, polling) = (wakers.clone(), drops.guard(), AtomicUsize::new(0));
        let mut left = dice.roll(4);
        let panics = dice.roll(8) == 0;
        let output = drops.guard();
        let mut output = Some(output);
        let mut handle = queue.spawn(poll_fn(move |cx| {
            let _guard = &guard;
            assert_eq!(polling.fetch_add(1, Ordering::SeqCst), 0, "one poll at a time");
            polling.fetch_sub(1, Ordering::SeqCst);
            if left > 0 {
                left -= 1;
                keep.lock().unwrap().extend([cx.waker().clone(), cx.waker().clone()]);
                return Poll::Pending;
            }
            if panics {
                std::panic::resume_unwind(Box::new("on purpose"));
            }
            Poll::Ready(output.take().unwrap())
        }));
        let abort = handle.abort_handle();
        send.send((wakers, abort, dice.roll(3))).unwrap();
        barrier.wait();
        match dice.roll(4) {
            0 => drop(handle),
            1 => {
                handle.abort();
                drop(handle);
            }
            2 => {
                let (_, waker) = Count::new();
                let waits = poll(&mut handle, &waker).is_pending();
                let (count, waker) = Count::new();
                if waits && poll(&mut handle, &waker).is_pending() {
                    handle.abort();
                    wait_for("the end of an aborted task", || count.get() == 1);
                    assert!(poll(&mut handle, Waker::noop()).is_ready());
                }
                joined += 1;
            }
            _ => {
                handle.abort();
                wait_for("the end of an aborted task", || handle.is_finished());
                let Poll::Ready(result) = poll(&mut handle, Waker::noop()) else {
                    panic!("finished, and pending")
                };
                aborted += usize::from(result.is_err_and(|error| error.is_aborted()));
            }
        }
    }
    drop(send);
    meddler.join().unwrap();
    stop.store(true, Ordering::SeqCst);
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    // Tasks that were left with their own wakers in their futures keep themselves alive until somebody breaks the ring.
    queue.heap.cancel_all(drop);
    queue.run_all();
    assert!(joined > 0 && aborted > 0);
    assert_eq!(queue.live(), 0, "no task is left");
    assert_eq!(drops.get(), 2 * ROUNDS, "futures and outputs, once each");
}

#[test]
fn thousands_are_aborted_from_many_threads_while_they_complete() {
    let queue = Queue::new();
    let drops = Drops::default();
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<JoinHandle<u32>> = (0..10_000)
        .map(|n| {
            let guard = drops.guard();
            queue.spawn(async move {
                let _guard = guard;
                for _ in 0..n % 4 {
                    yield_now().await;
                }
                n
            })
        })
        .collect();
    let aborts: Arc<Vec<AbortHandle>> = Arc::new(tasks.iter().map(JoinHandle::abort_handle).collect());
    let workers: Vec<_> = (0..2).map(|_| worker(&queue, &stop)).collect();
    let aborters: Vec<_> = (0..8)
        .map(|which| {
            let aborts = aborts.clone();
            thread::spawn(move || {
                for abort in aborts.iter().skip(which * 500).step_by(3) {
                    abort.abort();
                }
            })
        })
        .collect();
    aborters.into_iter().for_each(|aborter| aborter.join().unwrap());
    for (n, mut handle) in (0..).zip(tasks) {
        wait_for("the end of every task", || handle.is_finished());
        match poll(&mut handle, Waker::noop()) {
            Poll::Ready(Ok(output)) => assert_eq!(output, n),
            Poll::Ready(Err(error)) => assert!(error.is_aborted()),
            Poll::Pending => panic!("finished, and pending"),
        }
    }
    stop.store(true, Ordering::SeqCst);
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    assert_eq!(drops.get(), 10_000);
    drop(aborts);
    assert_eq!(queue.live(), 0);
}

#[test]
fn the_runtime_goes_while_wakers_are_used() {
    for round in 0..500 {
        let queue = Queue::new();
        let drops = Drops::default();
        let kept = Arc::new(Mutex::new(Vec::<Waker>::new()));
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (keep, guard) = (kept.clone(), drops.guard());
                queue.spawn(poll_fn(move |cx| {
                    let _guard = &guard;
                    keep.lock().unwrap().push(cx.waker().clone());
                    Poll::<()>::Pending
                }))
            })
            .collect();
        queue.run_all();
        let wakers = std::mem::take(&mut *kept.lock().unwrap());
        let barrier = Arc::new(Barrier::new(2));
        let waking = {
            let barrier = barrier.clone();
            thread::spawn(move || {
                barrier.wait();
                wakers.into_iter().for_each(Waker::wake);
            })
        };
        barrier.wait();
        if round % 2 == 0 {
            drop(queue);
            drop(tasks);
        } else {
            drop(tasks);
            drop(queue);
        }
        waking.join().unwrap();
        drop(std::mem::take(&mut *kept.lock().unwrap()));
        assert_eq!(drops.get(), 4);
    }
}

#[test]
fn two_tasks_that_hold_each_others_handles_are_freed() {
    let queue = Queue::new();
    let drops = Drops::default();
    let handles: [Arc<Mutex<Option<JoinHandle<()>>>>; 2] = Default::default();
    for which in 0..2 {
        let (guard, other) = (drops.guard(), handles[1 - which].clone());
        let handle = queue.spawn(async move {
            let _guard = guard;
            // First round: both handles are put into place.
            yield_now().await;
            let other = other.lock().unwrap().take().unwrap();
            let _ = other.await;
        });
        *handles[which].lock().unwrap() = Some(handle);
    }
    queue.run_all();
    assert_eq!(drops.get(), 0, "each waits for the other");
    queue.heap.cancel_all(drop);
    queue.run_all();
    assert_eq!((drops.get(), queue.live()), (2, 0));
}
