//! Streams held back, thinned out, limited and gathered, on a virtual clock; what tokio's suites of `throttle`,
//! `timeout` and `chunks_timeout` pin.

use super::ITEMS_PER_POLL;
use crate::testing::{Count, MILLI, manual, watched};
use crate::{ChunksTimeout, Debounce, StreamTimeExt, StreamTimeout, Throttle, now};
use filch_primitive::slice;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use futures_lite::stream::{self, Empty, Pending};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

macro_rules! assert_auto_traits {
    ($($adapter:ident),*) => { $(
        assert_impl_all!($adapter<Empty<u8>>: Send, Sync, FusedStream);
        assert_impl_all!($adapter<Empty<Cell<u8>>>: Send);
        assert_not_impl_any!($adapter<Pending<Rc<u8>>>: Unpin);
        assert_not_impl_any!($adapter<Mail<Rc<u8>>>: Send, Sync);
    )* };
}
assert_auto_traits!(Debounce, Throttle, StreamTimeout, ChunksTimeout);
// These two keep items.
assert_not_impl_any!(Debounce<Empty<Rc<u8>>>: Send, Sync);
assert_not_impl_any!(ChunksTimeout<Empty<Rc<u8>>>: Send, Sync);
assert_not_impl_any!(Debounce<Empty<Cell<u8>>>: Sync);
assert_not_impl_any!(ChunksTimeout<Empty<Cell<u8>>>: Sync);

/// A stream that is fed by hand; panics when it is polled after its end.
struct Mail<T>(Rc<RefCell<Letters<T>>>);

struct Letters<T> {
    items: VecDeque<Option<T>>,
    waker: Option<Waker>,
    polls: usize,
    ended: bool,
}

impl<T> Mail<T> {
    fn new() -> (Self, Feed<T>) {
        let items =
            Rc::new(RefCell::new(Letters { items: VecDeque::new(), waker: None, polls: 0, ended: false }));
        (Self(items.clone()), Feed(items))
    }
}

struct Feed<T>(Rc<RefCell<Letters<T>>>);

impl<T> Feed<T> {
    fn put(&self, item: impl Into<Option<T>>) {
        self.0.borrow_mut().items.push_back(item.into());
        let waker = self.0.borrow_mut().waker.take();
        waker.into_iter().for_each(Waker::wake);
    }

    fn end(&self) {
        self.put(None);
    }

    fn polls(&self) -> usize {
        self.0.borrow().polls
    }
}

impl<T> Stream for Mail<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut mail = self.0.borrow_mut();
        assert!(!mail.ended, "polled after its end");
        mail.polls += 1;
        match mail.items.pop_front() {
            Some(item) => {
                mail.ended = item.is_none();
                Poll::Ready(item)
            }
            None => {
                mail.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// A stream, pinned, and who is woken.
struct Hand<S> {
    stream: Pin<Box<S>>,
    count: Arc<Count>,
}

impl<S: FusedStream> Hand<S> {
    fn new(stream: S) -> Self {
        Self { stream: Box::pin(stream), count: Count::new() }
    }

    fn next(&mut self) -> Poll<Option<S::Item>> {
        let waker = Waker::from(self.count.clone());
        self.stream.as_mut().poll_next(&mut Context::from_waker(&waker))
    }

    /// There is nothing yet.
    fn waits(&mut self) {
        let before = self.count.get();
        assert!(self.next().is_pending(), "it should have waited");
        assert_eq!(self.count.get(), before, "it should not have woken itself");
    }

    /// The end, and again.
    fn ends(&mut self) {
        for _ in 0..2 {
            assert!(matches!(self.next(), Poll::Ready(None)));
            assert!(self.stream.is_terminated());
            assert_eq!(self.stream.size_hint(), (0, Some(0)));
        }
    }
}

fn some<T>(item: T) -> Poll<Option<T>> {
    Poll::Ready(Some(item))
}

#[test]
fn debounce_passes_on_what_nothing_has_followed() {
    let (clock, timer, _context) = manual();
    let (mail, feed) = Mail::new();
    let mut quiet = Hand::new(mail.debounce(10 * MILLI));
    quiet.waits();
    assert!(timer.is_empty(), "nothing to wait for yet");
    feed.put(1);
    quiet.waits();
    clock.advance(9 * MILLI);
    quiet.waits();
    // One that follows in time takes its place, and its time begins anew.
    feed.put(2);
    quiet.waits();
    let woken = quiet.count.get();
    clock.advance(9 * MILLI);
    assert_eq!(quiet.count.get(), woken);
    quiet.waits();
    assert_eq!(quiet.stream.size_hint(), (1, None));
    clock.advance(MILLI);
    assert_eq!(quiet.count.get(), woken + 1);
    assert_eq!(quiet.next(), some(2));
    quiet.waits();
    // Of several at once the last.
    (3..6).for_each(|item| feed.put(item));
    quiet.waits();
    clock.advance(10 * MILLI);
    assert_eq!(quiet.next(), some(5));
    assert!(timer.is_empty());
}

#[test]
fn debounce_lets_one_that_is_there_take_the_place_of_one_whose_time_has_come() {
    let (clock, _timer, _context) = manual();
    let (mail, feed) = Mail::new();
    let mut quiet = Hand::new(mail.debounce(MILLI));
    feed.put(1);
    quiet.waits();
    clock.advance(MILLI);
    feed.put(2);
    quiet.waits();
    clock.advance(MILLI);
    assert_eq!(quiet.next(), some(2));
}

#[test]
fn debounce_passes_the_last_item_on_when_the_source_ends() {
    let (_clock, timer, _context) = manual();
    let (mail, feed) = Mail::new();
    let mut quiet = Hand::new(mail.debounce(MILLI));
    feed.put(1);
    quiet.waits();
    feed.end();
    assert_eq!(quiet.next(), some(1));
    quiet.ends();
    Hand::new(stream::empty::<()>().debounce(MILLI)).ends();
    drop(quiet);
    assert!(timer.is_empty());
}

#[test]
fn debounce_without_quiet_passes_on_what_came_last() {
    let (_clock, _timer, _context) = manual();
    let (mail, feed) = Mail::new();
    let mut quiet = Hand::new(mail.debounce(Duration::ZERO));
    (1..4).for_each(|item| feed.put(item));
    assert_eq!(quiet.next(), some(3));
    quiet.waits();
}

#[test]
fn throttle_keeps_items_apart_and_drops_none() {
    let (clock, timer, _context) = manual();
    let (mail, feed) = Mail::new();
    let mut slow = Hand::new(mail.throttle(10 * MILLI));
    (1..=3).for_each(|item| feed.put(item));
    assert_eq!(slow.next(), some(1), "the first one does not wait");
    for item in 2..=3 {
        let polls = feed.polls();
        slow.waits();
        clock.advance(9 * MILLI);
        slow.waits();
        let woken = slow.count.get();
        clock.advance(MILLI);
        assert_eq!(
            (slow.count.get(), feed.polls()),
            (woken + 1, polls),
            "the source is not polled meanwhile"
        );
        assert_eq!(slow.next(), some(item));
    }
    // A gap that is over while there is nothing lets the next one pass at once.
    slow.waits();
    clock.advance(50 * MILLI);
    slow.waits();
    feed.put(4);
    assert_eq!(slow.next(), some(4));
    // The end is seen when the gap is over.
    feed.end();
    slow.waits();
    clock.advance(10 * MILLI);
    slow.ends();
    assert!(timer.is_empty());
}

#[test]
fn throttle_without_a_gap_passes_everything() {
    let (_clock, timer, _context) = manual();
    let mut all = Hand::new(stream::iter(0..100).throttle(Duration::ZERO));
    assert_eq!(all.stream.size_hint(), (100, Some(100)));
    for item in 0..100 {
        assert_eq!(all.next(), some(item));
    }
    all.ends();
    assert!(timer.is_empty());
}

#[test]
fn timeout_stands_in_for_a_late_item_and_begins_anew() {
    let (clock, timer, _context) = manual();
    let (mail, feed) = Mail::new();
    let mut limited = Hand::new(mail.timeout(10 * MILLI));
    feed.put(1);
    assert_eq!(limited.next(), some(Ok(1)));
    // The caller's own time does not count.
    clock.advance(60 * MILLI);
    for _ in 0..2 {
        limited.waits();
        clock.advance(9 * MILLI);
        // Who asks again continues the same wait.
        limited.waits();
        let woken = limited.count.get();
        clock.advance(MILLI);
        assert_eq!(limited.count.get(), woken + 1);
        assert!(matches!(limited.next(), Poll::Ready(Some(Err(_)))));
    }
    limited.waits();
    clock.advance(10 * MILLI);
    feed.put(2);
    assert_eq!(limited.next(), some(Ok(2)), "one that is there wins");
    limited.waits();
    clock.advance(5 * MILLI);
    feed.put(3);
    assert_eq!(limited.next(), some(Ok(3)));
    limited.waits();
    clock.advance(5 * MILLI);
    limited.waits();
    feed.end();
    limited.ends();
    drop(limited);
    assert!(timer.is_empty());
}

#[test]
fn timeout_of_nothing_asks_the_source_once() {
    let (_clock, _timer, _context) = manual();
    let (mail, feed) = Mail::new();
    let mut limited = Hand::new(mail.timeout(Duration::ZERO));
    assert!(matches!(limited.next(), Poll::Ready(Some(Err(_)))));
    feed.put(1);
    assert_eq!(limited.next(), some(Ok(1)));
    assert!(matches!(limited.next(), Poll::Ready(Some(Err(_)))));
    assert_eq!(feed.polls(), 3);
}

#[test]
fn timeout_of_nothing_gives_way() {
    watched(|| {
        let (_clock, _timer, _context) = manual();
        let mut limited = Hand::new(StreamTimeExt::timeout(stream::pending::<()>(), Duration::ZERO));
        let mut slice = slice::open();
        while limited.next().is_ready() {}
        assert_eq!(limited.count.get(), 1);
        slice.restart();
        assert!(matches!(limited.next(), Poll::Ready(Some(Err(_)))));
    });
}

#[test]
fn chunks_are_full_or_of_their_time() {
    let (clock, timer, _context) = manual();
    let (mail, feed) = Mail::new();
    let mut chunks = Hand::new(mail.chunks_timeout(3, 10 * MILLI));
    chunks.waits();
    clock.advance(20 * MILLI);
    chunks.waits();
    assert!(timer.is_empty(), "an empty chunk has no time");
    (1..=7).for_each(|item| feed.put(item));
    assert_eq!(chunks.next(), some(vec![1, 2, 3]));
    assert_eq!(chunks.next(), some(vec![4, 5, 6]));
    chunks.waits();
    clock.advance(6 * MILLI);
    // The time is the first item's.
    feed.put(8);
    chunks.waits();
    let woken = chunks.count.get();
    clock.advance(4 * MILLI);
    assert_eq!(chunks.count.get(), woken + 1);
    assert_eq!(chunks.next(), some(vec![7, 8]));
    chunks.waits();
    // And the next chunk has its own.
    feed.put(9);
    chunks.waits();
    clock.advance(9 * MILLI);
    chunks.waits();
    feed.put(10);
    feed.end();
    assert_eq!(chunks.next(), some(vec![9, 10]));
    chunks.ends();
    drop(chunks);
    assert!(timer.is_empty());
}

#[test]
fn chunks_of_a_source_that_ends_are_all_handed_out() {
    let (_clock, _timer, _context) = manual();
    let mut chunks = Hand::new(stream::iter(0..5).chunks_timeout(2, MILLI));
    assert_eq!(chunks.stream.size_hint(), (3, Some(5)));
    for chunk in [vec![0, 1], vec![2, 3], vec![4]] {
        assert_eq!(chunks.next(), some(chunk));
    }
    chunks.ends();
    Hand::new(stream::empty::<()>().chunks_timeout(1, MILLI)).ends();
}

#[test]
#[should_panic(expected = "a chunk needs room for at least one item")]
fn chunks_of_nothing_panic_when_they_are_made() {
    let _ = stream::empty::<()>().chunks_timeout(0, MILLI);
}

#[test]
fn a_source_that_is_always_ready_lets_others_have_their_turn() {
    let (clock, _timer, _context) = manual();
    let mut quiet = Hand::new(stream::repeat(1).debounce(MILLI));
    let mut chunks = Hand::new(stream::repeat(1).chunks_timeout(usize::MAX, MILLI));
    for n in 1..=3 {
        assert!(quiet.next().is_pending() && chunks.next().is_pending());
        assert_eq!((quiet.count.get(), chunks.count.get()), (n, n), "they ask to be polled again");
    }
    clock.advance(MILLI);
    // Never quiet; but a chunk's time comes.
    assert!(quiet.next().is_pending());
    assert_eq!(chunks.next().map(|chunk| chunk.map(|chunk| chunk.len())), some(4 * ITEMS_PER_POLL));
    // An exact number of items and then silence.
    let start = now();
    let (mail, feed) = Mail::new();
    let mut exact = Hand::new(mail.debounce(MILLI));
    (0..ITEMS_PER_POLL).for_each(|item| feed.put(item));
    assert!(exact.next().is_pending());
    exact.waits();
    clock.advance(MILLI);
    assert_eq!((exact.next(), now() - start), (some(ITEMS_PER_POLL - 1), MILLI));
}

#[test]
fn very_long_times_never_come_and_overflow_nothing() {
    let (clock, _timer, _context) = manual();
    let source = || stream::once(1).chain_pending();
    let mut quiet = Hand::new(source().debounce(Duration::MAX));
    let mut slow = Hand::new(source().throttle(Duration::MAX));
    let mut limited = Hand::new(source().timeout(Duration::MAX));
    let mut chunks = Hand::new(source().chunks_timeout(usize::MAX, Duration::MAX));
    assert_eq!((slow.next(), limited.next()), (some(1), some(Ok(1))));
    for _ in 0..2 {
        assert!(quiet.next().is_pending() && slow.next().is_pending());
        assert!(limited.next().is_pending() && chunks.next().is_pending());
        clock.advance(Duration::from_secs(60 * 60 * 24 * 365 * 100));
    }
}

/// What follows a stream is silence.
trait ChainPending: Stream + Sized {
    fn chain_pending(self) -> stream::Chain<Self, Pending<Self::Item>> {
        stream::StreamExt::chain(self, stream::pending())
    }
}

impl<S: Stream> ChainPending for S {}
