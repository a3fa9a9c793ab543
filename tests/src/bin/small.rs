//! Small programs, each a tour of one part: what `ci/sanitize valgrind` runs. Valgrind's kernel lacks what a new one has
//! (`epoll_pwait2`), so that what stands in for it is toured as well.
//!
//! What it may be told:
//! - `echo`: bytes go round over TCP, UDP and Unix sockets.
//! - `sync`: locks, semaphores, events, channels and timers, with waits that are given up.
//! - `threads`: closures in the pool, threads that wait as guests, and a runtime that ends with all of it under way.

use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream};
use filch::sync::{Event, Lock, Semaphore, channel, oneshot};
use filch::time::{interval, sleep, timeout};
use filch::{Runtime, spawn, spawn_blocking, yield_now};
use std::future::pending;
use std::io;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);
const SHORT: Duration = Duration::from_millis(2);
/// As far as this program is concerned, for ever.
const LONG: Duration = Duration::from_secs(600);

fn main() -> ExitCode {
    let runtime = Runtime::builder().worker_threads(2).build().expect("a runtime");
    let sum = match std::env::args().nth(1).as_deref() {
        Some("echo") => runtime.block_on(echo()).expect("loopback works"),
        Some("sync") => runtime.block_on(sync()),
        Some("threads") => threads(&runtime),
        _ => {
            eprintln!("which one: echo, sync or threads?");
            return ExitCode::from(2);
        }
    };
    let report = runtime.shutdown(LONG);
    assert!(report.is_clean(), "{report:?}");
    eprintln!("sum {sum}, as it must be");
    ExitCode::SUCCESS
}

/// Four kilobytes there and back, in pieces, by each kind of socket.
async fn echo() -> io::Result<usize> {
    let mut bytes = 0;
    let listener = TcpListener::bind(LOOPBACK).await?;
    let address = listener.local_addr()?;
    let server = spawn(async move { answer(listener.accept().await?.0).await });
    bytes += ask(TcpStream::connect(address).await?).await?;
    server.await.expect("no panic")?;

    let path = std::env::temp_dir().join(format!("filch-small-{}", std::process::id()));
    let listener = UnixListener::bind(&path)?;
    let server = spawn(async move { answer(listener.accept().await?.0).await });
    bytes += ask(UnixStream::connect(&path).await?).await?;
    server.await.expect("no panic")?;
    std::fs::remove_file(&path)?;

    let (one, other) = (UdpSocket::bind(LOOPBACK).await?, UdpSocket::bind(LOOPBACK).await?);
    let address = other.local_addr()?;
    let server = spawn(async move {
        let mut datagram = [0; 64];
        for _ in 0..64 {
            let (length, from) = other.recv_from(&mut datagram).await?;
            other.send_to(&datagram[..length], from).await?;
        }
        io::Result::Ok(())
    });
    let mut datagram = [0; 64];
    for _ in 0..64 {
        one.send_to(&[7; 64], address).await?;
        bytes += one.recv_from(&mut datagram).await?.0;
    }
    server.await.expect("no panic")?;
    assert_eq!(bytes, 3 * 4096);
    Ok(bytes)
}

async fn answer(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin) -> io::Result<()> {
    let mut piece = [0; 100];
    loop {
        match stream.read(&mut piece).await? {
            0 => return stream.close().await,
            length => stream.write_all(&piece[..length]).await?,
        }
    }
}

async fn ask(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin) -> io::Result<usize> {
    let mut back = vec![0; 512];
    for _ in 0..8 {
        stream.write_all(&[3; 512]).await?;
        stream.read_exact(&mut back).await?;
        assert!(back.iter().all(|byte| *byte == 3));
    }
    stream.close().await?;
    Ok(8 * 512)
}

/// A hundred tasks that wait for each other in every way, and some for what never comes.
async fn sync() -> usize {
    let (sum, permits, start) = (Arc::new(Lock::new(0)), Arc::new(Semaphore::new(3)), Arc::new(Event::new()));
    let (sender, receiver) = channel::bounded(4);
    let tasks: Vec<_> = (0..100)
        .map(|number| {
            let (sum, permits, start, sender) = (sum.clone(), permits.clone(), start.clone(), sender.clone());
            spawn(async move {
                start.wait().await;
                let _permit = permits.acquire().await.expect("it is never closed");
                *sum.lock().await += number;
                if number % 10 == 0 {
                    sleep(SHORT).await;
                }
                sender.send(number).await.expect("there is a receiver");
            })
        })
        .collect();
    drop(sender);
    yield_now().await;
    start.set();

    // Given up in the middle: by a timer, by hand, by being dropped.
    let never = Semaphore::new(0);
    assert!(timeout(SHORT, never.acquire()).await.is_err());
    let (_held, gone) = oneshot::channel::<usize>();
    assert!(timeout(SHORT, gone).await.is_err());
    let endless = spawn(pending::<()>());
    endless.abort();
    assert!(endless.await.expect_err("aborted").is_aborted());
    let mut ticks = interval(SHORT);
    for _ in 0..3 {
        ticks.tick().await;
    }

    let mut received = 0;
    while let Ok(number) = receiver.recv().await {
        received += number;
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!((received, *sum.lock().await), (4950, 4950));
    received
}

/// Work in the pool and on threads of our own; what is left under way ends with the runtime.
fn threads(runtime: &Runtime) -> usize {
    let handle = runtime.handle();
    let guests: Vec<_> = (0..3_usize)
        .map(|number| {
            let handle = handle.clone();
            thread::spawn(move || {
                handle.block_on(async move {
                    let closures: Vec<_> =
                        (0..4).map(|more| spawn_blocking(move || number * 4 + more)).collect();
                    let mut sum = 0;
                    for closure in closures {
                        sum += closure.await.expect("no panic");
                    }
                    sleep(SHORT).await;
                    sum
                })
            })
        })
        .collect();
    for _ in 0..20 {
        runtime.spawn(sleep(LONG)).detach();
        runtime.spawn(pending::<()>()).detach();
    }
    let sum = guests.into_iter().map(|guest| guest.join().expect("no panic")).sum();
    assert_eq!(sum, 66);
    sum
}
