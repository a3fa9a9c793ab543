//! Values inserted, moved, removed and waited for by hand; what tokio's `time_delay_queue` pins, and what it
//! once got wrong.

use super::{FEW, ROW, UnknownKey};
use crate::testing::{Count, MILLI, Random, manual, poll, rounds};
use crate::{DelayKey, DelayQueue, Expired, now};
use filch_primitive::slice;
use futures_core::Stream;
use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::cell::Cell;
use std::marker::PhantomPinned;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

assert_impl_all!(DelayQueue<u8>: Send, Sync, Unpin);
assert_impl_all!(DelayQueue<Cell<u8>>: Send);
assert_not_impl_any!(DelayQueue<Cell<u8>>: Sync);
assert_not_impl_any!(DelayQueue<Rc<u8>>: Send, Sync);
assert_impl_all!(DelayQueue<PhantomPinned>: Unpin);
assert_impl_all!(DelayKey: Send, Sync, Unpin, Copy);
assert_impl_all!(Expired<u8>: Send, Sync, Unpin);
assert_not_impl_any!(Expired<Rc<u8>>: Send, Sync);
assert_impl_all!(UnknownKey: Send, Sync, Unpin, Copy, std::error::Error);

fn next<T>(queue: &mut DelayQueue<T>, count: &Arc<Count>) -> Poll<Option<T>> {
    poll(pin!(queue.next()), count).map(|due| due.map(Expired::into_inner))
}

#[test]
fn values_come_in_the_order_of_their_deadlines_and_then_of_insertion() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let mut queue = DelayQueue::new();
    for (value, after) in [("c", 3), ("a1", 1), ("b", 2), ("a2", 1), ("a3", 1)] {
        queue.insert(value, after * MILLI);
    }
    assert_eq!((queue.len(), timer.len()), (5, 0), "nothing is registered before it is polled");
    assert!(next(&mut queue, &count).is_pending());
    assert_eq!(timer.len(), 1, "one place in the wheel for all");
    clock.advance(2 * MILLI);
    assert_eq!(count.get(), 1);
    for value in ["a1", "a2", "a3", "b"] {
        assert_eq!(next(&mut queue, &count), Poll::Ready(Some(value)));
    }
    assert!(next(&mut queue, &count).is_pending());
    clock.advance(MILLI);
    assert_eq!(next(&mut queue, &count), Poll::Ready(Some("c")));
    assert_eq!(next(&mut queue, &count), Poll::Ready(None));
    assert!(queue.is_empty() && timer.is_empty());
}

#[test]
fn who_waits_is_woken_at_what_the_earliest_has_become() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let mut queue = DelayQueue::new();
    let far = queue.insert("far", 100 * MILLI);
    assert!(next(&mut queue, &count).is_pending());
    // An earlier one, without another poll.
    let near = queue.insert("near", MILLI);
    assert_eq!(timer.next_deadline(), Some(now() + MILLI));
    clock.advance(MILLI);
    assert_eq!((count.get(), next(&mut queue, &count)), (1, Poll::Ready(Some("near"))));
    assert_eq!(queue.reset(&near, MILLI), Err(UnknownKey(())));
    // The earliest put off: no wake-up at the old time.
    let near = queue.insert("near", MILLI);
    assert!(next(&mut queue, &count).is_pending());
    queue.reset(&near, 5 * MILLI).unwrap();
    clock.advance(MILLI);
    assert_eq!(count.get(), 1);
    // The earliest removed: none either.
    assert_eq!(queue.remove(&near), Some("near"));
    clock.advance(10 * MILLI);
    assert_eq!(count.get(), 1);
    // One brought forward.
    queue.reset(&far, MILLI).unwrap();
    clock.advance(MILLI);
    assert_eq!((count.get(), next(&mut queue, &count)), (2, Poll::Ready(Some("far"))));
}

#[test]
fn who_waits_sees_the_last_value_go() {
    let (_clock, timer, _context) = manual();
    for cleared in [false, true] {
        let count = Count::new();
        let mut queue = DelayQueue::new();
        let key = queue.insert(1, MILLI);
        assert!(next(&mut queue, &count).is_pending());
        if cleared {
            queue.clear();
        } else {
            assert_eq!(queue.remove(&key), Some(1));
        }
        assert_eq!(count.get(), 1);
        assert_eq!(next(&mut queue, &count), Poll::Ready(None));
        // And it goes on when there is something again.
        queue.insert(2, Duration::ZERO);
        assert_eq!(next(&mut queue, &count), Poll::Ready(Some(2)));
    }
    assert!(timer.is_empty());
}

#[test]
fn a_reset_counts_as_an_insertion_among_equals() {
    let (clock, _timer, _context) = manual();
    let count = Count::new();
    let mut queue = DelayQueue::new();
    let at = now() + MILLI;
    let [first, second, third] = [1, 2, 3].map(|value| queue.insert_at(value, at));
    queue.reset_at(&first, at).unwrap();
    queue.reset_at(&third, at).unwrap();
    assert_eq!(queue.peek(), Some(second));
    clock.advance(MILLI);
    for value in [2, 1, 3] {
        assert_eq!(next(&mut queue, &count), Poll::Ready(Some(value)));
    }
}

#[test]
fn a_key_means_its_value_and_then_nothing() {
    let (_clock, _timer, _context) = manual();
    let count = Count::new();
    let mut queue = DelayQueue::new();
    let removed = queue.insert(1, MILLI);
    assert_eq!(queue.remove(&removed), Some(1));
    let expired = queue.insert(2, Duration::ZERO);
    assert_eq!(next(&mut queue, &count), Poll::Ready(Some(2)));
    let cleared = queue.insert(3, MILLI);
    queue.clear();
    // Whatever is put in afterwards has other keys.
    let kept: Vec<_> = (10..20).map(|value| queue.insert(value, MILLI)).collect();
    for key in [removed, expired, cleared] {
        assert!(!kept.contains(&key));
        assert_eq!((queue.remove(&key), queue.get(&key), queue.deadline(&key)), (None, None, None));
        assert_eq!(queue.get_mut(&key), None);
        assert_eq!(queue.reset(&key, MILLI), Err(UnknownKey(())));
        assert_eq!(queue.reset_at(&key, now()), Err(UnknownKey(())));
    }
    assert_eq!((queue.len(), queue.peek()), (10, Some(kept[0])));
    assert_eq!(UnknownKey(()).to_string(), "the queue has no value of this key any more");
}

#[test]
fn a_key_means_nothing_to_another_queue() {
    let (_clock, _timer, _context) = manual();
    let mut queues = [DelayQueue::new(), DelayQueue::new()];
    let number = 2 * ROW as usize;
    // In turns, so that rows of both lie between each other.
    let keys: Vec<_> = (0..number).map(|value| queues[value % 2].insert(value, MILLI)).collect();
    for (value, key) in keys.iter().enumerate() {
        let other = &mut queues[1 - value % 2];
        assert_eq!((other.get(key), other.deadline(key)), (None, None));
        assert_eq!((other.remove(key), other.reset(key, MILLI)), (None, Err(UnknownKey(()))));
        assert_eq!(queues[value % 2].get(key), Some(&value));
    }
    assert_eq!((queues[0].len(), queues[1].len()), (number / 2, number / 2));
}

#[test]
fn what_comes_out_says_what_it_was() {
    let (clock, _timer, _context) = manual();
    let count = Count::new();
    let mut queue = DelayQueue::new();
    let deadline = now() + MILLI;
    let key = queue.insert_at(String::from("value"), deadline);
    queue.get_mut(&key).unwrap().push('!');
    clock.advance(5 * MILLI);
    let Poll::Ready(Some(mut due)) = poll(pin!(queue.next()), &count) else { panic!("it is due") };
    assert_eq!((due.key(), due.deadline(), due.get_ref().as_str()), (key, deadline, "value!"));
    due.get_mut().clear();
    assert_eq!(due.into_inner(), "");
}

#[test]
fn a_dropped_wait_loses_nothing_and_gives_its_deadline_up() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let mut queue = DelayQueue::new();
    queue.insert(1, MILLI);
    for _ in 0..3 {
        assert!(next(&mut queue, &count).is_pending());
    }
    clock.advance(MILLI);
    assert_eq!(next(&mut queue, &count), Poll::Ready(Some(1)));
    queue.insert(2, MILLI);
    assert!(next(&mut queue, &count).is_pending());
    drop(queue);
    assert!(timer.is_empty());
}

#[test]
fn it_lives_across_the_spans_where_other_wheels_wrapped() {
    // millisecond queues broke after 2^30 and 2^36 ms, and when a deadline was exactly the time
    // elapsed.
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let mut queue = DelayQueue::new();
    let never = queue.insert(0, Duration::MAX);
    let jumps = [(1_u64 << 30) - 1, 1, 1 << 30, (1 << 36) - 1, 1, 64_u64.pow(5), 64_u64.pow(5) - 1, 1];
    for jump in jumps {
        clock.advance(Duration::from_millis(jump));
        let far = queue.insert(1_000, Duration::from_millis(1 << 36));
        for n in (1..=rounds(100) as u32).rev() {
            queue.insert(n, n * MILLI);
        }
        for n in 1..=rounds(100) as u32 {
            assert!(next(&mut queue, &count).is_pending());
            clock.advance(MILLI);
            assert_eq!(next(&mut queue, &count), Poll::Ready(Some(n)));
        }
        assert_eq!(queue.remove(&far), Some(1_000));
    }
    assert_eq!((queue.len(), queue.peek()), (1, Some(never)));
    clock.advance(Duration::MAX);
    assert_eq!(next(&mut queue, &count), Poll::Ready(Some(0)));
    assert!(timer.is_empty());
}

#[test]
fn on_every_border_a_value_comes_neither_early_nor_late() {
    let (clock, _timer, _context) = manual();
    for bits in (0..10).map(|level| level * 6) {
        for nanos in [(1_u64 << bits) - 1, 1 << bits, (1 << bits) + 1] {
            let count = Count::new();
            let mut queue = DelayQueue::new();
            // One that hides in a coarser level, and one that is due at once.
            queue.insert(2, Duration::from_nanos(nanos.saturating_mul(64).max(1)));
            queue.insert(1, Duration::from_nanos(nanos));
            let mut left = Duration::from_nanos(nanos);
            if let Some(before) = left.checked_sub(Duration::from_nanos(1)) {
                assert!(next(&mut queue, &count).is_pending());
                clock.advance(before);
                assert_eq!((count.get(), next(&mut queue, &count)), (0, Poll::Pending), "{nanos}");
                left -= before;
            }
            clock.advance(left);
            assert_eq!(next(&mut queue, &count), Poll::Ready(Some(1)), "{nanos}");
        }
    }
}

#[test]
fn memory_of_a_burst_is_given_back() {
    let (_clock, _timer, _context) = manual();
    let many = rounds(20_000);
    let count = Count::new();
    let mut queue = DelayQueue::new();
    // By removing, with one value in the middle that stays.
    let keys: Vec<_> = (0..many).map(|n| queue.insert(n, Duration::from_nanos(n as u64 + 1))).collect();
    let stays = keys[many / 2];
    keys.iter().filter(|&&key| key != stays).for_each(|key| assert!(queue.remove(key).is_some()));
    assert!(queue.len() == 1 && queue.capacity() <= 8 * FEW, "{}", queue.capacity());
    // By resetting over and over: places of former turns do not heap up.
    for n in 0..many as u64 {
        queue.reset(&stays, Duration::from_secs(1) + Duration::from_nanos(n)).unwrap();
    }
    assert!(queue.capacity() <= 8 * FEW, "{}", queue.capacity());
    // By expiring.
    for n in 0..many {
        queue.insert(n, Duration::ZERO);
    }
    let mut out = 0;
    while next(&mut queue, &count).is_ready() {
        out += 1;
    }
    assert!(out == many && queue.capacity() <= 8 * FEW, "{out} {}", queue.capacity());
    queue.clear();
    assert_eq!(queue.capacity(), 0);
}

#[test]
fn many_values_in_random_order_come_out_sorted() {
    let (clock, _timer, _context) = manual();
    let count = Count::new();
    let mut random = Random::new(3);
    let mut queue = DelayQueue::new();
    let mut expected: Vec<_> = (0..rounds(5_000)).map(|id| (random.below(1_000), id)).collect();
    for &(after, id) in &expected {
        queue.insert((after, id), Duration::from_nanos(after));
    }
    expected.sort_unstable();
    clock.advance(Duration::from_nanos(1_000));
    for value in expected {
        assert_eq!(next(&mut queue, &count), Poll::Ready(Some(value)));
    }
}

#[test]
fn a_queue_that_is_always_due_gives_way() {
    crate::testing::watched(|| {
        let (_clock, _timer, _context) = manual();
        let count = Count::new();
        let mut queue = DelayQueue::new();
        let _slice = slice::open();
        loop {
            queue.insert((), Duration::ZERO);
            if next(&mut queue, &count).is_pending() {
                break;
            }
        }
        assert_eq!((count.get(), queue.len()), (1, 1), "it asks to be polled again");
    });
}

/// Counts its drop, and then panics, if it is to.
struct Bomb<'a> {
    dropped: &'a Cell<usize>,
    panics: bool,
}

impl Drop for Bomb<'_> {
    fn drop(&mut self) {
        self.dropped.set(self.dropped.get() + 1);
        assert!(!self.panics, "a drop that panics on purpose");
    }
}

/// A queue of so many values, of which the one in the middle panics when it is dropped.
fn bombs(dropped: &Cell<usize>, count: usize) -> DelayQueue<Bomb<'_>> {
    let mut queue = DelayQueue::new();
    for n in 0..count {
        queue.insert(Bomb { dropped, panics: n == count / 2 }, MILLI);
    }
    queue
}

#[test]
fn a_panic_of_a_value_that_is_dropped_leaves_the_queue_whole() {
    let (_clock, _timer, _context) = manual();
    let dropped = Cell::new(0);
    let mut queue = bombs(&dropped, 64);
    assert!(catch_unwind(AssertUnwindSafe(|| queue.clear())).is_err());
    assert_eq!(dropped.get(), 64, "nor are the others lost");
    assert!(queue.is_empty() && queue.peek().is_none());
    let key = queue.insert(Bomb { dropped: &dropped, panics: false }, MILLI);
    assert_eq!(queue.peek(), Some(key));
}

#[test]
fn a_panic_of_a_value_that_is_dropped_with_the_queue_loses_no_other() {
    let (_clock, _timer, _context) = manual();
    let dropped = Cell::new(0);
    let queue = bombs(&dropped, 64);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(queue))).is_err());
    assert_eq!(dropped.get(), 64);
}

#[test]
fn it_is_a_stream_that_ends_while_it_is_empty() {
    let (_clock, _timer, _context) = manual();
    let mut queue = DelayQueue::default();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(Pin::new(&mut queue).poll_next(&mut cx), Poll::Ready(None)));
    queue.insert(1, Duration::ZERO);
    assert_eq!(queue.size_hint(), (1, Some(1)));
    assert!(matches!(Pin::new(&mut queue).poll_next(&mut cx), Poll::Ready(Some(_))));
    assert!(format!("{queue:?}").starts_with("DelayQueue { len: 0, next: None"));
}

#[test]
fn slack_lets_values_come_late_together() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let slack = 16 * MILLI;
    let mut queue = DelayQueue::new();
    queue.set_slack(slack);
    for n in 1..=100 {
        queue.insert(n, n * MILLI);
    }
    let start = now();
    let mut expected = 1;
    while !queue.is_empty() {
        while let Poll::Ready(Some(n)) = next(&mut queue, &count) {
            assert_eq!(n, expected);
            assert!((n * MILLI..=n * MILLI + slack).contains(&(now() - start)));
            expected += 1;
        }
        if let Some(wakes) = timer.next_deadline() {
            clock.advance(wakes - now());
        }
    }
    assert_eq!(expected, 101);
    assert!(count.get() <= 14, "{} wake-ups for a hundred values", count.get());
}
