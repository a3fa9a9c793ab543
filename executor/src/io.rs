//! Descriptors and streams: the `futures-io` traits with their extensions, and [`Async`] for any descriptor.
//!
//! The traits are the neutral ones of the ecosystem, so libraries written for them take filch's sockets as they are.

pub use filch_reactor::{Async, Readable, Writable};
pub use futures_io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, SeekFrom};
pub use futures_lite::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, BufWriter, Cursor, copy, empty,
    repeat, sink,
};
