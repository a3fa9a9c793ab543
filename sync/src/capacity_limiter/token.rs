//! What a [`CapacityLimiter`] lends.

use super::{Borrower, CapacityLimiter};

/// A token of a [`CapacityLimiter`], given back when dropped.
///
/// ```
/// let limiter = filch_sync::CapacityLimiter::new(1);
/// let token = limiter.try_acquire().unwrap();
/// assert!(limiter.try_acquire().is_err());
/// drop(token);
/// assert!(limiter.try_acquire().is_ok());
/// ```
#[derive(Debug)]
#[must_use = "the token is given back when this is dropped"]
pub struct CapacityToken<'a> {
    limiter: &'a CapacityLimiter,
    borrower: Borrower,
    loan: u64,
}

impl<'a> CapacityToken<'a> {
    pub(super) fn new(limiter: &'a CapacityLimiter, borrower: Borrower, loan: u64) -> Self {
        Self { limiter, borrower, loan }
    }

    /// Who has it.
    ///
    /// # Examples
    /// ```
    /// use filch_sync::{Borrower, CapacityLimiter};
    /// let limiter = CapacityLimiter::new(1);
    /// let token = limiter.try_acquire_on_behalf_of(Borrower::from(7))?;
    /// assert_eq!(token.borrower(), Borrower::from(7));
    /// # Ok::<(), filch_sync::TryAcquireTokenError>(())
    /// ```
    pub fn borrower(&self) -> Borrower {
        self.borrower
    }

    /// Leaves the token with its borrower, until [`release_on_behalf_of`](CapacityLimiter::release_on_behalf_of).
    ///
    /// # Examples
    /// ```
    /// let limiter = filch_sync::CapacityLimiter::new(1);
    /// let borrower = limiter.try_acquire()?.keep();
    /// assert_eq!(limiter.available_tokens(), 0);
    /// assert!(limiter.release_on_behalf_of(&borrower).is_ok());
    /// # Ok::<(), filch_sync::TryAcquireTokenError>(())
    /// ```
    #[allow(clippy::mem_forget, reason = "this is what it means, and it owns nothing")]
    pub fn keep(self) -> Borrower {
        let borrower = self.borrower;
        std::mem::forget(self);
        borrower
    }
}

impl Drop for CapacityToken<'_> {
    fn drop(&mut self) {
        self.limiter.release(self.borrower, self.loan);
    }
}
