//! What UDP and Unix datagram sockets have in common, said once.

/// Implements on `$socket`, a struct with a field `io: Async<_>`, what takes no address of the caller's.
macro_rules! datagram {
    ($socket:ident, $address:ty) => {
        impl $socket {
            /// Waits until there is a datagram, or an error to be had.
            ///
            /// # Errors
            /// The operating system's; seldom.
            /// # Cancel safety
            /// Dropping the future loses nothing.
            pub async fn readable(&self) -> std::io::Result<()> {
                self.io.readable().await
            }

            /// Waits until a datagram can be sent, or an error to be had.
            ///
            /// # Errors
            /// The operating system's; seldom.
            /// # Cancel safety
            /// Dropping the future loses nothing.
            pub async fn writable(&self) -> std::io::Result<()> {
                self.io.writable().await
            }

            /// Sends one datagram to the connected end. An empty one is a datagram too.
            ///
            /// # Errors
            /// The operating system's: not connected, too long, or an earlier one was refused.
            /// # Cancel safety
            /// Dropping the future before it is done sends nothing.
            pub async fn send(&self, datagram: &[u8]) -> std::io::Result<usize> {
                self.io.write_with(|io| io.send(datagram)).await
            }

            /// Receives one datagram; what the buffer cannot hold is lost. Zero is an empty datagram.
            ///
            /// # Errors
            /// The operating system's.
            /// # Cancel safety
            /// Dropping the future loses no datagram.
            pub async fn recv(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.io.read_with(|io| io.recv(buffer)).await
            }

            /// Receives one datagram and its sender; what the buffer cannot hold is lost.
            ///
            /// # Errors
            /// The operating system's.
            /// # Cancel safety
            /// Dropping the future loses no datagram.
            pub async fn recv_from(&self, buffer: &mut [u8]) -> std::io::Result<(usize, $address)> {
                self.io.read_with(|io| io.recv_from(buffer)).await
            }

            /// As [`send`](Self::send), without waiting.
            ///
            /// # Errors
            /// `WouldBlock` when there is no room; else the operating system's.
            pub fn try_send(&self, datagram: &[u8]) -> std::io::Result<usize> {
                self.io.try_write_with(|io| io.send(datagram))
            }

            /// As [`recv`](Self::recv), without waiting.
            ///
            /// # Errors
            /// `WouldBlock` when there is nothing; else the operating system's.
            pub fn try_recv(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.io.try_read_with(|io| io.recv(buffer))
            }

            /// As [`recv_from`](Self::recv_from), without waiting.
            ///
            /// # Errors
            /// `WouldBlock` when there is nothing; else the operating system's.
            pub fn try_recv_from(&self, buffer: &mut [u8]) -> std::io::Result<(usize, $address)> {
                self.io.try_read_with(|io| io.recv_from(buffer))
            }

            /// As [`send`](Self::send), for hand-written futures.
            ///
            /// # Errors
            /// The operating system's.
            pub fn poll_send(
                &self,
                cx: &mut std::task::Context<'_>,
                datagram: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.io.poll_write_with(cx, |io| io.send(datagram))
            }

            /// As [`recv`](Self::recv), for hand-written futures.
            ///
            /// # Errors
            /// The operating system's.
            pub fn poll_recv(
                &self,
                cx: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.io.poll_read_with(cx, |io| io.recv(buffer))
            }

            /// As [`recv_from`](Self::recv_from), for hand-written futures.
            ///
            /// # Errors
            /// The operating system's.
            pub fn poll_recv_from(
                &self,
                cx: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<std::io::Result<(usize, $address)>> {
                self.io.poll_read_with(cx, |io| io.recv_from(buffer))
            }

            /// The error that the system keeps for this socket, which is cleared by asking.
            ///
            /// # Errors
            /// The operating system's, for the asking itself.
            pub fn take_error(&self) -> std::io::Result<Option<std::io::Error>> {
                self.io.get_ref().take_error()
            }
        }
    };
}

pub(crate) use datagram;
