//! So many tokens, each lent to somebody by name: [`CapacityLimiter`].
//!
//! # States
//! All of it lies under the wait queue's lock: the total, who has borrowed, and [`Turns`], the tokens that are kept for waiters which
//! were told and have not come yet. What is free is the total less both, or nothing when there are fewer than that: the total
//! can be changed while tokens are out.
//!
//! # Protocol
//! Acquire: under the lock, 1. one who has a token already is refused. 2. If nobody waits and a token is free, note the borrower. Else
//! 3. join.
//!
//! Release, and a change of the total: 1. under the lock, change the state. 2. While a token is free, keep one for the head, and tell
//! it; a head that has a token by now is told that it is refused. 3. Wake outside the lock.
//!
//! Come, once told: take what is kept, or what is free, and note the borrower; with neither, wait in front of all others.
//!
//! Who is dropped while it waits gives back what is kept for it, and what is kept in vain is taken back, as for
//! [`Semaphore`](crate::Semaphore).
//!
//! # Why it is right
//! One lock guards everything, and whatever frees a token looks at the queue after it.
//!
//! No user code is involved in telling borrowers apart: a [`Borrower`] is a number.
//!
//! # Rejected
//! Borrowers of any type that can be hashed: its `Hash` and `Eq` would run under the lock. A word for a fast path, as the semaphore has:
//! the borrower has to be noted in a map anyhow.

mod acquire;
mod borrower;
mod error;
#[cfg(all(test, filch_loom))]
mod model;
#[cfg(all(test, not(any(filch_loom, filch_shuttle))))]
mod property;
#[cfg(all(test, not(any(filch_loom, filch_shuttle))))]
mod tests;
mod token;

pub use acquire::AcquireToken;
pub use borrower::Borrower;
pub use error::{AlreadyBorrowed, NotBorrowed, TryAcquireTokenError};
pub use token::CapacityToken;

use crate::blocking;
use crate::semaphore::turns::{self, Counts, Turns};
use crate::watched::{Watch, Watched, WatchedLocked};
use filch_primitive::wait_list::WaitQueue;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

/// The token of a waiter that has borrowed meanwhile; any other is an epoch of [`Turns`].
const REFUSED: u32 = 0;

/// A number of tokens that are lent to borrowers by name, one to each, and whose total can be changed at any time; as trio's
/// `CapacityLimiter`.
///
/// Tokens are lent in the order in which they were asked for. A waiting future that is woken has its token kept for it, for a
/// few milliseconds; not polled by then, it is overtaken, and the first in the queue when it is polled.
///
/// # Complexity
/// One lock, and time logarithmic in the number of borrowers to acquire, to release, and for each waiter served; constant in
/// the number of those who wait.
///
/// # Examples
/// ```
/// use filch_sync::{Borrower, CapacityLimiter};
/// # futures_lite::future::block_on(async {
/// let threads = CapacityLimiter::new(2);
/// let alice = Borrower::from(1);
/// let token = threads.acquire_on_behalf_of(alice).await?;
/// assert!(threads.acquire_on_behalf_of(alice).await.is_err());
/// drop(token);
/// assert_eq!(threads.available_tokens(), 2);
/// # Ok::<(), filch_sync::AlreadyBorrowed>(())
/// # }).unwrap();
/// ```
pub struct CapacityLimiter {
    /// The total that the state begins with.
    total: usize,
    queue: Watched<State>,
}

struct State {
    total: usize,
    /// Who has a token, and which loan it is.
    borrowers: BTreeMap<Borrower, u64>,
    loans: u64,
    turns: Turns,
}

impl Counts for State {
    fn turns(&self) -> &Turns {
        &self.turns
    }

    fn turns_mut(&mut self) -> &mut Turns {
        &mut self.turns
    }
}

impl State {
    fn new(total: usize) -> Self {
        Self { total, borrowers: BTreeMap::new(), loans: 0, turns: Turns::new() }
    }

    fn free(&self) -> usize {
        self.total.saturating_sub(self.borrowers.len().saturating_add(self.turns.kept()))
    }

    /// Notes a new loan, for which there is a token.
    fn lend(&mut self, borrower: Borrower) -> Result<u64, AlreadyBorrowed> {
        match self.borrowers.entry(borrower) {
            Entry::Occupied(_) => Err(AlreadyBorrowed(borrower)),
            Entry::Vacant(place) => {
                self.loans += 1;
                Ok(*place.insert(self.loans))
            }
        }
    }
}

impl CapacityLimiter {
    /// A limiter with `total` tokens.
    ///
    /// # Examples
    /// ```
    /// static LIMITER: filch_sync::CapacityLimiter = filch_sync::CapacityLimiter::new(40);
    /// assert_eq!(LIMITER.available_tokens(), 40);
    /// ```
    #[cfg(not(filch_loom))]
    pub const fn new(total: usize) -> Self {
        Self { total, queue: Watched::new() }
    }

    /// A limiter with `total` tokens.
    #[cfg(filch_loom)]
    pub fn new(total: usize) -> Self {
        Self { total, queue: Watched::made(State::new(total)) }
    }

    /// A visit, if the watchman has an entry.
    #[cfg(all(test, filch_loom))]
    pub(crate) fn visit_by_hand(&self) {
        self.queue.visit_by_hand();
    }

    /// The wait queue, and all the rest.
    fn queue(&self) -> &WaitQueue<Watch<State>> {
        self.queue.queue_or(|| State::new(self.total))
    }

    /// How many tokens there are in all.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(filch_sync::CapacityLimiter::new(3).total_tokens(), 3);
    /// ```
    pub fn total_tokens(&self) -> usize {
        self.queue().lock().total
    }

    /// Changes the total. With more, those who wait get in; with fewer than are lent, nobody does until enough came back.
    ///
    /// # Examples
    /// ```
    /// let limiter = filch_sync::CapacityLimiter::new(2);
    /// let (a, b) = (limiter.try_acquire()?, limiter.try_acquire()?);
    /// limiter.set_total_tokens(1);
    /// drop(a);
    /// assert!(limiter.try_acquire().is_err());
    /// drop(b);
    /// assert!(limiter.try_acquire().is_ok());
    /// # Ok::<(), filch_sync::TryAcquireTokenError>(())
    /// ```
    pub fn set_total_tokens(&self, total: usize) {
        self.queue().lock().total = total;
        self.serve();
    }

    /// How many tokens are lent.
    ///
    /// # Examples
    /// ```
    /// let limiter = filch_sync::CapacityLimiter::new(2);
    /// let _token = limiter.try_acquire()?;
    /// assert_eq!(limiter.borrowed_tokens(), 1);
    /// # Ok::<(), filch_sync::TryAcquireTokenError>(())
    /// ```
    pub fn borrowed_tokens(&self) -> usize {
        self.queue().lock().borrowers.len()
    }

    /// How many tokens are free; one that is kept for a waiter which was woken is not.
    ///
    /// # Examples
    /// ```
    /// let limiter = filch_sync::CapacityLimiter::new(2);
    /// let _token = limiter.try_acquire()?;
    /// assert_eq!(limiter.available_tokens(), 1);
    /// # Ok::<(), filch_sync::TryAcquireTokenError>(())
    /// ```
    pub fn available_tokens(&self) -> usize {
        self.queue().lock().free()
    }

    /// Waits for a token, on behalf of a borrower of its own.
    ///
    /// # Errors
    /// None: a new borrower has no token yet.
    /// # Cancel safety
    /// As with [`acquire_on_behalf_of`](Self::acquire_on_behalf_of).
    ///
    /// # Examples
    /// ```
    /// # futures_lite::future::block_on(async {
    /// let limiter = filch_sync::CapacityLimiter::new(1);
    /// let token = limiter.acquire().await?;
    /// assert_eq!(limiter.statistics().borrowers, [token.borrower()]);
    /// # Ok::<(), filch_sync::AlreadyBorrowed>(())
    /// # }).unwrap();
    /// ```
    pub fn acquire(&self) -> AcquireToken<'_> {
        self.acquire_on_behalf_of(Borrower::new())
    }

    /// Waits for a token on behalf of `borrower`.
    ///
    /// # Errors
    /// [`AlreadyBorrowed`] if `borrower` has one, or has one by the time its turn comes.
    /// # Cancel safety
    /// Dropping the future gives up the place in the queue; a token that is kept for it moves to the next waiter.
    ///
    /// # Examples
    /// ```
    /// use filch_sync::{Borrower, CapacityLimiter};
    /// # futures_lite::future::block_on(async {
    /// let limiter = CapacityLimiter::new(2);
    /// let borrower = Borrower::new();
    /// let _token = limiter.acquire_on_behalf_of(borrower).await?;
    /// assert!(limiter.acquire_on_behalf_of(borrower).await.is_err());
    /// # Ok::<(), filch_sync::AlreadyBorrowed>(())
    /// # }).unwrap();
    /// ```
    pub fn acquire_on_behalf_of(&self, borrower: Borrower) -> AcquireToken<'_> {
        AcquireToken::new(self, borrower)
    }

    /// Takes a token, on behalf of a borrower of its own, if one is free and nobody waits.
    ///
    /// # Errors
    /// [`TryAcquireTokenError::NoTokens`].
    ///
    /// # Examples
    /// ```
    /// let limiter = filch_sync::CapacityLimiter::new(1);
    /// let _token = limiter.try_acquire()?;
    /// assert!(limiter.try_acquire().is_err());
    /// # Ok::<(), filch_sync::TryAcquireTokenError>(())
    /// ```
    pub fn try_acquire(&self) -> Result<CapacityToken<'_>, TryAcquireTokenError> {
        self.try_acquire_on_behalf_of(Borrower::new())
    }

    /// Takes a token on behalf of `borrower` if one is free and nobody waits.
    ///
    /// # Errors
    /// [`TryAcquireTokenError::AlreadyBorrowed`] or [`TryAcquireTokenError::NoTokens`].
    ///
    /// # Examples
    /// ```
    /// use filch_sync::{Borrower, CapacityLimiter};
    /// let limiter = CapacityLimiter::new(2);
    /// let _token = limiter.try_acquire_on_behalf_of(Borrower::from(7))?;
    /// assert!(limiter.try_acquire_on_behalf_of(Borrower::from(7)).is_err());
    /// assert!(limiter.try_acquire_on_behalf_of(Borrower::from(8)).is_ok());
    /// # Ok::<(), filch_sync::TryAcquireTokenError>(())
    /// ```
    pub fn try_acquire_on_behalf_of(
        &self,
        borrower: Borrower,
    ) -> Result<CapacityToken<'_>, TryAcquireTokenError> {
        let mut locked = self.queue().lock();
        if locked.turns.recall() > 0 {
            // Those who wait come first.
            drop(locked);
            self.serve();
            locked = self.queue().lock();
        }
        let lent = locked.borrow_if_free(borrower);
        drop(locked);
        Ok(CapacityToken::new(self, borrower, lent?))
    }

    /// Waits for a token on a plain thread, on behalf of a borrower of its own. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// None: a new borrower has no token yet.
    ///
    /// # Examples
    /// ```
    /// let limiter = filch_sync::CapacityLimiter::new(1);
    /// let _token = limiter.acquire_blocking()?;
    /// assert_eq!(limiter.available_tokens(), 0);
    /// # Ok::<(), filch_sync::AlreadyBorrowed>(())
    /// ```
    pub fn acquire_blocking(&self) -> Result<CapacityToken<'_>, AlreadyBorrowed> {
        blocking::block_on(self.acquire())
    }

    /// Waits for a token on a plain thread, on behalf of `borrower`. In a task this would hold up the thread that polls it.
    ///
    /// # Errors
    /// [`AlreadyBorrowed`] if `borrower` has one, or has one by the time its turn comes.
    ///
    /// # Examples
    /// ```
    /// use filch_sync::{Borrower, CapacityLimiter};
    /// let limiter = CapacityLimiter::new(1);
    /// let token = limiter.acquire_on_behalf_of_blocking(Borrower::from(7))?;
    /// assert_eq!(token.borrower(), Borrower::from(7));
    /// # Ok::<(), filch_sync::AlreadyBorrowed>(())
    /// ```
    pub fn acquire_on_behalf_of_blocking(
        &self,
        borrower: Borrower,
    ) -> Result<CapacityToken<'_>, AlreadyBorrowed> {
        blocking::block_on(self.acquire_on_behalf_of(borrower))
    }

    /// Gives back the token of `borrower`, wherever its [`CapacityToken`] is, which then releases nothing.
    ///
    /// # Errors
    /// [`NotBorrowed`] if `borrower` has none.
    ///
    /// # Examples
    /// ```
    /// use filch_sync::{Borrower, CapacityLimiter};
    /// let limiter = CapacityLimiter::new(1);
    /// limiter.try_acquire_on_behalf_of(Borrower::from(7))?.keep();
    /// assert_eq!(limiter.borrowed_tokens(), 1);
    /// assert!(limiter.release_on_behalf_of(&Borrower::from(7)).is_ok());
    /// assert!(limiter.release_on_behalf_of(&Borrower::from(7)).is_err());
    /// # Ok::<(), filch_sync::TryAcquireTokenError>(())
    /// ```
    pub fn release_on_behalf_of(&self, borrower: &Borrower) -> Result<(), NotBorrowed> {
        let had = self.queue().lock().borrowers.remove(borrower);
        had.ok_or(NotBorrowed(*borrower))?;
        self.serve();
        Ok(())
    }

    /// A look at one moment: who has borrowed, and how many wait.
    ///
    /// # Complexity
    /// Linear in the number of borrowers, under the lock.
    ///
    /// # Examples
    /// ```
    /// use filch_sync::{Borrower, CapacityLimiter};
    /// let limiter = CapacityLimiter::new(3);
    /// let _token = limiter.try_acquire_on_behalf_of(Borrower::from(7))?;
    /// let seen = limiter.statistics();
    /// assert_eq!((seen.total, seen.borrowed, seen.borrowers), (3, 1, vec![Borrower::from(7)]));
    /// # Ok::<(), filch_sync::TryAcquireTokenError>(())
    /// ```
    pub fn statistics(&self) -> CapacityLimiterStatistics {
        let locked = self.queue().lock();
        CapacityLimiterStatistics {
            total: locked.total,
            borrowed: locked.borrowers.len(),
            kept: locked.turns.kept(),
            available: locked.free(),
            borrowers: locked.borrowers.keys().copied().collect(),
            waiters: locked.len(),
            waiters_peak: locked.peak(),
        }
    }

    /// As a visit, and the look of one who was asked.
    #[cfg(test)]
    fn turn_by_hand(&self) {
        let _free = self.queue().lock().turns.turn_by_hand();
        self.serve();
    }

    /// Ends one loan, unless it has ended.
    fn release(&self, borrower: Borrower, loan: u64) {
        let mut locked = self.queue().lock();
        if let Entry::Occupied(lent) = locked.borrowers.entry(borrower)
            && *lent.get() == loan
        {
            lent.remove();
            drop(locked);
            self.serve();
        }
    }

    /// Keeps tokens for the waiters at the head, as many as are free, and tells them.
    fn serve(&self) {
        turns::serve(
            &self.queue,
            self.queue(),
            |_free| {},
            |locked, head| match locked.borrowers.contains_key(&Borrower::of(head)) {
                true => Some(REFUSED),
                false => (locked.free() > 0).then(|| locked.turns.keep(1)),
            },
            |_| {},
        );
    }
}

/// What goes through the queue's lock, for those who do not wait yet.
trait BorrowIfFree {
    fn borrow_if_free(&mut self, borrower: Borrower) -> Result<u64, TryAcquireTokenError>;
}

impl BorrowIfFree for WatchedLocked<'_, State> {
    fn borrow_if_free(&mut self, borrower: Borrower) -> Result<u64, TryAcquireTokenError> {
        if self.borrowers.contains_key(&borrower) {
            return Err(TryAcquireTokenError::AlreadyBorrowed(borrower));
        }
        if !self.is_empty() || self.free() == 0 {
            return Err(TryAcquireTokenError::NoTokens);
        }
        Ok(self.lend(borrower)?)
    }
}

impl fmt::Debug for CapacityLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.statistics();
        f.debug_struct("CapacityLimiter")
            .field("total", &seen.total)
            .field("borrowers", &seen.borrowers)
            .field("waiters", &seen.waiters)
            .finish_non_exhaustive()
    }
}

/// What [`CapacityLimiter::statistics`] saw.
///
/// ```
/// use filch_sync::{Borrower, CapacityLimiter};
/// let limiter = CapacityLimiter::new(3);
/// let _token = limiter.try_acquire_on_behalf_of(Borrower::from(7))?;
/// let seen = limiter.statistics();
/// assert_eq!((seen.total, seen.borrowed, seen.available), (3, 1, 2));
/// assert_eq!(seen.borrowers, [Borrower::from(7)]);
/// # Ok::<(), filch_sync::TryAcquireTokenError>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapacityLimiterStatistics {
    /// Tokens in all.
    pub total: usize,
    /// Tokens lent.
    pub borrowed: usize,
    /// Tokens kept for waiters that were woken and have not been polled since.
    pub kept: usize,
    /// Tokens free.
    pub available: usize,
    /// Who has a token.
    pub borrowers: Vec<Borrower>,
    /// How many wait.
    pub waiters: usize,
    /// How many waited at most.
    pub waiters_peak: usize,
}
