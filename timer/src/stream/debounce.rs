//! Items that nothing follows for a while.

use super::{ITEMS_PER_POLL, Source};
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
    /// Passes an item on once nothing has followed it for a while; made by
    /// [`StreamTimeExt::debounce`](crate::StreamTimeExt::debounce).
    ///
    /// ```
    /// use filch_timer::StreamTimeExt;
    /// use futures_lite::stream::{self, StreamExt};
    /// use std::{pin::pin, time::Duration};
    /// let mut edits = pin!(stream::iter(["f", "fi", "filch"]).debounce(Duration::from_secs(1)));
    /// // The source has ended: nothing will follow what stood last.
    /// assert_eq!(futures_lite::future::block_on(edits.next()), Some("filch"));
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Debounce<S: Stream> {
        #[pin]
        source: Source<S>,
        #[pin]
        sleep: Sleep,
        quiet: Duration,
        // What is passed on next if nothing follows.
        last: Option<S::Item>,
    }
}

impl<S: Stream> Debounce<S> {
    pub(super) fn new(stream: S, quiet: Duration) -> Self {
        Self { source: Source::new(stream), sleep: Sleep::at(Nanos::MIN), quiet, last: None }
    }
}

impl<S: Stream> Stream for Debounce<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        for taken in 0..=ITEMS_PER_POLL {
            let polled =
                if taken < ITEMS_PER_POLL { this.source.as_mut().poll_next(cx) } else { Poll::Pending };
            match polled {
                Poll::Ready(Some(item)) => *this.last = Some(item),
                Poll::Ready(None) => break,
                Poll::Pending => {
                    if taken > 0 {
                        let quiet = context::nanos().saturating_add(*this.quiet);
                        this.sleep.as_mut().reset_to(quiet);
                    }
                    if taken == ITEMS_PER_POLL {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    if this.last.is_none() {
                        return Poll::Pending;
                    }
                    ready!(this.sleep.as_mut().poll_due(cx));
                    break;
                }
            }
        }
        Poll::Ready(this.last.take())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.source.size_hint();
        let held = usize::from(self.last.is_some());
        (least.saturating_add(held).min(1), most.and_then(|most| most.checked_add(held)))
    }
}

impl<S: Stream> FusedStream for Debounce<S> {
    fn is_terminated(&self) -> bool {
        self.source.ended && self.last.is_none()
    }
}
