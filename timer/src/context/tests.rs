//! Which timer a thread uses.

use super::{is_owner, now};
use crate::testing::{Count, MILLI, block_on, manual, poll, watched};
use crate::{Clock, Timer, enter, sleep};
use std::cell::RefCell;
use std::pin::pin;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn guards_nest() {
    let start = Instant::now();
    let (one, two) = (Timer::new(Clock::manual_at(start)), Timer::new(Clock::manual_at(start + MILLI)));
    let outer = enter(&one, true);
    assert_eq!(now(), start);
    let inner = enter(&two, false);
    assert_eq!(now(), start + MILLI);
    assert!(!is_owner(&one) && !is_owner(&two));
    drop(inner);
    assert_eq!(now(), start);
    assert!(is_owner(&one));
    drop(outer);
    assert!(!is_owner(&one));
    assert!(now() >= start && now() <= Instant::now(), "the machine's again");
}

#[test]
fn a_sleep_registers_where_it_is_polled_first() {
    let (_, made_here, context) = manual();
    let mut sleep = pin!(sleep(Duration::from_secs(1)));
    drop(context);
    let (_, polled_here, _context) = manual();
    assert!(poll(sleep.as_mut(), &Count::new()).is_pending());
    assert_eq!((made_here.len(), polled_here.len()), (0, 1));
}

#[test]
fn a_plain_thread_sleeps_and_its_driver_is_one_for_all() {
    watched(|| {
        let threads: Vec<_> = (1..=8)
            .map(|n| {
                thread::spawn(move || {
                    let start = Instant::now();
                    block_on(sleep(n * MILLI));
                    assert!(start.elapsed() >= n * MILLI);
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let (first, second) = (crate::fallback::timer().unwrap(), crate::fallback::timer().unwrap());
        assert!(first.is(second));
    });
}

#[test]
fn an_earlier_sleep_ends_the_drivers_long_one() {
    watched(|| {
        let mut hour = pin!(sleep(Duration::from_secs(3600)));
        assert!(poll(hour.as_mut(), &Count::new()).is_pending());
        let start = Instant::now();
        block_on(sleep(3 * MILLI));
        assert!(start.elapsed() < Duration::from_secs(60));
    });
}

#[test]
fn a_thread_that_is_ending_may_still_sleep() {
    struct OnExit(Sender<Duration>);
    impl Drop for OnExit {
        fn drop(&mut self) {
            let timer = Timer::new(Clock::manual());
            drop(enter(&timer, true));
            let start = Instant::now();
            block_on(sleep(MILLI));
            self.0.send(start.elapsed()).unwrap();
        }
    }
    thread_local! {
        static EARLY: RefCell<Option<OnExit>> = const { RefCell::new(None) };
        static LATE: RefCell<Option<OnExit>> = const { RefCell::new(None) };
    }
    watched(|| {
        let (sender, receiver) = channel();
        thread::spawn(move || {
            // One made before this crate's thread-local, one after: whichever order the platform has, one finds it
            // gone.
            EARLY.set(Some(OnExit(sender.clone())));
            drop(enter(&Timer::new(Clock::real()), true));
            LATE.set(Some(OnExit(sender)));
        })
        .join()
        .unwrap();
        let slept: Vec<_> = receiver.iter().collect();
        assert_eq!(slept.len(), 2);
        assert!(slept.iter().all(|&slept| slept >= MILLI));
    });
}
