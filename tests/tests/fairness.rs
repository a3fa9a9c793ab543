//! Promise 7: fair by time, not by counting. A task that is always ready gives way; a ping-pong pair cannot starve the rest.
//!
//! Most of these run on one worker with nobody's help, where there is no way round the task in front.

use filch::sync::channel;
use filch::time::{sleep, timeout};
use filch::{Handle, JoinHandle, Runtime, spawn, spawn_local, yield_now};
use filch_tests::{Tally, Watchdog, undisturbed, wait_until};
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

fn one_worker() -> Runtime {
    Runtime::builder().worker_threads(1).build().expect("a runtime")
}

/// Tells tasks that never end by themselves to end: how often they may still ask.
#[derive(Clone)]
struct Stop(Arc<AtomicI64>);

impl Stop {
    /// When they are told.
    fn by_hand() -> Self {
        Self::after(usize::MAX)
    }

    /// When they have asked so often, all together.
    fn after(rounds: usize) -> Self {
        Self(Arc::new(AtomicI64::new(i64::try_from(rounds).unwrap_or(i64::MAX))))
    }

    fn stop(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    fn is_on(&self) -> bool {
        self.0.fetch_sub(1, Ordering::SeqCst) > 0
    }
}

/// Some task that is polled once, a timer and a spawn from outside all get their turn beside the tasks that run already.
fn others_get_their_turn(runtime: &Runtime) {
    let once = runtime.spawn(async { 1 });
    let timer = runtime.spawn(async {
        sleep(Duration::from_millis(2)).await;
        2
    });
    let nested = runtime.spawn(async { spawn(async { 3 }).await.expect("no panic") });
    wait_until("a task that is spawned beside them runs", || once.is_finished());
    wait_until("a timer fires beside them", || timer.is_finished());
    wait_until("a task that spawns gets on beside them", || nested.is_finished());
    // Sockets: looked at by time, however busy the worker is.
    let echo = runtime.spawn(async {
        let (one, other) = std::os::unix::net::UnixStream::pair()?;
        let (one, other) = (filch::io::Async::new(one)?, filch::io::Async::new(other)?);
        let reader = spawn(async move {
            let mut byte = [0; 1];
            other.read_with(|mut other| std::io::Read::read(&mut other, &mut byte)).await
        });
        yield_now().await;
        one.write_with(|mut one| std::io::Write::write(&mut one, b"x")).await?;
        reader.await?
    });
    wait_until("a socket is read beside them", || echo.is_finished());
    assert_eq!(futures_lite::future::block_on(echo).expect("no panic").expect("it works"), 1);
}

fn finish(stop: &Stop, tasks: impl IntoIterator<Item = JoinHandle<u64>>) -> Vec<u64> {
    stop.stop();
    results(tasks)
}

fn results(tasks: impl IntoIterator<Item = JoinHandle<u64>>) -> Vec<u64> {
    tasks.into_iter().map(|task| futures_lite::future::block_on(task).expect("no panic")).collect()
}

#[test]
fn a_channel_that_is_never_empty_and_never_full() {
    let _watchdog = Watchdog::usual();
    let runtime = one_worker();
    let stop = Stop::by_hand();
    let still = stop.clone();
    // Sends to itself: each `send` and each `recv` is ready at once, so the task never waits.
    let task = runtime.spawn(async move {
        let (sender, receiver) = channel::bounded(4);
        let mut rounds = 0;
        while still.is_on() {
            sender.send(rounds).await.expect("it is open");
            rounds = receiver.recv().await.expect("it is open") + 1;
        }
        rounds
    });
    others_get_their_turn(&runtime);
    assert!(finish(&stop, [task])[0] > 0);
}

#[test]
fn a_lock_a_semaphore_and_an_event_that_are_always_free() {
    let _watchdog = Watchdog::usual();
    let runtime = one_worker();
    let stop = Stop::by_hand();
    let still = stop.clone();
    let task = runtime.spawn(async move {
        let (lock, semaphore, event) =
            (filch::sync::Lock::new(0), filch::sync::Semaphore::new(1), filch::sync::Event::new());
        event.set();
        while still.is_on() {
            *lock.lock().await += 1;
            drop(semaphore.acquire().await);
            event.wait().await;
        }
        lock.into_inner()
    });
    others_get_their_turn(&runtime);
    assert!(finish(&stop, [task])[0] > 0);
}

#[test]
fn sleeps_that_are_over_and_sockets_that_are_ready() {
    let _watchdog = Watchdog::usual();
    let runtime = one_worker();
    let stop = Stop::by_hand();
    let (sleeps, reads) = (stop.clone(), stop.clone());
    let past = Instant::now();
    let sleeper = runtime.spawn(async move {
        let mut rounds = 0;
        while sleeps.is_on() {
            filch::time::sleep_until(past).await;
            rounds += 1;
        }
        rounds
    });
    let reader = runtime.spawn(async move {
        let zero = std::os::unix::net::UnixStream::pair().expect("a pair").0;
        // Its peer is closed, so it is ready for ever.
        let zero = filch::io::Async::new(zero).expect("it can be registered");
        let mut rounds = 0;
        while reads.is_on() {
            let mut byte = [0; 1];
            zero.read_with(|mut zero| std::io::Read::read(&mut zero, &mut byte))
                .await
                .expect("it is at its end");
            rounds += 1;
        }
        rounds
    });
    others_get_their_turn(&runtime);
    for rounds in finish(&stop, [sleeper, reader]) {
        assert!(rounds > 0);
    }
}

#[test]
fn an_always_ready_task_inside_a_timeout() {
    let _watchdog = Watchdog::usual();
    let runtime = one_worker();
    let task = runtime.spawn(async {
        let (sender, receiver) = channel::bounded(1);
        timeout(Duration::from_millis(10), async {
            loop {
                sender.send(()).await.expect("it is open");
                receiver.recv().await.expect("it is open");
            }
        })
        .await
    });
    wait_until("the time is noticed", || task.is_finished());
    let ended: Result<(), _> = futures_lite::future::block_on(task).expect("no panic");
    assert!(ended.is_err());
}

#[test]
fn tasks_that_wake_themselves_and_tasks_that_yield() {
    let _watchdog = Watchdog::usual();
    let runtime = one_worker();
    let stop = Stop::by_hand();
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let (still, mut rounds) = (stop.clone(), 0);
        tasks.push(runtime.spawn(poll_fn(move |cx| {
            rounds += 1;
            cx.waker().wake_by_ref();
            if still.is_on() { Poll::Pending } else { Poll::Ready(rounds) }
        })));
        let still = stop.clone();
        tasks.push(runtime.spawn(async move {
            let mut rounds = 0;
            while still.is_on() {
                yield_now().await;
                rounds += 1;
            }
            rounds
        }));
    }
    others_get_their_turn(&runtime);
    for rounds in finish(&stop, tasks) {
        assert!(rounds > 0, "each of them, too");
    }
}

/// What tasks come to that `begin` spawns all in one poll, so that none begins before the others are there, and that end by
/// themselves.
fn results_of(runtime: &Runtime, begin: impl FnOnce() -> Vec<JoinHandle<u64>> + Send + 'static) -> Vec<u64> {
    let tasks = runtime.spawn(async move { begin() });
    results(futures_lite::future::block_on(tasks).expect("no panic"))
}

/// Two tasks that hand a message to and fro, by way of the hot slot, until told to stop.
fn ping_pong(runtime: &Handle, stop: &Stop) -> [JoinHandle<u64>; 2] {
    let (to_pong, from_ping) = channel::bounded(1);
    let (to_ping, from_pong) = channel::bounded(1);
    let still = stop.clone();
    let ping = runtime.spawn(async move {
        let mut rounds = 0;
        while still.is_on() && to_pong.send(rounds).await.is_ok() {
            rounds = from_pong.recv().await.expect("pong answers");
        }
        rounds
    });
    let pong = runtime.spawn(async move {
        let mut rounds = 0;
        while let Ok(ball) = from_ping.recv().await {
            rounds = ball + 1;
            if to_ping.send(rounds).await.is_err() {
                break;
            }
        }
        rounds
    });
    [ping, pong]
}

#[test]
fn a_pair_that_plays_ping_pong_starves_nobody() {
    let _watchdog = Watchdog::usual();
    let runtime = one_worker();
    let stop = Stop::by_hand();
    let pair = ping_pong(runtime.handle(), &stop);
    others_get_their_turn(&runtime);
    assert!(finish(&stop, pair)[0] > 0);
}

#[test]
fn a_third_runs_every_few_polls_of_a_pair() {
    let _watchdog = Watchdog::usual();
    let rounds = undisturbed(20_000, |runtime, rounds| {
        let stop = Stop::after(rounds);
        results_of(runtime, move || {
            let mut tasks = Vec::from(ping_pong(&Handle::current(), &stop));
            let mut rounds = 0;
            tasks.push(spawn(poll_fn(move |cx| {
                rounds += 1;
                // Behind what is queued, where it stays behind the hot slot's tasks only.
                cx.waker().wake_by_ref();
                if stop.is_on() { Poll::Pending } else { Poll::Ready(rounds) }
            })));
            tasks
        })
    });
    // Each round of the pair is two polls of each at most; the hot slot is left after three in a row.
    assert!(
        rounds[2] * 8 >= rounds[0],
        "the pair played {} rounds, the third was polled {} times",
        rounds[0],
        rounds[2]
    );
}

#[test]
fn two_pairs_get_on_alike() {
    let _watchdog = Watchdog::usual();
    let rounds = undisturbed(10_000, |runtime, rounds| {
        let stop = Stop::after(rounds);
        results_of(runtime, move || (0..2).flat_map(|_| ping_pong(&Handle::current(), &stop)).collect())
    });
    let (one, other) = (rounds[0], rounds[2]);
    assert!(one > 0 && other > 0, "{one} rounds and {other} rounds");
    assert!(one <= 2 * other + 100 && other <= 2 * one + 100, "{one} rounds and {other} rounds");
}

/// A task that does nothing but yield, and counts its polls.
fn yields(stop: &Stop, polls: &Tally) -> JoinHandle<u64> {
    let (still, polls) = (stop.clone(), polls.clone());
    spawn(async move {
        while still.is_on() {
            polls.count();
            yield_now().await;
        }
        polls.counted() as u64
    })
}

#[test]
fn equals_on_one_worker_get_on_alike() {
    let _watchdog = Watchdog::usual();
    let polls = undisturbed(20_000, |runtime, rounds| {
        let stop = Stop::after(rounds);
        results_of(runtime, move || (0..20).map(|_| yields(&stop, &Tally::new())).collect())
    });
    let (least, most) = (polls.iter().min().expect("some"), polls.iter().max().expect("some"));
    assert!(*least > 0, "{polls:?}");
    assert!(*most <= 2 * least, "{polls:?}");
}

#[test]
fn equals_on_several_workers_all_get_on() {
    let _watchdog = Watchdog::usual();
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    let stop = Stop::by_hand();
    let polls: Vec<_> = (0..50).map(|_| Tally::new()).collect();
    let (still, counts) = (stop.clone(), polls.clone());
    let begun =
        runtime.spawn(async move { counts.iter().map(|count| yields(&still, count)).collect::<Vec<_>>() });
    let tasks = futures_lite::future::block_on(begun).expect("no panic");
    // Long enough that whom the machine keeps from a processor for a while makes no difference.
    wait_until("all get on", || polls.iter().all(|polls| polls.counted() >= 2_000));
    // One worker may have more of them than another, for those that are busy do not steal. But nobody starves.
    let polls = finish(&stop, tasks);
    let (least, most) = (polls.iter().min().expect("some"), polls.iter().max().expect("some"));
    assert!(*most <= 100 * least, "{polls:?}");
}

#[test]
fn who_yields_goes_behind_all_that_is_ready() {
    let _watchdog = Watchdog::usual();
    let runtime = one_worker();
    let order = Arc::new(Mutex::new(Vec::new()));
    let log = order.clone();
    let task = runtime.spawn(async move {
        let ready: Vec<_> = (0..10)
            .map(|n| {
                let log = log.clone();
                spawn(async move { log.lock().expect("not poisoned").push(n) })
            })
            .collect();
        yield_now().await;
        log.lock().expect("not poisoned").push(100);
        for task in ready {
            task.await.expect("no panic");
        }
    });
    wait_until("all have run", || task.is_finished());
    assert_eq!(order.lock().expect("not poisoned").last(), Some(&100), "{order:?}");
}

/// Four local tasks and another one, on the same worker, each of which is always ready. How often the local ones were polled, and
/// how often the other one.
fn locals_and_another(stop: Stop) -> impl Future<Output = [usize; 2]> {
    let [locals, others] = [Tally::new(), Tally::new()];
    async move {
        for _ in 0..4 {
            let (still, locals) = (stop.clone(), locals.clone());
            spawn_local(poll_fn(move |cx| {
                locals.count();
                cx.waker().wake_by_ref();
                if still.is_on() { Poll::Pending } else { Poll::Ready(()) }
            }))
            .detach();
        }
        while stop.is_on() {
            others.count();
            let mut polled = false;
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        [locals, others].map(|count| count.counted())
    }
}

#[test]
fn local_tasks_and_the_others_take_turns() {
    let _watchdog = Watchdog::usual();
    let [locals, others] = undisturbed(20_000, |runtime, rounds| {
        let counts = runtime.spawn(locals_and_another(Stop::after(rounds)));
        futures_lite::future::block_on(counts).expect("no panic")
    });
    assert!(
        others * 8 >= locals && locals * 8 >= others,
        "{locals} polls of local tasks, {others} of the others"
    );
    // And whoever comes from elsewhere gets a turn as well.
    let runtime = one_worker();
    let stop = Stop::by_hand();
    let counts = runtime.spawn(locals_and_another(stop.clone()));
    others_get_their_turn(&runtime);
    stop.stop();
    let [locals, others] = futures_lite::future::block_on(counts).expect("no panic");
    assert!(locals > 0 && others > 0, "{locals} polls of local tasks, {others} of the others");
}

#[test]
fn a_guest_that_helps_still_gets_its_own_future_polled() {
    let _watchdog = Watchdog::usual();
    let runtime = one_worker();
    let stop = Stop::by_hand();
    let pairs: Vec<_> = (0..4).flat_map(|_| ping_pong(runtime.handle(), &stop)).collect();
    runtime.block_on(async {
        for _ in 0..20 {
            sleep(Duration::from_micros(200)).await;
            yield_now().await;
        }
    });
    for rounds in finish(&stop, pairs) {
        assert!(rounds > 0);
    }
}
