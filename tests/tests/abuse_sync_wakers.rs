//! Wakers that panic, that come back to what woke them, or that own what they wait for, in each primitive.
//!
//! What must hold: those that behave are woken, each once; the primitive is as good as new; no waker stays behind.

use filch::sync::channel::{self, Receiver, Sender};
use filch::sync::{Event, Lock, Semaphore, oneshot};
use filch_tests::{Counted, Dice, Tally, Watchdog, kept, on_wake, wait_until};
use futures_lite::StreamExt;
use futures_lite::future::block_on;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

/// Polls `future` once with `waker`.
fn poll_with<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// As [`poll_with`], whatever comes of it.
fn touch<F: Future>(future: Pin<&mut F>, waker: &Waker) {
    let _either = poll_with(future, waker);
}

/// One channel of each kind that holds values: small and bounded, large and bounded, without bound.
fn queues<T>() -> [(Sender<T>, Receiver<T>); 3] {
    [channel::bounded(100), channel::bounded(1 << 30), channel::unbounded()]
}

/// A waker that panics when it is woken, cloned or dropped.
struct Hostile {
    wake: bool,
    drop: bool,
}

impl Wake for Hostile {
    fn wake(self: Arc<Self>) {
        assert!(!self.wake, "a waker that panics on purpose");
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        assert!(!self.drop || thread::panicking(), "a waker whose drop panics on purpose");
    }
}

/// Makes 100 futures wait, every third with a hostile waker; then calls `tell`, which is for all of them.
fn tell_all<F: Future>(name: &str, make: impl Fn() -> F, tell: impl FnOnce()) {
    let woken = Tally::new();
    let count = woken.clone();
    let good = on_wake(move || {
        count.count();
    });
    let mut futures: Vec<_> = (0..100).map(|_| Box::pin(make())).collect();
    for (at, future) in futures.iter_mut().enumerate() {
        let waker = match at % 6 {
            0 => Waker::from(Arc::new(Hostile { wake: true, drop: false })),
            3 => Waker::from(Arc::new(Hostile { wake: false, drop: true })),
            _ => good.clone(),
        };
        let polled = catch_unwind(AssertUnwindSafe(|| poll_with(future.as_mut(), &waker).is_pending()));
        assert!(polled.expect("hostile wakers are not called by a poll"), "{name}: it was to wait");
        // The last reference is the one that waits.
        drop(catch_unwind(AssertUnwindSafe(|| drop(waker))));
    }
    let told = catch_unwind(AssertUnwindSafe(tell));
    assert!(told.is_ok(), "{name}: a waker's panic came out");
    assert_eq!(woken.counted(), 66, "{name}: those that behave are woken, each once");
    for future in &mut futures {
        assert!(poll_with(future.as_mut(), Waker::noop()).is_ready(), "{name}: it was told");
    }
}

#[test]
fn hostile_wakers_among_those_told_all_at_once() {
    let _watchdog = Watchdog::usual();
    let event = Event::new();
    tell_all("event", || event.wait(), || event.set());
    let semaphore = Semaphore::new(0);
    tell_all("permits", || semaphore.acquire(), || semaphore.add_permits(10_000));
    let semaphore = Semaphore::new(0);
    tell_all("close", || semaphore.acquire(), || semaphore.close());
    for (sender, receiver) in queues::<u8>().into_iter().chain([channel::rendezvous()]) {
        tell_all("receivers", || receiver.recv(), || sender.close());
    }
    for (sender, receiver) in [channel::bounded(1), channel::rendezvous()] {
        let _full = sender.try_send(0);
        tell_all("senders", || sender.send(1), || receiver.close());
    }
}

#[test]
fn hostile_wakers_that_go_with_their_future() {
    let _watchdog = Watchdog::usual();
    /// Waits with a waker whose drop panics, and is dropped.
    fn give_up<F: Future>(future: F) {
        let waker = Waker::from(Arc::new(Hostile { wake: false, drop: true }));
        let mut future = Box::pin(future);
        assert!(poll_with(future.as_mut(), &waker).is_pending(), "it was to wait");
        drop(waker);
        // Whether the panic comes out of the drop or not, what was waited for must be as good as new.
        let _either = catch_unwind(AssertUnwindSafe(|| drop(future)));
    }
    let lock = Lock::new(());
    let guard = lock.try_lock().expect("it is free");
    (0..3).for_each(|_| give_up(lock.lock()));
    drop(guard);
    drop(lock.try_lock().expect("it is free again"));
    let semaphore = Semaphore::new(1);
    (0..3).for_each(|_| give_up(semaphore.acquire_many(2)));
    assert!(semaphore.try_acquire().is_ok(), "nobody waits");
    let event = Event::new();
    (0..3).for_each(|_| give_up(event.wait()));
    event.set();
    let (sender, receiver) = channel::bounded(1);
    (0..3).for_each(|_| give_up(receiver.recv()));
    sender.try_send(1).expect("there is room");
    (0..3).for_each(|_| give_up(sender.send(2)));
    assert_eq!(receiver.try_recv(), Ok(1));
    let (sender, receiver) = oneshot::channel();
    give_up(receiver);
    assert_eq!(sender.send(1), Err(1));
}

/// What wakers that come back do: everything there is, without waiting.
fn use_all(
    lock: &Lock<u32>,
    semaphore: &Semaphore,
    event: &Event,
    sender: &Sender<u32>,
    receiver: &Receiver<u32>,
) {
    lock.try_lock().into_iter().for_each(|mut guard| *guard += 1);
    drop(semaphore.try_acquire());
    semaphore.add_permits(1);
    let _ = sender.try_send(1);
    let _ = receiver.try_recv();
    event.set();
    event.clear();
    touch(pin!(event.wait()), Waker::noop());
    touch(pin!(lock.lock()), Waker::noop());
    touch(pin!(semaphore.acquire_many(2)), Waker::noop());
    touch(pin!(receiver.recv()), Waker::noop());
    touch(pin!(sender.send(2)), Waker::noop());
    let _ = format!("{lock:?} {semaphore:?} {event:?} {sender:?} {receiver:?}");
}

#[test]
fn wakers_that_come_back_to_what_woke_them_when_woken_and_when_dropped() {
    let _watchdog = Watchdog::usual();
    struct Everything {
        lock: Lock<u32>,
        semaphore: Semaphore,
        event: Event,
        ends: (Sender<u32>, Receiver<u32>),
        calls: AtomicUsize,
    }
    impl Everything {
        fn use_all(&self) {
            self.calls.fetch_add(1, Ordering::Relaxed);
            use_all(&self.lock, &self.semaphore, &self.event, &self.ends.0, &self.ends.1);
        }
    }
    struct ComesBack(&'static Everything);
    impl Wake for ComesBack {
        fn wake(self: Arc<Self>) {
            self.0.use_all();
        }
    }
    impl Drop for ComesBack {
        fn drop(&mut self) {
            self.0.use_all();
        }
    }
    for ends in [channel::bounded(2), channel::bounded(1 << 30), channel::rendezvous()] {
        let all: &'static Everything = kept(Everything {
            lock: Lock::new(0),
            semaphore: Semaphore::new(0),
            event: Event::new(),
            ends,
            calls: AtomicUsize::new(0),
        });
        let waker = || Waker::from(Arc::new(ComesBack(all)));
        for _ in 0..50 {
            let guard = all.lock.try_lock();
            while all.ends.1.try_recv().is_ok() {}
            let mut locks: Vec<_> = (0..3).map(|_| Box::pin(all.lock.lock())).collect();
            let mut permits: Vec<_> = (0..3).map(|_| Box::pin(all.semaphore.acquire_many(1 << 20))).collect();
            let mut waits: Vec<_> = (0..3).map(|_| Box::pin(all.event.wait())).collect();
            let mut receives: Vec<_> = (0..3).map(|_| Box::pin(all.ends.1.recv())).collect();
            // Twice: the second waker replaces the first, which is dropped.
            for _ in 0..2 {
                locks.iter_mut().for_each(|future| touch(future.as_mut(), &waker()));
                permits.iter_mut().for_each(|future| touch(future.as_mut(), &waker()));
                waits.iter_mut().for_each(|future| touch(future.as_mut(), &waker()));
                receives.iter_mut().for_each(|future| touch(future.as_mut(), &waker()));
            }
            let mut sends = Vec::new();
            for _ in 0..4 {
                let mut send = Box::pin(all.ends.0.send(7));
                touch(send.as_mut(), &waker());
                sends.push(send);
            }
            drop(guard);
            all.event.set();
            all.semaphore.add_permits(1);
            let _ = all.ends.1.try_recv();
            let _ = all.ends.0.try_send(3);
            // Some are dropped while they wait, with their wakers.
        }
        assert!(all.calls.load(Ordering::Relaxed) > 500);
        all.ends.0.close();
        all.semaphore.close();
        assert!(all.semaphore.try_acquire().is_err());
        wait_until("the lock's bells have rung", || all.lock.try_lock().is_some());
    }
}

#[test]
fn wakers_that_own_the_other_half_of_what_they_wait_for() {
    let _watchdog = Watchdog::usual();
    struct Owns<T>(#[allow(dead_code, reason = "it is there to be dropped")] T);
    impl<T: Send + Sync> Wake for Owns<T> {
        fn wake(self: Arc<Self>) {}
    }
    fn owning<T: Send + Sync + 'static>(owned: T) -> Waker {
        Waker::from(Arc::new(Owns(owned)))
    }
    let books = Tally::new();
    // The receiver waits with a waker that owns the sender; dropping it, replacing the waker, or closing ends both.
    for way in 0..4 {
        let (sender, mut receiver) = oneshot::channel::<Counted>();
        assert!(poll_with(Pin::new(&mut receiver), &owning((sender, books.value()))).is_pending());
        match way {
            0 => drop(receiver),
            1 => {
                touch(Pin::new(&mut receiver), Waker::noop());
                assert!(block_on(receiver).is_err(), "the sender has gone");
            }
            2 => {
                receiver.close();
                drop(receiver);
            }
            _ => drop(Box::pin(receiver)),
        }
        assert_eq!(books.alive(), 0, "way {way}");
    }
    for way in 0..3 {
        let (mut sender, receiver) = oneshot::channel::<Counted>();
        let waker = owning((receiver, books.value()));
        assert!(poll_with(pin!(sender.closed()), &waker).is_pending());
        drop(waker);
        match way {
            0 => drop(sender),
            // The receiver goes with the waker while this sends, before or after the value is there.
            1 => drop(sender.send(books.value())),
            _ => {
                touch(pin!(sender.closed()), Waker::noop());
                assert!(sender.send(books.value()).is_err());
            }
        }
        assert_eq!(books.alive(), 0, "way {way}");
    }
    // A channel's receiver as a stream, with a waker that owns the last sender, and a sender with one that owns the last receiver.
    for (sender, mut receiver) in queues::<Counted>().into_iter().chain([channel::rendezvous()]) {
        let waker = owning((sender, books.value()));
        assert!(receiver.poll_next(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        drop(receiver);
        assert_eq!(books.alive(), 0);
    }
    for (sender, receiver) in [channel::bounded(1), channel::rendezvous()] {
        drop(sender.try_send(books.value()));
        let mut send = Box::pin(sender.send(books.value()));
        let waker = owning((receiver, books.value()));
        assert!(poll_with(send.as_mut(), &waker).is_pending());
        drop(waker);
        drop(send);
        assert!(sender.is_closed(), "its last receiver went with the waker");
        drop(sender);
        assert_eq!(books.alive(), 0);
    }
}

#[test]
fn no_waker_stays_behind_when_everybody_has_gone() {
    let _watchdog = Watchdog::usual();
    struct Token;
    impl Wake for Token {
        fn wake(self: Arc<Self>) {}
    }
    let token = Arc::new(Token);
    let waker = Waker::from(token.clone());
    let lock = Lock::new(());
    let semaphore = Semaphore::new(0);
    let event = Event::new();
    let (sender, receiver) = channel::bounded::<u8>(1);
    let mut dice = Dice::new();
    for _ in 0..300 {
        let guard = lock.try_lock();
        let mut locks: Vec<_> = (0..4).map(|_| Box::pin(lock.lock())).collect();
        let mut permits: Vec<_> = (0..4).map(|_| Box::pin(semaphore.acquire())).collect();
        let mut waits: Vec<_> = (0..4).map(|_| Box::pin(event.wait())).collect();
        let mut receives: Vec<_> = (0..4).map(|_| Box::pin(receiver.recv())).collect();
        let mut guard = guard;
        while !(locks.is_empty() && permits.is_empty() && waits.is_empty() && receives.is_empty()) {
            match dice.below(9) {
                0 => locks.iter_mut().for_each(|future| touch(future.as_mut(), &waker)),
                1 => permits.iter_mut().for_each(|future| touch(future.as_mut(), &waker)),
                2 => waits.iter_mut().for_each(|future| touch(future.as_mut(), &waker)),
                3 => receives.iter_mut().for_each(|future| touch(future.as_mut(), &waker)),
                4 => drop(guard.take()),
                5 => drop(locks.pop()),
                6 => drop(permits.pop()),
                7 => drop(waits.pop()),
                _ => drop(receives.pop()),
            }
            // A future that is done is not polled again.
            locks.retain_mut(|future| !matches!(poll_with(future.as_mut(), &waker), Poll::Ready(_)));
        }
    }
    drop(waker);
    wait_until("the bells have rung", || Arc::strong_count(&token) == 1);
    drop((sender, receiver));
}
