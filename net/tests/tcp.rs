//! TCP: streams, listeners, halves, options, and what goes wrong.

use filch_net::{
    AddressError, OwnedReadHalf, OwnedWriteHalf, ReadHalf, TcpListener, TcpSocket, TcpStream, WriteHalf,
    lookup,
};
use futures_lite::future::{block_on, or, poll_once, yield_now, zip};
use futures_lite::{AsyncReadExt, AsyncWriteExt, StreamExt};
use std::io::{self, IoSlice, IoSliceMut, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::pin::pin;
use std::time::Duration;

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, server) = zip(TcpStream::connect(listener.local_addr().unwrap()), listener.accept()).await;
    let ((server, peer), client) = (server.unwrap(), client.unwrap());
    assert_eq!(peer, client.local_addr().unwrap());
    assert_eq!(server.local_addr().unwrap(), client.peer_addr().unwrap());
    (client, server)
}

/// A port that nobody listens on, nor can while the socket is there.
fn dead_port() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[test]
fn echo() {
    block_on(async {
        let (mut client, mut server) = pair().await;
        let serve = async {
            let mut buffer = [0; 100];
            loop {
                match server.read(&mut buffer).await.unwrap() {
                    0 => return server.close().await.unwrap(),
                    n => server.write_all(&buffer[..n]).await.unwrap(),
                }
            }
        };
        let ask = async {
            for round in 0..200_u64 {
                client.write_all(&round.to_ne_bytes()).await.unwrap();
                let mut answer = [0; 8];
                client.read_exact(&mut answer).await.unwrap();
                assert_eq!(u64::from_ne_bytes(answer), round);
            }
            client.close().await.unwrap();
            assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        };
        zip(serve, ask).await;
    });
}

#[test]
fn half_close_leaves_the_other_direction_open() {
    block_on(async {
        let (mut client, mut server) = pair().await;
        client.write_all(b"question").await.unwrap();
        client.close().await.unwrap();
        client.close().await.unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "question");
        server.write_all(b"answer").await.unwrap();
        drop(server);
        text.clear();
        client.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "answer");
        let error = client.write(b"more").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        client.close().await.expect("closing what the peer has closed is no error");
    });
}

#[test]
fn a_reset_is_an_error_once_and_the_end_after() {
    block_on(async {
        let (mut client, server) = pair().await;
        server.set_linger(Some(Duration::ZERO)).unwrap();
        drop(server);
        let error = client.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        client.close().await.unwrap();
    });
}

#[test]
fn a_waiting_reader_is_told_of_a_reset() {
    block_on(async {
        let (mut client, server) = pair().await;
        let mut byte = [0];
        let mut read = pin!(client.read(&mut byte));
        assert!(poll_once(read.as_mut()).await.is_none());
        server.set_linger(Some(Duration::ZERO)).unwrap();
        drop(server);
        assert_eq!(read.await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn peek_takes_nothing() {
    block_on(async {
        let (mut client, mut server) = pair().await;
        let mut buffer = [0; 8];
        {
            let mut peek = pin!(server.peek(&mut buffer));
            assert!(poll_once(peek.as_mut()).await.is_none());
            client.write_all(b"abc").await.unwrap();
            assert_eq!(peek.await.unwrap(), 3);
        }
        assert_eq!(server.peek(&mut buffer[..2]).await.unwrap(), 2);
        assert_eq!(server.read(&mut buffer).await.unwrap(), 3);
        assert_eq!(&buffer[..3], b"abc");
        client.close().await.unwrap();
        assert_eq!(server.peek(&mut buffer).await.unwrap(), 0);
    });
}

#[test]
fn vectored() {
    block_on(async {
        let (mut client, mut server) = pair().await;
        let written = client
            .write_vectored(&[IoSlice::new(b"one"), IoSlice::new(b""), IoSlice::new(b"two")])
            .await
            .unwrap();
        assert_eq!(written, 6);
        let (mut a, mut b) = ([0; 4], [0; 8]);
        let mut read = 0;
        while read < 6 {
            read += server
                .read_vectored(&mut [IoSliceMut::new(&mut a[read.min(4)..]), IoSliceMut::new(&mut b)])
                .await
                .unwrap();
        }
        assert_eq!((&a, &b[..2]), (b"onet", &b"wo"[..]));
        assert_eq!(client.write_vectored(&[]).await.unwrap(), 0);
        assert_eq!(server.read_vectored(&mut []).await.unwrap(), 0);
        assert_eq!(client.try_write_vectored(&[IoSlice::new(b"xy")]).unwrap(), 2);
        server.readable().await.unwrap();
        assert_eq!(server.try_read_vectored(&mut [IoSliceMut::new(&mut a)]).unwrap(), 2);
    });
}

#[test]
fn transfers_of_nothing_are_done_at_once() {
    block_on(async {
        let (mut client, mut server) = pair().await;
        assert_eq!(server.read(&mut []).await.unwrap(), 0);
        assert_eq!(client.write(&[]).await.unwrap(), 0);
        assert_eq!(server.try_read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        client.write_all(b"x").await.unwrap();
        server.readable().await.unwrap();
        assert_eq!(server.try_read(&mut [0; 8]).unwrap(), 1);
        client.writable().await.unwrap();
        assert_eq!(client.try_write(b"y").unwrap(), 1);
    });
}

#[test]
fn a_big_write_through_a_small_buffer_arrives_exactly() {
    fn byte(at: usize) -> u8 {
        (at * 31 % 253) as u8
    }
    // The system itself makes slow work of buffers this small, so not more than it takes to fill them hundreds of times.
    const LEN: usize = 1 << 20;
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(4 << 10).unwrap();
        let address = listener.local_addr().unwrap();
        let (client, server) = zip(socket.connect(address), listener.accept()).await;
        let (mut client, (mut server, _)) = (client.unwrap(), server.unwrap());
        let data: Vec<u8> = (0..LEN).map(byte).collect();
        let reader = std::thread::spawn(move || {
            block_on(async {
                let mut at = 0;
                let mut buffer = vec![0; 10_007];
                loop {
                    match server.read(&mut buffer).await.unwrap() {
                        0 => return at,
                        n => {
                            assert!(
                                buffer[..n].iter().enumerate().all(|(place, &is)| is == byte(at + place))
                            );
                            at += n;
                        }
                    }
                }
            })
        });
        client.write_all(&data).await.unwrap();
        client.close().await.unwrap();
        assert_eq!(reader.join().unwrap(), LEN);
    });
}

#[test]
fn borrowed_halves() {
    block_on(async {
        let (mut client, mut server) = pair().await;
        let (mut read, mut write) = client.split();
        let (mut server_read, mut server_write) = server.split();
        let mut text = String::new();
        let chat = zip(
            async {
                write.write_all(b"ping").await.unwrap();
                write.close().await.unwrap();
                read.read_to_string(&mut text).await.unwrap();
            },
            async {
                let mut heard = Vec::new();
                server_read.read_to_end(&mut heard).await.unwrap();
                server_write.write_all(&heard).await.unwrap();
                server_write.flush().await.unwrap();
                server_write.close().await.unwrap();
            },
        );
        chat.await;
        assert_eq!(text, "ping");
    });
}

#[test]
fn owned_halves_end_writing_when_dropped_and_reunite() {
    block_on(async {
        let (client, mut server) = pair().await;
        let (read, mut write) = client.into_split();
        write.write_all(b"over").await.unwrap();
        drop(write);
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "over", "the peer read the end");
        server.write_all(b"still").await.unwrap();
        let mut read = read;
        let mut five = [0; 5];
        read.read_exact(&mut five).await.unwrap();
        assert_eq!(&five, b"still");

        let (client, mut server) = pair().await;
        let (read, write) = client.into_split();
        let (foreign_read, foreign_write) = pair().await.0.into_split();
        let refused = read.reunite(foreign_write).unwrap_err();
        assert_eq!(refused.to_string(), "the halves are of different streams");
        let mut client = refused.read.reunite(write).unwrap();
        client.write_all(b"whole").await.unwrap();
        let mut five = [0; 5];
        server.read_exact(&mut five).await.unwrap();
        assert_eq!(&five, b"whole");
        drop((refused.write, foreign_read));

        let (read, write) = client.into_split();
        write.forget();
        assert!(poll_once(server.read(&mut five)).await.is_none(), "forgetting ends nothing");
        assert_eq!(read.as_ref().peer_addr().unwrap(), server.local_addr().unwrap());
        drop(read);
        assert_eq!(server.read(&mut five).await.unwrap(), 0);
    });
}

#[test]
fn halves_work_in_two_threads() {
    block_on(async {
        let (client, server) = pair().await;
        let (mut read, mut write) = client.into_split();
        let echo = std::thread::spawn(move || {
            block_on(async {
                let (mut read, mut write) = server.into_split();
                futures_lite::io::copy(&mut read, &mut write).await.unwrap()
            })
        });
        let writer = std::thread::spawn(move || {
            block_on(async {
                for _ in 0..1_000 {
                    write.write_all(&[7; 1_000]).await.unwrap();
                }
            });
        });
        let mut all = Vec::new();
        read.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), 1_000_000);
        writer.join().unwrap();
        assert_eq!(echo.join().unwrap(), 1_000_000);
    });
}

#[test]
fn a_dead_port_refuses_with_its_address() {
    block_on(async {
        let (_held, dead) = dead_port();
        let error = TcpStream::connect(dead).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(error.to_string().contains(&dead.to_string()), "{error}");
        let source = std::error::Error::source(&error).unwrap().downcast_ref::<io::Error>().unwrap();
        assert_eq!(source.raw_os_error(), AddressError::of(&error).unwrap().os_error().raw_os_error());
        assert!(source.raw_os_error().is_some());
    });
}

#[test]
fn a_taken_port_says_so_with_its_address() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let taken = listener.local_addr().unwrap();
        let error = TcpListener::bind(taken).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(AddressError::of(&error).unwrap().address(), taken.to_string());
        assert!(error.to_string().starts_with(&format!("cannot bind to {taken}: ")), "{error}");
    });
}

#[test]
fn a_lingering_port_may_be_bound_again() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        // The server closes first: its end of the connection lingers on the port.
        server.close().await.unwrap();
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        drop((listener, server, client));
        TcpListener::bind(address).await.unwrap();
    });
}

#[test]
fn all_addresses_are_tried() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let alive = listener.local_addr().unwrap();
        let (_held, dead) = dead_port();
        let addresses = [dead, alive];
        let client = TcpStream::connect(addresses).await.unwrap();
        assert_eq!(client.peer_addr().unwrap(), alive);
        let again =
            TcpListener::bind(&[alive, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))][..]).await.unwrap();
        assert_ne!(again.local_addr().unwrap(), alive);
        let nothing = TcpStream::connect(&[][..]).await.unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::InvalidInput);
    });
}

#[test]
fn what_can_be_connected_to() {
    block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let port = address.port();
        let name = format!("localhost:{port}");
        TcpStream::connect(&name).await.unwrap();
        TcpStream::connect(name.as_str()).await.unwrap();
        TcpStream::connect(("localhost", port)).await.unwrap();
        TcpStream::connect(("127.0.0.1".to_owned(), port)).await.unwrap();
        TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        TcpStream::connect(&address).await.unwrap();
        TcpStream::connect(vec![address]).await.unwrap();
        assert_eq!(lookup(("::1", 7)).await.unwrap(), [SocketAddr::from((Ipv6Addr::LOCALHOST, 7))]);
        assert_eq!(lookup("[::1]:7").await.unwrap(), [SocketAddr::from((Ipv6Addr::LOCALHOST, 7))]);
        for malformed in ["localhost", "localhost:", "localhost:65536", "localhost:http", ""] {
            let error = lookup(malformed).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{malformed}");
            assert!(error.to_string().contains(malformed));
        }
        // No resolver takes this one, with or without a network.
        let error = lookup("no\0name:1").await.unwrap_err();
        assert_eq!(AddressError::of(&error).unwrap().address(), "no\0name");
    });
}

#[test]
fn a_dropped_connect_or_accept_loses_nothing() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        for _ in 0..20 {
            assert!(poll_once(listener.accept()).await.is_none());
            drop(poll_once(TcpStream::connect(address)).await);
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(b"x").await.unwrap();
            // Those given up are accepted too, if they got that far; the one that lives is among them.
            loop {
                let (mut server, peer) = listener.accept().await.unwrap();
                if peer == client.local_addr().unwrap() {
                    assert_eq!(server.read(&mut [0; 2]).await.unwrap(), 1);
                    break;
                }
            }
        }
    });
}

#[test]
fn connections_come_as_a_stream_and_to_several_tasks() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clients = std::thread::spawn(move || {
            (0..30).map(|_| std::net::TcpStream::connect(address).unwrap()).collect::<Vec<_>>()
        });
        let accepted: Vec<_> = listener.incoming().take(10).collect().await;
        assert!(accepted.into_iter().all(|stream| stream.is_ok()));
        let ten = || async {
            for _ in 0..10 {
                listener.accept().await.unwrap();
                yield_now().await;
            }
        };
        zip(ten(), ten()).await;
        assert_eq!(clients.join().unwrap().len(), 30);
        assert!(poll_once(listener.accept()).await.is_none());
    });
}

#[test]
fn options_keep_what_they_are_set_to() {
    block_on(async {
        let (client, _server) = pair().await;
        for on in [true, false] {
            client.set_nodelay(on).unwrap();
            assert_eq!(client.nodelay().unwrap(), on);
        }
        client.set_ttl(42).unwrap();
        assert_eq!(client.ttl().unwrap(), 42);
        for linger in [Some(Duration::from_secs(3)), Some(Duration::ZERO), None] {
            client.set_linger(linger).unwrap();
            assert_eq!(client.linger().unwrap(), linger);
        }
        for keepalive in [Some(Duration::from_secs(77)), None] {
            client.set_keepalive(keepalive).unwrap();
            assert_eq!(client.keepalive().unwrap(), keepalive);
        }
        client.set_recv_buffer_size(32 << 10).unwrap();
        assert!(client.recv_buffer_size().unwrap() >= 32 << 10);
        client.set_send_buffer_size(32 << 10).unwrap();
        assert!(client.send_buffer_size().unwrap() >= 32 << 10);
        assert!(client.take_error().unwrap().is_none());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.set_ttl(43).unwrap();
        assert_eq!(listener.ttl().unwrap(), 43);
        assert!(listener.take_error().unwrap().is_none());
        assert!(format!("{listener:?} {client:?}").contains("127.0.0.1"));
    });
}

#[test]
fn sockets_come_from_the_standard_library_and_go_back() {
    block_on(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listener = TcpListener::try_from(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let mut client = TcpStream::try_from(std::net::TcpStream::connect(address).unwrap()).unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        client.write_all(b"x").await.unwrap();
        assert_eq!(server.read(&mut [0; 2]).await.unwrap(), 1);
        let mut plain = std::net::TcpStream::try_from(client).unwrap();
        plain.set_nonblocking(false).unwrap();
        plain.write_all(b"yz").unwrap();
        assert_eq!(server.read(&mut [0; 4]).await.unwrap(), 2);
        let plain: std::net::TcpListener = listener.into_std().unwrap();
        assert_eq!(plain.local_addr().unwrap(), address);
    });
}

#[test]
fn two_tasks_race_on_one_stream_and_the_loser_goes_on() {
    block_on(async {
        let (client, server) = pair().await;
        for round in 0..100_u8 {
            let (mut one, mut two) = ([0; 1], [0; 1]);
            let mut reader = &server;
            let mut other = &server;
            let mut race = pin!(or(reader.read(&mut one), other.read(&mut two)));
            assert!(poll_once(race.as_mut()).await.is_none());
            (&client).write_all(&[round]).await.unwrap();
            assert_eq!(race.await.unwrap(), 1);
            assert_eq!(one[0].max(two[0]), round);
        }
    });
}

#[test]
fn auto_traits() {
    fn send_sync_unpin<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    fn send<T: Send>(value: T) -> T {
        value
    }
    send_sync_unpin::<TcpStream>();
    send_sync_unpin::<TcpListener>();
    send_sync_unpin::<TcpSocket>();
    send_sync_unpin::<ReadHalf<'static, TcpStream>>();
    send_sync_unpin::<WriteHalf<'static, TcpStream>>();
    send_sync_unpin::<OwnedReadHalf<TcpStream>>();
    send_sync_unpin::<OwnedWriteHalf<TcpStream>>();
    drop(send(TcpStream::connect("localhost:1")));
    drop(send(TcpListener::bind(("localhost", 1))));
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        drop(send(listener.accept()));
    });
}

/// Polls until it is ready, without being woken: what is there already needs no event.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    for _ in 0..3 {
        if let Some(output) = poll_once(future.as_mut()).await {
            return output;
        }
    }
    panic!("it waits for what is there already");
}

#[test]
fn more_buffers_than_one_call_takes_hide_nothing_behind_them() {
    const BUFFERS: usize = 3000;
    const EMPTY: usize = 2000;
    block_on(async {
        for _ in 0..20 {
            let (mut client, mut server) = pair().await;
            // Some empty ones first: they are not the end.
            let words: Vec<_> = (0..BUFFERS).map(|n| [n as u8; 1]).collect();
            let mut written = 0;
            while written < BUFFERS {
                let empty = std::iter::repeat_n(IoSlice::new(&[]), EMPTY);
                let rest = words[written..].iter().map(|word| IoSlice::new(word));
                let slices: Vec<_> = empty.chain(rest).collect();
                let n = soon(client.write_vectored(&slices)).await.unwrap();
                assert!(n > 0, "room for all of it is there");
                written += n;
            }
            client.flush().await.unwrap();
            while server.peek(&mut vec![0; BUFFERS]).await.unwrap() < BUFFERS {}
            let mut bytes = vec![[0_u8]; BUFFERS];
            let mut empty: Vec<_> = vec![[0_u8; 0]; EMPTY];
            let mut read = 0;
            while read < BUFFERS {
                let rest = bytes[read..].iter_mut().map(|byte| IoSliceMut::new(byte));
                let mut slices: Vec<_> =
                    empty.iter_mut().map(|none| IoSliceMut::new(none)).chain(rest).collect();
                let n = soon(server.read_vectored(&mut slices)).await.unwrap();
                assert!(n > 0, "all of it is there");
                read += n;
            }
            assert_eq!(bytes, words);
        }
    });
}
