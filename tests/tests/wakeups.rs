//! Promise 4, first half: no lost wake-up, no lost task, no double poll.
//!
//! A lost wake-up shows best where there is nothing else to do that would make up for it: one task at a time, and
//! everybody asleep in between.

use filch::time::sleep;
use filch::{Runtime, spawn, yield_now};
use filch_tests::{Dice, PATIENCE, Tally, Watchdog, keep, wait_until};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

/// How many times one outside thread spawns and awaits one task.
///
/// Sanitizers slow everything down a lot; they set the variable that cuts.
fn rounds() -> usize {
    let number = |name: &str| std::env::var(name).ok()?.parse::<usize>().ok();
    number("FILCH_TEST_ROUNDS").unwrap_or_else(|| 1_000_000 / number("FILCH_TEST_CUT").unwrap_or(1))
}

#[test]
fn one_task_at_a_time_from_outside_a_million_times() {
    let watchdog = Watchdog::new(Duration::from_secs(170));
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    watchdog.watch("million", runtime.handle());
    for round in 0..rounds() {
        let handle = runtime.spawn(async move { round });
        // Awaited under another executor: with a guest's help this would be another test, and it is, below.
        assert_eq!(futures_lite::future::block_on(handle).expect("no panic"), round);
    }
}

#[test]
fn one_task_at_a_time_from_a_guest() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = Runtime::builder().worker_threads(1).build().expect("a runtime");
    watchdog.watch("guest", runtime.handle());
    for round in 0..rounds() / 20 {
        assert_eq!(runtime.block_on(runtime.spawn(async move { round })).expect("no panic"), round);
    }
}

#[test]
fn one_closure_at_a_time_at_the_cap_and_across_the_end_of_idle_threads() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = Runtime::builder()
        .worker_threads(1)
        .max_blocking_threads(1)
        // So short that the thread is on its way out again and again when the next closure comes.
        .blocking_keep_alive(Duration::from_micros(50))
        .build()
        .expect("a runtime");
    watchdog.watch("blocking", runtime.handle());
    let mut dice = Dice::new();
    for round in 0..rounds() / 100 {
        let handle = runtime.spawn_blocking(move || round);
        assert_eq!(futures_lite::future::block_on(handle).expect("no panic"), round);
        if dice.one_in(4) {
            thread::park_timeout(Duration::from_micros(40 + dice.below(30) as u64));
        }
    }
}

#[test]
fn a_ring_of_threads_and_tasks_wakes_itself_round_and_round() {
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    watchdog.watch("ring", runtime.handle());
    let (to_task, from_thread) = filch::sync::channel::bounded(1);
    let (to_thread, from_task) = mpsc::channel();
    let task = runtime.spawn(async move {
        while let Ok(number) = from_thread.recv().await {
            if to_thread.send(number + 1).is_err() {
                break;
            }
        }
    });
    let mut number = 0;
    for _ in 0..rounds() / 20 {
        to_task.send_blocking(number).expect("the task listens");
        number = from_task.recv_timeout(PATIENCE).expect("the task answers");
    }
    drop(to_task);
    futures_lite::future::block_on(task).expect("no panic");
    assert_eq!(number, rounds() / 20);
}

/// Complains when it is polled by two threads at once, or after it was ready.
struct OnePollAtATime<F> {
    inner: F,
    polling: AtomicBool,
    ready: bool,
}

impl<F: Future + Unpin> Future for OnePollAtATime<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        assert!(!self.polling.swap(true, Ordering::SeqCst), "two polls at once");
        assert!(!self.ready, "polled after it was ready");
        let polled = Pin::new(&mut self.inner).poll(cx);
        self.ready = polled.is_ready();
        self.polling.store(false, Ordering::SeqCst);
        polled
    }
}

#[test]
fn a_task_that_many_wake_at_once_is_polled_by_one_and_never_too_rarely() {
    const WAKERS: usize = 4;
    let watchdog = Watchdog::new(Duration::from_secs(60));
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    watchdog.watch("many wakers", runtime.handle());
    let wakes_each = rounds() / 40;
    let wakes = Arc::new(AtomicUsize::new(0));
    let waker = Arc::new(Mutex::new(None::<Waker>));
    let (seen, left) = (wakes.clone(), waker.clone());
    let mut polls = 0_usize;
    let task = runtime.spawn(OnePollAtATime {
        inner: poll_fn(move |cx| {
            polls += 1;
            // Left before the count is read: whoever counts after that wakes this very waker.
            *left.lock().expect("not poisoned") = Some(cx.waker().clone());
            if seen.load(Ordering::SeqCst) == WAKERS * wakes_each {
                Poll::Ready(polls)
            } else {
                Poll::Pending
            }
        }),
        polling: AtomicBool::new(false),
        ready: false,
    });
    let threads: Vec<_> = (0..WAKERS)
        .map(|thread| {
            let (wakes, waker) = (wakes.clone(), waker.clone());
            thread::spawn(move || {
                for wake in 0..wakes_each {
                    wakes.fetch_add(1, Ordering::SeqCst);
                    let waker = waker.lock().expect("not poisoned").clone();
                    match waker {
                        // By value and by reference in turns.
                        Some(waker) if (wake + thread) % 2 == 0 => waker.wake(),
                        Some(waker) => waker.wake_by_ref(),
                        None => {}
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    let polls = futures_lite::future::block_on(task).expect("no panic");
    assert!(polls <= WAKERS * wakes_each + 1, "{polls} polls for fewer wakes");
}

#[test]
fn a_wake_in_the_middle_of_a_poll_means_another_poll() {
    let _watchdog = Watchdog::usual();
    let runtime = Runtime::builder().worker_threads(1).build().expect("a runtime");
    for by in ["itself", "a thread", "a clone dropped after"] {
        let mut polled = false;
        let task = runtime.spawn(poll_fn(move |cx| {
            if std::mem::replace(&mut polled, true) {
                return Poll::Ready(());
            }
            let waker = cx.waker().clone();
            match by {
                "itself" => waker.wake(),
                "a thread" => thread::spawn(move || waker.wake()).join().expect("no panic"),
                _ => {
                    waker.wake_by_ref();
                    drop(waker);
                }
            }
            Poll::Pending
        }));
        futures_lite::future::block_on(task).expect("no panic");
    }
}

#[test]
fn wake_never_polls_on_the_spot() {
    let _watchdog = Watchdog::usual();
    // The poll takes a lock that whoever wakes is holding.
    let runtime = Runtime::builder().worker_threads(1).build().expect("a runtime");
    let lock = Arc::new(Mutex::new(None::<Waker>));
    let inner = lock.clone();
    let done = Arc::new(AtomicBool::new(false));
    let told = done.clone();
    let task = runtime.spawn(poll_fn(move |cx| {
        let mut held = inner.lock().expect("not poisoned");
        if told.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        *held = Some(cx.waker().clone());
        Poll::Pending
    }));
    wait_until("the task waits", || lock.lock().expect("not poisoned").is_some());
    runtime.block_on(async {
        {
            let held = lock.lock().expect("not poisoned");
            done.store(true, Ordering::SeqCst);
            held.as_ref().expect("it is there").wake_by_ref();
        }
        yield_now().await;
    });
    runtime.block_on(task).expect("no panic");
}

/// Is polled many times, and complains when it finds itself elsewhere, or with another waker.
#[derive(Default)]
struct Wanderer {
    first: Option<(usize, Waker)>,
    polls: u32,
}

impl Future for Wanderer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let place = std::ptr::from_ref(&*self).addr();
        match &self.first {
            None => self.first = Some((place, cx.waker().clone())),
            Some((before, waker)) => {
                assert_eq!(place, *before, "it has moved");
                assert!(waker.will_wake(cx.waker()), "another waker at poll {}", self.polls);
            }
        }
        self.polls += 1;
        if self.polls == 100 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[test]
fn a_task_never_moves_and_its_waker_stays_the_same() {
    let _watchdog = Watchdog::usual();
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    let tasks: Vec<_> = (0..50).map(|_| runtime.spawn(Wanderer::default())).collect();
    for task in tasks {
        runtime.block_on(task).expect("no panic");
    }
}

#[test]
fn wakers_outlive_their_task_and_their_runtime() {
    let _watchdog = Watchdog::usual();
    let books = Tally::new();
    let runtime = Runtime::builder().worker_threads(1).build().expect("a runtime");
    let (sender, receiver) = mpsc::channel::<Waker>();
    for ready in [true, false] {
        let (sender, value) = (sender.clone(), books.value());
        runtime
            .spawn(poll_fn(move |cx| {
                value.count();
                sender.send(cx.waker().clone()).expect("the test listens");
                if ready { Poll::Ready(()) } else { Poll::Pending }
            }))
            .detach();
    }
    let wakers = [receiver.recv().expect("a waker"), receiver.recv().expect("a waker")];
    assert!(runtime.shutdown(PATIENCE).is_clean());
    assert_eq!(books.alive(), 0, "both futures are gone");
    for waker in wakers {
        let clone = waker.clone();
        clone.wake_by_ref();
        thread::spawn(move || clone.wake()).join().expect("no panic");
        waker.wake();
    }
    assert_eq!(books.counted(), 2, "nobody was polled again");
}

#[test]
fn wakes_while_the_runtime_ends_do_no_harm() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    for _ in 0..100 {
        let books = Tally::new();
        let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
        let wakers = Arc::new(Mutex::new(Vec::<Waker>::new()));
        let over = Arc::new(AtomicBool::new(false));
        for _ in 0..20 {
            let (wakers, value) = (wakers.clone(), books.value());
            let mut first = true;
            runtime
                .spawn(poll_fn(move |cx| {
                    value.count();
                    if std::mem::replace(&mut first, false) {
                        wakers.lock().expect("not poisoned").push(cx.waker().clone());
                    }
                    Poll::<()>::Pending
                }))
                .detach();
        }
        let (all, stop) = (wakers.clone(), over.clone());
        let storm = thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                for waker in all.lock().expect("not poisoned").iter() {
                    waker.wake_by_ref();
                }
            }
        });
        wait_until("the storm has begun", || books.counted() > 20);
        let report = runtime.shutdown(PATIENCE);
        over.store(true, Ordering::SeqCst);
        storm.join().expect("no panic");
        assert!(report.is_clean(), "{report}");
        assert_eq!(books.alive(), 0);
    }
}

#[test]
fn a_tasks_last_waker_dropped_anywhere_drops_the_task() {
    let _watchdog = Watchdog::usual();
    let books = Tally::new();
    let runtime = Runtime::builder().worker_threads(1).build().expect("a runtime");
    // Nobody holds its handle, nobody will ever wake it: nothing keeps it.
    let value = books.value();
    runtime.spawn(filch_tests::pending_until_dropped(value)).detach();
    wait_until("a task that nobody can wake is dropped", || books.alive() == 0);
    // With a waker somewhere it stays, and goes with it.
    let (sender, receiver) = mpsc::channel();
    let value = books.value();
    runtime
        .spawn(poll_fn(move |cx| {
            value.count();
            sender.send(cx.waker().clone()).expect("the test listens");
            Poll::<()>::Pending
        }))
        .detach();
    let waker = receiver.recv_timeout(PATIENCE).expect("it was polled");
    runtime.block_on(sleep(Duration::from_millis(5)));
    assert_eq!(books.alive(), 1);
    thread::spawn(move || drop(waker)).join().expect("no panic");
    wait_until("its last waker is gone, and so is it", || books.alive() == 0);
}

#[test]
fn forgotten_wakers_leak_one_task_and_nothing_else() {
    let _watchdog = Watchdog::usual();
    let runtime = Runtime::builder().worker_threads(1).build().expect("a runtime");
    let task = runtime.spawn(poll_fn(|cx| {
        for _ in 0..100_000 {
            keep(cx.waker().clone());
        }
        Poll::Ready(())
    }));
    runtime.block_on(task).expect("no panic");
    assert_eq!(runtime.block_on(async { spawn(async { 1 }).await }).expect("no panic"), 1);
    assert!(runtime.shutdown(PATIENCE).is_clean());
}
