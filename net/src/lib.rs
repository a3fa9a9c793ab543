//! TCP, UDP and Unix sockets.
//!
//! Sockets work on any thread and under any executor: readiness comes from the reactor of the thread that made the
//! socket, else from a process-wide one, and a socket outlives both. Streams speak `futures-io`'s `AsyncRead` and
//! `AsyncWrite`, owned, by shared reference, and as halves. Every operation may be dropped at any time: what it had not
//! done yet is not done, and nothing is lost.
//!
//! ```
//! use filch_net::{TcpListener, TcpStream};
//! use futures_lite::{AsyncReadExt, AsyncWriteExt};
//!
//! # fn main() -> std::io::Result<()> {
//! # futures_lite::future::block_on(async {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let mut client = TcpStream::connect(listener.local_addr()?).await?;
//! let (mut server, peer) = listener.accept().await?;
//! assert_eq!(peer, client.local_addr()?);
//!
//! client.write_all(b"hello").await?;
//! client.close().await?;
//! let mut text = String::new();
//! server.read_to_string(&mut text).await?;
//! assert_eq!(text, "hello");
//! # Ok(())
//! # })
//! # }
//! ```
//!
//! # Errors
//!
//! Errors are the operating system's. Where an address was involved, in binding and connecting, it is in the message:
//! `cannot connect to 127.0.0.1:1: Connection refused (os error 111)`. Such an error keeps its `kind()`; it has no
//! `raw_os_error()` of its own, but carries an [`AddressError`] that has ([`AddressError::of`]), with the
//! operating system's error as its source.
//!
//! In reading order: [`ToSocketAddrs`] and [`lookup`] (names), [`TcpListener`], [`TcpStream`] and [`TcpSocket`], the
//! halves of a stream ([`ReadHalf`], [`OwnedReadHalf`] and their writing twins), [`UdpSocket`], and the Unix
//! sockets [`UnixListener`], [`UnixStream`], [`UnixDatagram`].

#[cfg(not(unix))]
compile_error!("filch-net supports Unix systems only");

mod datagram;
mod error;
mod resolve;
mod split;
mod stream;
mod system;
mod tcp;
mod udp;
mod unix;

pub use error::AddressError;
pub use resolve::{ToSocketAddrs, lookup};
pub use split::{Halves, OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use tcp::{Incoming, TcpListener, TcpSocket, TcpStream};
pub use udp::UdpSocket;
#[cfg(target_os = "linux")]
pub use unix::Credentials;
pub use unix::{UnixDatagram, UnixIncoming, UnixListener, UnixStream};
