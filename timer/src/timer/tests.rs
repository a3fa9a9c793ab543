//! A timer turned by hand, by several threads, and by the process-wide driver.

use super::MOVES_PER_HOLD;
use crate::testing::{Count, MILLI, Random, block_on, manual, poll, poll_once, rounds, watched};
use crate::{Clock, Sleep, Timer, enter, now, sleep, sleep_until};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);

fn notifying(clock: Clock) -> (Timer, Arc<AtomicUsize>) {
    let notified = Arc::new(AtomicUsize::new(0));
    let counted = notified.clone();
    let notify = move || {
        counted.fetch_add(1, Ordering::SeqCst);
    };
    (Timer::with_notify(clock, notify), notified)
}

fn pending(deadline: Instant, count: &Arc<Count>) -> Pin<Box<Sleep>> {
    let mut sleep = Box::pin(sleep_until(deadline));
    assert!(poll(sleep.as_mut(), count).is_pending());
    sleep
}

#[test]
fn turning_fires_what_is_due_and_nothing_else() {
    let (clock, timer, _context) = manual();
    let start = clock.now();
    let count = Count::new();
    let mut sleeps: Vec<_> = (1..=10).map(|n| pending(start + n * MILLI, &count)).collect();
    assert_eq!((timer.len(), timer.next_deadline()), (10, Some(start + MILLI)));
    assert!(!timer.is_due(start) && timer.is_due(start + MILLI));
    assert_eq!(timer.turn(start), 0);
    assert_eq!(timer.turn(start + 4 * MILLI), 4);
    assert_eq!((count.get(), timer.len()), (4, 6));
    let ready =
        sleeps.iter_mut().filter_map(|sleep| poll_once(sleep.as_mut()).is_ready().then_some(())).count();
    assert_eq!(ready, 4);
    drop(sleeps);
    assert!(timer.is_empty());
    assert_eq!(timer.next_deadline(), None);
}

#[test]
fn a_driver_is_told_how_long_to_sleep() {
    let timer = Timer::new(Clock::real());
    let _context = enter(&timer, true);
    assert_eq!(timer.time_to_next(Instant::now()), None);
    let start = now();
    let _sleep = pending(start + HOUR, &Count::new());
    let wait = timer.time_to_next(start).unwrap();
    assert!(wait >= HOUR && wait < HOUR + Duration::from_micros(100), "{wait:?}");
    let (clock, timer, _context) = manual();
    let _sleep = pending(clock.now() + HOUR, &Count::new());
    assert_eq!(timer.time_to_next(clock.now()), None, "waiting brings a virtual deadline no nearer");
}

#[test]
fn thieves_give_up_when_the_lock_is_held() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let _sleep = pending(clock.now() + MILLI, &count);
    let due = clock.now() + MILLI;
    let held = timer.shared.inner.lock();
    assert_eq!(timer.try_turn(due), None);
    assert_eq!(timer.try_turn(clock.now()), Some(0), "nothing due, no lock needed");
    drop(held);
    assert_eq!(timer.try_turn(due), Some(1));
    assert_eq!(count.get(), 1);
}

#[test]
fn a_cancelled_deadline_is_waited_for_no_more() {
    let (clock, timer, _context) = manual();
    let later = pending(clock.now() + 2 * HOUR, &Count::new());
    let sooner = pending(clock.now() + HOUR, &Count::new());
    assert_eq!(timer.next_deadline(), Some(clock.now() + HOUR));
    drop(sooner);
    assert_eq!(timer.next_deadline(), Some(clock.now() + 2 * HOUR));
    drop(later);
    assert_eq!(timer.next_deadline(), None);
}

#[test]
fn strangers_notify_when_theirs_is_the_earliest_and_owners_never() {
    let (timer, notified) = notifying(Clock::real());
    let count = Count::new();
    let start = now();
    let stranger = enter(&timer, false);
    let first = pending(start + 2 * HOUR, &count);
    assert_eq!(notified.load(Ordering::SeqCst), 1);
    let _later = pending(start + 3 * HOUR, &count);
    assert_eq!(notified.load(Ordering::SeqCst), 1, "not the earliest");
    let mut reset = pending(start + 3 * HOUR, &count);
    reset.as_mut().reset(start + HOUR);
    assert_eq!(notified.load(Ordering::SeqCst), 2, "moved to be the earliest");
    drop((first, reset));
    drop(stranger);
    let _owner = enter(&timer, true);
    let _soon = pending(start + HOUR / 2, &count);
    assert_eq!(notified.load(Ordering::SeqCst), 2);
}

#[test]
fn a_virtual_clock_notifies_and_fires_each_of_its_timers() {
    let clock = Clock::manual();
    let (one, notified_one) = notifying(clock.clone());
    let (two, notified_two) = notifying(clock.clone());
    let count = Count::new();
    let in_one = enter(&one, true);
    let _first = pending(clock.now() + MILLI, &count);
    drop(in_one);
    let _in_two = enter(&two, true);
    let _second = pending(clock.now() + MILLI, &count);
    clock.advance(MILLI);
    assert_eq!(count.get(), 2);
    assert_eq!((notified_one.load(Ordering::SeqCst), notified_two.load(Ordering::SeqCst)), (1, 1));
}

#[test]
fn many_on_one_tick_and_many_apart_fire_in_order() {
    let (clock, timer, _context) = manual();
    let order = Arc::new(Mutex::new(Vec::new()));
    struct Note(usize, Arc<Mutex<Vec<usize>>>);
    impl Wake for Note {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }
    let many = rounds(20_000).max(3 * MOVES_PER_HOLD as usize);
    let start = clock.now();
    let mut sleeps = Vec::new();
    for n in 0..many {
        let deadline = if n % 2 == 0 { HOUR } else { HOUR + Duration::from_micros(n as u64) };
        let mut sleep = Box::pin(sleep_until(start + deadline));
        let waker = Waker::from(Arc::new(Note(n, order.clone())));
        assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        sleeps.push(sleep);
    }
    clock.advance(2 * HOUR);
    let expected: Vec<_> = (0..many).step_by(2).chain((1..many).step_by(2)).collect();
    assert_eq!(*order.lock().unwrap(), expected);
    assert!(timer.is_empty());
}

#[test]
fn a_waker_that_panics_harms_no_other() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker that panics on purpose");
        }
    }
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let due = clock.now() + MILLI;
    let _before = pending(due, &count);
    let mut bad = pin!(sleep_until(due));
    let waker = Waker::from(Arc::new(Panics));
    assert!(bad.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let _after = pending(due, &count);
    assert_eq!(timer.turn(due), 3);
    assert_eq!(count.get(), 2);
    assert!(poll_once(bad.as_mut()).is_ready());
}

/// Whatever the waker holds; woken, it drops it.
struct Holder(Mutex<Option<Pin<Box<Sleep>>>>);

impl Wake for Holder {
    fn wake(self: Arc<Self>) {
        let held = self.0.lock().unwrap().take();
        drop(held);
    }
}

#[test]
fn a_sleep_may_be_dropped_in_its_own_wake_up_and_in_anothers() {
    let (clock, timer, _context) = manual();
    for (own, other) in [(MILLI, HOUR), (MILLI, MILLI), (HOUR, MILLI)] {
        let holder = Arc::new(Holder(Mutex::new(None)));
        let waker = Waker::from(holder.clone());
        let mut held = Box::pin(sleep(own));
        let mut also = Box::pin(sleep(other));
        assert!(held.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert!(also.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        *holder.0.lock().unwrap() = Some(held);
        clock.advance(MILLI);
        assert!(holder.0.lock().unwrap().is_none());
        drop(also);
        assert!(timer.is_empty());
    }
}

#[test]
fn a_waker_that_sleeps_again_registers_behind() {
    struct Again(Mutex<Vec<Pin<Box<Sleep>>>>, Arc<Count>);
    impl Wake for Again {
        fn wake(self: Arc<Self>) {
            let next = pending(now() + MILLI, &self.1);
            self.0.lock().unwrap().push(next);
        }
    }
    let (clock, timer, _context) = manual();
    let again = Arc::new(Again(Mutex::new(Vec::new()), Count::new()));
    let waker = Waker::from(again.clone());
    let mut first = pin!(sleep(MILLI));
    assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    clock.advance(MILLI);
    assert_eq!((timer.len(), again.1.get()), (1, 0));
    clock.advance(MILLI);
    assert_eq!((timer.len(), again.1.get()), (0, 1));
}

#[test]
fn an_orphaned_sleep_registers_anew_and_fires() {
    watched(|| {
        let (timer, notified) = notifying(Clock::real());
        let context = enter(&timer, true);
        let count = Count::new();
        let mut short = pending(now() + 5 * MILLI, &count);
        let mut long = pending(now() + HOUR, &count);
        timer.orphan();
        assert_eq!((count.get(), timer.len(), timer.next_deadline()), (2, 0, None));
        // On a thread whose context still is the ended timer.
        assert!(poll(long.as_mut(), &count).is_pending());
        assert_eq!(timer.len(), 0);
        block_on(short.as_mut());
        block_on(sleep(MILLI));
        drop(context);
        // On a thread with a timer of its own.
        let (clock, other, _context) = manual();
        timer.orphan();
        long.as_mut().reset(clock.now() + HOUR);
        drop(long);
        let mut moved = pending(clock.now() + HOUR, &count);
        other.orphan();
        let third = Timer::new(clock.clone());
        let _third = enter(&third, true);
        assert!(poll(moved.as_mut(), &count).is_pending());
        assert_eq!((other.len(), third.len()), (0, 1));
        clock.advance(HOUR);
        assert!(poll(moved.as_mut(), &count).is_ready());
        assert_eq!(notified.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_timer_with_very_many_sleeps_ends() {
    let (clock, timer, _context) = manual();
    let count = Count::new();
    let many = rounds(100_000);
    let sleeps: Vec<_> = (0..many).map(|n| pending(clock.now() + (1 + n as u32) * MILLI, &count)).collect();
    timer.orphan();
    assert_eq!((count.get(), timer.len()), (many, 0));
    drop(sleeps);
    assert_eq!(Arc::strong_count(&timer.shared), 2, "this handle and the context's");
    assert_eq!(Arc::strong_count(&count), 1, "no waker is kept");
}

#[test]
fn a_dropped_timer_is_forgotten_by_its_clock() {
    let clock = Clock::manual();
    let (timer, notified) = notifying(clock.clone());
    drop(timer);
    clock.advance(HOUR);
    assert_eq!(notified.load(Ordering::SeqCst), 0);
    assert_eq!(Arc::strong_count(&notified), 1);
}

#[test]
fn cancelling_from_one_thread_while_another_fires_counts_exactly() {
    watched(|| {
        let clock = Clock::manual();
        let timer = Timer::new(clock.clone());
        let over = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for seed in 0..2 {
            let (clock, timer) = (clock.clone(), timer.clone());
            threads.push(thread::spawn(move || {
                let _context = enter(&timer, false);
                let mut random = Random::new(seed + 1);
                for _ in 0..rounds(20_000) {
                    let count = Count::new();
                    let deadline = clock.now() + Duration::from_micros(random.below(300));
                    let mut sleep = Box::pin(sleep_until(deadline));
                    let polled = poll(sleep.as_mut(), &count);
                    match random.below(4) {
                        0 => {}
                        1 => sleep.as_mut().reset(deadline + Duration::from_micros(random.below(200))),
                        2 => sleep.as_mut().reset(deadline - Duration::from_micros(random.below(200))),
                        _ => {
                            // Kept until it fires: woken exactly once.
                            while polled.is_pending() && count.get() == 0 {
                                thread::yield_now();
                            }
                            assert!(clock.now() >= deadline, "never early");
                            assert!(poll(sleep.as_mut(), &count).is_ready());
                            assert_eq!(count.get(), usize::from(polled.is_pending()));
                        }
                    }
                    drop(sleep);
                    assert!(count.get() <= 1);
                    // Dropped: a wake-up may still be under way, holding the waker; it comes to its end.
                    while Arc::strong_count(&count) > 1 {
                        thread::yield_now();
                    }
                }
            }));
        }
        let turns = {
            let (clock, timer, over) = (clock.clone(), timer.clone(), over.clone());
            thread::spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    timer.turn(clock.now());
                    clock.advance(Duration::from_micros(7));
                    // While somebody waits a turn of it is worth more than a turn of the others: on one processor each of theirs
                    // lasts for as long as somebody else has work there.
                    if timer.is_empty() {
                        thread::yield_now();
                    }
                }
            })
        };
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        over.store(true, Ordering::SeqCst);
        turns.join().unwrap();
        assert_eq!(timer.len(), 0);
        assert_eq!(timer.next_deadline(), None);
    });
}

#[test]
fn sleeps_that_move_between_threads_and_deadlines_end_on_time() {
    watched(|| {
        let clock = Clock::manual();
        let timers = [Timer::new(clock.clone()), Timer::new(clock.clone())];
        let over = Arc::new(AtomicBool::new(false));
        let (sender, receiver) = std::sync::mpsc::channel::<(Pin<Box<Sleep>>, Arc<Count>)>();
        let first = {
            let (clock, timer) = (clock.clone(), timers[0].clone());
            thread::spawn(move || {
                let _context = enter(&timer, true);
                let mut random = Random::new(5);
                for _ in 0..rounds(20_000) {
                    let count = Count::new();
                    let mut sleep = Box::pin(sleep(Duration::from_micros(random.below(200))));
                    let _ = poll(sleep.as_mut(), &count);
                    sleep.as_mut().reset(clock.now() + Duration::from_micros(random.below(200)));
                    sender.send((sleep, count)).unwrap();
                }
            })
        };
        let second = {
            let (clock, timer) = (clock.clone(), timers[1].clone());
            thread::spawn(move || {
                let _context = enter(&timer, true);
                for (mut sleep, _) in receiver {
                    block_on(sleep.as_mut());
                    assert!(clock.now() >= sleep.deadline(), "never early");
                }
            })
        };
        let moving = {
            let (clock, over, timers) = (clock.clone(), over.clone(), timers.clone());
            thread::spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    clock.advance(Duration::from_micros(11));
                    if timers.iter().all(Timer::is_empty) {
                        thread::yield_now();
                    }
                }
            })
        };
        first.join().unwrap();
        second.join().unwrap();
        over.store(true, Ordering::SeqCst);
        moving.join().unwrap();
        assert!(timers.iter().all(Timer::is_empty));
    });
}

#[test]
fn never_early_on_the_machines_clock() {
    watched(|| {
        let threads = (0..4).map(|seed| {
            thread::spawn(move || {
                let mut random = Random::new(seed + 77);
                for _ in 0..rounds(400) {
                    let deadline = Instant::now() + Duration::from_nanos(random.below(3_000_000));
                    block_on(sleep_until(deadline));
                    assert!(Instant::now() >= deadline);
                }
            })
        });
        threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn many_sleeps_of_one_thread_end_in_the_order_of_their_deadlines() {
    watched(|| {
        let mut random = Random::new(9);
        let mut sleeps: Vec<_> = (0..rounds(2_000))
            .map(|_| Box::pin(sleep(Duration::from_micros(random.below(20_000)))))
            .collect();
        block_on(std::future::poll_fn(|cx| {
            sleeps.retain_mut(|sleep| {
                let ready = sleep.as_mut().poll(cx).is_ready();
                assert!(!ready || Instant::now() >= sleep.deadline(), "never early");
                !ready
            });
            if sleeps.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        }));
    });
}

#[test]
fn a_timer_is_made_on_a_small_stack() {
    // The C library wants some of it for itself, and an unoptimized build hands everything on by copies.
    let small = thread::Builder::new().stack_size(40 * 1024);
    let made = small.spawn(|| Timer::new(Clock::real()).len()).expect("a thread");
    assert_eq!(made.join().expect("no panic"), 0);
}
