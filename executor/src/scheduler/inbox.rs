//! Where a worker is sent tasks by threads that are not it.
//!
//! States: empty (null) and a chain of tasks, the newest first, linked through the tasks' own headers.
//!
//! Senders (any thread): 1. point the task at the head they saw; 2. exchange the head for the task; on failure
//! again from 1; 3. learn whether the inbox was empty: only that sender must think about waking somebody.
//!
//! Takers (the worker, a thief, or whoever sweeps a closed scheduler): exchange the head for null and own the
//! whole chain; turn it round, because senders stacked it.
//!
//! Why it is right: a taker never looks at a task before owning the chain it is on, and the chain is taken
//! whole, so a head that was taken, run, freed and sent again at the same address (ABA) makes a sender's
//! exchange succeed on a head that *is* the current one, and its link is right. Rejected: a bounded ring (a
//! burst must go somewhere) and a lock (a sender that loses its processor would stop all others).

#![allow(unsafe_code, reason = "tasks travel as raw pointers through their own links")]

use crate::task::{Header, Runnable};
use filch_primitive::mutant;
use filch_primitive::sync::atomic::{AtomicPtr, Ordering};
use std::ptr::{self, NonNull};

/// A stack of tasks that many push and one takes whole.
#[derive(Debug)]
pub(super) struct Inbox {
    head: AtomicPtr<Header>,
}

/// Whether a push found the inbox empty.
#[must_use = "who fills an empty inbox must see to it that somebody looks"]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// The first since it was last taken.
    First,
    /// Behind others, whose sender has seen to it.
    Behind,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self { head: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Puts `task` in, from any thread.
    pub(super) fn push(&self, mut task: Runnable) -> Pushed {
        // Ordering: Relaxed, a guess that the exchange checks.
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            task.set_next(NonNull::new(head));
            let raw = task.into_raw();
            // Ordering: Release, paired with the Acquire swap in `take`: the taker sees the task and its link.
            // Relaxed on failure: the head is only compared and stored.
            let success = mutant::ordering("inbox.push.order", Ordering::Release, Ordering::Relaxed);
            match self.head.compare_exchange_weak(head, raw.as_ptr(), success, Ordering::Relaxed) {
                Ok(before) if before.is_null() => return Pushed::First,
                Ok(_) => return Pushed::Behind,
                Err(now) => {
                    head = now;
                    // SAFETY: `raw` came from `into_raw` above and the failed exchange published it to nobody.
                    task = unsafe { Runnable::from_raw(raw) };
                }
            }
        }
    }

    /// Whether there is nothing to take, as far as this thread can see.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        // Ordering: Relaxed, a hint; where it decides about sleeping a SeqCst fence stands before it.
        self.head.load(Ordering::Relaxed).is_null()
    }

    /// Takes everything, the oldest first.
    pub(super) fn take(&self) -> Chain {
        if self.is_empty() {
            return Chain { first: None };
        }
        // Ordering: Acquire, paired with the Release exchanges in `push`; those of older senders are carried
        // along by the release sequence of the newer ones.
        let order = mutant::ordering("inbox.take.order", Ordering::Acquire, Ordering::Relaxed);
        let head = self.head.swap(ptr::null_mut(), order);
        let newest_first = Chain { first: NonNull::new(head) };
        let mut oldest_first = Chain { first: None };
        for mut task in newest_first {
            task.set_next(oldest_first.first);
            oldest_first.first = Some(task.into_raw());
        }
        oldest_first
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        drop(self.take());
    }
}

/// Tasks taken from an inbox, in order. Dropping it drops the tasks that are left, which aborts them.
#[derive(Debug)]
pub(super) struct Chain {
    first: Option<NonNull<Header>>,
}

impl Iterator for Chain {
    type Item = Runnable;

    fn next(&mut self) -> Option<Runnable> {
        let raw = self.first?;
        // SAFETY: every pointer on the chain came from `into_raw`, and the chain, taken whole, owns each once.
        let task = unsafe { Runnable::from_raw(raw) };
        self.first = task.next();
        Some(task)
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

// SAFETY: a chain is the sole owner of its tasks, and a `Runnable` may go to another thread.
unsafe impl Send for Chain {}
