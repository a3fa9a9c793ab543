//! A Unix socket that accepts connections.

use crate::error::AddressError;
use crate::stream::socket;
use crate::system;
use crate::unix::UnixStream;
use filch_reactor::Async;
use futures_core::Stream;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io;
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A Unix socket that accepts connections.
///
/// Several tasks may accept from one listener at once.
///
/// # Examples
/// ```
/// use filch_net::{UnixListener, UnixStream};
///
/// # futures_lite::future::block_on(async {
/// # let path = std::env::temp_dir().join(format!("filch-doc-{}", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// let _client = UnixStream::connect(&path).await?;
/// let (_server, peer) = listener.accept().await?;
/// assert!(peer.is_unnamed());
/// # std::fs::remove_file(&path)
/// # }).unwrap();
/// ```
pub struct UnixListener {
    io: Async<std::os::unix::net::UnixListener>,
}

socket!(UnixListener, std::os::unix::net::UnixListener, new_nonblocking);

impl UnixListener {
    /// Binds to a path and listens. The path must not exist; it stays when the listener goes, and is the caller's to
    /// remove.
    ///
    /// # Errors
    /// The operating system's, with the path in it.
    /// # Examples
    /// ```
    /// use filch_net::UnixListener;
    /// # let path = std::env::temp_dir().join(format!("filch-doc-u7-{}", std::process::id()));
    /// let _listener = UnixListener::bind(&path)?;
    /// assert!(UnixListener::bind(&path).is_err(), "the path exists");
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let bound = || -> io::Result<Socket> {
            let socket = system::socket(Domain::UNIX, Type::STREAM)?;
            socket.bind(&SockAddr::unix(path)?)?;
            socket.listen(i32::try_from(system::BACKLOG).unwrap_or(i32::MAX))?;
            Ok(socket)
        };
        let socket = bound().map_err(|error| AddressError::wrap("bind to", path.display(), error))?;
        Ok(Self { io: Async::new_nonblocking(socket.into())? })
    }

    /// Accepts a connection, and says who it is. A connection that died before it was accepted is skipped.
    ///
    /// # Errors
    /// The operating system's; the listener stays usable (see [`TcpListener::accept`](crate::TcpListener::accept)).
    /// # Cancel safety
    /// Dropping the future loses no connection.
    /// # Examples
    /// ```
    /// use filch_net::{UnixListener, UnixStream};
    /// # futures_lite::future::block_on(async {
    /// # let path = std::env::temp_dir().join(format!("filch-doc-u8-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// let _client = UnixStream::connect(&path).await?;
    /// let (_server, peer) = listener.accept().await?;
    /// assert!(peer.is_unnamed());
    /// # std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        Self::finish(self.io.read_with(system::accept).await?)
    }

    /// As [`accept`](Self::accept), for hand-written futures.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    /// # Examples
    /// ```
    /// use filch_net::{UnixListener, UnixStream};
    /// # futures_lite::future::block_on(async {
    /// # let path = std::env::temp_dir().join(format!("filch-doc-u9-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// let _client = UnixStream::connect(&path).await?;
    /// let (_server, peer) = futures_lite::future::poll_fn(|cx| listener.poll_accept(cx)).await?;
    /// assert!(peer.is_unnamed());
    /// # std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        self.io.poll_read_with(cx, system::accept).map(|accepted| Self::finish(accepted?))
    }

    fn finish((socket, peer): (Socket, SockAddr)) -> io::Result<(UnixStream, SocketAddr)> {
        let stream = std::os::unix::net::UnixStream::from(socket);
        // Clients have no name, mostly. The odd kinds of name are asked of the system again.
        let peer = if peer.is_unnamed() { SocketAddr::from_pathname("")? } else { stream.peer_addr()? };
        Ok((UnixStream::from_async(Async::new_nonblocking(stream)?), peer))
    }

    /// The connections, one after the other; it never ends.
    ///
    /// # Errors
    /// Items are those of [`accept`](Self::accept).
    /// # Examples
    /// ```
    /// use filch_net::{UnixListener, UnixStream};
    /// use futures_lite::StreamExt;
    /// # futures_lite::future::block_on(async {
    /// # let path = std::env::temp_dir().join(format!("filch-doc-u10-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// let clients = [UnixStream::connect(&path).await?, UnixStream::connect(&path).await?];
    /// assert_eq!(listener.incoming().take(2).count().await, clients.len());
    /// # std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn incoming(&self) -> UnixIncoming<'_> {
        UnixIncoming(self)
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UnixListener;
    /// # let path = std::env::temp_dir().join(format!("filch-doc-u11-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// assert_eq!(listener.local_addr()?.as_pathname(), Some(&*path));
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The error that the system keeps for this socket, which is cleared by asking.
    ///
    /// # Errors
    /// The operating system's, for the asking itself.
    /// # Examples
    /// ```
    /// use filch_net::UnixListener;
    /// # let path = std::env::temp_dir().join(format!("filch-doc-u12-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// assert!(listener.take_error()?.is_none());
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.io.get_ref().take_error()
    }
}

/// The connections of a [`UnixListener`], as a stream that never ends; see [`UnixListener::accept`].
///
/// ```
/// use filch_net::{UnixListener, UnixStream};
/// use futures_lite::{AsyncReadExt, StreamExt};
/// # futures_lite::future::block_on(async {
/// # let path = std::env::temp_dir().join(format!("filch-doc-u13-{}", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// let mut client = UnixStream::connect(&path).await?;
/// let mut incoming = listener.incoming();
/// if let Some(stream) = incoming.next().await {
///     drop(stream?);
/// }
/// assert_eq!(client.read(&mut [0]).await?, 0, "it was accepted, and closed");
/// # std::fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct UnixIncoming<'a>(&'a UnixListener);

impl Stream for UnixIncoming<'_> {
    type Item = io::Result<UnixStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_accept(cx).map(|accepted| Some(accepted.map(|(stream, _)| stream)))
    }
}
