//! Descriptors come back, close on exec, and may run out: alone in its process, because it counts all of them.

#![cfg(target_os = "linux")]

use filch_net::{TcpListener, TcpSocket, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use futures_lite::future::{block_on, poll_once, zip};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::pin::pin;

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// A thousand connections at once on one listener, each used both ways.
async fn a_thousand_connections() {
    const CONNECTIONS: usize = 1_000;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let clients = std::thread::spawn(move || {
        block_on(async {
            let mut streams = Vec::new();
            for number in 0..CONNECTIONS {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(&number.to_ne_bytes()).await.unwrap();
                streams.push(stream);
            }
            for (number, stream) in streams.iter_mut().enumerate() {
                let mut word = [0; size_of::<usize>()];
                stream.read_exact(&mut word).await.unwrap();
                assert_eq!(usize::from_ne_bytes(word), !number);
            }
            streams
        })
    });
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        streams.push(listener.accept().await.unwrap().0);
    }
    for stream in &mut streams {
        let mut word = [0; size_of::<usize>()];
        stream.read_exact(&mut word).await.unwrap();
        stream.write_all(&(!usize::from_ne_bytes(word)).to_ne_bytes()).await.unwrap();
    }
    assert_eq!(clients.join().unwrap().len(), CONNECTIONS);
}

/// One of each kind, finished and given up.
async fn one_of_each() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(poll_once(TcpStream::connect(address)).await);
    // An address that nobody answers for: connecting goes on for long, and is given up.
    let far = pin!(TcpStream::connect("192.0.2.1:9"));
    drop(poll_once(far).await);
    let (client, server) = zip(TcpStream::connect(address), listener.accept()).await;
    let (client, (server, _)) = (client.unwrap(), server.unwrap());
    let halves = client.into_split();
    let plain = server.into_std().unwrap();
    drop(listener);
    // Taken, so that nobody else is given it, by one that does not listen.
    let dead = TcpSocket::new_v4().unwrap();
    dead.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let refused = TcpStream::connect(dead.local_addr().unwrap()).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    let datagrams = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let taken = UdpSocket::bind(datagrams.local_addr().unwrap()).await;
    assert!(taken.is_err());
    let path = std::env::temp_dir().join(format!("filch-net-fds-{}", std::process::id()));
    let unix = UnixListener::bind(&path).unwrap();
    let again = UnixListener::bind(&path).unwrap_err();
    let unix_client = UnixStream::connect(&path).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    let pair = UnixDatagram::pair().unwrap();
    drop((halves, plain, datagrams, unix, again, unix_client, pair));
}

/// Out of descriptors, `accept` fails for its caller, and works again when there are some.
async fn running_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let limit = getrlimit(Resource::Nofile);
    let low = open_descriptors() as u64 + 8;
    setrlimit(Resource::Nofile, Rlimit { current: Some(low), maximum: limit.maximum }).unwrap();
    let hoard: Vec<_> = std::iter::from_fn(|| client.try_clone().ok()).collect();
    let error = listener.accept().await.unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
    let error = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
    drop(hoard);
    setrlimit(Resource::Nofile, limit).unwrap();
    let (_, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, client.local_addr().unwrap(), "the connection has waited in its queue");
}

async fn close_on_exec() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    let datagrams = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let unix = UnixStream::pair().unwrap();
    let output = std::process::Command::new("/bin/sh")
        .args(["-c", "for fd in /proc/$$/fd/*; do readlink $fd; done; true"])
        .output()
        .unwrap();
    let inherited = String::from_utf8(output.stdout).unwrap();
    assert!(inherited.contains("pipe:"), "{inherited}");
    assert!(!inherited.contains("socket:"), "{inherited}");
    assert!(!inherited.contains("[event"), "{inherited}");
    drop((client, server, datagrams, unix));
}

#[test]
fn descriptors() {
    block_on(async {
        // The default reactor and what the process opens once.
        one_of_each().await;
        let baseline = open_descriptors();
        for _ in 0..50 {
            one_of_each().await;
        }
        assert_eq!(open_descriptors(), baseline);
        a_thousand_connections().await;
        assert_eq!(open_descriptors(), baseline);
        running_out().await;
        assert_eq!(open_descriptors(), baseline);
        close_on_exec().await;
        assert_eq!(open_descriptors(), baseline);
    });
}
