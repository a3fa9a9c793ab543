//! Values that come out when their time has come: [`DelayQueue`].
//!
//! # Shape
//! A map from keys to values, a heap of [`Place`]s, and one [`Sleep`] for the earliest of them. Each
//! insertion and each reset takes the next number of a count of 64 bits, its *turn*; the turn of its
//! insertion is a value's key, and so no key ever means another value. A queue takes turns from the process's count
//! by the [`ROW`], so that nor does it in another queue. Removing and resetting leave the heap
//! alone: the place there is *stale* when the map has no value of its key, or one with another turn.
//!
//! # Invariants
//! 1. Each value has one place in the heap that is not stale.
//! 2. The heap's first place is not stale: so looking at it takes nothing. Whoever makes it stale takes it
//!    off.
//! 3. There are no more stale places than others, but for a few: more of them, and all are dropped. Each
//!    costs one move in that, which its insertion or reset pays for.
//! 4. The sleep's deadline is the first place's, or long past when the queue is empty: then a task that waits
//!    is woken to see the end.
//!
//! # Rejected
//! The timer's own wheel: its entries live in futures that stay where they are, and it is shared with everything else
//! of the thread, so its lock would be taken for each value. A heap in which each value knows its place: removing,
//! which is what happens to most timeouts, would be logarithmic, and slots that are reused need generations.

mod expired;
#[cfg(all(test, not(filch_loom)))]
mod property;
#[cfg(all(test, not(filch_loom)))]
mod tests;

pub use expired::Expired;

use crate::context;
use crate::line::Nanos;
use crate::sleep::Sleep;
use filch_primitive::{slice, sync::StaticCounter};
use futures_core::Stream;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::hash::{BuildHasherDefault, Hasher};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// Stale places that are worth no thought, and values for which room is kept.
const FEW: usize = 32;

/// Turns that a queue takes for itself at a time. A guess; 2^54 rows are enough for as many queues.
const ROW: u64 = 1 << 10;

/// Values that come out when their time has come, in the order of their deadlines; of one deadline, in the
/// order in which they were inserted or last reset.
///
/// It is used by one task at a time. One that waits for the next value is woken in time whatever is inserted,
/// reset or removed meanwhile. A queue takes one place in a timer, however many values it holds, and gives
/// memory back after a burst.
///
/// # Cancel safety
/// Dropping the future of [`next`](Self::next) loses nothing: values are in the queue.
///
/// # Complexity
/// Looking at a value: constant time. Inserting, resetting and removing: constant on average, at worst the logarithm,
/// which a value that comes out always takes. Now and then a call is linear, to drop what removed values have left
/// behind or to give memory back; those before it have paid for that. Clearing is linear.
/// # Examples
/// ```
/// use filch_timer::DelayQueue;
/// use std::time::Duration;
///
/// futures_lite::future::block_on(async {
///     let milli = Duration::from_millis(1);
///     let mut sessions = DelayQueue::new();
///     let alice = sessions.insert("alice", 2 * milli);
///     let _bob = sessions.insert("bob", 3 * milli);
///     let carol = sessions.insert("carol", milli);
///
///     sessions.reset(&alice, 5 * milli)?; // She was seen again,
///     assert_eq!(sessions.remove(&carol), Some("carol")); // and she logged out.
///
///     assert_eq!(sessions.next().await.unwrap().into_inner(), "bob");
///     assert_eq!(sessions.next().await.unwrap().into_inner(), "alice");
///     assert!(sessions.next().await.is_none());
/// #     Ok::<_, filch_timer::UnknownKey>(())
/// })
/// # .unwrap();
/// ```
///
/// # Source
/// A binary heap with lazy deletion, as schedulers of discrete event simulations have it; the share of stale
/// places is bounded by rebuilding.
pub struct DelayQueue<T> {
    values: Values<T>,
    order: BinaryHeap<Reverse<Place>>,
    sleep: Pin<Box<Sleep>>,
    /// The last turn that was taken; at the end of a row, or before the first, nothing of it is left.
    turns: u64,
    /// The clock was seen to have come to this: what is due by then needs no second look.
    come: Nanos,
}

type Values<T> = HashMap<u64, Held<T>, BuildHasherDefault<Spread>>;

struct Held<T> {
    deadline: Nanos,
    turn: u64,
    value: T,
}

/// A value's place in the order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    deadline: Nanos,
    turn: u64,
    key: u64,
}

/// Names a value of a [`DelayQueue`], while it is there. No other value ever has the same, of that queue or another.
///
/// # Examples
/// ```
/// use filch_timer::DelayQueue;
/// use std::time::Duration;
/// let mut queue = DelayQueue::new();
/// let key = queue.insert('a', Duration::from_secs(1));
/// assert_eq!(queue.remove(&key), Some('a'));
/// assert_eq!(queue.remove(&key), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DelayKey(u64);

/// The queue has no value of this key: it came out, or was removed.
///
/// # Examples
/// ```
/// use filch_timer::{DelayQueue, UnknownKey};
/// use std::time::Duration;
/// let mut queue = DelayQueue::new();
/// let key = queue.insert('a', Duration::from_secs(1));
/// queue.remove(&key);
/// let unknown: UnknownKey = queue.reset(&key, Duration::from_secs(2)).unwrap_err();
/// assert!(!unknown.to_string().is_empty());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UnknownKey(());

impl<T> DelayQueue<T> {
    /// A queue without values.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// assert!(DelayQueue::<u8>::new().is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self {
            values: HashMap::default(),
            order: BinaryHeap::new(),
            sleep: Box::pin(Sleep::at(Nanos::MIN)),
            turns: 0,
            come: Nanos::MIN,
        }
    }

    /// Puts a value in, to come out `after` so long, counted from now on this thread's clock.
    ///
    /// # Complexity
    /// On average constant; logarithmic at worst, and now and then linear, which the insertions before have
    /// paid for.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// use std::time::Duration;
    ///
    /// let mut queue = DelayQueue::new();
    /// let hour = queue.insert("an hour", Duration::from_secs(3600));
    /// queue.insert("never", Duration::MAX);
    /// assert_eq!(queue.peek(), Some(hour));
    /// ```
    pub fn insert(&mut self, value: T, after: Duration) -> DelayKey {
        self.insert_to(value, context::nanos().saturating_add(after))
    }

    /// Puts a value in, to come out at `deadline`, which may be past; otherwise as [`insert`](Self::insert).
    ///
    /// # Complexity
    /// As for [`insert`](Self::insert).
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{DelayQueue, now};
    ///
    /// let mut queue = DelayQueue::new();
    /// let deadline = now();
    /// let key = queue.insert_at("due", deadline);
    /// assert_eq!(queue.deadline(&key), Some(deadline));
    /// let due = futures_lite::future::block_on(queue.next()).unwrap();
    /// assert_eq!((due.key(), due.deadline()), (key, deadline));
    /// ```
    pub fn insert_at(&mut self, value: T, deadline: Instant) -> DelayKey {
        self.insert_to(value, Nanos::from(deadline))
    }

    fn insert_to(&mut self, value: T, deadline: Nanos) -> DelayKey {
        let turn = self.next_turn();
        self.values.insert(turn, Held { deadline, turn, value });
        self.order.push(Reverse(Place { deadline, turn, key: turn }));
        self.arm();
        DelayKey(turn)
    }

    /// Takes a value out before its time. `None` when it is not there any more.
    ///
    /// # Complexity
    /// On average constant; a value that would have been the next one takes the logarithm. Now and then linear, as for
    /// [`insert`](Self::insert).
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// use std::time::Duration;
    ///
    /// let mut queue = DelayQueue::new();
    /// let key = queue.insert(7, Duration::from_secs(1));
    /// assert_eq!(queue.remove(&key), Some(7));
    /// assert_eq!(queue.remove(&key), None);
    /// ```
    pub fn remove(&mut self, key: &DelayKey) -> Option<T> {
        let held = self.values.remove(&key.0)?;
        self.tidy();
        self.arm();
        Some(held.value)
    }

    /// Lets a value come out `after` so long from now instead.
    ///
    /// # Errors
    /// [`UnknownKey`] when the value is not there any more.
    ///
    /// # Complexity
    /// As for [`insert`](Self::insert).
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// use std::time::Duration;
    ///
    /// let mut queue = DelayQueue::new();
    /// let first = queue.insert(1, Duration::from_secs(1));
    /// let second = queue.insert(2, Duration::from_secs(2));
    /// queue.reset(&first, Duration::from_secs(3))?;
    /// assert_eq!(queue.peek(), Some(second));
    /// # Ok::<_, filch_timer::UnknownKey>(())
    /// ```
    pub fn reset(&mut self, key: &DelayKey, after: Duration) -> Result<(), UnknownKey> {
        self.reset_to(key, context::nanos().saturating_add(after))
    }

    /// Lets a value come out at `deadline` instead.
    ///
    /// # Errors
    /// [`UnknownKey`] when the value is not there any more.
    ///
    /// # Complexity
    /// As for [`insert`](Self::insert).
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{DelayQueue, now};
    /// use std::time::Duration;
    ///
    /// let mut queue = DelayQueue::new();
    /// let key = queue.insert("an hour", Duration::from_secs(3600));
    /// queue.reset_at(&key, now())?;
    /// let due = futures_lite::future::block_on(queue.next());
    /// assert_eq!(due.unwrap().into_inner(), "an hour");
    /// # Ok::<_, filch_timer::UnknownKey>(())
    /// ```
    pub fn reset_at(&mut self, key: &DelayKey, deadline: Instant) -> Result<(), UnknownKey> {
        self.reset_to(key, Nanos::from(deadline))
    }

    fn reset_to(&mut self, key: &DelayKey, deadline: Nanos) -> Result<(), UnknownKey> {
        let turn = self.next_turn();
        let held = self.values.get_mut(&key.0).ok_or(UnknownKey(()))?;
        (held.deadline, held.turn) = (deadline, turn);
        self.order.push(Reverse(Place { deadline, turn, key: key.0 }));
        self.tidy();
        self.arm();
        Ok(())
    }

    /// The value that comes out next.
    ///
    /// # Complexity
    /// Constant.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// use std::time::Duration;
    /// let mut queue = DelayQueue::new();
    /// let _late = queue.insert("late", Duration::from_secs(2));
    /// let soon = queue.insert("soon", Duration::from_secs(1));
    /// assert_eq!(queue.peek(), Some(soon));
    /// ```
    #[must_use]
    pub fn peek(&self) -> Option<DelayKey> {
        self.order.peek().map(|Reverse(first)| DelayKey(first.key))
    }

    /// A value, if it is there.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// use std::time::Duration;
    ///
    /// let mut queue = DelayQueue::new();
    /// let key = queue.insert("here", Duration::from_secs(1));
    /// assert_eq!(queue.get(&key), Some(&"here"));
    /// ```
    #[must_use]
    pub fn get(&self, key: &DelayKey) -> Option<&T> {
        self.values.get(&key.0).map(|held| &held.value)
    }

    /// A value, if it is there, to be changed.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// use std::time::Duration;
    ///
    /// let mut retries = DelayQueue::new();
    /// let key = retries.insert(0, Duration::from_secs(1));
    /// if let Some(count) = retries.get_mut(&key) {
    ///     *count += 1;
    /// }
    /// assert_eq!(retries.remove(&key), Some(1));
    /// ```
    #[must_use]
    pub fn get_mut(&mut self, key: &DelayKey) -> Option<&mut T> {
        self.values.get_mut(&key.0).map(|held| &mut held.value)
    }

    /// When a value comes out, if it is there.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{DelayQueue, now};
    /// use std::time::Duration;
    ///
    /// let mut queue = DelayQueue::new();
    /// let deadline = now() + Duration::from_secs(1);
    /// let key = queue.insert_at((), deadline);
    /// assert_eq!(queue.deadline(&key), Some(deadline));
    /// ```
    #[must_use]
    pub fn deadline(&self, key: &DelayKey) -> Option<Instant> {
        self.values.get(&key.0).map(|held| held.deadline.to_instant())
    }

    /// Values in the queue, due or not.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// use std::time::Duration;
    /// let mut queue = DelayQueue::new();
    /// queue.insert('a', Duration::ZERO);
    /// queue.insert('b', Duration::from_secs(1));
    /// assert_eq!(queue.len(), 2);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no values.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// use std::time::Duration;
    /// let mut queue = DelayQueue::new();
    /// let key = queue.insert('a', Duration::from_secs(1));
    /// assert!(!queue.is_empty());
    /// queue.remove(&key);
    /// assert!(queue.is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Values for which there is memory. After a burst it shrinks by itself, to a small multiple of what is
    /// there.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// use std::time::Duration;
    ///
    /// let mut queue = DelayQueue::new();
    /// let keys: Vec<_> = (0..10_000).map(|n| queue.insert(n, Duration::from_secs(60))).collect();
    /// assert!(queue.capacity() >= 10_000);
    /// for key in &keys[1..] {
    ///     queue.remove(key);
    /// }
    /// assert!(queue.capacity() < 200);
    /// ```
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.values.capacity().max(self.order.capacity())
    }

    /// Drops all values, and gives their memory back.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// use std::time::Duration;
    ///
    /// let mut queue = DelayQueue::new();
    /// let key = queue.insert(1, Duration::ZERO);
    /// queue.clear();
    /// assert!(queue.is_empty() && queue.remove(&key).is_none());
    /// ```
    pub fn clear(&mut self) {
        let values = std::mem::take(&mut self.values);
        self.order = BinaryHeap::new();
        self.arm();
        // Last: dropping a value may panic.
        drop_each(values);
    }

    /// Allows values to come out up to `slack` late, together with other timers: see
    /// [`Sleep::with_slack`](crate::Sleep::with_slack).
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// use std::time::Duration;
    ///
    /// let mut sessions = DelayQueue::<&str>::new();
    /// sessions.set_slack(Duration::from_secs(1));
    /// # assert!(sessions.is_empty());
    /// ```
    pub fn set_slack(&mut self, slack: Duration) {
        self.sleep.as_mut().set_slack(slack);
    }

    /// Waits for the next value whose time has come; `None` while the queue is empty.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    ///
    /// # Complexity
    /// The logarithm for each value; the clock is read once for all that are due.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{DelayQueue, now};
    /// use std::time::Duration;
    ///
    /// futures_lite::future::block_on(async {
    ///     let mut queue = DelayQueue::new();
    ///     let begin = now();
    ///     queue.insert(1, Duration::from_millis(1));
    ///     assert_eq!(queue.next().await.map(|due| due.into_inner()), Some(1));
    ///     assert!(now() >= begin + Duration::from_millis(1), "never early");
    /// });
    /// ```
    pub async fn next(&mut self) -> Option<Expired<T>> {
        poll_fn(|cx| self.poll_expired(cx)).await
    }

    /// As [`next`](Self::next), for hand-written futures.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::DelayQueue;
    /// use std::task::{Context, Waker};
    /// use std::time::Duration;
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let mut queue = DelayQueue::new();
    /// assert!(queue.poll_expired(&mut cx).is_ready(), "it is empty");
    /// queue.insert('a', Duration::from_secs(3600));
    /// assert!(queue.poll_expired(&mut cx).is_pending());
    /// ```
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Option<Expired<T>>> {
        ready!(slice::proceed(cx));
        let Some(&Reverse(first)) = self.order.peek() else { return Poll::Ready(None) };
        if first.deadline > self.come {
            ready!(self.sleep.as_mut().poll_due(cx));
            self.come = context::nanos().max(first.deadline);
        }
        self.order.pop();
        let held = self.values.remove(&first.key);
        self.tidy();
        self.arm();
        Poll::Ready(held.map(|held| Expired {
            key: DelayKey(first.key),
            deadline: first.deadline.to_instant(),
            value: held.value,
        }))
    }

    fn next_turn(&mut self) -> u64 {
        static ROWS: StaticCounter = StaticCounter::new(0);
        if self.turns.is_multiple_of(ROW) {
            // Rows taken later are higher, so turns are in the order in which they were taken.
            self.turns = ROWS.next() * ROW;
        }
        self.turns += 1;
        self.turns
    }

    /// After a place became stale, or a value was taken out: keeps invariants 2 and 3, and gives memory back.
    fn tidy(&mut self) {
        let values = &self.values;
        let stands = |place: &Place| values.get(&place.key).is_some_and(|held| held.turn == place.turn);
        if self.order.len() > values.len().saturating_mul(2).saturating_add(FEW) {
            self.order.retain(|Reverse(place)| stands(place));
        }
        while self.order.peek().is_some_and(|Reverse(first)| !stands(first)) {
            self.order.pop();
        }
        // Half of what is left stays free, so that shrinking is paid for by what was taken out.
        if self.order.capacity() / 4 > self.order.len().max(FEW) {
            self.order.shrink_to(self.order.len() * 2);
        }
        if self.values.capacity() / 4 > self.values.len().max(FEW) {
            self.values.shrink_to(self.values.len() * 2);
        }
    }

    /// Keeps invariant 4.
    fn arm(&mut self) {
        let deadline = self.order.peek().map_or(Nanos::MIN, |Reverse(first)| first.deadline);
        if self.sleep.nanos() != deadline {
            self.sleep.as_mut().reset_to(deadline);
        }
    }
}

/// The next value whose time has come; as long as the queue is empty, that is the end.
impl<T> Stream for DelayQueue<T> {
    type Item = Expired<T>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_expired(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

/// Values are never pinned.
impl<T> Unpin for DelayQueue<T> {}

impl<T> Drop for DelayQueue<T> {
    fn drop(&mut self) {
        drop_each(std::mem::take(&mut self.values));
    }
}

/// Drops all values. When one of them panics, a map that is dropped loses the others, and its memory; one that is walked
/// drops them all the same.
fn drop_each<T>(values: Values<T>) {
    values.into_values().for_each(drop);
}

impl<T> Default for DelayQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for DelayQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let next = self.peek().and_then(|key| self.deadline(&key));
        f.debug_struct("DelayQueue").field("len", &self.len()).field("next", &next).finish_non_exhaustive()
    }
}

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue has no value of this key any more")
    }
}

impl Error for UnknownKey {}

/// Spreads keys, which are numbers in a row that nobody else chooses: a multiplication by an odd number keeps
/// them apart in the low bits, and makes the high ones look random. Both are what the map goes by.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn write_u64(&mut self, key: u64) {
        self.0 = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are numbers of 64 bits");
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
