//! What went wrong elsewhere with descriptors and sockets, and must not go wrong here.
//!
//! Each test names its entry (`R-…`) in the list of bugs that others really had; `REGRESSIONS.md` has the
//! whole list, with the tests, models and properties that stand for the entries not found here.

use filch::Runtime;
use filch::io::Async;
use filch::net::{TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream};
use filch_tests::process::{self, Spending};
use filch_tests::{PATIENCE, Watchdog, child};
use futures_lite::future::{poll_once, try_zip};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use std::io::{self, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

/// a socket that was not connected yet has hung up, says the kernel, and that was taken for final.
#[test]
fn a_socket_registered_before_it_is_connected_reads_and_waits_as_any_other() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "a_socket_registered_before_it_is_connected_reads_and_waits_as_any_other";
    if child::role().is_none() {
        child::run_well(TEST, "early");
        return;
    }
    let runtime = runtime(1);
    let test = async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let early = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        let early = Async::new(std::net::TcpStream::from(early))?;
        // Both directions are looked at, so that whatever the kernel says of such a socket has been noted.
        early.writable().await?;
        early.readable().await?;
        let connecting = rustix::net::connect(early.get_ref(), &listener.local_addr()?);
        assert!(matches!(connecting, Ok(()) | Err(rustix::io::Errno::INPROGRESS)), "{connecting:?}");
        let (mut peer, _address) = listener.accept().await?;
        early.writable().await?;
        for n in 0..20 {
            // Waits, rather than spins or takes "hung up" for the end.
            let mut buffer = [0; 8];
            let mut reading = pin!(early.read_with(|mut io| io.read(&mut buffer)));
            assert!(poll_once(reading.as_mut()).await.is_none(), "there is nothing to read");
            if n == 0 {
                let spending = Spending::watch();
                assert!(filch::time::timeout(Duration::from_millis(200), reading.as_mut()).await.is_err());
                let share = spending.share();
                assert!(share < 0.3, "{share} of a processor to wait for a byte");
            }
            let (read, ()) = try_zip(reading, async { peer.write_all(b"x").await }).await?;
            assert_eq!(read, 1);
        }
        // The end, when it does come, is one.
        drop(peer);
        assert_eq!(early.read_with(|mut io| io.read(&mut [0; 8])).await?, 0);
        io::Result::Ok(())
    };
    // Under the worker alone: a guest would look after its own descriptor whenever it is polled.
    let done = runtime.spawn(test);
    futures_lite::future::block_on(done).expect("no panic").expect("sockets work");
}

/// addresses were cast to the system's form, on the belief that both are laid out alike.
#[test]
fn addresses_of_every_family_arrive_as_they_were_given() {
    let _watchdog = Watchdog::usual();
    runtime(1)
        .block_on(async {
            for ip in
                [Ipv4Addr::LOCALHOST.into(), Ipv4Addr::new(127, 1, 2, 3).into(), Ipv6Addr::LOCALHOST.into()]
            {
                let any = SocketAddr::new(ip, 0);
                let listener = TcpListener::bind(any).await?;
                let address = listener.local_addr()?;
                assert_eq!(address.ip(), ip);
                assert_ne!(address.port(), 0);
                let (client, (server, peer)) =
                    try_zip(TcpStream::connect(address), listener.accept()).await?;
                assert_eq!((client.peer_addr()?, client.local_addr()?), (address, peer));
                assert_eq!((server.peer_addr()?, server.local_addr()?), (peer, address));
                let (one, other) = (UdpSocket::bind(any).await?, UdpSocket::bind(any).await?);
                assert_eq!(one.send_to(b"x", other.local_addr()?).await?, 1);
                assert_eq!(other.recv_from(&mut [0; 2]).await?, (1, one.local_addr()?));
            }
            let folder = std::env::temp_dir().join(format!("filch-regressions-{}", std::process::id()));
            std::fs::create_dir_all(&folder)?;
            // The longest name there is room for, and one of a single letter.
            let longest = "x".repeat(107 - folder.as_os_str().len() - 1);
            for name in ["x", longest.as_str()] {
                let path = folder.join(name);
                let listener = UnixListener::bind(&path)?;
                let (client, (_server, peer)) =
                    try_zip(UnixStream::connect(&path), listener.accept()).await?;
                assert_eq!(listener.local_addr()?.as_pathname(), Some(path.as_path()));
                assert_eq!(client.peer_addr()?.as_pathname(), Some(path.as_path()));
                assert!(peer.is_unnamed());
            }
            std::fs::remove_dir_all(&folder)
        })
        .expect("sockets work");
}

/// a queue that the peer filled had no bound, and grew until the memory was gone.
#[test]
fn a_peer_that_floods_fills_the_kernels_buffers_and_nothing_of_ours() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "a_peer_that_floods_fills_the_kernels_buffers_and_nothing_of_ours";
    const BLOCK: usize = 64 << 10;
    // Linux lets a socket's buffers grow to some megabytes, which are the kernel's.
    const MOST: usize = 64 << 20;
    if child::role().is_none() {
        child::run_well(TEST, "flood");
        return;
    }
    let runtime = runtime(2);
    let block = vec![7; BLOCK];
    runtime
        .block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let (mut flooded, (mut peer, _)) =
                try_zip(TcpStream::connect(listener.local_addr()?), listener.accept()).await?;
            // The one that is flooded looks at a single byte, so that its direction is in use.
            peer.write_all(b"x").await?;
            assert_eq!(flooded.read(&mut [0]).await?, 1);
            let before = process::resident_bytes();
            let mut sent = 0;
            loop {
                match filch::time::timeout(Duration::from_millis(300), peer.write(&block)).await {
                    Ok(written) => sent += written?,
                    Err(_held_back) => break,
                }
                assert!(sent < MOST, "{sent} bytes were taken for somebody who does not read");
            }
            let grown = process::resident_bytes().saturating_sub(before);
            assert!(grown < (4 << 20) + process::HELD_BACK, "{grown} bytes for what nobody has read");
            // What was held back goes on as soon as somebody reads, and all of it arrives.
            let reading = async {
                let (mut all, mut buffer) = (0, vec![0; BLOCK]);
                loop {
                    match flooded.read(&mut buffer).await? {
                        0 => return Ok(all),
                        read => all += read,
                    }
                }
            };
            let writing = async {
                peer.write_all(&block).await?;
                peer.close().await
            };
            let (all, ()) = try_zip(reading, writing).await?;
            assert_eq!(all, sent + BLOCK);
            io::Result::Ok(())
        })
        .expect("sockets work");
    assert!(runtime.shutdown(PATIENCE).is_clean());
}
