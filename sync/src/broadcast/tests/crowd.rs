//! Ends that come and go at random, and values whose clones are slow, panic, or come back to the channel.
//!
//! At the end of each round every value that was made has been dropped, nobody waits, and each receiver is counted as standing once.
//! What goes wrong names the round's seed.

use crate::broadcast::{Receiver, RecvError, Sender, TryRecvError, TrySendError, WeakSender, bounded, lossy};
use crate::testing::{Random, within_a_minute};
use futures_lite::future::block_on;
use futures_sink::Sink;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

const SENDS: usize = 120;
const ROUNDS: u64 = 12;

/// What a clone panics with, on purpose.
struct Refused;

thread_local! {
    static DICE: RefCell<Random> = RefCell::new(Random::new(1));
    /// How deep one is in clones and drops that come back.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

fn dice(bound: usize) -> usize {
    DICE.with_borrow_mut(|dice| dice.below(bound))
}

fn seed_dice(seed: u64) {
    DICE.set(Random::new(seed));
}

/// In the middle of a clone.
fn linger() {
    match dice(100) {
        0 => resume_unwind(Box::new(Refused)),
        1..5 => thread::yield_now(),
        5..20 => (0..dice(300)).for_each(|_| std::hint::spin_loop()),
        _ => {}
    }
}

/// Values made and not dropped.
type Alive = Arc<AtomicUsize>;

trait Value: Clone + Send + Sync + 'static {
    /// Whether clones and drops send and subscribe.
    const COMES_BACK: bool = false;

    fn make(n: (usize, usize), alive: &Alive, weak: &WeakSender<Self>) -> Self;

    /// Who sent it, and its number there; none that is known, for some. Fails for one that was dropped, or never made.
    fn name(&self) -> Option<(usize, usize)>;
}

/// Owns memory, and counts itself. So many bytes beside.
struct Owned<const BYTES: usize> {
    name: Box<(usize, usize)>,
    alive: Alive,
    bytes: [u8; BYTES],
}

impl<const BYTES: usize> Owned<BYTES> {
    fn new(name: (usize, usize), alive: &Alive) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self { name: Box::new(name), alive: alive.clone(), bytes: [name.1 as u8; BYTES] }
    }
}

impl<const BYTES: usize> Value for Owned<BYTES> {
    fn make(name: (usize, usize), alive: &Alive, _: &WeakSender<Self>) -> Self {
        Self::new(name, alive)
    }

    fn name(&self) -> Option<(usize, usize)> {
        let (first, last) = (self.bytes.first(), self.bytes.last());
        assert!([first, last].into_iter().flatten().all(|byte| *byte == self.name.1 as u8));
        Some(*self.name)
    }
}

impl<const BYTES: usize> Clone for Owned<BYTES> {
    fn clone(&self) -> Self {
        linger();
        Self::new(*self.name, &self.alive)
    }
}

impl<const BYTES: usize> Drop for Owned<BYTES> {
    fn drop(&mut self) {
        // What was dropped before is found here by a sanitizer at the latest.
        self.name.1 = usize::MAX;
        let before = self.alive.fetch_sub(1, Ordering::Relaxed);
        assert!(before > 0, "dropped twice");
    }
}

/// Has nothing to drop, and changes inside while others look.
#[repr(align(128))]
struct Plain {
    name: (usize, usize),
    copy: (usize, usize),
    looks: AtomicU64,
}

impl Value for Plain {
    fn make(name: (usize, usize), _: &Alive, _: &WeakSender<Self>) -> Self {
        Self { name, copy: name, looks: AtomicU64::new(0) }
    }

    fn name(&self) -> Option<(usize, usize)> {
        assert_eq!(self.name, self.copy);
        Some(self.name)
    }
}

impl Clone for Plain {
    fn clone(&self) -> Self {
        let name = self.name;
        self.looks.fetch_add(1, Ordering::Relaxed);
        linger();
        Self { name, copy: self.copy, looks: AtomicU64::new(0) }
    }
}

/// Comes back to the channel when it is cloned and when it is dropped, and may hold a receiver.
struct Boomerang {
    inner: Owned<0>,
    weak: WeakSender<Self>,
    rider: Option<Receiver<Self>>,
}

impl Boomerang {
    fn come_back(&self) {
        let Some(sender) = self.weak.upgrade().filter(|_| DEPTH.get() < 2 && dice(4) == 0) else { return };
        DEPTH.set(DEPTH.get() + 1);
        let mut receiver = sender.subscribe();
        if dice(2) == 0 {
            drop(sender.try_send(Self::make((usize::MAX, 0), &self.inner.alive, &self.weak)));
        }
        drop(sender);
        let mut twin = receiver.clone();
        for receiver in [&mut receiver, &mut twin] {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(receiver.try_recv()))) {
                on_purpose(payload);
            }
        }
        DEPTH.set(DEPTH.get() - 1);
    }
}

impl Value for Boomerang {
    const COMES_BACK: bool = true;

    fn make(name: (usize, usize), alive: &Alive, weak: &WeakSender<Self>) -> Self {
        Self { inner: Owned::new(name, alive), weak: weak.clone(), rider: None }
    }

    fn name(&self) -> Option<(usize, usize)> {
        self.inner.name().filter(|name| name.0 != usize::MAX)
    }
}

impl Clone for Boomerang {
    fn clone(&self) -> Self {
        self.come_back();
        let inner = self.inner.clone();
        let sender = self.weak.upgrade().filter(|_| dice(8) == 0);
        Self { inner, weak: self.weak.clone(), rider: sender.map(|sender| sender.subscribe()) }
    }
}

impl Drop for Boomerang {
    fn drop(&mut self) {
        drop(self.rider.take());
        self.come_back();
    }
}

fn on_purpose(payload: Box<dyn Any + Send>) {
    if !payload.is::<Refused>() {
        resume_unwind(payload);
    }
}

/// A receiver, and what it knows.
struct Follower<T> {
    receiver: Receiver<T>,
    is_lossy: bool,
    /// The number that comes next, where one sends and all is known.
    next: Option<usize>,
    /// The last of each sender.
    last: [Option<usize>; 4],
}

impl<T: Value> Follower<T> {
    fn new(receiver: Receiver<T>, is_lossy: bool) -> Self {
        Self { receiver, is_lossy, next: None, last: [None; 4] }
    }

    fn twin(&self) -> Self {
        Self { receiver: self.receiver.clone(), ..*self }
    }

    /// Whether there was something; nothing at the end.
    fn receive(&mut self, waits: bool, one_sends: bool) -> Option<bool> {
        let receiver = &mut self.receiver;
        let attempt = || match waits {
            true => receiver.recv_blocking().map_err(|error| match error {
                RecvError::Lagged(missed) => TryRecvError::Lagged(missed),
                RecvError::Closed => TryRecvError::Closed,
            }),
            false => receiver.try_recv(),
        };
        let got = match catch_unwind(AssertUnwindSafe(attempt)) {
            Ok(got) => got,
            Err(payload) => {
                on_purpose(payload);
                // Received, and nobody knows what.
                self.next = self.next.map(|next| next + 1);
                self.last = [None; 4];
                return Some(true);
            }
        };
        match got {
            Ok(value) => self.judge(value.name(), one_sends && !T::COMES_BACK),
            Err(TryRecvError::Lagged(missed)) => {
                assert!(self.is_lossy);
                self.next = self.next.map(|next| next + missed as usize);
            }
            Err(TryRecvError::Empty) => return Some(false),
            Err(TryRecvError::Closed) => return None,
        }
        Some(true)
    }

    fn judge(&mut self, name: Option<(usize, usize)>, is_exact: bool) {
        let Some((sender, n)) = name else { return };
        if is_exact {
            assert!(self.next.is_none_or(|next| next == n), "gaps are exact");
            self.next = Some(n + 1);
        }
        if let Some(last) = self.last[sender].replace(n) {
            assert!(if self.is_lossy { n > last } else { n == last + 1 }, "{n} after {last}");
        }
    }

    /// Receives to the end, and is now this receiver and now that.
    fn follow(mut self, weak: &WeakSender<T>, one_sends: bool) -> Self {
        let mut twins: Vec<Self> = Vec::new();
        loop {
            match dice(40) {
                0 => self = self.twin(),
                1 => {
                    let twin = self.twin();
                    drop(std::mem::replace(&mut self, twin));
                }
                2 if let Some(sender) = weak.upgrade() => self = Self::new(sender.subscribe(), self.is_lossy),
                3 => self = Self::new(self.receiver.resubscribe(), self.is_lossy),
                4 if twins.len() < 2 => twins.push(self.twin()),
                5 if self.is_lossy => (0..50).for_each(|_| thread::yield_now()),
                6 => assert!(self.receiver.len() <= self.receiver.capacity()),
                7 => twins.clear(),
                _ => {}
            }
            // One that nobody looks after would stop a bounded channel.
            twins.retain_mut(|twin| twin.receive(false, one_sends).is_some());
            let waits = twins.is_empty() && dice(2) == 0;
            match self.receive(waits, one_sends) {
                None => return self,
                Some(true) => {}
                Some(false) => thread::yield_now(),
            }
        }
    }
}

/// Sends, by one way or another. Tries again while nobody receives.
fn send_all<T: Value>(name: usize, sender: &Sender<T>, alive: &Alive) {
    let weak = sender.downgrade();
    let mut n = 0;
    while n < SENDS {
        let value = T::make((name, n), alive, &weak);
        let sent = match dice(4) {
            0 => sender.send_blocking(value).is_ok(),
            1 => block_on(async {
                let mut sink = sender.clone().into_sink();
                Pin::new(&mut sink).start_send(value).is_ok()
                    && poll_fn(|cx| Pin::new(&mut sink).poll_flush(cx)).await.is_ok()
            }),
            _ => match sender.try_send(value) {
                Ok(_) => true,
                Err(TrySendError::Closed(_)) => false,
                Err(TrySendError::Full(value)) => sender.send_blocking(value).is_ok(),
            },
        };
        n += usize::from(sent);
    }
}

fn round<T: Value>(seed: u64) {
    let mut random = Random::new(seed);
    // One, around the end of a block, or any.
    let capacity = [1, 30 + random.below(5), 1 + random.below(70)][random.below(3)];
    let is_lossy = random.below(2) == 0;
    let (senders, receivers) = (1 + random.below(4), 1 + random.below(5));
    let (sender, first) = if is_lossy { lossy::<T>(capacity) } else { bounded::<T>(capacity) };
    let (alive, weak) = (Alive::default(), sender.downgrade());
    let mut all = vec![first];
    all.resize_with(receivers, || sender.subscribe());
    let number = move |name: usize| seed * 100 + name as u64;
    let following: Vec<_> = all
        .into_iter()
        .enumerate()
        .map(|(name, receiver)| {
            let weak = weak.clone();
            thread::spawn(move || {
                seed_dice(number(name));
                Follower::new(receiver, is_lossy).follow(&weak, senders == 1)
            })
        })
        .collect();
    let sending: Vec<_> = (0..senders)
        .map(|name| {
            let (sender, alive) = (sender.clone(), alive.clone());
            thread::spawn(move || {
                seed_dice(number(50 + name));
                send_all(name, &sender, &alive);
            })
        })
        .collect();
    drop(sender);
    sending.into_iter().for_each(|thread| thread.join().unwrap());
    let followers: Vec<_> = following.into_iter().map(|thread| thread.join().unwrap()).collect();
    let receiver = &followers[0].receiver;
    let statistics = receiver.statistics();
    assert_eq!((statistics.senders_waiting, statistics.receivers_waiting), (0, 0), "seed {seed}");
    if !T::COMES_BACK {
        assert_eq!((statistics.len, statistics.receivers), (0, receivers), "seed {seed}");
        assert_eq!(receiver.standing(), receivers as u64, "seed {seed}");
    }
    drop(followers);
    assert_eq!(alive.load(Ordering::Relaxed), 0, "made and not dropped, seed {seed}");
}

fn rounds<T: Value>() {
    within_a_minute(|| (1..=ROUNDS).for_each(round::<T>));
}

#[test]
fn owned_values() {
    rounds::<Owned<0>>();
}

#[test]
fn values_larger_than_a_block() {
    rounds::<Owned<17_000>>();
}

#[test]
fn values_that_need_no_drop() {
    rounds::<Plain>();
}

#[test]
fn values_that_come_back_when_they_are_cloned_and_dropped() {
    rounds::<Boomerang>();
}
