//! What is done to the process as a whole: interrupted all the time, stopped and continued, on tiny stacks,
//! with hardly a descriptor.
//!
//! The sums are those of the program `everything`, which checks them itself, and that it neither spins nor
//! leaves anything behind. What needs privileges or tools is in `ci/faults`.

use filch::net::{TcpListener, TcpStream, UdpSocket, UnixStream};
use filch::time::{interval, sleep};
use filch::{Runtime, spawn};
use filch_tests::{PATIENCE, Tally, Watchdog, child, process, signal, wait_until};
use futures_lite::future::try_zip;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

fn everything(mode: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everything"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if !mode.is_empty() {
        command.arg(mode);
    }
    command
}

/// Ends the program if its test does not live to see it end.
struct Ward(Option<Child>);

impl Ward {
    fn start(mut command: Command) -> Self {
        Self(Some(command.spawn().expect("the program starts")))
    }

    fn id(&self) -> u32 {
        self.0.as_ref().expect("it runs").id()
    }

    fn end(mut self) -> Output {
        self.0.take().expect("it runs").wait_with_output().expect("it can be waited for")
    }
}

impl Drop for Ward {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ended = child.kill();
            let _reaped = child.wait();
        }
    }
}

#[track_caller]
fn sums_as_expected(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}\n{errors}", output.status);
    assert!(said.ends_with("sums as expected\n"), "{said}\n{errors}");
    said
}

/// Every thread is interrupted every few hundred microseconds, whatever system call it is in.
#[test]
fn a_storm_of_signals_on_all_threads() {
    let _watchdog = Watchdog::usual();
    let mut signals = 0;
    for _ in 0..5 {
        let said = sums_as_expected(&Ward::start(everything("storm")).end());
        let delivered = said.lines().find_map(|line| line.strip_prefix("signals delivered: "));
        signals += delivered.expect("it counts them").parse::<usize>().expect("a number");
    }
    assert!(signals > 100, "only {signals} signals came");
}

/// The same, with the threads of one runtime and a closed circuit of everything that waits: nothing is early
/// and nothing is lost.
#[test]
fn waits_that_are_interrupted_all_the_time() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "waits_that_are_interrupted_all_the_time";
    if child::role().is_none() {
        child::run_well(TEST, "wait");
        return;
    }
    let storm = signal::Storm::begin(Duration::from_micros(50));
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    let counted = Tally::new();
    runtime
        .block_on(async {
            let naps: Vec<_> = (0..40)
                .map(|n| {
                    let counted = counted.clone();
                    spawn(async move {
                        for _ in 0..5 {
                            let span = Duration::from_micros(500 * n);
                            let begin = Instant::now();
                            sleep(span).await;
                            assert!(begin.elapsed() >= span, "a sleep was early by an interrupt");
                            counted.count();
                        }
                    })
                })
                .collect();
            let closures: Vec<_> = (0..20)
                .map(|_| {
                    let counted = counted.clone();
                    filch::spawn_blocking(move || {
                        thread::park_timeout(Duration::from_millis(2));
                        counted.count();
                    })
                })
                .collect();
            let (mut here, mut there) = UnixStream::pair()?;
            for n in 0..1_000_u32 {
                let (word, ()) = try_zip(
                    async {
                        let mut word = [0; 4];
                        there.read_exact(&mut word).await?;
                        io::Result::Ok(u32::from_ne_bytes(word))
                    },
                    here.write_all(&n.to_ne_bytes()),
                )
                .await?;
                assert_eq!(word, n);
            }
            for task in naps.into_iter().chain(closures) {
                task.await.expect("no panic");
            }
            io::Result::Ok(())
        })
        .expect("sockets work");
    assert_eq!(counted.counted(), 40 * 5 + 20);
    assert!(runtime.shutdown(PATIENCE).is_clean());
    assert!(storm.end() > 100, "there was no storm");
}

/// Stopped in the middle of it and continued, again and again: when it has ended the sums are the same. That
/// its sleeps are not early the program checks itself; that they were late is the stop's doing.
#[test]
fn stopped_and_continued() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    let mut command = everything("long");
    command.stdin(Stdio::piped());
    let program = Ward::start(command);
    let pid = Pid::from_raw(i32::try_from(program.id()).expect("it fits")).expect("it is not zero");
    let state = |wanted: char| {
        let tasks = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()));
        let tasks = tasks.expect("it is there until it is waited for");
        let mut states = tasks.filter_map(|task| {
            let status = fs::read_to_string(task.ok()?.path().join("status")).ok()?;
            status.lines().find_map(|line| line.strip_prefix("State:"))?.trim().chars().next()
        });
        states.all(|state| state == wanted)
    };
    for _ in 0..10 {
        kill_process(pid, Signal::STOP).expect("it may be stopped");
        wait_until("it has stopped", || state('T'));
        // Longer than most of its sleeps: they all become due at once.
        thread::sleep(Duration::from_millis(20));
        kill_process(pid, Signal::CONT).expect("it may be continued");
        // A moment to get into the middle of something else.
        thread::sleep(Duration::from_millis(15));
    }
    // Its input ends, which it waits for.
    sums_as_expected(&program.end());
}

/// Time that passes while the process is stopped counts: what was due meanwhile is due at once, an interval
/// does not make up for the beats it missed, and the sentinel takes nobody for stuck for ever.
#[test]
fn an_interval_skips_what_it_missed_while_stopped() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "an_interval_skips_what_it_missed_while_stopped";
    const STOPPED: Duration = Duration::from_millis(300);
    const BEAT: Duration = Duration::from_millis(10);
    if child::role().is_none() {
        child::run_well(TEST, "beat");
        return;
    }
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    let beats = Arc::new(Mutex::new(Vec::new()));
    let beating = runtime.spawn({
        let beats = beats.clone();
        async move {
            let mut interval = interval(BEAT);
            loop {
                interval.tick().await;
                beats.lock().expect("not poisoned").push(Instant::now());
            }
        }
    });
    let counted = || beats.lock().expect("not poisoned").len();
    wait_until("it beats", || counted() >= 3);
    loop {
        // Somebody outside continues this process after a while; a stopped one cannot.
        let pid = std::process::id();
        let seconds = STOPPED.as_secs_f64();
        let (before, begin) = (counted(), Instant::now());
        let mut outside = Command::new("/bin/sh")
            .args(["-c", &format!("kill -STOP {pid}; sleep {seconds}; kill -CONT {pid}")])
            .spawn()
            .expect("a shell");
        wait_until("it was stopped", || outside.try_wait().expect("it is ours").is_some());
        let times = beats.lock().expect("not poisoned")[before - 1..].to_vec();
        let took = begin.elapsed();
        assert!(took >= STOPPED);
        let stopped = times.array_windows().map(|[one, next]| *next - *one).max().unwrap_or_default();
        // One thread takes the signal on behalf of all: on a machine that is busy, much later than it was sent.
        if stopped < STOPPED / 2 {
            continue;
        }
        let (more, spent_running) = (times.len() - 1, took.saturating_sub(stopped));
        let bound = spent_running.div_duration_f64(BEAT).ceil() as usize + 3;
        assert!(more <= bound, "{more} beats in {spent_running:?} of running");
        break;
    }
    let after = counted();
    wait_until("it beats on", || counted() >= after + 3);
    beating.abort();
    assert!(runtime.block_on(beating).expect_err("it never ends by itself").is_aborted());
}

/// the smallest stacks one would set.
#[test]
fn stacks_of_64_kibibytes() {
    let _watchdog = Watchdog::usual();
    let mut command = everything("");
    command.env("RUST_MIN_STACK", (64 << 10).to_string());
    sums_as_expected(&Ward::start(command).end());
}

/// Sixteen descriptors for everything: who asks for one too many is told so, and nobody else notices.
#[test]
fn sixteen_descriptors() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "sixteen_descriptors";
    if child::role().is_none() {
        child::run_well(TEST, "few");
        return;
    }
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(16), maximum: limit.maximum })
        .expect("it may be lowered");
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    let threads = process::thread_ids().len();
    runtime
        .block_on(async {
            let listener = TcpListener::bind(LOOPBACK).await?;
            let address = listener.local_addr()?;
            let (mut client, (mut server, _)) =
                try_zip(TcpStream::connect(address), listener.accept()).await?;
            for round in 0..20_u8 {
                let mut hoard = Vec::new();
                let error = loop {
                    match UdpSocket::bind(LOOPBACK).await {
                        Ok(socket) => hoard.push(socket),
                        Err(error) => break error,
                    }
                };
                let is_too_many = |error: &io::Error| error.to_string().contains("os error 24");
                assert!(is_too_many(&error), "{error}");
                assert!(is_too_many(&TcpStream::connect(address).await.expect_err("none is left")));
                assert!(is_too_many(&UnixStream::pair().expect_err("none is left")));
                assert!(is_too_many(&Runtime::new().expect_err("none is left")), "a runtime needs two");
                // What is there goes on.
                client.write_all(&[round; 10]).await?;
                let mut bytes = [0; 10];
                server.read_exact(&mut bytes).await?;
                assert_eq!(bytes, [round; 10]);
                sleep(Duration::from_micros(100)).await;
                assert_eq!(filch::spawn_blocking(move || round).await.expect("no panic"), round);
                assert_eq!(spawn(async move { round }).await.expect("no panic"), round);
                // One is given back: it is enough for one.
                drop(hoard.pop());
                drop(UdpSocket::bind(LOOPBACK).await?);
            }
            let second = Runtime::builder().worker_threads(1).build()?;
            assert_eq!(second.block_on(async { 42 }), 42);
            assert!(second.shutdown(PATIENCE).is_clean());
            io::Result::Ok(())
        })
        .expect("there are enough");
    // One more for closures; none of the runtimes that did not come to be.
    wait_until("no thread is left behind", || process::thread_ids().len() <= threads + 1);
}
