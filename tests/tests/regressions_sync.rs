//! What went wrong elsewhere with locks, permits and channels, and must not go wrong here.
//!
//! Each test names its entry (`R-…`) in the list of bugs that others really had; `REGRESSIONS.md` has the
//! whole list, with the tests, models and properties that stand for the entries not found here.

use filch::sync::{Event, Lock, Semaphore, channel, oneshot};
use filch::time::sleep_until;
use filch_tests::rogue::Moment;
use filch_tests::{Rogue, Watchdog, wait_until};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Polls `future` with wakers that panic when they are cloned, then with one that behaves; that one must be
/// woken.
#[track_caller]
fn bears_a_clone_that_panics<F: Future>(name: &str, future: F, tell: impl FnOnce()) {
    let mut future = pin!(future);
    let (hostile, good) = (Rogue::panicking(&[Moment::Clone]), Rogue::harmless());
    let bear = |future: Pin<&mut F>| {
        let waker = hostile.waker();
        let polled =
            catch_unwind(AssertUnwindSafe(|| future.poll(&mut Context::from_waker(&waker)).is_ready()));
        // Whether its panic comes out is not what is asked here.
        assert!(!polled.unwrap_or(false), "{name}: it was to wait");
    };
    for _ in 0..3 {
        bear(future.as_mut());
        assert_eq!(hostile.alive(), 0, "{name}: a waker is there that never came to be");
    }
    assert!(good.poll(future.as_mut()).is_pending(), "{name}: it was to wait");
    assert_eq!(good.alive(), 1, "{name}: nobody has kept the waker that behaves");
    // Changing to a hostile one must not lose the good one's place either.
    bear(future.as_mut());
    assert!(good.poll(future.as_mut()).is_pending(), "{name}: it was to wait");
    tell();
    wait_until("the waker that behaves is woken", || good.wakes() == 1);
    wait_until("it is over", || good.poll(future.as_mut()).is_ready());
    assert_eq!((hostile.wakes(), hostile.alive(), good.alive()), (0, 0, 0), "{name}: its books");
}

/// a waker that panicked while it was cloned left the cell locked, and whoever came next waited for
/// ever.
#[test]
fn a_waker_that_panics_when_cloned_leaves_the_place_to_the_next() {
    let _watchdog = Watchdog::usual();
    let lock = Lock::new(());
    let guard = lock.try_lock().expect("it is free");
    bears_a_clone_that_panics("lock", lock.lock(), || drop(guard));
    let permits = Semaphore::new(0);
    bears_a_clone_that_panics("semaphore", permits.acquire(), || permits.add_permits(1));
    let event = Event::new();
    bears_a_clone_that_panics("event", event.wait(), || event.set());
    for (sender, receiver) in [channel::bounded(1), channel::unbounded()] {
        bears_a_clone_that_panics("receive", receiver.recv(), || sender.try_send(1).expect("there is room"));
    }
    let (sender, receiver) = channel::bounded(1);
    sender.try_send(1).expect("there is room");
    bears_a_clone_that_panics("send", sender.send(2), || assert_eq!(receiver.try_recv(), Ok(1)));
    let (sender, receiver) = channel::rendezvous();
    bears_a_clone_that_panics("rendezvous", sender.send(1), || assert_eq!(receiver.try_recv(), Ok(1)));
    let (sender, receiver) = oneshot::channel();
    bears_a_clone_that_panics("oneshot", receiver, || sender.send(1).expect("it is waited for"));
    let (mut sender, receiver) = oneshot::channel::<()>();
    // Not by the async function, which the compiler makes refuse to go on after a panic.
    bears_a_clone_that_panics("closed", poll_fn(|cx| sender.poll_closed(cx)), || drop(receiver));
    let runtime = filch::Runtime::builder().worker_threads(1).build().expect("a runtime");
    let (go, wait) = oneshot::channel::<()>();
    bears_a_clone_that_panics("join", runtime.spawn(wait), || go.send(()).expect("it is waited for"));
    let soon = Instant::now() + Duration::from_millis(200);
    bears_a_clone_that_panics("sleep", sleep_until(soon), || {});
}

/// giving permits back, or away, wrote over the mark that said "closed".
#[test]
fn permits_given_back_added_and_forgotten_after_the_close_do_not_open_it() {
    let _watchdog = Watchdog::usual();
    let semaphore = Arc::new(Semaphore::new(3));
    let (one, two) = (semaphore.try_acquire().expect("free"), semaphore.try_acquire().expect("free"));
    let owned = semaphore.clone().try_acquire_owned().expect("free");
    semaphore.close();
    let still_closed = |after: &str| {
        assert!(semaphore.is_closed(), "open again after {after}");
        assert!(semaphore.try_acquire().is_err(), "a permit was had after {after}");
        assert!(
            futures_lite::future::block_on(semaphore.acquire()).is_err(),
            "a permit was had after {after}"
        );
    };
    still_closed("the close");
    one.forget();
    still_closed("a permit was forgotten");
    drop(two);
    still_closed("a permit was given back");
    drop(owned);
    still_closed("an owned permit was given back");
    semaphore.add_permits(7);
    still_closed("permits were added");
    semaphore.add_permits(usize::MAX);
    still_closed("more were added than there can be");
    semaphore.close();
    still_closed("a second close");
}

/// whoever waited for an owned permit woke himself again and again; a lock whose waiter went was never
/// free again.
#[test]
fn whoever_waits_for_something_owned_is_not_woken_before_it_is_there() {
    let _watchdog = Watchdog::usual();
    let (semaphore, lock) = (Arc::new(Semaphore::new(0)), Arc::new(Lock::new(())));
    let guard = lock.try_lock().expect("it is free");
    let (rogue, gone) = (Rogue::harmless(), Rogue::harmless());
    let mut permit = pin!(semaphore.clone().acquire_owned());
    let mut locked = pin!(lock.clone().lock_owned());
    {
        let mut given_up = pin!(Some(Box::pin(lock.clone().lock_owned())));
        for _ in 0..50 {
            assert!(gone.poll(given_up.as_mut().as_pin_mut().expect("it is there")).is_pending());
            assert!(rogue.poll(permit.as_mut()).is_pending());
            assert!(rogue.poll(locked.as_mut()).is_pending());
        }
        given_up.set(None);
    }
    assert_eq!((rogue.wakes(), gone.wakes(), gone.alive()), (0, 0, 0), "nothing has happened yet");
    semaphore.add_permits(1);
    assert_eq!(rogue.wakes(), 1);
    assert!(rogue.poll(permit.as_mut()).is_ready());
    drop(guard);
    assert_eq!(rogue.wakes(), 2);
    let Poll::Ready(guard) = rogue.poll(locked.as_mut()) else { panic!("it is free") };
    assert!(lock.try_lock().is_none());
    drop(guard);
    assert!(lock.try_lock().is_some(), "it is free again");
}
