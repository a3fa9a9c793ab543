//! What blocks, where nothing should: the blocking forms of every primitive inside tasks, wakers and destructors, and a pool that is
//! used by its own jobs.
//!
//! What must hold: whoever blocks its worker holds up itself alone, and nobody who could go on waits for ever.

use filch::sync::{Event, Lock, Semaphore, channel, oneshot};
use filch::time::sleep;
use filch::{JoinHandle, Runtime, block_on, spawn, spawn_blocking, spawn_local, yield_now};
use filch_tests::{Dice, PATIENCE, Tally, Watchdog, on_wake, pending_until_dropped, wait_until};
use futures_lite::StreamExt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::Context;
use std::thread;
use std::time::Duration;

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

/// Waits for a task without helping.
#[track_caller]
fn join<T>(task: JoinHandle<T>) -> T {
    futures_lite::future::block_on(task).expect("no panic")
}

#[test]
fn the_blocking_form_of_everything_in_tasks_of_a_single_worker() {
    let watchdog = Watchdog::usual();
    let runtime = runtime(1);
    watchdog.watch("single", runtime.handle());
    for round in 0..3_u32 {
        let lock = Arc::new(Lock::new(round));
        let semaphore = Arc::new(Semaphore::new(0));
        let event = Arc::new(Event::new());
        let (one, other) = oneshot::channel();
        let (sender, receiver) = channel::bounded(1);
        let (gives, takes) = channel::rendezvous();
        let guard = lock.clone().try_lock_owned().expect("it is free");
        // All of them block the only worker, in tasks; what lets them go on is in tasks as well, behind them.
        let blocked = [
            runtime.spawn({
                let lock = lock.clone();
                async move { *lock.lock_blocking() }
            }),
            runtime.spawn({
                let semaphore = semaphore.clone();
                async move { semaphore.acquire_blocking().map_or(0, |permit| permit.count() as u32) }
            }),
            runtime.spawn({
                let event = event.clone();
                async move {
                    event.wait_blocking();
                    1
                }
            }),
            runtime.spawn(async move { other.recv_blocking().expect("it is sent") }),
            runtime.spawn(async move { receiver.recv_blocking().expect("it is sent") }),
            runtime.spawn(async move {
                gives.send_blocking(5).expect("somebody takes it");
                5
            }),
        ];
        let lets_go = runtime.spawn(async move {
            sleep(Duration::from_millis(2)).await;
            drop(guard);
            semaphore.add_permits(1);
            event.set();
            one.send(3).expect("it is waited for");
            sender.send(4).await.expect("it is waited for");
            takes.recv().await.expect("it is given")
        });
        assert_eq!(blocked.map(join), [round, 1, 1, 3, 4, 5]);
        assert_eq!(join(lets_go), 5);
    }
}

#[test]
fn blocking_forms_after_a_poll_has_used_up_its_time() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let task = runtime.spawn(async {
        let (sender, receiver) = channel::unbounded();
        let lock = Lock::new(0);
        // Ready again and again, far beyond the time slice of this poll, and blocking all the while.
        for n in 0..20_000 {
            sender.send_blocking(n).expect("it is open");
            assert_eq!(receiver.recv_blocking(), Ok(n));
            *futures_lite::future::block_on(lock.lock()) += 1;
            if n % 5000 == 0 {
                assert_eq!(block_on(async { *lock.lock().await }), n + 1);
            }
        }
        // And then this gives way as usual.
        yield_now().await;
        lock.into_inner()
    });
    assert_eq!(join(task), 20_000);
}

#[test]
fn blocking_forms_in_local_tasks_and_inside_one_another() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    let task = runtime.spawn(async {
        let event = Arc::new(Event::new());
        let depth = Arc::new(Lock::new(0));
        fn nest(depth: usize, event: Arc<Event>, counts: Arc<Lock<usize>>) {
            *counts.lock_blocking() += 1;
            if depth == 0 {
                spawn({
                    let event = event.clone();
                    async move { event.set() }
                })
                .detach();
                event.wait_blocking();
                return;
            }
            // Each level has a local task that blocks, inside the one before.
            block_on(async move { spawn_local(async move { nest(depth - 1, event, counts) }).await })
                .expect("no panic");
        }
        nest(10, event, depth.clone());
        *depth.lock_blocking()
    });
    assert_eq!(join(task), 11);
}

#[test]
fn wakers_and_destructors_that_block_on_the_runtime() {
    let watchdog = Watchdog::usual();
    for workers in [1, 2] {
        let runtime = runtime(workers);
        watchdog.watch("woken", runtime.handle());
        let done = Tally::new();
        // Whatever wakes this, on whatever thread: it blocks until the runtime has done something.
        let handle = runtime.handle().clone();
        let waker = {
            let done = done.clone();
            on_wake(move || {
                let handle = handle.clone();
                let slept = handle.spawn(sleep(Duration::from_millis(1)));
                handle.block_on(slept).expect("no panic");
                futures_lite::future::block_on(handle.spawn_blocking(|| ())).expect("no panic");
                done.count();
            })
        };
        let (sender, receiver) = channel::unbounded::<()>();
        let (go, goes) = oneshot::channel::<()>();
        let mut tasks: Vec<Pin<Box<dyn Future<Output = ()> + Send>>> = vec![
            Box::pin(sleep(Duration::from_millis(3))),
            Box::pin(async move { assert!(receiver.recv().await.is_ok()) }),
            Box::pin({
                let task = runtime.spawn(async { goes.await.expect("it is told") });
                async { task.await.expect("no panic") }
            }),
            Box::pin({
                let closure = runtime.spawn_blocking(|| thread::park_timeout(Duration::from_millis(3)));
                async { closure.await.expect("no panic") }
            }),
        ];
        let registered = runtime.spawn(async move {
            // The timer is registered with this worker, and the others wherever they are. Where the machine has other things to
            // do, one or the other is over by now.
            tasks.retain_mut(|task| task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            tasks
        });
        let tasks = join(registered);
        let registering = tasks.len();
        assert!(registering >= 2, "two of them wait for what comes below");
        join(runtime.spawn(async move {
            sender.try_send(()).expect("it is open");
            go.send(()).expect("it is waited for");
        }));
        wait_until("every waker has come back", || done.counted() >= registering);
        drop(tasks);
        let report = runtime.shutdown(PATIENCE);
        assert!(report.is_clean(), "{report}");
    }
}

#[test]
fn closures_that_wait_for_closures_up_to_the_last_thread() {
    let _watchdog = Watchdog::usual();
    const THREADS: usize = 16;
    let runtime =
        Runtime::builder().worker_threads(1).max_blocking_threads(THREADS).build().expect("a runtime");
    /// A closure that waits for the next one, which needs a thread of its own.
    fn chain(depth: usize) -> usize {
        if depth == 1 { 1 } else { block_on(spawn_blocking(move || chain(depth - 1))).expect("no panic") + 1 }
    }
    for _ in 0..20 {
        assert_eq!(join(runtime.spawn_blocking(|| chain(THREADS))), THREADS);
    }
    // One more would wait for ever, as any full pool does; but it can be given up, and the runtime ends.
    let full = runtime.spawn_blocking(|| {
        fn chain(depth: usize) -> bool {
            let next = spawn_blocking(move || depth == 1 || chain(depth - 1));
            block_on(filch::time::timeout(Duration::from_millis(50), next))
                .is_ok_and(|next| next.is_ok_and(|ok| ok))
        }
        chain(THREADS)
    });
    assert!(!join(full), "the last of them finds no thread in time");
    assert!(runtime.shutdown(PATIENCE).is_clean());
}

#[test]
fn jobs_submitted_dropped_and_aborted_from_jobs_tasks_and_destructors() {
    let watchdog = Watchdog::usual();
    struct SubmitsWhenDropped(Tally);
    impl Drop for SubmitsWhenDropped {
        fn drop(&mut self) {
            let tally = self.0.clone();
            spawn_blocking(move || tally.count()).detach();
        }
    }
    for round in 0..20 {
        let runtime = Runtime::builder()
            .worker_threads(1)
            .max_blocking_threads(1 + round % 4)
            .blocking_keep_alive(Duration::from_micros(200))
            .build()
            .expect("a runtime");
        watchdog.watch("pool", runtime.handle());
        let (books, ran) = (Tally::new(), Tally::new());
        let mut dice = Dice::new();
        let mut jobs = Vec::new();
        for n in 0..100 {
            let (value, ran, late) = (books.value(), ran.clone(), SubmitsWhenDropped(ran.clone()));
            let job = runtime.spawn_blocking(move || {
                let (_value, _late) = (value, late);
                ran.count();
                if n % 10 == 0 {
                    drop(spawn_blocking(move || ran.count()));
                }
            });
            match dice.below(3) {
                0 => drop(job),
                1 => {
                    job.abort();
                    jobs.push(job);
                }
                _ => jobs.push(job),
            }
        }
        for job in jobs {
            assert!(futures_lite::future::block_on(job).err().is_none_or(|error| error.is_aborted()));
        }
        if round % 2 == 0 {
            wait_until("all have run or been dropped", || books.alive() == 0);
        }
        let report = runtime.shutdown(PATIENCE);
        assert!(report.is_clean(), "{report}");
        assert_eq!(books.alive(), 0);
    }
}

#[test]
fn a_task_that_blocks_on_what_another_sends_by_the_hundred_and_the_end_comes() {
    let watchdog = Watchdog::usual();
    let runtime = runtime(2);
    watchdog.watch("ends", runtime.handle());
    let books = Tally::new();
    let (sender, receiver) = channel::bounded::<u32>(1);
    let begun = Tally::new();
    let blocked: Vec<_> = (0..40)
        .map(|_| {
            let (value, receiver, begun) = (books.value(), receiver.clone(), begun.clone());
            runtime.spawn(async move {
                let _value = value;
                begun.count();
                while receiver.recv_blocking().is_ok() {}
                pending_until_dropped(_value).await;
            })
        })
        .collect();
    drop(receiver);
    wait_until("some block", || begun.counted() > 2);
    let sends = thread::spawn(move || {
        for n in 0..500 {
            sender.send_blocking(n).expect("there are receivers");
        }
        // Only now do those that block come to their await.
        thread::park_timeout(Duration::from_millis(5));
    });
    let report = runtime.shutdown(PATIENCE);
    assert!(report.is_clean(), "{report}");
    sends.join().expect("no panic");
    for task in blocked {
        assert!(futures_lite::future::block_on(task).expect_err("it waits for ever").is_aborted());
    }
    assert_eq!(books.alive(), 0);
}

#[test]
fn a_stream_is_received_by_tasks_threads_and_foreign_executors_at_once() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    let (sender, receiver) = channel::bounded(3);
    let mut counts: Vec<Box<dyn FnOnce() -> usize>> = Vec::new();
    for n in 0..9 {
        let mut receiver = receiver.clone();
        let count = match n % 3 {
            0 => {
                let task = runtime.spawn(async move { receiver.count().await });
                Box::new(move || join(task)) as Box<dyn FnOnce() -> usize>
            }
            1 => {
                let thread =
                    thread::spawn(move || std::iter::from_fn(|| receiver.recv_blocking().ok()).count());
                Box::new(move || thread.join().expect("no panic"))
            }
            _ => {
                let thread = thread::spawn(move || {
                    futures_lite::future::block_on(async {
                        let mut count = 0;
                        // Given up and taken up again, a message or none each time.
                        while !(receiver.is_closed() && receiver.is_empty()) {
                            let next =
                                filch::time::timeout(Duration::from_micros(100), receiver.next()).await;
                            count += usize::from(matches!(next, Ok(Some(_))));
                        }
                        count
                    })
                });
                Box::new(move || thread.join().expect("no panic"))
            }
        };
        counts.push(count);
    }
    drop(receiver);
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let sender = sender.clone();
            runtime.spawn(async move {
                for n in 0..250 {
                    sender.send(n).await.expect("there are receivers");
                }
            })
        })
        .collect();
    senders.into_iter().for_each(join);
    sender.close();
    assert_eq!(counts.into_iter().map(|count| count()).sum::<usize>(), 1000);
}

#[test]
fn nothing_that_blocks_outlives_the_test_by_a_waker() {
    let _watchdog = Watchdog::usual();
    // A thread blocked in each form, let go by the drop of the other side rather than by an answer.
    let (tell, told) = mpsc::channel();
    let (one, other) = oneshot::channel::<u8>();
    let (sender, receiver) = channel::bounded::<u8>(1);
    let (gives, takes) = channel::rendezvous::<u8>();
    let semaphore = Arc::new(Semaphore::new(0));
    let ends: [Box<dyn FnOnce() -> bool + Send>; 4] = [
        Box::new(move || other.recv_blocking().is_err()),
        Box::new(move || receiver.recv_blocking().is_err()),
        Box::new(move || gives.send_blocking(1).is_err()),
        Box::new({
            let semaphore = semaphore.clone();
            move || semaphore.acquire_blocking().is_err()
        }),
    ];
    let tell = Mutex::new(tell);
    thread::scope(|scope| {
        for end in ends {
            let tell = tell.lock().expect("not poisoned").clone();
            scope.spawn(move || {
                tell.send(()).expect("the test listens");
                assert!(end(), "there was no answer to give");
            });
        }
        (0..4).for_each(|_| told.recv_timeout(PATIENCE).expect("it begins"));
        drop((one, sender, takes));
        semaphore.close();
    });
}
