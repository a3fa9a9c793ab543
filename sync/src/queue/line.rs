//! A line of waiters beside the queue's state; the protocol is in the [module docs](super).

use filch_primitive::sync::atomic::{AtomicUsize, Ordering};
use filch_primitive::wait_list::{Locked, Tag, WaitQueue};
use filch_primitive::{WakeBatch, mutant};

/// The token of one that was told.
pub(super) const TOLD: u32 = 0;

/// The tag of one that stands: a stream or a sink, which keeps its place while nobody asks it.
pub(super) const STANDING: Tag = Tag { number: 1, ..Tag::NONE };

/// Who waits for an item, for room, or for all to be done.
pub(super) struct Line {
    /// The length of the list, written under its lock, for those who tell to look at.
    waiting: AtomicUsize,
    pub(super) queue: WaitQueue<()>,
}

impl Line {
    #[cfg(not(filch_loom))]
    pub(super) const fn new() -> Self {
        Self { waiting: AtomicUsize::new(0), queue: WaitQueue::new(()) }
    }

    #[cfg(filch_loom)]
    pub(super) fn new() -> Self {
        Self { waiting: AtomicUsize::new(0), queue: WaitQueue::new(()) }
    }

    /// Under the line's lock: the list is, or is about to be, so long.
    pub(super) fn count(&self, _locked: &Locked<'_, ()>, len: usize) {
        // Ordering: Relaxed. One that joins counts before it looks at the state, and one that tells changes the state before it
        // reads the count; the state's lock puts one before the other, and with it this store before that load.
        self.waiting.store(len, Ordering::Relaxed);
    }

    /// How many wait, roughly.
    pub(super) fn waiting(&self) -> usize {
        // Ordering: Relaxed, see `count`.
        self.waiting.load(Ordering::Relaxed)
    }

    /// How many wait, and did at most.
    pub(super) fn census(&self) -> (usize, usize) {
        let locked = self.queue.lock();
        (locked.len(), locked.peak())
    }

    /// Something is there: tells the first, and, past those that stand, the first that does not.
    #[inline]
    pub(super) fn tell_one(&self) {
        if self.waiting() != 0 {
            self.tell_up_to(|front| front != STANDING);
        }
    }

    /// Something is there that is for all of them.
    pub(super) fn tell_all(&self) {
        if self.waiting() != 0 {
            self.tell_up_to(|_| false);
        }
    }

    /// Tells from the head on, up to and with the one that is the `last`, and no more than there are now: those that stand
    /// may come back in between, at the end.
    #[cold]
    fn tell_up_to(&self, last: impl Fn(Tag) -> bool) {
        let mut locked = self.queue.lock();
        let mut left = locked.len();
        let mut batch = WakeBatch::new();
        while left > 0
            && let Some(front) = locked.front()
        {
            if !batch.has_room() {
                self.count(&locked, locked.len());
                drop(locked);
                batch.wake_all();
                locked = self.queue.lock();
                continue;
            }
            left -= 1;
            if let Some(waker) = locked.notify_front(TOLD) {
                batch.push(waker);
            }
            if last(front) {
                break;
            }
        }
        self.count(&locked, locked.len());
        drop(locked);
        batch.wake_all();
    }

    /// Releases those who joined with a number below `generation`.
    pub(super) fn release(&self, generation: u64) {
        if self.waiting() == 0 {
            return;
        }
        let mut locked = self.queue.lock();
        let mut batch = WakeBatch::new();
        let all = mutant::planted("queue.release.all");
        while locked.front().is_some_and(|front| front.number < generation || all) {
            if !batch.has_room() {
                self.count(&locked, locked.len());
                drop(locked);
                batch.wake_all();
                locked = self.queue.lock();
                continue;
            }
            if let Some(waker) = locked.notify_front(TOLD) {
                batch.push(waker);
            }
        }
        self.count(&locked, locked.len());
        drop(locked);
        batch.wake_all();
    }
}
