//! Items with a gap between them.

use super::Source;
use crate::context;
use crate::line::Nanos;
use crate::sleep::Sleep;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pin_project! {
    /// Passes items on with a gap between them; made by [`StreamTimeExt::throttle`](crate::StreamTimeExt::throttle).
    ///
    /// ```
    /// use filch_timer::{Clock, StreamTimeExt, Timer, enter};
    /// use futures_lite::future::{block_on, poll_once};
    /// use futures_lite::stream::{self, StreamExt};
    /// use std::{pin::pin, time::Duration};
    /// let clock = Clock::manual();
    /// let _context = enter(&Timer::new(clock.clone()), true);
    /// let mut calls = pin!(stream::iter(1..).throttle(Duration::from_secs(1)));
    /// assert_eq!(block_on(calls.next()), Some(1));
    /// assert_eq!(block_on(poll_once(calls.next())), None, "not so fast");
    /// clock.advance(Duration::from_secs(1));
    /// assert_eq!(block_on(calls.next()), Some(2));
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Throttle<S> {
        #[pin]
        source: Source<S>,
        // Until the gap is over.
        #[pin]
        sleep: Sleep,
        gap: Duration,
    }
}

impl<S: Stream> Throttle<S> {
    pub(super) fn new(stream: S, gap: Duration) -> Self {
        Self { source: Source::new(stream), sleep: Sleep::at(Nanos::MIN), gap }
    }
}

impl<S: Stream> Stream for Throttle<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        // Once over it stays so, however often the source says that there is nothing yet.
        ready!(this.sleep.as_mut().poll_due(cx));
        let next = ready!(this.source.poll_next(cx));
        if next.is_some() && !this.gap.is_zero() {
            this.sleep.reset_to(context::nanos().saturating_add(*this.gap));
        }
        Poll::Ready(next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.source.size_hint()
    }
}

impl<S: Stream> FusedStream for Throttle<S> {
    fn is_terminated(&self) -> bool {
        self.source.ended
    }
}
