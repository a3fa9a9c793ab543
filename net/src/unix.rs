//! Unix domain sockets.

mod datagram;
mod listener;
mod stream;

pub use datagram::UnixDatagram;
pub use listener::{UnixIncoming, UnixListener};
#[cfg(target_os = "linux")]
pub use stream::Credentials;
pub use stream::UnixStream;
