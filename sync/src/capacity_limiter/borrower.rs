//! Who borrows: [`Borrower`].

use filch_primitive::sync::StaticCounter;
use filch_primitive::wait_list::Tag;

/// Whoever has, or wants, a token of a [`CapacityLimiter`](crate::CapacityLimiter): a number, made up or given.
///
/// # Examples
/// ```
/// use filch_sync::Borrower;
/// assert_ne!(Borrower::new(), Borrower::new());
/// assert_eq!(Borrower::from(7), Borrower::from(7));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Borrower {
    given: bool,
    number: u64,
}

impl Borrower {
    /// One that is like no other in this process, given numbers included.
    ///
    /// ```
    /// use filch_sync::Borrower;
    /// assert_ne!(Borrower::new(), Borrower::new());
    /// ```
    #[allow(clippy::new_without_default, reason = "two defaults would differ")]
    pub fn new() -> Self {
        static NUMBERS: StaticCounter = StaticCounter::new(0);
        Self { given: false, number: NUMBERS.next() }
    }

    /// What a waiter in the queue asks for.
    pub(super) fn tag(self) -> Tag {
        Tag { number: self.number, since: u64::from(self.given), ..Tag::NONE }
    }

    /// On whose behalf a waiter waits.
    pub(super) fn of(tag: Tag) -> Self {
        Self { given: tag.since != 0, number: tag.number }
    }
}

impl From<u64> for Borrower {
    /// The borrower of that number: of a task's id, a user's, a row's.
    fn from(number: u64) -> Self {
        Self { given: true, number }
    }
}
