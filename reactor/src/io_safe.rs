//! Types whose `Read` and `Write` leave their descriptor in place.

#![allow(unsafe_code, reason = "implementing the trait is a promise")]

use std::os::fd::AsFd;

/// A type whose `Read` and `Write` neither close nor replace the descriptor that it lends ([`AsFd`]).
///
/// They take `&mut self`, with which a type might do so (by `mem::replace`, say), behind the back of the reactor that
/// has the descriptor registered. [`Async`](crate::Async) offers `AsyncRead` and `AsyncWrite` only where that is
/// excluded. Types that read through `&T` need no promise: `&Async<T>` reads them.
///
/// # Safety
/// 1. No method of the type's `Read` and `Write` implementations closes the descriptor or replaces it by another.
/// # Examples
/// ```
/// use filch_reactor::{Async, IoSafe};
/// use futures_lite::AsyncReadExt;
/// use std::io::{self, Read, Write};
/// use std::os::fd::{AsFd, BorrowedFd};
/// use std::os::unix::net::UnixStream;
/// /// A stream that counts what it reads.
/// struct Counted(UnixStream, usize);
/// impl AsFd for Counted {
///     fn as_fd(&self) -> BorrowedFd<'_> {
///         self.0.as_fd()
///     }
/// }
/// impl Read for Counted {
///     fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
///         self.0.read(into).inspect(|size| self.1 += size)
///     }
/// }
/// // SAFETY: reading counts, and leaves the stream where it is.
/// unsafe impl IoSafe for Counted {}
/// let (here, mut there) = UnixStream::pair()?;
/// let mut here = Async::new(Counted(here, 0))?;
/// there.write_all(b"ping")?;
/// futures_lite::future::block_on(here.read_exact(&mut [0; 4]))?;
/// assert_eq!(here.get_ref().1, 4);
/// # Ok::<(), io::Error>(())
/// ```
pub unsafe trait IoSafe: AsFd {}

macro_rules! leave_their_descriptor_in_place {
    ($($type:ty),* $(,)?) => {$(
        // SAFETY: the standard library's implementation is a system call on the one descriptor it was made with.
        unsafe impl IoSafe for $type {}
    )*};
}

leave_their_descriptor_in_place!(
    std::fs::File,
    std::io::PipeReader,
    std::io::PipeWriter,
    std::io::Stderr,
    std::io::StderrLock<'_>,
    std::io::Stdin,
    std::io::StdinLock<'_>,
    std::io::Stdout,
    std::io::StdoutLock<'_>,
    std::net::TcpStream,
    std::os::unix::net::UnixStream,
    std::process::ChildStderr,
    std::process::ChildStdin,
    std::process::ChildStdout,
);

// SAFETY: the box and what it holds lend and read the same descriptor.
unsafe impl<T: IoSafe> IoSafe for Box<T> where Box<T>: AsFd {}
// SAFETY: the reference and what it refers to lend and read the same descriptor; a shared one can replace nothing.
unsafe impl<T: IoSafe> IoSafe for &T where for<'a> &'a T: AsFd {}
// SAFETY: the reference and what it refers to lend and read the same descriptor; its methods are `T`'s.
unsafe impl<T: IoSafe> IoSafe for &mut T where for<'a> &'a mut T: AsFd {}
