//! Everything at once, with exact books.
//!
//! What is spawned must end: each task is run to its end, or aborted and dropped, exactly once, and what it was is known in the end.

use filch::sync::{Event, Lock, Semaphore, channel};
use filch::time::{sleep, timeout};
use filch::{AbortHandle, JoinHandle, Runtime, block_on, spawn, spawn_blocking, spawn_local, yield_now};
use filch_tests::{Dice, PATIENCE, Tally, Watchdog, wait_until};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Sanitizers slow everything down a lot; they set the variable to a number above one.
fn cut(number: usize) -> usize {
    let by = std::env::var("FILCH_TEST_CUT").ok().and_then(|by| by.parse().ok()).unwrap_or(1);
    (number / by).max(1)
}

/// What the threads of the mixed test share.
#[derive(Clone)]
struct World {
    books: Tally,
    runtime: Arc<Runtime>,
    /// Handles that some thread has left for any other to do something with.
    pool: Arc<Mutex<Vec<JoinHandle<filch_tests::Counted>>>>,
    aborts: Arc<Mutex<Vec<AbortHandle>>>,
    lock: Arc<Lock<u64>>,
    semaphore: Arc<Semaphore>,
    event: Arc<Event>,
    locked: Arc<AtomicUsize>,
}

impl World {
    /// A task of a random kind that ends by itself, and returns a value from the books.
    fn task(&self, mut dice: Dice) -> Pin<Box<dyn Future<Output = filch_tests::Counted> + Send>> {
        let world = self.clone();
        let value = self.books.value();
        Box::pin(async move {
            for _ in 0..dice.below(6) {
                match dice.below(10) {
                    0 => yield_now().await,
                    1 => sleep(Duration::from_micros(dice.below(300) as u64)).await,
                    2 => {
                        let _late =
                            timeout(Duration::from_micros(dice.below(100) as u64), world.event.wait()).await;
                    }
                    3 => {
                        *world.lock.lock().await += 1;
                        world.locked.fetch_add(1, Ordering::SeqCst);
                    }
                    4 => {
                        let permit = world.semaphore.acquire().await.expect("it is open");
                        yield_now().await;
                        drop(permit);
                    }
                    5 => drop(spawn(world.task(dice.fork())).await),
                    6 => spawn(world.task(dice.fork())).detach(),
                    7 => drop(spawn_blocking(thread::yield_now).await),
                    8 => drop(timeout(Duration::from_secs(3600), yield_now()).await),
                    _ => block_on(yield_now()),
                }
            }
            value
        })
    }

    fn act(&self, dice: &mut Dice) {
        match dice.below(13) {
            0..=4 => {
                let handle = self.runtime.spawn(self.task(dice.fork()));
                if dice.one_in(3) {
                    self.aborts.lock().expect("not poisoned").push(handle.abort_handle());
                }
                self.pool.lock().expect("not poisoned").push(handle);
            }
            5 => drop(self.take()),
            6 => {
                if let Some(handle) = self.take() {
                    drop(futures_lite::future::block_on(handle));
                }
            }
            7 => {
                if let Some(handle) = self.take() {
                    drop(self.runtime.block_on(handle));
                }
            }
            8 => {
                let abort = self.aborts.lock().expect("not poisoned").pop();
                if let Some(abort) = abort {
                    abort.abort();
                }
            }
            9 => {
                self.event.set();
                self.event.clear();
            }
            10 => drop(self.runtime.block_on(self.task(dice.fork()))),
            // Local tasks by threads that stay with them. A task may find itself on the thread of a guest, which leaves when
            // its own future is done; what it spawned locally there would wait for that thread to come back.
            11 => {
                let value = self.books.value();
                let local = self
                    .runtime
                    .block_on(async { spawn_local(async move { (yield_now().await, value).1 }).await });
                drop(local.expect("no panic"));
            }
            _ => {
                let value = self.books.value();
                self.runtime.spawn_blocking(move || drop(value)).detach();
            }
        }
    }

    fn take(&self) -> Option<JoinHandle<filch_tests::Counted>> {
        self.pool.lock().expect("not poisoned").pop()
    }
}

#[test]
fn everything_at_once() {
    let watchdog = Watchdog::new(Duration::from_secs(120));
    let runtime = Arc::new(Runtime::builder().worker_threads(2).build().expect("a runtime"));
    watchdog.watch("stress", runtime.handle());
    let mut dice = Dice::new();
    let world = World {
        books: Tally::new(),
        runtime: runtime.clone(),
        pool: Arc::default(),
        aborts: Arc::default(),
        lock: Arc::new(Lock::new(0)),
        semaphore: Arc::new(Semaphore::new(3)),
        event: Arc::new(Event::new()),
        locked: Arc::default(),
    };
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (world, mut dice) = (world.clone(), dice.fork());
            thread::spawn(move || (0..cut(3000)).for_each(|_| world.act(&mut dice)))
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    while let Some(handle) = world.take() {
        assert!(runtime.block_on(handle).err().is_none_or(|error| error.is_aborted()));
    }
    wait_until("all values are gone", || world.books.alive() == 0);
    assert_eq!(world.semaphore.available_permits(), 3);
    assert_eq!(block_on(async { *world.lock.lock().await }), world.locked.load(Ordering::SeqCst) as u64);
    let World { runtime: ours, .. } = world;
    drop(ours);
    let runtime = Arc::into_inner(runtime).expect("nobody else has it");
    let report = runtime.shutdown(PATIENCE);
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.aborted, 0, "all had ended before");
}

#[test]
fn two_children_each_until_there_are_a_hundred_thousand() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    watchdog.watch("children", runtime.handle());
    fn family(levels: u32) -> Pin<Box<dyn Future<Output = usize> + Send>> {
        Box::pin(async move {
            if levels == 0 {
                return 1;
            }
            let [one, other] = [spawn(family(levels - 1)), spawn(family(levels - 1))];
            one.await.expect("no panic") + other.await.expect("no panic") + 1
        })
    }
    let levels = if cut(100) == 100 { 16 } else { 12 };
    let counted = runtime.block_on(runtime.spawn(family(levels))).expect("no panic");
    assert_eq!(counted, (1 << (levels + 1)) - 1);
}

#[test]
fn a_hundred_threads_outside_while_workers_come_and_go() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = Arc::new(Runtime::builder().worker_threads(2).build().expect("a runtime"));
    watchdog.watch("hundred", runtime.handle());
    let ran = Tally::new();
    let threads: Vec<_> = (0..100_u64)
        .map(|n| {
            let (runtime, ran) = (runtime.clone(), ran.clone());
            thread::spawn(move || {
                for round in 0..cut(50) as u64 {
                    let count = ran.clone();
                    let task = runtime.spawn(async move { count.count() });
                    // Now and then long enough for all workers to fall asleep.
                    match (n + round) % 4 {
                        0 => drop(futures_lite::future::block_on(task)),
                        1 => thread::park_timeout(Duration::from_micros(100)),
                        _ => {}
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    wait_until("each has run", || ran.counted() == 100 * cut(50));
}

#[test]
fn a_tree_of_channels() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    watchdog.watch("channels", runtime.handle());
    const PRODUCERS: u64 = 20;
    let each = cut(2000) as u64;
    let sum = runtime.block_on(async {
        let (to_sum, sums) = channel::unbounded();
        for capacity in 1..=4 {
            let (sender, receiver) = channel::bounded(capacity);
            for producer in 0..PRODUCERS {
                let sender = sender.clone();
                spawn(async move {
                    for n in 0..each {
                        sender.send(producer * each + n).await.expect("somebody listens");
                    }
                })
                .detach();
            }
            for _ in 0..3 {
                let (receiver, to_sum) = (receiver.clone(), to_sum.clone());
                spawn(async move {
                    let mut sum = 0;
                    while let Ok(n) = receiver.recv().await {
                        sum += n;
                    }
                    to_sum.send(sum).await.expect("somebody listens");
                })
                .detach();
            }
        }
        drop(to_sum);
        let mut total = 0;
        while let Ok(sum) = sums.recv().await {
            total += sum;
        }
        total
    });
    let all = PRODUCERS * each;
    assert_eq!(sum, 4 * (all * (all - 1) / 2));
}

#[test]
fn aborting_ten_thousand_from_many_threads() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    watchdog.watch("aborts", runtime.handle());
    let books = Tally::new();
    let tasks: Vec<_> = (0..cut(10_000))
        .map(|n| {
            let value = books.value();
            runtime.spawn(async move {
                let _value = value;
                sleep(Duration::from_micros((n % 500) as u64)).await;
                yield_now().await;
            })
        })
        .collect();
    thread::scope(|scope| {
        for part in tasks.chunks(cut(10_000).div_ceil(8)) {
            scope.spawn(move || part.iter().for_each(JoinHandle::abort));
        }
    });
    for task in tasks {
        assert!(futures_lite::future::block_on(task).err().is_none_or(|error| error.is_aborted()));
    }
    assert_eq!(books.alive(), 0);
}
