//! Why a token was not lent, or not returned.

use super::Borrower;
use std::error::Error;
use std::fmt;

/// The borrower has a token already.
///
/// ```
/// use filch_sync::{AlreadyBorrowed, Borrower, CapacityLimiter};
/// /// Lends nobody two.
/// fn twice(limiter: &CapacityLimiter, who: Borrower) -> Result<(), AlreadyBorrowed> {
///     let _first = limiter.acquire_on_behalf_of_blocking(who)?;
///     let _second = limiter.acquire_on_behalf_of_blocking(who)?;
///     Ok(())
/// }
/// let refused = twice(&CapacityLimiter::new(9), Borrower::from(1));
/// assert_eq!(refused.unwrap_err().to_string(), "this borrower has a token already");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyBorrowed(pub(super) Borrower);

impl AlreadyBorrowed {
    /// Who has one.
    ///
    /// ```
    /// use filch_sync::{Borrower, CapacityLimiter};
    /// let (limiter, who) = (CapacityLimiter::new(2), Borrower::from(1));
    /// let _token = limiter.acquire_on_behalf_of_blocking(who)?;
    /// let error = limiter.acquire_on_behalf_of_blocking(who).unwrap_err();
    /// assert_eq!(error.borrower(), who);
    /// # Ok::<(), filch_sync::AlreadyBorrowed>(())
    /// ```
    pub fn borrower(&self) -> Borrower {
        self.0
    }
}

impl fmt::Display for AlreadyBorrowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this borrower has a token already")
    }
}

impl Error for AlreadyBorrowed {}

/// The borrower has no token to give back.
///
/// ```
/// use filch_sync::{Borrower, CapacityLimiter};
/// let refused = CapacityLimiter::new(1).release_on_behalf_of(&Borrower::from(1));
/// assert_eq!(refused.unwrap_err().to_string(), "this borrower has no token");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotBorrowed(pub(super) Borrower);

impl NotBorrowed {
    /// Who has none.
    ///
    /// ```
    /// use filch_sync::{Borrower, CapacityLimiter};
    /// let who = Borrower::from(1);
    /// assert_eq!(CapacityLimiter::new(2).release_on_behalf_of(&who).unwrap_err().borrower(), who);
    /// ```
    pub fn borrower(&self) -> Borrower {
        self.0
    }
}

impl fmt::Display for NotBorrowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this borrower has no token")
    }
}

impl Error for NotBorrowed {}

/// Why a token was not to be had at once.
///
/// ```
/// use filch_sync::{Borrower, CapacityLimiter, TryAcquireTokenError};
/// let (limiter, [first, second]) = (CapacityLimiter::new(1), [1, 2].map(Borrower::from));
/// let _token = limiter.try_acquire_on_behalf_of(first)?;
/// let refused = limiter.try_acquire_on_behalf_of(second).unwrap_err();
/// assert_eq!(refused, TryAcquireTokenError::NoTokens);
/// # Ok::<(), TryAcquireTokenError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryAcquireTokenError {
    /// None is free, or others wait already.
    NoTokens,
    /// The borrower has one already.
    AlreadyBorrowed(Borrower),
}

impl fmt::Display for TryAcquireTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTokens => f.write_str("no tokens are free"),
            Self::AlreadyBorrowed(borrower) => AlreadyBorrowed(*borrower).fmt(f),
        }
    }
}

impl Error for TryAcquireTokenError {}

impl From<AlreadyBorrowed> for TryAcquireTokenError {
    fn from(error: AlreadyBorrowed) -> Self {
        Self::AlreadyBorrowed(error.0)
    }
}
