//! Errors that name the address.

use std::error::Error;
use std::fmt;
use std::io;

/// What could not be done with which address, and why. Found inside an [`io::Error`] by [`AddressError::of`].
///
/// # Examples
/// ```
/// use filch_net::{AddressError, TcpListener};
///
/// # futures_lite::future::block_on(async {
/// let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
/// let error = TcpListener::bind(taken.local_addr().unwrap()).await.unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
/// let cause = AddressError::of(&error).unwrap();
/// assert_eq!(cause.address(), taken.local_addr().unwrap().to_string());
/// assert!(cause.os_error().raw_os_error().is_some());
/// # });
/// ```
pub struct AddressError {
    action: &'static str,
    address: String,
    source: io::Error,
}

impl AddressError {
    /// The address error inside `error`, if there is one.
    ///
    /// ```
    /// use filch_net::{AddressError, UnixListener};
    /// let error = UnixListener::bind("/no/such/folder/socket").unwrap_err();
    /// assert!(AddressError::of(&error).is_some());
    /// assert!(AddressError::of(&std::io::ErrorKind::Other.into()).is_none());
    /// ```
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// The address, or the name, as it was asked for.
    ///
    /// ```
    /// use filch_net::{AddressError, UnixListener};
    /// let error = UnixListener::bind("/no/such/folder/socket").unwrap_err();
    /// assert_eq!(AddressError::of(&error).unwrap().address(), "/no/such/folder/socket");
    /// ```
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What the operating system said.
    ///
    /// ```
    /// use filch_net::{AddressError, UnixListener};
    /// let error = UnixListener::bind("/no/such/folder/socket").unwrap_err();
    /// let said = AddressError::of(&error).unwrap().os_error();
    /// assert_eq!(said.kind(), std::io::ErrorKind::NotFound);
    /// ```
    pub fn os_error(&self) -> &io::Error {
        &self.source
    }

    /// Wraps `source` with what was attempted, under the same kind.
    pub(crate) fn wrap(action: &'static str, address: impl fmt::Display, source: io::Error) -> io::Error {
        io::Error::new(source.kind(), Self { action, address: address.to_string(), source })
    }
}

/// As `Display`, in quotes: it is what a `main` that returns an error prints.
impl fmt::Debug for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.action, self.address, self.source)
    }
}

impl Error for AddressError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
