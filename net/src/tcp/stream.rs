//! A TCP connection.

use crate::resolve::{ToSocketAddrs, resolve};
use crate::stream::stream;
use crate::tcp::TcpSocket;
use filch_reactor::Async;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// A TCP connection.
///
/// It is read and written by the `AsyncRead` and `AsyncWrite` traits, which `&TcpStream` has as well: one task may read
/// while another writes. Closing (`AsyncWriteExt::close`) ends writing only; dropping closes all.
///
/// # Examples
/// Half-close: say all, then listen.
/// ```
/// use filch_net::{TcpListener, TcpStream};
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
///
/// # futures_lite::future::block_on(async {
/// # let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # let address = listener.local_addr()?;
/// let mut stream = TcpStream::connect(address).await?;
/// # let (mut server, _) = listener.accept().await?;
/// stream.write_all(b"question").await?;
/// stream.close().await?;
/// # let mut question = Vec::new();
/// # server.read_to_end(&mut question).await?;
/// # server.write_all(b"answer").await?;
/// # drop(server);
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer).await?;
/// assert_eq!(answer, "answer");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct TcpStream {
    io: Async<std::net::TcpStream>,
}

stream!(TcpStream, std::net::TcpStream, new_stream_nonblocking);

impl TcpStream {
    pub(crate) fn from_async(io: Async<std::net::TcpStream>) -> Self {
        Self { io }
    }

    /// Connects to the first of the addresses that answers, trying them in order.
    ///
    /// # Errors
    /// The operating system's for the last address, with the address in it.
    /// # Cancel safety
    /// Dropping the future closes the socket: the peer sees a connection attempt that was given up.
    /// # Examples
    /// ```
    /// use filch_net::TcpStream;
    /// # use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let stream = TcpStream::connect(address).await?;
    /// assert_eq!(stream.peer_addr()?, address);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn connect(address: impl ToSocketAddrs) -> io::Result<Self> {
        let addresses = resolve(address).await?;
        let mut failure = None;
        for address in addresses.as_slice() {
            match TcpSocket::new_for(*address)?.connect(*address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| io::ErrorKind::InvalidInput.into()))
    }

    /// Waits for data and copies it without taking it: the next read finds it still there. Zero is the end.
    ///
    /// # Errors
    /// The operating system's.
    /// # Cancel safety
    /// Nothing is taken either way.
    /// # Examples
    /// ```
    /// use filch_net::{TcpListener, TcpStream};
    /// use futures_lite::{AsyncReadExt, AsyncWriteExt};
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let mut client = TcpStream::connect(listener.local_addr()?).await?;
    /// client.write_all(b"GET /").await?;
    /// let (mut stream, _) = listener.accept().await?;
    /// let mut start = [0; 3];
    /// stream.peek(&mut start).await?;
    /// assert_eq!(&start, b"GET");
    /// stream.read_exact(&mut start).await?;
    /// assert_eq!(&start, b"GET", "it was still there");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io.read_with(|io| io.peek(buffer)).await
    }

    /// The address of this end.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpStream;
    /// # use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let stream = TcpStream::connect(address).await?;
    /// assert!(stream.local_addr()?.ip().is_loopback());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// The operating system's: not connected any more, say.
    /// # Examples
    /// ```
    /// use filch_net::TcpStream;
    /// # use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let stream = TcpStream::connect(address).await?;
    /// assert_eq!(stream.peer_addr()?, address);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// Whether small writes are sent at once, not gathered.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpStream;
    /// # use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let stream = TcpStream::connect(address).await?;
    /// assert!(!stream.nodelay()?, "unless told otherwise");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn nodelay(&self) -> io::Result<bool> {
        self.io.get_ref().nodelay()
    }

    /// Sets whether small writes are sent at once, not gathered.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpStream;
    /// # use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let stream = TcpStream::connect(address).await?;
    /// stream.set_nodelay(true)?;
    /// assert!(stream.nodelay()?);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.io.get_ref().set_nodelay(nodelay)
    }

    /// Hops a packet may take.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpStream;
    /// # use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let stream = TcpStream::connect(address).await?;
    /// assert!(stream.ttl()? > 0);
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
    /// use filch_net::TcpStream;
    /// # use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let stream = TcpStream::connect(address).await?;
    /// stream.set_ttl(1)?; // To the neighbours, and no further.
    /// assert_eq!(stream.ttl()?, 1);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.io.get_ref().set_ttl(hops)
    }

    /// How long closing waits for data to be delivered.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpStream;
    /// # use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let stream = TcpStream::connect(address).await?;
    /// assert_eq!(stream.linger()?, None, "it delivers in the background");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        SockRef::from(&self.io).linger()
    }

    /// Sets how long closing waits for data to be delivered, in whole seconds. `None`, the default, delivers in the
    /// background. Zero throws away what is not delivered and resets the connection. Anything else makes *dropping* the
    /// stream block its thread for as long as that.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpStream;
    /// # use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let stream = TcpStream::connect(address).await?;
    /// use std::time::Duration;
    /// stream.set_linger(Some(Duration::ZERO))?; // Dropping it resets the connection.
    /// assert_eq!(stream.linger()?, Some(Duration::ZERO));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        SockRef::from(&self.io).set_linger(linger)
    }

    /// After how long a silence the peer is probed, if it is.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpStream;
    /// # use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let stream = TcpStream::connect(address).await?;
    /// assert_eq!(stream.keepalive()?, None, "it is not probed");
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[cfg(not(any(target_os = "openbsd", target_os = "haiku")))]
    pub fn keepalive(&self) -> io::Result<Option<Duration>> {
        let socket = SockRef::from(&self.io);
        if socket.keepalive()? { socket.tcp_keepalive_time().map(Some) } else { Ok(None) }
    }

    /// Sets after how long a silence, in whole seconds and at least one, the peer is probed; `None`: never.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpStream;
    /// # use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let stream = TcpStream::connect(address).await?;
    /// use std::time::Duration;
    /// let minute = Duration::from_secs(60);
    /// stream.set_keepalive(Some(minute))?;
    /// assert_eq!(stream.keepalive()?, Some(minute));
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    #[cfg(not(any(target_os = "openbsd", target_os = "haiku")))]
    pub fn set_keepalive(&self, after: Option<Duration>) -> io::Result<()> {
        let socket = SockRef::from(&self.io);
        match after {
            Some(after) => socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(after)),
            None => socket.set_keepalive(false),
        }
    }

    /// How much may be received before it is read.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpStream;
    /// # use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let stream = TcpStream::connect(address).await?;
    /// assert!(stream.recv_buffer_size()? > 0);
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
    /// use filch_net::TcpStream;
    /// # use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let stream = TcpStream::connect(address).await?;
    /// stream.set_recv_buffer_size(1 << 16)?;
    /// assert!(stream.recv_buffer_size()? >= 1 << 16);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
        SockRef::from(&self.io).set_recv_buffer_size(bytes)
    }

    /// How much may be written before it is sent.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpStream;
    /// # use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let stream = TcpStream::connect(address).await?;
    /// assert!(stream.send_buffer_size()? > 0);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn send_buffer_size(&self) -> io::Result<usize> {
        SockRef::from(&self.io).send_buffer_size()
    }

    /// Sets how much may be written before it is sent. The system may round, double or cut it.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::TcpStream;
    /// # use filch_net::TcpListener;
    /// # futures_lite::future::block_on(async {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// let stream = TcpStream::connect(address).await?;
    /// stream.set_send_buffer_size(1 << 16)?;
    /// assert!(stream.send_buffer_size()? >= 1 << 16);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        SockRef::from(&self.io).set_send_buffer_size(bytes)
    }
}
