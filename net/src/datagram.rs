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
            /// # Examples
            /// ```
            /// use filch_net::UnixDatagram;
            /// # futures_lite::future::block_on(async {
            /// let (here, there) = UnixDatagram::pair()?;
            /// there.send(b"news").await?;
            /// here.readable().await?;
            /// assert_eq!(here.try_recv(&mut [0; 16])?, 4);
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            pub async fn readable(&self) -> std::io::Result<()> {
                self.io.readable().await
            }

            /// Waits until a datagram can be sent, or an error to be had.
            ///
            /// # Errors
            /// The operating system's; seldom.
            /// # Cancel safety
            /// Dropping the future loses nothing.
            /// # Examples
            /// ```
            /// use filch_net::UnixDatagram;
            /// # futures_lite::future::block_on(async {
            /// let (here, _there) = UnixDatagram::pair()?;
            /// here.writable().await?;
            /// assert_eq!(here.try_send(b"news")?, 4);
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            pub async fn writable(&self) -> std::io::Result<()> {
                self.io.writable().await
            }

            /// Sends one datagram to the connected end. An empty one is a datagram too.
            ///
            /// # Errors
            /// The operating system's: not connected, too long, or an earlier one was refused.
            /// # Cancel safety
            /// Dropping the future before it is done sends nothing.
            /// # Examples
            /// ```
            /// use filch_net::UnixDatagram;
            /// # futures_lite::future::block_on(async {
            /// let (here, there) = UnixDatagram::pair()?;
            /// here.send(b"").await?;
            /// assert_eq!(there.recv(&mut [0; 16]).await?, 0, "an empty one is one, too");
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            pub async fn send(&self, datagram: &[u8]) -> std::io::Result<usize> {
                self.io.write_with(|io| io.send(datagram)).await
            }

            /// Receives one datagram; what the buffer cannot hold is lost. Zero is an empty datagram.
            ///
            /// # Errors
            /// The operating system's.
            /// # Cancel safety
            /// Dropping the future loses no datagram.
            /// # Examples
            /// ```
            /// use filch_net::UnixDatagram;
            /// # futures_lite::future::block_on(async {
            /// let (here, there) = UnixDatagram::pair()?;
            /// here.send(b"too long").await?;
            /// let mut room = [0; 3];
            /// assert_eq!(there.recv(&mut room).await?, 3);
            /// assert_eq!(&room, b"too", "the rest is lost");
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            pub async fn recv(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.io.read_with(|io| io.recv(buffer)).await
            }

            /// Receives one datagram and its sender; what the buffer cannot hold is lost.
            ///
            /// # Errors
            /// The operating system's.
            /// # Cancel safety
            /// Dropping the future loses no datagram.
            /// # Examples
            /// ```
            /// use filch_net::UdpSocket;
            /// # futures_lite::future::block_on(async {
            /// let (here, there) = (UdpSocket::bind("127.0.0.1:0").await?, UdpSocket::bind("127.0.0.1:0").await?);
            /// here.send_to(b"news", there.local_addr()?).await?;
            /// let (size, from) = there.recv_from(&mut [0; 16]).await?;
            /// assert_eq!((size, from), (4, here.local_addr()?));
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            pub async fn recv_from(&self, buffer: &mut [u8]) -> std::io::Result<(usize, $address)> {
                self.io.read_with(|io| io.recv_from(buffer)).await
            }

            /// As [`send`](Self::send), without waiting.
            ///
            /// # Errors
            /// `WouldBlock` when there is no room; else the operating system's.
            /// # Examples
            /// ```
            /// use filch_net::UnixDatagram;
            /// let (here, _there) = UnixDatagram::pair()?;
            /// while here.try_send(b"news").is_ok() {}
            /// assert_eq!(here.try_send(b"news").unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn try_send(&self, datagram: &[u8]) -> std::io::Result<usize> {
                self.io.try_write_with(|io| io.send(datagram))
            }

            /// As [`recv`](Self::recv), without waiting.
            ///
            /// # Errors
            /// `WouldBlock` when there is nothing; else the operating system's.
            /// # Examples
            /// ```
            /// use filch_net::UnixDatagram;
            /// let (here, _there) = UnixDatagram::pair()?;
            /// let nothing = here.try_recv(&mut [0; 16]).unwrap_err();
            /// assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn try_recv(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
                self.io.try_read_with(|io| io.recv(buffer))
            }

            /// As [`recv_from`](Self::recv_from), without waiting.
            ///
            /// # Errors
            /// `WouldBlock` when there is nothing; else the operating system's.
            /// # Examples
            /// ```
            /// use filch_net::UnixDatagram;
            /// # futures_lite::future::block_on(async {
            /// let (here, there) = UnixDatagram::pair()?;
            /// there.send(b"news").await?;
            /// here.readable().await?;
            /// let (size, from) = here.try_recv_from(&mut [0; 16])?;
            /// assert!(size == 4 && from.is_unnamed());
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
            pub fn try_recv_from(&self, buffer: &mut [u8]) -> std::io::Result<(usize, $address)> {
                self.io.try_read_with(|io| io.recv_from(buffer))
            }

            /// As [`send`](Self::send), for hand-written futures.
            ///
            /// # Errors
            /// The operating system's.
            /// # Examples
            /// ```
            /// use filch_net::UnixDatagram;
            /// use futures_lite::future::poll_fn;
            /// # futures_lite::future::block_on(async {
            /// let (here, _there) = UnixDatagram::pair()?;
            /// assert_eq!(poll_fn(|cx| here.poll_send(cx, b"news")).await?, 4);
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
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
            /// # Examples
            /// ```
            /// use filch_net::UnixDatagram;
            /// use futures_lite::future::poll_fn;
            /// # futures_lite::future::block_on(async {
            /// let (here, there) = UnixDatagram::pair()?;
            /// there.send(b"news").await?;
            /// let mut room = [0; 16];
            /// assert_eq!(poll_fn(|cx| here.poll_recv(cx, &mut room)).await?, 4);
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
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
            /// # Examples
            /// ```
            /// use filch_net::UnixDatagram;
            /// use futures_lite::future::poll_fn;
            /// # futures_lite::future::block_on(async {
            /// let (here, there) = UnixDatagram::pair()?;
            /// there.send(b"news").await?;
            /// let mut room = [0; 16];
            /// let (size, _from) = poll_fn(|cx| here.poll_recv_from(cx, &mut room)).await?;
            /// assert_eq!(size, 4);
            /// # std::io::Result::Ok(())
            /// # }).unwrap();
            /// ```
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
            /// # Examples
            /// ```
            /// use filch_net::UnixDatagram;
            /// let (here, _there) = UnixDatagram::pair()?;
            /// assert!(here.take_error()?.is_none());
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn take_error(&self) -> std::io::Result<Option<std::io::Error>> {
                self.io.get_ref().take_error()
            }
        }
    };
}

pub(crate) use datagram;
