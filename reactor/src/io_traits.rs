//! The `futures-io` traits for [`Async`].
//!
//! A transfer of no bytes is done at once, without asking: it would else wait for others' bytes. Closing only flushes;
//! to say "no more" to a peer is a socket's business, and `filch-net` does it.

use crate::async_io::Async;
use crate::io_safe::IoSafe;
use crate::source::Interest;
use crate::vectored::first_call;
use futures_io::{AsyncRead, AsyncWrite};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

impl<T: IoSafe + Read + Unpin> AsyncRead for Async<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.get_mut().poll_transfer_mut(cx, Interest::Read, buffer.len(), |io| io.read(buffer))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let (taken, len) = first_call(buffers.iter().map(|buffer| buffer.len()));
        if len == 0 {
            return Poll::Ready(Ok(0));
        }
        let buffers = &mut buffers[taken];
        self.get_mut().poll_transfer_mut(cx, Interest::Read, len, |io| io.read_vectored(buffers))
    }
}

impl<T: AsFd> AsyncRead for &Async<T>
where
    for<'a> &'a T: Read,
{
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.poll_transfer(cx, Interest::Read, buffer.len(), |mut io| io.read(buffer))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let (taken, len) = first_call(buffers.iter().map(|buffer| buffer.len()));
        if len == 0 {
            return Poll::Ready(Ok(0));
        }
        let buffers = &mut buffers[taken];
        self.poll_transfer(cx, Interest::Read, len, |mut io| io.read_vectored(buffers))
    }
}

impl<T: IoSafe + Write + Unpin> AsyncWrite for Async<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.get_mut().poll_transfer_mut(cx, Interest::Write, buffer.len(), |io| io.write(buffer))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let (taken, len) = first_call(buffers.iter().map(|buffer| buffer.len()));
        if len == 0 {
            return Poll::Ready(Ok(0));
        }
        let buffers = &buffers[taken];
        self.get_mut().poll_transfer_mut(cx, Interest::Write, len, |io| io.write_vectored(buffers))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.get_mut().poll_transfer_mut(cx, Interest::Write, 0, |io| io.flush().map(|()| 0));
        flushed.map_ok(drop)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl<T: AsFd> AsyncWrite for &Async<T>
where
    for<'a> &'a T: Write,
{
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.poll_transfer(cx, Interest::Write, buffer.len(), |mut io| io.write(buffer))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let (taken, len) = first_call(buffers.iter().map(|buffer| buffer.len()));
        if len == 0 {
            return Poll::Ready(Ok(0));
        }
        let buffers = &buffers[taken];
        self.poll_transfer(cx, Interest::Write, len, |mut io| io.write_vectored(buffers))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_operation(cx, Interest::Write, |mut io| io.flush())
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
