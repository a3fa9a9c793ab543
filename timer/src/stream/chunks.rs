//! Items in chunks, full or of a time.

use super::{ITEMS_PER_POLL, Source};
use crate::context;
use crate::line::Nanos;
use crate::sleep::Sleep;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pin_project! {
    /// Passes items on in chunks; made by [`StreamTimeExt::chunks_timeout`](crate::StreamTimeExt::chunks_timeout).
    ///
    /// ```
    /// use filch_timer::StreamTimeExt;
    /// use futures_lite::stream::{self, StreamExt};
    /// use std::time::Duration;
    /// let rows = stream::iter(0..5).chunks_timeout(2, Duration::from_secs(1));
    /// let written: Vec<_> = futures_lite::future::block_on(rows.collect());
    /// assert_eq!(written, [vec![0, 1], vec![2, 3], vec![4]]);
    /// ```
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct ChunksTimeout<S: Stream> {
        #[pin]
        source: Source<S>,
        #[pin]
        sleep: Sleep,
        limit: Duration,
        most: usize,
        chunk: Vec<S::Item>,
        // The sleep stands for this chunk.
        timed: bool,
    }
}

impl<S: Stream> ChunksTimeout<S> {
    #[track_caller]
    pub(super) fn new(stream: S, most: usize, limit: Duration) -> Self {
        assert!(most > 0, "a chunk needs room for at least one item");
        Self {
            source: Source::new(stream),
            sleep: Sleep::at(Nanos::MIN),
            limit,
            most,
            chunk: Vec::new(),
            timed: false,
        }
    }
}

impl<S: Stream> Stream for ChunksTimeout<S> {
    type Item = Vec<S::Item>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<S::Item>>> {
        let mut this = self.project();
        let mut taken = 0;
        while this.chunk.len() < *this.most {
            if taken < ITEMS_PER_POLL {
                match this.source.as_mut().poll_next(cx) {
                    Poll::Ready(Some(item)) => {
                        this.chunk.push(item);
                        taken += 1;
                        continue;
                    }
                    Poll::Ready(None) => break,
                    Poll::Pending if this.chunk.is_empty() => return Poll::Pending,
                    Poll::Pending => {}
                }
            }
            if !mem::replace(this.timed, true) {
                this.sleep.as_mut().reset_to(context::nanos().saturating_add(*this.limit));
            }
            if this.sleep.as_mut().poll_due(cx).is_pending() {
                if taken == ITEMS_PER_POLL {
                    cx.waker().wake_by_ref();
                }
                return Poll::Pending;
            }
            break;
        }
        *this.timed = false;
        let chunk = mem::take(this.chunk);
        Poll::Ready((!chunk.is_empty()).then_some(chunk))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.source.size_hint();
        let held = self.chunk.len();
        (least.saturating_add(held).div_ceil(self.most), most.and_then(|most| most.checked_add(held)))
    }
}

impl<S: Stream> FusedStream for ChunksTimeout<S> {
    fn is_terminated(&self) -> bool {
        self.source.ended && self.chunk.is_empty()
    }
}
