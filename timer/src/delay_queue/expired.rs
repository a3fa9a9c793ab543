//! What a queue hands out.

use super::DelayKey;
use std::time::Instant;

/// A value whose time has come.
///
/// ```
/// use filch_timer::DelayQueue;
/// use std::time::Duration;
/// let mut retries = DelayQueue::new();
/// let key = retries.insert("mail", Duration::ZERO);
/// let due = futures_lite::future::block_on(retries.next()).unwrap();
/// assert_eq!((due.key(), due.into_inner()), (key, "mail"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Expired<T> {
    pub(super) key: DelayKey,
    pub(super) deadline: Instant,
    pub(super) value: T,
}

impl<T> Expired<T> {
    /// The key it had; the queue does not know it any more.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// use std::time::Duration;
    /// # futures_lite::future::block_on(async {
    /// let mut queue = DelayQueue::new();
    /// let key = queue.insert("now", Duration::ZERO);
    /// let due = queue.next().await.unwrap();
    /// assert_eq!(due.key(), key);
    /// assert_eq!(queue.get(&key), None);
    /// # });
    /// ```
    pub const fn key(&self) -> DelayKey {
        self.key
    }

    /// When it was to come out. When it did, that was past.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{DelayQueue, now};
    /// # futures_lite::future::block_on(async {
    /// let mut queue = DelayQueue::new();
    /// let deadline = now();
    /// queue.insert_at("now", deadline);
    /// assert_eq!(queue.next().await.unwrap().deadline(), deadline);
    /// # });
    /// ```
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The value.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// use std::time::Duration;
    /// # futures_lite::future::block_on(async {
    /// let mut queue = DelayQueue::new();
    /// queue.insert("now", Duration::ZERO);
    /// assert_eq!(queue.next().await.unwrap().get_ref(), &"now");
    /// # });
    /// ```
    pub const fn get_ref(&self) -> &T {
        &self.value
    }

    /// The value, to be changed.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// use std::time::Duration;
    /// # futures_lite::future::block_on(async {
    /// let mut retries = DelayQueue::new();
    /// retries.insert(1, Duration::ZERO);
    /// let mut due = retries.next().await.unwrap();
    /// *due.get_mut() += 1;
    /// assert_eq!(due.into_inner(), 2);
    /// # });
    /// ```
    pub const fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// The value alone.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// use std::time::Duration;
    /// # futures_lite::future::block_on(async {
    /// let mut queue = DelayQueue::new();
    /// queue.insert(String::from("now"), Duration::ZERO);
    /// assert_eq!(queue.next().await.unwrap().into_inner(), "now");
    /// # });
    /// ```
    pub fn into_inner(self) -> T {
        self.value
    }
}
