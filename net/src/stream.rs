//! What TCP and Unix streams have in common, said once.

use rustix::net::{RecvFlags, SendFlags};
use socket2::SockRef;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;

/// Reads. On Linux without the C library, for which this is a place where a thread may be cancelled: its bookkeeping for
/// that, of no use here, took a twentieth of a small message's time.
#[inline]
pub(crate) fn read(io: &impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    let (count, _) = rustix::net::recv(io, buffer, RecvFlags::empty())?;
    Ok(count)
}

/// Writes. A peer that is gone is an error and no more. On Linux without the C library, as in [`read`].
#[inline]
pub(crate) fn write(io: &impl AsFd, buffer: &[u8]) -> io::Result<usize> {
    // Apple's systems have no such flag but an option, which is set on every socket when it is made.
    #[cfg(target_vendor = "apple")]
    const FLAGS: SendFlags = SendFlags::empty();
    #[cfg(not(target_vendor = "apple"))]
    const FLAGS: SendFlags = SendFlags::NOSIGNAL;
    Ok(rustix::net::send(io, buffer, FLAGS)?)
}

/// Writes several buffers. A peer that is gone is an error and no more, even in a program where `SIGPIPE` ends the
/// process: the standard library sees to that for one buffer only.
pub(crate) fn write_vectored(io: &impl AsFd, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    // Apple's systems have no such flag but an option, which is set on every socket when it is made.
    #[cfg(target_vendor = "apple")]
    const NO_SIGNAL: libc::c_int = 0;
    #[cfg(not(target_vendor = "apple"))]
    const NO_SIGNAL: libc::c_int = libc::MSG_NOSIGNAL;
    SockRef::from(io).send_vectored_with_flags(buffers, NO_SIGNAL)
}

/// Implements what every stream has on `$stream`, a struct with a field `io: Async<$std>` that `$register` registers.
macro_rules! stream {
    ($stream:ident, $std:ty, $register:ident) => {
        impl $stream {
            /// Waits until there is something to read, the end, or an error.
            ///
            /// # Errors
            /// The operating system's; seldom.
            /// # Cancel safety
            /// Dropping the future loses nothing.
            /// # Examples
            /// ```
            /// use filch_net::UnixStream;
            /// use futures_lite::AsyncWriteExt;
            /// # futures_lite::future::block_on(async {
            /// let (here, mut there) = UnixStream::pair()?;
            /// there.write_all(b"x").await?;
            /// here.readable().await?;
            /// assert_eq!(here.try_read(&mut [0; 8])?, 1);
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            pub async fn readable(&self) -> std::io::Result<()> {
                self.io.readable().await
            }

            /// Waits until there is room to write, or an error to be had.
            ///
            /// # Errors
            /// The operating system's; seldom.
            /// # Cancel safety
            /// Dropping the future loses nothing.
            /// # Examples
            /// ```
            /// use filch_net::UnixStream;
            /// # futures_lite::future::block_on(async {
            /// let (here, _there) = UnixStream::pair()?;
            /// here.writable().await?;
            /// assert_eq!(here.try_write(b"ping")?, 4);
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            pub async fn writable(&self) -> std::io::Result<()> {
                self.io.writable().await
            }

            /// Reads what is there, without waiting. Zero is the end.
            ///
            /// # Errors
            /// `WouldBlock` when nothing is there; else the operating system's.
            /// # Examples
            /// ```
            /// use filch_net::UnixStream;
            /// # futures_lite::future::block_on(async {
            /// let (here, there) = UnixStream::pair()?;
            /// let nothing = here.try_read(&mut [0; 8]).unwrap_err();
            /// assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
            /// drop(there);
            /// here.readable().await?;
            /// assert_eq!(here.try_read(&mut [0; 8])?, 0, "the end");
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            pub fn try_read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.io.try_read_with(|io| $crate::stream::read(io, buffer))
            }

            /// Reads what is there into several buffers, without waiting. Zero is the end.
            ///
            /// # Errors
            /// `WouldBlock` when nothing is there; else the operating system's.
            /// # Examples
            /// ```
            /// use filch_net::UnixStream;
            /// use futures_lite::AsyncWriteExt;
            /// use std::io::IoSliceMut;
            /// # futures_lite::future::block_on(async {
            /// let (here, mut there) = UnixStream::pair()?;
            /// there.write_all(b"head and body").await?;
            /// here.readable().await?;
            /// let (mut head, mut body) = ([0; 4], [0; 16]);
            /// let size = here.try_read_vectored(&mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut body)])?;
            /// assert_eq!((&head, &body[..size - 4]), (b"head", &b" and body"[..]));
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            pub fn try_read_vectored(
                &self,
                buffers: &mut [std::io::IoSliceMut<'_>],
            ) -> std::io::Result<usize> {
                let (taken, _) =
                    filch_reactor::vectored::first_call(buffers.iter().map(|buffer| buffer.len()));
                let buffers = &mut buffers[taken];
                self.io.try_read_with(|mut io| std::io::Read::read_vectored(&mut io, buffers))
            }

            /// Writes what there is room for, without waiting.
            ///
            /// # Errors
            /// `WouldBlock` when there is no room; else the operating system's.
            /// # Examples
            /// ```
            /// use filch_net::UnixStream;
            /// let (here, _there) = UnixStream::pair()?;
            /// while here.try_write(&[0; 4096]).is_ok() {}
            /// let full = here.try_write(&[0; 4096]).unwrap_err();
            /// assert_eq!(full.kind(), std::io::ErrorKind::WouldBlock);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn try_write(&self, buffer: &[u8]) -> std::io::Result<usize> {
                self.io.try_write_with(|io| $crate::stream::write(io, buffer))
            }

            /// Writes what there is room for from several buffers, without waiting.
            ///
            /// # Errors
            /// `WouldBlock` when there is no room; else the operating system's.
            /// # Examples
            /// ```
            /// use filch_net::UnixStream;
            /// use std::io::IoSlice;
            /// let (here, _there) = UnixStream::pair()?;
            /// let size = here.try_write_vectored(&[IoSlice::new(b"head"), IoSlice::new(b" and body")])?;
            /// assert_eq!(size, 13);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn try_write_vectored(&self, buffers: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                let (taken, _) =
                    filch_reactor::vectored::first_call(buffers.iter().map(|buffer| buffer.len()));
                let buffers = &buffers[taken];
                self.io.try_write_with(|io| $crate::stream::write_vectored(io, buffers))
            }

            /// Ends reading, writing, or both. The peer of a stream whose writing has ended reads the end; the other direction
            /// goes on. Ending what has ended is no error.
            ///
            /// # Errors
            /// The operating system's.
            /// # Examples
            /// ```
            /// use filch_net::UnixStream;
            /// use futures_lite::AsyncReadExt;
            /// use std::net::Shutdown;
            /// # futures_lite::future::block_on(async {
            /// let (here, mut there) = UnixStream::pair()?;
            /// here.shutdown(Shutdown::Write)?;
            /// assert_eq!(there.read(&mut [0]).await?, 0, "the end");
            /// assert_eq!(there.try_write(b"x")?, 1, "the other direction goes on");
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            pub fn shutdown(&self, how: std::net::Shutdown) -> std::io::Result<()> {
                match self.io.get_ref().shutdown(how) {
                    // The peer was faster: it is ended.
                    Err(error) if error.kind() == std::io::ErrorKind::NotConnected => Ok(()),
                    result => result,
                }
            }

            /// The error that the system keeps for this socket, which is cleared by asking.
            ///
            /// # Errors
            /// The operating system's, for the asking itself.
            /// # Examples
            /// ```
            /// use filch_net::UnixStream;
            /// let (here, _there) = UnixStream::pair()?;
            /// assert!(here.take_error()?.is_none());
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn take_error(&self) -> std::io::Result<Option<std::io::Error>> {
                self.io.get_ref().take_error()
            }

            /// Two halves that borrow the stream: one to read, one to write, for two futures of one task.
            ///
            /// ```
            /// use filch_net::UnixStream;
            /// use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
            /// # futures_lite::future::block_on(async {
            /// let (mut here, there) = UnixStream::pair()?;
            /// let (mut reads, mut writes) = here.split();
            /// let (mut from, mut to) = (&there, &there);
            /// // More than fits at once: it is written while the echo of it is read.
            /// let sent = vec![7; 1 << 20];
            /// let echo = futures_lite::io::copy(&mut from, &mut to);
            /// let mut back = vec![0; sent.len()];
            /// let both = future::try_zip(writes.write_all(&sent), reads.read_exact(&mut back));
            /// future::or(async { both.await.map(drop) }, async { echo.await.map(drop) }).await?;
            /// assert_eq!(sent, back);
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            pub fn split(&mut self) -> ($crate::ReadHalf<'_, Self>, $crate::WriteHalf<'_, Self>) {
                $crate::split::split(self)
            }

            /// Two halves that own the stream together: one to read, one to write, for two tasks.
            /// Dropping the writing half ends writing.
            ///
            /// ```
            /// use filch_net::UnixStream;
            /// use futures_lite::{AsyncReadExt, AsyncWriteExt};
            /// # futures_lite::future::block_on(async {
            /// let (here, mut there) = UnixStream::pair()?;
            /// let (mut reads, mut writes) = here.into_split();
            /// let echo = std::thread::spawn(move || {
            ///     futures_lite::future::block_on(futures_lite::io::copy(&mut reads, &mut writes))
            /// });
            /// there.write_all(b"hello").await?;
            /// there.close().await?;
            /// let mut back = String::new();
            /// there.read_to_string(&mut back).await?;
            /// assert_eq!((echo.join().unwrap()?, &*back), (5, "hello"));
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            pub fn into_split(self) -> ($crate::OwnedReadHalf<Self>, $crate::OwnedWriteHalf<Self>) {
                $crate::split::into_split(self)
            }

            fn poll_read_shared(
                &self,
                cx: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                if buffer.is_empty() {
                    return std::task::Poll::Ready(Ok(0));
                }
                let len = buffer.len();
                self.io.poll_read_stream(cx, len, |io| $crate::stream::read(io, buffer))
            }

            fn poll_read_vectored_shared(
                &self,
                cx: &mut std::task::Context<'_>,
                buffers: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let (taken, len) =
                    filch_reactor::vectored::first_call(buffers.iter().map(|buffer| buffer.len()));
                if len == 0 {
                    return std::task::Poll::Ready(Ok(0));
                }
                let buffers = &mut buffers[taken];
                self.io.poll_read_stream(cx, len, |mut io| std::io::Read::read_vectored(&mut io, buffers))
            }

            fn poll_write_shared(
                &self,
                cx: &mut std::task::Context<'_>,
                buffer: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                if buffer.is_empty() {
                    return std::task::Poll::Ready(Ok(0));
                }
                let len = buffer.len();
                self.io.poll_write_stream(cx, len, |io| $crate::stream::write(io, buffer))
            }

            fn poll_write_vectored_shared(
                &self,
                cx: &mut std::task::Context<'_>,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let (taken, len) =
                    filch_reactor::vectored::first_call(buffers.iter().map(|buffer| buffer.len()));
                if len == 0 {
                    return std::task::Poll::Ready(Ok(0));
                }
                let buffers = &buffers[taken];
                self.io.poll_write_stream(cx, len, |io| $crate::stream::write_vectored(io, buffers))
            }
        }

        $crate::stream::stream!(@traits $stream, $stream);
        $crate::stream::stream!(@traits $stream, &$stream);

        impl $crate::Halves for $stream {}

        impl $crate::split::private::ShutdownWrite for $stream {
            fn shutdown_write(&self) -> std::io::Result<()> {
                self.shutdown(std::net::Shutdown::Write)
            }
        }

        $crate::stream::socket!($stream, $std, $register);
    };

    (@traits $stream:ident, $self:ty) => {
        impl futures_io::AsyncRead for $self {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.poll_read_shared(cx, buffer)
            }

            fn poll_read_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffers: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.poll_read_vectored_shared(cx, buffers)
            }
        }

        impl futures_io::AsyncWrite for $self {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffer: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.poll_write_shared(cx, buffer)
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.poll_write_vectored_shared(cx, buffers)
            }

            /// Done at once: sockets keep nothing back.
            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Ok(()))
            }

            /// Ends writing. The peer reads the end, and may still answer.
            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(self.shutdown(std::net::Shutdown::Write))
            }
        }
    };
}

/// Implements what every socket has on `$socket`, a struct with a field `io: Async<$std>` that `$register` registers.
macro_rules! socket {
    ($socket:ident, $std:ty, $register:ident) => {
        impl $socket {
            /// Takes over a socket of the standard library, and puts it into non-blocking mode.
            ///
            /// # Errors
            /// The operating system's: there is no room to register it.
            /// # Examples
            /// ```
            /// use filch_net::UdpSocket;
            /// let made = std::net::UdpSocket::bind("127.0.0.1:0")?;
            /// let address = made.local_addr()?;
            /// assert_eq!(UdpSocket::from_std(made)?.local_addr()?, address);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn from_std(socket: $std) -> std::io::Result<Self> {
                socket.set_nonblocking(true)?;
                Ok(Self { io: filch_reactor::Async::$register(socket)? })
            }

            /// Gives the socket back to the standard library. It stays in non-blocking mode.
            ///
            /// # Errors
            /// None at present.
            /// # Examples
            /// ```
            /// use filch_net::UnixStream;
            /// use std::io::Read;
            /// let (here, there) = UnixStream::pair()?;
            /// assert_eq!(here.try_write(b"x")?, 1);
            /// let mut there = there.into_std()?;
            /// there.set_nonblocking(false)?;
            /// assert_eq!(there.read(&mut [0; 8])?, 1);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn into_std(self) -> std::io::Result<$std> {
                self.io.into_inner()
            }
        }

        impl TryFrom<$std> for $socket {
            type Error = std::io::Error;

            fn try_from(socket: $std) -> std::io::Result<Self> {
                Self::from_std(socket)
            }
        }

        impl TryFrom<$socket> for $std {
            type Error = std::io::Error;

            fn try_from(socket: $socket) -> std::io::Result<Self> {
                socket.into_std()
            }
        }

        impl std::os::fd::AsFd for $socket {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                self.io.as_fd()
            }
        }

        impl std::os::fd::AsRawFd for $socket {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                self.io.get_ref().as_raw_fd()
            }
        }

        impl std::fmt::Debug for $socket {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                // The standard library's prints addresses and descriptor, under its own name, which is ours too.
                self.io.get_ref().fmt(f)
            }
        }
    };
}

pub(crate) use {socket, stream};
