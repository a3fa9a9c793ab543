//! TCP, UDP and Unix sockets.

pub use filch_net::*;
