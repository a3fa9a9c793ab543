//! The entry's protocol under the model checker: registering, cancelling and resetting against firing and the end.
//!
//! Each thread of a model has a context of its own; where futures are polled by the first thread alone, only that one
//! has entered the timer.

use crate::line::{Beat, Nanos};
use crate::registration::Registration;
use crate::{Clock, Timer, enter};
use filch_primitive::model::Bell;
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use filch_primitive::sync::{Arc, Condvar, Mutex};
use filch_primitive::thread;
use std::pin::pin;
use std::task::{Context, RawWaker, RawWakerVTable, Waker};
use std::time::Duration;

const NAP: Duration = Duration::from_millis(1);

/// A waker that counts its wake-ups. Not `Wake`: the model checker's `Arc` is not the one that asks for.
fn counting(count: &Arc<AtomicUsize>) -> Waker {
    fn wake(data: *const ()) {
        let count: *const Arc<AtomicUsize> = data.cast();
        // SAFETY: the pointer is the reference below, which outlives every waker made of it.
        let count = unsafe { &*count };
        // Ordering: Release, paired with the Acquire loads in the models.
        count.fetch_add(1, Ordering::Release);
    }
    const TABLE: RawWakerVTable = RawWakerVTable::new(|data| RawWaker::new(data, &TABLE), wake, wake, |_| {});
    let data = std::ptr::from_ref(count).cast();
    // SAFETY: the functions may be called from any thread, as the count is atomic; each model keeps `count` until
    // its threads are joined and its timer is gone.
    unsafe { Waker::from_raw(RawWaker::new(data, &TABLE)) }
}

/// Explores `body`, which gets a timer, its clock and a count of wake-ups.
fn check(body: impl Fn(&Timer, &Clock, &Arc<AtomicUsize>) + Send + Sync + 'static) {
    loom::model(move || {
        // Always the same time: the model checker replays, and the wheel's ways depend on the time.
        let clock = Clock::manual_at(Nanos::from_raw(1 << 62).to_instant());
        let timer = Timer::new(clock.clone());
        let context = enter(&timer, true);
        let woken = Arc::new(AtomicUsize::new(0));
        body(&timer, &clock, &woken);
        drop(context);
        assert_eq!(timer.len(), 0);
    });
}

fn nap(clock: &Clock) -> Registration {
    Registration::new(clock.nanos().saturating_add(NAP))
}

#[test]
fn loom_a_registration_racing_with_the_clock_is_ready_or_woken() {
    check(|_, clock, woken| {
        let mut nap = pin!(nap(clock));
        let moved = clock.clone();
        let thread = thread::spawn(move || moved.advance(2 * NAP));
        let waker = counting(woken);
        let polled = nap.as_mut().poll(&mut Context::from_waker(&waker));
        thread.join().unwrap();
        assert!(polled.is_ready() || woken.load(Ordering::Acquire) == 1);
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    });
}

#[test]
fn loom_cancelling_races_with_firing() {
    check(|_, clock, woken| {
        let waker = counting(woken);
        let mut nap = Box::pin(nap(clock));
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let moved = clock.clone();
        let thread = thread::spawn(move || moved.advance(2 * NAP));
        drop(nap);
        thread.join().unwrap();
        assert!(woken.load(Ordering::Acquire) <= 1);
    });
}

#[test]
fn loom_another_waker_races_with_firing() {
    check(|_, clock, woken| {
        let first = counting(woken);
        let mut nap = pin!(nap(clock));
        assert!(nap.as_mut().poll(&mut Context::from_waker(&first)).is_pending());
        let moved = clock.clone();
        let thread = thread::spawn(move || moved.advance(2 * NAP));
        let other = Arc::new(AtomicUsize::new(0));
        let second = counting(&other);
        let polled = nap.as_mut().poll(&mut Context::from_waker(&second));
        thread.join().unwrap();
        // Pending: then the second waker is the one that was woken, alone.
        assert!(polled.is_ready() || other.load(Ordering::Acquire) == 1);
        assert_eq!(other.load(Ordering::Acquire) + woken.load(Ordering::Acquire), 1);
    });
}

#[test]
fn loom_a_later_deadline_races_with_the_old_one() {
    check(|_, clock, woken| {
        let waker = counting(woken);
        let mut nap = pin!(nap(clock));
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let later = clock.nanos().saturating_add(5 * NAP);
        let moved = clock.clone();
        let thread = thread::spawn(move || moved.advance(2 * NAP));
        nap.as_mut().reset(later);
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "never early");
        thread.join().unwrap();
        // Fired for the old deadline, it was woken, and is polled once more.
        if woken.load(Ordering::Acquire) == 1 {
            assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "never early");
        }
        let before = woken.load(Ordering::Acquire);
        clock.advance(4 * NAP);
        assert_eq!(woken.load(Ordering::Acquire), before + 1);
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    });
}

#[test]
fn loom_slack_races_with_firing() {
    check(|_, clock, woken| {
        let waker = counting(woken);
        let mut nap = pin!(nap(clock));
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let slack = Duration::from_nanos(1 << 29);
        let moved = clock.clone();
        let thread = thread::spawn(move || moved.advance(2 * NAP));
        nap.as_mut().set_beat(Beat::within(slack));
        let polled = nap.as_mut().poll(&mut Context::from_waker(&waker));
        thread.join().unwrap();
        let before = woken.load(Ordering::Acquire);
        if polled.is_ready() {
            // It had fired before it got the slack.
            assert_eq!(before, 1);
            return;
        }
        if before == 1 {
            assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "not before it is due");
        }
        clock.advance(slack);
        assert_eq!(woken.load(Ordering::Acquire), before + 1);
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    });
}

#[test]
fn loom_an_earlier_deadline_races_with_firing() {
    check(|_, clock, woken| {
        let waker = counting(woken);
        let mut nap = pin!(nap(clock));
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let earlier = clock.nanos();
        let moved = clock.clone();
        let thread = thread::spawn(move || moved.advance(2 * NAP));
        nap.as_mut().reset(earlier);
        thread.join().unwrap();
        assert_eq!(woken.load(Ordering::Acquire), 1);
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    });
}

#[test]
fn loom_two_threads_turn_one_wheel() {
    check(|timer, clock, woken| {
        let waker = counting(woken);
        let (mut first, mut second) = (pin!(nap(clock)), pin!(nap(clock)));
        assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert!(second.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let due = clock.now() + 2 * NAP;
        let other = timer.clone();
        let thread = thread::spawn(move || other.turn(due));
        let here = timer.turn(due);
        assert_eq!(here + thread.join().unwrap(), 2);
        assert_eq!(woken.load(Ordering::Acquire), 2);
    });
}

#[test]
fn loom_the_end_races_with_cancelling() {
    check(|timer, clock, woken| {
        let waker = counting(woken);
        let mut nap = Box::pin(nap(clock));
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let ended = timer.clone();
        let thread = thread::spawn(move || ended.orphan());
        drop(nap);
        thread.join().unwrap();
        assert!(woken.load(Ordering::Acquire) <= 1);
    });
}

#[test]
fn loom_two_threads_register_with_one_wheel() {
    check(|timer, clock, woken| {
        let waker = counting(woken);
        let mut here = pin!(nap(clock));
        let (other, there) = (timer.clone(), clock.clone());
        let thread = thread::spawn(move || {
            let _context = enter(&other, false);
            let (bell, waker) = Bell::new();
            let mut nap = Box::pin(nap(&there));
            assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            (bell, nap)
        });
        assert!(here.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let (bell, nap) = thread.join().unwrap();
        assert_eq!(timer.len(), 2);
        clock.advance(NAP);
        assert_eq!((woken.load(Ordering::Acquire), bell.rings()), (1, 1));
        drop(nap);
    });
}

/// Several fire, a batch at a time, and one of them goes: its neighbours must not.
fn one_goes_while_all_fire(gone: usize) {
    check(move |timer, clock, _| {
        let mut naps: Vec<_> = (0..3)
            .map(|_| {
                let (bell, waker) = Bell::new();
                let mut nap = Box::pin(nap(clock));
                assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
                (nap, bell, waker)
            })
            .collect();
        let (gone, gone_bell, _) = naps.remove(gone);
        let due = clock.now() + 2 * NAP;
        let other = timer.clone();
        let thread = thread::spawn(move || other.turn(due));
        drop(gone);
        let fired = thread.join().unwrap();
        assert_eq!(fired, 2 + gone_bell.rings());
        for (nap, bell, waker) in &mut naps {
            assert_eq!(bell.rings(), 1);
            assert!(nap.as_mut().poll(&mut Context::from_waker(waker)).is_ready());
        }
    });
}

#[test]
fn loom_the_first_goes_while_all_fire() {
    one_goes_while_all_fire(0);
}

#[test]
fn loom_the_one_in_the_middle_goes_while_all_fire() {
    one_goes_while_all_fire(1);
}

#[test]
fn loom_the_last_goes_while_all_fire() {
    one_goes_while_all_fire(2);
}

#[test]
fn loom_a_reset_to_later_and_a_new_waker_race_with_firing() {
    check(|_, clock, woken| {
        let first = counting(woken);
        let mut nap = pin!(nap(clock));
        assert!(nap.as_mut().poll(&mut Context::from_waker(&first)).is_pending());
        let later = clock.nanos().saturating_add(5 * NAP);
        let moved = clock.clone();
        let thread = thread::spawn(move || moved.advance(2 * NAP));
        nap.as_mut().reset(later);
        let (bell, waker) = Bell::new();
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "never early");
        thread.join().unwrap();
        // Fired for the old deadline after it had the new waker, it is woken, and polled once more.
        if bell.rings() == 1 {
            assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "never early");
        }
        let before = bell.rings();
        clock.advance(4 * NAP);
        assert_eq!(bell.rings(), before + 1);
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    });
}

#[test]
fn loom_who_is_orphaned_is_taken_over_and_fires_there() {
    check(|timer, clock, _| {
        let (bell, waker) = Bell::new();
        let mut nap = pin!(nap(clock));
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let ended = timer.clone();
        let thread = thread::spawn(move || ended.orphan());
        let heir = Timer::new(clock.clone());
        let _context = enter(&heir, true);
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending(), "never early");
        thread.join().unwrap();
        assert_eq!(bell.rings(), 1, "told that its timer ended");
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!((timer.len(), heir.len()), (0, 1));
        clock.advance(NAP);
        assert_eq!(bell.rings(), 2);
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    });
}

#[test]
fn loom_who_registers_while_the_timer_ends_is_told_or_goes_elsewhere() {
    check(|timer, clock, _| {
        let (bell, waker) = Bell::new();
        let mut nap = pin!(nap(clock));
        let ended = timer.clone();
        let thread = thread::spawn(move || ended.orphan());
        // There is no other timer: woken at once, to try again.
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        thread.join().unwrap();
        assert_eq!(bell.rings(), 1, "it waits for a timer that has ended");
        assert_eq!(timer.len(), 0);
    });
}

#[test]
fn loom_a_reset_to_earlier_races_with_the_end() {
    check(|timer, clock, _| {
        let (bell, waker) = Bell::new();
        let mut nap = pin!(nap(clock));
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let ended = timer.clone();
        let thread = thread::spawn(move || ended.orphan());
        nap.as_mut().reset(clock.nanos());
        thread.join().unwrap();
        assert_eq!(bell.rings(), 1);
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    });
}

/// Where a driver sleeps. Not a parked thread: the checker's `unpark` ends whatever its thread waits for.
struct Bed {
    asleep: AtomicBool,
    rung: Mutex<bool>,
    ring: Condvar,
}

impl Bed {
    fn ring(&self) {
        // Ordering: Relaxed here and below, for the fences: this one's is in `Shared::notify`.
        if self.asleep.load(Ordering::Relaxed) {
            *self.rung.lock() = true;
            self.ring.notify_one();
        }
    }

    /// A driver's sleep as an executor's: says that it sleeps, looks, sleeps.
    fn sleep_unless(&self, is_due: impl FnOnce() -> bool) {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if !is_due() {
            let mut rung = self.rung.lock();
            while !std::mem::take(&mut *rung) {
                self.ring.wait(&mut rung);
            }
        }
        self.asleep.store(false, Ordering::Relaxed);
    }
}

#[test]
fn loom_a_registration_ends_the_drivers_sleep() {
    loom::model(|| {
        let clock = Clock::manual_at(Nanos::from_raw(1 << 62).to_instant());
        let bed =
            Arc::new(Bed { asleep: AtomicBool::new(false), rung: Mutex::new(false), ring: Condvar::new() });
        let rung = bed.clone();
        let timer = Timer::with_notify(clock.clone(), move || rung.ring());
        let (bell, waker) = Bell::new();
        let other = timer.clone();
        let thread = thread::spawn(move || {
            let _context = enter(&other, false);
            let mut nap = Box::pin(nap(&clock));
            assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            nap
        });
        while bell.rings() == 0 {
            bed.sleep_unless(|| timer.next_deadline().is_some());
            // The clock comes to each deadline that is seen.
            if let Some(due) = timer.next_deadline() {
                timer.turn(due);
            }
        }
        drop(thread.join().unwrap());
        assert_eq!(timer.len(), 0);
    });
}

#[test]
#[should_panic(expected = "on purpose")]
fn loom_canary_a_model_that_must_fail() {
    check(|_, clock, woken| {
        let mut nap = Box::pin(nap(clock));
        let waker = counting(woken);
        assert!(nap.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let moved = clock.clone();
        let thread = thread::spawn(move || moved.advance(2 * NAP));
        drop(nap);
        thread.join().unwrap();
        assert_eq!(woken.load(Ordering::Acquire), 0, "on purpose: some order fires before the cancelling");
    });
}

#[test]
fn loom_canary_a_clock_that_moves_no_wheel_without_need() {
    assert_noticed(
        "timer.advance.idle",
        "timer::model::loom_a_registration_racing_with_the_clock_is_ready_or_woken",
    );
}

#[test]
fn loom_canary_a_deadline_whose_move_is_forgotten() {
    assert_noticed("timer.reset.forgets", "timer::model::loom_a_later_deadline_races_with_the_old_one");
}

#[test]
fn loom_canary_an_entry_that_keeps_its_old_waker() {
    assert_noticed("timer.waker.stale", "timer::model::loom_another_waker_races_with_firing");
}

#[test]
fn loom_canary_a_registration_that_does_not_ring() {
    assert_noticed("timer.notify.silent", "timer::model::loom_a_registration_ends_the_drivers_sleep");
}

#[test]
fn loom_canary_a_ring_that_comes_before_the_deadline() {
    assert_noticed("timer.notify.fence", "timer::model::loom_a_registration_ends_the_drivers_sleep");
}

#[test]
fn loom_canary_an_end_that_does_not_last() {
    assert_noticed(
        "timer.orphan.open",
        "timer::model::loom_who_registers_while_the_timer_ends_is_told_or_goes_elsewhere",
    );
}
