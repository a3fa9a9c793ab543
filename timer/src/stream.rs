//! Streams in time: what comes too fast, too slowly, or in drops.
//!
//! Each adapter holds its source and one [`Sleep`](crate::Sleep), which registers only when there is something to
//! wait for, and reads the clock only then: items that are there pass without a look at it.
//!
//! A source that is always ready is polled [`ITEMS_PER_POLL`] times at most, then the task wakes itself and gives way.

mod chunks;
mod debounce;
#[cfg(all(test, not(filch_loom)))]
mod tests;
mod throttle;
mod timeout;

pub use chunks::ChunksTimeout;
pub use debounce::Debounce;
pub use throttle::Throttle;
pub use timeout::StreamTimeout;

use futures_core::Stream;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Items taken from a source in one poll, where they are not handed on one by one. A guess.
const ITEMS_PER_POLL: usize = 64;

/// What time can do to a [`Stream`].
///
/// # Complexity
/// Constant time for each item, and no allocation but the chunks of [`chunks_timeout`](Self::chunks_timeout). What
/// keeps time is one [`Sleep`](crate::Sleep) in each adapter.
/// # Examples
/// ```
/// use filch_timer::StreamTimeExt;
/// use futures_lite::stream::{self, StreamExt};
/// use std::time::Duration;
///
/// futures_lite::future::block_on(async {
///     let keys = stream::iter("filch".chars());
///     // Nobody looks anything up before the typing stops.
///     let typed: Vec<_> = keys.debounce(Duration::from_millis(1)).collect().await;
///     assert_eq!(typed, ['h']);
/// });
/// ```
pub trait StreamTimeExt: Stream {
    /// Passes an item on once nothing has followed it for as long as `quiet`; an item that follows earlier takes
    /// its place.
    ///
    /// The quiet counts from the poll in which the item was taken from the source. When the source ends, the item that
    /// stood last is passed on at once. Of a source that is never quiet nothing comes.
    ///
    /// # Cancel safety
    /// Dropping a future of the next item loses nothing: the adapter keeps the item and its time.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{Clock, StreamTimeExt, Timer, enter};
    /// use futures_lite::future::{block_on, poll_once};
    /// use futures_lite::stream::{self, StreamExt};
    /// use std::pin::pin;
    /// use std::time::Duration;
    ///
    /// let clock = Clock::manual();
    /// let timer = Timer::new(clock.clone());
    /// let _context = enter(&timer, true);
    ///
    /// let second = Duration::from_secs(1);
    /// let edits = stream::iter(["f", "fi", "filch"]).chain(stream::pending());
    /// let mut saved = pin!(edits.debounce(second));
    /// assert_eq!(block_on(poll_once(saved.next())), None);
    /// clock.advance(second);
    /// assert_eq!(block_on(poll_once(saved.next())), Some(Some("filch")));
    /// ```
    fn debounce(self, quiet: Duration) -> Debounce<Self>
    where
        Self: Sized,
    {
        Debounce::new(self, quiet)
    }

    /// Passes items on at least `gap` apart, and drops none: between two of them the source is not polled, and so is
    /// held back.
    ///
    /// The gap counts from when an item is handed out; the first one passes at once. That the source has ended is
    /// noticed when the gap is over.
    ///
    /// # Cancel safety
    /// Dropping a future of the next item loses nothing, not even the time it waited.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::{StreamTimeExt, now};
    /// use futures_lite::stream::{self, StreamExt};
    /// use std::time::Duration;
    ///
    /// futures_lite::future::block_on(async {
    ///     let gap = Duration::from_millis(1);
    ///     let begin = now();
    ///     let calls = stream::iter(0..3).throttle(gap);
    ///     assert_eq!(calls.count().await, 3);
    ///     assert!(now() >= begin + 2 * gap);
    /// });
    /// ```
    fn throttle(self, gap: Duration) -> Throttle<Self>
    where
        Self: Sized,
    {
        Throttle::new(self, gap)
    }

    /// Waits for each item no longer than `limit`: then an [`Elapsed`](crate::Elapsed) stands in its place, and the
    /// wait begins anew. It does not end the stream.
    ///
    /// The limit counts from the poll that first finds no item, not from the item before: the time that the caller
    /// takes is his own. An item that is there wins, even when its time is up.
    ///
    /// # Errors
    /// An item is [`Elapsed`](crate::Elapsed) when none came in time.
    /// # Cancel safety
    /// Dropping a future of the next item loses nothing; who asks again continues the same wait.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::StreamTimeExt;
    /// use futures_lite::stream::{self, StreamExt};
    /// use std::pin::pin;
    /// use std::time::Duration;
    ///
    /// futures_lite::future::block_on(async {
    ///     let source = stream::once("hello").chain(stream::pending());
    ///     let mut heard = pin!(source.timeout(Duration::from_millis(1)));
    ///     assert_eq!(heard.next().await, Some(Ok("hello")));
    ///     assert!(heard.next().await.unwrap().is_err(), "silence for a millisecond,");
    ///     assert!(heard.next().await.unwrap().is_err(), "and for another one");
    /// });
    /// ```
    fn timeout(self, limit: Duration) -> StreamTimeout<Self>
    where
        Self: Sized,
    {
        StreamTimeout::new(self, limit)
    }

    /// Passes items on in chunks: of `most` items, or of those that came within `limit` of the first one. No chunk
    /// is empty.
    ///
    /// The limit counts from the poll that took the chunk's first item. When the source ends, what has been
    /// collected is the last chunk.
    ///
    /// # Panics
    /// When `most` is zero.
    ///
    /// # Cancel safety
    /// Dropping a future of the next chunk loses nothing: the adapter keeps what it has collected.
    ///
    /// # Examples
    /// ```
    /// use filch_timer::StreamTimeExt;
    /// use futures_lite::stream::{self, StreamExt};
    /// use std::time::Duration;
    ///
    /// futures_lite::future::block_on(async {
    ///     let rows = stream::iter(1..=5);
    ///     let inserts: Vec<_> = rows.chunks_timeout(2, Duration::from_millis(1)).collect().await;
    ///     assert_eq!(inserts, [vec![1, 2], vec![3, 4], vec![5]]);
    /// });
    /// ```
    #[track_caller]
    fn chunks_timeout(self, most: usize, limit: Duration) -> ChunksTimeout<Self>
    where
        Self: Sized,
    {
        ChunksTimeout::new(self, most, limit)
    }
}

impl<S: Stream + ?Sized> StreamTimeExt for S {}

pin_project! {
    /// A stream that is not polled again once it has ended.
    #[derive(Debug)]
    struct Source<S> {
        #[pin]
        stream: S,
        ended: bool,
    }
}

impl<S: Stream> Source<S> {
    fn new(stream: S) -> Self {
        Self { stream, ended: false }
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        let next = ready!(this.stream.poll_next(cx));
        *this.ended = next.is_none();
        Poll::Ready(next)
    }

    /// Items to come, at least and at most.
    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.ended { (0, Some(0)) } else { self.stream.size_hint() }
    }
}
