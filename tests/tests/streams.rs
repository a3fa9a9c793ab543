//! Several streams that become one: `merge`, `merge_all`.

use filch::stream::{self, Stream, StreamExt};
use filch::sync::channel;
use filch::{block_on, spawn};
use filch_tests::{Tally, Watchdog, pending_until_dropped};
use std::collections::VecDeque;
use std::iter;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// Polls once, and drops.
fn poll_now<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn merge_takes_turns_and_waits_for_both() {
    let _watchdog = Watchdog::usual();
    let (left, right) = (channel::unbounded(), channel::unbounded());
    block_on(async {
        let mut merged = pin!(stream::merge(left.1, right.1));
        assert!(poll_now(merged.next()).is_pending());
        left.0.send(1).await.expect("it is received");
        assert_eq!(merged.next().await, Some(1));
        for n in [10, 20, 30] {
            left.0.send(n).await.expect("it is received");
            right.0.send(n + 1).await.expect("it is received");
        }
        let mut items = Vec::new();
        for _ in 0..6 {
            items.push(merged.next().await.expect("it is there"));
        }
        let lefts: Vec<_> = items.iter().map(|n| n % 10 == 0).collect();
        assert!(lefts.windows(2).all(|pair| pair[0] != pair[1]), "{items:?}");
        drop(left.0);
        assert!(poll_now(merged.next()).is_pending());
        right.0.send(7).await.expect("it is received");
        drop(right.0);
        assert_eq!((merged.next().await, merged.next().await, merged.next().await), (Some(7), None, None));
    });
}

#[test]
fn streams_that_always_have_items_give_way_once_merged() {
    async fn gives_way(items: impl Stream<Item = u32>) {
        let mut items = pin!(items);
        // There is always one, but the time slice ends.
        while poll_now(items.next()).is_ready() {}
    }
    let _watchdog = Watchdog::usual();
    let two = spawn(gives_way(stream::merge(stream::repeat(1), stream::repeat(2))));
    let many = spawn(gives_way(stream::merge_all([stream::repeat(1), stream::repeat(2)])));
    block_on(two).expect("no panic");
    block_on(many).expect("no panic");
}

/// A stream of what is put in, which counts how often it is polled.
struct Fed {
    items: VecDeque<u32>,
    waker: Option<Waker>,
    polls: usize,
}

type Shared = Arc<Mutex<Fed>>;

struct FedStream(Shared);

impl Stream for FedStream {
    type Item = u32;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u32>> {
        let mut fed = self.0.lock().expect("not poisoned");
        fed.polls += 1;
        fed.waker = Some(cx.waker().clone());
        fed.items.pop_front().map_or(Poll::Pending, |item| Poll::Ready(Some(item)))
    }
}

#[test]
fn silent_streams_cost_nothing() {
    let _watchdog = Watchdog::usual();
    let new = || Arc::new(Mutex::new(Fed { items: VecDeque::new(), waker: None, polls: 0 }));
    let all: Vec<Shared> = iter::repeat_with(new).take(10_000).collect();
    let mut merged = stream::merge_all(all.iter().cloned().map(FedStream));
    // Outside of every task, so that no time slice ends a poll.
    assert!(poll_now(merged.next()).is_pending());
    for n in 0..1_000 {
        let waker = {
            let mut fed = all[777].lock().expect("not poisoned");
            fed.items.push_back(n);
            fed.waker.take().expect("it was polled")
        };
        waker.wake();
        assert_eq!(poll_now(merged.next()), Poll::Ready(Some(n)));
        // A stream that had an item is asked for another, which it has not.
        assert!(poll_now(merged.next()).is_pending());
    }
    let polls = |n: usize| all[n].lock().expect("not poisoned").polls;
    assert_eq!(polls(777), 2_001);
    assert!((0..10_000).filter(|&n| n != 777).all(|n| polls(n) == 1), "nobody else was asked twice");
}

#[test]
fn merge_all_takes_turns_and_ends_with_the_last() {
    let merged = stream::merge_all([3, 1, 2].map(|count| stream::repeat(count).take(count)));
    let items: Vec<_> = block_on(merged.collect());
    assert_eq!(items, [3, 1, 2, 3, 2, 3]);
    assert_eq!(block_on(stream::merge_all(iter::empty::<stream::Empty<u8>>()).next()), None);
}

#[test]
fn what_is_merged_goes_with_the_stream() {
    let tally = Tally::new();
    let (held, other) = (tally.value(), tally.value());
    let waiting = |value| {
        stream::unfold(value, |value| async {
            pending_until_dropped(value).await;
            None::<((), _)>
        })
    };
    let mut merged = stream::merge_all([held, other].map(waiting));
    assert!(poll_now(merged.next()).is_pending());
    assert_eq!(tally.alive(), 2);
    drop(merged);
    assert_eq!(tally.alive(), 0);
}
