//! `Async<T>`: a descriptor that is waited for instead of blocked on.

#![allow(
    unsafe_code,
    reason = "handing out `&mut` to what is registered is the caller's promise not to replace it"
)]

use crate::readiness::Snapshot;
use crate::ready::{Readable, Wait, Writable, is_ready_now};
use crate::source::{Interest, Source};
use filch_primitive::slice;
use filch_primitive::sync::Arc;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll, ready};

/// A descriptor in non-blocking mode, registered with a reactor.
///
/// It owns what it registers: the registration ends before the descriptor is closed, and there is no safe way to swap
/// the descriptor for another meanwhile. Any task on any thread may use it, several at once, under any executor.
/// It belongs to the reactor of the thread that made it ([`enter`](crate::enter)), else to the process-wide default,
/// and moves on by itself when that reactor ends.
///
/// Operations are tried first and waited for only when the operating system says that they would block. So an
/// operation given to [`read_with`](Self::read_with) and its kin must say [`WouldBlock`](io::ErrorKind::WouldBlock) only
/// when the operating system just said so of this descriptor: the change it waits for was reported already otherwise.
///
/// Regular files and directories cannot be registered on most systems; the error says so.
///
/// # Examples
/// A connection accepted without blocking a thread:
/// ```
/// use filch_reactor::Async;
/// use std::net::{TcpListener, TcpStream};
///
/// # fn main() -> std::io::Result<()> {
/// let listener = Async::new(TcpListener::bind("127.0.0.1:0")?)?;
/// let address = listener.get_ref().local_addr()?;
/// let client = std::thread::spawn(move || TcpStream::connect(address));
/// let (_stream, peer) = futures_lite::future::block_on(listener.read_with(TcpListener::accept))?;
/// assert_eq!(client.join().unwrap()?.local_addr()?, peer);
/// # Ok(())
/// # }
/// ```
pub struct Async<T: AsFd> {
    source: Arc<Source>,
    /// It moves bytes, and stops short only where nothing is left.
    stream: bool,
    /// Always there, but while dropping.
    io: Option<T>,
}

impl<T: AsFd> Async<T> {
    /// Registers `io`, which is put into non-blocking mode.
    ///
    /// # Errors
    /// What the operating system says: the descriptor is of a kind that cannot be waited for, it is registered already,
    /// or there is no room. `io` is closed then.
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use std::{fs::File, os::unix::net::UnixStream};
    /// let (here, _there) = UnixStream::pair()?;
    /// assert!(Async::new(here).is_ok());
    /// # #[cfg(target_os = "linux")]
    /// assert!(Async::new(File::open("Cargo.toml")?).is_err(), "a regular file is always ready");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(io: T) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(io.as_fd(), true)?;
        Self::new_nonblocking(io)
    }

    /// Registers `io`, which is in non-blocking mode already.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use std::net::TcpListener;
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// listener.set_nonblocking(true)?;
    /// let listener = Async::new_nonblocking(listener)?;
    /// assert!(listener.try_read_with(TcpListener::accept).is_err(), "nobody has come");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new_nonblocking(io: T) -> io::Result<Self> {
        Self::register(io, false)
    }

    /// Registers a stream socket, which is in non-blocking mode already: TCP, or another descriptor that moves plain
    /// bytes and nothing else. A transfer by the `AsyncRead` and `AsyncWrite` traits (or by
    /// [`poll_read_stream`](Self::poll_read_stream) and [`poll_write_stream`](Self::poll_write_stream)) that moves
    /// fewer bytes than it might is then taken as proof that nothing is left, which saves the system call that would only
    /// say so.
    ///
    /// A descriptor that stops short for another reason (at the end of a message or a line) must not be registered like
    /// this: its reader would wait for what is there already. A Unix stream is one of them: it stops at a message that carries
    /// descriptors, which any peer may send, and for want of memory.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use futures_lite::AsyncReadExt;
    /// use std::io::Write;
    /// use std::net::{TcpListener, TcpStream};
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let mut there = TcpStream::connect(listener.local_addr()?)?;
    /// let (here, _) = listener.accept()?;
    /// here.set_nonblocking(true)?;
    /// let mut here = Async::new_stream_nonblocking(here)?;
    /// there.write_all(b"ping")?;
    /// let mut word = [0; 4];
    /// futures_lite::future::block_on(here.read_exact(&mut word))?;
    /// assert_eq!(&word, b"ping");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new_stream_nonblocking(io: T) -> io::Result<Self> {
        Self::register(io, true)
    }

    fn register(io: T, stream: bool) -> io::Result<Self> {
        let source = Source::attach(io.as_fd(), stream)?;
        Ok(Self { source, stream, io: Some(io) })
    }

    /// What was registered.
    ///
    /// Operations called on it directly do not wait, and do not tell this object when they would have blocked;
    /// [`readable`](Self::readable) and [`writable`](Self::writable) ask the operating system themselves and stay right.
    ///
    /// ```
    /// use filch_reactor::Async;
    /// use std::net::TcpListener;
    /// let listener = Async::new(TcpListener::bind("127.0.0.1:0")?)?;
    /// assert_ne!(listener.get_ref().local_addr()?.port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub fn get_ref(&self) -> &T {
        match &self.io {
            Some(io) => io,
            None => unreachable!("it is taken out by value only"),
        }
    }

    /// What was registered, mutably.
    ///
    /// # Safety
    /// 1. The descriptor that `T` lends ([`AsFd`]) is neither closed nor replaced by another.
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use std::os::fd::{AsFd, BorrowedFd};
    /// use std::os::unix::net::UnixStream;
    /// struct Counted(UnixStream, u32);
    /// impl AsFd for Counted {
    ///     fn as_fd(&self) -> BorrowedFd<'_> {
    ///         self.0.as_fd()
    ///     }
    /// }
    /// let mut here = Async::new(Counted(UnixStream::pair()?.0, 0))?;
    /// // SAFETY: a number is changed, and the descriptor stays.
    /// unsafe { here.get_mut() }.1 += 1;
    /// assert_eq!(here.get_ref().1, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[inline]
    pub unsafe fn get_mut(&mut self) -> &mut T {
        self.io_mut()
    }

    /// For the crate's own calls of `Read` and `Write`, whose `T` promises 1 of [`get_mut`](Self::get_mut).
    #[inline]
    pub(crate) fn io_mut(&mut self) -> &mut T {
        match &mut self.io {
            Some(io) => io,
            None => unreachable!("it is taken out by value only"),
        }
    }

    /// Deregisters, and gives the descriptor back, still in non-blocking mode.
    ///
    /// # Errors
    /// None at present: a registration that the operating system has forgotten is as good as ended.
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use std::io::Write;
    /// use std::os::unix::net::UnixStream;
    /// let (here, _there) = UnixStream::pair()?;
    /// let mut plain = Async::new(here)?.into_inner()?;
    /// plain.set_nonblocking(false)?;
    /// assert_eq!(plain.write(b"as ever")?, 7);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_inner(mut self) -> io::Result<T> {
        self.source.detach(self.get_ref().as_fd());
        match self.io.take() {
            Some(io) => Ok(io),
            None => unreachable!("it is taken out by value only"),
        }
    }

    /// Waits until the descriptor can be read: there is something, the end, or an error to be had.
    ///
    /// The answer is asked of the operating system, so that it is true (for a moment) however the descriptor is used.
    ///
    /// # Errors
    /// Registering anew after the reactor's end failed.
    /// # Cancel safety
    /// Dropping the future loses nothing; its waker is taken out.
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use std::io::Write;
    /// use std::os::unix::net::UnixStream;
    /// use futures_lite::future::{block_on, poll_once};
    /// let (here, mut there) = UnixStream::pair()?;
    /// let here = Async::new(here)?;
    /// assert!(block_on(poll_once(here.readable())).is_none());
    /// there.write_all(b"!")?;
    /// assert!(block_on(here.readable()).is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn readable(&self) -> Readable<'_, T> {
        Readable::new(self)
    }

    /// Waits until the descriptor can be written: there is room, or an error to be had.
    ///
    /// # Errors
    /// Registering anew after the reactor's end failed.
    /// # Cancel safety
    /// Dropping the future loses nothing; its waker is taken out.
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use std::io::Write;
    /// use std::os::unix::net::UnixStream;
    /// use futures_lite::future::{block_on, poll_once};
    /// let (here, _there) = UnixStream::pair()?;
    /// let here = Async::new(here)?;
    /// assert!(block_on(here.writable()).is_ok());
    /// while here.get_ref().write(&[0; 4096]).is_ok() {}
    /// assert!(block_on(poll_once(here.writable())).is_none(), "full");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn writable(&self) -> Writable<'_, T> {
        Writable::new(self)
    }

    /// As [`readable`](Self::readable), for hand-written futures. Several tasks may wait at once.
    ///
    /// # Errors
    /// Registering anew after the reactor's end failed.
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use futures_lite::future::{block_on, poll_fn};
    /// use std::os::unix::net::UnixStream;
    /// let (here, there) = UnixStream::pair()?;
    /// let here = Async::new(here)?;
    /// drop(there);
    /// // The end counts, too.
    /// assert!(block_on(poll_fn(|cx| here.poll_readable(cx))).is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_true_readiness(cx, Interest::Read)
    }

    /// As [`writable`](Self::writable), for hand-written futures. Several tasks may wait at once.
    ///
    /// # Errors
    /// Registering anew after the reactor's end failed.
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use futures_lite::future::{block_on, poll_fn};
    /// use std::os::unix::net::UnixStream;
    /// let (here, _there) = UnixStream::pair()?;
    /// let here = Async::new(here)?;
    /// assert!(block_on(poll_fn(|cx| here.poll_writable(cx))).is_ok());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_true_readiness(cx, Interest::Write)
    }

    /// Runs a reading operation, as often as it takes until it no longer would block. Interrupted ones are repeated.
    ///
    /// # Errors
    /// The operation's; or registering anew after the reactor's end failed.
    /// # Cancel safety
    /// The operation runs only inside polls: dropping the future between them loses nothing.
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use std::os::unix::net::UnixDatagram;
    /// let (here, there) = UnixDatagram::pair()?;
    /// let here = Async::new(here)?;
    /// there.send(b"news")?;
    /// let mut room = [0; 16];
    /// let size = futures_lite::future::block_on(here.read_with(|socket| socket.recv(&mut room)))?;
    /// assert_eq!(&room[..size], b"news");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn read_with<R>(&self, operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.run(Interest::Read, operation).await
    }

    /// Runs a writing operation, as often as it takes until it no longer would block. Interrupted ones are repeated.
    ///
    /// # Errors
    /// The operation's; or registering anew after the reactor's end failed.
    /// # Cancel safety
    /// The operation runs only inside polls: dropping the future between them loses nothing.
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use std::os::unix::net::UnixDatagram;
    /// let (here, _there) = UnixDatagram::pair()?;
    /// let here = Async::new(here)?;
    /// let size = futures_lite::future::block_on(here.write_with(|socket| socket.send(b"news")))?;
    /// assert_eq!(size, 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub async fn write_with<R>(&self, operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.run(Interest::Write, operation).await
    }

    /// As [`read_with`](Self::read_with), for hand-written futures. Several tasks may wait at once.
    ///
    /// # Errors
    /// The operation's; or registering anew after the reactor's end failed.
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use futures_lite::future::{block_on, poll_fn};
    /// use std::os::unix::net::UnixDatagram;
    /// let (here, there) = UnixDatagram::pair()?;
    /// let here = Async::new(here)?;
    /// there.send(b"news")?;
    /// let mut room = [0; 16];
    /// let size = block_on(poll_fn(|cx| here.poll_read_with(cx, |socket| socket.recv(&mut room))))?;
    /// assert_eq!(size, 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn poll_read_with<R>(
        &self,
        cx: &mut Context<'_>,
        operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_operation(cx, Interest::Read, operation)
    }

    /// As [`write_with`](Self::write_with), for hand-written futures. Several tasks may wait at once.
    ///
    /// # Errors
    /// The operation's; or registering anew after the reactor's end failed.
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use futures_lite::future::{block_on, poll_fn};
    /// use std::os::unix::net::UnixDatagram;
    /// let (here, _there) = UnixDatagram::pair()?;
    /// let here = Async::new(here)?;
    /// let size = block_on(poll_fn(|cx| here.poll_write_with(cx, |socket| socket.send(b"news"))))?;
    /// assert_eq!(size, 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn poll_write_with<R>(
        &self,
        cx: &mut Context<'_>,
        operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_operation(cx, Interest::Write, operation)
    }

    /// Runs a reading operation once, now. "Would block" is an error here, and is remembered.
    ///
    /// # Errors
    /// The operation's.
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use std::io::ErrorKind;
    /// use std::os::unix::net::UnixDatagram;
    /// let (here, _there) = UnixDatagram::pair()?;
    /// let here = Async::new(here)?;
    /// let refused = here.try_read_with(|socket| socket.recv(&mut [0; 16])).unwrap_err();
    /// assert_eq!(refused.kind(), ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_read_with<R>(&self, operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.try_operation(Interest::Read, operation)
    }

    /// Runs a writing operation once, now. "Would block" is an error here, and is remembered.
    ///
    /// # Errors
    /// The operation's.
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use std::os::unix::net::UnixDatagram;
    /// let (here, _there) = UnixDatagram::pair()?;
    /// assert_eq!(Async::new(here)?.try_write_with(|socket| socket.send(b"news"))?, 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_write_with<R>(&self, operation: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.try_operation(Interest::Write, operation)
    }

    /// Reads up to `len` bytes of a stream, where the operation says how many it read. For types that wrap this one:
    /// with [`new_stream_nonblocking`](Self::new_stream_nonblocking) a short transfer saves a system call.
    ///
    /// # Errors
    /// The operation's; or registering anew after the reactor's end failed.
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use futures_lite::future::{block_on, poll_fn};
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    /// let (here, mut there) = UnixStream::pair()?;
    /// let here = Async::new(here)?;
    /// there.write_all(b"ping")?;
    /// let mut room = [0; 16];
    /// let size = block_on(poll_fn(|cx| here.poll_read_stream(cx, 16, |mut stream| stream.read(&mut room))))?;
    /// assert_eq!(&room[..size], b"ping");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn poll_read_stream(
        &self,
        cx: &mut Context<'_>,
        len: usize,
        operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.poll_transfer(cx, Interest::Read, len, operation)
    }

    /// Writes up to `len` bytes of a stream, where the operation says how many it wrote; else as
    /// [`poll_read_stream`](Self::poll_read_stream).
    ///
    /// # Errors
    /// The operation's; or registering anew after the reactor's end failed.
    /// # Examples
    /// ```
    /// use filch_reactor::Async;
    /// use futures_lite::future::{block_on, poll_fn};
    /// use std::io::Write;
    /// use std::os::unix::net::UnixStream;
    /// let (here, _there) = UnixStream::pair()?;
    /// let here = Async::new(here)?;
    /// let size = block_on(poll_fn(|cx| here.poll_write_stream(cx, 4, |mut stream| stream.write(b"ping"))))?;
    /// assert_eq!(size, 4);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn poll_write_stream(
        &self,
        cx: &mut Context<'_>,
        len: usize,
        operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.poll_transfer(cx, Interest::Write, len, operation)
    }

    #[inline]
    pub(crate) fn poll_transfer(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        len: usize,
        mut operation: impl FnMut(&T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        ready!(slice::proceed(cx));
        loop {
            let seen = ready!(self.poll_ready(cx, interest, None))?;
            let result = operation(self.get_ref());
            if let Some(result) = self.judge_transfer(interest, seen, len, result) {
                return Poll::Ready(result);
            }
        }
    }

    /// The twin of [`poll_transfer`](Self::poll_transfer) for operations that need the whole object.
    #[inline]
    pub(crate) fn poll_transfer_mut(
        &mut self,
        cx: &mut Context<'_>,
        interest: Interest,
        len: usize,
        mut operation: impl FnMut(&mut T) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        ready!(slice::proceed(cx));
        loop {
            let seen = ready!(self.poll_ready(cx, interest, None))?;
            let result = operation(self.io_mut());
            if let Some(result) = self.judge_transfer(interest, seen, len, result) {
                return Poll::Ready(result);
            }
        }
    }

    #[inline]
    fn judge_transfer(
        &self,
        interest: Interest,
        seen: Snapshot,
        len: usize,
        result: io::Result<usize>,
    ) -> Option<io::Result<usize>> {
        let result = self.judge(interest, seen, result)?;
        if let Ok(moved) = result
            && (1..len).contains(&moved)
            && self.source.short_is_drained()
        {
            self.source.direction(interest).readiness().drained(seen);
        }
        Some(result)
    }

    /// What an operation begun after `seen` taught; `None`: it is to be tried again.
    #[inline]
    pub(crate) fn judge<R>(
        &self,
        interest: Interest,
        seen: Snapshot,
        result: io::Result<R>,
    ) -> Option<io::Result<R>> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.source.direction(interest).readiness().refused(seen);
                None
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
            result => Some(result),
        }
    }

    #[inline]
    pub(crate) fn poll_operation<R>(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        ready!(slice::proceed(cx));
        loop {
            let seen = ready!(self.poll_ready(cx, interest, None))?;
            let result = operation(self.get_ref());
            if let Some(result) = self.judge(interest, seen, result) {
                return Poll::Ready(result);
            }
        }
    }

    async fn run<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        let mut wait = Wait::new(self, interest);
        poll_fn(|cx| {
            ready!(slice::proceed(cx));
            loop {
                let seen = ready!(wait.poll(cx))?;
                let result = operation(self.get_ref());
                if let Some(result) = self.judge(interest, seen, result) {
                    return Poll::Ready(result);
                }
            }
        })
        .await
    }

    fn try_operation<R>(
        &self,
        interest: Interest,
        mut operation: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        let readiness = self.source.direction(interest).readiness();
        loop {
            let seen = readiness.load();
            match operation(self.get_ref()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    readiness.refused(seen);
                    return Err(error);
                }
                result => return result,
            }
        }
    }

    fn poll_true_readiness(&self, cx: &mut Context<'_>, interest: Interest) -> Poll<io::Result<()>> {
        ready!(slice::proceed(cx));
        loop {
            let seen = ready!(self.poll_ready(cx, interest, None))?;
            if is_ready_now(self.get_ref().as_fd(), interest)? {
                return Poll::Ready(Ok(()));
            }
            self.source.direction(interest).readiness().refused(seen);
        }
    }

    /// Waits until a system call is worth its price, as a keyed waiter if there is place for a key, else as a shared one.
    #[inline]
    pub(crate) fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        key: Option<&mut Option<usize>>,
    ) -> Poll<io::Result<Snapshot>> {
        let seen = self.source.direction(interest).readiness().load();
        if seen.is_ready() {
            return Poll::Ready(Ok(seen));
        }
        self.wait(cx, interest, key)
    }

    fn wait(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        mut key: Option<&mut Option<usize>>,
    ) -> Poll<io::Result<Snapshot>> {
        let direction = self.source.direction(interest);
        loop {
            if self.source.is_homeless() {
                Source::rehome(&self.source, self.get_ref().as_fd(), self.stream)?;
            }
            let waker = cx.waker().clone();
            let seen = match &mut key {
                Some(key) => direction.wait_keyed(key, waker),
                None => direction.wait_shared(waker),
            };
            if !seen.is_ready() {
                return Poll::Pending;
            }
            let seen = direction.readiness().load();
            if seen.is_ready() {
                return Poll::Ready(Ok(seen));
            }
        }
    }

    pub(crate) fn source(&self) -> &Arc<Source> {
        &self.source
    }
}

impl<T: AsFd> Drop for Async<T> {
    fn drop(&mut self) {
        // Deregistered first, closed second: a descriptor that others share (by `dup` or `fork`) would stay in the
        // operating system's set otherwise, and could no longer be taken out.
        if let Some(io) = &self.io {
            self.source.detach(io.as_fd());
        }
    }
}

impl<T: AsFd> AsFd for Async<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.get_ref().as_fd()
    }
}

impl<T: AsFd> AsRef<T> for Async<T> {
    fn as_ref(&self) -> &T {
        self.get_ref()
    }
}

impl<T: AsFd + fmt::Debug> fmt::Debug for Async<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Async")
            .field("io", &self.io)
            .field("read", self.source.direction(Interest::Read).readiness())
            .field("write", self.source.direction(Interest::Write).readiness())
            .finish()
    }
}
