//! All of [`Lock`](super::Lock) but the value; the protocol is in the [module docs](super).

use crate::clock;
use filch_primitive::sync::atomic::{AtomicU8, Ordering};
use filch_primitive::wait_list::{Locked, Phase, Step, Tag, WaitQueue, Waiter};
use filch_primitive::{slice, wake_contained};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

const FREE: u8 = 0;
const LOCKED: u8 = 1;
const QUEUED: u8 = 2;
const RESERVED: u8 = 4;

/// How long one waits before the next unlock is handed over to it. The value peers settled on; what it should be
/// depends on how much a turn costs against a task switch.
pub(super) const OVERDUE_US: u64 = 500;

/// How long one that was woken has the time to come before others go ahead. A guess: far above the delay of a task
/// in a run queue that is not overloaded, far below what a person notices.
pub(super) const GRACE_US: u64 = 1_000;

/// Waiters awake after an unlock: the head, and one who sees to it when the head does not come.
const AWAKE_MAX: usize = 2;

/// A lock around nothing.
pub(super) struct RawLock {
    word: AtomicU8,
    queue: WaitQueue<Reservation>,
}

/// For whom the lock is kept, and since when; meaningful while `RESERVED` is set.
pub(super) struct Reservation {
    waiter: usize,
    since_us: u64,
}

const NOBODY: Reservation = Reservation { waiter: 0, since_us: 0 };

/// What an attempt under the queue's lock found.
enum Take {
    Taken,
    Held,
    Reserved,
}

type Wakers = [Option<Waker>; AWAKE_MAX];

fn wake(wakers: Wakers) {
    wakers.into_iter().flatten().for_each(wake_contained);
}

impl RawLock {
    #[cfg(not(filch_loom))]
    pub(super) const fn new() -> Self {
        Self { word: AtomicU8::new(FREE), queue: WaitQueue::new(NOBODY) }
    }

    #[cfg(filch_loom)]
    pub(super) fn new() -> Self {
        Self { word: AtomicU8::new(FREE), queue: WaitQueue::new(NOBODY) }
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

    #[cold]
    fn try_lock_queued(&self) -> bool {
        // Ordering: as in `try_lock`.
        let barged =
            self.word.compare_exchange(QUEUED, QUEUED | LOCKED, Ordering::Acquire, Ordering::Relaxed).is_ok();
        barged || matches!(self.take(&mut self.queue.lock(), 0), Take::Taken)
    }

    /// Takes the lock if it is free, and not kept for another than `waiter`, or kept for too long.
    fn take(&self, locked: &mut Locked<'_, Reservation>, waiter: usize) -> Take {
        // Ordering: Relaxed, the exchange decides.
        let mut now = self.word.load(Ordering::Relaxed);
        loop {
            if now & LOCKED != 0 {
                return Take::Held;
            }
            if now & RESERVED != 0
                && locked.waiter != waiter
                && clock::micros().saturating_sub(locked.since_us) <= GRACE_US
            {
                return Take::Reserved;
            }
            let next = (now | LOCKED) & !RESERVED;
            // Ordering: as in `try_lock`.
            match self.word.compare_exchange_weak(now, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => {
                    **locked = NOBODY;
                    return Take::Taken;
                }
                Err(changed) => now = changed,
            }
        }
    }

    /// # Contract
    /// The caller holds the lock.
    #[inline]
    pub(super) fn unlock(&self) {
        // Ordering: Release, paired with the Acquire of `try_lock`. Relaxed on failure: the queue's lock orders the rest.
        if self.word.compare_exchange(LOCKED, FREE, Ordering::Release, Ordering::Relaxed).is_err() {
            self.unlock_queued();
        }
    }

    #[cold]
    fn unlock_queued(&self) {
        let now_us = clock::micros();
        let mut locked = self.queue.lock();
        let wakers = rouse(&mut locked, now_us);
        let next = self.plan(&mut locked, now_us);
        // Ordering: Release, as in `unlock`. A store suffices: while `LOCKED` is set only holders of the queue's lock
        // change the word, and that is us.
        self.word.store(next, Ordering::Release);
        drop(locked);
        wake(wakers);
    }

    /// The word of a lock that becomes free now; keeps it for the head where the head has waited enough.
    fn plan(&self, locked: &mut Locked<'_, Reservation>, now_us: u64) -> u8 {
        **locked = NOBODY;
        let (Some(id), Some(tag)) = (locked.front_id(), locked.front()) else { return FREE };
        if now_us.saturating_sub(tag.since) <= OVERDUE_US {
            return QUEUED;
        }
        **locked = Reservation { waiter: id, since_us: now_us };
        QUEUED | RESERVED
    }

    /// Clears `QUEUED` when nobody is left.
    fn settle(&self, locked: &Locked<'_, Reservation>) {
        if locked.is_empty() {
            // Ordering: Relaxed, it says who is in the list, which the queue's lock guards; the exchange keeps the
            // release sequence of the last unlock going.
            self.word.fetch_and(!QUEUED, Ordering::Relaxed);
        }
    }

    /// One look of a waiter, under the queue's lock.
    fn step(
        &self,
        mut waiter: Pin<&mut Waiter<'_, Reservation>>,
        locked: &mut Locked<'_, Reservation>,
    ) -> Step<()> {
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
            // Ordering: Relaxed, as in `settle`. From here on `unlock` goes through the queue's lock, which we hold.
            let before = self.word.fetch_or(QUEUED, Ordering::Relaxed);
            if held && before & LOCKED == 0 {
                // Unlocked in between, by somebody who saw nobody waiting.
                continue;
            }
            let joined_before = tag.number != 0;
            // Woken and lost: from now on long overdue, so that the next unlock hands over.
            let since = match phase {
                Phase::Woken => 0,
                _ if joined_before => tag.since,
                _ => clock::micros(),
            };
            // One that was struck takes its old place again. The number marks a waiter that has joined once.
            return Step::Wait { front: joined_before, tag: Tag { number: 1, since, place: None } };
        }
    }

    /// A waiter goes away; whoever relied on it is told.
    fn give_up(&self, waiter: Pin<&mut Waiter<'_, Reservation>>) {
        let id = waiter.id();
        let mut locked = self.queue.lock();
        let phase = waiter.leave_locked(&mut locked);
        let kept_for_it = locked.waiter == id;
        let mut wakers = [const { None }; AWAKE_MAX];
        // While somebody holds the lock, its unlock will see to the others.
        if kept_for_it || (phase == Phase::Woken && !self.is_locked()) {
            let now_us = clock::micros();
            wakers = rouse(&mut locked, now_us);
            if kept_for_it {
                // `RESERVED` is set and `LOCKED` is not: only holders of the queue's lock change such a word.
                let next = self.plan(&mut locked, now_us);
                // Ordering: Release, and an exchange, to hand on what the last unlock released.
                self.word.swap(next, Ordering::AcqRel);
            }
        }
        self.settle(&locked);
        drop(locked);
        wake(wakers);
    }
}

/// Sees to it that the first two waiters are awake, and strikes those that were woken and did not come.
fn rouse(locked: &mut Locked<'_, Reservation>, now_us: u64) -> Wakers {
    let mut wakers = [const { None }; AWAKE_MAX];
    let mut awake = 0;
    let mut cursor = locked.cursor();
    while awake < AWAKE_MAX
        && let Some((phase, tag)) = cursor.current()
    {
        match phase {
            Phase::Waiting => {
                wakers[awake] = cursor.wake_in_place(Tag { number: now_us, ..tag });
                awake += 1;
            }
            // The number of one that is woken is the time of waking.
            Phase::Woken if now_us.saturating_sub(tag.number) > GRACE_US => cursor.strike(),
            _ => {
                cursor.advance();
                awake += 1;
            }
        }
    }
    wakers
}

pin_project! {
    /// Waits for a [`RawLock`]; ready means held.
    pub(super) struct RawAcquire<'a> {
        raw: &'a RawLock,
        #[pin]
        waiter: Waiter<'a, Reservation>,
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
        if !this.waiter.as_mut().is_joined() && raw.try_lock() {
            return Poll::Ready(());
        }
        let mut kept_for_another = false;
        let polled = this.waiter.poll_wait(cx, |waiter, locked| {
            let step = raw.step(waiter, locked);
            kept_for_another = matches!(step, Step::Wait { .. }) && raw.is_reserved();
            step
        });
        if polled.is_pending() && kept_for_another {
            // Nobody else may be there to notice when the grace is over: look again, at most for its length.
            cx.waker().wake_by_ref();
        }
        polled
    }
}

impl RawLock {
    fn is_reserved(&self) -> bool {
        // Ordering: Relaxed, asked under the queue's lock, which guards this bit.
        self.word.load(Ordering::Relaxed) & RESERVED != 0
    }
}
