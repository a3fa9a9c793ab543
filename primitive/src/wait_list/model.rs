//! Who waits, against who tells and who gives up, with the smallest primitive there is: a token for one waiter.

use super::{Locked, Phase, Step, Tag, WaitQueue, Waiter, drop_contained};
use crate::model::Bell;
use crate::mutant::assert_noticed;
use crate::sync::Arc;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::{WakeBatch, thread, wake_contained};
use loom::future::block_on;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

const GRANTED: u32 = 1;
const CLOSED: u32 = 2;

/// Guarded by the queue's lock: whether it is closed, and grants that found nobody.
#[derive(Default)]
struct State {
    closed: bool,
    left: usize,
}

type Queue = WaitQueue<State>;

fn queue() -> Arc<Queue> {
    Arc::new(WaitQueue::new(State::default()))
}

/// Waits for a token.
fn poll(waiter: Pin<&mut Waiter<'_, State>>, waker: &Waker) -> Poll<u32> {
    waiter.poll_wait(&mut Context::from_waker(waker), |mut waiter, locked| {
        match waiter.as_mut().look(locked).0 {
            Phase::Notified(token) => {
                waiter.leave_locked(locked);
                Step::Done(token)
            }
            _ if locked.closed => {
                waiter.leave_locked(locked);
                Step::Done(CLOSED)
            }
            _ => Step::Wait { front: false, tag: Tag::NONE },
        }
    })
}

fn waits(waiter: Pin<&mut Waiter<'_, State>>, waker: &Waker) {
    assert!(poll(waiter, waker).is_pending(), "nobody has told it yet");
}

/// One grant, to the first who waits.
fn grant(queue: &Queue) {
    let waker = grant_locked(&mut queue.lock());
    waker.into_iter().for_each(wake_contained);
}

fn grant_locked(locked: &mut Locked<'_, State>) -> Option<Waker> {
    if locked.is_empty() {
        locked.left += 1;
    }
    locked.notify_front(GRANTED)
}

/// Tells everybody that there will be no more, a batch at a time.
fn close(queue: &Queue) {
    let mut batch = WakeBatch::new();
    let mut locked = queue.lock();
    locked.closed = true;
    while !locked.is_empty() {
        if !batch.has_room() {
            drop(locked);
            batch.wake_all();
            locked = queue.lock();
            continue;
        }
        if let Some(waker) = locked.notify_front(CLOSED) {
            batch.push(waker);
        }
    }
    drop(locked);
    batch.wake_all();
}

/// Gives up; a grant that was given already goes to the next.
fn give_up(mut waiter: Pin<Box<Waiter<'_, State>>>) {
    let queue = waiter.queue();
    let mut locked = queue.lock();
    let mut next = None;
    if waiter.as_mut().leave_locked(&mut locked) == Phase::Notified(GRANTED) {
        next = grant_locked(&mut locked);
    }
    drop(locked);
    next.into_iter().for_each(wake_contained);
}

/// One that was told finds out without the lock, and goes at once, while the other is hardly through with telling it.
#[test]
fn loom_one_that_is_told_takes_the_token_and_goes() {
    loom::model(|| {
        let queue = queue();
        let (_bell, waker) = Bell::new();
        let mut waiter = Box::pin(Waiter::new(&*queue));
        waits(waiter.as_mut(), &waker);
        let other = queue.clone();
        let mut thread = Some(thread::spawn(move || grant(&other)));
        let mut token = waiter.as_mut().take_notified();
        if token.is_none() {
            // Untold it still stands where it stood.
            thread.take().into_iter().for_each(|thread| thread.join().unwrap());
            token = waiter.as_mut().take_notified();
        }
        assert_eq!(token, Some(GRANTED));
        assert!(!waiter.as_mut().is_joined());
        drop(waiter);
        thread.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(queue.lock().is_empty());
    });
}

/// One that was told and did not look joins again: what it was told before is no news.
#[test]
fn loom_one_that_joins_again_has_not_been_told() {
    loom::model(|| {
        let queue = queue();
        let (_bell, waker) = Bell::new();
        let mut waiter = Box::pin(Waiter::new(&*queue));
        waits(waiter.as_mut(), &waker);
        let other = queue.clone();
        let thread = thread::spawn(move || grant(&other));
        let told = {
            let mut locked = queue.lock();
            let told = waiter.as_mut().look(&locked).0 == Phase::Notified(GRANTED);
            waiter.as_mut().join(&mut locked, waker, false, Tag::NONE);
            told
        };
        thread.join().unwrap();
        assert_eq!(waiter.as_mut().take_notified().is_none(), told);
        if told {
            grant(&queue);
            assert_eq!(waiter.as_mut().take_notified(), Some(GRANTED));
        }
    });
}

#[test]
fn loom_canary_a_token_that_comes_before_what_is_told() {
    assert_noticed(
        "wait_list.told.order",
        "wait_list::model::loom_one_that_is_told_takes_the_token_and_goes",
    );
}

#[test]
fn loom_a_grant_meets_one_that_joins() {
    loom::model(|| {
        let queue = queue();
        let other = queue.clone();
        let thread = thread::spawn(move || {
            let mut waiter = Box::pin(Waiter::new(&*other));
            block_on(poll_fn(|cx| {
                waiter.as_mut().poll_wait(cx, |mut waiter, locked| {
                    // Takes what is left, or joins: in one step with looking.
                    match waiter.as_mut().look(locked).0 {
                        Phase::Notified(token) => {
                            waiter.leave_locked(locked);
                            Step::Done(token)
                        }
                        _ if locked.left > 0 => {
                            locked.left -= 1;
                            waiter.leave_locked(locked);
                            Step::Done(GRANTED)
                        }
                        _ => Step::Wait { front: false, tag: Tag::NONE },
                    }
                })
            }))
        });
        grant(&queue);
        assert_eq!(thread.join().unwrap(), GRANTED);
        assert_eq!(queue.lock().left, 0);
    });
}

#[test]
fn loom_a_granted_waiter_that_is_dropped_passes_it_on() {
    loom::model(|| {
        let queue = queue();
        let (bell, waker) = Bell::new();
        let mut first = Box::pin(Waiter::new(&*queue));
        let mut second = Box::pin(Waiter::new(&*queue));
        waits(first.as_mut(), Waker::noop());
        waits(second.as_mut(), &waker);
        let other = queue.clone();
        let thread = thread::spawn(move || grant(&other));
        give_up(first);
        thread.join().unwrap();
        // Before or after the first went: it reaches the second.
        assert_eq!(bell.rings(), 1);
        assert_eq!(poll(second.as_mut(), &waker), Poll::Ready(GRANTED));
        assert_eq!(queue.lock().left, 0);
    });
}

#[test]
fn loom_a_grant_a_cancel_and_a_close_tell_everybody_once() {
    loom::model(|| {
        let queue = queue();
        let (bell, waker) = Bell::new();
        let mut first = Box::pin(Waiter::new(&*queue));
        let mut second = Box::pin(Waiter::new(&*queue));
        waits(first.as_mut(), Waker::noop());
        waits(second.as_mut(), &waker);
        let (grants, closes) = (queue.clone(), queue.clone());
        let granting = thread::spawn(move || grant(&grants));
        let closing = thread::spawn(move || close(&closes));
        give_up(first);
        granting.join().unwrap();
        closing.join().unwrap();
        assert_eq!(bell.rings(), 1, "told once, by the one or the other");
        let Poll::Ready(token) = poll(second.as_mut(), &waker) else { panic!("told, and waits on") };
        assert_eq!(queue.lock().left + usize::from(token == GRANTED), 1, "a grant is used, or left over");
    });
}

#[test]
fn loom_a_waker_replaced_while_being_told_is_the_one_that_wakes() {
    loom::model(|| {
        let queue = queue();
        let (before, old) = Bell::new();
        let (after, new) = Bell::new();
        let mut waiter = Box::pin(Waiter::new(&*queue));
        waits(waiter.as_mut(), &old);
        drop(old);
        let other = queue.clone();
        let thread = thread::spawn(move || grant(&other));
        let polled = poll(waiter.as_mut(), &new);
        thread.join().unwrap();
        assert_eq!(before.rings() + after.rings(), 1);
        match polled {
            Poll::Ready(token) => assert_eq!((token, after.rings()), (GRANTED, 0)),
            Poll::Pending => {
                assert_eq!(after.rings(), 1, "it sleeps by a waker that nobody has");
                assert_eq!(poll(waiter.as_mut(), &new), Poll::Ready(GRANTED));
            }
        }
        assert_eq!(std::sync::Arc::strong_count(&before), 1, "the old waker is gone");
    });
}

/// Three wait, and one of them goes while all are told: the walk is between two batches then, or not begun, or over.
fn one_leaves_while_all_are_told(leaver: usize) {
    loom::model(move || {
        let queue = queue();
        let (bell, waker) = Bell::new();
        let mut waiters: Vec<_> = (0..3).map(|_| Box::pin(Waiter::new(&*queue))).collect();
        waiters.iter_mut().for_each(|waiter| waits(waiter.as_mut(), &waker));
        let leaver = waiters.remove(leaver);
        let other = queue.clone();
        let thread = thread::spawn(move || close(&other));
        give_up(leaver);
        thread.join().unwrap();
        assert!(queue.lock().is_empty());
        assert!((2..=3).contains(&bell.rings()));
        for mut waiter in waiters {
            assert_eq!(poll(waiter.as_mut(), &waker), Poll::Ready(CLOSED));
        }
    });
}

#[test]
fn loom_the_first_leaves_while_all_are_told() {
    one_leaves_while_all_are_told(0);
}

#[test]
fn loom_the_one_in_the_middle_leaves_while_all_are_told() {
    one_leaves_while_all_are_told(1);
}

#[test]
fn loom_the_last_leaves_while_all_are_told() {
    one_leaves_while_all_are_told(2);
}

#[test]
fn loom_one_that_is_dropped_without_goodbye_is_out_of_the_list() {
    loom::model(|| {
        let queue = queue();
        let other = queue.clone();
        let thread = thread::spawn(move || {
            let mut waiter = Box::pin(Waiter::new(&*other));
            let _ = poll(waiter.as_mut(), Waker::noop());
        });
        let mut waiter = Box::pin(Waiter::new(&*queue));
        let _ = poll(waiter.as_mut(), Waker::noop());
        drop(waiter);
        thread.join().unwrap();
        assert!(queue.lock().is_empty());
    });
}

#[test]
fn loom_one_woken_in_its_place_is_polled_or_struck() {
    loom::model(|| {
        let queue = queue();
        let (bell, waker) = Bell::new();
        let mut waiter = Box::pin(Waiter::new(&*queue));
        waits(waiter.as_mut(), &waker);
        let other = queue.clone();
        let thread = thread::spawn(move || {
            let woken = other.lock().cursor().wake_in_place(Tag::NONE);
            woken.into_iter().for_each(wake_contained);
            other.lock().cursor().strike();
        });
        // Waits again if it was woken before this, as the same or from the end of the line.
        waits(waiter.as_mut(), &waker);
        thread.join().unwrap();
        assert_eq!(bell.rings(), 1);
        let mut locked = queue.lock();
        match waiter.as_mut().look(&locked).0 {
            Phase::Idle => assert!(locked.is_empty(), "struck, and linked"),
            Phase::Waiting => assert_eq!(locked.len(), 1),
            phase => panic!("{phase:?}: woken, and neither struck nor back"),
        }
        waiter.as_mut().leave_locked(&mut locked);
        assert!(locked.is_empty());
    });
}

/// A waker whose drop takes the queue's lock.
struct Returns(Arc<Queue>, Arc<AtomicUsize>);

impl std::task::Wake for Returns {
    fn wake(self: std::sync::Arc<Self>) {}
}

impl Drop for Returns {
    fn drop(&mut self) {
        drop(self.0.lock());
        // Ordering: Relaxed, read after the join.
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn loom_wakers_that_fall_off_are_dropped_under_no_lock() {
    loom::model(|| {
        let queue = queue();
        let dropped = Arc::new(AtomicUsize::new(0));
        let hostile = Waker::from(std::sync::Arc::new(Returns(queue.clone(), dropped.clone())));
        let mut waiter = Box::pin(Waiter::new(&*queue));
        waits(waiter.as_mut(), &hostile);
        drop_contained(hostile);
        let other = queue.clone();
        let thread = thread::spawn(move || grant(&other));
        let _ = poll(waiter.as_mut(), Waker::noop());
        drop(waiter);
        thread.join().unwrap();
        // Ordering: Relaxed, the join orders it.
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn loom_canary_a_waiter_that_keeps_its_old_waker() {
    assert_noticed(
        "wait_list.stay.stale",
        "wait_list::model::loom_a_waker_replaced_while_being_told_is_the_one_that_wakes",
    );
}

#[test]
fn loom_canary_a_waker_dropped_under_the_lock() {
    assert_noticed(
        "wait_list.fallen.early",
        "wait_list::model::loom_wakers_that_fall_off_are_dropped_under_no_lock",
    );
}
