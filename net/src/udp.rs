//! UDP.

use crate::datagram::datagram;
use crate::error::AddressError;
use crate::resolve::{ToSocketAddrs, resolve};
use crate::stream::socket;
use crate::system;
use filch_reactor::Async;
use socket2::{Domain, SockRef, Type};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};

/// A UDP socket.
///
/// Any number of tasks may send and receive on one socket, by shared reference. A datagram that is longer than the buffer
/// it is received into is cut; what was cut is lost.
///
/// # Examples
/// ```
/// use filch_net::UdpSocket;
///
/// # futures_lite::future::block_on(async {
/// let (here, there) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
/// here.send_to(b"hello", there.local_addr()?).await?;
/// let mut buffer = [0; 16];
/// let (len, from) = there.recv_from(&mut buffer).await?;
/// assert_eq!((&buffer[..len], from), (&b"hello"[..], here.local_addr()?));
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct UdpSocket {
    io: Async<std::net::UdpSocket>,
}

socket!(UdpSocket, std::net::UdpSocket, new_nonblocking);
datagram!(UdpSocket, SocketAddr);

impl UdpSocket {
    /// Binds to the first of the addresses that allows it. Port 0 takes a free one.
    ///
    /// # Errors
    /// The operating system's for the last address, with the address in it.
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// assert_ne!(socket.local_addr()?.port(), 0);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let addresses = resolve(address).await?;
        let mut failure = None;
        for address in addresses.as_slice() {
            match Self::bind_one(*address) {
                Ok(socket) => return Ok(socket),
                Err(error) => failure = Some(AddressError::wrap("bind to", address, error)),
            }
        }
        Err(failure.unwrap_or_else(|| io::ErrorKind::InvalidInput.into()))
    }

    fn bind_one(address: SocketAddr) -> io::Result<Self> {
        let socket = system::socket(Domain::for_address(address), Type::DGRAM)?;
        socket.bind(&address.into())?;
        Ok(Self { io: Async::new_nonblocking(socket.into())? })
    }

    /// Fixes the other end, to the first of the addresses that allows it: [`send`](Self::send) goes there, and only what comes
    /// from there is received.
    ///
    /// # Errors
    /// The operating system's for the last address, with the address in it.
    /// # Cancel safety
    /// Dropping the future leaves the socket as it was.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// let there = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.connect(there.local_addr()?).await?;
    /// socket.send(b"news").await?;
    /// assert_eq!(there.recv(&mut [0; 16]).await?, 4);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn connect(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        let addresses = resolve(address).await?;
        let mut failure = None;
        for address in addresses.as_slice() {
            match self.io.get_ref().connect(address) {
                Ok(()) => return Ok(()),
                Err(error) => failure = Some(AddressError::wrap("connect to", address, error)),
            }
        }
        Err(failure.unwrap_or_else(|| io::ErrorKind::InvalidInput.into()))
    }

    /// Sends one datagram to the first of the addresses. An empty one is a datagram too.
    ///
    /// # Errors
    /// The operating system's: it is too long, or an earlier one was refused.
    /// # Cancel safety
    /// Dropping the future before it is done sends nothing.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// let there = UdpSocket::bind("127.0.0.1:0").await?;
    /// assert_eq!(socket.send_to(b"news", there.local_addr()?).await?, 4);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn send_to(&self, datagram: &[u8], address: impl ToSocketAddrs) -> io::Result<usize> {
        let addresses = resolve(address).await?;
        match addresses.as_slice() {
            [to, ..] => self.io.write_with(|io| io.send_to(datagram, to)).await,
            [] => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// Waits for a datagram and copies it without taking it.
    ///
    /// # Errors
    /// The operating system's.
    /// # Cancel safety
    /// Nothing is taken either way.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.send_to(b"news", socket.local_addr()?).await?; // To itself.
    /// assert_eq!(socket.peek(&mut [0; 16]).await?, 4);
    /// assert_eq!(socket.recv(&mut [0; 16]).await?, 4, "it was still there");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io.read_with(|io| io.peek(buffer)).await
    }

    /// Waits for a datagram and copies it, and its sender, without taking it.
    ///
    /// # Errors
    /// The operating system's.
    /// # Cancel safety
    /// Nothing is taken either way.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.send_to(b"news", socket.local_addr()?).await?; // To itself.
    /// let (size, from) = socket.peek_from(&mut [0; 16]).await?;
    /// assert_eq!((size, from), (4, socket.local_addr()?));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.io.read_with(|io| io.peek_from(buffer)).await
    }

    /// The local address.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// assert!(socket.local_addr()?.ip().is_loopback());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The address of the other end, if it was fixed by [`connect`](Self::connect).
    ///
    /// # Errors
    /// The operating system's: there is none.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// assert!(socket.peer_addr().is_err());
    /// let there = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.connect(there.local_addr()?).await?;
    /// assert_eq!(socket.peer_addr()?, there.local_addr()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// As [`send_to`](Self::send_to), without waiting.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room; else the operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.writable().await?;
    /// assert_eq!(socket.try_send_to(b"news", socket.local_addr()?)?, 4);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn try_send_to(&self, datagram: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.io.try_write_with(|io| io.send_to(datagram, to))
    }

    /// As [`send_to`](Self::send_to), for hand-written futures.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// let to = socket.local_addr()?;
    /// let size = futures_lite::future::poll_fn(|cx| socket.poll_send_to(cx, b"news", to)).await?;
    /// assert_eq!(size, 4);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        datagram: &[u8],
        to: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.io.poll_write_with(cx, |io| io.send_to(datagram, to))
    }

    /// Whether broadcasts may be sent.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// assert!(!socket.broadcast()?, "unless told otherwise");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn broadcast(&self) -> io::Result<bool> {
        self.io.get_ref().broadcast()
    }

    /// Sets whether broadcasts may be sent.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_broadcast(true)?;
    /// assert!(socket.broadcast()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.io.get_ref().set_broadcast(broadcast)
    }

    /// Hops a packet may take.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// assert!(socket.ttl()? > 0);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        self.io.get_ref().ttl()
    }

    /// Sets the hops a packet may take.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_ttl(1)?; // To the neighbours, and no further.
    /// assert_eq!(socket.ttl()?, 1);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.io.get_ref().set_ttl(hops)
    }

    /// Whether multicasts come back to this machine (IPv4).
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// assert!(socket.multicast_loop_v4()?, "unless told otherwise");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.io.get_ref().multicast_loop_v4()
    }

    /// Sets whether multicasts come back to this machine (IPv4).
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_multicast_loop_v4(false)?;
    /// assert!(!socket.multicast_loop_v4()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn set_multicast_loop_v4(&self, comes_back: bool) -> io::Result<()> {
        self.io.get_ref().set_multicast_loop_v4(comes_back)
    }

    /// Hops a multicast may take (IPv4).
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// assert_eq!(socket.multicast_ttl_v4()?, 1, "to the neighbours, unless told otherwise");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.io.get_ref().multicast_ttl_v4()
    }

    /// Sets the hops a multicast may take (IPv4).
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_multicast_ttl_v4(4)?;
    /// assert_eq!(socket.multicast_ttl_v4()?, 4);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn set_multicast_ttl_v4(&self, hops: u32) -> io::Result<()> {
        self.io.get_ref().set_multicast_ttl_v4(hops)
    }

    /// Whether multicasts come back to this machine (IPv6).
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// // Not every machine has it.
    /// if let Ok(socket) = UdpSocket::bind("[::1]:0").await {
    ///     assert!(socket.multicast_loop_v6()?, "unless told otherwise");
    /// }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.io.get_ref().multicast_loop_v6()
    }

    /// Sets whether multicasts come back to this machine (IPv6).
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// // Not every machine has it.
    /// if let Ok(socket) = UdpSocket::bind("[::1]:0").await {
    ///     socket.set_multicast_loop_v6(false)?;
    ///     assert!(!socket.multicast_loop_v6()?);
    /// }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn set_multicast_loop_v6(&self, comes_back: bool) -> io::Result<()> {
        self.io.get_ref().set_multicast_loop_v6(comes_back)
    }

    /// Joins a multicast group on the interface with this address (unspecified: the system chooses).
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// use std::net::Ipv4Addr;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("0.0.0.0:0").await?;
    /// let group = Ipv4Addr::new(239, 255, 0, 1);
    /// // A machine without a network refuses.
    /// let joined = socket.join_multicast_v4(group, Ipv4Addr::UNSPECIFIED).is_ok();
    /// assert_eq!(socket.leave_multicast_v4(group, Ipv4Addr::UNSPECIFIED).is_ok(), joined);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn join_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.io.get_ref().join_multicast_v4(&group, &interface)
    }

    /// Leaves a multicast group.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// use std::net::Ipv4Addr;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("0.0.0.0:0").await?;
    /// let group = Ipv4Addr::new(239, 255, 0, 1);
    /// assert!(socket.leave_multicast_v4(group, Ipv4Addr::UNSPECIFIED).is_err(), "it was not in there");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn leave_multicast_v4(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.io.get_ref().leave_multicast_v4(&group, &interface)
    }

    /// Joins a multicast group on the interface with this index (0: the system chooses).
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// use std::net::Ipv6Addr;
    /// # futures_lite::future::block_on(async {
    /// // Not every machine has it.
    /// if let Ok(socket) = UdpSocket::bind("[::1]:0").await {
    ///     let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x77);
    ///     // A machine without a network refuses.
    ///     let joined = socket.join_multicast_v6(&group, 0).is_ok();
    ///     assert_eq!(socket.leave_multicast_v6(&group, 0).is_ok(), joined);
    /// }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.io.get_ref().join_multicast_v6(group, interface)
    }

    /// Leaves a multicast group.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// use std::net::Ipv6Addr;
    /// # futures_lite::future::block_on(async {
    /// // Not every machine has it.
    /// if let Ok(socket) = UdpSocket::bind("[::1]:0").await {
    ///     let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x77);
    ///     assert!(socket.leave_multicast_v6(&group, 0).is_err(), "it was not in there");
    /// }
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.io.get_ref().leave_multicast_v6(group, interface)
    }

    /// How much may be received before it is read; more is thrown away.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// assert!(socket.recv_buffer_size()? > 0);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn recv_buffer_size(&self) -> io::Result<usize> {
        SockRef::from(&self.io).recv_buffer_size()
    }

    /// Sets how much may be received before it is read. The system may round, double or cut it.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UdpSocket;
    /// # futures_lite::future::block_on(async {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_recv_buffer_size(1 << 16)?;
    /// assert!(socket.recv_buffer_size()? >= 1 << 16);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
        SockRef::from(&self.io).set_recv_buffer_size(bytes)
    }
}
