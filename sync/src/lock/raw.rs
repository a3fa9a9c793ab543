//! All of [`Lock`](super::Lock) but the value; the protocol is in the [module docs](super).

use super::LockStatistics;
use super::holder::HolderCell;
use crate::clock;
use crate::watched::{Awaits, Entry, Watch, Watched, WatchedLocked, WatchedWaiter, is_overdue, waiter_in};
use filch_primitive::sync::atomic::{AtomicU8, Ordering};
use filch_primitive::wait_list::{Phase, Step, Tag, WaitQueue, Waiter};
use filch_primitive::{hint, mutant, slice, wake_contained};
use pin_project_lite::pin_project;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

const FREE: u8 = 0;
const LOCKED: u8 = 1;
const QUEUED: u8 = 2;
const RESERVED: u8 = 4;
/// One of the turns that may pass the queue by.
const TURN: u8 = 8;
const TURNS: u8 = !(LOCKED | QUEUED | RESERVED);

/// Unlocks that pass the queue by while its head is on its way: as many as the word has room for. A model gets by with one.
pub(super) const TURNS_MAX: u8 = if cfg!(filch_loom) { TURN } else { TURNS };

/// How long one waits before the next unlock is handed over to it. The value peers settled on; what it should be
/// depends on how much a turn costs against a task switch.
pub(super) const OVERDUE_US: u64 = 500;

/// Looks at a held lock before joining the queue, at most. One takes up to 45 ns, by the processor; a task switch for a turn
/// that is over in that time costs more.
const SPIN_MAX: u8 = 16;

/// The number in the tag of one that waits and has looked. That of one that was woken is the tick at which it was.
const HAS_LOOKED: u64 = 1;

/// A lock around nothing.
pub(super) struct RawLock {
    word: AtomicU8,
    /// How many looks are worth trying, by what came of the last ones.
    spin: AtomicU8,
    holder: HolderCell,
    queue: Watched<Turn>,
}

/// What is guarded by the queue's lock, beside the list.
pub(super) struct Turn {
    /// The waiter for whom a free lock is kept, by its id, and since which tick; meaningful while `RESERVED` is set. 0 is none.
    kept_for: usize,
    kept_at: u64,
    /// Since when the lock is free, with a head that is awake, and nobody who waits has looked since.
    told_at: Option<u64>,
}

impl Turn {
    const NEW: Self = Self { kept_for: 0, kept_at: 0, told_at: None };
}

impl Awaits for Turn {
    fn is_awaited(&self) -> bool {
        self.told_at.is_some()
    }

    fn visit(&mut self, tick: u64) -> bool {
        // Kept, it may be for one that was told before: whoever is asked earlier than that one's time is over is refused.
        let kept = self.kept_for != 0;
        let told = self.told_at.map(|told_at| if kept { self.kept_at.max(told_at) } else { told_at });
        told.is_some_and(|since| is_overdue(since, tick))
    }

    fn asked(tag: Tag, tick: u64) -> Tag {
        Tag { number: tick, ..tag }
    }
}

type TurnLocked<'q> = WatchedLocked<'q, Turn>;
type TurnWaiter<'q> = WatchedWaiter<'q, Turn>;

/// What an attempt under the queue's lock found.
enum Take {
    Taken,
    Held,
    Reserved,
}

impl RawLock {
    #[cfg(not(filch_loom))]
    pub(super) const fn new() -> Self {
        Self {
            word: AtomicU8::new(FREE),
            spin: AtomicU8::new(SPIN_MAX),
            holder: HolderCell::new(),
            queue: Watched::new(),
        }
    }

    #[cfg(filch_loom)]
    pub(super) fn new() -> Self {
        Self {
            word: AtomicU8::new(FREE),
            spin: AtomicU8::new(SPIN_MAX),
            holder: HolderCell::new(),
            queue: Watched::made(Turn::NEW),
        }
    }

    /// A visit, if the watchman has an entry.
    #[cfg(all(test, filch_loom))]
    pub(super) fn visit_by_hand(&self) {
        self.queue.visit_by_hand();
    }

    /// The wait queue.
    #[inline]
    fn queue(&self) -> &WaitQueue<Watch<Turn>> {
        self.queue.queue_or(|| Turn::NEW)
    }

    /// Whether somebody holds the lock at this moment.
    pub(super) fn is_locked(&self) -> bool {
        // Ordering: Relaxed: `Debug` shows it, and `give_up` asks under the queue's lock, through which the unlock of a
        // holder with waiters goes as well.
        self.word.load(Ordering::Relaxed) & LOCKED != 0
    }

    #[inline]
    pub(super) fn try_lock(&self) -> bool {
        // Ordering: Acquire, paired with the Release of `unlock`: the last holder's writes are seen. Relaxed on failure:
        // the word only decides what to try next.
        match self.word.compare_exchange(FREE, LOCKED, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => true,
            Err(now) if now & LOCKED != 0 => false,
            Err(_) => self.try_lock_queued(),
        }
    }

    /// Looks on for a moment, for the holder may be about to unlock on another processor. Turns that outlast the looks,
    /// such as those held across an await, soon make them few. True when `take` did, asked about a free lock.
    #[cold]
    fn spin(&self, take: impl Fn() -> bool) -> bool {
        if cfg!(any(filch_loom, filch_shuttle)) {
            return false;
        }
        // Ordering: Relaxed, here and below: an estimate.
        let limit = self.spin.load(Ordering::Relaxed);
        for _ in 0..limit {
            hint::spin_loop();
            // Ordering: Relaxed, `take` decides.
            if self.word.load(Ordering::Relaxed) & (LOCKED | RESERVED) == 0 && take() {
                if limit < SPIN_MAX {
                    self.spin.store(limit + 1, Ordering::Relaxed);
                }
                return true;
            }
        }
        if limit > 1 {
            self.spin.store(limit - 1, Ordering::Relaxed);
        }
        false
    }

    #[cold]
    fn try_lock_queued(&self) -> bool {
        // Ordering: Relaxed, the exchange decides.
        let mut now = self.word.load(Ordering::Relaxed);
        while now & (LOCKED | RESERVED) == 0 {
            // Ordering: as in `try_lock`.
            match self.word.compare_exchange_weak(now, now | LOCKED, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(changed) => now = changed,
            }
        }
        now & LOCKED == 0 && self.try_lock_kept()
    }

    /// Takes a lock that is kept for one that does not come.
    fn try_lock_kept(&self) -> bool {
        let mut locked = self.queue().lock();
        matches!(self.take(&mut locked, 0), Take::Taken)
    }

    /// Takes the lock if it is free, and not kept for another than `waiter`, or kept for too long.
    fn take(&self, locked: &mut TurnLocked<'_>, waiter: usize) -> Take {
        // Ordering: Relaxed, the exchange decides.
        let mut now = self.word.load(Ordering::Relaxed);
        loop {
            if now & LOCKED != 0 {
                return Take::Held;
            }
            if now & RESERVED != 0 && locked.kept_for != waiter && !is_overdue(locked.kept_at, locked.tick())
            {
                return Take::Reserved;
            }
            // Whoever takes it here may have been the head, which is on its way no more.
            let next = (now | LOCKED) & !(RESERVED | TURNS);
            // Ordering: as in `try_lock`.
            match self.word.compare_exchange_weak(now, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => {
                    (locked.kept_for, locked.told_at) = (0, None);
                    return Take::Taken;
                }
                Err(changed) => now = changed,
            }
        }
    }

    /// Notes who holds the lock: the caller.
    #[inline]
    pub(super) fn sign(&self, location: &'static Location<'static>) {
        self.holder.sign(location);
    }

    /// Who holds the lock, how many wait, and how many did at most.
    pub(super) fn statistics(&self) -> LockStatistics {
        let (waiters, waiters_peak) = self.queue.count();
        // Ordering: Acquire, paired with the Release of `unlock`: the note of one that had released the lock by now is struck out.
        let held = self.word.load(Ordering::Acquire) & LOCKED != 0;
        let holder = if held { self.holder.read() } else { None };
        LockStatistics { holder, waiters, waiters_peak }
    }

    /// # Contract
    /// The caller holds the lock.
    #[inline]
    pub(super) fn unlock(&self) {
        self.holder.strike();
        // Ordering: Release, paired with the Acquire of `try_lock`. Relaxed on failure: the queue's lock orders the rest.
        let release = mutant::ordering("lock.unlock.order", Ordering::Release, Ordering::Relaxed);
        if self.word.compare_exchange(LOCKED, FREE, release, Ordering::Relaxed).is_err() {
            self.unlock_in_turn();
        }
    }

    /// Unlocks past the queue, whose head is on its way, if that has not been done too often.
    fn unlock_in_turn(&self) {
        // Ordering: Relaxed, the exchange decides.
        let mut now = self.word.load(Ordering::Relaxed);
        while now & TURNS != 0 {
            let next = (now & !LOCKED) - TURN;
            // Ordering: as in `unlock`.
            match self.word.compare_exchange_weak(now, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(changed) => now = changed,
            }
        }
        self.unlock_queued();
    }

    #[cold]
    fn unlock_queued(&self) {
        let now_us = clock::micros();
        let mut locked = self.queue().lock();
        let head = wake_head(&mut locked);
        let next = self.plan(&mut locked, now_us);
        let entry = self.mark(&mut locked);
        // Ordering: Release, as in `unlock`. A store suffices: while `LOCKED` is set only holders of the queue's lock
        // change the word, and that is us.
        self.word.store(next, Ordering::Release);
        drop(locked);
        drop(entry);
        head.into_iter().for_each(wake_contained);
    }

    /// The word of a lock that becomes free now, with a head that has been woken; keeps it for the head where that has waited
    /// enough.
    fn plan(&self, locked: &mut TurnLocked<'_>, now_us: u64) -> u8 {
        locked.kept_for = 0;
        let (Some(id), Some(tag)) = (locked.front_id(), locked.front()) else { return FREE };
        if now_us.saturating_sub(tag.since) <= OVERDUE_US {
            return QUEUED | TURNS_MAX;
        }
        (locked.kept_for, locked.kept_at) = (id, locked.tick());
        QUEUED | RESERVED
    }

    /// Has the watchman look after those behind the head, and those who find the lock kept.
    fn mark(&self, locked: &mut TurnLocked<'_>) -> Option<Entry<'_, Turn>> {
        // Who comes later takes a lock that is not kept.
        if locked.len() < 2 && locked.kept_for == 0 { None } else { self.queue.mark(locked) }
    }

    /// Under the queue's lock: no unlock passes it by any more, for the head may not be on its way. Sets `flags` as well; the
    /// answer is the word before.
    fn end_turns(&self, flags: u8) -> u8 {
        let turns = if mutant::planted("lock.step.turns") { 0 } else { TURNS };
        // Ordering: Relaxed, the loop's exchange decides; as in `settle` for that one.
        let mut now = self.word.load(Ordering::Relaxed);
        loop {
            let next = (now & !turns) | flags;
            match self.word.compare_exchange_weak(now, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(before) => return before,
                Err(changed) => now = changed,
            }
        }
    }

    /// Clears `QUEUED` when nobody is left.
    fn settle(&self, locked: &mut TurnLocked<'_>) {
        if locked.is_empty() {
            locked.told_at = None;
            // Ordering: Relaxed, it says who is in the list, which the queue's lock guards; the exchange keeps the
            // release sequence of the last unlock going.
            self.word.fetch_and(!(QUEUED | TURNS), Ordering::Relaxed);
        }
    }

    /// One look of a waiter, under the queue's lock.
    fn step(&self, mut waiter: Pin<&mut TurnWaiter<'_>>, locked: &mut TurnLocked<'_>) -> Step<()> {
        let id = waiter.id();
        let (phase, tag) = waiter.as_mut().look(locked);
        loop {
            let held = match self.take(locked, id) {
                Take::Taken => {
                    waiter.leave_locked(locked);
                    self.settle(locked);
                    return Step::Done(());
                }
                Take::Held => true,
                Take::Reserved => false,
            };
            // From here on `unlock` goes through the queue's lock, which we hold.
            let before = self.end_turns(QUEUED);
            if held && before & LOCKED == 0 && !mutant::planted("lock.join.blind") {
                // Unlocked in between, by somebody who saw nobody waiting.
                continue;
            }
            if held {
                // Its unlock will see to the others.
                locked.told_at = None;
            }
            let has_looked = tag.number != 0;
            let is_head = locked.front_id().is_none_or(|front| front == id);
            let since = match phase {
                // Woken and lost: from now on long overdue, so that the next unlock hands over.
                Phase::Woken if is_head => 0,
                _ if has_looked => tag.since,
                _ => clock::micros(),
            };
            // One that was struck takes its old place again.
            return Step::Wait { front: has_looked, tag: Tag { number: HAS_LOOKED, since, place: None } };
        }
    }

    /// A waiter goes away; whoever relied on it is told.
    fn give_up(&self, waiter: Pin<&mut TurnWaiter<'_>>) {
        let id = waiter.id();
        let mut locked = self.queue().lock();
        let phase = waiter.leave_locked(&mut locked);
        if !mutant::planted("lock.give_up.turns") {
            self.end_turns(0);
        }
        let kept_for_it = locked.kept_for == id;
        let mut head = None;
        // While somebody holds the lock, its unlock will see to the others.
        let counted_on = phase == Phase::Woken && !mutant::planted("lock.give_up.silent");
        if kept_for_it || (counted_on && !self.is_locked()) {
            head = wake_head(&mut locked);
            // It is gone, or was struck.
            let is_front = locked.front_id() == Some(locked.kept_for);
            if locked.kept_for != 0 && !is_front {
                let next = self.plan(&mut locked, clock::micros());
                // `RESERVED` is set and `LOCKED` is not: only holders of the queue's lock change such a word.
                // Ordering: Release, and an exchange, to hand on what the last unlock released.
                self.word.swap(next, Ordering::AcqRel);
            }
        }
        self.settle(&mut locked);
        let entry = self.mark(&mut locked);
        drop(locked);
        drop(entry);
        head.into_iter().for_each(wake_contained);
    }
}

/// The lock becomes free, or is: sees to it that the first waiter is awake. Strikes those that were woken and did not come. The
/// answer is the waker to wake.
fn wake_head(locked: &mut TurnLocked<'_>) -> Option<Waker> {
    let tick = locked.tick();
    locked.told_at.get_or_insert(tick);
    let mut cursor = locked.cursor();
    while let Some((phase, tag)) = cursor.current() {
        match phase {
            Phase::Woken if is_overdue(tag.number, tick) => cursor.strike(),
            Phase::Waiting => return cursor.wake_in_place(Turn::asked(tag, tick)),
            _ => break,
        }
    }
    None
}

pin_project! {
    /// Waits for a [`RawLock`]; ready means held.
    pub(super) struct RawAcquire<'a> {
        raw: &'a RawLock,
        #[pin]
        waiter: Option<TurnWaiter<'a>>,
    }

    impl<'a> PinnedDrop for RawAcquire<'a> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(mut waiter) = this.waiter.as_pin_mut() && waiter.as_mut().is_joined() {
                this.raw.give_up(waiter);
            }
        }
    }
}

impl<'a> RawAcquire<'a> {
    pub(super) fn new(raw: &'a RawLock) -> Self {
        Self { raw, waiter: None }
    }
}

impl Future for RawAcquire<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(slice::proceed(cx));
        let mut this = self.project();
        let raw = *this.raw;
        if this.waiter.as_mut().as_pin_mut().is_some_and(Waiter::is_joined) {
            // Woken: it would lose to whoever happens to hold the lock for this moment.
            if raw.is_locked() {
                raw.spin(|| true);
            }
        } else if raw.try_lock() || raw.spin(|| raw.try_lock()) {
            return Poll::Ready(());
        }
        let mut entry = None;
        let waiter = waiter_in(this.waiter, raw.queue());
        let polled = waiter.poll_wait(cx, |waiter, locked| {
            let step = raw.step(waiter, locked);
            if matches!(step, Step::Wait { .. }) && entry.is_none() {
                entry = raw.queue.mark(locked);
            }
            step
        });
        drop(entry);
        polled
    }
}
