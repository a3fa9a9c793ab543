//! Unix streams, listeners and datagrams.

use filch_net::{AddressError, UnixDatagram, UnixListener, UnixStream};
use futures_lite::future::{block_on, poll_once, zip};
use futures_lite::{AsyncReadExt, AsyncWriteExt, StreamExt};
use std::io;
use std::net::Shutdown;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A path of its own for each socket, removed at the end.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("filch-net-{}-{number}", std::process::id())))
    }
}

impl AsRef<Path> for Place {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn echo_through_a_path() {
    block_on(async {
        let place = Place::new();
        let listener = UnixListener::bind(&place).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(place.as_ref()));
        let (client, server) = zip(UnixStream::connect(&place), listener.accept()).await;
        let (mut client, (mut server, peer)) = (client.unwrap(), server.unwrap());
        assert!(peer.is_unnamed());
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(place.as_ref()));
        assert_eq!(server.local_addr().unwrap().as_pathname(), Some(place.as_ref()));
        for round in 0..200_u64 {
            client.write_all(&round.to_ne_bytes()).await.unwrap();
            let mut word = [0; 8];
            server.read_exact(&mut word).await.unwrap();
            server.write_all(&word).await.unwrap();
            client.read_exact(&mut word).await.unwrap();
            assert_eq!(u64::from_ne_bytes(word), round);
        }
        client.close().await.unwrap();
        assert_eq!(server.read(&mut [0]).await.unwrap(), 0);
        server.write_all(b"x").await.unwrap();
        assert_eq!(client.read(&mut [0; 2]).await.unwrap(), 1);
    });
}

#[test]
fn a_named_client_is_named() {
    block_on(async {
        let (place, name) = (Place::new(), Place::new());
        let listener = UnixListener::bind(&place).unwrap();
        let client = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        client.bind(&socket2::SockAddr::unix(&name).unwrap()).unwrap();
        client.connect(&socket2::SockAddr::unix(&place).unwrap()).unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.as_pathname(), Some(name.as_ref()));
    });
}

#[test]
fn connections_come_as_a_stream() {
    block_on(async {
        let place = Place::new();
        let listener = UnixListener::bind(&place).unwrap();
        let clients: Vec<_> =
            (0..10).map(|_| std::os::unix::net::UnixStream::connect(&place).unwrap()).collect();
        let accepted: Vec<_> = listener.incoming().take(10).collect().await;
        assert!(accepted.into_iter().all(|stream| stream.is_ok()));
        assert!(poll_once(listener.accept()).await.is_none());
        assert!(listener.take_error().unwrap().is_none());
        drop(clients);
    });
}

#[test]
fn errors_name_the_path() {
    block_on(async {
        let place = Place::new();
        let text = place.0.display().to_string();
        let error = UnixStream::connect(&place).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(AddressError::of(&error).unwrap().address(), text);
        let listener = UnixListener::bind(&place).unwrap();
        let error = UnixListener::bind(&place).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&text), "{error}");
        drop(listener);
        let error = UnixStream::connect(&place).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let error = UnixDatagram::bind(&place).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let too_long = "x".repeat(1_000);
        assert_eq!(UnixListener::bind(&too_long).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert_eq!(UnixStream::connect(&too_long).await.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_queue_is_an_error_and_not_a_hang() {
    block_on(async {
        let place = Place::new();
        let listener = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        listener.bind(&socket2::SockAddr::unix(&place).unwrap()).unwrap();
        listener.listen(1).unwrap();
        let mut waiting = Vec::new();
        let error = loop {
            match UnixStream::connect(&place).await {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
            assert!(waiting.len() < 100, "the queue is never full");
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    });
}

#[test]
fn pairs_halves_and_credentials() {
    block_on(async {
        let (mut here, there) = UnixStream::pair().unwrap();
        {
            let (mut read, mut write) = here.split();
            let mut there = &there;
            let mut byte = [0];
            zip(async { write.write_all(b"x").await.unwrap() }, async {
                there.read_exact(&mut byte).await.unwrap();
            })
            .await;
            there.write_all(b"y").await.unwrap();
            read.read_exact(&mut byte).await.unwrap();
            assert_eq!(&byte, b"y");
        }
        #[cfg(target_os = "linux")]
        {
            let peer = here.peer_cred().unwrap();
            assert_eq!(peer.process, std::process::id() as i32);
            assert_eq!(peer.user, rustix::process::getuid().as_raw());
            assert_eq!(peer.group, rustix::process::getgid().as_raw());
        }
        let (read, write) = here.into_split();
        drop(write);
        assert_eq!((&there).read(&mut [0]).await.unwrap(), 0);
        let error = (&there).write(b"z").await;
        assert_eq!(error.unwrap(), 1, "the other direction is open");
        drop(read);
        let error = (&there).write(b"z").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        there.shutdown(Shutdown::Both).unwrap();
    });
}

#[test]
fn much_data_arrives_exactly() {
    block_on(async {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        let data: Vec<u8> = (0..4_000_000_u32).map(|at| (at % 249) as u8).collect();
        let sent = data.clone();
        let writer = std::thread::spawn(move || {
            block_on(async move {
                here.write_all(&sent).await.unwrap();
            });
        });
        let mut got = Vec::new();
        there.read_to_end(&mut got).await.unwrap();
        assert!(got == data);
        writer.join().unwrap();
    });
}

#[test]
fn datagrams() {
    block_on(async {
        let (place, other) = (Place::new(), Place::new());
        let (a, b) = (UnixDatagram::bind(&place).unwrap(), UnixDatagram::bind(&other).unwrap());
        let mut buffer = [0; 4];
        a.send_to(b"hello", &other).await.unwrap();
        a.send_to(b"", &other).await.unwrap();
        let (len, from) = b.recv_from(&mut buffer).await.unwrap();
        assert_eq!((&buffer[..len], from.as_pathname()), (&b"hell"[..], Some(place.as_ref())));
        assert_eq!(b.recv(&mut buffer).await.unwrap(), 0);
        assert_eq!(b.try_recv(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        b.connect(&place).unwrap();
        b.send(b"back").await.unwrap();
        assert_eq!(a.recv(&mut buffer).await.unwrap(), 4);
        assert_eq!(b.peer_addr().unwrap().as_pathname(), Some(place.as_ref()));
        assert!(a.peer_addr().is_err());
        assert_eq!(b.local_addr().unwrap().as_pathname(), Some(other.as_ref()));
        drop(b);
        let error = a.send_to(b"x", &other).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let nobody = UnixDatagram::unbound().unwrap();
        let error = nobody.connect(&other).unwrap_err();
        assert!(error.to_string().contains(&other.0.display().to_string()), "{error}");
        nobody.send_to(b"y", &place).await.unwrap();
        assert!(a.recv_from(&mut buffer).await.unwrap().1.is_unnamed());
        let (here, there) = UnixDatagram::pair().unwrap();
        here.shutdown(Shutdown::Both).unwrap();
        assert!(there.send(b"z").await.is_err());
    });
}

#[test]
fn a_sender_waits_for_a_full_receiver_connected_or_not() {
    block_on(async {
        let place = Place::new();
        let receiver = UnixDatagram::bind(&place).unwrap();
        for connected in [false, true] {
            let sender = UnixDatagram::unbound().unwrap();
            if connected {
                sender.connect(&place).unwrap();
            }
            let send = |number: u32| {
                let (sender, place) = (&sender, &place);
                async move {
                    if connected {
                        sender.send(&number.to_ne_bytes()).await.unwrap();
                    } else {
                        sender.send_to(&number.to_ne_bytes(), place).await.unwrap();
                    }
                }
            };
            // Until it no longer fits.
            let mut sent = 0;
            let mut stuck = Box::pin(send(sent));
            while poll_once(stuck.as_mut()).await.is_some() {
                sent += 1;
                stuck = Box::pin(send(sent));
                assert!(sent < 100_000, "the receiver is never full");
            }
            let mut word = [0; 4];
            receiver.recv(&mut word).await.unwrap();
            assert_eq!(u32::from_ne_bytes(word), 0);
            let mut received = 1;
            let receive_all = async {
                while received <= sent {
                    receiver.recv(&mut word).await.unwrap();
                    assert_eq!(u32::from_ne_bytes(word), received);
                    received += 1;
                }
            };
            zip(stuck, receive_all).await;
        }
    });
}

#[test]
fn waiting_and_trying() {
    block_on(async {
        let (here, there) = UnixDatagram::pair().unwrap();
        let mut buffer = [0; 4];
        {
            let mut readable = pin!(there.readable());
            assert!(poll_once(readable.as_mut()).await.is_none());
            here.writable().await.unwrap();
            here.try_send(b"x").unwrap();
            readable.await.unwrap();
        }
        assert_eq!(there.try_recv_from(&mut buffer).unwrap().0, 1);
        let (here, there) = UnixStream::pair().unwrap();
        assert_eq!(there.try_read(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        here.writable().await.unwrap();
        assert_eq!(here.try_write(b"abc").unwrap(), 3);
        there.readable().await.unwrap();
        assert_eq!(there.try_read(&mut buffer).unwrap(), 3);
    });
}

#[test]
fn sockets_come_from_the_standard_library_and_go_back() {
    block_on(async {
        let (a, b) = std::os::unix::net::UnixStream::pair().unwrap();
        let (mut a, b) = (UnixStream::from_std(a).unwrap(), UnixStream::try_from(b).unwrap());
        a.write_all(b"x").await.unwrap();
        let plain: std::os::unix::net::UnixStream = b.try_into().unwrap();
        assert_eq!(io::Read::read(&mut &plain, &mut [0; 4]).unwrap(), 1);
    });
}

#[test]
fn auto_traits() {
    fn send_sync_unpin<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    send_sync_unpin::<UnixStream>();
    send_sync_unpin::<UnixListener>();
    send_sync_unpin::<UnixDatagram>();
}

/// A read stops short at a message that carries descriptors, however much is there behind it.
#[cfg(target_os = "linux")]
#[test]
fn descriptors_nobody_asked_for_hide_nothing_behind_them() {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use std::os::fd::AsFd;
    block_on(async {
        for _ in 0..20 {
            let (here, mut there) = UnixStream::pair().unwrap();
            let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            let carried = [here.as_fd()];
            assert!(ancillary.push(SendAncillaryMessage::ScmRights(&carried)));
            for _ in 0..3 {
                let bytes = [std::io::IoSlice::new(b"with")];
                assert_eq!(sendmsg(&here, &bytes, &mut ancillary, SendFlags::empty()).unwrap(), 4);
                assert_eq!(here.try_write(b"without").unwrap(), 7);
            }
            let mut buffer = [0; 100];
            let mut read = 0;
            while read < 33 {
                // What is there needs no event.
                let n = poll_once(there.read(&mut buffer)).await.expect("it is there already").unwrap();
                assert!(n > 0);
                read += n;
            }
        }
    });
}
