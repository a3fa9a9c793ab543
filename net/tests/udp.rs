//! UDP.

use filch_net::{AddressError, UdpSocket};
use futures_lite::future::{block_on, poll_fn, poll_once, zip};
use std::io;
use std::net::Ipv4Addr;
use std::pin::pin;

async fn two() -> (UdpSocket, UdpSocket) {
    (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap())
}

async fn connected() -> (UdpSocket, UdpSocket) {
    let (a, b) = two().await;
    a.connect(b.local_addr().unwrap()).await.unwrap();
    b.connect(a.local_addr().unwrap()).await.unwrap();
    assert_eq!(a.peer_addr().unwrap(), b.local_addr().unwrap());
    (a, b)
}

#[test]
fn datagrams_go_there_and_back() {
    block_on(async {
        let (a, b) = two().await;
        let (to_a, to_b) = (a.local_addr().unwrap(), b.local_addr().unwrap());
        zip(
            async {
                for round in 0..200_u32 {
                    assert_eq!(a.send_to(&round.to_ne_bytes(), to_b).await.unwrap(), 4);
                    let mut word = [0; 4];
                    assert_eq!(a.recv_from(&mut word).await.unwrap(), (4, to_b));
                    assert_eq!(u32::from_ne_bytes(word), round + 1);
                }
            },
            async {
                for _ in 0..200 {
                    let mut word = [0; 4];
                    let (_, from) = b.recv_from(&mut word).await.unwrap();
                    assert_eq!(from, to_a);
                    let next = u32::from_ne_bytes(word) + 1;
                    b.send_to(&next.to_ne_bytes(), from).await.unwrap();
                }
            },
        )
        .await;
    });
}

#[test]
fn several_datagrams_are_there_at_once_and_short_ones_hide_none() {
    block_on(async {
        let (a, b) = connected().await;
        for round in 0..50_u8 {
            a.send(&[round]).await.unwrap();
        }
        let mut buffer = [0; 1_500];
        for round in 0..50 {
            assert_eq!(b.recv(&mut buffer).await.unwrap(), 1);
            assert_eq!(buffer[0], round);
        }
        assert!(poll_once(b.recv(&mut buffer)).await.is_none());
    });
}

#[test]
fn empty_and_long_datagrams() {
    block_on(async {
        let (a, b) = connected().await;
        let mut buffer = [0; 4];
        assert_eq!(a.send(&[]).await.unwrap(), 0);
        assert_eq!(b.recv(&mut buffer).await.unwrap(), 0, "an empty datagram is received as such");
        a.send(b"longer than that").await.unwrap();
        a.send(b"next").await.unwrap();
        assert_eq!(b.recv(&mut buffer).await.unwrap(), 4);
        assert_eq!(&buffer, b"long");
        assert_eq!(b.recv(&mut buffer).await.unwrap(), 4);
        assert_eq!(&buffer, b"next", "what was cut is gone");
        a.send(b"for nobody").await.unwrap();
        assert_eq!(b.recv(&mut []).await.unwrap(), 0);
        let error = a.send(&vec![0; 100_000]).await.unwrap_err();
        assert!(error.raw_os_error().is_some(), "{error}");
    });
}

#[test]
fn peeking_takes_nothing() {
    block_on(async {
        let (a, b) = connected().await;
        let mut buffer = [0; 8];
        {
            let mut peek = pin!(b.peek_from(&mut buffer));
            assert!(poll_once(peek.as_mut()).await.is_none());
            a.send(b"abc").await.unwrap();
            assert_eq!(peek.await.unwrap(), (3, a.local_addr().unwrap()));
        }
        assert_eq!(b.peek(&mut buffer).await.unwrap(), 3);
        assert_eq!(b.recv(&mut buffer).await.unwrap(), 3);
    });
}

#[test]
fn without_waiting_and_by_hand() {
    block_on(async {
        let (a, b) = two().await;
        let mut buffer = [0; 8];
        assert_eq!(b.try_recv_from(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(a.try_send_to(b"x", b.local_addr().unwrap()).unwrap(), 1);
        b.readable().await.unwrap();
        assert_eq!(b.try_recv_from(&mut buffer).unwrap(), (1, a.local_addr().unwrap()));
        b.writable().await.unwrap();
        let to = b.local_addr().unwrap();
        assert_eq!(poll_fn(|cx| a.poll_send_to(cx, b"yz", to)).await.unwrap(), 2);
        assert_eq!(poll_fn(|cx| b.poll_recv_from(cx, &mut buffer)).await.unwrap().0, 2);
        a.connect(to).await.unwrap();
        assert_eq!(poll_fn(|cx| a.poll_send(cx, b"!")).await.unwrap(), 1);
        assert_eq!(poll_fn(|cx| b.poll_recv(cx, &mut buffer)).await.unwrap(), 1);
        assert_eq!(a.try_send(b"?").unwrap(), 1);
        b.readable().await.unwrap();
        assert_eq!(b.try_recv(&mut buffer).unwrap(), 1);
    });
}

#[test]
fn a_refused_datagram_is_an_error_and_the_socket_lives() {
    block_on(async {
        let (a, b) = connected().await;
        let (gone, mine) = (b.local_addr().unwrap(), a.local_addr().unwrap());
        drop(b);
        a.send(b"to nobody").await.unwrap();
        let error = a.recv(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let b = UdpSocket::bind(gone).await.unwrap();
        b.send_to(b"back", mine).await.unwrap();
        let mut buffer = [0; 8];
        assert_eq!(a.recv(&mut buffer).await.unwrap(), 4);
    });
}

#[test]
fn a_taken_port_says_so_with_its_address() {
    block_on(async {
        let taken = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let error = UdpSocket::bind(address).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(AddressError::of(&error).unwrap().address(), address.to_string());
    });
}

#[test]
fn options_keep_what_they_are_set_to() {
    block_on(async {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
        for on in [true, false] {
            socket.set_broadcast(on).unwrap();
            assert_eq!(socket.broadcast().unwrap(), on);
            socket.set_multicast_loop_v4(on).unwrap();
            assert_eq!(socket.multicast_loop_v4().unwrap(), on);
        }
        socket.set_ttl(9).unwrap();
        assert_eq!(socket.ttl().unwrap(), 9);
        socket.set_multicast_ttl_v4(7).unwrap();
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 7);
        socket.set_recv_buffer_size(16 << 10).unwrap();
        assert!(socket.recv_buffer_size().unwrap() >= 16 << 10);
        assert!(socket.take_error().unwrap().is_none());
        let group = Ipv4Addr::new(224, 0, 0, 251);
        let foreign = socket.join_multicast_v4(Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST);
        assert!(foreign.is_err(), "not a group");
        socket.join_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap();
        socket.leave_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap();
        assert!(socket.leave_multicast_v4(group, Ipv4Addr::LOCALHOST).is_err());
    });
}

#[test]
fn sockets_come_from_the_standard_library_and_go_back() {
    let plain = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = plain.local_addr().unwrap();
    let socket = UdpSocket::from_std(plain).unwrap();
    assert_eq!(socket.into_std().unwrap().local_addr().unwrap(), address);
}

#[test]
fn auto_traits() {
    fn send_sync_unpin<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    send_sync_unpin::<UdpSocket>();
    block_on(async {
        fn send<T: Send>(value: T) -> T {
            value
        }
        let (a, _) = two().await;
        drop(send(a.recv_from(&mut [0; 4])));
        drop(send(a.send_to(&[0; 4], "localhost:1")));
    });
}
