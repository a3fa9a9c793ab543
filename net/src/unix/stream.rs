//! A Unix stream connection.

use crate::error::AddressError;
use crate::stream::stream;
use crate::system;
use filch_reactor::Async;
use socket2::{Domain, SockAddr, Type};
use std::io;
use std::os::unix::net::SocketAddr;
use std::path::Path;

/// A Unix stream connection.
///
/// It is read and written by the `AsyncRead` and `AsyncWrite` traits, which `&UnixStream` has as well. Closing ends writing
/// only; dropping closes all.
///
/// # Examples
/// ```
/// use filch_net::UnixStream;
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
///
/// # futures_lite::future::block_on(async {
/// let (mut here, mut there) = UnixStream::pair()?;
/// here.write_all(b"x").await?;
/// let mut byte = [0];
/// there.read_exact(&mut byte).await?;
/// assert_eq!(&byte, b"x");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct UnixStream {
    io: Async<std::os::unix::net::UnixStream>,
}

// Not as a stream, though it is one: a read stops short at a message that carries descriptors, whatever lies behind it.
stream!(UnixStream, std::os::unix::net::UnixStream, new_nonblocking);

impl UnixStream {
    pub(crate) fn from_async(io: Async<std::os::unix::net::UnixStream>) -> Self {
        Self { io }
    }

    /// Connects to a listener's path.
    ///
    /// # Errors
    /// The operating system's, with the path in it. A listener whose queue is full is `WouldBlock` on Linux, which does
    /// not tell when there is room again.
    /// # Cancel safety
    /// Dropping the future closes the socket.
    /// # Examples
    /// ```
    /// use filch_net::{UnixListener, UnixStream};
    /// # futures_lite::future::block_on(async {
    /// # let path = std::env::temp_dir().join(format!("filch-doc-u14-{}", std::process::id()));
    /// let _listener = UnixListener::bind(&path)?;
    /// let stream = UnixStream::connect(&path).await?;
    /// assert_eq!(stream.peer_addr()?.as_pathname(), Some(&*path));
    /// # std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let begun =
            system::socket(Domain::UNIX, Type::STREAM).and_then(|socket| Ok((socket, SockAddr::unix(path)?)));
        let connected = match begun {
            Ok((socket, address)) => system::connect(socket, &address, Async::new_nonblocking).await,
            Err(error) => Err(error),
        };
        match connected {
            Ok(io) => Ok(Self { io }),
            Err(error) => Err(AddressError::wrap("connect to", path.display(), error)),
        }
    }

    /// Two streams connected to each other.
    ///
    /// # Errors
    /// The operating system's: no descriptors left, mostly.
    /// # Examples
    /// ```
    /// use filch_net::UnixStream;
    /// let (here, there) = UnixStream::pair()?;
    /// assert_eq!(here.try_write(b"x")?, 1);
    /// assert_eq!(there.try_read(&mut [0; 8])?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = std::os::unix::net::UnixStream::pair()?;
        Ok((Self::from_std(a)?, Self::from_std(b)?))
    }

    /// The address of this end.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UnixStream;
    /// assert!(UnixStream::pair()?.0.local_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UnixStream;
    /// let (here, _there) = UnixStream::pair()?;
    /// assert!(here.peer_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// Who the other end was when the connection was made.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UnixStream;
    /// let (here, _there) = UnixStream::pair()?;
    /// assert_eq!(here.peer_cred()?.process.cast_unsigned(), std::process::id());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[cfg(target_os = "linux")]
    pub fn peer_cred(&self) -> io::Result<Credentials> {
        let peer = rustix::net::sockopt::socket_peercred(&self.io)?;
        Ok(Credentials {
            process: peer.pid.as_raw_nonzero().get(),
            user: peer.uid.as_raw(),
            group: peer.gid.as_raw(),
        })
    }
}

/// Who is at the other end of a [`UnixStream`].
///
/// ```
/// use filch_net::UnixStream;
/// let (here, _there) = UnixStream::pair()?;
/// let peer = here.peer_cred()?;
/// // It is this process that made it: nobody else is let in.
/// assert_eq!(peer.process.cast_unsigned(), std::process::id());
/// assert_eq!(peer, here.peer_cred()?);
/// # Ok::<(), std::io::Error>(())
/// ```
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The process.
    pub process: i32,
    /// The user it ran as.
    pub user: u32,
    /// The group it ran as.
    pub group: u32,
}
