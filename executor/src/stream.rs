//! Streams: [`Stream`] with its extensions, and several that become one.
//!
//! The trait is the neutral one of the ecosystem. Streams over tasks are in [`task`](crate::task):
//! [`as_completed`](crate::task::as_completed) and [`map_concurrent`](crate::task::map_concurrent).

pub use futures_lite::stream::{
    Empty, Iter, Stream, StreamExt, empty, iter, once, pending, poll_fn, repeat, repeat_with, try_unfold,
    unfold,
};

use crate::task::WokenQueue;
use filch_primitive::slice;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

/// The items of two streams, as they come: a stream that ends when both have ended.
///
/// When both have items they take turns.
///
/// # Complexity
/// No allocation. Each wake polls both.
/// # Examples
/// ```
/// use filch::stream::{self, StreamExt};
///
/// # filch::block_on(async {
/// let merged: Vec<_> = stream::merge(stream::repeat(1).take(2), stream::repeat(2).take(3)).collect().await;
/// assert_eq!(merged, [1, 2, 1, 2, 2]);
/// # });
/// ```
pub fn merge<A, B>(first: A, second: B) -> Merge<A, B>
where
    A: Stream,
    B: Stream<Item = A::Item>,
{
    Merge { first, second, first_ended: false, second_ended: false, second_next: false }
}

pin_project! {
    /// The stream of [`merge`].
    ///
    /// ```
    /// use filch::stream::{self, Merge, StreamExt};
    /// // Named, it can be a field, without a box around it.
    /// struct Input {
    ///     keys: Merge<stream::Iter<std::vec::IntoIter<char>>, stream::Empty<char>>,
    /// }
    /// let mut input = Input { keys: stream::merge(stream::iter(vec!['q']), stream::empty()) };
    /// assert_eq!(filch::block_on(input.keys.next()), Some('q'));
    /// ```
    #[derive(Clone, Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Merge<A, B> {
        #[pin]
        first: A,
        #[pin]
        second: B,
        first_ended: bool,
        second_ended: bool,
        // Whose turn it is.
        second_next: bool,
    }
}

impl<A, B> Stream for Merge<A, B>
where
    A: Stream,
    B: Stream<Item = A::Item>,
{
    type Item = A::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Streams of others may know no time slice.
        ready!(slice::proceed(cx));
        let this = self.project();
        let (mut first, mut second) = (this.first, this.second);
        for _ in 0..2 {
            let polled = match *this.second_next {
                false => poll_one(first.as_mut(), this.first_ended, cx),
                true => poll_one(second.as_mut(), this.second_ended, cx),
            };
            // With an item the turn passes on, and without one, too.
            *this.second_next = !*this.second_next;
            if let Poll::Ready(Some(item)) = polled {
                return Poll::Ready(Some(item));
            }
        }
        if *this.first_ended && *this.second_ended { Poll::Ready(None) } else { Poll::Pending }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let of_first = if self.first_ended { (0, Some(0)) } else { self.first.size_hint() };
        let of_second = if self.second_ended { (0, Some(0)) } else { self.second.size_hint() };
        let most = of_first.1.zip(of_second.1).and_then(|(first, second)| first.checked_add(second));
        (of_first.0.saturating_add(of_second.0), most)
    }
}

/// Polls a stream that may have ended, and notes when it does.
fn poll_one<S: Stream>(stream: Pin<&mut S>, ended: &mut bool, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
    if *ended {
        return Poll::Ready(None);
    }
    let polled = stream.poll_next(cx);
    *ended = matches!(polled, Poll::Ready(None));
    polled
}

/// The items of many streams, as they come: a stream that ends when all have ended.
///
/// Those that have items take turns. A stream is polled only when it was woken, so many that are silent cost nothing.
///
/// # Complexity
/// Two small allocations for each stream; constant time for each item.
/// # Examples
/// ```
/// use filch::stream::{self, StreamExt};
///
/// # filch::block_on(async {
/// let streams = (1..=3).map(|n| stream::repeat(n).take(2));
/// let merged: Vec<_> = stream::merge_all(streams).collect().await;
/// assert_eq!(merged, [1, 2, 3, 1, 2, 3]);
/// # });
/// ```
pub fn merge_all<I>(streams: I) -> MergeAll<I::Item>
where
    I: IntoIterator<Item: Stream>,
{
    let woken = WokenQueue::new();
    let branch = |(number, stream)| {
        // Each is polled once to begin with.
        woken.push(number);
        Some(Branch { stream: Box::pin(stream), waker: woken.waker(number) })
    };
    let branches: Vec<_> = streams.into_iter().enumerate().map(branch).collect();
    MergeAll { left: branches.len(), branches, woken }
}

/// The stream of [`merge_all`].
///
/// ```
/// use filch::stream::{self, StreamExt};
/// let merged = stream::merge_all([stream::iter(1..3), stream::iter(10..11)]);
/// let sum = filch::block_on(merged.fold(0, |sum, n| sum + n));
/// assert_eq!(sum, 1 + 2 + 10);
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct MergeAll<S> {
    /// By number; nothing where one has ended.
    branches: Vec<Option<Branch<S>>>,
    left: usize,
    woken: Arc<WokenQueue>,
}

struct Branch<S> {
    stream: Pin<Box<S>>,
    waker: Waker,
}

impl<S: Stream> Stream for MergeAll<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while this.left > 0 {
            ready!(slice::proceed(cx));
            let number = ready!(this.woken.poll_pop(cx));
            let Some(branch) = &mut this.branches[number] else { continue };
            match branch.stream.as_mut().poll_next(&mut Context::from_waker(&branch.waker)) {
                Poll::Ready(Some(item)) => {
                    // It may have more, and goes behind all that do.
                    this.woken.push(number);
                    return Poll::Ready(Some(item));
                }
                Poll::Ready(None) => {
                    this.left -= 1;
                    this.branches[number] = None;
                }
                Poll::Pending => {}
            }
        }
        Poll::Ready(None)
    }
}

impl<S> Drop for MergeAll<S> {
    fn drop(&mut self) {
        // Whatever wakes a stream later keeps the queue; nobody waits there any more.
        self.woken.forget_parent();
    }
}

impl<S> fmt::Debug for MergeAll<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MergeAll").field("left", &self.left).field("woken", &self.woken).finish()
    }
}
