//! Progress under abuse: everyone gets a turn, and every job its thread, whatever the others do and however little processor
//! there is.
//!
//! `fairness` and `wakeups` test the promises; here are the shapes of load that have starved or stranded tasks elsewhere.

use filch::sync::channel;
use filch::time::sleep;
use filch::{Runtime, spawn, spawn_blocking, yield_now};
use filch_tests::{Counted, PATIENCE, Tally, Watchdog, child, process, processor, undisturbed, wait_until};
use futures_lite::future::block_on;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

/// A number of rounds, or what is left of it where everything is slow.
fn cut(full: usize) -> usize {
    let cut = std::env::var("FILCH_TEST_CUT").ok().and_then(|cut| cut.parse().ok()).unwrap_or(1_usize);
    (full / cut).max(1)
}

/// Two tasks that do nothing but wake each other, by way of the hot slot, and count their polls.
struct Pair {
    wakers: [Mutex<Option<Waker>>; 2],
    polls: AtomicU64,
    over: AtomicBool,
}

impl Pair {
    fn start(runtime: &Runtime) -> Arc<Self> {
        let pair = Arc::new(Self {
            wakers: Default::default(),
            polls: AtomicU64::new(0),
            over: AtomicBool::new(false),
        });
        for me in 0..2 {
            let pair = pair.clone();
            let half = poll_fn(move |cx| {
                pair.polls.fetch_add(1, Ordering::Relaxed);
                *pair.wakers[me].lock().expect("not poisoned") = Some(cx.waker().clone());
                let other = pair.wakers[1 - me].lock().expect("not poisoned").clone();
                if let Some(other) = other {
                    other.wake();
                }
                if pair.over.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
            });
            runtime.spawn(half).detach();
        }
        pair
    }

    fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }
}

/// two tasks that hand the hot slot to and fro kept a third in the queue for ever.
#[test]
fn whoever_is_queued_beside_a_pair_waits_for_a_few_of_its_polls_each_time() {
    let watchdog = Watchdog::usual();
    // The hot slot is left after three tasks in a row, for one of the queue.
    const STREAK: u64 = 3;
    for queued in [1, 2, 7] {
        let gaps = Mutex::new(Vec::new());
        undisturbed(2000, |runtime, rounds| {
            watchdog.watch("pair", runtime.handle());
            let pair = Pair::start(runtime);
            let queue: Vec<_> = (0..queued)
                .map(|_| {
                    let (pair, mut turns, mut last, mut widest) = (pair.clone(), 0, None, 0);
                    runtime.spawn(poll_fn(move |cx| {
                        let polls = pair.polls();
                        widest = widest.max(polls - last.unwrap_or(polls));
                        last = Some(polls);
                        turns += 1;
                        if turns == rounds {
                            return Poll::Ready(widest);
                        }
                        cx.waker().wake_by_ref();
                        Poll::Pending
                    }))
                })
                .collect();
            *gaps.lock().expect("not poisoned") =
                queue.into_iter().map(|task| block_on(task).expect("no panic")).collect();
            pair.over.store(true, Ordering::Relaxed);
        });
        let gaps = gaps.into_inner().expect("not poisoned");
        assert_eq!(gaps.len(), queued);
        // Once more than that: where the queue is seen empty, because the only one in it runs, the pair goes on.
        let bound = STREAK * (queued as u64 + 1);
        assert!(
            gaps.iter().all(|gap| *gap <= bound),
            "{queued} queued, {gaps:?} polls of the pair between two"
        );
    }
}

/// two groups of tasks that give way after each poll, many with short polls and few with long ones.
#[test]
fn light_and_heavy_polls_take_turns_one_by_one() {
    let watchdog = Watchdog::usual();
    const LIGHT: usize = 40;
    const HEAVY: usize = 5;
    for yields in [true, false] {
        let polls = Mutex::new(Vec::new());
        // Over within a few milliseconds, so that other processes seldom come between.
        undisturbed(30, |runtime, rounds| {
            watchdog.watch("groups", runtime.handle());
            let over = Arc::new(AtomicBool::new(false));
            // Spawned in one poll, so that none begins before the others are there.
            let all = runtime.spawn(async move {
                (0..LIGHT + HEAVY)
                    .map(|n| {
                        let over = over.clone();
                        spawn(async move {
                            let mut polls = 0;
                            while !over.load(Ordering::Relaxed) {
                                polls += 1;
                                let begin = Instant::now();
                                while n >= LIGHT && begin.elapsed() < Duration::from_micros(20) {
                                    std::hint::spin_loop();
                                }
                                // The first of the heavy ones ends it.
                                if n == LIGHT && polls == rounds {
                                    over.store(true, Ordering::Relaxed);
                                }
                                if yields {
                                    yield_now().await;
                                } else {
                                    wake_and_wait().await;
                                }
                            }
                            polls
                        })
                    })
                    .collect::<Vec<_>>()
            });
            let tasks = block_on(all).expect("no panic");
            *polls.lock().expect("not poisoned") =
                tasks.into_iter().map(|task| block_on(task).expect("no panic")).collect();
        });
        let polls: Vec<usize> = polls.into_inner().expect("not poisoned");
        let (least, most) = (polls.iter().min().expect("some"), polls.iter().max().expect("some"));
        assert!(*most <= 2 * least, "with yield_now: {yields}; {polls:?}");
    }
}

/// Gives way by waking itself.
async fn wake_and_wait() {
    let mut woken = false;
    poll_fn(|cx| {
        if woken {
            return Poll::Ready(());
        }
        woken = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// always one job more than there are threads, so that each thread that ends a job must take the one that waits; and
/// threads that are about to end themselves when the next job comes.
#[test]
fn one_job_more_than_threads_again_and_again_across_their_end() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    const CAP: usize = 2;
    let rounds = cut(3000);
    let (ran, values) = (Tally::new(), Tally::new());
    let runtime = Runtime::builder()
        .worker_threads(1)
        .max_blocking_threads(CAP)
        .blocking_keep_alive(Duration::from_micros(50))
        .build()
        .expect("a runtime");
    watchdog.watch("jobs", runtime.handle());
    let clients: Vec<_> = (0..=CAP)
        .map(|n| {
            let (ran, values) = (ran.clone(), values.clone());
            runtime.spawn(async move {
                for round in 0..rounds {
                    let (ran, value) = (ran.clone(), values.value());
                    let job = spawn_blocking(move || {
                        let _value = value;
                        ran.count();
                        round
                    });
                    assert_eq!(job.await.expect("no panic"), round);
                    // Now and then as long as an idle thread lives.
                    if (round + n) % 16 == 0 {
                        sleep(Duration::from_micros(50)).await;
                    }
                }
            })
        })
        .collect();
    for client in clients {
        block_on(client).expect("no panic");
    }
    assert_eq!((ran.counted(), values.made()), ((CAP + 1) * rounds, (CAP + 1) * rounds));
    wait_until("all closures are dropped", || values.alive() == 0);
    assert!(runtime.shutdown(PATIENCE).is_clean());
}

/// B-04: a hundred threads spawn at the very moment when all workers have gone to sleep, again and again.
#[test]
fn a_hundred_threads_find_all_workers_asleep_and_spawn_at_once() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    const THREADS: usize = 100;
    let rounds = cut(30);
    let runtime = Runtime::builder().worker_threads(4).thread_name("flap").build().expect("a runtime");
    watchdog.watch("flap", runtime.handle());
    let (ran, values, gate) = (Tally::new(), Tally::new(), Barrier::new(THREADS + 1));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..rounds {
                    gate.wait();
                    let (ran, value) = (ran.clone(), values.value());
                    let task = runtime.spawn(async move {
                        yield_now().await;
                        ran.count();
                        drop(value);
                    });
                    task.detach();
                }
            });
        }
        for round in 1..=rounds {
            wait_until("all workers sleep", || {
                let threads = process::threads();
                let mut workers = threads.iter().filter(|thread| thread.name.starts_with("flap"));
                workers.all(|worker| worker.state == 'S')
            });
            gate.wait();
            // Nobody else comes who could make up for a lost wake.
            wait_until("each has run", || ran.counted() == round * THREADS);
        }
    });
    wait_until("each is dropped", || values.alive() == 0);
    assert_eq!((ran.counted(), values.made()), (rounds * THREADS, rounds * THREADS));
    assert!(runtime.shutdown(PATIENCE).is_clean());
}

/// B-06: each task spawns two more and waits for neither, until there have been a hundred thousand (a million, optimised).
#[test]
fn two_children_each_that_nobody_waits_for() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let all = cut(if cfg!(debug_assertions) { 100_000 } else { 1_000_000 });
    for workers in [1, 4] {
        let (births, values) = (Tally::new(), Tally::new());
        let runtime = runtime(workers);
        watchdog.watch("family", runtime.handle());
        fn parent(births: Tally, values: Tally, all: usize) {
            for _ in 0..2 {
                // Whoever is born after the last does not spawn, and is not there.
                if births.count() < all {
                    let (value, births, values) = (values.value(), births.clone(), values.clone());
                    let child = spawn(async move {
                        let _value: Counted = value;
                        parent(births, values, all);
                    });
                    child.detach();
                }
            }
        }
        let first = (births.clone(), values.clone());
        block_on(runtime.spawn(async move { parent(first.0, first.1, all) })).expect("no panic");
        wait_until("the family has died out", || values.made() == all && values.alive() == 0);
        // Two asked by the first and by each of the others.
        assert_eq!(births.counted(), 2 * (all + 1));
        assert!(runtime.shutdown(PATIENCE).is_clean());
    }
}

/// eight workers on one processor, and on what others leave of it: only slower.
#[test]
fn eight_workers_on_one_processor_do_all_there_is_to_do() {
    let watchdog = Watchdog::new(Duration::from_secs(100));
    const TEST: &str = "eight_workers_on_one_processor_do_all_there_is_to_do";
    const ALONE: &str = "one processor";
    const LEFT_OVER: &str = "what is left of one processor";
    let Some(role) = child::role() else {
        child::run_well(TEST, ALONE);
        child::run_well(TEST, LEFT_OVER);
        return;
    };
    processor::pin_to_one();
    if role == LEFT_OVER {
        processor::idle_class();
    }
    let runtime = runtime(8);
    watchdog.watch("eight", runtime.handle());
    const TASKS: usize = 64;
    let rounds = cut(50);
    let values = Tally::new();
    let (sender, receiver) = channel::bounded(4);
    let senders: Vec<_> = (0..TASKS)
        .map(|n| {
            let (sender, values) = (sender.clone(), values.clone());
            runtime.spawn(async move {
                for round in 0..rounds {
                    sender.send(values.value()).await.expect("somebody receives");
                    match (n + round) % 8 {
                        0 => sleep(Duration::from_micros(300)).await,
                        1 => spawn_blocking(thread::yield_now).await.expect("no panic"),
                        2 => thread::yield_now(),
                        _ => yield_now().await,
                    }
                }
            })
        })
        .collect();
    drop(sender);
    let receivers: Vec<_> = (0..3)
        .map(|_| {
            let receiver = receiver.clone();
            runtime.spawn(async move {
                let mut received = 0;
                while let Ok(value) = receiver.recv().await {
                    received += 1;
                    drop::<Counted>(value);
                }
                received
            })
        })
        .collect();
    for task in senders {
        block_on(task).expect("no panic");
    }
    let received: usize = receivers.into_iter().map(|task| block_on(task).expect("no panic")).sum();
    assert_eq!((received, values.made(), values.alive()), (TASKS * rounds, TASKS * rounds, 0));
    assert!(runtime.shutdown(PATIENCE).is_clean());
}

/// B-02: a thousand workers work, or it is said why there cannot be so many; nobody can have as many as there are numbers.
#[test]
fn a_thousand_workers_or_a_word_about_them() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    const TEST: &str = "a_thousand_workers_or_a_word_about_them";
    if child::role().is_none() {
        child::run_well(TEST, "crowd");
        return;
    }
    const WORKERS: usize = 1000;
    let crowd = |workers| {
        Runtime::builder().worker_threads(workers).thread_name("crowd").thread_stack_size(256 << 10)
    };
    for workers in [1 << 20, usize::MAX] {
        let error = crowd(workers).build().expect_err("too many workers");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
        assert!(error.to_string().contains("worker_threads"), "{error}");
    }
    match crowd(WORKERS).build() {
        Ok(runtime) => {
            assert_eq!(
                (runtime.handle().worker_threads(), runtime.metrics().workers.len()),
                (WORKERS, WORKERS)
            );
            let values = Tally::new();
            for round in 0..3 {
                let tasks: Vec<_> = (0..2 * WORKERS)
                    .map(|n| {
                        let value = values.value();
                        runtime.spawn(async move {
                            if n % 7 == round {
                                sleep(Duration::from_millis(1)).await;
                            }
                            let below = spawn(async move { drop(value) });
                            yield_now().await;
                            below.await.expect("no panic");
                            n
                        })
                    })
                    .collect();
                let sum: usize = tasks.into_iter().map(|task| block_on(task).expect("no panic")).sum();
                assert_eq!(sum, WORKERS * (2 * WORKERS - 1));
            }
            assert_eq!((values.made(), values.alive()), (6 * WORKERS, 0));
            assert!(runtime.shutdown(PATIENCE).is_clean());
        }
        // The machine has no room for them, and says so.
        Err(error) => {
            assert!(error.raw_os_error().is_some() || error.kind() == ErrorKind::OutOfMemory, "{error:?}");
        }
    }
    wait_until("all workers are gone", || process::threads_named("crowd") == 0);
}
