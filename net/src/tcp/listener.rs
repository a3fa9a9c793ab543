//! A TCP socket that accepts connections.

use crate::resolve::{ToSocketAddrs, resolve};
use crate::stream::socket;
use crate::system;
use crate::tcp::{TcpSocket, TcpStream};
use filch_reactor::Async;
use futures_core::Stream;
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A TCP socket that accepts connections.
///
/// Several tasks may accept from one listener at once.
///
/// # Examples
/// ```
/// use filch_net::{TcpListener, TcpStream};
///
/// # futures_lite::future::block_on(async {
/// let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
/// let client = TcpStream::connect(listener.local_addr()?).await?;
/// let (_server, peer) = listener.accept().await?;
/// assert_eq!(peer, client.local_addr()?);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct TcpListener {
    io: Async<std::net::TcpListener>,
}

socket!(TcpListener, std::net::TcpListener, new_nonblocking);

impl TcpListener {
    pub(crate) fn from_async(io: Async<std::net::TcpListener>) -> Self {
        Self { io }
    }

    /// Binds and listens, on the first of the addresses that allows it. Port 0 takes a free one
    /// ([`local_addr`](Self::local_addr) tells). The address may be one on which an earlier listener's connections still
    /// linger (`SO_REUSEADDR`). For other options see [`TcpSocket`].
    ///
    /// # Errors
    /// The operating system's for the last address, with the address in it: it is taken, not ours, or not allowed.
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    /// # Examples
    /// ```
    /// use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let addresses = resolve(address).await?;
        let mut failure = None;
        for address in addresses.as_slice() {
            match Self::bind_one(*address) {
                Ok(listener) => return Ok(listener),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| io::ErrorKind::InvalidInput.into()))
    }

    fn bind_one(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_for(address)?;
        socket.set_reuse_address(true)?;
        socket.bind(address)?;
        socket.listen(system::BACKLOG)
    }

    /// Accepts a connection, and says who it is.
    ///
    /// A connection that died before it was accepted is skipped.
    ///
    /// # Errors
    /// The operating system's. The listener stays usable: out of descriptors (`EMFILE`), say, the connection waits in its
    /// queue, and the caller does well to let some time pass before it accepts again.
    /// # Cancel safety
    /// Dropping the future loses no connection.
    /// # Examples
    /// ```
    /// use filch_net::{TcpListener, TcpStream};
    /// # futures_lite::future::block_on(async {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (server, peer) = listener.accept().await?;
    /// assert_eq!((peer, server.local_addr()?), (client.local_addr()?, client.peer_addr()?));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        Self::finish(self.io.read_with(system::accept).await?)
    }

    /// As [`accept`](Self::accept), for hand-written futures.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    /// # Examples
    /// ```
    /// use filch_net::{TcpListener, TcpStream};
    /// # futures_lite::future::block_on(async {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let _client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (_server, peer) = futures_lite::future::poll_fn(|cx| listener.poll_accept(cx)).await?;
    /// assert!(peer.ip().is_loopback());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.io.poll_read_with(cx, system::accept).map(|accepted| Self::finish(accepted?))
    }

    fn finish((socket, peer): (socket2::Socket, socket2::SockAddr)) -> io::Result<(TcpStream, SocketAddr)> {
        let peer = peer.as_socket().ok_or(io::ErrorKind::InvalidData)?;
        let stream = TcpStream::from_async(Async::new_stream_nonblocking(socket.into())?);
        Ok((stream, peer))
    }

    /// The connections, one after the other; it never ends.
    ///
    /// # Errors
    /// Items are those of [`accept`](Self::accept).
    /// # Examples
    /// ```
    /// use filch_net::{TcpListener, TcpStream};
    /// use futures_lite::StreamExt;
    /// # futures_lite::future::block_on(async {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let address = listener.local_addr()?;
    /// let clients = [TcpStream::connect(address).await?, TcpStream::connect(address).await?];
    /// assert_eq!(listener.incoming().take(2).count().await, clients.len());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming(self)
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    /// assert!(listener.local_addr()?.ip().is_loopback());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// Hops a packet may take.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// assert!(listener.ttl()? > 0);
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
    /// use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// listener.set_ttl(1)?; // To the neighbours, and no further.
    /// assert_eq!(listener.ttl()?, 1);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.io.get_ref().set_ttl(hops)
    }

    /// The error that the system keeps for this socket, which is cleared by asking.
    ///
    /// # Errors
    /// The operating system's, for the asking itself.
    /// # Examples
    /// ```
    /// use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// assert!(listener.take_error()?.is_none());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        SockRef::from(&self.io).take_error()
    }
}

/// The connections of a [`TcpListener`], as a stream that never ends; see [`TcpListener::accept`].
///
/// ```
/// use filch_net::{TcpListener, TcpStream};
/// use futures_lite::{AsyncReadExt, StreamExt};
/// # futures_lite::future::block_on(async {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let mut client = TcpStream::connect(listener.local_addr()?).await?;
/// let mut incoming = listener.incoming();
/// if let Some(stream) = incoming.next().await {
///     drop(stream?);
/// }
/// assert_eq!(client.read(&mut [0]).await?, 0, "it was accepted, and closed");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Incoming<'a>(&'a TcpListener);

impl Stream for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_accept(cx).map(|accepted| Some(accepted.map(|(stream, _)| stream)))
    }
}
