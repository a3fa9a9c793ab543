//! The moves of permits between the word, what is kept, and those who ask; the protocol is in the [module docs](super).

use super::turns::{self, Turns};
use super::{Semaphore, TryAcquireError};
use crate::watched::{Watch, WatchedLocked};
use filch_primitive::mutant;
use filch_primitive::sync::atomic::Ordering;
use filch_primitive::wait_list::{Tag, WaitQueue};

pub(super) const CLOSED: usize = 1;
pub(super) const QUEUED: usize = 2;
pub(super) const KEPT: usize = 4;
pub(super) const ONE: usize = 8;

/// The token of who is refused; any other is an epoch of [`Turns`].
pub(super) const REFUSED: u32 = 0;

pub(super) const fn permits_of(word: usize) -> usize {
    word / ONE
}

pub(super) const fn with_permits(word: usize, permits: usize) -> usize {
    (word % ONE) | (permits * ONE)
}

impl Semaphore {
    /// A visit, if the watchman has an entry.
    #[cfg(all(test, filch_loom))]
    pub(crate) fn visit_by_hand(&self) {
        self.queue.visit_by_hand();
    }

    /// The wait queue.
    #[inline]
    pub(super) fn queue(&self) -> &WaitQueue<Watch<Turns>> {
        self.queue.queue_or(Turns::new)
    }

    pub(super) fn try_take(&self, count: usize) -> Result<(), TryAcquireError> {
        // Ordering: Acquire for the sake of `CLOSED`, see `close`.
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            if word & CLOSED != 0 {
                return Err(TryAcquireError::Closed);
            }
            let permits = permits_of(word);
            if word & QUEUED != 0 || permits < count {
                return Err(TryAcquireError::NoPermits);
            }
            let next = with_permits(word, permits - count);
            // Ordering: Acquire, paired with the Release of `free`.
            match self.word.compare_exchange_weak(word, next, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return Ok(()),
                Err(changed) => word = changed,
            }
        }
    }

    /// As [`try_take`](Self::try_take), and takes back first what is kept in vain.
    #[inline]
    pub(super) fn try_take_or_recall(&self, count: usize) -> Result<(), TryAcquireError> {
        match self.try_take(count) {
            // Ordering: Relaxed, a hint; the queue's lock decides.
            Err(TryAcquireError::NoPermits) if self.word.load(Ordering::Relaxed) & KEPT != 0 => {
                self.recall();
                self.try_take(count)
            }
            other => other,
        }
    }

    #[cold]
    fn recall(&self) {
        let mut locked = self.queue().lock();
        let back = locked.recall();
        self.free(back);
        if locked.kept() == 0 {
            // Ordering: Relaxed, what is kept is guarded by the queue's lock; the exchange keeps the release sequence.
            self.word.fetch_and(!KEPT, Ordering::Relaxed);
        }
        drop(locked);
        if back > 0 {
            self.serve();
        }
    }

    /// Under the queue's lock, with `kept` taken out of what is kept: takes the rest of `count` from the word, or puts `kept`
    /// there and sets `QUEUED`. One that was `told` does not mind that others wait.
    pub(super) fn take_or_queue(&self, count: usize, kept: usize, told: bool) -> Result<(), TryAcquireError> {
        let missing = count - kept;
        let put_back = if mutant::planted("semaphore.late.keeps") { 0 } else { kept };
        if told && missing == 0 {
            return Ok(());
        }
        // Ordering: as in `try_take`.
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            let permits = permits_of(word);
            let open = word & CLOSED == 0;
            let enough = open && (told || word & QUEUED == 0) && permits >= missing;
            let next = match (open, enough) {
                (false, _) => with_permits(word, self.sum(permits, put_back)),
                (true, true) => with_permits(word, permits - missing),
                (true, false) if mutant::planted("semaphore.join.silent") => word,
                (true, false) => with_permits(word, self.sum(permits, put_back)) | QUEUED,
            };
            // Ordering: Acquire, as in `try_take`; Release for what is put back, as in `free`. Setting `QUEUED` needs the
            // exchange even when it is set: it must come before or after a release, see the proof in the module docs.
            match self.word.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) if !open => return Err(TryAcquireError::Closed),
                Ok(_) if enough => return Ok(()),
                Ok(_) => return Err(TryAcquireError::NoPermits),
                Err(changed) => word = changed,
            }
        }
    }

    /// As a visit, and the look of one who was asked.
    #[cfg(test)]
    pub(super) fn turn_by_hand(&self) {
        let mut locked = self.queue().lock();
        let back = locked.turn_by_hand();
        self.free(back);
        drop(locked);
        self.serve();
    }

    /// Puts permits into the word; the answer is that word. Nobody is served.
    #[inline]
    pub(super) fn free(&self, count: usize) -> usize {
        // Ordering: Relaxed, the exchange below decides.
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let next = with_permits(word, self.sum(permits_of(word), count));
            // Ordering: Release, paired with the Acquire of `try_take` and `grant_head`: who gets the permit sees what its last
            // holder did. It is exchanged even when unchanged, for the same reason.
            match self.word.compare_exchange_weak(word, next, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return next,
                Err(changed) => word = changed,
            }
        }
    }

    fn sum(&self, permits: usize, more: usize) -> usize {
        permits.saturating_add(more).min(self.max)
    }

    /// What a permit does when it is dropped.
    #[inline]
    pub(super) fn release(&self, count: usize) {
        if self.free(count) & QUEUED != 0 {
            self.serve();
        }
    }

    /// Keeps permits for the waiters at the head, as far as they go, and tells them.
    #[cold]
    pub(super) fn serve(&self) {
        turns::serve(
            &self.queue,
            self.queue(),
            |in_vain| _ = self.free(in_vain),
            |locked, head| self.grant_head(locked, head),
            |locked| self.settle(locked),
        );
    }

    /// Under the queue's lock: keeps what the head asks for. The answer is the token to tell it with.
    fn grant_head(&self, locked: &mut WatchedLocked<'_, Turns>, head: Tag) -> Option<u32> {
        let count = usize::try_from(head.number).ok()?;
        // Ordering: Relaxed, the exchange decides.
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let left = permits_of(word).checked_sub(count)?;
            // Ordering: AcqRel: Acquire to see what the permits' last holder did, Release to hand it on; the
            // queue's lock carries it to the waiter.
            match self.word.compare_exchange_weak(
                word,
                with_permits(word, left) | KEPT,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(locked.keep(count)),
                Err(changed) => word = changed,
            }
        }
    }

    /// Clears `QUEUED` when nobody is left.
    pub(super) fn settle(&self, locked: &WatchedLocked<'_, Turns>) {
        if locked.is_empty() {
            // Ordering: Relaxed, the list is guarded by the queue's lock; the exchange keeps the release sequence.
            self.word.fetch_and(!QUEUED, Ordering::Relaxed);
        }
    }
}
