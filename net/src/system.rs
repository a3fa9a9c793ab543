//! Making, connecting and accepting sockets: non-blocking and closed on exec from birth wherever the system can.

use filch_reactor::Async;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use std::io;
use std::os::fd::AsFd;

/// Connections the system may hold for a listener before they are accepted; it may hold fewer.
pub(crate) const BACKLOG: u32 = 1024;

/// A fresh socket.
pub(crate) fn socket(domain: Domain, kind: Type) -> io::Result<Socket> {
    #[cfg(any(target_os = "android", target_os = "freebsd", target_os = "linux", target_os = "netbsd"))]
    {
        Socket::new(domain, kind.nonblocking(), None)
    }
    #[cfg(not(any(
        target_os = "android",
        target_os = "freebsd",
        target_os = "linux",
        target_os = "netbsd"
    )))]
    {
        let socket = Socket::new(domain, kind, None)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

/// Connects a fresh stream socket, and registers it by `register`.
///
/// It is registered only once connecting has begun: before that, the system reports a stream socket as hung up. Dropping
/// the future closes the socket.
pub(crate) async fn connect<S>(
    socket: Socket,
    address: &SockAddr,
    register: impl FnOnce(S) -> io::Result<Async<S>>,
) -> io::Result<Async<S>>
where
    S: AsFd + From<Socket>,
{
    let under_way = match socket.connect(address) {
        Ok(()) => false,
        // Interrupted: it goes on all the same, and must not be begun twice.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR)) => true,
        Err(error) => return Err(error),
    };
    let stream = register(S::from(socket))?;
    if under_way {
        stream.writable().await?;
        if let Some(error) = SockRef::from(&stream).take_error()? {
            return Err(error);
        }
    }
    Ok(stream)
}

/// Accepts one connection, if there is one.
pub(crate) fn accept(listener: &impl AsFd) -> io::Result<(Socket, SockAddr)> {
    let listener = SockRef::from(listener);
    loop {
        #[cfg(any(target_os = "android", target_os = "freebsd", target_os = "linux", target_os = "netbsd"))]
        let accepted = listener.accept4(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK);
        #[cfg(not(any(
            target_os = "android",
            target_os = "freebsd",
            target_os = "linux",
            target_os = "netbsd"
        )))]
        let accepted = listener.accept().and_then(|(socket, address)| {
            socket.set_nonblocking(true)?;
            Ok((socket, address))
        });
        match accepted {
            Err(error) if is_of_the_connection(&error) => {}
            accepted => return accepted,
        }
    }
}

/// Whether an `accept` failed because the connection it took out of the queue has died there: not the listener's error.
/// Each one uses up a connection, so repeating ends.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNABORTED
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::ENOPROTOOPT
                | libc::EHOSTDOWN
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
        )
    )
}
