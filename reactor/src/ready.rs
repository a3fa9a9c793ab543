//! Futures that wait for a direction, each under a key of its own.

use crate::async_io::Async;
use crate::readiness::Snapshot;
use crate::source::Interest;
use filch_primitive::slice;
use rustix::event::{PollFd, PollFlags, Timespec};
use std::fmt;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A keyed waiter: what it put into the list goes when it goes.
pub(crate) struct Wait<'a, T: AsFd> {
    io: &'a Async<T>,
    interest: Interest,
    key: Option<usize>,
}

impl<'a, T: AsFd> Wait<'a, T> {
    pub(crate) fn new(io: &'a Async<T>, interest: Interest) -> Self {
        Self { io, interest, key: None }
    }

    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Snapshot>> {
        self.io.poll_ready(cx, self.interest, Some(&mut self.key))
    }

    /// As [`poll`](Self::poll), and the operating system agrees.
    fn poll_true(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(slice::proceed(cx));
        loop {
            let seen = ready!(self.poll(cx))?;
            if is_ready_now(self.io.as_fd(), self.interest)? {
                self.say_goodbye();
                return Poll::Ready(Ok(()));
            }
            self.io.source().direction(self.interest).readiness().refused(seen);
        }
    }

    fn say_goodbye(&mut self) {
        if let Some(key) = self.key.take() {
            self.io.source().direction(self.interest).forget(key);
        }
    }
}

impl<T: AsFd> Drop for Wait<'_, T> {
    fn drop(&mut self) {
        self.say_goodbye();
    }
}

/// Asks the operating system whether a system call in this direction would find something to do.
pub(crate) fn is_ready_now(fd: BorrowedFd<'_>, interest: Interest) -> io::Result<bool> {
    let flags = match interest {
        Interest::Read => PollFlags::IN | PollFlags::PRI,
        Interest::Write => PollFlags::OUT,
    };
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    loop {
        match rustix::event::poll(&mut [PollFd::from_borrowed_fd(fd, flags)], Some(&now)) {
            Err(rustix::io::Errno::INTR) => {}
            answer => return Ok(answer? > 0),
        }
    }
}

/// The future of [`Async::readable`].
///
/// ```
/// use filch_reactor::Async;
/// use futures_lite::future::{block_on, poll_once};
/// use std::{io::Write, os::unix::net::UnixStream, pin::pin};
/// let (here, mut there) = UnixStream::pair()?;
/// let here = Async::new(here)?;
/// let mut readable = pin!(here.readable());
/// assert!(block_on(poll_once(readable.as_mut())).is_none());
/// there.write_all(b"!")?;
/// assert!(block_on(readable).is_ok());
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Readable<'a, T: AsFd>(Wait<'a, T>);

/// The future of [`Async::writable`].
///
/// ```
/// use filch_reactor::Async;
/// use std::os::unix::net::UnixStream;
/// let (here, _there) = UnixStream::pair()?;
/// let here = Async::new(here)?;
/// assert!(futures_lite::future::block_on(here.writable()).is_ok());
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "futures do nothing unless awaited"]
pub struct Writable<'a, T: AsFd>(Wait<'a, T>);

impl<'a, T: AsFd> Readable<'a, T> {
    pub(crate) fn new(io: &'a Async<T>) -> Self {
        Self(Wait::new(io, Interest::Read))
    }
}

impl<'a, T: AsFd> Writable<'a, T> {
    pub(crate) fn new(io: &'a Async<T>) -> Self {
        Self(Wait::new(io, Interest::Write))
    }
}

impl<T: AsFd> Future for Readable<'_, T> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_true(cx)
    }
}

impl<T: AsFd> Future for Writable<'_, T> {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_true(cx)
    }
}

impl<T: AsFd> fmt::Debug for Readable<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readable").field("waiting", &self.0.key.is_some()).finish_non_exhaustive()
    }
}

impl<T: AsFd> fmt::Debug for Writable<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writable").field("waiting", &self.0.key.is_some()).finish_non_exhaustive()
    }
}
