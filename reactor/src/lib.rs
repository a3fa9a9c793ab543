//! Readiness of descriptors becomes wake-ups.
//!
//! A [`Reactor`] waits for the operating system to report that descriptors can be read or written, and wakes the
//! tasks that asked. It polls no task and starts no thread: whoever holds the [`Turn`] waits, be it an executor's
//! idle worker or the thread of the process-wide default reactor, which starts by itself when a descriptor is registered
//! on a thread without a reactor of its own. "There is no reactor running" cannot happen.
//!
//! [`Async`] is what users see: it owns a descriptor, registers it once, and offers its operations as futures, as
//! `poll_*` functions and as the `futures-io` traits. It outlives the reactor it was registered with: when that one
//! ends ([`Reactor::orphan`]) the next operation that has to wait registers anew, transparently.
//!
//! ```
//! use filch_reactor::Async;
//! use futures_lite::{AsyncReadExt, AsyncWriteExt};
//! use std::os::unix::net::UnixStream;
//!
//! # fn main() -> std::io::Result<()> {
//! let (here, there) = UnixStream::pair()?;
//! let (mut here, mut there) = (Async::new(here)?, Async::new(there)?);
//! futures_lite::future::block_on(async {
//!     here.write_all(b"hello").await?;
//!     let mut word = [0; 5];
//!     there.read_exact(&mut word).await?;
//!     assert_eq!(&word, b"hello");
//!     Ok(())
//! })
//! # }
//! ```
//!
//! In reading order, inside: `readiness` (one word per direction: the protocol everything hangs on), `direction` (that
//! word and who waits), `source` (a registered descriptor), `registry` (keys), `selector` (the operating system),
//! `reactor` (the loop), `context` and `fallback` (which reactor), `async_io` and `ready` (the surface), `vectored` (several
//! buffers).

#[cfg(not(unix))]
compile_error!("filch-reactor supports Unix systems only");

mod async_io;
mod context;
mod direction;
mod fallback;
mod io_safe;
mod io_traits;
mod reactor;
mod readiness;
mod ready;
mod registry;
mod selector;
mod source;
#[doc(hidden)]
pub mod vectored;

#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(filch_loom)))]
mod tests;

pub use async_io::Async;
pub use context::{EnterGuard, enter};
pub use io_safe::IoSafe;
pub use reactor::{Events, Reactor, Turn};
pub use ready::{Readable, Writable};
