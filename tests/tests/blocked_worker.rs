//! Promise 3: a task that blocks its worker stalls nothing but itself.
//!
//! The tasks here block in ways the runtime is not told of, on a channel of the standard library. Whatever else their
//! worker had (tasks queued, the task in the hot slot, timers, sockets, local wake-ups) must go on within a bound.

use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream};
use filch::time::sleep;
use filch::{Runtime, block_on, spawn, spawn_local, yield_now};
use filch_tests::{PATIENCE, Tally, Watchdog, wait_until};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

/// Lets tasks block until it is opened, or dropped.
struct Gate {
    open: mpsc::Sender<()>,
    waiting: Tally,
}

/// What such a task blocks on.
struct Blocked {
    wait: mpsc::Receiver<()>,
    waiting: Tally,
}

fn gate() -> (Gate, Blocked) {
    let (open, wait) = mpsc::channel();
    let waiting = Tally::new();
    (Gate { open, waiting: waiting.clone() }, Blocked { wait, waiting })
}

impl Gate {
    fn wait_until_blocked(&self) {
        wait_until("the task blocks its worker", || self.waiting.counted() > 0);
    }

    fn open(self) {
        self.open.send(()).expect("the task is still there");
    }
}

impl Blocked {
    fn block(&self) {
        self.waiting.count();
        self.wait.recv().expect("the gate is opened");
    }
}

#[test]
fn what_it_has_spawned_runs() {
    let _watchdog = Watchdog::usual();
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let (gate, blocked) = gate();
        let ran = Tally::new();
        let count = ran.clone();
        let task = runtime.spawn(async move {
            for _ in 0..100 {
                let count = count.clone();
                spawn(async move { count.count() }).detach();
            }
            blocked.block();
        });
        // The last one spawned lies in the hot slot, the others in the queue.
        wait_until("all that the blocked task has spawned has run", || ran.counted() == 100);
        assert!(!task.is_finished());
        gate.open();
        runtime.block_on(task).expect("no panic");
    }
}

#[test]
fn a_single_task_in_the_hot_slot_runs() {
    let _watchdog = Watchdog::usual();
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let (sender, receiver) = mpsc::channel();
        // Blocks on the very task it has just spawned.
        let task = runtime.spawn(async move {
            spawn(async move { sender.send(42) }).detach();
            receiver.recv().expect("the spawned task runs")
        });
        wait_until("the task waited for runs", || task.is_finished());
        assert_eq!(runtime.block_on(task).expect("no panic"), 42);
    }
}

#[test]
fn what_it_has_woken_and_what_has_yielded_runs() {
    let _watchdog = Watchdog::usual();
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let (gate, blocked) = gate();
        let event = Arc::new(filch::sync::Event::new());
        let (woken, set) = (event.clone(), event);
        let yielded = runtime.spawn(async {
            for _ in 0..1000 {
                yield_now().await;
            }
        });
        let woken = runtime.spawn(async move { woken.wait().await });
        let task = runtime.spawn(async move {
            set.set();
            blocked.block();
        });
        gate.wait_until_blocked();
        wait_until("the woken task runs", || woken.is_finished());
        wait_until("the one that yields runs", || yielded.is_finished());
        gate.open();
        runtime.block_on(task).expect("no panic");
    }
}

#[test]
fn its_timers_fire() {
    let _watchdog = Watchdog::usual();
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let (gate, blocked) = gate();
        let (sender, receiver) = mpsc::channel();
        let task = runtime.spawn(async move {
            for delay in [1, 20, 40] {
                let sender = sender.clone();
                spawn(async move {
                    let begin = Instant::now();
                    sleep(Duration::from_millis(delay)).await;
                    sender.send((delay, begin.elapsed())).expect("the test listens");
                })
                .detach();
            }
            // They register with this worker's timer before it is lost.
            yield_now().await;
            blocked.block();
        });
        for _ in 0..3 {
            let (delay, took) = receiver.recv_timeout(PATIENCE).expect("the timer of a blocked worker fires");
            assert!(took >= Duration::from_millis(delay), "early");
        }
        gate.open();
        runtime.block_on(task).expect("no panic");
    }
}

async fn echo_once(listener: TcpListener) -> std::io::Result<()> {
    let (mut stream, _) = listener.accept().await?;
    let mut bytes = [0; 5];
    stream.read_exact(&mut bytes).await?;
    stream.write_all(&bytes).await
}

async fn talk(address: std::net::SocketAddr) -> std::io::Result<[u8; 5]> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"hello").await?;
    let mut bytes = [0; 5];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

#[test]
fn all_workers_blocked_and_still_timers_sockets_and_spawns_from_outside_work() {
    let _watchdog = Watchdog::usual();
    for workers in [1, 2, 4] {
        let runtime = runtime(workers);
        let gates: Vec<_> = (0..workers)
            .map(|_| {
                let (gate, blocked) = gate();
                let task = runtime.spawn(async move { blocked.block() });
                gate.wait_until_blocked();
                (gate, task)
            })
            .collect();
        // From outside, and nobody here helps.
        let slept = runtime.spawn(async {
            let begin = Instant::now();
            sleep(Duration::from_millis(10)).await;
            begin.elapsed()
        });
        let echo = runtime.spawn(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let server = spawn(echo_once(listener));
            let answer = talk(address).await?;
            server.await??;
            std::io::Result::Ok(answer)
        });
        wait_until("a timer fires", || slept.is_finished());
        wait_until("a socket echoes", || echo.is_finished());
        assert!(runtime.block_on(slept).expect("no panic") >= Duration::from_millis(10));
        assert_eq!(&runtime.block_on(echo).expect("no panic").expect("it works"), b"hello");
        for (gate, task) in gates {
            gate.open();
            runtime.block_on(task).expect("no panic");
        }
    }
}

#[test]
fn sockets_that_lay_with_it_go_on() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let (sender, receiver) = mpsc::channel();
    let server = runtime.spawn(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        sender.send(listener.local_addr()?).expect("the test listens");
        echo_once(listener).await
    });
    let address = receiver.recv_timeout(PATIENCE).expect("it listens");
    let (gate, blocked) = gate();
    let task = runtime.spawn(async move { blocked.block() });
    gate.wait_until_blocked();
    // The accept was registered by the worker that is blocked now; the client is a plain one.
    let mut client = std::net::TcpStream::connect(address).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("a time-out may be set");
    std::io::Write::write_all(&mut client, b"hello").expect("it is connected");
    let mut bytes = [0; 5];
    std::io::Read::read_exact(&mut client, &mut bytes)
        .expect("the echo comes although the worker is blocked");
    assert_eq!(&bytes, b"hello");
    gate.open();
    runtime.block_on(task).expect("no panic");
    runtime.block_on(server).expect("no panic").expect("it works");
}

/// Keeps a worker busy without ever being idle, until it is told to stop.
fn busy(runtime: &Runtime, stop: &Arc<AtomicBool>) -> filch::JoinHandle<u64> {
    let stop = stop.clone();
    runtime.spawn(async move {
        let mut rounds = 0;
        while !stop.load(Ordering::SeqCst) {
            yield_now().await;
            rounds += 1;
        }
        rounds
    })
}

#[test]
fn others_that_are_always_busy_see_to_it_as_well() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    let stop = Arc::new(AtomicBool::new(false));
    let ran = Tally::new();
    let (gate, blocked) = gate();
    let count = ran.clone();
    let holder = runtime.spawn(async move {
        for delay in 0..20 {
            let count = count.clone();
            spawn(async move {
                sleep(Duration::from_millis(delay)).await;
                count.count()
            })
            .detach();
        }
        for _ in 0..20 {
            let count = count.clone();
            spawn(async move { count.count() }).detach();
        }
        blocked.block();
    });
    let busy: Vec<_> = (0..4).map(|_| busy(&runtime, &stop)).collect();
    gate.wait_until_blocked();
    wait_until("what the blocked one holds runs beside those that never rest", || ran.counted() == 40);
    stop.store(true, Ordering::SeqCst);
    gate.open();
    runtime.block_on(holder).expect("no panic");
    for task in busy {
        assert!(runtime.block_on(task).expect("no panic") > 0);
    }
}

#[test]
fn timers_of_a_blocked_worker_fire_beside_busy_ones() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    let stop = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = (0..4).map(|_| busy(&runtime, &stop)).collect();
    let fired = Tally::new();
    let gates: Vec<_> = (0..20)
        .map(|_| {
            let count = fired.clone();
            runtime.spawn(async move {
                sleep(Duration::from_millis(30)).await;
                count.count();
            })
        })
        .collect();
    let (gate, blocked) = gate();
    let task = runtime.spawn(async move { blocked.block() });
    gate.wait_until_blocked();
    wait_until("all timers have fired, whoever had them", || fired.counted() == 20);
    gate.open();
    stop.store(true, Ordering::SeqCst);
    for task in busy {
        runtime.block_on(task).expect("no panic");
    }
    for task in gates.into_iter().chain([task]) {
        runtime.block_on(task).expect("no panic");
    }
}

#[test]
fn a_guest_blocked_in_its_own_future_keeps_nothing_either() {
    let _watchdog = Watchdog::usual();
    let runtime = Arc::new(runtime(1));
    let (gate, blocked) = gate();
    let ran = Tally::new();
    let count = ran.clone();
    let inner = runtime.clone();
    let guest = thread::spawn(move || {
        inner.block_on(async move {
            for _ in 0..10 {
                let count = count.clone();
                spawn(async move {
                    sleep(Duration::from_millis(1)).await;
                    count.count()
                })
                .detach();
            }
            blocked.block();
        });
    });
    gate.wait_until_blocked();
    wait_until("what the guest has spawned runs", || ran.counted() == 10);
    gate.open();
    guest.join().expect("no panic");
}

#[test]
fn many_blocked_tasks_one_after_another() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let blocked: Vec<_> = (0..12)
        .map(|_| {
            let (gate, blocked) = gate();
            let task = runtime.spawn(async move { blocked.block() });
            gate.wait_until_blocked();
            (gate, task)
        })
        .collect();
    assert_eq!(futures_lite::future::block_on(runtime.spawn(async { 42 })).expect("no panic"), 42);
    for (gate, task) in blocked {
        gate.open();
        runtime.block_on(task).expect("no panic");
    }
}

#[test]
fn tasks_that_block_on_what_they_spawn_by_the_hundred() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(2);
    // As in a program whose old parts wait for its new parts from inside tasks.
    let tasks: Vec<_> = (0..200_u64)
        .map(|n| {
            runtime.spawn(async move {
                block_on(async move {
                    let inner = spawn(async move {
                        sleep(Duration::from_millis(n % 3)).await;
                        n
                    });
                    inner.await.expect("no panic")
                })
            })
        })
        .collect();
    for (n, task) in (0..).zip(tasks) {
        assert_eq!(futures_lite::future::block_on(task).expect("no panic"), n);
    }
}

#[test]
fn a_local_task_lives_on_when_the_worker_that_stood_in_is_no_longer_needed() {
    let _watchdog = Watchdog::usual();
    let runtime = runtime(1);
    let (gate, blocked) = gate();
    let blocker = runtime.spawn(async move { blocked.block() });
    gate.wait_until_blocked();
    let (go, wait) = filch::sync::oneshot::channel();
    let (sender, receiver) = mpsc::channel();
    // Spawned by whatever thread stands in for the blocked one, and bound to it.
    runtime
        .spawn(async move {
            let local = spawn_local(async move { wait.await.expect("it is sent") });
            sender.send(local.abort_handle()).expect("the test listens");
            local.await
        })
        .detach();
    let local = receiver.recv_timeout(PATIENCE).expect("somebody stands in");
    gate.open();
    runtime.block_on(blocker).expect("no panic");
    // Longer than a thread that stands in stays around with nothing to do.
    block_on(sleep(Duration::from_millis(2200)));
    assert!(!local.is_finished(), "the local task has ended with its thread");
    go.send(()).expect("the local task waits");
    wait_until("the local task goes on", || local.is_finished());
}
