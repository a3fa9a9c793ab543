//! A TCP socket before it listens or connects.

use crate::error::AddressError;
use crate::system;
use crate::tcp::{TcpListener, TcpStream};
use filch_reactor::Async;
use socket2::{Domain, SockAddr, Socket, Type};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

/// A TCP socket that neither listens nor connects yet: the place for options that must be set before.
///
/// # Examples
/// ```
/// use filch_net::TcpSocket;
///
/// # futures_lite::future::block_on(async {
/// let socket = TcpSocket::new_v4()?;
/// socket.set_reuse_address(true)?;
/// socket.set_recv_buffer_size(1 << 16)?;
/// socket.bind("127.0.0.1:0".parse().unwrap())?;
/// let listener = socket.listen(64)?;
/// assert_ne!(listener.local_addr()?.port(), 0);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct TcpSocket {
    socket: Socket,
}

impl TcpSocket {
    /// A socket for IPv4.
    ///
    /// # Errors
    /// The operating system's: no descriptors left, mostly.
    /// # Examples
    /// ```
    /// use filch_net::TcpSocket;
    /// let socket = TcpSocket::new_v4()?;
    /// assert!(socket.bind("127.0.0.1:0".parse().unwrap()).is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new_v4() -> io::Result<Self> {
        Ok(Self { socket: system::socket(Domain::IPV4, Type::STREAM)? })
    }

    /// A socket for IPv6.
    ///
    /// # Errors
    /// The operating system's: no descriptors left, or no IPv6 here.
    /// # Examples
    /// ```
    /// use filch_net::TcpSocket;
    /// // Not every machine has it.
    /// if let Ok(socket) = TcpSocket::new_v6() {
    ///     assert!(socket.bind("127.0.0.1:0".parse().unwrap()).is_err(), "that is an address of IPv4");
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new_v6() -> io::Result<Self> {
        Ok(Self { socket: system::socket(Domain::IPV6, Type::STREAM)? })
    }

    pub(crate) fn new_for(address: SocketAddr) -> io::Result<Self> {
        if address.is_ipv4() { Self::new_v4() } else { Self::new_v6() }
    }

    /// Whether the address may be bound though connections of an earlier listener on it still linger.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpSocket;
    /// let socket = TcpSocket::new_v4()?;
    /// socket.set_reuse_address(true)?;
    /// assert!(socket.bind("127.0.0.1:0".parse().unwrap()).is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_reuse_address(&self, reuse: bool) -> io::Result<()> {
        self.socket.set_reuse_address(reuse)
    }

    /// Whether several sockets may be bound to one port, sharing its connections.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpSocket;
    /// let (one, other) = (TcpSocket::new_v4()?, TcpSocket::new_v4()?);
    /// one.set_reuse_port(true)?;
    /// other.set_reuse_port(true)?;
    /// one.bind("127.0.0.1:0".parse().unwrap())?;
    /// assert!(other.bind(one.local_addr()?).is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[cfg(not(any(target_os = "solaris", target_os = "illumos")))]
    pub fn set_reuse_port(&self, reuse: bool) -> io::Result<()> {
        self.socket.set_reuse_port(reuse)
    }

    /// Whether an IPv6 socket leaves IPv4 alone.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpSocket;
    /// // Not every machine has it.
    /// if let Ok(socket) = TcpSocket::new_v6() {
    ///     assert!(socket.set_only_v6(true).is_ok());
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_only_v6(&self, only: bool) -> io::Result<()> {
        self.socket.set_only_v6(only)
    }

    /// Whether small writes are sent at once, not gathered.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpSocket;
    /// let socket = TcpSocket::new_v4()?;
    /// assert!(socket.set_nodelay(true).is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.set_tcp_nodelay(nodelay)
    }

    /// How much may be received before it is read. The system may round, double or cut it.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpSocket;
    /// // Before it connects: the window is agreed upon then.
    /// let socket = TcpSocket::new_v4()?;
    /// assert!(socket.set_recv_buffer_size(1 << 16).is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.socket.set_recv_buffer_size(bytes)
    }

    /// How much may be written before it is sent. The system may round, double or cut it.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpSocket;
    /// let socket = TcpSocket::new_v4()?;
    /// assert!(socket.set_send_buffer_size(1 << 16).is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.socket.set_send_buffer_size(bytes)
    }

    /// Binds to a local address.
    ///
    /// # Errors
    /// The operating system's, with the address in it: it is taken, not ours, or not allowed.
    /// # Examples
    /// ```
    /// use filch_net::TcpSocket;
    /// let socket = TcpSocket::new_v4()?;
    /// socket.bind("127.0.0.1:0".parse().unwrap())?;
    /// assert_ne!(socket.local_addr()?.port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind(&self, address: SocketAddr) -> io::Result<()> {
        self.socket.bind(&address.into()).map_err(|error| AddressError::wrap("bind to", address, error))
    }

    /// Listens. The system holds at most `backlog` connections that were not accepted yet, or fewer.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpSocket;
    /// let socket = TcpSocket::new_v4()?;
    /// socket.bind("127.0.0.1:0".parse().unwrap())?;
    /// let listener = socket.listen(16)?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        self.socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        Ok(TcpListener::from_async(Async::new_nonblocking(self.socket.into())?))
    }

    /// Connects.
    ///
    /// # Errors
    /// The operating system's, with the address in it.
    /// # Cancel safety
    /// Dropping the future closes the socket.
    /// # Examples
    /// ```
    /// use filch_net::{TcpListener, TcpSocket};
    /// # futures_lite::future::block_on(async {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let socket = TcpSocket::new_v4()?;
    /// socket.set_nodelay(true)?;
    /// let stream = socket.connect(listener.local_addr()?).await?;
    /// assert!(stream.nodelay()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn connect(self, address: SocketAddr) -> io::Result<TcpStream> {
        match system::connect(self.socket, &SockAddr::from(address), Async::new_stream_nonblocking).await {
            Ok(io) => Ok(TcpStream::from_async(io)),
            Err(error) => Err(AddressError::wrap("connect to", address, error)),
        }
    }

    /// The address it is bound to.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpSocket;
    /// let socket = TcpSocket::new_v4()?;
    /// socket.bind("127.0.0.1:0".parse().unwrap())?;
    /// assert!(socket.local_addr()?.ip().is_loopback());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let address = self.socket.local_addr()?;
        address.as_socket().ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

impl AsFd for TcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl fmt::Debug for TcpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpSocket").field("local", &self.local_addr().ok()).finish_non_exhaustive()
    }
}
