//! What bad input gets: an error that says so. Never a hang, never an abort, and nothing left behind.

use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpSocket, TcpStream, UdpSocket, UnixListener, UnixStream};
use filch::{Runtime, block_on, spawn_blocking};
use filch_tests::{Watchdog, child, process, wait_until};
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

#[test]
fn no_workers() {
    let _watchdog = Watchdog::usual();
    let error = Runtime::builder().worker_threads(0).build().expect_err("a runtime without workers");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("worker_threads"), "{error}");
}

#[test]
fn no_blocking_threads() {
    let _watchdog = Watchdog::usual();
    let error = Runtime::builder().max_blocking_threads(0).build().expect_err("a pool without threads");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("max_blocking_threads"), "{error}");
}

#[test]
fn more_threads_and_longer_names_than_fit() {
    let _watchdog = Watchdog::usual();
    let long = "a name that is longer than the kernel's fifteen bytes, and then some";
    let runtime = Runtime::builder()
        .worker_threads(40)
        .max_blocking_threads(usize::MAX)
        .blocking_keep_alive(Duration::MAX)
        .thread_name(long)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        // A number that is too large may be refused, if it is said which.
        Err(error) => {
            assert!(error.to_string().contains("blocking"), "{error}");
            Runtime::builder().worker_threads(40).thread_name(long).build().expect("a runtime")
        }
    };
    let name =
        runtime.block_on(async { spawn_blocking(|| std::thread::current().name().map(str::to_owned)).await });
    assert!(name.expect("no panic").expect("it has a name").starts_with(long));
}

#[test]
fn a_thread_name_with_a_nul() {
    let _watchdog = Watchdog::usual();
    let error = Runtime::builder().thread_name("a\0b").build().expect_err("no thread can be called that");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("thread_name"), "{error}");
}

#[test]
fn threads_that_cannot_start_leave_none_behind() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "threads_that_cannot_start_leave_none_behind";
    if child::role().is_none() {
        child::run_well(TEST, "build");
        return;
    }
    let (threads, descriptors) = (process::threads().len(), process::descriptors());
    for _ in 0..20 {
        let build = Runtime::builder().worker_threads(4).thread_name("huge").thread_stack_size(1 << 44);
        let error = build.build().expect_err("stacks of 16 TiB");
        // What the operating system says, and not a sentence of ours.
        assert!(error.raw_os_error().is_some() || error.kind() == ErrorKind::OutOfMemory, "{error:?}");
        assert_eq!(process::threads_named("huge"), 0, "those that did start have been joined");
    }
    // Not all at once: the first few workers start, a later one does not.
    let hungry = Runtime::builder().worker_threads(4000).thread_name("many").thread_stack_size(1 << 36);
    if let Err(error) = hungry.build() {
        assert!(error.raw_os_error().is_some() || error.kind() == ErrorKind::OutOfMemory, "{error:?}");
    }
    wait_until("those that did start have ended", || process::threads().len() <= threads);
    assert_eq!(process::descriptors(), descriptors);
}

#[test]
fn blocking_threads_that_cannot_start() {
    let _watchdog = Watchdog::usual();
    const TEST: &str = "blocking_threads_that_cannot_start";
    if child::role().is_none() {
        child::run_well(TEST, "spawn");
        return;
    }
    const STACK: usize = 1 << 30;
    let runtime = Runtime::builder().worker_threads(1).thread_stack_size(STACK).build().expect("a runtime");
    // From here on there is room for anything but another such stack.
    let in_use = process::virtual_bytes();
    let limit = format!("--as={}", in_use + STACK / 2);
    let pid = std::process::id().to_string();
    let limited = std::process::Command::new("prlimit").args(["--pid", &pid, &limit]).status();
    if !limited.is_ok_and(|status| status.success()) {
        // No such program here. There is nothing to see then.
        return;
    }
    let refused = futures_lite::future::block_on(runtime.spawn_blocking(|| 42));
    assert!(refused.expect_err("no thread can be had").is_aborted());
    // A task that blocks gets no spare, but neither harms anybody.
    let task = runtime.spawn(async { 1 });
    assert_eq!(futures_lite::future::block_on(task).expect("no panic"), 1);
}

#[test]
fn reading_and_writing_closed_sockets() {
    let _watchdog = Watchdog::usual();
    let runtime = Runtime::builder().worker_threads(1).build().expect("a runtime");
    runtime
        .block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let mut client = TcpStream::connect(listener.local_addr()?).await?;
            let (mut server, _) = listener.accept().await?;

            // Half closed: the other direction goes on.
            client.shutdown(Shutdown::Write)?;
            assert_eq!(server.read(&mut [0; 8]).await?, 0);
            assert_eq!(server.read(&mut [0; 8]).await?, 0, "and again");
            server.write_all(b"still").await?;
            let mut bytes = [0; 5];
            client.read_exact(&mut bytes).await?;
            assert_eq!(&bytes, b"still");
            let error = client.write(b"x").await.expect_err("this half is closed");
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);

            // The peer is gone: at the latest the second write is told.
            drop(client);
            let error = loop {
                if let Err(error) = server.write(&[0; 4096]).await {
                    break error;
                }
            };
            assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error}");
            let rest = server.read(&mut [0; 8]).await;
            assert!(
                matches!(rest, Ok(0)) || rest.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
            );
            io::Result::Ok(())
        })
        .expect("it works");
}

#[test]
fn connecting_to_a_dead_port_names_it() {
    let _watchdog = Watchdog::usual();
    block_on(async {
        // Taken, so that nobody else is given it, by one that does not listen.
        let dead = TcpSocket::new_v4()?;
        dead.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = dead.local_addr()?;
        let error = TcpStream::connect(address).await.expect_err("nobody listens");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains(&address.to_string()), "without the address: {error}");
        let error = UnixStream::connect("/nonexistent/socket").await.expect_err("it does not exist");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("/nonexistent/socket"), "without the path: {error}");
        io::Result::Ok(())
    })
    .expect("it works");
}

#[test]
fn binding_a_taken_address_names_it() {
    let _watchdog = Watchdog::usual();
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let error = TcpListener::bind(address).await.expect_err("it is taken");
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&address.to_string()), "without the address: {error}");

        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        let address = socket.local_addr()?;
        let error = UdpSocket::bind(address).await.expect_err("it is taken");
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&address.to_string()), "without the address: {error}");

        let error = TcpListener::bind("203.0.113.1:80").await.expect_err("it is not ours");
        assert!(error.to_string().contains("203.0.113.1:80"), "without the address: {error}");

        let path = std::env::temp_dir().join(format!("filch-tests-{}", std::process::id()));
        let _first = UnixListener::bind(&path)?;
        let error = UnixListener::bind(&path).expect_err("it is taken");
        std::fs::remove_file(&path)?;
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&path.display().to_string()), "without the path: {error}");
        io::Result::Ok(())
    })
    .expect("it works");
}

#[test]
fn names_and_addresses_that_make_no_sense() {
    let _watchdog = Watchdog::usual();
    block_on(async {
        for nonsense in ["", ":", "127.0.0.1", "127.0.0.1:port", "127.0.0.1:99999", "no.such.host.invalid:1"]
        {
            let error = TcpStream::connect(nonsense).await.expect_err("it makes no sense");
            assert!(!error.to_string().is_empty());
            assert!(TcpListener::bind(nonsense).await.is_err(), "{nonsense}");
        }
    });
}

#[test]
fn nothing_to_read_and_nothing_to_write() {
    let _watchdog = Watchdog::usual();
    block_on(async {
        let (mut one, mut other) = UnixStream::pair()?;
        assert_eq!(one.write(&[]).await?, 0);
        assert_eq!(one.read(&mut []).await?, 0);
        let udp = UdpSocket::bind("127.0.0.1:0").await?;
        assert_eq!(udp.send_to(&[], udp.local_addr()?).await?, 0, "an empty datagram is one");
        assert_eq!(udp.recv_from(&mut [0; 8]).await?.0, 0);
        one.close().await?;
        assert_eq!(other.read(&mut [0; 8]).await?, 0);
        io::Result::Ok(())
    })
    .expect("it works");
}
