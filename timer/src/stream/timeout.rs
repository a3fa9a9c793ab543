//! Items, or the news that one is late.

use super::Source;
use crate::context;
use crate::line::Nanos;
use crate::sleep::Sleep;
use crate::timeout::Elapsed;
use filch_primitive::slice;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pin_project! {
    /// Waits for each item no longer than its limit; made by [`StreamTimeExt::timeout`](crate::StreamTimeExt::timeout).
    ///
    /// ```
    /// use filch_timer::{Clock, StreamTimeExt, Timer, enter};
    /// use futures_lite::future::{block_on, poll_once};
    /// use futures_lite::stream::{self, StreamExt};
    /// use std::{pin::pin, time::Duration};
    /// let clock = Clock::manual();
    /// let _context = enter(&Timer::new(clock.clone()), true);
    /// let second = Duration::from_secs(1);
    /// let mut heard = pin!(stream::pending::<u8>().timeout(second));
    /// assert!(block_on(poll_once(heard.next())).is_none());
    /// clock.advance(second);
    /// assert!(block_on(heard.next()).unwrap().is_err());
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct StreamTimeout<S> {
        #[pin]
        source: Source<S>,
        #[pin]
        sleep: Sleep,
        limit: Duration,
        // Somebody waits for an item; the sleep says until when.
        waiting: bool,
    }
}

impl<S: Stream> StreamTimeout<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        Self { source: Source::new(stream), sleep: Sleep::at(Nanos::MIN), limit, waiting: false }
    }
}

impl<S: Stream> Stream for StreamTimeout<S> {
    type Item = Result<S::Item, Elapsed>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if let Poll::Ready(next) = this.source.poll_next(cx) {
            *this.waiting = false;
            return Poll::Ready(next.map(Ok));
        }
        let first = !mem::replace(this.waiting, true);
        if first {
            this.sleep.as_mut().reset_to(context::nanos().saturating_add(*this.limit));
        }
        ready!(this.sleep.poll_due(cx));
        if first {
            // Over at once, like the one before perhaps: gives way when the time slice is over. When it is polled again, it is the
            // first no more.
            ready!(slice::proceed(cx));
        }
        *this.waiting = false;
        Poll::Ready(Some(Err(Elapsed::new())))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.source.ended { (0, Some(0)) } else { (self.source.size_hint().0, None) }
    }
}

impl<S: Stream> FusedStream for StreamTimeout<S> {
    fn is_terminated(&self) -> bool {
        self.source.ended
    }
}
