//! Sockets under abuse: no connection, datagram or byte is lost, told twice or held back, whatever the peer,
//! the caller or the system does; and everything that was opened is closed.

use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpSocket, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use filch::time::{sleep, timeout};
use filch::{Runtime, spawn};
use filch_tests::{Dice, Tally, Watchdog, child, process, wait_until};
use futures_lite::future::{or, try_zip};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).thread_name("net").build().expect("a runtime")
}

/// Sanitizers slow everything down a lot; they set the variable to a number above one.
fn cut(number: usize) -> usize {
    let by = std::env::var("FILCH_TEST_CUT").ok().and_then(|by| by.parse().ok()).unwrap_or(1);
    (number / by).max(1)
}

async fn tcp_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(LOOPBACK).await?;
    let address = listener.local_addr()?;
    let (client, (server, _)) = try_zip(TcpStream::connect(address), listener.accept()).await?;
    Ok((client, server))
}

/// The byte at a place of a stream that does not repeat itself soon.
fn byte(at: usize) -> u8 {
    (at * 31 % 253) as u8
}

/// A path for a socket, which is gone in the end.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("filch-abuse-{}-{number}", std::process::id())))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// out of descriptors, a listener whose queue is full costs no processor time, neither while
/// nobody accepts nor while somebody tries again now and then; afterwards everybody who waited in the queue
/// is served.
#[test]
fn accepting_without_descriptors_does_not_spin() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "accepting_without_descriptors_does_not_spin";
    const QUEUED: usize = 20;
    const WATCHED: Duration = Duration::from_millis(300);
    if child::role().is_none() {
        child::run_well(TEST, "accept");
        return;
    }
    let runtime = runtime(2);
    runtime
        .block_on(async {
            let listener = Arc::new(TcpListener::bind(LOOPBACK).await?);
            let address = listener.local_addr()?;
            let mut clients = Vec::new();
            for _ in 0..QUEUED {
                clients.push(TcpStream::connect(address).await?);
            }
            let limit = getrlimit(Resource::Nofile);
            // No number is free below it.
            let none = Rlimit { current: Some(3), maximum: limit.maximum };
            setrlimit(Resource::Nofile, none).expect("a limit may be lowered");
            let refusals = Tally::new();
            let server = spawn({
                let (listener, refusals) = (listener.clone(), refusals.clone());
                async move {
                    let mut accepted = Vec::new();
                    while accepted.len() < QUEUED {
                        match listener.accept().await {
                            Ok((stream, peer)) => accepted.push((stream, peer)),
                            Err(error) => {
                                assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                                refusals.count();
                                sleep(Duration::from_millis(10)).await;
                            }
                        }
                    }
                    accepted
                }
            });
            let spending = process::Spending::watch();
            sleep(WATCHED).await;
            let share = spending.share();
            assert!(share < 0.25, "a spin: {share} of a processor for {} tries", refusals.counted());
            assert!(refusals.counted() > 0);
            // The runtime itself needs none to go on.
            assert_eq!(spawn(async { 42 }).await.expect("no panic"), 42);
            let error = TcpStream::connect(address).await.expect_err("no descriptor is left");
            assert!(error.to_string().contains("os error 24"), "{error}");
            setrlimit(Resource::Nofile, limit).expect("and raised again");
            let accepted = server.await.expect("no panic");
            let mut peers: Vec<_> = accepted.iter().map(|(_, peer)| *peer).collect();
            let mut ours = clients.iter().map(TcpStream::local_addr).collect::<io::Result<Vec<_>>>()?;
            peers.sort();
            ours.sort();
            assert_eq!(peers, ours, "each once");
            io::Result::Ok(())
        })
        .expect("sockets work");
}

/// ten thousand connections that come and go, of every kind, leave nothing behind.
#[test]
fn ten_thousand_connections_come_and_go() {
    let _watchdog = Watchdog::new(Duration::from_secs(60));
    const TEST: &str = "ten_thousand_connections_come_and_go";
    if child::role().is_none() {
        child::run_well(TEST, "connect");
        return;
    }
    let runtime = runtime(2);
    let round = async |rounds: usize| {
        let place = Place::new();
        let tcp = TcpListener::bind(LOOPBACK).await?;
        let address = tcp.local_addr()?;
        let unix = UnixListener::bind(&place.0)?;
        for n in 0..rounds {
            let (client, (server, _)) = try_zip(TcpStream::connect(address), tcp.accept()).await?;
            // Reset rather than closed, or the system would keep thousands of ports for a minute.
            client.set_linger(Some(Duration::ZERO))?;
            let (other, (another, _)) = try_zip(UnixStream::connect(&place.0), unix.accept()).await?;
            match n % 4 {
                0 => drop((client, server, other, another)),
                1 => drop((another, other, server, client)),
                // In the middle of a wait, in other tasks.
                2 => {
                    let waits = [spawn(read_once(server)), spawn(read_once(client))];
                    let wait = spawn(read_once(other));
                    waits.iter().for_each(filch::JoinHandle::abort);
                    wait.abort();
                    drop(another);
                    for wait in waits.into_iter().chain([wait]) {
                        drop(wait.await);
                    }
                }
                _ => {
                    let (reader, writer) = server.into_split();
                    drop((reader, client, another));
                    drop((writer, other));
                }
            }
        }
        io::Result::Ok(())
    };
    runtime.block_on(round(4)).expect("sockets work");
    let baseline = process::descriptors();
    runtime.block_on(round(cut(5_000))).expect("sockets work");
    wait_until("all descriptors are closed", || process::descriptors() == baseline);
}

async fn read_once(mut stream: impl AsyncReadExt + Unpin) -> io::Result<usize> {
    stream.read(&mut [0]).await
}

/// A-112, second half: what we open is closed on exec, all of it.
#[test]
fn every_descriptor_is_closed_on_exec() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "every_descriptor_is_closed_on_exec";
    if child::role().is_none() {
        child::run_well(TEST, "open");
        return;
    }
    let inherited = flags_of_descriptors();
    let runtime = runtime(2);
    let place = Place::new();
    let (here, there) = (Place::new(), Place::new());
    let held = runtime.block_on(async {
        let listener = TcpListener::bind(LOOPBACK).await?;
        let address = listener.local_addr()?;
        let (client, server) = try_zip(TcpStream::connect(address), listener.accept()).await?;
        let unix = UnixListener::bind(&place.0)?;
        let unix_pair = try_zip(UnixStream::connect(&place.0), unix.accept()).await?;
        let datagrams =
            (UnixDatagram::bind(&here.0)?, UnixDatagram::bind(&there.0)?, UnixDatagram::unbound()?);
        let pairs = (UnixStream::pair()?, UnixDatagram::pair()?);
        let udp = UdpSocket::bind(LOOPBACK).await?;
        io::Result::Ok((listener, client, server, unix, unix_pair, datagrams, pairs, udp))
    });
    let held = held.expect("sockets work");
    // The process-wide reactor's, too.
    let outside = futures_lite::future::block_on(UdpSocket::bind(LOOPBACK)).expect("a socket");
    let opened: Vec<_> = flags_of_descriptors().into_iter().filter(|one| !inherited.contains(one)).collect();
    assert!(opened.len() >= 18, "{opened:?}");
    for (number, name, flags) in opened {
        assert_ne!(flags & libc::O_CLOEXEC as u32, 0, "{number} is inherited by children: {name}");
    }
    drop((held, outside));
}

/// Number, name and flags of each open descriptor, but for the one used to look.
fn flags_of_descriptors() -> Vec<(String, String, u32)> {
    let entries = fs::read_dir("/proc/self/fd").expect("/proc tells of descriptors");
    let number = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
    let told = entries.filter_map(number).filter_map(|number| {
        let name = fs::read_link(format!("/proc/self/fd/{number}")).ok()?.to_string_lossy().into_owned();
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).ok()?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?.trim();
        let flags = u32::from_str_radix(flags, 8).expect("flags are octal");
        (!name.starts_with("/proc/")).then_some((number, name, flags))
    });
    told.collect()
}

/// an address where nobody ever answers holds up its caller alone, and is given up without a trace.
#[test]
fn connecting_to_a_black_hole_can_be_given_up() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "connecting_to_a_black_hole_can_be_given_up";
    if child::role().is_none() {
        child::run_well(TEST, "connect");
        return;
    }
    let runtime = runtime(2);
    runtime
        .block_on(async {
            // A queue of one that nobody empties: once it is full the system drops what knocks, without a
            // word.
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
            let listener = socket.listen(0)?;
            let address = listener.local_addr()?;
            let mut queued = Vec::new();
            while let Ok(stream) = timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
                queued.push(stream?);
            }
            assert!(!queued.is_empty());
            let baseline = process::descriptors();
            let knocks: Vec<_> = (0..50)
                .map(|n| {
                    spawn(async move {
                        let limit = Duration::from_micros(n * 400);
                        timeout(limit, TcpStream::connect(address)).await.is_err()
                    })
                })
                .collect();
            let lost: Vec<_> = (0..50).map(|_| spawn(TcpStream::connect(address))).collect();
            for knock in knocks {
                assert!(knock.await.expect("no panic"), "nobody answers");
            }
            for lost in lost {
                lost.abort();
                assert!(lost.await.expect_err("it cannot have ended").is_aborted());
            }
            assert_eq!(process::descriptors(), baseline);
            // It was the queue, not the network.
            for _ in 0..queued.len() {
                listener.accept().await?;
            }
            // Those given up may come first, by their system's next try.
            let serve = async {
                loop {
                    listener.accept().await?;
                }
            };
            let client = or(TcpStream::connect(address), serve).await?;
            assert_eq!(client.peer_addr()?, address);
            io::Result::Ok(())
        })
        .expect("sockets work");
}

/// A thousand tasks accept from one listener: each connection goes to exactly one of them, and nobody sleeps
/// through it.
#[test]
fn a_thousand_tasks_accept_a_thousand_connections() {
    let watchdog = Watchdog::usual();
    let runtime = runtime(2);
    watchdog.watch("accept", runtime.handle());
    let tasks = cut(1_000);
    let place = Place::new();
    runtime
        .block_on(async {
            let listener = Arc::new(UnixListener::bind(&place.0)?);
            let numbers: Vec<_> = (0..tasks)
                .map(|_| {
                    let listener = listener.clone();
                    spawn(async move {
                        let (mut stream, _) = listener.accept().await?;
                        let mut word = [0; 8];
                        stream.read_exact(&mut word).await?;
                        io::Result::Ok(usize::from_ne_bytes(word))
                    })
                })
                .collect();
            for number in 0..tasks {
                let mut stream = UnixStream::connect(&place.0).await?;
                stream.write_all(&number.to_ne_bytes()).await?;
            }
            let mut seen = vec![false; tasks];
            for number in numbers {
                let number = number.await.expect("no panic")?;
                assert!(!std::mem::replace(&mut seen[number], true), "{number} came twice");
            }
            assert!(seen.into_iter().all(|seen| seen));
            io::Result::Ok(())
        })
        .expect("sockets work");
}

/// much data through the smallest buffers the system gives, both ways at once on one connection: every
/// byte, in its place.
#[test]
fn much_through_tiny_buffers_both_ways() {
    let watchdog = Watchdog::new(Duration::from_secs(120));
    let runtime = runtime(2);
    watchdog.watch("tiny", runtime.handle());
    // The whole gibibyte where it takes seconds.
    let len = cut(if cfg!(debug_assertions) { 12 << 20 } else { 1 << 30 });
    runtime
        .block_on(async {
            let (client, server) = UnixStream::pair()?;
            // Unix streams have no such setting here, so by the standard library's own descriptor.
            for stream in [&client, &server] {
                rustix::net::sockopt::set_socket_send_buffer_size(stream, 1)?;
                rustix::net::sockopt::set_socket_recv_buffer_size(stream, 1)?;
            }
            let write = async |mut stream: &UnixStream| {
                let mut at = 0;
                let mut chunk = vec![0; 64 << 10];
                while at < len {
                    let n = chunk.len().min(len - at);
                    chunk[..n].iter_mut().enumerate().for_each(|(place, byte_)| *byte_ = byte(at + place));
                    stream.write_all(&chunk[..n]).await?;
                    at += n;
                }
                stream.close().await
            };
            let read = async |mut stream: &UnixStream| {
                let mut at = 0;
                let mut chunk = vec![0; 50_000];
                loop {
                    match stream.read(&mut chunk).await? {
                        0 => return io::Result::Ok(at),
                        n => {
                            let right = |(place, is): (usize, &u8)| *is == byte(at + place);
                            assert!(chunk[..n].iter().enumerate().all(right), "after {at} bytes");
                            at += n;
                        }
                    }
                }
            };
            let one = try_zip(write(&client), read(&client));
            let other = try_zip(write(&server), read(&server));
            let (((), one), ((), other)) = try_zip(one, other).await?;
            assert_eq!((one, other), (len, len));
            io::Result::Ok(())
        })
        .expect("sockets work");
}

/// reads and writes given up at any moment lose no byte and repeat none.
#[test]
fn reads_given_up_again_and_again_lose_nothing() {
    let watchdog = Watchdog::usual();
    let runtime = runtime(2);
    watchdog.watch("given up", runtime.handle());
    let mut dice = Dice::new();
    let len = cut(200_000);
    let streams = (0..8).map(|_| {
        let (mut write_dice, mut read_dice) = (dice.fork(), dice.fork());
        runtime.spawn(async move {
            let (client, server) = tcp_pair().await?;
            let writer = spawn(async move {
                let mut client = client;
                let mut at = 0;
                while at < len {
                    let n = (1 + write_dice.below(900)).min(len - at);
                    let bytes: Vec<_> = (at..at + n).map(byte).collect();
                    // What is given up has written nothing: `write` takes some, or it takes none.
                    let limit = Duration::from_micros(write_dice.below(40) as u64);
                    if let Ok(wrote) = timeout(limit, client.write(&bytes)).await {
                        at += wrote?;
                    }
                    if write_dice.one_in(20) {
                        sleep(Duration::from_micros(write_dice.below(200) as u64)).await;
                    }
                }
                client.close().await
            });
            let mut server = server;
            let (mut at, mut given_up) = (0, 0);
            let mut buffer = [0; 700];
            loop {
                let n = 1 + read_dice.below(buffer.len());
                let limit = Duration::from_micros(read_dice.below(40) as u64);
                match timeout(limit, server.read(&mut buffer[..n])).await {
                    Err(_elapsed) => given_up += 1,
                    Ok(read) => match read? {
                        0 => break,
                        n => {
                            assert!((at..at + n).map(byte).eq(buffer[..n].iter().copied()), "at {at}");
                            at += n;
                        }
                    },
                }
            }
            writer.await.expect("no panic")?;
            io::Result::Ok((at, given_up))
        })
    });
    let streams: Vec<_> = streams.collect();
    let mut given_up = 0;
    for stream in streams {
        let (read, times) = runtime.block_on(stream).expect("no panic").expect("sockets work");
        assert_eq!(read, len);
        given_up += times;
    }
    assert!(given_up > 0, "not one read had to wait");
}

/// Peers that vanish at any moment: everybody who deals with them is told, by an end or an error, and comes
/// to an end.
#[test]
fn peers_that_vanish_at_any_moment() {
    let watchdog = Watchdog::usual();
    let runtime = runtime(2);
    watchdog.watch("vanish", runtime.handle());
    let mut dice = Dice::new();
    let connections = cut(400);
    let books = Tally::new();
    let tasks: Vec<_> = (0..connections)
        .flat_map(|_| {
            let (sender, receiver) = filch::sync::oneshot::channel();
            let side = |mut dice: Dice, stream: TcpStream, value| async move {
                let _value = value;
                stream.set_linger(dice.one_in(2).then_some(Duration::ZERO))?;
                let lives = dice.below(30);
                let (mut reader, mut writer) = stream.into_split();
                let reads = async {
                    let mut buffer = [0; 512];
                    while reader.read(&mut buffer).await? != 0 {}
                    io::Result::Ok(())
                };
                let writes = async {
                    for n in 0..lives {
                        writer.write_all(&[n as u8; 700]).await?;
                    }
                    Ok(())
                };
                or(reads, writes).await
            };
            let (client_dice, server_dice) = (dice.fork(), dice.fork());
            let (one, other) = (books.value(), books.value());
            let client = runtime.spawn(async move {
                let (client, server) = tcp_pair().await?;
                sender.send(server).expect("the server waits");
                side(client_dice, client, one).await
            });
            let server = runtime.spawn(async move {
                let server = receiver.await.map_err(io::Error::other)?;
                side(server_dice, server, other).await
            });
            [client, server]
        })
        .collect();
    for task in tasks {
        if let Err(error) = runtime.block_on(task).expect("no panic") {
            assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error:?}");
        }
    }
    assert_eq!((books.made(), books.alive()), (2 * connections, 0));
}

/// datagrams of all sizes, none of them included, keep their borders, and one that is too long harms
/// only itself.
#[test]
fn datagrams_of_every_size() {
    let watchdog = Watchdog::usual();
    let runtime = runtime(2);
    watchdog.watch("datagrams", runtime.handle());
    const LONGEST: usize = 65_507;
    runtime
        .block_on(async {
            let (udp, peer) = (UdpSocket::bind(LOOPBACK).await?, UdpSocket::bind(LOOPBACK).await?);
            udp.connect(peer.local_addr()?).await?;
            let (one, other) = UnixDatagram::pair()?;
            let mut buffer = vec![0; LONGEST + 1];
            let sizes = (0..=64).chain((65..2_000).step_by(61)).chain([0, LONGEST, 0, 0, 1]);
            for len in sizes {
                let datagram: Vec<_> = (0..len).map(byte).collect();
                assert_eq!(udp.send(&datagram).await?, len);
                let (n, from) = peer.recv_from(&mut buffer).await?;
                assert_eq!(from, udp.local_addr()?);
                assert!(buffer[..n] == datagram, "{n} of {len} bytes by UDP");
                assert_eq!(one.send(&datagram).await?, len);
                let n = other.recv(&mut buffer).await?;
                assert!(buffer[..n] == datagram, "{n} of {len} bytes by a Unix socket");
                let error = udp.send(&vec![0; LONGEST + 1]).await.expect_err("it does not fit");
                assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
            }
            // A receiver with no room for it, and one with no room at all.
            udp.send(b"long").await?;
            assert_eq!(peer.recv(&mut buffer[..2]).await?, 2);
            udp.send(b"gone").await?;
            assert_eq!(peer.recv(&mut []).await?, 0);
            udp.send(b"next").await?;
            let n = peer.recv(&mut buffer).await?;
            assert_eq!(&buffer[..n], b"next");
            io::Result::Ok(())
        })
        .expect("sockets work");
}

/// In a program whose `main` is not Rust's a closed pipe ends the process. Every way of writing spares it
/// that.
#[test]
fn a_closed_peer_is_an_error_even_where_sigpipe_kills() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "a_closed_peer_is_an_error_even_where_sigpipe_kills";
    if child::role().is_none() {
        child::run_well(TEST, "write");
        return;
    }
    filch_tests::signal::let_closed_pipes_kill();
    let runtime = runtime(1);
    let check = |result: io::Result<usize>| match result {
        Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => true,
        Err(error) => panic!("{error:?}"),
        // What is written before the peer's reset comes is lost without a word.
        Ok(_) => false,
    };
    runtime
        .block_on(async {
            let words = [IoSlice::new(b"one"), IoSlice::new(b"two")];
            let (mut tcp, peer) = tcp_pair().await?;
            drop(peer);
            while !check(tcp.write(b"x").await) {}
            assert!(check(tcp.write(b"x").await));
            assert!(check(tcp.write_vectored(&words).await), "vectored");
            assert!(check(tcp.try_write(b"x")), "at once");
            assert!(check(tcp.try_write_vectored(&words)), "vectored, at once");
            let (mut unix, peer) = UnixStream::pair()?;
            drop(peer);
            assert!(check(unix.write(b"x").await));
            assert!(check(unix.write_vectored(&words).await), "vectored");
            assert!(check(unix.try_write(b"x")), "at once");
            assert!(check(unix.try_write_vectored(&words)), "vectored, at once");
            io::Result::Ok(())
        })
        .expect("sockets work");
}
