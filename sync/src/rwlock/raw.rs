//! All of [`RwLock`](super::RwLock) but the value; the protocol is in the [module docs](super).

use super::RwLockStatistics;
use super::turns::{Holds, Kind, Turns, TurnsLocked, promise_front};
use crate::lock::HolderCell;
use crate::watched::{Watch, Watched, WatchedWaiter, waiter_in};
use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::wait_list::{Phase, Step, WaitQueue, Waiter};
use filch_primitive::{WakeBatch, mutant, slice};
use pin_project_lite::pin_project;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

const WRITER: usize = 1;
const UPGRADABLE: usize = 2;
const QUEUED: usize = 4;
const READER: usize = 8;

/// Readers at a time. Half of what there is room for: those who were promised the lock, and one that was a writer, are not asked.
pub(super) const READERS_MAX: usize = usize::MAX / READER / 2;

/// What is held by this word.
fn held(word: usize) -> Holds {
    Holds { readers: word / READER, upgradable: word & UPGRADABLE != 0, writer: word & WRITER != 0 }
}

/// What the word grows by, wrapping, when one of this kind takes the lock.
const fn weight(kind: Kind) -> usize {
    match kind {
        Kind::Read => READER,
        Kind::Upgradable => UPGRADABLE,
        Kind::Write => WRITER,
        Kind::Upgrade => WRITER.wrapping_sub(UPGRADABLE),
    }
}

/// The word once one more of this kind holds the lock.
fn taken(word: usize, kind: Kind) -> usize {
    let crowded = kind == Kind::Read && word / READER >= READERS_MAX;
    assert!(!crowded, "an RwLock has more readers than it can count");
    word.wrapping_add(weight(kind))
}

/// A read-write lock around nothing.
pub(super) struct RawRwLock {
    word: AtomicUsize,
    holder: HolderCell,
    queue: Watched<Turns>,
}

impl RawRwLock {
    #[cfg(not(filch_loom))]
    pub(super) const fn new() -> Self {
        Self { word: AtomicUsize::new(0), holder: HolderCell::new(), queue: Watched::new() }
    }

    #[cfg(filch_loom)]
    pub(super) fn new() -> Self {
        Self { word: AtomicUsize::new(0), holder: HolderCell::new(), queue: Watched::made(Turns::NEW) }
    }

    /// A visit, if the watchman has an entry.
    #[cfg(all(test, filch_loom))]
    pub(super) fn visit_by_hand(&self) {
        self.queue.visit_by_hand();
    }

    /// The wait queue.
    #[inline]
    fn queue(&self) -> &WaitQueue<Watch<Turns>> {
        self.queue.queue_or(|| Turns::NEW)
    }

    /// Takes the lock if that can be done without waiting.
    #[inline]
    pub(super) fn try_take(&self, kind: Kind) -> bool {
        // Ordering: Relaxed, the exchange decides.
        let mut now = self.word.load(Ordering::Relaxed);
        while now & QUEUED == 0 {
            if !kind.fits(held(now)) {
                return false;
            }
            // Ordering: Acquire, paired with the Release of those that give up: what the last writer wrote is seen, and what the
            // readers read has been read.
            match self.word.compare_exchange_weak(now, taken(now, kind), Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(changed) => now = changed,
            }
        }
        self.try_take_queued(kind)
    }

    #[cold]
    fn try_take_queued(&self, kind: Kind) -> bool {
        let mut locked = self.queue().lock();
        if locked.is_overdue(locked.tick()) {
            drop(locked);
            self.serve();
            locked = self.queue().lock();
        }
        // Whoever holds the upgradable right comes before all that wait.
        if !locked.is_empty() && kind != Kind::Upgrade {
            return false;
        }
        // Ordering: as in `try_take`.
        let mut now = self.word.load(Ordering::Relaxed);
        while kind.fits(held(now).and(locked.promised)) {
            match self.word.compare_exchange_weak(now, taken(now, kind), Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(changed) => now = changed,
            }
        }
        false
    }

    /// Under the queue's lock: takes the lock, or sets `QUEUED`.
    fn take_or_queue(&self, locked: &TurnsLocked<'_>, kind: Kind, passes: bool) -> bool {
        let blind = mutant::planted("rwlock.join.blind");
        let readers_count = !mutant::planted("rwlock.upgrade.readers");
        // Ordering: Relaxed, the exchange decides.
        let mut now = self.word.load(Ordering::Relaxed);
        loop {
            let mut others = held(now).and(locked.promised);
            if !readers_count && kind == Kind::Upgrade {
                others.readers = 0;
            }
            let takes = passes && kind.fits(others);
            let next = if takes { taken(now, kind) } else { now | QUEUED };
            // Ordering: Acquire, as in `try_take`. Setting `QUEUED` needs the exchange even when it is set: it comes before or
            // after a release, see the proof in the module docs.
            match self.word.compare_exchange_weak(now, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return takes,
                // Ordering: as above.
                Err(_) if blind && !takes => {
                    self.word.fetch_or(QUEUED, Ordering::Acquire);
                    return false;
                }
                Err(changed) => now = changed,
            }
        }
    }

    /// # Contract
    /// The caller holds the lock for reading.
    #[inline]
    pub(super) fn unlock_read(&self) {
        // Ordering: Release, paired with the Acquire of `try_take`: the writer to come writes after this one has read.
        let release = mutant::ordering("rwlock.read.order", Ordering::Release, Ordering::Relaxed);
        let before = self.word.fetch_sub(READER, release);
        if before & QUEUED != 0 && before / READER == 1 {
            self.serve();
        }
    }

    /// # Contract
    /// The caller holds the lock for writing.
    #[inline]
    pub(super) fn unlock_write(&self) {
        self.holder.strike();
        self.give_up_for(WRITER, 0);
    }

    /// # Contract
    /// The caller holds the upgradable right.
    #[inline]
    pub(super) fn unlock_upgradable(&self) {
        self.give_up_for(UPGRADABLE, 0);
    }

    /// From writing to reading. As for the contract, see `unlock_write`.
    #[inline]
    pub(super) fn downgrade_to_read(&self) {
        self.holder.strike();
        self.give_up_for(WRITER, READER);
    }

    /// From writing to the upgradable right. As for the contract, see `unlock_write`.
    #[inline]
    pub(super) fn downgrade_to_upgradable(&self) {
        self.holder.strike();
        self.give_up_for(WRITER, UPGRADABLE);
    }

    /// From the upgradable right to reading. As for the contract, see `unlock_upgradable`.
    #[inline]
    pub(super) fn downgrade_upgradable(&self) {
        self.give_up_for(UPGRADABLE, READER);
    }

    /// Has `less` in the place of `has`, and lets those in whom that lets in.
    #[inline]
    fn give_up_for(&self, has: usize, less: usize) {
        // Ordering: Release, paired with the Acquire of `try_take`: who comes in sees what was written.
        let release = mutant::ordering("rwlock.write.order", Ordering::Release, Ordering::Relaxed);
        let before = self.word.fetch_add(less.wrapping_sub(has), release);
        if before & QUEUED != 0 && !(less != 0 && mutant::planted("rwlock.downgrade.silent")) {
            self.serve();
        }
    }

    /// Promises the lock to those at the head of the queue, as many as may hold it together.
    #[cold]
    fn serve(&self) {
        self.serve_locked(self.queue().lock());
    }

    fn serve_locked<'q>(&'q self, mut locked: TurnsLocked<'q>) {
        let mut batch = WakeBatch::new();
        let tick = locked.tick();
        locked.take_back_overdue(tick);
        while let Some(tag) = locked.front() {
            let kind = Kind::of(tag);
            // Ordering: Relaxed. While `QUEUED` is set the lock is taken under the queue's lock only, so no holder is missed. One that
            // has given up meanwhile and is not seen to have will come here itself.
            let others = held(self.word.load(Ordering::Relaxed)).and(locked.promised);
            if !kind.fits(others) {
                break;
            }
            if !batch.has_room() {
                drop(locked);
                batch.wake_all();
                locked = self.queue().lock();
                continue;
            }
            promise_front(&mut locked, kind).into_iter().for_each(|waker| batch.push(waker));
        }
        let entry = self.queue.mark(&mut locked);
        self.settle(&locked);
        drop(locked);
        drop(entry);
        batch.wake_all();
    }

    /// Clears `QUEUED` when nobody waits and nobody is awaited.
    fn settle(&self, locked: &TurnsLocked<'_>) {
        if locked.is_empty() && !locked.is_promised() {
            // Ordering: Relaxed, it says what the queue's lock guards; the exchange keeps the release sequences going.
            self.word.fetch_and(!QUEUED, Ordering::Relaxed);
        }
    }

    /// One look of a waiter, under the queue's lock.
    fn step(
        &self,
        mut waiter: Pin<&mut TurnsWaiter<'_>>,
        locked: &mut TurnsLocked<'_>,
        kind: Kind,
    ) -> Step<()> {
        let (phase, tag) = waiter.as_mut().look(locked);
        if matches!(phase, Phase::Waiting | Phase::Woken) {
            return Step::Wait { front: false, tag: kind.tag() };
        }
        let redeemed = locked.redeem(phase, tag);
        // One that came too late stands where it stood, before all others. But nobody stands before an upgrade.
        let upgrading = locked.front().is_some_and(|front| Kind::of(front) == Kind::Upgrade);
        let first = kind == Kind::Upgrade || (phase != Phase::Idle && !upgrading);
        if redeemed {
            // Ordering: Acquire, as in `try_take`. What is promised is kept free: the word holds nothing against it.
            self.word.fetch_add(weight(kind), Ordering::Acquire);
        } else if !self.take_or_queue(locked, kind, first || locked.is_empty()) {
            return Step::Wait { front: first, tag: kind.tag() };
        }
        waiter.leave_locked(locked);
        self.settle(locked);
        Step::Done(())
    }

    /// A waiter goes away. What it was promised, and whoever it stood before, is looked after.
    fn give_up(&self, mut waiter: Pin<&mut TurnsWaiter<'_>>) {
        let mut locked = self.queue().lock();
        let (phase, tag) = waiter.as_mut().look(&locked);
        if !mutant::planted("rwlock.give_up.keeps") {
            locked.redeem(phase, tag);
        }
        waiter.leave_locked(&mut locked);
        self.serve_locked(locked);
    }

    /// Notes who holds the lock for writing: the caller.
    #[inline]
    pub(super) fn sign(&self, location: &'static Location<'static>) {
        self.holder.sign(location);
    }

    pub(super) fn statistics(&self) -> RwLockStatistics {
        let (waiters, waiters_peak) = self.queue.count();
        // Ordering: Acquire, paired with the Release of `give_up_for`: the note of one that wrote before is struck out.
        let Holds { readers, upgradable, writer } = held(self.word.load(Ordering::Acquire));
        let writer = if writer { self.holder.read() } else { None };
        RwLockStatistics { readers, upgradable, writer, waiters, waiters_peak }
    }

    /// As if so many read.
    #[cfg(all(test, not(filch_loom)))]
    pub(super) fn crowd(&self, readers: usize) {
        // Ordering: Relaxed, for a test of one thread.
        self.word.store(readers * READER, Ordering::Relaxed);
    }
}

type TurnsWaiter<'q> = WatchedWaiter<'q, Turns>;

pin_project! {
    /// Waits for a [`RawRwLock`]; ready means held.
    pub(super) struct RawTake<'a> {
        raw: &'a RawRwLock,
        kind: Kind,
        #[pin]
        waiter: Option<TurnsWaiter<'a>>,
    }

    impl<'a> PinnedDrop for RawTake<'a> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(mut waiter) = this.waiter.as_pin_mut() && waiter.as_mut().is_joined() {
                this.raw.give_up(waiter);
            }
        }
    }
}

impl<'a> RawTake<'a> {
    pub(super) fn new(raw: &'a RawRwLock, kind: Kind) -> Self {
        Self { raw, kind, waiter: None }
    }
}

impl Future for RawTake<'_> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(slice::proceed(cx));
        let mut this = self.project();
        let joined = this.waiter.as_mut().as_pin_mut().is_some_and(Waiter::is_joined);
        if !joined && this.raw.try_take(*this.kind) {
            return Poll::Ready(());
        }
        wait(this.raw, *this.kind, waiter_in(this.waiter, this.raw.queue()), cx)
    }
}

/// The part of a poll that goes through the queue.
#[cold]
fn wait<'a>(
    raw: &'a RawRwLock,
    kind: Kind,
    waiter: Pin<&mut TurnsWaiter<'a>>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    let mut entry = None;
    let mut overdue = false;
    let polled = waiter.poll_wait(cx, |waiter, locked| {
        let step = raw.step(waiter, locked, kind);
        if matches!(step, Step::Wait { .. }) {
            overdue = locked.is_overdue(locked.tick());
            entry = entry.take().or_else(|| raw.queue.mark(locked));
        }
        step
    });
    drop(entry);
    if polled.is_pending() && overdue && !mutant::planted("rwlock.wait.overlooks") {
        // Somebody has not come: what was promised is taken back.
        raw.serve();
    }
    polled
}
