//! Uses every part once or a few times, checks its own sums, and tells how it went: the program that
//! `ci/faults` runs while system calls fail, threads and descriptors run out, and signals rain.
//!
//! The last line it prints, and how it exits:
//! - `sums as expected`, 0: nothing was to be seen from inside.
//! - `error: <what it was about>: <what the system said>`, 3: an error reached the caller, and everything was
//!   given back after it.
//! - anything else, 1 or 101: wrong sums, a spin, something left behind, a panic.
//!
//! What it may be told:
//! - `storm`: a thread of its own interrupts every other one by a signal all the while.
//! - `interruptible`: the signal is handled, and comes from elsewhere.
//! - `long`: everything again and again, until its input ends.
//! - `hang`, `spin`, `leak`, `thread`, `error`, `abort`: to misbehave, so that those who look for it can be
//!   tried.

use filch::io::{Async, AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use filch::sync::{Lock, channel};
use filch::time::{sleep, timeout};
use filch::{JoinError, Runtime, spawn, spawn_blocking, yield_now};
use filch_tests::{process, signal, wait_until};
use futures_lite::future::{poll_once, try_zip};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// What may be spent in a time in which there is nothing to do: far less than a spin, far more than a clock
/// tick.
const IDLE_CPU: Duration = Duration::from_millis(40);
const IDLE: Duration = Duration::from_millis(120);

const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);
const TASKS: u64 = 200;
const GUESTS: u64 = 3;
const MESSAGES: u64 = 20;
const CLIENTS: u64 = 3;
const CLOSURES: u64 = 12;
const TURNS: u64 = 3;

/// What did not work, and why.
struct Failure {
    about: &'static str,
    cause: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.about, self.cause)
    }
}

trait About<T> {
    /// Says what it was that failed.
    fn about(self, about: &'static str) -> Result<T, Failure>;
}

impl<T> About<T> for io::Result<T> {
    fn about(self, about: &'static str) -> Result<T, Failure> {
        self.map_err(|error| Failure { about, cause: error.to_string() })
    }
}

impl<T> About<T> for Result<T, JoinError> {
    fn about(self, about: &'static str) -> Result<T, Failure> {
        self.map_err(|error| Failure { about, cause: error.to_string() })
    }
}

fn main() -> ExitCode {
    // The first call of this name: what comes before it is the loader's and the standard library's.
    let _mark = std::process::id();
    let mode = std::env::args().nth(1).unwrap_or_default();
    if mode == "interruptible" {
        signal::install_interrupt();
    }
    if cfg!(filch_tsan) {
        // The sanitizer has a thread of its own, as soon as there is a second one.
        thread::spawn(|| {}).join().expect("it does nothing");
    }
    let (threads, descriptors) = (process::thread_ids().len(), process::descriptors());
    // It looks into `/proc` by a descriptor of its own, so the books are made before it and after it.
    let storm = (mode == "storm").then(|| signal::Storm::begin(Duration::from_micros(300)));
    let mut outcome = everything(mode.is_empty());
    while mode == "long" && outcome.is_ok() && input_goes_on() {
        outcome = everything(false);
    }
    outcome = outcome.and_then(|()| misbehave(&mode));
    if let Some(storm) = storm {
        println!("signals delivered: {}", storm.end());
    }
    // A thread that was joined is gone for its joiner a moment before it is gone for `/proc`.
    wait_until("no thread is left behind", || process::thread_ids().len() <= threads);
    assert_eq!(process::descriptors(), descriptors, "descriptors are left behind");
    println!("processor time: {} ms", process::processor_time().as_millis());
    match outcome {
        Ok(()) => {
            println!("sums as expected");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("error: {failure}");
            ExitCode::from(3)
        }
    }
}

/// Whether somebody may still say something, who never does.
fn input_goes_on() -> bool {
    let input = io::stdin();
    let ended = rustix::event::poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&Timespec::default()));
    ended.is_ok_and(|ended| ended == 0)
}

fn misbehave(how: &str) -> Result<(), Failure> {
    let forever = || -> ! {
        loop {
            thread::park();
        }
    };
    match how {
        "hang" => forever(),
        "spin" => while process::processor_time() < Duration::from_secs(2) {},
        "leak" => std::mem::forget(io::pipe()),
        "thread" => drop(thread::spawn(move || forever())),
        "error" => Err(io::Error::from_raw_os_error(libc::EIO)).about("an error on purpose")?,
        "abort" => std::process::abort(),
        _ => {}
    }
    Ok(())
}

fn everything(quiet: bool) -> Result<(), Failure> {
    let runtime = Runtime::builder().worker_threads(2).max_blocking_threads(3).build().about("build")?;
    let ended = everything_on(&runtime, quiet);
    let report = runtime.shutdown(Duration::from_secs(20));
    assert!(report.is_clean(), "after {:?}: {report}", ended.map_err(|failure| failure.to_string()));
    ended
}

fn everything_on(runtime: &Runtime, quiet: bool) -> Result<(), Failure> {
    // By turns on this thread, a guest, and inside a task, on the workers.
    runtime.block_on(tasks())?;
    guests(runtime)?;
    runtime.block_on(turns())?;
    runtime.block_on(runtime.spawn(timers())).about("timers")??;
    runtime.block_on(blocking())?;
    runtime.block_on(tcp())?;
    runtime.block_on(runtime.spawn(tcp())).about("tcp in a task")??;
    runtime.block_on(udp())?;
    runtime.block_on(unix())?;
    runtime.block_on(runtime.spawn(datagrams())).about("datagrams in a task")??;
    runtime.block_on(pipes())?;
    if quiet {
        runtime.block_on(nothing())?;
    }
    Ok(())
}

async fn tasks() -> Result<(), Failure> {
    let (sender, receiver) = channel::bounded(4);
    let tasks: Vec<_> = (0..TASKS)
        .map(|n| {
            let sender = sender.clone();
            spawn(async move {
                yield_now().await;
                let child = spawn(async move { n });
                let n = child.await.expect("a child neither panics nor is aborted");
                sender.send(n).await.expect("somebody listens");
            })
        })
        .collect();
    drop(sender);
    let mut sum = 0;
    while let Ok(n) = receiver.recv().await {
        sum += n;
    }
    for task in tasks {
        task.await.about("a task")?;
    }
    assert_eq!(sum, TASKS * (TASKS - 1) / 2, "what the tasks sent");
    Ok(())
}

fn guests(runtime: &Runtime) -> Result<(), Failure> {
    let guests = (0..GUESTS).map(|guest| {
        let handle = runtime.handle().clone();
        let work = move || {
            handle.block_on(async move {
                let mut sum = 0;
                for n in 0..TASKS / 10 {
                    sum += spawn(async move { n * guest }).await.expect("it neither panics nor is aborted");
                }
                sum
            })
        };
        thread::Builder::new().spawn(work).about("the program's own thread")
    });
    let guests: Vec<_> = guests.collect();
    let mut sum = 0;
    let mut refused = None;
    for guest in guests {
        match guest {
            Ok(guest) => sum += guest.join().expect("no panic"),
            Err(failure) => refused = Some(failure),
        }
    }
    if let Some(failure) = refused {
        return Err(failure);
    }
    let each = TASKS / 10;
    assert_eq!(sum, each * (each - 1) / 2 * (GUESTS * (GUESTS - 1) / 2), "what the guests summed up");
    Ok(())
}

/// Turns that those they are offered to do not take: somebody else is asked, in time.
async fn turns() -> Result<(), Failure> {
    let lock = Arc::new(Lock::new(0));
    for _ in 0..TURNS {
        let guard = lock.lock().await;
        let mut late = pin!(lock.lock());
        assert!(poll_once(late.as_mut()).await.is_none(), "it is locked");
        let other = spawn({
            let lock = lock.clone();
            async move { *lock.lock().await += 1 }
        });
        while lock.statistics().waiters < 2 {
            yield_now().await;
        }
        drop(guard);
        other.await.about("whoever waits behind one that does not come")?;
        *late.await += 1;
    }
    assert_eq!(*lock.lock().await, 2 * TURNS, "turns taken");
    Ok(())
}

async fn timers() -> Result<(), Failure> {
    let naps: Vec<_> = (0..20)
        .map(|n| {
            spawn(async move {
                let span = Duration::from_micros(n * 500);
                let begin = Instant::now();
                sleep(span).await;
                assert!(begin.elapsed() >= span, "early");
            })
        })
        .collect();
    for nap in naps {
        nap.await.about("a nap")?;
    }
    assert!(timeout(Duration::from_millis(1), std::future::pending::<()>()).await.is_err());
    assert_eq!(timeout(Duration::from_secs(3600), async { 7 }).await.ok(), Some(7));
    Ok(())
}

async fn blocking() -> Result<(), Failure> {
    let closures: Vec<_> = (0..CLOSURES)
        .map(|n| {
            spawn_blocking(move || {
                thread::park_timeout(Duration::from_micros(200));
                n
            })
        })
        .collect();
    let mut sum = 0;
    let mut refused = None;
    for closure in closures {
        match closure.await.about("spawn_blocking") {
            Ok(n) => sum += n,
            Err(failure) => refused = Some(failure),
        }
    }
    match refused {
        Some(failure) => Err(failure),
        None => {
            assert_eq!(sum, CLOSURES * (CLOSURES - 1) / 2, "what the closures returned");
            Ok(())
        }
    }
}

/// Sends numbers, and expects each back.
async fn ask(
    mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin,
    wrote: &'static str,
    read: &'static str,
) -> Result<u64, Failure> {
    let mut sum = 0;
    for n in 0..MESSAGES {
        stream.write_all(&[n as u8; 1000]).await.about(wrote)?;
        let mut answer = [0; 1000];
        stream.read_exact(&mut answer).await.about(read)?;
        assert_eq!(answer, [n as u8; 1000]);
        sum += n;
    }
    stream.close().await.about("shutdown")?;
    assert_eq!(stream.read(&mut [0]).await.about(read)?, 0, "the end after the end");
    Ok(sum)
}

/// Sends back whatever comes, and returns how much that was.
async fn answer(
    mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin,
    wrote: &'static str,
    read: &'static str,
) -> Result<u64, Failure> {
    let mut buffer = [0; 4096];
    let mut count = 0;
    loop {
        let n = stream.read(&mut buffer).await.about(read)?;
        if n == 0 {
            stream.close().await.about("shutdown")?;
            return Ok(count);
        }
        stream.write_all(&buffer[..n]).await.about(wrote)?;
        count += n as u64;
    }
}

const ASKED: u64 = MESSAGES * (MESSAGES - 1) / 2;
const ANSWERED: u64 = MESSAGES * 1000;

async fn tcp() -> Result<(), Failure> {
    let listener = TcpListener::bind(LOOPBACK).await.about("tcp bind")?;
    let address = listener.local_addr().about("tcp local address")?;
    for _ in 0..CLIENTS {
        let client = async {
            let stream = TcpStream::connect(address).await.about("tcp connect")?;
            stream.set_nodelay(true).about("tcp option")?;
            stream.writable().await.about("tcp writable")?;
            ask(stream, "tcp write", "tcp read").await
        };
        let server = async {
            let (stream, peer) = listener.accept().await.about("tcp accept")?;
            assert!(peer.ip().is_loopback());
            answer(stream, "tcp write", "tcp read").await
        };
        // Either's error ends the other, which would wait for it.
        assert_eq!(try_zip(client, server).await?, (ASKED, ANSWERED), "over TCP");
    }
    Ok(())
}

async fn udp() -> Result<(), Failure> {
    let one = UdpSocket::bind(LOOPBACK).await.about("udp bind")?;
    let other = UdpSocket::bind(LOOPBACK).await.about("udp bind")?;
    let to = other.local_addr().about("udp local address")?;
    one.connect(to).await.about("udp connect")?;
    let mut sum = 0;
    for n in 0..MESSAGES {
        one.send(&n.to_ne_bytes()).await.about("udp send")?;
        let mut bytes = [0; 8];
        let (count, from) = other.recv_from(&mut bytes).await.about("udp receive")?;
        assert_eq!(count, 8);
        other.send_to(&bytes, from).await.about("udp send")?;
        assert_eq!(one.recv(&mut bytes).await.about("udp receive")?, 8);
        sum += u64::from_ne_bytes(bytes);
    }
    assert_eq!(sum, ASKED, "over UDP");
    Ok(())
}

/// A place for a socket, empty afterwards.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn unix() -> Result<(), Failure> {
    let place = Place(std::env::temp_dir().join(format!("filch-everything-{}", std::process::id())));
    let listener = UnixListener::bind(&place.0).about("unix bind")?;
    for _ in 0..CLIENTS {
        let client = async {
            let stream = UnixStream::connect(&place.0).await.about("unix connect")?;
            ask(stream, "unix write", "unix read").await
        };
        let server = async {
            let (stream, _) = listener.accept().await.about("unix accept")?;
            answer(stream, "unix write", "unix read").await
        };
        assert_eq!(try_zip(client, server).await?, (ASKED, ANSWERED), "over a Unix socket");
    }
    Ok(())
}

async fn datagrams() -> Result<(), Failure> {
    let (one, other) = UnixDatagram::pair().about("unix pair")?;
    let mut sum = 0;
    for n in 0..MESSAGES {
        one.send(&n.to_ne_bytes()).await.about("unix send")?;
        let mut bytes = [0; 8];
        assert_eq!(other.recv(&mut bytes).await.about("unix receive")?, 8);
        sum += u64::from_ne_bytes(bytes);
    }
    assert_eq!(sum, ASKED, "by Unix datagrams");
    Ok(())
}

async fn pipes() -> Result<(), Failure> {
    let (reader, writer) = io::pipe().about("pipe")?;
    let reader = Async::new(reader).about("register a pipe")?;
    let writer = Async::new(writer).about("register a pipe")?;
    let mut sum = 0;
    for n in 0..MESSAGES {
        let receive = async {
            reader.readable().await.about("pipe readable")?;
            let mut byte = [0];
            reader.read_with(|mut pipe| pipe.read(&mut byte)).await.about("pipe read")?;
            Ok(byte[0])
        };
        let send = async {
            yield_now().await;
            writer.write_with(|mut pipe| pipe.write(&[n as u8])).await.about("pipe write")
        };
        let (byte, _) = try_zip(receive, send).await?;
        sum += u64::from(byte);
    }
    assert_eq!(sum, ASKED, "through a pipe");
    Ok(())
}

/// Sockets that nothing happens on, timers far away, and no processor time.
async fn nothing() -> Result<(), Failure> {
    let listener = TcpListener::bind(LOOPBACK).await.about("tcp bind")?;
    let (one, _other) = UnixStream::pair().about("unix pair")?;
    let waits = spawn(async move {
        let mut one = one;
        one.read(&mut [0]).await
    });
    let far = spawn(sleep(Duration::from_secs(3600)));
    // What is left of what was before comes to rest.
    sleep(Duration::from_millis(20)).await;
    let before = process::processor_time();
    let accepted = timeout(IDLE, listener.accept()).await;
    let spent = process::processor_time() - before;
    if let Ok(accepted) = accepted {
        accepted.about("tcp accept")?;
        panic!("somebody connected");
    }
    assert!(spent < IDLE_CPU, "a spin: {spent:?} on the processor in {IDLE:?} with nothing to do");
    far.abort();
    waits.abort();
    let _aborted = (far.await, waits.await);
    Ok(())
}
