//! User code that panics or comes back, and values that must be dropped once.

use super::kinds;
use crate::broadcast::ring::BLOCK_MAX;
use crate::broadcast::{ClosedFuture, Receiver, Sender, TryRecvError, bounded, lossy};
use crate::testing::{Hand, PanicOnWake, leak};
use crate::watchman::held;
use filch_primitive::WAKE_BATCH_CAPACITY;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};

#[test]
fn a_waker_that_panics_costs_the_others_nothing() {
    for (_, (sender, first)) in kinds() {
        let mut receivers = [first, sender.subscribe(), sender.subscribe()];
        let mut recvs: Vec<_> = receivers.iter_mut().map(|receiver| Hand::new(receiver.recv())).collect();
        recvs[0].pends();
        assert!(recvs[1].poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
        recvs[2].pends();
        assert_eq!(sender.try_send(1), Ok(3));
        assert_eq!((recvs[0].wakes(), recvs[2].wakes()), (1, 1));
        assert!(recvs.iter_mut().all(|recv| recv.ready() == Ok(1)));
    }
}

/// Does everything that a sender can when woken, and when dropped.
struct ComesBack(Sender<usize>, AtomicUsize);

impl ComesBack {
    fn come_back(&self) {
        let _ = self.0.try_send(9);
        let mut late = self.0.subscribe();
        let _ = late.try_recv();
        assert!(self.0.statistics().senders >= 1);
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

impl Wake for ComesBack {
    fn wake(self: Arc<Self>) {
        self.come_back();
    }
}

impl Drop for ComesBack {
    fn drop(&mut self) {
        self.come_back();
    }
}

#[test]
fn wakers_run_and_drop_under_no_lock() {
    for (_, (sender, mut receiver)) in kinds() {
        let waker = Arc::new(ComesBack(sender.clone(), AtomicUsize::new(0)));
        let mut recv = Hand::new(receiver.recv());
        assert!(recv.poll_with(&Waker::from(waker.clone())).is_pending());
        sender.try_send(1).unwrap();
        assert_eq!(waker.1.load(Ordering::Relaxed), 1);
        assert_eq!(recv.ready(), Ok(1));
        drop(recv);
        while receiver.try_recv().is_ok() {}
        let mut recv = Hand::new(receiver.recv());
        assert!(recv.poll_with(&Waker::from(waker)).is_pending());
        // The last owner of the waker is the list: replaced, it is dropped, and sends.
        assert!(recv.poll().is_pending());
        assert_eq!(recv.ready(), Ok(9));
    }
}

#[test]
fn who_waits_for_the_end_finds_everything_gone_when_woken() {
    struct Looks(Sender<()>, AtomicBool);

    impl Wake for Looks {
        fn wake(self: Arc<Self>) {
            assert_eq!((self.0.receiver_count(), self.0.len()), (0, 0));
            assert!(self.0.is_empty() && self.0.try_send(()).is_err());
            self.1.store(true, Ordering::Relaxed);
        }
    }

    let (sender, receiver) = bounded(100);
    (0..100).for_each(|_| assert_eq!(sender.try_send(()), Ok(1)));
    let looks = Arc::new(Looks(sender.clone(), AtomicBool::new(false)));
    let mut closed = Hand::new(sender.closed());
    assert!(closed.poll_with(&Waker::from(looks.clone())).is_pending());
    drop(receiver);
    assert!(looks.1.load(Ordering::Relaxed), "an assertion in the waker failed");
    closed.ready();
}

/// Panics when the number is 0; counts its clones and drops.
struct Fragile(usize, Counts);

/// Clones and drops since the last look.
type Counts = Arc<(AtomicUsize, AtomicUsize)>;

fn look(counts: &Counts) -> (usize, usize) {
    (counts.0.swap(0, Ordering::Relaxed), counts.1.swap(0, Ordering::Relaxed))
}

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert_ne!(self.0, 0, "a clone that panics on purpose");
        self.1.0.fetch_add(1, Ordering::Relaxed);
        Self(self.0, self.1.clone())
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        self.1.1.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_clone_that_panics_has_received_and_harms_nothing() {
    for (_, (sender, mut receiver)) in kinds() {
        let counts = Counts::default();
        let mut other = receiver.clone();
        (0..2).for_each(|n| assert_eq!(sender.try_send(Fragile(n, counts.clone())).ok(), Some(2)));
        assert!(catch_unwind(AssertUnwindSafe(|| receiver.try_recv().is_ok())).is_err());
        assert_eq!(receiver.try_recv().map(|value| value.0), Ok(1));
        assert_eq!(other.try_recv().map(|value| value.0), Ok(0), "the last has it by move");
        assert_eq!(other.try_recv().map(|value| value.0), Ok(1));
        assert_eq!(look(&counts), (1, 3), "one clone, and two values");
        assert!(sender.is_empty());
    }
}

#[test]
fn the_last_receiver_of_a_value_moves_it_out() {
    let counts = Counts::default();
    let (sender, mut receiver) = lossy(4);
    for _ in 0..10 {
        assert!(sender.try_send(Fragile(1, counts.clone())).is_ok());
        assert!(receiver.try_recv().is_ok());
    }
    assert_eq!(look(&counts), (0, 10), "never cloned");
}

#[test]
fn what_only_one_that_goes_wanted_goes_with_it() {
    for (sender, mut receiver) in [lossy(100), bounded(100)] {
        let counts = Counts::default();
        let behind = receiver.clone();
        for _ in 0..100 {
            assert!(sender.try_send(Fragile(1, counts.clone())).is_ok());
        }
        (0..60).for_each(|_| assert!(receiver.try_recv().is_ok()));
        assert_eq!(look(&counts), (60, 60), "clones, all of them dropped");
        drop(behind);
        assert_eq!((look(&counts), sender.len()), ((0, 60), 40));
        drop(receiver);
        assert_eq!((look(&counts), sender.len()), ((0, 40), 0));
        drop(sender);
        assert_eq!(Arc::strong_count(&counts), 1);
    }
}

/// Sends when it is cloned, so that it is overwritten while it is being read.
struct Overtaken(Arc<Mutex<Option<Sender<Self>>>>, Arc<AtomicUsize>);

impl Clone for Overtaken {
    fn clone(&self) -> Self {
        let sender = self.0.lock().unwrap().take();
        if let Some(sender) = sender {
            for _ in 0..100 {
                assert!(sender.try_send(Self(self.0.clone(), self.1.clone())).is_ok());
            }
            assert_eq!(self.1.load(Ordering::Relaxed), 99, "the one that is read is there, and the last");
        }
        Self(self.0.clone(), self.1.clone())
    }
}

impl Drop for Overtaken {
    fn drop(&mut self) {
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_value_that_is_overwritten_while_it_is_cloned_stays_for_that_long() {
    let (place, drops) = (Arc::new(Mutex::new(None)), Arc::new(AtomicUsize::new(0)));
    let (sender, mut receiver) = lossy(1);
    let other = receiver.clone();
    assert!(sender.try_send(Overtaken(place.clone(), drops.clone())).is_ok());
    *place.lock().unwrap() = Some(sender);
    let received = receiver.try_recv();
    // The sender is gone, after its hundred values.
    assert_eq!(drops.load(Ordering::Relaxed), 100, "that one, and all but the last of the hundred");
    assert_eq!(receiver.try_recv().err(), Some(TryRecvError::Lagged(99)));
    drop((received, receiver, other));
    assert_eq!(drops.load(Ordering::Relaxed), 102);
}

/// A value that comes back to its channel when dropped, or panics.
struct Comes(Arc<Mutex<Option<Sender<Self>>>>, bool, Arc<AtomicUsize>);

impl Clone for Comes {
    fn clone(&self) -> Self {
        self.come();
        Self(self.0.clone(), self.1, self.2.clone())
    }
}

impl Comes {
    fn come(&self) {
        if let Some(sender) = &*self.0.lock().unwrap() {
            drop(sender.subscribe());
            assert_eq!(sender.sender_count(), 1);
        }
    }
}

impl Drop for Comes {
    fn drop(&mut self) {
        self.come();
        self.2.fetch_add(1, Ordering::Relaxed);
        assert!(!self.1, "a destructor that panics on purpose");
    }
}

#[test]
fn values_are_cloned_and_dropped_under_no_lock() {
    for (_, (sender, mut receiver)) in kinds() {
        let (place, drops) = (Arc::new(Mutex::new(None)), Arc::new(AtomicUsize::new(0)));
        let value = || Comes(place.clone(), false, drops.clone());
        let other = receiver.clone();
        assert!(sender.try_send(value()).is_ok() && sender.try_send(value()).is_ok());
        *place.lock().unwrap() = Some(sender);
        assert!(receiver.try_recv().is_ok());
        if let Some(sender) = &*place.lock().unwrap() {
            assert_eq!((sender.len(), drops.load(Ordering::Relaxed)), (2, 1));
        }
        drop(other);
        drop(receiver);
        assert_eq!(drops.load(Ordering::Relaxed), 3);
        drop(place.lock().unwrap().take());
    }
}

#[test]
fn every_value_is_dropped_even_if_destructors_panic() {
    let (place, drops) = (Arc::new(Mutex::new(None)), Arc::new(AtomicUsize::new(0)));
    for (sender, receiver) in [lossy(100), bounded(100)] {
        for _ in 0..100 {
            assert!(sender.try_send(Comes(place.clone(), true, drops.clone())).is_ok());
        }
        let mut waits = sender.subscribe();
        let mut closed = Hand::new(sender.closed());
        closed.pends();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(receiver))).is_err(), "the first panic goes on");
        assert_eq!(drops.swap(0, Ordering::Relaxed), 100);
        assert_eq!(waits.try_recv().err(), Some(TryRecvError::Empty));
        drop(waits);
        assert_eq!(closed.wakes(), 1);
        closed.ready();
    }
}

#[test]
fn an_overwritten_value_that_panics_when_dropped_costs_nobody_a_wakeup() {
    let (place, drops) = (Arc::new(Mutex::new(None)), Arc::new(AtomicUsize::new(0)));
    let (sender, _slow) = lossy(1);
    assert!(sender.try_send(Comes(place.clone(), true, drops.clone())).is_ok());
    let mut late = sender.subscribe();
    let mut recv = Hand::new(late.recv());
    recv.pends();
    let sent = catch_unwind(AssertUnwindSafe(|| {
        sender.try_send(Comes(place.clone(), false, drops.clone())).is_ok()
    }));
    assert!(sent.is_err());
    assert_eq!(recv.wakes(), 1);
    assert!(recv.ready().is_ok());
}

#[test]
fn the_memory_of_a_burst_is_given_back() {
    let (sender, mut receiver) = bounded(100_000);
    (0..100_000).for_each(|n| assert_eq!(sender.try_send(n), Ok(1)));
    // All but one, which is always behind.
    (0..99_999).for_each(|n| assert_eq!(receiver.try_recv(), Ok(n)));
    assert!(sender.slots() <= 3 * BLOCK_MAX, "{} places are kept", sender.slots());
    assert_eq!(receiver.try_recv(), Ok(99_999));
    assert!(sender.slots() <= 3 * BLOCK_MAX);
}

/// Waits for the end, opens the channel again when it is told of it, and waits on: at most so often that a test with it comes to
/// an end.
struct Reopens {
    sender: &'static Sender<u8>,
    closed: Mutex<(Hand<ClosedFuture<'static, u8>>, usize)>,
    receivers: Arc<Mutex<Vec<Receiver<u8>>>>,
}

impl Reopens {
    fn polls(self: &Arc<Self>) {
        let mut place = self.closed.lock().unwrap();
        let (closed, polls) = &mut *place;
        *polls += 1;
        if *polls < 100 {
            assert!(closed.poll_with(&Waker::from(self.clone())).is_pending());
        }
    }
}

impl Wake for Reopens {
    fn wake(self: Arc<Self>) {
        self.receivers.lock().unwrap().push(self.sender.subscribe());
        self.polls();
    }
}

#[test]
fn those_that_open_it_again_and_wait_on_do_not_keep_the_last_receiver_from_going() {
    let _clock = held::hold();
    let (sender, receiver) = bounded(1);
    let sender: &'static Sender<u8> = leak(sender);
    let receivers = Arc::new(Mutex::new(Vec::new()));
    let all: Vec<_> = (0..3 * WAKE_BATCH_CAPACITY)
        .map(|_| {
            let closed = Mutex::new((Hand::new(sender.closed()), 0));
            Arc::new(Reopens { sender, closed, receivers: receivers.clone() })
        })
        .collect();
    all.iter().for_each(Reopens::polls);
    drop(receiver);
    assert!(all.iter().all(|one| one.closed.lock().unwrap().1 == 2), "once when it came, once by the end");
}
