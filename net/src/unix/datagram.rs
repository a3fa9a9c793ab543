//! A Unix datagram socket.

use crate::datagram::datagram;
use crate::error::AddressError;
use crate::stream::socket;
use filch_reactor::Async;
use rustix::event::{PollFd, PollFlags, Timespec};
use std::io;
use std::net::Shutdown;
use std::os::unix::net::SocketAddr;
use std::path::Path;

/// A Unix datagram socket.
///
/// Any number of tasks may send and receive on one socket, by shared reference. Datagrams arrive whole and in order; one
/// that is longer than the buffer it is received into is cut.
///
/// # Examples
/// ```
/// use filch_net::UnixDatagram;
///
/// # futures_lite::future::block_on(async {
/// let (here, there) = UnixDatagram::pair()?;
/// here.send(b"hello").await?;
/// let mut buffer = [0; 16];
/// assert_eq!(there.recv(&mut buffer).await?, 5);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct UnixDatagram {
    io: Async<std::os::unix::net::UnixDatagram>,
}

socket!(UnixDatagram, std::os::unix::net::UnixDatagram, new_nonblocking);
datagram!(UnixDatagram, SocketAddr);

impl UnixDatagram {
    /// Binds to a path. The path must not exist; it stays when the socket goes, and is the caller's to remove.
    ///
    /// # Errors
    /// The operating system's, with the path in it.
    /// # Examples
    /// ```
    /// use filch_net::UnixDatagram;
    /// # let path = std::env::temp_dir().join(format!("filch-doc-u1-{}", std::process::id()));
    /// let socket = UnixDatagram::bind(&path)?;
    /// assert_eq!(socket.local_addr()?.as_pathname(), Some(&*path));
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let socket = std::os::unix::net::UnixDatagram::bind(path)
            .map_err(|error| AddressError::wrap("bind to", path.display(), error))?;
        Self::from_std(socket)
    }

    /// A socket without an address.
    ///
    /// # Errors
    /// The operating system's: no descriptors left, mostly.
    /// # Examples
    /// ```
    /// use filch_net::UnixDatagram;
    /// # futures_lite::future::block_on(async {
    /// # let path = std::env::temp_dir().join(format!("filch-doc-u2-{}", std::process::id()));
    /// let (socket, there) = (UnixDatagram::unbound()?, UnixDatagram::bind(&path)?);
    /// socket.send_to(b"news", &path).await?;
    /// assert_eq!(there.recv(&mut [0; 16]).await?, 4);
    /// # std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn unbound() -> io::Result<Self> {
        Self::from_std(std::os::unix::net::UnixDatagram::unbound()?)
    }

    /// Two sockets connected to each other.
    ///
    /// # Errors
    /// The operating system's: no descriptors left, mostly.
    /// # Examples
    /// ```
    /// use filch_net::UnixDatagram;
    /// # futures_lite::future::block_on(async {
    /// let (here, there) = UnixDatagram::pair()?;
    /// here.send(b"news").await?;
    /// assert_eq!(there.recv(&mut [0; 16]).await?, 4);
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = std::os::unix::net::UnixDatagram::pair()?;
        Ok((Self::from_std(a)?, Self::from_std(b)?))
    }

    /// Fixes the other end: [`send`](Self::send) goes there.
    ///
    /// # Errors
    /// The operating system's, with the path in it.
    /// # Examples
    /// ```
    /// use filch_net::UnixDatagram;
    /// # futures_lite::future::block_on(async {
    /// # let path = std::env::temp_dir().join(format!("filch-doc-u3-{}", std::process::id()));
    /// let (here, there) = (UnixDatagram::unbound()?, UnixDatagram::bind(&path)?);
    /// here.connect(&path)?;
    /// here.send(b"news").await?;
    /// assert_eq!(there.recv(&mut [0; 16]).await?, 4);
    /// # std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        let connected = self.io.get_ref().connect(path);
        connected.map_err(|error| AddressError::wrap("connect to", path.display(), error))
    }

    /// Sends one datagram to the socket at this path, waiting while the receiver's queue is full.
    ///
    /// # Errors
    /// The operating system's: nobody is there, or it is too long.
    /// # Cancel safety
    /// Dropping the future before it is done sends nothing.
    /// # Examples
    /// ```
    /// use filch_net::UnixDatagram;
    /// # futures_lite::future::block_on(async {
    /// # let path = std::env::temp_dir().join(format!("filch-doc-u4-{}", std::process::id()));
    /// let (here, there) = (UnixDatagram::unbound()?, UnixDatagram::bind(&path)?);
    /// assert_eq!(here.send_to(b"news", &path).await?, 4);
    /// assert_eq!(there.recv(&mut [0; 16]).await?, 4);
    /// # std::fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let path = path.as_ref();
        loop {
            match self.try_send_to(datagram, path) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
            if self.has_room()? {
                // It is the receiver's queue that is full, and the system tells only those about it who are connected
                // to the receiver. So a second socket is, and waits.
                let watcher = Self::unbound()?;
                watcher.io.get_ref().connect(path)?;
                watcher.writable().await?;
            } else {
                self.writable().await?;
            }
        }
    }

    /// Whether this socket itself could take a datagram now.
    fn has_room(&self) -> io::Result<bool> {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let ready = rustix::event::poll(&mut [PollFd::new(&self.io, PollFlags::OUT)], Some(&now));
        Ok(ready? > 0)
    }

    /// As [`send_to`](Self::send_to), without waiting.
    ///
    /// # Errors
    /// `WouldBlock` when there is no room; else the operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UnixDatagram;
    /// # let path = std::env::temp_dir().join(format!("filch-doc-u5-{}", std::process::id()));
    /// let (here, there) = (UnixDatagram::unbound()?, UnixDatagram::bind(&path)?);
    /// assert_eq!(here.try_send_to(b"news", &path)?, 4);
    /// # drop(there);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_send_to(&self, datagram: &[u8], path: impl AsRef<Path>) -> io::Result<usize> {
        let path = path.as_ref();
        self.io.try_write_with(|io| io.send_to(datagram, path))
    }

    /// The local address.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UnixDatagram;
    /// assert!(UnixDatagram::unbound()?.local_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().local_addr()
    }

    /// The address of the other end, if it was fixed.
    ///
    /// # Errors
    /// The operating system's: there is none.
    /// # Examples
    /// ```
    /// use filch_net::UnixDatagram;
    /// # let path = std::env::temp_dir().join(format!("filch-doc-u6-{}", std::process::id()));
    /// let (here, there) = (UnixDatagram::unbound()?, UnixDatagram::bind(&path)?);
    /// here.connect(&path)?;
    /// assert_eq!(here.peer_addr()?.as_pathname(), Some(&*path));
    /// # drop(there);
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.io.get_ref().peer_addr()
    }

    /// Ends receiving, sending, or both.
    ///
    /// # Errors
    /// The operating system's.
    /// # Examples
    /// ```
    /// use filch_net::UnixDatagram;
    /// use std::net::Shutdown;
    /// let (here, there) = UnixDatagram::pair()?;
    /// there.shutdown(Shutdown::Read)?;
    /// assert!(here.try_send(b"news").is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.io.get_ref().shutdown(how)
    }
}
