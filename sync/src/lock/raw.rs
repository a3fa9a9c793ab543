//! All of [`Lock`](super::Lock) but the value; the protocol is in the [module docs](super).

use super::LockStatistics;
use super::grace::{self, GRACE_US, LOOKS_MAX, WATCHER_LOST_US, ring};
use super::holder::HolderCell;
use filch_primitive::sync::atomic::{AtomicU8, Ordering};
use filch_primitive::wait_list::{Locked, Phase, Step, Tag, WaitQueue, Waiter, drop_contained};
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

/// A lock around nothing.
pub(super) struct RawLock {
    word: AtomicU8,
    /// How many looks are worth trying, by what came of the last ones.
    spin: AtomicU8,
    holder: HolderCell,
    queue: WaitQueue<Care>,
}

/// What is guarded by the queue's lock, beside the list. Waiters go by their id, 0 is none.
pub(super) struct Care {
    /// For whom a free lock is kept, and since when; meaningful while `RESERVED` is set.
    kept_for: usize,
    kept_since_us: u64,
    /// The waiter that will look when the head does not come.
    watcher: usize,
    /// Its waker, to be rung a grace after an unlock; away while it rings.
    bell: Option<Waker>,
    /// When the watcher was appointed, or its bell last taken.
    asked_us: u64,
}

const NO_CARE: Care = Care { kept_for: 0, kept_since_us: 0, watcher: 0, bell: None, asked_us: 0 };

/// What an attempt under the queue's lock found.
enum Take {
    Taken,
    Held,
    Reserved,
}

/// Who is to be called once the queue's lock is released.
#[derive(Default)]
struct Calls {
    head: Option<Waker>,
    watcher: Option<Waker>,
    bell: Option<Waker>,
    /// Not called, dropped.
    dismissed: Option<Waker>,
}

impl Calls {
    fn make(self) {
        self.dismissed.into_iter().for_each(drop_contained);
        self.head.into_iter().for_each(wake_contained);
        self.watcher.into_iter().for_each(wake_contained);
        self.bell.into_iter().for_each(ring);
    }
}

impl RawLock {
    #[cfg(not(filch_loom))]
    pub(super) const fn new() -> Self {
        Self {
            word: AtomicU8::new(FREE),
            spin: AtomicU8::new(SPIN_MAX),
            holder: HolderCell::new(),
            queue: WaitQueue::new(NO_CARE),
        }
    }

    #[cfg(filch_loom)]
    pub(super) fn new() -> Self {
        Self {
            word: AtomicU8::new(FREE),
            spin: AtomicU8::new(SPIN_MAX),
            holder: HolderCell::new(),
            queue: WaitQueue::new(NO_CARE),
        }
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
        now & LOCKED == 0 && matches!(self.take(&mut self.queue.lock(), 0), Take::Taken)
    }

    /// Takes the lock if it is free, and not kept for another than `waiter`, or kept for too long.
    fn take(&self, locked: &mut Locked<'_, Care>, waiter: usize) -> Take {
        // Ordering: Relaxed, the exchange decides.
        let mut now = self.word.load(Ordering::Relaxed);
        loop {
            if now & LOCKED != 0 {
                return Take::Held;
            }
            if now & RESERVED != 0
                && locked.kept_for != waiter
                && grace::micros().saturating_sub(locked.kept_since_us) <= GRACE_US
            {
                return Take::Reserved;
            }
            // Whoever takes it here may have been the head, which is on its way no more.
            let next = (now | LOCKED) & !(RESERVED | TURNS);
            // Ordering: as in `try_lock`.
            match self.word.compare_exchange_weak(now, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => {
                    locked.kept_for = 0;
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
        let locked = self.queue.lock();
        let (waiters, waiters_peak) = (locked.len(), locked.peak());
        drop(locked);
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
        let now_us = grace::micros();
        let mut locked = self.queue.lock();
        let calls = look_after(&mut locked, now_us);
        let next = self.plan(&mut locked, now_us);
        // Ordering: Release, as in `unlock`. A store suffices: while `LOCKED` is set only holders of the queue's lock
        // change the word, and that is us.
        self.word.store(next, Ordering::Release);
        drop(locked);
        calls.make();
    }

    /// The word of a lock that becomes free now, with a head that has been woken; keeps it for the head where that has waited
    /// enough.
    fn plan(&self, locked: &mut Locked<'_, Care>, now_us: u64) -> u8 {
        locked.kept_for = 0;
        let (Some(id), Some(tag)) = (locked.front_id(), locked.front()) else { return FREE };
        if now_us.saturating_sub(tag.since) <= OVERDUE_US {
            return QUEUED | TURNS_MAX;
        }
        (locked.kept_for, locked.kept_since_us) = (id, now_us);
        QUEUED | RESERVED
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
    fn settle(&self, locked: &Locked<'_, Care>) {
        if locked.is_empty() {
            // Ordering: Relaxed, it says who is in the list, which the queue's lock guards; the exchange keeps the
            // release sequence of the last unlock going.
            self.word.fetch_and(!(QUEUED | TURNS), Ordering::Relaxed);
        }
    }

    /// One look of a waiter, under the queue's lock. What it is done with is a bell, to be dropped.
    fn step(
        &self,
        mut waiter: Pin<&mut Waiter<'_, Care>>,
        locked: &mut Locked<'_, Care>,
    ) -> Step<Option<Waker>> {
        let id = waiter.id();
        let (phase, tag) = waiter.as_mut().look(locked);
        loop {
            let held = match self.take(locked, id) {
                Take::Taken => {
                    waiter.leave_locked(locked);
                    self.settle(locked);
                    return Step::Done(resign(locked, id));
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
            let joined_before = tag.number != 0;
            let is_head = locked.front_id().is_none_or(|front| front == id);
            let since = match phase {
                // Woken and lost: from now on long overdue, so that the next unlock hands over.
                Phase::Woken if is_head => 0,
                _ if joined_before => tag.since,
                _ => grace::micros(),
            };
            if locked.watcher == 0 && !is_head {
                (locked.watcher, locked.asked_us) = (id, grace::micros());
            }
            // One that was struck takes its old place again. The number of one that waits is how often it has looked.
            let number = tag.number.saturating_add(1).min(LOOKS_MAX);
            return Step::Wait { front: joined_before, tag: Tag { number, since, place: None } };
        }
    }

    /// The watcher leaves its bell, for the next unlock to ring.
    fn leave_bell(&self, id: usize, bell: Waker) {
        let mut locked = self.queue.lock();
        let left = if locked.watcher != id {
            Some(bell)
        } else if self.is_locked() {
            locked.bell.replace(bell)
        } else {
            // Unlocked before there was a bell: rung for that unlock.
            locked.asked_us = grace::micros();
            drop(locked);
            return ring(bell);
        };
        drop(locked);
        left.into_iter().for_each(drop_contained);
    }

    /// A waiter goes away; whoever relied on it is told.
    fn give_up(&self, waiter: Pin<&mut Waiter<'_, Care>>) {
        let id = waiter.id();
        let mut locked = self.queue.lock();
        let phase = waiter.leave_locked(&mut locked);
        if !mutant::planted("lock.give_up.turns") {
            self.end_turns(0);
        }
        let kept_for_it = locked.kept_for == id;
        let watched = locked.watcher == id;
        let bell = resign(&mut locked, id);
        let mut calls = Calls::default();
        // While somebody holds the lock, its unlock will see to the others.
        let counted_on = (phase == Phase::Woken && !mutant::planted("lock.give_up.silent")) || watched;
        if kept_for_it || (counted_on && !self.is_locked()) {
            let now_us = grace::micros();
            calls = look_after(&mut locked, now_us);
            if kept_for_it {
                // `RESERVED` is set and `LOCKED` is not: only holders of the queue's lock change such a word.
                let next = self.plan(&mut locked, now_us);
                // Ordering: Release, and an exchange, to hand on what the last unlock released.
                self.word.swap(next, Ordering::AcqRel);
            }
        }
        self.settle(&locked);
        drop(locked);
        bell.into_iter().for_each(drop_contained);
        calls.make();
    }
}

/// Where `id` is the watcher there is none from now on. The answer is its bell.
fn resign(locked: &mut Locked<'_, Care>, id: usize) -> Option<Waker> {
    if locked.watcher != id {
        return None;
    }
    locked.watcher = 0;
    locked.bell.take()
}

/// The lock becomes free, or is: sees to it that the first waiter is awake, and that a watcher will look when that one does not
/// come. Strikes those that were woken and did not come.
fn look_after(locked: &mut Locked<'_, Care>, now_us: u64) -> Calls {
    let mut calls = Calls::default();
    let mut cursor = locked.cursor();
    while let Some((phase, tag)) = cursor.current() {
        match phase {
            // The number of one that is woken is the time of waking.
            Phase::Woken if now_us.saturating_sub(tag.number) > GRACE_US => cursor.strike(),
            Phase::Waiting => {
                calls.head = cursor.wake_in_place(Tag { number: now_us, ..tag });
                break;
            }
            _ => break,
        }
    }
    if locked.len() < 2 {
        // Nobody is behind the head; who comes will look for itself.
        return calls;
    }
    if let Some(head) = locked.front_id() {
        // One cannot watch over oneself.
        calls.dismissed = resign(locked, head);
    }
    let asked_for_us = now_us.saturating_sub(locked.asked_us);
    let mut asks_last = locked.watcher == 0;
    if !asks_last {
        calls.bell = locked.bell.take();
        if calls.bell.is_some() {
            locked.asked_us = now_us;
            // It may not come: two futures of one task are often abandoned together.
            asks_last = asked_for_us > GRACE_US;
        } else if asked_for_us > WATCHER_LOST_US {
            locked.watcher = 0;
            asks_last = true;
        }
    }
    if asks_last {
        // The last one will be there for longest.
        let watcher = locked.watcher;
        let mut cursor = locked.cursor_at_back();
        let id = cursor.id().unwrap_or(0);
        match cursor.current() {
            _ if id == watcher => {}
            Some((Phase::Waiting, tag)) => {
                calls.watcher = cursor.wake_in_place(Tag { number: now_us, ..tag });
                (locked.watcher, locked.asked_us) = (id, now_us);
            }
            _ if watcher == 0 => (locked.watcher, locked.asked_us) = (id, now_us),
            _ => {}
        }
    }
    calls
}

pin_project! {
    /// Waits for a [`RawLock`]; ready means held.
    pub(super) struct RawAcquire<'a> {
        raw: &'a RawLock,
        #[pin]
        waiter: Waiter<'a, Care>,
    }

    impl<'a> PinnedDrop for RawAcquire<'a> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.waiter.as_mut().is_joined() {
                this.raw.give_up(this.waiter);
            }
        }
    }
}

impl<'a> RawAcquire<'a> {
    pub(super) fn new(raw: &'a RawLock) -> Self {
        Self { raw, waiter: Waiter::new(&raw.queue) }
    }
}

impl Future for RawAcquire<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        ready!(slice::proceed(cx));
        let mut this = self.project();
        let raw = *this.raw;
        if this.waiter.as_mut().is_joined() {
            // Woken: it would lose to whoever happens to hold the lock for this moment.
            if raw.is_locked() {
                raw.spin(|| true);
            }
        } else if raw.try_lock() || raw.spin(|| raw.try_lock()) {
            return Poll::Ready(());
        }
        let id = this.waiter.id();
        let waker = cx.waker();
        let mut kept_for_another = None;
        let mut needs_bell = false;
        let polled = this.waiter.poll_wait(&mut Context::from_waker(waker), |waiter, locked| {
            let step = raw.step(waiter, locked);
            kept_for_another = match &step {
                Step::Wait { tag, .. } if raw.is_reserved() => Some(tag.number),
                _ => None,
            };
            needs_bell =
                locked.watcher == id && !locked.bell.as_ref().is_some_and(|bell| bell.will_wake(waker));
            step
        });
        if let Poll::Ready(bell) = polled {
            bell.into_iter().for_each(drop_contained);
            return Poll::Ready(());
        }
        // Kept for another: nobody else may be there to notice when the grace is over.
        match kept_for_another {
            Some(looks) if looks < LOOKS_MAX => waker.wake_by_ref(),
            Some(_) => ring(waker.clone()),
            None if needs_bell => raw.leave_bell(id, waker.clone()),
            None => {}
        }
        Poll::Pending
    }
}

impl RawLock {
    fn is_reserved(&self) -> bool {
        // Ordering: Relaxed, asked under the queue's lock, which guards this bit.
        self.word.load(Ordering::Relaxed) & RESERVED != 0
    }
}
