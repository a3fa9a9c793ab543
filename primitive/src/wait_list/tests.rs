use super::{Locked, Phase, Step, Tag, WaitQueue, Waiter};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn counter() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (count.clone(), Waker::from(count))
}

fn tag(number: u64) -> Tag {
    Tag { number, ..Tag::NONE }
}

/// Joins at the back, or answers the token.
fn poll(waiter: Pin<&mut Waiter<'_, ()>>, waker: &Waker, number: u64) -> Poll<u32> {
    waiter.poll_wait(&mut Context::from_waker(waker), |mut waiter, locked| {
        match waiter.as_mut().look(locked).0 {
            Phase::Notified(token) => {
                waiter.leave_locked(locked);
                Step::Done(token)
            }
            _ => Step::Wait { front: false, tag: tag(number) },
        }
    })
}

fn numbers(locked: &mut Locked<'_, ()>) -> Vec<u64> {
    let mut cursor = locked.cursor();
    let mut numbers = Vec::new();
    while let Some((_, tag)) = cursor.current() {
        numbers.push(tag.number);
        cursor.advance();
    }
    numbers
}

#[test]
fn the_order_is_that_of_joining_and_every_place_can_be_left() {
    for gone in 0..3 {
        let queue = WaitQueue::new(());
        let mut waiters: Vec<_> = (0..3).map(|_| Box::pin(Waiter::new(&queue))).collect();
        for (waiter, number) in waiters.iter_mut().zip(0..) {
            assert_eq!(poll(waiter.as_mut(), Waker::noop(), number), Poll::Pending);
        }
        assert_eq!(numbers(&mut queue.lock()), [0, 1, 2]);
        drop(waiters.remove(gone));
        let mut left = vec![0, 1, 2];
        left.remove(gone);
        assert_eq!(numbers(&mut queue.lock()), left);
        assert_eq!(queue.lock().len(), 2);
        drop(waiters);
        assert!(queue.lock().is_empty());
    }
}

#[test]
fn a_front_joiner_goes_before_all() {
    let queue = WaitQueue::new(());
    let mut first = pin!(Waiter::new(&queue));
    let mut second = pin!(Waiter::new(&queue));
    first.as_mut().join(&mut queue.lock(), Waker::noop().clone(), false, tag(1));
    second.as_mut().join(&mut queue.lock(), Waker::noop().clone(), true, tag(2));
    assert_eq!(numbers(&mut queue.lock()), [2, 1]);
    assert_eq!(queue.lock().front_id(), Some(second.id()));
    assert_eq!(queue.lock().cursor_at_back().id(), Some(first.id()));
    assert_eq!(queue.lock().cursor_at_back().current(), Some((Phase::Waiting, tag(1))));
}

#[test]
fn notified_once_with_its_token_and_woken_by_the_last_waker_only() {
    let queue = WaitQueue::new(());
    let (a, waker_a) = counter();
    let (b, waker_b) = counter();
    let mut waiter = pin!(Waiter::new(&queue));
    assert_eq!(poll(waiter.as_mut(), &waker_a, 0), Poll::Pending);
    assert_eq!(poll(waiter.as_mut(), &waker_b, 0), Poll::Pending);
    assert_eq!(Arc::strong_count(&a), 2, "the replaced waker was dropped");
    let woken = queue.lock().notify_front(7);
    woken.expect("a waker to wake").wake();
    assert_eq!((a.get(), b.get()), (0, 1));
    assert!(queue.lock().notify_front(8).is_none());
    assert_eq!(poll(waiter.as_mut(), &waker_a, 0), Poll::Ready(7));
    assert_eq!(poll(waiter.as_mut(), &waker_a, 0), Poll::Pending, "it can wait anew");
}

#[test]
fn woken_in_place_keeps_its_place_and_struck_loses_it() {
    let queue = WaitQueue::new(());
    let (count, waker) = counter();
    let mut first = pin!(Waiter::new(&queue));
    let mut second = pin!(Waiter::new(&queue));
    assert_eq!(poll(first.as_mut(), &waker, 1), Poll::Pending);
    assert_eq!(poll(second.as_mut(), Waker::noop(), 2), Poll::Pending);
    let woken = queue.lock().cursor().wake_in_place(tag(10));
    woken.expect("a waker to wake").wake();
    assert_eq!(count.get(), 1);
    assert_eq!(numbers(&mut queue.lock()), [10, 2]);
    assert_eq!(first.as_mut().look(&queue.lock()).0, Phase::Woken);
    assert_eq!(poll(first.as_mut(), &waker, 1), Poll::Pending);
    assert_eq!(numbers(&mut queue.lock()), [1, 2], "polled, it waits again where it was");
    drop(queue.lock().cursor().wake_in_place(tag(10)));
    queue.lock().cursor().strike();
    assert_eq!(numbers(&mut queue.lock()), [2]);
    queue.lock().cursor().strike();
    assert_eq!(numbers(&mut queue.lock()), [2], "one that was not told is not struck");
    assert_eq!(first.as_mut().look(&queue.lock()).0, Phase::Idle);
    assert_eq!(poll(first.as_mut(), &waker, 1), Poll::Pending);
    assert_eq!(numbers(&mut queue.lock()), [2, 1]);
}

#[test]
fn leaving_answers_the_phase() {
    let queue = WaitQueue::new(());
    let mut waiter = pin!(Waiter::new(&queue));
    assert!(!waiter.as_mut().is_joined());
    assert_eq!(waiter.as_mut().leave_locked(&mut queue.lock()), Phase::Idle);
    assert_eq!(poll(waiter.as_mut(), Waker::noop(), 0), Poll::Pending);
    assert!(waiter.as_mut().is_joined());
    assert_eq!(waiter.as_mut().leave_locked(&mut queue.lock()), Phase::Waiting);
    assert_eq!(poll(waiter.as_mut(), Waker::noop(), 0), Poll::Pending);
    drop(queue.lock().notify_front(3));
    assert_eq!(waiter.as_mut().leave_locked(&mut queue.lock()), Phase::Notified(3));
    assert!(!waiter.as_mut().is_joined());
}

/// A waker whose destructor locks the queue and panics.
struct Hostile(&'static WaitQueue<()>);

impl Wake for Hostile {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Hostile {
    fn drop(&mut self) {
        assert!(self.0.lock().len() <= 1);
        panic!("a waker whose drop panics on purpose");
    }
}

#[test]
fn a_hostile_waker_is_dropped_outside_the_lock_and_contained() {
    static QUEUE: WaitQueue<()> = WaitQueue::new(());
    let mut waiter = Box::pin(Waiter::new(&QUEUE));
    assert_eq!(poll(waiter.as_mut(), &Waker::from(Arc::new(Hostile(&QUEUE))), 0), Poll::Pending);
    assert_eq!(poll(waiter.as_mut(), Waker::noop(), 0), Poll::Pending);
    assert_eq!(QUEUE.lock().len(), 1);
    drop(waiter);
    assert!(QUEUE.lock().is_empty());
}

#[test]
#[should_panic(expected = "belongs to one queue")]
fn another_queue_is_refused() {
    let (ours, other) = (WaitQueue::new(()), WaitQueue::new(()));
    let mut waiter = pin!(Waiter::new(&ours));
    waiter.as_mut().join(&mut other.lock(), Waker::noop().clone(), false, Tag::NONE);
}

#[test]
fn many_threads_join_leave_and_notify() {
    let queue = Arc::new(WaitQueue::new(()));
    let told = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..4)
        .map(|seed: usize| {
            let (queue, told) = (queue.clone(), told.clone());
            std::thread::spawn(move || {
                let mut notified = 0;
                for round in 0..5_000 {
                    let mut waiters: Vec<_> = (0..3).map(|_| Box::pin(Waiter::new(&*queue))).collect();
                    for waiter in &mut waiters {
                        let _ = poll(waiter.as_mut(), Waker::noop(), 0);
                    }
                    drop(waiters.swap_remove((seed + round) % 3));
                    let mut locked = queue.lock();
                    let waker = if locked.is_empty() {
                        None
                    } else {
                        notified += 1;
                        locked.notify_front(1)
                    };
                    drop(locked);
                    drop(waker);
                    for mut waiter in waiters {
                        let phase = waiter.as_mut().leave_locked(&mut queue.lock());
                        told.fetch_add(usize::from(phase == Phase::Notified(1)), Ordering::Relaxed);
                    }
                }
                notified
            })
        })
        .collect();
    let notified: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert!(queue.lock().is_empty());
    // A waiter dropped at once may have been notified in between: then nobody counts it.
    assert!(told.load(Ordering::Relaxed) <= notified && notified > 0);
}
