//! So many tasks at once: [`map_concurrent()`].

use super::brood::{Brood, Child};
use crate::runtime::TaskBuilder;
use crate::task::error::JoinError;
use filch_primitive::slice;
use futures_lite::{Stream, stream};
use pin_project_lite::pin_project;
use std::collections::VecDeque;
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Makes a future of each item and runs it as a task, at most `limit` of them at once: a stream of their results in the order
/// in which they end.
///
/// An item is pulled only when its task may begin, and a task counts until its result has been given out. So a slow reader slows
/// down the whole, and no more than `limit` results wait. Tasks that have begun go on while nobody reads.
/// [`in_order`](MapConcurrent::in_order) gives the results out in the order of the items instead.
///
/// # Panics
/// When `limit` is 0. When `f` or the iterator panics, so does the stream; the tasks that had begun are still there.
/// # Errors
/// An item is a [`JoinError`] for a task that panicked, or was aborted because its runtime ended.
/// # Complexity
/// A task and one small allocation for each item; constant time for each end.
/// # Examples
/// ```
/// use filch::stream::StreamExt;
///
/// # filch::block_on(async {
/// let lengths = filch::task::map_concurrent(8, ["a", "bc", "def"], |word| async { word.len() });
/// let total: usize = lengths.map(|length| length.expect("no panic")).fold(0, |sum, length| sum + length).await;
/// assert_eq!(total, 6);
/// # });
/// ```
#[track_caller]
pub fn map_concurrent<I, F, R, T>(
    limit: usize,
    items: I,
    f: F,
) -> MapConcurrent<stream::Iter<I::IntoIter>, F, T>
where
    I: IntoIterator,
    F: FnMut(I::Item) -> R,
    R: IntoFuture<Output = T, IntoFuture: Send + 'static>,
    T: Send + 'static,
{
    map_concurrent_stream(limit, stream::iter(items), f)
}

/// As [`map_concurrent()`], with items that come from a stream.
///
/// # Panics
/// When `limit` is 0. When `f` or `items` panics, so does the stream; the tasks that had begun are still there.
/// # Errors
/// An item is a [`JoinError`] for a task that panicked, or was aborted because its runtime ended.
/// # Complexity
/// A task and one small allocation for each item; constant time for each end.
/// # Examples
/// ```
/// use filch::stream::{self, StreamExt};
///
/// # filch::block_on(async {
/// let requests = stream::iter(1..=4);
/// let replies = filch::task::map_concurrent_stream(2, requests, |n| async move { n * 10 }).in_order();
/// let replies: Vec<_> = replies.map(|reply| reply.expect("no panic")).collect().await;
/// assert_eq!(replies, [10, 20, 30, 40]);
/// # });
/// ```
#[track_caller]
pub fn map_concurrent_stream<S, F, R, T>(limit: usize, items: S, f: F) -> MapConcurrent<S, F, T>
where
    S: Stream,
    F: FnMut(S::Item) -> R,
    R: IntoFuture<Output = T, IntoFuture: Send + 'static>,
    T: Send + 'static,
{
    assert!(limit > 0, "with a limit of 0 no task could ever begin");
    let source = Source { items, f, limit, ended: false, location: Location::caller() };
    MapConcurrent { source, brood: Brood::new() }
}

/// Items pulled in one poll, at most: then results have their turn, and are not refused by the time slice either, whose count of
/// operations goes further than that.
const ITEMS_PER_POLL: u32 = slice::OPS_PER_LOOK / 2;

pin_project! {
    /// Where tasks come from.
    struct Source<S, F> {
        #[pin]
        items: S,
        f: F,
        limit: usize,
        // Whether `items` has said so, and must not be asked again.
        ended: bool,
        // Whose the tasks are said to be.
        location: &'static Location<'static>,
    }
}

impl<S: Stream, F> Source<S, F> {
    /// Begins tasks until `limit` are there. Pending: no more items for now, in this poll, or in this time slice.
    fn fill<R, T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut live: usize,
        mut take_in: impl FnMut(Child<T>),
    ) -> Poll<()>
    where
        F: FnMut(S::Item) -> R,
        R: IntoFuture<Output = T, IntoFuture: Send + 'static>,
        T: Send + 'static,
    {
        let mut this = self.project();
        let mut left = ITEMS_PER_POLL;
        while !*this.ended && live < *this.limit {
            if left == 0 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            left -= 1;
            ready!(slice::proceed(cx));
            match ready!(this.items.as_mut().poll_next(cx)) {
                Some(item) => {
                    let future = (this.f)(item).into_future();
                    take_in(Child::new(TaskBuilder::new().spawn_for(this.location, future)));
                    live += 1;
                }
                None => *this.ended = true,
            }
        }
        Poll::Ready(())
    }

    /// How many items may still come.
    fn size_hint(&self, live: usize) -> (usize, Option<usize>) {
        let (least, most) = if self.ended { (0, Some(0)) } else { self.items.size_hint() };
        (least.saturating_add(live), most.and_then(|most| most.checked_add(live)))
    }
}

pin_project! {
    /// The results of [`map_concurrent()`], a [`Stream`].
    ///
    /// Dropping it aborts the tasks whose results were not given out, without waiting for them.
    ///
    /// ```
    /// use filch::stream::StreamExt;
    /// let lengths = filch::task::map_concurrent(2, ["a", "bb"], |word| async { word.len() });
    /// let mut found: Vec<_> = filch::block_on(lengths.filter_map(Result::ok).collect());
    /// found.sort_unstable();
    /// assert_eq!(found, [1, 2]);
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct MapConcurrent<S, F, T> {
        #[pin]
        source: Source<S, F>,
        brood: Brood<Child<T>>,
    }
}

impl<S, F, T> MapConcurrent<S, F, T> {
    /// The same, with the results in the order of the items.
    ///
    /// A result that has to wait for one before it counts among the `limit`: while the first takes long, as many as may be
    /// there are there, and no new task begins.
    ///
    /// # Panics
    /// When tasks have begun: results were asked for before.
    /// # Examples
    /// ```
    /// use filch::stream::StreamExt;
    ///
    /// # filch::block_on(async {
    /// let mut squares = filch::task::map_concurrent(2, 1..=3, |n| async move { n * n }).in_order();
    /// assert_eq!(squares.next().await.and_then(Result::ok), Some(1));
    /// # });
    /// ```
    pub fn in_order(self) -> MapInOrder<S, F, T> {
        assert!(self.brood.is_empty(), "the order is chosen before results are asked for");
        MapInOrder { source: self.source, children: VecDeque::new() }
    }
}

impl<S, F, R, T> Stream for MapConcurrent<S, F, T>
where
    S: Stream,
    F: FnMut(S::Item) -> R,
    R: IntoFuture<Output = T, IntoFuture: Send + 'static>,
    T: Send + 'static,
{
    type Item = Result<T, JoinError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let live = this.brood.len();
        let filled = this.source.as_mut().fill(cx, live, |child| {
            this.brood.insert(child);
        });
        match ready!(this.brood.poll_next(cx)) {
            Some((_, child)) => Poll::Ready(Some(child.result())),
            // None is left, and none may begin for now.
            None => filled.map(|()| None),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.source.size_hint(self.brood.len())
    }
}

impl<S, F, T> fmt::Debug for MapConcurrent<S, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapConcurrent")
            .field("limit", &self.source.limit)
            .field("running", &self.brood.len())
            .field("ended", &self.source.ended)
            .finish()
    }
}

pin_project! {
    /// The results of [`MapConcurrent::in_order`], a [`Stream`].
    ///
    /// Dropping it aborts the tasks whose results were not given out, without waiting for them.
    ///
    /// ```
    /// use filch::stream::StreamExt;
    /// let lengths = filch::task::map_concurrent(2, ["bb", "a"], |word| async { word.len() });
    /// let found: Vec<_> = filch::block_on(lengths.in_order().filter_map(Result::ok).collect());
    /// assert_eq!(found, [2, 1]);
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct MapInOrder<S, F, T> {
        #[pin]
        source: Source<S, F>,
        // Only the first is waited for, so its own handle is all that this takes.
        children: VecDeque<Child<T>>,
    }
}

impl<S, F, R, T> Stream for MapInOrder<S, F, T>
where
    S: Stream,
    F: FnMut(S::Item) -> R,
    R: IntoFuture<Output = T, IntoFuture: Send + 'static>,
    T: Send + 'static,
{
    type Item = Result<T, JoinError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let live = this.children.len();
        let filled = this.source.as_mut().fill(cx, live, |child| this.children.push_back(child));
        let Some(first) = this.children.front_mut() else {
            return filled.map(|()| None);
        };
        let result = ready!(first.poll_result(cx));
        this.children.pop_front();
        Poll::Ready(Some(result))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.source.size_hint(self.children.len())
    }
}

impl<S, F, T> fmt::Debug for MapInOrder<S, F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapInOrder")
            .field("limit", &self.source.limit)
            .field("running", &self.children.len())
            .field("ended", &self.source.ended)
            .finish()
    }
}
