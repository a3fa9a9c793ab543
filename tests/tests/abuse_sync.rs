//! Primitives used as nobody should: futures leaked while they wait, wakers that panic, come back or own what they wake,
//! values whose destructors use the very channel they lay in, streams left standing in line, storms of everything.
//!
//! What must hold all the same: whoever behaves is served, nothing is dropped twice or never, and nothing hangs.

use filch::sync::channel::{self, Receiver, Sender, TryRecvError, TrySendError};
use filch::sync::{Event, Lock, MAX_PERMITS, Semaphore, oneshot};
use filch::time::timeout;
use filch::{Runtime, yield_now};
use filch_tests::{Counted, Dice, PATIENCE, Tally, Watchdog, keep, kept, on_wake, wait_until};
use futures_lite::StreamExt;
use futures_lite::future::{block_on, poll_once};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// What was told to come has at least so long to do so.
const GRACE: Duration = Duration::from_millis(1);

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

/// Polls `future` once with `waker`.
fn poll_with<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// As [`poll_with`], whatever comes of it.
fn touch<F: Future>(future: Pin<&mut F>, waker: &Waker) {
    let _either = poll_with(future, waker);
}

/// Makes `future` wait, and leaks it while it does.
fn leak_waiting<F: Future + Send + 'static>(future: F) {
    let mut future = Box::pin(future);
    assert!(poll_with(future.as_mut(), Waker::noop()).is_pending(), "it was to wait");
    keep(future);
}

/// One channel of each kind that holds values: small and bounded, large and bounded, without bound.
fn queues<T>() -> [(Sender<T>, Receiver<T>); 3] {
    [channel::bounded(100), channel::bounded(1 << 30), channel::unbounded()]
}

// Leaks.

#[test]
fn a_lock_whose_waiters_were_leaked_serves_the_others() {
    let _watchdog = Watchdog::usual();
    let lock = kept(Lock::new(0));
    let guard = lock.try_lock().expect("it is free");
    // More than the lock watches over: the head, the one that watches, and some behind.
    (0..5).for_each(|_| leak_waiting(lock.lock()));
    drop(guard);
    let runtime = runtime(2);
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            runtime.spawn(async {
                for _ in 0..50 {
                    let mut guard = lock.lock().await;
                    yield_now().await;
                    *guard += 1;
                }
            })
        })
        .collect();
    let plain = thread::spawn(|| (0..50).for_each(|_| *lock.lock_blocking() += 1));
    tasks.into_iter().for_each(|task| block_on(task).expect("no panic"));
    plain.join().expect("no panic");
    assert_eq!(*block_on(lock.lock()), 250);
}

#[test]
fn permits_given_to_leaked_waiters_are_gone_and_no_others() {
    let _watchdog = Watchdog::usual();
    let semaphore = loop {
        let semaphore = kept(Semaphore::new(0));
        // They are in the queue, so it is they who get the first three.
        (0..3).for_each(|_| leak_waiting(semaphore.acquire()));
        let mut waits = pin!(semaphore.acquire_many(2));
        assert!(poll_with(waits.as_mut(), Waker::noop()).is_pending());
        let begin = Instant::now();
        semaphore.add_permits(4);
        let is_pending = poll_with(waits.as_mut(), Waker::noop()).is_pending();
        let free = semaphore.available_permits();
        semaphore.add_permits(1);
        let polled = poll_with(waits.as_mut(), Waker::noop());
        if begin.elapsed() >= GRACE {
            // Whoever is kept from the processor for so long may find that what the leaked did not fetch goes to others.
            continue;
        }
        assert!(is_pending, "three are with the leaked");
        assert_eq!(free, 1);
        let Poll::Ready(Ok(permits)) = polled else {
            panic!("there are enough now");
        };
        drop(permits);
        break semaphore;
    };
    assert_eq!(semaphore.available_permits(), 2);
    // A permit that is leaked is one that is forgotten.
    std::mem::forget(semaphore.try_acquire());
    assert_eq!(semaphore.available_permits(), 1);
    leak_waiting(semaphore.acquire_many(2));
    semaphore.close();
    assert!(block_on(semaphore.acquire()).is_err());
}

#[test]
fn leaked_waiters_of_events_channels_and_oneshots_keep_nobody_from_the_end() {
    let _watchdog = Watchdog::usual();
    let event = kept(Event::new());
    (0..100).for_each(|_| leak_waiting(event.wait()));
    let late = thread::spawn(|| event.wait_blocking());
    event.set();
    late.join().expect("no panic");

    for (sender, receiver) in queues::<Counted>() {
        let books = Tally::new();
        let (sender, receiver) = (kept(sender), kept(receiver));
        (0..40).for_each(|_| leak_waiting(receiver.recv()));
        // A telling goes to each of the leaked, but what was sent is there for whoever asks, and the end is told to all.
        let taking = thread::spawn(|| std::iter::from_fn(|| receiver.recv_blocking().ok()).count());
        for _ in 0..90 {
            let value = books.value();
            sender.send_blocking(value).expect("it is open");
        }
        sender.close();
        assert_eq!(taking.join().expect("no panic"), 90);
        assert_eq!(books.alive(), 0);
        assert!(matches!(receiver.try_recv(), Err(TryRecvError::Closed)));
    }

    let (sender, receiver) = channel::rendezvous::<u8>();
    let (sender, receiver) = (kept(sender), kept(receiver));
    (0..40).for_each(|_| leak_waiting(receiver.recv()));
    let waits = thread::spawn(|| receiver.recv_blocking());
    sender.close();
    assert!(waits.join().expect("no panic").is_err());

    // Senders that wait, leaked: what is in their hands is theirs, and room that comes is used by others.
    let books = Tally::new();
    let (sender, receiver) = channel::bounded(1);
    let (sender, receiver) = (kept(sender), receiver);
    sender.try_send(books.value()).expect("there is room");
    (0..40).for_each(|_| leak_waiting(sender.send(books.value())));
    for _ in 0..100 {
        drop(receiver.try_recv().expect("a value"));
        sender.try_send(books.value()).expect("there is room");
    }
    drop(receiver);
    assert_eq!(books.alive(), 40, "nothing but what was leaked");

    let (sender, receiver) = oneshot::channel();
    leak_waiting(receiver);
    sender.send(books.value()).expect("nobody has dropped the receiver");
    let (sender, receiver) = oneshot::channel::<Counted>();
    keep(sender);
    assert!(block_on(poll_once(receiver)).is_none());
}

#[test]
fn a_leaked_rendezvous_send_gives_its_value_to_whoever_comes() {
    let _watchdog = Watchdog::usual();
    let books = Tally::new();
    let (sender, receiver) = channel::rendezvous();
    let sender: &'static Sender<Counted> = kept(sender);
    (0..10).for_each(|_| leak_waiting(sender.send(books.value())));
    for left in (0..10).rev() {
        drop(receiver.try_recv().expect("it lies in the hand of one that was leaked"));
        assert_eq!(books.alive(), left);
    }
    assert!(matches!(receiver.try_recv(), Err(TryRecvError::Empty)));
}

// Streams in line.

/// Makes `idle` stand in line as a stream, gives that up, and then has `waits` wait: a message must wake it.
fn the_one_that_waits_is_told(idle: Receiver<u32>, sender: &Sender<u32>, share: bool) {
    let mut idle = idle;
    assert!(block_on(poll_once(idle.next())).is_none(), "nothing is there");
    let waits = if share { idle.clone() } else { idle };
    let woken = Tally::new();
    let count = woken.clone();
    let waker = on_wake(move || {
        count.count();
    });
    let mut asks = pin!(waits.recv());
    assert!(poll_with(asks.as_mut(), &waker).is_pending());
    let mut send = pin!(sender.send(1));
    // From hand to hand a send waits to be taken.
    touch(send.as_mut(), Waker::noop());
    assert_eq!(woken.counted(), 1, "the telling went to one that does not wait");
    assert_eq!(poll_with(asks, &waker), Poll::Ready(Ok(1)));
}

#[test]
fn a_receiver_polled_as_a_stream_and_then_not_is_told_when_asked_another_way() {
    let _watchdog = Watchdog::usual();
    for (sender, receiver) in queues::<u32>().into_iter().chain([channel::rendezvous()]) {
        the_one_that_waits_is_told(receiver, &sender, false);
    }
}

#[test]
fn a_stream_given_up_takes_no_message_from_its_clone() {
    let _watchdog = Watchdog::usual();
    for (sender, receiver) in queues::<u32>().into_iter().chain([channel::rendezvous()]) {
        let _idle = receiver.clone();
        the_one_that_waits_is_told(receiver, &sender, true);
    }
}

// Values.

/// A value that, dropped, comes back to a channel.
struct ComesBack(
    Arc<OnceLock<(Sender<Self>, Receiver<Self>)>>,
    #[expect(dead_code, reason = "counts")] Option<Counted>,
);

impl Drop for ComesBack {
    fn drop(&mut self) {
        let Some((sender, receiver)) = self.0.get() else { return };
        // Deep recursion is the user's own doing; so this looks only one level down.
        thread_local!(static DEPTH: AtomicUsize = const { AtomicUsize::new(0) });
        DEPTH.with(|depth| {
            if depth.fetch_add(1, Ordering::Relaxed) == 0 {
                let _refused = sender.try_send(Self(Arc::default(), None));
                drop(receiver.try_recv());
                let mut send = Box::pin(sender.send(Self(Arc::default(), None)));
                touch(send.as_mut(), Waker::noop());
                touch(pin!(receiver.recv()), Waker::noop());
                drop(send);
                let _lengths = (sender.len(), receiver.is_closed());
                drop((sender.clone(), receiver.clone()));
            }
            depth.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

#[test]
fn values_whose_drop_uses_the_channel_wherever_they_are_dropped() {
    let _watchdog = Watchdog::usual();
    for way in 0..5 {
        for (sender, receiver) in [channel::bounded(3), channel::bounded(1 << 30), channel::rendezvous()] {
            let books = Tally::new();
            let shared = Arc::new(OnceLock::new());
            assert!(shared.set((sender, receiver)).is_ok());
            let (sender, receiver) = shared.get().expect("set just now");
            let value = || ComesBack(shared.clone(), Some(books.value()));
            match way {
                // Refused, given up while waiting, taken and dropped, left in a closed channel.
                0 => {
                    sender.close();
                    assert!(matches!(sender.try_send(value()), Err(TrySendError::Closed(_))));
                    assert!(sender.send_blocking(value()).is_err());
                }
                1 => {
                    while sender.capacity() != Some(1 << 30) && sender.try_send(value()).is_ok() {}
                    let mut sends: Vec<_> = (0..3).map(|_| Box::pin(sender.send(value()))).collect();
                    sends.iter_mut().for_each(|send| touch(send.as_mut(), Waker::noop()));
                    drop(sends);
                }
                2 => {
                    let _either = sender.try_send(value());
                    drop(receiver.try_recv());
                }
                3 => {
                    (0..3).for_each(|_| drop(sender.try_send(value())));
                    receiver.close();
                    while receiver.try_recv().is_ok() {}
                }
                _ => drop(sender.send(value())),
            }
            // Those left inside own the channel they lie in: they are let out by hand.
            while receiver.try_recv().is_ok() {}
            assert_eq!(books.alive(), 0, "way {way}");
        }
    }
}

#[test]
fn values_that_are_large_aligned_or_nothing_at_all() {
    let _watchdog = Watchdog::usual();
    #[repr(align(4096))]
    struct Page(u64);
    // On a stack that holds a few of such values, and not as many as a block of the queue.
    let thread = thread::Builder::new().stack_size(1 << 20).spawn(|| {
        const LARGE: usize = 32 << 10;
        for (sender, receiver) in [channel::unbounded(), channel::bounded(1 << 20), channel::bounded(2)] {
            for round in 0..100_u8 {
                sender.try_send([round; LARGE]).unwrap_or_else(|_| panic!("there is room"));
                assert_eq!(receiver.try_recv().map(|value| (value[0], value[LARGE - 1])), Ok((round, round)));
            }
        }
        for (sender, receiver) in queues() {
            (0..70).for_each(|n| sender.try_send(Page(n)).unwrap_or_else(|_| panic!("there is room")));
            for n in 0..70 {
                let page = Box::new(receiver.try_recv().unwrap_or_else(|_| panic!("it was sent")));
                assert_eq!((page.0, std::ptr::from_ref(&*page).addr() % 4096), (n, 0));
            }
        }
        for (sender, receiver) in
            [channel::bounded(usize::MAX), channel::bounded(MAX_PERMITS), channel::unbounded()]
        {
            (0..1000).for_each(|_| sender.try_send(()).expect("there is room"));
            assert_eq!(receiver.len(), 1000);
            sender.close();
            assert_eq!(std::iter::from_fn(|| receiver.try_recv().ok()).count(), 1000);
        }
    });
    thread.expect("a thread").join().expect("no panic");
}

#[test]
fn capacities_are_kept_to_the_value() {
    let _watchdog = Watchdog::usual();
    for capacity in [1, 2, 3, 31, 32, 33, 63, 64, 65, 1000, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, 70_001] {
        let books = Tally::new();
        let (sender, receiver) = channel::bounded(capacity);
        assert_eq!(sender.capacity(), Some(capacity));
        for lap in 0..3 {
            for n in 0..capacity {
                assert_eq!(sender.len(), n);
                sender.try_send(books.value()).unwrap_or_else(|_| panic!("{n} of {capacity} in lap {lap}"));
            }
            assert!(matches!(sender.try_send(books.value()), Err(TrySendError::Full(_))));
            assert_eq!((receiver.len(), books.alive()), (capacity, capacity));
            // Not to the end in the first laps: what follows begins elsewhere in the ring.
            for _ in 0..capacity - usize::from(lap == 0 && capacity > 1) {
                drop(receiver.try_recv().expect("it is there"));
            }
            while receiver.try_recv().is_ok() {}
        }
        assert_eq!(books.alive(), 0);
    }
}

#[test]
fn requests_of_no_permits_and_of_more_than_there_can_be() {
    let _watchdog = Watchdog::usual();
    let semaphore = Semaphore::new(0);
    drop(semaphore.try_acquire_many(0).expect("nobody waits"));
    for huge in [MAX_PERMITS, MAX_PERMITS + 1, usize::MAX - 1, usize::MAX] {
        let mut waits = Box::pin(semaphore.acquire_many(huge));
        assert!(poll_with(waits.as_mut(), Waker::noop()).is_pending());
        // Behind it everybody waits, those too who want nothing.
        let mut nothing = pin!(semaphore.acquire_many(0));
        assert!(poll_with(nothing.as_mut(), Waker::noop()).is_pending());
        semaphore.add_permits(7);
        assert!(poll_with(nothing.as_mut(), Waker::noop()).is_pending());
        drop(waits);
        assert!(poll_with(nothing.as_mut(), Waker::noop()).is_ready(), "the way is free");
        semaphore.try_acquire_many(7).expect("they are all there").forget();
    }
    let full = Semaphore::new(usize::MAX);
    assert_eq!(full.available_permits(), MAX_PERMITS);
    let all = full.try_acquire_many(MAX_PERMITS).expect("they are all there");
    assert_eq!(full.available_permits(), 0);
    drop(all);
    assert_eq!(full.available_permits(), MAX_PERMITS);
    full.close();
    full.add_permits(usize::MAX);
    assert_eq!(full.available_permits(), MAX_PERMITS);
    assert!(full.is_closed(), "no permit runs over into the flags");
}

// Storms.

#[test]
fn permits_are_conserved_under_a_storm_from_everywhere() {
    let watchdog = Watchdog::usual();
    const PERMITS: usize = 5;
    let (one, two) = (runtime(2), runtime(1));
    watchdog.watch("one", one.handle());
    watchdog.watch("two", two.handle());
    let semaphore = Arc::new(Semaphore::new(PERMITS));
    let held = Arc::new(AtomicUsize::new(0));
    let mut dice = Dice::new();
    /// Holds what it got for a while, in pieces.
    async fn hold(held: Arc<AtomicUsize>, mut permit: filch::sync::OwnedSemaphorePermit, mut dice: Dice) {
        struct Held(Arc<AtomicUsize>, usize);
        impl Drop for Held {
            fn drop(&mut self) {
                self.0.fetch_sub(self.1, Ordering::SeqCst);
            }
        }
        let count = permit.count();
        assert!(held.fetch_add(count, Ordering::SeqCst) + count <= PERMITS, "more than there are");
        // Dropped before the permit, as the order of declaration has it.
        let _held = Held(held, count);
        let part = permit.split(dice.below(count + 1));
        yield_now().await;
        drop(_held);
        drop(part);
        yield_now().await;
    }
    let mut abort = Vec::new();
    let tasks: Vec<_> = (0..400)
        .map(|n| {
            let (semaphore, held) = (semaphore.clone(), held.clone());
            let mut dice = dice.fork();
            let on = if n % 3 == 0 { &two } else { &one };
            let task = on.spawn(async move {
                for _ in 0..6 {
                    let count = 1 + dice.below(PERMITS);
                    let asks = semaphore.clone().acquire_many_owned(count);
                    let patience = Duration::from_micros(dice.below(300) as u64);
                    if let Ok(got) = timeout(patience, asks).await {
                        hold(held.clone(), got.expect("it is open"), dice.fork()).await;
                    }
                }
            });
            if n % 4 == 0 {
                abort.push(task.abort_handle());
            }
            task
        })
        .collect();
    let plain = {
        let semaphore = semaphore.clone();
        thread::spawn(move || (0..200).for_each(|_| drop(semaphore.acquire_blocking().expect("it is open"))))
    };
    for abort in abort {
        abort.abort();
        thread::yield_now();
    }
    for task in tasks {
        assert!(block_on(task).err().is_none_or(|error| error.is_aborted()));
    }
    plain.join().expect("no panic");
    assert_eq!((semaphore.available_permits(), held.load(Ordering::SeqCst)), (PERMITS, 0));
    drop(semaphore.try_acquire_many(PERMITS).expect("nobody waits"));
}

#[test]
fn ends_cloned_and_dropped_in_a_storm_close_once_and_for_all() {
    let watchdog = Watchdog::usual();
    let runtime = runtime(2);
    watchdog.watch("runtime", runtime.handle());
    for round in 0..60 {
        let (sender, receiver) = match round % 3 {
            0 => channel::bounded(4),
            1 => channel::unbounded(),
            _ => channel::rendezvous(),
        };
        let books = Tally::new();
        let receivers: Vec<_> = (0..4)
            .map(|n| {
                let mut receiver = receiver.clone();
                runtime.spawn(async move {
                    let mut got = 0;
                    loop {
                        let next = match n {
                            0 => receiver.next().await,
                            1 => receiver.clone().recv().await.ok(),
                            _ => receiver.recv().await.ok(),
                        };
                        let Some(value) = next else { return got };
                        drop::<Counted>(value);
                        got += 1;
                    }
                })
            })
            .collect();
        drop(receiver);
        let senders: Vec<_> = (0..4)
            .map(|_| {
                let (sender, books) = (sender.clone(), books.clone());
                runtime.spawn(async move {
                    for _ in 0..25 {
                        sender.clone().send(books.value()).await.expect("there are receivers");
                    }
                })
            })
            .collect();
        drop(sender);
        senders.into_iter().for_each(|task| block_on(task).expect("no panic"));
        let got: usize = receivers.into_iter().map(|task| block_on(task).expect("no panic")).sum();
        assert_eq!((got, books.alive()), (100, 0));
    }
}

#[test]
fn an_event_set_and_cleared_in_a_storm_releases_whoever_waited() {
    let watchdog = Watchdog::usual();
    let runtime = runtime(2);
    watchdog.watch("runtime", runtime.handle());
    let event = Arc::new(Event::new());
    let over = Arc::new(AtomicBool::new(false));
    let setters: Vec<_> = (0..2)
        .map(|_| {
            let (event, over) = (event.clone(), over.clone());
            thread::spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    event.set();
                    event.clear();
                }
            })
        })
        .collect();
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let event = event.clone();
            runtime.spawn(async move {
                for round in 0..40 {
                    if (n + round) % 5 == 0 {
                        let _either = poll_once(event.wait()).await;
                    } else {
                        event.wait().await;
                    }
                }
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| block_on(task).expect("no panic"));
    over.store(true, Ordering::SeqCst);
    setters.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

// Everywhere.

#[test]
fn one_lock_one_channel_and_one_event_for_three_runtimes_and_none() {
    let watchdog = Watchdog::usual();
    let runtimes = [runtime(1), runtime(2), runtime(1)];
    runtimes.iter().for_each(|runtime| watchdog.watch("one of three", runtime.handle()));
    let lock = Arc::new(Lock::new(0));
    let begin = Arc::new(Event::new());
    let (sender, receiver) = channel::bounded(1);
    let work = |lock: Arc<Lock<u32>>, begin: Arc<Event>, sender: Sender<u32>| async move {
        begin.wait().await;
        for _ in 0..50 {
            let mut guard = lock.clone().lock_owned().await;
            *guard += 1;
            let value = *guard;
            // Held across another wait, and let go wherever that is over.
            sender.send(value).await.expect("there is a receiver");
        }
    };
    let mut joins = Vec::new();
    for runtime in &runtimes {
        joins.push(runtime.spawn(work(lock.clone(), begin.clone(), sender.clone())));
    }
    let foreign = {
        let work = work(lock.clone(), begin.clone(), sender.clone());
        thread::spawn(move || block_on(work))
    };
    let plain = {
        let (lock, begin, sender) = (lock.clone(), begin.clone(), sender);
        thread::spawn(move || {
            begin.wait_blocking();
            for _ in 0..50 {
                let mut guard = lock.lock_blocking();
                *guard += 1;
                sender.send_blocking(*guard).expect("there is a receiver");
            }
        })
    };
    begin.set();
    // Sent under the lock, so they arrive in order.
    let all: Vec<_> = block_on(receiver.collect());
    assert_eq!(all, (1..=250).collect::<Vec<_>>());
    joins.into_iter().for_each(|task| block_on(task).expect("no panic"));
    foreign.join().expect("no panic");
    plain.join().expect("no panic");
    // A runtime that ends takes its waiters along, and no turn.
    let guard = lock.try_lock().expect("it is free");
    let [first, second, third] = runtimes;
    let waits = [&first, &second].map(|runtime| {
        let lock = lock.clone();
        runtime.spawn(async move { *lock.lock().await })
    });
    let last = third.spawn({
        let lock = lock.clone();
        async move { *lock.lock().await }
    });
    third.block_on(yield_now());
    drop((first, second));
    drop(guard);
    assert_eq!(block_on(last).expect("its runtime lives"), 250);
    for wait in waits {
        assert!(block_on(wait).is_ok_and(|value| value == 250) || lock.try_lock().is_some());
    }
}

#[test]
fn a_turn_that_comes_while_its_runtime_ends_is_passed_on() {
    let _watchdog = Watchdog::usual();
    for round in 0..100_u64 {
        let (lock, semaphore) = (Arc::new(Lock::new(())), Arc::new(Semaphore::new(0)));
        let guard = lock.try_lock().expect("it is free");
        let runtime = runtime(1);
        for _ in 0..3 {
            let (lock, semaphore) = (lock.clone(), semaphore.clone());
            runtime
                .spawn(async move {
                    drop(lock.lock().await);
                    let _permit = semaphore.acquire().await;
                    std::future::pending::<()>().await;
                })
                .detach();
        }
        runtime.block_on(yield_now());
        let gives = {
            let semaphore = semaphore.clone();
            thread::spawn(move || {
                thread::park_timeout(Duration::from_micros(round));
                semaphore.add_permits(3);
            })
        };
        drop(guard);
        drop(runtime);
        gives.join().expect("no panic");
        wait_until("the lock is free", || lock.try_lock().is_some());
        assert_eq!(semaphore.available_permits(), 3, "what was given to the dead came back");
    }
}

#[test]
fn tasks_that_own_both_ends_of_what_they_wait_for_go_when_told_to() {
    let _watchdog = Watchdog::usual();
    let books = Tally::new();
    let runtime = runtime(1);
    let (told, tells) = mpsc::channel();
    let tasks: Vec<_> = (0..3)
        .map(|way| {
            let (value, told) = (books.value(), told.clone());
            runtime.spawn(async move {
                let _value = value;
                let (sender, receiver) = channel::unbounded::<u8>();
                let (one, other) = oneshot::channel::<u8>();
                let semaphore = Semaphore::new(0);
                told.send(()).expect("the test listens");
                match way {
                    0 => drop(receiver.recv().await),
                    1 => drop(other.await),
                    _ => drop(semaphore.acquire().await),
                }
                drop((sender, one));
            })
        })
        .collect();
    (0..3).for_each(|_| tells.recv_timeout(PATIENCE).expect("it runs"));
    for task in &tasks {
        task.abort();
    }
    for task in tasks {
        assert!(block_on(task).expect_err("nobody could ever wake it").is_aborted());
    }
    assert_eq!(books.alive(), 0);
}
