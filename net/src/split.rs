//! The halves of a stream, borrowed and owned, for TCP and Unix alike.
//!
//! A stream can be read and written at the same time anyway (`&TcpStream` reads and writes); halves say so in
//! types, and let two tasks have one end each. No lock stands between them: each direction has readiness of its own.

use filch_primitive::sync::Arc;
use futures_io::{AsyncRead, AsyncWrite};
use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Streams that come in halves: [`TcpStream`](crate::TcpStream) and [`UnixStream`](crate::UnixStream).
///
/// ```
/// use filch_net::{Halves, OwnedReadHalf, OwnedWriteHalf, TcpStream, UnixStream};
/// /// What two tasks hold of one connection.
/// struct Ends<S: Halves>(OwnedReadHalf<S>, OwnedWriteHalf<S>);
/// fn of_either_kind(_: Option<Ends<TcpStream>>, _: Option<Ends<UnixStream>>) -> usize {
///     2
/// }
/// assert_eq!(of_either_kind(None, None), 2);
/// ```
pub trait Halves: private::ShutdownWrite {}

pub(crate) mod private {
    pub trait ShutdownWrite {
        fn shutdown_write(&self) -> std::io::Result<()>;
    }
}

/// The reading half of a stream, borrowed.
///
/// ```
/// use filch_net::UnixStream;
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
/// # futures_lite::future::block_on(async {
/// let (mut here, mut there) = UnixStream::pair()?;
/// let (mut reads, mut writes) = here.split();
/// there.write_all(b"x").await?;
/// let mut byte = [0];
/// reads.read_exact(&mut byte).await?;
/// writes.write_all(&byte).await?;
/// there.read_exact(&mut byte).await?;
/// assert_eq!(&byte, b"x");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct ReadHalf<'a, S>(&'a S);

/// The writing half of a stream, borrowed. Dropping it does not end writing; closing it does.
///
/// ```
/// use filch_net::UnixStream;
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
/// # futures_lite::future::block_on(async {
/// let (mut here, mut there) = UnixStream::pair()?;
/// let (_reads, mut writes) = here.split();
/// writes.write_all(b"all").await?;
/// writes.close().await?;
/// let mut said = String::new();
/// there.read_to_string(&mut said).await?;
/// assert_eq!(said, "all");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct WriteHalf<'a, S>(&'a S);

/// The reading half of a stream, owning it together with the writing half.
///
/// ```
/// use filch_net::UnixStream;
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
/// # futures_lite::future::block_on(async {
/// let (here, mut there) = UnixStream::pair()?;
/// let (mut reads, _writes) = here.into_split();
/// let reader = std::thread::spawn(move || {
///     let mut byte = [0];
///     futures_lite::future::block_on(reads.read_exact(&mut byte)).map(|()| byte)
/// });
/// there.write_all(b"x").await?;
/// assert_eq!(&reader.join().unwrap()?, b"x");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct OwnedReadHalf<S>(Arc<S>);

/// The writing half of a stream, owning it together with the reading half.
///
/// Dropping it ends writing, so that the peer reads the end; [`forget`](Self::forget) drops it without.
///
/// ```
/// use filch_net::UnixStream;
/// use futures_lite::{AsyncReadExt, AsyncWriteExt};
/// # futures_lite::future::block_on(async {
/// let (here, mut there) = UnixStream::pair()?;
/// let (_reads, mut writes) = here.into_split();
/// writes.write_all(b"all").await?;
/// drop(writes);
/// let mut said = String::new();
/// there.read_to_string(&mut said).await?;
/// assert_eq!(said, "all");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct OwnedWriteHalf<S: Halves> {
    stream: Arc<S>,
    ends_writing: bool,
}

pub(crate) fn split<S>(stream: &mut S) -> (ReadHalf<'_, S>, WriteHalf<'_, S>) {
    (ReadHalf(stream), WriteHalf(stream))
}

pub(crate) fn into_split<S: Halves>(stream: S) -> (OwnedReadHalf<S>, OwnedWriteHalf<S>) {
    let stream = Arc::new(stream);
    (OwnedReadHalf(stream.clone()), OwnedWriteHalf { stream, ends_writing: true })
}

impl<S> OwnedReadHalf<S> {
    /// Puts the two halves of one stream together again. Writing goes on.
    ///
    /// # Errors
    /// The halves are of different streams: both come back.
    /// # Examples
    /// ```
    /// use filch_net::UnixStream;
    /// let (here, _there) = UnixStream::pair()?;
    /// let (reads, writes) = here.into_split();
    /// let here = reads.reunite(writes).unwrap();
    /// assert!(here.peer_addr().is_ok(), "writing goes on, too");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reunite(self, write: OwnedWriteHalf<S>) -> Result<S, ReuniteError<S>>
    where
        S: Halves,
    {
        if !Arc::ptr_eq(&self.0, &write.stream) {
            return Err(ReuniteError { read: self, write });
        }
        write.forget();
        match Arc::try_unwrap(self.0) {
            Ok(stream) => Ok(stream),
            Err(_) => unreachable!("the two halves are the only owners"),
        }
    }
}

impl<S: Halves> OwnedWriteHalf<S> {
    /// Puts the two halves of one stream together again; as [`OwnedReadHalf::reunite`].
    ///
    /// # Errors
    /// The halves are of different streams: both come back.
    /// # Examples
    /// ```
    /// use filch_net::UnixStream;
    /// let (here, there) = UnixStream::pair()?;
    /// let ((_, writes), (reads, _)) = (here.into_split(), there.into_split());
    /// assert!(writes.reunite(reads).is_err(), "they are of different streams");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn reunite(self, read: OwnedReadHalf<S>) -> Result<S, ReuniteError<S>> {
        read.reunite(self)
    }

    /// Drops the half without ending writing: that happens when the stream itself goes.
    ///
    /// ```
    /// use filch_net::UnixStream;
    /// use futures_lite::{AsyncReadExt, AsyncWriteExt};
    /// # futures_lite::future::block_on(async {
    /// let (here, mut there) = UnixStream::pair()?;
    /// let (mut reads, writes) = here.into_split();
    /// writes.forget();
    /// // The peer has not read an end: it may go on.
    /// there.write_all(b"x").await?;
    /// reads.read_exact(&mut [0]).await?;
    /// assert!(there.try_read(&mut [0]).is_err());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub fn forget(mut self) {
        self.ends_writing = false;
    }
}

impl<S: Halves> Drop for OwnedWriteHalf<S> {
    fn drop(&mut self) {
        if self.ends_writing {
            // A stream that cannot be ended has ended.
            let _ = self.stream.shutdown_write();
        }
    }
}

/// Halves that do not belong together, given back.
///
/// ```
/// use filch_net::{ReuniteError, UnixStream};
/// use std::os::fd::AsRawFd;
/// let (here, there) = UnixStream::pair()?;
/// let ((reads, _), (_, writes)) = (here.into_split(), there.into_split());
/// let ReuniteError { read, write } = reads.reunite(writes).unwrap_err();
/// assert_ne!(read.as_ref().as_raw_fd(), write.as_ref().as_raw_fd());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct ReuniteError<S: Halves> {
    /// The reading half.
    pub read: OwnedReadHalf<S>,
    /// The writing half.
    pub write: OwnedWriteHalf<S>,
}

impl<S: Halves> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are of different streams")
    }
}

impl<S: Halves + fmt::Debug> Error for ReuniteError<S> {}

impl<S: Halves + fmt::Debug> fmt::Debug for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReuniteError").field("read", &self.read).field("write", &self.write).finish()
    }
}

macro_rules! half {
    (($($generics:tt)*) $half:ty, $name:literal, |$self:ident| $stream:expr) => {
        impl<$($generics)*> AsRef<S> for $half {
            /// The stream: its addresses and options.
            fn as_ref(&self) -> &S {
                let $self = self;
                $stream
            }
        }

        impl<$($generics)*> fmt::Debug for $half
        where
            S: fmt::Debug,
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple($name).field(self.as_ref()).finish()
            }
        }
    };
}

macro_rules! reads {
    (($($generics:tt)*) $half:ty) => {
        impl<$($generics)*> AsyncRead for $half
        where
            for<'s> &'s S: AsyncRead,
        {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.as_ref().get_ref().as_ref()).poll_read(cx, buffer)
            }

            fn poll_read_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffers: &mut [IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.as_ref().get_ref().as_ref()).poll_read_vectored(cx, buffers)
            }
        }
    };
}

macro_rules! writes {
    (($($generics:tt)*) $half:ty) => {
        impl<$($generics)*> AsyncWrite for $half
        where
            for<'s> &'s S: AsyncWrite,
        {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &[u8],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.as_ref().get_ref().as_ref()).poll_write(cx, buffer)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.as_ref().get_ref().as_ref()).poll_write_vectored(cx, buffers)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.as_ref().get_ref().as_ref()).poll_flush(cx)
            }

            /// Ends writing.
            fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut self.as_ref().get_ref().as_ref()).poll_close(cx)
            }
        }
    };
}

half!((S) ReadHalf<'_, S>, "ReadHalf", |half| half.0);
half!((S) WriteHalf<'_, S>, "WriteHalf", |half| half.0);
half!((S) OwnedReadHalf<S>, "OwnedReadHalf", |half| &half.0);
half!((S: Halves) OwnedWriteHalf<S>, "OwnedWriteHalf", |half| &half.stream);
reads!((S) ReadHalf<'_, S>);
reads!((S) OwnedReadHalf<S>);
writes!((S) WriteHalf<'_, S>);
writes!((S: Halves) OwnedWriteHalf<S>);
